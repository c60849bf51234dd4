"""The follower gives every event at least once, and takes back what a reorg removed."""

import random
import sqlite3

import pytest

from counterpoise.chain import Contract, Follower, deploy, open_chain
from counterpoise.core.errors import Busy, ChainError, InputError, StorageError, Unreachable


class Ledger:
    """A consumer as one should be: it knows events by block hash and log index."""

    def __init__(self):
        self.held = {}
        self.added = 0

    def take(self, changes):
        for kind, event in changes:
            key = (event.block_hash, event.log_index)
            if kind == "added":
                self.held[key] = event.args["by"]
                self.added += 1
            else:
                self.held.pop(key, None)
        return self

    def values(self):
        return list(self.held.values())


@pytest.fixture
def bump(counter, accounts):
    return lambda by: counter.transact(accounts[1], "bump", by)


@pytest.fixture
def follow(chain, counter, tmp_path):
    opened = []

    def start(**options):
        opened.append(Follower(chain, [counter], tmp_path / "cursor", **options))
        return opened[-1]

    yield start
    for follower in opened:
        follower.close()


def on_chain(counter):
    return [event.args["by"] for event in counter.events("Bumped")]


def test_events_come_once_in_order_and_decoded(follow, bump, accounts, counter):
    follower = follow()
    for by in (3, 1, 2):
        bump(by)
    changes = list(follower.poll())
    assert [(kind, event.args["by"]) for kind, event in changes] == [
        ("added", 3),
        ("added", 1),
        ("added", 2),
    ]
    assert changes[0][1].args["who"] == accounts[1].address
    assert list(follower.poll()) == []


def test_a_restart_goes_on_where_it_stood(follow, bump):
    follower = follow()
    bump(1)
    list(follower.poll())
    follower.close()
    bump(2)
    assert [event.args["by"] for _, event in follow().poll()] == [2]


def test_a_consumer_that_dies_in_a_block_gets_its_events_again(follow, bump):
    follower = follow()
    bump(1)
    bump(2)
    changes = follower.poll()
    assert next(changes)[1].args["by"] == 1
    changes.close()
    follower.close()
    assert [event.args["by"] for _, event in follow().poll()] == [1, 2]


@pytest.mark.parametrize(
    ("depth", "keep"), [(1, True), (1, False), (5, False), (64, True), (64, False)]
)
def test_a_reorg_takes_back_what_it_removed(chain, counter, follow, bump, depth, keep):
    follower, ledger = follow(), Ledger()
    for by in range(1, 5):
        bump(by)
    chain.mine(62)
    bump(99)
    ledger.take(follower.poll())
    before = dict(ledger.held)
    chain.reorg(depth, keep=keep)
    ledger.take(follower.poll())
    assert sorted(ledger.values()) == sorted(on_chain(counter))
    assert before != ledger.held
    assert (99 in ledger.values()) is keep


def test_a_removed_event_comes_after_the_ones_above_it(chain, follow, bump):
    follower = follow()
    for by in (1, 2, 3):
        bump(by)
    list(follower.poll())
    chain.reorg(2, keep=False)
    assert [(kind, event.args["by"]) for kind, event in follower.poll()] == [
        ("removed", 3),
        ("removed", 2),
    ]


def test_any_history_of_reorgs_and_restarts_ends_with_the_events_of_the_chain(
    chain, counter, follow, bump
):
    chance = random.Random(7)
    follower, ledger = follow(), Ledger()
    for step in range(60):
        act = chance.randrange(6)
        if act <= 2:
            bump(step + 1)
        elif act == 3 and chain.block().number > 3:
            depth = chance.randint(1, min(chain.block().number - 2, 12))
            chain.reorg(depth, keep=chance.random() < 0.5)
        elif act == 4:
            follower.close()
            follower = follow()
        else:
            changes = follower.poll()
            for change, _ in zip(changes, range(chance.randint(1, 9)), strict=False):
                ledger.take([change])
            changes.close()
    ledger.take(follower.poll())
    assert sorted(ledger.values()) == sorted(on_chain(counter))


def test_a_crash_between_the_removals_and_the_refetch_loses_nothing(chain, counter, follow, bump):
    follower, ledger = follow(), Ledger()
    bump(1)
    bump(2)
    ledger.take(follower.poll())
    chain.reorg(2, keep=True)
    changes = follower.poll()
    for change in changes:
        ledger.take([change])
        if change[0] == "added":
            break
    changes.close()
    follower.close()
    ledger.take(follow().poll())
    assert sorted(ledger.values()) == sorted(on_chain(counter)) == [1, 2]


def test_a_reorg_between_two_fetches_is_noticed(chain, counter, follow, bump):
    follower, ledger = follow(), Ledger()
    for by in (1, 2, 3):
        bump(by)
    changes = follower.poll()
    ledger.take([next(changes)])
    chain.reorg(3, keep=False)
    bump(4)
    ledger.take(changes)
    ledger.take(follower.poll())
    assert ledger.values() == on_chain(counter) == [4]


