"""What a paid call goes through, and what becomes of every fault on the way."""

import socket
import time
from dataclasses import replace

import pytest
from gateway_world import CONFIG, NETS, bytes_body, selling

from counterpoise.core.errors import InputError, StorageError, Unreachable, VerificationError
from counterpoise.core.units import TOKEN
from counterpoise.market.gateway import turnstile
from counterpoise.market.gateway.service import UpstreamFailed
from counterpoise.payments import (
    BATCH_SETTLEMENT,
    ChannelsClient,
    Offer,
    Required,
    pack,
    read_payment,
    unpack,
)

TEXT = {"content-type": "text/plain"}


class Meddler:
    """A buyer's transport that keeps what was sent, and may change it on the way."""

    def __init__(self, sale, change=lambda payment: payment):
        self.sale, self.change, self.sent = sale, change, []

    def __call__(self, method, address, headers, body):
        headers = dict(headers)
        payment = read_payment(headers)
        if payment is not None:
            headers["PAYMENT-SIGNATURE"] = pack(self.change(payment))
            self.sent.append((method, address, headers, body))
        return self.sale.send(method, address, headers, body)


def reason(sale, change, path="/toy"):
    """Why a changed payment is refused."""
    meddler = Meddler(sale, change)
    with pytest.raises(VerificationError) as refused:
        sale.buyer(send=meddler).fetch(sale.url + path, "POST", b"x", TEXT)
    return str(refused.value)


def in_voucher(payment, **members):
    voucher = payment.payload["voucher"] | members
    return replace(payment, payload=payment.payload | {"voucher": voucher})


def in_offer(payment, **members):
    source = payment.offer.to_json() | members
    return replace(payment, offer=Offer.from_json(source))


def toy_call(sale, buyer, body=b"x"):
    return buyer.fetch(sale.url + "/toy", "POST", body, TEXT)


def test_a_paid_call_is_answered_and_charged_once(sale, toy):
    buyer = sale.buyer()
    first, second = toy_call(sale, buyer), toy_call(sale, buyer)
    assert (first.answer.body, second.answer.body) == (b"1 x", b"2 x")
    assert (first.paid, second.paid) == (100, 100)
    (kept,) = sale.running.store.channels().values()
    assert kept.charged == 200
    assert sale.buy(buyer, NETS, bytes_body()).paid == TOKEN // 500


def test_a_service_may_charge_less_and_never_more(sale, toy):
    buyer, toy.charge = sale.buyer(), 40
    assert toy_call(sale, buyer).paid == 40
    toy.charge = 101
    got = toy_call(sale, buyer)
    assert got.answer.status == 502 and got.paid == 0
    toy.charge = 0
    assert toy_call(sale, buyer).paid == 0
    (kept,) = sale.running.store.channels().values()
    assert kept.charged == 40


def test_an_exact_payment_is_taken_once(sale, toy):
    meddler = Meddler(sale)
    got = toy_call(sale, sale.buyer(schemes=("exact",), send=meddler))
    assert got.answer.status == 200 and got.paid == 100
    seller = sale.network.account("seller").address
    assert sale.token.call("balanceOf", seller) == 100 * TOKEN + 100
    again = meddler.sent[-1]
    assert sale.send(*again).body == b"1 x"
    other = (again[0], again[1], again[2], b"y")
    assert sale.send(*other).status == 402
    assert sale.token.call("balanceOf", seller) == 100 * TOKEN + 100 and toy.served == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda p: in_voucher(p, maxClaimableAmount="99"), "voucher_signature"),
        (lambda p: in_voucher(p, signature="0x" + "11" * 65), "voucher_signature"),
        (lambda p: in_offer(p, network="eip155:1"), "network_mismatch"),
        (lambda p: in_offer(p, asset="0x" + "11" * 20), "token_mismatch"),
        (lambda p: in_offer(p, payTo="0x" + "11" * 20), "receiver_mismatch"),
        (lambda p: in_offer(p, scheme="upto"), "unsupported_scheme"),
        (lambda p: in_offer(p, amount="1"), "price_changed"),
        (lambda p: replace(p, payload={}), "invalid_payload"),
    ],
)
def test_a_payment_that_is_not_what_was_asked_is_refused(sale, toy, change, why):
    assert why in reason(sale, change)
    assert toy.served == 0 and not sale.running.store.channels()


