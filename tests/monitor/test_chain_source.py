"""A chain is followed block by block, with what calls did, through forks and restarts."""

import threading
from itertools import pairwise
from pathlib import Path

import pytest

from counterpoise.chain import artifact_of, deploy, dev_account, open_chain, send
from counterpoise.chain.rpc.server import RpcServer
from counterpoise.core.errors import ChainError, Unreachable
from counterpoise.monitor.blocks import NATIVE, transfers_of
from counterpoise.monitor.source import Place
from counterpoise.monitor.sources.chain import BATCH, ChainSource

NEST = Path(__file__).parents[1] / "chain" / "contracts" / "Nest.vy"
ANN, BOB = dev_account(0), dev_account(1)


def pay(chain, wei, sender=ANN, to=BOB):
    return send(chain, sender, to.address, b"", value=wei)


def drained(source):
    found = []
    while given := source.poll():
        found += given
    return found


def places(blocks):
    return [Place(block.number, block.hash) for block in blocks]


@pytest.fixture
def nested(chain):
    """A chain with a deployment, calls of every kind, payments and an empty block."""
    artifact = artifact_of(NEST)
    inner = deploy(chain, ANN, artifact, bytes(20))
    outer = deploy(chain, ANN, artifact, inner.address)
    outer.transact(BOB, "everything", value=5)
    pay(chain, 7)
    chain.mine()
    return chain, outer, inner


def test_blocks_come_in_order_each_after_its_parent_with_calls_and_fees(nested):
    chain, outer, inner = nested
    blocks = drained(ChainSource(chain))
    assert [block.number for block in blocks] == list(range(chain.block().number + 1))
    assert all(b.parent == a.hash for a, b in pairwise(blocks))
    called = next(t for b in blocks for t in b.transactions if t.to == outer.address)
    assert called.trace.writes == (0, 1)
    kinds = [(frame.kind, frame.to, frame.failed) for frame in called.trace.frames]
    assert kinds[2] == ("delegatecall", inner.address, False) and kinds[3][2]
    made = blocks[1].transactions[0]
    assert made.to is None and made.created == inner.address and made.trace.kind == "create"
    receipt = chain.receipt(called.hash)
    assert called.fee % receipt.gas_used == 0 and called.fee > 0
    assert [entry.topics for entry in called.entries] == [log.topics for log in receipt.logs]


def test_coins_that_a_contract_sends_on_are_seen(nested):
    chain, outer, _ = nested
    moved = [t for b in drained(ChainSource(chain)) for t in transfers_of(b) if t.token == NATIVE]
    ends = [(t.src, t.dst, t.amount) for t in moved if t.amount < 10]
    assert ends == [
        (BOB.address, outer.address, 5),
        (outer.address, BOB.address, 5),
        (ANN.address, BOB.address, 7),
    ]


