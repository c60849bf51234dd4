"""The wire: what is written can be read, and what is wrong is named."""

import base64
import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError
from counterpoise.payments import ChannelConfig, SignedDeposit, Voucher
from counterpoise.payments.wire import (
    Offer,
    Payment,
    Required,
    Response,
    pack,
    read_payment,
    unpack,
)
from counterpoise.payments.wire_schemes import ChannelPayment, ExactPayment

A, B, TOKEN = bytes([1]) * 20, bytes([2]) * 20, bytes([3]) * 20
CONFIG = ChannelConfig(A, A, B, B, TOKEN, 900)
OFFER = Offer("batch-settlement", "eip155:31337", TOKEN, 1000, B, 60, {"name": "Coin"})
VOUCHER = Voucher(bytes([9]) * 32, 1000, bytes([7]) * 65)


def payload(kind="deposit"):
    deposit = SignedDeposit(CONFIG, 10**6, 2**33, 5, bytes([8]) * 65) if kind == "deposit" else None
    return ChannelPayment(kind, CONFIG, VOUCHER, deposit, 4 if kind == "refund" else None)


def encoded(value) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("kind", ["deposit", "voucher", "refund"])
def test_a_channel_payment_survives_the_header(kind):
    sent = Payment(OFFER, payload(kind).to_json(), "http://shop/answer")
    found = read_payment({"payment-signature": pack(sent)})
    assert found == sent
    assert ChannelPayment.from_json(found.payload) == payload(kind)


def test_the_older_header_is_read_too():
    sent = Payment(OFFER, payload("voucher").to_json())
    assert read_payment([("X-Payment", pack(sent))]) == sent
    assert read_payment({"Accept": "text/html"}) is None


def test_the_answer_402_and_the_response_survive_the_header():
    required = Required((OFFER,), "http://shop/answer", "busy")
    assert Required.from_json(unpack(pack(required))) == required
    response = Response(True, "eip155:31337", "0x00", A, 5, None, {"chargedAmount": "5"})
    assert Response.from_json(unpack(pack(response))) == response


def test_an_offer_is_given_back_as_it_came():
    value = OFFER.to_json() | {"asset": OFFER.to_json()["asset"].lower(), "later": [1]}
    assert Offer.from_json(value).to_json() == value


def test_offers_on_other_kinds_of_chains_are_passed_over():
    value = Required((OFFER,)).to_json()
    value["accepts"].insert(0, {"scheme": "exact", "network": "solana:main", "asset": "So1"})
    assert Required.from_json(value).offers == (OFFER,)


@pytest.mark.parametrize(
    ("place", "wrong", "named"),
    [
        (("x402Version",), 1, "version 1"),
        (("x402Version",), None, "version None"),
        (("payload",), [], "payment.payload"),
        (("accepted",), None, "payment.accepted"),
        (("accepted", "amount"), 1000, "amount"),
        (("accepted", "amount"), "-1", "amount"),
        (("accepted", "amount"), "1e3", "amount"),
        (("accepted", "amount"), "²", "amount"),
        (("accepted", "amount"), str(2**256), "amount"),
        (("accepted", "asset"), "0x12", "asset"),
        (("accepted", "payTo"), "0x" + "zz" * 20, "payTo"),
        (("accepted", "maxTimeoutSeconds"), -1, "maxTimeoutSeconds"),
        (("accepted", "maxTimeoutSeconds"), True, "maxTimeoutSeconds"),
        (("accepted", "scheme"), "", "scheme"),
        (("resource",), "http://shop", "resource"),
        (("extensions",), 4, "extensions"),
    ],
)
def test_a_wrong_member_is_named(place, wrong, named):
    value = Payment(OFFER, payload().to_json()).to_json()
    spot = value
    for member in place[:-1]:
        spot = spot[member]
    spot[place[-1]] = wrong
    with pytest.raises(InputError, match=named):
        read_payment({"PAYMENT-SIGNATURE": encoded(value)})


@pytest.mark.parametrize(
    ("place", "wrong", "named"),
    [
        (("type",), "gift", "payload.type"),
        (("channelConfig", "salt"), "0x00", "salt"),
        (("channelConfig", "withdrawDelay"), 2**40, "withdrawDelay"),
        (("voucher", "maxClaimableAmount"), str(2**128), "maxClaimableAmount"),
        (("voucher", "channelId"), "0x" + "0" * 63, "channelId"),
        (("voucher", "signature"), None, "signature"),
        (("deposit",), None, "deposit"),
        (("deposit", "authorization"), {"permit2Authorization": {}}, "erc3009"),
        (("deposit", "authorization", "erc3009Authorization", "salt"), "7", "salt"),
    ],
)
def test_a_wrong_member_of_a_channel_payment_is_named(place, wrong, named):
    value = payload().to_json()
    spot = value
    for member in place[:-1]:
        spot = spot[member]
    spot[place[-1]] = wrong
    with pytest.raises(InputError, match=named):
        ChannelPayment.from_json(value)


@pytest.mark.parametrize(
    "text", ["", "%%%", "e30", encoded(5), encoded([]), "A" * 20_000, "TmFO", encoded("[" * 9)]
)
def test_what_is_no_payment_is_an_input_error(text):
    with pytest.raises(InputError):
        read_payment({"PAYMENT-SIGNATURE": text})


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "x402Version",
                        "payload",
                        "accepted",
                        "scheme",
                        "network",
                        "amount",
                        "authorization",
                        "type",
                        "voucher",
                        "channelConfig",
                        "signature",
                        "from",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
    )
)
def test_no_json_brings_anything_but_an_input_error(value):
    for read in (Payment.from_json, Required.from_json, Response.from_json, Offer.from_json):
        with contextlib.suppress(InputError):
            read(value)
    if isinstance(value, dict):
        for read in (ChannelPayment.from_json, ExactPayment.from_json):
            with pytest.raises(InputError):
                read(value)
