"""OpenAI's routes in front of a small real upstream: what is asked, charged, streamed, refused."""

import asyncio
import base64
import json

import numpy as np
import pytest
from small_upstream import KEY, SmallUpstream, serving

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.market.gateway.models import Place
from counterpoise.market.gateway.openai_chat import UpstreamChat
from counterpoise.market.gateway.openai_embeddings import LocalEmbeddings, UpstreamEmbeddings
from counterpoise.market.gateway.openai_service import OpenAiService
from counterpoise.market.gateway.openai_settings import openai_service
from counterpoise.market.gateway.service import Call, NotServed, Stream, UpstreamFailed
from counterpoise.market.gateway.settings import load_settings
from counterpoise.market.gateway.tariff import Bounds, Meter, Tariff
from counterpoise.market.gateway.upstream import Upstream
from counterpoise.market.price import Price, Unit

PER_TOKEN = Tariff(Price(1, Unit.TOKEN), Price(100, Unit.TOKEN))


class Letters:
    """An embedder whose answers can be told by looking: a token a word, three counts of letters."""

    digest, dimensions, most_tokens = bytes(range(32)), 3, 8

    def tokens(self, texts):
        return [[len(word) for word in text.split()] for text in texts]

    def embed(self, tokens):
        return np.array([[len(row), sum(row), 0.5] for row in tokens], np.float32)


@pytest.fixture(scope="module")
def far():
    upstream = SmallUpstream()
    with serving(upstream.app()) as address:
        upstream.address = address
        yield upstream


class Shop:
    """The service, and calls of it without a desk."""

    def __init__(self, far, **chat):
        self.far = Upstream(far.address + "/v1", KEY, timeout=0.4)
        models = [
            UpstreamChat("chat", self.far, PER_TOKEN, "their-chat", **{"most_tokens": 50, **chat}),
            UpstreamChat("flat", self.far, Tariff(Price(7)), "their-chat"),
            UpstreamEmbeddings("far", self.far, PER_TOKEN, "their-embedder"),
            LocalEmbeddings("near", Letters(), PER_TOKEN, most_in=20),
        ]
        self.service = OpenAiService(models, created=5)

    def call(self, path, body, method="POST", **parts):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        route = "/v1/models/{model}" if parts else path
        return Call(method, path, route, content, sha256(content), parts)

    async def buy(self, path, body):
        call = self.call(path, body)
        quote = self.service.quote(call)
        reply = await self.service.serve(call)
        return quote, reply

    async def close(self):
        await self.service.close()


def run(far, work, **chat):
    async def inside():
        shop = Shop(far, **chat)
        try:
            return await work(shop)
        finally:
            await shop.close()

    return asyncio.run(inside())


def chat(text, **more):
    return {"model": "chat", "messages": [{"role": "user", "content": text}], **more}


def bought(far, body, path="/v1/chat/completions"):
    return run(far, lambda shop: shop.buy(path, body))


def test_a_chat_is_charged_by_what_the_upstream_counted(far):
    quote, reply = bought(far, chat("one two three", temperature=0.5, max_tokens=9))
    assert reply.charge == 3 * 1 + 3 * 100 <= quote.amount
    assert json.loads(reply.body)["choices"][0]["message"]["content"] == "one two three"
    assert json.loads(reply.body)["model"] == "chat"
    headers, asked = far.asked[-1]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == ("their-chat", 9, 0.5)
    # Every byte of what is sent could be a token.
    assert 9 * 100 + len(json.dumps(asked)) <= quote.amount < 9 * 100 + len(json.dumps(asked)) + 99


def test_the_listings_cap_is_written_in_where_none_is_asked(far):
    quote, reply = bought(far, chat(" ".join(["word"] * 70)))
    assert far.asked[-1][1]["max_tokens"] == 50
    assert json.loads(reply.body)["usage"]["completion_tokens"] == 50
    assert quote.amount >= 50 * 100
    choices, _ = bought(far, chat("hi", n=3, max_completion_tokens=2))
    assert far.asked[-1][1]["max_completion_tokens"] == 2
    assert 3 * 2 * 100 <= choices.amount < 1000


