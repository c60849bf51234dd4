"""What the verbs of this room share: where the state is, how they answer, whose key it is."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError, StorageError

if TYPE_CHECKING:
    from counterpoise.provenance import Index, LogReader, Verifier

as_json = click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")


def at_state(verb: Callable[..., None]) -> Callable[..., None]:
    """Add the option that names the state folder; without it the default one is used."""

    @click.option(
        "--state", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the network."
    )
    @wraps(verb)
    def command(*args: Any, state: Path | None, **options: Any) -> None:
        from counterpoise.network import default_state

        verb(state or default_state(), *args, **options)

    return command


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
    """Open a state's log for reading, by the keys in its charter."""
    from counterpoise.network import Charter
    from counterpoise.provenance import LogReader

    charter = Charter.load(state / "network.json")
    return LogReader(state / "log", origin=charter.log_origin, vkey=charter.log_vkey)


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
