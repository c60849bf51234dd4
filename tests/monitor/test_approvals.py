"""Rights that are used to rob their owner are told; rights that are used as agreed are not."""

import pytest
from attack_world import UNIT, Market
from worlds import account, word

from counterpoise.core.digest import keccak
from counterpoise.monitor.alert import Severity
from counterpoise.monitor.blocks import NATIVE, TRANSFER, Block, Entry, Frame, Transaction
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.approvals import Approvals
from counterpoise.monitor.detectors.rights import (
    APPROVAL,
    FOR_ALL,
    PERMIT2_APPROVAL,
    PERMIT2_PERMIT,
    approvals_of,
)
from counterpoise.monitor.labels import Label, Labels
from counterpoise.monitor.memory import Memory

ALL = 2**256 - 1


@pytest.fixture(scope="module")
def world():
    market = Market.build(["ann", "bob"])
    market.drainer = market.stage.deploy("Collector", "eve")
    return market


@pytest.fixture(autouse=True)
def fresh(world):
    mark = world.stage.chain.snapshot()
    yield
    world.stage.chain.revert(mark)


def approve(world, name, spender, amount=ALL):
    world.stage.act(name, world.coin, "approve", spender, amount)


def drain(world, owner, receiver="eve", amount=50 * UNIT, by="eve"):
    stage = world.stage
    ends = (stage.who(owner).address, stage.who(receiver).address)
    stage.act(by, world.drainer, "take", world.coin.address, *ends, amount)


def test_what_a_fresh_contract_takes_for_nothing_is_told(world):
    approve(world, "ann", world.drainer.address)
    assert world.stage.findings(Approvals()) == []  # a right alone harms nobody
    drain(world, "ann")
    (finding,) = world.stage.findings(Approvals())
    assert finding.severity is Severity.MEDIUM and len(finding.transactions) == 2
    assert (finding.loss, finding.loss_token) == (50 * UNIT, world.coin.address)
    roles = {entity.role: entity.address for entity in finding.entities}
    assert roles["victim"] == world.stage.who("ann").address
    assert roles["spender"] == world.drainer.address


def test_the_second_victim_makes_it_sure(world):
    for name in ("ann", "bob"):
        approve(world, name, world.drainer.address)
        drain(world, name)
    found = world.stage.findings(Approvals())
    assert [finding.severity for finding in found] == [Severity.MEDIUM, Severity.HIGH]
    assert found[0].scheme == found[1].scheme


def test_a_person_as_spender_makes_it_sure(world):
    stage = world.stage
    eve = stage.who("eve").address
    approve(world, "ann", eve)
    stage.act("eve", world.coin, "transferFrom", stage.who("ann").address, eve, UNIT)
    (finding,) = stage.findings(Approvals())
    assert finding.severity is Severity.HIGH
    assert any("person" in reason for reason in finding.reasons)


def test_a_signed_right_that_a_stranger_hands_in_makes_it_sure(world):
    stage = world.stage
    ann = stage.who("ann").address
    stage.act("eve", world.coin, "permit", ann, world.drainer.address, ALL)
    drain(world, "ann")
    (finding,) = stage.findings(Approvals())
    assert finding.severity is Severity.HIGH
    assert any("signature" in reason for reason in finding.reasons)


def test_a_signed_right_used_in_the_same_transaction_is_told(world):
    stage = world.stage
    ends = (stage.who("ann").address, stage.who("eve").address)
    stage.act("eve", world.drainer, "grab", world.coin.address, *ends, UNIT)
    (finding,) = stage.findings(Approvals())
    assert finding.severity is Severity.HIGH and len(finding.transactions) == 1


def test_a_right_given_to_a_listed_account_is_told_at_once(world):
    label = Label("Fake_Phishing1", "phishing", "mine", "2026-01-31")
    labels = Labels({world.drainer.address: label})
    approve(world, "ann", world.drainer.address)
    drain(world, "ann")
    given, taken = world.stage.findings(Approvals(labels=labels))
    assert (given.severity, taken.severity) == (Severity.HIGH, Severity.CRITICAL)
    (spender,) = [entity for entity in given.entities if entity.role == "spender"]
    assert (spender.label, spender.listed) == ("Fake_Phishing1", "2026-01-31")