def test_an_upstream_that_counts_nonsense_charges_no_more_than_was_quoted(far):
    quote, reply = bought(far, chat("greedy"))
    assert reply.charge == quote.amount
    _, uncounted = bought(far, chat("uncounted usage"))
    assert uncounted.charge == 4 + 4 * 100  # 15 bytes each way
    _, flat = bought(far, chat("greedy") | {"model": "flat"})
    assert flat.charge == 7


@pytest.mark.parametrize(
    ("text", "error", "status"),
    [
        ("wrong", NotServed, 400),
        ("unauthorized", UpstreamFailed, 502),
        ("busy", UpstreamFailed, 503),
        ("slow", UpstreamFailed, 504),
        ("garbage", UpstreamFailed, 502),
        ("nothing", UpstreamFailed, 502),
    ],
)
def test_a_failing_upstream_charges_nothing_and_never_tells_its_key(far, text, error, status):
    for body in (chat(text), chat(text, stream=True)):
        if text == "nothing" and "stream" in body:
            continue
        with pytest.raises(error) as failed:
            bought(far, body)
        assert failed.value.status == status
        assert KEY not in failed.value.message + failed.value.hint
    if text == "wrong":
        assert failed.value.message.endswith("no such thing; your key is …, theirs … or …")


def test_an_upstream_that_is_not_there_is_told_of():
    async def inside():
        gone = Upstream("http://127.0.0.1:9/v1", KEY, timeout=1)
        assert KEY not in repr(gone)
        with pytest.raises(UpstreamFailed, match="cannot be reached"):
            await gone.post("/chat/completions", {})
        await gone.close()

    asyncio.run(inside())


def test_an_upstreams_key_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(InputError, match="NO_SUCH_KEY"):
        Upstream.from_environment("http://a", "NO_SUCH_KEY")
    monkeypatch.setenv("NO_SUCH_KEY", "two words")
    with pytest.raises(InputError, match="no header"):
        Upstream.from_environment("http://a", "NO_SUCH_KEY")
    with pytest.raises(InputError, match="no address"):
        Upstream("a/v1")


async def drain(shop, body, stop=None):
    quote, stream = await shop.buy("/v1/chat/completions", body)
    assert isinstance(stream, Stream)
    assert stream.media == "text/event-stream"
    chunks = []
    async for chunk in stream.chunks:
        chunks.append(chunk)
        if stop is not None and len(chunks) == stop:
            await stream.chunks.aclose()
            break
    return quote, stream, chunks


def words_of(chunks):
    rows = [json.loads(chunk.body[6:]) for chunk in chunks if chunk.body]
    return [one["delta"]["content"].strip() for row in rows for one in row.get("choices", [])]


