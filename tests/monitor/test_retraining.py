"""What people say of alerts changes the next model; drift says when one is due."""

import json
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest
from click.testing import CliRunner
from worlds import COIN, GENESIS, SCALES, block, branch

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Alert, Finding, Severity, Standing
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.bench_cli import drift, train
from counterpoise.monitor.detectors.laundering import Laundering
from counterpoise.monitor.drift import Baseline, drift_of_window, stability
from counterpoise.monitor.feedback import labels_of, lesson_of_blocks, lesson_of_window
from counterpoise.monitor.generator import Generator, Traffic
from counterpoise.monitor.graph import Graph
from counterpoise.monitor.laundering_model import LaunderingModel
from counterpoise.monitor.lessons import finish, fit, ladder_of, lesson_of
from counterpoise.monitor.state_folder import StateFolder, saved_graph
from counterpoise.monitor.training import describe
from counterpoise.monitor.watch import Watch

SMALL = Traffic(rows=20_000, accounts=2_500, days=6, illicit=60)


@dataclass(frozen=True)
class Verdict:
    alert: bytes
    true: bool


@pytest.fixture(scope="module")
def streams():
    return [describe(Generator(seed, SMALL).stream()) for seed in (1, 2)]


def alert_of(transaction):
    finding = Finding("laundering", 1, Severity.LOW, 1, (transaction,), (), ("why",))
    return Alert(1, 1, b"\1" * 32, 0, finding)


def test_the_last_word_on_an_alert_labels_its_transactions():
    one, other = alert_of(b"\5" * 32), alert_of(b"\6" * 32)
    verdicts = [Verdict(one.id, True), Verdict(other.id, False), Verdict(one.id, False)]
    verdicts.append(Verdict(b"unknown", True))
    assert labels_of(verdicts, [one, other]) == {b"\5" * 32: False, b"\6" * 32: False}


def test_labelled_rows_have_the_features_that_the_watch_saw():
    blocks = branch(21, 40)
    seen = {}

    class Keep:
        name, version = "keep", 1

        def inspect(self, one, context):
            for transfer, row in zip(context.flow.transfers, context.flow.features, strict=True):
                seen.setdefault(one.transactions[transfer.transaction].hash, []).append(row)
            return ()

    watch = Watch(1, [Keep()], SCALES)
    for one in blocks:
        watch.accept(one)
    chosen = list(seen)[10:40:3]
    labels = {hash_: place % 2 == 0 for place, hash_ in enumerate(chosen)}
    lesson = lesson_of_blocks(blocks, labels, SCALES)
    wanted = [row for hash_ in chosen for row in seen[hash_]]
    assert (lesson.features == np.stack(wanted)).all()
    assert lesson.labels.tolist() == [labels[hash_] for hash_ in chosen for _ in seen[hash_]]


def test_labels_of_other_blocks_are_refused():
    with pytest.raises(InputError, match="none of 1 labelled"):
        lesson_of_blocks(branch(22, 5), {b"\7" * 32: True}, SCALES)


def test_a_false_alarm_that_was_named_scores_lower_in_the_next_model(streams):
    pytest.importorskip("lightgbm", reason="skipped: needs lightgbm")
    first, held = streams
    lessons = [lesson_of(first)]
    before = fit(lessons, first.names, rounds=30, seed=1)
    payroll = [(0, 100 + n, 90_000_000, COIN) for n in range(40)]
    parent, blocks = GENESIS, []
    for number in range(40):
        blocks.append(block(parent, number, payroll[number : number + 1], salt=b"pay"))
        parent = blocks[-1].hash
    labels = {one.transactions[0].hash: False for one in blocks}
    said = lesson_of_blocks(blocks, labels, SCALES)
    after = fit([*lessons, said], first.names, rounds=30, seed=1)
    drop = before.bar.scores(said.features) - after.bar.scores(said.features)
    assert (drop > 0).mean() > 0.9 and drop.mean() > 1 << 24
    model = finish(after, [held], {"seed": 1})
    found = model.scores(held.features) > model.bar
    assert (found & held.stream.label).sum() > 0.3 * held.stream.label.sum()


def test_shares_of_the_ladder_rise_with_the_score():
    draw = np.random.default_rng(3)
    scores = draw.integers(-(10**8), 10**8, 50_000)
    labels = draw.random(50_000) < np.clip((scores - 9.9e7) / 1e6, 0, 1)
    ladder = ladder_of(scores, labels)
    assert list(ladder) == sorted(ladder)
    assert [share for _, share in ladder] == sorted(share for _, share in ladder)
    assert ladder[-1][1] > 800_000 > 20_000 > ladder[0][1]


