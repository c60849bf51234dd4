# pragma version ~=0.4.3
"""
@title A contract that trades for its owner: with what it holds, and with what it borrows
@license Apache-2.0
@notice Its plans are those that the tests need: to buy, to sell, to use two markets, to move a price and borrow on it.
@custom:trust Its owner, with everything.
@custom:stop Nobody.
"""

from ethereum.ercs import IERC20


interface Market:
    def swap(token: address, amount: uint256, receiver: address) -> uint256: nonpayable


interface Desk:
    def borrow(pledge: uint256) -> uint256: nonpayable


interface Giver:
    def reward(amount: uint256): nonpayable


interface Lender:
    def flashLoan(receiver: address, token: address, amount: uint256, given: Bytes[64]): nonpayable


FIRST: immutable(address)
SECOND: immutable(address)
DESK: immutable(address)
COIN: immutable(address)
TOKEN: immutable(address)
plan: uint256


@deploy
def __init__(first: address, second: address, desk: address, coin: address, token: address):
    FIRST = first
    SECOND = second
    DESK = desk
    COIN = coin
    TOKEN = token


@external
def trade(token: address, amount: uint256, receiver: address) -> uint256:
    """Trade what this contract holds."""
    return self._swap(FIRST, token, amount, receiver)


@external
def relay(token: address, amount: uint256) -> uint256:
    """Trade what the caller holds, as a router does."""
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount), "trader: nothing given"
    return self._swap(FIRST, token, amount, msg.sender)


@external
def act(plan: uint256, lender: address, amount: uint256):
    """Carry out a plan, with a loan if there is a lender."""
    self.plan = plan
    if lender != empty(address):
        extcall Lender(lender).flashLoan(self, COIN, amount, b"")
    else:
        self._carry_out(amount)
    assert extcall IERC20(COIN).transfer(msg.sender, staticcall IERC20(COIN).balanceOf(self)), "trader: nothing kept"


@external
def onFlashLoan(initiator: address, token: address, amount: uint256, fee: uint256, given: Bytes[64]) -> bytes32:
    self._carry_out(amount)
    assert extcall IERC20(token).transfer(msg.sender, amount + fee), "trader: no way back"
    return empty(bytes32)


@internal
def _carry_out(amount: uint256):
    bought: uint256 = 0
    if self.plan == 1:
        # Buy where it is cheap, sell where it is dear.
        bought = self._swap(FIRST, COIN, amount, self)
        self._swap(SECOND, TOKEN, bought, self)
    elif self.plan == 2:
        # Buy until the price is high, borrow on it, sell the rest back.
        bought = self._swap(FIRST, COIN, amount, self)
        pledge: uint256 = bought // 8
        extcall IERC20(TOKEN).approve(DESK, pledge)
        extcall Desk(DESK).borrow(pledge)
        self._swap(FIRST, TOKEN, bought - pledge, self)
    elif self.plan == 3:
        # The same, and the price is left where it is.
        bought = self._swap(FIRST, COIN, amount, self)
        extcall IERC20(TOKEN).approve(DESK, bought)
        extcall Desk(DESK).borrow(bought)

    elif self.plan == 4:
        # Arbitrage the other way.
        bought = self._swap(SECOND, COIN, amount, self)
        self._swap(FIRST, TOKEN, bought, self)
    elif self.plan == 5:
        # Sell what is given as a reward.
        extcall Giver(DESK).reward(amount)
        self._swap(FIRST, TOKEN, amount, self)
    elif self.plan == 6:
        # Buy dear, and pay for it oneself.
        self._swap(FIRST, COIN, amount, self)


@internal
def _swap(market: address, token: address, amount: uint256, receiver: address) -> uint256:
    extcall IERC20(token).approve(market, amount)
    return extcall Market(market).swap(token, amount, receiver)
