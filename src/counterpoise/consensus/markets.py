"""Which markets a network knows: a file in its folder, written when a market is created."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from counterpoise.chain import Account, Contract, artifact
from counterpoise.consensus.client import ConsensusClient, MarketTerms
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address, parse_address, to_checksum
from counterpoise.network import Network

FILE = "markets.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Known:
    """A market: its name in this folder, its address, and the block at which it was created."""

    name: str
    address: Address
    block: int = 0


def known_markets(network: Network) -> list[Known]:
    """Give the markets of a network's folder, in the order of their creation; none to visitors.

    Raises
    ------
    InputError :
        The file is not as this room writes it.
    """
    path = network.folder / FILE if network.folder else None
    if path is None or not path.exists():
        return []
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return [
            Known(str(one["name"]), parse_address(one["address"]), int(one["block"]))
            for one in record["markets"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not list markets: {error}", hint="restore the file"
        ) from None


def found_market(
    network: Network, account: Account, terms: MarketTerms, name: str = "market"
) -> ConsensusClient:
    """Create a market and remember it under a name.

    Raises
    ------
    InputError :
        The name is taken, or none: small letters, digits and '-'.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name of a market", hint="small letters, digits and '-'")
    known = known_markets(network)
    if name in (one.name for one in known):
        raise InputError(f"there is a market {name!r}", hint="give another --name")
    block = network.chain.block("latest").number
    client = ConsensusClient.deploy(network.chain, account, terms)
    if network.folder is not None:
        _write(network.folder / FILE, [*known, Known(name, client.address, block)])
    return client


def open_market(network: Network, which: str = "") -> tuple[ConsensusClient, int]:
    """Open a market by name or address, or the only one; give also the block to read it from.

    Raises
    ------
    InputError :
        There is none of that name, or more than one to choose from.
    """
    if which.startswith("0x"):
        address = parse_address(which)
        starts = {one.address: one.block for one in known_markets(network)}
        return client_at(network, address), starts.get(address, 0)
    known = known_markets(network)
    found = [one for one in known if which in ("", one.name)]
    if len(found) != 1:
        names = ", ".join(one.name for one in known) or "none"
        raise InputError(
            f"{len(found)} markets are meant; this network has {names}",
            hint="name one with --market, or create one: counterpoise consensus create",
        )
    return client_at(network, found[0].address), found[0].block


def client_at(network: Network, address: Address) -> ConsensusClient:
    """Give a client of the market at an address."""
    return ConsensusClient(Contract(network.chain, address, artifact("Consensus")))


def _write(path: Path, markets: list[Known]) -> None:
    listed = [
        {"name": one.name, "address": to_checksum(one.address), "block": one.block}
        for one in markets
    ]
    temporary = path.with_suffix(".part")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"markets": listed}, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
