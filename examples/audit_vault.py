"""A vault in Vyper is audited, mended, audited again; the report is evidence that anyone repeats.

Run: python examples/audit_vault.py
"""

import os
import tempfile
from pathlib import Path

from counterpoise.audit import (
    audit_answer,
    audit_project,
    audit_statement,
    check_report,
    load_project,
    report_bytes,
)
from counterpoise.chain import dev_account
from counterpoise.core.errors import VerificationError
from counterpoise.provenance import AccountSigner, AddressVerifier, check_envelope, sign

VAULT = """# pragma version ~=0.4.3
from counterpoise_example import own

initializes: own

balances: HashMap[address, uint256]


@deploy
def __init__():
    own.__init__()


@external
@payable
def deposit():
    self.balances[msg.sender] += msg.value


@external
def withdraw():
    amount: uint256 = self.balances[msg.sender]
    raw_call(msg.sender, b"", value=amount)
    self.balances[msg.sender] = 0


@external
def sweep(to: address):
    own._check(msg.sender)
    send(to, self.balance)
"""
OWN = """# pragma version ~=0.4.3
owner: address


@deploy
def __init__():
    self.owner = msg.sender


@internal
def _check(who: address):
    assert who == who, "own: not the owner"
"""
MENDED = VAULT.replace(
    """    raw_call(msg.sender, b"", value=amount)
    self.balances[msg.sender] = 0
""",
    """    self.balances[msg.sender] = 0
    raw_call(msg.sender, b"", value=amount)
""",
).replace("@external\ndef withdraw", "@nonreentrant\n@external\ndef withdraw")


def audited(folder, vault, own):
    """Audit one contract with the module that it imports."""
    (folder / "counterpoise_example").mkdir(exist_ok=True)
    (folder / "counterpoise_example" / "own.vy").write_text(own)
    (folder / "Vault.vy").write_text(vault)
    return audit_project(load_project(folder / "Vault.vy"), engines=("vyper",), jobs=0)


def show(title, outcome):
    """What counts, the worst first."""
    print(title)
    for one in sorted(outcome.counted(), key=lambda found: -found.severity):
        print(f"  {one.severity.label:<7} {one.rule:<21} line {one.line}: {one.message}")


def main():
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "pyproject.toml").write_text("")
        show("As it was", audited(folder, VAULT, OWN))
        outcome = audited(folder, MENDED, OWN.replace("who == who", "who == self.owner"))
        show("Mended (nothing is left)", outcome)
        signer = AccountSigner(dev_account(0))
        envelope = sign(
            audit_statement(outcome, actor=signer.keyid, time=1_767_225_600, nonce=os.urandom(16)),
            signer,
        )
        again = audit_project(outcome.project, engines=("vyper",), jobs=0)
    statement = check_envelope(envelope, [AddressVerifier(dev_account(0).address)])
    counts = check_report(statement, report_bytes(again))["counts"]
    print(f"\nThe statement names the report that a second audit makes: {counts}")
    print(f"For a contract that pays for audits: {audit_answer(again).hex()}")
    try:
        check_report(statement, report_bytes(again).replace(b'"high":0', b'"high":1'))
    except VerificationError as refused:
        print(f"Another report is refused: {refused}")


if __name__ == "__main__":
    main()
