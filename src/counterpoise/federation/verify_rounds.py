"""Re-derives one round: commitments, admissions, aggregate, scores, pay, and what was posted."""

from collections.abc import Container, Mapping, Sequence

from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.units import parse_address
from counterpoise.federation.admission import Settlement, committed_digests, settle
from counterpoise.federation.book import COMMITTED, REVEALED, Book, Entry, RoundPages
from counterpoise.federation.evidence import read_signed
from counterpoise.federation.intake import DESK, SILENT, Desk, Refusal, reveal_leaves
from counterpoise.federation.postings import Postings, result_of
from counterpoise.federation.replay import Outcome, Replay
from counterpoise.federation.rounds_rules import commitment_word, result_word
from counterpoise.federation.statements import (
    Content,
    closing_content,
    comparisons,
    contribution_contents,
    dues_blob,
    round_content,
)
from counterpoise.jobs import CumulativeClaims
from counterpoise.provenance import Envelope, Verdict

Names = Mapping[bytes, str]
LABELS = {"score_ppm": "score", "phi": "Shapley value"}


def check_round(
    postings: Postings, book: Book, replay: Replay, names: Names, verdict: Verdict
) -> Outcome | None:
    """Check the round after the last one that `replay` has computed, and advance it.

    Returns
    -------
    What the round came to, or None if it could not be computed.
    """
    check = _RoundCheck(postings, book.round(replay.number + 1), replay, names, verdict)
    check.signatures()
    settled = check.letters()
    if not check.blobs(settled):
        return None
    return check.result(settled)


