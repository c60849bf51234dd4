"""The guardian's client tells what the contract holds; a responder stakes no more than it may."""

from dataclasses import dataclass, field

import pytest
from guardian_world import DEPOSIT, TERMS, build_world, refused
from worlds import GENESIS, block

from counterpoise.core.errors import InputError
from counterpoise.jobs import TokenClient
from counterpoise.monitor.alert import Alert, Entity, Finding, Severity
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.guardian_client import GuardianClient, GuardianTerms, Ruling
from counterpoise.monitor.responder import Policy, Responder
from counterpoise.monitor.sinks.guard import GuardSink


@pytest.fixture(scope="module")
def one_world():
    return build_world()


@pytest.fixture
def world(one_world):
    place = one_world.chain.snapshot()
    yield one_world
    one_world.chain.revert(place)


@pytest.fixture
def client(world):
    return GuardianClient(world.guardian, TokenClient(world.token))


def alert_about(target, detector="reentrancy", severity=Severity.CRITICAL, number=7, ppm=900_000):
    entities = (Entity(b"\x66" * 20, "attacker"), Entity(target, "victim"))
    finding = Finding(detector, 1, severity, ppm, (bytes([number]) * 32,), entities, ("why",))
    return Alert(31337, number, bytes(32), 1_700_000_000, finding)


@dataclass
class Block:
    raised: tuple = ()
    retracted: tuple = field(default=())


def test_terms_are_read_back_as_they_were_consented_to(world, client):
    terms = client.terms_of(world.vault.address)
    assert terms == GuardianTerms(
        **TERMS, evaluator=world.evaluator.address, veto=world.veto.address
    )
    assert client.terms_of(world.stranger.address) is None
    world.vault.transact(world.owner, "consent", terms.values())
    assert client.terms_of(world.vault.address) == terms


def test_a_case_is_told_from_its_pause_to_its_end(world, client):
    alert, vault = alert_about(world.vault.address), world.vault.address
    case = client.pause(world.reporter, vault, alert, 300)
    now = world.chain.block().time
    assert (case.digest, case.target, case.reporter) == (
        alert.digest,
        vault,
        world.reporter.address,
    )
    assert (case.started, case.until, case.rule_by) == (now, now + 300, now + 2_000)
    assert (case.bond, case.bounty, case.outcome) == (100, 40, Ruling.OPEN)
    assert client.paused_until(vault) == now + 300 and client.is_used(vault, alert.digest)
    client.veto(world.veto, vault)
    assert client.case(1).vetoed == world.chain.block().time == client.case(1).until
    client.rule(world.evaluator, 1, is_true=True)
    assert client.case(1).outcome is Ruling.RIGHT and client.case(1).rule_by == 0
    assert client.credit_of(world.reporter.address) == 140
    before = client.token.balance(world.reporter.address)
    client.withdraw(world.stranger, world.reporter.address)
    assert client.token.balance(world.reporter.address) == before + 140


def test_a_false_alarm_and_a_silent_evaluator_are_told_apart(world, client):
    vault = world.vault.address
    client.pause(world.reporter, vault, b"\x01" * 32)
    client.rule(world.evaluator, 1, is_true=False)
    world.chain.warp(3_000)
    client.pause(world.reporter, vault, b"\x02" * 32, 10)
    world.chain.warp(3_000)
    client.lapse(world.stranger, 2)
    assert [case.outcome for case in client.cases(vault)] == [Ruling.WRONG, Ruling.LAPSED]
    assert [case.vetoed for case in client.cases()] == [0, 0]
    assert client.credit_of(vault) == 100 and client.deposit_of(vault) == DEPOSIT


def test_a_veto_belongs_to_the_pause_that_it_ended(world, client):
    vault = world.vault.address
    client.pause(world.reporter, vault, b"\x01" * 32, 300)
    client.veto(world.veto, vault)
    world.chain.warp(1_000)
    client.pause(world.reporter, vault, b"\x02" * 32, 300)
    assert [bool(case.vetoed) for case in client.cases()] == [True, False]


