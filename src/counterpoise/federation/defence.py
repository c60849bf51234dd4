"""Answers what is demanded of a coordinator's rounds: a demand without an answer costs the bond."""

from collections.abc import Callable
from dataclasses import dataclass, field

from counterpoise.chain import FINAL_DEPTH, Account, Event
from counterpoise.core.errors import CounterpoiseError, InputError, StorageError, Unreachable
from counterpoise.federation.bonds import judge_of
from counterpoise.federation.book import Book
from counterpoise.federation.judge import NO_OPENING
from counterpoise.federation.judge_rules import MODEL_BLOB, UPDATE_BLOB
from counterpoise.federation.postings import Postings
from counterpoise.federation.rounds_rules import Record
from counterpoise.federation.rules.round_trace import SECTIONS
from counterpoise.federation.rules.trace import Opening, Trace
from counterpoise.federation.terms import Terms
from counterpoise.network import Network

MAX_TRACE = 1 << 30
MAX_BLOB = 1 << 24
Place = tuple[int, bytes, int, int]
"""What is demanded: round, its word, section, index."""


@dataclass
class Defence:
    """What a bonded coordinator does between its steps: it reveals what is demanded.

    Everything comes from chain, log and store, where the coordinator has put its traces; so a
    coordinator that was killed answers as soon as it is back.

    Parameters
    ----------
    account :
        Pays the gas; the deposits of answered demands go to the coordinator.
    say :
        Told what it does, one sentence at a time.
    """

    network: Network
    account: Account
    terms: Terms
    say: Callable[[str], None]
    _looked: int = -1
    _known: dict[Place, Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.judge = judge_of(self.network)
        self.postings = Postings(self.network, self.account, self.terms.job)

    def step(self) -> int:
        """Answer every open demand; give how many were answered now."""
        head = self.network.chain.block("latest").number
        if head == self._looked:
            return 0  # a demand is a transaction
        first = max(0, self._looked - FINAL_DEPTH)
        for event in self.judge.events(self.terms.job, "Demanded", first):
            args = event.args
            place = (args["round"], args["word"], args["section"], args["index"])
            self._known.setdefault(place, event)
        answered = sum(self._answer(place) for place in list(self._known))
        self._looked = self.network.chain.block("latest").number
        return answered

    def _answer(self, place: Place) -> bool:
        """Answer one demand, unless that was done, or it is moot."""
        number, word, section, index = place
        demand = self.judge.demand_of(self.terms.job, *place)
        now = self.network.chain.block("latest").time
        if not demand.deadline or now > demand.deadline:
            return False
        if self.postings.rounds.digest_of_round(self.terms.job, number) != word:
            return False  # the round fell
        what = f"entry {index} of section {section} of round {number}"
        try:
            self._reveal(number, section, index)
        except (StorageError, Unreachable):
            raise
        except CounterpoiseError as refused:
            if self.judge.demand_of(self.terms.job, *place).deadline:  # nobody else answered it
                self.say(f"{what} is demanded and cannot be revealed: {refused.message}")
            return False
        self.say(f"{what} was demanded, and revealed")
        return True

    def _reveal(self, number: int, section: int, index: int) -> None:
        job, record = self.terms.job, self.postings.posted_record(number)
        if record is None:
            return
        if section == MODEL_BLOB:
            blob = self._blob(record.content.model_digest)
            where = (job, number, record, section)
            self.judge.reveal_blob(self.account, *where, NO_OPENING, blob)
            return
        name = "updates" if section == UPDATE_BLOB else SECTIONS[section]
        opening = self._opening(number, record, name, index)
        if section == UPDATE_BLOB:
            blob = self._blob(opening.entry[28:60]) if opening.entry else b""
            self.judge.reveal_blob(self.account, job, number, record, section, opening, blob)
        else:
            self.judge.reveal(self.account, job, number, record, opening)

    def _opening(self, number: int, record: Record, name: str, index: int) -> Opening:
        """Give an entry of a round's trace, or the head alone where there is no such entry."""
        book = Book.read(self.network.log_reader().entries(), self.terms.job)
        trace = published_trace(self.network, book, number, record)
        if trace is None:
            raise InputError(
                f"the trace of round {number} is not in the store",
                hint="bring it back: its entries are demanded, and silence costs the bond",
            )
        if index < len(trace.section(name).entries):
            return trace.opening(name, index)
        return Opening(trace.head, SECTIONS.index(name), index, b"", ())

    def _blob(self, digest: bytes) -> bytes:
        return self.network.store.fetch(digest, max_bytes=MAX_BLOB)


def published_trace(network: Network, book: Book, number: int, record: Record) -> Trace | None:
    """Fetch the trace that a round's statement names, if it is the one posted; else None."""
    result = book.round(number).result
    digest = result.fields.get("trace") if result else None
    try:
        blob = network.store.fetch(bytes.fromhex(digest or ""), max_bytes=MAX_TRACE)
        trace = Trace.from_bytes(blob, SECTIONS)
    except (CounterpoiseError, ValueError):
        return None
    return trace if trace.root == record.content.trace_root else None
