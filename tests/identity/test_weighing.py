"""Ratings count with a receipt only, and weigh what was paid and did not come back."""

import itertools
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.identity import Entry, Move, Outcome, Paid, Terms, weigh
from counterpoise.identity.flowback import returned

SELLER, ANN, BOB, FRIEND, BANK = (bytes([n]) * 20 for n in range(1, 6))
WAD = 10**18


def rating(client, value, block=50, index=1):
    return Entry(client, index, value, 0, ("", ""), False, block, index)


def payment(payer, amount, block=10, name=None):
    return Paid(name or f"{payer.hex()}-{block}", payer, SELLER, amount, block, 0)


HONEST = [rating(ANN, 90), rating(BOB, 60)]
PAID = [payment(ANN, 20 * TOKEN), payment(BOB, 10 * TOKEN, 11)]


def test_a_thousand_sybils_without_receipts_move_a_summary_by_nothing():
    alone = weigh(HONEST, PAID, [])
    sybils = [rating(n.to_bytes(20, "big"), 0, 20 + n) for n in range(1000, 2000)]
    flooded = weigh(HONEST + sybils, PAID, [])
    assert alone.wad == flooded.wad == 80 * WAD
    assert (flooded.count, flooded.weight) == (2, 30 * TOKEN)
    refused = [one for one in flooded.ratings if one.outcome is Outcome.NO_RECEIPT]
    assert len(refused) == 1000


def test_each_receipt_counts_once():
    twice = [rating(ANN, 100, 50, 1), rating(ANN, 0, 51, 2)]
    found = weigh(twice, [payment(ANN, TOKEN)], [])
    assert [one.outcome for one in found.ratings] == [Outcome.COUNTED, Outcome.NO_RECEIPT]
    assert found.wad == 100 * WAD
    with pytest.raises(InputError, match="two receipts have one name"):
        weigh(twice, [payment(ANN, TOKEN)] * 2, [])


def test_a_rating_before_its_payment_does_not_count():
    assert weigh([rating(ANN, 100, 5)], [payment(ANN, TOKEN, 10)], []).count == 0


def test_a_revoked_rating_frees_its_receipt():
    fields = (ANN, 1, 0, 0, ("", ""), True, 50, 1)
    found = weigh([Entry(*fields), rating(ANN, 70, 51, 2)], [payment(ANN, TOKEN)], [])
    assert [one.outcome for one in found.ratings] == [Outcome.REVOKED, Outcome.COUNTED]
    assert found.wad == 70 * WAD


def test_no_client_weighs_more_than_the_cap():
    paid = [payment(ANN, 1000 * TOKEN), payment(BOB, 100 * TOKEN, 11)]
    found = weigh(HONEST, paid, [], terms=Terms(cap=100 * TOKEN))
    assert [one.weight for one in found.customers] == [100 * TOKEN] * 2
    assert found.wad == 75 * WAD
    with pytest.raises(InputError):
        Terms(cap=0)


def test_money_that_flows_back_is_flagged_and_not_counted():
    back = [Move(20, 0, SELLER, FRIEND, 20 * TOKEN), Move(21, 0, FRIEND, ANN, 20 * TOKEN)]
    found = weigh(HONEST, PAID, back)
    assert found.wad == 60 * WAD
    assert [one.client for one in found.self_dealers] == [ANN]
    assert found.ratings[0].outcome is Outcome.SELF_DEALT


def test_what_is_beyond_the_hops_is_not_seen():
    way = [SELLER, FRIEND, BANK, b"x" * 20, ANN]
    back = [Move(20 + n, 0, a, b, 20 * TOKEN) for n, (a, b) in enumerate(itertools.pairwise(way))]
    assert weigh(HONEST, PAID, back, terms=Terms(hops=3)).wad == 80 * WAD
    assert weigh(HONEST, PAID, back, terms=Terms(hops=4)).wad == 60 * WAD


def test_splitting_what_flows_back_hides_nothing():
    back = [
        move
        for n in range(20)
        for move in (
            Move(20, 2 * n, SELLER, bytes([100 + n]) * 20, TOKEN),
            Move(21, 2 * n, bytes([100 + n]) * 20, ANN, TOKEN),
        )
    ]
    assert weigh(HONEST, PAID, back).wad == 60 * WAD


def test_a_client_that_the_seller_funded_before_is_found():
    before = [Move(5, 0, SELLER, FRIEND, 20 * TOKEN), Move(6, 0, FRIEND, ANN, 20 * TOKEN)]
    found = weigh(HONEST, PAID, before)
    assert found.wad == 60 * WAD and found.self_dealers[0].returned == 20 * TOKEN


def test_money_goes_forward_in_time_only():
    late = [Move(5, 0, SELLER, FRIEND, 20 * TOKEN), Move(20, 0, FRIEND, ANN, 20 * TOKEN)]
    assert weigh(HONEST, PAID, late).wad == 80 * WAD


