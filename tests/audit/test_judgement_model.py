"""Weights, curve and bars; the model that ships; merging."""

import itertools
import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solidity_code import DATA

from counterpoise.audit.catalogue import all_rules
from counterpoise.audit.findings import Finding, Severity
from counterpoise.audit.judgement import bars, fit, judge, train
from counterpoise.audit.judgement.samples import KINDS, Sample
from counterpoise.audit.judgement.sets import Curated, Injected, Injection, Reentrant
from counterpoise.audit.merge import merge


def found(
    rule="tx-origin", lines=(3,), engine="solidity", detectors=(), confidence=500_000, function="f"
):
    return Finding(
        rule, "A.sol", lines, "A", function, "m", (engine,), Severity.HIGH, confidence, detectors
    )


def samples(seed=0, n=200):
    """Where `strong` is there the finding is true in nine of ten, else in one."""
    dice = random.Random(seed)
    rows = []
    for number in range(n):
        strong = dice.random() < 0.5
        true = dice.random() < (0.9 if strong else 0.1)
        features = {"rule", "strong"} if strong else {"rule", "weak"}
        if number == 0:
            features.add("once")
        rows.append(Sample(frozenset(features), "rule", true, 1.0, f"near {number // 2}"))
    return rows


def test_features_name_the_rule_the_shape_and_each_mark():
    names = ["solidity:unsafe-math/caller++token", "solidity:timestamp/parked", "slither:timestamp"]
    assert judge.features_of(names) == {
        *("unsafe-math", "unsafe-math/caller", "unsafe-math+", "unsafe-math+token"),
        *("timestamp", "timestamp/parked", "agrees:timestamp"),
    }
    assert judge.features_of(["slither:timestamp"]) == {"slither:timestamp"}
    assert judge.features_of(["vyper:x", "text:y"]) == frozenset()


def test_confidence_follows_the_share_that_is_true():
    model = fit.fit(samples())
    strong = fit.confidence(model, frozenset({"rule", "strong"}))
    weak = fit.confidence(model, frozenset({"rule", "weak"}))
    assert 800_000 < strong < 960_000 and 40_000 < weak < 200_000


def test_the_same_samples_give_the_same_model_and_only_integers():
    first, second = fit.fit(samples()), fit.fit(samples())
    assert json.dumps(first) == json.dumps(second)
    assert all(isinstance(one, int) for one in first["weights"].values())
    assert all(isinstance(value, int) for point in first["curve"] for value in point)


def test_a_feature_of_one_cluster_has_no_weight():
    assert "once" not in fit.fit(samples())["weights"]


def test_the_curve_never_falls():
    points = fit.fit(samples(3))["curve"]
    assert [x for x, _ in points] == sorted({x for x, _ in points})
    assert all(a[1] <= b[1] for a, b in itertools.pairwise(points))


POINTS = st.tuples(st.integers(-9000, 9000), st.integers(0, 10**6))


@given(st.lists(POINTS, min_size=1, max_size=9), st.integers(-(10**5), 10**5))
def test_a_confidence_lies_between_those_of_the_points_beside_it(points, score):
    by_score = sorted(dict(points).items())
    value = judge.curve(score, by_score)
    below = [y for x, y in by_score if x <= score][-1:] or [by_score[0][1]]
    above = [y for x, y in by_score if x > score][:1] or [by_score[-1][1]]
    assert min(below + above) <= value <= max(below + above)


def test_what_the_model_never_saw_has_a_confidence_that_says_so():
    assert judge.confidence_of(["slither:never-heard-of"]) == judge.UNKNOWN
    assert judge.confidence_of([]) == judge.UNKNOWN
    assert judge.bar_of("no-such-rule") == judge.EVEN


def test_the_model_that_ships_is_small_and_knows_every_rule_it_may_judge():
    model = judge.model()
    assert set(model) == {"bars", "curve", "weights"}
    assert set(model["bars"]) <= set(all_rules()) and "bias" in model["weights"]
    assert len(json.dumps(model)) < 40_000
    assert all(0 < y < 10**6 for _, y in model["curve"])
    rules = {name.split("/")[0].split("+")[0] for name in model["weights"]} - {"bias"}
    assert {one for one in rules if ":" not in one} <= set(all_rules())


