"""Two validators weigh three providers by hidden checks; the market pays by what they agree on.

The questions are real (breast cancer, Wisconsin), their labels what pathologists found. One
provider runs a model, one always gives the same answer, one answers the opposite of what it knows.
Each check is sealed on the chain before it is asked, asked once, and shown when its epoch is over.
"""

import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from counterpoise.consensus import (
    Case,
    ConsensusClient,
    InProcess,
    Keeper,
    MarketTerms,
    NetworkEvidence,
    Policy,
    Reply,
    Rule,
    Sources,
    Validator,
    found_market,
    seal,
    verify_consensus,
)
from counterpoise.core.units import TOKEN, format_tokens
from counterpoise.inference import import_model
from counterpoise.network import Network, create_network
from counterpoise.provenance import Verdict

NAMES = ["ann", "bob", "honest", "lazy", "lying"]  # validators 0 and 1, providers 2 to 4
RULE = Rule(checks=8, others=4, compared=2)


def join(network: Network, client: ConsensusClient, name: str, stake: int) -> None:
    """Give an account gas money and tokens, a number, and a seat if it stakes."""
    account = network.account(name)
    network.fund(account.address, 10**20)
    client.token.mint(network.account("operator"), account.address, 100 * TOKEN)
    number = client.register(account)
    if stake:
        client.stake(account, stake, number)


def settle(*workers: Keeper | Validator) -> None:
    """Let everyone work until nobody has anything to do."""
    while any([worker.step() for worker in workers]):  # noqa: C419 each of them works
        pass


def play(network: Network, client: ConsensusClient, *workers: Keeper | Validator) -> None:
    """Pass one epoch: questions and commitments, reveals, the result and its challenge window."""
    settle(*workers)
    for end in ("commits_end", "reveals_end"):
        network.warp(getattr(client.epoch(), end) + 5 - network.chain.block("latest").time)
        settle(*workers)
    proposal = client.proposal()
    assert proposal is not None
    network.warp(proposal.ends + 5 - network.chain.block("latest").time)
    workers[0].step()


def main() -> None:
    cancer = load_breast_cancer()
    floats = make_pipeline(StandardScaler(), LogisticRegression())
    floats.fit(cancer.data[:250], cancer.target[:250])
    made = import_model(floats, cancer.data[:250], check=cancer.data[250:])
    rows = [bytes(row) for row in made.card.quantiser.bytes_of(cancer.data[250:], clip=True)]
    labels = [int(one).to_bytes(2, "big") for one in cancer.target[250:]]
    bank = [Case(row, label) for row, label in zip(rows, labels, strict=True)]

    with tempfile.TemporaryDirectory() as folder, create_network(Path(folder) / "state") as network:
        operator = network.account("operator")
        token = network.contract("CreditToken").address
        client = found_market(network, operator, MarketTerms(token, 90 * TOKEN, 90 * TOKEN, TOKEN))
        client.token.mint(operator, operator.address, 1_000 * TOKEN)
        client.fund(operator, 360 * TOKEN)
        for name, stake in zip(NAMES, (40, 30, 0, 0, 0), strict=True):
            join(network, client, name, stake * TOKEN)

        def answer(name: str, question: bytes) -> Reply:
            known = made.model.answer(question)
            decision = {"honest": known[-1], "lazy": 1, "lying": 1 - known[-1]}[name]
            said = known[:-2] + bytes([0, decision])
            return Reply(said, 1, seal(network.account(name), question, said))

        ask = InProcess({n: lambda q, n=n: answer(NAMES[n], q) for n in (2, 3, 4)})
        evidence = NetworkEvidence(network, client.address)
        keeper = Keeper(client, operator, say=print, collect=lambda it: evidence.collect(it.closed))
        sources, policy = Sources(ask, bank, rows[:80]), Policy(RULE)
        validators = [
            Validator(client, network.account(name), sources, evidence, Path(folder) / name, policy)
            for name in ("ann", "bob")
        ]
        for _ in range(3):
            play(network, client, keeper, *validators)
        settle(keeper, *validators)
        scores = validators[0].examiner.sheet(3).scores
        for number, cell in enumerate(client.ledger().final):
            told = f", ann scores it {scores[number].total / 10_000:.1f} %" if number > 1 else ""
            print(f"{NAMES[number]:>8} is due {format_tokens(cell.due)[:7]:>7} tokens{told}")
        for one in validators:
            one.close()
        verdict = Verdict()
        epochs = verify_consensus(network, verdict)
        assert verdict.is_true, verdict.first
        print(f"{epochs} epochs, {verdict.numbers} numbers derived anew, none false")


if __name__ == "__main__":
    main()
