import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.core.json_text import read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(VALUES)
def test_what_json_writes_is_read(value):
    text = json.dumps(value)
    assert read_json(text, 100) == value
    assert read_json(text.encode(), 100) == value


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"b]":'])
def test_depth_counts_outside_strings_only(opening):
    depth = 5 * (opening.count("[") + opening.count("{"))
    closing = "".join({"[": "]", "{": "}"}[one] for one in reversed(opening) if one in "[{")
    text = opening * 5 + "1" + closing * 5
    assert read_json(text, depth) == json.loads(text)
    with pytest.raises(ValueError, match="nested deeper"):
        read_json(text, depth - 1)


@pytest.mark.parametrize("text", [b'"[[[[[[', b'"\\', b"\x80[[", b"]]]][[[[[", b"", b"[1"])
def test_what_is_no_json_is_refused_and_nothing_else_happens(text):
    with pytest.raises(ValueError):
        read_json(text, 4)


def test_brackets_in_a_text_are_no_nesting():
    assert read_json(json.dumps(["[" * 1000, '\\"[[[' * 100]), 1) == ["[" * 1000, '\\"[[[' * 100]


def test_deep_text_does_not_end_a_process_whose_recursion_limit_is_too_high():
    code = (
        "import sys; sys.setrecursionlimit(100_000)\n"
        "from counterpoise.core.json_text import read_json\n"
        "try: read_json(b'[' * 1_000_000)\n"
        "except ValueError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "refused", done.returncode
