"""The buyer's verbs of ``counterpoise market data``: send a job, read its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.market.cli import Desk, at_desk
from counterpoise.network import FILE

if TYPE_CHECKING:
    from counterpoise.market.compute_to_data.algorithms import Manifest
    from counterpoise.market.compute_to_data.buying import DataBuyer
    from counterpoise.market.compute_to_data.policy import DataPolicy
    from counterpoise.market.compute_to_data.request import Request

Answer = tuple[dict[str, Any], list[str]]


def _buyer(desk: Desk) -> DataBuyer:
    from counterpoise.market.compute_to_data.buying import DataBuyer

    return DataBuyer(desk.network, desk.account, lambda: desk.now)


@click.command()
@click.argument("policy", metavar="POLICY|AGENT/NAME")
@click.option("--algorithm", default="", help="Own code: its name, or the digest's beginning.")
@click.option("--columns", default="", metavar="A,B", help="Columns that own code gets.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Of own code.")
@click.option("--model", type=FILE, help="An integer model to evaluate.")
@click.option("--card", type=FILE, help="The model's card.")
@click.option("--edge", "edges", multiple=True, type=int, help="Where a band of the score ends.")
@click.option("--by", default="", metavar="COLUMN", help="Column whose values make groups.")
@click.option("--where", multiple=True, metavar="COLUMN:LEAST:MOST", help="Which rows.")
@click.option("--purpose", default="", help="One of the policy's. Default: its first.")
@click.option("--epsilon", default="", metavar="E", help="Noise to spend, such as 0.5.")
@click.option("--evaluator", default="", help="Address, or 'self'. Default: Acceptance.")
@click.option("--days", default=30, show_default=True, help="Until the escrow expires.")
@at_desk
def send(desk: Desk, policy: str, **said: Any) -> Answer:
    """Send a job under POLICY, a digest or what a listing names, and pay it into escrow.

    Example: counterpoise market data send 0/cleveland --model risk.model --card risk.card
    --where age:60:120 --account buyer
    """
    from counterpoise.core.units import format_tokens, parse_address

    buyer = _buyer(desk)
    found = buyer.policy(_digest(desk, policy))
    request = _request(buyer, found, **said)
    desk.funded(request.price)
    own, acceptance = said["evaluator"], desk.network.charter.contracts.get("Acceptance")
    if not own and acceptance is None:
        raise InputError("this network has no contract of acceptance", hint="name --evaluator")
    lifetime = said["days"] * 86_400
    if own:
        address = buyer.account.address if own == "self" else parse_address(own)
        asked = buyer.send(request, address, lifetime=lifetime)
    else:
        asked = buyer.send(request, acceptance or b"", lifetime=lifetime, hook=True)
    record = {"job": asked.job, "request": asked.request.hex(), "price": str(request.price)}
    paid = f"{format_tokens(request.price)} tokens in escrow"
    return record, [f"job {asked.job}: {paid}", f"request {asked.request.hex()}"]


def _request(buyer: DataBuyer, policy: DataPolicy, **said: Any) -> Request:
    from counterpoise.market.compute_to_data.forms import conditions_of, parameters_of

    where = conditions_of(said["where"], buyer.columns(policy))
    purpose = said["purpose"] or policy.purposes[0]
    if said["model"] is None:
        if not said["algorithm"] or not said["columns"]:
            raise InputError("what is to be run?", hint="--model and --card, or --algorithm")
        manifest, names = buyer.algorithm(policy, said["algorithm"]), said["columns"].split(",")
        more = {"where": where, "purpose": purpose}
        return buyer.draft(policy, manifest, tuple(names), parameters_of(said["params"]), **more)
    if said["card"] is None:
        raise InputError("a model is evaluated with its card", hint="--card FILE")
    return _evaluation(buyer, policy, {**said, "where": where, "purpose": purpose})


def _evaluation(buyer: DataBuyer, policy: DataPolicy, said: dict[str, Any]) -> Request:
    from counterpoise.inference import Card, load_model, model_bytes
    from counterpoise.market.compute_to_data.evaluation import Question

    model, store = load_model(said["model"]), buyer.network.store
    data = Path(said["card"]).read_bytes()
    card = Card.from_bytes(data)
    file, kept = store.put(model_bytes(model)), store.put(data)
    store.flush()
    question = Question(model.id, file, kept, tuple(sorted(set(said["edges"]))), said["by"])
    noise = _micro(said["epsilon"])
    names, manifest = tuple(card.quantiser.names), _admitted_evaluation(buyer, policy)
    more = {"where": said["where"], "noise": noise, "purpose": said["purpose"]}
    return buyer.evaluate(policy, manifest, question, names, **more)


def _admitted_evaluation(buyer: DataBuyer, policy: DataPolicy) -> Manifest:
    from counterpoise.market.compute_to_data.algorithms import EVALUATION

    found = [buyer.algorithm(policy, digest.hex()) for digest in policy.algorithms]
    for manifest in found:
        if manifest.kind == EVALUATION:
            return manifest
    raise InputError("the policy admits no evaluation of models")


@click.command()
@click.argument("job", type=int)
@click.option("--accept", is_flag=True, help="Pay for it, where you are its evaluator.")
@at_desk
def result(desk: Desk, job: int, accept: bool) -> Answer:
    """Read the answer to JOB, opened and checked against its escrow.

    Example: counterpoise market data result 3 --account buyer
    """
    import json

    from counterpoise.market.compute_to_data.buying import Asked
    from counterpoise.market.compute_to_data.request import digest_in

    buyer = _buyer(desk)
    request = digest_in(buyer.jobs.description(job))
    if request is None:
        raise InputError(f"job {job} is no data job")
    asked = Asked(buyer.jobs.job(job).provider, request, job)
    found = buyer.answer(asked)
    if found is None:
        return {"job": job, "state": "waiting"}, [f"job {job} is not answered yet"]
    if found.outputs is None:
        record = {"job": job, "state": "refused", "rule": found.rule, "message": found.message}
        return record, [f"refused, by the rule {found.rule!r}: {found.message}"]
    if accept:
        buyer.accept(asked)
    record = {"job": job, "state": "answered", "outputs": found.outputs}
    return record, [json.dumps(found.outputs, indent=2)]


def _digest(desk: Desk, text: str) -> bytes:
    """Read a policy's digest, or find it by a listing."""
    from counterpoise.market.compute_to_data.records import digest_from
    from counterpoise.market.finding import resolve

    if "/" in text:
        with desk.catalogue() as catalogue:
            found = resolve(catalogue, text, desk.now).found.listing.policy
        if found is None:
            raise InputError(f"the listing {text} names no policy", hint="it is no dataset")
        return found
    try:
        return digest_from(text)
    except ValueError:
        raise InputError(
            f"{text!r} is no digest of a policy", hint="64 hex digits, or AGENT/NAME of a listing"
        ) from None


def _micro(text: str) -> int:
    """Read an epsilon as millionths."""
    from decimal import Decimal, InvalidOperation

    try:
        found = Decimal(text or "0") * 1_000_000
    except InvalidOperation:
        raise InputError(f"{text!r} is no epsilon", hint="write a number such as 0.5") from None
    if found != int(found) or found < 0:
        raise InputError(f"an epsilon of {text}", hint="0 or more, in millionths")
    return int(found)
