"""The index finds what the log says, can be lost, and tells where a thing came from."""

import sqlite3

import pytest

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, StorageError
from counterpoise.provenance import Index, Statement, Subject, Tree, build_statement, sign

MODEL, UPDATE_A, UPDATE_B, DATA, TASK = (sha256(b"%d" % i) for i in range(5))


def state(signer, kind, name, digest, inputs=(), /, **fields):
    statement = build_statement(
        kind,
        [Subject(name, digest)],
        actor=signer.keyid,
        time=7,
        nonce=bytes(16),
        inputs=[{"sha256": d, "role": r} for r, d in inputs],
        **fields,
    )
    return sign(statement, signer).to_bytes()


@pytest.fixture
def log(open_log, signer, dataset):
    log = open_log()
    update = {"job": 1, "round": 0}
    files = [{"name": "model.bin", "sha256": MODEL.hex()}]
    log.append(
        [
            state(
                signer, "join", "cleveland", DATA, [("task", TASK)], job=1, dataset=DATA, stake="5"
            ),
            state(
                signer,
                "update",
                "update of a",
                UPDATE_A,
                [("data", DATA)],
                update=UPDATE_A,
                **update,
            ),
            state(
                signer,
                "update",
                "update of b",
                UPDATE_B,
                [("data", DATA)],
                update=UPDATE_B,
                **update,
            ),
            b"not a statement",
            state(
                signer,
                "model",
                "model",
                MODEL,
                [("update", UPDATE_A), ("update", UPDATE_B)],
                kind="logistic",
                files=files,
            ),
            state(
                signer,
                "evaluation",
                "model",
                MODEL,
                [("model", MODEL)],
                model=MODEL,
                dataset=DATA,
                metrics={"correct": 9},
            ),
        ]
    )
    return log


@pytest.fixture
def index(tmp_path, log):
    with Index(tmp_path / "index.sqlite") as index:
        index.update(log)
        yield index


def test_lineage_is_a_tree_of_inputs(index):
    tree = index.lineage(MODEL)
    assert tree.statements == ((4, "model"), (5, "evaluation"))
    assert [(c.role, c.name) for c in tree.children] == [
        ("update", "update of a"),
        ("update", "update of b"),
    ]
    first, second = (child.children[0] for child in tree.children)
    assert first.digest == second.digest == DATA and first.children[0].digest == TASK
    assert second.shown_above and not second.children
    assert first.children[0] == Tree(TASK, "", "task")


def test_lineage_is_drawn_as_text(index):
    assert index.lineage(MODEL).render().splitlines() == [
        f"model  {MODEL.hex()[:12]}  [model #4, evaluation #5]",
        f"├─ update: update of a  {UPDATE_A.hex()[:12]}  [update #1]",
        f"│  └─ data: cleveland  {DATA.hex()[:12]}  [join #0]",
        f"│     └─ task:  {TASK.hex()[:12]}  [not in the log]".replace("task:  ", "task:  "),
        f"└─ update: update of b  {UPDATE_B.hex()[:12]}  [update #2]",
        f"   └─ data: cleveland  {DATA.hex()[:12]}  [join #0] (see above)",
    ]
    assert "└─ and 1 more" in index.lineage(MODEL).render(most=1)
    assert index.lineage(MODEL).to_record()["children"][0]["role"] == "update"


def test_lineage_stops_at_the_depth_asked_for_and_says_so(index):
    tree = index.lineage(MODEL, depth=1)
    assert [c.children for c in tree.children] == [(), ()] and all(c.cut for c in tree.children)
    assert "goes deeper" in tree.render()
    assert index.lineage(MODEL, depth=0).cut
    with pytest.raises(InputError, match="at most 200"):
        index.lineage(MODEL, depth=201)


def test_a_cycle_ends(open_log, signer, tmp_path):
    log = open_log("cycle")
    a, b = sha256(b"a"), sha256(b"b")
    entry = {"job": 1, "round": 0}
    log.append(
        [
            state(signer, "update", "a", a, [("from", b)], update=a, **entry),
            state(signer, "update", "b", b, [("from", a)], update=b, **entry),
        ]
    )
    with Index(tmp_path / "cycle.sqlite") as index:
        index.update(log)
        assert index.lineage(a).size() == 3


def test_a_digest_the_log_does_not_know_is_an_error(index):
    with pytest.raises(InputError, match="says nothing"):
        index.lineage(bytes(32))


def test_a_statement_is_found_by_its_own_digest(index, log):
    entry = index.entries(kind="model")[0]
    assert index.about(entry.digest)[0] == entry
    assert index.lineage(entry.digest).size() > 1


def test_entries_are_found_by_kind_actor_and_bytes(index, log, signer):
    assert [e.position for e in index.entries(kind="update")] == [1, 2]
    assert len(index.entries(actor=signer.keyid)) == 5
    assert index.entries(actor=signer.keyid, kind="decision") == []
    assert [e.position for e in index.about(MODEL)] == [4, 5]
    assert index.position_of(log.entry(4)) == 4 and index.position_of(b"?") is None
    assert index.entries()[3].kind == ""


def test_an_update_reads_only_what_is_new(index, log, signer):
    assert index.update(log) == 0
    log.append([b"more"])
    assert index.update(log) == 1 and index.size == 7


def test_an_index_of_another_log_is_made_anew(index, open_log, signer):
    other = open_log("other")
    other.append([b"%d" % i for i in range(9)])
    assert index.update(other) == 9
    assert index.entries(kind="model") == []


def test_a_lost_or_damaged_index_is_rebuilt_alike(index, log, tmp_path):
    before = index.entries(), index.lineage(MODEL)
    assert index.rebuild(log) == 6 and (index.entries(), index.lineage(MODEL)) == before
    (tmp_path / "bad.sqlite").write_bytes(b"nothing like a database" * 100)
    with pytest.raises(StorageError, match="rebuilt from the log") as refused:
        try:
            Index(tmp_path / "bad.sqlite")
        except StorageError as error:
            raise StorageError(error.hint) from error
    assert refused.value.__cause__
    with Index(tmp_path / "new.sqlite") as new:
        new.update(log)
        assert (new.entries(), new.lineage(MODEL)) == before


def test_hostile_statements_do_not_stop_the_index(open_log, signer, tmp_path):
    log = open_log("hostile")
    foreign = Statement(
        "https://example.org/x",
        (Subject("x", MODEL), Subject("y", MODEL)),
        {"actor": [], "time": 2**53 - 1, "inputs": [1, {"sha256": "zz", "role": "r"}, {}]},
    )
    log.append([sign(foreign, signer).to_bytes(), b"{}", b"\xff" * 60_000])
    with Index(tmp_path / "hostile.sqlite") as index:
        assert index.update(log) == 3
        assert index.lineage(MODEL).statements == ((0, "https://example.org/x"),)


def test_the_index_is_in_wal_mode(index, tmp_path):
    database = sqlite3.connect(tmp_path / "index.sqlite")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
