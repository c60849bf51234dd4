"""Paid calls from end to end: buyer, till, store, chain, and every way in which they go wrong."""

import threading
from dataclasses import replace

import pytest
from paid_shop import Shop

from counterpoise.core.errors import InputError, Unreachable, VerificationError
from counterpoise.payments.openings import MISMATCH
from counterpoise.payments.terms import Refusal
from counterpoise.payments.voucher_store import VoucherStore
from counterpoise.payments.wire import BATCH, EXACT, SIGNATURE, Payment, pack, read_payment
from counterpoise.payments.wire_schemes import ChannelPayment

URL = "http://shop/answer"


@pytest.fixture
def shop(world, tmp_path):
    opened = Shop(world, tmp_path / "vouchers.log")
    yield opened
    opened.store.close()


def owed(shop):
    return sum(kept.charged for kept in shop.store.channels().values())


def test_many_calls_cost_one_deposit_and_one_round_trip_each(shop, world):
    buyer, before = shop.buyer(), world.balance(world.payer)
    first = buyer.fetch(URL, body=b"1")
    assert (first.answer.body, first.paid, shop.requests) == (b"answer to 1", 10, 2)
    for number in range(9):
        assert buyer.fetch(URL, body=b"%d" % number).paid == 10
    assert shop.requests == 11
    assert owed(shop) == 100
    assert before - world.balance(world.payer) == 200
    assert buyer.budget.spent(shop.terms.network, world.token.address) == 100


def test_a_used_up_channel_is_topped_up(shop):
    buyer = shop.buyer(most=25)
    for _ in range(6):
        assert buyer.fetch(URL).paid == 10
    assert owed(shop) == 60


def test_an_exact_payment_moves_the_price_and_the_payer_needs_no_gas(shop, world):
    poor = type(world.payer).local(b"poor")
    world.token.transfer(world.payer, poor.address, 30)
    buyer, before = shop.buyer(poor, schemes=(EXACT,)), world.balance(world.receiver)
    bought = [buyer.fetch(URL) for _ in range(3)]
    assert [b.paid for b in bought] == [10, 10, 10]
    assert all(len(b.response.transaction) == 66 for b in bought)
    assert world.balance(world.receiver) - before == 30
    assert (world.balance(poor), world.chain.balance(poor.address)) == (0, 0)
    with pytest.raises(VerificationError, match="exceeds balance"):
        buyer.fetch(URL)


def test_the_budget_caps_calls_deposits_and_the_total(shop):
    with pytest.raises(InputError, match="at most 5"):
        shop.buyer(most=5, schemes=(BATCH,)).fetch(URL)
    shop.price = 51
    with pytest.raises(InputError, match="at most 50"):
        shop.buyer().fetch(URL)
    shop.price = 10
    buyer = shop.buyer(most=12)
    for _ in range(12):
        buyer.fetch(URL)
    with pytest.raises(InputError, match="at most 120"):
        buyer.fetch(URL)
    assert shop.served == 12
    shop.price = 0
    shop.terms = replace(shop.terms, token=bytes([9]) * 20)
    shop.restart()
    with pytest.raises(InputError, match="budget names no"):
        shop.buyer().fetch(URL)


def test_work_that_fails_costs_nothing_and_the_deposit_is_remembered(shop, world):
    shop.work = lambda _: (500, b"broken")
    buyer = shop.buyer()
    for _ in range(2):
        bought = buyer.fetch(URL)
        assert (bought.answer.status, bought.paid) == (500, 0)
    assert (owed(shop), shop.served) == (0, 0)
    shop.work = lambda _: (200, b"well")
    before = world.balance(world.payer)
    assert buyer.fetch(URL).paid == 10
    assert world.balance(world.payer) == before


def test_a_price_that_changed_in_between_is_paid_only_within_the_budget(shop):
    buyer = shop.buyer()
    buyer.fetch(URL)
    shop.price = 15
    assert buyer.fetch(URL).paid == 15
    shop.price = 51
    with pytest.raises(InputError, match="at most 50"):
        buyer.fetch(URL)
    assert owed(shop) == 25


def test_an_answer_that_never_arrived_is_given_again_and_charged_once(shop):
    buyer = shop.buyer()
    buyer.fetch(URL, body=b"0")

    def lose():
        shop.lose_answer = lambda: None
        raise Unreachable("cut off")

    for body in (b"1", b"2"):
        shop.lose_answer = lose
        bought = buyer.fetch(URL, body=body)
        assert (bought.answer.body, bought.paid) == (b"answer to " + body, 10)
    assert owed(shop) == 30
    assert shop.requests == 6
    shop.lose_answer = lose
    exact = shop.buyer(schemes=(EXACT,))
    assert exact.fetch(URL).paid == 10
    assert exact.budget.spent(shop.terms.network, shop.world.token.address) == 10


