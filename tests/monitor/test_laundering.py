"""The shipped model in the stream: what it finds, how it says so, and how much of it."""

from dataclasses import replace

import numpy as np
import pytest
from worlds import GENESIS, SCALES, block, branch

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Severity
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.detectors.laundering import HUB, Laundering, in_words, scheme_of
from counterpoise.monitor.detectors.tables import Recent
from counterpoise.monitor.generator import Generator, Traffic
from counterpoise.monitor.laundering_model import LaunderingModel
from counterpoise.monitor.memory import Memory
from counterpoise.monitor.ranking import HOUR, Ranking
from counterpoise.monitor.readings import RULES, readings
from counterpoise.monitor.snapshot import watch_bytes, watch_from_bytes
from counterpoise.monitor.watch import Watch

TRAFFIC = Traffic(rows=12_000, accounts=1_500, days=4, illicit=60, look_alikes=100)


@pytest.fixture(scope="module")
def seen():
    """A generated stream as blocks of ten minutes, and all alerts that it raised."""
    stream = Generator(77, TRAFFIC).stream()
    watch, parent, alerts, truth = Watch(1, [Laundering()], SCALES), GENESIS, [], {}
    ends = np.flatnonzero(np.diff(stream.time // 600)) + 1
    for number, rows in enumerate(np.split(np.arange(len(stream)), ends)):
        columns = (stream.src[rows], stream.dst[rows], stream.amount[rows])
        legs = [(int(a), int(b), int(c), None) for a, b, c in zip(*columns, strict=True)]
        one = block(parent, number, legs, time=int(stream.time[rows[-1]]))
        hashes = [transaction.hash for transaction in one.transactions]
        truth |= dict(zip(hashes, stream.scheme[rows].tolist(), strict=True))
        alerts += watch.accept(one).raised
        parent = one.hash
    return watch, alerts, truth, stream


def test_the_shipped_model_is_what_its_digest_says():
    model = LaunderingModel.shipped()
    again = LaunderingModel.from_bytes(model.to_bytes())
    assert again.digest == model.digest and again.names == model.names
    rows = np.random.default_rng(1).integers(0, 400, (200, len(model.names))).astype(np.int32)
    assert (again.scores(rows) == model.scores(rows)).all()
    assert model.least < model.bar < model.sure


def test_most_schemes_of_a_stream_are_raised_and_the_rest_seldom(seen):
    _, alerts, truth, stream = seen
    found = [truth[alert.finding.transactions[0]] for alert in alerts]
    schemes = set(stream.scheme[stream.label].tolist())
    assert len(schemes & set(found)) / len(schemes) >= 0.85
    assert np.mean([scheme >= 0 for scheme in found]) >= 0.3
    assert stream.label.mean() < 0.02


def test_an_alert_says_why_in_words_and_shows_what_surrounds_it(seen):
    _, alerts, truth, _ = seen
    best = max(alerts, key=lambda alert: alert.finding.confidence)
    finding = best.finding
    assert finding.model == LaunderingModel.shipped().digest
    assert sum(" adds " in reason for reason in finding.reasons) == 5
    assert finding.severity is Severity.HIGH and finding.loss_token == NATIVE
    assert finding.transactions[0] in {edge.transaction for edge in finding.edges}
    ends = {end for edge in finding.edges for end in (edge.src, edge.dst)}
    assert {entity.address for entity in finding.entities} == ends
    assert [entity.role for entity in finding.entities[:2]] == ["sender", "receiver"]
    assert all(edge.transaction in truth for edge in finding.edges)


def test_alerts_of_one_scheme_carry_one_name(seen):
    _, alerts, truth, _ = seen
    names = {}
    for alert in alerts:
        scheme = truth[alert.finding.transactions[0]]
        if scheme >= 0:
            names.setdefault(scheme, []).append(alert.finding.scheme)
    several = [given for given in names.values() if len(given) > 2]
    assert len(several) > 3
    assert np.mean([len(set(given)) < len(given) for given in several]) > 0.9


def test_a_restart_and_a_fork_change_no_alert(seen):
    watch, _, _, _ = seen
    again = watch_from_bytes(watch_bytes(watch), [Laundering()], SCALES)
    tip = watch.tip
    rows = [(3, 4, 10**9, None)] * 6
    for one in (watch, again):
        late = watch.tip.number + 1
        one.accept(block(tip.hash, late, rows, salt=b"fork", time=TRAFFIC.days * 86_400))
    straight = block(tip.hash, tip.number + 1, rows[:2], time=TRAFFIC.days * 86_400)
    assert again.accept(straight) == watch.accept(straight)
    assert watch.memory.summary() == again.memory.summary()


def test_random_forks_leave_no_trace():
    keen = Laundering(replace(LaunderingModel.shipped(), least=-(1 << 50), sure=0), per_hour=40)
    draw, main = np.random.default_rng(6), branch(30, 25)
    shown, straight = Watch(1, [keen], SCALES), Watch(1, [keen], SCALES)
    for number, one in enumerate(main):
        if number and draw.random() < 0.5:
            back = int(draw.integers(0, min(number, 6)))
            for other in branch(100 + number, 3, main[number - 1 - back].hash, number - back):
                shown.accept(other)
            for again in main[number - back : number]:
                shown.accept(again)
        shown.accept(one)
        straight.accept(one)
    raised = [[alert for step in w.steps for alert in step.alerts] for w in (shown, straight)]
    assert raised[0] == raised[1] and len(raised[0]) > 5
    assert shown.memory.summary() == straight.memory.summary()
    assert shown.flows.graph.summary() == straight.flows.graph.summary()


def test_a_model_of_other_features_is_refused():
    model = LaunderingModel.shipped()
    trees = replace(model.trees, names=model.names[:-1])
    narrow = Laundering(replace(model, trees=trees))
    watch = Watch(1, [narrow], SCALES)
    with pytest.raises(InputError, match="67"):
        watch.accept(block(GENESIS, 0, [(1, 2, 5, None)]))


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"format": "other"}', "cut", "loop"])
def test_a_damaged_model_is_refused(damage):
    whole = LaunderingModel.shipped().to_bytes()
    if damage == "cut":
        damage = whole[:-40]
    if damage == "loop":
        at = whole.index(b'"left":[') + len(b'"left":[')
        damage = whole[:at] + b"0" + whole[whole.index(b",", at) :]
    with pytest.raises(InputError, match=r"no laundering model|of format|child before"):
        LaunderingModel.from_bytes(damage)


def test_a_row_reads_as_the_typology_whose_figures_it_has():
    quiet = dict.fromkeys(LaunderingModel.shipped().names, 0)
    layers = {"cluster_sources": 2, "cluster_sinks": 7}
    assert readings(quiet) == ()
    for change, name, figure in (
        ({"cycle": 3}, "cycle", "in 4 hops"),
        ({"middlemen": 4}, "scatter-gather", "5 middlemen"),
        (layers | {"cluster_middles": 3}, "stack", "3 accounts between"),
        (layers, "bipartite", "7 receivers"),
        ({"fresh_alike_in_src": 5}, "gather-scatter", "gathered 5"),
        ({"fresh_alike_in_dst": 2}, "fan-in", "3 alike"),
        ({"fresh_alike_out_src": 2}, "fan-out", "3 alike"),
        ({"chain": 1, "fresh": 1}, "chain", "2 transfers in a row"),
        ({"paid_before": 5, "alike_out_src": 5}, "structuring", "6 transfers"),
    ):
        found = readings(quiet | change)
        assert found[0].name == name and figure in found[0].why
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_the_bar_holds_about_the_budget_whatever_comes():
    draw, ranking, raised = np.random.default_rng(5), Ranking.begin(0), 0
    for minute in range(0, 60 * 72, 5):
        ranking = ranking.at(minute * 60)
        scale = 1 + (minute > 60 * 24) * 2
        scores = (draw.normal(-4, 1.5, 100 * scale) * 2**24).astype(np.int64)
        raised += int((scores >= ranking.bar(6)).sum())
        ranking = ranking.with_scores(scores)
    assert 0.5 * 6 * 72 <= raised <= 2 * 6 * 72
    assert Ranking.of_value(ranking.to_value()).bar(6) == ranking.bar(6)


def test_what_was_seen_long_ago_counts_less():
    seen = Ranking.begin(0).with_scores(np.full(100, 5 << 24))
    assert seen.at(20 * HOUR).bar(1) > 5 << 24 > seen.at(200 * HOUR).bar(1)


def test_a_detector_keeps_to_its_budget_and_beyond_it_raises_what_is_sure():
    stream = Generator(78, replace(TRAFFIC, rows=3_000, accounts=400)).stream()
    never, shipped = 1 << 50, LaunderingModel.shipped()
    for sure, rows, least, most in ((never, 3_000, 40, 200), (-never, 30, 25, 30)):
        model = replace(shipped, least=-never, sure=sure)
        watch, parent, raised = Watch(1, [Laundering(model, per_hour=1)], SCALES), GENESIS, 0
        for number, part in enumerate(np.array_split(np.arange(min(rows, len(stream))), 90)):
            if not len(part):
                continue
            columns = (stream.src[part], stream.dst[part], stream.amount[part])
            legs = [(int(a), int(b), int(c), None) for a, b, c in zip(*columns, strict=True)]
            one = block(parent, number, legs, time=int(stream.time[part[-1]]))
            raised += len(watch.accept(one).raised)
            parent = one.hash
        assert least <= raised <= most


def test_after_a_long_silence_nothing_is_held_against_what_comes():
    busy = Ranking.begin(0).with_scores(np.full(10**5, 5 << 24))
    assert busy.bar(1) > 5 << 24 > busy.at(10_000 * HOUR).bar(1)


def test_shares_are_written_with_two_decimals():
    given = (0, 1 << 24, -(1 << 24), 3 << 23, -83_887)
    assert [in_words(score) for score in given] == ["+0.00", "+1.00", "-1.00", "+1.50", "-0.01"]


def test_a_hub_joins_no_schemes():
    table, model = Recent(Memory(), "schemes", 99), LaunderingModel.shipped()
    rows = [transfer for one in branch(3, 8) for transfer in _transfers(one)]
    features = dict.fromkeys(model.names, 0) | {"sent_src": HUB + 1}
    first = scheme_of(table, 10, rows[0], features, b"\1" * 32)
    other = replace(rows[0], dst=b"\x77" * 20)
    assert scheme_of(table, 20, other, features, b"\2" * 32) != first
    assert scheme_of(table, 20, rows[0], features, b"\3" * 32) == first


def _transfers(one):
    from counterpoise.monitor.blocks import transfers_of

    return list(transfers_of(one))
