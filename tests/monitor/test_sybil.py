"""Accounts that one purse made and that act as one are told; customers of one exchange are not."""

import pytest
from attack_world import UNIT, Stage, account

from counterpoise.monitor.alert import Severity
from counterpoise.monitor.detectors.sybil import HUB, Sybil

PUPPETS = [f"puppet {n}" for n in range(6)]


@pytest.fixture
def stage():
    built = Stage()
    built.drop = built.deploy("Collector", "founder")
    built.who("eve")
    return built


def funded(stage, names, amount=UNIT, *, spread=()):
    """Eve pays each; those of `spread` through a contract, in one transaction."""
    from counterpoise.chain import send

    for at, name in enumerate(names):
        to = account(name).address
        send(stage.chain, stage.who("eve"), to, b"", value=amount + at * 10**15)
    if spread:
        receivers = [account(name).address for name in spread]
        stage.act("eve", stage.drop, "spread", receivers, amount, value=amount * len(spread))


def claimed(stage, names, *, apart=0, round_=None):
    for at, name in enumerate(names):
        if apart:
            stage.later(apart)
        stage.act(name, stage.drop, "claim", 7 if round_ is None else at)


def test_five_that_act_as_one_are_told(stage):
    funded(stage, PUPPETS[:5])
    claimed(stage, PUPPETS[:4])
    assert stage.findings(Sybil()) == []
    claimed(stage, PUPPETS[4:5])
    (finding,) = stage.findings(Sybil())
    assert finding.severity is Severity.MEDIUM and len(finding.transactions) == 5
    roles = [entity.role for entity in finding.entities]
    assert roles == ["funder", *["sybil"] * 5, "contract"]
    assert finding.entities[0].address == stage.who("eve").address


def test_paid_through_a_contract_they_are_its_callers(stage):
    funded(stage, [], spread=PUPPETS[:5])
    claimed(stage, PUPPETS[:5])
    (finding,) = stage.findings(Sybil())
    assert finding.entities[0].address == stage.who("eve").address


def test_paid_one_by_the_other_they_are_the_firsts(stage):
    """Eve pays two, and these pay the rest."""
    funded(stage, PUPPETS[:2], 10 * UNIT)
    for at, name in enumerate(PUPPETS[2:]):
        to = account(name).address
        stage.pay(PUPPETS[at % 2], to, UNIT)
    claimed(stage, PUPPETS[2:])
    detector = Sybil(least=4)
    (finding,) = stage.findings(detector)
    assert finding.entities[0].address == stage.who("eve").address


def test_with_various_amounts_more_of_them_are_needed(stage):
    names = [f"puppet {n}" for n in range(12)]
    for at, name in enumerate(names):
        funded(stage, [name], UNIT * (1 + at % 4))
    claimed(stage, names)
    (finding,) = stage.findings(Sybil())
    assert finding.severity is Severity.LOW and len(finding.transactions) == 12


@pytest.mark.parametrize("twin", ["hours apart", "other things", "various funds", "weeks ago"])
def test_the_harmless_twin_is_silent(stage, twin):
    if twin == "various funds":
        for at, name in enumerate(PUPPETS):
            funded(stage, [name], UNIT * (1 + at))
        claimed(stage, PUPPETS)
    else:
        funded(stage, PUPPETS)
        if twin == "weeks ago":
            stage.later(8 * 86_400)
        if twin == "other things":
            for name, other in zip(PUPPETS, ["eve", "founder"] * 3, strict=True):
                here = stage.deploy("Bank", other)
                stage.act(name, here, "report")
        else:
            claimed(stage, PUPPETS, apart=1_800 if twin == "hours apart" else 0)
    assert stage.findings(Sybil()) == []


def test_customers_of_an_exchange_are_not_its_puppets(stage):
    names = [f"customer {n}" for n in range(HUB + 1)]
    for at in range(0, len(names), 32):
        funded(stage, [], 10**15, spread=names[at : at + 32])
    funded(stage, PUPPETS)
    claimed(stage, PUPPETS)
    assert stage.findings(Sybil()) == []