def test_a_half_that_comes_back_halves_the_weight():
    found = weigh(HONEST, PAID, [Move(20, 0, SELLER, ANN, 10 * TOKEN)])
    assert found.wad == 75 * WAD and found.weight == 20 * TOKEN


def test_a_return_through_escrow_counts_as_one():
    """The seller hires its own customer: the payment leaves no direct transfer."""
    hired = Paid("other", SELLER, ANN, 20 * TOKEN, 20, 0)
    move = Move(20, 0, hired.payer, hired.payee, hired.amount)
    assert weigh(HONEST, PAID, [move]).wad == 60 * WAD


moves = st.lists(
    st.builds(
        Move,
        st.integers(1, 30),
        st.integers(1, 9),
        st.sampled_from([SELLER, ANN, BOB, FRIEND, BANK]),
        st.sampled_from([SELLER, ANN, BOB, FRIEND, BANK]),
        st.integers(1, 50),
    ).filter(lambda move: move.sender != move.receiver),
    max_size=12,
    unique_by=lambda move: (move.block, move.log_index),
)


@settings(max_examples=150, deadline=None)
@given(moves, st.integers(1, 4))
def test_nobody_is_held_for_more_than_it_paid_or_got(history, hops):
    paid = [payment(ANN, 30)]
    back = returned(paid, history, hops)
    after = sum(m.amount for m in history if m.receiver == ANN and m.block >= 10)
    before = sum(m.amount for m in history if m.sender == SELLER and m.block < 11)
    assert 0 <= back <= min(30, after + before)


def plainly_returned(paid, history, hops):
    """The same by following every transfer, relevant or not: what the index must agree with."""

    def reaching(starts, ordered, ends):
        waiting, reached = sorted(starts), 0
        held = defaultdict(lambda: [0] * hops)
        for place, sender, receiver, amount in ordered:
            while waiting and waiting[0][0] < place:
                _, account, start = waiting.pop(0)
                held[account][0] += start
            left = amount
            for made, tainted in enumerate(list(held[sender])):
                part = min(left, tainted)
                held[sender][made] -= part
                left -= part
                if receiver in ends:
                    reached += part
                elif part and made + 1 < hops:
                    held[receiver][made + 1] += part
        return reached

    at = lambda one: (one.block, one.log_index)  # noqa: E731
    back = lambda place: (-place[0], -place[1])  # noqa: E731
    ordered = [(at(m), m.sender, m.receiver, m.amount) for m in sorted(history, key=at)]
    mirrored = [(back(p), r, s, a) for p, s, r, a in reversed(ordered)]
    after = reaching([(at(p), p.payee, p.amount) for p in paid], ordered, {ANN})
    starts = [(back(at(p)), ANN, p.amount) for p in paid]
    return min(after + reaching(starts, mirrored, {SELLER}), sum(p.amount for p in paid))


@settings(max_examples=300, deadline=None)
@given(moves, st.integers(1, 4), st.lists(st.integers(1, 30), min_size=1, max_size=3, unique=True))
def test_the_index_finds_what_following_every_transfer_finds(history, hops, blocks):
    paid = [payment(ANN, 30, block) for block in blocks]
    assert returned(paid, history, hops) == plainly_returned(paid, history, hops)


def test_payments_of_a_series_support_a_rating_together_and_others_one_by_one():
    claims = [Paid(str(n), ANN, SELLER, TOKEN, 10 + n, 0, "channel") for n in range(3)]
    jobs = [payment(BOB, TOKEN, 10 + n) for n in range(3)]
    twice = [rating(ANN, 90), rating(ANN, 90, 51), rating(BOB, 90), rating(BOB, 90, 51)]
    found = weigh(twice, [*claims, *jobs], [])
    weights = {one.client: one.weight for one in found.customers}
    assert weights == {ANN: 3 * TOKEN, BOB: 2 * TOKEN}
    late = Paid("3", ANN, SELLER, TOKEN, 50, 5, "channel")
    outcomes = [one.outcome for one in weigh(twice[:2], [*claims, late], []).ratings]
    assert outcomes == [Outcome.COUNTED, Outcome.COUNTED], "the later claim supports the later one"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 10**20)), min_size=1, max_size=8))
def test_a_mean_lies_between_the_ratings_that_count(pairs):
    clients = [bytes([n]) * 20 for n in range(50, 50 + len(pairs))]
    entries = [rating(c, value) for c, (value, _) in zip(clients, pairs, strict=True)]
    paid = [payment(c, amount) for c, (_, amount) in zip(clients, pairs, strict=True)]
    paid = [Paid(f"{n}", p.payer, p.payee, p.amount, 10, n) for n, p in enumerate(paid)]
    found = weigh(entries, paid, [])
    values = [value for value, _ in pairs]
    assert min(values) * WAD <= found.wad <= max(values) * WAD
    assert found.weight == sum(min(amount, 100 * TOKEN) for _, amount in pairs)
