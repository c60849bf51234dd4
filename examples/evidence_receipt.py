"""A clinic states what its model decided; a stranger checks it offline, years later.

Run: python examples/evidence_receipt.py
"""

import os
import tempfile
from pathlib import Path

from counterpoise.chain import Account, deploy, dev_account, open_chain
from counterpoise.core.digest import sha256
from counterpoise.core.errors import VerificationError
from counterpoise.provenance import (
    AccountSigner,
    AddressVerifier,
    AnchorClient,
    Index,
    Log,
    Receipt,
    Subject,
    build_statement,
    check_receipt,
    make_receipt,
    sign,
)

MODEL, ROWS = sha256(b"the model's file"), sha256(b"the rows it was trained on")


def state(kind, name, digest, signer, inputs=(), /, **fields):
    statement = build_statement(
        kind,
        [Subject(name, digest)],
        actor=signer.keyid,
        time=1_767_225_600,
        nonce=os.urandom(16),
        inputs=[{"sha256": made_from, "role": role} for role, made_from in inputs],
        **fields,
    )
    return sign(statement, signer).to_bytes()


def entries(clinic):
    """What happened: a dataset, a model made from it, and a decision made with that."""
    decision = sha256(b"decision 1")
    return [
        state("dataset", "heart rows", ROWS, clinic, schema=[{"name": "age", "type": "int64"}],
              encoding="salted-dag-cbor/v1", rows=303, row_root=bytes(32), source="the clinic",
              licence="private"),
        state("model", "heart model", MODEL, clinic, [("trained on", ROWS)],
              files=[{"name": "model.bin", "sha256": MODEL}], kind="linear"),
        state("decision", "decision 1", decision, clinic, [("model", MODEL)], request="visit 4711",
              model=MODEL, input_commitment=sha256(b"salt and input"), output="refer",
              policy="triage/3", started=1_767_225_600, ended=1_767_225_601,
              reviewer="Dr. Roth", confidence_ppm=912_000),
    ]  # fmt: skip


def main():
    folder = Path(tempfile.mkdtemp())
    account = Account.local(b"clinic")
    clinic, operator = AccountSigner(account), dev_account(0)
    chain = open_chain("embedded:")
    anchors = AnchorClient(deploy(chain, operator, "Anchor"))

    with Log(folder / "log", origin="clinic.example/log", key=os.urandom(32)) as log:
        positions = log.append(entries(clinic))
        anchored = anchors.publish(operator, log)
        paper = make_receipt(log, positions[-1], anchored).to_bytes()
        log.append([b"the log goes on"])
        with Index(folder / "index.sqlite") as index:
            index.update(log)
            print(index.lineage(sha256(b"decision 1")))
    print(f"\nanchored: {anchored.head.size} entries in block {anchored.block}")
    print(f"the receipt has {len(paper)} bytes and holds all that is needed to check it:")

    pinned = [AddressVerifier(account.address)]
    statement = check_receipt(Receipt.from_bytes(paper), pinned, log.vkey, anchored=anchored)
    print(f"  true: {statement.subject[0].name} was {statement.predicate['output']!r}, ", end="")
    print(f"reviewed by {statement.predicate['reviewer']}")

    forged = Receipt.from_bytes(paper)
    other = state("decision", "decision 1", sha256(b"decision 1"), clinic, request="visit 4711",
                  model=MODEL, input_commitment=sha256(b"x"), output="send home",
                  policy="triage/3", started=1, ended=2)  # fmt: skip
    try:
        check_receipt(Receipt(other, forged.proof, forged.anchor), pinned, log.vkey)
    except VerificationError as refused:
        print(f"  a decision signed afterwards is not in the log: {refused}")
    chain.close()


if __name__ == "__main__":
    main()
