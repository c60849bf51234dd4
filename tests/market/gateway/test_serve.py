"""The verb `market serve`: a seller's way from a configuration to tokens; and what goes wrong."""

import json
import re
import signal
import subprocess
import sys

import pytest
from gateway_world import CONFIG, NETS, SUMS, bytes_body, infer_body, selling

from counterpoise.core.errors import Busy, InputError
from counterpoise.core.units import TOKEN, to_checksum
from counterpoise.market.receipts_issued import from_header, read_receipt
from counterpoise.network import open_network
from counterpoise.payments import Allowance, Budget, Buyer

SERVE = [sys.executable, "-m", "counterpoise", "market", "serve", "--account", "seller"]


def serve(place, *more):
    words = ["--state", str(place / "state"), "--config", str(place / "gateway.toml"), *more]
    return subprocess.Popen(
        [*SERVE, *words, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said_by(process):
    """What it says on standard error until it serves."""
    said = []
    for line in process.stderr:
        said.append(line)
        if "Ctrl-C" in line:
            return "".join(said)
    raise AssertionError("it does not serve: " + "".join(said))


@pytest.fixture
def accounts(place):
    """Chain id, token and two accounts of the network, which is closed again."""
    with open_network(place / "state") as network:
        token = network.contract("CreditToken").address
        accounts = [network.account(name) for name in ("buyer", "seller")]
        return network.chain.chain_id(), token, *accounts


def balance(place, who):
    with open_network(place / "state") as network:
        return network.contract("CreditToken").call("balanceOf", who.address)


def test_a_seller_serves_is_paid_and_settles_at_the_end(place, accounts):
    chain_id, token, payer, seller = accounts
    before = balance(place, seller)
    process = serve(place)
    said = said_by(process)
    assert "/v2/models/sums version 1: 0.001 per call" in said
    assert f"paid to {to_checksum(seller.address)} on eip155:31337" in said
    url = re.search(r"serving at (http://\S+),", said)[1]
    budget = Budget({(f"eip155:{chain_id}", token): Allowance(TOKEN, 10 * TOKEN, 10 * TOKEN)})
    buyer = Buyer(payer, budget)
    for _ in range(5):
        assert buyer.fetch(url + SUMS, "POST", infer_body()).answer.status == 200
    got = buyer.fetch(url + NETS, "POST", bytes_body())
    assert json.loads(got.answer.body)["model_name"] == "net"
    process.send_signal(signal.SIGTERM)
    told, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    due = 5 * TOKEN // 1000 + TOKEN // 500
    assert f"{due} base units charged, {due} claimed" in told
    assert "Traceback" not in said
    assert balance(place, seller) - before == due


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[[service]", "no TOML"),
        ("", "nothing is for sale"),
        ('[[service]]\nname = "x"', "lacks 'kind'"),
        ('[[service]]\nkind = "x"\nname = "y"', "kind is 'x'"),
        (CONFIG + 'colour = "red"', "'colour', which means nothing"),
        (CONFIG.replace('"net.model"', '"other.model"'), "is there"),
        (CONFIG.replace('"net.model"', '"sums.onnx"'), "service 'net'"),
        (CONFIG.replace('"0.001 per call"', '"cheap"'), "'cheap' is no amount"),
        (CONFIG.replace('"0.001 per call"', '"1 per token"'), "priced 1 per token"),
        (CONFIG + "[limits]\nbody_bytes = 1", "body_bytes is 1"),
        (CONFIG + "[limits]\nbody = 1", "'body', which means nothing"),
        (CONFIG.replace("calls_per_deposit = 50", "calls_per_deposit = true"), "is True"),
        (CONFIG.replace("[seller]", '[seller]\nschemes = ["cash"]'), "cash"),
        (CONFIG.replace("[seller]", "[seller]\nwithdraw_delay = 1"), "withdraw_delay is 1"),
        (CONFIG.replace("[seller]", '[seller]\nlisting = "abc"'), "64 hex digits"),
        (CONFIG + "[sellers]", "'sellers', which means nothing"),
        (CONFIG.replace('name = "net"', 'name = "sums"'), "version '1' twice"),
    ],
)
def test_every_wrong_line_is_named(network, place, config, words):
    with pytest.raises(InputError) as wrong, selling(network, place, config=config):
        pass
    assert words in f"{wrong.value.message} {wrong.value.hint}"


def test_a_mistake_ends_the_verb_without_a_stack_trace(place):
    (place / "gateway.toml").write_text("[[service]]\nkind = 7\n", encoding="utf-8")
    _, said = (process := serve(place)).communicate(timeout=60)
    assert process.returncode == 2 and "kind is 7" in said and "Traceback" not in said


def test_what_was_earned_can_be_kept_to_oneself_and_a_listing_named(network, place):
    listing = "ab" * 32
    config = CONFIG.replace("[seller]", f'[seller]\nmetrics = false\nlisting = "{listing}"')
    with selling(network, place, config=config) as sale:
        assert sale.client.get("/metrics").status_code == 404
        got = sale.buy(sale.buyer())
        receipt, _ = read_receipt(from_header(got.answer.headers["payment-receipt"]))
        assert receipt.listing == bytes.fromhex(listing)


def test_a_gateway_that_is_closed_twice_is_closed_once(network, place):
    with selling(network, place) as sale:
        sale.buy(sale.buyer())
        sale.running.close()
    assert sale.running.metrics.claimed == TOKEN // 1000


def test_a_home_serves_one_gateway_at_a_time(network, place):
    with selling(network, place), pytest.raises(Busy), selling(network, place):
        pass
