"""The labelled sets, the rows learned from them, and what is measured: on sets made here."""

import json

import pytest

from counterpoise.audit.findings import Finding, Severity
from counterpoise.audit.judgement.metrics import (
    Counts,
    curated_counts,
    injected_recall,
    line_recall,
    reentrant_counts,
)
from counterpoise.audit.judgement.samples import (
    curated_samples,
    injected_samples,
    reentrant_samples,
)
from counterpoise.audit.judgement.sets import Curated, Injected, Reentrant, clusters, shingles
from counterpoise.core.errors import InputError

TOKEN = "contract T { function move(address to, uint n) public { a[to] += n; b[to] -= n; } }"


def found(rule, *lines, detectors=("solidity:x/y",), path="p"):
    return Finding(
        rule, path, lines, "C", "f", "m", ("solidity",), Severity.HIGH, 500_000, detectors
    )


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "smartbugs-curated"
    (root / "dataset").mkdir(parents=True)
    entries = [
        ("dataset/reentrancy/a.sol", "reentrancy", [5]),
        ("dataset/arithmetic/b.sol", "arithmetic", [7, 8]),
    ]
    (root / "vulnerabilities.json").write_text(
        json.dumps(
            [
                {"path": path, "vulnerabilities": [{"category": kind, "lines": lines}]}
                for path, kind, lines in entries
            ]
        )
    )
    (root / "ICSE2020_curated_69.txt").write_text(
        "./dataset/reentrancy/a.sol\n./dataset/gone.sol\n"
    )
    for name in ("reentrant", "safe"):
        folder = tmp_path / "reentrancy_aggregated" / "src" / name
        folder.mkdir(parents=True)
        (folder / "x.sol").write_text("contract X {}")
    folder = tmp_path / "solidifi" / "buggy_contracts" / "tx.origin"
    folder.mkdir(parents=True)
    host = "contract H {\nuint x;\nfunction bug1() public {\n x = 1;\n}\nuint y;\n{ bug2\n}\n"
    (folder / "buggy_1.sol").write_text(host)
    (folder / "BugLog_1.csv").write_text("loc,length,bug type,approach\n3,3,t,c\n7,2,t,c\n")
    return tmp_path


def test_each_set_is_read_as_its_authors_publish_it(data):
    curated, reentrant, injected = Curated.load(data), Reentrant.load(data), Injected.load(data)
    assert curated.truth == {
        "dataset/reentrancy/a.sol": "reentrancy",
        "dataset/arithmetic/b.sol": "arithmetic",
    }
    assert curated.tune == {"dataset/reentrancy/a.sol"}
    assert curated.labels["dataset/arithmetic/b.sol"] == (("arithmetic", (7, 8)),)
    assert reentrant.truth == {"src/reentrant/x.sol": True, "src/safe/x.sol": False}
    assert [(one.lines, one.kind) for one in injected.rows] == [
        (range(3, 6), "tx.origin"),
        (range(7, 9), "tx.origin"),
    ]
    assert len(injected.tune) == 1  # every other shape


def test_a_set_that_is_not_there_is_said_so(tmp_path):
    for one in (Curated, Reentrant, Injected):
        with pytest.raises(InputError, match="no data at"):
            one.load(tmp_path)


def test_near_duplicates_share_a_cluster_whatever_their_comments_and_addresses():
    other = "contract V { function pay() public { msg.sender.transfer(1); } uint k; bool s; }"
    texts = {
        "a": TOKEN,
        "b": "// a comment\n" + TOKEN.replace(" { ", "\n{\n"),
        "c": other,
        "d": TOKEN + " /* x */ " + TOKEN.replace("move", "give"),
        "e": "address k = 0x" + "1" * 40 + "; " + other,
        "f": "address k = 0x" + "2" * 40 + "; " + other,
    }
    groups = clusters(texts)
    assert groups["a"] == groups["b"] == groups["d"] and groups["c"] == groups["e"] == groups["f"]
    assert groups["a"] != groups["c"]
    assert shingles(texts["e"]) == shingles(texts["f"]) and shingles("x") == shingles(" x ")


def test_a_contract_inside_a_larger_file_is_a_near_duplicate_of_it():
    rest = " ".join(f"function g{n}(uint k{n}) public {{ w{n} = k{n} + {n}; }}" for n in range(30))
    groups = clusters({"small": TOKEN, "large": TOKEN + rest, "rest": rest.replace("w", "v")})
    assert groups["small"] == groups["large"]


