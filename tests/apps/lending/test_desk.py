"""What the desk does, step by step, and every reason for which it refuses."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.apps.lending import pricing, rules
from counterpoise.apps.lending.desk import DeskClient
from counterpoise.apps.lending.pricing import MONTH, YEAR, Point
from counterpoise.apps.lending.rules import Loan, Status
from counterpoise.chain import deploy
from counterpoise.core.units import PPM, TOKEN

SAFE, BORDER, BAD = -4000, -1700, 400
QUICK = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def words(logit, decision=0):
    return logit.to_bytes(4, "big", signed=True) + decision.to_bytes(2, "big")


def events(world, receipt):
    return [(event.name, event.args) for event in world.desk.contract.events_in(receipt)]


# --- applying ---------------------------------------------------------------------------------


def test_an_application_keeps_its_amount_and_asks_the_oracle(world):
    asked = world.application(amount=2_000 * TOKEN, months=24)
    signature = world.desk.attest(world.attester, asked)
    before = world.balance(world.ann)
    receipt = world.desk.apply(world.ann, asked, signature, level=1, fee=3 * TOKEN)
    number = world.desk.number_in(receipt)
    assert world.desk.money() == (38_000 * TOKEN, 2_000 * TOKEN, 0)
    assert world.balance(world.ann) == before - 3 * TOKEN
    assert world.balance(world.oracle) == 3 * TOKEN
    assert world.desk.loan(number) == Loan(
        world.ann.address, Status.ASKED, 1, 24, 0, 0, 2_000 * TOKEN
    )
    assert events(world, receipt) == [
        (
            "Applied",
            {
                "id": number,
                "borrower": world.ann.address,
                "input": asked.commitment,
                "amount": 2_000 * TOKEN,
                "months": 24,
                "level": 1,
                "fee": 3 * TOKEN,
            },
        )
    ]
    client, status, level, model, commitment, callback, _, fee, deadline = world.oracle.call(
        "request_of", number
    )
    assert (client, callback) == (world.desk.address, world.desk.address)
    assert (status, level, fee) == (1, 1, 3 * TOKEN)
    assert (model, commitment) == (world.policy.model, asked.commitment)
    assert deadline == world.chain.block().time + world.policy.answer_seconds


def test_an_application_may_pay_no_fee(world):
    assert world.desk.loan(world.apply(fee=0)).status is Status.ASKED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": 100 * TOKEN - 1}, "amount out of bounds"),
        ({"amount": 20_000 * TOKEN + 1}, "amount out of bounds"),
        ({"months": 0}, "term out of bounds"),
        ({"months": 73}, "term out of bounds"),
        ({"expires": 1}, "the attestation expired"),
    ],
)
def test_an_application_out_of_bounds_is_refused(world, refused, changes, reason):
    with refused(f"desk: {reason}"):
        world.apply(**changes)


def test_an_attestation_is_good_up_to_its_last_second(world, refused):
    asked = world.application()
    world.warp_to(asked.expires)
    place = world.chain.snapshot()
    world.apply(application=asked)
    world.chain.revert(place)
    world.warp_to(asked.expires + 1)
    with refused("desk: the attestation expired"):
        world.apply(application=asked)


def test_the_lender_cannot_lend_what_is_not_there(world, refused):
    world.desk.withdraw(world.lender, 39_500 * TOKEN)
    with refused("desk: not so much is free to lend"):
        world.apply()


def test_all_that_is_kept_and_lent_stays_within_the_exposure(world, refused):
    world.desk.deposit(world.lender, 20_000 * TOKEN)
    world.borrowed(amount=20_000 * TOKEN)
    world.apply(amount=20_000 * TOKEN)
    world.apply(amount=9_000 * TOKEN)
    with refused("desk: exposure exhausted"):
        world.apply(amount=1_000 * TOKEN + 1)
    world.apply(amount=1_000 * TOKEN)


def test_an_input_is_good_for_one_application(world, refused):
    asked = world.application()
    number = world.apply(application=asked)
    with refused("desk: the input was used before"):
        world.apply(application=asked)
    world.deliver(number, words(BAD))
    with refused("desk: the input was used before"):
        world.apply(world.bob, replace(asked, applicant=world.bob.address))


@pytest.mark.parametrize("field", ["applicant", "commitment", "amount", "months", "expires"])
def test_an_attestation_holds_for_what_it_says_alone(world, refused, field):
    asked = world.application()
    other = {
        "applicant": world.bob.address,
        "commitment": bytes([7]) * 32,
        "amount": asked.amount + 1,
        "months": asked.months + 1,
        "expires": asked.expires + 1,
    }[field]
    signature = world.desk.attest(world.attester, replace(asked, **{field: other}))
    with refused("desk: not attested"):
        world.desk.apply(world.ann, asked, signature, level=1, fee=0)


def test_an_attestation_by_another_or_of_another_shape_is_none(world, refused):
    asked = world.application()
    good = world.desk.attest(world.attester, asked)
    for signature in (world.desk.attest(world.ann, asked), b"", good[:64], bytes(65)):
        with refused("desk: not attested"):
            world.desk.apply(world.ann, asked, signature, level=1, fee=0)


def test_an_attestation_is_for_one_desk(world, refused):
    other = DeskClient.deploy(
        world.minter,
        world.oracle,
        lender=world.lender.address,
        clerk=world.clerk.address,
        attester=world.attester.address,
        policy=world.policy,
    )
    world.token.transact(world.lender, "approve", other.address, 2**255)
    other.deposit(world.lender, 5_000 * TOKEN)
    asked = world.application()
    with refused("desk: not attested"):
        other.apply(world.ann, asked, world.desk.attest(world.attester, asked), level=1, fee=0)
    other.apply(world.ann, asked, other.attest(world.attester, asked), level=1, fee=0)


def test_a_level_that_there_is_not_is_refused(world, refused):
    with refused("desk: no such level"):
        world.apply(level=4)


def test_a_level_that_is_not_offered_is_refused_by_the_oracle(world, refused):
    with refused("oracle: the level is not offered"):
        world.apply(level=2)


# --- answers ----------------------------------------------------------------------------------


def test_a_good_answer_makes_an_offer(world):
    number = world.apply()
    receipt = world.deliver(number, words(SAFE))
    terms = pricing.price(words(SAFE), world.policy)
    accept_by = world.chain.block().time + world.policy.offer_seconds
    assert events(world, receipt) == [
        (
            "Offered",
            {
                "id": number,
                "risk": terms.risk,
                "yearly_bps": terms.yearly_bps,
                "accept_by": accept_by,
            },
        )
    ]
    loan = world.desk.loan(number)
    assert (loan.status, loan.risk, loan.yearly_bps) == (Status.OFFERED, 17_986, 390)
    assert (loan.principal, loan.until) == (1_000 * TOKEN, accept_by)
    assert world.desk.money() == (39_000 * TOKEN, 1_000 * TOKEN, 0)


@pytest.mark.parametrize(
    ("answer", "risk"),
    [
        (words(BAD), 598_346),
        (words(BAD, 1), 598_346),
        (words(SAFE, 1), 17_986),
        (words(SAFE, 256), 17_986),
        (words(SAFE)[:4] + words(SAFE), PPM),
        (b"\x00", PPM),
        (bytes(66), PPM),
    ],
)
def test_a_bad_answer_or_one_of_another_shape_is_declined(world, answer, risk):
    number = world.apply()
    receipt = world.deliver(number, answer)
    assert events(world, receipt) == [("Declined", {"id": number, "risk": risk})]
    loan = world.desk.loan(number)
    assert (loan.status, loan.risk, loan.yearly_bps) == (Status.DECLINED, risk, 0)
    assert world.desk.money() == (40_000 * TOKEN, 0, 0)


def test_the_oracle_reports_that_its_callback_passed(world):
    number = world.apply()
    delivered = world.oracle.events_in(world.deliver(number, words(SAFE)))[-1]
    assert (delivered.name, delivered.args["passed"]) == ("Delivered", True)


def test_nobody_but_the_oracle_answers(world, refused):
    number = world.apply()
    for who in (world.stranger, world.lender, world.node, world.ann):
        with refused("desk: not the oracle"):
            world.desk.contract.transact(who, "on_answer", number, words(SAFE))
    assert world.desk.loan(number).status is Status.ASKED


def test_an_answer_to_somebody_elses_request_is_taken_by_nobody(world):
    """A stranger names the desk as callback of a request of its own."""
    number = world.apply()
    world.token.transact(world.stranger, "approve", world.oracle.address, TOKEN)
    values = (world.policy.model, bytes(32), 1, world.desk.address, 200_000, 0, world.now + 60)
    receipt = world.oracle.transact(world.stranger, "request", *values, bytes(32))
    other = world.oracle.events_in(receipt)[0].args["id"]
    delivered = world.oracle.events_in(world.deliver(other, words(SAFE)))[-1]
    assert delivered.args["passed"] is False
    assert world.desk.contract.call("terms", other)[1] == 0
    assert world.desk.loan(number).status is Status.ASKED


def test_an_answer_is_taken_once(world, refused):
    number = world.offered()
    with refused("oracle: no open request"):
        world.oracle.transact(world.stranger, "fulfil", number)
    with refused("desk: not in the status for this"):
        world.desk.settle(world.stranger, number)


@pytest.fixture
def false_desk(world):
    """A desk whose oracle misbehaves."""
    from pathlib import Path

    from counterpoise.chain import artifact_of

    built = artifact_of(Path(__file__).parent / "contracts" / "FalseOracle.vy")
    oracle = deploy(world.chain, world.minter, built, world.token.address)
    desk = DeskClient.deploy(
        world.minter,
        oracle,
        lender=world.lender.address,
        clerk=world.clerk.address,
        attester=world.attester.address,
        policy=world.policy,
    )
    world.token.transact(world.lender, "approve", desk.address, 2**255)
    desk.deposit(world.lender, 10_000 * TOKEN)
    return oracle, desk


def test_an_oracle_that_answers_inside_the_request_is_refused(world, false_desk):
    from counterpoise.core.errors import Reverted

    oracle, desk = false_desk
    asked = world.application()
    for number in (1, 5):
        oracle.transact(world.minter, "prepare", number, words(SAFE))
        with pytest.raises(Reverted):
            desk.apply(world.ann, asked, desk.attest(world.attester, asked), level=1, fee=0)
    assert desk.money() == (10_000 * TOKEN, 0, 0)


def test_an_oracle_that_gives_an_old_number_is_refused(world, false_desk, refused):
    oracle, desk = false_desk
    oracle.transact(world.minter, "prepare", 7, b"")
    asked = world.application()
    desk.apply(world.ann, asked, desk.attest(world.attester, asked), level=1, fee=0)
    again = world.application(world.bob)
    with refused("desk: the oracle gave an old id"):
        desk.apply(world.bob, again, desk.attest(world.attester, again), level=1, fee=0)
    oracle.transact(world.minter, "deliver", desk.address, 7, words(SAFE))
    with refused("desk: not in the status for this"):
        oracle.transact(world.minter, "deliver", desk.address, 7, words(BAD))


# --- answers that do not arrive ---------------------------------------------------------------


def test_an_answer_that_is_final_at_the_oracle_but_did_not_arrive_is_fetched(world):
    """The callback's gas is enough today; this is for the day on which it is not."""
    number = world.apply()
    # The oracle's word is read while the desk is still waiting: fulfil with the desk's code away.
    code = world.chain.code(world.desk.address)
    world.chain.set_code(world.desk.address, b"\xfe")
    delivered = world.oracle.events_in(world.deliver(number, words(SAFE)))[-1]
    assert delivered.args["passed"] is False
    world.chain.set_code(world.desk.address, code)
    assert world.desk.loan(number).status is Status.ASKED
    world.desk.settle(world.stranger, number)
    assert world.desk.loan(number).status is Status.OFFERED


