"""A client asks a model through the oracle at two levels; a node answers; everything is re-derived.

The model is trained on real data (breast cancer, Wisconsin) and becomes integers with its card.
The network is a folder with a chain inside; the node here is the one that
`counterpoise oracle serve` runs as a process of its own.
"""

import secrets
import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from counterpoise.core.units import TOKEN, format_tokens
from counterpoise.inference import import_model, parse_answer
from counterpoise.network import Network, create_network
from counterpoise.oracle import (
    Inbox,
    OracleClient,
    Order,
    Policy,
    open_node,
    publish_model,
    verify_answers,
)
from counterpoise.provenance import Verdict
from counterpoise.verification import DirectClient, Level

HOUR = 3_600


def funded(network: Network, name: str) -> object:
    """Give an account of the local chain gas money and tokens."""
    account = network.account(name)
    network.fund(account.address, 10**20)
    token = network.contract("CreditToken")
    token.transact(network.account("operator"), "mint", account.address, 100 * TOKEN)
    return account


def main() -> None:
    cancer = load_breast_cancer()
    floats = make_pipeline(StandardScaler(), LogisticRegression())
    floats.fit(cancer.data[:400], cancer.target[:400])
    made = import_model(floats, cancer.data[:400], check=cancer.data[400:])

    with tempfile.TemporaryDirectory() as folder, create_network(Path(folder) / "state") as network:
        operator = network.account("operator")
        client, provider = funded(network, "client"), funded(network, "nina")
        card = made.card.to_bytes()
        publish_model(network, operator, made.model, name="biopsy", card=card)
        DirectClient(network.contract("Direct")).load(operator, made.model)
        print(f"model {made.model.id.hex()[:16]}… of {made.model.inputs} inputs")

        oracle = OracleClient(network.contract("Oracle"))
        inbox = Inbox(network.store, network.mailbox)
        home, quick = Path(folder) / "nina", Policy(courtesy_seconds=0, draw_at=0)
        node = open_node(
            network, provider, home, levels=[Level.OPTIMISTIC, Level.DIRECT], policy=quick
        )
        for number, level in ((450, Level.OPTIMISTIC), (500, Level.DIRECT)):
            real = cancer.data[number : number + 1]
            row = made.quantiser.bytes_of(real, clip=True)[0]
            commitment = inbox.put(secrets.token_bytes(32), row.tobytes())
            deadline = network.chain.block().time + 24 * HOUR
            order = Order(made.model.id, level, 2 * TOKEN, deadline)
            request = oracle.request(client, order, commitment)
            for _ in range(8):
                node.step()
                node.supply.wait(5)
                if level is Level.OPTIMISTIC:
                    network.warp(HOUR // 2)  # nobody disputes while the window is open
            answer = oracle.answer_of(request)
            logits, decision = parse_answer(answer.answer)
            said = f"decision {decision}, logit {logits[0]}"
            wanted = floats.predict(real)[0]
            print(f"request {request}, {level.name.lower()}: {said}; in floats: {wanted}")
        node.close()
        spent = 100 * TOKEN - oracle.token.balance(client.address)
        earned = oracle.token.balance(provider.address) - 100 * TOKEN
        print(f"client paid {format_tokens(spent)} tokens, node earned {format_tokens(earned)}")
        verdict = Verdict()
        verify_answers(network, verdict)
        verdict.raise_if_false()
        print(f"verified: {verdict.numbers} numbers re-derived, none false")


if __name__ == "__main__":
    main()
