"""Answers that leave in blocks: each block is charged before it leaves, and none twice."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from paid_shop import Gone, StreamShop

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.payments.terms import Refusal
from counterpoise.payments.voucher_store import VoucherStore
from counterpoise.payments.wire import BATCH, EXACT, SIGNATURE, Payment, pack
from counterpoise.payments.wire_schemes import ChannelPayment

URL = "http://shop/stream"


@pytest.fixture
def shop(world, tmp_path):
    opened = StreamShop(world, tmp_path / "vouchers.log")
    yield opened
    opened.store.close()


@pytest.fixture
def paying(shop, world):
    """Admit vouchers of one channel that is filled with 500, by the total they are signed over."""
    config = world.filled(
        500,
        payer_authorizer=world.payer.address,
        withdraw_delay=shop.terms.withdraw_delay,
    )
    channel = config.id(world.channels.domain)

    def admit(ceiling, request=b"a"):
        voucher = world.channels.vouchers.sign(world.payer, channel, ceiling)
        payload = ChannelPayment("voucher", config, voucher).to_json()
        header = pack(Payment(shop.terms.offer(BATCH, shop.price), payload))
        return shop.till.admit({SIGNATURE: header}, shop.price, request * 32, URL)

    return admit


def owed(shop):
    return sum(kept.charged for kept in shop.store.channels().values())


def leaving_before(shop, block):
    """Make the buyer go away before a block, once."""

    def send(sent):
        if sent == block:
            shop.send_block = whole
            raise Gone
        whole(sent)

    whole, shop.send_block = shop.send_block, send


def test_each_block_lies_on_the_disk_as_charged_before_it_leaves(shop, tmp_path):
    seen, send = [], shop.send_block

    def look(block):
        copy = tmp_path / f"copy {len(seen)}"
        copy.write_bytes(shop.path.read_bytes())
        with VoucherStore(copy) as store:
            seen.append([kept.charged for kept in store.channels().values()])
        send(block)

    shop.send_block = look
    bought = shop.buyer().fetch(URL)
    assert bought.answer.body == b"one two three"
    assert seen == [[3], [5], [8]]
    assert (owed(shop), shop.last.extra["chargedAmount"]) == (8, "8")
    assert shop.last.extra["channelState"]["chargedCumulativeAmount"] == "8"


def test_the_price_is_told_ahead_and_set_right_at_the_next_call(shop, world):
    buyer = shop.buyer()
    assert buyer.fetch(URL).paid == 10
    assert shop.requests == 2
    assert buyer.fetch(URL).answer.body == b"one two three"
    assert shop.requests == 4
    assert owed(shop) == 16
    spent = buyer.budget.spent(shop.terms.network, world.token.address)
    assert spent == 8 + 10
    assert shop.settlement().claim().amount == 16


def test_a_stream_that_costs_its_whole_price_needs_no_correction(shop):
    shop.blocks = ((b"all", 10),)
    buyer = shop.buyer()
    for _ in range(3):
        buyer.fetch(URL)
    assert (shop.requests, owed(shop)) == (4, 30)


def test_a_buyer_that_goes_away_has_paid_for_what_it_got(shop):
    leaving_before(shop, b"three")
    buyer = shop.buyer()
    assert buyer.fetch(URL, body=b"1").answer.body == b"one two "
    assert (owed(shop), shop.served) == (8, 0)
    assert buyer.fetch(URL, body=b"2").answer.body == b"one two three"
    assert owed(shop) == 16


def test_a_stream_that_was_cut_off_is_given_again_and_costs_its_price_at_most(shop, paying):
    first = paying(10)
    shop.till.charge_to(first, 4)
    shop.till.cancel(first)
    again = paying(10)
    assert (again.is_repeat, again.price, again.base) == (True, 10, 0)
    for total, wanted in ((3, 4), (4, 4), (6, 6)):
        shop.till.charge_to(again, total)
        assert owed(shop) == wanted
    done = shop.till.finish(again, 9)
    assert (owed(shop), done.extra["chargedAmount"]) == (9, "9")
    shop.till.answered(again)
    assert "mismatch" in paying(10).reason
    assert paying(19, b"b").base == 9


def test_a_repeat_that_turns_out_shorter_tells_what_is_owed(shop, paying):
    first = paying(10)
    shop.till.charge_to(first, 7)
    shop.till.cancel(first)
    done = shop.till.finish(paying(10), 5)
    assert (owed(shop), done.extra["chargedAmount"]) == (7, "7")
    assert done.extra["channelState"]["chargedCumulativeAmount"] == "7"


def test_what_is_free_of_a_repeat_survives_a_restart(shop, paying):
    paid = paying(10)
    assert shop.till.finish(paid).extra["chargedAmount"] == "10"
    shop.till.answered(paid)
    shop.till.charge_to(paying(20, b"b"), 4)
    shop.restart()
    assert owed(shop) == 14
    again = paying(20, b"b")
    assert (again.is_repeat, again.base, again.price) == (True, 10, 10)
    shop.till.charge_to(again, 4)
    assert owed(shop) == 14
    shop.till.charge_to(again, 5)
    assert owed(shop) == 15


def test_a_repeat_is_served_at_the_price_it_was_made_at(shop, paying):
    first = paying(10)
    shop.till.charge_to(first, 4)
    shop.till.cancel(first)
    voucher, shop.price = first.channel.voucher, 25
    offer = replace(shop.terms.offer(BATCH, 10), amount=1000)
    payload = ChannelPayment("voucher", first.channel.config, voucher).to_json()
    header = {SIGNATURE: pack(Payment(offer, payload))}
    again = shop.till.admit(header, 25, b"a" * 32, URL)
    assert (again.price, again.base) == (10, 0)
    with pytest.raises(InputError, match="was offered"):
        shop.till.charge_to(again, 11)


def test_an_answer_is_given_again_only_so_often(shop, paying):
    shop.till.charge_to(paying(10), 4)
    shop.now += 61
    for _ in range(shop.terms.repeats):
        again = paying(10)
        assert again.is_repeat
        shop.till.cancel(again)
    assert "mismatch" in paying(10).reason


def test_another_voucher_owes_what_was_charged_and_no_more(shop, paying):
    first = paying(10)
    shop.till.charge_to(first, 4)
    shop.till.cancel(first)
    refused = paying(20, b"b")
    state = refused.required.offers[0].extra
    assert state["channelState"]["chargedCumulativeAmount"] == "4"
    assert state["voucherState"]["signedMaxClaimable"] == "10"
    shop.till.finish(paying(14, b"b"))
    assert owed(shop) == 14


def test_a_total_neither_falls_nor_goes_beyond_the_price(shop, paying):
    ticket = paying(10)
    shop.till.charge_to(ticket, 4)
    for wrong in (3, 11):
        with pytest.raises(InputError, match="4 charged already"):
            shop.till.charge_to(ticket, wrong)
    with pytest.raises(InputError):
        shop.till.finish(ticket, 3)
    assert owed(shop) == 4
    shop.till.charge_to(ticket, 4)
    shop.till.finish(ticket, 10)
    assert owed(shop) == 10
    with pytest.raises(VerificationError, match="longer than its place"):
        shop.till.charge_to(ticket, 10)


def test_each_block_holds_the_place_anew_and_silence_loses_it(shop, paying):
    ticket = paying(10)
    for total in range(1, 6):
        shop.now += 50
        shop.till.charge_to(ticket, total)
        assert "channel_busy" in paying(15, b"b").reason
    shop.now += 61
    other = paying(15, b"b")
    assert not isinstance(other, Refusal)
    with pytest.raises(VerificationError, match="longer than its place"):
        shop.till.charge_to(ticket, 6)
    assert isinstance(shop.till.finish(ticket, 6), Refusal)
    shop.till.finish(other)
    assert owed(shop) == 15


def test_an_exact_payment_is_brought_before_a_stream_begins(shop, world):
    before, seen, send = world.balance(world.receiver), [], shop.send_block

    def look(block):
        seen.append(world.balance(world.receiver) - before)
        send(block)

    shop.send_block = look
    bought = shop.buyer(schemes=(EXACT,)).fetch(URL)
    assert (bought.paid, seen) == (10, [10, 10, 10])
    assert shop.last.transaction == bought.response.transaction != ""


def test_a_stream_does_not_begin_if_the_exact_payment_is_not_covered_any_more(shop, world):
    poor, sent = type(world.payer).local(b"poor"), shop.till.begin
    world.token.transfer(world.payer, poor.address, 10)
    world.chain.fund(poor.address, 10**21)

    def spend_first(ticket):
        world.token.transfer(poor, world.payer.address, 10)
        return sent(ticket)

    shop.till.begin = spend_first
    with pytest.raises(VerificationError, match="exceeds balance"):
        shop.buyer(poor, schemes=(EXACT,)).fetch(URL)
    assert shop.served == 0


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_voucher_store import CONFIG
from counterpoise.payments import Voucher
from counterpoise.payments.rules import Channel
from counterpoise.payments.seller import Seller
from counterpoise.payments.terms import Terms
from counterpoise.payments.signing import channel_domain
from counterpoise.payments.voucher_store import VoucherStore
from counterpoise.payments.wire import BATCH, Payment
from counterpoise.payments.wire_schemes import ChannelPayment

terms = Terms(1, CONFIG.token, "T", "1", CONFIG.receiver, CONFIG.receiver_authorizer)
store = VoucherStore(Path(sys.argv[1]))
seller = Seller(terms, store, lambda config, voucher: None)
channel = CONFIG.id(channel_domain(1))
seller.saw(channel, Channel(10**9), 100)
kept = store.kept(channel)
base = kept.charged if kept else 0
while True:
    paid = ChannelPayment("voucher", CONFIG, Voucher(channel, base + 50, bytes(65)))
    payment = Payment(terms.offer(BATCH, 50), paid.to_json())
    ticket = seller.open(payment, 50, base.to_bytes(32, "big"), 100)
    for total in range(5, 55, 5):
        store.sync(seller.charge_to(ticket, total, 100))
        sys.stdout.write(f"{{base + total}}\\n"); sys.stdout.flush()
    store.sync(seller.charge(ticket, 50))
    seller.answered(ticket)
    base += 50
"""


def test_kill_9_in_the_middle_of_a_stream_neither_loses_nor_doubles_a_block(tmp_path):
    here, told = str(Path(__file__).parent), 0
    for round_ in range(3):
        command = [sys.executable, "-c", WRITER.format(here=here), str(tmp_path / "v.log")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(33 + round_):
            line = process.stdout.readline()
            assert int(line) == told + 5
            told = int(line)
        process.send_signal(signal.SIGKILL)
        for line in process.stdout.read().splitlines(keepends=True):
            told = int(line) if line.endswith("\n") else told
        process.wait()
        process.stdout.close()
        with VoucherStore(tmp_path / "v.log") as store:
            (kept,) = store.channels().values()
        assert told <= kept.charged <= told + 5
        assert kept.base <= kept.charged <= kept.voucher.ceiling == kept.base + 50
        told = kept.charged
