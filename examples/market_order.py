"""A translation is ordered, sealed, contested and decided: money moves by rules, not by trust.

Run it: python examples/market_order.py
"""

import tempfile
from pathlib import Path

from counterpoise.core.digest import sha256
from counterpoise.core.units import TOKEN, format_tokens
from counterpoise.jobs import JobsClient, TokenClient
from counterpoise.market import AcceptanceClient, Orders, OrderTerms
from counterpoise.market.acceptance_rules import ACCEPT_WORK, question_input
from counterpoise.network import create_network
from counterpoise.verification import QuorumClient, SignedAnswer

DAY = 86_400
YES = bytes(4) + b"\0\1"  # an answer as models give it: one logit, and the decision
JURORS = ("ann", "bob", "cleo")

with tempfile.TemporaryDirectory() as place, create_network(Path(place) / "state") as network:
    buyer, seller, stranger = map(network.account, ("buyer", "seller", "stranger"))
    jurors = [network.account(name) for name in JURORS]
    token = TokenClient(network.contract("CreditToken"))
    quorum = QuorumClient(network.contract("Quorum"))
    for account in (buyer, seller, stranger, *jurors):
        network.fund(account.address, 10**19)
        token.mint(network.account("operator"), account.address, 1_000 * TOKEN)
    for juror in jurors:
        quorum.join(juror, 100 * TOKEN)

    jobs = JobsClient(network.contract("Jobs"))
    acceptance = AcceptanceClient(network.contract("Acceptance"))
    orders = Orders(jobs, network.store, [acceptance])

    def balances() -> str:
        parties = (("buyer", buyer), ("seller", seller))
        return ", ".join(f"{n} {format_tokens(token.balance(a.address))}" for n, a in parties)

    def order(text: bytes) -> int:
        """Order a translation for 100 tokens, to be sealed; the seller looks before it works."""
        expires = network.chain.block().time + 14 * DAY
        agreed = sha256(b"translate our statutes into plain French")
        wanted = OrderTerms(
            agreed, seller.address, acceptance.address, 100 * TOKEN, expires, is_private=True
        )
        number = orders.place(buyer, wanted)
        orders.fund(buyer, number)
        orders.check(
            number,
            seller.address,
            agreed=agreed,
            least=100 * TOKEN,
            evaluators=[acceptance.address],
            until=network.chain.block().time + DAY,
        )
        orders.deliver(seller, number, text)
        return number

    good = order("Les membres se réunissent une fois par an.".encode())
    print("the buyer reads:", orders.fetch(good, buyer).decode())
    acceptance.accept(buyer, good)
    print("accepted:", balances())

    silent = order("Le trésorier tient les comptes.".encode())
    network.warp(acceptance.case(silent).terms.window)
    for number in orders.due(stranger.address, seller.address):
        orders.conclude(stranger, number)
    print("the buyer was silent, a stranger concluded:", balances())

    text = b"Chaque membre a une voix."
    contested = order(text)
    acceptance.object_to(buyer, contested, network.store.put(b"this is not our text"))
    acceptance.defend(seller, contested, network.store.put(b"it is: see article 3"))
    shown = orders.show(seller, contested, text)
    print("the jurors read:", orders.fetch_shown(contested, shown).decode())
    work = acceptance.case(contested).deliverable
    about = question_input(jobs.address, contested, buyer.address, seller.address, work)
    vote = SignedAnswer(acceptance.address, contested, ACCEPT_WORK, about, YES)
    quorum.attest(stranger, vote, [quorum.sign(juror, vote) for juror in jurors])
    acceptance.conclude(stranger, contested)
    for juror in jurors:
        acceptance.withdraw(stranger, juror.address)
    print("the jurors found for the seller, the buyer lost its bond of 10:", balances())
