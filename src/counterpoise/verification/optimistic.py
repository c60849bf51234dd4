"""The optimistic prover: it answers with a bond, reveals what is demanded, and settles."""

from __future__ import annotations

import time
from collections.abc import Callable

from counterpoise.chain import Account
from counterpoise.core.digest import dag_cbor, from_dag_cbor
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.inference import IntegerModel, Trace
from counterpoise.verification.cells import Withheld, asserted_of, first_false
from counterpoise.verification.evaluators import answer_of, check_answer
from counterpoise.verification.judge_rules import claim_of
from counterpoise.verification.optimistic_client import OptimisticClient, Proposal, may_publish
from counterpoise.verification.prover import Evidence, Level, Request, Status

EARLY = ("optimistic: the window is open", "optimistic: time to reveal is left")
"""Refusals of a chain whose clock is behind ours: look again later."""


class Optimistic:
    """The prover of a node that stakes a bond on its answers.

    Nothing is kept between calls: what is due is read from the chain, and a trace that must be
    revealed is in the evidence.

    Parameters
    ----------
    client :
        The bonded answers that the questions name as their evaluator.
    publish :
        Whether a small trace goes on the chain with the answer. Without it nothing but hashes
        goes there while nobody disputes, and a conviction takes up to three transactions.
    clock :
        The time in Unix seconds, for a chain without blocks while nothing happens.
    """

    level = Level.OPTIMISTIC

    def __init__(
        self,
        client: OptimisticClient,
        *,
        publish: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.client = client
        self.publish = publish
        self.clock = clock

    def prove(self, model: IntegerModel, request: Request) -> Evidence:
        """Run the model and keep its trace: `digest` is the root, `proof` the hidden leaves."""
        answer_of(model, request)
        trace = model.trace(request.values, request.salt)
        proof = dag_cbor(list(trace.payloads[1:-1]))
        return Evidence(self.level, trace.answer, trace.root, proof)

    def verify(self, model: IntegerModel, request: Request, evidence: Evidence) -> None:
        """Raise `VerificationError` unless every number of the trace is the model's."""
        check_answer(self.level, model, request, evidence)
        truth = model.trace(request.values, request.salt)
        trace = trace_in(request, evidence)
        if len(trace.payloads) != len(truth.payloads):
            raise VerificationError(
                f"a trace of {len(trace.payloads)} leaves, {len(truth.payloads)} wanted"
            )
        found = first_false(model, truth, asserted_of(trace))
        if found is not None and not isinstance(found, Withheld):
            raise VerificationError(f"{found.kind.name.lower()} {found.row} of the trace is false")
        if evidence.digest != truth.root:
            raise VerificationError(
                f"the trace has root {truth.root.hex()}, the evidence says {evidence.digest.hex()}"
            )

    def advance(self, account: Account, request: Request, evidence: Evidence) -> Status:
        """Propose, reveal, settle, whatever is due; tell where the question stands."""
        found = self.client.verdict(request.asker, request.id)
        if found.status in (Status.FINAL, Status.FAILED):
            return found.status
        try:
            self._step(account, request, evidence, found.answer)
        except Reverted as refused:
            # Another node may have been faster; if not, the refusal is ours.
            same = self.client.verdict(request.asker, request.id) == found
            if same and refused.reason not in EARLY:
                raise
        return self.client.verdict(request.asker, request.id).status

    def now(self) -> int:
        """Give the time of the next block, as far as it is known."""
        return max(self.client.contract.chain.block().time + 1, int(self.clock()))

    def _step(
        self, account: Account, request: Request, evidence: Evidence, proposed: bytes
    ) -> None:
        client, place = self.client, (request.asker, request.id)
        standing = client.proposal(*place)
        trace = trace_in(request, evidence)
        if not standing.stands:
            self._propose(account, request, trace)
        elif standing.open_demands:
            self._answer_demands(account, request, trace, standing)
        elif self.now() >= standing.ends and proposed == evidence.answer:
            client.settle(account, *place)

    def _propose(self, account: Account, request: Request, trace: Trace) -> None:
        if self.now() > request.deadline:
            return
        if not self.client.is_admitted(request.model):
            self.client.admit(account, request.model)
        publish = self.publish and may_publish(trace)
        place = (request.asker, request.id, request.model)
        self.client.propose(account, *place, trace, publish=publish)

    def _answer_demands(
        self, account: Account, request: Request, trace: Trace, standing: Proposal
    ) -> None:
        """Reveal what is demanded of our own trace; let a late provider that is not us forfeit."""
        place = (request.asker, request.id)
        is_ours = standing.claim == claim_of(request.model, trace.root)
        for leaf, deadline in self.client.open_demands(*place).items():
            if self.now() < deadline and is_ours:
                self.client.reveal(account, *place, request.model, trace, leaf)
            elif self.now() >= deadline and standing.provider != account.address:
                self.client.forfeit(account, *place, leaf)
                return


def trace_in(request: Request, evidence: Evidence) -> Trace:
    """Give the trace that evidence holds, together with the request's input.

    Raises
    ------
    InputError :
        The proof is no list of payloads.
    """
    hidden = from_dag_cbor(evidence.proof)
    if not isinstance(hidden, list) or not all(isinstance(one, bytes) for one in hidden):
        raise InputError("the proof of an optimistic answer is a list of the trace's payloads")
    return Trace(request.salt, (request.values, *hidden, evidence.answer))
