"""Opens what the command line names: sources, scales, sinks, and the service that joins them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.names import address_of

if TYPE_CHECKING:
    from counterpoise.monitor.detector import Detector
    from counterpoise.monitor.metrics import Metrics
    from counterpoise.monitor.service import Service, Sink
    from counterpoise.monitor.source import Source
    from counterpoise.monitor.sources.rows import RowSource, RowTerms
    from counterpoise.network import Network

COIN_SCALE = 10**12
"""Wei of one unit of the graph: a millionth of a coin of 18 decimals."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; see its help."""

    source: str
    url: str | None = None
    file: Path | None = None
    topic: str | None = None
    by_block: bool = False
    state: Path | None = None
    home: Path | None = None
    start: int = 0
    confirmations: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    chain_id: int = 0
    detect: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    coins: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    jsonl: Path | None = None
    webhook: str | None = None
    secret_env: str = "COUNTERPOISE_WEBHOOK_SECRET"  # noqa: S105
    serve: str | None = None
    log_as: str | None = None
    guards: tuple[str, ...] = ()
    report_as: str = "reporter"


def rows_of(
    path: Path, terms: RowTerms | None = None, *, chain_id: int = 0, say: Say = lambda line: None
) -> RowSource:
    """The transfers of a file: Parquet by its suffix, else CSV."""
    from counterpoise.monitor.sources.csv_file import CsvRecords
    from counterpoise.monitor.sources.rows import Records, RowSource

    records: Records
    if path.suffix.lower() in (".parquet", ".pq"):
        from counterpoise.monitor.engines.parquet import ParquetRecords

        records = ParquetRecords(path)
    else:
        records = CsvRecords(path)
    try:
        return RowSource(records, terms, chain_id=chain_id, say=say)
    except InputError:
        records.close()
        raise


def token_of(word: str) -> bytes:
    """The token of a word: an address, a name as rows have it, or ``coin``."""
    return NATIVE if word.lower() == "coin" else address_of(word)


def scales_of(words: Sequence[str], otherwise: Mapping[bytes, int]) -> dict[bytes, int]:
    """Scales from words such as ``coin=1000000`` or ``0x…=100``, on top of the usual ones."""
    found = dict(otherwise)
    for word in words:
        token, _, units = word.rpartition("=")
        if not token or not units.isascii() or not units.isdigit() or not int(units):
            raise InputError(
                f"{word!r} is no scale", hint="write TOKEN=BASE_UNITS, such as coin=1000000000000"
            )
        found[token_of(token)] = int(units)
    return found


def home_of(wanted: Wanted) -> Path:
    """The folder of the watch: as given, in the network's state, or one for each source."""
    if wanted.home is not None:
        return wanted.home
    if wanted.state is not None:
        return wanted.state / "monitor"
    from platformdirs import user_data_path

    place = wanted.file.resolve() if wanted.file else wanted.url
    name = sha256(f"{wanted.source} {place} {wanted.topic}".encode()).hex()[:12]
    return user_data_path("counterpoise") / "monitor" / f"{wanted.source}-{name}"


@contextmanager
def opened(wanted: Wanted, *, sinks: Sequence[Sink] = (), say: Say) -> Iterator[Service]:
    """The service that was asked for; everything is let go at the end."""
    from counterpoise.monitor.detectors import make_detectors, make_observers
    from counterpoise.monitor.metrics import Metrics
    from counterpoise.monitor.service import Service
    from counterpoise.monitor.state_folder import StateFolder

    with ExitStack() as stack:
        network = _network(wanted, stack)
        source = _source(wanted, network, stack, say)
        coins, quotes = (
            [token_of(word) for word in words] for words in (wanted.coins, wanted.quotes)
        )
        detectors = make_detectors(
            list(wanted.detect) or None, label_files=wanted.labels, coins=coins, quotes=quotes
        )
        scales = scales_of(wanted.scales, _usual_scales(wanted, network))
        folder, metrics = StateFolder(home_of(wanted)), Metrics()
        stack.callback(folder.close)
        budgets = _budgets(detectors, wanted)
        watch, places = folder.load(source.chain_id, _budgeted(detectors, budgets), scales)
        every = [*sinks, *_sinks(wanted, folder.book_path, metrics, stack, say)]
        if wanted.log_as is not None or wanted.guards:
            from counterpoise.monitor.sinks.opening import acting_sinks

            priced = {"coins": coins, "quotes": quotes, "budgets": budgets}
            every += acting_sinks(wanted, network, source.chain_id, detectors, scales, priced, say)
        service = Service(
            watch,
            places,
            source,
            folder,
            sinks=every,
            observers=make_observers() if wanted.source in ("local", "rpc") else (),
            metrics=metrics,
            say=say,
        )
        stack.callback(service.book.close)
        yield service