def test_a_seller_that_dies_after_the_charge_still_owes_the_answer(shop, world):
    def die():
        shop.lose_answer = lambda: None
        shop.restart()
        raise Unreachable("the process was killed")

    for schemes in ((BATCH,), (EXACT,)):
        buyer, before = shop.buyer(schemes=schemes), world.balance(world.receiver)
        shop.lose_answer = die
        assert buyer.fetch(URL, body=b"1").answer.body == b"answer to 1"
        assert buyer.fetch(URL, body=b"2").paid == 10
        paid = owed(shop) if schemes == (BATCH,) else world.balance(world.receiver) - before
        assert paid == 20


def test_a_buyer_that_forgot_everything_is_set_right_by_its_own_signature(shop, world):
    for _ in range(3):
        shop.buyer(read_channel=world.channels.channel).fetch(URL)
    assert owed(shop) == 30


def test_a_buyer_gives_the_extensions_of_the_offer_back(shop):
    seen, admit, offer = [], shop.till.admit, shop.seller.offer
    shop.seller.offer = lambda *a: replace(offer(*a), extensions={"signed-offer": {"by": "seller"}})

    def look(headers, *rest):
        payment = read_payment(headers)
        seen.append(payment and payment.extensions)
        return admit(headers, *rest)

    shop.till.admit = look
    buyer = shop.buyer()
    for _ in range(2):
        buyer.fetch(URL)
    assert seen == [None, *[{"signed-offer": {"by": "seller"}}] * 2]


def test_a_seller_cannot_make_a_buyer_believe_in_charges_it_never_signed(shop):
    buyer = shop.buyer()
    buyer.fetch(URL)

    def lie(payment, price, request, now, resource=""):
        required = shop.seller.offer(price, resource, MISMATCH)
        channel = ChannelPayment.from_json(payment.payload).voucher.channel.hex()
        state = {"channelId": "0x" + channel, "balance": "999", "chargedCumulativeAmount": "900"}
        extra = {**required.offers[0].extra, "channelState": state}
        return Refusal(replace(required, offers=(replace(required.offers[0], extra=extra),)))

    shop.seller.open = lie
    with pytest.raises(VerificationError, match="mismatch"):
        buyer.fetch(URL)


class Captured:
    """Lets a payment be taken from a buyer's hand, changed, and sent by anyone."""

    def __init__(self, shop):
        self.shop, self.seen = shop, []

    def __call__(self, method, address, headers, body):
        if SIGNATURE in headers:
            self.seen.append(headers[SIGNATURE])
        return self.shop(method, address, headers, body)


def test_a_replayed_voucher_buys_nothing_more(shop):
    captured = Captured(shop)
    buyer = shop.buyer(send=captured)
    buyer.fetch(URL, body=b"1")
    buyer.fetch(URL, body=b"2")
    for header in captured.seen:
        for body in (b"2", b"3"):
            assert shop("GET", URL, {SIGNATURE: header}, body).status == 402
    assert (shop.served, owed(shop)) == (2, 20)


def test_a_replayed_exact_payment_buys_nothing_more(shop):
    captured = Captured(shop)
    shop.buyer(send=captured, schemes=(EXACT,)).fetch(URL, body=b"1")
    for body in (b"1", b"2"):
        assert shop("GET", URL, {SIGNATURE: captured.seen[0]}, body).status == 402
    shop.restart()
    assert shop("GET", URL, {SIGNATURE: captured.seen[0]}, b"2").status == 402
    assert shop.served == 1


@pytest.fixture
def changed(shop):
    """A good second payment of a channel as JSON, a way to send it changed, and the reason."""
    captured = Captured(shop)
    buyer = shop.buyer(send=captured)
    buyer.fetch(URL)
    shop.work = lambda _: (500, b"")
    buyer.fetch(URL)
    shop.work = lambda _: (200, b"well")

    def send(change):
        value = read_payment({SIGNATURE: captured.seen[-1]}).to_json()
        change(value)
        header = pack(Payment.from_json(value))
        ticket = shop.till.admit({SIGNATURE: header}, shop.price, bytes(32), URL)
        if hasattr(ticket, "reason"):
            return ticket.reason
        shop.till.cancel(ticket)
        return "taken"

    return send


@pytest.mark.parametrize(
    ("place", "wrong", "reason"),
    [
        (("accepted", "network"), "eip155:1", "network_mismatch"),
        (("accepted", "asset"), "0x" + "09" * 20, "token_mismatch"),
        (("accepted", "payTo"), "0x" + "09" * 20, "receiver_mismatch"),
        (("accepted", "amount"), "9", "price_changed"),
        (("accepted", "scheme"), "upto", "unsupported_scheme"),
        (("payload", "type"), "refund", "amount_mismatch"),
        (("payload", "type"), "gift", "invalid_payload"),
        (("payload", "voucher", "maxClaimableAmount"), "19", "voucher_signature"),
        (("payload", "voucher", "signature"), "0x" + "11" * 65, "voucher_signature"),
        (("payload", "voucher", "signature"), "0x" + "11" * 64, "voucher_signature"),
        (("payload", "voucher", "channelId"), "0x" + "11" * 32, "channel_id_mismatch"),
        (("payload", "channelConfig", "salt"), "0x" + "11" * 32, "channel_id_mismatch"),
        (("payload", "channelConfig", "receiver"), "0x" + "11" * 20, "receiver_mismatch"),
        (("payload", "channelConfig", "token"), "0x" + "11" * 20, "token_mismatch"),
        (("payload", "channelConfig", "withdrawDelay"), 900, "withdraw_delay_mismatch"),
        (("payload", "channelConfig", "receiverAuthorizer"), "0x" + "11" * 20, "authorizer_mism"),
    ],
)
def test_a_payment_that_is_bent_is_refused_with_its_reason(changed, place, wrong, reason):
    def bend(value):
        for member in place[:-1]:
            value = value[member]
        value[place[-1]] = wrong

    assert changed(lambda value: None) == "taken"
    assert reason in changed(bend)
    assert changed(lambda value: None) == "taken"


