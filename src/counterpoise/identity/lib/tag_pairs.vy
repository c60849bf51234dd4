# pragma version ~=0.4.3
"""
@title Pairs of tags as numbers
@license Apache-2.0
@notice Keeps each pair of texts once, under a number from 1; two empty texts are 0. So a rating with tags that
    were used before reads one word for both.
"""

MAX_TAG: constant(uint256) = 64
MASK: constant(uint256) = 2**32 - 1

_count: uint256
_numbers: HashMap[bytes32, uint256]
_firsts: HashMap[uint256, String[MAX_TAG]]
_seconds: HashMap[uint256, String[MAX_TAG]]


@internal
@pure
def _digest(first: String[MAX_TAG], second: String[MAX_TAG]) -> bytes32:
    """
    @notice What names a pair; zero for two empty texts.
    """
    if len(first) == 0 and len(second) == 0:
        return empty(bytes32)
    return keccak256(concat(keccak256(first), keccak256(second)))


@internal
def _number_of(pair: bytes32, first: String[MAX_TAG], second: String[MAX_TAG]) -> uint256:
    """
    @notice Give the number, of 32 bits, of a pair with this digest; a new pair is kept under the next one.
    """
    if pair == empty(bytes32):
        return 0
    number: uint256 = self._numbers[pair]
    if number == 0:
        number = self._count + 1
        assert number <= MASK, "tags: there are 2**32 pairs"
        self._count = number
        self._numbers[pair] = number
        self._firsts[number] = first
        self._seconds[number] = second
    return number


@internal
@view
def _texts(number: uint256) -> (String[MAX_TAG], String[MAX_TAG]):
    """
    @notice Give the pair with a number.
    """
    return self._firsts[number & MASK], self._seconds[number & MASK]


@internal
@view
def _passes(number: uint256, first: String[MAX_TAG], second: String[MAX_TAG]) -> bool:
    """
    @notice Whether a pair has the wanted texts; an empty one stands for any.
    """
    if len(first) > 0 and self._firsts[number & MASK] != first:
        return False
    return len(second) == 0 or self._seconds[number & MASK] == second
