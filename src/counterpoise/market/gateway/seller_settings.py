"""The table ``[seller]`` of a gateway's configuration: who sells, and on what terms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterpoise.core.errors import InputError
from counterpoise.market.gateway.about import About
from counterpoise.market.gateway.keeping import Rhythm
from counterpoise.market.gateway.settings import Table

SCHEMES = ("batch-settlement", "exact")


@dataclass(frozen=True, slots=True)
class SellerSettings:
    """The table ``[seller]``.

    Parameters
    ----------
    home :
        Where vouchers, decisions and their log are kept: back it up, nobody else has it.
    offer_seconds :
        How long a signed offer keeps its price.
    receipts :
        Whether a signed receipt goes with every paid answer.
    agent :
        The seller's number in the registry of agents; None where it has none.
    listing :
        Digest of the listing that everything is sold under; offers and receipts name it.
    shows_metrics :
        Whether ``/metrics`` is served; it says what was earned.
    """

    home: Path
    about: About
    withdraw_delay: int
    calls_per_deposit: int
    schemes: tuple[str, ...]
    offer_seconds: int
    receipts: bool
    rhythm: Rhythm
    agent: int | None = None
    listing: bytes | None = None
    shows_metrics: bool = True

    @classmethod
    def read(cls, table: Table, url: str) -> SellerSettings:
        """Read the table; `InputError` names what is wrong in it."""
        usual = Rhythm()
        schemes = table.texts("schemes", SCHEMES)
        if not schemes or not set(schemes) <= set(SCHEMES):
            raise InputError(f"schemes {list(schemes)}", hint=f"some of {', '.join(SCHEMES)}")
        about = About(
            table.text("name", "a seller"),
            table.text("description", ""),
            table.text("url", url).rstrip("/"),
            table.text("version", "1"),
            table.text("provider", ""),
        )
        rhythm = Rhythm(
            store=usual.store,
            watch=table.number("watch_seconds", usual.watch, least=0.1),
            claim=table.number("claim_seconds", usual.claim),
            anchor=table.number("anchor_seconds", usual.anchor),
            least_claim=table.tokens("least_claim", usual.least_claim) or 1,
        )
        found = cls(
            table.folder / table.text("home", "gateway-home"),
            about,
            table.whole("withdraw_delay", 86_400, least=900, most=2_592_000),
            table.whole("calls_per_deposit", 1_000, least=1, most=1_000_000),
            schemes,
            table.whole("offer_seconds", 120, least=1, most=86_400),
            table.flag("receipts", True),
            rhythm,
            table.whole("agent") if table.has("agent") else None,
            table.digest("listing", None),
            table.flag("metrics", True),
        )
        table.done()
        return found
