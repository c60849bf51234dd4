"""Watch a chain, find a robbery in its calls, pause the bank for it, export the case.

Run it: python examples/watch_and_pause.py
"""

import tempfile
from pathlib import Path

from counterpoise.apps.watchtower import STAGED
from counterpoise.chain import Account, artifact_of, deploy, open_chain
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN, to_checksum
from counterpoise.jobs import TokenClient
from counterpoise.monitor import (
    NATIVE,
    Case,
    ChainSource,
    GuardianClient,
    GuardianTerms,
    Responder,
    Watch,
    draw,
    export_case,
    make_detectors,
)

chain = open_chain("embedded:")
owner, saver, thief, reporter = (Account.local(n) for n in (b"owner", b"saver", b"thief", b"eye"))
for account in (owner, saver, thief, reporter):
    chain.fund(account.address, 100 * TOKEN)

token = TokenClient.deploy(chain, owner, owner.address)
token.mint(owner, reporter.address, 100 * TOKEN)
guardian = GuardianClient.deploy(chain, owner, token)

# A bank with a flaw: it pays before it writes. It lets itself be paused for ten minutes.
bank = deploy(chain, owner, artifact_of(STAGED / "savings.vy"), guardian.address)
terms = GuardianTerms(600, 60, 3_600, 1_200, 5 * TOKEN, 0, 3_600, owner.address, owner.address)
bank.transact(owner, "consent", terms.values())
bank.transact(saver, "bring", value=20 * TOKEN)
burglar = deploy(chain, thief, artifact_of(STAGED / "burglar.vy"), bank.address)

watch = Watch(chain.chain_id(), make_detectors(["reentrancy"]), {NATIVE: 10**15})
source = ChainSource(chain)
responder = Responder(guardian, reporter, [bank.address])


def look():
    """Take the new blocks in; act on what they raise."""
    for block in source.poll():
        outcome = watch.accept(block)
        for alert in outcome.raised:
            print(
                f"block {alert.block_number}: {alert.finding.detector}: {alert.finding.reasons[0]}"
            )
            yield alert
        for action in responder.respond(outcome):
            if action.case is not None:
                seconds = action.case.until - action.case.started
                print(f"paused {to_checksum(action.target)} for {seconds} s, with a bond")


found = [*look()]
burglar.transact(thief, "rob", 4, value=TOKEN)  # one coin in, five out
found += [*look()]
try:
    burglar.transact(thief, "rob", 4, value=TOKEN)
except Reverted as refused:
    print(f"the second robbery: {refused.reason}")
print(f"left in the bank: {chain.balance(bank.address) // TOKEN} of 20 coins")

case = Case(found[0].id, tuple(found))
for line in draw([e for a in found for e in a.finding.edges], case.entities):
    print(f"  {line}")
with tempfile.TemporaryDirectory() as folder:
    for path in export_case(case, Path(folder)):
        print(f"exported {path.name}, {path.stat().st_size} bytes")
