# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Packed answers
@license Apache-2.0
@notice Keeps an answer in one word: up to 31 bytes with their count in the last byte, or the hash of a longer one whose
     bytes are kept once, whoever gives it.
@dev A module of evaluators. Such a word is never zero; two answers are equal if and only if their words are.
@custom:trust Nobody: it stores what the contract that uses it gives.
@custom:stop There is nothing to stop.
"""

SHORT: constant(uint256) = 31

_long: HashMap[bytes32, Bytes[66]]


@internal
def _pack(answer: Bytes[66]) -> bytes32:
    size: uint256 = len(answer)
    if size <= SHORT:
        padded: uint256 = convert(slice(concat(answer, empty(bytes32)), 0, 32), uint256)
        return convert(padded | size, bytes32)
    hash: bytes32 = keccak256(answer)
    self._long[hash] = answer
    return hash


@view
@internal
def _unpack(word: bytes32) -> Bytes[66]:
    size: uint256 = convert(word, uint256) & 255
    if size <= SHORT and len(self._long[word]) == 0:
        return slice(word, 0, size)
    return self._long[word]
