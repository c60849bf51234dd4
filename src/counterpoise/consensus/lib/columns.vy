# pragma version ~=0.4.3
"""
@title Columns: one member's consensus and rank, in Q32.32
@license Apache-2.0
@notice What `counterpoise.consensus.rules` computes of rows, cells and their trees; every quotient is floored.
@dev Trees have a fixed depth, and their leaves are the words themselves: no inner node is taken for a leaf. A node is
     keccak(01 || left || right), as in ordered trees. A row has 32 words (depth 5), a result 512 cells (depth 9).
"""

from counterpoise.consensus import IConsensus

ROWS: constant(uint256) = 64
ROW_WORDS: constant(uint256) = 32
CELLS: constant(uint256) = 512
NODE: constant(bytes1) = 0x01
EVEN: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**16 - 1)  # every second weight of a word
EACH: constant(uint256) = max_value(uint256) // (2**32 - 1)  # one in each lane of 32 bits


@pure
@internal
def _share(part: uint256, whole: uint256) -> uint256:
    """
    @notice Give floor(part * 2**32 / whole); 0 where the whole is 0.
    """
    if whole == 0:
        return 0
    return (part << 32) // whole


@pure
@internal
def _weight(word: uint256, column: uint256) -> uint256:
    return (word >> (240 - 16 * (column % 16))) & 65535


@pure
@internal
def _row_total(weights: DynArray[uint256, ROW_WORDS], present: uint256[2], number: uint256) -> uint256:
    """
    @notice Give the sum of the weights that count: of members that were there, and not of oneself.
    """
    lanes: uint256 = 0
    single: uint256 = 0
    for i: uint256 in range(len(weights), bound=ROW_WORDS):
        word: uint256 = weights[i]
        if word == 0:
            continue
        flags: uint256 = (present[i // 16] >> (16 * (i % 16))) & 65535
        if flags == 65535 and number // 16 != i:
            lanes += (word & EVEN) + ((word >> 16) & EVEN)
            continue
        for k: uint256 in range(16):
            if (flags >> k) & 1 == 1 and 16 * i + k != number:
                single += (word >> (240 - 16 * k)) & 65535
    return (unsafe_mul(lanes, EACH) >> 224) + single


@pure
@internal
def _row_root(weights: DynArray[uint256, ROW_WORDS]) -> bytes32:
    nodes: bytes32[ROW_WORDS] = empty(bytes32[ROW_WORDS])
    for i: uint256 in range(len(weights), bound=ROW_WORDS):
        nodes[i] = convert(weights[i], bytes32)
    width: uint256 = ROW_WORDS
    for _: uint256 in range(5):
        width >>= 1
        for place: uint256 in range(width, bound=ROW_WORDS):
            nodes[place] = keccak256(concat(NODE, nodes[2 * place], nodes[2 * place + 1]))
    return nodes[0]


@pure
@internal
def _cells_root(cells: DynArray[uint256, CELLS]) -> bytes32:
    """
    @notice Give the root over 512 cells, those not given being zeros; only what is not all zeros is hashed.
    """
    nodes: bytes32[CELLS] = empty(bytes32[CELLS])
    width: uint256 = len(cells)
    for i: uint256 in range(width, bound=CELLS):
        nodes[i] = convert(cells[i], bytes32)
    nothing: bytes32 = empty(bytes32)
    for _: uint256 in range(9):
        if width % 2 == 1:
            nodes[width] = nothing
        width = (width + 1) // 2
        for place: uint256 in range(width, bound=CELLS):
            nodes[place] = keccak256(concat(NODE, nodes[2 * place], nodes[2 * place + 1]))
        nothing = keccak256(concat(NODE, nothing, nothing))
    return nodes[0]


@pure
@internal
def _node(node: bytes32, sibling: bytes32, is_left: bool) -> bytes32:
    if is_left:
        return keccak256(concat(NODE, node, sibling))
    return keccak256(concat(NODE, sibling, node))


@pure
@internal
def _root_of_cell(cell: uint256, number: uint256, path: bytes32[9]) -> bytes32:
    node: bytes32 = convert(cell, bytes32)
    for k: uint256 in range(9):
        node = self._node(node, path[k], (number >> k) & 1 == 0)
    return node


@pure
@internal
def _root_of_word(row: IConsensus.Row, column: uint256) -> bytes32:
    node: bytes32 = row.word
    for k: uint256 in range(5):
        node = self._node(node, row.path[k], ((column // 16) >> k) & 1 == 0)
    return node


@pure
@internal
def _chain(rows: bytes32, number: uint256, stake: uint256, total: uint256, root: bytes32) -> bytes32:
    """
    @notice Add a revealed row to the digest of those before it.
    """
    return keccak256(abi_encode(rows, number, stake, total, root))


@pure
@internal
def _digest(rows: DynArray[IConsensus.Row, ROWS], column: uint256) -> bytes32:
    """
    @notice Give the digest of rows in the order of their reveals; each opens to its own word of the column.
    """
    digest: bytes32 = empty(bytes32)
    for row: IConsensus.Row in rows:
        assert self._root_of_word(row, column) == row.root, "consensus: not the weights of the row"
        digest = self._chain(digest, row.number, row.stake, row.total, row.root)
    return digest


@pure
@internal
def _column(
    rows: DynArray[IConsensus.Row, ROWS], order: Bytes[ROWS], column: uint256, kappa: uint256, stake: uint256
) -> (uint256, uint256):
    """
    @notice Give a column's consensus and rank.
    @param order The places of the rows, ascending by weight: checked, not sorted.
    @param stake Of all rows together.
    """
    count: uint256 = len(rows)
    weights: uint256[ROWS] = empty(uint256[ROWS])
    active: uint256[ROWS] = empty(uint256[ROWS])
    sum: uint256 = 0
    for i: uint256 in range(count, bound=ROWS):
        if rows[i].number != column:
            weights[i] = self._share(self._weight(convert(rows[i].word, uint256), column), rows[i].total)
        active[i] = self._share(rows[i].stake, stake)
        sum += active[i]
    whole: uint256 = 0
    for i: uint256 in range(count, bound=ROWS):
        active[i] = self._share(active[i], sum)
        whole += active[i]
    consensus: uint256 = self._consensus(weights, active, order, count, whole, kappa)
    rank: uint256 = 0
    for i: uint256 in range(count, bound=ROWS):
        rank += (min(weights[i], consensus) * active[i]) >> 32
    return consensus, rank


@pure
@internal
def _consensus(
    weights: uint256[ROWS],
    active: uint256[ROWS],
    order: Bytes[ROWS],
    count: uint256,
    whole: uint256,
    kappa: uint256,
) -> uint256:
    assert len(order) == count, "consensus: the order names not every row"
    total: uint256 = 0
    for i: uint256 in range(count, bound=ROWS):
        total += self._share(active[i], whole)
    bar: uint256 = 0
    if total > kappa:
        bar = total - kappa
    seen: uint256 = 0
    last: uint256 = 0
    reached: uint256 = 0
    found: uint256 = 0
    is_found: bool = False
    for k: uint256 in range(count, bound=ROWS):
        place: uint256 = convert(slice(order, k, 1), uint256)
        assert place < count, "consensus: the order names no row"
        assert (seen >> place) & 1 == 0, "consensus: the order names a row twice"
        seen |= 1 << place
        assert weights[place] >= last, "consensus: not the order of the weights"
        last = weights[place]
        reached += self._share(active[place], whole)
        if not is_found and reached > bar:
            found = last
            is_found = True
    return found
