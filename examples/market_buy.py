"""A seller lists a model and serves it; a buyer finds it, pays one call, keeps the receipt, rates.

Run: python examples/market_buy.py
"""

import json
import socket
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import uvicorn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from counterpoise.core.units import TOKEN, format_tokens
from counterpoise.identity import IdentityClient, ReputationClient
from counterpoise.inference import import_model, save_model
from counterpoise.market import (
    Catalogue,
    Customer,
    Endpoint,
    Listing,
    PaidReceipts,
    Price,
    Reputations,
    Running,
    Table,
    Wanted,
    What,
    Wish,
    publish,
    read_chain,
    read_standings,
    register_seller,
    search,
)
from counterpoise.network import create_network, draw_from_faucet, fill_faucet
from counterpoise.payments import ChannelsClient

PRICE = Price.parse("0.02 per call")


def serve(network, seller, model, folder):
    """Put the model behind payment in a thread; gives the gateway, its server and address."""
    save_model(model, folder / "iris.model")
    service = {"kind": "integer", "name": "iris", "file": "iris.model", "price": str(PRICE)}
    settings = Table({"seller": {"home": "home"}, "service": [service]}, "", folder)
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    running = Running(network, seller, settings, url=url, say=lambda line: None)
    server = uvicorn.Server(uvicorn.Config(running.app, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return running, server, thread, url


def main():
    folder = Path(tempfile.mkdtemp())
    rows, labels = load_iris(return_X_y=True)
    model = import_model(LogisticRegression(max_iter=500).fit(rows, labels == 2), rows).model
    with create_network(folder / "state") as network:
        fill_faucet(network, network.account("operator"))
        seller, buyer = network.account("seller"), network.account("buyer")
        draw_from_faucet(network, seller, 0)
        draw_from_faucet(network, buyer, 10 * TOKEN)
        running, server, thread, url = serve(network, seller, model, folder)
        identity = IdentityClient(network.contract("IdentityRegistry"))
        now = int(time.time())

        listing = Listing(
            What.MODEL,
            "iris",
            "One kind of iris or another, by four measures.",
            PRICE,
            network.contract("CreditToken").address,
            agent=0,
            registry=identity.name,
            until=now + 90 * 86_400,
            endpoints=(Endpoint("oip-v2", url),),
            model=model.id,
        )
        listing = replace(listing, agent=register_seller(identity, seller, listing))
        publish(listing, seller, now, identity=identity, store=network.store)

        with Catalogue(folder / "catalogue.db", identity.name) as catalogue:
            read_chain(catalogue, identity, network.store)
            read_standings(catalogue, identity)
            (found,) = search(catalogue, "iris measures", now, Wanted(tongue="oip-v2", most=PRICE))
        print(f"found {found.found.listing.name} by {found.reason()}")

        customer = Customer(found, buyer, read_channel=ChannelsClient(network.chain).channel)
        tensor = {"name": "bytes", "shape": [1, 4], "datatype": "UINT8", "data": [200, 90, 99, 88]}
        wish = Wish(
            "POST", f"{url}/v2/models/iris/infer", json.dumps({"inputs": [tensor]}).encode()
        )
        done = customer.buy(wish)
        outputs = json.loads(done.bought.answer.body)["outputs"]
        print(f"answer {outputs[0]['data']} for {format_tokens(done.bought.paid)} tokens, ", end="")
        print(f"signed receipt of decision {done.receipt.decision.hex()[:12]}")

        print(f"given back: {format_tokens(customer.refund(wish))} tokens")
        reputation = ReputationClient(network.contract("ReputationRegistry"))
        reputation.give(buyer, listing.agent, 95)
        summary = Reputations(reputation, PaidReceipts.of(network)).of(listing.agent)
        print(f"rated {summary.wad // 10**18} by {summary.count} who paid")
        server.should_exit = True
        thread.join()
        running.close()


if __name__ == "__main__":
    main()
