"""The verbs ``counterpoise market list | search | show | withdraw``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, parse_address, parse_tokens, to_checksum
from counterpoise.market.cli import Desk, at_desk, mirror_option

if TYPE_CHECKING:
    from counterpoise.market.finding import Result, Wanted
    from counterpoise.market.listing import Listing, SignedListing

DAY = 86_400
WHATS = click.Choice(["model", "dataset", "service"])


@click.command("list")
@click.argument("name")
@click.option("--what", type=WHATS, default="service", show_default=True, help="What is sold.")
@click.option("--price", required=True, metavar="PRICE", help="Such as '0.25 per call'.")
@click.option("--describe", required=True, metavar="TEXT", help="What buyers should know.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="Repeatable.")
@click.option("--endpoint", "endpoints", multiple=True, metavar="TONGUE=URL", help="Repeatable.")
@click.option("--level", "levels", multiple=True, metavar="LEVEL[=TOKENS]", help="With its extra.")
@click.option("--licence", default="none stated", help="Licence or terms of use.")
@click.option("--model", metavar="SHA256", help="Digest of the model.")
@click.option("--rows", metavar="SHA256", help="Root of the dataset's rows.")
@click.option("--policy", metavar="SHA256", help="Digest of the policy for computing on it.")
@click.option("--signer", "clerk", metavar="ADDRESS", help="May sign offers and receipts too.")
@click.option("--days", default=90, show_default=True, help="How long it is good.")
@click.option("--agent", type=int, help="The seller's agent; a new one is registered if not given.")
@at_desk
def publish_listing(
    desk: Desk, name: str, agent: int | None, days: int, **said: Any
) -> tuple[dict[str, Any], list[str]]:
    """Offer something for sale under NAME; the same name again replaces what was listed.

    Example: counterpoise market list credit-net --what model --price "0.02 per call"
    --describe "Whether a loan is paid back" --endpoint oip-v2=http://127.0.0.1:8402
    --account seller
    """
    from dataclasses import replace

    from counterpoise.market.publishing import announce_endpoints, register_seller
    from counterpoise.provenance import AccountSigner

    if not 1 <= days <= 3_650:
        raise InputError(f"a listing that is good for {days} days", hint="1 to 3650")
    listing = listing_of(name, desk.now + days * DAY, desk, **said)
    note = ""
    if agent is None:
        listing.sign(
            AccountSigner(desk.account), desk.now
        )  # what cannot be listed is not registered
        number = register_seller(desk.identity, desk.account, listing)
        listing = replace(listing, agent=number)
    else:
        listing = replace(listing, agent=agent, version=next_version(desk, agent, name))
        note = announce_endpoints(desk.identity, desk.account, listing)
    return _published(desk, listing, [note] if note else [])


@click.command()
@click.argument("reference")
@at_desk
def withdraw(desk: Desk, reference: str) -> tuple[dict[str, Any], list[str]]:
    """Take the listing REFERENCE (AGENT/NAME or the beginning of its digest) back.

    Example: counterpoise market withdraw 0/credit-net --account seller
    """
    from dataclasses import replace

    from counterpoise.market.finding import resolve

    with desk.catalogue() as catalogue:
        listing = resolve(catalogue, reference, desk.now).found.listing
    version = next_version(desk, listing.agent, listing.name)
    return _published(desk, replace(listing, version=version, withdrawn=True), [])


@click.command("search")
@click.argument("words", nargs=-1)
@click.option("--what", type=WHATS, help="Only such.")
@click.option("--tongue", metavar="NAME", help="Only sellers who speak it, such as openai.")
@click.option("--most", metavar="PRICE", help="Price ceiling, such as '0.05 per call'.")
@click.option("--level", metavar="NAME", help="Only with this level of verification.")
@click.option("--least-rating", metavar="NUMBER", help="Mean rating, weighed by what was paid.")
@click.option("--order", type=click.Choice(["match", "price", "rating"]), default="match")
@click.option("--alive", is_flag=True, help="Only those whose endpoint answers now.")
@click.option("--limit", default=20, show_default=True, help="Most results, up to 200.")
@mirror_option
@at_desk
def find(
    desk: Desk, words: tuple[str, ...], alive: bool, limit: int, mirror: Path | None, **said: Any
) -> tuple[dict[str, Any], list[str]]:
    """Find listings by WORDS; without words, all that fulfil the conditions.

    Example: counterpoise market search credit tabular --tongue oip-v2 --order price
    """
    from counterpoise.market.finding import search
    from counterpoise.market.liveness import answering

    wanted = wanted_of(**said)
    with desk.catalogue() as catalogue:
        if mirror is not None:
            desk.read_mirror(catalogue, mirror)
        if wanted.least_rating is not None or said["order"] == "rating":
            desk.read_ratings(catalogue)
        found = search(catalogue, words, desk.now, wanted, limit=200 if alive else limit)
        refused = list(catalogue.refused)
    results = answering(found, limit) if alive else found
    record = {"results": [result_record(one) for one in results], "refused": refused}
    lines = [line for one in results for line in result_lines(one)]
    return record, lines or ["nothing is listed that fits; fewer words or conditions find more"]


@click.command()
@click.argument("reference")
@mirror_option
@at_desk
def show(desk: Desk, reference: str, mirror: Path | None) -> tuple[dict[str, Any], list[str]]:
    """Show the listing REFERENCE: AGENT/NAME, or the beginning of its digest.

    Example: counterpoise market show 0/credit-net --json
    """
    from counterpoise.market.finding import resolve

    with desk.catalogue() as catalogue:
        if mirror is not None:
            desk.read_mirror(catalogue, mirror)
        agent = resolve(catalogue, reference, desk.now).found.listing.agent
        desk.read_ratings(catalogue, agent)
        result = resolve(catalogue, reference, desk.now)
    record = result_record(result)
    width = max(map(len, record))
    plain = {key: value for key, value in record.items() if not isinstance(value, list)}
    lines = [f"{key:<{width}}  {value}" for key, value in plain.items() if value is not None]
    for key in ("endpoints", "levels"):
        lines += [f"{key:<{width}}  " + "  ".join(map(str, row.values())) for row in record[key]]
    return record, lines


def listing_of(name: str, until: int, desk: Desk, **said: Any) -> Listing:
    """Make a listing of what the options say."""
    from counterpoise.market.listing import Endpoint, Level, Listing, What
    from counterpoise.market.price import Price

    pairs = [text.partition("=") for text in said["endpoints"]]
    for tongue, equals, url in pairs:
        if not (tongue and equals and url):
            raise InputError(f"{tongue!r} is no endpoint", hint="write such as openai=https://…")
    levels = [text.partition("=") for text in said["levels"]]
    return Listing(
        What(said["what"]),
        name,
        said["describe"],
        Price.parse(said["price"]),
        desk.network.charter.contracts["CreditToken"],
        0,
        desk.identity.name,
        until,
        tags=tuple(said["tags"]),
        endpoints=tuple(Endpoint(tongue, url) for tongue, _, url in pairs),
        levels=tuple(Level(level, parse_tokens(extra or "0")) for level, _, extra in levels),
        licence=said["licence"],
        model=digest_of(said["model"], "--model"),
        row_root=digest_of(said["rows"], "--rows"),
        policy=digest_of(said["policy"], "--policy"),
        signer=None if said["clerk"] is None else parse_address(said["clerk"]),
    )


def wanted_of(**said: Any) -> Wanted:
    """Read the conditions of a search."""
    from counterpoise.market.finding import Order, Wanted
    from counterpoise.market.listing import What
    from counterpoise.market.price import Price

    least = said["least_rating"]
    return Wanted(
        what=None if said["what"] is None else What(said["what"]),
        tongue=said["tongue"],
        most=None if said["most"] is None else Price.parse(said["most"]),
        level=said["level"],
        least_rating=None if least is None else parse_tokens(least) // 10**15,
        order=Order(said["order"]),
    )


def next_version(desk: Desk, agent: int, name: str) -> int:
    """Give the version that replaces all that the agent listed under a name."""
    with desk.catalogue() as catalogue:
        standing = catalogue.standing(agent)
        keys = set() if standing is None else set(standing.keys)
        versions = catalogue.versions(agent, name)
    keys.add(desk.account.address)
    return 1 + max((one.listing.version for one in versions if one.signer in keys), default=0)


def digest_of(text: str | None, what: str) -> bytes | None:
    """Read a SHA-256 in hex that may be missing."""
    if text is None:
        return None
    try:
        digest = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise InputError(f"{what} {text!r:.80} is no SHA-256", hint="write 64 hex digits")
    return digest


def result_record(result: Result) -> dict[str, Any]:
    """Write a result for machines: amounts in base units as text, with a reading in tokens."""
    listing, standing = result.found.listing, result.standing
    rating = standing.rating
    return {
        "listing": f"{listing.agent}/{listing.name}",
        "digest": result.found.digest.hex(),
        "what": listing.what.value,
        "description": listing.description,
        "tags": list(listing.tags),
        "price": str(listing.price),
        "amount": str(listing.price.amount),
        "unit": listing.price.unit.value,
        "token": to_checksum(listing.token),
        "agent": listing.agent,
        "version": listing.version,
        "signer": to_checksum(result.found.signer),
        "wallet": to_checksum(standing.wallet),
        "rating": None if rating is None else f"{rating // 1000}.{rating % 1000:03d}",
        "ratings": standing.ratings,
        "behind ratings": format_tokens(standing.weight),
        "licence": listing.licence,
        "until": datetime.fromtimestamp(listing.until, UTC).isoformat(),
        "endpoints": [{"tongue": one.tongue, "url": one.url} for one in listing.endpoints],
        "levels": [
            {"level": one.name, "extra": format_tokens(one.extra)} for one in listing.levels
        ],
        "model": None if listing.model is None else listing.model.hex(),
        "rows": None if listing.row_root is None else listing.row_root.hex(),
        "policy": None if listing.policy is None else listing.policy.hex(),
        "why": result.reason(),
    }


def result_lines(result: Result) -> list[str]:
    """Write a result for people: what it is, what it costs, where, and why it is found."""
    listing, standing = result.found.listing, result.standing
    rating = "unrated" if standing.rating is None else f"rated {standing.rating / 1000:.1f}"
    head = f"{listing.agent}/{listing.name}  {listing.what.value}  {listing.price}  {rating}"
    where = "  ".join(f"{one.tongue} {one.url}" for one in listing.endpoints)
    first = listing.description.split("\n")[0]
    return [head, f"  {first[:96]}", *([f"  {where}"] if where else []), f"  {result.reason()}"]


def _published(desk: Desk, listing: Listing, notes: list[str]) -> tuple[dict[str, Any], list[str]]:
    from counterpoise.market.listing import read_listing
    from counterpoise.market.publishing import publish

    done = publish(
        listing,
        desk.funded(),
        desk.now,
        identity=desk.identity,
        store=desk.network.store,
        log=desk.log(),
    )
    signed: SignedListing = read_listing(done.envelope)
    record = {
        "listing": f"{listing.agent}/{listing.name}",
        "digest": signed.digest.hex(),
        "version": listing.version,
        "withdrawn": listing.withdrawn,
        "entry": done.entry,
        "on chain": done.on_chain,
        "notes": [*notes, *done.notes],
    }
    where = [f"entry {done.entry} of the log"] if done.entry is not None else []
    where += ["the agent's registry entry"] if done.on_chain else []
    word = "withdrawn" if listing.withdrawn else "listed"
    lines = [f"{record['listing']} version {listing.version} is {word}: {', '.join(where)}"]
    return record, [*lines, *(f"note: {note}" for note in record["notes"])]  # type: ignore[attr-defined]
