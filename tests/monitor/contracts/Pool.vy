# pragma version ~=0.4.3
"""
@title A market of two tokens, the product of whose reserves never falls
@license Apache-2.0
@notice Swaps for a fee of .3 %; whoever adds both tokens has a share of both.
@custom:trust Nobody.
@custom:stop Nobody.
"""

from ethereum.ercs import IERC20

A: public(immutable(address))
B: public(immutable(address))
reserves: public(HashMap[address, uint256])
shares: public(HashMap[address, uint256])
total: public(uint256)


@deploy
def __init__(a: address, b: address):
    A = a
    B = b


@external
def add(amount_a: uint256, amount_b: uint256):
    minted: uint256 = isqrt(amount_a * amount_b)
    if self.total > 0:
        minted = min(amount_a * self.total // self.reserves[A], amount_b * self.total // self.reserves[B])
    self._take(A, amount_a)
    self._take(B, amount_b)
    self.shares[msg.sender] += minted
    self.total += minted


@external
def remove(shares: uint256):
    self.shares[msg.sender] -= shares
    for token: address in [A, B]:
        amount: uint256 = self.reserves[token] * shares // self.total
        self.reserves[token] -= amount
        assert extcall IERC20(token).transfer(msg.sender, amount), "pool: no transfer out"
    self.total -= shares


@external
def swap(token: address, amount: uint256, receiver: address) -> uint256:
    other: address = A if token == B else B
    given: uint256 = amount * 997
    out: uint256 = given * self.reserves[other] // (self.reserves[token] * 1000 + given)
    self._take(token, amount)
    self.reserves[other] -= out
    assert extcall IERC20(other).transfer(receiver, out), "pool: no transfer"
    return out


@view
@external
def quote(token: address, amount: uint256) -> uint256:
    """What an amount of one token is worth in the other at the present reserves."""
    other: address = A if token == B else B
    return amount * self.reserves[other] // self.reserves[token]


@internal
def _take(token: address, amount: uint256):
    self.reserves[token] += amount
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount), "pool: no transfer in"