def test_no_more_is_approved_than_a_bond(world, client):
    world.token.transact(world.reporter, "approve", client.address, 0)
    client.pause(world.reporter, world.vault.address, b"\x01" * 32)
    assert client.token.allowance(world.reporter.address, client.address) == 0
    client.token.approve(world.second, client.address, 0)
    client.deposit(world.second, world.vault.address, 30)
    assert client.deposit_of(world.vault.address) == DEPOSIT - 40 + 30
    assert client.token.allowance(world.second.address, client.address) == 0


def test_a_target_without_consent_and_a_case_that_is_not_are_named(world, client):
    with pytest.raises(InputError, match="not consented"):
        client.pause(world.reporter, world.stranger.address, b"\x01" * 32)
    with pytest.raises(InputError, match="no case 9"):
        client.case(9)


def responder(world, client, **policy):
    return Responder(client, world.reporter, [world.vault.address], Policy(**policy))


def test_an_alert_about_a_guarded_target_pauses_it_once(world, client):
    alert, acting = alert_about(world.vault.address), responder(world, client)
    (action,) = acting.respond(Block((alert,)))
    assert action.case.digest == alert.digest and action.case.until > world.chain.block().time
    with refused("vault: paused"):
        world.vault.transact(world.stranger, "take", 0)
    (again,) = acting.respond(Block((alert_about(world.vault.address, number=8),)))
    assert again.case is None and again.reason == "paused already"
    world.chain.warp(3_000)
    (used,) = acting.respond(Block((alert,)))
    assert used.reason == "paused for this alert before"
    assert client.contract.call("cases") == 1


@pytest.mark.parametrize(
    "change", [{"detector": "wash"}, {"severity": Severity.MEDIUM}, {"ppm": 499_999}]
)
def test_what_is_not_sure_enough_pauses_nobody(world, client, change):
    alert = alert_about(world.vault.address, **change)
    assert responder(world, client).respond(Block((alert,))) == []


def test_alerts_about_others_pause_nobody(world, client):
    alert = alert_about(world.stranger.address)
    assert responder(world, client).respond(Block((alert,))) == []


def test_a_reporter_stakes_no_more_than_it_said(world, client):
    acting = responder(world, client, at_stake=150, seconds=60)
    (first,) = acting.respond(Block((alert_about(world.vault.address),)))
    assert first.case.until - first.case.started == 60
    world.chain.warp(1_000)
    (second,) = acting.respond(Block((alert_about(world.vault.address, number=8),)))
    assert second.case is None and "100 at stake already" in second.reason
    client.rule(world.evaluator, 1, is_true=True)
    (third,) = acting.respond(Block((alert_about(world.vault.address, number=9),)))
    assert third.case is not None


def test_the_guardians_own_refusal_is_told(world, client):
    acting = responder(world, client, seconds=60)
    acting.respond(Block((alert_about(world.vault.address),)))
    world.chain.warp(100)
    (action,) = acting.respond(Block((alert_about(world.vault.address, number=8),)))
    assert action.case is None and action.reason == "guardian: paused or cooling down"


def test_a_pause_whose_alert_was_reorged_away_is_told_while_it_runs(world, client):
    alert, acting = alert_about(world.vault.address), responder(world, client)
    acting.respond(Block((alert,)))
    (regret,) = acting.respond(Block((), (alert,)))
    assert regret.case.number == 1 and "retracted" in regret.reason
    client.veto(world.veto, world.vault.address)
    assert acting.respond(Block((), (alert,))) == []


def test_a_service_pauses_once_for_each_alert_even_if_it_is_told_twice(world, client, tmp_path):
    said = []
    book = AlertBook(tmp_path / "alerts.sqlite")
    sink = GuardSink(responder(world, client), said.append)
    alert = alert_about(world.vault.address)
    book.record(block(GENESIS, 7, []), (alert, alert_about(world.stranger.address, number=9)))
    sink.deliver(book)
    sink.deliver(book)
    assert [case.digest for case in client.cases()] == [alert.digest]
    assert len(said) == 1 and "is paused until" in said[0]
    book.tell("guard", 0)  # as if the process had ended before it noted how far it was
    sink.deliver(book)
    assert len(list(client.cases())) == 1 and "paused already" in said[1]
    book.close()
