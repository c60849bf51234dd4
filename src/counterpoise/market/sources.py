"""Where the catalogue learns of listings: an evidence log or its mirror, and the chain.

Anyone who owns an agent may list without a log of his own: he puts the envelope into a store and
its SHA-256 under the agent's metadata key ``listing``, alone or followed by the address at which
the envelope lies. Every value that the key ever had is a listing; the highest version counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from counterpoise.chain import FINAL_DEPTH
from counterpoise.core.digest import keccak, sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.units import Address
from counterpoise.identity import IdentityClient, Summary
from counterpoise.market.catalogue import Catalogue
from counterpoise.market.signed import MAX_BYTES
from counterpoise.market.standing import Standing
from counterpoise.provenance import Envelope, LogView, predicate_type
from counterpoise.store import Store

KEY = "listing"
Fetch = Callable[[str], bytes]
_TRIES, _NOBODY = 100, bytes(20)
_ASKED = 64
"""Of more agents than this the parties are read from the registry's log at once."""
_TYPE = predicate_type("listing").encode()


def read_log(catalogue: Catalogue, log: LogView, name: str = "log") -> int:
    """Take in what a log has gained; gives the number of new listings.

    Parameters
    ----------
    name :
        Tells several logs apart. A log that is not the one read before is read from its start.
    """
    size, _, root = catalogue.mark(f"log/{name}").partition(" ")
    start = int(size or 0)
    head = log.checkpoint()
    if start > head.size or (start and log.root_at(start).hex() != root):
        start = 0
    added = 0
    with catalogue.steady(), catalogue.database:
        for at, entry in enumerate(log.entries(start, head.size), start):
            if _is_listing(entry):
                added += catalogue.try_add(entry, f"entry {at} of the {name}")
        catalogue._set_mark(f"log/{name}", f"{head.size} {head.root.hex()}")
    return added


def read_chain(
    catalogue: Catalogue, identity: IdentityClient, store: Store, fetch: Fetch | None = None
) -> int:
    """Take in the listings that agents name on the chain; gives the number of new ones.

    Parameters
    ----------
    store :
        Where envelopes lie by their SHA-256.
    fetch :
        Gives what lies at an address, for sellers who keep their own; not asked where None.
    """
    last = identity.contract.chain.block("latest").number
    start = int(catalogue.mark("chain") or 0)
    named = named_on_chain(identity, start, last)
    with catalogue.steady(), catalogue.database:
        query = "INSERT OR IGNORE INTO awaited(digest, agent, place, tries) VALUES (?, ?, ?, 0)"
        catalogue.database.executemany(query, named)
        added = _take_awaited(catalogue, store, fetch)
        catalogue._set_mark("chain", str(max(0, last + 1 - FINAL_DEPTH)))
    return added


def read_standings(catalogue: Catalogue, identity: IdentityClient) -> int:
    """Ask the registry who stands for each agent that lists and may have changed hands.

    Gives how many agents were asked about. Changes that a reorganisation may undo are asked
    about again.
    """
    chain = identity.contract.chain
    last, start = chain.block("latest").number, int(catalogue.mark("standings") or 0)
    listing = set(catalogue.agents())
    wanted = {agent for agent in listing if catalogue.standing(agent) is None}
    wanted |= listing & _changed_hands(identity, start, last)
    if len(wanted) > _ASKED:
        replayed = _all_parties(identity, last)
        found = {agent: replayed.get(agent, (_NOBODY, _NOBODY)) for agent in wanted}
    else:
        found = {agent: _parties_of(identity, agent) for agent in wanted}
    with catalogue.steady(), catalogue.database:
        for agent, (owner, wallet) in found.items():
            known = catalogue.standing(agent) or Standing(owner, wallet)
            catalogue.note(agent, replace(known, owner=owner, wallet=wallet))
        catalogue._set_mark("standings", str(max(0, last + 1 - FINAL_DEPTH)))
    return len(wanted)


