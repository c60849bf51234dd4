"""The verb `market`: list, find, buy, serve and judge models, data and services."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.network import Verbs, answer, by_account, entered, in_network, named, signer

if TYPE_CHECKING:
    from counterpoise.chain import Account
    from counterpoise.identity import IdentityClient
    from counterpoise.market.catalogue import Catalogue
    from counterpoise.market.reputations import Reputations
    from counterpoise.network import Network
    from counterpoise.provenance import Log

EXAMPLES = """\b
Examples:
  counterpoise market list credit-net --what model --price "0.02 per call" \\
      --describe "Whether a loan is paid back" --endpoint oip-v2=http://127.0.0.1:8402 \\
      --account seller
  counterpoise market search credit --tongue oip-v2 --most "0.05 per call"
  counterpoise market show 0/credit-net
The whole way of a seller and of a buyer is in docs/guides/market.md.
"""

VERBS = {
    "list": ("list_cli", "publish_listing", "Offer a model, a dataset or a service for sale."),
    "search": ("list_cli", "find", "Find listings by words and conditions."),
    "show": ("list_cli", "show", "Show one listing with who stands behind it."),
    "serve": ("serve_cli", "serve", "Put models and services behind payment, until Ctrl-C."),
    "withdraw": ("list_cli", "withdraw", "Take a listing back."),
    "offer": ("offer_cli", "offer", "Ask for a signed price; as a seller, sign one for an order."),
    "buy": ("buy_cli", "buy", "Pay for one call, and check its receipt."),
    "receipt": ("receipt_cli", "receipt", "Check a signed receipt, without a network."),
    "channels": ("buy_cli", "channels", "One's open channels; take out what is left."),
    "dashboard": ("dashboard_cli", "dashboard", "What was sold, earned, refused, and is at risk."),
    "data": ("data_cli", "data", "Jobs on rows that stay with their owner."),
    "order": ("order_cli", "order", "Order larger work: escrowed, judged, refunded by time."),
}
"""Each verb: its module in this room, its command there, and a line of help."""

KEYS = ("keystore", "key_env", "local_key", "account")
Verb = Callable[..., tuple[dict[str, Any], list[str]]]


@click.group(cls=Verbs, room="counterpoise.market", verbs=VERBS, epilog=EXAMPLES)
def market() -> None:
    """Offer, find, buy and judge models, data and services."""


class Desk:
    """An opened network, who signs, and the catalogue of its listings."""

    def __init__(self, network: Network, keys: dict[str, Any]) -> None:
        self.network, self.keys = network, keys

    @property
    def account(self) -> Account:
        """The account that signs."""
        return named(signer(self.network, **self.keys))

    def funded(self, tokens: int = 0) -> Account:
        """The account that signs, on a local chain with gas money, and tokens if the faucet has."""
        from counterpoise.core.errors import InputError
        from counterpoise.network import draw_from_faucet

        account = self.account
        try:
            draw_from_faucet(self.network, account, tokens)
        except InputError:  # what it has may do; a seller says so if not
            draw_from_faucet(self.network, account, 0)
        return account

    @property
    def identity(self) -> IdentityClient:
        """The network's registry of agents."""
        from counterpoise.identity import IdentityClient

        return IdentityClient(self.network.contract("IdentityRegistry"))

    @property
    def now(self) -> int:
        """The clock that listings and offers go by: this machine's, or a later chain's."""
        return int(self.network.clock())

    def log(self) -> Log | None:
        """The network's log to write to; None for a visitor, and where another writes it."""
        from counterpoise.core.errors import Busy

        if self.network.folder is None:
            return None
        try:
            return self.network.log
        except Busy:
            return None

    def catalogue(self) -> Catalogue:
        """The catalogue in the state folder or, for a visitor, in his cache, brought up to date."""
        from counterpoise.core.digest import sha256
        from counterpoise.market.catalogue import Catalogue
        from counterpoise.market.sources import read_chain, read_log, read_standings

        identity, network = self.identity, self.network
        folder = network.folder
        if folder is None:
            from platformdirs import user_cache_path

            place = sha256(f"{identity.name} {network.charter.log_vkey}".encode()).hex()[:16]
            home = user_cache_path("counterpoise") / f"market-{place}"
        else:
            home = folder / "market"
        catalogue = Catalogue(home / "catalogue.db", identity.name)
        if folder is not None and (folder / "log" / "checkpoint").exists():
            read_log(catalogue, network.log_reader())
        read_chain(catalogue, identity, network.store)
        read_standings(catalogue, identity)
        return catalogue

    def read_mirror(self, catalogue: Catalogue, folder: Path) -> None:
        """Take in the listings of a mirror of the network's log."""
        from counterpoise.market.sources import read_log, read_standings
        from counterpoise.provenance import LogReader

        charter = self.network.charter
        log = LogReader(folder, origin=charter.log_origin, vkey=charter.log_vkey)
        read_log(catalogue, log, f"mirror in {folder.resolve()}")
        read_standings(catalogue, self.identity)

    @cached_property
    def reputations(self) -> Reputations:
        """What paying customers of this network say of its agents."""
        from counterpoise.identity import ReputationClient
        from counterpoise.market.paid_receipts import PaidReceipts
        from counterpoise.market.reputations import Reputations

        reputation = ReputationClient(self.network.contract("ReputationRegistry"))
        return Reputations(reputation, PaidReceipts.of(self.network))

    def read_ratings(self, catalogue: Catalogue, agent: int | None = None) -> None:
        """Bring the ratings of one agent up to date, or of all that list."""
        from counterpoise.market.sources import note_reputations

        reputations = self.reputations
        agents = catalogue.agents() if agent is None else [agent]
        note_reputations(catalogue, reputations.rated(agents), reputations.of)


def at_desk(verb: Verb) -> Callable[..., None]:
    """Add the options that say which network, who signs and how to answer; and answer."""

    @by_account
    @in_network
    @wraps(verb)
    def command(*args: Any, wants_json: bool, **options: Any) -> None:
        places: list[Any] = [options.pop(name) for name in ("state", "charter", "chain", "store")]
        keys = {name: options.pop(name) for name in KEYS}
        with entered(*places) as network:
            record, lines = verb(Desk(network, keys), *args, **options)
        answer(wants_json, record, *lines)

    return command


def mirror_option(command: Any) -> Any:
    """Add the option that names another log, or a mirror of one, to read listings from."""
    return click.option(
        "--mirror",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="DIR",
        help="Folder with a mirror of the network's log to read as well.",
    )(command)