def test_a_node_over_http_gives_the_very_blocks_that_the_chain_gives_here(nested):
    chain, _, _ = nested
    with RpcServer(chain, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        node = open_chain(f"http://127.0.0.1:{server.server_address[1]}")
        assert drained(ChainSource(node)) == drained(ChainSource(chain))
        node.close()
        server.shutdown()
        thread.join()


def test_every_back_end_shows_its_calls(backend):
    artifact = artifact_of(NEST)
    backend.fund(ANN.address, 10**18)
    inner = deploy(backend, ANN, artifact, bytes(20))
    outer = deploy(backend, ANN, artifact, inner.address)
    outer.transact(ANN, "everything", value=5)
    blocks = drained(ChainSource(backend))
    called = next(t for b in blocks for t in b.transactions if t.to == outer.address)
    kinds = [frame.kind for frame in called.trace.frames]
    assert kinds == ["call", "staticcall", "delegatecall", "call", "call"]
    assert [frame.failed for frame in called.trace.frames] == [False, False, False, True, False]


@pytest.mark.parametrize("keep", [True, False])
def test_another_branch_is_given_from_the_fork_on(chain, keep):
    for wei in range(6):
        pay(chain, wei + 1)
    source = ChainSource(chain)
    before = drained(source)
    chain.reorg(4, keep=keep)
    after = drained(source)
    assert after[0].parent == before[-5].hash and after[0].number == before[-4].number
    assert after[-1].hash == chain.block().hash
    assert drained(source) == []


def test_a_chain_that_went_back_to_fewer_blocks_goes_on_from_there(chain):
    pay(chain, 1)
    remembered = chain.snapshot()
    source = ChainSource(chain)
    first = drained(source)
    pay(chain, 2)
    pay(chain, 3)
    drained(source)
    chain.revert(remembered)
    assert drained(source) == []
    pay(chain, 4)
    (new,) = drained(source)
    assert new.parent == first[-1].hash and new.transactions[0].value == 4


def test_a_restart_goes_on_after_the_newest_block_that_still_stands(chain):
    for wei in range(5):
        pay(chain, wei + 1)
    blocks = drained(ChainSource(chain))
    chain.reorg(2)
    again = ChainSource(chain)
    again.resume(places(blocks[2:]))
    assert drained(again)[0].parent == blocks[-3].hash


def test_a_reorg_below_all_that_is_remembered_says_what_to_do(chain):
    for wei in range(6):
        pay(chain, wei + 1)
    blocks = drained(ChainSource(chain))
    chain.reorg(5)
    again = ChainSource(chain)
    again.resume(places(blocks[-3:]))
    with pytest.raises(ChainError, match="reorganised below block 4") as caught:
        again.poll()
    assert "watch.state" in caught.value.hint


def test_confirmations_and_a_start_are_kept_to(chain):
    chain.mine(10)
    blocks = drained(ChainSource(chain, start=3, confirmations=2))
    assert [block.number for block in blocks] == list(range(3, 9))


def test_a_poll_gives_a_bounded_number_of_blocks(chain):
    chain.mine(BATCH + 5)
    source = ChainSource(chain)
    assert len(source.poll()) == BATCH and len(source.poll()) == 6


class Falling:
    """A chain whose node goes away at a request, and comes back."""

    def __init__(self, chain, at):
        self.__dict__.update(chain=chain, left=at)

    def __getattr__(self, name):
        found = getattr(self.chain, name)
        if name != "block":
            return found

        def block(*given):
            self.__dict__["left"] -= 1
            if self.left == 0:
                raise Unreachable("gone")
            return found(*given)

        return block


@pytest.mark.parametrize("at", range(1, 12))
def test_a_node_that_goes_away_in_the_middle_makes_no_gap(chain, at):
    for wei in range(4):
        pay(chain, wei + 1)
    wanted = drained(ChainSource(chain))
    source, found = ChainSource(Falling(chain, at)), []
    for _ in range(4):
        try:
            found += source.poll()
        except Unreachable:
            continue
    assert found == wanted


class Plain:
    """A node without traces and without receipts of whole blocks."""

    def __init__(self, node):
        self.node, self.asked = node, []

    def __getattr__(self, name):
        return getattr(self.node, name)

    def request(self, method, *params):
        self.asked.append(method)
        if method.startswith("debug_") or method == "eth_getBlockReceipts":
            raise ChainError(f"the method {method} does not exist/is not available")
        return self.node.request(method, *params)


def test_a_node_without_traces_is_asked_once_and_the_loss_is_said(nested):
    chain, said = nested[0], []
    with RpcServer(chain, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        node = Plain(open_chain(f"http://127.0.0.1:{server.server_address[1]}"))
        source = ChainSource(node, say=said.append)
        blocks = drained(source)
        node.close()
        server.shutdown()
        thread.join()
    assert len(said) == 1 and "no traces" in said[0]
    transactions = [t for block in blocks for t in block.transactions]
    assert all(t.trace is None for t in transactions)
    assert source.faults == {"untraced transactions": len(transactions)}
    asked = [method for method in node.asked if method.startswith("debug_")]
    assert asked == ["debug_traceBlockByHash", "debug_traceTransaction"]
    assert [t.entries for t in transactions] == [
        t.entries for b in drained(ChainSource(chain)) for t in b.transactions
    ]


class Deep(Plain):
    """A node whose traces are deeper than anything can follow."""

    def request(self, method, *params):
        if not method.startswith("debug_"):
            return self.node.request(method, *params)
        tree = {"type": "CALL", "from": "0x" + "00" * 20, "to": "0x" + "11" * 20}
        for _ in range(20_000):
            tree = tree | {"calls": [tree]}
        return [{"result": tree}]


def test_calls_deeper_than_can_be_followed_cost_one_trace_and_do_not_stop_the_stream(chain):
    pay(chain, 3)
    with RpcServer(chain, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        node = Deep(open_chain(f"http://127.0.0.1:{server.server_address[1]}"))
        source = ChainSource(node)
        blocks = drained(source)
        node.close()
        server.shutdown()
        thread.join()
    assert blocks[1].transactions[0].trace is None and blocks[1].transactions[0].value == 3
    assert source.faults == {"untraced transactions": 1}


def test_a_call_tree_that_is_none_is_refused():
    from counterpoise.monitor.sources.frames import frame_from_json

    for tree in ([], {"type": "JUMP"}, {"type": "CALL", "from": "zz"}, {"type": "CALL"}):
        with pytest.raises(ChainError):
            frame_from_json(tree, tells_writes=False)
