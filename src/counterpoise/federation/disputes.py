"""Finds the one number of a posted round that the judge must be shown.

The posted trace is compared with the one that the evidence gives. Where an entry differs, every
cell that recomputes a number of it is tried by the rules in Python, until one says it is false.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from counterpoise.core.errors import CounterpoiseError
from counterpoise.federation.judge import NO_OPENING, Accusation
from counterpoise.federation.judge_pay import claim_leaves
from counterpoise.federation.judge_rules import Articles, Place, World
from counterpoise.federation.promises import Promise
from counterpoise.federation.rules.round_trace import SECTIONS, STATISTICS_ROUND
from counterpoise.federation.rules.trace import Opening, Section, Trace
from counterpoise.federation.validation import ValidationSet

Cells = Iterator[Accusation]
AT_MOST = 4
"""Entries of a section that are looked at where more of them differ."""


@dataclass
class Suspect:
    """A posted round and what is needed to accuse it.

    Parameters
    ----------
    posted, true :
        The trace that was published (of a withheld one, what was revealed), and that which the
        evidence gives.
    before :
        The trace of the round before; None in the first round.
    blob :
        Gives a blob by its digest, None if it is nowhere.
    rows :
        The raw validation rows; see `raw_rows`.
    """

    place: Place
    articles: Articles
    world: World
    posted: Trace
    true: Trace
    before: Trace | None
    blob: Callable[[bytes], bytes | None]
    rows: Section
    promises: Sequence[Promise] = ()

    def accusation(self) -> Accusation | None:
        """Give the first number that the judge must find false; None if there is none."""
        for found in self._candidates():
            if self.holds(found):
                return found
        return None

    def holds(self, accusation: Accusation) -> bool:
        """Whether the judge would convict."""
        try:
            return accusation.is_false(self.place, self.articles, self.world)
        except CounterpoiseError:
            return False

    def _candidates(self) -> Cells:
        yield Accusation("shape", (self.posted.head,))
        if self.place.number > STATISTICS_ROUND:
            yield Accusation("accounts", (self.posted.head, self._before_head))
        for name in SECTIONS:
            for index in self.differing(name):
                yield from getattr(self, f"_in_{name}")(index)
        yield from self._of_the_whole()

    def differing(self, name: str) -> list[int]:
        """Give the first entries of a section that are not what they must be."""
        posted, true = self.posted.section(name).entries, self.true.section(name).entries
        if posted.shape != true.shape:
            return [*range(min(AT_MOST, len(posted)))]
        return [int(i) for i in np.flatnonzero((posted != true).any(axis=1))[:AT_MOST]]

    def open(self, name: str, index: int) -> Opening:
        """Open an entry of the posted trace; one that no cell looks at, where there is none."""
        if not 0 <= index < len(self.posted.section(name).entries):
            return NO_OPENING
        return self.posted.opening(name, index)

    def _before(self, name: str, index: int) -> Opening:
        if self.before is None or not 0 <= index < len(self.before.section(name).entries):
            return NO_OPENING
        return self.before.opening(name, index)

    @cached_property
    def _before_head(self) -> bytes:
        return self.before.head if self.before else b""

    @cached_property
    def _round(self) -> Opening:
        return self.open("round", 0)

    @cached_property
    def _members(self) -> int:
        return len(self.posted.section("updates").entries)

    def _cell(self, name: str, *arguments: object) -> Accusation:
        return Accusation(name, (self.posted.head, *arguments))

    def _in_round(self, index: int) -> Cells:
        before = self._before("round", 0)
        yield self._cell("header", self._round, self._before_head, before)
        last = self.open("scores", self._members - 1)
        yield self._cell("counts", self._round, last)
        for member in range(self._members):
            yield self._cell("gate", self._round, self.open("scores", member), member)
            yield from self._in_updates(member)
        yield from self._sums()

    def _in_updates(self, index: int) -> Cells:
        entry = self.open("updates", index)
        for number in range(len(self.posted.section("standing").entries)):
            yield self._cell("member", self._round, entry, self.open("standing", number))
        for one in self.promises:
            if one.member == entry.entry[:20]:
                what = (one.root, one.time, one.update, one.salt, one.proof)
                yield self._cell("committed", entry, *what)

    def _in_model(self, index: int) -> Cells:
        numbers = self.open("model", index)
        if self.place.number == STATISTICS_ROUND:
            yield self._cell("column", numbers)
        for at in range(8):
            yield self._cell("aggregate", self._round, numbers, at)
            before = self._before("model", index)
            yield self._cell("base", numbers, self._before_head, before, at)
            yield from self._against_blobs(numbers, at)

    def _against_blobs(self, numbers: Opening, at: int) -> Cells:
        model, before = self.blob(self.place.model_digest), self.blob(self.place.before_model)
        if before is not None:
            yield self._cell("model_blob", numbers, at, before, True)
        if model is not None:
            yield self._cell("model_blob", numbers, at, model, False)
        for member in range(self._members):
            entry = self.open("updates", member)
            blob = self.blob(entry.entry[28:60])
            if blob is not None:
                yield self._cell("update", entry, numbers, at, blob)

    def _in_rows(self, index: int) -> Cells:
        row, before = self.open("rows", index), self.blob(self.place.before_model)
        raw = _opening(self.rows, index)
        for feature in range(self.articles.inputs + 1):
            yield self._cell("row", row, raw, before or b"", feature)
        for output in range(self.articles.outputs):
            yield self._cell("logit", NO_OPENING, row, output, before or b"", True)
            for member in range(self._members):
                entry = self.open("updates", member)
                blob = self.blob(entry.entry[28:60]) or b""
                yield self._cell("logit", entry, row, output, blob, False)

    def _in_losses(self, index: int) -> Cells:
        losses, mixture = self.open("losses", index), index // self.articles.blocks
        mask, first = self.open("masks", mixture), 64 * (index % self.articles.blocks)
        for row in range(first, min(first + 64, self.articles.rows)):
            yield self._cell("loss", self._round, self.open("rows", row), losses, mask)
        yield self._cell("loss_sum", losses, self.open("losses", index - 1))

    def _in_utilities(self, index: int) -> Cells:
        for at in range(16):
            last = self.open("losses", (16 * index + at - 14) * self.articles.blocks - 1)
            yield self._cell("utility", self.open("utilities", index), last, at)

    def _in_steps(self, index: int) -> Cells:
        steps, before = self.open("steps", index), self.open("steps", index - 1)
        for at in range(self._members):
            utilities = self.open("utilities", index)
            yield self._cell("term", steps, before, utilities, at)
            yield from self._walked(steps, before, at)

    def _walked(self, steps: Opening, before: Opening, at: int) -> Cells:
        start, entry = 2 * self._members, steps.entry
        if len(entry) != 14 * self._members:
            return
        places = [int.from_bytes(entry[start + 4 * k :][:4], "big") for k in range(at + 1)]
        mask = self.open("masks", places[at])
        yield self._cell("order", self._round, steps, mask, at)
        prior = places[at - 1] if at else 0
        joined, left = (self.open("utilities", (p + 15) // 16) for p in (places[at], prior))
        yield self._cell("walk", steps, before, joined, left, at)

    def _in_masks(self, index: int) -> Cells:
        yield self._cell("nobody", self.open("masks", 0))
        for number in range(len(self.posted.section("steps").entries)):
            steps = self.open("steps", number)
            for at in range(self._members):
                yield from self._walked(steps, self.open("steps", number - 1), at)

    def _in_scores(self, index: int) -> Cells:
        score, last = self.open("scores", index), len(self.posted.section("steps").entries) - 1
        for sums in (self.open("steps", last), self.open("utilities", index + 1)):
            yield self._cell("score", score, self.open("updates", index), sums)
        yield self._cell("positive", score, self.open("scores", index - 1))

    def _in_standing(self, index: int) -> Cells:
        account, before = self.open("standing", index), self._before("standing", index)
        yield self._cell("account", account)
        score = self.open("scores", int.from_bytes(account.entry[29:37], "big"))
        yield self._cell("standing", self._round, score, account, self._before_head, before)
        yield self._cell("running", account, self.open("standing", index - 1))

    def _in_dues(self, index: int) -> Cells:
        dues = self.open("dues", 0)
        for account in range(len(self.posted.section("standing").entries)):
            yield self._cell("due", dues, self.open("standing", account))
        yield self._cell("pay", dues, self._claim_order(dues))

    def _claim_order(self, dues: Opening) -> tuple[int, ...]:
        leaves = claim_leaves(self.place, self.world, dues.entry)
        return tuple(sorted(leaves, key=leaves.__getitem__, reverse=True))

    def _sums(self) -> Cells:
        last = len(self.posted.section("standing").entries) - 1
        yield self._cell("totals", self._round, self.open("standing", last))
        for index in range(last + 1):
            yield from self._in_standing(index)

    def _of_the_whole(self) -> Cells:
        """What may be false though no entry differs: the other fields of the result."""
        yield from self._sums()
        yield from self._in_dues(0)
        model, before = self.blob(self.place.model_digest), self.blob(self.place.before_model)
        if model is not None and before is not None:
            yield Accusation("statistics", (model, before))
        for index in range(len(self.posted.section("model").entries)):
            for at in range(8):
                yield from self._against_blobs(self.open("model", index), at)


def raw_rows(validation: ValidationSet) -> Section:
    """The validation rows as the articles commit to them: each feature 4 bytes, the label 8."""
    columns = [validation.features.astype(">i4"), validation.labels[:, None].astype(">i8")]
    parts = [np.frombuffer(c.tobytes(), np.uint8).reshape(len(c), -1) for c in columns]
    return Section("raw", np.concatenate(parts, axis=1))


def _opening(section: Section, index: int) -> Opening:
    return Trace((section,)).opening(section.name, index)
