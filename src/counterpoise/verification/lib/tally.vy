# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Tally: which revealed answer wins
@license Apache-2.0
@notice An answer is a word: up to 31 bytes with their count in the last byte, or the hash of a longer one. With equal
     integers honest members reveal equal words, so the word with most stake wins and a tie wins nothing. Where answers
     are single values that honest members may compute a little differently, the stake's lower median wins.
@dev A module of `Quorum`, without state.
@custom:trust Nobody: it computes.
@custom:stop There is nothing to stop.
"""

SEATS: constant(uint256) = 13
SIGN: constant(uint256) = 1 << 47


@pure
@internal
def _most(words: bytes32[SEATS], weights: uint256[SEATS]) -> bytes32:
    """
    @notice The word with most stake; zero when two have the same. Words of zero did not reveal.
    """
    winner: bytes32 = empty(bytes32)
    most: uint256 = 0
    for i: uint256 in range(SEATS):
        weight: uint256 = 0
        for j: uint256 in range(SEATS):
            if words[j] == words[i]:
                weight += weights[j]
        if words[i] == empty(bytes32) or words[i] == winner:
            continue
        if weight > most:
            winner = words[i]
            most = weight
        elif weight == most:
            winner = empty(bytes32)
    return winner


@pure
@internal
def _median(words: bytes32[SEATS], weights: uint256[SEATS]) -> bytes32:
    """
    @notice The least value such that half of the stake revealed it or a lesser one.
    """
    sum: uint256 = 0
    for weight: uint256 in weights:
        sum += weight
    for i: uint256 in range(SEATS):
        below: uint256 = 0
        upto: uint256 = 0
        for j: uint256 in range(SEATS):
            if self._order(words[j]) < self._order(words[i]):
                below += weights[j]
            if self._order(words[j]) <= self._order(words[i]):
                upto += weights[j]
        if weights[i] != 0 and 2 * below < sum and sum <= 2 * upto:
            return words[i]
    return empty(bytes32)


@pure
@internal
def _distance(left: bytes32, right: bytes32) -> uint256:
    """
    @notice How far apart the logits of two answers of one value are.
    """
    a: uint256 = self._order(left) >> 16
    b: uint256 = self._order(right) >> 16
    return max(a, b) - min(a, b)


@pure
@internal
def _order(word: bytes32) -> uint256:
    """
    @dev The logit, shifted to be no less than zero, then the decision.
    """
    return (convert(word, uint256) >> 208) ^ SIGN
