# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Judge of one cell
@license Apache-2.0
@notice Recomputes one number of a model's computation from the openings that it is given: a neuron, the decision, what
    a tree says, one logit of a forest, the length of a leaf.
@dev Holds nothing and calls nobody. Every fact about the model comes from its header, which with the root of its rows
    makes the model's id; every opening is as long as the header says, so that no inner node passes as a leaf. A row
    that the specification does not allow makes its cell false: no honest answer comes of such a model.
@custom:trust Nobody. Whether the model and the trace it names are those in dispute is for the caller to compare.
@custom:stop There is nothing to stop.
"""

from counterpoise.chain.lib import ordered_tree
from counterpoise.verification import IJudge
from counterpoise.verification.lib import lanes

implements: IJudge

NEURON: constant(uint256) = 1
DECISION: constant(uint256) = 2
TREE: constant(uint256) = 3
SUM: constant(uint256) = 4
LENGTH: constant(uint256) = 5

NET: constant(uint256) = 1
FOREST: constant(uint256) = 2
ARGMAX: constant(uint256) = 1

MAX_LAYERS: constant(uint256) = 8
MAX_OUTPUTS: constant(uint256) = 16
MAX_NODES: constant(uint256) = 255
MAX_WIDTH: constant(uint256) = 2048  # bytes in one row or one leaf
MAX_TREES: constant(uint256) = MAX_WIDTH // 4
HEADER: constant(uint256) = 128 + 32  # padded with a word of zeros, to be read in words
ROW: constant(uint256) = 2056
LEAF: constant(uint256) = 2081

ROW_START: constant(uint256) = 8  # of weights and nodes: after mark, layer, row, bias
LEAF_START: constant(uint256) = 4  # of the payload: after mark, index, length
INPUT_START: constant(uint256) = 33  # of the features: after mark, salt
HEADER_START: constant(uint256) = 12  # of the layers: after version, kind, rule, layers, threshold, inputs, outputs
LAYER: constant(uint256) = 10  # bytes of the header for one layer
LEAF_NODE: constant(uint256) = 65535  # the feature of a node that asks for none


# What a header says of a model, of the leaf that a cell is in, and of the layer of a neuron.
struct Facts:
    head: uint256  # version u8, kind u8, rule u8, layers u8, threshold i32, inputs u16, outputs u16, trees u16, ...
    outputs: uint256
    trees: uint256  # 0 of a net
    leaves: uint256
    rows: uint256
    place: uint256
    layer: uint256
    neuron: uint256
    row_inputs: uint256
    requantise: uint256  # shift u8, lo i16, hi i16
    next_zero_point: uint256


@pure
@external
def judge(cell: IJudge.Cell) -> IJudge.Ruling:
    """
    @notice Recompute one cell. Reverts if the openings do not fit together; the caller compares model and trace root
        with what was asserted.
    """
    header: Bytes[HEADER] = concat(cell.header, empty(bytes32))
    facts: Facts = self._facts(header, cell.kind, cell.row)
    root: bytes32 = self._root_through(cell.after, facts.place, cell.after_path, facts.leaves)
    is_false: bool = len(cell.after) != self._length(header, facts, facts.place)
    if cell.kind != LENGTH:
        assert not is_false, "judge: leaf of another length"
        if cell.kind == DECISION:
            is_false = self._decision_is_false(facts, cell.after)
        else:
            before: bytes32 = self._root_through(cell.before, facts.place - 1, cell.before_path, facts.leaves)
            assert before == root, "judge: leaves of two traces"
            length: uint256 = self._length(header, facts, facts.place - 1)
            assert len(cell.before) == length, "judge: leaf before of another length"
            row: uint256 = facts.trees if cell.kind == SUM else cell.row
            assert len(cell.weights_path) == ordered_tree._depth(facts.rows), "judge: path of the row of another length"
            row_root: bytes32 = ordered_tree._root_of(self._hash(cell.weights), row, cell.weights_path)
            assert row_root == cell.row_root, "judge: not a row of the model"
            if cell.kind == NEURON:
                is_false = self._neuron_is_false(facts, row, cell.weights, cell.before, cell.after)
            elif cell.kind == TREE:
                is_false = self._tree_is_false(facts, row, cell.weights, cell.before, cell.after)
            else:
                is_false = self._sum_is_false(facts, cell.row, cell.weights, cell.before, cell.after)
    model: bytes32 = keccak256(concat(0x04, cell.header, cell.row_root))
    return IJudge.Ruling(model=model, trace_root=root, is_false=is_false)


@pure
@external
def shape(header: Bytes[128]) -> (uint256, uint256):
    """
    @notice How many leaves a trace of the model has, and how many logits; reverts if the model is too wide to judge.
    @param header The header of a registered model.
    """
    padded: Bytes[HEADER] = concat(header, empty(bytes32))
    facts: Facts = self._facts(padded, LENGTH, 0)
    for place: uint256 in range(facts.leaves - 1, bound=MAX_LAYERS):
        start: uint256 = INPUT_START if place == 0 else LEAF_START
        assert self._length(padded, facts, place) - start <= MAX_WIDTH, "judge: too wide to judge"
    return facts.leaves, facts.outputs


@pure
@internal
def _neuron_is_false(
    facts: Facts, row: uint256, weights: Bytes[ROW], before: Bytes[LEAF], after: Bytes[LEAF]
) -> bool:
    if len(weights) != ROW_START + facts.row_inputs:
        return True
    marks: uint256 = convert(slice(weights, 0, ROW_START), uint256)
    if marks >> 32 != (facts.layer << 16) | row:
        return True
    padded_weights: Bytes[ROW + 32] = concat(weights, empty(bytes32))
    padded: Bytes[LEAF + 32] = concat(before, empty(bytes32))
    start: uint256 = INPUT_START if facts.layer == 0 else LEAF_START
    products: uint256 = 0
    sums: uint256 = 0
    for step: uint256 in range((facts.row_inputs + 31) // 32, bound=MAX_WIDTH // 32):
        values: uint256 = extract32(padded, start + 32 * step, output_type=uint256)
        weight: uint256 = extract32(padded_weights, ROW_START + 32 * step, output_type=uint256)
        products = unsafe_add(products, lanes._product(lanes._reversed(weight), values))
        sums = unsafe_add(sums, lanes._lanes_of(values))
    total: int256 = convert(products >> 224, int256) - 128 * convert(lanes._sum_of(sums), int256)
    total += self._i32(marks)
    if facts.place == facts.leaves - 1:
        return total != self._i32(convert(slice(after, LEAF_START + 4 * facts.neuron, 4), uint256))
    shift_by: uint256 = facts.requantise >> 32
    total = (total + convert((1 << shift_by) >> 1, int256)) >> shift_by
    total = min(self._i16(facts.requantise), max(self._i16(facts.requantise >> 16), total))
    total += convert(facts.next_zero_point, int256)
    return total != convert(convert(slice(after, LEAF_START + facts.neuron, 1), uint256), int256)


@pure
@internal
def _decision_is_false(facts: Facts, after: Bytes[LEAF]) -> bool:
    best: int256 = self._i32(convert(slice(after, LEAF_START, 4), uint256))
    decision: uint256 = 0
    if (facts.head >> 232) & 255 == ARGMAX:
        for output: uint256 in range(1, MAX_OUTPUTS):
            if output >= facts.outputs:
                break
            logit: int256 = self._i32(convert(slice(after, LEAF_START + 4 * output, 4), uint256))
            if logit > best:
                best = logit
                decision = output
    elif best > self._i32(facts.head >> 192):
        decision = 1
    return decision != convert(slice(after, LEAF_START + 4 * facts.outputs, 2), uint256)


@pure
@internal
def _tree_is_false(
    facts: Facts, tree: uint256, nodes: Bytes[ROW], before: Bytes[LEAF], after: Bytes[LEAF]
) -> bool:
    size: uint256 = len(nodes)
    if size <= ROW_START or size % 8 != 0 or size > ROW_START + 8 * MAX_NODES:
        return True
    if convert(slice(nodes, 0, ROW_START), uint256) != tree << 32:
        return True
    inputs: uint256 = (facts.head >> 176) & 65535
    place: uint256 = 0
    for _: uint256 in range(MAX_NODES):
        node: uint256 = convert(slice(nodes, ROW_START + 8 * place, 8), uint256)
        feature: uint256 = node >> 48
        if feature == LEAF_NODE:
            said: int256 = self._i32(convert(slice(after, LEAF_START + 4 * tree, 4), uint256))
            return (node >> 32) & 65535 != 0 or said != self._i32(node)
        if feature >= inputs or node & (2**24 - 1) != 0:
            return True
        value: uint256 = convert(slice(before, INPUT_START + feature, 1), uint256)
        child: uint256 = (node >> (32 if value <= (node >> 40) & 255 else 24)) & 255
        if child <= place or ROW_START + 8 * child >= size:
            return True
        place = child
    return True


@pure
@internal
def _sum_is_false(
    facts: Facts, output: uint256, biases: Bytes[ROW], before: Bytes[LEAF], after: Bytes[LEAF]
) -> bool:
    if len(biases) != ROW_START + 4 * facts.outputs:
        return True
    if convert(slice(biases, 0, ROW_START), uint256) != 1 << 48:
        return True
    total: int256 = self._i32(convert(slice(biases, ROW_START + 4 * output, 4), uint256))
    tree: uint256 = output
    for _: uint256 in range(MAX_TREES):
        if tree >= facts.trees:
            break
        total += self._i32(convert(slice(before, LEAF_START + 4 * tree, 4), uint256))
        tree += facts.outputs
    return total != self._i32(convert(slice(after, LEAF_START + 4 * output, 4), uint256))


@pure
@internal
def _facts(header: Bytes[HEADER], kind: uint256, row: uint256) -> Facts:
    """
    @notice Read a header for one cell.
    @param header Padded with a word of zeros.
    """
    facts: Facts = empty(Facts)
    facts.head = extract32(header, 0, output_type=uint256)
    facts.outputs = (facts.head >> 160) & 65535
    layers: uint256 = (facts.head >> 224) & 255
    is_net: bool = (facts.head >> 240) & 255 == NET
    if is_net:
        facts.leaves = layers + 1
        facts.layer = layers
        for number: uint256 in range(layers, bound=MAX_LAYERS):
            layer: uint256 = extract32(header, HEADER_START + LAYER * number, output_type=uint256)
            outputs: uint256 = (layer >> 224) & 65535
            if facts.layer == layers and row < facts.rows + outputs:
                facts.layer = number
                facts.neuron = row - facts.rows
                facts.row_inputs = layer >> 240
                facts.requantise = (layer >> 176) & (2**40 - 1)
                facts.next_zero_point = (layer >> 136) & 255
            facts.rows += outputs
    else:
        assert (facts.head >> 240) & 255 == FOREST, "judge: no such kind of model"
        facts.leaves = 3
        facts.trees = (facts.head >> 144) & 65535
        facts.rows = facts.trees + 1
    if kind == NEURON:
        assert is_net, "judge: a neuron of no net"
        assert facts.layer < layers, "judge: no such row"
        facts.place = facts.layer + 1
    elif kind == DECISION:
        facts.place = facts.leaves - 1
    elif kind == LENGTH:
        assert row < facts.leaves, "judge: no such leaf"
        facts.place = row
    else:
        assert kind == TREE or kind == SUM, "judge: no such kind of cell"
        assert not is_net, "judge: a tree of no forest"
        assert row < (facts.trees if kind == TREE else facts.outputs), "judge: no such tree or output"
        facts.place = 1 if kind == TREE else 2
    return facts


@pure
@internal
def _length(header: Bytes[HEADER], facts: Facts, place: uint256) -> uint256:
    """
    @notice Give the bytes of a leaf with its marks.
    """
    if place == 0:
        return INPUT_START + ((facts.head >> 176) & 65535)
    if place == facts.leaves - 1:
        return LEAF_START + 4 * facts.outputs + 2
    if facts.trees != 0:
        return LEAF_START + 4 * facts.trees
    layer: uint256 = extract32(header, HEADER_START + LAYER * (place - 1), output_type=uint256)
    return LEAF_START + ((layer >> 224) & 65535)


@pure
@internal
def _root_through(
    leaf: Bytes[LEAF], place: uint256, path: DynArray[bytes32, ordered_tree.MAX_DEPTH], leaves: uint256
) -> bytes32:
    """
    @notice Give the root that a leaf of a trace leads to; refuses a preimage that does not begin as that leaf does.
    """
    assert len(path) == ordered_tree._depth(leaves), "judge: path of another length"
    if place == 0:
        assert len(leaf) != 0 and convert(slice(leaf, 0, 1), uint256) == 3, "judge: not the input"
    else:
        marks: uint256 = (2 << 24) | (place << 16) | unsafe_sub(len(leaf), LEAF_START)
        has_marks: bool = len(leaf) >= LEAF_START and convert(slice(leaf, 0, LEAF_START), uint256) == marks
        assert has_marks, "judge: not this leaf"
    return ordered_tree._root_of(keccak256(leaf), place, path)


@pure
@internal
def _hash(row: Bytes[ROW]) -> bytes32:
    """
    @dev Apart, so that the copy of the row lies where other functions have theirs: memory costs.
    """
    return keccak256(row)


@pure
@internal
def _i32(number: uint256) -> int256:
    """
    @notice Read the lowest 32 bits as two's complement.
    """
    return convert((number & (2**32 - 1)) ^ 2**31, int256) - 2**31


@pure
@internal
def _i16(number: uint256) -> int256:
    return convert((number & 65535) ^ 2**15, int256) - 2**15
