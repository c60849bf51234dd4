"""Canonical JSON: RFC 8785, without what JSON readers disagree on."""

import enum
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.digest import canonical_json
from counterpoise.core.errors import InputError

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


class Kind(enum.StrEnum):
    A = "a"


def test_keys_are_sorted_as_in_the_rfc():
    names = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    found = json.loads(canonical_json(names))
    assert list(found.values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_strings_are_escaped_as_in_the_rfc():
    text = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/"
    assert canonical_json(text).decode() == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'
    assert canonical_json("\b\t\n\f\r\x7f\u2028").decode() == '"\\b\\t\\n\\f\\r\x7f\u2028"'


@settings(max_examples=150, deadline=None)
@given(values)
def test_any_json_reader_gives_the_value_back(value):
    data = canonical_json(value)
    assert json.loads(data) == value
    assert canonical_json(json.loads(data)) == data


@pytest.mark.parametrize("exact", [2**53 - 1, 1 - 2**53, 0])
def test_integers_within_53_bits_are_written(exact):
    assert canonical_json([exact]) == f"[{exact}]".encode()


@pytest.mark.parametrize("large", [2**53, -(2**53), 10**18])
def test_larger_integers_are_refused_with_a_hint(large):
    with pytest.raises(InputError) as refused:
        canonical_json({"amount": large})
    assert "$.amount" in str(refused.value)
    assert "string" in refused.value.hint


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), {"a": [1, 2.5]}, {1: 2}, {None: 1}, b"a", {1}, "\ud800", Kind.A, object()],
)
def test_what_has_no_canonical_json_is_refused(value):
    with pytest.raises(InputError):
        canonical_json(value)


def test_nesting_is_bounded():
    ring = []
    ring.append(ring)
    with pytest.raises(InputError):
        canonical_json(ring)


def test_tuples_are_lists():
    assert canonical_json((1, (2,))) == b"[1,[2]]"


ascii_texts = st.text(st.characters(max_codepoint=127))
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_texts, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(plain_values)
def test_the_fast_writer_gives_the_bytes_of_the_rfcs_own(value):
    import rfc8785

    assert canonical_json(value) == rfc8785.dumps(value)
