"""Why an application was declined: what each attribute added to the risk, in the model's integers.

An attribute's *contribution* is the logit of the applicant's bytes minus the logit of the same
bytes with the attribute's own replaced by those of a reference: what the attribute adds to the
risk beside a usual borrower who paid back. For a linear model that is ``sum(w_i * (p_i - r_i))``
over its features. The reasons are the four greatest positive contributions, the earlier attribute
first where two are equal. Code n is the n-th attribute of `ATTRIBUTES`, from 1.

The record of the reasons is bound to one answer and salted with a key that follows from the
applicant's own salt: its digest tells a stranger nothing, and whoever holds the application, the
applicant first of all, derives the record again to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterpoise.apps.lending.attributes import ATTRIBUTES, FEATURES, places
from counterpoise.core.digest import dag_cbor, from_dag_cbor, sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.inference import IntegerModel, input_commitment

MOST_REASONS = 4
VERSION = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """One attribute that counted against an applicant.

    Parameters
    ----------
    code :
        Its place among `ATTRIBUTES`, from 1.
    contribution :
        Units of the logit that it added beside the reference; positive.
    """

    code: int
    contribution: int

    @property
    def title(self) -> str:
        """What the applicant is told."""
        return ATTRIBUTES[self.code - 1].title


@dataclass(frozen=True, slots=True)
class Case:
    """A declined application, as whoever knows its data sees it.

    Parameters
    ----------
    desk :
        Address of the desk, 20 bytes.
    number :
        Of the loan.
    salt, values :
        What the applicant committed to.
    answer :
        The final answer of the model.
    """

    desk: bytes
    number: int
    salt: bytes
    values: bytes
    answer: bytes

    @property
    def commitment(self) -> bytes:
        """The commitment under which the applicant applied."""
        return input_commitment(self.salt, self.values)


def contributions(model: IntegerModel, values: bytes, reference: bytes) -> list[int]:
    """Give what each attribute adds to the logit beside the reference, in their order.

    Parameters
    ----------
    values, reference :
        One byte a feature, in the order of `FEATURES`.
    """
    if len(values) != len(FEATURES) or len(reference) != len(FEATURES):
        raise InputError(
            f"{len(values)} bytes beside {len(reference)} of reference, {len(FEATURES)} wanted"
        )
    own, usual = (np.frombuffer(data, np.uint8) for data in (values, reference))
    rows = np.tile(own, (len(ATTRIBUTES) + 1, 1))
    for row, place in enumerate(places().values(), start=1):
        rows[row, place] = usual[place]
    logits = [int(logit) for logit in model.run(rows).logits[:, 0]]
    return [logits[0] - replaced for replaced in logits[1:]]


def reasons_of(model: IntegerModel, values: bytes, reference: bytes) -> tuple[Reason, ...]:
    """Give at most four reasons, the weightiest first."""
    found = [
        Reason(code, added)
        for code, added in enumerate(contributions(model, values, reference), start=1)
        if added > 0
    ]
    found.sort(key=lambda reason: (-reason.contribution, reason.code))
    return tuple(found[:MOST_REASONS])


def reasons_record(model: IntegerModel, case: Case, reference: bytes) -> bytes:
    """Give the record of a decline's reasons; its SHA-256 is what the desk is told.

    Raises
    ------
    VerificationError :
        The answer is not what the model answers to these data.
    """
    own = next(iter(model.run(np.frombuffer(case.values, np.uint8).reshape(1, -1))))
    if own != case.answer:
        raise VerificationError(
            f"the answer to loan {case.number} is {case.answer.hex()}, the model says {own.hex()}"
        )
    return dag_cbor(
        {
            "version": VERSION,
            "desk": case.desk,
            "loan": case.number,
            "model": model.id,
            "input": case.commitment,
            "answer": case.answer,
            "reference": sha256(reference),
            "reasons": [
                {"code": reason.code, "contribution": reason.contribution}
                for reason in reasons_of(model, case.values, reference)
            ],
            "salt": sha256(b"counterpoise reasons" + case.salt),
        }
    )


def read_reasons(record: bytes) -> tuple[Reason, ...]:
    """Read the reasons of a record that was delivered.

    Raises
    ------
    InputError :
        It is no such record.
    """
    fields = from_dag_cbor(record)
    match fields:
        case {"version": 1, "reasons": list(listed)}:
            return tuple(_reason(item) for item in listed)
    raise InputError("these bytes are no record of reasons")


def _reason(item: object) -> Reason:
    match item:
        case {"code": int(code), "contribution": int(added)} if 1 <= code <= len(ATTRIBUTES):
            return Reason(code, added)
    raise InputError(f"{item!r} is no reason")
