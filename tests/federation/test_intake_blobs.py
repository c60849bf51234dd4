"""What a job stands on: terms, validation set and model as blobs, read from any bytes."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from village import RULES, owners

from counterpoise.core.digest import array_bytes, canonical_json, dag_cbor, from_dag_cbor
from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.replay import Replay, statistics_of
from counterpoise.federation.rules import Feature, Model, TaskRules
from counterpoise.federation.terms import Terms
from counterpoise.federation.validation import Disclosure, ValidationSet
from counterpoise.store import Store

PLACE = (1, 31337, b"\1" * 20, b"\2" * 20, b"\3" * 20)
TERMS = Terms(*PLACE, RULES, 10**18, 60, 61, 62, b"b" * 32, b"v" * 32)
ROWS = ValidationSet(tuple(row for one in owners(2) for row in one.disclosures(4)))
MODEL = ModelFile(np.array([1, -2, 3], np.int32), np.array([4, 5, 6], np.int64))
HOSTILE = settings(max_examples=200, deadline=None, phases=[Phase.generate])
READERS = {
    "terms": (Terms.from_bytes, TERMS.to_bytes()),
    "validation": (ValidationSet.from_bytes, ROWS.to_bytes()),
    "model": (ModelFile.from_bytes, MODEL.to_bytes()),
}


def test_what_is_written_is_read_again():
    assert Terms.from_bytes(TERMS.to_bytes()) == TERMS
    assert ValidationSet.from_bytes(ROWS.to_bytes()) == ROWS
    again = ModelFile.from_bytes(MODEL.to_bytes())
    assert (again.params.tolist(), again.statistics.tolist()) == ([1, -2, 3], [4, 5, 6])


def test_every_field_of_the_terms_is_in_their_digest():
    other = {
        int: lambda value: value + 1,
        bytes: lambda value: value[:-1] + b"\0",
        TaskRules: lambda value: replace(value, clip=value.clip - 1),
    }
    digests = {TERMS.digest}
    for field in fields(Terms):
        value = getattr(TERMS, field.name)
        digests.add(replace(TERMS, **{field.name: other[type(value)](value)}).digest)
    assert len(digests) == 1 + len(fields(Terms))


@pytest.mark.parametrize("what", READERS)
@given(data=st.data())
@HOSTILE
def test_any_bytes_are_read_or_refused_by_an_error_of_the_house(what, data):
    read, good = READERS[what]
    broken = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(broken) - 1))
        broken[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    for candidate in (bytes(broken), data.draw(st.binary(max_size=60))):
        try:
            found = read(candidate)
        except CounterpoiseError:
            continue
        assert found.to_bytes() == candidate


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(st.sampled_from(list(json.loads(TERMS.to_bytes()))), ANY)
@HOSTILE
def test_terms_with_any_value_in_a_field_are_refused_or_canonical(field, value):
    record = json.loads(TERMS.to_bytes()) | {field: value}
    data = canonical_json(record)
    try:
        found = Terms.from_bytes(data)
    except InputError:
        return
    assert found.to_bytes() == data
    assert all(type(getattr(found, name)) is int for name in ("job", "chain_id", "stake"))


@pytest.mark.parametrize(
    "change",
    [
        {"job": -1},
        {"job": True},
        {"job": "1"},
        {"chain_id": None},
        {"stake": 5},
        {"stake": "-5"},
        {"stake": "5.0"},
        {"stake": "05"},
        {"stake": "٥"},
        {"stake": "9" * 5000},
        {"seconds": [1, 2]},
        {"seconds": [1, 2, 3, 4]},
        {"seconds": [1, 2, -3]},
        {"base": "ab"},
        {"base": "AB" * 32},
        {"validation": 7},
        {"sponsor": "0x00"},
        {"rules": []},
        {"rules": {}},
    ],
)
def test_malformed_terms_are_refused(change):
    with pytest.raises(InputError):
        Terms.from_bytes(canonical_json(json.loads(TERMS.to_bytes()) | change))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"7", b"\xff", b"[" * 100_000, b"[" * 4096, b"x" * 2**21]
)
def test_what_is_no_record_is_no_terms(data):
    with pytest.raises(InputError, match="no terms of a job"):
        Terms.from_bytes(data)


def test_terms_in_another_spelling_are_refused():
    with pytest.raises(InputError, match="not in canonical form"):
        Terms.from_bytes(json.dumps(json.loads(TERMS.to_bytes())).encode())


# The validation set


def rows_with(**changes):
    row = replace(ROWS.disclosures[0], **changes)
    return dag_cbor({"format": "counterpoise-validation/v1", "rows": [row.record()]})


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": "40"},
        {"index": None},
        {"index": 1.0},
        {"index": 2**63},
        {"salt": "salt"},
        {"row_root": 5},
        {"values": ()},
        {"values": (1,)},
        {"values": (1, 2.5, 0)},
        {"values": (1, True, 0)},
        {"values": (1, 2**62, 0)},
        {"proof": ("a",)},
    ],
)
def test_a_malformed_validation_row_is_refused(changes):
    with pytest.raises(InputError, match="the validation set is malformed"):
        ValidationSet.from_bytes(rows_with(**changes))


@pytest.mark.parametrize("rows", [[], {}, "rows", [[]], ["abcdef"], [1], None, 5])
def test_a_validation_set_of_no_rows_or_of_something_else_is_refused(rows):
    data = dag_cbor({"format": "counterpoise-validation/v1", "rows": rows})
    with pytest.raises(InputError, match="the validation set is malformed"):
        ValidationSet.from_bytes(data)


@pytest.mark.parametrize("record", [[], {"format": "other/v1", "rows": []}, {"rows": []}, None])
def test_another_format_is_no_validation_set(record):
    with pytest.raises(InputError, match="no validation set"):
        ValidationSet.from_bytes(dag_cbor(record))


@pytest.mark.parametrize(
    "changes",
    [
        {"values": (1, 2, 1)},
        {"salt": bytes(16)},
        {"index": 1},
        {"rows": 10**6},
        {"row_root": bytes(32)},
        {"proof": ()},
        {"index": -1},
        {"index": 40},
    ],
)
def test_a_row_that_is_not_in_its_dataset_is_refused(changes):
    ROWS.check(RULES)
    with pytest.raises(VerificationError):
        replace(ROWS.disclosures[0], **changes).check()


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (replace(RULES, features=(Feature("a", 0, 0, 9), RULES.features[1])), "a ranges from"),
        (TaskRules(Model(1), RULES.features[:1], rounds=1, clip=9), "rows of shape"),
    ],
)
def test_rows_that_do_not_fit_the_rules_are_refused(rules, words):
    with pytest.raises(InputError, match=words):
        ROWS.check(rules)


def test_a_label_of_no_class_is_refused():
    first = ROWS.disclosures[0]
    row = Disclosure(first.row_root, 1, 0, first.salt, (1, 2, 7), ())
    with pytest.raises(InputError, match="a label is outside"):
        ValidationSet((row,)).check_fit(RULES)


# The model


@pytest.mark.parametrize(
    "change",
    [
        {"params": array_bytes(np.zeros(3))},
        {"params": array_bytes(np.zeros(3, np.int64))},
        {"params": array_bytes(np.zeros((1, 3), np.int32))},
        {"statistics": array_bytes(np.zeros(2, np.int64))},
        {"statistics": array_bytes(np.zeros((1, 3), np.int64))},
        {"statistics": array_bytes(np.zeros(3, np.int32))},
        {"params": [1, 2, 3]},
        {"params": None},
        {"format": "other"},
        {"remark": "x"},
    ],
)
def test_a_malformed_model_is_refused(change):
    record = from_dag_cbor(MODEL.to_bytes()) | change
    with pytest.raises(InputError):
        ModelFile.from_bytes(dag_cbor(record))


def test_a_model_lacks_what_it_lacks():
    record = from_dag_cbor(MODEL.to_bytes())
    del record["params"]
    with pytest.raises(InputError, match="the model lacks 'params'"):
        ModelFile.from_bytes(dag_cbor(record))


def test_a_models_statistics_are_those_it_was_given():
    found = statistics_of(ModelFile(MODEL.params, np.array([3, 1, 2, 5, 6], np.int64)))
    assert (found.rows, found.sums, found.squares) == (3, (1, 2), (5, 6))


@pytest.mark.parametrize("params", [[0, 0], [0, 0, 0, 0], [2**31 - 2 * RULES.clip, 0, 0]])
def test_a_base_that_does_not_fit_the_rules_is_refused(params):
    base = ModelFile(np.array(params, np.int32), np.zeros(0, np.int64))
    with pytest.raises(InputError, match="a base model of"):
        Replay(TERMS, {}, ROWS, Store("memory://base"), base)