def test_silence_gives_the_fee_back_and_frees_the_money(world, refused):
    number = world.apply(fee=3 * TOKEN)
    before = world.balance(world.ann)
    with refused("oracle: an answer may still come"):
        world.desk.settle(world.stranger, number)
    world.warp_to(world.oracle.call("request_of", number)[8] + 1)
    receipt = world.desk.settle(world.stranger, number)
    assert events(world, receipt) == [("Unanswered", {"id": number, "fee": 3 * TOKEN})]
    assert world.desk.loan(number).status is Status.UNANSWERED
    assert world.balance(world.ann) == before + 3 * TOKEN
    assert world.desk.money() == (40_000 * TOKEN, 0, 0)
    assert world.balance(world.desk) == 40_000 * TOKEN
    with refused("desk: not in the status for this"):
        world.desk.settle(world.stranger, number)


def test_a_request_that_somebody_else_cancelled_is_settled_too(world):
    number, before = world.apply(fee=3 * TOKEN), world.balance(world.ann)
    world.warp_to(world.oracle.call("request_of", number)[8] + 1)
    world.oracle.transact(world.stranger, "cancel", number)
    world.desk.settle(world.stranger, number)
    assert world.balance(world.ann) == before + 3 * TOKEN
    assert world.balance(world.desk) == 40_000 * TOKEN