def test_underpayment_and_a_channel_beyond_its_balance_are_refused(shop, world):
    buyer = shop.buyer(most=30)
    for _ in range(2):
        buyer.fetch(URL)
    (kept,) = shop.store.channels().values()
    shop.seller.saw(kept.voucher.channel, world.channels.channel(kept.config), shop.now)
    for ceiling, reason in (
        (25, "amount_mismatch"),
        (20, "amount_mismatch"),
        (40, "amount_mismatch"),
    ):
        assert reason in reason_of(shop, world, kept.config, ceiling)
    buyer.fetch(URL)
    assert "exceeds_balance" in reason_of(shop, world, kept.config, 40)


def reason_of(shop, world, config, ceiling):
    channel = config.id(world.channels.domain)
    voucher = world.channels.vouchers.sign(world.payer, channel, ceiling)
    payload = ChannelPayment("voucher", config, voucher).to_json()
    header = pack(Payment(shop.terms.offer(BATCH, shop.price), payload))
    ticket = shop.till.admit({SIGNATURE: header}, shop.price, bytes(32), URL)
    return getattr(ticket, "reason", "taken")


def test_a_deposit_that_expired_or_is_not_covered_is_refused_and_nothing_is_served(shop, world):
    shop.now += 10**6
    with pytest.raises(VerificationError, match="valid_before"):
        shop.buyer(clock=lambda: shop.now - 2000).fetch(URL)
    poor = type(world.payer).local(b"poor")
    shop.now -= 10**6
    with pytest.raises(VerificationError, match="exceeds balance"):
        shop.buyer(poor).fetch(URL)
    assert (shop.served, owed(shop)) == (0, 0)


def test_one_channel_serves_one_call_at_a_time_and_lanes_serve_more(shop):
    buyer = shop.buyer()
    buyer.fetch(URL)
    inner = shop.buyer(read_channel=shop.world.channels.channel)

    def nested(_):
        shop.work = lambda _: (200, b"inner")
        with pytest.raises(VerificationError, match="channel_busy"):
            inner.fetch(URL)
        return 200, b"outer"

    shop.work = nested
    assert buyer.fetch(URL).answer.body == b"outer"
    assert owed(shop) == 20


def test_a_place_that_was_held_too_long_is_lost_and_not_charged(shop):
    buyer = shop.buyer()
    buyer.fetch(URL)

    def slow(_):
        shop.now += 61
        shop.work = lambda _: (200, b"fast")
        assert shop.buyer(read_channel=shop.world.channels.channel).fetch(URL).paid == 10
        return 200, b"too late"

    shop.work = slow
    with pytest.raises(VerificationError, match="longer than its place"):
        buyer.fetch(URL)
    assert owed(shop) == 20


def test_twenty_buyers_at_once_are_each_charged_what_they_got(shop, world):
    accounts = [type(world.payer).local(b"buyer %d" % n) for n in range(20)]
    for account in accounts:
        world.token.transfer(world.payer, account.address, 100)
    lock, failed = threading.Lock(), []

    def chain_by_turns(method, address, headers, body):
        with lock:
            return shop(method, address, headers, body)

    def shopper(account):
        buyer = shop.buyer(account, most=100, send=chain_by_turns)
        try:
            for number in range(5):
                assert buyer.fetch(URL, body=b"%d" % number).paid == 10
        except BaseException as wrong:
            failed.append(wrong)

    threads = [threading.Thread(target=shopper, args=(a,)) for a in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert {k.charged for k in shop.store.channels().values()} == {50}
    shop.restart()
    assert owed(shop) == 20 * 50


def test_what_was_charged_survives_a_restart_to_the_unit(shop, world):
    buyer = shop.buyer()
    for number in range(5):
        buyer.fetch(URL, body=b"%d" % number)
        shop.restart()
    assert owed(shop) == 50
    shop.settlement().claim()
    before = world.balance(world.receiver)
    shop.settlement().settle()
    assert world.balance(world.receiver) - before == 50


def test_a_charge_lies_on_the_disk_before_its_answer_leaves(shop, tmp_path):
    buyer, seen = shop.buyer(), []

    def look():
        copy = tmp_path / f"copy {len(seen)}"
        copy.write_bytes(shop.path.read_bytes())
        with VoucherStore(copy) as store:
            seen.append([kept.charged for kept in store.channels().values()])

    shop.lose_answer = look
    for _ in range(3):
        buyer.fetch(URL)
    assert seen == [[10], [20], [30]]
