"""Runs the rounds of one job, and goes on where it was when it was killed.

Every phase ends with one group appended to the evidence log, and only then with a transaction.
Nothing else is remembered: after a crash the book of the log and the contract's state say which
step is next, and each step is done once, whoever does it again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from counterpoise.core.claims_tree import ClaimsTree
from counterpoise.core.digest import dag_cbor, sha256
from counterpoise.core.errors import VerificationError
from counterpoise.core.units import to_checksum
from counterpoise.federation.book import COMMITTED, REVEALED, Book
from counterpoise.federation.courier import Courier
from counterpoise.federation.evidence import Notary, commitment_leaf
from counterpoise.federation.intake import (
    Intake,
    Letter,
    Refusal,
    as_late,
    split_mismatches,
    take_commitments,
    take_reveals,
)
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.postings import Postings
from counterpoise.federation.replay import NOTHING, Outcome, Replay
from counterpoise.federation.roster import Member
from counterpoise.federation.statements import contribution_statements, round_statement
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
        self.postings = Postings(self.network, self.notary.account, self.terms.job)
        self.book = Book.read(self.network.log.entries(), self.terms.job)
        store = self.network.store
        self.replay = Replay(
            self.terms,
            {address: member.rows for address, member in self.roster.items()},
            ValidationSet.from_bytes(store.fetch(self.terms.validation)),
            store,
            ModelFile.from_bytes(store.fetch(self.terms.base)),
        )
        self._commitments: dict[int, Intake] = {}
        self._reveals: dict[int, Intake] = {}

    @property
    def last_round(self) -> int:
        """Number of the last round: one of statistics, then the rules' training rounds."""
        return self.terms.rules.rounds + 1

    def run(self) -> list[Outcome]:
        """Run every round that is not done; give the outcomes of all."""
        for number in range(len(self.outcomes) + 1, self.last_round + 1):
            self.run_round(number)
        return self.outcomes

    def run_round(self, number: int) -> Outcome:
        """Run one round from where it stands to its posted result."""
        pages, base = self.book.round(number), self.replay.model.digest
        if pages.committed is None:
            self._collect_commitments(number, base)
        self._post_commitments(number)
        if pages.revealed is None:
            self._collect_reveals(number, base)
        covered, refused = self._covered(number, base)
        outcome = self.replay.step(covered, entropy=self._entropy(number))
        if pages.result is None:
            self._log_result(number, base, outcome, refused)
        self._post_result(number, outcome)
        self.outcomes.append(outcome)
        return outcome

    def _collect_commitments(self, number: int, base: bytes) -> None:
        opening = self.notary.state(
            "opening",
            [Subject(f"base of round {number}", base)],
            job=self.terms.job,
            round=number,
            base=base,
        )
        letters = self.courier.commitments(number, opening.to_bytes())
        intake = take_commitments(self.terms, number, base, self.roster, letters)
        self._commitments[number] = intake
        leaves = self._leaves(number, intake)
        self._close(number, COMMITTED, intake, leaves)

    def _post_commitments(self, number: int) -> None:
        if not self.postings.is_committed(number):
            closing = self.book.round(number).committed
            root = bytes.fromhex(closing.fields["root"]) if closing else NOTHING
            self.postings.commit(number, root)
            self.on_step("commitments posted", number)

    def _collect_reveals(self, number: int, base: bytes) -> None:
        closing = self.book.round(number).committed
        if closing is None:
            raise VerificationError(f"round {number} has no closing of commitments in the log")
        letters = self.courier.reveals(number, closing.data)
        committed = self._committed(number, base)
        intake = take_reveals(self.terms, number, base, committed, letters)
        self._reveals[number] = intake
        self._close(number, REVEALED, intake, [sha256(x.participant + x.digest) for x in intake.letters])

    def _close(self, number: int, phase: str, intake: Intake, leaves: list[bytes]) -> None:
        blob = self.network.store.put(dag_cbor(leaves))
        root = ClaimsTree(leaves).root if leaves else NOTHING
        closing = self.notary.state(
            "closing",
            [Subject(f"{phase} in round {number}", blob)],
            job=self.terms.job,
            round=number,
            phase=phase,
            leaves=blob,
            root=root,
            refused=refusal_records(intake.refused),
        )
        self._append([*intake.logged, closing.to_bytes()])
        name = "commitments logged" if phase == COMMITTED else "reveals logged"
        self.on_step(name, number)

    def _covered(self, number: int, base: bytes) -> tuple[list[Letter], list[Refusal]]:
        """Give the reveals that their commitments cover, and everyone refused so far."""
        committed = self._committed(number, base)
        reveals = self._reveals.get(number) or take_reveals(
            self.terms, number, base, committed, [e.data for e in self.book.round(number).updates]
        )
        covered, mismatched = split_mismatches(self.terms, number, committed, reveals.letters)
        first = [r for r in self._intake(number, base).refused if r.participant not in committed]
        return covered, [*first, *reveals.refused, *mismatched]

    def _committed(self, number: int, base: bytes) -> dict[bytes, bytes]:
        """Give each member's commitment: those logged, and those posted on the chain."""
        found = {x.participant: x.digest for x in self._intake(number, base).letters}
        posted = self.postings.posted_commitments(number)
        return {a: d for a, d in posted.items() if a in self.roster} | found

    def _intake(self, number: int, base: bytes) -> Intake:
        if number not in self._commitments:
            letters = [entry.data for entry in self.book.round(number).commitments]
            taken = take_commitments(self.terms, number, base, self.roster, letters)
            self._commitments[number] = taken
        return self._commitments[number]

    def _leaves(self, number: int, intake: Intake) -> list[bytes]:
        return [
            commitment_leaf(self.terms, number, x.participant, x.digest) for x in intake.letters
        ]

    def _log_result(
        self, number: int, base: bytes, outcome: Outcome, refused: Sequence[Refusal]
    ) -> None:
        refused = as_late(refused, self.courier.latecomers(number))
        everyone = tuple(sorted([*refused, *outcome.refused]))
        pay = self.postings.pay_tree(number, outcome.standing.dues)
        store = self.network.store
        store.put(outcome.model.to_bytes())
        blob = store.put(dag_cbor([[a, d.to_bytes(32, "big")] for a, d in pay.due.items()]))
        envelopes = contribution_statements(self.notary, self.terms, outcome)
        envelopes.append(
            round_statement(
                self.notary, self.terms, base, outcome, refusal_records(everyone), pay.root, blob
            )
        )
        self._append([envelope.to_bytes() for envelope in envelopes])
        self.on_step("result logged", number)

    def _post_result(self, number: int, outcome: Outcome) -> None:
        logged = self.book.round(number).result
        if logged is None or logged.fields["model"] != outcome.model.digest.hex():
            raise VerificationError(
                f"round {number} was logged with another model than its evidence gives",
                hint="the state was altered; run `counterpoise verify --state DIR`",
            )
        if not self.postings.has_result(number):
            self.postings.result(number, logged)
            self.on_step("result posted", number)

    def _entropy(self, number: int) -> bytes:
        if self.terms.rules.scoring != "permutation":
            return b""
        return self.postings.commitment_block(number)

    def _append(self, entries: Sequence[bytes]) -> None:
        """Append one group; blobs that it names are durable first."""
        self.network.store.flush()
        self.network.log.append(entries)
        self.book.extend(entries)


def refusal_records(refused: Sequence[Refusal]) -> list[dict[str, Any]]:
    """Give refusals as a statement lists them."""
    return [
        {"participant": to_checksum(r.participant), "code": r.code, "detail": r.detail}
        for r in refused
    ]
