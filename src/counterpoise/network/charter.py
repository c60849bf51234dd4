"""The charter: the public facts by which anyone finds and checks one network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.core.units import parse_address, to_checksum

VERSION = 1


@dataclass(frozen=True, slots=True)
class Charter:
    """Public facts of a network; holds no secret, may be handed to strangers.

    Parameters
    ----------
    chain :
        Where the chain is reached: ``embedded:``, ``anvil:`` or a URL.
    chain_id :
        The id that every signature and leaf names.
    contracts :
        Address (20 bytes) of each contract by its name.
    log_origin, log_vkey :
        Name and verifier key of the evidence log (C2SP signed note).
    operator :
        Account that owns the log's anchor.
    store :
        Folder or fsspec URL under which blobs and mail are shared; empty where they are in the
        state folder itself.
    """

    chain: str
    chain_id: int
    contracts: Mapping[str, bytes]
    log_origin: str
    log_vkey: str
    operator: bytes
    store: str = ""

    def to_json(self) -> str:
        """Give the charter as the text of ``network.json``."""
        record: dict[str, Any] = {
            "version": VERSION,
            "chain": self.chain,
            "chain_id": self.chain_id,
            "contracts": {name: to_checksum(at) for name, at in sorted(self.contracts.items())},
            "log": {"origin": self.log_origin, "vkey": self.log_vkey},
            "operator": to_checksum(self.operator),
        }
        if self.store:
            record["store"] = self.store
        return json.dumps(record, indent=2) + "\n"

    @classmethod
    def load(cls, path: Path) -> "Charter":
        """Load a charter from a ``network.json``.

        Raises
        ------
        InputError :
            There is no such file, or it is not a charter of this version.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"no network at {path.parent}",
                hint="run `counterpoise demo`, or name its folder with --state DIR",
            ) from None
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read as JSON: {error}") from error
        return cls.from_record(record, str(path))

    @classmethod
    def from_record(cls, record: Any, source: str) -> "Charter":
        """Build a charter from parsed JSON, naming what is missing."""
        try:
            if record["version"] != VERSION:
                raise InputError(
                    f"{source} is a charter of version {record['version']}, not {VERSION}",
                    hint="use the release of Counterpoise that wrote it",
                )
            return cls(
                chain=str(record["chain"]),
                chain_id=int(record["chain_id"]),
                contracts={n: parse_address(at) for n, at in record["contracts"].items()},
                log_origin=str(record["log"]["origin"]),
                log_vkey=str(record["log"]["vkey"]),
                operator=parse_address(record["operator"]),
                store=str(record.get("store", "")),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(
                f"{source} is no charter: {error!s} is missing or malformed",
                hint="take network.json from the operator of the network",
            ) from error
