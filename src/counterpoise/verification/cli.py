"""The verbs of proofs: ``counterpoise verification levels|prove|check|zk|srs``."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from counterpoise.core.errors import CounterpoiseError, InputError

Record = dict[str, Any]

EXAMPLES = """\b
Examples:
  counterpoise verification levels
  counterpoise verification srs development --rows 12 --to srs
  counterpoise verification zk setup heart.model --srs srs --to heart.key
  counterpoise verification prove heart.model --key heart.key --input 0a1f… --out proof.json
  counterpoise verification check proof.json --model heart.model --key heart.key
"""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
MODEL = click.argument("model", metavar="MODEL", type=FILE)
SRS = click.option("--srs", required=True, type=FOLDER, help="Folder of SRS files.")
KEY = click.option("--key", required=True, type=FOLDER, help="Folder of the proving key.")
ROWS = click.option("--rows", required=True, type=int, help="Log2 of the circuit's rows: 10, 12.")
STATE = click.option("--state", type=FOLDER, metavar="DIR", help="Folder of the network.")


@click.group(epilog=EXAMPLES)
def verification() -> None:
    """How strongly an answer is proven: levels, keys, proofs."""


@verification.group()
def zk() -> None:
    """Zero-knowledge proofs: the keys of a model, the verifier.

    Example: counterpoise verification zk setup heart.model --srs srs --to heart.key
    """


@verification.group()
def srs() -> None:
    """Structured reference strings: for development, or of a ceremony.

    Example: counterpoise verification srs import powersOfTau28_hez_final_12.ptau --rows 12 --to srs
    """


def answering(verb: Callable[..., Record]) -> Callable[..., None]:
    """Let a verb answer: as lines for people, or as one JSON object."""

    @click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
    @wraps(verb)
    def command(*args: Any, as_json: bool, **options: Any) -> None:
        record = verb(*args, **options)
        if as_json:
            click.echo(json.dumps(record))
            return
        lines = record.pop("table", [])
        width = max(map(len, record), default=0)
        for line in [*lines, *(f"{key:<{width}}  {value}" for key, value in record.items())]:
            click.echo(line)

    return command


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on a terminal what takes its time."""
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@verification.command()
@STATE
@answering
def levels(state: Path | None) -> Record:
    """List the levels of proof, and whether this machine and network have them.

    Example: counterpoise verification levels --state DIR
    """
    from counterpoise.network import default_state, open_network
    from counterpoise.verification import Level

    contracts: dict[str, bytes] = {}
    if state is not None or (default_state() / "network.json").is_file():
        with open_network(state or default_state()) as network:
            contracts = dict(network.charter.contracts)
    names = {"QUORUM": "Quorum", "OPTIMISTIC": "Optimistic", "ZK": "ZkProofs", "DIRECT": "Direct"}
    found: Record = {}
    for level in Level:
        at = contracts.get(names[level.name])
        place = f"0x{at.hex()}" if at else "not deployed"
        found[level.name.lower()] = f"{place}; {_engine_of(level.name)}"
    return found


def _engine_of(level: str) -> str:
    if level != "ZK":
        return "nothing to install"
    from counterpoise.verification import load_verifier
    from counterpoise.verification.zk_key import engine

    try:
        engine()
        load_verifier()
    except CounterpoiseError as missing:
        return f"{missing.message}: {missing.hint}"
    return "engine and verifier are here"


