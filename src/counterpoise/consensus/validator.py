"""A validator at work: asks, scores, commits, reveals, disputes, shows its evidence, is paid.

The chain is the only truth: every step reads where the epoch stands before it acts, so that a
crash, a reorg or another's haste costs a look and nothing else. What stands nowhere else is in
the journal, and is written before it is acted on.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from counterpoise.chain import Account
from counterpoise.consensus.client import ConsensusClient
from counterpoise.consensus.evidence import Evidence, commitment_of
from counterpoise.consensus.examiner import Examiner, Sources
from counterpoise.consensus.journal import Journal
from counterpoise.consensus.keeper import Say, challenge, quiet
from counterpoise.consensus.ledger import Ledger
from counterpoise.consensus.planning import Window
from counterpoise.consensus.reader import Reader
from counterpoise.consensus.scoring import Rule
from counterpoise.consensus.sheet import read_sheet
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN, format_tokens


@dataclass(frozen=True, slots=True)
class Policy:
    """How a validator goes about its work.

    Parameters
    ----------
    rule :
        What it scores by.
    spread_seconds :
        Over how long after the opening of an epoch its questions are spread; 0 for all at once.
    margin_seconds :
        How long before the end of commitments it commits with what it has; at most a quarter of
        the time to commit.
    draw_at :
        What it is due is drawn from here on, base units.
    """

    rule: Rule = field(default_factory=Rule)
    spread_seconds: int = 0
    margin_seconds: int = 60
    draw_at: int = TOKEN


@dataclass
class Validator:
    """One validator of one market.

    Parameters
    ----------
    account :
        Has a number and a seat in the market.
    sources :
        Whom it asks, and with what.
    evidence :
        Where sheets are shown.
    home :
        The validator's own folder; labels are in it in clear. One process at a time.
    say :
        Told what happens, one sentence at a time.
    clock, random :
        Gives Unix seconds; gives so many random bytes.
    start :
        A block at or below that of the market's deployment.
    """

    client: ConsensusClient
    account: Account
    sources: Sources
    evidence: Evidence
    home: Path
    policy: Policy = field(default_factory=Policy)
    say: Say = quiet
    clock: Callable[[], float] = time.time
    random: Callable[[int], bytes] = secrets.token_bytes
    start: int = 0

    def __post_init__(self) -> None:
        self._chain = self.client.contract.chain
        market, account = self.client.address, self.account.address
        chain_id = self._chain.chain_id()
        owner = chain_id.to_bytes(32, "big") + market + account
        self.journal = Journal(self.home / "validator.sqlite", owner, self.random(32))
        self.examiner = Examiner(
            chain_id,
            market,
            account,
            self.sources,
            self.evidence,
            self.journal,
            self.policy.rule,
            self.random,
            self.say,
        )
        self.reader = Reader(self.client, self.start)
        self._said: dict[str, str] = {}

    def close(self) -> None:
        """Let go of the folder."""
        self.journal.close()

    @property
    def now(self) -> int:
        """Unix seconds: the clock's, or the chain's if that is ahead."""
        return max(self._chain.block("latest").time, int(self.clock()))

    def step(self) -> bool:
        """Do what is due now; tell whether anything was."""
        ledger, now = self.reader.ledger(), self.now
        number = ledger.number_of(self.account.address)
        if number is None:
            return self._tell("seat", "this account has no number in the market")
        moved = False
        if ledger.is_open:
            if now < ledger.commits_end:
                moved |= self._commit(ledger, number)
            elif now < ledger.reveals_end:
                moved |= self._reveal(ledger, number)
            else:
                moved |= challenge(self.client, self.account, ledger, self.say)
        moved |= self._show(ledger)
        return moved | self._draw(ledger, number)

    def _commit(self, ledger: Ledger, number: int) -> bool:
        """Ask what is due, and commit when all is answered or time runs out."""
        epoch = ledger.epoch
        if ledger.since[number] > epoch or number not in ledger.seats:
            return self._tell("seat", f"epoch {epoch}: no seat, or it came too late for it")
        if number in ledger.commitments:
            return False
        moved, sheet = False, self.examiner.sheet(epoch)
        if sheet is None:
            longest = self.client.terms.commit_seconds
            margin = min(self.policy.margin_seconds, longest // 4)
            opened = ledger.commits_end - longest
            spread = min(self.policy.spread_seconds, longest - margin)
            self.examiner.plan(ledger, number, Window(opened, opened + spread))
            moved = self.examiner.ask(epoch, self.now)
            if self.examiner.waits(epoch) and self.now < ledger.commits_end - margin:
                return moved
            sheet = self.examiner.score(ledger, number)
        row, salt = sheet.row, sheet.salt
        weighed = sum(weight > 0 for weight in row)
        said = f"epoch {epoch}: committed; {weighed} of {len(sheet.scores)} providers have weight"
        return moved | self._send(said, lambda: self.client.commit(self.account, row, salt))

    def _reveal(self, ledger: Ledger, number: int) -> bool:
        """Show the row that was committed to, unless the chain has it."""
        sheet = self.examiner.sheet(ledger.epoch)
        if sheet is None or ledger.has_revealed(number) or number not in ledger.commitments:
            return False
        row, salt = sheet.row, sheet.salt
        said = f"epoch {ledger.epoch}: revealed"
        return self._send(said, lambda: self.client.reveal(self.account, row, salt))

    def _show(self, ledger: Ledger) -> bool:
        """Show the sheets of epochs in which nobody can commit or reveal any more."""
        moved = False
        committed = {over.epoch: over.commitments for over in ledger.closed}
        committed.setdefault(ledger.epoch, ledger.commitments)
        for epoch, content in self.journal.sheets_to_show():
            if epoch >= ledger.epoch and ledger.is_open and self.now < ledger.reveals_end:
                continue
            sheet = read_sheet(content)
            found = committed.get(epoch, {}).get(sheet.validator)
            if found == commitment_of(sheet, self.account.address):
                self.evidence.show(self.account, content, self.now)
                self.say(f"epoch {epoch}: showed the evidence of its weights")
                moved = True
            self.journal.mark_shown(epoch)
        return moved

    def _draw(self, ledger: Ledger, number: int) -> bool:
        """Draw what is due under the last final result."""
        due = ledger.final[number].due if number < len(ledger.final) else 0
        owed = due - ledger.drawn.get(number, 0)
        if owed < max(self.policy.draw_at, 1):
            return False
        said = f"drew {format_tokens(owed)} tokens"
        return self._send(said, lambda: self.client.claim(self.account, number))

    def _send(self, said: str, action: Callable[[], object]) -> bool:
        """Send a transaction; a refusal is told, and looked at anew in the next step."""
        try:
            action()
        except Reverted as refused:
            return self._tell("refused", refused.message)
        self.say(said)
        return True

    def _tell(self, about: str, line: str) -> bool:
        """Say what is new about something; gives False."""
        if self._said.get(about) != line:
            self._said[about] = line
            self.say(line)
        return False
