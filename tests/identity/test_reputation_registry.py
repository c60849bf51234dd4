"""The registry of feedback, by the acceptance names of ERC-8004's implementations."""

import random

import pytest

from counterpoise.chain import deploy
from counterpoise.core.errors import InputError, Reverted
from counterpoise.identity import Entry, Mean, plain_mean

NOBODY = bytes(20)
ANY = ("", "")


@pytest.fixture
def agent(town):
    return town.agent()


def raw(town, account, agent, value, decimals=0, tags=ANY):
    args = (agent, value, decimals, *tags, "", "", bytes(32))
    return town.reputation.contract.transact(account, "giveFeedback", *args)


def read_all(town, agent, clients=(), tags=ANY, revoked=False):
    args = (agent, list(clients), *tags, revoked)
    return list(zip(*town.reputation.contract.call("readAllFeedback", *args), strict=True))


def refused(reason):
    return pytest.raises(Reverted, match=reason)


def test_get_identity_registry(town):
    """Should return the identity registry address."""
    assert town.reputation.contract.call("getIdentityRegistry") == town.identity.address
    with refused("the registry of agents is no contract"):
        deploy(town.chain, town.owner, "ReputationRegistry", NOBODY)


def test_get_version(town):
    assert town.reputation.contract.call("getVersion") == "2.0.0"


def test_give_feedback_basic(town, agent):
    """Should give feedback to an agent."""
    digest = bytes(range(32))
    receipt = town.reputation.give(
        town.client, agent, -955, decimals=1, tags=("a", "b"), endpoint="e", uri="u", digest=digest
    )
    (event,) = town.reputation.contract.events_in(receipt)
    args = event.args
    assert (args["agentId"], args["clientAddress"], args["feedbackIndex"]) == (
        agent,
        town.client.address,
        1,
    )
    assert (args["value"], args["valueDecimals"], args["tag1"], args["tag2"]) == (-955, 1, "a", "b")
    found = (args["endpoint"], args["feedbackURI"], args["feedbackHash"])
    assert found == ("e", "u", digest)


def test_give_feedback_tracks_client(town, agent):
    """Should return list of clients who gave feedback."""
    assert town.reputation.clients(agent) == []
    raw(town, town.client, agent, 1)
    assert town.reputation.clients(agent) == [town.client.address]


def test_give_feedback_increments_index(town, agent):
    """Should track multiple feedbacks from same client."""
    for at in (1, 2, 3):
        raw(town, town.client, agent, at)
        assert town.reputation.count(agent, town.client.address) == at
    assert [e.value for e in town.reputation.entries(agent)] == [1, 2, 3]


def test_give_feedback_nonexistent_agent(town):
    """Should reject feedback for non-existent agent."""
    with refused("no such agent"):
        raw(town, town.client, 10**6, 1)


def test_give_feedback_with_optional_params(town, agent):
    raw(town, town.client, agent, 0)
    entry = town.reputation.entry(agent, town.client.address, 1)
    assert entry == Entry(town.client.address, 1, 0, 0)


@pytest.mark.parametrize("value", [0, 100, 101, 10**38, -(10**38)])
def test_give_feedback_value_at_positive_boundary(town, agent, value):
    """Should accept score of 0; of 100; and whatever else lies within 1e38 either way."""
    raw(town, town.client, agent, value)
    assert town.reputation.entry(agent, town.client.address, 1).value == value


test_give_feedback_value_at_negative_boundary = test_give_feedback_value_at_positive_boundary


@pytest.mark.parametrize("value", [10**38 + 1, -(10**38) - 1])
def test_give_feedback_value_over_positive_boundary(town, agent, value):
    with refused("value beyond 1e38"):
        raw(town, town.client, agent, value)
    with pytest.raises(InputError, match="at most 1e38"):
        town.reputation.give(town.client, agent, value)


test_give_feedback_value_under_negative_boundary = test_give_feedback_value_over_positive_boundary


def test_give_feedback_decimals_18_ok(town, agent):
    raw(town, town.client, agent, 5, 18)
    assert town.reputation.entry(agent, town.client.address, 1).decimals == 18


def test_give_feedback_decimals_19_reverts(town, agent):
    with refused("more than 18 decimals"):
        raw(town, town.client, agent, 5, 19)


