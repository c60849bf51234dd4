"""How the verbs of this room open a log and answer."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError, StorageError

if TYPE_CHECKING:
    from counterpoise.provenance import Envelope, Index, LogReader, Verifier

as_json = click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")


def say(wants_json: bool, record: dict[str, Any], lines: list[str]) -> None:
    """Print a record for machines, or lines for people."""
    click.echo(json.dumps(record) if wants_json else "\n".join(lines))


def put(body: bytes, out: Path | None, wants_json: bool, record: dict[str, Any]) -> None:
    """Write bytes to a file and say so, or print them."""
    if out is None:
        text = {"base64": base64.b64encode(body).decode()}
        click.echo(json.dumps(record | text) if wants_json else body.decode(errors="replace"))
        return
    try:
        out.write_bytes(body)
    except OSError as failed:
        raise StorageError(f"{out} cannot be written: {failed.strerror}") from failed
    say(wants_json, record | {"file": str(out), "bytes": len(body)}, [f"wrote {out}"])


def reader_of(state: Path) -> LogReader:
    """Open a state's log for reading, by the keys in its ``network.json``."""
    from counterpoise.provenance import LogReader

    path = state / "network.json"
    try:
        pinned = json.loads(path.read_text(encoding="utf-8"))["log"]
        origin, vkey = str(pinned["origin"]), str(pinned["vkey"])
    except FileNotFoundError:
        raise InputError(
            f"no network at {state}", hint="run `counterpoise demo`, or name one with --state DIR"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise InputError(f"{path} names no log: {wrong}") from wrong
    return LogReader(state / "log", origin=origin, vkey=vkey)


def index_of(state: Path, reader: LogReader) -> Index:
    """Open a state's index, brought up to the log."""
    from counterpoise.provenance import Index

    index = Index(state / "index.sqlite")
    index.update(reader)
    return index


def verifier_of(keyid: str) -> Verifier:
    """The public key that a key id names: a checksum address, or ``ed25519:`` and the key.

    Raises
    ------
    InputError :
        The id does not hold the key itself.
    """
    from counterpoise.core.units import parse_address
    from counterpoise.provenance import AddressVerifier, Ed25519Verifier

    if keyid.startswith("0x"):
        return AddressVerifier(parse_address(keyid))
    kind, _, public = keyid.partition(":")
    if kind != "ed25519":
        raise InputError(f"{keyid!r} does not hold a key", hint="0x… or ed25519:…")
    try:
        return Ed25519Verifier(bytes.fromhex(public))
    except ValueError as wrong:
        raise InputError(f"{keyid!r} is not hex") from wrong


def envelope_at(body: bytes, position: int) -> Envelope:
    """Read an entry of the log as an envelope."""
    from counterpoise.provenance import Envelope

    try:
        return Envelope.from_bytes(body)
    except InputError as wrong:
        raise InputError(f"entry {position} is no statement: {wrong.message}") from wrong


def verdict_on(envelope: Envelope, keyid: str, signature: bytes) -> str:
    """Whether a signature is of the key that its id names; P-256 ids name a hash only."""
    try:
        key = verifier_of(keyid)
    except InputError:
        return "key not known here"
    return "true" if key.verifies(envelope.pae(), signature) else "FALSE"


def sha256_of(text: str) -> bytes:
    """Read a digest as people write it: 64 hex digits, with ``sha256:`` or ``0x`` or without."""
    try:
        digest = bytes.fromhex(text.removeprefix("sha256:").removeprefix("0x"))
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise InputError(f"{text!r} is no SHA-256", hint="give 64 hex digits")
    return digest


def when(seconds: int) -> str:
    """A time for people, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)) if seconds else "-" * 19