@verification.command()
@MODEL
@KEY
@click.option("--input", "values", required=True, metavar="HEX", help="One byte a feature.")
@click.option("--salt", metavar="HEX", help="32 bytes.  [default: random]")
@click.option("--asker", default="00" * 20, metavar="HEX", help="Contract that asks.")
@click.option("--id", "number", default=0, help="The asker's number of the question.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
@answering
def prove(
    model: Path, key: Path, values: str, salt: str | None, asker: str, number: int, out: Path
) -> Record:
    """Run MODEL on an input, and prove the answer in zero knowledge.

    Example: counterpoise verification prove heart.model --key heart.key --input 0a1f --out p.json
    """
    from counterpoise.inference import load_model
    from counterpoise.verification import Request, Zk
    from counterpoise.verification.proof_file import save_proof

    loaded, prover = load_model(model), Zk(None, key)
    hidden = _bytes("--salt", salt, 32) if salt else secrets.token_bytes(32)
    place = (_bytes("--asker", asker, 20), number, loaded.id)
    request = Request(*place, hidden, _bytes("--input", values, loaded.inputs), 0)
    with waiting("proving"):
        made = save_proof(out, request, prover.prove(loaded, request))
    shown = ("model", "answer", "logits", "decision", "digest")
    return {name: made[name] for name in shown} | {"file": str(out)}


@verification.command()
@click.argument("file", metavar="FILE", type=FILE)
@click.option("--model", required=True, type=FILE, help="The model's file.")
@KEY
@answering
def check(file: Path, model: Path, key: Path) -> Record:
    """Check a proof: FILE as `prove` wrote it. Exit code 5 if it is false.

    Example: counterpoise verification check proof.json --model heart.model --key heart.key
    """
    from counterpoise.inference import load_model
    from counterpoise.verification import Zk
    from counterpoise.verification.proof_file import load_proof

    request, evidence = load_proof(file)
    prover = Zk(None, key)
    prover.verify(load_model(model), request, evidence)
    return {
        "proof": "true",
        "answer": evidence.answer.hex(),
        "srs": prover.key.srs.origin,
        "can be forged": "by who made the SRS" if prover.key.srs.is_development else "no",
    }


@zk.command()
@MODEL
@SRS
@click.option("--to", "folder", required=True, type=FOLDER, help="Folder to write.")
@click.option("--settings", type=FILE, help="Published settings, to make the same key again.")
@answering
def setup(model: Path, srs: Path, folder: Path, settings: Path | None) -> Record:
    """Make the proving key of MODEL.

    Example: counterpoise verification zk setup heart.model --srs srs --to heart.key
    """
    from counterpoise.inference import load_model
    from counterpoise.verification import make_key

    published = settings.read_bytes() if settings else None
    with waiting("making the keys"):
        return make_key(load_model(model), folder, srs, published).record()


@zk.command("check")
@MODEL
@SRS
@click.option("--settings", required=True, type=FILE, help="The published settings.")
@click.option("--contract", metavar="0x…", help="ZkProofs.  [default: the network's]")
@STATE
@answering
def check_pin(
    model: Path, srs: Path, settings: Path, contract: str | None, state: Path | None
) -> Record:
    """Check that the key pinned on chain is the one that MODEL and its settings make.

    Example: counterpoise verification zk check heart.model --srs srs --settings settings.json
    """
    from counterpoise.chain import Contract, artifact
    from counterpoise.core.units import parse_address
    from counterpoise.inference import load_model
    from counterpoise.network import default_state, open_network
    from counterpoise.verification import ZkClient, check_runtime

    with open_network(state or default_state()) as network, waiting("making the keys again"):
        at = parse_address(contract) if contract else network.contract("ZkProofs").address
        client = ZkClient(Contract(network.chain, at, artifact("ZkProofs")))
        check_runtime(network.chain.code(client.contract.call("verifier")))
        pin = client.check_pin(load_model(model), settings.read_bytes(), srs)
    return {"key": pin.digest.hex(), "srs": pin.srs.hex(), "development": pin.development}


@zk.command()
@click.option("--solc", required=True, type=FOLDER, help="Folder of the npm package solc 0.8.20.")
@answering
def verifier(solc: Path) -> Record:
    """Build the verifier contract, once on a machine; `make zk` does it too.

    Example: counterpoise verification zk verifier --solc .tools/zk/node_modules/solc
    """
    from counterpoise.verification import build_verifier

    with waiting("compiling the verifier"):
        return {"verifier": str(build_verifier(solc))}


@srs.command()
@ROWS
@click.option("--to", "folder", required=True, type=FOLDER, help="Folder to write.")
@answering
def development(rows: int, folder: Path) -> Record:
    """Make an SRS to develop with. Its maker can forge any proof.

    Example: counterpoise verification srs development --rows 12 --to srs
    """
    from counterpoise.verification import make_development_srs

    return _shown(make_development_srs(folder, rows))


@srs.command("import")
@click.argument("file", metavar="FILE.ptau", type=FILE)
@ROWS
@click.option("--to", "folder", required=True, type=FOLDER, help="Folder to write.")
@answering
def import_(file: Path, rows: int, folder: Path) -> Record:
    """Make an SRS of a ceremony's powers of tau, checking every point.

    Example: counterpoise verification srs import powersOfTau28_hez_final_12.ptau --rows 12 --to srs
    """
    from counterpoise.verification import import_ptau

    with waiting("checking every point"):
        return _shown(import_ptau(file, folder, rows))


def _shown(made: Any) -> Record:
    return {
        "file": str(made.path),
        "sha256": made.digest.hex(),
        "ceremony": made.points.hex(),
        "origin": made.origin,
        "for production": "no" if made.is_development else "yes",
    }


def _bytes(option: str, text: str, count: int) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise InputError(f"{option} is no hex: {text!r}") from None
    if len(found) != count:
        raise InputError(f"{option} has {len(found)} bytes, {count} wanted")
    return found
