"""Claims in batches, and what the chain may do to a seller meanwhile."""

import pytest
from paid_shop import Shop

from counterpoise.chain import FINAL_DEPTH
from counterpoise.core.errors import Unreachable, VerificationError
from counterpoise.payments import Voucher
from counterpoise.payments.budget import Budget
from counterpoise.payments.facilitator import Facilitator
from counterpoise.payments.purse import Purse
from counterpoise.payments.voucher_book import Kept

URL = "http://shop/answer"


@pytest.fixture
def shop(world, tmp_path):
    opened = Shop(world, tmp_path / "vouchers.log")
    yield opened
    opened.store.close()


def buyers(shop, world, count):
    for number in range(count):
        account = type(world.payer).local(b"many %d" % number)
        world.token.transfer(world.payer, account.address, 200)
        shop.buyer(account, most=100).fetch(URL)


@pytest.mark.parametrize("has_each", [True, False])
def test_a_bad_voucher_is_dropped_told_of_and_blocks_nothing(shop, world, has_each):
    buyers(shop, world, 3)
    config = world.filled(5, payer_authorizer=world.payer.address)
    channel = config.id(world.channels.domain)
    voucher = world.channels.vouchers.sign(world.payer, channel, 9)
    shop.store.charge(Kept(config, voucher, 9, bytes(32)))
    forged = world.filled(50)
    wrong = Voucher(forged.id(world.channels.domain), 9, bytes([1]) * 65)
    shop.store.charge(Kept(forged, wrong, 9, bytes(32)))
    done = shop.settlement(has_each=has_each).claim()
    assert (done.amount, done.rows) == (30, 3)
    reasons = dict(done.dropped)
    assert reasons[channel] == "payments: claim exceeds the balance"
    assert "signature" in reasons[wrong.channel]
    assert world.channels.earned(world.receiver.address, world.token.address).claimed == 30


def test_what_was_claimed_is_not_claimed_again_and_little_debts_wait(shop, world):
    buyers(shop, world, 2)
    settlement = shop.settlement()
    assert settlement.claim(least=11).rows == 0
    assert settlement.claim(least=10).amount == 20
    assert settlement.claim().rows == 0
    before = world.balance(world.receiver)
    settlement.settle()
    assert world.balance(world.receiver) == before + 20


def test_an_announced_withdrawal_is_answered_by_a_claim_and_no_more_credit(shop, world):
    buyer = shop.buyer()
    for _ in range(3):
        buyer.fetch(URL)
    (kept,) = shop.store.channels().values()
    settlement = shop.settlement()
    assert settlement.watch().rows == 0
    world.channels.initiate_withdraw(world.payer, kept.config, 200)
    assert settlement.watch().amount == 30
    assert settlement.watch().rows == 0
    with pytest.raises(VerificationError, match="withdrawal_pending"):
        buyer.fetch(URL)
    world.chain.warp(kept.config.withdraw_delay)
    world.channels.finalize_withdraw(world.payer, kept.config)
    state = world.channels.channel(kept.config)
    assert (state.balance, state.claimed) == (30, 30)


def test_a_deposit_that_a_reorganisation_undid_is_not_trusted_any_more(shop, world):
    world.chain.mine(3)
    settlement = shop.settlement()
    buyer = shop.buyer()
    buyer.fetch(URL)
    settlement.watch()
    world.chain.reorg(1, keep=False)
    settlement.watch()
    (kept,) = shop.store.channels().values()
    assert world.channels.channel(kept.config).balance == 0
    with pytest.raises(VerificationError, match="exceeds_balance"):
        buyer.fetch(URL)
    assert dict(settlement.claim().dropped) == {
        kept.voucher.channel: "payments: claim exceeds the balance"
    }


def test_a_reorganisation_that_undoes_a_deposit_before_anyone_looked_is_noticed(shop, world):
    settlement = shop.settlement()
    settlement.watch()
    buyer = shop.buyer()
    buyer.fetch(URL)
    world.chain.reorg(1, keep=False)
    settlement.watch()
    with pytest.raises(VerificationError, match="exceeds_balance"):
        buyer.fetch(URL)


def test_a_reorganisation_between_two_deposits_is_noticed(shop, world):
    other = type(world.payer).local(b"other")
    world.token.transfer(world.payer, other.address, 1000)
    settlement, one, two = shop.settlement(), shop.buyer(), shop.buyer(other)
    one.fetch(URL)
    world.chain.reorg(1, keep=False)
    two.fetch(URL)
    settlement.watch()
    with pytest.raises(VerificationError, match="exceeds_balance"):
        one.fetch(URL)
    assert two.fetch(URL).paid == 10


def test_a_withdrawal_announced_while_the_seller_was_away_is_answered_at_the_first_look(
    shop, world
):
    buyer = shop.buyer()
    for _ in range(3):
        buyer.fetch(URL)
    (kept,) = shop.store.channels().values()
    world.channels.initiate_withdraw(world.payer, kept.config, 200)
    world.chain.mine(FINAL_DEPTH + 10)
    shop.restart()
    assert shop.settlement().watch().amount == 30


def test_a_channel_is_read_as_it_stands_at_one_block(shop, world, monkeypatch):
    config, call = world.filled(100), type(world.channels.contract).call
    world.channels.initiate_withdraw(world.payer, config, 100)
    world.chain.warp(config.withdraw_delay)
    done = []

    def call_and_move(self, name, *values, **options):
        found = call(self, name, *values, **options)
        if name == "channels" and not done:
            done.append(world.channels.finalize_withdraw(world.payer, config))
        return found

    monkeypatch.setattr(type(world.channels.contract), "call", call_and_move)
    state = world.channels.channel(config)
    assert done
    assert (state.balance, state.pending) == (100, 100)


class Dropping:
    """A token whose first transactions are sent and never mined, or mined and not told of."""

    def __init__(self, token, times, mines):
        self.token, self.times, self.mines, self.sent = token, times, mines, 0

    def is_used(self, payer, nonce):
        return self.token.is_used(payer, nonce)

    def pay(self, relay, transfer, signature):
        self.sent += 1
        if self.sent <= self.times:
            if self.mines:
                self.token.pay(relay, transfer, signature)
            raise Unreachable("not mined in time")
        return self.token.pay(relay, transfer, signature)


@pytest.mark.parametrize(("times", "mines", "sent"), [(2, False, 3), (1, True, 1), (9, False, 3)])
def test_a_dropped_transaction_is_sent_again_and_pays_once(shop, world, times, mines, sent):
    token = Dropping(world.token, times, mines)
    facilitator = Facilitator(world.channels, token, world.relay)
    offer = shop.terms.offer("exact", 10)
    payment = Purse(world.payer, Budget({}), lambda n: bytes([7]) * n).exact(offer, shop.now)
    before = world.balance(world.receiver)
    if times > 3:
        with pytest.raises(Unreachable):
            facilitator.transfer(payment)
    else:
        facilitator.transfer(payment)
        facilitator.transfer(payment)
    assert token.sent == sent
    assert world.balance(world.receiver) - before == (0 if times > 3 else 10)