def test_a_deposit_that_expired_is_refused(sale, toy):
    buyer = sale.buyer(clock=lambda: time.time() - 1000)
    with pytest.raises(VerificationError, match="valid_before"):
        toy_call(sale, buyer)


def test_a_replayed_voucher_buys_nothing_else(sale, toy):
    meddler = Meddler(sale)
    buyer = sale.buyer(send=meddler)
    toy_call(sale, buyer)
    toy_call(sale, buyer)
    method, address, headers, _ = meddler.sent[-1]
    again = sale.send(method, address, headers, b"something else")
    assert again.status == 402
    required = Required.from_json(unpack(again.headers["payment-required"]))
    assert required.error.endswith("cumulative_amount_mismatch")
    assert sale.send(*meddler.sent[0]).status == 402
    assert toy.served == 2


def test_a_buyer_that_saw_no_answer_gets_the_same_one_without_new_work(sale, toy):
    lost = []

    def losing(method, address, headers, body):
        answer = sale.send(method, address, headers, body)
        if "PAYMENT-SIGNATURE" in headers and not lost:
            lost.append(answer)
            raise Unreachable("the line broke")
        return answer

    buyer = sale.buyer(send=losing)
    got = toy_call(sale, buyer)
    assert got.answer.body == lost[0].body == b"1 x" and toy.served == 1
    assert got.answer.headers["decision"] == lost[0].headers["decision"]
    assert got.paid == 100
    assert toy_call(sale, buyer).answer.body == b"2 x"
    (kept,) = sale.running.store.channels().values()
    assert kept.charged == 200


def test_a_payer_that_went_on_is_not_given_what_it_had(sale, toy):
    meddler = Meddler(sale)
    buyer = sale.buyer(send=meddler)
    toy_call(sale, buyer)
    first = meddler.sent[-1]
    toy.fault = UpstreamFailed("cold")
    assert toy_call(sale, buyer).answer.status == 502
    toy.fault = None
    assert sale.send(*first).status == 402 and toy.served == 2


def test_a_seller_that_died_after_the_charge_answers_after_its_return(network, place, toy):
    meddler = None
    with selling(network, place, more=[toy]) as sale:
        meddler = Meddler(sale)
        toy_call(sale, sale.buyer(send=meddler))
    with selling(network, place, more=[toy]) as sale:
        method, address, headers, body = meddler.sent[-1]
        path = address.rpartition("/")[2]
        answer = sale.send(method, f"{sale.url}/{path}", headers, body)
        assert answer.status == 200 and answer.body == b"2 x"
        (kept,) = sale.running.store.channels().values()
        assert kept.charged == 100


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (UpstreamFailed("the engine is cold"), 502),
        (UpstreamFailed("the engine is away", status=503), 503),
        (InputError("this cannot be read"), 400),
        (RuntimeError("a mistake"), 500),
    ],
)
def test_work_that_fails_costs_nothing_and_the_channel_goes_on(sale, toy, fault, status):
    buyer = sale.buyer()
    toy_call(sale, buyer)
    toy.fault = fault
    failed = toy_call(sale, buyer)
    assert failed.answer.status == status and failed.paid == 0
    toy.fault = None
    assert toy_call(sale, buyer).paid == 100
    (kept,) = sale.running.store.channels().values()
    assert kept.charged == 200


def test_a_failed_first_call_tells_of_its_deposit(sale, toy):
    buyer, toy.fault = sale.buyer(), UpstreamFailed("cold")
    failed = toy_call(sale, buyer)
    told = unpack(failed.answer.headers["payment-response"])
    assert failed.answer.status == 502 and told["extra"]["chargedAmount"] == "0"
    toy.fault = None
    assert toy_call(sale, buyer).paid == 100
    assert len(ChannelsClient(sale.network.chain).events("Deposited", 0)) == 1


def test_work_that_takes_too_long_costs_nothing(network, place, toy):
    with selling(network, place, config="[limits]\nseconds = 0.2\n" + CONFIG, more=[toy]) as sale:
        toy.pause = 1.0
        got = toy_call(sale, sale.buyer())
        assert got.answer.status == 504 and got.paid == 0


