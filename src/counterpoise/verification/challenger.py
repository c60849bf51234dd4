"""The challenger: it recomputes what others propose, and takes the bond of who lies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from counterpoise.chain import Account
from counterpoise.core.errors import Reverted
from counterpoise.core.units import Address
from counterpoise.inference import IntegerModel, input_commitment
from counterpoise.verification.cells import Asserted, Withheld, false_input, first_false
from counterpoise.verification.judge_rules import Cell
from counterpoise.verification.optimistic_client import OptimisticClient, Proposal
from counterpoise.verification.prover import Request

SALT = 32
Inputs = Callable[[bytes], tuple[bytes, bytes] | None]
"""Gives the salt and the bytes of an input by its commitment; None if they are not to be had."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """What was done about a proposal.

    Parameters
    ----------
    step :
        ``convicted``, ``demanded`` or ``forfeited``.
    what :
        The cell that was proven false, or the leaf that was not shown.
    """

    asker: Address
    id: int
    step: str
    what: str


class Challenger:
    """Disputes false proposals by itself; keeps nothing between calls.

    Parameters
    ----------
    client :
        The bonded answers to watch.
    demand_inputs :
        Whether an input that is not to be had is demanded from who answered it; it is public then.
    clock :
        The time in Unix seconds, for a chain without blocks while nothing happens.
    """

    def __init__(
        self,
        client: OptimisticClient,
        *,
        demand_inputs: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.client = client
        self.demand_inputs = demand_inputs
        self.clock = clock

    def step(
        self, account: Account, models: Mapping[bytes, IntegerModel], inputs: Inputs
    ) -> list[Dispute]:
        """Look at every proposal that stands for a model we hold; tell what was done."""
        done: list[Dispute] = []
        last = {(e.args["asker"], e.args["id"]): e.args for e in self.client.traced()}
        for (asker, question), args in last.items():
            model = models.get(args["model"])
            if model is None or not self.client.proposal(asker, question).stands:
                continue
            known = inputs(args["input"])
            dispute = self.look(account, model, asker, question, known)
            if dispute is not None:
                done.append(dispute)
        return done

    def challenge(
        self, account: Account, model: IntegerModel, request: Request, answer: bytes = b""
    ) -> bool:
        """Dispute what stands for one request, if it is false; tell whether something was sent.

        Parameters
        ----------
        answer :
            What was seen to be proposed; what stands now is looked up.
        """
        known = (request.salt, request.values)
        return self.look(account, model, request.asker, request.id, known) is not None

    def look(
        self,
        account: Account,
        model: IntegerModel,
        asker: Address,
        question: int,
        known: tuple[bytes, bytes] | None,
    ) -> Dispute | None:
        """Recompute one proposal and send what is due against it, if it is false.

        Parameters
        ----------
        known :
            Salt and bytes of the input; None to take them from the chain, if they were revealed.
        """
        standing = self.client.proposal(asker, question)
        if not standing.stands:
            return None
        asserted = self.client.asserted(asker, question)
        found = self._false_part(model, asserted, known)
        if found is None:
            return None
        try:
            step, what = self._dispute(account, asker, question, standing, found)
        except Reverted:
            if self.client.proposal(asker, question) == standing:
                raise
            return None  # another challenger was faster
        return Dispute(asker, question, step, what) if step else None

    def _false_part(
        self, model: IntegerModel, asserted: Asserted, known: tuple[bytes, bytes] | None
    ) -> Cell | Withheld | None:
        if 0 in asserted.payloads:
            known = asserted.payloads[0][:SALT], asserted.payloads[0][SALT:]
        if known is None or input_commitment(*known) != asserted.leaves[0]:
            return Withheld(0) if self.demand_inputs else None
        if len(known[1]) != model.inputs:
            payloads = {**asserted.payloads, 0: known[0] + known[1]}
            return false_input(model, Asserted(asserted.leaves, payloads))
        return first_false(model, model.trace(known[1], known[0]), asserted)

    def _dispute(
        self,
        account: Account,
        asker: Address,
        question: int,
        standing: Proposal,
        found: Cell | Withheld,
    ) -> tuple[str, str]:
        """Convict of a cell; demand a leaf, and let it be forfeited when it is late."""
        client, place = self.client, (asker, question)
        if isinstance(found, Cell):
            client.convict(account, *place, found)
            return "convicted", f"{found.kind.name.lower()} {found.row}"
        what, now = f"leaf {found.leaf}", self._now()
        if not standing.asked >> found.leaf & 1:
            if now >= standing.proposed + client.terms.liveness_seconds:
                return "", ""  # too late to demand
            client.demand(account, *place, standing.claim, found.leaf)
            return "demanded", what
        deadline = client.open_demands(*place).get(found.leaf)
        if deadline is None or now < deadline:
            return "", ""
        client.forfeit(account, *place, found.leaf)
        return "forfeited", what

    def _now(self) -> int:
        return max(self.client.contract.chain.block().time + 1, int(self.clock()))
