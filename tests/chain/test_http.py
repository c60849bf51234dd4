"""A chain behind a URL: retries what may pass, and believes no answer of a wrong shape."""

import http.server
import json
import threading

import pytest

from counterpoise.chain import (
    Account,
    Contract,
    Follower,
    Transaction,
    Workbench,
    deploy,
    open_chain,
    send,
    wait,
)
from counterpoise.chain.rpc.dispatch import Dispatcher
from counterpoise.chain.transport import NodeError
from counterpoise.core.errors import ChainError, InputError, Reverted, Unreachable

STRANGER = b"\x42" * 20


class Liar(http.server.ThreadingHTTPServer):
    """A node over the embedded chain whose answers a test can spoil.

    `spoil` maps a method to functions; each takes (handler, answer bytes) once, and gives the
    bytes to send instead, or None if it has dealt with the connection itself.
    """

    daemon_threads = True

    def __init__(self, chain):
        super().__init__(("127.0.0.1", 0), LiarHandler)
        self.dispatcher = Dispatcher(chain)
        self.spoil = {}
        self.asked = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class LiarHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        methods = [one["method"] for one in (request if isinstance(request, list) else [request])]
        self.server.asked += methods
        answer = self.server.dispatcher.answer(body)
        for spoil in [self.server.spoil.get(method) for method in methods]:
            if spoil:
                answer = spoil.pop(0)(self, answer)
                break
        if answer is not None:
            self.reply(200, answer)

    def reply(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass


def drop(handler, _):
    """Cut the connection without an answer."""
    handler.close_connection = True


def cut(handler, answer):
    """Announce the whole answer and send half of it."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(answer)))
    handler.end_headers()
    handler.wfile.write(answer[: len(answer) // 2])
    handler.close_connection = True


def status(code, **headers):
    return lambda handler, _: handler.reply(code, b"later", **headers)


def changed(**parts):
    """Put other values into the result object, or another result."""

    def spoil(_, answer):
        whole = json.loads(answer)
        if "result" in parts:
            whole["result"] = parts["result"]
        else:
            whole["result"] |= parts
        return json.dumps(whole).encode()

    return spoil


@pytest.fixture
def liar(chain):
    with Liar(chain) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def remote(liar):
    opened = open_chain(liar.url, pause=0.01, timeout=5)
    yield opened
    opened.close()


def test_every_question_has_the_embedded_chains_answer(chain, remote, counter, accounts):
    receipt = counter.transact(accounts[0], "bump", 3)
    far = Contract(remote, counter.address, counter.artifact)
    assert remote.chain_id() == 31337 and remote.features.http
    assert remote.block() == chain.block() and remote.block(1) == chain.block(1)
    assert remote.block(chain.block().hash) == chain.block()
    assert remote.receipt(receipt.tx_hash) == receipt
    assert remote.logs(0, 99) == chain.logs(0, 99) == remote.logs_of_block(receipt.block_hash)
    assert far.call("total") == 3 and far.events() == counter.events()
    assert far.call("total", block=1) == 0
    assert remote.nonce(accounts[0].address) == chain.nonce(accounts[0].address)
    assert remote.balance(accounts[0].address) == chain.balance(accounts[0].address)
    assert remote.code(counter.address) == chain.code(counter.address)
    assert remote.storage(counter.address, 0) == chain.storage(counter.address, 0)
    assert remote.fees()[1] == chain.fees()[1]
    data = counter.encode("bump", 1)
    sender = accounts[0].address
    assert remote.estimate(counter.address, data, sender=sender) == chain.estimate(
        counter.address, data, sender=sender
    )


def test_a_contract_is_deployed_and_refuses_through_it(remote, accounts, counter_artifact):
    counter = deploy(remote, accounts[0], counter_artifact)
    assert counter.transact(accounts[0], "bump", 3).gas_used == 68_052
    with pytest.raises(Reverted, match=r"Counter\.bump was refused: counter: nothing to add"):
        counter.transact(accounts[0], "bump", 0)
    with pytest.raises(Reverted, match=r"Counter\.bump was refused: counter: nothing to add"):
        counter.call("bump", 0)
    with pytest.raises(Reverted, match="nothing to add"):
        remote.estimate(counter.address, counter.encode("bump", 0), sender=accounts[0].address)
    with pytest.raises(Reverted, match="out of gas"):
        counter.transact(accounts[0], "bump", 1, gas=25_000)


def test_the_workbench_moves_a_remote_chain_too(chain, remote, accounts, counter_artifact):
    counter = deploy(remote, accounts[0], counter_artifact)
    snapshot = remote.snapshot()
    counter.transact(accounts[0], "bump", 1)
    height = remote.block().number
    remote.reorg(1)
    assert remote.block().number == height + 1 and counter.call("total") == 1
    remote.reorg(2, keep=False)
    assert counter.call("total") == 0
    remote.revert(snapshot)
    before = remote.block()
    remote.warp(500)
    remote.mine(2)
    assert remote.block().time >= before.time + 500 and remote.block().number == before.number + 3
    remote.fund(STRANGER, 3)
    remote.set_code(STRANGER, b"\x01")
    assert (remote.balance(STRANGER), remote.code(STRANGER)) == (3, b"\x01")


@pytest.mark.parametrize(
    "trouble",
    [
        drop,
        cut,
        status(429, Retry_After="0"),
        status(503),
        lambda *_: b'{"jsonrpc":"2',
        lambda *_: b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"busy"}}',
    ],
)
def test_a_question_is_asked_again_when_the_answer_is_lost(liar, remote, trouble):
    liar.spoil["eth_blockNumber"] = [trouble, trouble]
    assert remote.request("eth_blockNumber") == "0x0"
    assert liar.asked.count("eth_blockNumber") == 3


def test_a_node_that_stays_silent_is_unreachable(liar, remote):
    liar.spoil["eth_blockNumber"] = [drop] * 20
    with pytest.raises(Unreachable, match="gave no answer to eth_blockNumber in 5 tries") as raised:
        remote.request("eth_blockNumber")
    assert "check that the node runs" in raised.value.hint
    liar.spoil.clear()
    assert remote.request("eth_blockNumber") == "0x0", "and is taken up again"


def test_no_node_at_all_is_unreachable():
    with pytest.raises(Unreachable, match="in 2 tries"):
        open_chain("http://127.0.0.1:9", pause=0.01, tries=2)


def test_another_chain_behind_the_same_address_is_found_out(liar, remote):
    with pytest.raises(InputError, match="serves chain 31337, wanted 1"):
        open_chain(liar.url, chain_id=1)
    liar.spoil["eth_blockNumber"] = [drop]
    liar.spoil["eth_chainId"] = [changed(result="0x1")]
    with pytest.raises(InputError, match="serves chain 1, wanted 31337"):
        remote.request("eth_blockNumber")


def payment(remote, account):
    base, tip = remote.fees()
    nonce = remote.nonce(account.address)
    return account.sign_transaction(
        Transaction(31337, nonce, tip, 2 * base + tip, 21_000, STRANGER, 1, b"")
    )


@pytest.mark.parametrize("trouble", [drop, cut, status(429)])
def test_a_send_whose_answer_is_lost_is_not_sent_twice(chain, liar, remote, accounts, trouble):
    liar.spoil["eth_sendRawTransaction"] = [trouble]
    tx_hash = remote.send_raw(payment(remote, accounts[0]))
    assert remote.receipt(tx_hash).status == 1 and chain.balance(STRANGER) == 1
    assert liar.asked.count("eth_sendRawTransaction") == 1
    assert liar.asked.count("eth_getTransactionByHash") == 1


def test_a_send_that_never_arrived_is_sent_again(chain, liar, remote, accounts, monkeypatch):
    raw = payment(remote, accounts[0])
    whole = liar.dispatcher.answer
    lost = []

    def once(body):
        if b"eth_sendRawTransaction" in body and not lost:
            lost.append(body)
            return b"{}"
        return whole(body)

    monkeypatch.setattr(liar.dispatcher, "answer", once)
    remote.send_raw(raw)
    assert chain.balance(STRANGER) == 1 and len(lost) == 1


def test_already_known_counts_as_sent(chain, remote, accounts):
    raw = payment(remote, accounts[0])
    assert remote.send_raw(raw) == remote.send_raw(raw)
    assert chain.balance(STRANGER) == 1


def test_a_node_that_says_another_hash_was_sent_is_not_believed(liar, remote, accounts):
    liar.spoil["eth_sendRawTransaction"] = [changed(result="0x" + "11" * 32)]
    with pytest.raises(ChainError, match="was sent, not"):
        remote.send_raw(payment(remote, accounts[0]))


def test_a_refused_send_says_why_and_is_not_repeated(liar, remote, accounts):
    raw = Account.local(b"poor").sign_transaction(
        Transaction(31337, 0, 0, 10**10, 21_000, STRANGER, 1, b"")
    )
    with pytest.raises(NodeError, match="insufficient funds"):
        remote.send_raw(raw)
    assert liar.asked.count("eth_sendRawTransaction") == 1


def test_a_receipt_that_comes_late_is_waited_for(liar, remote, accounts):
    liar.spoil["eth_getTransactionReceipt"] = [changed(result=None)] * 3
    assert send(remote, accounts[0], STRANGER, b"", value=1).status == 1
    assert liar.asked.count("eth_getTransactionReceipt") == 4


def test_a_receipt_that_never_comes_is_an_error_that_warns_against_resending(remote):
    with pytest.raises(Unreachable, match="not mined within") as raised:
        wait(remote, bytes(32), seconds=0.05)
    assert "before sending again" in raised.value.hint


@pytest.mark.parametrize(
    ("method", "lie", "words"),
    [
        ("eth_getBlockByNumber", changed(number="0x5"), "where another was asked for"),
        ("eth_getBlockByNumber", changed(hash="0x12"), "1 bytes as a block's hash, wanted 32"),
        ("eth_getBlockByNumber", changed(timestamp=5), "wanted a quantity"),
        ("eth_getBlockByNumber", changed(result=[]), "wanted an object"),
        ("eth_getBlockByNumber", changed(result=None), "there is no block 0"),
        (
            "eth_getBlockByNumber",
            lambda *_: b'{"jsonrpc":"2.0","id":99,"result":1}',
            "lacks the id",
        ),
    ],
)
def test_a_block_of_a_wrong_shape_is_not_believed(liar, remote, method, lie, words):
    liar.spoil[method] = [lie] * 9
    with pytest.raises(ChainError if "no block" not in words else InputError, match=words):
        remote.block(0)


def test_a_receipt_of_another_transaction_is_not_believed(liar, remote, accounts):
    receipt = send(remote, accounts[0], STRANGER, b"", value=1)
    liar.spoil["eth_getTransactionReceipt"] = [changed(transactionHash="0x" + "11" * 32)]
    with pytest.raises(ChainError, match="receipt of another transaction"):
        remote.receipt(receipt.tx_hash)


def test_removed_logs_are_left_out_and_foreign_ones_not_believed(liar, remote, counter, accounts):
    receipt = counter.transact(accounts[0], "bump", 1)

    def retold(**parts):
        def spoil(_, answer):
            whole = json.loads(answer)
            whole["result"] = [one | parts for one in whole["result"]]
            return json.dumps(whole).encode()

        return spoil

    liar.spoil["eth_getLogs"] = [retold(removed=True)]
    assert remote.logs(0, 99) == []
    liar.spoil["eth_getLogs"] = [retold(blockNumber="0x99")]
    with pytest.raises(ChainError, match="log of block 153, not asked for"):
        remote.logs(0, 5)
    liar.spoil["eth_getLogs"] = [retold(blockHash="0x" + "11" * 32)]
    with pytest.raises(ChainError, match="logs of another block"):
        remote.logs_of_block(receipt.block_hash)
    for lie in ({"topics": None}, {"data": "0x1"}, {"address": "0x12"}, {"logIndex": None}):
        liar.spoil["eth_getLogs"] = [retold(**lie)]
        with pytest.raises(ChainError, match="the node gave"):
            remote.logs(0, 99)


def test_a_batch_is_matched_by_id_whatever_its_order(liar, remote, chain):
    def backwards(_, answer):
        return json.dumps(json.loads(answer)[::-1]).encode()

    chain.mine(3)
    liar.spoil["eth_getBlockByNumber"] = [
        lambda _, answer: json.dumps(json.loads(answer)[::-1]).encode()
    ]
    calls = [("eth_getBlockByNumber", (hex(number), False)) for number in range(4)]
    answers = remote._transport.batch(calls)
    assert [one["number"] for one in answers] == ["0x0", "0x1", "0x2", "0x3"]


def test_a_batch_that_partly_fails_keeps_its_places(remote):
    answers = remote._transport.batch([("eth_chainId", ()), ("nope", ()), ("net_version", ())])
    assert answers[0] == "0x7a69" and answers[2] == "31337"
    assert isinstance(answers[1], NodeError) and "does not exist" in answers[1].words


def test_a_batch_that_lacks_an_answer_is_asked_again(liar, remote):
    liar.spoil["net_version"] = [lambda _, answer: json.dumps(json.loads(answer)[:1]).encode()]
    assert remote._transport.batch([("eth_chainId", ()), ("net_version", ())])[1] == "31337"


def test_a_long_batch_goes_in_pieces(liar, remote):
    answers = remote._transport.batch([("eth_chainId", ())] * 250)
    assert answers == ["0x7a69"] * 250


def test_events_are_followed_over_http_through_a_reorg(remote, counter, accounts, tmp_path):
    far = Contract(remote, counter.address, counter.artifact)
    follower = Follower(remote, [far], tmp_path / "cursor")
    for by in (1, 2):
        far.transact(accounts[0], "bump", by)
    assert [event.args["by"] for _, event in follower.poll()] == [1, 2]
    remote.reorg(1, keep=False)
    far.transact(accounts[0], "bump", 3)
    changes = [(kind, event.args["by"]) for kind, event in follower.poll()]
    assert changes == [("removed", 2), ("added", 3)]
    follower.close()


def test_on_a_public_chain_a_refusal_is_found_before_anything_is_sent(counter_artifact, accounts):
    chain = open_chain("embedded:", chain_id=5, clock=lambda: 1_700_000_000)
    account = Account(bytes(31) + b"\x07")
    chain.fund(account.address, 10**20)
    with Liar(chain) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        remote = open_chain(server.url)
        assert not remote.features.local and not isinstance(remote, Workbench)
        counter = deploy(remote, account, counter_artifact)
        assert counter.transact(account, "bump", 3).status == 1
        height = chain.block().number
        with pytest.raises(Reverted, match=r"Counter\.bump was refused: counter: nothing to add"):
            counter.transact(account, "bump", 0)
        assert chain.block().number == height
        with pytest.raises(Reverted, match=r"Counter\.bump was refused: counter: nothing to add"):
            counter.transact(account, "bump", 0, gas=100_000)
        assert chain.block().number == height + 1
        with pytest.raises(InputError, match="chain 5 is public"):
            counter.transact(accounts[0], "bump", 1)
        remote.close()
        server.shutdown()
        thread.join()
    chain.close()


@pytest.mark.parametrize("url", ["http://", "http:///path", "https://user:secret@host"])
def test_an_address_that_is_none_is_the_callers_mistake(url):
    with pytest.raises(InputError) as raised:
        open_chain(url)
    assert "secret" not in str(raised.value)


def test_a_page_instead_of_a_node_is_said(liar):
    liar.spoil["eth_chainId"] = [lambda handler, _: handler.reply(404, b"<html>not here")]
    with pytest.raises(ChainError, match="HTTP status 404"):
        open_chain(liar.url)
