"""Integer models to test with: random ones, edges, and the ones of the specification's vectors."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from counterpoise.inference import Forest, Layer, Leaf, Net, Split, Tree


def random_net(rng, widths, *, edges=False, threshold=0):
    """A net of these widths; with edges, weights of -64 and 64 only and every clip at its end."""
    layers = []
    zeros = [int(z) for z in rng.integers(0, 256, len(widths) - 1)]
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        last = number == len(widths) - 2
        weights = rng.integers(-64, 65, (outputs, inputs))
        if edges:
            weights = rng.choice([-64, 64], (outputs, inputs))
        bias = rng.integers(-(10**6), 10**6, outputs)
        if last:
            layers.append(Layer(weights, bias, zeros[number]))
            continue
        z = zeros[number + 1]
        lo, hi = (-z, 255 - z) if edges else sorted(int(v) for v in rng.integers(-z, 256 - z, 2))
        shift = int(rng.integers(0, 25 if not edges else 12))
        layers.append(Layer(weights, bias, zeros[number], shift, lo, hi))
    return Net(tuple(layers), threshold if widths[-1] == 1 else 0)


def random_tree(rng, inputs, splits):
    """A tree grown by splitting a random leaf again and again."""
    nodes = [None]
    open_leaves = [0]
    for _ in range(splits):
        place = open_leaves.pop(int(rng.integers(len(open_leaves))))
        children = (len(nodes), len(nodes) + 1)
        nodes[place] = Split(int(rng.integers(inputs)), int(rng.integers(256)), *children)
        nodes += [None, None]
        open_leaves += children
    filled = [Leaf(int(rng.integers(-(10**6), 10**6))) if n is None else n for n in nodes]
    return Tree(tuple(filled))


def random_forest(rng, inputs, trees, outputs=1, splits=10, threshold=0):
    made = tuple(random_tree(rng, inputs, int(rng.integers(splits + 1))) for _ in range(trees))
    biases = tuple(int(b) for b in rng.integers(-(10**6), 10**6, outputs))
    return Forest(made, biases, inputs, threshold if outputs == 1 else 0)


def plain_net(net):
    """The net as lists, for the second reference."""
    return [
        (one.weights.tolist(), one.bias.tolist(), one.zero_point, one.shift, one.lo, one.hi)
        for one in net.layers
    ]


def plain_forest(forest):
    """The trees as lists, for the second reference."""
    return [[tuple(node) for node in tree.nodes] for tree in forest.trees]


def edge_rows(inputs):
    """All zeros, all 255, halves, one byte at a time."""
    rows = [np.zeros(inputs), np.full(inputs, 255), np.arange(inputs) % 2 * 255]
    rows += [np.eye(1, inputs, at)[0] * 255 for at in range(min(inputs, 8))]
    return np.array(rows).astype(np.uint8)


def vector_net():
    """The net of the specification's test vector."""
    first = Layer.folded([[64, -64, 1], [3, 0, -7]], [-100, 500], 5, shift=6, lo=0, hi=248)
    return Net((first, Layer.folded([[-64, 63]], [77], 7)), threshold=-12)


def vector_forest():
    """The forest of the specification's test vector."""
    stump = Tree((Split(1, 99, 1, 2), Leaf(-5), Leaf(7)))
    deeper = Tree((Split(0, 0, 1, 4), Split(2, 200, 2, 3), Leaf(1), Leaf(2), Leaf(-(2**31) // 4)))
    return Forest((stump, deeper, Tree((Leaf(9),))), (10, -10), inputs=3)


VECTOR_ROW = bytes([200, 3, 50])
VECTOR_SALT = bytes(range(32))

seeds = st.integers(0, 2**32 - 1)
