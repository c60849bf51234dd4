"""A stranger's server in OpenAI's form, small and real: it repeats what it is told."""

import asyncio
import contextlib
import json
import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "very-own-key-of-the-upstream"


def text_of(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part["text"] for part in content)


class SmallUpstream:
    """What it is asked is kept in `asked`; the last message's text says how it behaves."""

    def __init__(self):
        self.asked, self.streamed, self.closed = [], 0, threading.Event()

    async def chat(self, request):
        body = await request.json()
        self.asked.append((dict(request.headers), body))
        text = text_of(body["messages"][-1])
        if text == "wrong":
            told = f"no such thing; your key is {KEY}, theirs sk-another or Bearer some"
            return JSONResponse({"error": {"message": told}}, 400)
        if text == "unauthorized":
            return JSONResponse({"error": {"message": f"bad key {KEY}"}}, 401)
        if text == "busy":
            return JSONResponse({"error": {"message": "slow down"}}, 429)
        if text == "slow":
            await asyncio.sleep(3)
        if text == "garbage":
            return Response(b"<html>" + KEY.encode())
        if text == "nothing":
            return JSONResponse({"choices": []})
        if body.get("stream"):
            return StreamingResponse(self.pieces(text, body), media_type="text/event-stream")
        words = text.split()[: body.get("max_tokens", 1000)]
        usage = self.usage(body, len(words))
        if text == "greedy":
            usage = {"prompt_tokens": 10**12, "completion_tokens": 10**12}
        if text == "uncounted usage":
            usage = {"prompt_tokens": -1, "completion_tokens": "many"}
        answer = {"role": "assistant", "content": " ".join(words)}
        choice = {"index": 0, "message": answer, "finish_reason": "stop"}
        found = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"]}
        return JSONResponse(found | {"choices": [choice], "usage": usage})

    @staticmethod
    def usage(body, written):
        read = sum(len(text_of(message).split()) for message in body["messages"])
        total = {"total_tokens": read + written}
        return {"prompt_tokens": read, "completion_tokens": written} | total

    async def pieces(self, text, body):
        if text == "empty":
            return
        words = text.split()
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        try:
            for number, word in enumerate(words):
                if word == "die":
                    raise ConnectionResetError
                if word == "error":
                    yield b'data: {"error": {"message": "' + KEY.encode() + b'"}}\n\n'
                    return
                if word == "wait":
                    await asyncio.sleep(0.05)
                delta = {"content": word + " "}
                choice = {"index": 0, "delta": delta, "finish_reason": None}
                content = json.dumps(head | {"choices": [choice]}).encode()
                yield b"data: " + content + (b"\r\n\r\n" if number % 2 else b"\n\n")
                self.streamed += 1
        except (asyncio.CancelledError, GeneratorExit):
            self.closed.set()
            raise
        usage = self.usage(body, len(words))
        yield b"data: " + json.dumps(head | {"choices": [], "usage": usage}).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"

    async def embeddings(self, request):
        body = await request.json()
        self.asked.append((dict(request.headers), body))
        rows = [
            {"object": "embedding", "index": n, "embedding": [float(len(text)), 1.0]}
            for n, text in enumerate(body["input"])
        ]
        if body["input"] == ["lost"]:
            rows = []
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        return JSONResponse({"object": "list", "model": "m", "data": rows, "usage": usage})

    def app(self):
        routes = [
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/embeddings", self.embeddings, methods=["POST"]),
        ]
        return Starlette(routes=routes)


@contextlib.contextmanager
def serving(app):
    """Serve an ASGI application in a thread; gives its address."""
    # Without the protocol asyncio leaves out TCP_NODELAY, which costs 40 ms an answer.
    free = socket.socket(proto=socket.IPPROTO_TCP)
    free.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [free]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{free.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        free.close()