# --- reasons ----------------------------------------------------------------------------------


def test_a_decline_is_explained_once_by_the_clerk(world, refused):
    number = world.apply()
    with refused("desk: not in the status for this"):
        world.desk.explain(world.clerk, number, b"r" * 32)
    world.deliver(number, words(BAD))
    with refused("desk: not the clerk"):
        world.desk.explain(world.lender, number, b"r" * 32)
    with refused("desk: no reasons"):
        world.desk.explain(world.clerk, number, bytes(32))
    receipt = world.desk.explain(world.clerk, number, b"r" * 32)
    assert events(world, receipt) == [("Explained", {"id": number, "reasons": b"r" * 32})]
    assert world.desk.loan(number).reasons == b"r" * 32
    with refused("desk: already explained"):
        world.desk.explain(world.clerk, number, b"s" * 32)


# --- borrowing --------------------------------------------------------------------------------


def test_the_borrower_takes_an_offer_and_receives_the_money(world, refused):
    number, before = world.offered(fee=0), world.balance(world.ann)
    with refused("desk: not the borrower"):
        world.desk.accept(world.bob, number)
    receipt = world.desk.accept(world.ann, number)
    now = world.chain.block().time
    assert events(world, receipt) == [("Accepted", {"id": number, "due_by": now + 12 * MONTH})]
    assert world.balance(world.ann) == before + 1_000 * TOKEN
    loan = world.desk.loan(number)
    assert (loan.status, loan.outstanding, loan.since) == (Status.LENT, 1_000 * TOKEN, now)
    assert world.desk.money() == (39_000 * TOKEN, 0, 1_000 * TOKEN)
    assert world.desk.owed(number) == 1_000 * TOKEN
    with refused("desk: not in the status for this"):
        world.desk.accept(world.ann, number)


