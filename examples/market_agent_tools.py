"""A seller offers a model that embeds texts; an agent finds it as a tool, and pays by the token.

With `make embeddings` the model is a small language model; without, a plain hashing of words.
The tool is one of MCP; the agent pays inside of the messages (x402 over MCP), never beyond its
budget. A client of OpenAI buys the same at /v1/embeddings.
"""

import socket
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import uvicorn
from sklearn.feature_extraction.text import HashingVectorizer

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.core.units import TOKEN, format_tokens
from counterpoise.market import (
    LocalEmbeddings,
    McpClient,
    McpTransport,
    MiniLm,
    OpenAiService,
    Price,
    Running,
    Table,
    Tariff,
)
from counterpoise.network import create_network, draw_from_faucet, fill_faucet
from counterpoise.payments import Allowance, Budget, Buyer, send_by_http

PRICE = Price.parse("0.0001 per token")
TEXTS = ["A man is eating food.", "A man is eating a meal.", "The stock market fell sharply."]


class Hashing:
    """Texts as counts of their words' hashes: what a seller may put in a model's place."""

    dimensions, most_tokens = 256, 256
    digest = sha256(b"words hashed into 256 counts")

    def tokens(self, texts):
        """Cut texts into words."""
        return [[sha256(word.lower().encode())[0] for word in text.split()] for text in texts]

    def embed(self, tokens):
        """Give a row of counts for each text."""
        words = [" ".join(f"w{token}" for token in row) for row in tokens]
        return HashingVectorizer(n_features=256).transform(words).toarray().astype(np.float32)


def embedder():
    try:
        return MiniLm()
    except MissingExtra as missing:
        print(f"{missing.module} is not there ({missing.hint}): words are hashed instead")
        return Hashing()


def serve(network, seller, folder):
    """Put the model behind payment in a thread; gives what runs, and its address."""
    texts = OpenAiService([LocalEmbeddings("texts", embedder(), Tariff(PRICE))])
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = Table({"seller": {"name": "Texts", "home": "home"}}, "", folder)
    running = Running(network, seller, settings, url=url, say=lambda line: None, more=[texts])
    server = uvicorn.Server(uvicorn.Config(running.app, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return running, server, thread, url


def main():
    folder = Path(tempfile.mkdtemp())
    with create_network(folder / "state") as network:
        fill_faucet(network, network.account("operator"))
        seller, agent = network.account("seller"), network.account("agent")
        draw_from_faucet(network, seller, 0)
        draw_from_faucet(network, agent, 10 * TOKEN)
        running, server, thread, url = serve(network, seller, folder)

        place = f"eip155:{network.chain.chain_id()}", network.contract("CreditToken").address
        budget = Budget({place: Allowance(call=TOKEN // 100, deposit=5 * TOKEN, total=5 * TOKEN)})
        transport = McpTransport(url + "/mcp", send_by_http)
        client = McpClient(transport, Buyer(agent, budget, send=transport))
        (tool,) = client.tools()
        print(f"tool {tool.name}: {tool.description}")

        called = client.call(tool.name, {"input": TEXTS})
        rows = np.array([row["embedding"] for row in called.content["data"]])
        alike, unlike = rows[0] @ rows[1], rows[0] @ rows[2]
        tokens = called.content["usage"]["total_tokens"]
        print(f"{tokens} tokens for {format_tokens(called.paid)}; ", end="")
        print(f"alike {alike:.2f}, unlike {unlike:.2f}")
        print(f"decision {called.meta['counterpoise/decision'][:16]}… is in the seller's log")
        try:
            client.call(tool.name, {"input": ["many words " * 60] * 20})
        except InputError as dear:
            print(f"not bought: {dear.message}")

        server.should_exit = True
        thread.join()
        running.close()
        earned = network.contract("CreditToken").call("balanceOf", seller.address)
        print(f"the seller has {format_tokens(earned)} after its claim")


if __name__ == "__main__":
    main()
