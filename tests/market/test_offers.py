"""An offer binds its seller until it expires; a receipt says what one call was."""

import base64
import json
import time
from dataclasses import replace

import pytest

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.market import (
    CallReceipt,
    OfferDesk,
    SignedOffer,
    check_call_receipt,
    check_offer,
    issue_offer,
    issue_receipt,
    offer_extension,
    offer_in,
    read_offer,
    read_receipt,
)
from counterpoise.market.receipts_issued import from_header, to_header
from counterpoise.provenance import AccountSigner, Envelope, add_signature

SELLER, STRANGER, PAYER = (Account.local(name) for name in (b"seller", b"stranger", b"payer"))
TOKEN, NOW = b"t" * 20, 1_700_000_000
ROUTE, REQUEST = "POST /v1/embeddings", sha256(b"request")
OFFER = SignedOffer(ROUTE, "eip155:31337", TOKEN, 25, SELLER.address, NOW + 60)
RECEIPT = CallReceipt(
    REQUEST,
    sha256(b"answer"),
    "eip155:31337",
    TOKEN,
    PAYER.address,
    SELLER.address,
    charged=25,
    total=100,
    channel=b"c" * 32,
    decision=b"d" * 32,
)
CALL = {"request": REQUEST, "answer": sha256(b"answer"), "payer": PAYER.address}


def desk(account=SELLER, **changed):
    terms = {"network": "eip155:31337", "token": TOKEN, "pay_to": SELLER.address} | changed
    return OfferDesk(AccountSigner(account), **terms)


def tampered(envelope, old, new):
    """The envelope with other words in its payload, and the signature that it had."""
    record = json.loads(envelope)
    payload = base64.b64decode(record["payload"])
    assert old in payload
    record["payload"] = base64.b64encode(payload.replace(old, new)).decode()
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "offer",
    [
        OFFER,
        replace(OFFER, request=REQUEST, listing=b"l" * 32, payer=PAYER.address),
        replace(OFFER, amount=2**127),
    ],
)
def test_an_offer_is_read_as_it_was_signed(offer):
    envelope = issue_offer(AccountSigner(SELLER), offer, NOW)
    assert read_offer(envelope) == (offer, SELLER.address)
    assert offer_in(json.loads(json.dumps(offer_extension(envelope)))) == envelope


def test_an_offer_holds_until_it_expires_and_for_its_call_only():
    bound = replace(OFFER, request=REQUEST, payer=PAYER.address)
    envelope = issue_offer(AccountSigner(SELLER), bound, NOW)
    sellers = {SELLER.address}
    call = {"resource": ROUTE, "request": REQUEST, "payer": PAYER.address}
    assert check_offer(envelope, sellers, now=NOW + 59, **call) == bound
    for wrong, why in (
        ({"now": NOW + 60}, "held until"),
        ({"resource": "POST /v1/chat"}, "is for 'POST /v1/embeddings'"),
        ({"request": sha256(b"other")}, "another request"),
        ({"request": None}, "another request"),
        ({"payer": STRANGER.address}, "another payer"),
    ):
        with pytest.raises(VerificationError, match=why):
            check_offer(envelope, sellers, **({"now": NOW} | call | wrong))
    with pytest.raises(VerificationError, match="not by the seller"):
        check_offer(envelope, {STRANGER.address}, now=NOW, **call)


def test_a_tampered_offer_is_false():
    envelope = issue_offer(AccountSigner(SELLER), OFFER, NOW)
    with pytest.raises(VerificationError, match="false"):
        read_offer(tampered(envelope, b'"amount":"25"', b'"amount":"24"'))
    actor = AccountSigner(STRANGER).keyid.encode(), AccountSigner(SELLER).keyid.encode()
    forged = issue_offer(AccountSigner(STRANGER), OFFER, NOW)
    with pytest.raises(VerificationError, match="false"):
        read_offer(tampered(forged, b'"actor":"' + actor[0], b'"actor":"' + actor[1]))
    for junk in (b"", b"{}", b"[" * 99, b"x" * 40_000):
        with pytest.raises(InputError):
            read_offer(junk)


