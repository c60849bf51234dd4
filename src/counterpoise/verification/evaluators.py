"""What all levels share: the verdict of an evaluator; a model's answer, run and checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterpoise.chain import Contract
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address
from counterpoise.inference import IntegerModel
from counterpoise.verification.prover import Evidence, Level, Request, Status


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a question stands, as its evaluator says.

    Parameters
    ----------
    providers :
        Who share the fee.
    answer :
        ``logits i32 || decision u16``; empty unless something is proposed or final.
    evidence :
        Digest of what proves it.
    time :
        When the status was reached, Unix seconds.
    """

    status: Status
    providers: tuple[Address, ...]
    answer: bytes
    evidence: bytes
    time: int


def fetch_verdict(contract: Contract, asker: Address, question: int) -> Verdict:
    """Fetch the verdict of any evaluator contract."""
    status, providers, answer, evidence, time = contract.call("verdict", asker, question)
    return Verdict(Status(status), tuple(providers), bytes(answer), bytes(evidence), int(time))


def answer_of(model: IntegerModel, request: Request) -> bytes:
    """Run a model on a request's input and give the answer's bytes.

    Raises
    ------
    InputError :
        The request names another model, or the input is not as long as the model wants it.
    """
    if model.id != request.model:
        raise InputError(
            f"the request asks model {request.model.hex()}, this is {model.id.hex()}",
            hint="load the model that the request names",
        )
    if len(request.values) != model.inputs:
        raise InputError(
            f"an input of {len(request.values)} bytes, the model wants {model.inputs}",
            hint="quantise the features with the model's own quantiser",
        )
    values = np.frombuffer(request.values, np.uint8).reshape(1, -1)
    return next(iter(model.run(values)))


def check_answer(level: Level, model: IntegerModel, request: Request, evidence: Evidence) -> None:
    """Raise `VerificationError` unless evidence of this level holds what the model answers."""
    if evidence.level != level:
        raise VerificationError(f"evidence of level {evidence.level.name}, {level.name} wanted")
    wanted = answer_of(model, request)
    if evidence.answer != wanted:
        raise VerificationError(
            f"the model answers {wanted.hex()}, the evidence says {evidence.answer.hex()}"
        )
