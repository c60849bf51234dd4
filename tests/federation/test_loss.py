import hashlib
import math
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from games import LIMIT, plain_log1p_exp, plain_loss

from counterpoise.federation.rules.loss import log1p_exp, loss_table, losses

PAGE = Path(__file__).parents[2] / "docs" / "explain" / "integer-loss.md"
TABLE = [int(entry) for entry in loss_table()]


def test_the_table_is_the_logarithm_rounded_half_up():
    with localcontext(prec=60):
        for index in range(1025):
            exact = (1 + (Decimal(-index) / 64).exp()).ln() * 2**20
            assert TABLE[index] == int(exact.to_integral_value(ROUND_HALF_UP)), index
    assert TABLE[1025] == 0


def test_the_page_publishes_this_table():
    packed = b"".join(entry.to_bytes(4, "big") for entry in TABLE[:1025])
    assert hashlib.sha256(packed).hexdigest() in PAGE.read_text()


def test_the_table_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        loss_table()[0] = 1


def test_every_vector_of_the_page_holds():
    rows = re.findall(r"^\| `(-?\d+(?:, -?\d+)*)` \| (\d+) \| (\d+) \|", PAGE.read_text(), re.M)
    assert len(rows) >= 15
    for logits, label, wanted in rows:
        values = [int(value) for value in logits.split(", ")]
        found = losses(np.array([values], dtype=np.int32).T, np.array([int(label)]))
        assert found.tolist() == [int(wanted)], logits
        assert plain_loss(TABLE, values, int(label)) == int(wanted), logits


def test_the_curve_is_within_nine_units_of_the_logarithm_and_never_rises():
    t = np.arange(0, 20 << 20, 997, dtype=np.int32)
    found = log1p_exp(t)
    exact = np.log1p(np.exp(-t / 2**20)) * 2**20
    assert np.abs(found - exact).max() < 9
    assert (np.diff(found) <= 0).all()
    assert found[-1] == 0


def test_the_curve_follows_the_rule_at_every_edge_of_the_table():
    edges = np.concatenate([(np.arange(1026) << 14) + off for off in (-1, 0, 1, 8191)])
    edges = np.append(edges[edges >= 0], [LIMIT, 2 * LIMIT]).astype(np.int32)
    assert log1p_exp(edges).tolist() == [plain_log1p_exp(TABLE, int(t)) for t in edges]


@pytest.mark.parametrize("outputs", [1, 2, 3, 10])
def test_losses_follow_the_rule_in_plain_integers(outputs):
    rng = np.random.default_rng(outputs)
    logits = rng.integers(-LIMIT, LIMIT, (4, 50, outputs)).astype(np.int32)
    logits[0] //= 1000
    logits[1, :3] = [[LIMIT] * outputs, [-LIMIT] * outputs, [0] * outputs]
    labels = rng.integers(0, max(outputs, 2), 50)
    wanted = [
        [
            plain_loss(TABLE, [int(v) for v in row], int(y))
            for row, y in zip(block, labels, strict=True)
        ]
        for block in logits
    ]
    found = losses(logits.swapaxes(1, 2), labels)
    assert found.tolist() == wanted
    assert found.min() >= 0


def test_a_softmax_of_two_classes_is_the_logistic_loss_to_the_bit():
    rng = np.random.default_rng(0)
    one = rng.integers(-LIMIT, LIMIT, (500, 1)).astype(np.int32)
    two = np.concatenate([np.zeros_like(one), one], axis=1)
    labels = rng.integers(0, 2, 500)
    assert (losses(one.T, labels) == losses(two.T, labels)).all()


def test_a_loss_is_the_nats_it_stands_for():
    logits = np.array([[0.7], [-2.5], [9.0]])
    found = losses((logits.T * 2**20).astype(np.int32), np.array([1, 1, 0]))
    wanted = [math.log1p(math.exp(-0.7)), math.log1p(math.exp(2.5)), math.log1p(math.exp(9.0))]
    assert found / 2**20 == pytest.approx(wanted, abs=1e-5)
