# pragma version ~=0.4.3
"""
@title The course of a case in one word
@license Apache-2.0
@notice Window (32 bits), defence (32), arbitration (32), patience (32), since (40), stage (8), latest (40). `since` is when
    the stage was reached, `latest` the last second in which work is taken; the first four are seconds.
"""

from counterpoise.market import IAcceptance

LEAST_SECONDS: constant(uint256) = 600  # of each window, so that nobody is outrun by a few blocks
TIME_MASK: constant(uint256) = 2**40 - 1
SPAN_MASK: constant(uint256) = 2**32 - 1
SINCE_AT: constant(uint256) = 128
STAGE_AT: constant(uint256) = 168
LATEST_AT: constant(uint256) = 176


@pure
@internal
def _seconds(terms: IAcceptance.Terms) -> uint256:
    """
    @notice All windows together, each within its bounds.
    """
    total: uint256 = 0
    for span: uint256 in [terms.window, terms.defence, terms.arbitration, terms.patience]:
        assert LEAST_SECONDS <= span and span <= SPAN_MASK, "acceptance: window out of range"
        total += span
    return total


@view
@internal
def _packed(terms: IAcceptance.Terms, expiry: uint256) -> uint256:
    """
    @notice A word of these windows, for a job that expires then.
    """
    total: uint256 = self._seconds(terms)
    assert block.timestamp + total < expiry, "acceptance: the job expires too soon"
    latest: uint256 = min(expiry - total, TIME_MASK)
    # slither-disable-next-line unsafe-math four windows of at most 32 bits each, as `_seconds` has checked
    return terms.window | (terms.defence << 32) | (terms.arbitration << 64) | (terms.patience << 96) | (latest << LATEST_AT)


@view
@internal
def _at(word: uint256, stage: uint256) -> uint256:
    """
    @notice The word with a new stage, reached now.
    """
    kept: uint256 = word & ~((TIME_MASK << SINCE_AT) | (255 << STAGE_AT))
    return kept | (block.timestamp << SINCE_AT) | (stage << STAGE_AT)


@pure
@internal
def _stage(word: uint256) -> uint256:
    return (word >> STAGE_AT) & 255


@pure
@internal
def _since(word: uint256) -> uint256:
    return (word >> SINCE_AT) & TIME_MASK


@pure
@internal
def _latest(word: uint256) -> uint256:
    return (word >> LATEST_AT) & TIME_MASK


@pure
@internal
def _window(word: uint256) -> uint256:
    return word & SPAN_MASK


@pure
@internal
def _defence(word: uint256) -> uint256:
    return (word >> 32) & SPAN_MASK


@pure
@internal
def _arbitration(word: uint256) -> uint256:
    return (word >> 64) & SPAN_MASK


@pure
@internal
def _patience(word: uint256) -> uint256:
    return (word >> 96) & SPAN_MASK
