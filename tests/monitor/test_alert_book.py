"""The alert book holds each alert once and groups what stands, whatever came and went."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import GENESIS, account, block, branch

from counterpoise.core.errors import InputError, StorageError
from counterpoise.monitor.alert import Alert, Entity, Finding, Severity, Standing
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.cases import WINDOW, Member, grouped

MAIN = branch(1, 12)


def alert(one, number=0, *, who=(), scheme="", severity=Severity.LOW, time=None):
    """An alert of a block; `who` are numbers of accounts, below 0 a bystander's."""
    entities = tuple(Entity(account(abs(n)), "suspect" if n >= 0 else "victim") for n in who)
    finding = Finding(
        "rule", 1, severity, 900_000, (bytes([number]) * 32,), entities, ("why",), scheme=scheme
    )
    when = one.time if time is None else time
    return Alert(31337, one.number, one.hash, when, finding)


@pytest.fixture
def book(tmp_path):
    opened = AlertBook(tmp_path / "alerts.sqlite")
    yield opened
    opened.close()


def told(book, after=0):
    return [(e.sequence, e.kind, e.alert.id, e.alert.standing) for e in book.events(after)]


def test_the_same_block_twice_changes_nothing(book):
    first = alert(MAIN[0])
    assert [e.kind for e in book.record(MAIN[0], [first])] == ["raised"]
    assert book.record(MAIN[0], [first]) == []
    assert told(book) == [(1, "raised", first.id, Standing.OPEN)]
    assert book.alerts() == [first]


def test_a_block_of_another_branch_retracts_what_it_displaces_though_nobody_said_so(book):
    kept, gone = alert(MAIN[0], 1), alert(MAIN[2], 2)
    for one, found in zip(MAIN, ([kept], [], [gone], []), strict=False):
        book.record(one, found)
    (other,) = branch(2, 1, MAIN[1].hash, 2)
    events = book.record(other, [])
    assert [(e.kind, e.alert.id, e.alert.standing) for e in events] == [
        ("retracted", gone.id, Standing.RETRACTED)
    ]
    assert book.alerts(Standing.OPEN) == [kept]
    book.record(MAIN[2], [gone])
    assert {a.id for a in book.alerts(Standing.OPEN)} == {kept.id, gone.id}


def test_a_watch_that_starts_earlier_than_the_book_brings_nothing_twice(book):
    found = {one.hash: alert(one, one.number) for one in MAIN}
    for one in MAIN:
        book.record(one, [found[one.hash]])
    before = told(book)
    for one in MAIN[4:]:
        book.record(one, [found[one.hash]])
    assert told(book) == before
    fork = branch(3, 2, MAIN[7].hash, 8)
    book.record(fork[0], [])
    assert len(book.alerts(Standing.OPEN)) == 8


def test_what_a_person_decided_outlives_a_reorg_that_comes_back(book):
    found = alert(MAIN[1])
    book.record(MAIN[0], [])
    book.record(MAIN[1], [found])
    book.decide(found.id.hex()[:10], Standing.CLOSED, author="ann", date=7, true=False)
    book.record(*branch(4, 1, MAIN[0].hash, 1), [])
    assert book.alert(found.id.hex()).standing is Standing.RETRACTED
    with pytest.raises(InputError, match="its block is gone"):
        book.decide(found.id.hex(), Standing.OPEN, author="ann", date=8)
    book.record(MAIN[1], [found])
    assert book.alert(found.id.hex()).standing is Standing.CLOSED


def test_feedback_is_the_last_word_of_each_author(book):
    found = alert(MAIN[0])
    book.record(MAIN[0], [found])
    name = found.id.hex()
    for date, author, true in (
        (1, "ann", True),
        (2, "bob", True),
        (3, "ann", False),
        (4, "cy", None),
    ):
        book.decide(name, Standing.CLOSED, author=author, date=date, note="seen", true=true)
    said = [(one.author, one.true, one.date) for one in book.feedback()]
    assert said == [("bob", True, 2), ("ann", False, 3)]
    with pytest.raises(InputError, match="nobody decides"):
        book.decide(name, Standing.OPEN, author="", date=1)


