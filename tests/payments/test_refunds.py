"""What is left in a channel goes back: over the wire, or by a withdrawal after the delay."""

from dataclasses import replace

import pytest
from paid_shop import Shop

from counterpoise.core.errors import InputError, Unreachable, VerificationError
from counterpoise.payments import Till, Withdrawals
from counterpoise.payments.terms import Refusal
from counterpoise.payments.wire import BATCH, SIGNATURE, Payment, pack
from counterpoise.payments.wire_schemes import ChannelPayment

URL = "http://shop/answer"


@pytest.fixture
def shop(world, tmp_path):
    opened = Shop(world, tmp_path / "vouchers.log")
    yield opened
    opened.store.close()


def test_what_is_left_comes_back_and_what_was_charged_is_claimed(shop, world):
    buyer, before = shop.buyer(), world.balance(world.payer)
    for _ in range(3):
        buyer.fetch(URL)
    (back,) = buyer.refund(URL)
    assert (back.amount, len(back.transaction)) == (170, 66)
    assert back.extra["channelState"]["refundNonce"] == "1"
    assert before - world.balance(world.payer) == 30
    assert world.channels.earned(world.receiver.address, world.token.address).claimed == 30
    assert buyer.refund(URL) == []
    assert buyer.fetch(URL).paid == 10
    assert shop.settlement().claim().amount == 10


def test_a_part_comes_back_and_the_rest_pays_on(shop, world):
    buyer = shop.buyer()
    buyer.fetch(URL)
    before = world.balance(world.payer)
    assert [r.amount for r in buyer.refund(URL, amount=50)] == [50]
    assert world.balance(world.payer) - before == 50
    for _ in range(13):
        buyer.fetch(URL)
    assert world.balance(world.payer) - before == 50
    (kept,) = shop.store.channels().values()
    assert (kept.charged, world.channels.channel(kept.config).balance) == (140, 150)
    for amount, reason in ((11, "refund_no_balance"), (0, "refund_amount_invalid")):
        with pytest.raises(VerificationError, match=reason):
            buyer.refund(URL, amount=amount)


def test_every_lane_is_given_back(shop, world):
    buyer = shop.buyer(lanes=3, most=100)
    for _ in range(5):
        buyer.fetch(URL)
    assert sorted(pocket.charged for pocket in buyer.pockets()) == [10, 20, 20]
    assert sorted(r.amount for r in buyer.refund(URL)) == [80, 80, 90]


def test_a_buyer_that_forgot_what_was_charged_is_set_right_first(shop, world):
    buyer = shop.buyer()
    for _ in range(4):
        buyer.fetch(URL)
    again = shop.buyer(read_channel=world.channels.channel)
    assert [r.amount for r in again.refund(URL)] == [160]


def test_a_refund_takes_nothing_from_a_call_under_way(shop, world):
    buyer = shop.buyer()
    buyer.fetch(URL)
    inner = shop.buyer(read_channel=world.channels.channel)
    reasons = []

    def nested(_):
        shop.work = lambda _: (200, b"")
        with pytest.raises(VerificationError, match="channel_busy") as refused:
            inner.refund(URL)
        reasons.append(refused)
        return 200, b"outer"

    shop.work = nested
    assert buyer.fetch(URL).paid == 10
    assert reasons


def test_a_refund_needs_the_payer_and_another_payers_voucher_gets_nothing(shop, world):
    shop.buyer().fetch(URL)
    (kept,) = shop.store.channels().values()
    for signer, reason in ((world.stranger, "voucher_signature"), (world.payer, None)):
        voucher = world.channels.vouchers.sign(signer, kept.voucher.channel, 10)
        payload = ChannelPayment("refund", kept.config, voucher).to_json()
        header = pack(Payment(shop.terms.offer(BATCH, 10), payload))
        found = shop.till.admit({SIGNATURE: header}, 10, bytes(32), URL)
        if reason:
            assert reason in found.reason
        else:
            assert (found.refund, found.price) == (190, 0)


def test_a_seller_without_the_authorizers_key_refuses(shop, world):
    buyer = shop.buyer()
    buyer.fetch(URL)
    till = shop.till
    shop.till = Till(till.seller, till.channels, till.facilitator, till._clock)
    with pytest.raises(VerificationError, match="payload_type"):
        buyer.refund(URL)
    with pytest.raises(InputError, match="not that of the authorizer"):
        Till(till.seller, till.channels, till.facilitator, till._clock, world.stranger)


