"""A customer pays whom the listing says, within limits, and holds the seller to his word."""

import base64
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "gateway"))

from gateway_world import PRICE, SUMS, found_network, fund, infer_body, selling

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import TOKEN
from counterpoise.identity import IdentityClient
from counterpoise.market import (
    Customer,
    Endpoint,
    Level,
    Listing,
    Price,
    Result,
    Unit,
    What,
    Wish,
    issue_receipt,
    read_listing,
    read_receipt,
)
from counterpoise.market.standing import Standing
from counterpoise.payments import ChannelsClient, Withdrawals, pack, unpack
from counterpoise.payments.wire import Required
from counterpoise.provenance import AccountSigner


@pytest.fixture(scope="module")
def sale(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sale")
    with found_network(folder) as network, selling(network, folder) as made:
        yield made


def result_of(sale, seller="seller", **changed):
    """What a search would give for the gateway's model."""
    network, account = sale.network, sale.network.account(seller)
    plain = Listing(
        What.MODEL,
        "sums",
        "Sums of rows.",
        Price(PRICE),
        network.contract("CreditToken").address,
        0,
        IdentityClient(network.contract("IdentityRegistry")).name,
        2**40,
        endpoints=(Endpoint("oip-v2", sale.url),),
    )
    listing = replace(plain, **changed)
    found = read_listing(listing.sign(AccountSigner(account), 1))
    return Result(found, Standing(account.address, account.address))


def customer_of(sale, name="buyer", result=None, **options):
    channels = ChannelsClient(sale.network.chain)
    return Customer(
        result or result_of(sale),
        sale.network.account(name),
        **{"send": sale.send, "read_channel": channels.channel, **options},
    )


def wish_of(sale, *row):
    return Wish("POST", sale.url + SUMS, infer_body([row or (1.0, 2.0, 3.0)]))


def test_a_customer_asks_then_buys_and_holds_a_receipt(sale):
    customer, wish = customer_of(sale), wish_of(sale)
    asked = customer.ask(wish)
    assert asked.amount == PRICE and asked.signed.amount == PRICE
    assert asked.signed.request == wish.request
    done = customer.buy(wish)
    assert (done.bought.answer.status, done.bought.paid) == (200, PRICE)
    assert json.loads(done.bought.answer.body)["outputs"][0]["data"] == [15.0]
    receipt, signer = read_receipt(done.envelope)
    assert receipt == done.receipt and signer == sale.network.account("seller").address
    assert receipt.answer == sha256(done.bought.answer.body) and receipt.decision is not None
    again = customer.buy(wish_of(sale, 4.0, 5.0, 6.0))
    assert again.receipt.total == 2 * PRICE


def test_a_customer_who_forgot_his_channels_finds_them_again(sale):
    fund(sale.network, "forgetful")
    first = customer_of(sale, "forgetful").buy(wish_of(sale, 1.0, 1.0, 1.0))
    second = customer_of(sale, "forgetful").buy(wish_of(sale, 2.0, 1.0, 1.0))
    assert second.receipt.channel == first.receipt.channel
    assert second.receipt.total == 2 * PRICE


def test_nobody_is_paid_but_the_seller_of_the_listing(sale):
    other = result_of(sale, "other")
    for act in (Customer.ask, Customer.buy):
        with pytest.raises(VerificationError, match="neither owner nor wallet"):
            act(customer_of(sale, result=other), wish_of(sale, 7.0, 7.0, 7.0))


def test_no_more_is_paid_than_the_listing_says(sale):
    cheap = result_of(sale, price=Price(PRICE - 1))
    with pytest.raises(InputError, match="at most"):
        customer_of(sale, result=cheap).buy(wish_of(sale, 8.0, 7.0, 7.0))
    done = customer_of(sale, result=cheap, most=PRICE).buy(wish_of(sale, 8.0, 7.0, 7.0))
    assert done.bought.paid == PRICE
    by_token = result_of(sale, price=Price(1, Unit.TOKEN))
    with pytest.raises(InputError, match="depends on it"):
        customer_of(sale, result=by_token)


def test_a_listing_in_another_token_is_not_paid(sale):
    with pytest.raises(InputError, match="budget names no"):
        customer_of(sale, result=result_of(sale, token=b"x" * 20)).buy(wish_of(sale, 9.0, 7.0, 7.0))


def test_a_levels_extra_is_within_the_limit_and_other_levels_are_refused(sale):
    offered = result_of(sale, levels=(Level("quorum", 5 * PRICE),))
    assert customer_of(sale, result=offered, level="quorum").most == 6 * PRICE
    with pytest.raises(InputError, match="offers no level 'zk'"):
        customer_of(sale, result=offered, level="zk")


class Between:
    """Stands between customer and seller, and changes what the seller says."""

    def __init__(self, sale, *, required=None, headers=None):
        self.sale, self.required, self.headers = sale, required, headers
        self.paid = 0

    def __call__(self, method, address, headers, body):
        self.paid += "PAYMENT-SIGNATURE" in headers
        answer = self.sale.send(method, address, headers, body)
        text = answer.headers.get("payment-required")
        if text is not None and self.required is not None:
            changed = self.required(Required.from_json(unpack(text)))
            return replace(answer, headers={**answer.headers, "payment-required": pack(changed)})
        if answer.status == 200 and self.headers is not None:
            return replace(answer, headers=self.headers(dict(answer.headers)))
        return answer


def dearer(required):
    offers = [replace(one, amount=one.amount + 1, source=None) for one in required.offers]
    return replace(required, offers=tuple(offers))


def with_offer(envelope):
    info = {"info": {"envelope": base64.b64encode(envelope).decode()}}
    return lambda required: replace(required, extensions={"counterpoise-offer": info})


def test_a_seller_who_asks_more_than_he_signed_is_not_paid(sale):
    between = Between(sale, required=dearer)
    with pytest.raises(VerificationError, match="the signed offer says"):
        customer_of(sale, send=between, most=TOKEN).buy(wish_of(sale, 10.0, 7.0, 7.0))
    assert between.paid == 0


def test_an_offer_for_another_request_or_of_another_signer_is_refused(sale):
    other = customer_of(sale).ask(wish_of(sale, 11.0, 7.0, 7.0)).envelope
    between = Between(sale, required=with_offer(other))
    with pytest.raises(VerificationError, match="another request"):
        customer_of(sale, send=between).buy(wish_of(sale, 12.0, 7.0, 7.0))
    between = Between(sale, required=with_offer(b"{}"))
    with pytest.raises(InputError, match="envelope"):
        customer_of(sale, send=between).buy(wish_of(sale, 12.0, 7.0, 7.0))
    assert between.paid == 0


def test_a_seller_without_signed_offers_or_receipts_can_be_paid(sale):
    between = Between(
        sale,
        required=lambda required: replace(required, extensions={}),
        headers=lambda found: {k: v for k, v in found.items() if k != "payment-receipt"},
    )
    done = customer_of(sale, send=between).buy(wish_of(sale, 13.0, 7.0, 7.0))
    assert done.receipt is None and done.asked.signed is None and done.bought.paid == PRICE


def test_a_receipt_for_something_else_is_told(sale):
    old = customer_of(sale).buy(wish_of(sale, 14.0, 7.0, 7.0)).envelope
    text = base64.b64encode(old).decode()
    between = Between(sale, headers=lambda found: {**found, "payment-receipt": text})
    with pytest.raises(VerificationError, match="another request"):
        customer_of(sale, send=between).buy(wish_of(sale, 15.0, 7.0, 7.0))


def test_a_receipt_over_another_charge_is_told(sale):
    signer = AccountSigner(sale.network.account("seller"))

    def halved(found):
        receipt, _ = read_receipt(base64.b64decode(found["payment-receipt"]))
        other = issue_receipt(signer, replace(receipt, charged=receipt.charged // 2), 1)
        return {**found, "payment-receipt": base64.b64encode(other).decode()}

    with pytest.raises(VerificationError, match="another charge"):
        customer_of(sale, send=Between(sale, headers=halved)).buy(wish_of(sale, 15.5, 7.0, 7.0))


def test_what_is_left_comes_back_with_the_sellers_help(sale):
    fund(sale.network, "leaver")
    customer, token = customer_of(sale, "leaver"), sale.token
    payer = sale.network.account("leaver").address
    customer.buy(wish_of(sale, 16.0, 7.0, 7.0))
    held = token.call("balanceOf", payer)
    back = customer.refund(Wish("GET", sale.url + SUMS))
    assert back == 49 * PRICE and token.call("balanceOf", payer) == held + back
    mine = Withdrawals(ChannelsClient(sale.network.chain), sale.network.account("leaver"))
    assert [one.state.balance - one.state.claimed for one in mine.channels().values()] == [0]