def test_no_reorg_retracts_what_was_seen_of_the_chain_itself(book):
    seen = alert(MAIN[1], 5)
    book.record(MAIN[0], [])
    book.record(MAIN[1], [], observed=[seen])
    book.record(*branch(4, 1, MAIN[0].hash, 1), [])
    assert book.alerts(Standing.OPEN) == [seen]


def test_an_id_that_is_cut_too_short_or_unknown_is_refused(book):
    book.record(MAIN[0], [alert(MAIN[0], n) for n in range(20)])
    with pytest.raises(InputError, match="more than one alert"):
        book.alert("")
    with pytest.raises(InputError, match="no alert begins with 'zz'"):
        book.alert("zz")


def test_alerts_of_one_scheme_or_one_suspect_are_one_case_and_bystanders_join_nothing(book):
    rows = [alert(MAIN[0], 1, who=[1, 2]), alert(MAIN[0], 2, who=[2, -9])]
    rows += [alert(MAIN[0], 3, scheme="x"), alert(MAIN[0], 4, scheme="x", who=[-9])]
    events = book.record(MAIN[0], rows)
    assert [event.opens for event in events] == [True, False, True, False]
    cases = {frozenset(a.id for a in case.alerts) for case in book.cases()}
    assert cases == {frozenset(a.id for a in rows[:2]), frozenset(a.id for a in rows[2:])}
    graver = alert(MAIN[1], 5, who=[1], severity=Severity.HIGH)
    assert [e.opens for e in book.record(MAIN[1], [graver])] == [True]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_cases_are_those_of_the_alerts_that_stand_whatever_came_before(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "alerts.sqlite"
    book, parent, chain = AlertBook(path), GENESIS, []
    for step in range(data.draw(st.integers(1, 10))):
        if chain and data.draw(st.booleans()):
            chain = chain[: data.draw(st.integers(0, len(chain) - 1))]
        parent = chain[-1].hash if chain else GENESIS
        time = 1000 + data.draw(st.integers(0, 3)) * (WINDOW // 2)
        one = block(parent, len(chain), [], salt=bytes([step]), time=time)
        rows = [
            alert(one, n, who=data.draw(st.lists(st.integers(1, 6), max_size=3)))
            for n in range(data.draw(st.integers(0, 3)))
        ]
        book.record(one, rows)
        chain.append(one)
    standing = [a for a in book.alerts() if a.standing is Standing.OPEN]
    assert {a.block_hash for a in standing} <= {one.hash for one in chain}
    found = {a.id: case.id for case in book.cases() for a in case.alerts}
    assert found == grouped(map(Member.of, standing))
    book.close()


def test_a_hub_of_many_alerts_does_not_slow_the_book(book):
    rows = [alert(MAIN[0], n % 256, who=[1], time=n) for n in range(256)]
    book.record(MAIN[0], rows)
    steps = []
    for at in range(1, 9):
        count = 0

        def tick():
            nonlocal count
            count += 1

        book.file.db.set_progress_handler(tick, 100)
        book.record(MAIN[at], [alert(MAIN[at], n, who=[1], time=1000 + at) for n in range(64)])
        steps.append(count)
        book.file.db.set_progress_handler(None, 0)
    assert max(steps[1:]) < 3 * min(steps[1:])


def test_a_file_that_is_no_book_is_refused(tmp_path):
    path = tmp_path / "alerts.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match="could not be opened"):
        AlertBook(path)


def test_a_full_disk_records_nothing_of_a_block_and_says_so(book):
    book.record(MAIN[0], [alert(MAIN[0])])
    [pages] = book.file.db.execute("pragma page_count").fetchone()
    book.file.db.execute(f"pragma max_page_count = {pages}")
    rows = [alert(MAIN[1], n, who=range(1, 40)) for n in range(60)]
    with pytest.raises(StorageError, match="full") as caught:
        book.record(MAIN[1], rows)
    assert "make room" in caught.value.hint
    book.file.db.execute("pragma max_page_count = 1000000")
    assert len(book.alerts()) == 1
    assert len(book.record(MAIN[1], rows)) == 60
    with sqlite3.connect(book.file.path) as other:
        assert other.execute("select count(*) from event").fetchone() == (61,)
    other.close()
