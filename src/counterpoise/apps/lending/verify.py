"""Re-derives every number of the desks of a network from chain, log and blobs alone.

The model is fetched by its id and run again on the applicants' data, where the data is still to be
had; terms are priced again, reasons derived again, and the books run again from the events.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from counterpoise.apps.lending.desk import DeskClient
from counterpoise.apps.lending.office import desks, scorecard_of_desk
from counterpoise.apps.lending.pricing import price
from counterpoise.apps.lending.reasons import Case, reasons_record
from counterpoise.apps.lending.replay import differences, on_chain, rebuild
from counterpoise.apps.lending.rules import Loan, Status
from counterpoise.apps.lending.scorecard import Scorecard
from counterpoise.apps.lending.statements import Decided, stated_loans
from counterpoise.chain import Event
from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.units import TOKEN
from counterpoise.inference import ModelsClient
from counterpoise.network import Network
from counterpoise.oracle import Answer, Inbox, OracleClient, Stage
from counterpoise.provenance import Progress, Statement, Verdict, silent

OPEN_ENDED = (Status.ASKED, Status.UNANSWERED)


def verify_lending(network: Network, verdict: Verdict, on_section: Progress = silent) -> int:
    """Verify every desk that has asked this network's oracle.

    Parameters
    ----------
    verdict :
        Collects what is found; its `false` is empty if everything holds.
    on_section :
        Called with the name of each section before it begins.

    Returns
    -------
    How many desks there are.
    """
    found = list(desks(network))
    for desk in found:
        _DeskCheck(network, desk, verdict, on_section).run()
    return len(found)


class _DeskCheck:
    """The sections of one desk's verification, in the order in which they rest on each other."""

    card: Scorecard

    def __init__(
        self, network: Network, desk: DeskClient, verdict: Verdict, on_section: Progress
    ) -> None:
        self.network, self.desk, self.verdict, self.on_section = network, desk, verdict, on_section
        self.name = f"desk 0x{desk.address.hex()[:8]}"
        self.policy = desk.policy()
        self.oracle = OracleClient(network.contract("Oracle"))
        self.inbox = Inbox(network.store, network.mailbox)
        self.clerk = bytes(desk.contract.call("clerk"))
        self.times: dict[int, int] = {}

    def run(self) -> None:
        """Check the model, each application, the statements, and the books."""
        with self.section("model"):
            self.model()
        if not self.verdict.is_true:
            return
        statements: dict[str, Statement] = {}
        with self.section("statements"):
            reader = self.network.log_reader()
            for one in stated_loans(reader.entries(), self.desk.address, self.clerk):
                statements[one.predicate["request"]] = one
        for event in self.desk.applications():
            with self.section(f"loan {event.args['id']}"):
                self.application(event, statements)
        with self.section("books"):
            self.books()

    @contextmanager
    def section(self, what: str) -> Iterator[None]:
        """Name a section, and turn an error inside into a falsehood of that name."""
        self.on_section(f"{self.name}: {what}")
        try:
            yield
        except CounterpoiseError as error:
            self.verdict.refuse(f"{self.name} / {what}", error)

    def model(self) -> None:
        """The model's file and card, against what is registered."""
        self.card = scorecard_of_desk(self.network, self.policy)
        models = ModelsClient(self.network.contract("Models"))
        models.check(self.card.net, self.card.card.digest)
        self.verdict.check(f"{self.name} / nat of the policy", self.policy.nat, self.card.nat)
        oracle = bytes(self.desk.contract.call("oracle"))
        self.verdict.check(f"{self.name} / oracle", oracle, self.oracle.address)

    def application(self, event: Event, statements: dict[str, Statement]) -> None:
        """One application: its question, its answer, its terms, its reasons, its statement."""
        number, verdict = int(event.args["id"]), self.verdict
        label, loan = f"loan {number}", self.desk.loan(number)
        asked = self.oracle.request_of(number)
        verdict.check(f"{label} / model asked", asked.model, self.policy.model)
        verdict.check(f"{label} / input asked about", asked.input, event.args["input"])
        verdict.check(f"{label} / who asked", asked.client, self.desk.address)
        verdict.check(f"{label} / level", asked.level, loan.level)
        if loan.status in OPEN_ENDED:
            return
        verdict.check(f"{label} / question", asked.stage, Stage.ANSWERED)
        answer = self.oracle.answer_of(number)
        terms = price(answer.answer, self.policy)
        verdict.check(f"{label} / risk", loan.risk, terms.risk)
        verdict.check(f"{label} / yearly rate", loan.yearly_bps, terms.yearly_bps)
        declined = loan.status is Status.DECLINED
        verdict.check(f"{label} / declined", declined, not terms.is_offer)
        reasons = self.data(event, loan, answer)
        self.statement(event, loan, answer, reasons, statements)

    def data(self, event: Event, loan: Loan, answer: Answer) -> bytes:
        """The answer and the reasons, from the applicant's data; gives the reasons' digest.

        Data that was forgotten proves nothing any more: the digest on the chain is then all there
        is, and the applicant alone can hold the desk to it.
        """
        number, verdict = int(event.args["id"]), self.verdict
        label = f"loan {number}"
        try:
            salt, values = self.inbox.fetch(event.args["input"], inputs=self.card.net.inputs)
        except InputError:
            self.on_section(f"{self.name}: {label}: its data is forgotten")
            return loan.reasons if any(loan.reasons) else b""
        verdict.check(f"{label} / answer", answer.answer, self.card.net.answer(values))
        whole, part = divmod(event.args["amount"], TOKEN)
        fits = not part and self.card.asks_for(values, whole, event.args["months"])
        verdict.hold(f"{label} / attested", fits, "the data asks for another amount or term")
        if loan.status is not Status.DECLINED:
            return b""
        case = Case(self.desk.address, number, salt, values, answer.answer)
        digest = sha256(reasons_record(self.card.net, case, self.card.reference))
        if any(loan.reasons):
            verdict.check(f"{label} / reasons", loan.reasons, digest)
        return digest

    def statement(
        self,
        event: Event,
        loan: Loan,
        answer: Answer,
        reasons: bytes,
        statements: dict[str, Statement],
    ) -> None:
        """The clerk's statement, against all of it, where there is one."""
        number = int(event.args["id"])
        ends = [e for e in self.desk.history(number) if e.name in ("Offered", "Declined")]
        decided = Decided(
            self.desk.address,
            number,
            self.policy.model,
            event.args["input"],
            loan,
            answer.answer,
            reasons,
            sha256(self.card.reference) if reasons else b"",
            self.time(event.block_number),
            self.time(ends[0].block_number),
        )
        stated = statements.get(decided.name)
        if stated is None:
            if any(loan.reasons):
                self.verdict.hold(f"loan {number} / statement", False, "the log has none")
            return
        for field, wanted in decided.fields().items():
            found = stated.predicate.get(field)
            self.verdict.check(f"loan {number} / stated {field}", found, wanted)

    def books(self) -> None:
        """Every amount and date, from the events by the rules; and that the desk holds it."""
        wanted = rebuild(self.desk, lambda number: self.oracle.answer_of(number).answer)
        for what, found, derived in differences(on_chain(self.desk, wanted), wanted):
            self.verdict.check(f"{self.name} / {what}", found, derived)
        balance = self.oracle.token.balance(self.desk.address)
        owed = wanted.free + wanted.held
        self.verdict.hold(f"{self.name} / balance", balance >= owed, f"{balance} held, {owed} owed")

    def time(self, block: int) -> int:
        """Give the time of a block, fetched once."""
        if block not in self.times:
            self.times[block] = self.network.chain.block(block).time
        return self.times[block]
