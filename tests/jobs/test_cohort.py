"""The cohort: stakes, slashing, delivery, cumulative claims, and who gets what is left."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.chain import deploy
from counterpoise.chain.compiled import contract_path
from counterpoise.core.claims_tree import ClaimsTree, claim_leaf
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, Reverted
from counterpoise.core.units import TOKEN
from counterpoise.jobs import NO_CLAIMS, NOBODY, CumulativeClaims, Member, Stage, Status
from counterpoise.jobs.cohort_rules import join_nonce, leaf

DAY, HOUR = 86_400, 3_600
POT, STAKE = 100 * TOKEN, 5 * TOKEN
DATA, MODEL, WHY = b"d" * 32, b"m" * 32, b"y" * 32


@pytest.fixture
def judge(world, odd):
    """An evaluator that does whatever a stranger tells it: the worst there can be."""
    return deploy(world.chain, world.stranger, odd("Puppet"))


def tell(world, judge, contract, name, *args):
    """Have the evaluator call a contract."""
    message = contract.encode(name, *args)
    return judge.transact(world.stranger, "act", contract.address, message)


def funded(world, evaluator, **changes):
    terms = {"provider": world.cohort.address, "expires": world.now + DAY, "budget": POT}
    return world.jobs.create_and_fund(
        world.sponsor, evaluator=evaluator.address, **(terms | changes)
    )


def opened(world, judge, stake=STAKE, members=("ann", "bob")):
    job = funded(world, judge)
    world.cohort.open(world.sponsor, job, stake=stake, rounds=judge.address)
    for name in members:
        world.cohort.join(world.roles[name], job, DATA)
    return job


def deliver(world, judge, job, due, *, round_id=3, total=None, root=None):
    claims = world.cohort.claims(job, round_id, due)
    terms = (round_id, MODEL, root or claims.root, claims.total if total is None else total)
    receipt = tell(world, judge, world.cohort.contract, "deliver", job, *terms)
    return claims, receipt


def paid(world, judge, due=None, **changes):
    job = opened(world, judge)
    if due is None:
        due = {world.ann.address: 60 * TOKEN, world.bob.address: 30 * TOKEN}
    claims, _ = deliver(world, judge, job, due, **changes)
    tell(world, judge, world.jobs.contract, "complete", job, WHY, b"")
    world.cohort.settle(world.stranger, job)
    return job, claims


def claim(world, job, claims, account, **changes):
    due = changes.get("due", claims.due.get(account, 0))
    proof = changes.get("proof") or claims.proof(account)
    return world.cohort.claim(world.stranger, changes.get("job", job), account, due, proof)


def events(world, receipt):
    return [(e.name, *e.args.values()) for e in world.cohort.contract.events_in(receipt)]


def test_a_cohort_stakes_delivers_is_paid_and_leaves_nothing_behind(world, judge):
    w, before = (
        world,
        {name: world.balance(world.roles[name]) for name in ("sponsor", "ann", "bob")},
    )
    job = funded(w, judge)
    receipt = w.cohort.open(w.sponsor, job, stake=STAKE, rounds=judge.address)
    expires = w.jobs.job(job).expires
    opening = ("CohortOpened", job, w.sponsor.address, judge.address, STAKE, expires)
    assert events(w, receipt) == [opening]
    receipt = w.cohort.join(w.ann, job, DATA)
    assert events(w, receipt) == [("Joined", job, w.ann.address, DATA, STAKE)]
    w.cohort.join(w.bob, job, DATA)
    assert w.cohort.member(job, w.ann.address) == Member(STAKE, 0)
    assert [m.account for m in w.cohort.members(job)] == [w.ann.address, w.bob.address]

    due = {w.ann.address: 60 * TOKEN, w.bob.address: 30 * TOKEN}
    claims, receipt = deliver(w, judge, job, due)
    assert events(w, receipt) == [("Delivered", job, 3, MODEL, claims.root, 90 * TOKEN)]
    assert w.jobs.job(job).status is Status.SUBMITTED
    assert (w.cohort.purse(job).stage, w.cohort.pay_root(job)) == (Stage.DELIVERED, claims.root)
    tell(w, judge, w.jobs.contract, "complete", job, WHY, b"")
    receipt = w.cohort.settle(w.stranger, job)
    assert events(w, receipt) == [("Settled", job, 90 * TOKEN, 10 * TOKEN)]

    receipt = claim(w, job, claims, w.ann.address)
    assert events(w, receipt) == [("Claimed", job, w.ann.address, 60 * TOKEN)]
    claim(w, job, claims, w.bob.address)
    assert w.cohort.member(job, w.ann.address) == Member(STAKE, 60 * TOKEN)
    receipt = w.cohort.withdraw(w.stranger, job, w.ann.address)
    assert events(w, receipt) == [("StakeReturned", job, w.ann.address, STAKE)]
    w.cohort.withdraw(w.stranger, job, w.bob.address)
    receipt = w.cohort.refund(w.stranger, job)
    assert events(w, receipt) == [("RemainderReturned", job, w.sponsor.address, 10 * TOKEN)]
    assert w.balance(w.cohort) == w.balance(w.jobs) == 0
    after = {name: w.balance(w.roles[name]) - before[name] for name in before}
    assert after == {"sponsor": -90 * TOKEN, "ann": 60 * TOKEN, "bob": 30 * TOKEN}


def test_joining_needs_no_transaction_of_approval(world, judge):
    job = opened(world, judge, members=())
    world.cohort.join_with_permit(world.ann, job, DATA, deadline=world.now + HOUR)
    signed = world.cohort.authorize(
        world.bob, job, DATA, salt=b"s" * 32, valid_before=world.now + HOUR
    )
    world.cohort.join_with_authorization(world.stranger, signed)
    assert world.cohort.member(job, world.ann.address) == Member(STAKE)
    assert world.cohort.member(job, world.bob.address) == Member(STAKE)
    assert world.balance(world.cohort) == 2 * STAKE


def test_a_permit_sent_first_by_another_does_not_keep_its_owner_out(world, judge):
    job = opened(world, judge, members=())
    deadline = world.now + HOUR
    token = world.jobs.token
    permit, signature = token.sign_permit(world.ann, world.cohort.address, STAKE, deadline=deadline)
    token.permit(world.stranger, permit, signature)
    v_r_s = (signature[64], signature[:32], signature[32:64])
    call = ("join_with_permit", job, DATA, deadline, *v_r_s)
    world.cohort.contract.transact(world.ann, *call)
    assert world.cohort.member(job, world.ann.address) == Member(STAKE)


def test_an_authorization_serves_its_own_job_and_dataset_alone(world, judge):
    job, other = opened(world, judge, members=()), opened(world, judge, members=())
    signed = world.cohort.authorize(
        world.bob, job, DATA, salt=b"s" * 32, valid_before=world.now + HOUR
    )
    v_r_s = (signed.signature[64], signed.signature[:32], signed.signature[32:64])
    for wrong_job, wrong_data in ((other, DATA), (job, b"x" * 32)):
        terms = (signed.account, wrong_job, wrong_data, signed.salt, signed.valid_before)
        with pytest.raises(Reverted, match="invalid signature"):
            world.cohort.contract.transact(
                world.stranger, "join_with_authorization", *terms, *v_r_s
            )


def test_the_stake_of_zero_is_a_cohort_without_tokens(world, judge, refused):
    job = opened(world, judge, stake=0)
    assert world.cohort.member(job, world.ann.address) == Member(0)
    signed = world.cohort.authorize(
        world.cleo, job, DATA, salt=b"s" * 32, valid_before=world.now + HOUR
    )
    with refused("cohort: nothing to authorize"):
        world.cohort.join_with_authorization(world.stranger, signed)


def test_a_cohort_is_opened_once_by_the_sponsor_of_a_funded_job(world, judge, refused, odd):
    w, job = world, funded(world, judge)
    with refused("cohort: not the sponsor"):
        w.cohort.open(w.stranger, job, stake=1, rounds=judge.address)
    with refused("cohort: not the evaluator of the job"):
        w.cohort.open(w.sponsor, job, stake=1, rounds=w.stranger.address)
    with refused("cohort: stake above 2**96"):
        w.cohort.open(w.sponsor, job, stake=2**96, rounds=judge.address)
    w.cohort.open(w.sponsor, job, stake=1, rounds=judge.address)
    with refused("cohort: already open"):
        w.cohort.open(w.sponsor, job, stake=1, rounds=judge.address)
    other = funded(w, judge, provider=w.provider.address)
    with refused("cohort: not the provider of the job"):
        w.cohort.open(w.sponsor, other, stake=1, rounds=judge.address)
    person = funded(w, w.evaluator)
    with refused("cohort: the evaluator is no contract"):
        w.cohort.open(w.sponsor, person, stake=1, rounds=w.evaluator.address)
    hook = deploy(w.chain, w.stranger, odd("TestHook"))
    hooked = w.jobs.create(
        w.sponsor,
        provider=w.cohort.address,
        evaluator=judge.address,
        expires=w.now + DAY,
        hook=hook.address,
    )
    with refused("cohort: the job has a hook"):
        w.cohort.open(w.sponsor, hooked, stake=1, rounds=judge.address)


def test_an_unfunded_or_expired_job_has_no_cohort(world, judge, refused):
    job = world.jobs.create(
        world.sponsor,
        provider=world.cohort.address,
        evaluator=judge.address,
        expires=world.now + DAY,
    )
    with refused("cohort: the job is not funded"):
        world.cohort.open(world.sponsor, job, stake=1, rounds=judge.address)
    with pytest.raises(InputError, match="not open to members"):
        world.cohort.join(world.ann, job, DATA)
    with refused("cohort: not open"):
        world.cohort.contract.transact(world.ann, "join", job, DATA)
    job = funded(world, judge)
    world.warp_to(world.jobs.job(job).expires)
    with refused("cohort: the job has expired"):
        world.cohort.open(world.sponsor, job, stake=1, rounds=judge.address)


def test_an_account_joins_once_and_in_time(world, judge, refused):
    job = opened(world, judge)
    with refused("cohort: already joined"):
        world.cohort.join(world.ann, job, b"other".ljust(32))
    world.jobs.token.approve(world.cleo, world.cohort.address, STAKE)
    place = world.chain.snapshot()
    world.warp_to(world.jobs.job(job).expires)
    with refused("cohort: joined after the expiry"):
        world.cohort.join(world.cleo, job, DATA)
    world.chain.revert(place)
    deliver(world, judge, job, {})
    with refused("cohort: too late to join"):
        world.cohort.join(world.cleo, job, DATA)


def test_who_was_slashed_or_has_left_does_not_join_again(world, judge, refused):
    job = opened(world, judge)
    tell(world, judge, world.cohort.contract, "slash", job, world.ann.address, STAKE, WHY)
    with refused("cohort: already joined"):
        world.cohort.join(world.ann, job, DATA)


def test_a_proven_fault_costs_stake_that_goes_to_the_sponsor(world, judge):
    job = opened(world, judge)
    receipt = tell(
        world, judge, world.cohort.contract, "slash", job, world.ann.address, 2 * TOKEN, WHY
    )
    assert events(world, receipt) == [("Slashed", job, world.ann.address, 2 * TOKEN, WHY)]
    assert world.cohort.member(job, world.ann.address) == Member(STAKE - 2 * TOKEN)
    assert world.cohort.purse(job).spare == 2 * TOKEN
    tell(world, judge, world.cohort.contract, "slash", job, world.ann.address, 3 * TOKEN, WHY)
    tell(world, judge, world.jobs.contract, "reject", job, WHY, b"")
    before = world.balance(world.sponsor)
    world.cohort.refund(world.stranger, job)
    assert world.balance(world.sponsor) == before + STAKE
    world.cohort.withdraw(world.stranger, job, world.bob.address)
    assert world.balance(world.cohort) == 0


def test_only_the_evaluator_of_that_job_slashes_or_delivers(world, judge, refused):
    job = opened(world, judge)
    contract = world.cohort.contract
    for caller in (world.sponsor, world.ann, world.minter, world.stranger):
        with refused("cohort: not the rounds contract"):
            contract.transact(caller, "slash", job, world.ann.address, 1, WHY)
        with refused("cohort: not the rounds contract"):
            contract.transact(caller, "deliver", job, 1, MODEL, bytes(32), 0)


def test_nothing_but_a_stake_can_be_slashed(world, judge, refused):
    job = opened(world, judge)
    with refused("cohort: more than the stake"):
        tell(world, judge, world.cohort.contract, "slash", job, world.ann.address, STAKE + 1, WHY)
    with refused("cohort: more than the stake"):
        tell(world, judge, world.cohort.contract, "slash", job, world.cleo.address, 1, WHY)
    with refused("cohort: nothing to slash"):
        tell(world, judge, world.cohort.contract, "slash", job, world.ann.address, 0, WHY)


def test_nobody_is_slashed_after_delivery_or_expiry(world, judge, refused):
    job = opened(world, judge)
    slash = (world.cohort.contract, "slash", job, world.ann.address, 1, WHY)
    place = world.chain.snapshot()
    world.warp_to(world.jobs.job(job).expires)
    with refused("cohort: slashed after the expiry"):
        tell(world, judge, *slash)
    world.chain.revert(place)
    deliver(world, judge, job, {})
    with refused("cohort: too late to slash"):
        tell(world, judge, *slash)


def test_delivery_happens_once_and_within_the_budget(world, judge, refused):
    job = opened(world, judge)
    with refused("cohort: more than the budget"):
        deliver(world, judge, job, {world.ann.address: POT + 1})
    with refused("cohort: round above 2**16"):
        deliver(world, judge, job, {world.ann.address: POT}, round_id=2**16)
    deliver(world, judge, job, {world.ann.address: POT}, round_id=2**16 - 1)
    assert world.cohort.purse(job).round_id == 2**16 - 1
    with refused("cohort: already delivered"):
        deliver(world, judge, job, {world.ann.address: POT})


def test_an_evaluator_that_delivers_and_never_pays_draws_nothing(world, judge, refused):
    # Else it would pay itself from the stakes of others, and then reject its own job.
    opened(world, judge)
    job = opened(world, judge, members=("ann",))
    claims, _ = deliver(world, judge, job, {world.ann.address: POT})
    held = world.balance(world.cohort)
    with refused("cohort: nothing to claim yet"):
        claim(world, job, claims, world.ann.address)
    with refused("cohort: the job is not paid"):
        world.cohort.settle(world.stranger, job)
    tell(world, judge, world.jobs.contract, "reject", job, WHY, b"")
    with refused("cohort: the job is not paid"):
        world.cohort.settle(world.stranger, job)
    with refused("cohort: nothing left over"):
        world.cohort.refund(world.sponsor, job)
    world.cohort.withdraw(world.stranger, job, world.ann.address)
    assert world.balance(world.cohort) == held - STAKE


def test_nothing_is_settled_before_delivery_or_twice(world, judge, refused):
    job = opened(world, judge)
    with refused("cohort: nothing to settle"):
        world.cohort.settle(world.stranger, job)
    job, _ = paid(world, judge)
    with refused("cohort: nothing to settle"):
        world.cohort.settle(world.stranger, job)


def test_claim_refuses_more_or_less_than_the_root_says(world, judge, refused):
    job, claims = paid(world, judge)
    for due in (0, 60 * TOKEN - 1, 60 * TOKEN + 1, 2**256 - 1):
        with refused("cohort: not in the root"):
            claim(world, job, claims, world.ann.address, due=due)


def test_claim_refuses_a_second_time(world, judge, refused):
    job, claims = paid(world, judge)
    claim(world, job, claims, world.ann.address)
    with refused("cohort: nothing due"):
        claim(world, job, claims, world.ann.address)


def test_claim_refuses_a_proof_of_another_root_job_round_chain_or_contract(world, judge, refused):
    job, claims = paid(world, judge)
    due, ann = claims.due, world.ann.address
    right = (31337, world.cohort.address, job, 3)
    for wrong in (
        (1, *right[1:]),
        (31337, world.jobs.address, job, 3),
        (31337, right[1], job + 1, 3),
        (31337, right[1], job, 2),
    ):
        other = CumulativeClaims(*wrong, due)
        assert other.root != claims.root
        with refused("cohort: not in the root"):
            claim(world, job, other, ann)
    second, _ = paid(world, judge)
    with refused("cohort: not in the root"):
        claim(world, second, claims, ann)


def test_even_a_root_of_another_job_pays_nothing_here(world, judge, refused):
    elsewhere = CumulativeClaims(31337, world.cohort.address, 99, 3, {world.ann.address: TOKEN})
    job, _ = paid(world, judge, root=elsewhere.root)
    with refused("cohort: not in the root"):
        claim(world, job, elsewhere, world.ann.address, proof=[b"\0" * 32])
    with refused("cohort: not in the root"):
        world.cohort.claim(world.stranger, job, world.ann.address, TOKEN, [])


def test_claim_refuses_swapped_cut_and_padded_proofs(world, judge, refused):
    accounts = [bytes([i]) * 20 for i in range(1, 9)]
    due = dict.fromkeys(accounts, TOKEN) | {world.ann.address: TOKEN}
    job, claims = paid(world, judge, due)
    proof = claims.proof(world.ann.address)
    assert len(proof) >= 3
    bad = [proof[1:], proof[:-1], [proof[1], proof[0], *proof[2:]], [*proof, bytes(32)], []]
    for wrong in bad:
        with refused("cohort: not in the root"):
            world.cohort.claim(world.stranger, job, world.ann.address, TOKEN, wrong)
    claim(world, job, claims, world.ann.address)


def test_an_inner_node_is_no_leaf(world, judge, refused):
    # A poster who could choose the two children of a node could otherwise claim by the node itself.
    due = {world.ann.address: 60 * TOKEN, world.bob.address: 30 * TOKEN}
    job, claims = paid(world, judge, due)
    pair = sorted(
        leaf(31337, world.cohort.address, job, 3, account, amount)
        for account, amount in due.items()
    )
    assert keccak(pair[0] + pair[1]) == claims.root
    assert claim_leaf(pair[0] + pair[1]) != claims.root
    with refused("cohort: not in the root"):
        world.cohort.claim(world.stranger, job, world.ann.address, 60 * TOKEN, [])


def test_a_tree_of_one_leaf_needs_no_proof(world, judge):
    job, claims = paid(world, judge, {world.ann.address: POT})
    assert claims.proof(world.ann.address) == []
    world.cohort.claim(world.stranger, job, world.ann.address, POT, [])
    assert world.cohort.purse(job).owed == 0


def test_an_empty_tree_pays_nobody_and_gives_the_pot_back(world, judge, refused):
    job, claims = paid(world, judge, {world.ann.address: 0})
    assert claims.root == NO_CLAIMS
    with refused("cohort: not in the root"):
        world.cohort.claim(world.stranger, job, world.ann.address, 0, [])
    before = world.balance(world.sponsor)
    world.cohort.refund(world.stranger, job)
    assert world.balance(world.sponsor) == before + POT


def test_a_due_of_zero_in_the_root_pays_nothing(world, judge, refused):
    job = opened(world, judge)
    nothing = leaf(31337, world.cohort.address, job, 3, world.ann.address, 0)
    tell(world, judge, world.cohort.contract, "deliver", job, 3, MODEL, nothing, POT)
    tell(world, judge, world.jobs.contract, "complete", job, WHY, b"")
    world.cohort.settle(world.stranger, job)
    with refused("cohort: nothing due"):
        world.cohort.claim(world.stranger, job, world.ann.address, 0, [])


def test_who_never_joined_is_not_paid_even_from_the_root(world, judge, refused):
    job, claims = paid(world, judge, {world.cleo.address: TOKEN})
    with refused("cohort: claim by no member"):
        claim(world, job, claims, world.cleo.address)


def test_a_root_that_says_more_than_its_total_cannot_touch_other_tokens(world, judge, refused):
    opened(world, judge)
    due = {world.ann.address: POT, world.bob.address: 900 * TOKEN}
    job, claims = paid(world, judge, due, total=POT)
    with refused("cohort: more than is owed"):
        claim(world, job, claims, world.bob.address)
    claim(world, job, claims, world.ann.address)
    with refused("cohort: more than is owed"):
        claim(world, job, claims, world.bob.address)
    assert world.balance(world.cohort) == 4 * STAKE


def test_a_proof_deeper_than_the_bound_is_refused(world, judge):
    job, _ = paid(world, judge)
    with pytest.raises(Reverted):
        world.cohort.claim(world.stranger, job, world.ann.address, 1, [bytes(32)] * 33)


def test_stakes_stay_while_the_job_runs_and_come_back_once(world, judge, refused):
    job = opened(world, judge)
    with refused("cohort: the job is not over"):
        world.cohort.withdraw(world.ann, job, world.ann.address)
    with refused("cohort: the job is not over"):
        world.cohort.refund(world.sponsor, job)
    world.warp_to(world.jobs.job(job).expires)
    world.cohort.withdraw(world.stranger, job, world.ann.address)
    with refused("cohort: no stake"):
        world.cohort.withdraw(world.stranger, job, world.ann.address)
    with refused("cohort: no stake"):
        world.cohort.withdraw(world.stranger, job, world.cleo.address)
    with refused("cohort: never opened"):
        world.cohort.withdraw(world.stranger, 99, world.ann.address)


def test_stakes_come_back_when_the_evaluator_rejects_the_job(world, judge):
    job = opened(world, judge)
    before = world.balance(world.ann)
    tell(world, judge, world.jobs.contract, "reject", job, WHY, b"")
    world.cohort.withdraw(world.stranger, job, world.ann.address)
    assert world.balance(world.ann) == before + STAKE


def test_a_member_may_draw_its_pay_before_or_after_its_stake(world, judge):
    job, claims = paid(world, judge)
    world.cohort.withdraw(world.stranger, job, world.ann.address)
    assert world.cohort.member(job, world.ann.address) == Member(0, 0)
    claim(world, job, claims, world.ann.address)
    assert world.cohort.member(job, world.ann.address) == Member(0, 60 * TOKEN)


NO_TRANSFER, NO_TRANSFER_FROM, FEE, CALLBACK = 1, 2, 4, 8


@pytest.fixture
def odd_judge(odd_token_world, odd):
    return deploy(odd_token_world.chain, odd_token_world.stranger, odd("Puppet"))


def test_tokens_that_refuse_or_keep_a_fee_move_no_stake(odd_token_world, odd_judge, refused):
    w = odd_token_world
    job = opened(w, odd_judge, members=("ann",))
    w.token.transact(w.minter, "set_fault", NO_TRANSFER_FROM)
    with refused("cohort: the token refused the stake"):
        w.cohort.join(w.bob, job, DATA)
    w.token.transact(w.minter, "set_fault", FEE)
    with refused("cohort: the token kept a fee"):
        w.cohort.join(w.bob, job, DATA)
    assert w.cohort.member(job, w.bob.address) is None
    w.token.transact(w.minter, "set_fault", NO_TRANSFER)
    w.warp_to(w.jobs.job(job).expires)
    with refused("cohort: the token refused to pay"):
        w.cohort.withdraw(w.stranger, job, w.ann.address)


def test_a_claim_that_the_token_refuses_is_not_drawn(odd_token_world, odd_judge, refused):
    w = odd_token_world
    job, claims = paid(w, odd_judge)
    w.token.transact(w.minter, "set_fault", NO_TRANSFER)
    with refused("cohort: the token refused the claim"):
        claim(w, job, claims, w.ann.address)
    w.token.transact(w.minter, "set_fault", 0)
    claim(w, job, claims, w.ann.address)


def test_an_authorized_stake_must_arrive_in_full(odd_token_world, odd_judge, refused):
    w = odd_token_world
    job = opened(w, odd_judge, members=())
    terms = (w.ann.address, job, DATA, bytes(32), 2**40, 27, bytes(32), bytes(32))
    with refused("cohort: authorized stake is short"):
        w.cohort.contract.transact(w.stranger, "join_with_authorization", *terms)


def test_a_token_that_calls_back_draws_nothing_twice(odd_token_world, odd_judge):
    w = odd_token_world
    job, claims = paid(w, odd_judge)
    message = w.cohort.contract.encode(
        "claim", job, w.bob.address, claims.due[w.bob.address], claims.proof(w.bob.address)
    )
    w.token.transact(w.minter, "set_call", w.cohort.address, message)
    w.token.transact(w.minter, "set_fault", CALLBACK)
    claim(w, job, claims, w.ann.address)
    assert w.token.call("call_succeeded") is False
    assert w.cohort.member(job, w.bob.address) == Member(STAKE, 0)


def test_slashed_stakes_beyond_a_word_are_refused_and_block_nobody(
    odd_token_world, odd_judge, refused
):
    w = odd_token_world
    for name in ("ann", "bob"):
        w.token.transact(w.minter, "mint", w.roles[name].address, 2**96)
    job = opened(w, odd_judge, stake=2**96 - 1)
    slash = (w.cohort.contract, "slash", job)
    tell(w, odd_judge, *slash, w.ann.address, 2**96 - 1, WHY)
    with refused("cohort: spare above 2**96"):
        tell(w, odd_judge, *slash, w.bob.address, 1, WHY)
    deliver(w, odd_judge, job, {})
    tell(w, odd_judge, w.jobs.contract, "complete", job, WHY, b"")
    with refused("cohort: spare above 2**96"):
        w.cohort.settle(w.stranger, job)
    w.warp_to(w.jobs.job(job).expires)
    w.cohort.refund(w.stranger, job)
    w.cohort.settle(w.stranger, job)


def test_the_cohort_pays_in_the_token_of_its_escrow(world, refused, odd):
    token = deploy(world.chain, world.minter, odd("SilentToken"))
    with refused("cohort: jobs pays in another token"):
        deploy(world.chain, world.minter, "Cohort", token.address, world.jobs.address)


words = st.integers(0, 2**256 - 1)
accounts = st.binary(min_size=20, max_size=20)
hashes = st.binary(min_size=32, max_size=32)
NOT_SLOW = settings(max_examples=25, deadline=None, derandomize=True)


def test_leaf_and_nonce_agree_with_the_contract_for_every_input(one_world):
    cohort = one_world.cohort

    @NOT_SLOW
    @given(words, words, accounts, words, hashes, hashes)
    def agree(job, round_id, account, due, dataset, salt):
        wanted = leaf(31337, cohort.address, job, round_id, account, due)
        assert cohort.contract.call("leaf", job, round_id, account, due) == wanted
        wanted = join_nonce(31337, cohort.address, job, dataset, salt)
        assert cohort.contract.call("join_nonce", job, dataset, salt) == wanted

    agree()


@NOT_SLOW
@given(st.dictionaries(accounts, st.integers(0, 2**96 - 1), max_size=20), st.integers(0, 2**16))
def test_the_tree_commits_to_every_due_and_to_nothing_else(due, round_id):
    claims = CumulativeClaims(31337, b"\xcc" * 20, 7, round_id, due)
    assert claims.total == sum(due.values())
    assert set(claims.due) == {account for account, amount in due.items() if amount}
    if not claims.due:
        assert claims.root == NO_CLAIMS
        return
    leaves = [
        leaf(31337, b"\xcc" * 20, 7, round_id, account, amount)
        for account, amount in claims.due.items()
    ]
    assert claims.root == ClaimsTree(leaves).root
    shuffled = dict(reversed(list(due.items())))
    assert CumulativeClaims(31337, b"\xcc" * 20, 7, round_id, shuffled).root == claims.root


def test_a_tree_refuses_a_due_that_no_word_holds():
    for amount in (-1, 2**96):
        with pytest.raises(InputError):
            CumulativeClaims(31337, NOBODY, 1, 1, {b"a" * 20: amount})
    with pytest.raises(InputError, match="is due nothing"):
        CumulativeClaims(31337, NOBODY, 1, 1, {}).proof(b"a" * 20)


def test_every_reason_of_the_cohort_is_unique_and_tested():
    reasons = re.findall(r'"cohort: ([^"]+)"', contract_path("Cohort").read_text())
    assert len(reasons) == len(set(reasons))
    tested = "".join(path.read_text() for path in Path(__file__).parent.glob("test_cohort*.py"))
    assert [reason for reason in reasons if reason not in tested] == []
