"""Any history of channels: the contract does what `rules` says and holds what it owes."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from counterpoise.core.errors import Reverted
from counterpoise.payments import Fault, rules
from counterpoise.payments.rules import Row
from counterpoise.payments.signing import NOBODY

QUICK = settings(
    max_examples=24,
    stateful_step_count=24,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
CALLERS = ("payer", "key", "receiver", "authorizer", "stranger")
AMOUNTS = (0, 1, 7, 40, 100, 2**128 - 1)

callers = st.sampled_from(CALLERS)
receiving = st.sampled_from((*CALLERS[2:], "receiver", "authorizer"))
paying = st.sampled_from((*CALLERS[:3], "payer", "key"))
channels = st.integers(0, 3)
amounts = st.sampled_from(AMOUNTS)
totals = st.integers(0, 130)
rows = st.lists(
    st.tuples(channels, totals, st.integers(-3, 20), st.sampled_from("ggggggb")),
    max_size=4,
)


class ChannelsMachine(RuleBasedStateMachine):
    """The contract beside `rules`, fed with the same calls."""

    shared = None

    def __init__(self):
        super().__init__()
        self.world = world = self.shared
        self.place = world.chain.snapshot()
        self.book = rules.Book()
        self.configs = [
            world.config(token=world.strange.address),
            world.config(token=world.strange.address, payer_authorizer=NOBODY),
            world.config(token=world.strange.address, withdraw_delay=2000),
            world.config(
                token=world.strange.address,
                receiver=world.stranger.address,
                payer_authorizer=NOBODY,
            ),
        ]
        world.strange.transact(world.minter, "mint", world.payer.address, 2**130)
        self.sent = 0

    def teardown(self):
        self.check_everything()
        self.world.chain.revert(self.place)

    def who(self, name):
        return self.world.roles[name]

    def agree(self, step, call):
        """Take a step by the rules and on the chain: both go on, or both refuse alike."""
        try:
            after = step()
        except Reverted as refusal:
            after = refusal.reason
        try:
            receipt = call()
        except Reverted as refusal:
            assert refusal.reason == after
            return None
        assert not isinstance(after, str), f"the contract did not refuse: {after}"
        self.book = after[0] if isinstance(after, tuple) else after
        return receipt, after

    def paid(self, agreed, event, amount_of):
        """The event tells the amount that the rule gives; without one, none is told."""
        if agreed is None:
            return
        receipt, (_, amount) = agreed
        found = [args["amount"] for name, args in self.world.events(receipt) if name == event]
        assert found == ([amount] if amount_of(amount) else [])

    @rule(index=channels, amount=amounts, order=st.sampled_from((b"", b"", b"", b"half")))
    def deposit(self, index, amount, order):
        config = self.configs[index]
        arrived = amount // 2 if order else amount
        self.agree(
            lambda: rules.deposit(self.book, config, amount, arrived),
            lambda: self.world.pull(config, amount, order),
        )

    @rule(caller=receiving, picked=rows, each=st.booleans())
    def claim(self, caller, picked, each):
        world, claimant = self.world, self.who(caller)
        claims, as_rules = [], []
        for index, total, slack, mark in picked:
            config, ceiling = self.configs[index], max(total + slack, 0)
            key = world.stranger if mark == "b" else None
            claims.append(world.claim(config, total, ceiling, key))
            as_rules.append(Row(config, ceiling, total, mark == "g"))
        if not each:
            self.agree(
                lambda: rules.claim(self.book, as_rules, claimant.address),
                lambda: world.channels.claim(claimant, claims),
            )
            return
        self.book, faults = rules.claim_each(self.book, as_rules, claimant.address)
        receipt = world.channels.claim_each(claimant, claims)
        found = [fault for _, fault in world.channels.skipped(receipt)]
        assert found == [fault for fault in faults if fault is not Fault.APPLIED]

    @rule(sender=callers, receiver=st.sampled_from(("receiver", "stranger")))
    def settle(self, sender, receiver):
        token, place = self.world.strange.address, self.who(receiver).address
        agreed = self.agree(
            lambda: rules.settle(self.book, place, token),
            lambda: self.world.channels.settle(self.who(sender), place, token),
        )
        self.paid(agreed, "Settled", bool)

    @rule(caller=paying, index=channels, amount=amounts)
    def initiate_withdraw(self, caller, index, amount):
        config, account, now = self.configs[index], self.who(caller), self.world.now
        self.agree(
            lambda: rules.initiate_withdraw(self.book, config, amount, account.address, now),
            lambda: self.world.channels.initiate_withdraw(account, config, amount),
        )

    @rule(caller=paying, index=channels)
    def finalize_withdraw(self, caller, index):
        config, account, now = self.configs[index], self.who(caller), self.world.now
        agreed = self.agree(
            lambda: rules.finalize_withdraw(self.book, config, account.address, now),
            lambda: self.world.channels.finalize_withdraw(account, config),
        )
        self.paid(agreed, "WithdrawFinalized", lambda _: True)

    @rule(caller=receiving, index=channels, amount=amounts)
    def refund(self, caller, index, amount):
        config, account = self.configs[index], self.who(caller)
        agreed = self.agree(
            lambda: rules.refund(self.book, config, amount, account.address),
            lambda: self.world.channels.refund(account, config, amount),
        )
        self.paid(agreed, "Refunded", bool)

    @rule(seconds=st.sampled_from((1, 898, 900, 1999)))
    def wait(self, seconds):
        self.world.chain.warp(seconds)

    @rule(amount=st.integers(1, 9))
    def send_for_nothing(self, amount):
        self.world.strange.transact(
            self.world.payer, "transfer", self.world.channels.address, amount
        )
        self.sent += amount

    @invariant()
    def holds_what_it_owes(self):
        strange = self.world.strange
        held = strange.call("balanceOf", self.world.channels.address)
        assert held == self.book.held(strange.address) + self.sent

    def check_everything(self):
        for config in self.configs:
            assert self.world.channels.channel(config) == self.book.channel(config)
        for (receiver, token), earned in self.book.earned.items():
            assert self.world.channels.earned(receiver, token) == earned


def test_contract_and_rules_agree_for_any_history(world):
    ChannelsMachine.shared = world
    run_state_machine_as_test(ChannelsMachine, settings=QUICK)
