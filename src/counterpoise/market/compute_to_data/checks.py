"""Re-derives what an outsider can of data jobs: signatures, money, budgets, what left.

The rows are not there. That a result was computed from them can only be re-derived by whoever
holds them: see `auditing`. All else is: who asked and paid, what the policy then in force
admits, that no budget was exceeded, that counts are as coarse as the policy says, and that every
metric follows from the counts that left.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError, VerificationError
from counterpoise.jobs import JobsClient, Status
from counterpoise.market.compute_to_data.admission import (
    MARGIN,
    Place,
    check_algorithm,
    check_money,
    check_request,
    check_spent,
    cost_in_bits,
)
from counterpoise.market.compute_to_data.algorithms import CODE, MAX_MANIFEST, Manifest
from counterpoise.market.compute_to_data.answers import ADMISSION, RESULTS, fetch_result
from counterpoise.market.compute_to_data.consents import check_consent
from counterpoise.market.compute_to_data.evaluation import metrics_of
from counterpoise.market.compute_to_data.evidence import Evidence, Given, read_evidence
from counterpoise.market.compute_to_data.leaving import code_outputs, rounded
from counterpoise.market.compute_to_data.ledger import Spent
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.records import read_object
from counterpoise.market.compute_to_data.refusals import RULES
from counterpoise.market.compute_to_data.request import Request, description_of
from counterpoise.market.compute_to_data.training import check_admission
from counterpoise.market.compute_to_data.work import MAX_RESULT
from counterpoise.network import Network
from counterpoise.provenance import Progress, Verdict, silent


def verify_data_jobs(network: Network, verdict: Verdict, on_section: Progress = silent) -> int:
    """Verify every answer that owners' nodes have stated.

    Parameters
    ----------
    verdict :
        Collects what is found.
    on_section :
        Called with the name of each section before it begins.

    Returns
    -------
    How many answers there are, refusals among them.
    """
    on_section("data policies")
    evidence = read_evidence(network, verdict)
    for digest, policy in evidence.policies.items():
        root, signer = evidence.roots.get(policy.dataset, ("", b""))
        name = f"policy {digest.hex()[:16]} / dataset"
        verdict.hold(name, bool(root) and signer == policy.owner, "not stated by the owner")
    check = _Check(network, verdict, evidence)
    for number, given in enumerate(evidence.answers):
        on_section(f"data job {number + 1} of {len(evidence.answers)}")
        name = f"data job {given.request.hex()[:16]}"
        try:
            check.answer(name, given)
        except (CounterpoiseError, KeyError, TypeError, ValueError) as false:
            verdict.hold(name, False, str(false))
    on_section("data budgets")
    check.budgets()
    return len(evidence.answers)


class _Check:
    """The sections of a verification."""

    def __init__(self, network: Network, verdict: Verdict, evidence: Evidence) -> None:
        self.network, self.verdict, self.evidence = network, verdict, evidence
        self.jobs = JobsClient(network.contract("Jobs"))
        self.charged: dict[bytes, list[tuple[int, Request, DataPolicy, Manifest]]] = {}
        self._answered: set[tuple[bytes, int]] = set()

    def answer(self, name: str, given: Given) -> None:
        """One answer: its request, its policy, and what it says."""
        found, verdict = given.statement.predicate, self.verdict
        request = self.evidence.requests.get(given.request)
        if given.kind not in (*RESULTS, ADMISSION):
            verdict.hold(f"{name} / rule", found["rule"] in RULES, f"no rule {found['rule']!r}")
        if request is None:
            # Only a request that cannot be read is refused without standing in the log.
            unread = given.kind not in (*RESULTS, ADMISSION) and not given.number
            verdict.hold(f"{name} / request", unread, "it is not in the log")
            return
        verdict.check(f"{name} / signer", given.signer, request.owner)
        once = (given.request, int(found["job"]))
        verdict.hold(f"{name} / once", once not in self._answered, "it was answered twice")
        self._answered.add(once)
        policy = self.evidence.policies.get(request.policy)
        if given.kind in (*RESULTS, ADMISSION) or given.number:
            if policy is None:
                raise VerificationError("its policy is not in the log")
            self._charged(name, given, request, policy)
        elif self._delivered(int(found["job"])):
            verdict.hold(f"{name} / refusal", False, "it was refused and delivered")

    def _charged(self, name: str, given: Given, request: Request, policy: DataPolicy) -> None:
        """One answer that used up a job: its admission, its escrow, what left."""
        found, evidence = given.statement.predicate, self.evidence
        time = int(found["begun"])
        self.verdict.hold(f"{name} / begun", time <= found["time"], "after it was answered")
        place = Place(given.signer, self.network.charter.chain_id, self.jobs.address)
        check_request(request, place, policy, time)
        check_consent(evidence.consents, request, policy, time)
        stated = evidence.entries[request.policy]
        self.verdict.hold(f"{name} / policy", stated < given.entry, "it was stated afterwards")
        blob = self.network.store.fetch(request.algorithm, max_bytes=MAX_MANIFEST)
        manifest, columns = Manifest.from_bytes(blob), evidence.columns[policy.dataset]
        self.charged.setdefault(policy.dataset, []).append(
            (given.number, request, policy, manifest)
        )
        if given.kind == ADMISSION:
            check_admission(self.network, given.statement, request, policy, columns)
            return
        check_algorithm(request, policy, manifest, columns)
        self._money(name, given, request, policy)
        if given.kind in RESULTS:
            self._result(name, given, policy, manifest)

    def _money(self, name: str, given: Given, request: Request, policy: DataPolicy) -> None:
        """The escrow of an answer: between these two, for this request, as the policy asks."""
        number, verdict = int(given.statement.predicate["job"]), self.verdict
        job = self.jobs.job(number)
        check_money(request, policy, job, job.expires - MARGIN)
        wanted = description_of(given.request)
        verdict.check(f"{name} / escrow", self.jobs.description(number), wanted)
        if given.kind in RESULTS:
            result = bytes.fromhex(given.statement.predicate["result"])
            verdict.check(f"{name} / deliverable", self._delivered(number), result)
        else:
            verdict.hold(f"{name} / unpaid", job.status is not Status.COMPLETED, "it was paid")

    def _result(self, name: str, given: Given, policy: DataPolicy, manifest: Manifest) -> None:
        """What left: where everybody may read it, all of it; else what is stated of it."""
        found, verdict = given.statement.predicate, self.verdict
        root = self.evidence.roots[policy.dataset][0]
        stated = (found["dataset"], found["row_root"], found["code"])
        wanted = (policy.dataset.hex(), root, manifest.code.hex())
        verdict.check(f"{name} / dataset, rows, code", stated, wanted)
        is_sealed = not policy.disclosure.is_public
        verdict.check(f"{name} / sealed", found["sealed"], is_sealed)
        if is_sealed:
            verdict.check(f"{name} / kind", given.kind, "computation")
            blob = self.network.store.fetch(bytes.fromhex(found["blob"]), max_bytes=2 * MAX_RESULT)
            verdict.check(f"{name} / blob", sha256(blob).hex(), found["blob"])
            return
        result = read_object(fetch_result(given.statement, self.network.store), "result", 1 << 17)
        names = ("request", "policy", "dataset", "row_root", "code")
        verdict.check(f"{name} / result", [result[n] for n in names], [found[n] for n in names])
        outputs = result["outputs"]
        if manifest.kind == CODE:
            left = code_outputs(manifest, outputs, policy.disclosure)
            verdict.check(f"{name} / outputs", outputs, left)
        else:
            verdict.check(f"{name} / model", found["model"], result["model"])
            verdict.check(f"{name} / stated metrics", found["metrics"], outputs["metrics"])
            self._table(name, outputs, policy)

    def _table(self, name: str, outputs: dict[str, Any], policy: DataPolicy) -> None:
        """A table of counts: as coarse as the policy says, and its metrics follow from it."""
        counts, terms = np.array(outputs["counts"], dtype=np.int64), policy.disclosure
        if terms.noise is None:
            left = [rounded(count, terms) for count in counts.reshape(-1).tolist()]
            self.verdict.check(f"{name} / counts", counts.reshape(-1).tolist(), left)
        metrics = metrics_of(
            tuple(outputs["edges"]), int(outputs["threshold"]), np.maximum(counts, 0)
        )
        self.verdict.check(f"{name} / metrics", outputs["metrics"], metrics)

    def budgets(self) -> None:
        """Every dataset's jobs, in order: none beyond what the policy then in force allows."""
        for dataset, charged in self.charged.items():
            name, spent = f"dataset {dataset.hex()[:16]}", Spent()
            numbers = [number for number, *_ in charged]
            self.verdict.check(f"{name} / numbers", len(set(numbers)), len(numbers))
            for number, request, policy, manifest in sorted(charged, key=lambda one: one[0]):
                try:
                    check_spent(request, policy, manifest, spent)
                    self.verdict.hold(f"{name} / job {number}", number > 0, "it has no number")
                except CounterpoiseError as beyond:
                    self.verdict.refuse(f"{name} / job {number}", beyond)
                spent = spent.plus(request.buyer, cost_in_bits(manifest), request.noise)

    def _delivered(self, job: int) -> bytes | None:
        for event in self.jobs.history(job):
            if event.name == "JobSubmitted":
                return bytes(event.args["deliverable"])
        return None
