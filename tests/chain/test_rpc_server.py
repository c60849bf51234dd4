"""The served chain answers JSON-RPC correctly, and nobody from outside this machine."""

import http.client
import json
import socket
import threading

import pytest

from counterpoise.chain.rpc.dispatch import MAX_BATCH
from counterpoise.chain.rpc.server import MAX_BODY, MAX_CONNECTIONS, RpcServer
from counterpoise.core.errors import Busy, InputError

HEAD = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}


@pytest.fixture
def post(served):
    """Send a body and give status, headers and the decoded answer."""
    host, port = served.server_address

    def send(body, method="POST", **headers):
        connection = http.client.HTTPConnection(host, port, timeout=10)
        try:
            text = body if isinstance(body, (bytes, str)) else json.dumps(body)
            sent = {"Content-Type": "application/json"} | {
                name.replace("_", "-"): value for name, value in headers.items()
            }
            connection.request(method, "/", text, {k: v for k, v in sent.items() if v})
            response = connection.getresponse()
            answer = response.read()
            return response.status, response.headers, json.loads(answer) if answer else None
        finally:
            connection.close()

    return send


def ask(post, method, *params):
    return post({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)})[2]


def test_a_request_is_answered_with_its_id(post):
    for name in (1, "text", None, 0):
        status, _, answer = post(HEAD | {"id": name})
        assert status == 200 and answer == {"jsonrpc": "2.0", "id": name, "result": "0x0"}


def test_a_notification_is_not_answered(post):
    silent = {name: value for name, value in HEAD.items() if name != "id"}
    assert post(silent)[2] is None
    assert post([silent, silent])[2] is None
    assert len(post([silent, HEAD])[2]) == 1


def test_a_batch_is_answered_one_by_one_errors_among_them(post):
    _, _, answers = post([HEAD, HEAD | {"id": 2, "method": "nope"}, 5, HEAD | {"id": 3}])
    assert [one.get("id") for one in answers] == [1, 2, None, 3]
    assert [one.get("error", {}).get("code") for one in answers] == [None, -32601, -32600, None]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", -32700),
        ("", -32700),
        (b"\xff\xfe", -32700),
        ("[" * 100_000, -32700),
        ("[]", -32600),
        ("1", -32600),
        ("{}", -32600),
        ('{"method":1}', -32600),
        (json.dumps([HEAD] * (MAX_BATCH + 1)), -32600),
        (json.dumps(HEAD | {"params": {"named": 1}}), -32602),
        (json.dumps(HEAD | {"params": [1, 2, 3]}), -32602),
    ],
)
def test_a_malformed_request_gets_the_code_of_the_standard(post, body, code):
    assert post(body)[2]["error"]["code"] == code


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getBalance", ["0x12"]),
        ("eth_getBalance", ["0x" + "zz" * 20]),
        ("eth_getBalance", [None]),
        ("eth_getBlockByNumber", ["newest"]),
        ("eth_getBlockByNumber", [-1]),
        ("eth_getTransactionReceipt", ["0x12"]),
        ("eth_call", [{"data": "0x"}]),
        ("eth_call", ["0x"]),
        ("eth_call", [{"to": "0x" + "11" * 20, "data": "0x1"}]),
        ("eth_getLogs", ["all"]),
        ("eth_getLogs", [{"topics": ["0x12"]}]),
        ("eth_getLogs", [{"blockHash": "0x" + "11" * 32}]),
        ("eth_sendRawTransaction", ["nothex"]),
        ("eth_sendTransaction", [{}]),
        ("eth_getStorageAt", ["0x" + "11" * 20, "0x" + "f" * 65]),
        ("evm_revert", ["0x9"]),
        ("anvil_reorg", [1, "keep"]),
        ("anvil_mine", ["0xfffffff"]),
        ("eth_call", [{"to": "0x" + "11" * 20}, "latest", {"state": "override"}]),
    ],
)
def test_wrong_parameters_are_named(post, method, params):
    error = ask(post, method, *params)["error"]
    assert error["code"] == -32602 and len(error["message"]) > 10


def test_a_refused_transaction_says_why(post):
    assert ask(post, "eth_sendRawTransaction", "0x02")["error"]["code"] == -32000


def test_a_reverted_call_carries_the_bytes(post, counter):
    data = "0x" + counter.encode("bump", 0).hex()
    error = ask(post, "eth_call", {"to": f"0x{counter.address.hex()}", "data": data})["error"]
    assert error["code"] == 3 and error["data"].startswith("0x08c379a0")
    assert error["message"] == "execution reverted: counter: nothing to add"


