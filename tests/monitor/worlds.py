"""Blocks made for tests: a seeded chain of transfers, and forks of it."""

import numpy as np

from counterpoise.core.digest import keccak
from counterpoise.monitor.blocks import NATIVE, Block, Entry, Transaction
from counterpoise.monitor.blocks import TRANSFER as TOPIC

COIN = b"\x0c" * 20
SCALES = {NATIVE: 1, COIN: 10}
GENESIS = bytes(32)


def account(number):
    return keccak(b"account %d" % number)[:20]


def word(address):
    return bytes(12) + address


def token_transfer(index, token, src, dst, amount):
    return Entry(index, token, (TOPIC, word(src), word(dst)), amount.to_bytes(32, "big"))


def block(parent, number, transfers, *, salt=b"", time=None):
    """A block of transfers: (src, dst, amount, token or None for the coin)."""
    name = keccak(parent + number.to_bytes(8, "big") + salt + repr(transfers).encode())
    made = []
    for index, (src, dst, amount, token) in enumerate(transfers):
        coin = token is None
        moved = token_transfer(index, token or COIN, account(src), account(dst), amount)
        made.append(
            Transaction(
                hash=keccak(name + index.to_bytes(3, "big")),
                index=index,
                sender=account(src),
                to=account(dst) if coin else token,
                value=amount if coin else 0,
                given=b"",
                succeeded=True,
                entries=() if coin else (moved,),
            )
        )
    return Block(number, name, parent, 1000 + 12 * number if time is None else time, tuple(made))


def branch(seed, length, parent=GENESIS, number=0, accounts=8):
    """A chain of random blocks on a parent."""
    draw, blocks = np.random.default_rng(seed), []
    for at in range(number, number + length):
        rows = [
            (
                int(draw.integers(accounts)),
                int(draw.integers(accounts)),
                int(draw.choice([0, 95, 100, 1000, 1050, 7])),
                [None, COIN, b"\x0d" * 20][int(draw.integers(3))],
            )
            for _ in range(int(draw.integers(0, 6)))
        ]
        blocks.append(block(parent, at, rows, salt=bytes([seed % 256])))
        parent = blocks[-1].hash
    return blocks