def test_a_second_engine_that_agrees_makes_a_finding_surer():
    for ours, theirs in (
        ("solidity:tx-origin/compared", "slither:tx-origin"),
        ("solidity:reentrancy-state/state-pays+pays+raw+slot+to-sender", "slither:reentrancy-eth"),
    ):
        assert judge.confidence_of([ours, theirs]) >= judge.confidence_of([ours])


def test_a_lock_a_guard_and_a_stipend_lower_what_is_said_of_reentrancy():
    def sure(*marks):
        return judge.confidence_of([f"solidity:reentrancy-state/state-pays+{'+'.join(marks)}"])

    assert sure("pays", "raw", "to-sender", "slot") > sure("view", "fixed")
    stipend = judge.confidence_of(["solidity:reentrancy-stipend/state-pays+pays+fixed"])
    assert stipend < sure("pays", "raw", "to-sender", "slot")


def test_only_our_rules_and_slithers_are_judged_anew():
    vyper = found(engine="vyper", detectors=("vyper:x",), confidence=123_456)
    text = found(engine="solidity-text", detectors=("text:tx-origin",), confidence=200_000)
    ours = found(detectors=("solidity:tx-origin/compared",), confidence=1)
    after = judge.judged([vyper, text, ours])
    assert [one.confidence for one in after[:2]] == [123_456, 200_000]
    assert after[2].confidence == judge.confidence_of(ours.detectors) > 500_000


def test_engines_that_see_one_flaw_are_merged_and_one_engine_never_with_itself():
    ours = found(detectors=("solidity:tx-origin/compared",), confidence=900_000)
    theirs = found(lines=(4,), engine="slither", detectors=("slither:tx-origin",))
    (joined,) = merge([ours, theirs])
    assert joined.engines == ("slither", "solidity") and joined.lines == (3, 4)
    assert joined.detectors == ("slither:tx-origin", "solidity:tx-origin/compared")
    assert len(merge([ours, found(lines=(4,), detectors=("solidity:tx-origin/other",))])) == 2
    assert len(merge([ours, found(lines=(9,), engine="slither")])) == 2
    assert len(merge([ours, found("unsafe-math", engine="slither")])) == 2
    assert len(merge([ours, found(engine="slither", function="g")])) == 2


@given(st.permutations(range(6)))
def test_the_order_of_engines_does_not_change_what_is_merged(order):
    every = [
        found(detectors=("solidity:a/b",), confidence=800_000),
        found(lines=(4,), engine="slither", detectors=("slither:a",), confidence=300_000),
        found(lines=(5,), engine="slither", detectors=("slither:b",), confidence=200_000),
        found("unsafe-math", (8,)),
        found("unsafe-math", (9,), engine="slither"),
        found(engine="solidity-text", detectors=("text:a",), confidence=200_000),
    ]
    assert merge([every[n] for n in order]) == merge(every)


@pytest.fixture
def small():
    """Three sets in which only what is sure is true."""
    model = {
        "weights": {"bias": 0, **{f"slither:s{n}": n for n in range(1, 1000)}},
        "curve": [[0, 0], [1000, 1_000_000]],
    }

    def at(rule, level, line=3):
        return found(rule, (line,), detectors=(f"slither:s{level}",))

    curated = Curated(None, {f"c{n}": "access_control" for n in range(4)}, {}, frozenset())
    in_curated = {f"c{n}": [at("tx-origin", 700), at("unsafe-math", 300)] for n in range(4)}
    reentrant = Reentrant(None, {"r0": True, "r1": False})
    in_reentrant = {"r0": [at("reentrancy-state", 800)], "r1": [at("reentrancy-cross", 400)]}
    rows = tuple(Injection(kind, f"b/{kind}/1.sol", range(3, 4), "s") for kind in KINDS)
    injected = Injected(
        None, rows, tuple(one.path for one in rows), frozenset((kind, "s") for kind in KINDS)
    )
    in_injected = {
        one.path: [at(KINDS[one.kind][0], 900), at(KINDS[one.kind][0], 200, 50)] for one in rows
    }
    return (
        model,
        (curated, in_curated, list(curated.truth)),
        (reentrant, in_reentrant, list(reentrant.truth)),
        (injected, in_injected),
    )


