"""Ratings weigh what jobs, channels and exact payments really paid, each counted once."""

from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path

import pytest

from counterpoise.chain import Account, Contract, artifact, artifact_of, deploy, open_chain
from counterpoise.chain.abi import encode
from counterpoise.core.units import TOKEN
from counterpoise.identity import (
    IdentityClient,
    JobReceipts,
    Outcome,
    ReputationClient,
    Terms,
    summarise,
)
from counterpoise.jobs import JobsClient, Payment, TokenClient
from counterpoise.market.paid_receipts import ChannelReceipts, ExactReceipts, PaidReceipts
from counterpoise.payments import MULTICALL, ChannelConfig, ChannelsClient, Claim, place_contracts

CONTRACTS = Path(__file__).parent / "contracts"
ROLES = ("minter", "seller", "ann", "bob", "cleo", "friend", "other", "relay")
START = 1_700_000_000
WAD = 10**18
DAY = 86_400


@dataclass
class Bazaar:
    """Registries, escrow, channels and one token; a seller with an agent."""

    chain: object
    token: TokenClient
    jobs: JobsClient
    channels: ChannelsClient
    identity: IdentityClient
    reputation: ReputationClient
    roles: dict
    agent: int
    salts: count

    def __getattr__(self, name):
        if name in self.__dict__.get("roles", {}):
            return self.roles[name]
        raise AttributeError(name)

    def receipts(self):
        args = (self.identity, self.token.contract, self.jobs.contract, self.channels)
        return PaidReceipts(*args)

    def summary(self, receipts=None, **terms):
        found = receipts or self.receipts()
        moves = found.moves()
        return summarise(
            self.reputation, [found], self.agent, moves, terms=Terms(**terms) if terms else None
        )

    def exact(self, payer, amount, payee=None):
        """A payment on the payer's signature, brought by another."""
        before = self.chain.block().time + 600
        nonce = next(self.salts).to_bytes(32, "big")
        to = (payee or self.seller).address
        payment = Payment(payer.address, to, amount, before, nonce)
        return self.token.pay(self.relay, payment, self.token.sign_payment(payer, payment))

    def channel(self, payer, amount, receiver=None, token=None):
        """A channel that its payer filled by a signature."""
        parties = (payer, payer, receiver or self.seller, receiver or self.seller)
        token = token or self.token
        salt = next(self.salts).to_bytes(32, "big")
        config = ChannelConfig(*(one.address for one in parties), token.address, salt=salt)
        before = self.chain.block().time + 600
        signed = self.channels.sign_deposit(
            payer, config, amount, token=token, valid_before=before, salt=next(self.salts)
        )
        self.channels.deposit(self.relay, signed)
        return config

    def claim(self, config, payer, total, receiver=None):
        voucher = self.channels.vouchers.sign(payer, config.id(self.channels.domain), total)
        return self.channels.claim(receiver or self.seller, [Claim(config, voucher, total)])

    def job(self, client, provider, budget):
        """A job that was done and paid."""
        number = self.jobs.create_and_fund(
            client,
            provider=provider.address,
            evaluator=client.address,
            expires=self.chain.block().time + DAY,
            budget=budget,
        )
        self.jobs.submit(provider, number, bytes(32))
        self.jobs.complete(client, number)

    def rate(self, client, value):
        self.reputation.give(client, self.agent, value)

    def send(self, sender, receiver, amount):
        self.token.transfer(sender, receiver.address, amount)


@pytest.fixture(scope="module")
def one_bazaar():
    chain = open_chain("embedded:", clock=lambda: START)
    roles = {name: Account.local(b"bazaar " + name.encode()) for name in ROLES}
    for account in roles.values():
        chain.fund(account.address, 10**21)
    place_contracts(chain)
    minter, seller = roles["minter"], roles["seller"]
    token = TokenClient.deploy(chain, minter, minter.address)
    jobs = JobsClient(deploy(chain, minter, "Jobs", token.address))
    identity = IdentityClient.deploy(chain, minter)
    reputation = ReputationClient.deploy(chain, minter, identity.address)
    for name in ROLES[2:]:
        token.mint(minter, roles[name].address, 1_000 * TOKEN)
    clients = (token, jobs, ChannelsClient(chain), identity, reputation)
    yield Bazaar(chain, *clients, roles, identity.register(seller), count(1))
    chain.close()


@pytest.fixture
def bazaar(one_bazaar):
    place = one_bazaar.chain.snapshot()
    yield one_bazaar
    one_bazaar.chain.revert(place)


