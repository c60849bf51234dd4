"""What a run came to: one record, for the screen, for `--report` and for `verify`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from counterpoise.apps.bazaar.cast import SELLERS, Trader
from counterpoise.apps.bazaar.demo import AGENT, AGENT_BUDGET, COUSIN, PERSON, WARD, Bazaar
from counterpoise.apps.bazaar.jury import KEEPER, STAKES
from counterpoise.apps.bazaar.money import (
    BONDS,
    CALLS,
    EMISSIONS,
    ORACLE,
    Books,
    paid_for_calls,
    read_books,
)
from counterpoise.apps.bazaar.story import Purchase
from counterpoise.consensus import Closed
from counterpoise.core.units import PPM, Address, format_tokens
from counterpoise.identity import Outcome, Summary
from counterpoise.provenance import Verdict

Record = dict[str, Any]
PEOPLE = (*(one.name for one in SELLERS), *STAKES, KEEPER, PERSON, AGENT, WARD, COUSIN)


def build_record(run: Bazaar, *, seconds: Mapping[str, float]) -> Record:
    """Gather the figures of a run that has just ended."""
    accounts = addresses(run)
    names = {address: name for name, address in accounts.items()}
    books = read_books(run.network, accounts, run.jury.client.address)
    calls = paid_for_calls(run.stalls.receipts, run.stalls.agents, names)
    asking = run.story.asking
    assert asking is not None
    return {
        "seed": run.options.seed,
        "state": str(run.folder),
        "model": run.wares.imported.model.id.hex(),
        "agents": dict(run.stalls.agents),
        "logs": {name: _log_key(run, name) for name in run.shops},
        "sellers": [_seller(run, one, books[one.name], calls[one.name]) for one in SELLERS],
        "others": {name: money_record(books[name]) for name in STAKES},
        "purchases": [_purchase(one) for one in run.story.purchases],
        "agent": {
            "found": run.story.found,
            "stopped": run.story.stopped,
            "budget": format_tokens(AGENT_BUDGET),
        },
        "contract": asdict(asking),
        "epochs": [epoch_record(one) for one in run.jury.client.ledger().closed],
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def _seller(run: Bazaar, one: Trader, books: Books, calls: Mapping[str, int]) -> Record:
    return {
        "name": one.name,
        "character": one.character,
        "price": one.price,
        "calls": {buyer: str(amount) for buyer, amount in calls.items()},
        **money_record(books),
        "scores": mean_score(run, one.name),
        "false_answers": false_answers(run, one.name),
        "rating": rating_record(run.stalls.summary(one.name)),
    }


def _purchase(one: Purchase) -> Record:
    return {
        "buyer": one.buyer,
        "seller": one.seller,
        "why": one.why,
        "calls": len(one.heard),
        "right": one.right,
        "paid": str(one.paid),
    }


def addresses(run: Bazaar) -> dict[str, Address]:
    """Give everybody's account by name."""
    return {name: run.network.account(name).address for name in PEOPLE}


def money_record(books: Books) -> Record:
    """Give what somebody earned, as text in base units."""
    purposes = {one: str(books.of(one)) for one in (CALLS, EMISSIONS, ORACLE, BONDS)}
    return {"earned": purposes, "in_all": str(books.earned), "balance": str(books.balance)}


def rating_record(summary: Summary) -> Record:
    """Give what customers say, and what does not count."""
    outcomes = [one.outcome for one in summary.ratings]
    return {
        "mean_wad": str(summary.wad),
        "counted": summary.count,
        "weight": str(summary.weight),
        "went_round": outcomes.count(Outcome.SELF_DEALT),
    }


def epoch_record(over: Closed) -> Record:
    """Give what part of an epoch's pay each seller's rank is, ppm."""
    ranks = [cell.rank for cell in over.cells[: len(SELLERS)]]
    whole = sum(ranks)
    shares = [rank * PPM // whole if whole else 0 for rank in ranks]
    return {"epoch": over.epoch, "shares": shares, "lies": len(over.lies)}


def mean_score(run: Bazaar, seller: str) -> Record:
    """Give how validators scored a seller in epochs with sealed checks, on average, ppm."""
    number = run.jury.numbers[seller]
    scores = [sheet.scores[number] for sheet in run.jury.sheets() if sheet.bound]
    parts = ("skill", "agreement", "answered", "total")
    return {part: sum(getattr(score, part) for score in scores) // len(scores) for part in parts}


def false_answers(run: Bazaar, seller: str) -> int:
    """Count the answers that were bought of a seller and are not its model's."""
    model = run.wares.imported.model
    bought = [heard for one in run.story.purchases if one.seller == seller for heard in one.heard]
    return sum(model.answer(heard.row) != heard.answer for heard in bought)


def verified(verdict: Verdict) -> Record:
    """What verification came to."""
    return {
        "numbers": verdict.numbers,
        "false": [str(one) for one in verdict.false],
    }


def _log_key(run: Bazaar, name: str) -> Record:
    log = run.shops[name].gateway.evidence.log
    return {"origin": log.origin, "vkey": log.vkey}
