"""A proof in a file: the request, the answer and what proves it, as one JSON object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.inference import parse_answer
from counterpoise.verification.prover import Evidence, Level, Request


def save_proof(path: Path, request: Request, evidence: Evidence) -> dict[str, Any]:
    """Write a proof; gives what was written."""
    logits, decision = parse_answer(evidence.answer)
    record = {
        "level": evidence.level.name.lower(),
        "model": request.model.hex(),
        "asker": request.asker.hex(),
        "id": request.id,
        "salt": request.salt.hex(),
        "values": request.values.hex(),
        "deadline": request.deadline,
        "answer": evidence.answer.hex(),
        "logits": list(logits),
        "decision": decision,
        "digest": evidence.digest.hex(),
        "proof": evidence.proof.hex(),
    }
    path.write_text(json.dumps(record, indent=1) + "\n")
    return record


def load_proof(path: Path) -> tuple[Request, Evidence]:
    """Load what `save_proof` wrote.

    Raises
    ------
    InputError :
        The file is no proof.
    """
    try:
        record = json.loads(path.read_text())
        names = ("asker", "model", "salt", "values", "answer", "digest", "proof")
        asker, model, salt, values, answer, digest, proof = (
            bytes.fromhex(record[name]) for name in names
        )
        request = Request(asker, int(record["id"]), model, salt, values, int(record["deadline"]))
        return request, Evidence(Level[record["level"].upper()], answer, digest, proof)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} holds no proof: {error}",
            hint="counterpoise verification prove MODEL --key DIR --input HEX --out FILE",
        ) from None
