"""What a transaction did, call by call, is what the chain itself did."""

import json
from pathlib import Path

import pytest

from counterpoise.chain import artifact_of, deploy, dev_account, open_chain
from counterpoise.chain.rpc.dispatch import Dispatcher
from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted

NEST = Path(__file__).parent / "contracts" / "Nest.vy"
ANN, BOB = dev_account(0), dev_account(1)
SEEN = keccak(b"Seen(uint256)")


@pytest.fixture(scope="module")
def world():
    chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
    artifact = artifact_of(NEST)
    inner = deploy(chain, ANN, artifact, bytes(20))
    outer = deploy(chain, ANN, artifact, inner.address)
    return chain, outer, inner


def trees(chain, receipt):
    return chain.call_trees(receipt.block_number)


def test_every_kind_of_call_is_told_with_who_called_what(world):
    chain, outer, inner = world
    receipt = outer.transact(BOB, "everything", value=5)
    (tree,) = trees(chain, receipt)
    assert (tree.kind, tree.sender, tree.to, tree.value) == ("CALL", BOB.address, outer.address, 5)
    kinds = [(call.kind, call.sender, call.to, call.value) for call in tree.calls]
    assert kinds == [
        ("CALL", outer.address, inner.address, 0),
        ("STATICCALL", outer.address, inner.address, 0),
        ("DELEGATECALL", outer.address, inner.address, 5),
        ("CALL", outer.address, inner.address, 0),
        ("CALL", outer.address, BOB.address, 5),
    ]
    assert tree.gas_used == receipt.gas_used
    assert [call.failed for call in tree.calls] == ["", "", "", "nest: on purpose", ""]


def test_writes_stand_between_the_calls_they_were_made_between(world):
    chain, outer, _ = world
    (tree,) = trees(chain, outer.transact(BOB, "everything"))
    assert tree.writes == (0, 1)
    assert [call.writes for call in tree.calls] == [(0,), (), (0,), (0,), ()]


def test_events_are_those_of_the_receipt(world):
    chain, outer, _ = world
    receipt = outer.transact(BOB, "everything")
    (tree,) = trees(chain, receipt)
    told = [event for call in tree.walk() for event in call.events]
    assert sorted((e.address, e.topics, e.data) for e in told) == sorted(
        (log.address, log.topics, log.data) for log in receipt.logs
    )
    assert [event.topics for event in tree.events] == [(SEEN,)]


def test_a_creation_names_what_it_created(world):
    chain, outer, _ = world
    (tree,) = trees(chain, outer.transact(BOB, "make"))
    (made,) = tree.calls
    assert made.kind == "CREATE" and chain.code(made.to) == made.output
    assert tree.output[12:] == made.to


def test_a_deployment_is_a_creation_by_its_sender(world):
    chain, _, _ = world
    contract = deploy(chain, BOB, artifact_of(NEST), bytes(20))
    (tree,) = chain.call_trees(chain.block().number)
    assert (tree.kind, tree.sender, tree.to) == ("CREATE", BOB.address, contract.address)


def test_transactions_of_one_block_see_one_another(world):
    chain, _, inner = world
    chain.automine = False
    try:
        for number in (3, 4, 5):
            fields = {"nonce": chain.nonce(ANN.address), "to": inner.address}
            fields |= {"data": inner.encode("leaf", number), "gas": 100_000, "value": 0}
            fees = chain.fees()
            fields |= {"max_fee": 2 * sum(fees), "tip": fees[1], "chain_id": chain.chain_id()}
            chain.send_raw(signed(ANN, fields))
        chain.mine()
    finally:
        chain.automine = True
    found = chain.call_trees(chain.block().number)
    assert [int.from_bytes(tree.output, "big") for tree in found] == [3, 4, 5]
    # The first writes over what stood there; the gas of each is the receipt's.
    receipts = [one.receipt for one in chain.transactions(chain.block().number)]
    assert [tree.gas_used for tree in found] == [receipt.gas_used for receipt in receipts]


def signed(account, fields):
    from counterpoise.chain import Transaction

    return account.sign_transaction(
        Transaction(
            chain_id=fields["chain_id"],
            nonce=fields["nonce"],
            max_fee=fields["max_fee"],
            tip=fields["tip"],
            gas=fields["gas"],
            to=fields["to"],
            value=0,
            data=fields["data"],
        )
    )


def test_a_transaction_that_reverted_has_a_tree_too(world):
    chain, _, inner = world
    with pytest.raises(Reverted):
        inner.transact(BOB, "fail", gas=100_000)
    (tree,) = chain.call_trees(chain.block().number)
    assert tree.failed == "nest: on purpose" and tree.writes == (0,)


def test_an_attempt_tells_what_would_happen_and_changes_nothing(world):
    chain, outer, inner = world
    outer.transact(BOB, "everything")
    head, balance = chain.block().hash, chain.balance(BOB.address)
    data = outer.encode("everything")
    first = chain.attempt(outer.address, data, sender=BOB.address, value=10**18)
    again = chain.attempt(outer.address, data, sender=BOB.address, value=10**18)
    assert first == again and first.calls[-1].value == 10**18
    assert (chain.block().hash, chain.balance(BOB.address)) == (head, balance)
    assert inner.call("look") == 7


def test_an_attempt_beyond_the_senders_means_is_refused(world):
    chain, outer, _ = world
    with pytest.raises(Reverted, match="the transaction"):
        chain.attempt(outer.address, b"", sender=b"\x55" * 20, value=1)


def rpc(chain, method, *params):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return json.loads(Dispatcher(chain).answer(json.dumps(body).encode()))


TRACER = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}


def test_nodes_methods_tell_the_same(world):
    chain, outer, _ = world
    receipt = outer.transact(BOB, "everything", value=5)
    digest = f"0x{receipt.tx_hash.hex()}"
    one = rpc(chain, "debug_traceTransaction", digest, TRACER)["result"]
    (block,) = rpc(chain, "debug_traceBlockByNumber", hex(receipt.block_number), TRACER)["result"]
    assert block == {"txHash": digest, "result": one}
    assert [call["type"] for call in one["calls"]][:3] == ["CALL", "STATICCALL", "DELEGATECALL"]
    assert one["calls"][3]["error"] == "nest: on purpose"
    assert one["logs"][0]["topics"] == [f"0x{SEEN.hex()}"]
    fields = {"from": f"0x{BOB.address.hex()}", "to": f"0x{outer.address.hex()}"}
    fields |= {"data": f"0x{outer.encode('everything').hex()}", "value": "0x5"}
    tried = rpc(chain, "debug_traceCall", fields, "latest", TRACER)["result"]
    assert [call["type"] for call in tried["calls"]] == [call["type"] for call in one["calls"]]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (["0x" + "11" * 32, TRACER], "transaction not found"),
        (["0x" + "11" * 32], "callTracer"),
        (["0x" + "11" * 32, {"tracer": "prestateTracer"}], "callTracer"),
    ],
)
def test_what_cannot_be_traced_is_refused_in_words(world, params, words):
    answer = rpc(world[0], "debug_traceTransaction", *params)
    assert words in answer["error"]["message"]
