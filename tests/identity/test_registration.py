"""Registration files read strictly; a domain proves that it knows its agent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.identity import Place, Registration, Service, check_domains

REGISTRY = "eip155:31337:0x" + "8004" * 10
FILE = Registration(
    "Scorer",
    "Scores loans",
    services=(Service("A2A", "https://scorer.example/agent-card.json", "1.0"),),
    x402=True,
    registrations=(Place(7, REGISTRY),),
    trust=("reputation",),
)


def no_fetch(address):
    raise AssertionError(address)


def test_a_file_comes_back_as_it_was_also_from_a_data_uri():
    assert Registration.from_bytes(FILE.to_bytes()) == FILE
    assert Registration.from_uri(FILE.to_uri(), no_fetch) == FILE
    plain = "data:application/json," + FILE.to_bytes().decode()
    assert Registration.from_uri(plain, no_fetch) == FILE
    assert Registration.from_uri("ipfs://x", lambda _: FILE.to_bytes()) == FILE
    with pytest.raises(InputError, match="base64"):
        Registration.from_uri("data:application/json;base64,%%%", no_fetch)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "other"}, "type is 'other'"),
        ({"name": ""}, "name is ''"),
        ({"name": 5}, "name is 5"),
        ({"active": "yes"}, "active is 'yes'"),
        ({"services": [{"name": "web"}]}, "endpoint is None"),
        ({"services": {}}, "no list of objects"),
        ({"registrations": [{"agentId": True, "agentRegistry": REGISTRY}]}, "agentId is True"),
        ({"registrations": [{"agentId": 1, "agentRegistry": "eip155:x"}]}, "agentRegistry"),
        ({"supportedTrust": [1]}, "no list of texts"),
    ],
)
def test_what_is_not_well_formed_is_named(change, reason):
    record = json.loads(FILE.to_bytes()) | change
    with pytest.raises(InputError, match=reason):
        Registration.from_bytes(json.dumps(record).encode())


def test_unknown_members_are_passed_over_and_large_files_refused():
    record = json.loads(FILE.to_bytes()) | {"more": 1}
    assert Registration.from_bytes(json.dumps(record).encode()) == FILE
    with pytest.raises(InputError, match="at most"):
        Registration.from_bytes(b" " * 300_000)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused_by_a_sentence(data):
    with pytest.raises(InputError):
        Registration.from_bytes(data)


def test_a_domain_that_names_the_agent_proves_it_and_no_other():
    asked = []

    def fetch(address):
        asked.append(address)
        return FILE.to_bytes()

    assert check_domains(
        FILE, 7, REGISTRY.upper().replace("EIP155", "eip155").replace("0X", "0x"), fetch
    ) == {"scorer.example": "proven"}
    assert asked == ["https://scorer.example/.well-known/agent-registration.json"]
    with pytest.raises(VerificationError, match="does not name agent 8"):
        check_domains(FILE, 8, REGISTRY, fetch)
    other = json.dumps({"registrations": [{"agentId": 6, "agentRegistry": REGISTRY}]}).encode()
    found = check_domains(FILE, 7, REGISTRY, lambda _: other)
    assert found == {"scorer.example": "scorer.example does not name this agent"}
    assert "no JSON" in check_domains(FILE, 7, REGISTRY, lambda _: b"<html>")["scorer.example"]


def test_a_file_that_is_nested_too_deeply_is_refused_before_it_is_read():
    for text in (b"[" * 100_000, b'{"a":' * 200 + b"1" + b"}" * 200):
        with pytest.raises(InputError):
            Registration.from_bytes(text)
