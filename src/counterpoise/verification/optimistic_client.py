"""Typed calls to the bonded answers; the only Python that knows their ABI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from counterpoise.chain import Account, Chain, Contract, Event, Receipt, artifact, deploy
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.inference import Trace
from counterpoise.jobs import TokenClient
from counterpoise.verification.cells import Asserted
from counterpoise.verification.evaluators import Verdict, fetch_verdict
from counterpoise.verification.judge_rules import Cell, claim_of

MAX_PUBLISHED = 256
"""Bytes of one leaf of a trace that can be published with the answer."""


@dataclass(frozen=True, slots=True)
class OptimisticTerms:
    """What is fixed when bonded answers are deployed.

    Parameters
    ----------
    token, models, judge :
        The credit token, the registry of models, the judge of cells.
    bond :
        What a provider stands to lose, in base units; half goes to who convicts it.
    demand_bond :
        What a demand for a leaf costs who makes it without reason.
    liveness_seconds :
        How long an answer stands open to demands and convictions.
    reveal_seconds :
        How long a provider has to reveal a leaf, and then a challenger to judge it.
    """

    token: Address
    models: Address
    judge: Address
    bond: int
    demand_bond: int
    liveness_seconds: int
    reveal_seconds: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as the chain holds it; zeros if there is none.

    Parameters
    ----------
    claim :
        What binds it to model and trace; see `claim_of`.
    ends :
        The first second in which it may be settled.
    asked :
        Bit i is set once leaf i was demanded.
    """

    provider: Address
    claim: bytes
    proposed: int
    ends: int
    leaves: int
    asked: int
    open_demands: int
    final: bool

    @property
    def stands(self) -> bool:
        """Whether it can still be convicted."""
        return bool(self.proposed) and not self.final


