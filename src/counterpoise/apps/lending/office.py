"""Opens a desk on a network: the model published, the desk deployed, and found again."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.apps.lending.desk import DeskClient
from counterpoise.apps.lending.pricing import Point, Policy
from counterpoise.apps.lending.scorecard import NAME, Scorecard
from counterpoise.chain import Account, Contract, artifact
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.inference import Card, ModelsClient, Net
from counterpoise.network import Network
from counterpoise.oracle import find_model, publish_model

HOUR, DAY = 3600, 86_400
CURVE = (
    Point(0, 300),
    Point(20_000, 400),
    Point(50_000, 600),
    Point(100_000, 950),
    Point(170_000, 1500),
)
"""What the demonstration's lender asks of a risk; the model's own threshold ends it at 1/6."""


def policy_of(card: Scorecard) -> Policy:
    """Give the policy of the demonstration's lender."""
    return Policy(
        model=card.net.id,
        nat=card.nat,
        curve=CURVE,
        min_amount=100 * TOKEN,
        max_amount=20_000 * TOKEN,
        max_exposure=150_000 * TOKEN,
        max_months=72,
        answer_seconds=6 * HOUR,
        offer_seconds=7 * DAY,
        reference=sha256(card.reference),
    )


def publish(network: Network, owner: Account, card: Scorecard) -> None:
    """Register the scorecard's model with its card, and keep the reference for reasons."""
    network.store.put(card.reference)
    publish_model(network, owner, card.net, name=NAME, card=card.card.to_bytes())


def open_desk(
    network: Network,
    office: Account,
    policy: Policy,
    *,
    lender: Account,
    clerk: Account,
    attester: Account,
) -> DeskClient:
    """Deploy a desk, or find the one that this office has deployed.

    Parameters
    ----------
    office :
        An account that never sends anything else, so that the desk's address follows from it.
    """
    if network.chain.code(office.first_contract):
        return desk_at(network, office.first_contract)
    return DeskClient.deploy(
        office,
        network.contract("Oracle"),
        lender=lender.address,
        clerk=clerk.address,
        attester=attester.address,
        policy=policy,
    )


def desk_at(network: Network, address: bytes) -> DeskClient:
    """Open the desk at an address.

    Raises
    ------
    InputError :
        The code there is not a desk's.
    """
    built = artifact("LoanDesk")
    if not network.chain.code(address).startswith(built.runtime):
        raise InputError(f"the code at 0x{address.hex()} is no LoanDesk")
    return DeskClient(Contract(network.chain, address, built))


def desks(network: Network) -> Iterator[DeskClient]:
    """Find every desk that has asked this network's oracle, in the order of their first request."""
    if "Oracle" not in network.charter.contracts:
        return
    clients = [event.args["client"] for event in network.contract("Oracle").events("Requested")]
    runtime = artifact("LoanDesk").runtime
    for address in dict.fromkeys(clients):
        if network.chain.code(address).startswith(runtime):
            yield desk_at(network, address)


def scorecard_of_desk(network: Network, policy: Policy) -> Scorecard:
    """Fetch what a desk decides by: the model by its id, its card and reference by digest.

    Raises
    ------
    InputError :
        The model is no net, or one of them is nowhere to be had.
    """
    net = find_model(network, policy.model)
    if not isinstance(net, Net):
        raise InputError(f"the model {policy.model.hex()} is no net")
    record = ModelsClient(network.contract("Models")).record(policy.model)
    card = Card.from_bytes(network.store.fetch(record.card))
    return Scorecard(net, card, network.store.fetch(policy.reference))
