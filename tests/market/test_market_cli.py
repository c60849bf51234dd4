"""The verbs of the market: a seller's and a buyer's way, and every wrong word a clear error."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent / "gateway"))

from gateway_world import SUMS, found_network, fund, infer_body, selling

from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError, InputError, Unreachable, VerificationError
from counterpoise.core.units import to_checksum
from counterpoise.identity import IdentityClient, ReputationClient
from counterpoise.market import cli as home
from counterpoise.market import dashboard_cli
from counterpoise.market.cli import VERBS, market
from counterpoise.market.offers import read_offer
from counterpoise.market.receipts_issued import read_receipt

BODY = infer_body().decode()


@pytest.fixture(scope="module")
def sale(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sale")
    with found_network(folder) as network, selling(network, folder, clock=network.clock) as made:
        yield made


@pytest.fixture
def say(sale, monkeypatch):
    """Give a verb to the network that the gateway has open, and get its output or its error."""

    @contextmanager
    def entered(*_places):
        yield sale.network

    monkeypatch.setattr(home, "entered", entered)
    monkeypatch.setattr(dashboard_cli, "entered", entered)

    def run(*words, account=None):
        options = () if account is None else ("--account", account)
        done = CliRunner().invoke(market, [*words, *options], standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return json.loads(done.output) if "--json" in words else done.output

    return run


def listed(sale, say, name="sums", *words, price="0.001 per call"):
    endpoint = f"oip-v2={sale.url}"
    said = ("--describe", "Sums of rows.", "--endpoint", endpoint, "--tag", "tabular")
    return say("list", name, "--price", price, *said, *words, "--json", account="seller")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb):
    done = CliRunner().invoke(market, [verb, "--help"])
    assert done.exit_code == 0 and "Example" in done.output, done.output


def test_a_seller_lists_replaces_and_withdraws(sale, say):
    first = listed(sale, say, "sums")
    assert (first["version"], first["on chain"], first["notes"]) == (1, True, [])
    assert first["entry"] is not None
    place = first["listing"]
    agent = place.partition("/")[0]
    assert listed(sale, say, "sums", "--agent", agent)["version"] == 2
    shown = say("show", place, "--json")
    assert (shown["version"], shown["price"], shown["unit"]) == (2, "0.001 per call", "call")
    assert shown["endpoints"] == [{"tongue": "oip-v2", "url": sale.url}]
    assert "Sums of rows." in say("show", place)
    found = say("search", "sums", "--tongue", "oip-v2", "--alive", "--json")
    assert [one["listing"] for one in found["results"]] == [place]
    assert "points: sum" in found["results"][0]["why"] and "unrated" in say("search", "sums")
    assert say("search", "nothing-like-it").startswith("nothing is listed")
    gone = say("withdraw", place, "--json", account="seller")
    assert gone["withdrawn"] and gone["version"] == 3
    assert say("search", "sums", "--json")["results"] == []
    with pytest.raises(InputError, match="withdrew"):
        say("show", place)


def test_a_buyer_asks_buys_and_takes_out_what_is_left(sale, say, tmp_path):
    place = listed(sale, say, "sold")["listing"]
    call = (place, "--path", SUMS, "--body", BODY)
    asked = say("offer", *call, "--json", account="buyer")
    assert (asked["price"], asked["signed"]) == ("0.001", True)
    kept = tmp_path / "receipt.json"
    bought = say("buy", *call, "--save", str(kept), "--json", account="buyer")
    assert (bought["status"], bought["paid"], bought["receipt"]) == (200, "0.001", True)
    assert read_receipt(kept.read_bytes())[0].total == int(bought["total"])
    body = tmp_path / "body.json"
    body.write_bytes(infer_body([(9.0, 9.0, 9.0)]))
    out = tmp_path / "answer.json"
    words = (place, "--path", SUMS, "--body", f"@{body}", "--out", str(out), "--save", str(kept))
    assert "receipt checked" in say("buy", *words, account="buyer")
    assert json.loads(out.read_bytes())["outputs"][0]["data"] == [55.0]
    check_receipt_offline(sale, say, kept, body, out)
    (channel,) = say("channels", "--json", account="buyer")["channels"]
    assert channel["balance"] == "0.05"
    refunded = say("channels", "--refund", place, "--path", SUMS, "--json", account="buyer")
    assert refunded == {"refunded": "0.048", "channels": []}
    assert say("channels", account="buyer") == "no open channels\n"


def check_receipt_offline(sale, say, kept, body, out):
    call = ("--target", SUMS, "--body", f"@{body}", "--answer", str(out))
    seller = to_checksum(sale.network.account("seller").address)
    told = say("receipt", str(kept), *call, "--seller", seller, "--json")
    assert told["compared"] == ["request", "answer"] and told["signer"] == seller
    assert (told["charged"], told["total"]) == ("0.001", "0.002")
    assert "nothing was compared" in say("receipt", str(kept))
    for words, wrong in (
        (("--target", "/v2"), "another request"),
        (("--answer", str(body)), "another answer"),
        (("--seller", "0x" + "11" * 20), "not by 0x11"),
    ):
        with pytest.raises(VerificationError, match=wrong):
            say("receipt", str(kept), *words)
    with pytest.raises(InputError, match="cannot be read"):
        say("receipt", "/nowhere")
    with pytest.raises(InputError):
        say("receipt", str(out))


def test_a_seller_signs_an_offer_for_an_order(sale, say, tmp_path):
    place = listed(sale, say, "worked")["listing"]
    brief, kept = tmp_path / "brief.md", tmp_path / "offer.json"
    brief.write_text("Do it well.", encoding="utf-8")
    words = ("offer", place, "--sign", "25", "--save", str(kept), "--json")
    made = say(*words, "--brief", str(brief), "--to", "0x" + "11" * 20, account="seller")
    offer, signer = read_offer(kept.read_bytes())
    seller = sale.network.account("seller").address
    assert signer == offer.pay_to == seller and made["price"] == "25"
    assert offer.amount == 25 * 10**18 and offer.payer == bytes.fromhex("11" * 20)
    assert offer.request == sha256(b"Do it well.")
    assert offer.listing.hex() == say("show", place, "--json")["digest"]
    for account, more, told in (
        ("buyer", (), "is not the seller"),
        ("seller", ("--days", "0"), "0 days"),
        ("seller", ("--brief", str(tmp_path / "none")), "cannot be read"),
        ("seller", ("--to", "0x12"), "no address"),
    ):
        with pytest.raises(InputError, match=told):
            say(*words, *more, account=account)
    with pytest.raises(InputError, match="goes to its buyer"):
        say("offer", place, "--sign", "25", account="seller")
    with pytest.raises(InputError, match="are a seller's"):
        say("offer", place, "--to", "0x" + "11" * 20, account="buyer")


def test_only_ratings_of_paying_customers_move_a_seller(sale, say):
    place = listed(sale, say, "rated")["listing"]
    agent = int(place.partition("/")[0])
    reputation = ReputationClient(sale.network.contract("ReputationRegistry"))
    stranger, buyer = fund(sale.network, "stranger"), fund(sale.network, "payer")
    reputation.give(stranger, agent, 5)
    assert say("show", place, "--json")["rating"] is None
    say("buy", place, "--path", SUMS, "--body", BODY, account="payer")
    sale.running.settlement.claim()
    reputation.give(buyer, agent, 96)
    shown = say("show", place, "--json")
    assert (shown["rating"], shown["ratings"], shown["behind ratings"]) == ("96.000", 1, "0.001")
    for least, found in (("96", ["rated"]), ("96.1", [])):
        results = say("search", "rated", "--least-rating", least, "--json")["results"]
        assert [one["listing"].partition("/")[2] for one in results] == found
    assert "rated 96.0" in say("search", "rated", "--order", "rating")
    assert say("dashboard", "--agent", str(agent), "--json")["reputation"][-1]["mean"] == "96.00"


def test_a_dashboard_is_drawn_and_written(sale, say):
    options = ("--home", str(sale.folder / "home"), "--url", sale.url)
    record = say("dashboard", *options, "--json")
    assert int(record["earned"]) > 0 and record["traffic"]["statuses"]["200"] > 0
    assert "buyers, in tokens" in say("dashboard", *options)
    assert "earned" in say("dashboard", account="seller")


@pytest.mark.parametrize(
    ("words", "account", "told"),
    [
        (("list", "x y", "--price", "1", "--describe", "d"), "seller", "'name' has a wrong value"),
        (("list", "x", "--price", "one", "--describe", "d"), "seller", "no amount|is no price"),
        (("list", "x", "--price", "1 per hour", "--describe", "d"), "seller", "is no price"),
        (("list", "x", "--price", "1", "--describe", ""), "seller", "'description' has a wrong"),
        (("list", "x", "--price", "1", "--describe", "d"), None, "no key was given"),
        (("list", "x", "--price", "1", "--describe", "d", "--days", "0"), "seller", "0 days"),
        (
            ("list", "x", "--price", "1", "--describe", "d", "--endpoint", "openai"),
            "seller",
            "is no endpoint",
        ),
        (
            ("list", "x", "--price", "1", "--describe", "d", "--endpoint", "openai=nowhere"),
            "seller",
            "no address of a seller",
        ),
        (
            ("list", "x", "--price", "1", "--describe", "d", "--model", "abc"),
            "seller",
            "no SHA-256",
        ),
        (
            ("list", "x", "--price", "1", "--describe", "d", "--level", "zk=much"),
            "seller",
            "no amount",
        ),
        (("list", "x", "--price", "1", "--describe", "d", "--agent", "99"), "seller", "agent 99"),
        (("show", "nope"), None, "names no listing"),
        (("show", "0/nope"), None, "lists nothing under"),
        (("withdraw", "0/nope"), "seller", "lists nothing under"),
        (("search", "?!"), None, "holds no words"),
        (("search", "--most", "much"), None, "no amount|is no price"),
        (("search", "--least-rating", "good"), None, "no amount"),
        (("search", "--limit", "0"), None, "limit"),
        (("buy", "wrong/listing", "--path", "/x"), "buyer", "names no listing"),
        (("channels", "--withdraw", "a", "--finish", "b"), "buyer", "two things"),
        (("channels", "--withdraw", "abcd"), "buyer", "no channel of yours"),
        (("dashboard", "--home", "/nowhere/at/all"), None, "there is no folder"),
        (("dashboard",), None, "whose dashboard"),
        (("dashboard", "--watch", "1", "--json"), None, "--watch draws"),
        (("dashboard", "--url", "http://127.0.0.1:9"), None, "does not answer"),
    ],
)
def test_every_wrong_word_is_told(say, words, account, told):
    with pytest.raises(CounterpoiseError, match=told):
        say(*words, account=account)


def test_a_call_that_goes_wrong_is_told_with_what_was_paid(sale, say, tmp_path):
    place = listed(sale, say, "wrong")["listing"]
    with pytest.raises(InputError, match="answered 422") as wrong:
        say("buy", place, "--path", SUMS, "--body", "{}", account="buyer")
    assert wrong.value.hint == "0 tokens were paid"
    with pytest.raises(InputError, match="asks for no payment"):
        say("offer", place, "--path", "/health", account="buyer")
    with pytest.raises(InputError, match="no such endpoint of HTTP"):
        say("buy", place, "--tongue", "mcp", account="buyer")
    with pytest.raises(InputError, match="cannot be read"):
        say("buy", place, "--body", f"@{tmp_path / 'none'}", account="buyer")
    with pytest.raises(InputError, match="at most"):
        say("buy", place, "--path", SUMS, "--body", BODY, "--most", "0.0001", account="buyer")
    away = say(
        *("list", "away", "--price", "1", "--describe", "d", "--json"),
        *("--endpoint", "openai=http://127.0.0.1:9/v1"),
        account="seller",
    )["listing"]
    with pytest.raises(Unreachable, match="does not answer"):
        say("buy", away, account="buyer")
    assert say("search", "away", "--alive", "--json")["results"] == []


def test_a_listing_for_another_agent_is_refused(sale, say):
    agent = listed(sale, say, "mine")["listing"].partition("/")[0]
    with pytest.raises(CounterpoiseError):
        say("list", "x", "--price", "1", "--describe", "d", "--agent", agent, account="buyer")


def test_owner_and_wallet_replace_each_others_listings(sale, say):
    place = listed(sale, say, "shared")["listing"]
    agent = place.partition("/")[0]
    clerk, owner = fund(sale.network, "clerk"), sale.network.account("seller")
    identity = IdentityClient(sale.network.contract("IdentityRegistry"))
    until = sale.network.chain.block().time + 200
    identity.set_wallet(
        owner, int(agent), clerk.address, until, identity.consent(clerk, int(agent), until)
    )
    words = ("list", "shared", "--price", "3", "--describe", "d", "--agent", agent, "--json")
    made = say(*words, "--endpoint", "mcp=https://seller.example/mcp", account="clerk")
    assert (made["version"], made["on chain"], len(made["notes"])) == (2, False, 2)
    assert say("show", place, "--json")["price"] == "3 per call"
    assert say(*words, account="seller")["version"] == 3
    assert say(*words, account="clerk")["version"] == 4


def test_a_mirror_of_the_log_is_read(sale, say, tmp_path):
    import shutil

    listed(sale, say, "mirrored")
    mirror = Path(shutil.copytree(sale.folder / "state" / "log", tmp_path / "mirror"))
    found = say("search", "mirrored", "--mirror", str(mirror), "--json")
    assert [one["listing"].partition("/")[2] for one in found["results"]] == ["mirrored"]


def test_a_buyer_leaves_without_the_seller(sale, say):
    """The last test of this file: it lets a day pass on the chain."""
    place = listed(sale, say, "left")["listing"]
    say("buy", place, "--path", SUMS, "--body", BODY, account="other")
    (channel,) = say("channels", "--json", account="other")["channels"]
    beginning = channel["channel"][:8]
    with pytest.raises(InputError, match="nothing was announced"):
        say("channels", "--finish", beginning, account="other")
    announced = say("channels", "--withdraw", beginning, "--json", account="other")
    assert announced["channels"][0]["ready"] == announced["ready"]
    assert "leaving" in say("channels", account="other")
    sale.network.warp(86_400)
    done = say("channels", "--finish", beginning, "--json", account="other")
    assert done["withdrawn"] in ("0.05", "0.049") and done["channels"] == []
    again = say("buy", place, "--path", SUMS, "--body", BODY, "--json", account="other")
    assert again["paid"] == "0.001"
