"""Evidence: signed statements in an append-only log whose checkpoints are anchored on a chain."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.provenance.anchor import AnchorClient, LogId, log_id
    from counterpoise.provenance.checkpoint import Checkpoint, Head, check_checkpoint
    from counterpoise.provenance.envelope import Envelope, add_signature, check_envelope, sign
    from counterpoise.provenance.index import Index, IndexedEntry
    from counterpoise.provenance.lineage import Tree
    from counterpoise.provenance.log import Log
    from counterpoise.provenance.note import log_vkey
    from counterpoise.provenance.oms import export_model_signature
    from counterpoise.provenance.predicates import (
        build_statement,
        check_fields,
        check_predicate,
        kind_of,
        predicate_type,
    )
    from counterpoise.provenance.proof import TlogProof, prove
    from counterpoise.provenance.reader import LogReader, LogView
    from counterpoise.provenance.receipt import (
        AnchorReference,
        Receipt,
        check_receipt,
        make_receipt,
    )
    from counterpoise.provenance.rows import (
        ENCODING,
        Column,
        CsvSource,
        LeafFile,
        RowCommitment,
        RowProof,
        RowSource,
        SaltFile,
        Schema,
        check_row,
        commit_rows,
        read_row,
        row_proof,
    )
    from counterpoise.provenance.signers import (
        AccountSigner,
        AddressVerifier,
        Ed25519Signer,
        Ed25519Verifier,
        P256Signer,
        P256Verifier,
        Signer,
        Verifier,
    )
    from counterpoise.provenance.statement import Statement, Subject
    from counterpoise.provenance.verdict import Falsehood, Progress, Verdict, silent
    from counterpoise.provenance.witness import Witness, add_cosignature

_HOMES = {
    "anchor": ("AnchorClient", "LogId", "log_id"),
    "checkpoint": ("Checkpoint", "Head", "check_checkpoint"),
    "envelope": ("Envelope", "add_signature", "check_envelope", "sign"),
    "index": ("Index", "IndexedEntry"),
    "lineage": ("Tree",),
    "log": ("Log",),
    "note": ("log_vkey",),
    "oms": ("export_model_signature",),
    "predicates": (
        "build_statement",
        "check_fields",
        "check_predicate",
        "kind_of",
        "predicate_type",
    ),
    "proof": ("TlogProof", "prove"),
    "reader": ("LogReader", "LogView"),
    "receipt": ("AnchorReference", "Receipt", "check_receipt", "make_receipt"),
    "rows": (
        "ENCODING",
        "Column",
        "CsvSource",
        "LeafFile",
        "RowCommitment",
        "RowProof",
        "RowSource",
        "SaltFile",
        "Schema",
        "check_row",
        "commit_rows",
        "read_row",
        "row_proof",
    ),
    "signers": (
        "AccountSigner",
        "AddressVerifier",
        "Ed25519Signer",
        "Ed25519Verifier",
        "P256Signer",
        "P256Verifier",
        "Signer",
        "Verifier",
    ),
    "statement": ("Statement", "Subject"),
    "verdict": ("Falsehood", "Progress", "Verdict", "silent"),
    "witness": ("Witness", "add_cosignature"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ENCODING",
    "AccountSigner",
    "AddressVerifier",
    "AnchorClient",
    "AnchorReference",
    "Checkpoint",
    "Column",
    "CsvSource",
    "Ed25519Signer",
    "Ed25519Verifier",
    "Envelope",
    "Falsehood",
    "Head",
    "Index",
    "IndexedEntry",
    "LeafFile",
    "Log",
    "LogId",
    "LogReader",
    "LogView",
    "P256Signer",
    "P256Verifier",
    "Receipt",
    "RowCommitment",
    "RowProof",
    "RowSource",
    "SaltFile",
    "Schema",
    "Signer",
    "Statement",
    "Subject",
    "TlogProof",
    "Tree",
    "Progress",
    "silent",
    "Verdict",
    "Verifier",
    "Witness",
    "add_cosignature",
    "add_signature",
    "build_statement",
    "check_checkpoint",
    "check_envelope",
    "check_fields",
    "check_predicate",
    "check_receipt",
    "check_row",
    "commit_rows",
    "export_model_signature",
    "kind_of",
    "log_id",
    "log_vkey",
    "make_receipt",
    "predicate_type",
    "prove",
    "read_row",
    "row_proof",
    "sign",
]


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
