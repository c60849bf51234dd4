"""Receipts: all that is needed to check one statement offline.

A receipt holds the statement's envelope, the proof that it is in the log, and, once the log was
anchored, where on which chain a head of the log stands, with the proof that head and checkpoint
belong to one log.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.core.digest import canonical_json
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.merkle import check_consistency
from counterpoise.core.units import parse_address, to_checksum
from counterpoise.provenance.checkpoint import Head
from counterpoise.provenance.envelope import Envelope, check_envelope
from counterpoise.provenance.note import strict_base64
from counterpoise.provenance.proof import TlogProof, prove
from counterpoise.provenance.reader import LogView
from counterpoise.provenance.signers import Verifier
from counterpoise.provenance.statement import Statement, json_object

RECEIPT_TYPE = "https://counterpoise.network/receipt/v1"


@dataclass(frozen=True, slots=True)
class AnchorReference:
    """Where a chain holds the head of the log.

    Parameters
    ----------
    chain_id, contract, log_id :
        Which `Anchor` contract, and the log's id in it (32 bytes).
    head :
        The anchored size and root, and the block's time.
    block, transaction :
        Number of the block, and hash of the transaction (32 bytes).
    """

    chain_id: int
    contract: bytes
    log_id: bytes
    head: Head
    block: int
    transaction: bytes

    def to_record(self) -> dict[str, Any]:
        """Give the reference as JSON."""
        return {
            "chain_id": self.chain_id,
            "contract": to_checksum(self.contract),
            "log_id": self.log_id.hex(),
            "size": self.head.size,
            "root": self.head.root.hex(),
            "time": self.head.time,
            "block": self.block,
            "transaction": self.transaction.hex(),
        }

    @classmethod
    def from_record(cls, record: Any) -> AnchorReference:
        """Read what `to_record` gave."""
        try:
            numbers = [record[name] for name in ("chain_id", "size", "time", "block")]
            if not all(type(number) is int and number >= 0 for number in numbers):
                raise ValueError(f"{numbers} are not all plain numbers")
            head = Head(record["size"], bytes.fromhex(record["root"]), record["time"])
            reference = cls(
                record["chain_id"],
                parse_address(record["contract"]),
                bytes.fromhex(record["log_id"]),
                head,
                record["block"],
                bytes.fromhex(record["transaction"]),
            )
            if reference.to_record() != record:
                raise ValueError("it could be written otherwise")
        except (KeyError, TypeError, ValueError) as wrong:
            raise InputError(f"the receipt's anchor is malformed: {wrong}") from wrong
        return reference


@dataclass(frozen=True, slots=True)
class Receipt:
    """One statement with its proofs.

    Parameters
    ----------
    entry :
        The envelope's exact bytes, as they are in the log.
    proof :
        That the log holds them.
    anchor :
        Where the log's head is anchored, if it is.
    consistency :
        From the smaller to the larger of checkpoint and anchored head.
    """

    entry: bytes
    proof: TlogProof
    anchor: AnchorReference | None = None
    consistency: tuple[bytes, ...] = ()

    @property
    def envelope(self) -> Envelope:
        """The envelope, unverified."""
        return Envelope.from_bytes(self.entry)

    def to_bytes(self) -> bytes:
        """Give the receipt as canonical JSON."""
        return canonical_json(
            {
                "type": RECEIPT_TYPE,
                "entry": base64.b64encode(self.entry).decode(),
                "proof": self.proof.to_bytes().decode(),
                "anchor": self.anchor.to_record() if self.anchor else None,
                "consistency": [hash_.hex() for hash_ in self.consistency],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Receipt:
        """Read a receipt; any byte that `to_bytes` would not write is refused."""
        match json_object(data, "receipt"):
            case {
                "type": kind,
                "entry": str(entry),
                "proof": str(proof),
                "anchor": anchor,
                "consistency": list(hashes),
            } if kind == RECEIPT_TYPE:
                receipt = cls(
                    strict_base64(entry, "receipt's entry"),
                    TlogProof.parse(proof.encode()),
                    None if anchor is None else AnchorReference.from_record(anchor),
                    tuple(_hash(text) for text in hashes),
                )
            case _:
                raise InputError("this is not a receipt", hint=f"its type is {RECEIPT_TYPE}")
        if receipt.to_bytes() != data:
            raise InputError("the receipt is not in canonical JSON")
        return receipt


def make_receipt(log: LogView, index: int, anchor: AnchorReference | None = None) -> Receipt:
    """Give the receipt of one entry under the log's latest checkpoint.

    Parameters
    ----------
    log :
        The log, own or mirrored.
    index :
        Position of the entry.
    anchor :
        Where a head of the log is anchored that holds the entry.

    Raises
    ------
    InputError :
        No such entry, or it is not under the anchored head yet.
    VerificationError :
        The anchored head is not one of this log.
    """
    proof = prove(log, index)
    if anchor is None:
        return Receipt(log.entry(index), proof)
    if index >= anchor.head.size:
        raise InputError(
            f"entry {index} is not under the anchored head of {anchor.head.size} entries",
            hint="anchor the log again, then make the receipt",
        )
    log.check_head(anchor.head)
    hashes = log.consistency(anchor.head.size, proof.checkpoint.size)
    return Receipt(log.entry(index), proof, anchor, tuple(hashes))


def check_receipt(
    receipt: Receipt,
    keys: Iterable[Verifier],
    vkey: str,
    *,
    threshold: int = 1,
    witnesses: Sequence[str] = (),
    quorum: int = 0,
    anchored: AnchorReference | None = None,
) -> Statement:
    """Check a receipt offline; give its statement.

    Parameters
    ----------
    receipt :
        As it was received.
    keys, threshold :
        Pinned keys of signers, and how many must have signed.
    vkey :
        The log's pinned verifier key.
    witnesses, quorum :
        Pinned keys of witnesses, and how many must have cosigned.
    anchored :
        What the caller read from the chain, or pinned; the receipt's own reference is only a
        claim until it is compared with this.

    Raises
    ------
    VerificationError :
        The first step that fails: envelope, checkpoint, inclusion, witnesses, anchor.
    """
    statement = check_envelope(receipt.envelope, keys, threshold=threshold)
    receipt.proof.check(receipt.entry, vkey, witnesses=witnesses, quorum=quorum)
    if receipt.anchor is not None or anchored is not None:
        _check_anchor(receipt, anchored)
    return statement


def _check_anchor(receipt: Receipt, anchored: AnchorReference | None) -> None:
    """Check that the anchored tree holds the entry: it and the checkpoint's are one log."""
    claimed, proof = receipt.anchor, receipt.proof
    if claimed is None:
        raise VerificationError("the receipt names no anchor", hint="make it again with one")
    if anchored is not None and claimed != anchored:
        raise VerificationError("the receipt's anchor is not the one on the chain")
    if proof.index >= claimed.head.size:
        raise VerificationError(
            f"entry {proof.index} is not under the anchored head of {claimed.head.size} entries"
        )
    first, second = sorted((claimed.head, proof.checkpoint.head), key=lambda head: head.size)
    check_consistency(first.size, second.size, receipt.consistency, first.root, second.root)


def _hash(text: Any) -> bytes:
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError) as wrong:
        raise InputError("a hash of the receipt is not hex") from wrong
