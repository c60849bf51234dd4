"""Runs the rounds of one job, and goes on where it was when it was killed.

Every phase ends with one group appended to the evidence log, and only then with a transaction.
Nothing else is remembered: after a crash the book of the log and the contract's state say which
step is next, and each step is done once, whoever does it again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from counterpoise.core.digest import dag_cbor
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.core.units import to_checksum
from counterpoise.federation.admission import Settlement, as_late, committed_digests, settle
from counterpoise.federation.bonds import check_articles, keep_bonded
from counterpoise.federation.book import COMMITTED, REVEALED, Book
from counterpoise.federation.courier import Courier
from counterpoise.federation.evidence import Notary
from counterpoise.federation.intake import Desk, Intake, reveal_leaves
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.postings import Postings, result_of
from counterpoise.federation.replay import Outcome, Replay
from counterpoise.federation.roster import Member
from counterpoise.federation.round_pages import Computed, altered, as_closed, logged
from counterpoise.federation.statements import (
    closing_content,
    comparisons,
    contribution_contents,
    dues_blob,
    fallen_content,
    round_content,
)
from counterpoise.federation.terms import Terms
from counterpoise.federation.validation import ValidationSet
from counterpoise.network import Network
from counterpoise.provenance import Subject

Step = Callable[[str, int], None]
STEPS = (
    "commitments logged",
    "commitments posted",
    "reveals logged",
    "result logged",
    "result posted",
)


def no_step(name: str, number: int) -> None:
    """Do nothing at a step."""


@dataclass
class Coordinator:
    """The one who runs a job's rounds.

    Parameters
    ----------
    roster :
        Who joined, by address; see `roster.read_roster`.
    on_step :
        Called with one of `STEPS` and the round's number after each step is durable.
    """

    network: Network
    notary: Notary
    terms: Terms
    roster: dict[bytes, Member]
    courier: Courier
    on_step: Step = no_step
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._check_place()
        self.postings = Postings(self.network, self.notary.account, self.terms.job)
        self.book = Book.read(self.network.log.entries(), self.terms.job)
        if self.terms.bond:
            check_articles(self.network, self.terms)
        self._begin()

    def _begin(self) -> None:
        """Start from the terms, with nothing computed."""
        self._note_falls()
        store = self.network.store
        self.outcomes.clear()
        self.replay = Replay(
            self.terms,
            {address: member.rows for address, member in self.roster.items()},
            ValidationSet.from_bytes(store.fetch(self.terms.validation)),
            store,
            ModelFile.from_bytes(store.fetch(self.terms.base)),
        )
        self._commitments: dict[int, Intake] = {}
        self._reveals: dict[int, Intake] = {}
        self._computed: Computed | None = None

    def _note_falls(self) -> None:
        """Log every fall of a round on the chain that the log does not know of yet."""
        if not self.terms.bond:
            return
        for fall in self.postings.rollbacks()[len(self.book.fallen) :]:
            evidence = self.postings.fallen_record(fall).content.evidence
            content = fallen_content(self.terms, fall.round_id, evidence, fall.reason)
            self._append([content.signed(self.notary).to_bytes()], names_blobs=False)

    def _check_place(self) -> None:
        """Refuse before anything is logged that the chain would refuse later."""
        terms, network = self.terms, self.network
        if terms.coordinator != self.notary.account.address:
            raise InputError(
                f"job {terms.job} is coordinated by {to_checksum(terms.coordinator)}",
                hint="use that account",
            )
        here = (network.chain.chain_id(), network.charter.contracts["Rounds"])
        if (terms.chain_id, terms.rounds_contract) != here:
            raise InputError(
                f"the terms are of chain {terms.chain_id} and the rounds contract "
                f"{to_checksum(terms.rounds_contract)}",
                hint=f"here are chain {here[0]} and {to_checksum(here[1])}",
            )

    @property
    def last_round(self) -> int:
        """Number of the last round: one of statistics, then the rules' training rounds."""
        return self.terms.rules.rounds + 1

    def run(self) -> list[Outcome]:
        """Run every round that is not done; give the outcomes of all."""
        while len(self.outcomes) < self.last_round:
            self.run_round(len(self.outcomes) + 1)
        return self.outcomes

    def run_round(self, number: int) -> Outcome:
        """Run one round from where it stands to its posted result.

        If rounds before it fell on the chain, they are run again first. After an error that
        passes, such as `Unreachable`, call it again.
        """
        if self.terms.bond and self.postings.state().round_id < len(self.outcomes):
            self._begin()
        for missing in range(len(self.outcomes) + 1, number):
            self._play(missing)
        return self._play(number)

    def _play(self, number: int) -> Outcome:
        if self.replay.number < number:
            self._computed = self._compute(number)
        computed = self._computed
        if computed is None or computed.outcome.number != number:
            raise VerificationError(f"round {number} does not follow {self.replay.number}")
        if self.book.round(number).result is None:
            self._log_result(computed)
        self._post_result(computed)
        self.outcomes.append(computed.outcome)
        return computed.outcome

    def _compute(self, number: int) -> Computed:
        """Gather what the members sent and compute what the round comes to."""
        pages, base = self.book.round(number), self.replay.model.digest
        desk = Desk(self.terms, number, base, frozenset(self.roster))
        if pages.committed is None:
            self._collect_commitments(desk)
        self._post_commitments(number)
        if pages.revealed is None:
            self._collect_reveals(desk)
        settled = self._settle(desk)
        outcome = self.replay.step(settled.covered, entropy=self._entropy(number))
        pay = self.postings.pay_tree(number, outcome.standing.dues)
        trace = [outcome.trace.to_bytes()] if self.terms.bond else []
        for blob in (outcome.model.to_bytes(), dues_blob(pay), *trace):
            self.network.store.put(blob)
        return Computed(base, settled, outcome, pay)

    def _collect_commitments(self, desk: Desk) -> None:
        opening = self.notary.state(
            "opening",
            [Subject(f"base of round {desk.round_id}", desk.base)],
            job=self.terms.job,
            round=desk.round_id,
            base=desk.base,
        )
        letters = self.courier.commitments(desk.round_id, opening.to_bytes())
        intake = desk.commitments(letters)
        self._commitments[desk.round_id] = intake
        self._close(desk.round_id, COMMITTED, intake, desk.leaves(intake))
        self.on_step("commitments logged", desk.round_id)

    def _post_commitments(self, number: int) -> None:
        root = bytes.fromhex(logged(self.book.round(number).committed, number).fields["root"])
        if not self.postings.is_committed(number):
            try:
                self.postings.commit(number, root)
            except Reverted:
                # One sent earlier, given up for lost, may have been mined meanwhile.
                if not self.postings.is_committed(number):
                    raise
            self.on_step("commitments posted", number)
        elif self.postings.commitments_root(self.terms.job, number) != root:
            raise altered(number, "commitments root")

    def _collect_reveals(self, desk: Desk) -> None:
        closing = logged(self.book.round(desk.round_id).committed, desk.round_id)
        letters = self.courier.reveals(desk.round_id, closing.data)
        intake = desk.reveals(self._committed(desk), letters, fetch=self.replay.fetch)
        self._reveals[desk.round_id] = intake
        self._close(desk.round_id, REVEALED, intake, reveal_leaves(intake))
        self.on_step("reveals logged", desk.round_id)

    def _close(self, number: int, phase: str, intake: Intake, leaves: list[bytes]) -> None:
        self.network.store.put(dag_cbor(leaves))
        closing = closing_content(self.terms, number, phase, leaves, intake.refused)
        entries = [*intake.logged, closing.signed(self.notary).to_bytes()]
        self._append(entries, names_blobs=phase == REVEALED)

    def _settle(self, desk: Desk) -> Settlement:
        pages, committed = self.book.round(desk.round_id), self._committed(desk)
        if desk.round_id not in self._reveals:
            reveals = desk.reveals(committed, [entry.data for entry in pages.updates])
            self._reveals[desk.round_id] = as_closed(reveals, pages.revealed)
            self.network.store.put(dag_cbor(reveal_leaves(reveals)))
        return settle(desk, self._intake(desk), committed, self._reveals[desk.round_id])

    def _committed(self, desk: Desk) -> dict[bytes, bytes]:
        posted = self.postings.posted_commitments(desk.round_id)
        return committed_digests(self.roster, self._intake(desk), posted)

    def _intake(self, desk: Desk) -> Intake:
        if desk.round_id not in self._commitments:
            pages = self.book.round(desk.round_id)
            intake = desk.commitments([entry.data for entry in pages.commitments])
            self._commitments[desk.round_id] = as_closed(intake, pages.committed)
            self.network.store.put(dag_cbor(desk.leaves(intake)))
        return self._commitments[desk.round_id]

    def _log_result(self, computed: Computed) -> None:
        outcome = computed.outcome
        refused = as_late(computed.settled.refused, self.courier.latecomers(outcome.number))
        everyone = sorted([*refused, *outcome.refused])
        contents = [
            *contribution_contents(self.terms, outcome).values(),
            round_content(self.terms, computed.base, outcome, everyone, computed.pay),
        ]
        entries = [content.signed(self.notary).to_bytes() for content in contents]
        self._append(entries, names_blobs=outcome.number == self.last_round)
        self.on_step("result logged", outcome.number)

    def _post_result(self, computed: Computed) -> None:
        number = computed.outcome.number
        stated = logged(self.book.round(number).result, number)
        content = round_content(self.terms, computed.base, computed.outcome, (), computed.pay)
        for name, found, wanted in comparisons(stated, content):
            if found != wanted:
                raise altered(number, name)
        if not self.postings.has_result(number):
            if self.terms.bond:
                keep_bonded(self.network, self.notary.account, self.terms)
            try:
                self.postings.result(number, stated)
            except Reverted:
                if not self.postings.has_result(number):
                    raise
            self.on_step("result posted", number)
            return
        record = self.postings.posted_record(number)
        if record is None or record.content != result_of(stated):
            raise altered(number, "posted result")

    def _entropy(self, number: int) -> bytes:
        if self.terms.rules.scoring != "permutation":
            return b""
        return self.postings.commitment_block(number)

    def _append(self, entries: Sequence[bytes], *, names_blobs: bool) -> None:
        """Append one group; the blobs of others that it names are durable first.

        What the log itself gives again (leaves, models, dues) need not be durable yet: it is
        put again when the round is computed again.
        """
        if names_blobs:
            self.network.store.flush()
        self.network.log.append(entries)
        self.book.extend(entries)
