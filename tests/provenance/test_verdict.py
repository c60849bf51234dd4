"""The verdict counts every number and names the first false one exactly."""

import pytest

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance import Falsehood, Verdict
from counterpoise.provenance.verdict import HOLDS


def test_a_true_verdict_counts_and_raises_nothing():
    verdict = Verdict()
    assert verdict.check("a", 1, 1) and verdict.hold("b", True)
    verdict.raise_if_false()
    assert verdict.numbers == 2 and verdict.is_true and verdict.first is None


def test_the_first_false_number_is_named_with_both_values():
    verdict = Verdict()
    assert not verdict.check("round 2 / pay of 0x01", b"\x01", b"\x02")
    assert not verdict.hold("chain", False, "no event")
    verdict.refuse("blob", InputError("it is missing"))
    verdict.check("c", 1, 1)
    assert verdict.numbers == 4 and not verdict.is_true
    assert verdict.false == [
        Falsehood("round 2 / pay of 0x01", b"\x01", b"\x02"),
        Falsehood("chain", "no event", HOLDS),
        Falsehood("blob", "it is missing", HOLDS),
    ]
    with pytest.raises(VerificationError, match="round 2 / pay of 0x01 is 01, not 02") as refused:
        verdict.raise_if_false()
    assert refused.value.hint == "2 more are false"
