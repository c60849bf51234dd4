"""The verb `account`."""

import os
from pathlib import Path
from typing import Any

import click

from counterpoise.chain.output import as_json, show

PASSWORD_VARIABLE = "COUNTERPOISE_PASSWORD"  # noqa: S105

keys_folder = click.option(
    "--keys", type=click.Path(path_type=Path), help="Folder of keystore files."
)
password_file = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Read the password from a file; else {PASSWORD_VARIABLE}, else ask.",
)


EXAMPLES = """\b
Examples:
  counterpoise account new hospital        make a key, ask for a password
  counterpoise account list                names and addresses
"""


@click.group(epilog=EXAMPLES)
def account() -> None:
    """Create, list and import keys, each in an encrypted keystore file."""


@account.command()
@click.argument("name")
@keys_folder
@password_file
@as_json
def new(name: str, keys: Path | None, password_file: Path | None, wants_json: bool) -> None:
    """Make a new key called NAME.

    Example: counterpoise account new hospital
    """
    import secrets

    from counterpoise.chain.account import ORDER, Account

    made = Account((1 + secrets.randbelow(ORDER - 1)).to_bytes(32, "big"))
    _store(name, made, keys, password_file, wants_json)


@account.command("import")
@click.argument("name")
@click.option(
    "--keystore",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take the key from this keystore file.",
)
@click.option("--environment", help="Take the key, in hex, from this environment variable.")
@keys_folder
@password_file
@as_json
def import_key(
    name: str,
    keystore: Path | None,
    environment: str | None,
    keys: Path | None,
    password_file: Path | None,
    wants_json: bool,
) -> None:
    """Store a key that exists already under NAME.

    Example: counterpoise account import hospital --keystore old-key.json
    """
    from counterpoise.chain.account import Account
    from counterpoise.core.errors import InputError

    if (keystore is None) == (environment is None):
        raise InputError(
            "one source of the key is wanted", hint="give --keystore FILE or --environment NAME"
        )
    if keystore:
        found = Account.from_keystore(keystore, _password(password_file, confirm=False))
    else:
        found = Account.from_environment(environment or "")
    _store(name, found, keys, password_file, wants_json)


@account.command("list")
@keys_folder
@as_json
def list_keys(keys: Path | None, wants_json: bool) -> None:
    """Show the names and addresses of all keys.

    Example: counterpoise account list
    """
    from counterpoise.chain.keyring import Keyring
    from counterpoise.core.units import to_checksum

    ring = Keyring(keys or _default_keys())
    found = {name: to_checksum(ring.address(name)) for name in ring.names()}
    lines = [f"{address}  {name}" for name, address in found.items()]
    show(wants_json, found, lines or [f"no keys in {ring.folder}"])


@account.command("show")
@click.argument("name")
@keys_folder
@as_json
def show_key(name: str, keys: Path | None, wants_json: bool) -> None:
    """Show the address and the file of the key NAME; the key itself stays encrypted.

    Example: counterpoise account show hospital
    """
    from counterpoise.chain.keyring import Keyring
    from counterpoise.core.units import to_checksum

    ring = Keyring(keys or _default_keys())
    record = {
        "name": name,
        "address": to_checksum(ring.address(name)),
        "file": str(ring.path(name)),
    }
    show(wants_json, record, [f"{record['address']}  {name}", f"file {record['file']}"])


def _store(
    name: str, made: Any, keys: Path | None, password_file: Path | None, wants_json: bool
) -> None:
    from counterpoise.chain.keyring import Keyring
    from counterpoise.core.units import to_checksum

    ring = Keyring(keys or _default_keys())
    ring.path(name)
    path = ring.store(name, made, _password(password_file, confirm=True))
    record = {"name": name, "address": to_checksum(made.address), "file": str(path)}
    show(wants_json, record, [f"{record['address']}  {name}", f"file {path}"])


def _password(file: Path | None, *, confirm: bool) -> str:
    if file:
        return file.read_text().rstrip("\r\n")
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True))


def _default_keys() -> Path:
    from platformdirs import user_data_path

    return user_data_path("counterpoise") / "keys"
