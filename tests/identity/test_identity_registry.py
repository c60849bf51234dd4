"""The registry of agents, by the acceptance names of ERC-8004's implementations."""

from pathlib import Path

import pytest

from counterpoise.chain import artifact_of, deploy
from counterpoise.core.errors import InputError, Reverted

NOBODY = bytes(20)
NOW = 1_700_000_000
CONTRACTS = Path(__file__).parent / "contracts"


@pytest.fixture(scope="module")
def code_wallet(town):
    return deploy(town.chain, town.owner, artifact_of(CONTRACTS / "CodeWallet.vy"))


def events(town, receipt):
    return [(e.name, e.args) for e in town.identity.contract.events_in(receipt)]


def transact(town, account, name, *args):
    return town.identity.contract.transact(account, name, *args)


def refused(reason):
    return pytest.raises(Reverted, match=reason)


def test_register_no_args(town):
    """Should default agentWallet to owner on register()."""
    agent = town.identity.agent(town.identity.register(town.owner))
    assert (agent.owner, agent.wallet, agent.uri) == (town.owner.address, town.owner.address, "")


def test_register_with_uri(town):
    """Should register an agent with tokenURI; should default agentWallet to owner."""
    agent = town.identity.agent(town.identity.register(town.owner, "ipfs://one"))
    assert (agent.uri, agent.wallet) == ("ipfs://one", town.owner.address)


def test_register_rejects_agent_wallet_key(town):
    """Should block setting reserved 'agentWallet' key via register with metadata."""
    with refused("agentWallet is reserved"):
        town.identity.register(town.owner, "u", {"agentWallet": b"x" * 20})


def test_register_increments_id(town):
    """Should auto-increment agentId."""
    first = town.agent()
    assert [town.agent(), town.agent()] == [first + 1, first + 2]


def test_register_event_order(town):
    receipt = transact(town, town.owner, "register", "u", [("k", b"v")])
    names = [name for name, _ in events(town, receipt)]
    assert names == ["Transfer", "MetadataSet", "MetadataSet", "Registered"]


def test_register_with_metadata_events(town):
    """Should register with metadata array; should default agentWallet to owner with one."""
    receipt = transact(town, town.owner, "register", "u", [("k", b"v"), ("l", b"w")])
    found = [args for name, args in events(town, receipt) if name == "MetadataSet"]
    assert [args["metadataKey"] for args in found] == ["agentWallet", "k", "l"]
    assert [args["metadataValue"] for args in found] == [town.owner.address, b"v", b"w"]
    agent = found[0]["agentId"]
    assert town.identity.metadata(agent, "l") == b"w"
    assert town.identity.agent(agent).wallet == town.owner.address


def test_set_agent_uri(town):
    """Should allow owner to update tokenURI; should register without one and set it later."""
    agent = town.agent()
    found = dict(events(town, town.identity.set_uri(town.owner, agent, "https://two")))
    assert town.identity.agent(agent).uri == "https://two"
    assert found["MetadataUpdate"] == {"_tokenId": agent}
    expected = {"agentId": agent, "newURI": "https://two", "updatedBy": town.owner.address}
    assert found["URIUpdated"] == expected


@pytest.mark.parametrize("uri", ["ipfs://x", "https://x.org/a.json", "data:application/json,{}"])
def test_support_for_different_uri_schemes(town, uri):
    """Should support different URI schemes for tokenURI."""
    assert town.identity.agent(town.agent(uri)).uri == uri


def test_set_agent_uri_access_control(town):
    agent = town.agent()
    with refused("not the owner nor for it"):
        town.identity.set_uri(town.stranger, agent, "u")


def test_token_uri_nonexistent(town):
    with refused("no such agent"):
        town.identity.contract.call("tokenURI", 10**6)
    with pytest.raises(InputError, match="no agent 1000000"):
        town.identity.agent(10**6)


def test_token_uri_returns_stored_value(town):
    assert town.identity.contract.call("tokenURI", town.agent("u" * 2048)) == "u" * 2048


def test_set_metadata(town):
    """Should set and get metadata."""
    agent = town.agent()
    town.identity.set_metadata(town.owner, agent, "k", b"v" * 1024)
    town.identity.set_metadata(town.owner, agent, "k", b"w")
    assert town.identity.metadata(agent, "k") == b"w"


def test_set_metadata_emits_event(town):
    agent = town.agent()
    ((name, args),) = events(town, town.identity.set_metadata(town.owner, agent, "k", b"v"))
    assert (name, args["agentId"], args["metadataKey"]) == ("MetadataSet", agent, "k")
    assert args["metadataValue"] == b"v"


