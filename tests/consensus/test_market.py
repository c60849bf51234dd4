"""The consensus contract: it agrees with its rules, convicts lies, and pays nobody twice."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from markets import BOND, LEAST, NAMES, PAY, SALT, build_market, empty_result, random_rows

from counterpoise.chain import Account
from counterpoise.consensus.client import ConsensusClient, MarketTerms
from counterpoise.consensus.fixed import ONE
from counterpoise.consensus.ledger import Lie
from counterpoise.consensus.rules import Cell, Settlement, column, commitment, pack, with_dues
from counterpoise.consensus.trees import CELL_DEPTH, ROW_DEPTH, WordTree, root_of_word
from counterpoise.core.errors import InputError, Reverted
from counterpoise.core.units import TOKEN

STAKES = {"ann": 40 * TOKEN, "bob": 30 * TOKEN, "cleo": 20 * TOKEN}
ROWS = {
    "ann": [0, 0, 0, 900, 500, 0, 100, 0],
    "bob": [9, 0, 0, 800, 600, 0, 0, 7],
    "cleo": [0, 5, 9, 0, 100, 65535, 0, 0],
}
SMALL = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@contextmanager
def refused(reason):
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == f"consensus: {reason}"


@pytest.fixture(scope="module")
def one_market():
    market = build_market()
    market.settle_in(STAKES)
    market.client.fund(market.keeper, 8 * PAY)
    return market


@pytest.fixture
def market(one_market):
    place = one_market.chain.snapshot()
    yield one_market
    one_market.chain.revert(place)


@pytest.fixture
def posted(market):
    """A market in which an honest result stands."""
    market.commit_and_reveal(ROWS)
    market.propose()
    return market


def held(market):
    """What the contract must hold: stakes, what is owed, the pots and a bond."""
    ledger, client = market.client.ledger(), market.client
    members = [client.member(number) for number in ledger.since]
    owed, spare = client.purse()
    standing = client.epoch()
    return (
        sum(member.stake for member in members)
        + owed
        + spare
        + (standing.pay if standing.is_open else 0)
        + (BOND if client.proposal() else 0)
    )


@SMALL
@given(
    st.integers(0, 10**9),
    st.lists(st.integers(10, 60), min_size=1, max_size=8),
    st.sampled_from([1, 40, 65535]),
    st.booleans(),
)
@example(4, [20, 30], 65535, False)  # a weight that exactly kappa bears
def test_any_column_is_judged_as_the_rules_say_and_an_honest_one_never_falls(
    one_market, seed, stakes, most, leaves
):
    market = one_market
    place = market.chain.snapshot()
    for seat, (name, amount) in enumerate(zip(NAMES, stakes, strict=False)):
        market.client.stake(market.people[name], amount * TOKEN + seed, seat)
    rows = random_rows(seed, NAMES[: len(stakes)], 8, most)
    last = market.people[NAMES[-1]]

    def between():
        if leaves and len(stakes) < len(NAMES):
            market.client.leave(last)

    market.commit_and_reveal(rows, silent=NAMES[1 : 1 + seed % 2], between=between)
    market.propose()
    ledger = market.client.ledger()
    assert not ledger.lies()
    for number, cell in enumerate(ledger.posted):
        assert (cell.consensus, cell.rank) == column(ledger.facts, number)
        with refused("the column is right"):
            market.client.convict(market.stranger, Lie(number, "column"), ledger)
    for number in (0, seed % 8):
        with refused("the due is right"):
            market.client.convict(market.stranger, Lie(number, "due"), ledger)
    assert market.balance(market.client) == held(market)
    market.finish()
    assert market.balance(market.client) == held(market)
    market.chain.revert(place)


def test_stakes_whose_floors_do_not_fill_one_are_normalised_twice(market):
    market.client.stake(market.ann, 20 * TOKEN, 0)
    market.client.stake(market.cleo, TOKEN, 2)
    market.commit_and_reveal({name: [0, 0, 0, 9, 0, 0, 0, 0] for name in STAKES})
    market.propose()
    ledger = market.client.ledger()
    once = [(part << 32) // 111 for part in (60, 30, 21)]
    assert (ledger.posted[3].consensus, ledger.posted[3].rank) == (ONE, sum(once) + 1)
    with refused("the column is right"):
        market.client.convict(market.stranger, Lie(3, "column"), ledger)


@pytest.mark.parametrize(
    ("number", "part", "by", "kind"),
    [
        (3, "consensus", 1, 1),
        (3, "consensus", -1, 1),
        (4, "rank", 1, 1),
        (4, "rank", -1, 1),
        (5, "consensus", 7, 1),
        (0, "rank", ONE, 1),
        (4, "due", -1, 2),
        (3, "due", -(10**18), 2),
        (6, "dividend", 1, 2),
    ],
)
def test_each_kind_of_lie_is_found_and_convicted_in_one_transaction(market, number, part, by, kind):
    market.commit_and_reveal(ROWS)
    market.propose(market.twisted(number, part, by))
    ledger = market.client.ledger()
    found = [lie for lie in ledger.lies() if lie.number == number]
    assert found and all(ledger.is_convictable(lie) for lie in found)
    before, supply = market.balance(market.stranger), market.token.call("totalSupply")
    receipt = market.client.convict(market.stranger, found[0], ledger)
    fell = market.client.contract.events_in(receipt)[0].args
    assert (fell["kind"], fell["number"], fell["challenger"]) == (
        kind,
        number,
        market.stranger.address,
    )
    assert market.balance(market.stranger) == before + BOND // 2
    assert market.token.call("totalSupply") == supply - BOND // 2
    assert market.client.proposal() is None and market.balance(market.client) == held(market)
    with refused("nothing to judge"):
        market.client.convict(market.stranger, found[0], ledger)
    market.propose()
    with refused("another result is meant"):
        market.client.convict(market.stranger, found[0], ledger)
    market.finish()
    assert market.client.ledger().closed[-1].lies == ()


def test_a_due_that_rises_above_the_pay_is_not_even_posted(market):
    market.commit_and_reveal(ROWS)
    with refused("dues above the pay"):
        market.propose(market.twisted(5, "due", PAY))
    ledger = market.client.ledger()
    cells = list(ledger.settle().cells)
    cells[3], cells[5] = replace(cells[3], due=0), replace(cells[5], due=cells[3].due)
    market.propose(Settlement(tuple(cells), {}))
    assert set(market.client.ledger().lies()) == {Lie(3, "due"), Lie(5, "due")}
    market.client.convict(market.stranger, Lie(5, "due"))


def test_dividends_falsely_split_take_more_than_half_of_the_stake_to_object(market):
    market.commit_and_reveal(ROWS)
    ledger = market.client.ledger()
    cells = list(ledger.settle().cells)
    stolen = [replace(cells[0], dividend=0), replace(cells[1], dividend=0)]
    stolen.append(replace(cells[2], dividend=ONE))
    market.propose(Settlement(with_dues(ledger.facts, [*stolen, *cells[3:]]), {}))
    lies = market.client.ledger().lies()
    assert {lie.part for lie in lies} == {"dividend"} and len(lies) == 3
    with pytest.raises(InputError, match="no transaction convicts"):
        market.client.convict(market.stranger, lies[0])
    with refused("the due is right"):
        market.client.convict(market.stranger, Lie(2, "due"))
    attempt = market.client.epoch().attempt
    with refused("objection without a reveal"):
        market.client.object(market.dan, attempt)
    market.client.object(market.ann, attempt)
    with refused("already objected"):
        market.client.object(market.ann, attempt)
    assert market.client.proposal().objections == STAKES["ann"]
    supply = market.token.call("totalSupply")
    market.client.object(market.bob, attempt)
    assert market.client.proposal() is None
    assert market.token.call("totalSupply") == supply - BOND
    assert market.balance(market.client) == held(market)


def test_who_does_not_reveal_has_no_weight_and_no_dividend(market):
    ledger = market.play(ROWS, silent=("ann",))
    assert ledger.final[0].dividend == 0 and ledger.final[1].dividend > 0
    alone = market.play(ROWS, silent=("ann", "cleo"))
    assert alone.final[3].consensus > 0
    assert alone.final[5].consensus == 0  # cleo's alone
    assert list(alone.bonds) == [1]


def test_a_dividend_of_the_silent_is_convicted(market):
    market.commit_and_reveal(ROWS, silent=("ann",))
    market.propose(market.twisted(0, "dividend", 1))
    assert market.client.ledger().lies()[0] == Lie(0, "dividend")
    market.client.convict(market.stranger, Lie(0, "dividend"))
    assert market.client.proposal() is None


def test_an_epoch_in_which_nobody_is_weighed_pays_nothing(market):
    rows = {name: [0] * 8 for name in ROWS}
    before = market.client.purse()
    ledger = market.play(rows)
    assert all(cell == Cell() for cell in ledger.final) and market.client.purse() == before


def test_dues_add_up_over_epochs_and_one_claim_draws_them(market):
    first = market.play(ROWS)
    due = first.final[3].due
    assert due > 0 and sum(cell.due for cell in first.final) <= PAY
    second = market.play(ROWS)
    assert second.final[3].due > due
    before = market.balance(market.dan)
    market.client.claim(market.stranger, 3)
    assert market.balance(market.dan) == before + second.final[3].due
    with refused("nothing due"):
        market.client.claim(market.stranger, 3)
    market.client.claim(market.stranger, 0)
    assert market.balance(market.client) == held(market)
    word = second.final[4].word
    path = WordTree([cell.word for cell in second.final], CELL_DEPTH).path(4)
    call = market.client.contract.transact
    for number, cell, proof in (
        (4, word + (1 << 120), path),
        (3, word, path),
        (4, word, [*path[1:], path[0]]),
        (4, first.final[4].word, WordTree([c.word for c in first.final], CELL_DEPTH).path(4)),
    ):
        with refused("not a cell of the final result"):
            call(market.stranger, "claim", number, cell, proof)
    with refused("no member"):
        call(market.stranger, "claim", 8, 0, path)


def test_an_unchallenged_theft_of_dues_never_pays_more_than_is_owed(market):
    first = market.play(ROWS)
    market.commit_and_reveal(ROWS)
    ledger = market.client.ledger()
    cells = [replace(cell, due=0) for cell in ledger.settle().cells]
    cells[7] = replace(cells[7], due=sum(cell.due for cell in first.final))
    market.propose(Settlement(tuple(cells), {}))
    place = market.chain.snapshot()
    market.client.convict(market.stranger, Lie(7, "due"))
    market.chain.revert(place)
    market.client.claim(market.stranger, 3)  # the last final result still pays
    market.finish()
    with refused("more than is owed"):
        market.client.claim(market.stranger, 7)
    assert market.balance(market.client) == held(market)
    assert market.client.ledger().closed[-1].lies


def test_the_roster_stands_still_from_the_end_of_commitments_until_the_epoch_is_closed(market):
    market.commit_and_reveal(ROWS)
    call = market.client.contract.transact
    for account, name, *args in (
        (market.stranger, "register", 8),
        (market.ann, "stake", 1, 0),
        (market.ann, "unstake", 1),
        (market.hal, "leave", 0, [bytes(32)] * 9),
    ):
        with refused("the roster stands still"):
            call(account, name, *args)
    market.propose()
    market.finish()
    market.client.unstake(market.ann, STAKES["ann"])
    market.client.leave(market.ann)
    assert market.client.member(0) is None


def test_registering_has_its_rules(market):
    with refused("beyond the next number"):
        market.client.register(market.stranger, 9)
    with refused("the number is taken"):
        market.client.register(market.stranger, 3)
    with refused("already registered"):
        market.client.register(market.ann, 8)
    with refused("there is a stake"):
        market.client.leave(market.ann)
    with refused("not a member"):
        market.client.contract.call("number_of", market.stranger.address)
    assert market.client.register(market.stranger) == 8


def test_a_seat_is_taken_by_more_stake_alone(market):
    with refused("the seat is held by as much"):
        market.client.stake(market.dan, STAKES["ann"], 0)
    with refused("less than the least stake"):
        market.client.stake(market.dan, LEAST - 1, 5)
    with refused("no such seat"):
        market.client.stake(market.dan, LEAST, 64)
    with refused("stake above 2**96"):
        market.client.contract.transact(market.dan, "stake", 2**96, 5)
    market.client.stake(market.dan, STAKES["cleo"] + 1, 2)
    assert market.client.member(2).seat == 0 and market.client.member(3).seat == 3
    market.client.open(market.keeper)
    with refused("no seat"):
        market.client.commit(market.cleo, ROWS["cleo"], SALT)
    market.client.unstake(market.cleo, STAKES["cleo"])
    with refused("not that much at stake"):
        market.client.unstake(market.cleo, 1)
    market.client.unstake(market.bob, STAKES["bob"] - LEAST + 1)
    assert market.client.member(1).seat == 0
    market.client.stake(market.bob, 1, 1)
    assert market.client.member(1).seat == 2


def test_every_step_has_its_window(market):
    client = market.client
    with refused("no commitments now"):
        client.commit(market.ann, ROWS["ann"], SALT)
    with refused("reveals have not begun"):
        client.reveal(market.ann, ROWS["ann"], SALT)
    with refused("no epoch is open"):
        client.lapse(market.keeper)
    with refused("no result stands"):
        client.finish(market.keeper)
    client.open(market.keeper)
    with refused("an epoch is open"):
        client.open(market.keeper)
    client.commit(market.ann, ROWS["ann"], SALT)
    with refused("already committed"):
        client.commit(market.ann, ROWS["ann"], SALT)
    with refused("reveals have not begun"):
        client.reveal(market.ann, ROWS["ann"], SALT)
    market.warp_to(client.epoch().commits_end)
    with refused("no commitments now"):
        client.commit(market.bob, ROWS["bob"], SALT)
    with refused("not what was committed"):
        client.reveal(market.ann, ROWS["bob"], SALT)
    with refused("not what was committed"):
        client.reveal(market.bob, ROWS["ann"], SALT)
    client.reveal(market.ann, ROWS["ann"], SALT)
    with refused("already revealed"):
        client.reveal(market.ann, ROWS["ann"], SALT)
    with refused("reveals are still due"):
        market.propose()
    market.warp_to(client.epoch().reveals_end)
    with refused("reveals are over"):
        client.reveal(market.ann, ROWS["ann"], SALT)
    with refused("there is time to propose"):
        client.lapse(market.keeper)
    market.propose()
    with refused("a result stands"):
        market.propose()
    with refused("the window is open"):
        client.finish(market.keeper)
    market.warp_to(client.proposal().ends)
    with refused("the window has closed"):
        client.convict(market.stranger, Lie(3, "column"))
    with refused("the result may stand"):
        client.lapse(market.keeper)
    client.finish(market.keeper)


def test_an_epoch_without_a_result_lapses_and_pays_nothing(market):
    spare = market.client.purse()[1]
    market.commit_and_reveal(ROWS)
    market.warp_to(market.client.epoch().propose_end)
    with refused("too late to propose"):
        market.propose()
    market.client.lapse(market.stranger)
    assert market.client.purse() == (0, spare) and market.balance(market.client) == held(market)
    market.commit_and_reveal(ROWS, silent=ROWS)
    with refused("nobody revealed"):
        market.propose(empty_result(8))


def test_a_result_must_be_whole_and_within_bounds(market):
    first = market.play(ROWS)
    market.commit_and_reveal(ROWS)
    good = market.client.ledger().settle()
    with refused("not a cell for each number"):
        market.propose(Settlement(good.cells[:-1], {}))
    with refused("dues fall"):
        market.propose(empty_result(8))
    with refused("dividends above one"):
        market.propose(Settlement((*good.cells[:7], replace(good.cells[7], dividend=ONE)), {}))
    assert first.final
    words = [*good.words[:7], 1 << 216]
    with refused("a cell is too large"):
        market.client.contract.transact(market.keeper, "propose", words)


def judged(market, column_, **changes):
    """Convict a column with one argument changed."""
    from counterpoise.consensus.client import _openings
    from counterpoise.consensus.rules import order

    ledger = market.client.ledger()
    tree = WordTree([cell.word for cell in ledger.posted], CELL_DEPTH)
    given_ = {
        "attempt": ledger.attempt,
        "number": column_,
        "cell": ledger.posted[column_].word,
        "path": tree.path(column_),
        "rows": _openings(ledger, column_),
        "order": order(ledger.facts, column_),
    } | changes
    market.client.contract.transact(market.stranger, "convict_column", *given_.values())


def test_no_false_evidence_convicts_an_honest_column(posted):
    from counterpoise.consensus.client import _openings
    from counterpoise.consensus.rules import order

    ledger = posted.client.ledger()
    rows, by_weight = _openings(ledger, 4), order(ledger.facts, 4)
    with refused("not the order of the weights"):
        judged(posted, 4, order=by_weight[::-1])
    with refused("the order names a row twice"):
        judged(posted, 4, order=by_weight[:1] * 3)
    with refused("the order names no row"):
        judged(posted, 4, order=by_weight[:2] + b"\x03")
    with refused("the order names not every row"):
        judged(posted, 4, order=by_weight[:2])
    for wrong in (rows[:2], rows[::-1], [], [*rows, rows[0]]):
        with refused("not the rows revealed"):
            judged(posted, 4, rows=wrong)
    for place, value in ((1, 1), (2, 1), (0, 7)):
        forged = (*rows[0][:place], value, *rows[0][place + 1 :])
        with refused("not the rows revealed"):
            judged(posted, 4, rows=[forged, *rows[1:]])
    with refused("not the weights of the row"):
        judged(posted, 4, rows=[(*rows[0][:4], bytes(32), rows[0][5]), *rows[1:]])
    with refused("not a cell of the result"):
        judged(posted, 4, cell=1)
    with refused("no such number"):
        judged(posted, 4, number=8)
    with refused("the column is right"):
        judged(posted, 4)


def test_the_old_due_must_be_that_of_the_last_final_result(market):
    market.play(ROWS)
    market.commit_and_reveal(ROWS)
    market.propose()
    ledger = market.client.ledger()
    tree = WordTree([cell.word for cell in ledger.posted], CELL_DEPTH)
    place = (ledger.attempt, 4, ledger.posted[4].word, tree.path(4))
    with refused("not the last final cell"):
        market.client.contract.transact(market.stranger, "convict_due", *place, 0, [bytes(32)] * 9)


def test_a_number_taken_over_inherits_no_weight_no_bond_and_no_due(market):
    first = market.play(ROWS)
    due = first.final[3].due
    assert due > 0
    before = market.balance(market.dan)

    def snipe():
        market.client.leave(market.dan)  # weights for dan are committed already
        market.client.register(market.stranger, 3)

    ledger = market.play(ROWS, between=snipe)
    assert market.balance(market.dan) == before + due
    assert (ledger.final[3].consensus, ledger.final[3].rank) == (0, 0)
    assert ledger.final[3].due == due and all(row[3] == 0 for row in ledger.bonds.values())
    with refused("nothing due"):
        market.client.claim(market.stranger, 3)
    assert market.play(ROWS).final[3].due > due  # from the next epoch on it is weighed itself


def test_the_posted_column_of_a_number_taken_over_is_judged_without_rows(market):
    def snipe():
        market.client.leave(market.dan)
        market.client.register(market.stranger, 3)

    market.commit_and_reveal(ROWS, between=snipe)
    market.propose(market.twisted(3, "rank", 5))
    market.client.convict(market.dan, Lie(3, "column"))
    assert market.client.proposal() is None


def test_a_commitment_of_another_cannot_be_copied(market):
    market.client.open(market.keeper)
    place = (31337, market.client.address, 1)
    content = commitment(*place, market.ann.address, SALT, pack(ROWS["ann"]))
    market.client.contract.transact(market.ann, "commit", content)
    market.client.contract.transact(market.bob, "commit", content)
    market.warp_to(market.client.epoch().commits_end)
    market.client.reveal(market.ann, ROWS["ann"], SALT)
    with refused("not what was committed"):
        market.client.reveal(market.bob, ROWS["ann"], SALT)


def test_the_entry_is_burnt_and_bad_terms_are_refused(market):
    terms = MarketTerms(market.token.address, PAY, BOND, LEAST, entry=5)
    fresh = ConsensusClient.deploy(market.chain, market.keeper, terms)
    supply = market.token.call("totalSupply")
    fresh.register(market.ann, 0)
    assert market.token.call("totalSupply") == supply - 5 and market.balance(fresh) == 0
    with refused("nothing to fund"):
        fresh.fund(market.ann, 0)
    for change, reason in (
        ({"bond": PAY - 1}, "bond below an epoch's pay, or too large"),
        ({"least_stake": 0}, "least stake out of range"),
        ({"kappa": ONE}, "kappa out of range"),
        ({"commit_seconds": 0}, "commit window out of range"),
        ({"reveal_seconds": 0}, "reveal window out of range"),
        ({"propose_seconds": 0}, "time to propose out of range"),
        ({"challenge_seconds": 0}, "challenge out of range"),
    ):
        with refused(reason):
            ConsensusClient.deploy(market.chain, market.keeper, replace(terms, **change))


def test_rows_of_several_words_are_summed_and_opened(market):
    for number in range(8, 50):
        account = Account.local(b"member %d" % number)
        market.chain.fund(account.address, 10**19)
        market.client.register(account, number)
        if number == 20:
            gone = account
    market.client.stake(market.people["dan"], 25 * TOKEN, 3)
    rows = random_rows(11, NAMES[:4], 50)
    market.commit_and_reveal(rows, between=lambda: market.client.leave(gone))
    ledger = market.client.ledger()
    totals = [row.total(ledger.facts.present) for row in ledger.rows]
    revealed = market.client.contract.events("Revealed")
    assert [event.args["total"] for event in revealed] == totals
    right = [
        sum(w for j, w in enumerate(rows[name]) if j not in (i, 20))
        for i, name in enumerate(NAMES[:4])
    ]
    assert totals == right
    market.propose()
    for number in (0, 15, 16, 20, 33, 49):
        with refused("the column is right"):
            market.client.convict(market.stranger, Lie(number, "column"))
    market.client.object(market.ann, market.client.epoch().attempt)
    market.client.object(market.bob, market.client.epoch().attempt)
    market.propose(market.twisted(33, "consensus"))
    market.client.convict(market.stranger, Lie(33, "column"))
    assert market.client.proposal() is None


def test_trees_open_at_every_place():
    for depth in (ROW_DEPTH, CELL_DEPTH):
        for count in (0, 1, 2, 5, 31):
            words = [7 * k + 1 for k in range(count)]
            tree = WordTree(words, depth)
            for place in range(count + 1):
                word = words[place] if place < count else 0
                assert root_of_word(word, place, tree.path(place)) == tree.root
    with pytest.raises(InputError, match="at most 32"):
        WordTree([0] * 33, ROW_DEPTH)
    with pytest.raises(InputError, match="weights"):
        pack([65536])