def test_the_rest_of_a_stream_is_not_given_again_once_it_was_taken_back(shop, world):
    config = world.filled(
        500, payer_authorizer=world.payer.address, withdraw_delay=shop.terms.withdraw_delay
    )
    channel = config.id(world.channels.domain)

    def admit(kind, ceiling):
        voucher = world.channels.vouchers.sign(world.payer, channel, ceiling)
        payload = ChannelPayment(kind, config, voucher).to_json()
        header = pack(Payment(shop.terms.offer(BATCH, 10), payload))
        return shop.till.admit({SIGNATURE: header}, 10, bytes(32), URL)

    ticket = admit("voucher", 10)
    shop.till.charge_to(ticket, 2)
    shop.till.cancel(ticket)
    again = admit("voucher", 10)
    assert again.is_repeat
    shop.till.cancel(again)
    assert shop.till.finish(admit("refund", 2)).amount == 498
    assert "exceeds_balance" in admit("voucher", 10).reason
    assert shop.store.channels()[channel].charged == 2


def test_a_refund_that_the_contract_refuses_changes_nothing(shop, world):
    buyer = shop.buyer()
    for _ in range(2):
        buyer.fetch(URL)
    (kept,) = shop.store.channels().values()
    store = shop.store
    spoilt = replace(kept, voucher=replace(kept.voucher, signature=bytes(65)), charged=21, base=21)
    store.charge(replace(spoilt, voucher=replace(spoilt.voucher, ceiling=30)))
    voucher = world.channels.vouchers.sign(world.payer, kept.voucher.channel, 21)
    payload = ChannelPayment("refund", kept.config, voucher).to_json()
    header = pack(Payment(shop.terms.offer(BATCH, 10), payload))
    ticket = shop.till.admit({SIGNATURE: header}, 10, bytes(32), URL)
    done = shop.till.finish(ticket)
    assert isinstance(done, Refusal)
    assert "invalid signature" in done.reason
    assert world.channels.channel(kept.config).balance == 200
    assert not shop.seller._places.is_held(kept.voucher.channel, shop.now)


def test_a_refund_whose_answer_was_lost_is_given_once(shop, world):
    buyer = shop.buyer(read_channel=world.channels.channel)
    buyer.fetch(URL)
    before, send = world.balance(world.payer), buyer._send

    def lose(method, address, headers, body):
        answer = send(method, address, headers, body)
        if SIGNATURE in headers and answer.status == 200:
            raise Unreachable("cut off")
        return answer

    buyer._send = lose
    with pytest.raises(VerificationError, match="no_balance"):
        buyer.refund(URL)
    assert world.balance(world.payer) - before == 190


def test_a_refund_that_is_not_mined_at_once_is_not_given_twice(shop, world, monkeypatch):
    buyer = shop.buyer()
    buyer.fetch(URL)
    before, send, sent = world.balance(world.payer), world.channels.claim_and_refund, []

    def silent(*arguments):
        sent.append(send(*arguments))
        raise Unreachable("not mined in time")

    monkeypatch.setattr(world.channels, "claim_and_refund", silent)
    assert [r.amount for r in buyer.refund(URL, amount=40)] == [40]
    assert (world.balance(world.payer) - before, len(sent)) == (40, 1)


def test_a_payer_withdraws_what_a_silent_seller_keeps(shop, world):
    buyer = shop.buyer()
    for _ in range(3):
        buyer.fetch(URL)
    mine = Withdrawals(world.channels, world.payer)
    ((channel, standing),) = mine.channels().items()
    assert (standing.state.balance, standing.ready) == (200, None)
    ready = mine.announce(standing.config)
    assert ready == world.chain.block().time + standing.config.withdraw_delay
    assert mine.channels()[channel].ready == ready
    assert (mine.channels()[channel].state.pending) == 200
    with pytest.raises(InputError, match=f"not before {ready}"):
        mine.finish(standing.config)
    shop.settlement().claim()
    world.chain.warp(standing.config.withdraw_delay)
    before = world.balance(world.payer)
    assert mine.finish(standing.config) == 170
    assert world.balance(world.payer) - before == 170
    assert mine.channels()[channel].ready is None
    with pytest.raises(InputError, match="nothing was announced"):
        mine.finish(standing.config)
    with pytest.raises(InputError, match="nothing is left"):
        mine.announce(standing.config)


def test_withdrawals_show_the_payers_own_channels_alone(shop, world):
    shop.buyer().fetch(URL)
    other = Withdrawals(world.channels, world.stranger)
    assert other.channels() == {}
    (standing,) = Withdrawals(world.channels, world.payer).channels().values()
    with pytest.raises(InputError, match="another payer"):
        other.announce(standing.config)
