# pragma version ~=0.4.3
"""
@title A bonded proposal in one word
@license Apache-2.0
@notice provider (160 bits), proposed (36), last demanded or settled (36), leaves (4), leaves demanded so far (8), open
    demands (4), final (1). Times are Unix seconds.
"""

ADDRESS_MASK: constant(uint256) = 2**160 - 1
TIME_MASK: constant(uint256) = 2**36 - 1
TOUCHED: constant(uint256) = 196  # where a part begins
LEAVES: constant(uint256) = 232
ASKED: constant(uint256) = 236
OPEN: constant(uint256) = 244
FINAL: constant(uint256) = 1 << 248


@view
@internal
def _new(provider: address, leaves: uint256) -> uint256:
    return convert(provider, uint256) | (block.timestamp << 160) | (leaves << LEAVES)


@view
@internal
def _touched_now(head: uint256) -> uint256:
    return (head & ~(TIME_MASK << TOUCHED)) | (block.timestamp << TOUCHED)


@view
@internal
def _demanded_now(head: uint256, leaf: uint256) -> uint256:
    return (self._touched_now(head) | (1 << (ASKED + leaf))) + (1 << OPEN)


@pure
@internal
def _revealed(head: uint256) -> uint256:
    return head - (1 << OPEN)


@view
@internal
def _settled_now(head: uint256) -> uint256:
    return self._touched_now(head) | FINAL


@pure
@internal
def _provider(head: uint256) -> address:
    return convert(head & ADDRESS_MASK, address)


@pure
@internal
def _proposed(head: uint256) -> uint256:
    return (head >> 160) & TIME_MASK


@pure
@internal
def _touched(head: uint256) -> uint256:
    return (head >> TOUCHED) & TIME_MASK


@pure
@internal
def _leaves(head: uint256) -> uint256:
    return (head >> LEAVES) & 15


@pure
@internal
def _asked(head: uint256) -> uint256:
    """
    @notice Give a word with bit i set if leaf i was ever demanded.
    """
    return (head >> ASKED) & 255


@pure
@internal
def _open(head: uint256) -> uint256:
    """
    @notice Give how many demands are neither answered nor forfeited.
    """
    return (head >> OPEN) & 15


@pure
@internal
def _is_final(head: uint256) -> bool:
    return head & FINAL != 0
