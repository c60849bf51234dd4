"""Any order of calls, by anyone: the contract does what `token_rules` says and conserves tokens."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from counterpoise.chain import dev_account, open_chain
from counterpoise.core.errors import Reverted
from counterpoise.jobs import token_rules as rules
from counterpoise.jobs.token import Payment, Permit, TokenClient

# Shrinking takes minutes and tells little that the steps do not.
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate, Phase.target)
NOBODY = bytes(20)
PEOPLE = [dev_account(index) for index in range(3)]
MINTER = PEOPLE[0]

ALLOWED = {
    (PEOPLE[0], PEOPLE[1]): rules.ENDLESS,
    (PEOPLE[1], PEOPLE[2]): 800,
    (PEOPLE[2], PEOPLE[0]): rules.ENDLESS - 1,
}

person = st.sampled_from(PEOPLE)
address = st.sampled_from([*(p.address for p in PEOPLE * 3), NOBODY])
EXTREMES = [rules.CAP - 3000, rules.CAP, rules.CAP + 1, 2**255, 2**256 - 2, 2**256 - 1]
amount = st.one_of(st.integers(0, 300), st.integers(0, 300), st.integers(0, 2000))
any_amount = st.one_of(amount, st.sampled_from(EXTREMES))
nonce = st.integers(1, 4).map(lambda n: n.to_bytes(32, "big"))
shift = st.sampled_from([-10, -1, 0, 1, 10])


@cache
def deployed():
    chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
    client = TokenClient.deploy(chain, MINTER, MINTER.address)
    for who in PEOPLE:
        client.mint(MINTER, who.address, 1000)
    for (owner, spender), amount in ALLOWED.items():
        client.approve(owner, spender.address, amount)
    return client


class TokenMachine(RuleBasedStateMachine):
    """Mints, transfers, approvals, burns, permits, payments, cancellations; good and bad ones."""

    def __init__(self):
        super().__init__()
        self.token = deployed()
        self.chain = self.token.contract.chain
        self.place = self.chain.snapshot()
        allowed = {(o.address, s.address): amount for (o, s), amount in ALLOWED.items()}
        balances = {who.address: 1000 for who in PEOPLE}
        self.ledger = rules.Ledger(MINTER.address, balances, allowed)

    def teardown(self):
        self.check_everything()
        self.chain.revert(self.place)

    def both(self, step, send):
        """Take one step by the rules and on the chain: the same outcome, the same reason."""
        try:
            self.ledger, refusal = step(self.ledger), ""
        except Reverted as refused:
            refusal = str(refused)
        try:
            send()
            outcome = ""
        except Reverted as refused:
            outcome = str(refused)
        assert outcome == refusal

    @property
    def now(self):
        return self.chain.block().time + 1

    @rule(caller=person, receiver=address, amount=any_amount)
    def transfer(self, caller, receiver, amount):
        self.both(
            lambda ledger: rules.transfer(ledger, caller.address, receiver, amount),
            lambda: self.token.transfer(caller, receiver, amount),
        )

    @rule(caller=person, spender=address, amount=any_amount)
    def approve(self, caller, spender, amount):
        self.both(
            lambda ledger: rules.approve(ledger, caller.address, spender, amount),
            lambda: self.token.approve(caller, spender, amount),
        )

    @rule(caller=person, owner=address, receiver=address, amount=amount)
    def transfer_from(self, caller, owner, receiver, amount):
        self.both(
            lambda ledger: rules.transfer_from(ledger, caller.address, owner, receiver, amount),
            lambda: self.token.transfer_from(caller, owner, receiver, amount),
        )

    @rule(caller=st.sampled_from([MINTER, MINTER, PEOPLE[1]]), receiver=address, amount=any_amount)
    def mint(self, caller, receiver, amount):
        self.both(
            lambda ledger: rules.mint(ledger, caller.address, receiver, amount),
            lambda: self.token.mint(caller, receiver, amount),
        )

    @rule(caller=person, amount=amount)
    def burn(self, caller, amount):
        self.both(
            lambda ledger: rules.burn(ledger, caller.address, amount),
            lambda: self.token.burn(caller, amount),
        )

    @rule(caller=person, owner=address, amount=amount)
    def burn_from(self, caller, owner, amount):
        self.both(
            lambda ledger: rules.burn_from(ledger, caller.address, owner, amount),
            lambda: self.token.burn_from(caller, owner, amount),
        )

    @rule(caller=person, owner=person, signer=person, honest=st.booleans(), spender=address,
          amount=amount, shift=shift, stale=st.booleans())  # fmt: skip
    def permit(self, caller, owner, signer, honest, spender, amount, shift, stale):
        signer = owner if honest else signer
        nonce = self.ledger.nonces.get(owner.address, 0)
        deadline = self.now + shift
        permit = Permit(owner.address, spender, amount, nonce + (stale and not honest), deadline)
        signature = signer.sign_digest(permit.digest(self.token.domain()))
        self.both(
            lambda ledger: rules.permit(
                ledger, owner.address, spender, amount, deadline=deadline, now=self.now,
                signer=signer.address if permit.nonce == nonce else None,
            ),
            lambda: self.token.permit(caller, permit, signature),
        )  # fmt: skip

    @rule(payer=person, receiver=person, amount=amount, nonce=nonce, by_receiver=st.booleans())
    def pay(self, payer, receiver, amount, nonce, by_receiver):
        """A payment that nothing is wrong with, but perhaps its nonce or its amount."""
        times = (self.now + 1, nonce, self.now - 1)
        payment = Payment(payer.address, receiver.address, amount, *times, by_receiver)
        self.bring(receiver, payer, payment)

    @rule(
        caller=person, payer=person, signer=person, receiver=address, amount=any_amount,
        nonce=nonce, after=shift, before=shift, by_receiver=st.booleans(),
    )  # fmt: skip
    def try_to_pay(
        self, caller, payer, signer, receiver, amount, nonce, after, before, by_receiver
    ):
        times = (self.now + before, nonce, self.now + after)
        payment = Payment(payer.address, receiver, amount, *times, by_receiver)
        self.bring(caller, signer, payment)

    def bring(self, caller, signer, payment):
        signature = signer.sign_digest(payment.digest(self.token.domain()))
        self.both(
            lambda ledger: rules.move_signed(
                ledger, payment.payer, payment.receiver, payment.amount,
                valid_after=payment.valid_after, valid_before=payment.valid_before,
                nonce=payment.nonce, signer=signer.address, now=self.now,
                by_receiver=caller.address if payment.by_receiver else None,
            ),
            lambda: self.token.pay(caller, payment, signature),
        )  # fmt: skip

    @rule(caller=person, authorizer=person, signer=person, honest=st.booleans(), nonce=nonce)
    def cancel(self, caller, authorizer, signer, honest, nonce):
        signer = authorizer if honest else signer
        signature = self.token.sign_cancel(signer, nonce)
        self.both(
            lambda ledger: rules.cancel(
                ledger, authorizer.address, nonce, signer=signer.address
            ),
            lambda: self.token.cancel(caller, authorizer.address, nonce, signature),
        )  # fmt: skip

    @invariant()
    def it_conserves(self):
        """What exists is what the accounts have, and never passes the cap."""
        have = {who.address: self.token.balance(who.address) for who in PEOPLE}
        assert self.token.supply() == sum(have.values()) == self.ledger.supply <= rules.CAP
        assert all(self.ledger.balance(who) == amount for who, amount in have.items())

    def check_everything(self):
        assert self.token.balance(NOBODY) == self.token.balance(self.token.address) == 0
        for owner in PEOPLE:
            for spender in PEOPLE:
                found = self.token.allowance(owner.address, spender.address)
                assert found == self.ledger.allowance(owner.address, spender.address)
            nonces = self.token.contract.call("nonces", owner.address)
            assert nonces == self.ledger.nonces.get(owner.address, 0)
            for number in range(1, 5):
                use = (owner.address, number.to_bytes(32, "big"))
                assert self.token.is_used(*use) == (use in self.ledger.used)
        self.replay()

    def replay(self):
        """The events alone rebuild every balance: one event per change of state."""
        have = {}
        for event in self.token.contract.events("Transfer"):
            sender, receiver, amount = event.args.values()
            have[sender] = have.get(sender, 0) - amount
            have[receiver] = have.get(receiver, 0) + amount
        for who in PEOPLE:
            assert have.get(who.address, 0) == self.ledger.balance(who.address)


def test_every_history_of_the_token_follows_the_rules_and_conserves():
    run_state_machine_as_test(
        TokenMachine,
        settings=settings(
            max_examples=16, stateful_step_count=25, deadline=None, phases=UNSHRUNK, database=None,
            derandomize=True, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


# The rules themselves


@pytest.mark.parametrize("amount", [0, 1, 1000])
def test_by_the_rules_a_transfer_to_oneself_changes_nothing(amount):
    ledger = rules.Ledger(MINTER.address, {MINTER.address: 1000})
    assert rules.transfer(ledger, MINTER.address, MINTER.address, amount) == ledger


def test_by_the_rules_a_step_gives_a_new_ledger_and_leaves_the_old():
    ledger = rules.Ledger(MINTER.address, {MINTER.address: 1000})
    before = replace(ledger)
    after = rules.transfer(ledger, MINTER.address, PEOPLE[1].address, 1)
    assert ledger == before != after
    assert after.supply == ledger.supply