def amounts(receipts, agent):
    return [one.amount // TOKEN for one in receipts.paid(agent)]


def test_what_was_claimed_of_a_channel_is_a_receipt_and_its_settlement_is_none(bazaar):
    config = bazaar.channel(bazaar.ann, 50 * TOKEN)
    source = ChannelReceipts(bazaar.identity, bazaar.channels, bazaar.token.address)
    assert source.paid(bazaar.agent) == [], "a deposit can be taken back"
    bazaar.claim(config, bazaar.ann, 20 * TOKEN)
    bazaar.claim(config, bazaar.ann, 20 * TOKEN)  # again: the contract passes it over
    bazaar.claim(config, bazaar.ann, 32 * TOKEN)
    everything = bazaar.receipts()
    before = amounts(everything, bazaar.agent)
    bazaar.channels.settle(bazaar.relay, bazaar.seller.address, bazaar.token.address)
    assert amounts(source, bazaar.agent) == before == [20, 12]
    assert amounts(everything, bazaar.agent) == [20, 12]
    assert bazaar.token.balance(bazaar.seller.address) == 32 * TOKEN


def test_claims_of_a_channel_support_a_rating_together_and_once(bazaar):
    config = bazaar.channel(bazaar.ann, 50 * TOKEN)
    for total in (10, 15, 30):
        bazaar.claim(config, bazaar.ann, total * TOKEN)
    bazaar.rate(bazaar.ann, 90)
    bazaar.rate(bazaar.ann, 10)
    found = bazaar.summary()
    assert [one.outcome for one in found.ratings] == [Outcome.COUNTED, Outcome.NO_RECEIPT]
    assert (found.wad, found.weight) == (90 * WAD, 30 * TOKEN)
    bazaar.claim(config, bazaar.ann, 40 * TOKEN)
    bazaar.rate(bazaar.ann, 50)
    found = bazaar.summary()
    assert (found.wad, found.weight) == (80 * WAD, 40 * TOKEN), "30 at 90 and 10 at 50"


def test_a_channel_in_a_token_of_ones_own_is_no_receipt(bazaar):
    own = TokenClient.deploy(bazaar.chain, bazaar.friend, bazaar.friend.address)
    own.mint(bazaar.friend, bazaar.friend.address, 10**9 * TOKEN)
    config = bazaar.channel(bazaar.friend, 10**6 * TOKEN, token=own)
    bazaar.claim(config, bazaar.friend, 10**6 * TOKEN)
    bazaar.rate(bazaar.friend, 100)
    assert bazaar.receipts().paid(bazaar.agent) == []
    assert bazaar.summary().count == 0


def test_an_exact_payment_is_a_receipt_and_a_gift_is_none(bazaar):
    source = ExactReceipts(bazaar.identity, bazaar.token.contract)
    bazaar.send(bazaar.ann, bazaar.seller, 7 * TOKEN)
    assert source.paid(bazaar.agent) == []
    receipt = bazaar.exact(bazaar.ann, 3 * TOKEN)
    (one,) = source.paid(bazaar.agent)
    assert (one.payer, one.payee, one.amount) == (
        bazaar.ann.address,
        bazaar.seller.address,
        3 * TOKEN,
    )
    transfer = next(e for e in bazaar.token.contract.events_in(receipt) if e.name == "Transfer")
    assert (one.block, one.log_index) == (transfer.block_number, transfer.log_index)
    assert bazaar.receipts().moves()[-1].amount == 3 * TOKEN, "and it is one move, not two"
    assert len({(m.block, m.log_index) for m in bazaar.receipts().moves()}) == 2


def test_one_authorization_stands_behind_one_transfer(bazaar):
    """A transfer by allowance rides in the transaction of an authorized one; it is a gift."""
    calls = Contract(bazaar.chain, MULTICALL, artifact("Multicall3"))
    bazaar.token.approve(bazaar.ann, MULTICALL, 9 * TOKEN)
    before = bazaar.chain.block().time + 600
    payment = Payment(
        bazaar.ann.address,
        bazaar.seller.address,
        3 * TOKEN,
        before,
        next(bazaar.salts).to_bytes(32),
    )
    signed = bazaar.token.sign_payment(bazaar.ann, payment)
    v, r, s = signed[64], signed[:32], signed[32:64]
    token = bazaar.token.contract
    parties = (bazaar.ann.address, bazaar.seller.address)
    steps = [
        token.encode("transferWithAuthorization", *payment.values(), v, r, s),
        token.encode("transferFrom", *parties, 4 * TOKEN),
    ]
    calls.transact(bazaar.relay, "tryAggregate", True, [(token.address, one) for one in steps])
    assert amounts(bazaar.receipts(), bazaar.agent) == [3]
    assert bazaar.token.balance(bazaar.seller.address) == 7 * TOKEN


def test_each_way_of_paying_counts_once_beside_the_others(bazaar):
    bazaar.job(bazaar.ann, bazaar.seller, 5 * TOKEN)
    bazaar.exact(bazaar.bob, 3 * TOKEN)
    config = bazaar.channel(bazaar.cleo, 9 * TOKEN)
    bazaar.claim(config, bazaar.cleo, 2 * TOKEN)
    bazaar.channels.settle(bazaar.relay, bazaar.seller.address, bazaar.token.address)
    found = bazaar.receipts().paid(bazaar.agent)
    assert [one.amount // TOKEN for one in found] == [5, 3, 2]
    assert len({one.name for one in found}) == 3
    assert sum(one.amount for one in found) == bazaar.token.balance(bazaar.seller.address)
    for client, value in ((bazaar.ann, 100), (bazaar.bob, 50), (bazaar.cleo, 0)):
        bazaar.rate(client, value)
    assert bazaar.summary().wad == 65 * WAD


def test_who_owns_the_collector_or_an_escrow_on_paper_earned_no_deposit(bazaar):
    """An agent given to a hub would be credited with everything that passes through it."""
    bazaar.channel(bazaar.ann, 50 * TOKEN)
    for hub in (bazaar.channels.collector, bazaar.channels.address, bazaar.jobs.address):
        agent = bazaar.identity.register(bazaar.friend)
        bazaar.identity.transfer(bazaar.friend, agent, hub)
        bazaar.channel(bazaar.ann, 50 * TOKEN)
        bazaar.exact(bazaar.ann, TOKEN, payee=type("Hub", (), {"address": hub}))
        assert bazaar.receipts().paid(agent) == []


def test_who_stands_for_an_agent_is_no_customer_of_it(bazaar):
    """The wallet pays the owner: nothing left the seller's pocket, nothing need come back."""
    wallet, until = bazaar.other, bazaar.chain.block().time + 200
    consent = bazaar.identity.consent(wallet, bazaar.agent, until)
    bazaar.identity.set_wallet(bazaar.seller, bazaar.agent, wallet.address, until, consent)
    bazaar.exact(wallet, 50 * TOKEN)
    bazaar.job(wallet, bazaar.seller, 50 * TOKEN)
    bazaar.rate(wallet, 100)
    assert bazaar.receipts().paid(bazaar.agent) == []
    jobs = JobReceipts(bazaar.identity, bazaar.jobs.contract)
    assert jobs.paid(bazaar.agent) == []
    assert bazaar.summary().count == 0


def honest(bazaar):
    """Two customers who paid 20 and 10, and rate 90 and 60: a mean of 80."""
    bazaar.job(bazaar.ann, bazaar.seller, 20 * TOKEN)
    bazaar.exact(bazaar.bob, 10 * TOKEN)
    bazaar.rate(bazaar.ann, 90)
    bazaar.rate(bazaar.bob, 60)


def sybils(bazaar, number):
    """So many contracts, each of which rates the agent 0 from an address of its own."""
    crowd = deploy(bazaar.chain, bazaar.other, artifact_of(CONTRACTS / "Crowd.vy"))
    sybil = artifact_of(CONTRACTS / "Sybil.vy")
    terms = (bazaar.reputation.address, bazaar.agent, 0)
    code = sybil.bytecode + encode(("address", "uint256", "int128"), terms)
    while number:
        some = min(number, 100)
        crowd.transact(bazaar.other, "gather", code, some, gas=28_000_000)
        number -= some


def test_sybils_without_receipts_move_a_summary_by_nothing(bazaar):
    """A hundred on the chain; a thousand in tests/identity, by the same rule."""
    honest(bazaar)
    before = bazaar.summary()
    sybils(bazaar, 100)
    after = bazaar.summary()
    assert len(after.ratings) == 102 and after.count == 2
    assert (after.wad, after.weight) == (before.wad, before.weight) == (80 * WAD, 30 * TOKEN)


def test_sybils_that_pay_a_little_move_it_by_what_they_paid(bazaar):
    honest(bazaar)
    crowd = [Account.local(b"sybil %d" % n) for n in range(6)]
    for one in crowd:
        bazaar.chain.fund(one.address, 10**18)
        bazaar.token.mint(bazaar.minter, one.address, TOKEN)
        bazaar.exact(one, TOKEN // 100)
        bazaar.rate(one, 0)
    found = bazaar.summary()
    assert found.count == 8
    paid = 30 * TOKEN + 6 * TOKEN // 100
    assert found.weight == paid
    assert found.wad == 30 * TOKEN * 80 * WAD // paid


def route(bazaar, hops):
    """Accounts that the seller's money passes on its way back to ann."""
    return [bazaar.seller, *[bazaar.friend, bazaar.other][: hops - 1], bazaar.ann]


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_money_that_comes_back_within_three_hops_is_shown_and_not_counted(bazaar, hops):
    honest(bazaar)
    way = route(bazaar, hops)
    for sender, receiver in pairwise(way):
        bazaar.send(sender, receiver, 20 * TOKEN)
    found = bazaar.summary()
    assert found.wad == 60 * WAD, "bob's alone"
    assert [(one.client, one.returned) for one in found.self_dealers] == [
        (bazaar.ann.address, 20 * TOKEN)
    ]
    assert found.ratings[0].outcome is Outcome.SELF_DEALT
    assert bazaar.summary(hops=max(1, hops - 1)).wad == (80 * WAD if hops > 1 else 60 * WAD)


def through_a_job(bazaar):
    bazaar.job(bazaar.seller, bazaar.ann, 20 * TOKEN)


def through_a_channel(bazaar):
    bazaar.claim(
        bazaar.channel(bazaar.seller, 20 * TOKEN, bazaar.ann),
        bazaar.seller,
        20 * TOKEN,
        bazaar.ann,
    )


def through_a_deposit_for_another(bazaar):
    """The seller's collector fills ann's own channel, and she takes the money out of it."""
    patron = deploy(bazaar.chain, bazaar.seller, artifact_of(CONTRACTS / "Patron.vy"))
    bazaar.token.transfer(bazaar.seller, patron.address, 20 * TOKEN)
    parties = (bazaar.ann, bazaar.ann, bazaar.other, bazaar.other)
    config = ChannelConfig(*(one.address for one in parties), bazaar.token.address)
    bazaar.channels.deposit_through(bazaar.seller, config, 20 * TOKEN, patron.address, b"")
    bazaar.channels.initiate_withdraw(bazaar.ann, config, 20 * TOKEN)
    bazaar.chain.warp(DAY)
    bazaar.channels.finalize_withdraw(bazaar.ann, config)


@pytest.mark.parametrize("way", [through_a_job, through_a_channel, through_a_deposit_for_another])
def test_money_that_comes_back_through_an_escrow_is_found_too(bazaar, way):
    honest(bazaar)
    held = bazaar.token.balance(bazaar.ann.address)
    way(bazaar)
    bazaar.channels.settle(bazaar.relay, bazaar.ann.address, bazaar.token.address)
    assert bazaar.token.balance(bazaar.ann.address) == held + 20 * TOKEN
    found = bazaar.summary()
    assert found.wad == 60 * WAD
    assert [one.client for one in found.self_dealers] == [bazaar.ann.address]


def test_a_customer_that_fills_its_own_channel_is_not_suspected(bazaar):
    honest(bazaar)
    bazaar.claim(bazaar.channel(bazaar.ann, 40 * TOKEN), bazaar.ann, 5 * TOKEN)
    assert bazaar.summary().self_dealers == ()


class Recorder:
    """A chain that remembers which blocks were asked for logs."""

    def __init__(self, chain):
        self._chain, self.asked = chain, []

    def __getattr__(self, name):
        return getattr(self._chain, name)

    def logs(self, first, last, *rest):
        self.asked.append((first, last))
        return self._chain.logs(first, last, *rest)


def test_what_was_read_is_not_read_again_and_a_reorganisation_takes_it_back(bazaar):
    contract = bazaar.token.contract
    recorder = Recorder(bazaar.chain)
    watched = type(contract)(recorder, contract.address, contract.artifact)
    source = ExactReceipts(bazaar.identity, watched)
    bazaar.exact(bazaar.ann, 3 * TOKEN)
    assert amounts(source, bazaar.agent) == [3]
    head = bazaar.chain.block().number
    assert amounts(source, bazaar.agent) == [3]
    bazaar.exact(bazaar.bob, 4 * TOKEN)
    assert amounts(source, bazaar.agent) == [3, 4]
    assert recorder.asked == [(0, head), (head + 1, head + 1)]
    bazaar.chain.reorg(1, keep=False)
    assert amounts(source, bazaar.agent) == [3]
    bazaar.exact(bazaar.cleo, 5 * TOKEN)
    assert amounts(source, bazaar.agent) == [3, 5]
    place = bazaar.chain.snapshot()
    bazaar.exact(bazaar.ann, 6 * TOKEN)
    assert amounts(source, bazaar.agent) == [3, 5, 6]
    bazaar.chain.revert(place)
    assert amounts(source, bazaar.agent) == [3, 5]