def test_a_stream_is_charged_by_blocks_and_at_the_end_exactly(far):
    words = ["word"] * 10
    asked = chat(" ".join(words), stream=True)
    quote, stream, chunks = run(far, lambda shop: drain(shop, asked), block=4)
    assert words_of(chunks) == words
    read = -(-len(" ".join(words)) // 4)
    # Five bytes come with each word, which is more than a token each: pieces count.
    steps = [read + 100 * (4 * (count // 4)) for count in range(1, 11)]
    assert [chunk.charge for chunk in chunks] == [*steps, max(steps[-1], 10 + 100 * 10)]
    assert chunks[-1].charge <= quote.amount
    ended = stream.farewell({"payment-response": "e30="})
    assert ended.endswith(b"data: [DONE]\n\n")
    assert b": payment-response: e30=\n" in ended
    assert far.asked[-1][1]["stream_options"] == {"include_usage": True}


def test_usage_comes_in_a_stream_only_to_who_asked(far):
    asked = chat("a b", stream=True, stream_options={"include_usage": True})
    _, _, chunks = run(far, lambda shop: drain(shop, asked))
    assert json.loads(chunks[-2].body[6:])["usage"]["completion_tokens"] == 2
    _, _, chunks = run(far, lambda shop: drain(shop, chat("a b", stream=True)))
    assert len(chunks) == 3
    assert not any(b"usage" in chunk.body for chunk in chunks)


def test_a_buyer_that_leaves_pays_what_came_and_frees_the_upstream(far):
    far.closed.clear()
    asked = chat(" ".join(["wait"] * 50), stream=True)
    _, _, chunks = run(far, lambda shop: drain(shop, asked, stop=9), block=4)
    assert len(chunks) == 9
    assert chunks[-1].charge == -(-len(" ".join(["wait"] * 50)) // 4) + 800
    assert far.closed.wait(5)


@pytest.mark.parametrize("end", ["die", "error"])
def test_an_upstream_that_dies_in_a_stream_charges_what_was_delivered(far, end):
    asked = chat(f"one two three four five {end} six", stream=True)
    _, _, chunks = run(far, lambda shop: drain(shop, asked), block=2)
    assert words_of(chunks[:-1]) == ["one", "two", "three", "four", "five"]
    assert json.loads(chunks[-1].body[6:])["error"]["type"] == "upstream_error"
    assert KEY.encode() not in chunks[-1].body
    assert (
        chunks[-1].charge
        == chunks[-2].charge
        == -(-len(asked["messages"][0]["content"]) // 4) + 400
    )


def test_an_empty_stream_is_a_failure_unless_it_ends(far):
    _, _, chunks = run(far, lambda shop: drain(shop, chat("", stream=True)))
    assert [(chunk.body, chunk.charge) for chunk in chunks] == [(b"", 0)]
    with pytest.raises(UpstreamFailed, match="empty"):
        bought(far, chat("empty", stream=True))


WRONG_CHATS = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff",
    b'{"model": "chat", "messages": [{"role": "user", "content": "\\ud800"}]}',
    b'{"model": "chat", "messages": [{"role": "user", "content": "a"}], "temperature": 1e999}',
    b'{"model": "chat", "messages": [{"role": "user", "content": "a"}], "seed": NaN}',
    {},
    chat("a") | {"model": 7},
    chat("a") | {"messages": []},
    chat("a") | {"messages": "a"},
    chat("a") | {"messages": [{"role": ["user"], "content": "a"}]},
    chat("a") | {"messages": [{"role": "user"}]},
    chat("a") | {"messages": [{"role": "user", "content": "a", "extra": 1}]},
    chat([{"type": "image_url", "image_url": {"url": "http://a"}}]),
    chat([{"type": ["text"], "text": "a"}]),
    chat(None),
    chat("a", n=0),
    chat("a", n=99),
    chat("a", n=True),
    chat("a", max_tokens=51),
    chat("a", max_tokens=0),
    chat("a", max_tokens=1.5),
    chat("a", stream="yes"),
    chat("a", stream_options={}),
    chat("a", temperature="hot"),
    chat("a", temperature=True),
    chat("a", tools={}),
    chat("a", stop=[{}]),
    chat("a") | {"messages": [{"role": "user", "content": "a", "tool_calls": {}}]},
    chat("a") | {"messages": [{"role": "user", "content": "a", "name": 0}]},
    chat("a", web_search_options={}),
]


@pytest.mark.parametrize("body", WRONG_CHATS)
def test_wrong_chats_are_refused_before_they_are_paid(far, body):
    before = len(far.asked)
    with pytest.raises(NotServed) as refused:
        bought(far, body)
    assert refused.value.status == 400
    assert len(far.asked) == before


def test_who_does_not_pay_fills_no_memory(far):
    async def ask(shop):
        for number in range(1100):
            shop.service.quote(shop.call("/v1/chat/completions", chat(f"{number}")))
        before = len(shop.service._asked)
        large = shop.call("/v1/chat/completions", chat("word " * 5000))
        quote = shop.service.quote(large)
        reply = await shop.service.serve(large)
        return before, len(shop.service._asked), quote.amount >= reply.charge

    assert run(far, ask) == (1024, 1024, True)


def test_unknown_models_are_not_found(far):
    for path, body in (
        ("/v1/chat/completions", chat("a") | {"model": "x"}),
        ("/v1/chat/completions", chat("a") | {"model": "near"}),
        ("/v1/embeddings", {"model": "chat", "input": "a"}),
    ):
        with pytest.raises(NotServed) as refused:
            bought(far, body, path)
        assert refused.value.status == 404


def test_the_models_are_listed(far):
    async def priced(shop):
        return shop.service.price_lines()

    async def listed(shop):
        all_of_them = await shop.service.serve(shop.call("/v1/models", b"", "GET"))
        one = await shop.service.serve(shop.call("/v1/models/near", b"", "GET", model="near"))
        with pytest.raises(NotServed):
            await shop.service.serve(shop.call("/v1/models/x", b"", "GET", model="x"))
        return json.loads(all_of_them.body), json.loads(one.body)

    found, one = run(far, listed)
    assert run(far, priced)[1] == "  /v1/chat/completions flat: 0.000000000000000007 per call"
    assert [row["id"] for row in found["data"]] == ["chat", "flat", "far", "near"]
    assert one == {"id": "near", "object": "model", "created": 5, "owned_by": "counterpoise"}


def test_our_own_embeddings_cost_their_tokens_exactly(far):
    body = {"model": "near", "input": ["a bc", "def"]}
    quote, reply = bought(far, body, "/v1/embeddings")
    assert quote.amount == reply.charge == 3
    found = json.loads(reply.body)
    assert [row["embedding"] for row in found["data"]] == [[2, 3, 0.5], [1, 3, 0.5]]
    assert found["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert reply.model == Letters.digest
    _, coded = bought(far, body | {"encoding_format": "base64"}, "/v1/embeddings")
    rows = [base64.b64decode(row["embedding"]) for row in json.loads(coded.body)["data"]]
    assert [np.frombuffer(row, "<f4").tolist() for row in rows] == [[2, 3, 0.5], [1, 3, 0.5]]


def test_long_texts_are_priced_by_their_bytes_and_charged_by_their_tokens(far):
    async def ask(shop, words):
        model = LocalEmbeddings("long", Letters(), PER_TOKEN, most_in=4000)
        texts = ["x" * 200 + " y" * words] * 50
        amount, asked = model.read({"model": "long", "input": texts})
        try:
            return amount, await model.serve(asked)
        finally:
            await model.close()

    amount, reply = run(far, lambda shop: ask(shop, 7))
    assert amount == 4000
    assert reply.charge == 8 * 50
    with pytest.raises(NotServed, match="9 tokens"):
        run(far, lambda shop: ask(shop, 8))


def test_wrong_texts_are_refused(far):
    for change, status in [
        ({"input": []}, 400),
        ({"input": ""}, 400),
        ({"input": [1, 2]}, 400),
        ({"input": ["a"] * 257}, 400),
        ({"input": None}, 400),
        ({"input": "a b c d e f g h i"}, 400),
        ({"input": ["a b c d e f g"] * 3}, 413),
        ({"input": "a" * 200}, 413),
        ({"dimensions": 4}, 400),
        ({"dimensions": "3"}, 400),
        ({"encoding_format": ["float"]}, 400),
        ({"user": 3}, 400),
        ({"user": {}}, 400),
        ({"encoding_format": ""}, 400),
        ({"other": 3}, 400),
    ]:
        with pytest.raises(NotServed) as refused:
            bought(far, {"model": "near", "input": "a", **change}, "/v1/embeddings")
        assert refused.value.status == status, change


def test_an_upstreams_embeddings_are_bounded_too(far):
    quote, reply = bought(far, {"model": "far", "input": ["abc", "d"]}, "/v1/embeddings")
    assert reply.charge == 3 < quote.amount
    assert len(json.loads(reply.body)["data"]) == 2
    with pytest.raises(UpstreamFailed, match="one embedding for each"):
        bought(far, {"model": "far", "input": "lost"}, "/v1/embeddings")


def test_errors_have_openais_form(far):
    async def problem(shop):
        return shop.service.problem(402, "payment required")

    body, media = run(far, problem)
    assert media == "application/json"
    error = json.loads(body)["error"]
    assert (error["message"], error["type"]) == ("payment required", "payment_required")
    assert set(error) == {"message", "type", "param", "code"}


def test_a_tariff_is_per_call_or_per_token():
    assert Tariff(Price(3, Unit.TOKEN)).of(2, 5) == 21
    cheap, dear = Price.parse("1 per token"), Price.parse("2 per token")
    assert str(Tariff(cheap, dear)) == "1 per token, 2 per token written"
    for wrong in (
        lambda: Tariff(Price(3, Unit.JOB)),
        lambda: Tariff(Price(3), Price(1, Unit.TOKEN)),
        lambda: Tariff(Price(3, Unit.TOKEN), Price(1)),
    ):
        with pytest.raises(InputError):
            wrong()


def test_a_meter_never_charges_beyond_its_bounds():
    meter = Meter(PER_TOKEN, Bounds(5, 10), 4, text_in=400)
    charges = [meter.delivered(1000) for _ in range(50)]
    assert max(charges) == 5 + 8 * 100
    assert meter.ended({"prompt_tokens": 99, "completion_tokens": 99}) == 5 + 1000
    assert Meter(PER_TOKEN, Bounds(5, 10), 4, 4).ended({"prompt_tokens": True}) == 1


def test_a_meter_never_gives_back_what_it_charged():
    meter = Meter(PER_TOKEN, Bounds(50, 10), 4, text_in=100)
    charged = [meter.delivered(4) for _ in range(4)]
    assert charged == [25, 25, 25, 425]
    assert meter.ended({"prompt_tokens": 1, "completion_tokens": 1}) == 425


def written(tmp_path, *models):
    lines = ["[[service]]", 'kind = "openai"']
    for model in models:
        lines += ["[[service.models]]", *(f"{name} = {value!r}" for name, value in model.items())]
    (tmp_path / "gateway.toml").write_text("\n".join(lines))
    (table,) = load_settings(tmp_path / "gateway.toml").tables("service")
    assert table.text("kind") == "openai"
    place = Place(None, None, lambda: 1.5)
    return openai_service("texts", table, place)


def test_models_are_read_from_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("A_KEY", "k")
    far = {"engine": "upstream", "url": "http://a/v1", "price": "0.1 per token"}
    talk = far | {"name": "talk", "task": "chat", "price_out": "0.2 per token", "most_tokens": 9}
    find = far | {"name": "find", "task": "embeddings", "theirs": "x", "key_env": "A_KEY"}
    service = written(tmp_path, talk, find)
    chats = service.models["talk"]
    assert (chats.most_tokens, chats.theirs, chats.block) == (9, "talk", 16)
    assert chats.tariff.of(1, 1) == 3 * 10**17
    assert service.models["find"].theirs == "x"
    for wrong in (
        [],
        [talk, talk],
        [talk | {"engine": "magic"}],
        [talk | {"task": "painting"}],
        [talk | {"price": "3 per job"}],
        [talk | {"prise": "3"}],
        [find | {"key_env": "NO_SUCH_KEY"}],
        [find | {"url": "ftp://a"}],
    ):
        with pytest.raises(InputError):
            written(tmp_path, *wrong)
