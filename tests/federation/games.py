"""Small rounds for the rules' tests: tasks, random members, and the rules in plain Python."""

import numpy as np

from counterpoise.federation.rules import Feature, Model, Rows, TaskRules

SCALE_BITS, FEATURE_BITS, LOSS_BITS = 16, 10, 20
LIMIT = 64 << LOSS_BITS


def address(number):
    return bytes([number + 1]) * 20


def task(inputs=3, classes=2, hidden=(), **changes):
    features = tuple(Feature(f"f{i}", 0, -1000, 1000) for i in range(inputs))
    plain = {"rounds": 4, "clip": 1 << 17, "pot": 1_000_003}
    return TaskRules(Model(inputs, classes, hidden), features, **(plain | changes))


def some_rows(rules, rng, count=12):
    shape = (count, rules.model.inputs)
    features = rng.integers(-3000, 3000, shape).astype(np.int32)
    labels = rng.integers(0, rules.model.classes, count)
    labels[: rules.model.classes] = range(rules.model.classes)
    return Rows(features, labels)


def some_updates(rules, rng, members, size=30_000):
    """Random updates and weights by address."""
    updates = {
        address(i): rng.integers(-size, size, rules.model.n_params).astype(np.int32)
        for i in range(members)
    }
    return updates, {member: int(rng.integers(10, 200)) for member in updates}


def zero_model(rules):
    return np.zeros(rules.model.n_params, dtype=np.int64)


def helpful(rules, rows, size=20_000):
    """An update that lowers a logistic model's loss on these rows."""
    signs = 2 * rows.labels - 1
    direction = (rows.features * signs[:, None]).sum(axis=0)
    step = np.zeros(rules.model.n_params)
    step[: rules.model.inputs] = direction / np.abs(direction).max() * size
    return step.astype(np.int32)


def plain_log1p_exp(table, t):
    """The rule of docs/explain/integer-loss.md, one integer at a time."""
    i, f = t >> 14, t & 16383
    if i >= 1024:
        return 0
    return table[i] + (((table[i + 1] - table[i]) * f) >> 14)


def plain_loss(table, logits, label):
    """Loss of one row from its settled logits."""
    if len(logits) == 1:
        x = -logits[0] if label == 1 else logits[0]
        return max(x, 0) + plain_log1p_exp(table, abs(x))
    total = logits[0]
    for other in logits[1:]:
        total = max(total, other) + plain_log1p_exp(table, abs(total - other))
    return total - logits[label]


def plain_settled(raw):
    return max(-LIMIT, min(LIMIT, raw >> (SCALE_BITS + FEATURE_BITS - LOSS_BITS)))


def plain_raw_logits(params, features, model):
    """Raw logits of one row, in Python integers."""
    active, start = [int(x) for x in features], 0
    for number, (out, into) in enumerate(model.layers):
        raws = []
        for unit in range(out):
            weights = params[start + unit * into : start + (unit + 1) * into]
            bias = int(params[start + out * into + unit]) << FEATURE_BITS
            raws.append(sum(int(w) * x for w, x in zip(weights, active, strict=True)) + bias)
        start += out * (into + 1)
        if number < len(model.layers) - 1:
            active = [max(0, min((1 << 22) - 1, raw >> SCALE_BITS)) for raw in raws]
    return raws
