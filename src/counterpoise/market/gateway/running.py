"""Puts a gateway together from a network, an account and a configuration, and runs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from counterpoise.chain import Account, artifact
from counterpoise.core.errors import InputError
from counterpoise.core.units import to_checksum
from counterpoise.identity import Registration
from counterpoise.jobs import TokenClient
from counterpoise.market.gateway.app import Gateway
from counterpoise.market.gateway.commits import Commits
from counterpoise.market.gateway.debts import Debts
from counterpoise.market.gateway.discovery import Discovery
from counterpoise.market.gateway.home import open_evidence
from counterpoise.market.gateway.keeping import Keeping, Say
from counterpoise.market.gateway.limits import Limits
from counterpoise.market.gateway.mcp import McpService
from counterpoise.market.gateway.metrics import Metrics
from counterpoise.market.gateway.models import Place, load_services
from counterpoise.market.gateway.pages import Pages
from counterpoise.market.gateway.paid import PaidDesk
from counterpoise.market.gateway.record import Record
from counterpoise.market.gateway.registered import registration_of
from counterpoise.market.gateway.seller_settings import SellerSettings
from counterpoise.market.gateway.service import Service
from counterpoise.market.gateway.settings import Table, limits_of
from counterpoise.market.gateway.turnstile import Turnstile
from counterpoise.market.offers import OfferDesk
from counterpoise.network import Network
from counterpoise.payments import (
    ChannelsClient,
    Facilitator,
    Seller,
    Settlement,
    Terms,
    Till,
    VoucherStore,
)
from counterpoise.provenance import AccountSigner, AnchorClient


class Running:
    """A gateway with all that it holds open; close it to let go.

    Parameters
    ----------
    account :
        Receives, signs, claims and pays the gas.
    settings :
        The whole configuration.
    url :
        Address at which buyers find the gateway, where the configuration names none.
    clock :
        Gives the Unix time; that of the chain's blocks, nearly.

    Raises
    ------
    InputError :
        The configuration is wrong.
    Busy :
        Another process serves from the same home.
    """

    def __init__(
        self,
        network: Network,
        account: Account,
        settings: Table,
        *,
        url: str,
        say: Say,
        clock: Callable[[], float] = time.time,
        more: Sequence[Service] = (),
    ) -> None:
        seller_settings = SellerSettings.read(settings.table("seller"), url)
        limits = limits_of(settings.table("limits"))
        place = Place(network, account, clock, limits.seconds)
        self.services = [*load_services(settings.tables("service"), place), *more]
        if not self.services:
            raise InputError("nothing is for sale", hint="add a table [[service]] to the file")
        settings.done()
        file = registration_of(network, account, seller_settings)
        self.settings, self.metrics = seller_settings, Metrics()
        self._network, self._account = network, account
        self._clock, self._say, self._is_closed = clock, say, False
        seller_settings.home.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            self.store = opened.enter_context(
                VoucherStore(seller_settings.home / "vouchers", int(clock()))
            )
            self.evidence = open_evidence(network, account, seller_settings.home)
            opened.pop_all()
        self.till, self.settlement = self._till(limits)
        self._commits = Commits(self._flush)
        self.debts = Debts(limits.unsettled)
        self.keeping = self._keeping()
        self.debts.wake = self.keeping.wake
        self._turnstile = Turnstile(self.till, self._offers(), clock)
        record = Record(
            self._turnstile,
            self.evidence,
            self._commits,
            self.debts,
            clock,
            receipts=seller_settings.receipts,
            listing=seller_settings.listing,
        )
        self.desk = PaidDesk(self._turnstile, record, limits, self.metrics, clock=clock)
        self.desk.trouble = self._trouble
        self.pages = Pages(self.metrics, self.evidence, self._sale(), self._trouble, self.services)
        if not seller_settings.shows_metrics:
            self.pages.hide("/metrics")
        self.app = self._app(file)

    def prices(self, service: Service) -> list[str]:
        """Say what a service costs, a line for each thing that it sells."""
        told = getattr(service, "price_lines", None)
        if told is not None:
            return list(told())
        paid = [route for route in service.routes if not route.is_free]
        return [f"  {route.method} {route.path}" for route in paid]

    def close(self) -> None:
        """Claim and settle what is worth it, and let go of every file; safe to call again."""
        if self._is_closed:
            return
        self._is_closed = True
        with ExitStack() as left:
            for one in (self.store, self.evidence, self._commits, self._turnstile):
                left.callback(one.close)
            self.keeping.stop()
            if not self._commits.broken:
                self.keeping.finish()

    def _app(self, file: Registration | None) -> Gateway:
        about = self.settings.about
        tools = McpService(self.services, self.desk, about)
        everything = [*self.services, tools, self.pages]
        return Gateway(
            [*everything, Discovery(everything, about, file, self._account)],
            self.desk,
            opened=self._opened,
            closed=self._closed,
            clock=self._clock,
        )

    async def _opened(self) -> None:
        self.keeping.start()

    async def _closed(self) -> None:
        for service in self.services:
            await service.close()

    def _flush(self) -> None:
        """Bring charges, then statements, to the disk: what was noted before this was called."""
        self.store.sync()
        self.evidence.flush()

    def _till(self, limits: Limits) -> tuple[Till, Settlement]:
        network, account, settings = self._network, self._account, self.settings
        token = TokenClient(network.contract("CreditToken"))
        channels = ChannelsClient(network.chain)
        terms = Terms(
            network.chain.chain_id(),
            token.address,
            str(token.contract.call("name")),
            str(token.contract.call("version")),
            account.address,
            account.address,
            withdraw_delay=settings.withdraw_delay,
            calls_per_deposit=settings.calls_per_deposit,
            timeout=max(300, 2 * round(limits.seconds)),
            schemes=settings.schemes,
        )
        seller = Seller(terms, self.store, channels.check_voucher)
        facilitator = Facilitator(channels, token, account)
        till = Till(seller, channels, facilitator, self._clock, authorizer=account)
        is_ours = network.chain.code(channels.address) == artifact("BatchSettlement").runtime
        return till, Settlement(seller, channels, account, has_each=is_ours)

    def _keeping(self) -> Keeping:
        anchor = AnchorClient(self._network.contract("Anchor")), self._account
        return Keeping(
            self.evidence,
            self.settlement,
            self.debts,
            self.metrics,
            anchor,
            rhythm=self.settings.rhythm,
            clock=self._clock,
            say=self._say,
        )

    def _offers(self) -> OfferDesk:
        terms, signer = self.till.seller.terms, AccountSigner(self._account)
        return OfferDesk(
            signer,
            terms.network,
            terms.token,
            terms.receiver,
            seconds=self.settings.offer_seconds,
            listing=self.settings.listing,
        )

    def _sale(self) -> dict[str, Any]:
        about, terms = self.settings.about, self.till.seller.terms
        return {
            "x402Version": 2,
            "name": about.name,
            "description": about.description,
            "url": about.url,
            "network": terms.network,
            "asset": to_checksum(terms.token),
            "payTo": to_checksum(terms.receiver),
            "schemes": list(terms.schemes),
            "log": {"origin": self.evidence.log.origin, "vkey": self.evidence.log.vkey},
        }

    def _trouble(self) -> str:
        return self._commits.broken or self.keeping.trouble