def test_file_and_category_counts_each_pair_once_and_misses_what_is_silent(data):
    curated = Curated.load(data)
    a, b = sorted(curated.truth, reverse=True)
    said = {
        a: [found("reentrancy-state", 1), found("reentrancy-state", 9), found("tx-origin", 3)],
        b: [found("reentrancy-stipend", 7), found("reentrancy-events", 7)],
    }
    counts = curated_counts(curated, said, [a, b], lambda one: True)
    assert sum(counts.values(), Counts()) == Counts(tp=1, fp=1, fn=1)
    assert curated_counts(curated, {}, [a], lambda one: True)["reentrancy"] == Counts(fn=1)
    assert sum(curated_counts(curated, said, [a, b], lambda one: False).values(), Counts()).fn == 2


def test_lines_are_hit_within_one_by_the_right_category(data):
    curated = Curated.load(data)
    path = "dataset/arithmetic/b.sol"
    for one, hits in (
        (found("unsafe-math", 9), 1),
        (found("unsafe-math", 10), 0),
        (found("tx-origin", 7), 0),
    ):
        assert line_recall(curated, {path: [one]}, [path], lambda one: True) == (hits, 1)


def test_a_file_is_reentrant_if_a_callee_can_come_back(data):
    reentrant = Reentrant.load(data)
    bad, safe = sorted(reentrant.truth)
    said = {bad: [found("reentrancy-stipend", 1)], safe: [found("reentrancy-cross", 1)]}
    assert reentrant_counts(reentrant, said, [bad, safe], lambda one: True) == Counts(0, 1, 1)


def test_snippets_are_found_by_line_and_what_touches_none_is_a_stray(data):
    injected = Injected.load(data)
    path = injected.paths[0]
    said = {path: [found("tx-origin", 4), found("tx-origin", 2), found("tx-origin", 1)]}
    recall = injected_recall(injected, said, lambda one: True)["tx.origin"]
    assert recall.tuned[0] + recall.other[0] == 1 and recall.tuned[1] + recall.other[1] == 2
    assert (recall.strays, recall.files, recall.all) == (1, 1, 0.5)  # line 2 is beside a snippet


def test_figures_of_nothing_are_nought():
    assert (Counts().f1, Counts().precision, Counts().recall) == (0.0, 0.0, 0.0)
    assert Counts(3, 1, 2).precision == 0.75 and Counts(3, 1, 2).recall == 0.6


def test_rows_are_true_near_a_label_doubtful_a_few_lines_off_and_false_far_away(data):
    curated = Curated.load(data)
    path = "dataset/arithmetic/b.sol"

    def row(one):
        (made,) = curated_samples(curated, {path: [one]}, [path], {path: 4})
        return made.true, made.weight, made.group

    assert row(found("unsafe-math", 9)) == (True, 1.0, "near 4")
    assert row(found("unsafe-math", 11)) == (True, 0.4, "near 4")
    assert row(found("unsafe-math", 30)) == (False, 0.4, "near 4")
    assert row(found("tx-origin", 7)) == (False, 1.0, "near 4")


def test_a_file_counts_alike_however_much_is_said_of_it(data):
    curated, reentrant = Curated.load(data), Reentrant.load(data)
    path = "dataset/arithmetic/b.sol"
    rows = list(curated_samples(curated, {path: [found("unsafe-math", 8)] * 4}, [path], {path: 0}))
    assert sum(one.weight for one in rows) == 1
    path = sorted(reentrant.truth)[0]
    said = {path: [found("reentrancy-state", 1), found("tx-origin", 1)]}
    (row,) = reentrant_samples(reentrant, said, {path: 0}, [path])
    assert (row.true, row.weight, row.rule) == (True, 1.0, "reentrancy-state")


def test_what_a_host_is_says_nothing_about_what_was_put_into_it(data):
    injected = Injected.load(data)
    path = injected.paths[0]
    own = ("solidity:tx-origin/compared+token",)
    said = {path: [found("tx-origin", n, detectors=own) for n in (4, 7, 1)]}
    rows = list(injected_samples(injected, said))
    assert [one.true for one in rows] == [True, False]  # one snippet is not for tuning
    assert "tx-origin+token" not in rows[0].features and "tx-origin+token" in rows[1].features
    assert rows[1].weight < rows[0].weight == 1
    assert {one.group for one in injected_samples(injected, said, tuned=False) if one.true} != {
        rows[0].group
    }
