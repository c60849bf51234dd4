"""The rules of the credit token, which ``CreditToken.vy`` agrees with for every input.

A ledger is a value; each step gives the next one, or `Reverted` with the contract's own reason.
Callers, times and the account that a signature belongs to come in as arguments.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN, Address

NAME = "Counterpoise Credit"
VERSION = "1"
CAP = 10**9 * TOKEN
"""The most base units that ever exist at once."""
ENDLESS = 2**256 - 1
"""The allowance that is not used up."""
_ZERO = bytes(20)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Who has what, who may move what, and which signatures are used up.

    Parameters
    ----------
    minter :
        Who may mint.
    balances :
        Base units of each account; accounts without any may be absent.
    allowances :
        Base units that (owner, spender) may still move.
    nonces :
        How many permits of each owner were used.
    used :
        The (authorizer, nonce) pairs of authorizations that were used or canceled.
    """

    minter: Address
    balances: Mapping[Address, int] = field(default_factory=dict)
    allowances: Mapping[tuple[Address, Address], int] = field(default_factory=dict)
    nonces: Mapping[Address, int] = field(default_factory=dict)
    used: frozenset[tuple[Address, bytes]] = frozenset()

    @property
    def supply(self) -> int:
        """What exists: the sum of all balances."""
        return sum(self.balances.values())

    def balance(self, owner: Address) -> int:
        """Give what an account has."""
        return self.balances.get(owner, 0)

    def allowance(self, owner: Address, spender: Address) -> int:
        """Give what a spender may still move of an owner's."""
        return self.allowances.get((owner, spender), 0)


def _refuse(call: str, reason: str) -> NoReturn:
    raise Reverted(f"CreditToken.{call}", f"token: {reason}")


def transfer(
    ledger: Ledger, sender: Address, receiver: Address, amount: int, *, call: str = "transfer"
) -> Ledger:
    """Move tokens; to oneself, or none at all, is a transfer too."""
    if receiver == _ZERO:
        _refuse(call, "transfer to the zero address")
    if ledger.balance(sender) < amount:
        _refuse(call, "transfer amount exceeds balance")
    balances = {**ledger.balances, sender: ledger.balance(sender) - amount}
    balances[receiver] = balances.get(receiver, 0) + amount
    return replace(ledger, balances=balances)


def approve(
    ledger: Ledger, owner: Address, spender: Address, amount: int, *, call: str = "approve"
) -> Ledger:
    """Set what a spender may move, whatever it might before."""
    if spender == _ZERO:
        _refuse(call, "approve to the zero address")
    return replace(ledger, allowances={**ledger.allowances, (owner, spender): amount})


def transfer_from(
    ledger: Ledger, caller: Address, owner: Address, receiver: Address, amount: int
) -> Ledger:
    """Move an owner's tokens within the caller's allowance."""
    spent = _spend(ledger, caller, owner, amount, "transferFrom")
    return transfer(spent, owner, receiver, amount, call="transferFrom")


def mint(ledger: Ledger, caller: Address, receiver: Address, amount: int) -> Ledger:
    """Make new tokens, up to the cap."""
    if caller != ledger.minter:
        _refuse("mint", "only the minter mints")
    if receiver == _ZERO:
        _refuse("mint", "mint to the zero address")
    if amount > CAP - ledger.supply:
        _refuse("mint", "mint exceeds the cap")
    balances = {**ledger.balances, receiver: ledger.balance(receiver) + amount}
    return replace(ledger, balances=balances)


def burn(ledger: Ledger, owner: Address, amount: int, *, call: str = "burn") -> Ledger:
    """Destroy an account's own tokens."""
    if ledger.balance(owner) < amount:
        _refuse(call, "burn amount exceeds balance")
    return replace(ledger, balances={**ledger.balances, owner: ledger.balance(owner) - amount})


def burn_from(ledger: Ledger, caller: Address, owner: Address, amount: int) -> Ledger:
    """Destroy an owner's tokens within the caller's allowance."""
    return burn(_spend(ledger, caller, owner, amount, "burnFrom"), owner, amount, call="burnFrom")


def permit(
    ledger: Ledger,
    owner: Address,
    spender: Address,
    amount: int,
    *,
    deadline: int,
    signer: Address | None,
    now: int,
) -> Ledger:
    """Approve by signature.

    Parameters
    ----------
    signer :
        Who signed exactly this permit with the owner's present nonce; None if nobody did.
    """
    if now > deadline:
        _refuse("permit", "permit is expired")
    if signer is None or signer != owner:
        _refuse("permit", "invalid signature")
    nonces = {**ledger.nonces, owner: ledger.nonces.get(owner, 0) + 1}
    return approve(replace(ledger, nonces=nonces), owner, spender, amount, call="permit")


def move_signed(
    ledger: Ledger,
    payer: Address,
    receiver: Address,
    amount: int,
    *,
    valid_after: int,
    valid_before: int,
    nonce: bytes,
    signer: Address | None,
    now: int,
    by_receiver: Address | None = None,
) -> Ledger:
    """Move tokens by an authorization of the payer.

    Parameters
    ----------
    by_receiver :
        The caller, where the authorization is one that the receiver alone may bring.
    """
    call = "transferWithAuthorization" if by_receiver is None else "receiveWithAuthorization"
    if by_receiver not in (None, receiver):
        _refuse(call, "caller must be the payee")
    if now <= valid_after:
        _refuse(call, "authorization is not yet valid")
    if now >= valid_before:
        _refuse(call, "authorization is expired")
    spent = _use(ledger, payer, nonce, signer, call)
    return transfer(spent, payer, receiver, amount, call=call)


def cancel(ledger: Ledger, authorizer: Address, nonce: bytes, *, signer: Address | None) -> Ledger:
    """Use up the nonce of an authorization that was not brought."""
    return _use(ledger, authorizer, nonce, signer, "cancelAuthorization")


def _use(
    ledger: Ledger, authorizer: Address, nonce: bytes, signer: Address | None, call: str
) -> Ledger:
    if signer is None or signer != authorizer:
        _refuse(call, "invalid signature")
    if (authorizer, nonce) in ledger.used:
        _refuse(call, "authorization is used or canceled")
    return replace(ledger, used=ledger.used | {(authorizer, nonce)})


def _spend(ledger: Ledger, caller: Address, owner: Address, amount: int, call: str) -> Ledger:
    allowed = ledger.allowance(owner, caller)
    if owner == _ZERO:
        _refuse(call, "transfer from the zero address")
    if allowed == ENDLESS:
        return ledger
    if allowed < amount:
        _refuse(call, "insufficient allowance")
    return replace(ledger, allowances={**ledger.allowances, (owner, caller): allowed - amount})
