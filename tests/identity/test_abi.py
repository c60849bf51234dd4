"""The registries have the ABI of ERC-8004's reference, without its upgrades."""

import pytest

from counterpoise.chain import artifact
from counterpoise.chain.abi import type_of

# What the reference declares: names and types, by kind. Upgrades are left out, as are the events
# ERC721's and EIP-5267's base contracts declare and nothing ever emits.
IDENTITY = """
approve(address,uint256) balanceOf(address) eip712Domain() getAgentWallet(uint256)
getApproved(uint256) getMetadata(uint256,string) getVersion() isApprovedForAll(address,address)
name() ownerOf(uint256) register() register(string) register(string,(string,bytes)[])
safeTransferFrom(address,address,uint256) safeTransferFrom(address,address,uint256,bytes)
setAgentURI(uint256,string) setAgentWallet(uint256,address,uint256,bytes)
setApprovalForAll(address,bool) setMetadata(uint256,string,bytes) supportsInterface(bytes4)
symbol() tokenURI(uint256) transferFrom(address,address,uint256) unsetAgentWallet(uint256)
isAuthorizedOrOwner(address,uint256)
"""
IDENTITY_EVENTS = """
Approval(address*,address*,uint256*) ApprovalForAll(address*,address*,bool)
MetadataSet(uint256*,string*,string,bytes) MetadataUpdate(uint256)
Registered(uint256*,string,address*) Transfer(address*,address*,uint256*)
URIUpdated(uint256*,string,address*)
"""
REPUTATION = """
appendResponse(uint256,address,uint64,string,bytes32) getClients(uint256) getIdentityRegistry()
getLastIndex(uint256,address) getResponseCount(uint256,address,uint64,address[])
getSummary(uint256,address[],string,string) getVersion()
giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)
readAllFeedback(uint256,address[],string,string,bool) readFeedback(uint256,address,uint64)
revokeFeedback(uint256,uint64)
"""
REPUTATION_EVENTS = """
FeedbackRevoked(uint256*,address*,uint64*)
NewFeedback(uint256*,address*,uint64,int128,uint8,string*,string,string,string,string,bytes32)
ResponseAppended(uint256*,address*,uint64,address*,string,bytes32)
"""
VALIDATION = """
getAgentValidations(uint256) getIdentityRegistry() getSummary(uint256,address[],string)
getValidationStatus(bytes32) getValidatorRequests(address) getVersion()
validationRequest(address,uint256,string,bytes32)
validationResponse(bytes32,uint8,string,bytes32,string)
"""
VALIDATION_EVENTS = """
ValidationRequest(address*,uint256*,string,bytes32*)
ValidationResponse(address*,uint256*,bytes32*,uint8,string,bytes32,string)
"""
OUTPUTS = {
    "getSummary(uint256,address[],string,string)": "uint64,int128,uint8",
    "readFeedback(uint256,address,uint64)": "int128,uint8,string,string,bool",
    "readAllFeedback(uint256,address[],string,string,bool)": (
        "address[],uint64[],int128[],uint8[],string[],string[],bool[]"
    ),
    "getResponseCount(uint256,address,uint64,address[])": "uint64",
    "getSummary(uint256,address[],string)": "uint64,uint8",
    "getValidationStatus(bytes32)": "address,uint256,uint8,bytes32,string,uint256",
    "getMetadata(uint256,string)": "bytes",
    "eip712Domain()": "bytes1,string,string,uint256,address,bytes32,uint256[]",
    "getClients(uint256)": "address[]",
    "getAgentValidations(uint256)": "bytes32[]",
    "register()": "uint256",
    "isAuthorizedOrOwner(address,uint256)": "bool",
}


def _signature(entry):
    parts = [type_of(p) + "*" * bool(p.get("indexed")) for p in entry["inputs"]]
    return f"{entry['name']}({','.join(parts)})"


@pytest.mark.parametrize(
    ("name", "functions", "events"),
    [
        ("IdentityRegistry", IDENTITY, IDENTITY_EVENTS),
        ("ReputationRegistry", REPUTATION, REPUTATION_EVENTS),
        ("ValidationRegistry", VALIDATION, VALIDATION_EVENTS),
    ],
)
def test_a_registry_has_the_functions_and_events_of_the_reference(name, functions, events):
    abi = artifact(name).abi
    found = {_signature(e): e for e in abi if e["type"] == "function"}
    assert set(found) == set(functions.split())
    assert {_signature(e) for e in abi if e["type"] == "event"} == set(events.split())
    for signature in set(OUTPUTS) & set(found):
        assert ",".join(map(type_of, found[signature]["outputs"])) == OUTPUTS[signature]
    assert found["getVersion()"]["stateMutability"] == "pure"
    reads = {s for s, e in found.items() if e["stateMutability"] in ("view", "pure")}
    writes = ("register", "set", "approve", "transfer", "safe", "unset", "give", "revoke", "append")
    assert all(s.startswith((*writes, "validation")) == (s not in reads) for s in found)
