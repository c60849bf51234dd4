"""Follows the rounds of a job, computes each again from evidence, and disputes what is false.

Nothing is remembered but what is computed: the chain says which rounds stand and what is
demanded, the evidence log and the store say what they must have come to. So a watcher may stop
and begin again at any time, and a reorganised chain is looked at anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError, InputError, Reverted
from counterpoise.core.units import format_tokens, to_checksum
from counterpoise.federation.admission import committed_digests, settle
from counterpoise.federation.bonds import check_articles, judge_of
from counterpoise.federation.book import Book
from counterpoise.federation.defence import published_trace
from counterpoise.federation.disputes import Suspect, raw_rows
from counterpoise.federation.intake import Desk
from counterpoise.federation.judge_rules import MODEL_BLOB, UPDATE_BLOB, Place, World
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.pieces import Pieces, opening_in
from counterpoise.federation.postings import Postings
from counterpoise.federation.promises import promises_of
from counterpoise.federation.replay import Outcome, Replay
from counterpoise.federation.roster import read_roster
from counterpoise.federation.rounds_rules import Record, Result
from counterpoise.federation.rules.round_trace import SECTIONS
from counterpoise.federation.rules.trace import Trace
from counterpoise.federation.terms import Terms
from counterpoise.federation.validation import ValidationSet
from counterpoise.network import Network

Say = Callable[[str], None]


def quiet(sentence: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Seen:
    """One posted round and what it had to be."""

    word: bytes
    record: Record
    outcome: Outcome
    pay_root: bytes
    is_true: bool


@dataclass
class Watcher:
    """One job as a challenger follows it.

    Parameters
    ----------
    network :
        With the coordinator's evidence log, or a copy of it.
    account :
        Who disputes: it pays gas and the deposits of demands, and is paid.
    say :
        Told what it does, one sentence at a time.
    """

    network: Network
    account: Account
    terms: Terms
    say: Say = quiet
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.terms.bond:
            raise InputError(
                f"job {self.terms.job} has no judge, so nothing of it can be disputed",
                hint="the sponsor gave no bond; `counterpoise verify` checks all the same",
            )
        self.articles = check_articles(self.network, self.terms)
        self.judge = judge_of(self.network)
        self.postings = Postings(self.network, self.account, self.terms.job)

    def step(self) -> list[str]:
        """Look at what is new, dispute what is false; give what was done, one line each."""
        done: list[str] = []
        records = [posted.record for posted in self.postings.rounds.results(self.terms.job)]
        self._forget_what_fell(records)
        self._keep_revealed_blobs()
        book = Book.read(self.network.log_reader().entries(), self.terms.job)
        for number in range(len(self.seen) + 1, len(records) + 1):
            found = self._look(number, records[number - 1], book)
            self.seen.append(found)
            done.append(f"round {number} {'holds' if found.is_true else 'is false'}")
            if not found.is_true:
                break  # what follows rests on it
        for number, found in enumerate(self.seen, 1):
            if not found.is_true:
                done += self._dispute(number, found, book)
        for line in done:
            self.say(line)
        return done

    def is_over(self) -> bool:
        """Whether nothing can be disputed any more: the job is finished or has expired."""
        state = self.postings.state()
        return state.finished or self.network.chain.block("latest").time > state.expires

    def _forget_what_fell(self, records: list[Record]) -> None:
        kept = 0
        for number, found in enumerate(self.seen[: len(records)], 1):
            word = self.postings.rounds.digest_of_round(self.terms.job, number)
            if word != found.word or found.record != records[number - 1]:
                break
            kept = number
        if kept < len(self.seen):
            del self.seen[kept:]

    def _keep_revealed_blobs(self) -> None:
        """Store the blobs that were revealed on the chain; what was computed without is void."""
        for event in self.judge.events(self.terms.job, "Revealed"):
            blob = event.args["entry"]
            if event.args["section"] >= MODEL_BLOB and blob and self._blob(sha256(blob)) is None:
                self.network.store.put(blob)
                self.seen.clear()

    def _look(self, number: int, record: Record, book: Book) -> Seen:
        """Compute a round from its evidence and compare it with what was posted."""
        replay = self._replay(number, book)
        outcome = self._play(replay, book)
        claims = self.postings.pay_tree(number, outcome.standing.dues)
        wanted = Result(
            outcome.updates_root,
            outcome.trace_root,
            outcome.scores_root,
            claims.root,
            claims.total,
            outcome.model.digest,
            record.content.evidence,
        )
        word = self.postings.rounds.digest_of_round(self.terms.job, number)
        return Seen(word, record, outcome, claims.root, wanted == record.content)

    def _replay(self, number: int, book: Book) -> Replay:
        """Give the state of the numbers before a round."""
        roster, _ = read_roster(book, self.postings.joined())
        store = self.network.store
        replay = Replay(
            self.terms,
            {address: member.rows for address, member in roster.items()},
            ValidationSet.from_bytes(store.fetch(self.terms.validation)),
            store,
            ModelFile.from_bytes(store.fetch(self.terms.base)),
        )
        if number > 1:
            last = self.seen[number - 2].outcome
            replay.model, replay.standing, replay.number = last.model, last.standing, last.number
        return replay

    def _play(self, replay: Replay, book: Book) -> Outcome:
        number, rows = replay.number + 1, replay.rows
        pages = book.round(number)
        desk = Desk(self.terms, number, replay.model.digest, frozenset(rows))
        intake = desk.commitments([entry.data for entry in pages.commitments])
        posted = self.postings.posted_commitments(number)
        committed = committed_digests(rows, intake, posted)
        reveals = desk.reveals(committed, [entry.data for entry in pages.updates])
        settled = settle(desk, intake, committed, reveals)
        entropy = b""
        if self.terms.rules.scoring == "permutation":
            entropy = self.postings.commitment_block(number)
        return replay.step(settled.covered, entropy=entropy)

    def _dispute(self, number: int, found: Seen, book: Book) -> list[str]:
        """Accuse a false round, or demand what is kept back of it."""
        pieces = self._pieces(number, found)
        posted = published_trace(self.network, book, number, found.record) or pieces.trace()
        known = posted or (replace_head(found.outcome.trace, pieces.head) if pieces.head else None)
        if known is not None:
            suspect = self._suspect(number, found, known, book)
            accusation = suspect.accusation()
            if accusation is not None:
                return [self._convict(number, suspect, accusation)]
        return self._insist(number, found, pieces, posted)

    def _convict(self, number: int, suspect: Suspect, accusation: Any) -> str:
        records = (self.seen[number - 1].record, self._record_before(number))
        try:
            receipt = self.judge.convict(
                self.account, suspect.place, records, self.articles, accusation
            )
        except Reverted as refused:
            return f"round {number}: the conviction was refused: {refused.reason}"
        event = next(e for e in self.judge.contract.events_in(receipt) if e.name == "Convicted")
        paid = format_tokens(event.args["paid"])
        return (
            f"round {number} convicted: {accusation.cell} is false; "
            f"{paid} tokens of the bond to {to_checksum(self.account.address)}"
        )

    def _insist(self, number: int, found: Seen, pieces: Pieces, posted: Trace | None) -> list[str]:
        """Demand what is missing; convict whoever let a demand lapse."""
        done: list[str] = []
        wanted = [] if posted is not None else pieces.wanted()
        wanted += self._missing_blobs(found, posted)
        now = self.network.chain.block("latest").time
        for section, index in wanted:
            place = (self.terms.job, number, found.record, section, index)
            demand = self.judge.demand_of(self.terms.job, number, found.word, section, index)
            what = self._name_of(section, index)
            try:
                if demand.deadline == 0:
                    self.judge.demand(self.account, *place)
                    done.append(f"round {number}: {what} demanded")
                elif now > demand.deadline:
                    self.judge.lapse(self.account, *place)
                    return [*done, f"round {number} convicted: {what} was not revealed in time"]
            except Reverted as refused:
                done.append(f"round {number}: {what}: {refused.reason}")
        if not wanted:
            done.append(f"round {number} is false in what the judge cannot be shown")
        return done

    def _missing_blobs(self, found: Seen, posted: Trace | None) -> list[tuple[int, int]]:
        """Blobs that the posted round names and nobody can fetch."""
        missing = []
        if self._blob(found.record.content.model_digest) is None:
            missing.append((MODEL_BLOB, 0))
        if posted is not None:
            for index, entry in enumerate(posted.section("updates").entries):
                if self._blob(bytes(entry[28:60])) is None:
                    missing.append((UPDATE_BLOB, index))
        return missing

    def _pieces(self, number: int, found: Seen) -> Pieces:
        """Gather what was revealed of a round on the chain."""
        pieces = Pieces(found.outcome.trace)
        for event in self.judge.events(self.terms.job, "Revealed"):
            args = event.args
            if (args["round"], args["word"]) != (number, found.word):
                continue
            if args["section"] < len(SECTIONS):
                pieces.add(opening_in(event))
        return pieces

    def _suspect(self, number: int, found: Seen, posted: Trace, book: Book) -> Suspect:
        before = self._record_before(number)
        contracts = (self.terms.rounds_contract, self.postings.cohort.address)
        records = (found.record, before)
        place = Place.of(self.terms.chain_id, contracts, self.terms.job, number, records)
        validation = ValidationSet.from_bytes(self.network.store.fetch(self.terms.validation))
        return Suspect(
            place,
            self.articles,
            World(self.terms.chain_id, self._is_member),
            posted,
            found.outcome.trace,
            self.seen[number - 2].outcome.trace if number > 1 else None,
            self._blob,
            raw_rows(validation),
            promises_of(self.terms, number, book.round(number), self.postings.commitment(number)),
        )

    def _is_member(self, job: int, account: bytes) -> bool:
        return self.postings.cohort.member(job, account) is not None

    def _record_before(self, number: int) -> Record | None:
        return self.seen[number - 2].record if number > 1 else None

    def _blob(self, digest: bytes) -> bytes | None:
        try:
            return self.network.store.fetch(digest, max_bytes=1 << 24)
        except CounterpoiseError:
            return None

    def _name_of(self, section: int, index: int) -> str:
        if section == MODEL_BLOB:
            return "the model's blob"
        if section == UPDATE_BLOB:
            return f"the update of member {index}"
        return f"entry {index} of {SECTIONS[section]!r}"


def replace_head(true: Trace, head: bytes) -> Trace:
    """The true trace under a head that was revealed: enough to judge its shape."""
    found = replace(true)
    found.__dict__["head"] = head
    return found