def _network(wanted: Wanted, stack: ExitStack) -> Network | None:
    if wanted.state is None:
        return None
    from counterpoise.network import open_network

    url = wanted.url if wanted.source == "rpc" else None
    return stack.enter_context(open_network(wanted.state, chain=url))


def _source(wanted: Wanted, network: Network | None, stack: ExitStack, say: Say) -> Source:
    from counterpoise.monitor.sources.chain import ChainSource

    if wanted.source in ("local", "rpc"):
        if network is not None:
            chain = network.chain
        elif wanted.source == "local" or not wanted.url:
            flag = "--state DIR" if wanted.source == "local" else "--url URL"
            raise InputError(f"the source {wanted.source} is not named", hint=f"give {flag}")
        else:
            from counterpoise.chain import open_chain

            chain = open_chain(wanted.url)
            stack.callback(chain.close)
        return ChainSource(chain, start=wanted.start, confirmations=wanted.confirmations, say=say)
    source = _row_source(wanted, say)
    stack.callback(source.close)
    return source


def _row_source(wanted: Wanted, say: Say) -> RowSource:
    from counterpoise.monitor.sources.rows import RowSource, RowTerms
    from counterpoise.monitor.sources.topic import TopicRecords

    terms = RowTerms(**wanted.rows)
    if wanted.source in ("csv", "parquet"):
        if wanted.file is None:
            raise InputError("no file is named", hint="give --file FILE")
        return rows_of(wanted.file, terms, chain_id=wanted.chain_id, say=say)
    if not wanted.url or not wanted.topic:
        raise InputError("no topic is named", hint="give --url HOST:PORT --topic NAME")
    from counterpoise.monitor.engines.kafka import KafkaTopic

    broker = KafkaTopic(wanted.url, wanted.topic)
    return RowSource(
        TopicRecords(broker, by_block=wanted.by_block), terms, chain_id=wanted.chain_id, say=say
    )


def _usual_scales(wanted: Wanted, network: Network | None) -> dict[bytes, int]:
    """Rows: base units as they are. Chains: coins of 18 decimals, and a network's own token."""
    if wanted.source not in ("local", "rpc"):
        return {NATIVE: 1}
    found = {NATIVE: COIN_SCALE}
    if network is not None and "CreditToken" in network.charter.contracts:
        found[network.charter.contracts["CreditToken"]] = COIN_SCALE
    return found


def _budgets(detectors: Sequence[Detector], wanted: Wanted) -> dict[str, int]:
    limits = {}
    for word in wanted.budgets:
        name, _, count = word.partition("=")
        if name not in {one.name for one in detectors} or not count.isdigit():
            known = ", ".join(one.name for one in detectors)
            raise InputError(f"{word!r} is no budget", hint=f"write NAME=PER_HOUR, of {known}")
        limits[name] = int(count)
    return limits


def _budgeted(detectors: Sequence[Detector], limits: Mapping[str, int]) -> list[Detector]:
    from counterpoise.monitor.budget import Ranked

    return [Ranked(one, limits[one.name]) if one.name in limits else one for one in detectors]


def _sinks(
    wanted: Wanted, book: Path, metrics: Metrics, stack: ExitStack, say: Say
) -> Iterator[Sink]:
    """Files and servers that were asked for; each is closed at the end."""
    if wanted.jsonl is not None:
        from counterpoise.monitor.sinks.jsonl import JsonLines

        lines = JsonLines(wanted.jsonl)
        stack.callback(lines.close)
        yield lines
    if wanted.webhook is not None:
        hook = webhook_of(wanted, book, say, metrics)
        stack.callback(hook.close)
        yield hook
    if wanted.serve is not None:
        from counterpoise.monitor.sinks.web import WebSink

        host, _, port = wanted.serve.rpartition(":")
        if not port.isdigit():
            raise InputError(f"{wanted.serve!r} is no place to serve", hint="write 127.0.0.1:9464")
        web = WebSink(host or "127.0.0.1", int(port), book, metrics)
        stack.callback(web.close)
        say(f"serving {web.url}/events, /metrics and /alerts")
        yield web


def webhook_of(wanted: Wanted, book: Path, say: Say, metrics: Metrics | None = None) -> Any:
    """The webhook that was asked for; its secret stands in an environment variable."""
    from counterpoise.monitor.sinks.webhook import Webhook

    secret = os.environ.get(wanted.secret_env, "").encode()
    if not secret:
        raise InputError(
            f"the variable {wanted.secret_env} holds no secret for the webhook",
            hint="put at least 16 characters there, and give them to the receiver too",
        )
    hook = Webhook(wanted.webhook or "", secret, book, book.parent / "dead-letters.jsonl", say=say)
    if metrics is not None:
        metrics.sinks["webhook"] = hook.counts
    return hook