def test_a_reorg_below_what_is_kept_is_an_error_with_a_hint(chain, follow, bump):
    follower = follow(window=5)
    for by in range(1, 20):
        bump(by)
    list(follower.poll())
    chain.reorg(12)
    with pytest.raises(ChainError, match="reorganised below block") as raised:
        list(follower.poll())
    assert "delete the cursor" in raised.value.hint


def test_a_new_cursor_may_start_late_and_stops_at_a_reorg_below_its_start(chain, follow, bump):
    bump(1)
    bump(2)
    follower = follow(start=chain.block().number)
    assert [event.args["by"] for _, event in follower.poll()] == [2]
    chain.reorg(3)
    with pytest.raises(ChainError, match="reorganised below"):
        list(follower.poll())


def test_confirmations_hold_an_event_back_until_it_lies_deep_enough(chain, follow, bump):
    follower = follow(confirmations=3)
    bump(1)
    assert list(follower.poll()) == []
    chain.reorg(1, keep=False)
    chain.mine(5)
    assert list(follower.poll()) == []
    bump(2)
    chain.mine(3)
    assert [event.args["by"] for _, event in follower.poll()] == [2]


def test_a_node_that_lags_behind_takes_nothing_back(chain, follow, bump):
    follower = follow()
    bump(1)
    snapshot = chain.snapshot()
    bump(2)
    assert len(list(follower.poll())) == 2
    chain.revert(snapshot)
    assert list(follower.poll()) == []
    bump(3)
    bump(4)
    changes = [(kind, event.args["by"]) for kind, event in follower.poll()]
    assert changes == [("removed", 2), ("added", 3), ("added", 4)]


def test_a_long_history_is_fetched_in_ranges_halved_when_there_is_too_much(
    chain, counter, follow, bump, monkeypatch
):
    for by in range(1, 9):
        bump(by)
    chain.mine(150)
    asked = []
    whole = chain.logs

    def stingy(first, last, *rest):
        asked.append(last - first + 1)
        if last - first > 40:
            raise ChainError("query returned more than 10000 results")
        return whole(first, last, *rest)

    monkeypatch.setattr(chain, "logs", stingy)
    events = [event.args["by"] for _, event in follow().poll()]
    assert events == list(range(1, 9))
    assert max(asked) > 41 and min(asked) <= 41


def test_a_refusal_that_is_not_about_size_is_not_swallowed(chain, follow, bump, monkeypatch):
    bump(1)

    def refuse(*_):
        raise ChainError("the method eth_getLogs does not exist on this node")

    monkeypatch.setattr(chain, "logs_of_block", refuse)
    with pytest.raises(ChainError, match="does not exist"):
        list(follow().poll())


def test_a_node_that_falls_silent_loses_nothing(chain, follow, bump, monkeypatch):
    follower = follow()
    bump(1)
    with monkeypatch.context() as patch:

        def silent(*_):
            raise Unreachable("no answer")

        patch.setattr(chain, "logs_of_block", silent)
        with pytest.raises(Unreachable):
            list(follower.poll())
    assert [event.args["by"] for _, event in follower.poll()] == [1]


def test_the_cursor_of_another_chain_is_refused(chain, counter, follow, tmp_path, accounts):
    follow().close()
    other = open_chain("embedded:", clock=lambda: 1)
    stranger = Contract(other, counter.address, counter.artifact)
    with pytest.raises(InputError, match="the cursor follows chain"):
        Follower(other, [stranger], tmp_path / "cursor")
    other.close()


def test_two_followers_do_not_share_a_cursor(chain, counter, follow, tmp_path):
    follow()
    with pytest.raises(Busy, match="another follower"):
        Follower(chain, [counter], tmp_path / "cursor")


def test_a_file_that_is_no_cursor_is_named(chain, counter, tmp_path):
    (tmp_path / "cursor").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="no cursor"):
        Follower(chain, [counter], tmp_path / "cursor")


def test_the_cursor_stays_small(chain, follow, bump, tmp_path):
    follower = follow(window=8)
    for by in range(1, 40):
        bump(by)
        list(follower.poll())
    follower.close()
    with sqlite3.connect(tmp_path / "cursor") as database:
        assert database.execute("select count(*) from block").fetchone()[0] <= 10
        assert database.execute("select count(*) from event").fetchone()[0] <= 10
    database.close()


def test_logs_of_other_contracts_are_none_of_its_business(
    chain, accounts, counter, counter_artifact, follow
):
    other = deploy(chain, accounts[0], counter_artifact)
    other.transact(accounts[0], "bump", 5)
    assert list(follow().poll()) == []
