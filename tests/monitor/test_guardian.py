"""A guardian pauses who agreed to it, for as long as agreed, and false alarms cost the bond."""

import pytest
from guardian_world import CONTRACTS, DEPOSIT, PURSE, build_world, refused

from counterpoise.chain import artifact_of, deploy
from counterpoise.core.errors import Reverted

WEEK = 604_800


@pytest.fixture(scope="module")
def one_world():
    return build_world()


@pytest.fixture
def world(one_world):
    place = one_world.chain.snapshot()
    yield one_world
    one_world.chain.revert(place)


def last(world, name):
    return world.guardian.events(name)[-1].args


def test_a_pause_stops_the_vault_and_ends_by_itself(world):
    world.vault.transact(world.stranger, "bring", value=1000)
    case = world.pause(600)
    until = world.chain.block().time + 600
    assert world.until == until
    assert last(world, "Paused") == {
        "case_id": case,
        "target": world.vault.address,
        "reporter": world.reporter.address,
        "digest": b"\x01" * 32,
        "until": until,
        "bond": 100,
        "bounty": 40,
    }
    with refused("vault: paused"):
        world.vault.transact(world.stranger, "take", 400)
    world.warp_to(until - 1)
    with refused("vault: paused"):
        world.vault.transact(world.stranger, "take", 400)
    world.warp_to(until)
    world.vault.transact(world.stranger, "take", 400)
    assert world.vault.call("balance_of", world.stranger.address) == 600


def test_a_true_alarm_earns_the_bounty(world):
    world.rule(world.pause(), is_true=True)
    assert world.credit(world.reporter) == 140 and world.deposit() == DEPOSIT - 40
    world.guardian.transact(world.stranger, "withdraw", world.reporter.address)
    assert world.token.call("balanceOf", world.reporter.address) == PURSE + 40
    assert last(world, "Withdrawn") == {"account": world.reporter.address, "amount": 140}
    assert last(world, "Ruled")["outcome"] == 1


def test_a_false_alarm_costs_the_bond(world):
    world.rule(world.pause(), is_true=False)
    assert world.guardian.call("credit", world.vault.address) == 100
    assert world.credit(world.reporter) == 0 and world.deposit() == DEPOSIT
    assert last(world, "Ruled")["outcome"] == 0


def test_an_alarm_that_nobody_ruled_on_costs_nothing_and_earns_nothing(world):
    case = world.pause()
    rule_by = world.guardian.call("case", case)[4]
    world.warp_to(rule_by)
    with refused("guardian: there is still time to rule"):
        world.guardian.transact(world.stranger, "lapse", case)
    world.warp_to(rule_by + 1)
    with refused("guardian: too late to rule"):
        world.rule(case, is_true=True)
    world.guardian.transact(world.stranger, "lapse", case)
    assert world.credit(world.reporter) == 100 and world.deposit() == DEPOSIT
    assert last(world, "Ruled")["outcome"] == 2


def test_a_veto_ends_the_pause_at_once_and_the_case_goes_on(world):
    case = world.pause(600)
    with refused("guardian: not the veto role"):
        world.guardian.transact(world.stranger, "veto", world.vault.address)
    world.guardian.transact(world.veto, "veto", world.vault.address)
    assert last(world, "Vetoed") == {"target": world.vault.address, "time": world.until}
    world.vault.transact(world.stranger, "take", 0)
    with refused("guardian: not paused"):
        world.guardian.transact(world.veto, "veto", world.vault.address)
    world.rule(case, is_true=False)
    assert world.guardian.call("credit", world.vault.address) == 100


def test_one_pause_at_a_time_and_none_while_cooling_down(world):
    world.pause(600)
    end = world.until
    with refused("guardian: paused or cooling down"):
        world.pause(10, b"\x02" * 32, world.second)
    world.warp_to(end + 299)
    with refused("guardian: paused or cooling down"):
        world.pause(10, b"\x02" * 32, world.second)
    world.warp_to(end + 300)
    world.pause(10, b"\x02" * 32, world.second)
    assert world.until < end + 320


def test_rolling_pauses_cannot_freeze_a_target(world):
    """Whatever reporters do, in ten periods a target is paused for eleven shares at most."""
    start, paused, number = world.now, 0, 0
    while world.now < start + 100_000:
        number += 1
        drained = 600
        while drained:
            try:
                world.pause(drained, number.to_bytes(32, "big"))
                paused += drained
                break
            except Reverted as refusal:
                assert "too much of late" in str(refusal)
                drained //= 2
        world.warp_to(max(world.until, world.now) + 300)
    assert paused <= 11 * 1_000
    assert paused >= 9 * 1_000


def test_an_alert_is_good_for_one_pause(world):
    world.pause(10)
    world.warp_to(world.until + 300)
    with refused("guardian: the alert was used before"):
        world.pause(10, who=world.second)


def test_nobody_is_paused_beyond_its_own_terms(world):
    with refused("guardian: longer than consented"):
        world.pause(601)
    with refused("guardian: longer than consented"):
        world.pause(0)
    with refused("guardian: no consent"):
        world.pause(10, target=world.stranger.address)


