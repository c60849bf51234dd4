"""Reads which models stand under ``/v1``.

[[service]]
name = "texts"
kind = "openai"
[[service.models]]
name = "minilm"                 # what buyers call it
engine = "minilm"               # our own; or "upstream"
price = "0.000001 per token"    # or per call
[[service.models]]
name = "small-chat"
engine = "upstream"
task = "chat"                   # or "embeddings"
url = "http://127.0.0.1:8000/v1"
key_env = "UPSTREAM_KEY"        # the environment variable with its key; none if left out
theirs = "their-name-for-it"    # the same as `name` if left out
price = "0.000001 per token"
price_out = "0.000004 per token"
most_tokens = 1024              # of one answer
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoise.core.errors import InputError
from counterpoise.market.gateway.openai_chat import UpstreamChat
from counterpoise.market.gateway.openai_embeddings import LocalEmbeddings, UpstreamEmbeddings
from counterpoise.market.gateway.openai_service import Model, OpenAiService
from counterpoise.market.gateway.settings import Table
from counterpoise.market.gateway.tariff import Tariff
from counterpoise.market.gateway.upstream import Upstream

if TYPE_CHECKING:
    from counterpoise.market.gateway.models import Place


def openai_service(name: str, table: Table, place: Place) -> OpenAiService:
    """Make the service that a table describes."""
    models = [_model(one) for one in table.tables("models")]
    if not models:
        raise InputError(f"{table.place} has no models", hint="add tables [[service.models]]")
    return OpenAiService(models, name=name, created=int(place.clock()))


def _model(table: Table) -> Model:
    name, engine = table.text("name"), table.text("engine")
    if engine not in {"upstream", "minilm"}:
        raise InputError(f"{table.place}: engine is {engine!r}", hint="give upstream or minilm")
    model = _local(name, table) if engine == "minilm" else _far(name, table)
    table.done()
    return model


def _local(name: str, table: Table) -> Model:
    from counterpoise.market.engines.minilm import MiniLm

    tariff = Tariff(table.price("price"))
    most_in = table.whole("most_in", 8192, least=1)
    return LocalEmbeddings(
        name, MiniLm(threads=table.whole("threads", 1, least=1)), tariff, most_in
    )


def _far(name: str, table: Table) -> Model:
    timeout = table.number("timeout", 60.0, least=0.001)
    upstream = Upstream.from_environment(
        table.text("url"), table.text("key_env", ""), timeout=timeout
    )
    theirs, task = table.text("theirs", name), table.text("task")
    if task == "embeddings":
        most_in = table.whole("most_in", 1 << 18, least=1)
        return UpstreamEmbeddings(name, upstream, Tariff(table.price("price")), theirs, most_in)
    if task != "chat":
        raise InputError(f"{table.place}: task is {task!r}", hint="give chat or embeddings")
    out = table.price("price_out") if "price_out" in table.names() else None
    most = table.whole("most_tokens", 1024, least=1, most=1 << 20)
    block = table.whole("block", 16, least=1)
    return UpstreamChat(name, upstream, Tariff(table.price("price"), out), theirs, most, block)
