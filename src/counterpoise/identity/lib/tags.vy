# pragma version ~=0.4.3
"""
@title Tags as numbers
@license Apache-2.0
@notice Keeps each text once, under a number from 1; the empty text is 0.
"""

MAX_TAG: constant(uint256) = 64
MASK: constant(uint256) = 2**32 - 1

_count: uint256
_numbers: HashMap[bytes32, uint256]
_texts: HashMap[uint256, String[MAX_TAG]]


@internal
def _number_of(tag: String[MAX_TAG]) -> uint256:
    """
    @notice Give a tag's number, of 32 bits; a new tag is kept under the next one.
    """
    if len(tag) == 0:
        return 0
    digest: bytes32 = keccak256(tag)
    number: uint256 = self._numbers[digest]
    if number == 0:
        number = self._count + 1
        assert number <= MASK, "tags: there are 2**32 of them"
        self._count = number
        self._numbers[digest] = number
        self._texts[number] = tag
    return number


@internal
@view
def _text(number: uint256) -> String[MAX_TAG]:
    """
    @notice Give the tag with a number.
    """
    return self._texts[number & MASK]


@internal
@view
def _wanted(tag: String[MAX_TAG]) -> (bool, uint256):
    """
    @notice Whether anything can bear a tag, and its number; an empty tag is 0 and stands for any.
    """
    number: uint256 = self._numbers[keccak256(tag)]
    return len(tag) == 0 or number != 0, number
