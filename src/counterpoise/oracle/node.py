"""A node of the oracle: follows requests, proves answers, brings verdicts in, draws its fees.

The chain is the only truth: every step reads where a request stands before it acts, so that a
crash, a reorg or a faster node costs a look and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from counterpoise.chain import FINAL_DEPTH, Account, Follower
from counterpoise.core.errors import (
    ChainError,
    CounterpoiseError,
    Reverted,
    StorageError,
    Unreachable,
    VerificationError,
)
from counterpoise.core.units import format_tokens
from counterpoise.inference import Runner
from counterpoise.network import Network
from counterpoise.oracle.client import OracleClient
from counterpoise.oracle.decisions import Archive, Decision, post_decision
from counterpoise.oracle.journal import Entry, Journal
from counterpoise.oracle.policy import Policy, Purse, Say, Watcher, quiet
from counterpoise.oracle.rules import MAX_BATCH, Stage
from counterpoise.oracle.supply import Supply
from counterpoise.verification import Evidence, Prover, Request, Status, Verdict

POLL_SECONDS = 0.1
Ready = tuple[Entry, Runner, Request]


@dataclass
class OracleNode:
    """One node.

    Parameters
    ----------
    account :
        Signs, sends and is paid.
    levels :
        A prover for each level that the node answers at.
    verdict_of :
        Gives the verdict on a request at a level, from its evaluator.
    home :
        The node's own folder; inputs are in it in clear. One process at a time.
    watchers :
        For levels at which others' answers can be disputed: who does that.
    purses :
        What else owes the node, such as returned bonds.
    say :
        Told what happens, one sentence at a time.
    clock, pause :
        Gives Unix seconds; lets them pass.
    """

    network: Network
    account: Account
    levels: Mapping[int, Prover]
    verdict_of: Callable[[int, int], Verdict]
    home: Path
    policy: Policy = field(default_factory=Policy)
    watchers: Mapping[int, Watcher] = field(default_factory=dict)
    purses: Sequence[Purse] = ()
    say: Say = quiet
    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self.oracle = OracleClient(self.network.contract("Oracle"))
        self.journal = Journal(self.home / "journal.sqlite")
        cursor = self.home / "cursor.sqlite"
        self.follower = Follower(self.network.chain, [self.oracle.contract], cursor)
        self.supply = Supply(self.network, self.journal, self.home / "models", self.say)
        self.archive = None if self.network.folder is None else Archive(self.network)
        self._evidence: dict[tuple[int, bytes, bytes], Evidence] = {}
        self._answers: dict[tuple[bytes, bytes], bytes] = {}
        self._said: dict[int, str] = {}
        self._given_up: set[tuple[int, bytes, bytes]] = set()
        self._seen_true: dict[int, Verdict] = {}

    def close(self) -> None:
        """Let go of the folder."""
        self.supply.close()
        self.follower.close()
        self.journal.close()

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Serve until told to stop; a node or a store that is away is waited for."""
        trouble = ""
        while not until():
            try:
                busy, trouble = self.step(), ""
            except (Unreachable, StorageError) as error:
                busy = False
                if error.message != trouble:
                    trouble = error.message
                    self.say(f"waiting: {trouble}")
            if not busy:
                self.pause(POLL_SECONDS)

    def step(self) -> bool:
        """Do what is due now; tell whether anything was."""
        moved = self._follow()
        final: list[Entry] = []
        for entry, runner, request in self._ready():
            before = self._said.get(entry.id)
            if self._advance(entry, runner, request) is Status.FINAL and self._may_fulfil(entry):
                final.append(entry)
            moved |= self._said.get(entry.id) != before
        moved |= self._fulfil(final)
        moved |= self._state()
        moved |= self._draw()
        head = self.network.chain.block("latest").number
        self.journal.forget_closed(head - FINAL_DEPTH)
        return moved

    @property
    def now(self) -> int:
        """Unix seconds: the clock's, or the chain's if that is ahead."""
        return max(self.network.chain.block("latest").time, int(self.clock()))

    def _follow(self) -> bool:
        moved = False
        for kind, event in self.follower.poll():
            self.journal.take(kind, event, self.now)
            moved = True
            if kind == "removed":
                self._said.pop(event.args.get("id", 0), None)
        return moved

    def _ready(self) -> list[Ready]:
        """Give the open requests that the node answers and has the input of."""
        ready = []
        for entry in self.journal.open():
            if entry.level not in self.levels or not self.policy.takes(entry):
                continue
            if (entry.id, entry.model, entry.input) in self._given_up:
                continue
            if self.oracle.request_of(entry.id).stage is not Stage.OPEN:
                continue  # its event is still to come
            found = self.supply.request(self.oracle.address, entry)
            if found is not None:
                ready.append((entry, *found))
        self._forget_all_but(ready)
        self._run_models(ready)
        return ready

    def _forget_all_but(self, ready: list[Ready]) -> None:
        keys = {(entry.id, entry.model, entry.input) for entry, _, _ in ready}
        inputs = {key[1:] for key in keys}
        self._evidence = {key: made for key, made in self._evidence.items() if key in keys}
        self._answers = {key: made for key, made in self._answers.items() if key in inputs}

    def _run_models(self, ready: list[Ready]) -> None:
        """Run each model once over all inputs that are new to it."""
        by_model: dict[bytes, list[Ready]] = {}
        for one in ready:
            if (one[0].model, one[0].input) not in self._answers:
                by_model.setdefault(one[0].model, []).append(one)
        for group in by_model.values():
            rows = np.array([list(request.values) for _, _, request in group], np.uint8)
            for (entry, _, _), answer in zip(group, group[0][1].run(rows), strict=True):
                self._answers[entry.model, entry.input] = answer

    def _advance(self, entry: Entry, runner: Runner, request: Request) -> Status:
        """Bring one request a step nearer to its verdict; tell where it stands."""
        key = (entry.id, entry.model, entry.input)
        wanted = self._answers[entry.model, entry.input]
        try:
            if self._dispute(entry, runner, request, wanted):
                return Status.DISPUTED
            prover = self.levels[entry.level]
            if key not in self._evidence:
                self._evidence[key] = prover.prove(runner.model, request)
                if self._evidence[key].answer != wanted:
                    raise VerificationError("the prover's answer is not the model's")
            status = prover.advance(self.account, request, self._evidence[key])
            self._tell(entry.id, f"request {entry.id}: {status.name.lower()}")
            return status
        except (Unreachable, StorageError):
            raise
        except CounterpoiseError as refused:
            self._tell(entry.id, f"request {entry.id}: {refused.message}")
            if not isinstance(refused, ChainError):
                self._given_up.add(key)  # asking the prover again would not help
            return Status.NONE

    def _dispute(self, entry: Entry, runner: Runner, request: Request, wanted: bytes) -> bool:
        """Look at what another node proposed; tell whether something was sent against it."""
        found, watcher = self.verdict_of(entry.level, entry.id), self.watchers.get(entry.level)
        if found.status not in (Status.PROPOSED, Status.DISPUTED):
            return False
        mine = self.account.address in found.providers
        if watcher is None or mine or self._seen_true.get(entry.id) == found:
            return False
        if watcher(self.account, runner.model, request, found.answer):
            self._tell(entry.id, f"request {entry.id}: disputed {found.answer.hex()}")
            return True
        if found.answer == wanted and found.status is Status.PROPOSED:
            self._seen_true[entry.id] = found
        return False

    def _may_fulfil(self, entry: Entry) -> bool:
        """Whether it is this node's turn to bring a final verdict in."""
        found = self.verdict_of(entry.level, entry.id)
        order = list(found.providers)
        mine = self.account.address
        place = order.index(mine) if mine in order else len(order)
        return self.now >= found.time + place * self.policy.courtesy_seconds

    def _fulfil(self, entries: list[Entry]) -> bool:
        """Bring final verdicts to the oracle; a faster node is no trouble."""
        ids = [one.id for one in entries]
        if not ids:
            return False
        try:
            if len(ids) == 1:
                self.oracle.fulfil(self.account, ids[0])
            else:
                self.oracle.fulfil_batch(self.account, ids[:MAX_BATCH])
        except Reverted as refused:
            for id_ in ids:
                if self.oracle.request_of(id_).stage is Stage.OPEN:
                    self._tell(id_, f"request {id_}: {refused.message}")
            return False
        for id_ in ids:
            self._tell(id_, f"request {id_}: fulfilled")
        return True

    def _state(self) -> bool:
        """State the decisions that were paid for, and take mailed ones into the log."""
        entries = self.journal.unstated(self.account.address)
        for entry in entries:
            decision = Decision(
                self.network.chain.chain_id(),
                self.oracle.address,
                entry.id,
                entry.model,
                entry.input,
                entry.level,
                entry.answer,
                entry.evidence,
                entry.seen,
                max(self.now, entry.seen),
            )
            post_decision(self.network, decision.sign(self.account))
            self.journal.mark_stated(entry.id)
            self.supply.forget(entry)
        return bool(entries) | bool(self.archive and self.archive.collect())

    def _draw(self) -> bool:
        moved = False
        for purse in (self.oracle, *self.purses):
            earned = purse.credit(self.account.address)
            if earned == 0 or earned < self.policy.draw_at:
                continue
            try:
                purse.withdraw(self.account, self.account.address)
            except Reverted:
                continue  # somebody drew them for us
            self.say(f"drew {format_tokens(earned)} tokens")
            moved = True
        return moved

    def _tell(self, id_: int, line: str) -> None:
        """Say what is new about a request."""
        if self._said.get(id_) != line:
            self._said[id_] = line
            self.say(line)