def test_a_price_that_rose_holds_for_whoever_has_the_offer(sale, toy):
    changed = []

    def raising(method, address, headers, body):
        if "PAYMENT-SIGNATURE" in headers and not changed:
            changed.append(True)
            toy.price = 150
        return sale.send(method, address, headers, body)

    buyer = sale.buyer(send=raising)
    assert toy_call(sale, buyer).paid == 100
    assert toy_call(sale, buyer, b"another").paid == 150


def test_without_an_offer_a_changed_price_is_told_anew(sale, toy):
    buyer = sale.buyer(send=Meddler(sale, lambda p: replace(p, extensions={})))
    assert toy_call(sale, buyer).paid == 100
    toy.price = 150
    assert toy_call(sale, buyer).paid == 150


def test_a_mistake_in_the_request_is_told_before_payment(sale, toy):
    got = toy_call(sale, sale.buyer(), b"bad")
    assert got.answer.status == 422 and got.offer is None
    assert got.answer.body == b"toy says 422: this is bad"


def test_a_channel_that_is_being_withdrawn_is_claimed_and_not_served(network, place, toy):
    config = CONFIG.replace("[seller]", "[seller]\nwatch_seconds = 0.1")
    with selling(network, place, config=config, more=[toy]) as sale:
        buyer = sale.buyer()
        for _ in range(3):
            toy_call(sale, buyer)
        channels = ChannelsClient(network.chain)
        (kept,) = sale.running.store.channels().values()
        left = channels.channel(kept.config).balance - 100
        channels.initiate_withdraw(network.account("buyer"), kept.config, left)
        until(lambda: channels.channel(kept.config).claimed == 300)
        with pytest.raises(VerificationError, match="withdrawal_pending"):
            toy_call(sale, buyer)
        assert toy.served == 3


def test_known_channels_are_served_while_the_chain_is_away(sale, toy, monkeypatch):
    known, new = sale.buyer(), sale.buyer("other")
    toy_call(sale, known)

    def away(*_args, **_options):
        raise Unreachable("the node does not answer")

    for name in ("call", "transact", "events"):
        monkeypatch.setattr(sale.running.till.channels.contract, name, away, raising=True)
    assert toy_call(sale, known).paid == 100
    refused = toy_call(sale, new)
    assert refused.answer.status == 503 and refused.paid == 0
    assert "retry-after" in refused.answer.headers
    monkeypatch.undo()
    assert toy_call(sale, new).paid == 100


def test_payments_that_wait_for_the_chain_leave_room_for_the_others(sale, toy, monkeypatch):
    known = sale.buyer()
    toy_call(sale, known)
    monkeypatch.setattr(turnstile, "WAITING", 0)
    turned_away = toy_call(sale, sale.buyer("other"))
    assert turned_away.answer.status == 503 and turned_away.paid == 0
    assert toy_call(sale, known).paid == 100


def test_nothing_is_sold_when_decisions_cannot_be_kept(sale, toy, monkeypatch):
    buyer = sale.buyer()
    toy_call(sale, buyer)

    def full(entries):
        raise StorageError("no space left on device")

    monkeypatch.setattr(sale.running.evidence.log, "append", full)
    toy_call(sale, buyer)
    until(lambda: sale.client.get("/health").status_code == 503)
    refused = toy_call(sale, buyer)
    assert refused.answer.status == 503 and refused.paid == 0
    assert "the log of decisions failed: no space" in sale.said[-1]


def test_a_channel_is_still_claimed_when_decisions_cannot_be_kept(network, place, toy):
    config = CONFIG.replace("claim_seconds = 0", "claim_seconds = 0.3")
    with selling(network, place, config=config, more=[toy]) as sale:
        toy_call(sale, sale.buyer())
        sale.running.keeping.trouble = "the log of decisions failed"
        until(lambda: sale.running.metrics.claimed == 100)


def test_a_terminal_that_was_closed_stops_no_claim(sale, toy):
    def closed(line):
        raise BrokenPipeError(line)

    sale.running.keeping._listener = closed
    toy_call(sale, sale.buyer())
    seller = sale.network.account("seller").address
    before = sale.token.call("balanceOf", seller)
    sale.running.keeping.finish()
    assert sale.token.call("balanceOf", seller) == before + 100


