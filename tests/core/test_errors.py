"""The tree of errors keeps the exit codes that its drawing promises."""

import re

import pytest

from counterpoise.core import errors

DRAWN = re.findall(r"(\w+) .*exit (\d)", errors.__doc__)


@pytest.mark.parametrize(("name", "code"), DRAWN)
def test_each_error_exits_with_the_code_in_the_drawing(name, code):
    assert getattr(errors, name).exit_code == int(code)
    assert issubclass(getattr(errors, name), errors.CounterpoiseError)


def test_every_error_is_in_the_drawing():
    defined = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert defined == set(re.findall(r"[├└│─ ]*([A-Z]\w+)", errors.__doc__)) & defined


def test_an_error_carries_its_message_and_its_hint():
    error = errors.InputError("three found, two wanted", hint="remove one")
    assert (str(error), error.message, error.hint) == ("three found, two wanted",) * 2 + (
        "remove one",
    )
    reverted = errors.Reverted("Jobs.fund", "jobs: wrong budget")
    assert str(reverted) == "Jobs.fund was refused: jobs: wrong budget"
    assert "pip install 'counterpoise[parquet]'" in errors.MissingExtra("x", extra="parquet").hint
