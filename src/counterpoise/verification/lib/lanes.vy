# pragma version ~=0.4.3
"""
@title Sums of products of bytes, eight at a time
@license Apache-2.0
@notice A word of 32 bytes splits into four words of eight 32-bit lanes. If one factor has its eight groups of four bytes
    in reverse order, the top lane of the product of two such words is a sum of eight products of bytes.
@dev Nothing carries: over 64 words a lane holds at most 64 * 4 * 8 * 255 * 255 < 2**32. So products are added whole, and
    the top lane is read once, at the end.
"""

LANES: constant(uint256) = 6874786401724074090536375359574284372422408885825600641753357966377215  # 0x000000ff each
ONES: constant(uint256) = 26959946673427741531515197488526605382048662297355296634326893985793  # 0x00000001 each
QUARTERS: constant(uint256) = 6277101735386680763495507056286727952657427581105975853055  # the low half of each half
EIGHTHS: constant(uint256) = 26959946660873538060741835960174461801791452538186943042387869433855  # of each quarter


@internal
@pure
def _reversed(word: uint256) -> uint256:
    """
    @notice Give a word with its eight groups of four bytes in reverse order.
    """
    turned: uint256 = (word << 128) | (word >> 128)
    turned = ((turned & QUARTERS) << 64) | ((turned >> 64) & QUARTERS)
    return ((turned & EIGHTHS) << 32) | ((turned >> 32) & EIGHTHS)


@internal
@pure
def _product(weights: uint256, values: uint256) -> uint256:
    """
    @notice Give a word whose top lane is the sum of the 32 products; its other lanes are of no use.
    @param weights In reverse order of groups.
    """
    total: uint256 = unsafe_mul(weights & LANES, values & LANES)
    total = unsafe_add(total, unsafe_mul((weights >> 8) & LANES, (values >> 8) & LANES))
    total = unsafe_add(total, unsafe_mul((weights >> 16) & LANES, (values >> 16) & LANES))
    return unsafe_add(total, unsafe_mul((weights >> 24) & LANES, (values >> 24) & LANES))


@internal
@pure
def _lanes_of(values: uint256) -> uint256:
    """
    @notice Give eight lanes, each the sum of the four bytes of a group.
    """
    return (values & LANES) + ((values >> 8) & LANES) + ((values >> 16) & LANES) + ((values >> 24) & LANES)


@internal
@pure
def _sum_of(lanes: uint256) -> uint256:
    """
    @notice Give the sum of eight lanes, if it is below 2**32.
    """
    return unsafe_mul(lanes, ONES) >> 224