class _RoundCheck:
    """The checks of one round, in the order in which they rest on each other."""

    def __init__(
        self,
        postings: Postings,
        pages: RoundPages,
        replay: Replay,
        names: Names,
        verdict: Verdict,
    ) -> None:
        self.postings, self.pages, self.replay = postings, pages, replay
        self.names, self.verdict = names, verdict
        self.terms, self.number = replay.terms, replay.number + 1
        self.base, self.place = replay.model.digest, f"round {self.number}"

    def signatures(self) -> None:
        """The coordinator signed closings, result and contributions, each closing once."""
        pages = self.pages
        closings = [(pages.committed, "closing"), (pages.revealed, "closing")]
        contributions = [(entry, "contribution") for entry in pages.contributions]
        for entry, kind in [*closings, (pages.result, "round"), *contributions]:
            read_signed(self._envelope(entry, kind), kind, self.terms.coordinator)
        for entry in pages.repeated:
            self.verdict.hold(f"{self.place} / log entry {entry.index}", False, "said twice")

    def letters(self) -> Settlement:
        """Take in the logged letters as the coordinator had to; check both closings."""
        desk = Desk(self.terms, self.number, self.base, frozenset(self.replay.rows))
        pages, verdict = self.pages, self.verdict
        intake = desk.commitments([entry.data for entry in pages.commitments])
        leaves = desk.leaves(intake)
        closing = closing_content(self.terms, self.number, COMMITTED, leaves, intake.refused)
        self._compare("in the closing of commitments", pages.committed, closing)
        self._blob("list of commitments", closing.subject.digest)
        self._refusals("commitment of", pages.committed, intake.refused)
        root = self.postings.commitments_root(self.terms.job, self.number)
        wanted = bytes.fromhex(closing.fields["root"])
        verdict.check(f"{self.place} / commitments root on the chain", root, wanted)
        posted = self.postings.posted_commitments(self.number)
        committed = committed_digests(self.replay.rows, intake, posted)
        reveals = desk.reveals(committed, [entry.data for entry in pages.updates])
        leaves = reveal_leaves(reveals)
        closing = closing_content(self.terms, self.number, REVEALED, leaves, reveals.refused)
        self._compare("in the closing of reveals", pages.revealed, closing)
        self._blob("list of reveals", closing.subject.digest)
        sure = {*(x.participant for x in intake.letters), *(x.participant for x in reveals.letters)}
        self._refusals("reveal of", pages.revealed, reveals.refused, among=sure)
        verdict.numbers += len(intake.letters) + len(reveals.letters)
        return settle(desk, intake, committed, reveals)

    def blobs(self, settled: Settlement) -> bool:
        """Every revealed update is in the store as it was committed to."""
        for letter in settled.covered:
            self._blob(f"update of {self.names[letter.participant]}", letter.digest)
        return self.verdict.is_true

    def result(self, settled: Settlement) -> Outcome:
        """Compute the round, then compare contributions, result and what was posted."""
        entropy = b""
        if self.terms.rules.scoring == "permutation":
            entropy = self.postings.commitment_block(self.number)
        outcome = self.replay.step(settled.covered, entropy=entropy)
        refused = [*settled.refused, *outcome.refused]
        self._refusals("admission of", self.pages.result, refused)
        self._contributions(outcome)
        pay = self.postings.pay_tree(self.number, outcome.standing.dues)
        content = round_content(self.terms, self.base, outcome, refused, pay)
        self._compare("in the log", self.pages.result, content)
        self._posted()
        if self.verdict.is_true:
            self._blob("model", outcome.model.digest)
            self._dues(pay)
        return outcome

    def _refusals(
        self,
        what: str,
        entry: Entry | None,
        derived: Sequence[Refusal],
        among: Container[bytes] | None = None,
    ) -> None:
        """A statement refuses exactly those who had to be refused, with the right code."""
        among = self.names if among is None else among
        listed = entry.fields["refused"] if entry else []
        stated: dict[bytes, str] = {}
        for item in listed:
            address = parse_address(item["participant"])
            if address in stated:
                name = f"{self.place} / {what} {self._name(address)}"
                self.verdict.hold(name, False, "refused twice")
            stated[address] = item["code"]
        wanted = {refusal.participant: refusal.code for refusal in derived}
        for address in sorted({*stated, *wanted}):
            if address not in among:
                continue  # a stranger, whose letter is not in the log
            found, right = stated.get(address, "accepted"), wanted.get(address, "accepted")
            if right in SILENT and found in DESK:
                found = right
            self.verdict.check(f"{self.place} / {what} {self._name(address)}", found, right)

    def _contributions(self, outcome: Outcome) -> None:
        entries = {parse_address(e.fields["participant"]): e for e in self.pages.contributions}
        contents = contribution_contents(self.terms, outcome)
        stated = sorted(parse_address(e.fields["participant"]) for e in self.pages.contributions)
        self.verdict.check(f"{self.place} / who is scored", stated, sorted(contents))
        if outcome.result is not None:
            self.verdict.numbers += outcome.result.utilities.size
        for member, content in contents.items():
            if member in entries:
                self._compare(f"of {self._name(member)}", entries[member], content)

    def _posted(self) -> None:
        """What the chain was told, field by field, and the word that it keeps."""
        postings, number, verdict = self.postings, self.number, self.verdict
        record = postings.posted_record(number)
        if self.pages.result is None or record is None:
            verdict.hold(f"{self.place} / result on the chain", False, "nothing was posted")
            return
        wanted = result_of(self.pages.result)
        for field in wanted.__slots__:
            found = getattr(record.content, field)
            verdict.check(f"{self.place} / {field} on the chain", found, getattr(wanted, field))
        place = (self.terms.chain_id, postings.rounds.address, postings.job, number)
        begun = postings.commitment(number)
        word = commitment_word(*place, begun.commitments_root, begun.time) if begun else b""
        verdict.check(f"{self.place} / commitment on the chain", record.commitment, word)
        word, kept = result_word(*place, record), postings.rounds.digest_of_round(*place[2:])
        verdict.check(f"{self.place} / word in the contract", kept, word)

    def _dues(self, pay: CumulativeClaims) -> None:
        """The blob from which claims are proven."""
        self._blob("list of dues", sha256(dues_blob(pay)))

    def _compare(self, what: str, entry: Entry | None, content: Content) -> None:
        for name, found, wanted in comparisons(self._entry(entry, content.kind), content):
            label = LABELS.get(name, name)
            self.verdict.check(f"{self.place} / {label} {what}", found, wanted)

    def _blob(self, what: str, digest: bytes) -> None:
        try:
            self.replay.store.fetch(digest)
        except CounterpoiseError as error:
            self.verdict.refuse(f"{self.place} / {what}", error)
        else:
            self.verdict.numbers += 1

    def _name(self, address: bytes) -> str:
        return self.names.get(address, address.hex())

    def _envelope(self, entry: Entry | None, kind: str) -> Envelope:
        return Envelope.from_bytes(self._entry(entry, kind).data)

    def _entry(self, entry: Entry | None, kind: str) -> Entry:
        if entry is None:
            raise InputError(f"the log lacks a {kind} statement of {self.place}")
        return entry
