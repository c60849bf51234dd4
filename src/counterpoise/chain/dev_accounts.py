"""The development accounts that every local chain of ours funds; their keys are no secret."""

from counterpoise.chain.account import Account

DEV_ACCOUNTS = 10
DEV_BALANCE = 10_000 * 10**18


def dev_account(index: int) -> Account:
    """Give one of the development accounts, from 0 to `DEV_ACCOUNTS - 1`."""
    return Account.local(b"dev %d" % index)


def dev_balances() -> dict[bytes, int]:
    """Give what each development account owns on a fresh chain, in wei."""
    return {dev_account(index).address: DEV_BALANCE for index in range(DEV_ACCOUNTS)}