@pytest.mark.parametrize("twin", ["own trade", "deal", "old", "months later"])
def test_the_harmless_twin_is_silent(world, twin):
    stage = world.stage
    ann, bob = (stage.who(name).address for name in ("ann", "bob"))
    if twin == "own trade":  # a new market takes what its own user sells
        stage.act(*world.buy("ann", UNIT))
    elif twin == "deal":  # somebody else's transaction, but she is paid
        approve(world, "ann", world.drainer.address)
        stage.act("bob", world.token, "approve", world.drainer.address, ALL)
        tokens = (world.coin.address, ann, bob, UNIT, world.token.address)
        stage.act("eve", world.drainer, "deal", *tokens)
    elif twin == "old":  # a service that has been there for weeks
        stage.later(8 * 86_400)
        approve(world, "ann", world.drainer.address)
        drain(world, "ann")
    else:
        approve(world, "ann", world.drainer.address)
        stage.later(40 * 86_400)
        drain(world, "ann")
    assert stage.findings(Approvals()) == []


OWNER, SPENDER, TOKEN = account(1), account(2), account(3)


def number(value):
    return value.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("topics", "data", "token"),
    [
        ((APPROVAL, word(OWNER), word(SPENDER)), number(7), TOKEN),
        ((FOR_ALL, word(OWNER), word(SPENDER)), number(1), TOKEN),
        ((APPROVAL, word(OWNER), word(SPENDER), number(9)), b"", TOKEN),
        (
            (PERMIT2_APPROVAL, word(OWNER), word(account(4)), word(SPENDER)),
            number(7) * 2,
            account(4),
        ),
        ((PERMIT2_PERMIT, word(OWNER), word(account(4)), word(SPENDER)), number(7) * 3, account(4)),
    ],
)
def test_every_form_of_right_is_read(topics, data, token):
    (found,) = approvals_of([Entry(0, TOKEN, topics, data)])
    assert (found.owner, found.spender, found.token) == (OWNER, SPENDER, token)
    assert found.amount


def test_the_events_are_those_of_the_standards():
    assert APPROVAL.hex().startswith("8c5be1e5") and FOR_ALL.hex().startswith("17307eab")
    assert PERMIT2_APPROVAL.hex().startswith("da9fa7c1")
    assert PERMIT2_PERMIT.hex().startswith("c6a377bf")


def robbed(*events, others=()):
    """What is found when rights are given and taken back, and then two pieces taken."""

    def made(index, sender, entries):
        return Transaction(keccak(bytes([index])), 0, sender, TOKEN, 0, b"", True, tuple(entries))

    given = [(SPENDER, event) for event in events] + [(account(9), event) for event in others]
    rights = [((FOR_ALL, word(OWNER), word(who)), number(event)) for who, event in given]
    story = [made(at, OWNER, [Entry(0, TOKEN, *right)]) for at, right in enumerate(rights)]
    pieces = [
        Entry(at, TOKEN, (TRANSFER, word(OWNER), word(SPENDER), number(at)), b"") for at in (1, 2)
    ]
    context, detector, found = Context(1, Memory(), None), Approvals(), []
    for at, transaction in enumerate([*story, made(9, SPENDER, pieces)]):
        block = Block(at, number(at), bytes(32), 100 + at, (transaction,))
        found += detector.inspect(block, context)
    return found


def test_a_collection_taken_away_is_told():
    (finding,) = robbed(1)
    assert finding.severity is Severity.HIGH and finding.loss == 2


def test_a_right_taken_back_is_forgotten():
    assert robbed(1, 0) == [] and len(robbed(1, 0, 1)) == 1
    assert len(robbed(1, others=(1, 0))) == 1  # another's, which leaves this one


DAY = 86_400


@pytest.mark.parametrize(
    ("case", "count"),
    [("fresh", 1), ("through it", 1), ("an old relayer", 0), ("a contract", 0), ("paid", 0)],
)
def test_an_account_that_foreign_code_acts_for_is_told(case, count):
    """Ann, who sends transactions herself, pays in one that she did not send."""
    ann, eve, shop = account(5), account(6), account(7)

    def made(at, sender, to, trace=None):
        return Transaction(keccak(bytes([at])), 0, sender, to, 0, b"", True, trace=trace)

    pays = Frame("call", ann, shop, 9, b"", writes=())
    back = (Frame("call", shop, ann, 8, b"", writes=()),) if case == "paid" else ()
    inner = Frame("call", eve, ann, 0, b"move", writes=(), frames=(pays, *back))
    tree = inner
    if case == "through it":
        tree = Frame("call", eve, TOKEN, 0, b"go", writes=(), frames=(inner,))
    story = [(0, made(1, shop if case == "a contract" else ann, shop))]
    story += [(1, made(2, eve, shop))] if case == "an old relayer" else []
    story += [(9 * DAY, made(3, eve, tree.to, tree))]
    context, detector, found = Context(1, Memory(), None), Approvals(), []
    for at, (time, transaction) in enumerate(story):
        block = Block(at, number(at), bytes(32), 100 + time, (transaction,))
        found += detector.inspect(block, context)
    assert len(found) == count
    if found:
        assert found[0].loss == 9 and found[0].loss_token == NATIVE
