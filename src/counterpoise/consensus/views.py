"""What the verbs of this room show: records for machines, lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterpoise.chain import Account
from counterpoise.consensus.client import ConsensusClient, Standing
from counterpoise.consensus.evidence import NetworkEvidence
from counterpoise.consensus.keeper import challenge
from counterpoise.consensus.ledger import Ledger
from counterpoise.consensus.reader import Reader
from counterpoise.consensus.rules import Cell
from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, to_checksum
from counterpoise.network import Network

View = tuple[dict[str, Any], list[str]]
UNSHOWN = " (no evidence shown)"


def status_view(client: ConsensusClient, start: int) -> View:
    """Show where a market stands."""
    ledger, standing = Reader(client, start).ledger(), client.epoch()
    owed, spare = client.purse()
    proposal = client.proposal()
    record: dict[str, Any] = {
        "market": to_checksum(client.address),
        "epoch": standing.number,
        "phase": phase_of(client, standing),
        "pay": format_tokens(standing.pay),
        "commits_end": standing.commits_end,
        "reveals_end": standing.reveals_end,
        "pot": format_tokens(spare),
        "owed": format_tokens(owed),
        "result": None,
        "members": [_member(ledger, number) for number in sorted(ledger.since)],
    }
    if proposal is not None:
        record["result"] = {
            "proposer": to_checksum(proposal.proposer),
            "final_from": proposal.ends,
            "objections": format_tokens(proposal.objections),
            "false": len(ledger.lies()),
        }
    plain = {key: value for key, value in record.items() if key not in ("members", "result")}
    lines = [f"{key:<12} {value}" for key, value in plain.items()]
    if record["result"] is not None:
        said = record["result"]
        lines.append(f"result       final from {said['final_from']}, {said['false']} numbers false")
    lines += ["", f"{'no.':>4}  {'account':<42}  {'stake':>10}  {'seat':>4}  {'due':>14}  drawn"]
    for one in record["members"]:
        seat = "-" if one["seat"] is None else one["seat"]
        row = f"{one['number']:>4}  {one['account']}  {one['stake']:>10}  {seat:>4}"
        lines.append(f"{row}  {one['due'][:14]:>14}  {one['drawn'][:14]}")
    return record, lines


def phase_of(client: ConsensusClient, standing: Standing) -> str:
    """Name what an epoch waits for, as of the newest block."""
    now = client.contract.chain.block("latest").time
    if not standing.is_open:
        return "closed" if standing.number else "not begun"
    if now < standing.commits_end:
        return "commit"
    if now < standing.reveals_end:
        return "reveal"
    proposal = client.proposal()
    if proposal is None:
        return "propose" if now < standing.propose_end else "lapse"
    return "challenge" if now < proposal.ends else "finish"


def _member(ledger: Ledger, number: int) -> dict[str, Any]:
    seat = ledger.seats.get(number)
    due = ledger.final[number].due if number < len(ledger.final) else 0
    return {
        "number": number,
        "account": to_checksum(ledger.accounts[number]),
        "since": ledger.since[number],
        "stake": format_tokens(ledger.stakes.get(number, 0)),
        "seat": None if seat is None else seat - 1,
        "due": format_tokens(due),
        "drawn": format_tokens(ledger.drawn.get(number, 0)),
    }


def weights_view(network: Network, client: ConsensusClient, start: int, epoch: int | None) -> View:
    """Show the rows of an epoch, its result, and the scores behind the weights."""
    ledger = Reader(client, start).ledger()
    closed = {over.epoch: over for over in ledger.closed}
    if not closed or (epoch is not None and epoch not in closed):
        known = f"1 to {max(closed)}" if closed else "none"
        raise InputError(f"epoch {epoch or 1} is not over", hint=f"closed epochs: {known}")
    over = closed[epoch or max(closed)]
    evidence = NetworkEvidence(network, client.address)
    sheets = {one.sheet.validator: one.sheet for one in evidence.shown(over)}
    rows: list[dict[str, Any]] = []
    for row in over.facts.rows:
        scores = sheets[row.number].scores if row.number in sheets else {}
        given = {n: row.weight(n) for n in sorted(over.facts.since) if row.weight(n)}
        told = {"validator": row.number, "stake": format_tokens(row.stake), "weights": given}
        totals = {n: score.total for n, score in scores.items()}
        rows.append(told | {"scores_ppm": totals, "evidence": row.number in sheets})
    cells = {n: over.cells[n] for n in sorted(over.facts.since)} if over.cells else {}
    result = {
        n: {"rank": cell.rank, "dividend": cell.dividend, "due": str(cell.due)}
        for n, cell in cells.items()
    }
    record = {"epoch": over.epoch, "rows": rows, "result": result}
    return record, [f"epoch {over.epoch}", *map(_row_line, rows), *_result_lines(cells)]


def _row_line(one: dict[str, Any]) -> str:
    told = ", ".join(f"{n}: {weight}" for n, weight in one["weights"].items()) or "nobody"
    scores = ", ".join(f"{n}: {score} ppm" for n, score in one["scores_ppm"].items())
    shown = f" (scores {scores})" if scores else ""
    return f"  validator {one['validator']} weighs {told}{shown if one['evidence'] else UNSHOWN}"


def _result_lines(cells: Mapping[int, Cell]) -> list[str]:
    return [
        f"  member {n}: rank {percent(cell.rank)}, dividend {percent(cell.dividend)}, "
        f"due {format_tokens(cell.due)} in all"
        for n, cell in cells.items()
        if cell.rank or cell.dividend
    ]


def percent(share: int) -> str:
    """Write a share in Q32.32 for people."""
    return f"{(tenths := share * 1000 >> 32) // 10}.{tenths % 10} %"


def prove_view(client: ConsensusClient, account: Account | None) -> View:
    """Name what is false in the result that stands; send what falls it, if an account is given."""
    ledger = client.ledger()
    lies = ledger.lies()
    said: list[str] = []
    sent = account is not None and challenge(client, account, ledger, said.append)
    record = {
        "epoch": ledger.epoch,
        "stands": bool(ledger.posted),
        "false": [
            {"number": one.number, "part": one.part, "convictable": ledger.is_convictable(one)}
            for one in lies
        ],
        "sent": sent,
    }
    if not ledger.posted:
        return record, ["no result stands"]
    lines = [
        f"FALSE: {one.part} of member {one.number}"
        + ("" if ledger.is_convictable(one) else " (stake must object)")
        for one in lies
    ]
    return record, [*lines, *said] or ["the result is right"]
