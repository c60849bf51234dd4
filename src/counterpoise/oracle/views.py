"""What the verbs of the oracle do and show: records for machines, lines for people."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import format_tokens, parse_tokens, to_checksum
from counterpoise.inference import parse_answer
from counterpoise.network import Network
from counterpoise.oracle.cards import fetch_card, read_values, row_of, values_of
from counterpoise.oracle.client import OracleClient, Order
from counterpoise.oracle.models import find_model, model_named
from counterpoise.oracle.pointers import SALT_BYTES, Inbox
from counterpoise.oracle.policy import Policy, Say
from counterpoise.oracle.rules import Answer, Stage
from counterpoise.oracle.serving import open_node
from counterpoise.verification import Level

POLL_SECONDS = 0.2
View = tuple[dict[str, Any], list[str]]


def chosen_levels(names: Iterable[str]) -> list[Level]:
    """Give levels by their names."""
    return [Level[name.upper()] for name in names]


def node_home(account: Account, folder: Path | None) -> Path:
    """Give a node's folder: the one named, or one by its account in the user's data directory."""
    from platformdirs import user_data_path

    return folder or user_data_path("counterpoise") / "nodes" / account.address.hex()


def serve_for(
    network: Network,
    account: Account,
    home: Path | None,
    *,
    levels: list[Level],
    policy: Policy,
    say: Say,
    publish_traces: bool,
    zk_keys: tuple[Path, ...],
    seconds: float | None,
) -> int:
    """Run a node for so long, or until it is interrupted; give how many requests came in."""
    oracle = OracleClient(network.contract("Oracle"))
    before, end = len(oracle.fulfilments()), time.monotonic() + (seconds or 0)
    node = open_node(
        network,
        account,
        node_home(account, home),
        levels=levels,
        policy=policy,
        say=say,
        publish_traces=publish_traces,
        zk_keys=zk_keys,
    )
    try:
        node.run(until=lambda: seconds is not None and time.monotonic() >= end)
    finally:
        node.close()
    return len(oracle.fulfilments()) - before


def place_request(
    network: Network,
    client: Account,
    model: str,
    *,
    values: str | None,
    table: Path | None,
    line: int,
    clip: bool,
    level: str,
    fee: str,
    hours: float,
) -> tuple[int, bytes]:
    """Put an input in the inbox and ask about it; give the request's id and the commitment."""
    id_ = model_named(network, model)
    data = _input(network, id_, values, table, line, clip=clip)
    wanted = find_model(network, id_).inputs
    if len(data) != wanted:
        raise InputError(f"{len(data)} bytes of input, the model wants {wanted}")
    commitment = Inbox(network.store, network.mailbox).put(secrets.token_bytes(SALT_BYTES), data)
    now = max(network.chain.block("latest").time, int(time.time()))
    deadline = now + round(hours * 3600)
    order = Order(id_, int(Level[level.upper()]), parse_tokens(fee), deadline)
    oracle = OracleClient(network.contract("Oracle"))
    return oracle.request(client, order, commitment), commitment


def _input(
    network: Network, model: bytes, values: str | None, table: Path | None, line: int, *, clip: bool
) -> bytes:
    if (values is None) == (table is None):
        raise InputError("one input is wanted", hint="give --values BYTES or --csv FILE")
    if values is not None:
        return read_values(values)
    card = fetch_card(network, model)
    if card is None or table is None:
        raise InputError(
            f"model {model.hex()} has no card that says how a row becomes bytes",
            hint="give the bytes themselves with --values",
        )
    return values_of(card, row_of(table, line, card.quantiser.names), clip=clip)


def await_answer(
    network: Network, request: int, seconds: float, say: Callable[[str], None]
) -> View:
    """Wait for the answer to a request, at most so long, and show where it stands."""
    oracle, end = OracleClient(network.contract("Oracle")), time.monotonic() + seconds
    while oracle.request_of(request).stage is Stage.OPEN and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    if seconds and oracle.request_of(request).stage is Stage.OPEN:
        say(f"no answer after {seconds:g} s; counterpoise oracle status {request}")
    return request_view(network, request)


def request_view(network: Network, request: int) -> View:
    """Show one request."""
    oracle = OracleClient(network.contract("Oracle"))
    ask = oracle.request_of(request)
    if ask.stage is Stage.NONE:
        raise InputError(f"there is no request {request}", hint="counterpoise oracle status")
    record: dict[str, Any] = {
        "request": request,
        "stage": ask.stage.name.lower(),
        "level": Level(ask.level).name.lower(),
        "client": to_checksum(ask.client),
        "model": ask.model.hex(),
        "input": ask.input.hex(),
        "fee": format_tokens(ask.fee),
        "deadline": ask.deadline,
    }
    answer = oracle.answer_of(request)
    if answer.stage is Stage.ANSWERED:
        record |= _answer_record(network, ask.model, answer)
    return record, [f"{name:<9} {value}" for name, value in record.items()]


def requests_view(network: Network) -> View:
    """Show every request, a line each."""
    oracle = OracleClient(network.contract("Oracle"))
    found = [request_view(network, number)[0] for number in range(1, oracle.count() + 1)]
    lines = [
        f"{one['request']:>4}  {one['stage']:<9} {one['level']:<10} {one['fee']:>10} tokens  "
        f"{one.get('class', one.get('decision', ''))}"
        for one in found
    ]
    return {"requests": found}, lines or ["nobody has asked yet"]


def latest_view(
    network: Network, model: str, commitment: str, least_level: str, max_age: int | None
) -> View:
    """Show the newest answer about an input."""
    oracle, id_ = OracleClient(network.contract("Oracle")), model_named(network, model)
    try:
        hidden = bytes.fromhex(commitment.removeprefix("0x"))
    except ValueError:
        hidden = b""
    if len(hidden) != 32:
        raise InputError(f"{commitment!r} is no commitment", hint="64 hex digits")
    age = 2**40 - 1 if max_age is None else max_age
    level = int(Level[least_level.upper()])
    answer = oracle.latest_within(id_, hidden, least_level=level, max_age=age)
    record = {"request": answer.id, "level": Level(answer.level).name.lower()}
    record |= _answer_record(network, id_, answer)
    return record, [f"{name:<9} {value}" for name, value in record.items()]


def _answer_record(network: Network, model: bytes, answer: Answer) -> dict[str, Any]:
    logits, decision = parse_answer(answer.answer)
    record: dict[str, Any] = {"decision": decision, "logits": list(logits), "time": answer.time}
    try:
        card = fetch_card(network, model)
    except (InputError, VerificationError):
        card = None  # the answer stands without a name for it
    if card is not None and decision < len(card.classes):
        record["class"] = card.classes[decision]
    return record
