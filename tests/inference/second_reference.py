"""The integer models once more, in plain Python loops from the specification alone.

Nothing here uses the package's arithmetic or its layouts, only its Keccak: models come in as
nested lists, preimages are put together byte by byte.
"""

from counterpoise.core.digest import keccak


def word(value, width):
    return value.to_bytes(width, "big", signed=value < 0)


def run_net(layers, values):
    """Give the bytes entering each layer, and the logits. A layer is (w, b', z, shift, lo, hi)."""
    entering = [list(values)]
    for number, (weights, bias, _, shift, lo, hi) in enumerate(layers):
        z = layers[number][2]
        accumulators = []
        for row, folded in zip(weights, bias, strict=True):
            unfolded = folded + z * sum(row)
            total = unfolded
            for weight, value in zip(row, entering[-1], strict=True):
                total += weight * (value - z)
            assert -(2**31) < total < 2**31
            accumulators.append(total)
        if number == len(layers) - 1:
            return entering, accumulators
        z_next = layers[number + 1][2]
        out = []
        for total in accumulators:
            half = 2 ** (shift - 1) if shift else 0
            y = (total + half) // 2**shift
            out.append(min(hi, max(lo, y)) + z_next)
        entering.append(out)
    raise AssertionError("a net has a last layer")


def run_tree(nodes, values):
    """Walk one tree: nodes are (feature, threshold, left, right) or (value,)."""
    place = 0
    while len(nodes[place]) == 4:
        feature, threshold, left, right = nodes[place]
        place = left if values[feature] <= threshold else right
    return nodes[place][0]


def run_forest(trees, biases, values):
    """Give what each tree says, and the logits."""
    said = [run_tree(nodes, values) for nodes in trees]
    logits = list(biases)
    for number, value in enumerate(said):
        logits[number % len(biases)] += value
    return said, logits


def decide(logits, threshold):
    if len(logits) == 1:
        return 1 if logits[0] > threshold else 0
    best = 0
    for number, logit in enumerate(logits):
        if logit > logits[best]:
            best = number
    return best


def answer(logits, threshold):
    return b"".join(word(v, 4) for v in logits) + word(decide(logits, threshold), 2)


def root(leaves):
    """Give the root by recursion on halves of the padded list."""
    size = 1
    while size < len(leaves):
        size *= 2
    return _root(list(leaves) + [b"\0" * 32] * (size - len(leaves)))


def _root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    half = len(leaves) // 2
    return keccak(b"\x01" + _root(leaves[:half]) + _root(leaves[half:]))


def trace_root(salt, payloads):
    leaves = [keccak(b"\x03" + salt + payloads[0])]
    for index, payload in enumerate(payloads[1:], 1):
        leaves.append(keccak(b"\x02" + word(index, 1) + word(len(payload), 2) + payload))
    return root(leaves)


def net_id(layers, threshold):
    outputs = len(layers[-1][1])
    header = b"\x01\x01" + (b"\x00" if outputs == 1 else b"\x01") + word(len(layers), 1)
    header += word(threshold, 4) + word(len(layers[0][0][0]), 2) + word(outputs, 2)
    hashes, row = [], 0
    for number, (weights, bias, z, shift, lo, hi) in enumerate(layers):
        header += word(len(weights[0]), 2) + word(len(weights), 2) + word(z, 1) + word(shift, 1)
        header += word(lo, 2) + word(hi, 2)
        for neuron, folded in zip(weights, bias, strict=True):
            mark = b"\x00" + word(number, 1) + word(row, 2) + word(folded, 4)
            hashes.append(keccak(mark + bytes(w + 128 for w in neuron)))
            row += 1
    return keccak(b"\x04" + header + root(hashes))


def forest_id(trees, biases, inputs, threshold):
    header = b"\x01\x02" + (b"\x00" if len(biases) == 1 else b"\x01") + b"\x00"
    header += word(threshold, 4) + word(inputs, 2) + word(len(biases), 2) + word(len(trees), 2)
    hashes = []
    for number, nodes in enumerate(trees):
        row = b"\x00\x00" + word(number, 2) + b"\0\0\0\0"
        for node in nodes:
            if len(node) == 1:
                row += b"\xff\xff\0\0" + word(node[0], 4)
            else:
                feature, threshold_, left, right = node
                row += word(feature, 2) + bytes([threshold_, left, right]) + b"\0\0\0"
        hashes.append(keccak(row))
    biases_row = b"\x00\x01\x00\x00\0\0\0\0" + b"".join(word(b, 4) for b in biases)
    return keccak(b"\x04" + header + root([*hashes, keccak(biases_row)]))
