"""A network with a seller and many buyers, made for load and for faults."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from buyers import Buyer
from gateway_process import Gateway, free_port

from counterpoise.chain import Account
from counterpoise.core.units import format_tokens
from counterpoise.inference import Layer, Net, save_model
from counterpoise.jobs import TokenClient
from counterpoise.network import Network, create_network, open_network
from counterpoise.payments import ChannelConfig, ChannelsClient
from counterpoise.payments.terms import Terms
from counterpoise.payments.voucher_store import read_vouchers

PRICE = 10**15
"""Of one call, in base units."""
PATH, FREE = "/v2/models/small/infer", "/v2/models/small"


@dataclass
class Sale:
    """What a seller and its buyers share: the network's folder, the terms, the accounts."""

    folder: Path
    terms: Terms
    seller: Account
    network: Network | None

    @classmethod
    def found(cls, folder: Path) -> Sale:
        """Found a network whose seller has gas money."""
        network = create_network(folder)
        network.fund(network.account("seller").address, 10**21)
        network.close()
        return cls.at(folder)

    @classmethod
    def at(cls, folder: Path, *, withdraw_delay: int = 86_400) -> Sale:
        """Open a network that was founded so."""
        network = open_network(folder)
        seller, token = network.account("seller"), network.contract("CreditToken")
        terms = Terms(
            network.chain.chain_id(),
            token.address,
            token.call("name"),
            token.call("version"),
            seller.address,
            seller.address,
            withdraw_delay,
            timeout=300,
        )
        return cls(folder, terms, seller, network)

    @property
    def token(self) -> TokenClient:
        return TokenClient(self.opened.contract("CreditToken"))

    @property
    def channels(self) -> ChannelsClient:
        return ChannelsClient(self.opened.chain)

    @property
    def opened(self) -> Network:
        """The network, opened by this process."""
        if self.network is None:
            self.network = open_network(self.folder)
        return self.network

    def leave(self) -> None:
        """Let another process open the folder."""
        if self.network is not None:
            self.network.close()
            self.network = None

    def buyers(
        self,
        number: int,
        *,
        calls: int,
        lanes: int = 1,
        filled: bool = True,
        name: str = "buyer",
    ) -> list[Buyer]:
        """Give buyers with tokens for so many calls on each of their channels.

        Parameters
        ----------
        lanes :
            Channels of each payer.
        filled :
            Whether the deposits lie in the channels already; else they go out with first calls.
        """
        token, channels = self.token, self.channels
        operator, amount = self.opened.account("operator"), calls * PRICE
        until = max(int(time.time()), self.opened.chain.block().time) + 86_400
        found = []
        for one in range(number):
            payer = Account.local(f"{name} {one}".encode())
            token.mint(operator, payer.address, amount * lanes)
            for lane in range(lanes):
                config = self.config(payer, lane)
                signed = channels.sign_deposit(
                    payer, config, amount, token=token, valid_before=until, salt=one
                )
                if filled:
                    channels.deposit(self.seller, signed)
                deposit = None if filled else signed
                found.append(Buyer(payer, config, self.terms, PRICE, deposit=deposit))
        return found

    def config(self, payer: Account, lane: int = 0) -> ChannelConfig:
        """Give the terms of a payer's channel to the seller."""
        seller, terms = self.seller.address, self.terms
        return ChannelConfig(
            payer.address,
            payer.address,
            seller,
            seller,
            terms.token,
            terms.withdraw_delay,
            lane.to_bytes(32, "big"),
        )

    def received(self, store: Path) -> int:
        """Claim what a voucher file still holds, settle it; give all that the seller ever got."""
        token, channels = self.token, self.channels
        kept = read_vouchers(store).values()
        rows = [one.claim() for one in kept if channels.channel(one.config).claimed < one.charged]
        for start in range(0, len(rows), 100):
            channels.claim(self.seller, rows[start : start + 100])
        channels.settle(self.seller, self.seller.address, self.terms.token)
        return token.balance(self.seller.address)


def charged(store: Path) -> dict[bytes, int]:
    """Give what a voucher file says was charged on each channel."""
    return {channel: kept.charged for channel, kept in read_vouchers(store).items()}


def total(buyers: Iterable[Buyer], name: str) -> int:
    """Add up one number of the buyers' books."""
    return sum(getattr(buyer.books, name) for buyer in buyers)


def served(sale: Sale, folder: Path, *, chain: str = "", limits: str = "") -> tuple[Gateway, Path]:
    """Give a gateway with a small model for sale, not started yet, and its voucher file.

    Parameters
    ----------
    chain :
        URL of the chain's node; by default the gateway opens the chain itself.
    limits :
        Lines of the configuration's table of limits.
    """
    hidden = Layer.folded([[40, -3], [-20, 64]], [0, -500], shift=6, lo=0, hi=255)
    save_model(Net((hidden, Layer([[64, -25]], [0])), threshold=1000), folder / "small.model")
    config, port = folder / "gateway.toml", free_port()
    config.write_text(
        '[seller]\nhome = "home"\nwatch_seconds = 0.5\n'
        f"withdraw_delay = {sale.terms.withdraw_delay}\n[limits]\n{limits}\n"
        '[[service]]\nkind = "integer"\nname = "small"\nfile = "small.model"\n'
        f'price = "{format_tokens(PRICE)} per call"\n'
    )
    command = [sys.executable, "-m", "counterpoise", "market", "serve", "--config", str(config)]
    command += ["--state", str(sale.folder), "--account", "seller", "--port", str(port)]
    command += ["--chain", chain] if chain else []
    return Gateway(command, port, folder / "words"), folder / "home" / "vouchers"


def bodies(number: int, start: int = 0) -> list[bytes]:
    """Write so many different requests to the model."""
    form = (
        b'{"id": "%d", "inputs": [{"name": "bytes", "shape": [1, 2],'
        b' "datatype": "UINT8", "data": [%d, 7]}]}'
    )
    return [form % (one, one % 256) for one in range(start, start + number)]
