"""Verification names the listing or offer that is false, and who never stood for an agent."""

import base64
import json
from dataclasses import replace

import pytest

from counterpoise.identity import IdentityClient
from counterpoise.market import (
    Listing,
    Price,
    SignedOffer,
    What,
    issue_offer,
    publish,
    verify_listings,
)
from counterpoise.market.sources import KEY
from counterpoise.network import create_network
from counterpoise.provenance import AccountSigner, Verdict

NOW = 1_800_000_000


@pytest.fixture
def network(tmp_path):
    with create_network(tmp_path / "state", seed=bytes(32)) as opened:
        for name in ("seller", "stranger"):
            opened.fund(opened.account(name).address, 10**18)
        yield opened


def listed(network, **changed):
    identity = IdentityClient(network.contract("IdentityRegistry"))
    seller = network.account("seller")
    agent = identity.register(seller)
    token = network.contract("CreditToken").address
    plain = Listing(What.SERVICE, "x", "d", Price(1), token, agent, identity.name, NOW)
    listing = replace(plain, **changed)
    parts = {"identity": identity, "store": network.store, "log": network.log}
    return listing, publish(listing, seller, 1, **parts)


def verdict_of(network):
    verdict = Verdict()
    return verify_listings(network, verdict), verdict


def test_true_listings_are_counted_in_log_and_chain(network):
    assert verdict_of(network)[0] == 0
    listed(network)
    signer = AccountSigner(network.account("seller"))
    offer = SignedOffer("order", "eip155:31337", b"t" * 20, 5, b"s" * 20, NOW)
    network.log.append([issue_offer(signer, offer, 1), b"something else"])
    count, verdict = verdict_of(network)
    assert count == 2 and verdict.is_true and verdict.numbers == 4


def test_who_once_stood_for_an_agent_told_the_truth_then(network):
    listing, _ = listed(network)
    identity = IdentityClient(network.contract("IdentityRegistry"))
    identity.transfer(network.account("seller"), listing.agent, network.account("stranger").address)
    assert verdict_of(network)[1].is_true


def test_a_strangers_listing_in_the_log_is_named(network):
    listing, _ = listed(network)
    stranger = AccountSigner(network.account("stranger"))
    network.log.append([replace(listing, version=7).sign(stranger, 1)])
    _, verdict = verdict_of(network)
    assert len(verdict.false) == 1 and "never stood for agent 0" in str(verdict.first)
    assert "listing in entry 1" in str(verdict.first)


def test_a_forged_offer_in_the_log_is_named(network):
    signer = AccountSigner(network.account("seller"))
    offer = SignedOffer("order", "eip155:31337", b"t" * 20, 5, b"s" * 20, NOW)
    record = json.loads(issue_offer(signer, offer, 1))
    payload = base64.b64decode(record["payload"]).replace(b'"amount":"5"', b'"amount":"6"')
    record["payload"] = base64.b64encode(payload).decode()
    network.log.append([json.dumps(record, sort_keys=True, separators=(",", ":")).encode()])
    _, verdict = verdict_of(network)
    assert "offer in entry 0" in str(verdict.first) and "false" in str(verdict.first)


def test_what_an_agent_names_must_be_its_own_listing(network):
    done = listed(network)[1]
    identity = IdentityClient(network.contract("IdentityRegistry"))
    other = identity.register(network.account("stranger"))
    identity.set_metadata(network.account("stranger"), other, KEY, done.digest)
    _, verdict = verdict_of(network)
    assert f"of agent {other} / agent" in str(verdict.first)
    identity.set_metadata(network.account("stranger"), other, KEY, network.store.put(b"no listing"))
    _, verdict = verdict_of(network)
    assert len(verdict.false) == 2
    identity.set_metadata(network.account("stranger"), other, KEY, b"k" * 32)
    assert len(verdict_of(network)[1].false) == 2, "what lies elsewhere is not false"