class OptimisticClient:
    """The bonded answers at one address.

    Parameters
    ----------
    contract :
        The deployed ``Optimistic``.
    start :
        The first block in which a proposal may be looked for.
    """

    def __init__(self, contract: Contract, start: int = 0) -> None:
        self.contract = contract
        self.address = contract.address
        self.start = start
        names = OptimisticTerms.__dataclass_fields__
        self.terms = OptimisticTerms(*(contract.call(name) for name in names))
        token = Contract(contract.chain, self.terms.token, artifact("CreditToken"))
        self.token = TokenClient(token)

    @classmethod
    def deploy(cls, chain: Chain, account: Account, terms: OptimisticTerms) -> OptimisticClient:
        """Deploy bonded answers; nobody owns them."""
        return cls(deploy(chain, account, "Optimistic", *astuple(terms)))

    def is_admitted(self, model: bytes) -> bool:
        """Fetch whether questions to a model can be answered here."""
        return bool(self.contract.call("shape", model))

    def admit(self, sender: Account, model: bytes) -> Receipt:
        """Take in a registered model; anyone, once."""
        return self.contract.transact(sender, "admit", model)

    def propose(
        self,
        provider: Account,
        asker: Address,
        question: int,
        model: bytes,
        trace: Trace,
        *,
        publish: bool,
    ) -> Receipt:
        """Answer a question; approves what the bond needs first.

        Parameters
        ----------
        model :
            Whose trace it is; refused if the question is about another, or another input.
        publish :
            Whether every number between input and answer goes on the chain now, so that a lie
            falls in one transaction; what it takes to guess the input from goes there, too.
        """
        self._approve(provider, self.terms.bond)
        hidden = trace.payloads[1:-1] if publish else trace.leaves[1:-1]
        name = "propose_with_trace" if publish else "propose"
        said = (claim_of(model, trace.root), trace.payloads[-1], list(hidden))
        return self.contract.transact(provider, name, asker, question, *said)

    def convict(self, sender: Account, asker: Address, question: int, cell: Cell) -> Receipt:
        """Prove a cell false; half of the bond is the sender's."""
        return self.contract.transact(sender, "convict", asker, question, cell.values())

    def demand(
        self, sender: Account, asker: Address, question: int, claim: bytes, leaf: int
    ) -> Receipt:
        """Demand that a leaf be revealed; approves what the demand's bond needs first."""
        self._approve(sender, self.terms.demand_bond)
        return self.contract.transact(sender, "demand", asker, question, claim, leaf)

    def reveal(
        self, sender: Account, asker: Address, question: int, model: bytes, trace: Trace, leaf: int
    ) -> Receipt:
        """Reveal a demanded leaf of a trace."""
        payload = trace.payloads[leaf] if leaf else trace.salt + trace.payloads[0]
        rest = (model, leaf, payload, list(trace.opening(leaf)))
        return self.contract.transact(sender, "reveal", asker, question, *rest)

    def forfeit(self, sender: Account, asker: Address, question: int, leaf: int) -> Receipt:
        """Convict of a leaf that was not revealed in time; its demander is rewarded."""
        return self.contract.transact(sender, "forfeit", asker, question, leaf)

    def settle(self, sender: Account, asker: Address, question: int) -> Receipt:
        """Make an answer final whose window is over; anyone."""
        return self.contract.transact(sender, "settle", asker, question)

    def withdraw(self, account: Account) -> Receipt:
        """Take out a balance: bonds that came back, rewards, demands that were answered."""
        return self.contract.transact(account, "withdraw")

    def balance(self, account: Address) -> int:
        """Fetch what an account can withdraw, in base units."""
        return int(self.contract.call("balanceOf", account))

    def proposal(self, asker: Address, question: int) -> Proposal:
        """Fetch what stands as the answer."""
        return Proposal(*self.contract.call("proposal", asker, question))

    def open_demands(self, asker: Address, question: int) -> dict[int, int]:
        """Fetch the leaves that must be revealed, with the first second that is too late."""
        asked = self.proposal(asker, question).asked
        leaves = (leaf for leaf in range(8) if asked >> leaf & 1)
        found = {leaf: self.contract.call("demanded", asker, question, leaf)[1] for leaf in leaves}
        return {leaf: deadline for leaf, deadline in found.items() if deadline}

    def verdict(self, asker: Address, question: int) -> Verdict:
        """Fetch where a question stands."""
        return fetch_verdict(self.contract, asker, question)

    def asserted(self, asker: Address, question: int) -> Asserted:
        """Fetch the trace of the proposal that stands, as far as it was published or revealed.

        Raises
        ------
        InputError :
            No proposal stands, or its event is before the first block to be looked in.
        """
        claim = self.proposal(asker, question).claim
        answer = self.verdict(asker, question).answer
        events = self._events_of(asker, question)
        for place, event in reversed(list(enumerate(events))):
            if event.name != "Traced":
                continue
            args = event.args
            found = Asserted.of(args["input"], args["hidden"], answer)
            if claim_of(args["model"], found.tree.root) != claim:
                continue
            shown = dict(enumerate(args["trace"], 1)) | {
                later.args["leaf"]: later.args["payload"]
                for later in events[place:]
                if later.name == "Revealed"
            }
            return Asserted(found.leaves, shown | dict(found.payloads))
        raise InputError(
            f"no proposal for question {question} stands since block {self.start}",
            hint="give the block in which the contract was deployed as the start",
        )

    def traced(self) -> list[Event]:
        """Fetch the events that tell of proposals, in order."""
        return self.contract.events("Traced", self.start)

    def _events_of(self, asker: Address, question: int) -> Sequence[Event]:
        names = ("Traced", "Revealed")
        events = [event for event in self.contract.events(None, self.start) if event.name in names]
        return [e for e in events if (e.args["asker"], e.args["id"]) == (asker, question)]

    def _approve(self, owner: Account, amount: int) -> None:
        missing = amount - self.balance(owner.address)
        if missing > 0 and self.token.allowance(owner.address, self.address) < missing:
            self.token.approve(owner, self.address, missing)


def may_publish(trace: Trace) -> bool:
    """Tell whether a trace is small enough to be published with the answer."""
    return all(len(payload) <= MAX_PUBLISHED for payload in trace.payloads[1:-1])
