"""A validator's examinations: seals checks, asks providers, makes the sheet; no transactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from counterpoise.consensus.asking import MOST_ANSWER, Ask, Reply
from counterpoise.consensus.checks import Case, draw, falls_to
from counterpoise.consensus.evidence import Evidence, commitment_of
from counterpoise.consensus.journal import Journal
from counterpoise.consensus.keeper import Say
from counterpoise.consensus.ledger import Ledger
from counterpoise.consensus.planning import Bound, Window, exchange, plan
from counterpoise.consensus.scoring import Kind, Rule
from counterpoise.consensus.sheet import Sheet, read_sheet
from counterpoise.core.digest import sha256
from counterpoise.core.errors import Unreachable
from counterpoise.core.units import Address
from counterpoise.inference import IntegerModel, model_bytes

BATCH = 8
RESERVES = 2
"""How many epochs' checks are sealed at a time, so that spoiled ones can be left out."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a validator asks with.

    Parameters
    ----------
    ask :
        How providers are asked.
    bank :
        Labelled cases, its own or shared with other validators; like what buyers ask.
    pool :
        Questions without labels, as buyers ask them; its own or shared. They may be shown.
    traffic :
        Questions that somebody wants answered: they hide the checks, and are never shown. Read at
        the beginning of each epoch.
    models :
        The model that a provider says it runs, by its number.
    """

    ask: Ask
    bank: Sequence[Case]
    pool: Sequence[bytes] = ()
    models: Mapping[int, IntegerModel] = field(default_factory=dict)
    traffic: Sequence[bytes] = ()


@dataclass
class Examiner:
    """Examines the providers of one market for one validator.

    Parameters
    ----------
    chain_id, market, account :
        Where, and for whom.
    random :
        Gives so many random bytes.
    say :
        Told what happens.
    """

    chain_id: int
    market: Address
    account: Address
    sources: Sources
    evidence: Evidence
    journal: Journal
    rule: Rule
    random: Callable[[int], bytes]
    say: Say

    def __post_init__(self) -> None:
        self._read_until = 0

    def sheet(self, epoch: int) -> Sheet | None:
        """Give the sheet of an epoch; None before it is made."""
        content = self.journal.sheet(epoch)
        return None if content is None else read_sheet(content)

    def plan(self, ledger: Ledger, number: int, window: Window) -> None:
        """Write down whom to ask what in the epoch, unless that was done.

        Parameters
        ----------
        number :
            The validator's own.
        window :
            Over which the questions are spread.
        """
        epoch = ledger.epoch
        if self.journal.bound(epoch) is not None:
            return
        for over in ledger.closed[self._read_until :]:
            self.journal.spoil(self.evidence.opened(over))
        self._read_until = max(len(ledger.closed) - 1, 0)  # letters may come late
        counted = [n for n in self.sources.ask.numbers() if _counts(ledger, n)]
        others = [n for n in counted if n != number]
        bound, spoiled = self._bound(ledger), self.journal.spoiled()
        mine = self._falls(ledger, number)
        known = self.sources
        pool = [one for one in known.pool if mine(sha256(one))]
        rest = (bound, pool, known.traffic, known.models, spoiled, window)
        planned = plan(self._seed(b"plan", epoch), others, self.rule, *rest)
        self.journal.plan(epoch, bound.epoch, planned)
        checks = sum(one.kind is Kind.CHECK for one in planned)
        self.say(f"epoch {epoch}: {len(planned)} questions to {len(others)}, {checks} are checks")

    def ask(self, epoch: int, now: int) -> bool:
        """Ask what is due; tell whether anything was.

        A question that is lost on this side is not asked again.
        """
        moved = False
        while due := [one for one in self.journal.waiting(epoch)[:BATCH] if one.due <= now]:
            self.journal.begin(epoch, due)
            for one in due:
                try:
                    reply = self.sources.ask.ask(one.number, one.question) or Reply(b"", 0)
                except Unreachable as fault:
                    self.say(f"epoch {epoch}: a question was lost: {fault.message}")
                    continue
                if len(reply.answer) > MOST_ANSWER:
                    reply = Reply(b"", reply.steps)
                self.journal.finish(epoch, one, reply)
            moved = True
        return moved

    def waits(self, epoch: int) -> bool:
        """Tell whether anything is still to be asked."""
        return bool(self.journal.waiting(epoch))

    def score(self, ledger: Ledger, number: int) -> Sheet:
        """Make the sheet of the epoch from what was asked, and seal the next reserve in it."""
        epoch = ledger.epoch
        sealed = self.journal.bound(epoch) or 0
        reserve, asked = self.journal.reserve(sealed), self.journal.asked(epoch)
        used = sorted({one.number for one in asked if one.kind is Kind.RERUN})
        models = self.sources.models
        self.journal.seal(epoch, self._draw(ledger, number))
        made = Sheet(
            self.chain_id,
            self.market,
            epoch,
            number,
            ledger.width,
            self.rule,
            sealed,
            reserve.leaves,
            {n: self.evidence.keep_model(model_bytes(models[n])) for n in used},
            tuple(exchange(one, reserve) for one in asked),
            self.journal.reserve(epoch).root,
            self.random(32),
        )
        self.journal.keep_sheet(epoch, made.to_bytes())
        return made

    def _draw(self, ledger: Ledger, number: int) -> tuple[Case, ...]:
        """Draw the checks of epochs to come from what falls to this validator."""
        count = RESERVES * self.rule.checks * len(self.sources.ask.numbers())
        seed, spoiled = self._seed(b"draw", ledger.epoch), self.journal.spoiled()
        return draw(self.sources.bank, count, seed, spoiled, self._falls(ledger, number))

    def _falls(self, ledger: Ledger, number: int) -> Callable[[bytes], bool]:
        """Give what tells whether a question falls to this validator, of those who have seats."""
        seated = {n for n in ledger.seats if _counts(ledger, n)}
        return lambda digest: falls_to(digest, seated) == number

    def _bound(self, ledger: Ledger) -> Bound:
        """Give the reserve that this validator's last commitment has sealed."""
        for over in reversed(ledger.closed):
            sheet = self.sheet(over.epoch)
            if sheet is None:
                continue
            if over.commitments.get(sheet.validator) == commitment_of(sheet, self.account):
                return Bound(over.epoch, self.journal.reserve(over.epoch))
        return Bound(0, self.journal.reserve(0))

    def _seed(self, purpose: bytes, epoch: int) -> bytes:
        return sha256(self.journal.secret + purpose + epoch.to_bytes(8, "big"))


def _counts(ledger: Ledger, number: int) -> bool:
    """Tell whether a number counts in the epoch."""
    return ledger.since.get(number, ledger.epoch + 1) <= ledger.epoch
