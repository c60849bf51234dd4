"""Stock packages, unmodified: the clients of OpenAI, MCP and x402, and the types of A2A."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from small_upstream import SmallUpstream, serving
from stall import MODELS, Stall, chat_model, embeddings_model, set_key

from counterpoise.core.units import to_checksum

HERE = Path(__file__).parent
PYTHON = HERE.parents[2] / ".tools" / "x402" / "bin" / "python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="needs make market-sdk")
# Our own choice of a hash function is none that the strangers' environment has.
ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "ETH_HASH_BACKEND"}
PRICE = 10**15


@pytest.fixture(scope="module")
def stall(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, serving((far := SmallUpstream()).app()) as address:
        far.address = address
        set_key(patch)
        config = MODELS + chat_model(far) + embeddings_model(far)
        with Stall(tmp_path_factory.mktemp("stall"), config).open() as opened:
            yield opened


def ask_stranger(script, *words):
    command = [PYTHON, HERE / script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("mode", "scheme"), [("auto", "batch-settlement"), ("legacy", "exact")])
def test_the_stock_clients_list_tools_and_pay_for_calls(stall, mode, scheme):
    payer = stall.payer(f"{mode} {scheme}")
    before, charged = stall.token.balance(stall.seller.address), stall.charged()
    with stall.rpc() as rpc:
        arguments = json.dumps({"input": ["a", "bc"]})
        wallet = stall.strangers_arguments(payer, rpc)
        place = stall.address + "/mcp"
        tools, *calls = ask_stranger(
            "mcp_stranger.py", place, mode, scheme, "embed_find", arguments, 2, *wallet
        )
    assert [row["tool"] for row in tools] == ["chat_chat", "embed_find"]
    assert tools[1]["schema"]["required"] == ["input"]
    for row in calls:
        assert row["paid"]
        assert not row["error"]
        assert row["response"]["success"]
        found = json.loads(row["content"][0]["text"])
        assert [one["embedding"] for one in found["data"]] == [[1.0, 1.0], [2.0, 1.0]]
    earned = stall.token.balance(stall.seller.address) - before
    assert (stall.charged() - charged, earned) == (
        (2 * PRICE, 0) if scheme == "batch-settlement" else (0, 2 * PRICE)
    )


def test_the_stock_client_of_openai_buys_here(stall):
    payer, scheme = stall.payer("openai"), "batch-settlement"
    with stall.rpc() as rpc:
        wallet = stall.strangers_arguments(payer, rpc)
        rows = ask_stranger("openai_stranger.py", stall.address, scheme, *wallet)
    listed, embedded, said, streamed, refused = rows
    assert listed["models"] == ["chat", "find"]
    assert embedded == {"embeddings": [[5.0, 1.0], [12.0, 1.0]], "usage": 3}
    assert said == {"chat": "the quick brown fox", "usage": 8}
    assert "".join(streamed["streamed"]).split() == ["the", "quick", "brown", "fox"]
    assert refused["error"] == "NotFoundError"
    assert refused["body"]["type"] == "not_found_error"


def test_the_stock_types_of_a2a_read_the_card_and_check_its_signature(stall):
    (row,) = ask_stranger("a2a_stranger.py", stall.address)
    card = row["card"]
    assert [skill["id"] for skill in card["skills"]] == ["chat_chat", "embed_find"]
    assert card["supportedInterfaces"][0]["url"] == stall.address + "/mcp"
    seller = to_checksum(stall.seller.address)
    assert row["keys"][0] == [seller, stall.address + "/.well-known/jwks.json"]
    assert row["refused"]
