"""The published digests, three ways: our own code, eth_account's typed data, the contract."""

import json
from pathlib import Path

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data

from counterpoise.chain import open_chain
from counterpoise.core.units import parse_address
from counterpoise.payments import (
    BATCH_SETTLEMENT,
    ChannelConfig,
    ChannelsClient,
    Vouchers,
    batch_digest,
    channel_domain,
    place_contracts,
    refund_digest,
    voucher_digest,
)

VECTORS = {
    one["primaryType"]: one for one in json.loads(Path(__file__).with_name("x402.json").read_text())
}
CHAIN_ID = 84532
DOMAIN = channel_domain(CHAIN_ID)
NAMES = ("payer", "payerAuthorizer", "receiver", "receiverAuthorizer", "token")


def config():
    given = VECTORS["ChannelConfig"]["input"]
    salt = bytes.fromhex(given["salt"][2:])
    parties = [parse_address(given[name]) for name in NAMES]
    return ChannelConfig(*parties, given["withdrawDelay"], salt)


def own(kind):
    given = VECTORS[kind]["input"]
    channel = bytes.fromhex(given.get("channelId", "0x")[2:])
    if kind == "ChannelConfig":
        return config().id(DOMAIN)
    if kind == "Voucher":
        return voucher_digest(DOMAIN, channel, int(given["maxClaimableAmount"]))
    if kind == "Refund":
        return refund_digest(DOMAIN, channel, int(given["nonce"]), int(given["amount"]))
    entries = [
        (
            bytes.fromhex(row["channelId"][2:]),
            int(row["maxClaimableAmount"]),
            int(row["totalClaimed"]),
        )
        for row in given["claims"]
    ]
    return batch_digest(DOMAIN, entries)


@pytest.fixture(scope="module")
def contract():
    chain = open_chain("embedded:", chain_id=CHAIN_ID)
    place_contracts(chain)
    yield ChannelsClient(chain).contract
    chain.close()


def of_contract(contract, kind):
    given = VECTORS[kind]["input"]
    channel = bytes.fromhex(given.get("channelId", "0x")[2:])
    if kind == "ChannelConfig":
        return contract.call("getChannelId", config().values())
    if kind == "Voucher":
        return contract.call("getVoucherDigest", channel, int(given["maxClaimableAmount"]))
    if kind == "Refund":
        return contract.call("getRefundDigest", channel, int(given["nonce"]), int(given["amount"]))
    rows = [
        ((config().values(), int(row["maxClaimableAmount"])), b"", int(row["totalClaimed"]))
        for row in given["claims"]
    ]
    return contract.call("getClaimBatchDigest", rows)


def numbered(value):
    """The vectors write big integers as strings; typed data wants numbers."""
    if isinstance(value, dict):
        return {name: numbered(part) for name, part in value.items()}
    if isinstance(value, list):
        return [numbered(part) for part in value]
    return int(value) if isinstance(value, str) and value.isdecimal() else value


@pytest.mark.parametrize("kind", ["ChannelConfig", "Voucher", "ClaimBatch", "Refund"])
def test_a_published_digest_is_found_three_ways(contract, kind):
    vector = VECTORS[kind]
    wanted = bytes.fromhex(vector["expected_digest"][2:])
    assert own(kind) == wanted
    typed = encode_typed_data(vector["domain"], vector["types"], numbered(vector["input"]))
    assert bytes(_hash_eip191_message(typed)) == wanted
    assert of_contract(contract, kind) == wanted


def test_the_domain_is_the_published_one(contract):
    wanted = "fdef80764086b1e0fc6ba99f0cb9aa1d59109fda7c23d60334c89d2de44dffce"
    assert DOMAIN.separator().hex() == wanted
    fields, name, version, chain_id, place, salt, more = contract.call("eip712Domain")
    assert (fields, name, version) == (b"\x0f", DOMAIN.name, DOMAIN.version)
    assert (chain_id, place, salt, list(more)) == (CHAIN_ID, BATCH_SETTLEMENT, bytes(32), [])


def test_the_fast_path_gives_the_same_digests(accounts):
    fast, channel = Vouchers(DOMAIN), bytes(range(32))
    for ceiling in (0, 1, 10**18, 2**128 - 1):
        assert fast.digest(channel, ceiling) == voucher_digest(DOMAIN, channel, ceiling)
    voucher = fast.sign(accounts[3], channel, 5)
    assert fast.signer(voucher) == accounts[3].address
    fast.check(voucher, accounts[3].address)


def test_batches_of_many_rows_hash_as_the_contract_hashes_them(contract):
    rows = [((config().values(), 10 + i), b"", i) for i in range(100)]
    entries = [(config().id(DOMAIN), 10 + i, i) for i in range(100)]
    for size in (1, 2, 100):
        assert contract.call("getClaimBatchDigest", rows[:size]) == batch_digest(
            DOMAIN, entries[:size]
        )