def test_give_feedback_self_owner_reverts(town, agent):
    with refused("nobody rates itself"):
        raw(town, town.owner, agent, 100)


def test_give_feedback_self_approved_reverts(town, agent):
    town.identity.contract.transact(town.owner, "approve", town.other.address, agent)
    with refused("nobody rates itself"):
        raw(town, town.other, agent, 100)


def test_give_feedback_self_operator_reverts(town, agent):
    change = ("setApprovalForAll", town.wallet.address)
    town.identity.contract.transact(town.owner, *change, True)
    with refused("nobody rates itself"):
        raw(town, town.wallet, agent, 100)
    town.identity.contract.transact(town.owner, *change, False)


def test_revoke_feedback(town, agent):
    """Should revoke feedback."""
    raw(town, town.client, agent, 1)
    receipt = town.reputation.revoke(town.client, agent, 1)
    (event,) = town.reputation.contract.events_in(receipt)
    assert (event.name, event.args["feedbackIndex"]) == ("FeedbackRevoked", 1)
    assert town.reputation.entry(agent, town.client.address, 1).revoked
    assert town.reputation.entries(agent)[0].revoked


def test_revoke_feedback_wrong_client(town, agent):
    raw(town, town.client, agent, 1)
    with refused("no such feedback"):
        town.reputation.revoke(town.other, agent, 1)


def test_revoke_feedback_already_revoked(town, agent):
    raw(town, town.client, agent, 1)
    town.reputation.revoke(town.client, agent, 1)
    with refused("revoked already"):
        town.reputation.revoke(town.client, agent, 1)


@pytest.mark.parametrize("index", [0, 2])
def test_revoke_feedback_nonexistent(town, agent, index):
    raw(town, town.client, agent, 1)
    with refused("no such feedback"):
        town.reputation.revoke(town.client, agent, index)


def test_append_response_basic(town, agent):
    """Should append response to feedback."""
    raw(town, town.client, agent, 1)
    answer = (town.client.address, 1, "u", bytes(range(32)))
    receipt = town.reputation.respond(town.owner, agent, *answer)
    (event,) = town.reputation.contract.events_in(receipt)
    assert (event.name, event.args["responder"]) == ("ResponseAppended", town.owner.address)
    assert (event.args["responseURI"], event.args["responseHash"]) == answer[2:]


def test_append_response_anyone(town, agent):
    raw(town, town.client, agent, 1)
    town.reputation.respond(town.stranger, agent, town.client.address, 1)
    assert town.reputation.responses(agent, town.client.address, 1) == 1


def test_append_response_same_responder_allowed(town, agent):
    """Should allow multiple responses from same responder to same feedback."""
    raw(town, town.client, agent, 1)
    for _ in range(3):
        town.reputation.respond(town.owner, agent, town.client.address, 1)
    found = town.reputation.responses(agent, town.client.address, 1, [town.owner.address])
    assert found == town.reputation.responses(agent, town.client.address, 1) == 3


def test_append_response_empty_uri_allowed(town, agent):
    raw(town, town.client, agent, 1)
    town.reputation.respond(town.owner, agent, town.client.address, 1, "")
    assert town.reputation.responses(agent) == 1


@pytest.mark.parametrize("index", [0, 2])
def test_append_response_nonexistent_feedback(town, agent, index):
    raw(town, town.client, agent, 1)
    with refused("no such feedback"):
        town.reputation.respond(town.owner, agent, town.client.address, index)


def test_append_response_revoked_feedback_allowed(town, agent):
    """Should allow responses to revoked feedback."""
    raw(town, town.client, agent, 7, 2, ("x", "y"))
    town.reputation.revoke(town.client, agent, 1)
    town.reputation.respond(town.owner, agent, town.client.address, 1)
    entry = town.reputation.entry(agent, town.client.address, 1)
    assert entry == Entry(town.client.address, 1, 7, 2, ("x", "y"), True), "nothing else moved"


@pytest.fixture
def answered(town, agent):
    """Two of the client, one of another; responses 2 + 1 and 1, by two responders."""
    for account in (town.client, town.client, town.other):
        raw(town, account, agent, 1)
    for who, client, index in (
        (town.owner, town.client, 1),
        (town.stranger, town.client, 1),
        (town.owner, town.client, 2),
        (town.owner, town.other, 1),
    ):
        town.reputation.respond(who, agent, client.address, index)
    return agent


