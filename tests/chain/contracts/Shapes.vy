# pragma version ~=0.4.3
"""
@title A contract with every shape of argument, for tests
@license Apache-2.0
@notice Gives back what it is given.
@custom:trust Nobody; it holds nothing.
@custom:stop It has nothing to stop.
"""

struct Place:
    account: address
    amount: uint256

event Shaped:
    flag: indexed(bool)
    name: indexed(String[64])
    small: int8
    digest: bytes32
    blob: Bytes[64]
    places: DynArray[Place, 4]


@external
@view
def echo(
    small: int8,
    flag: bool,
    digest: bytes32,
    short: bytes4,
    blob: Bytes[64],
    name: String[64],
    places: DynArray[Place, 4],
    pair: uint256[2],
) -> (int8, bool, bytes32, bytes4, Bytes[64], String[64], DynArray[Place, 4], uint256[2]):
    return small, flag, digest, short, blob, name, places, pair


@external
def shape(flag: bool, name: String[64], small: int8, blob: Bytes[64], places: DynArray[Place, 4]):
    log Shaped(
        flag=flag, name=name, small=small, digest=keccak256(blob), blob=blob, places=places
    )


@external
def say(words: String[64]):
    assert False, words


@external
def overflow(by: uint256) -> uint256:
    return max_value(uint256) + by


@external
def burn() -> uint256:
    total: uint256 = 0
    for i: uint256 in range(1000000):
        total += i
    return total


@external
@view
def seen() -> (uint256, uint256, address):
    return block.timestamp, block.number, msg.sender


@external
@payable
def pay() -> uint256:
    return msg.value
