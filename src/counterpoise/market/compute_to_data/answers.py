"""What an owner's node states: results, refusals, admissions; how a buyer reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from counterpoise.core.digest import sha256
from counterpoise.core.errors import VerificationError
from counterpoise.core.units import Address, to_checksum
from counterpoise.federation import Notary
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.records import digest_from, read_object
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.request import Request
from counterpoise.market.compute_to_data.work import MAX_RESULT, Work
from counterpoise.market.sealing import is_sealed, unseal
from counterpoise.provenance import (
    AddressVerifier,
    Envelope,
    Statement,
    Subject,
    check_envelope,
    kind_of,
)
from counterpoise.store import Store

RESULTS = ("evaluation", "computation")
REFUSAL, ADMISSION = "data-refusal", "data-admission"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node said of a request.

    Parameters
    ----------
    outputs :
        The result; None where the request was refused.
    rule, message :
        Why it was refused; empty where it was not.
    digest :
        Of the result: the escrow's deliverable.
    statement :
        The signed statement's digest.
    """

    outputs: dict[str, Any] | None
    rule: str
    message: str
    digest: bytes
    statement: bytes


def state_result(notary: Notary, work: Work, result: bytes, blob: bytes, **place: Any) -> Envelope:
    """State a result: its metrics where everybody may read it, else its digest alone.

    Parameters
    ----------
    result, blob :
        The result's bytes, and what lies in the store: the same, or sealed.
    place :
        ``row_root``, ``job``, ``number`` and ``begun``, when it was charged.
    """
    request, policy = work.request, work.policy
    is_public = policy.disclosure.is_public
    common: dict[str, Any] = {
        "request": request.digest,
        "policy": request.policy,
        "dataset": policy.dataset,
        "code": work.manifest.code,
        "result": sha256(result),
        "blob": sha256(blob),
        "sealed": not is_public,
        **place,
    }
    subject, inputs = [Subject("result", sha256(result))], _inputs(request, policy)
    if work.plan is None or not is_public:
        return notary.state("computation", subject, inputs=inputs, **common)
    metrics = read_object(result, "result", MAX_RESULT)["outputs"]["metrics"]
    inputs.append({"sha256": work.model, "role": "model"})
    return notary.state(
        "evaluation", subject, inputs=inputs, model=work.model, metrics=metrics, **common
    )


def state_refusal(
    notary: Notary,
    request: bytes,
    job: int,
    refusal: NotAdmitted,
    *,
    number: int = 0,
    begun: int = 0,
) -> Envelope:
    """State that a request was refused, by which rule, and whether it used up a job.

    Parameters
    ----------
    number, begun :
        The job's number and when it was charged, where its rows had been looked at; else 0.
    """
    return notary.state(
        REFUSAL,
        [Subject("request", request)],
        inputs=[{"sha256": request, "role": "request"}],
        request=request,
        job=job,
        rule=refusal.rule,
        message=refusal.message,
        counted=bool(number),
        number=number,
        begun=begun,
    )


def state_admission(notary: Notary, request: Request, policy: DataPolicy, **place: Any) -> Envelope:
    """State that a training task is joined: ``task``, the digest of its terms, and ``job``."""
    return notary.state(
        ADMISSION,
        [Subject("task", place["task"])],
        inputs=_inputs(request, policy),
        request=request.digest,
        policy=request.policy,
        dataset=policy.dataset,
        **place,
    )


def _inputs(request: Request, policy: DataPolicy) -> list[dict[str, Any]]:
    return [
        {"sha256": request.digest, "role": "request"},
        {"sha256": request.policy, "role": "policy"},
        {"sha256": policy.dataset, "role": "dataset"},
        {"sha256": request.algorithm, "role": "algorithm"},
    ]


def read_answer(
    envelope: Envelope,
    owner: Address,
    request: bytes,
    store: Store,
    key: Callable[[], bytes],
) -> Answer:
    """Read what an owner's node said of a request.

    Raises
    ------
    VerificationError :
        The owner did not sign it, it is of another request, or the result is not the one stated.
    """
    statement = check_envelope(envelope, [AddressVerifier(owner)])
    found = statement.predicate
    if found.get("request") != request.hex() or found["actor"] != to_checksum(owner):
        raise VerificationError("the answer is of another request, or stated by another")
    kind = kind_of(statement)
    if kind == REFUSAL:
        return Answer(None, found["rule"], str(found["message"]), bytes(32), statement.digest)
    if kind == ADMISSION:
        task = {"task": found["task"], "job": found["job"]}
        return Answer(task, "", "", bytes(32), statement.digest)
    if kind not in RESULTS:
        raise VerificationError(f"a {kind} statement answers no request")
    data = fetch_result(statement, store, key)
    outputs = read_object(data, "result", MAX_RESULT)["outputs"]
    return Answer(outputs, "", "", sha256(data), statement.digest)


def fetch_result(
    statement: Statement, store: Store, key: Callable[[], bytes] | None = None
) -> bytes:
    """Fetch the result that a statement states, opening it if it is sealed.

    Raises
    ------
    VerificationError :
        It is not the one stated, or it is sealed and no key is given.
    """
    found = statement.predicate
    blob = store.fetch(digest_from(found["blob"]), max_bytes=2 * MAX_RESULT)
    if found["sealed"]:
        if key is None:
            raise VerificationError("the result is sealed to its buyer")
        if not is_sealed(blob):
            raise VerificationError("the result is stated as sealed, and is not")
        blob = unseal(blob, key(), digest_from(found["request"]))
    if sha256(blob).hex() != found["result"]:
        raise VerificationError("the result is not the one that the owner stated")
    if read_object(blob, "result", MAX_RESULT)["request"] != found["request"]:
        raise VerificationError("the result is of another request")
    return blob
