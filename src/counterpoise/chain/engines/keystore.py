"""Keystore files, version 3, through eth-account."""

import json
from pathlib import Path

from counterpoise.core.errors import InputError


def encrypt(key: bytes, password: str, *, iterations: int | None = None) -> str:
    """Give the keystore file of a key, as JSON text (scrypt unless `iterations` is small)."""
    from eth_account import Account

    return json.dumps(Account.encrypt(key, password, iterations=iterations), indent=1) + "\n"


def decrypt(path: Path, password: str) -> bytes:
    """Give the key in a keystore file; `InputError` if the password is wrong."""
    from eth_account import Account

    try:
        return bytes(Account.decrypt(path.read_text(), password))
    except FileNotFoundError:
        raise InputError(f"there is no keystore file {path}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path.name} does not open as a keystore file: {error}",
            hint="check the password, and that the file is of version 3",
        ) from None