def test_an_offer_stands_up_to_its_last_second_and_then_lapses(world, refused):
    first, second = world.offered(), world.offered()
    until = [world.desk.loan(number).until for number in (first, second)]
    world.warp_to(until[0])
    place = world.chain.snapshot()
    with refused("desk: the offer stands"):
        world.desk.lapse(world.stranger, first)
    world.chain.revert(place)
    world.desk.accept(world.ann, first)
    world.warp_to(until[1] + 1)
    place = world.chain.snapshot()
    with refused("desk: the offer is over"):
        world.desk.accept(world.ann, second)
    world.chain.revert(place)
    receipt = world.desk.lapse(world.stranger, second)
    assert events(world, receipt) == [("Lapsed", {"id": second})]
    assert world.desk.loan(second).status is Status.LAPSED
    assert world.desk.money() == (39_000 * TOKEN, 0, 1_000 * TOKEN)
    with refused("desk: not in the status for this"):
        world.desk.lapse(world.stranger, second)


def test_interest_is_paid_before_principal_and_a_payment_takes_no_more_than_is_owed(world):
    number = world.borrowed()
    loan = world.desk.loan(number)
    half = pricing.grown_interest(loan.outstanding, loan.yearly_bps, YEAR // 2)
    free, before = world.desk.money()[0], world.balance(world.bob)
    world.token.transact(world.bob, "approve", world.desk.address, 2**255)
    world.warp_to(loan.since + YEAR // 2)
    receipt = world.desk.repay(world.bob, number, half + 400 * TOKEN)
    assert events(world, receipt) == [
        (
            "Repaid",
            {
                "id": number,
                "payer": world.bob.address,
                "interest": half,
                "principal": 400 * TOKEN,
                "outstanding": 600 * TOKEN,
            },
        )
    ]
    assert world.desk.money() == (free + half + 400 * TOKEN, 0, 600 * TOKEN)
    assert world.balance(world.bob) == before - half - 400 * TOKEN
    before = world.balance(world.ann)
    world.desk.repay(world.ann, number, 10_000 * TOKEN)
    seconds = world.chain.block().time - world.desk.loan(number).since
    assert seconds == 0 and world.desk.loan(number).status is Status.REPAID
    second = pricing.grown_interest(600 * TOKEN, loan.yearly_bps, 1)
    assert world.balance(world.ann) == before - 600 * TOKEN - second
    assert world.desk.money()[2] == 0 and world.desk.owed(number) == 0


def test_interest_is_rounded_up_so_that_many_payments_never_pay_less_than_one(world):
    number = world.borrowed()
    start, place = world.desk.loan(number), world.chain.snapshot()
    world.warp_to(start.since + 1000)
    world.desk.repay(world.ann, number, 2_000 * TOKEN)
    once = sum(e.args["interest"] for e in world.desk.history(number) if e.name == "Repaid")
    world.chain.revert(place)
    for _ in range(5):
        world.chain.warp(199)
        world.desk.repay(world.ann, number, 1)
    parts = world.desk.loan(number)
    assert once <= parts.interest + 5 <= once + 5
    assert parts.outstanding == start.outstanding


def test_a_payment_smaller_than_the_interest_leaves_the_rest_due_without_compounding(world):
    number = world.borrowed()
    start = world.desk.loan(number)
    world.warp_to(start.since + YEAR)
    full = pricing.grown_interest(start.outstanding, start.yearly_bps, YEAR)
    world.desk.repay(world.ann, number, 1)
    loan = world.desk.loan(number)
    assert (loan.interest, loan.outstanding) == (full - 1, start.outstanding)
    world.warp_to(loan.since + YEAR)
    world.chain.mine()
    assert world.desk.owed(number) == start.outstanding + 2 * full - 1


def test_nothing_can_be_paid_where_nothing_is_owed(world, refused):
    number = world.offered()
    with refused("desk: nothing is owed"):
        world.desk.repay(world.ann, number, 1)
    world.desk.accept(world.ann, number)
    with refused("desk: a payment of nothing"):
        world.desk.repay(world.ann, number, 0)
    world.desk.repay(world.ann, number, 2_000 * TOKEN)
    with refused("desk: nothing is owed"):
        world.desk.repay(world.ann, number, 1)


def test_a_late_loan_is_written_off_and_may_still_be_paid_without_more_interest(world, refused):
    number = world.borrowed(months=1)
    loan = world.desk.loan(number)
    with refused("desk: not the lender who writes off"):
        world.desk.write_off(world.stranger, number)
    world.warp_to(loan.until)
    place = world.chain.snapshot()
    with refused("desk: the term is not over"):
        world.desk.write_off(world.lender, number)
    world.chain.revert(place)
    world.warp_to(loan.until + 1)
    receipt = world.desk.write_off(world.lender, number)
    due = pricing.grown_interest(loan.outstanding, loan.yearly_bps, MONTH + 1)
    lost = {"id": number, "outstanding": 1_000 * TOKEN, "interest": due}
    assert events(world, receipt) == [("Defaulted", lost)]
    assert world.desk.money() == (39_000 * TOKEN, 0, 0)
    world.chain.warp(YEAR)
    assert world.desk.owed(number) == 1_000 * TOKEN + due
    world.desk.repay(world.ann, number, 400 * TOKEN + due)
    assert world.desk.loan(number).status is Status.DEFAULTED
    world.desk.repay(world.ann, number, 600 * TOKEN)
    assert world.desk.loan(number).status is Status.REPAID
    assert world.desk.money() == (40_000 * TOKEN + due, 0, 0)
    with refused("desk: not in the status for this"):
        world.desk.write_off(world.lender, number)


# --- the lender -------------------------------------------------------------------------------


def test_the_lender_moves_only_what_is_free(world, refused):
    world.apply(amount=10_000 * TOKEN)
    world.borrowed(world.bob, amount=5_000 * TOKEN)
    for name in ("deposit", "withdraw"):
        with refused(f"desk: not the lender who {name}s"):
            getattr(world.desk, name)(world.stranger, 1)
    with refused("desk: not so much is free to take"):
        world.desk.withdraw(world.lender, 25_000 * TOKEN + 1)
    receipt = world.desk.withdraw(world.lender, 25_000 * TOKEN)
    assert events(world, receipt) == [("Withdrawn", {"amount": 25_000 * TOKEN})]
    receipt = world.desk.deposit(world.lender, 7)
    assert events(world, receipt) == [("Deposited", {"amount": 7})]
    assert world.desk.money() == (7, 10_000 * TOKEN, 5_000 * TOKEN)


# --- the policy -------------------------------------------------------------------------------


def test_the_desk_shows_what_it_lends_by(world):
    assert world.desk.policy() == world.policy
    names = ("oracle", "lender", "clerk", "attester")
    found = [world.desk.contract.call(name) for name in names]
    assert found == [getattr(world, name).address for name in names]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nat": 0}, "nat out of range"),
        ({"nat": 2**32}, "nat out of range"),
        ({"min_amount": 0}, "a loan of nothing"),
        ({"max_amount": 99}, "no amount can be asked"),
        ({"max_exposure": 2**96}, "exposure above 2**96"),
        ({"max_months": 0}, "months out of range"),
        ({"max_months": 1201}, "months out of range"),
        ({"answer_seconds": 2**40}, "window above 2**40"),
        ({"offer_seconds": 2**40}, "window above 2**40"),
        ({"reference": bytes(32)}, "no reference for reasons"),
        ({"curve": ()}, "no curve"),
        ({"curve": (Point(1, 300),)}, "the curve does not begin at no risk"),
        ({"curve": (Point(0, 0),)}, "a rate of nothing"),
        ({"curve": (Point(0, 300), Point(0, 400))}, "risks do not rise"),
        ({"curve": (Point(0, 300), Point(9, 299))}, "rates fall"),
        ({"curve": (Point(0, 300), Point(PPM, 400))}, "a risk of one is no risk to take"),
        ({"curve": (Point(0, 300), Point(9, 2**16))}, "rate above 2**16"),
    ],
)
def test_a_policy_that_makes_no_sense_is_not_deployed(world, refused, changes, reason):
    policy = replace(world.policy, **changes)
    people = (world.lender.address, world.clerk.address, world.attester.address)
    with refused(f"desk: {reason}"):
        deploy(
            world.chain, world.minter, "LoanDesk", world.oracle.address, *people, policy.to_abi()
        )