def test_bars_part_what_is_true_from_what_is_not_with_room_on_both_sides(small):
    best = bars.best_bars(*small)
    assert set(best) <= set(all_rules()) and set(best.values()) <= set(bars.STEPS)
    assert 400_000 < best["reentrancy-state"] <= 800_000
    assert 300_000 < best["unsafe-math"] <= 900_000
    assert 200_000 < best["tx-origin"] <= 700_000
    assert best["unsafe-math"] == 625_000  # the middle of what is equally good
    assert best == bars.best_bars(*small)


def test_a_finding_passes_at_its_rules_bar(small):
    passes = bars.passing(small[0], {"tx-origin": 700_000})
    assert passes(found(detectors=("slither:s700",)))
    assert not passes(found(detectors=("slither:s699",)))
    assert not passes(found("unsafe-math", detectors=("slither:s499",)))


def test_analyses_are_kept_by_engine_and_content_whatever_else_changes(tmp_path, monkeypatch):
    from counterpoise.audit.findings import Analysis
    from counterpoise.audit.project import Project, Source

    read = []

    class Reader:
        def __init__(self, name):
            self.name = name

        def version(self):
            return "1"

        def analyse(self, project, sources, *, seconds):
            for one in sources:
                read.append((self.name, one.path))
                yield Analysis(one.path, (found(engine=self.name, confidence=len(read)),))

    monkeypatch.setattr(train, "engine", Reader)
    (tmp_path / "A.sol").write_text("contract A {}")
    first = train.findings_of(tmp_path, ["A.sol"], tmp_path / "kept")
    assert train.findings_of(tmp_path, ["A.sol"], tmp_path / "kept") == first
    assert read == [("solidity", "A.sol"), ("slither", "A.sol")]
    assert {one.confidence for one in first["A.sol"]} == {0}
    (tmp_path / "A.sol").write_text("contract A { }")
    train.findings_of(tmp_path, ["A.sol"], tmp_path / "kept")
    assert len(read) == 4
    monkeypatch.setattr(train, "_code_of", lambda engine: f"another {engine}")
    train.findings_of(tmp_path, ["A.sol"], tmp_path / "kept")
    assert len(read) == 6
    assert (
        train.Kept(None).fetch("x", "1", Project(tmp_path, ()), Source("A.sol", b"", "x")) is None
    )


def test_the_recipe_writes_a_model_from_the_three_sets(small, tmp_path, monkeypatch):
    (curated, in_curated, _), (reentrant, in_reentrant, _), (injected, in_injected) = small[1:]
    labels = dict.fromkeys(curated.truth, (("access_control", (3,)),))
    whole = Curated(None, curated.truth, labels, frozenset(curated.truth))
    groups = {path: n for n, path in enumerate(curated.truth)}
    made = train.Material(
        whole,
        reentrant,
        injected,
        in_curated,
        in_reentrant,
        in_injected,
        groups,
        {"r0": 0, "r1": 90},
    )
    assert made.apart == ["r1"]  # the other is a near-duplicate of a file of SmartBugs
    monkeypatch.setattr(train, "material", lambda data, cache: made)
    out = tmp_path / "model.json"
    train.main([str(tmp_path), "--out", str(out)])
    first = out.read_bytes()
    train.main([str(tmp_path), "--out", str(out)])
    assert out.read_bytes() == first
    assert set(json.loads(first)) == {"bars", "curve", "weights"}


@pytest.mark.skipif(not (DATA / "audit").is_dir(), reason="needs the labelled sets")
def test_the_labelled_sets_are_what_the_figures_speak_of():
    curated, reentrant = Curated.load(DATA / "audit"), Reentrant.load(DATA / "audit")
    assert (len(curated.truth), len(curated.tune)) == (143, 68)
    assert sum(len(one) for one in curated.labels.values()) == 207
    assert (len(reentrant.truth), sum(reentrant.truth.values())) == (432, 120)
    assert math.isclose(len(curated.tune) / len(curated.truth), 0.4755, abs_tol=1e-3)