def test_append_response_multiple_responders(town, answered):
    """Should filter response count by specific responders."""
    both = [town.owner.address, town.stranger.address]
    client = town.client.address
    assert town.reputation.responses(answered, client, 1, both) == 2
    assert town.reputation.responses(answered, client, 1, both[:1]) == 1
    assert town.reputation.responses(answered, responders=both[:1]) == 3


def test_get_response_count_default(town, agent):
    assert town.reputation.responses(agent) == 0
    assert town.reputation.responses(agent, town.client.address, 5) == 0


def test_get_response_count_specific_feedback(town, answered):
    """Should count responses for specific feedback; should store responses and count them."""
    assert town.reputation.responses(answered, town.client.address, 2) == 1


def test_get_response_count_all_feedback_for_client(town, answered):
    """Should count responses for specific client."""
    assert town.reputation.responses(answered, town.client.address) == 3


def test_get_response_count_all_clients(town, answered):
    """Should count all responses for all feedbacks from all clients."""
    assert town.reputation.responses(answered) == 4


def test_read_feedback(town, agent):
    """Should read specific feedback by index."""
    raw(town, town.client, agent, -3, 1, ("t" * 64, "u"))
    found = town.reputation.contract.call("readFeedback", agent, town.client.address, 1)
    assert found == (-3, 1, "t" * 64, "u", False)


def test_read_feedback_revoked(town, agent):
    raw(town, town.client, agent, 1)
    town.reputation.revoke(town.client, agent, 1)
    assert town.reputation.contract.call("readFeedback", agent, town.client.address, 1)[-1] is True


def test_read_feedback_invalid_index_zero(town, agent):
    with refused("no such feedback"):
        town.reputation.entry(agent, town.client.address, 0)


def test_read_feedback_invalid_index_oob(town, agent):
    """Should reject reading feedback with out of bounds index."""
    raw(town, town.client, agent, 1)
    with refused("no such feedback"):
        town.reputation.entry(agent, town.client.address, 2)


@pytest.fixture
def rated(town, agent):
    raw(town, town.client, agent, 80, 0, ("speed", "eu"))
    raw(town, town.client, agent, 90, 0, ("price", "eu"))
    raw(town, town.other, agent, 955, 1, ("speed", "us"))
    town.reputation.revoke(town.client, agent, 2)
    return agent


def test_read_all_feedback_no_filter(town, rated):
    """Should read all feedback; should filter with empty string wildcard in readAllFeedback."""
    assert read_all(town, rated) == [
        (town.client.address, 1, 80, 0, "speed", "eu", False),
        (town.other.address, 1, 955, 1, "speed", "us", False),
    ]


def test_read_all_feedback_client_filter(town, rated):
    assert [row[2] for row in read_all(town, rated, [town.other.address])] == [955]


def test_read_all_feedback_tag1_filter(town, rated):
    """Should read all feedback with filters."""
    assert [row[2] for row in read_all(town, rated, tags=("speed", "us"))] == [955]
    assert read_all(town, rated, tags=("never said", "")) == []


def test_read_all_feedback_include_revoked(town, rated):
    rows = read_all(town, rated, revoked=True)
    assert [(row[2], row[6]) for row in rows] == [(80, False), (90, True), (955, False)]


def test_get_summary_basic(town, agent):
    """Should calculate summary with average score."""
    for value in (80, 90, 101):
        raw(town, town.client, agent, value)
    assert town.reputation.summary(agent, [town.client.address]) == Mean(3, 90, 0)


def test_get_summary_with_revoked(town, rated):
    assert town.reputation.summary(rated, [town.client.address]) == Mean(1, 80, 0)


def test_get_summary_decimal_normalization(town, rated):
    clients = [town.client.address, town.other.address]
    assert town.reputation.summary(rated, clients) == Mean(2, 87, 0), "a tie goes to fewer decimals"
    raw(town, town.other, rated, 1, 1)
    assert town.reputation.summary(rated, clients) == Mean(3, 585, 1)


def test_get_summary_requires_client_addresses(town, rated):
    with refused("name the clients that count"):
        town.reputation.summary(rated, [])


def test_get_summary_zero_count(town, agent):
    assert town.reputation.summary(agent, [town.client.address]) == Mean(0, 0, 0)