def test_a_model_from_the_verb_says_how_it_was_made(tmp_path):
    pytest.importorskip("lightgbm", reason="skipped: needs lightgbm")
    digests = []
    for name in ("one.json", "two.json"):
        options = ["--output", str(tmp_path / name), "--scale", "150", "--rounds", "8", "--json"]
        run = CliRunner().invoke(train, options, catch_exceptions=False)
        told = json.loads(run.stdout)
        model = LaunderingModel.from_bytes((tmp_path / name).read_bytes())
        assert model.digest.hex() == told["digest"] and told["recipe"]["rounds"] == 8
        digests.append(told["digest"])
    assert digests[0] == digests[1]


def test_what_was_said_of_a_watch_s_alerts_is_learnt_from(tmp_path):
    pytest.importorskip("lightgbm", reason="skipped: needs lightgbm")
    drawn = Generator(77, Traffic(rows=3_000, accounts=400, days=2, illicit=40)).stream()
    parent = GENESIS
    folder, detectors = StateFolder(tmp_path), [Laundering()]
    watch, _ = folder.load(1, detectors, SCALES)
    with closing(AlertBook(tmp_path / "alerts.sqlite")) as book:
        for number, rows in enumerate(np.array_split(np.arange(len(drawn)), 40)):
            columns = (drawn.src[rows], drawn.dst[rows], drawn.amount[rows])
            legs = [(int(a), int(b), int(c), None) for a, b, c in zip(*columns, strict=True)]
            one = block(parent, number, legs, time=int(drawn.time[rows[-1]]))
            book.record(one, watch.accept(one).raised)
            parent = one.hash
        judged = book.alerts()[:7]
        for alert in judged:
            book.decide(alert.id.hex(), Standing.CLOSED, author="ann", date=5, true=False)
        labels = labels_of(book.feedback(), book.alerts(detector="laundering"))
    folder.save(watch, [])
    folder.close()
    lesson = lesson_of_window(saved_graph(tmp_path), labels)
    assert len(lesson.labels) == len(labels) > 3 and not lesson.labels.any()
    options = ["--home", str(tmp_path), "--scale", "150", "--rounds", "4", "--json"]
    run = CliRunner().invoke(
        train, ["--output", str(tmp_path / "m.json"), *options], catch_exceptions=False
    )
    assert json.loads(run.stdout)["recipe"]["feedback"] == len(labels)
    told = CliRunner().invoke(drift, ["--home", str(tmp_path), "--json"], catch_exceptions=False)
    measured = json.loads(told.stdout)["features"]
    assert [row["psi"] for row in measured] == sorted((r["psi"] for r in measured), reverse=True)
    plain = CliRunner().invoke(drift, ["--home", str(tmp_path)], catch_exceptions=False)
    assert f"of {len(measured)} features stable" in plain.stdout


def test_the_index_is_what_its_formula_says():
    then, now = [100, 300, 600], [200, 300, 500]
    shares = [[(n + 0.5) / 1001.5 for n in counts] for counts in (then, now)]
    wanted = sum((b - a) * np.log(b / a) for a, b in zip(*shares, strict=True))
    assert stability(then, now) == pytest.approx(wanted)
    assert stability(then, then) == 0 and stability(then, [0, 0, 10]) > 0.25


def test_a_stream_of_the_same_kind_is_stable_and_another_is_not(streams):
    first, _ = streams
    baseline = Baseline.of(first.names, first.features[::2])
    drifts = baseline.drift(first.features[1::2])
    assert max(one.index for one in drifts) < 0.1 and drifts[0].verdict == "stable"
    moved = first.features[1::2].copy()
    place = first.names.index("size")
    moved[:, place] += 200
    found = baseline.drift(moved)
    assert found[0].name == "size" and found[0].verdict == "another population"
    assert Baseline.of_value(json.loads(json.dumps(baseline.to_value()))) == baseline


def test_the_shipped_baseline_knows_a_generated_stream_from_a_made_up_one():
    baseline, draw = LaunderingModel.shipped().baseline, np.random.default_rng(9)
    graph = Graph()
    rows = 6_000
    src = draw.integers(0, 40, rows)
    dst = (src + draw.integers(1, 40, rows)) % 40
    graph.observe(src, dst, np.sort(draw.integers(0, 10**6, rows)), np.full(rows, 7))
    drifts = drift_of_window(baseline, graph)
    assert drifts[0].index > 1 and {one.name for one in drifts} == set(graph.names)


def test_drift_of_too_few_rows_is_not_measured():
    baseline = LaunderingModel.shipped().baseline
    with pytest.raises(InputError, match="too few"):
        baseline.drift(np.zeros((10, len(baseline.names)), np.int32))
    with pytest.raises(InputError, match="of shape"):
        baseline.drift(np.zeros((2_000, 3), np.int32))
