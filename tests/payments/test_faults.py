"""What a stranger, a clock or a chain may do to a seller, besides what the other files try."""

import base64
from dataclasses import replace

import pytest
from paid_shop import Shop

from counterpoise.chain import Block
from counterpoise.core.errors import InputError, Unreachable, VerificationError
from counterpoise.payments import Voucher, places
from counterpoise.payments.places import Places
from counterpoise.payments.rules import Channel
from counterpoise.payments.signing import NOBODY
from counterpoise.payments.terms import Refusal
from counterpoise.payments.wire import BATCH, EXACT, SIGNATURE, Payment, pack, unpack
from counterpoise.payments.wire_schemes import ChannelPayment, ExactPayment

URL = "http://shop/answer"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def shop(world, tmp_path):
    opened = Shop(world, tmp_path / "vouchers.log")
    yield opened
    opened.store.close()


def owed(shop):
    return sum(kept.charged for kept in shop.store.channels().values())


def high_s(signature):
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def compact(signature):
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return signature[:32] + s.to_bytes(32, "big")


SPOILT = [high_s, compact, lambda s: s[:64] + bytes([s[64] - 27]), lambda s: b"", lambda s: s + s]


def admitted(shop, config, voucher, kind="voucher"):
    payload = ChannelPayment(kind, config, voucher).to_json()
    header = pack(Payment(shop.terms.offer(BATCH, shop.price), payload))
    return shop.till.admit({SIGNATURE: header}, shop.price, bytes(32), URL)


def config_for(shop, world, **changes):
    delay = shop.terms.withdraw_delay
    return world.filled(500, **{"withdraw_delay": delay, **changes})


@pytest.mark.parametrize("spoil", SPOILT)
def test_only_the_one_form_of_a_signature_is_taken(shop, world, spoil):
    config = config_for(shop, world, payer_authorizer=world.payer.address)
    channel = config.id(world.channels.domain)
    voucher = world.channels.vouchers.sign(world.payer, channel, 10)
    for kind in ("voucher", "refund"):
        spoilt = replace(voucher, signature=spoil(voucher.signature))
        assert "voucher_signature" in admitted(shop, config, spoilt, kind).reason
    assert not isinstance(admitted(shop, config, voucher), Refusal)


@pytest.mark.parametrize("spoil", SPOILT)
def test_only_the_one_form_of_an_exact_signature_is_taken(shop, world, spoil):
    buyer = shop.buyer(schemes=(EXACT,))
    send = buyer._send

    def bend(method, address, headers, body):
        if SIGNATURE in headers:
            payment = Payment.from_json(unpack(headers[SIGNATURE]))
            paid = ExactPayment.from_json(payment.payload)
            bent = replace(paid, signature=spoil(paid.signature)).to_json()
            headers = {**headers, SIGNATURE: pack(replace(payment, payload=bent))}
        return send(method, address, headers, body)

    buyer._send = bend
    with pytest.raises(VerificationError, match="payload_signature"):
        buyer.fetch(URL)
    assert shop.served == 0


def test_a_channel_without_authorizer_pays_by_its_payers_own_signature(shop, world):
    config = config_for(shop, world, payer_authorizer=NOBODY)
    channel = config.id(world.channels.domain)
    stranger = world.channels.vouchers.sign(world.stranger, channel, 10)
    assert "voucher_signature" in admitted(shop, config, stranger).reason
    ticket = admitted(shop, config, world.channels.vouchers.sign(world.payer, channel, 10))
    shop.till.finish(ticket)
    assert shop.settlement().claim().amount == 10


def test_a_voucher_of_another_chain_or_contract_buys_nothing(shop, world):
    config = config_for(shop, world, payer_authorizer=world.payer.address)
    channel, domain = config.id(world.channels.domain), world.channels.domain
    for other in (replace(domain, chain_id=1), replace(domain, contract=bytes([7]) * 20)):
        vouchers = type(world.channels.vouchers)(other)
        foreign = vouchers.sign(world.payer, channel, 10)
        assert "voucher_signature" in admitted(shop, config, foreign).reason
        itself = vouchers.sign(world.payer, config.id(other), 10)
        assert "channel_id_mismatch" in admitted(shop, config, itself).reason


