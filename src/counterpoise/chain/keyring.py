"""A folder of keystore files, one per named key, readable by its owner alone."""

import json
import os
import re
from pathlib import Path

from counterpoise.chain.account import Account
from counterpoise.core.errors import InputError, StorageError
from counterpoise.core.units import parse_address, to_checksum

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Keyring:
    """Keys by name.

    Parameters
    ----------
    folder :
        Where the files lie, ``<name>.json`` each; made when the first key is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Give the file of a name; `InputError` if it is no name."""
        if not NAME.fullmatch(name):
            raise InputError(f"{name!r} is no name of a key", hint="use letters, digits, . _ -")
        return self.folder / f"{name}.json"

    def names(self) -> list[str]:
        """Give the names of all keys, sorted."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def address(self, name: str) -> bytes:
        """Give a key's address, which its file holds in the clear."""
        path = self.path(name)
        try:
            found = json.loads(path.read_text())["address"]
            return parse_address("0x" + str(found).lower().removeprefix("0x"))
        except FileNotFoundError:
            known = ", ".join(self.names()) or "none yet"
            raise InputError(f"there is no key {name!r}", hint=f"there are: {known}") from None
        except (ValueError, KeyError, TypeError):
            raise StorageError(f"{path} is no keystore file") from None

    def load(self, name: str, password: str) -> Account:
        """Decrypt a key."""
        self.address(name)
        return Account.from_keystore(self.path(name), password)

    def store(self, name: str, account: Account, password: str) -> Path:
        """Encrypt a key into a new file; never over an old one."""
        from counterpoise.chain.engines.keystore import encrypt

        path = self.path(name)
        if path.exists():
            raise InputError(
                f"there is a key {name!r} already: {to_checksum(self.address(name))}",
                hint="choose another name; a key that is overwritten is lost",
            )
        text = encrypt(account.key, password)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"{path} could not be written: {error.strerror}") from None
        return path
