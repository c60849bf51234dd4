# pragma version ~=0.4.3
# pragma evm-version cancun
# slither-disable-start all flawed on purpose: the price that the monitor must see moved
# pragma nonreentrancy on
"""
@title Pawnshop
@license Apache-2.0
@notice Pays half of what a bazaar would, at this very moment, for a pledge of its first token. Flawed on purpose: whoever
     trades in the same transaction makes the price.
@custom:trust Nobody redeems here: a pledge is a sale at half the price. Deploy it nowhere else.
@custom:stop It stops when it has nothing left to pay with.
"""

from ethereum.ercs import IERC20

interface Bazaar:
    def FIRST() -> address: view
    def SECOND() -> address: view

BAZAAR: immutable(address)
FIRST: immutable(IERC20)
SECOND: immutable(IERC20)


@deploy
def __init__(bazaar: address):
    BAZAAR = bazaar
    FIRST = IERC20(staticcall Bazaar(bazaar).FIRST())
    SECOND = IERC20(staticcall Bazaar(bazaar).SECOND())


@external
def pawn(amount: uint256) -> uint256:
    """
    @notice Pledge an amount of the first token.
    @return What was paid, in the second.
    """
    # The flaw: the price is that of this moment.
    held: uint256 = staticcall FIRST.balanceOf(BAZAAR)
    stock: uint256 = staticcall SECOND.balanceOf(BAZAAR)
    paid: uint256 = amount * stock // held // 2
    assert extcall FIRST.transferFrom(msg.sender, self, amount, default_return_value=True), "pawnshop: no pledge"
    assert extcall SECOND.transfer(msg.sender, paid, default_return_value=True), "pawnshop: not paid out"
    return paid
