"""Gas money and test tokens on a local chain, for whoever has a development key.

The faucet is the first development account, whose key everybody knows. It signs a payment and
the receiver brings it to the chain, so that several processes may draw at once.
"""

import secrets

from counterpoise.chain import Account, Workbench, dev_account
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN, format_tokens, to_checksum
from counterpoise.jobs import Payment, TokenClient
from counterpoise.network.folder import Network

STOCK = 1_000_000 * TOKEN
GAS_MONEY = 10**19
FOR_EVER = 2**40


def fill_faucet(network: Network, minter: Account) -> None:
    """Mint the faucet's stock on a local chain; do nothing on another."""
    if isinstance(network.chain, Workbench):
        token = TokenClient(network.contract("CreditToken"))
        missing = STOCK - token.balance(dev_account(0).address)
        if missing > 0:
            token.mint(minter, dev_account(0).address, missing)


def draw_from_faucet(network: Network, account: Account, amount: int) -> None:
    """Give a development key gas money, and tokens up to `amount` base units, where it lacks them.

    Raises
    ------
    InputError :
        The faucet of this network is empty, or was never filled.
    """
    chain, token = network.chain, TokenClient(network.contract("CreditToken"))
    if not account.is_local or not isinstance(chain, Workbench):
        return
    if chain.balance(account.address) < GAS_MONEY // 2:
        chain.fund(account.address, GAS_MONEY)
    faucet = dev_account(0)
    missing = amount - token.balance(account.address)
    if missing <= 0:
        return
    left = token.balance(faucet.address)
    if left < missing:
        raise InputError(
            f"{to_checksum(account.address)} lacks {format_tokens(missing)} tokens and the faucet "
            f"has {format_tokens(left)}",
            hint="networks made by `counterpoise federation init` have a filled faucet",
        )
    nonce = secrets.token_bytes(32)
    payment = Payment(faucet.address, account.address, missing, FOR_EVER, nonce)
    token.pay(account, payment, token.sign_payment(faucet, payment))
