"""Any history of pauses, vetoes and rulings: tokens are conserved, and terms are kept."""

from dataclasses import dataclass

import pytest
from guardian_world import DEPOSIT, TERMS, build_world
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from counterpoise.core.errors import Reverted

QUICK = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Open:
    reporter: str
    bounty: int
    rule_by: int


class GuardianMachine(RuleBasedStateMachine):
    """One vault under the guardian beside a model in plain Python."""

    world = None

    def __init__(self):
        super().__init__()
        self.place = self.world.chain.snapshot()
        self.deposit, self.credit, self.open = DEPOSIT, {}, {}
        self.until, self.drained, self.drained_at, self.number = 0, 0, 0, 0
        self.pauses = []

    def teardown(self):
        self.world.chain.revert(self.place)

    def drained_now(self, now):
        faded = (now - self.drained_at) * TERMS["most_per_period"] // TERMS["period"]
        return max(0, self.drained - faded)

    def owe(self, who, amount):
        address = self.world.vault.address if who == "vault" else self.world.roles[who].address
        self.credit[address] = self.credit.get(address, 0) + amount

    @rule(seconds=st.integers(0, 700), who=st.sampled_from(["reporter", "second"]))
    def pause(self, seconds, who):
        now = self.world.now
        drained = self.drained_now(now)
        allowed = (
            0 < seconds <= TERMS["max_pause"]
            and now >= self.until + TERMS["cooldown"]
            and drained + seconds <= TERMS["most_per_period"]
        )
        self.number += 1
        digest = self.number.to_bytes(32, "big")
        if not allowed:
            with pytest.raises(Reverted):
                self.world.pause(seconds, digest, self.world.roles[who])
            return
        case = self.world.pause(seconds, digest, self.world.roles[who])
        bounty = min(TERMS["bounty"], self.deposit)
        self.deposit -= bounty
        self.open[case] = Open(who, bounty, now + TERMS["ruling_seconds"])
        self.drained, self.drained_at, self.until = drained + seconds, now, now + seconds
        self.pauses.append((now, now + seconds))

    @precondition(lambda self: self.open)
    @rule(choose=st.data(), is_true=st.booleans())
    def decide(self, choose, is_true):
        case = choose.draw(st.sampled_from(sorted(self.open)))
        found = self.open[case]
        if self.world.now > found.rule_by:
            self.world.guardian.transact(self.world.stranger, "lapse", case)
            self.owe(found.reporter, TERMS["bond"])
            self.deposit += found.bounty
        else:
            self.world.rule(case, is_true)
            if is_true:
                self.owe(found.reporter, TERMS["bond"] + found.bounty)
            else:
                self.owe("vault", TERMS["bond"])
                self.deposit += found.bounty
        del self.open[case]

    @rule()
    def veto(self):
        now = self.world.now
        if now >= self.until:
            with pytest.raises(Reverted):
                self.world.guardian.transact(self.world.veto, "veto", self.world.vault.address)
            return
        self.world.guardian.transact(self.world.veto, "veto", self.world.vault.address)
        drained = self.drained_now(now)
        self.drained, self.drained_at = drained - min(self.until - now, drained), now
        self.until = now
        self.pauses[-1] = (self.pauses[-1][0], now)

    @rule(seconds=st.integers(1, 3000))
    def wait(self, seconds):
        self.world.warp_to(self.world.now + seconds)

    @precondition(lambda self: self.credit)
    @rule(choose=st.data())
    def withdraw(self, choose):
        account = choose.draw(st.sampled_from(sorted(self.credit)))
        self.world.guardian.transact(self.world.stranger, "withdraw", account)
        del self.credit[account]

    @invariant()
    def it_holds_what_it_owes(self):
        bonds = sum(TERMS["bond"] + case.bounty for case in self.open.values())
        owed = self.deposit + bonds + sum(self.credit.values())
        held = self.world.token.call("balanceOf", self.world.guardian.address)
        assert held == owed
        assert self.world.deposit() == self.deposit

    @invariant()
    def it_pauses_as_long_as_the_terms_say(self):
        assert self.world.until == self.until
        period, most = TERMS["period"], TERMS["most_per_period"]
        for start, _ in self.pauses:
            within = sum(
                max(0, min(end, start + period) - begin)
                for begin, end in self.pauses
                if start <= begin < start + period
            )
            assert within <= 2 * most


def test_any_history_conserves_tokens_and_keeps_the_terms():
    GuardianMachine.world = build_world()
    run_state_machine_as_test(GuardianMachine, settings=QUICK)