def test_get_summary_filters_by_tags(town, rated):
    """Should filter summary by tags; with empty string wildcard for tag1; tag2; both."""
    clients = [town.client.address, town.other.address]
    for tags, value in ((("speed", "us"), 955), (("", "eu"), 80), (("speed", ""), 87)):
        assert town.reputation.summary(rated, clients, tags).value == value
    assert town.reputation.summary(rated, clients, ("never", "")) == Mean(0, 0, 0)


def test_get_clients(town, agent):
    """Should return correct list of unique clients via getClients."""
    for account in (town.other, town.client, town.other, town.stranger, town.client):
        raw(town, account, agent, 1)
    expected = [town.other.address, town.client.address, town.stranger.address]
    assert town.reputation.clients(agent) == expected


def test_get_last_index(town, agent):
    """Should return 0 for getLastIndex when client has no feedback; should track it after."""
    assert town.reputation.count(agent, town.client.address) == 0
    raw(town, town.client, agent, 1)
    raw(town, town.client, agent, 1)
    assert town.reputation.count(agent, town.client.address) == 2


def test_a_mean_that_fits_no_int128_is_refused(town, agent):
    raw(town, town.client, agent, 10**38)
    raw(town, town.client, agent, 0, 18)
    raw(town, town.client, agent, 0, 18)
    with refused("beyond int128"):
        town.reputation.summary(agent, [town.client.address])


def test_the_contract_agrees_with_the_rules_for_every_history(town):
    """Any order of ratings, revocations and responses: storage, log and rules say the same."""
    draw = random.Random(8004)
    agent, people = town.agent(), [town.client, town.other, town.stranger]
    known: dict[tuple[bytes, int], Entry] = {}
    for _ in range(60):
        who = draw.choice(people)
        mine = [entry for entry in known.values() if entry.client == who.address]
        act = draw.choice(["give", "give", "give", "revoke", "respond"])
        if act == "give" or not mine:
            value, decimals = draw.randint(-(10**6), 10**6), draw.choice([0, 0, 2, 2, 18])
            tags = (draw.choice(["", "speed", "price"]), draw.choice(["", "eu"]))
            raw(town, who, agent, value, decimals, tags)
            entry = Entry(who.address, len(mine) + 1, value, decimals, tags)
            known[entry.client, entry.index] = entry
            continue
        entry = draw.choice(mine)
        if act == "respond":
            town.reputation.respond(town.owner, agent, who.address, entry.index)
        elif not entry.revoked:
            town.reputation.revoke(who, agent, entry.index)
            fields = (entry.client, entry.index, entry.value, entry.decimals, entry.tags)
            known[entry.client, entry.index] = Entry(*fields, True)
    for key, entry in known.items():
        assert town.reputation.entry(agent, *key) == entry
    logged = town.reputation.entries(agent)
    assert [(e.client, e.index, e.value, e.revoked) for e in logged] == [
        (e.client, e.index, e.value, e.revoked) for e in known.values()
    ]
    everyone = [account.address for account in people]
    for tags in (ANY, ("speed", ""), ("", "eu"), ("price", "eu")):
        for some in (everyone, everyone[:1], everyone[1:]):
            ours = plain_mean([e for e in known.values() if e.client in some], tags)
            assert town.reputation.summary(agent, some, tags) == ours


def test_a_client_that_changes_its_tags_and_comes_back_is_kept_right(town, agent):
    """The tags that a client used last are remembered; others are looked up."""
    pairs = [("a", "b"), ("a", "b"), ("b", "a"), ("", ""), ("", ""), ("a", "b"), ("ab", "")]
    for tags in pairs:
        raw(town, town.client, agent, 7, 0, tags)
    raw(town, town.other, agent, 7, 0, ("b", "a"))
    found = [town.reputation.entry(agent, town.client.address, n + 1).tags for n in range(7)]
    assert found == pairs
    assert town.reputation.entry(agent, town.other.address, 1).tags == ("b", "a")


def test_a_rating_with_file_and_endpoint_costs_at_most_70_000_gas(town, agent):
    """By receipt, of a client that rates again with the tags that it used before."""
    file = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
    texts = {"endpoint": "https://agent.example/v1", "uri": file, "digest": b"\7" * 32}
    give = lambda: town.reputation.give(  # noqa: E731
        town.client, agent, 955, decimals=1, tags=("quality", "latency"), **texts
    )
    give()
    assert give().gas_used <= 70_000