def test_set_metadata_rejects_agent_wallet(town):
    """Should block setting reserved 'agentWallet' key via setMetadata."""
    agent = town.agent()
    with refused("agentWallet is reserved"):
        town.identity.set_metadata(town.owner, agent, "agentWallet", b"x")


def test_set_metadata_access_control(town):
    """Should only allow owner to set metadata."""
    agent = town.agent()
    with refused("not the owner nor for it"):
        town.identity.set_metadata(town.stranger, agent, "k", b"v")


def test_get_metadata_default(town):
    assert town.identity.metadata(town.agent(), "nothing") == b""


def test_get_metadata_agent_wallet(town):
    assert town.identity.metadata(town.agent(), "agentWallet") == town.owner.address


def test_get_metadata_agent_wallet_after_unset(town):
    agent = town.agent()
    town.identity.unset_wallet(town.owner, agent)
    assert town.identity.metadata(agent, "agentWallet") == b""


def test_get_agent_wallet_after_register(town):
    """Should return zero address for getAgentWallet on non-existent token."""
    assert town.identity.contract.call("getAgentWallet", town.agent()) == town.owner.address
    assert town.identity.contract.call("getAgentWallet", 10**6) == NOBODY


def set_wallet(town, agent, signer=None, *, deadline=NOW + 200, wallet=None, account=None):
    wallet = wallet or town.wallet.address
    consent = town.identity.consent(signer or town.wallet, agent, deadline)
    return town.identity.set_wallet(account or town.owner, agent, wallet, deadline, consent)


def test_set_agent_wallet_eoa(town):
    """Should set and get agentWallet with EOA signature."""
    agent = town.agent()
    ((_, args),) = events(town, set_wallet(town, agent))
    assert town.identity.agent(agent).wallet == town.wallet.address
    assert town.identity.metadata(agent, "agentWallet") == town.wallet.address
    assert args["metadataValue"] == town.wallet.address


def test_a_wallet_of_code_consents_by_erc_1271(town, code_wallet):
    agent = town.agent()
    deadline = NOW + 100
    yes, no = b"yes", b"no"
    for consent in (no, b"", b"long answer", b"reverts"):
        with refused("the wallet has not consented"):
            town.identity.set_wallet(town.owner, agent, code_wallet.address, deadline, consent)
    town.identity.set_wallet(town.owner, agent, code_wallet.address, deadline, yes)
    assert town.identity.agent(agent).wallet == code_wallet.address


def test_set_agent_wallet_expired_deadline(town):
    """Should reject setAgentWallet with expired deadline."""
    agent = town.agent()
    with refused("the consent is too old"):
        set_wallet(town, agent, deadline=NOW - 1000)


def test_set_agent_wallet_deadline_too_far(town):
    """Should reject setAgentWallet with deadline too far in future."""
    agent = town.agent()
    with refused("reaches too far ahead"):
        set_wallet(town, agent, deadline=NOW + 3600)


def test_set_agent_wallet_wrong_signer(town):
    """Should reject setAgentWallet with invalid signature."""
    agent, other = town.agent(), town.agent()
    with refused("the wallet has not consented"):
        set_wallet(town, agent, town.stranger)
    consent = town.identity.consent(town.wallet, other, NOW + 200)
    with refused("the wallet has not consented"):
        town.identity.set_wallet(town.owner, agent, town.wallet.address, NOW + 200, consent)


def test_set_agent_wallet_access_control(town):
    """Should reject setAgentWallet from unauthorized caller."""
    agent = town.agent()
    with refused("not the owner nor for it"):
        set_wallet(town, agent, account=town.stranger)


def test_set_agent_wallet_zero_address(town):
    agent = town.agent()
    with refused("no wallet"):
        set_wallet(town, agent, wallet=NOBODY)


def test_unset_agent_wallet(town):
    agent = town.agent()
    set_wallet(town, agent)
    ((_, args),) = events(town, town.identity.unset_wallet(town.owner, agent))
    assert args["metadataValue"] == b"" and town.identity.agent(agent).wallet == NOBODY


def test_unset_agent_wallet_access_control(town):
    agent = town.agent()
    with refused("not the owner nor for it"):
        town.identity.unset_wallet(town.stranger, agent)


def test_transfer_clears_wallet(town):
    """Should clear agentWallet on transfer."""
    agent = town.agent()
    set_wallet(town, agent)
    found = events(town, town.identity.transfer(town.owner, agent, town.other.address))
    assert [name for name, _ in found] == ["Transfer", "MetadataSet"]
    assert found[1][1]["metadataValue"] == b""
    moved = town.identity.agent(agent)
    assert (moved.owner, moved.wallet) == (town.other.address, NOBODY)
    standings = town.identity.standings(agent)
    assert standings[-1].wallet == NOBODY
    assert standings[0].owner == town.owner.address


