"""A seller's home: the log of decisions, its key, and what leads to it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from counterpoise.chain import Account
from counterpoise.core.errors import InputError
from counterpoise.core.units import to_checksum
from counterpoise.market.gateway.evidence import Evidence
from counterpoise.market.gateway.statements import Statements
from counterpoise.network import Network
from counterpoise.provenance import AnchorClient, Log, log_id, log_vkey


def open_evidence(network: Network, account: Account, home: Path) -> Evidence:
    """Open the seller's own log and what leads to it; a copy behind its anchored head is refused.

    The log's key is drawn once and kept in the home: whoever has it can continue the log.
    """
    origin = f"counterpoise.gateway/{to_checksum(account.address)}"
    key = _kept_key(home / "log-key")
    name = log_id(account.address, origin, log_vkey(origin, key))
    head = AnchorClient(network.contract("Anchor")).head(name)
    log = Log(home / "log", origin=origin, key=key, anchored=head if head.size else None)
    return Evidence(home / "decisions", Statements(account), log)


def _kept_key(path: Path) -> bytes:
    """Give the 32 bytes in a file; drawn and kept, for the owner alone, where there is none."""
    try:
        found = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        found = secrets.token_bytes(32)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as new:
            new.write(found.hex() + "\n")
            new.flush()
            os.fsync(new.fileno())
    except ValueError:
        found = b""
    if len(found) != 32:
        raise InputError(f"{path} holds no key of 32 bytes", hint="restore the seller's home")
    return found
