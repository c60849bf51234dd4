"""A loan on a model's answer that the chain itself computes: asked, priced, taken, paid back.

Run it: python examples/lending_loan.py
"""

import os
import tempfile
from pathlib import Path

from counterpoise.apps.lending.credit import load_credit
from counterpoise.apps.lending.desk import Application
from counterpoise.apps.lending.office import open_desk, policy_of, publish
from counterpoise.apps.lending.scorecard import build_scorecard
from counterpoise.core.units import TOKEN, format_tokens
from counterpoise.inference import input_commitment
from counterpoise.jobs import TokenClient
from counterpoise.network import create_network
from counterpoise.oracle import OracleClient
from counterpoise.verification import DirectClient, Level

with tempfile.TemporaryDirectory() as folder, create_network(Path(folder) / "state") as network:
    who = {
        name: network.account(name)
        for name in ("lender", "bank", "office", "registry", "anna", "node")
    }
    token, oracle = TokenClient(network.contract("CreditToken")), network.contract("Oracle")
    for account in who.values():
        network.fund(account.address, 10**19)
        token.mint(network.account("operator"), account.address, 50_000 * TOKEN)

    # A model is trained, made integers, registered; its weights are put where the chain runs it.
    card = build_scorecard()
    publish(network, who["bank"], card)
    direct = DirectClient(network.contract("Direct"))
    direct.load(who["node"], card.net)

    # The lender opens a desk, whose policy is fixed, and funds it.
    staff = {"lender": who["lender"], "clerk": who["bank"], "attester": who["registry"]}
    desk = open_desk(network, who["office"], policy_of(card), **staff)
    token.approve(who["lender"], desk.address, 50_000 * TOKEN)
    desk.deposit(who["lender"], 50_000 * TOKEN)

    # Anna commits to her data; the registry, which saw the papers, signs that they are hers.
    anna = load_credit().values[567]
    salt, values = os.urandom(32), card.bytes_of(anna)
    amount, months = int(anna["credit_amount"]) * TOKEN, int(anna["duration_in_month"])
    hidden = input_commitment(salt, values)
    now = network.chain.block().time
    application = Application(who["anna"].address, hidden, amount, months, now + 3600)
    signature = desk.attest(who["registry"], application)
    token.approve(who["anna"], desk.address, 50_000 * TOKEN)
    asked = desk.apply(who["anna"], application, signature, level=Level.DIRECT, fee=TOKEN)
    loan = desk.number_in(asked)
    print(f"asked for {format_tokens(amount)} over {months} months: {asked.gas_used:,} gas")

    # A node lets the chain run the model, and brings the answer to the desk.
    answered = direct.answer(who["node"], oracle.address, loan, salt, values)
    delivered = OracleClient(oracle).fulfil(who["node"], loan)
    terms = desk.loan(loan)
    print(f"the chain ran the model for {answered.gas_used:,} gas, the desk priced the loan for")
    print(f"{delivered.gas_used:,}: risk {terms.risk / 10_000:.1f} %, ", end="")
    print(f"{terms.yearly_bps / 100:.2f} % a year, {terms.status.name.lower()}")

    desk.accept(who["anna"], loan)
    network.warp(365 * 86_400)
    print(f"after a year anna owes {format_tokens(desk.owed(loan))[:10]}")
    desk.repay(who["anna"], loan, 2 * amount)
    print(f"and pays it: {desk.loan(loan).status.name.lower()}")