def test_a_desk_needs_an_attester(world, refused):
    people = (world.lender.address, world.clerk.address, bytes(20))
    with refused("desk: no attester"):
        deploy(
            world.chain,
            world.minter,
            "LoanDesk",
            world.oracle.address,
            *people,
            world.policy.to_abi(),
        )


@pytest.fixture(scope="module")
def priced(funded_world):
    return funded_world.desk


@QUICK
@given(logit=st.one_of(st.integers(-9000, 9000), st.integers(-(2**31), 2**31 - 1)))
def test_every_logit_has_the_price_that_the_rules_say(priced, logit):
    wanted = pricing.price(words(logit), priced.policy())
    assert priced.price(logit) == wanted


def test_prices_at_the_knots_and_points_are_those_of_the_rules(priced):
    policy = priced.policy()
    knots = [sign * knot * policy.nat // 4 for knot in range(35) for sign in (1, -1)]
    around = {logit + step for logit in knots for step in (-1, 0, 1)}
    for logit in sorted(around):
        assert priced.price(logit) == pricing.price(words(logit), policy)


def test_the_last_point_of_the_curve_is_still_lent_to(world):
    curve = (Point(0, 300), Point(250_000, 700), Point(500_000, 1490))
    desk = DeskClient.deploy(
        world.minter,
        world.oracle,
        lender=world.lender.address,
        clerk=world.clerk.address,
        attester=world.attester.address,
        policy=replace(world.policy, curve=curve),
    )
    assert desk.price(0) == pricing.Terms(500_000, 1490)
    assert not desk.price(1).is_offer


def test_an_unknown_loan_has_no_terms(world):
    from counterpoise.core.errors import InputError

    with pytest.raises(InputError, match="no loan 99"):
        world.desk.loan(99)


def test_interest_never_outgrows_what_a_word_keeps():
    loan = Loan(bytes(20), Status.LENT, 0, 1, 0, 65_535, 2**96 - 1, outstanding=2**96 - 1)
    assert loan.interest_at(10**10) == rules.MOST_INTEREST