def note_reputations(
    catalogue: Catalogue, agents: Iterable[int], summary_of: Callable[[int], Summary]
) -> None:
    """Take note of what paying customers say of agents.

    Parameters
    ----------
    summary_of :
        Weighs the ratings of one agent; see `counterpoise.identity.summarise`.
    """
    with catalogue.steady(), catalogue.database:
        for agent in agents:
            standing = catalogue.standing(agent)
            if standing is None:
                continue
            found = summary_of(agent)
            rating = found.wad // 10**15 if found.count else None
            catalogue.note(
                agent, replace(standing, rating=rating, ratings=found.count, weight=found.weight)
            )


def _is_listing(entry: bytes) -> bool:
    """Look before reading: most entries are of other kinds, and a type is near their end."""
    try:
        payload = Envelope.from_bytes(entry).payload
    except InputError:
        return False
    return b'"predicateType":"' + _TYPE + b'"' in payload


def named_on_chain(identity: IdentityClient, start: int, last: int) -> list[tuple[bytes, int, str]]:
    """Give digest, agent and address of each listing that a range of blocks names."""
    contract = identity.contract
    topics = [contract.interface.topics("MetadataSet"), None, keccak(KEY.encode())]
    found = []
    for log in contract.chain.logs(start, last, [contract.address], topics):
        event = contract.decode(log)
        if event is None:
            continue
        value = bytes(event.args["metadataValue"])
        if len(value) >= 32:
            place = value[32:].decode("ascii", "replace")
            found.append((value[:32], int(event.args["agentId"]), place))
    return found


def _take_awaited(catalogue: Catalogue, store: Store, fetch: Fetch | None) -> int:
    """Fetch what the chain names; what is not there is asked for again, `_TRIES` times."""
    added = 0
    query = "SELECT digest, agent, place FROM awaited WHERE tries < ?"
    rows = catalogue.database.execute(query, (_TRIES,)).fetchall()
    for digest, agent, place in rows:
        envelope = _fetched(store, fetch, digest, place)
        if envelope is None:
            query = "UPDATE awaited SET tries = tries + 1 WHERE digest = ? AND place = ?"
            catalogue.database.execute(query, (digest, place))
            continue
        catalogue.database.execute("DELETE FROM awaited WHERE digest = ?", (digest,))
        added += catalogue.try_add(envelope, f"the listing of agent {agent}")
    return added


def _fetched(store: Store, fetch: Fetch | None, digest: bytes, place: str) -> bytes | None:
    try:
        return store.fetch(digest, max_bytes=MAX_BYTES)
    except CounterpoiseError:
        if fetch is None or not place.startswith(("https://", "http://")):
            return None
    try:
        envelope = fetch(place)
    except CounterpoiseError:
        return None
    return envelope if sha256(envelope) == digest else None


def _changed_hands(identity: IdentityClient, start: int, last: int) -> set[int]:
    events = identity.contract.events(None, start, last)
    moved = {int(e.args["tokenId"]) for e in events if e.name == "Transfer"}
    paid_elsewhere = {
        int(e.args["agentId"])
        for e in events
        if e.name == "MetadataSet" and e.args["metadataKey"] == "agentWallet"
    }
    return moved | paid_elsewhere


def _parties_of(identity: IdentityClient, agent: int) -> tuple[Address, Address]:
    """Ask for an agent's owner and wallet; nobody stands for one that is not registered."""
    try:
        found = identity.agent(agent)
    except InputError:
        return _NOBODY, _NOBODY
    return found.owner, found.wallet


def _all_parties(identity: IdentityClient, last: int) -> dict[int, tuple[Address, Address]]:
    """Give owner and wallet of every agent, by one reading of the registry's log."""
    owners: dict[int, Address] = {}
    wallets: dict[int, Address] = {}
    for event in identity.contract.events(None, 0, last):
        args = event.args
        if event.name == "Transfer":
            owners[int(args["tokenId"])] = args["receiver"]
        elif event.name == "MetadataSet" and args["metadataKey"] == "agentWallet":
            wallets[int(args["agentId"])] = bytes(args["metadataValue"]) or _NOBODY
    return {agent: (owner, wallets.get(agent, _NOBODY)) for agent, owner in owners.items()}
