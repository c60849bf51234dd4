"""Putting a listing where buyers find it: the store, the agent's registry entry, and the log."""

from __future__ import annotations

from dataclasses import dataclass, replace

from counterpoise.chain import Account
from counterpoise.core.errors import Busy, InputError, Reverted
from counterpoise.identity import IdentityClient, Place, Registration, Service
from counterpoise.market.listing import Listing
from counterpoise.market.sources import KEY
from counterpoise.provenance import AccountSigner, Log
from counterpoise.store import Store

MAX_URI = 2_048
_SERVICE_NAMES = {"a2a": "A2A", "mcp": "MCP"}


@dataclass(frozen=True, slots=True)
class Published:
    """Where a listing went.

    Parameters
    ----------
    digest :
        SHA-256 of the envelope, under which the store has it.
    on_chain :
        Whether the agent's registry entry names it.
    entry :
        Its place in the log; None where it is in none.
    notes :
        What was left undone, and why.
    """

    envelope: bytes
    digest: bytes
    on_chain: bool
    entry: int | None
    notes: tuple[str, ...] = ()


def register_seller(
    identity: IdentityClient, owner: Account, listing: Listing, description: str = ""
) -> int:
    """Register an agent whose registration file names the listing's endpoints; gives its number."""
    number = identity.register(owner)
    file = Registration(
        listing.name,
        description or listing.description,
        services=_services(listing),
        x402=True,
        registrations=(Place(number, identity.name),),
        trust=("reputation",),
    )
    identity.set_uri(owner, number, _short(file).to_uri())
    return number


def announce_endpoints(identity: IdentityClient, owner: Account, listing: Listing) -> str:
    """Add what the agent's registration file lacks of the listing's endpoints.

    Gives why nothing was done, empty if the file names them all. Only a file that lies on the
    chain is touched: another is its host's.
    """
    uri = identity.agent(listing.agent).uri
    if uri and not uri.startswith("data:"):
        return f"the registration file at {uri:.80} is not on the chain: add the endpoints there"
    try:
        file = (
            Registration.from_uri(uri, lambda _: b"")
            if uri
            else Registration(listing.name, listing.description, x402=True)
        )
    except InputError as wrong:
        return f"the registration file is not well-formed: {wrong.message}"
    known = {service.endpoint for service in file.services}
    missing = tuple(one for one in _services(listing) if one.endpoint not in known)
    if not missing and uri:
        return ""
    places = file.registrations or (Place(listing.agent, identity.name),)
    wanted = replace(file, services=(*file.services, *missing), registrations=places).to_uri()
    if len(wanted) > MAX_URI:
        return f"the registration file would have {len(wanted)} characters, {MAX_URI} fit"
    try:
        identity.set_uri(owner, listing.agent, wanted)
    except Reverted as refused:
        return f"the registry took no new file: {refused.reason}"
    return ""


def publish(
    listing: Listing,
    account: Account,
    now: int,
    *,
    identity: IdentityClient,
    store: Store,
    log: Log | None = None,
    nonce: bytes | None = None,
) -> Published:
    """Sign a listing and put it into the store, the agent's registry entry and the log.

    Parameters
    ----------
    account :
        The agent's owner or its wallet.
    log :
        A log to append it to; a seller without one is found by the registry entry alone.

    Raises
    ------
    InputError :
        The account is neither owner nor wallet, or the agent is of another registry.
    """
    agent = identity.agent(listing.agent)
    if account.address not in (agent.owner, agent.wallet):
        raise InputError(
            f"{account!r} is neither owner nor wallet of agent {listing.agent}",
            hint="list with the key of the agent's owner",
        )
    if listing.registry.lower() != identity.name.lower():
        raise InputError(f"the listing is of an agent in {listing.registry}, not {identity.name}")
    envelope = listing.sign(AccountSigner(account), now, nonce)
    digest = store.put(envelope)
    store.flush()
    notes: list[str] = []
    on_chain = _name_on_chain(identity, account, listing.agent, digest, notes)
    entry = _append(log, envelope, notes)
    if not on_chain and entry is None:
        raise InputError(
            "the listing is neither in a log nor on the chain: nobody would find it",
            hint="; ".join(notes) or "list with the key of the agent's owner",
        )
    return Published(envelope, digest, on_chain, entry, tuple(notes))


def _name_on_chain(
    identity: IdentityClient, account: Account, agent: int, digest: bytes, notes: list[str]
) -> bool:
    try:
        identity.set_metadata(account, agent, KEY, digest)
    except Reverted as refused:
        notes.append(f"the registry took no entry: {refused.reason}")
        return False
    return True


def _append(log: Log | None, envelope: bytes, notes: list[str]) -> int | None:
    if log is None:
        return None
    try:
        return log.append([envelope]).start
    except Busy:
        notes.append("another process writes the log; the registry entry names the listing")
        return None


def _services(listing: Listing) -> tuple[Service, ...]:
    named = ((_SERVICE_NAMES.get(one.tongue, one.tongue), one.url) for one in listing.endpoints)
    return tuple(Service(name, url) for name, url in named)


def _short(file: Registration) -> Registration:
    """Cut the description of a file that would not fit the chain."""
    while len(file.to_uri()) > MAX_URI and len(file.description) > 1:
        file = replace(file, description=file.description[: len(file.description) // 2])
    return file
