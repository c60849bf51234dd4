"""Founds a network: keys, contracts and, last of all, its charter."""

import json
import os
import secrets
from dataclasses import replace
from pathlib import Path

from counterpoise.chain import Account, Workbench, open_chain
from counterpoise.core.digest import keccak
from counterpoise.network.charter import Charter
from counterpoise.network.contracts import deploy_all
from counterpoise.network.folder import Network, open_network, shared_place
from counterpoise.provenance import log_vkey

ORIGIN = "counterpoise.network/local"
KEYS_WARNING = "Local keys for a local chain. Anyone can derive them; never fund them elsewhere."


def create_network(
    folder: Path,
    *,
    seed: bytes | None = None,
    chain: str = "embedded:",
    store: str = "",
    operator: Account | None = None,
) -> Network:
    """Create a network in `folder`, or open the one that is there.

    Parameters
    ----------
    folder :
        The state folder; made if missing.
    seed :
        Seed of the local keys; random where None. Equal seeds give equal addresses.
    chain :
        ``embedded:``, ``anvil:`` or the URL of a node.
    store :
        Folder or fsspec URL under which blobs and mail are shared; the state folder if empty.
    operator :
        Who deploys the contracts and owns the log's anchor; a local key where None.

    Notes
    -----
    The charter is written last and atomically, so a creation that was interrupted is
    simply done again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "network.json").exists():
        return open_network(folder)
    _write_seed(folder / "local-keys.json", seed or secrets.token_bytes(32))
    opened = open_chain(chain, folder=folder / "chain")
    charter = Charter(chain, opened.chain_id(), {}, ORIGIN, "", b"\0" * 20, store)
    network = Network(charter, opened, *shared_place(store or folder), folder)
    operator = operator or network.account("operator")
    if isinstance(opened, Workbench):
        opened.fund(operator.address, 10**21)
    network.charter = replace(
        charter,
        contracts=deploy_all(opened, operator),
        log_vkey=log_vkey(ORIGIN, network.log_key),
        operator=operator.address,
    )
    _write_atomically(folder / "network.json", network.charter.to_json())
    return network


def _write_seed(path: Path, seed: bytes) -> None:
    if not path.exists():
        record = {"warning": KEYS_WARNING, "seed": seed.hex(), "check": keccak(seed).hex()[:8]}
        _write_atomically(path, json.dumps(record, indent=2) + "\n")


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("w", encoding="utf-8") as file:
        temporary.chmod(0o600)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
