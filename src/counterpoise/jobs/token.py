"""Typed calls to the credit token, and the signatures that stand in for a transaction."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.chain import Account, Chain, Contract, Domain, Receipt, deploy, eip712_digest
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.jobs.token_rules import NAME, VERSION

PERMIT = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
_MOVE = (
    "WithAuthorization(address from,address to,uint256 value,"
    "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
TRANSFER = f"Transfer{_MOVE}"
RECEIVE = f"Receive{_MOVE}"
CANCEL = "CancelAuthorization(address authorizer,bytes32 nonce)"


@dataclass(frozen=True, slots=True)
class Permit:
    """An approval to sign (EIP-2612); good until `deadline` (Unix time, included) and once."""

    owner: Address
    spender: Address
    amount: int
    nonce: int
    deadline: int

    def digest(self, domain: Domain) -> bytes:
        """Give the 32 bytes that the owner signs."""
        values = (self.owner, self.spender, self.amount, self.nonce, self.deadline)
        return eip712_digest(domain, PERMIT, values)


@dataclass(frozen=True, slots=True)
class Payment:
    """A transfer to sign (EIP-3009).

    Parameters
    ----------
    amount :
        In base units.
    valid_after, valid_before :
        Unix times between which it is good, both excluded.
    nonce :
        32 bytes, best random, that the payer uses once.
    by_receiver :
        Whether the receiver alone may bring it. A contract that acts on being paid wants this.
    """

    payer: Address
    receiver: Address
    amount: int
    valid_before: int
    nonce: bytes
    valid_after: int = 0
    by_receiver: bool = False

    def digest(self, domain: Domain) -> bytes:
        """Give the 32 bytes that the payer signs."""
        return eip712_digest(domain, RECEIVE if self.by_receiver else TRANSFER, self.values())

    def values(self) -> tuple[Address, Address, int, int, int, bytes]:
        """Give its members in the order in which they are signed and sent."""
        times = (self.valid_after, self.valid_before)
        return (self.payer, self.receiver, self.amount, *times, self.nonce)


class TokenClient:
    """The credit token at one address.

    Parameters
    ----------
    contract :
        The deployed ``CreditToken``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address

    @classmethod
    def deploy(cls, chain: Chain, account: Account, minter: Address) -> TokenClient:
        """Deploy a token whose minter is fixed for ever; it starts with no supply."""
        return cls(deploy(chain, account, "CreditToken", minter))

    def domain(self) -> Domain:
        """Give the domain in which this token's signatures are good."""
        return Domain(NAME, VERSION, self.contract.chain.chain_id(), self.address)

    def balance(self, owner: Address) -> int:
        """Fetch what an account has, in base units."""
        return int(self.contract.call("balanceOf", owner))

    def supply(self) -> int:
        """Fetch what exists, in base units."""
        return int(self.contract.call("totalSupply"))

    def allowance(self, owner: Address, spender: Address) -> int:
        """Fetch what a spender may still move of an owner's, in base units."""
        return int(self.contract.call("allowance", owner, spender))

    def is_used(self, authorizer: Address, nonce: bytes) -> bool:
        """Tell whether an authorization was brought or canceled."""
        return bool(self.contract.call("authorizationState", authorizer, nonce))

    def transfer(self, sender: Account, receiver: Address, amount: int) -> Receipt:
        """Move tokens of the sender."""
        return self.contract.transact(sender, "transfer", receiver, amount)

    def transfer_from(
        self, spender: Account, owner: Address, receiver: Address, amount: int
    ) -> Receipt:
        """Move an owner's tokens within the spender's allowance."""
        return self.contract.transact(spender, "transferFrom", owner, receiver, amount)

    def approve(self, owner: Account, spender: Address, amount: int) -> Receipt:
        """Set what a spender may move; replaces what was approved before."""
        return self.contract.transact(owner, "approve", spender, amount)

    def mint(self, minter: Account, receiver: Address, amount: int) -> Receipt:
        """Make new tokens, up to the cap."""
        return self.contract.transact(minter, "mint", receiver, amount)

    def burn(self, owner: Account, amount: int) -> Receipt:
        """Destroy tokens of the owner."""
        return self.contract.transact(owner, "burn", amount)

    def burn_from(self, spender: Account, owner: Address, amount: int) -> Receipt:
        """Destroy an owner's tokens within the spender's allowance."""
        return self.contract.transact(spender, "burnFrom", owner, amount)

    def sign_permit(
        self, owner: Account, spender: Address, amount: int, *, deadline: int
    ) -> tuple[Permit, bytes]:
        """Sign an approval with the owner's present nonce; gives it with its 65-byte signature."""
        nonce = int(self.contract.call("nonces", owner.address))
        permit = Permit(owner.address, spender, amount, nonce, deadline)
        return permit, owner.sign_digest(permit.digest(self.domain()))

    def permit(self, sender: Account, permit: Permit, signature: bytes) -> Receipt:
        """Bring a signed approval to the chain; anyone may."""
        values = (permit.owner, permit.spender, permit.amount, permit.deadline)
        return self.contract.transact(sender, "permit", *values, *split(signature))

    def sign_payment(self, payer: Account, payment: Payment) -> bytes:
        """Sign a transfer that another will bring; gives the 65-byte signature.

        Raises
        ------
        InputError :
            The payment names another payer.
        """
        if payment.payer != payer.address:
            raise InputError(
                f"the payment is by 0x{payment.payer.hex()}, the key is of {payer!r}",
                hint="sign with the payer's own key",
            )
        return payer.sign_digest(payment.digest(self.domain()))

    def pay(self, sender: Account, payment: Payment, signature: bytes) -> Receipt:
        """Bring a signed transfer to the chain; anyone may, or the receiver alone."""
        name = "receive" if payment.by_receiver else "transfer"
        call = f"{name}WithAuthorization"
        return self.contract.transact(sender, call, *payment.values(), *split(signature))

    def sign_cancel(self, authorizer: Account, nonce: bytes) -> bytes:
        """Sign away a nonce, so that an authorization with it is never good again."""
        values = (authorizer.address, nonce)
        return authorizer.sign_digest(eip712_digest(self.domain(), CANCEL, values))

    def cancel(
        self, sender: Account, authorizer: Address, nonce: bytes, signature: bytes
    ) -> Receipt:
        """Bring a signed cancellation to the chain; anyone may."""
        values = (authorizer, nonce)
        return self.contract.transact(sender, "cancelAuthorization", *values, *split(signature))


def split(signature: bytes) -> tuple[int, bytes, bytes]:
    """Split a signature of 65 bytes into v, r and s, as the contracts take them.

    Raises
    ------
    InputError :
        It has another length.
    """
    if len(signature) != 65:
        raise InputError(f"a signature has 65 bytes, this one has {len(signature)}")
    return signature[64], signature[:32], signature[32:64]
