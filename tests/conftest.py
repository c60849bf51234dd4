"""Fixtures that every room's tests share: chains, accounts, contracts."""

import signal

import pytest

from counterpoise.chain import Account, dev_account, open_chain
from counterpoise.chain.anvil import find_anvil

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A runner in the background ignores Ctrl-C, and every child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def chain():
    """A fresh embedded chain in memory whose clock stands still."""
    opened = open_chain("embedded:", clock=lambda: 1_700_000_000)
    yield opened
    opened.close()


@pytest.fixture
def accounts() -> list[Account]:
    """Ten development accounts, funded on every local chain."""
    return [dev_account(index) for index in range(10)]


@pytest.fixture(params=["embedded", "anvil"])
def backend(request, tmp_path):
    """Each local back end in turn, with the ten development accounts funded."""
    if request.param == "anvil" and find_anvil() is None:
        pytest.skip("needs anvil (make anvil)")
    opened = open_chain(f"{request.param}:", folder=tmp_path / request.param)
    yield opened
    opened.close()