def test_the_original_contract_of_channels_is_claimed_from_in_its_own_way(network, place, toy):
    network.chain.set_code(BATCH_SETTLEMENT, network.chain.code(BATCH_SETTLEMENT) + b"\0")
    with selling(network, place, more=[toy]) as sale:
        toy_call(sale, sale.buyer())
        claims = sale.running.till.channels
        claims.claim_each = None
        sale.running.keeping.finish()
        assert sale.running.metrics.claimed == 100


def test_what_is_left_of_a_channel_is_given_back(sale, toy):
    buyer = sale.buyer()
    toy_call(sale, buyer)
    before = sale.token.call("balanceOf", sale.network.account("buyer").address)
    (told,) = buyer.refund(sale.url + "/toy")
    after = sale.token.call("balanceOf", sale.network.account("buyer").address)
    assert after - before == told.amount > 0
    assert toy_call(sale, buyer).paid == 100


def test_what_a_refund_has_claimed_is_paid_out(sale, toy):
    buyer, seller = sale.buyer(), sale.network.account("seller").address
    toy_call(sale, buyer)
    before = sale.token.call("balanceOf", seller)
    buyer.refund(sale.url + "/toy")
    sale.running.keeping.finish()
    assert sale.token.call("balanceOf", seller) == before + 100


def test_a_stream_is_charged_in_steps_and_told_at_its_end(sale, toy):
    toy.pieces = (b"a", b"b", b"c")
    got = toy_call(sale, sale.buyer())
    body, _, told = got.answer.body.partition(b"|")
    assert body == b"abc"
    assert unpack(told.decode())["extra"]["chargedAmount"] == "30"
    (kept,) = sale.running.store.channels().values()
    assert kept.charged == 30


def test_a_buyer_that_leaves_a_stream_pays_for_what_was_made(sale, toy):
    toy.pieces, toy.pause, toy.price = tuple(b"x" * 100 for _ in range(50)), 0.05, 1_000
    buyer = sale.buyer(send=Meddler(sale, lambda payment: hang_up(sale, payment)))
    with pytest.raises(Unreachable):
        toy_call(sale, buyer)
    until(lambda: sale.running.metrics.in_flight == 0 and sale.running.store.channels())
    (kept,) = sale.running.store.channels().values()
    assert 10 <= kept.charged < 300
    toy.pieces = ()
    sale.buy(sale.buyer("other"))


def test_a_stream_that_fails_stays_at_what_was_charged(sale, toy):
    toy.pieces = (b"a", b"b", UpstreamFailed("cold"))
    buyer = sale.buyer(resends=0)
    with pytest.raises(Unreachable):
        toy_call(sale, buyer)
    until(lambda: sale.running.metrics.in_flight == 0)
    (kept,) = sale.running.store.channels().values()
    assert kept.charged == 20
    toy.pieces = ()
    assert toy_call(sale, buyer, b"next").answer.status == 200


def test_an_answer_that_a_disk_did_not_take_does_not_leave(network, place, toy, monkeypatch):
    def full(records):
        raise OSError("no space left on device")

    found = []
    with pytest.raises(StorageError, match="no space"), selling(network, place, more=[toy]) as sale:
        buyer = sale.buyer()
        toy_call(sale, buyer)
        monkeypatch.setattr(sale.running.store._log, "append", full)
        found += [toy_call(sale, buyer).answer for _ in range(2)]
        found.append(sale.client.get("/health"))
    assert b"2 x" not in found[0].body
    assert [found[0].status, found[1].status, found[2].status_code] == [503] * 3


def hang_up(sale, payment):
    """Send a paid request on a line of its own, read a little of the answer, and leave."""
    host, port = sale.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        head = f"POST /toy HTTP/1.1\r\nhost: x\r\npayment-signature: {pack(payment)}\r\n"
        line.sendall(f"{head}content-type: text/plain\r\ncontent-length: 1\r\n\r\nx".encode())
        line.recv(1000)
        time.sleep(0.2)
    raise Unreachable("left")


def until(holds, seconds=5):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.02)