def test_there_is_no_block_beyond_the_head(post):
    assert ask(post, "eth_getBlockByNumber", "0x99", False)["result"] is None
    assert ask(post, "eth_getBlockByHash", "0x" + "11" * 32, False)["result"] is None
    assert ask(post, "eth_getTransactionByHash", "0x" + "11" * 32)["result"] is None


def test_too_many_logs_are_refused_not_sent(post, chain, counter, accounts, monkeypatch):
    monkeypatch.setattr("counterpoise.chain.rpc.methods.MAX_LOGS", 2)
    for _ in range(3):
        counter.transact(accounts[0], "bump", 1)
    wanted = {"fromBlock": "0x0", "toBlock": "latest"}
    assert "more than 2 results" in ask(post, "eth_getLogs", wanted)["error"]["message"]
    wanted["fromBlock"] = "0x3"
    assert len(ask(post, "eth_getLogs", wanted)["result"]) == 2


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8545", "192.168.0.5", "", "127.0.0.1.evil.example"]
)
def test_a_name_that_was_made_to_point_here_is_refused(post, host):
    assert post(HEAD, Host=host or "x")[0] == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8545", "LOCALHOST:1"])
def test_every_name_of_loopback_is_taken(post, host):
    assert post(HEAD, Host=host)[0] == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"]
)
def test_a_page_from_elsewhere_is_refused(post, origin):
    assert post(HEAD, Origin=origin)[0] == 403
    status, headers, _ = post("", method="OPTIONS", Origin=origin)
    assert status == 403 and "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("origin", ["http://localhost:3000", "chrome-extension://abcdef"])
def test_a_page_from_here_and_a_wallet_are_let_in(post, origin):
    status, headers, _ = post("", method="OPTIONS", Origin=origin)
    assert status == 204 and headers["Access-Control-Allow-Origin"] == origin
    status, headers, answer = post(HEAD, Origin=origin)
    assert answer["result"] == "0x0" and headers["Access-Control-Allow-Origin"] == origin


def test_a_body_must_be_declared_as_json_which_pages_cannot_do_unasked(post):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert post(HEAD, Content_Type=kind)[0] == 415


def test_a_body_beyond_the_limit_is_not_read(post):
    assert post(HEAD, Content_Length=str(MAX_BODY + 1))[0] == 413
    assert post(HEAD, Content_Length="many")[0] == 411


def test_get_says_what_this_is(post):
    status, _, answer = post("", method="GET")
    assert status == 405 and "POST" in answer["error"]


def test_one_connection_serves_many_requests(served):
    connection = http.client.HTTPConnection(*served.server_address, timeout=10)
    for _ in range(3):
        connection.request("POST", "/", json.dumps(HEAD), {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read())["result"] == "0x0"
    connection.close()


def test_hosts_beyond_this_machine_and_taken_ports_are_refused(chain, served):
    for host in ("0.0.0.0", "192.168.1.1", "::", "example.com"):
        with pytest.raises(InputError, match="no loopback address"):
            RpcServer(chain, host=host, port=0)
    with pytest.raises(Busy, match="cannot be listened on"):
        RpcServer(chain, port=served.server_address[1])


def test_connections_beyond_the_limit_are_closed_and_the_rest_go_on(served, post):
    held = []
    for _ in range(MAX_CONNECTIONS + 5):
        one = socket.create_connection(served.server_address, timeout=5)
        held.append(one)
    dropped = 0
    for one in held[-10:]:
        one.settimeout(0.1)
        try:
            dropped += one.recv(1) == b""
        except TimeoutError:
            continue
    assert 1 <= dropped <= 5
    for one in held:
        one.close()
    for _ in range(50):
        try:
            assert post(HEAD)[0] == 200
            break
        except (ConnectionError, http.client.HTTPException):
            threading.Event().wait(0.05)
    else:
        pytest.fail("the server did not recover")


def test_many_clients_at_once_get_whole_answers(served, post, chain):
    statuses = []

    def work():
        statuses.extend(
            post([HEAD, HEAD | {"method": "eth_gasPrice", "id": 2}])[0] for _ in range(10)
        )

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    chain.mine(5)
    for thread in threads:
        thread.join()
    assert statuses == [200] * 60
