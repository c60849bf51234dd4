"""Makes services of the tables ``[[service]]`` of a configuration, by their ``kind``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.inference import Card, load_model
from counterpoise.market.gateway.levels import Offered, OracleProofs
from counterpoise.market.gateway.oip import OipService, Sold
from counterpoise.market.gateway.oip_models import OnnxModel, WholeModel
from counterpoise.market.gateway.service import Service
from counterpoise.market.gateway.settings import Table
from counterpoise.network import Network

MAX_GRAPH = 1 << 30

KINDS: Mapping[str, str] = {
    "openai": "counterpoise.market.gateway.openai_settings:openai_service",
}
"""Kinds that are services of their own: where the function is that makes one of a table."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service will run.

    Parameters
    ----------
    account :
        The seller's; signs and pays gas.
    limits_seconds :
        What one call may take.
    """

    network: Network
    account: Account
    clock: Callable[[], float]
    limits_seconds: float = 30.0
    extra: Mapping[str, Any] = field(default_factory=dict)


def load_services(tables: Sequence[Table], place: Place) -> list[Service]:
    """Make all services of a configuration; models of the inference protocol share one.

    Raises
    ------
    InputError :
        A table is wrong; the message names it and the member.
    """
    services: list[Service] = []
    sold: list[Sold] = []
    for table in tables:
        kind, name = table.text("kind"), table.text("name")
        try:
            if kind in MODELS:
                sold.append(MODELS[kind](name, table, place))
            elif kind in KINDS:
                services.append(_maker(kind)(name, table, place))
            else:
                known = ", ".join(sorted((*MODELS, *KINDS)))
                raise InputError(f"kind is {kind!r}", hint=f"there are {known}")
        except InputError as wrong:
            if wrong.message.startswith(table.place):
                raise
            raise InputError(f"{table.place}: {wrong.message}", hint=wrong.hint) from None
        table.done()
    if sold:
        services.insert(0, OipService(sold, most_wait=max(0.0, place.limits_seconds - 1)))
    return services


def _onnx(name: str, table: Table, place: Place) -> Sold:
    """An ONNX graph: ``file``, ``price``, optionally ``version`` and ``threads``."""
    path = table.path("file")
    if path.stat().st_size > MAX_GRAPH:
        raise InputError(f"{path} has {path.stat().st_size} bytes, at most {MAX_GRAPH} are taken")
    model = OnnxModel(path.read_bytes(), threads=table.whole("threads", 1, least=1, most=64))
    return Sold(name, table.text("version", "1"), model, table.price("price"))


def _integer(name: str, table: Table, place: Place) -> Sold:
    """An integer model: ``file``, ``price``, optionally ``card``, ``version`` and ``levels``."""
    found = load_model(table.path("file"))
    card = Card.from_bytes(table.path("card").read_bytes()) if table.has("card") else None
    levels = table.table("levels")
    offered = {level: _offered(levels.table(level)) for level in list(levels.names())}
    proofs = None
    if offered:
        proofs = OracleProofs(place.network, place.account, found.id, offered, clock=place.clock)
    model = WholeModel(found, card, proofs)
    return Sold(name, table.text("version", "1"), model, table.price("price"))


MODELS: Mapping[str, Callable[[str, Table, Place], Sold]] = {"onnx": _onnx, "integer": _integer}
"""Kinds that are models of the Open Inference Protocol."""


def _offered(table: Table) -> Offered:
    """A level: ``price`` on top, ``fee`` for the oracle's nodes, ``hours`` that they have."""
    price, fee = table.price("price"), table.tokens("fee", None)
    hours = table.number("hours", 24.0, least=0.01)
    table.done()
    amount = price.amount if fee is None else fee
    if amount > price.amount:
        raise InputError(f"{table.place}: the fee is above the price", hint="raise the price")
    return Offered(price.amount, amount, round(hours * 3600))


def _maker(kind: str) -> Callable[[str, Table, Place], Service]:
    home, _, name = KINDS[kind].partition(":")
    try:
        return cast(
            "Callable[[str, Table, Place], Service]", getattr(importlib.import_module(home), name)
        )
    except ModuleNotFoundError as missing:
        raise MissingExtra(missing.name or kind, extra="market") from missing
