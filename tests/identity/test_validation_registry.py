"""The registry of validations, by the acceptance names of ERC-8004's implementations."""

import itertools

import pytest

from counterpoise.chain import deploy
from counterpoise.core.errors import InputError, Reverted
from counterpoise.identity import Validation

NOBODY = bytes(20)
NUMBERS = itertools.count(1)


@pytest.fixture
def agent(town):
    return town.agent()


@pytest.fixture
def asked(town, agent):
    """A request about a fresh agent to `other`."""
    return ask(town, agent, town.other)


def ask(town, agent, validator, account=None):
    request = next(NUMBERS).to_bytes(32, "big")
    town.validation.request(account or town.owner, validator.address, agent, request, "u")
    return request


def refused(reason):
    return pytest.raises(Reverted, match=reason)


def test_get_identity_registry(town):
    """Should return the identity registry address."""
    assert town.validation.contract.call("getIdentityRegistry") == town.identity.address
    with refused("the registry of agents is no contract"):
        deploy(town.chain, town.owner, "ValidationRegistry", NOBODY)


def test_get_version(town):
    assert town.validation.contract.call("getVersion") == "2.0.0"


def test_validation_request_basic(town, agent):
    """Should create validation request."""
    request = next(NUMBERS).to_bytes(32, "big")
    receipt = town.validation.request(town.owner, town.other.address, agent, request, "u")
    (event,) = town.validation.contract.events_in(receipt)
    assert event.args == {
        "validatorAddress": town.other.address,
        "agentId": agent,
        "requestURI": "u",
        "requestHash": request,
    }


def test_validation_request_approved_operator(town, agent):
    town.identity.contract.transact(town.owner, "approve", town.wallet.address, agent)
    request = ask(town, agent, town.other, town.wallet)
    assert town.validation.of_agent(agent) == [request]


def test_validation_request_not_authorized(town, agent):
    """Should only allow agent owner to request validation."""
    with refused("not the agent's owner nor for it"):
        ask(town, agent, town.other, town.stranger)


def test_validation_request_nonexistent_agent(town):
    with refused("no such agent"):
        ask(town, 10**6, town.other)


def test_validation_request_duplicate_hash(town, agent, asked):
    """Should reject duplicate validation requests."""
    with refused("asked already"):
        town.validation.request(town.owner, town.stranger.address, agent, asked)


def test_validation_request_zero_validator(town, agent):
    with refused("no validator"):
        town.validation.request(town.owner, NOBODY, agent, b"z" * 32)


def test_validation_response_basic(town, agent, asked):
    """Should submit validation response."""
    digest = bytes(range(32))
    receipt = town.validation.respond(town.other, asked, 97, uri="u", digest=digest, tag="zk")
    (event,) = town.validation.contract.events_in(receipt)
    assert event.args == {
        "validatorAddress": town.other.address,
        "agentId": agent,
        "requestHash": asked,
        "response": 97,
        "responseURI": "u",
        "responseHash": digest,
        "tag": "zk",
    }


def test_validation_response_not_validator(town, asked):
    """Should only allow validator to respond."""
    for account in (town.owner, town.stranger):
        with refused("not its validator"):
            town.validation.respond(account, asked, 1)


def test_validation_response_over_100(town, asked):
    """Should reject response > 100."""
    with refused("more than 100"):
        args = (asked, 101, "", bytes(32), "")
        town.validation.contract.transact(town.other, "validationResponse", *args)
    with pytest.raises(InputError, match="from 0 to 100"):
        town.validation.respond(town.other, asked, 101)


def test_validation_response_unknown_request(town):
    with refused("no such request"):
        town.validation.respond(town.other, b"?" * 32, 1)


def test_validation_response_updatable(town, asked):
    """Should allow multiple validation responses for same request."""
    town.validation.respond(town.other, asked, 20, tag="soft")
    town.validation.respond(town.other, asked, 80, tag="hard")
    found = town.validation.status(asked)
    assert (found.response, found.tag) == (80, "hard")


def test_validation_response_update_verified(town, agent, asked):
    town.validation.respond(town.other, asked, 20, tag="soft", digest=b"a" * 32)
    town.validation.respond(town.other, asked, 10)
    found = town.validation.status(asked)
    assert (found.response, found.tag, found.digest) == (10, "", bytes(32))
    assert town.validation.summary(agent) == (1, 10), "an answer given again counts once"


@pytest.mark.parametrize("response", [0, 1, 42, 99, 100])
def test_validation_response_boundary_values(town, agent, asked, response):
    """Should accept response of 0 (failed); should accept intermediate response values."""
    town.validation.respond(town.other, asked, response)
    assert town.validation.summary(agent) == (1, response)


def test_get_validation_status(town, agent, asked):
    town.validation.respond(town.other, asked, 55, digest=b"d" * 32, tag="t" * 64)
    found = town.validation.status(asked)
    expected = Validation(town.other.address, agent, 55, b"d" * 32, "t" * 64, found.time)
    assert found == expected and found.time >= 1_700_000_000


def test_get_validation_status_unknown(town):
    with refused("no such request"):
        town.validation.status(b"?" * 32)


def test_get_validation_status_before_response(town, agent, asked):
    found = town.validation.status(asked)
    assert found == Validation(town.other.address, agent, 0, bytes(32), "", found.time)


def test_get_agent_validations(town, agent):
    assert town.validation.of_agent(agent) == []
    requests = [ask(town, agent, town.other), ask(town, agent, town.stranger)]
    assert town.validation.of_agent(agent) == requests


def test_get_validator_requests(town, agent):
    requests = [ask(town, agent, town.client), ask(town, town.agent(), town.client)]
    assert town.validation.of_validator(town.client.address) == requests


def test_get_summary_basic(town, agent):
    """Should get validation summary and track validations."""
    for response in (80, 91):
        town.validation.respond(town.other, ask(town, agent, town.other), response)
    assert town.validation.summary(agent) == (2, 85)


@pytest.fixture
def judged(town, agent):
    for validator, response, tag in (
        (town.other, 10, "zk"),
        (town.other, 30, "audit"),
        (town.stranger, 90, "zk"),
    ):
        town.validation.respond(validator, ask(town, agent, validator), response, tag=tag)
    return agent


def test_get_summary_filter_validators(town, judged):
    assert town.validation.summary(judged, [town.other.address]) == (2, 20)
    assert town.validation.summary(judged, [town.client.address]) == (0, 0)


def test_get_summary_filter_tag(town, judged):
    assert town.validation.summary(judged, tag="zk") == (2, 50)
    assert town.validation.summary(judged, tag="never said") == (0, 0)


def test_get_summary_combined_filters(town, judged):
    assert town.validation.summary(judged, [town.other.address], "audit") == (1, 30)


def test_get_summary_no_responses(town, agent, asked):
    assert town.validation.summary(agent) == (0, 0)


def test_get_summary_empty_agent(town):
    assert town.validation.summary(10**6) == (0, 0)
