# pragma version ~=0.4.3
"""
@title Lends coins against tokens, at four fifths of their price at the market of the moment
@license Apache-2.0
@notice The price is the pool's present one, which is the flaw that the tests use.
@custom:trust The pool.
@custom:stop Nobody.
"""

from ethereum.ercs import IERC20


interface Market:
    def quote(token: address, amount: uint256) -> uint256: view


COIN: immutable(address)
TOKEN: immutable(address)
MARKET: immutable(address)


@deploy
def __init__(coin: address, token: address, market: address):
    COIN = coin
    TOKEN = token
    MARKET = market


@external
def borrow(pledge: uint256) -> uint256:
    worth: uint256 = staticcall Market(MARKET).quote(TOKEN, pledge)
    assert extcall IERC20(TOKEN).transferFrom(msg.sender, self, pledge), "desk: no pledge"
    assert extcall IERC20(COIN).transfer(msg.sender, worth * 4 // 5), "desk: no coins"
    return worth * 4 // 5


@external
def reward(amount: uint256):
    """Gives tokens to whoever asks, as a staking contract gives what was earned."""
    assert extcall IERC20(TOKEN).transfer(msg.sender, amount), "desk: no reward"
