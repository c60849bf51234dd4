"""MCP at the gateway: two manners of the protocol, tools that are paid, and our own client."""

import base64
import itertools
import json
import time

import httpx
import pytest
from small_upstream import SmallUpstream, serving
from stall import MODELS, Stall, chat_model, embeddings_model, set_key

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.market.gateway.mcp_client import McpClient, McpTransport
from counterpoise.payments import Buyer, send_by_http

PRICE = 10**15
MODERN = "2026-07-28"
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def stall(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, serving((far := SmallUpstream()).app()) as address:
        far.address = address
        set_key(patch)
        config = MODELS + chat_model(far) + embeddings_model(far)
        with Stall(tmp_path_factory.mktemp("stall"), config).open() as opened:
            yield opened


def post(stall, content, **headers):
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {"content-type": "application/json", **named}
    return httpx.post(stall.address + "/mcp", content=sent, headers=named, trust_env=False)


def old(method, number=1, **params):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def ask(stall, method, **params):
    """One request as clients up to 2025-11-25 send it."""
    answer = post(stall, old(method, **params))
    assert answer.status_code == 200
    return answer.json()


def ask_new(stall, method, meta=ENVELOPE, headers=None, **params):
    """One request as clients from 2026-07-28 on send it."""
    told = {"mcp_protocol_version": MODERN, "mcp_method": method}
    if "name" in params:
        told["mcp_name"] = params["name"]
    answer = post(stall, old(method, **params, _meta=meta), **(told | (headers or {})))
    return answer.status_code, answer.json()


def agent(stall, **budget):
    transport = McpTransport(stall.address + "/mcp", send_by_http)
    payer = stall.payer(f"agent {next(NUMBERS)}")
    return McpClient(transport, Buyer(payer, stall.budget(**budget), send=transport))


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")],
)
def test_clients_that_open_with_initialize_are_met(stall, wanted, agreed):
    found = ask(stall, "initialize", protocolVersion=wanted)["result"]
    assert found["protocolVersion"] == agreed
    assert found["capabilities"] == {"tools": {}}
    assert set(found["serverInfo"]) == {"name", "version"}
    said = post(stall, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (said.status_code, said.content) == (202, b"")
    assert ask(stall, "ping")["result"] == {}


def test_clients_without_a_session_are_met(stall):
    status, found = ask_new(stall, "server/discover")
    assert status == 200
    assert MODERN in found["result"]["supportedVersions"]
    assert found["result"]["resultType"] == "complete"
    assert found["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"]
    status, listed = ask_new(stall, "tools/list")
    assert [tool["name"] for tool in listed["result"]["tools"]] == ["chat_chat", "embed_find"]
    assert listed["result"]["ttlMs"] > 0


def test_a_tool_hides_what_its_caller_cannot_choose(stall):
    chat, embed = ask(stall, "tools/list")["result"]["tools"]
    assert chat["inputSchema"]["required"] == ["messages"]
    assert not {"model", "stream"} & set(chat["inputSchema"]["properties"])
    assert embed["inputSchema"]["required"] == ["input"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, -32700),
        (b"{", 400, -32700),
        (b"\xff", 400, -32700),
        (b'{"jsonrpc": "2.0", "id": NaN}', 400, -32700),
        ([old("ping")], 400, -32600),
        ({}, 400, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, 400, -32600),
        (old("no/such"), 200, -32601),
        (old("server/discover"), 200, -32601),
        (old("tools/list", cursor="x"), 200, -32602),
        (old("tools/call"), 200, -32602),
        (old("tools/call", name="nothing"), 200, -32602),
        (old("tools/call", name="embed_find", arguments=[]), 200, -32602),
        (old("tools/call", name="embed_find", _meta={"counterpoise/level": 1}), 200, -32602),
    ],
)
def test_wrong_messages_are_told_what_is_wrong(stall, content, status, code):
    answer = post(stall, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json"


def test_headers_that_say_something_else_are_refused(stall):
    assert post(stall, old("ping"), mcp_protocol_version="1999-01-01").json()["error"] == {
        "code": -32022,
        "message": "this version of the protocol is not spoken here",
        "data": {
            "supported": ["2025-03-26", "2025-06-18", "2025-11-25", MODERN],
            "requested": "1999-01-01",
        },
    }
    wrong = [
        ("tools/list", {"meta": {}}, -32602),
        ("tools/list", {"meta": {**ENVELOPE, next(iter(ENVELOPE)): "2025-11-25"}}, -32020),
        ("tools/list", {"headers": {"mcp_method": "tools/call"}}, -32020),
        ("tools/call", {"name": "embed_find", "headers": {"mcp_name": "chat_chat"}}, -32020),
        ("tools/call", {"name": "embed_find", "headers": {"mcp_name": "=?base64?!?="}}, -32020),
    ]
    for method, change, code in wrong:
        status, found = ask_new(stall, method, **change)
        assert (status, found["error"]["code"]) == (400, code)
    for method in ("ping", "initialize", "no/such"):
        assert ask_new(stall, method)[0] == 404
    named = base64.b64encode(b"embed_find").decode()
    status, found = ask_new(
        stall, "tools/call", name="embed_find", headers={"mcp_name": f"=?base64?{named}?="}
    )
    assert (status, found["result"]["isError"]) == (200, True)


def test_a_tool_without_payment_says_what_it_costs(stall):
    found = ask(stall, "tools/call", name="embed_find", arguments={"input": "a"})["result"]
    assert found["isError"]
    required = found["structuredContent"]
    assert required["x402Version"] == 2
    assert {offer["scheme"] for offer in required["accepts"]} == {"batch-settlement", "exact"}
    assert {offer["amount"] for offer in required["accepts"]} == {str(PRICE)}
    assert json.loads(found["content"][0]["text"]) == required


@pytest.mark.parametrize("payment", ["x", {}, [1], 7, {"x402Version": 2, "payload": {}}])
def test_a_payment_that_cannot_be_read_is_told_of_and_not_charged(stall, payment):
    before = stall.charged()
    params = {"name": "embed_find", "arguments": {"input": "a"}, "_meta": {"x402/payment": payment}}
    found = ask(stall, "tools/call", **params)["result"]
    assert found["isError"]
    assert found["structuredContent"]["error"].startswith("invalid_payload")
    assert stall.charged() == before


def test_our_own_client_lists_calls_and_pays(stall):
    buyer = agent(stall)
    tools = {tool.name: tool for tool in buyer.tools()}
    assert "find" in tools["embed_find"].description
    before = stall.charged()
    for number in range(1, 4):
        called = buyer.call("embed_find", {"input": ["x" * number]})
        assert called.content["data"][0]["embedding"] == [float(number), 1.0]
        assert (called.paid, called.is_error) == (PRICE, False)
        assert len(called.meta["counterpoise/decision"]) == 64
    assert stall.charged() - before == 3 * PRICE
    # The gateway knows that its answer left, so the same payment will not be answered for long.
    *_, given = stall.running.desk.shelf._given.values()
    for _ in range(100):
        time.sleep(0.02 * (not given.left))
    assert given.left
    said = buyer.call("chat_chat", {"messages": [{"role": "user", "content": "a b c"}]})
    assert said.content["choices"][0]["message"]["content"] == "a b c"
    assert said.paid == 6 * 10**12


def test_what_a_caller_cannot_choose_stays_as_it_is(stall):
    arguments = {"input": ["a"], "model": "chat"}
    assert agent(stall).call("embed_find", arguments).content["model"] == "find"


def test_a_tool_that_refuses_or_fails_charges_nothing(stall):
    buyer, before = agent(stall), stall.charged()
    for name, arguments, told in (
        ("embed_find", {"input": []}, "input"),
        ("embed_find", {"input": "a", "other": 1}, "other"),
        ("embed_find", {"input": ["lost"]}, "one embedding for each"),
        ("chat_chat", {"messages": [{"role": "user", "content": "unauthorized"}]}, "401"),
    ):
        called = buyer.call(name, arguments)
        assert called.is_error
        assert told in called.text
        assert called.paid == 0
    assert stall.charged() == before


def test_our_client_keeps_to_its_budget_and_to_the_protocol(stall):
    with pytest.raises(InputError):
        agent(stall, call=PRICE - 1).call("embed_find", {"input": "a"})
    with pytest.raises(VerificationError, match="no tool"):
        agent(stall).call("nothing", {})
    for name in ("", "a#b", "a?b"):
        with pytest.raises(InputError):
            agent(stall).call(name, {})
    lost = McpTransport(stall.address + "/v1/models", send_by_http)
    with pytest.raises(VerificationError, match="does not speak MCP"):
        McpClient(lost, stall.buyer(send=lost)).tools()


def test_the_same_payment_for_the_same_call_is_answered_again_and_charged_once(stall):
    """An answer that was lost on the way is asked for again."""
    kept = []

    def loses_one(method, address, headers, body):
        answer = send_by_http(method, address, headers, body)
        if b"x402/payment" in body:
            kept.append(body)
            if len(kept) == 1:
                from counterpoise.core.errors import Unreachable

                raise Unreachable("the answer was lost")
        return answer

    transport = McpTransport(stall.address + "/mcp", loses_one)
    buyer = McpClient(transport, Buyer(stall.payer("unlucky"), stall.budget(), send=transport))
    before = stall.charged()
    called = buyer.call("embed_find", {"input": ["abc"]})
    assert called.content["data"][0]["embedding"] == [3.0, 1.0]
    assert len(kept) == 2
    assert stall.charged() - before == PRICE
