"""One job on the rows: the same computation for the node that is paid and for its auditor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.market.compute_to_data.algorithms import (
    CODE,
    EVALUATION,
    Manifest,
    package_digest,
)
from counterpoise.market.compute_to_data.evaluation import Plan, counts_of, groups_of, plan_of
from counterpoise.market.compute_to_data.leaving import (
    code_outputs,
    evaluation_outputs,
    table_leaving,
)
from counterpoise.market.compute_to_data.noise import Coins
from counterpoise.market.compute_to_data.overlap import OUTSIDE, Groups, check_overlap
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.request import Request
from counterpoise.market.compute_to_data.rows import Columns, Rows
from counterpoise.market.compute_to_data.sandbox import Limits, run_code
from counterpoise.store import Store

FORMAT = "counterpoise-data-result/v1"
MAX_RESULT = 1 << 16
NO_MODEL = bytes(32)


@dataclass(frozen=True, eq=False)
class Work:
    """A job that may run, before its rows are looked at.

    Parameters
    ----------
    plan :
        Of an evaluation; None for own code.
    source :
        Of own code.
    """

    request: Request
    policy: DataPolicy
    manifest: Manifest
    plan: Plan | None = None
    source: bytes = b""

    @property
    def model(self) -> bytes:
        """Id of the model that is evaluated; zeros where none is."""
        return self.plan.question.model if self.plan else NO_MODEL


@dataclass(frozen=True, eq=False)
class Found:
    """What a job gave.

    Parameters
    ----------
    outputs :
        As they leave.
    groups :
        Into which groups it sorted the rows; None where noise makes that no matter.
    """

    outputs: dict[str, Any]
    groups: Groups | None


def prepared(
    request: Request,
    policy: DataPolicy,
    manifest: Manifest,
    columns: Columns,
    rows: int,
    store: Store,
    source: bytes,
) -> Work:
    """Fetch all that a job needs beside the rows.

    Raises
    ------
    NotAdmitted :
        By ``code``, ``model``, ``parameters`` or ``columns``.
    """
    if manifest.kind == CODE:
        return Work(request, policy, manifest, source=source)
    if manifest.kind != EVALUATION or manifest.code != package_digest():
        raise NotAdmitted(
            "code",
            "this release computes otherwise than the one whose evaluation was admitted",
            hint="admit the evaluation of this release",
        )
    return Work(request, policy, manifest, plan_of(request, columns, rows, store))


def run(work: Work, rows: Rows, classes: Groups, secret: bytes) -> Found:
    """Do a job; the same again to the bit, wherever and whenever it is done with this secret.

    Parameters
    ----------
    classes :
        Of the rows, after all answers before this one; see `overlap`.
    secret :
        The owner's, from which noise follows.

    Raises
    ------
    NotAdmitted :
        By ``rows``, ``overlap``, ``limits`` or ``output``. Rows were looked at.
    """
    terms, request = work.policy.disclosure, work.request
    if work.plan is None:
        return _run_code(work, rows, classes)
    groups = groups_of(work.plan, request, rows)
    coins = Coins(secret, request.digest) if terms.noise else None
    if coins is None:
        check_overlap(classes, groups, terms.least_rows)
    counts = table_leaving(counts_of(work.plan, groups, rows), terms, coins, request.noise)
    return Found(evaluation_outputs(work.plan, counts), None if coins else groups)


def _run_code(work: Work, rows: Rows, classes: Groups) -> Found:
    policy, request = work.policy, work.request
    chosen = rows.selected(request.where)
    groups: Groups = np.where(chosen, 0, OUTSIDE).astype(np.int64)
    check_overlap(classes, groups, policy.disclosure.least_rows)
    columns = {name: rows.column(name)[chosen] for name in request.columns}
    limits = Limits(policy.seconds, policy.memory)
    found = run_code(work.source, columns, request.parameters, limits)
    return Found(code_outputs(work.manifest, found, policy.disclosure), groups)


def result_bytes(work: Work, row_root: bytes, outputs: dict[str, Any], secret: bytes) -> bytes:
    """Give the result's canonical JSON: what the escrow's deliverable is the SHA-256 of.

    A blind that follows from the owner's secret keeps a sealed result from being guessed.

    Raises
    ------
    NotAdmitted :
        By ``output``: it is too long.
    """
    request = work.request
    data = canonical_json(
        {
            "format": FORMAT,
            "request": request.digest.hex(),
            "policy": request.policy.hex(),
            "dataset": work.policy.dataset.hex(),
            "row_root": row_root.hex(),
            "algorithm": request.algorithm.hex(),
            "code": work.manifest.code.hex(),
            "model": work.model.hex(),
            "outputs": outputs,
            "blind": sha256(b"counterpoise blind v1\0" + secret + request.digest).hex()[:32],
        }
    )
    if len(data) > MAX_RESULT:
        raise NotAdmitted("output", f"a result of {len(data)} bytes, at most {MAX_RESULT}")
    return data