def test_a_reporter_without_a_bond_pauses_nobody(world):
    world.token.transact(world.reporter, "approve", world.guardian.address, 99)
    with refused("token: insufficient allowance"):
        world.pause()
    assert world.until == 0


def test_a_target_does_not_report_itself(world):
    guardian = world.guardian
    guardian.transact(world.stranger, "consent", world.terms())
    with refused("guardian: a target does not report itself"):
        guardian.transact(world.stranger, "pause", world.stranger.address, b"\x03" * 32, 10)


def test_a_bounty_is_never_more_than_the_deposit(world):
    for number in range(13):
        case = world.pause(10, number.to_bytes(32, "big"))
        world.rule(case, is_true=True)
        world.warp_to(world.until + 300)
    assert world.deposit() == 0
    assert world.credit(world.reporter) == 13 * 100 + DEPOSIT


def test_terms_do_not_change_under_an_open_case(world):
    case = world.pause(10)
    world.warp_to(world.until + 300)
    with refused("guardian: a case is open"):
        world.consent(bond=1)
    world.rule(case, is_true=True)
    world.consent(bond=7)
    assert world.guardian.call("terms_of", world.vault.address)[4] == 7
    assert last(world, "Consented")["terms"] == world.terms(bond=7)


def test_terms_do_not_change_during_a_pause(world):
    world.rule(world.pause(600), is_true=True)
    with refused("guardian: paused now"):
        world.consent()


def test_leaving_takes_a_week_during_which_a_target_can_still_be_paused(world):
    world.vault.transact(world.owner, "leave")
    gone = last(world, "Leaving")["time"]
    assert gone == world.chain.block().time + WEEK
    with refused("guardian: leaving already"):
        world.vault.transact(world.owner, "leave")
    with refused("guardian: leave first"):
        world.vault.transact(world.owner, "reclaim")
    world.warp_to(gone - 1)
    case = world.pause(10)
    world.warp_to(gone)
    with refused("guardian: no consent"):
        world.pause(10, b"\x02" * 32)
    with refused("guardian: a case is still open"):
        world.vault.transact(world.owner, "reclaim")
    world.rule(case, is_true=False)
    world.vault.transact(world.owner, "reclaim")
    assert last(world, "Reclaimed") == {"target": world.vault.address, "amount": DEPOSIT}
    assert world.guardian.call("credit", world.vault.address) == DEPOSIT + 100
    with refused("guardian: no deposit"):
        world.vault.transact(world.owner, "reclaim")
    assert world.guardian.call("terms_of", world.vault.address)[4] == 0


def test_only_the_evaluator_rules_and_once(world):
    case = world.pause()
    with refused("guardian: not the evaluator"):
        world.guardian.transact(world.reporter, "rule", case, True)
    world.rule(case, is_true=True)
    for words in (("rule", case, True), ("lapse", case), ("lapse", case + 1)):
        with refused("guardian: no such case open"):
            world.guardian.transact(world.evaluator, *words)


def test_nothing_is_withdrawn_twice(world):
    world.rule(world.pause(), is_true=True)
    world.guardian.transact(world.stranger, "withdraw", world.reporter.address)
    with refused("guardian: nothing to withdraw"):
        world.guardian.transact(world.stranger, "withdraw", world.reporter.address)


def test_a_deposit_is_for_a_target_that_consented(world):
    with refused("guardian: no consent"):
        world.guardian.transact(world.patron, "deposit", world.stranger.address, 5)
    world.guardian.transact(world.patron, "deposit", world.vault.address, 5)
    expected = {"target": world.vault.address, "payer": world.patron.address, "amount": 5}
    assert last(world, "Deposited") == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"max_pause": 0}, "longest pause"),
        ({"max_pause": 1001}, "longest pause"),
        ({"period": 1000}, "period"),
        ({"period": 2_592_001}, "period"),
        ({"cooldown": 0}, "cooldown"),
        ({"cooldown": 2_592_001}, "cooldown"),
        ({"ruling_seconds": 0}, "time to rule"),
        ({"ruling_seconds": 2_592_001}, "time to rule"),
        ({"bond": 0}, "bond"),
        ({"bond": 2**96}, "bond"),
        ({"evaluator": bytes(20)}, None),
    ],
)
def test_terms_that_make_no_sense_are_refused(world, changes, reason):
    wanted = f"guardian: {reason} out of range" if reason else "guardian: no evaluator of its own"
    with refused(wanted):
        world.consent(**changes)


def test_a_bounty_beyond_all_tokens_is_refused(world):
    with refused("guardian: bounty too large"):
        world.consent(bounty=2**96)


def test_a_target_does_not_judge_its_own_alarms(world):
    with refused("guardian: no evaluator of its own"):
        world.consent(evaluator=world.vault.address)


def test_the_token_must_be_a_contract(world):
    with refused("guardian: the token is no contract"):
        deploy(world.chain, world.owner, "Guardian", world.stranger.address)


def test_a_vault_without_consent_is_never_paused(world):
    other = deploy(
        world.chain, world.owner, artifact_of(CONTRACTS / "Vault.vy"), world.guardian.address
    )
    with refused("guardian: no consent"):
        world.pause(target=other.address)
    other.transact(world.stranger, "take", 0)