def test_safe_transfer_clears_wallet(town):
    agent = town.agent()
    transact(town, town.owner, "safeTransferFrom", town.owner.address, town.other.address, agent)
    assert town.identity.agent(agent).wallet == NOBODY


def test_transfer_access_control(town):
    agent = town.agent()
    with refused("not the owner nor for it"):
        town.identity.transfer(town.stranger, agent, town.stranger.address)
    with refused("not the owner's to give"):
        transact(town, town.owner, "transferFrom", town.other.address, town.other.address, agent)
    with refused("to nobody"):
        town.identity.transfer(town.owner, agent, NOBODY)


def test_safe_transfer_with_data(town, code_wallet):
    agent = town.agent()
    call = ("safeTransferFrom", town.owner.address, code_wallet.address, agent)
    with refused("the receiver takes no tokens"):
        transact(town, town.owner, *call, b"no")
    transact(town, town.owner, *call, b"yes")
    assert town.identity.agent(agent).owner == code_wallet.address
    assert code_wallet.call("seen") == code_wallet.address, "it may look while it is being given"


def test_transfer_preserves_metadata(town):
    agent = town.identity.register(town.owner, "u", {"k": b"v"})
    town.identity.transfer(town.owner, agent, town.other.address)
    assert town.identity.metadata(agent, "k") == b"v" and town.identity.agent(agent).uri == "u"


def authorized(town, account, agent):
    return town.identity.contract.call("isAuthorizedOrOwner", account.address, agent)


def test_is_authorized_or_owner_owner(town):
    assert authorized(town, town.owner, town.agent())


def test_is_authorized_or_owner_approved(town):
    agent = town.agent()
    transact(town, town.owner, "approve", town.other.address, agent)
    assert authorized(town, town.other, agent)
    assert town.identity.contract.call("getApproved", agent) == town.other.address
    town.identity.transfer(town.other, agent, town.client.address)
    assert not authorized(town, town.other, agent), "an approval ends with the transfer"
    assert town.identity.contract.call("getApproved", agent) == NOBODY


def test_an_approval_can_be_taken_back(town):
    agent = town.agent()
    with refused("only the owner approves"):
        transact(town, town.other, "approve", town.other.address, agent)
    transact(town, town.owner, "approve", town.other.address, agent)
    transact(town, town.owner, "approve", NOBODY, agent)
    assert not authorized(town, town.other, agent)


def test_is_authorized_or_owner_operator(town):
    agent = town.identity.register(town.client)
    transact(town, town.client, "setApprovalForAll", town.other.address, True)
    assert authorized(town, town.other, agent)
    pair = (town.client.address, town.other.address)
    assert town.identity.contract.call("isApprovedForAll", *pair)
    transact(town, town.other, "approve", town.stranger.address, agent)
    transact(town, town.client, "setApprovalForAll", town.other.address, False)
    assert not authorized(town, town.other, agent)
    with refused("no operator"):
        transact(town, town.client, "setApprovalForAll", NOBODY, True)


def test_is_authorized_or_owner_stranger(town):
    assert not authorized(town, town.stranger, town.agent())
    with refused("no such agent"):
        authorized(town, town.stranger, 10**6)


def test_balances_follow_every_move(town):
    start = town.identity.contract.call("balanceOf", town.wallet.address)
    agent = town.agent()
    town.identity.transfer(town.owner, agent, town.wallet.address)
    town.identity.transfer(town.wallet, agent, town.wallet.address)
    assert town.identity.contract.call("balanceOf", town.wallet.address) == start + 1
    with refused("nobody owns nothing"):
        town.identity.contract.call("balanceOf", NOBODY)


def test_get_version(town):
    assert town.identity.contract.call("getVersion") == "2.0.0"


def test_the_token_tells_what_it_is(town):
    call = town.identity.contract.call
    assert (call("name"), call("symbol")) == ("AgentIdentity", "AGENT")
    faces = ["01ffc9a7", "80ac58cd", "5b5e139f", "49064906", "ffffffff"]
    found = [call("supportsInterface", bytes.fromhex(face)) for face in faces]
    assert found == [True] * 4 + [False]
    fields, *domain, salt, extensions = call("eip712Domain")
    known = town.identity.domain()
    assert domain == [known.name, known.version, known.chain_id, known.contract]
    assert (fields, salt, extensions) in (
        (b"\x0f", bytes(32), ()),
        (b"\x0f", bytes(32), []),
    )