@pytest.mark.parametrize(("behind", "is_taken"), [(-300, True), (0, True), (50, True), (58, False)])
def test_a_buyers_clock_may_be_wrong_by_most_of_the_time_that_a_payment_has(shop, behind, is_taken):
    for scheme in (BATCH, EXACT):
        buyer = shop.buyer(clock=lambda: shop.now - behind, schemes=(scheme,))
        if is_taken:
            assert buyer.fetch(URL).paid == 10
        elif scheme == EXACT:
            with pytest.raises(VerificationError, match="valid_before"):
                buyer.fetch(URL)


def test_a_sellers_clock_that_jumps_makes_it_look_again_and_lose_nothing(shop, world):
    buyer, looks, look = shop.buyer(), [], world.channels.look
    shop.till.channels = Watched(world.channels, looks, look)
    buyer.fetch(URL)
    for jump, more in ((10, 0), (-10_000, 1), (5, 0), (301, 1), (86_400, 1)):
        before = len(looks)
        shop.now += jump
        assert buyer.fetch(URL).paid == 10
        assert len(looks) - before == more
    assert owed(shop) == 60


class Watched:
    """A client of channels whose looks are counted."""

    def __init__(self, channels, looks, look):
        self._channels, self._looks, self._look = channels, looks, look

    def __getattr__(self, name):
        return getattr(self._channels, name)

    def look(self, config):
        self._looks.append(config)
        return self._look(config)

    def channel(self, config):
        return self.look(config)[0]


def test_a_claim_that_was_mined_unseen_is_counted_and_not_told_of_as_bad(shop, world, monkeypatch):
    buyer, sent = shop.buyer(), []
    buyer.fetch(URL)
    send = world.channels.claim_each

    def silent(*arguments):
        receipt = send(*arguments)
        sent.append(receipt)
        if len(sent) == 1:
            raise Unreachable("not mined in time")
        return receipt

    monkeypatch.setattr(world.channels, "claim_each", silent)
    done = shop.settlement().claim()
    assert (done.amount, done.rows, done.dropped, len(sent)) == (10, 1, (), 2)
    assert world.channels.earned(world.receiver.address, world.token.address).claimed == 10


def test_a_chain_that_is_silent_refuses_and_charges_nothing(shop, world, monkeypatch):
    buyer = shop.buyer()
    buyer.fetch(URL)

    def silent(*_):
        raise Unreachable("no answer")

    shop.now += 1000
    with monkeypatch.context() as patch:
        patch.setattr(world.channels, "look", silent)
        patch.setattr(world.channels, "channel", silent)
        with pytest.raises(VerificationError, match="chain_unavailable"):
            buyer.fetch(URL)
    assert owed(shop) == 10
    assert buyer.fetch(URL).paid == 10


def test_strangers_channels_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(places, "MOST_SEEN", 50)
    known = Places([], 3)
    for number in range(1_000):
        block = Block(number, number.to_bytes(32, "big"), 0, b"")
        known.saw(number.to_bytes(32, "big"), Channel(number), number, block)
        assert known.place(number.to_bytes(32, "big")).channel.balance == number
    assert len(known._seen) <= 50
    assert len(known.relied_on()) <= 50


@pytest.mark.parametrize(
    "text", ["[" * 12_000, '{"a":' * 2_000, '{"x402Version":2,"a":' + "[" * 70]
)
def test_a_header_that_is_nested_deeply_is_refused(shop, text):
    header = base64.b64encode(text.encode()).decode()
    with pytest.raises(InputError, match="nested deeper"):
        unpack(header)
    found = shop.till.admit({SIGNATURE: header}, 10, bytes(32), URL)
    assert "invalid_payload" in found.reason


def test_a_voucher_for_a_channel_that_was_never_filled_buys_nothing(shop, world):
    delay = shop.terms.withdraw_delay
    config = world.config(payer_authorizer=world.payer.address, withdraw_delay=delay)
    channel = config.id(world.channels.domain)
    voucher = world.channels.vouchers.sign(world.payer, channel, 10)
    assert "exceeds_balance" in admitted(shop, config, voucher).reason
    nothing = Voucher(channel, 0, world.channels.vouchers.sign(world.payer, channel, 0).signature)
    assert "no_balance" in admitted(shop, config, nothing, "refund").reason
