"""The story of a watched chain: honest life, attacks, a pause that stops one, a veto, a case."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from counterpoise.apps.folders import prepare_folder
from counterpoise.apps.telling import Say, quiet
from counterpoise.apps.watchtower.attacks import ATTACKS, Burglary, friendly, laundering, poisoning
from counterpoise.apps.watchtower.stage import MINUTE, Stage
from counterpoise.apps.watchtower.story import Planted, Story
from counterpoise.apps.watchtower.tower import Seen, Tower, policy
from counterpoise.apps.watchtower.traffic import Traffic, twins
from counterpoise.chain import Receipt
from counterpoise.core.digest import keccak, sha256
from counterpoise.core.units import TOKEN
from counterpoise.monitor import (
    Alert,
    Intent,
    Responder,
    Screen,
    Screening,
    derive_alerts,
    export_case,
    shipped_labels,
)
from counterpoise.network import Network, create_network, open_network

BEFORE, BETWEEN = 10, 2
"""Honest blocks before the first attack, and after each."""

MARKER, RECORD = "watchtower.json", "report.json"


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked for."""

    seed: int


class Watchtower:
    """One run of the demonstration in a state folder.

    A run that was interrupted begins anew: the whole of it takes less than a minute.

    Parameters
    ----------
    folder :
        The state folder, made if missing.
    say :
        Told of progress.
    on_alert :
        Told of each alert as it is raised.

    Raises
    ------
    InputError :
        The folder holds something else, or a run with another seed.
    """

    tower: Tower

    def __init__(
        self,
        folder: Path,
        options: Options,
        say: Say = quiet,
        on_alert: Callable[[Alert], None] = lambda alert: None,
    ) -> None:
        self.folder, self.options, self.say, self._on_alert = folder, options, say, on_alert
        self.story = Story()
        finished = prepare_folder(folder, MARKER, asdict(options))
        self.say("starting the chain, deploying contracts", 0, 1)
        seed = sha256(b"watchtower" + options.seed.to_bytes(8, "big"))
        self.network: Network = (
            open_network(folder) if finished else create_network(folder, seed=seed)
        )
        self.stage = Stage(self.network)
        self.is_finished = finished

    def run(self) -> None:
        """Tell the whole story."""
        stage = self.stage
        self.say("the stage is set up", 0, 1)
        stage.set_up()
        tokens = (stage.grain.address, stage.silver.address)
        account = self.network.account("watcher")
        self.tower = Tower(self.network, self.folder / "monitor", account, tokens)
        self.traffic = Traffic(stage, self.options.seed)
        self._guard()
        self.say("the watch begins at the first block", 0, 1)
        self._look()
        self.story.begins = self.network.chain.block("latest").number + 1
        self._live(BEFORE)
        self._reorganised()
        for name, (attack, detector) in ATTACKS.items():
            self.say(f"an attack: {name}", len(self.story.attacks), len(ATTACKS) + 2)
            self._attack(name, detector, attack(stage))
            self._live(BETWEEN)
        self._look_alikes()
        self._burglary()
        self.say("the loot is laundered", 0, 1)
        self._attack("laundering", "laundering", laundering(self.stage))
        self._false_alarm()
        self._live(BETWEEN)
        self._tell()

    def kept_record(self) -> dict[str, Any]:
        """What a finished run came to, as it was written down; empty for a run of now."""
        if not self.is_finished:
            return {}
        found: dict[str, Any] = json.loads((self.folder / RECORD).read_text(encoding="utf-8"))
        return found

    def close(self) -> None:
        """Let go of chain, log and book."""
        if hasattr(self, "tower"):
            self.tower.close()
        self.network.close()

    def _guard(self) -> None:
        """A reporter watches over both banks."""
        stage = self.stage
        targets = [bank.address for bank in (stage.savings, stage.chest)]
        reporter = stage.account("reporter")
        self.tower.guard(Responder(stage.guardian, reporter, targets, policy()))

    def _look(self) -> Seen:
        seen = self.tower.look()
        for alert in seen.raised:
            self._on_alert(alert)
        self.story.alerts += seen.raised
        self.story.retracted += seen.retracted
        for action in seen.actions:
            if action.case is not None and self.story.pause is None:
                self.story.pause = action.case
        return seen

    def _live(self, blocks: int) -> None:
        """Honest life goes on for some blocks."""
        for _ in range(blocks):
            self.story.honest += len(self.traffic.block())
            self._look()

    def _attack(self, name: str, detector: str, blocks: Iterator[list[Receipt]]) -> Planted:
        planted = Planted(name, detector)
        self.story.attacks.append(planted)
        for receipts in blocks:
            self._note(planted, receipts)
            self._look()
        return planted

    def _note(self, planted: Planted, receipts: list[Receipt]) -> None:
        planted.transactions += [receipt.tx_hash for receipt in receipts]
        planted.blocks += [receipt.block_number for receipt in receipts[:1]]

    def _reorganised(self) -> None:
        """A poisoning that a reorganisation undoes, and that comes again."""
        self.say("an attack: poisoning, and a reorganisation", 0, 1)
        for receipts in friendly(self.stage):
            self.story.honest += len(receipts)
            self._look()
        self._attack("poisoning, undone", "poisoning", poisoning(self.stage))
        self.stage.pen.undo()
        self._look()
        self._attack("poisoning", "poisoning", poisoning(self.stage))
        self._live(BETWEEN)

    def _look_alikes(self) -> None:
        """Harmless twins of the attacks: none of them may be told."""
        self.say("harmless twins of the attacks", 0, 1)
        for name, receipts in twins(self.stage):
            planted = next((one for one in self.story.twins if one.name == name), None)
            if planted is None:
                planted = Planted(name, "")
                self.story.twins.append(planted)
            self._note(planted, receipts)
            self.story.honest += len(receipts)
            self._look()

    def _burglary(self) -> None:
        """A bank is robbed; the first robbery is seen, and the second finds the bank closed."""
        self.say("the savings bank is robbed", 0, 1)
        stage, story = self.stage, self.story
        rob = Burglary(stage)
        story.screening = self._screen(rob)
        before = self.network.chain.balance(stage.savings.address)
        planted = self._attack("burglary", "reentrancy", iter([rob()]))
        left = self.network.chain.balance(stage.savings.address)
        story.lost_before = before - left
        self.say("the burglar tries again", 0, 1)
        receipts = rob()
        self._note(planted, receipts)
        story.refused_while_paused = sum(receipt.status == 0 for receipt in receipts)
        self._look()
        story.kept_by_pause = self.network.chain.balance(stage.savings.address)
        self._rule()
        self.network.warp(31 * MINUTE)
        for name in ("ada", "ben"):
            stage.pen.call(stage.account(name), stage.savings, "take_all")
        story.honest += len(stage.pen.mine())
        self._look()

    def _screen(self, rob: Burglary) -> Screening:
        """What a wallet would have said of the robbery before it was sent."""
        data = rob.contract.encode("rob", 4)
        intent = Intent(rob.burglar.address, rob.contract.address, data, TOKEN)
        screen = Screen(self.network.chain, shipped_labels(), self.tower.contacts)
        return screen.screen(intent)

    def _rule(self) -> None:
        """The evaluator runs the watch again on the chain, and rules on what follows from it."""
        self.say("the evaluator derives the alerts again", 0, 1)
        guardian = self.stage.guardian
        open_cases = [case for case in guardian.cases() if case.rule_by]
        if not open_cases:
            return
        found = {alert.digest for alert in derive_alerts(self.network.chain, self.tower.terms)}
        for case in open_cases:
            evaluator = self.stage.account("evaluator")
            guardian.rule(evaluator, case.number, is_true=case.digest in found)
        reporter = self.stage.account("reporter")
        if guardian.credit_of(reporter.address):
            guardian.withdraw(reporter)
        if self.story.pause is not None:
            self.story.pause = guardian.case(self.story.pause.number)
        if self.story.false_alarm is not None:
            self.story.false_alarm = guardian.case(self.story.false_alarm.number)

    def _false_alarm(self) -> None:
        """Somebody pauses a bank for an alert that there is not: vetoed, ruled, paid for."""
        self.say("a false alarm, and a veto", 0, 1)
        stage, chest = self.stage, self.stage.chest.address
        digest = keccak(b"an alert that nobody can derive")
        self.story.false_alarm = stage.guardian.pause(stage.account("hasty"), chest, digest)
        stage.guardian.veto(stage.account("veto"), chest)
        self._rule()
        self._look()

    def _tell(self) -> None:
        """Anchor the log; export the case of the burglary."""
        self.say("the log is anchored, the case exported", 0, 1)
        self.network.anchor_log()
        cases = self.tower.book.cases()
        robbed = [
            case
            for case in cases
            if any(alert.finding.detector == "reentrancy" for alert in case.alerts)
        ]
        if robbed:
            self.story.case = robbed[0]
            self.story.files = export_case(robbed[0], self.folder / "cases")
        self.network.store.flush()
