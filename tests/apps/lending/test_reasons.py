"""Reasons are contributions in the model's own integers, and anyone with the data derives them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.apps.lending.attributes import ATTRIBUTES, FEATURES, places
from counterpoise.apps.lending.reasons import (
    Case,
    Reason,
    contributions,
    read_reasons,
    reasons_of,
    reasons_record,
)
from counterpoise.core.digest import dag_cbor, sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.inference import Forest, Layer, Leaf, Net, Split, Tree

QUICK = settings(max_examples=40, deadline=None, derandomize=True, database=None)
WIDTH = len(FEATURES)
rng = np.random.default_rng(7)
LINEAR = Net((Layer(rng.integers(-64, 65, (1, WIDTH)), [-500]),), threshold=100)
rows = st.binary(min_size=WIDTH, max_size=WIDTH)


def deep():
    hidden = Layer.folded(
        rng.integers(-64, 65, (16, WIDTH)), rng.integers(-999, 999, 16), shift=11, lo=0, hi=255
    )
    return Net((hidden, Layer(rng.integers(-64, 65, (1, 16)), [-500])))


def trees():
    first = Tree((Split(4, 30, 1, 2), Leaf(-300), Leaf(700)))
    second = Tree((Split(9, 60, 1, 2), Leaf(50), Leaf(-60)))
    return Forest((first, second), (5,), inputs=WIDTH)


@QUICK
@given(values=rows, reference=rows)
def test_contributions_of_a_linear_model_are_weights_times_differences(values, reference):
    weights = LINEAR.layers[0].weights[0]
    own, usual = (np.frombuffer(b, np.uint8).astype(int) for b in (values, reference))
    terms = weights * (own - usual)
    wanted = [int(terms[place].sum()) for place in places().values()]
    assert contributions(LINEAR, values, reference) == wanted


@QUICK
@given(values=rows, reference=rows)
def test_contributions_of_a_linear_model_sum_to_the_difference_of_the_logits(values, reference):
    both = np.frombuffer(values + reference, np.uint8).reshape(2, WIDTH)
    own, usual = LINEAR.run(both).logits[:, 0].tolist()
    assert sum(contributions(LINEAR, values, reference)) == own - usual


@pytest.mark.parametrize("model", [deep(), trees()], ids=["mlp", "forest"])
def test_contributions_of_any_model_are_by_occlusion(model):
    values, reference = bytes(range(60, 60 + WIDTH)), bytes(range(0, 5 * WIDTH, 5))
    found = contributions(model, values, reference)
    for added, place in zip(found, places().values(), strict=True):
        occluded = values[: place.start] + reference[place] + values[place.stop :]
        logits = model.run(np.frombuffer(values + occluded, np.uint8).reshape(2, -1)).logits
        assert added == int(logits[0, 0]) - int(logits[1, 0])
    assert any(found)


def test_who_is_like_the_reference_has_no_reasons():
    values = rng.bytes(WIDTH)
    assert reasons_of(LINEAR, values, values) == ()


def test_at_most_four_reasons_the_weightiest_first_and_ties_to_the_earlier_attribute():
    weights = np.zeros((1, WIDTH), np.int64)
    at = list(places().values())
    for attribute, weight in ((16, 3), (1, 3), (4, 9), (6, -50), (9, 1), (13, 2)):
        weights[0, at[attribute]] = weight
    model = Net((Layer(weights, [0]),))
    found = reasons_of(model, bytes([1]) * WIDTH, bytes(WIDTH))
    assert found == (Reason(5, 9), Reason(2, 3), Reason(17, 3), Reason(14, 2))
    assert [reason.title for reason in found[:2]] == ["amount asked for", "length of the term"]


def test_inputs_of_another_width_are_refused():
    with pytest.raises(InputError, match="46 wanted"):
        contributions(LINEAR, bytes(45), bytes(46))


@pytest.fixture
def case():
    values = rng.bytes(WIDTH)
    answer = next(iter(LINEAR.run(np.frombuffer(values, np.uint8).reshape(1, -1))))
    return Case(b"d" * 20, 7, b"s" * 32, values, answer)


def test_whoever_knows_the_data_derives_the_record_again(case):
    record = reasons_record(LINEAR, case, bytes(WIDTH))
    assert record == reasons_record(LINEAR, case, bytes(WIDTH))
    assert read_reasons(record) == reasons_of(LINEAR, case.values, bytes(WIDTH))


@pytest.mark.parametrize("field", ["desk", "number", "salt", "reference"])
def test_the_record_is_bound_to_loan_data_and_reference(case, field):
    from dataclasses import replace

    base = reasons_record(LINEAR, case, bytes(WIDTH))
    if field == "reference":
        other = reasons_record(LINEAR, case, bytes(WIDTH - 1) + b"\x01")
    else:
        value = {"desk": b"e" * 20, "number": 8, "salt": b"t" * 32}[field]
        other = reasons_record(LINEAR, replace(case, **{field: value}), bytes(WIDTH))
    assert sha256(base) != sha256(other)


def test_no_reasons_are_given_for_an_answer_that_the_model_does_not_give(case):
    from dataclasses import replace

    lie = replace(case, answer=case.answer[:3] + bytes([case.answer[3] ^ 1]) + case.answer[4:])
    with pytest.raises(VerificationError, match="the model says"):
        reasons_record(LINEAR, lie, bytes(WIDTH))


def test_bytes_that_are_no_record_are_refused():
    bad = {"version": 1, "reasons": [{"code": len(ATTRIBUTES) + 1, "contribution": 1}]}
    for data in (dag_cbor({"version": 2, "reasons": []}), dag_cbor(bad), b"\xff"):
        with pytest.raises(InputError):
            read_reasons(data)
