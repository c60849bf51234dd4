# pragma version ~=0.4.3
# pragma evm-version cancun
# slither-disable-start all part of a stage: it pays whoever trades, at its own price
# pragma nonreentrancy on
"""
@title Bazaar
@license Apache-2.0
@notice Swaps two tokens at the price that their amounts here make, for three parts in a thousand, and lends either for the
     time of a call.
@custom:trust Nobody. Whoever trades without a least amount takes the price that others leave.
@custom:stop Nobody can stop it.
"""

from ethereum.ercs import IERC20

interface Borrower:
    def on_loan(token: address, amount: uint256): nonpayable

FIRST: public(immutable(address))
SECOND: public(immutable(address))


@deploy
def __init__(first: address, second: address):
    FIRST = first
    SECOND = second


@external
def swap(sold: address, amount: uint256, least: uint256) -> uint256:
    """
    @notice Sell an amount of one token for the other.
    @return What was bought, at least `least`.
    """
    bought: address = self._other(sold)
    kept: uint256 = amount * 997
    held: uint256 = staticcall IERC20(sold).balanceOf(self)
    stock: uint256 = staticcall IERC20(bought).balanceOf(self)
    got: uint256 = kept * stock // (held * 1000 + kept)
    assert got >= least, "bazaar: less than wanted"
    assert extcall IERC20(sold).transferFrom(msg.sender, self, amount, default_return_value=True), "bazaar: not paid"
    assert extcall IERC20(bought).transfer(msg.sender, got, default_return_value=True), "bazaar: not given"
    return got


@external
def lend(token: address, amount: uint256):
    """
    @notice Lend an amount to the caller, who has it back here when `on_loan` returns.
    """
    assert token in [FIRST, SECOND], "bazaar: no such token to lend"
    held: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).transfer(msg.sender, amount, default_return_value=True), "bazaar: not lent"
    extcall Borrower(msg.sender).on_loan(token, amount)
    assert staticcall IERC20(token).balanceOf(self) >= held, "bazaar: not paid back"


@view
@internal
def _other(token: address) -> address:
    assert token in [FIRST, SECOND], "bazaar: no such token"
    return SECOND if token == FIRST else FIRST