def test_who_signs_must_be_who_states():
    envelope = Envelope.from_bytes(issue_offer(AccountSigner(SELLER), OFFER, NOW))
    both = add_signature(envelope, AccountSigner(STRANGER))
    with pytest.raises(InputError, match="signed once"):
        read_offer(both.to_bytes())
    other = add_signature(replace(envelope, signatures=()), AccountSigner(STRANGER))
    with pytest.raises(VerificationError, match="named as who states it"):
        read_offer(other.to_bytes())
    with pytest.raises(InputError, match="no offer"):
        read_offer(issue_receipt(AccountSigner(SELLER), RECEIPT, NOW))


def test_the_seller_keeps_an_offer_after_the_price_rose():
    mine = desk()
    held = offer_extension(mine.issue(ROUTE, 25, NOW))
    call = {"resource": ROUTE, "now": NOW + 60}
    assert mine.price(held, 25, 40, **call) == 25
    assert mine.price(held, 40, 40, **call) == 40
    assert mine.price(held, 30, 40, **call) == 40, "the payer pays what was never offered"
    assert mine.price({}, 25, 40, **call) == 40
    assert mine.price(held, 25, 40, resource=ROUTE, now=NOW + 120) == 40
    assert desk().price(held, 25, 40, **call) == 25, "a seller that was started anew keeps it"
    assert desk(STRANGER).price(held, 25, 40, **call) == 40
    assert desk(token=b"u" * 20).price(held, 25, 40, **call) == 40
    for junk in ({"info": 1}, {"info": {"envelope": "%"}}, 7, {"info": {"envelope": "AAAA"}}):
        assert mine.price({"counterpoise-offer": junk}, 25, 40, **call) == 40


def test_a_seller_forgets_offers_and_still_keeps_them(monkeypatch):
    monkeypatch.setattr("counterpoise.market.offers._REMEMBERED", 2)
    mine = desk()
    first, *_ = (mine.issue(ROUTE, amount, NOW) for amount in range(5))
    assert mine.check(first, resource=ROUTE, now=NOW).amount == 0


def test_a_receipt_says_what_was_paid_and_got():
    envelope = issue_receipt(AccountSigner(SELLER), RECEIPT, NOW)
    assert read_receipt(from_header(to_header(envelope))) == (RECEIPT, SELLER.address)
    assert check_call_receipt(envelope, {SELLER.address}, charged=25, **CALL) == RECEIPT
    for wrong, why in (
        ({"request": sha256(b"x")}, "another request"),
        ({"answer": sha256(b"x")}, "another answer"),
        ({"payer": STRANGER.address}, "another payer"),
        ({"charged": 24}, "another charge"),
    ):
        with pytest.raises(VerificationError, match=why):
            check_call_receipt(envelope, {SELLER.address}, **(CALL | wrong))
    with pytest.raises(VerificationError, match="not by the seller"):
        check_call_receipt(envelope, {STRANGER.address}, **CALL)
    with pytest.raises(VerificationError, match="false"):
        read_receipt(tampered(envelope, b'"total":"100"', b'"total":"999"'))
    with pytest.raises(InputError, match="no base64"):
        from_header("%%%")


def test_a_receipt_that_does_not_add_up_is_refused():
    for wrong in ({"charged": 101}, {"charged": -1}):
        with pytest.raises(InputError, match="in all"):
            issue_receipt(AccountSigner(SELLER), replace(RECEIPT, **wrong), NOW)
    with pytest.raises(InputError, match="neither 'channel' nor 'transaction'"):
        issue_receipt(AccountSigner(SELLER), replace(RECEIPT, channel=None), NOW)


def test_a_paid_call_is_not_held_up_by_its_receipt():
    signer, mine = AccountSigner(SELLER), desk()
    best = {"receipt": 1.0, "offer": 1.0, "look": 1.0}
    for _ in range(5):
        start = time.process_time()
        for number in range(20):
            issue_receipt(signer, RECEIPT, NOW + number)
        best["receipt"] = min(best["receipt"], (time.process_time() - start) / 20)
        start = time.process_time()
        offers = [mine.issue(ROUTE, 25, NOW + number) for number in range(20)]
        best["offer"] = min(best["offer"], (time.process_time() - start) / 20)
        start = time.process_time()
        for offer in offers:
            mine.check(offer, resource=ROUTE, now=NOW + 50)
        best["look"] = min(best["look"], (time.process_time() - start) / 20)
    assert best["receipt"] < 600e-6 and best["offer"] < 600e-6 and best["look"] < 60e-6, best
