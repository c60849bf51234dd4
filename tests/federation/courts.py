"""Rounds without a network, and the benches that judge them: any task, two rounds of training."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from games import address

from counterpoise.chain import artifact_of, deploy, dev_account, open_chain
from counterpoise.core.claims_tree import ClaimsTree
from counterpoise.core.digest import array_bytes, sha256
from counterpoise.core.errors import Reverted
from counterpoise.federation.disputes import Suspect, raw_rows
from counterpoise.federation.judge import BENCHES
from counterpoise.federation.judge_pay import claim_leaves
from counterpoise.federation.judge_rules import Articles, Place, World, context_of
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rounds_rules import Record, Result
from counterpoise.federation.rules import (
    Rows,
    Standing,
    combined,
    local_statistics,
    score_round,
    standardised,
    update_bytes,
)
from counterpoise.federation.rules.loss import loss_table
from counterpoise.federation.rules.round_trace import statistics_trace
from counterpoise.federation.rules.trace import Section, Trace
from counterpoise.federation.validation import Disclosure, ValidationSet

CONTRACTS = Path(__file__).parent / "contracts"
STRANGER = b"\xee" * 20
ROUNDS, JOB = b"\x11" * 20, 7
TABLE = loss_table()[:-1].astype(">i4").tobytes()
ENTROPY = bytes(range(32))


@dataclass
class Benches:
    """The four benches on a chain of their own."""

    chain: object
    contracts: list
    cohort: bytes

    def ask(self, accusation, place, articles):
        """What a bench says: true, false, or why it refuses."""
        bench = self.contracts[accusation.bench]
        try:
            return bench.call(accusation.cell, *accusation.call(place, articles))
        except Reverted as refused:
            return refused.reason

    def agree(self, accusation, place, articles, world):
        """Ask the rules and the bench; they say the same."""
        found = self.ask(accusation, place, articles)
        try:
            wanted = accusation.is_false(place, articles, world)
        except Reverted as refused:
            wanted = refused.reason
        if isinstance(wanted, str) and not wanted.startswith("cells"):
            assert isinstance(found, str) and not found.startswith("cells"), (accusation, found)
        else:
            assert found == wanted, (accusation.cell, found, wanted)
        return found


def benches():
    chain, owner = open_chain("embedded:", clock=lambda: 1_700_000_000), dev_account(0)
    contracts = [
        deploy(chain, owner, name, *([TABLE] if name == "ScoreCells" else []))
        for name, _ in BENCHES
    ]
    crowd = deploy(chain, owner, artifact_of(CONTRACTS / "Crowd.vy"), STRANGER)
    return Benches(chain, contracts, crowd.address)


@dataclass
class Case:
    """One posted round as it is judged, and what stands behind it."""

    place: Place
    trace: Trace
    before: Trace | None


@dataclass
class Court:
    """Three rounds of one job, all true: statistics and two of training."""

    articles: Articles
    world: World
    cases: list
    blobs: dict
    rows: Section
    context: bytes

    def suspect(self, number, posted=None, place=None):
        """A round as somebody looks at it who knows the truth; posted as it is, or otherwise."""
        case = self.cases[number - 1]
        posted = posted or case.trace
        place = place or posted_as(case.place, posted)
        return Suspect(
            place,
            self.articles,
            self.world,
            posted,
            case.trace,
            case.before,
            self.blobs.get,
            self.rows,
        )


def posted_as(place, trace):
    """The place of a round whose result is consistent with this trace."""
    return replace(
        place,
        trace_root=trace.root,
        updates_root=trace.section("updates").root,
        scores_digest=trace.section("scores").root,
    )


def court(rules, members, cohort=bytes(20), seed=0, rows=12, absent=True):
    """Play three rounds of random rows and updates."""
    rng = np.random.default_rng(seed)
    spread = [(f.minimum, f.maximum) for f in rules.features]
    low, high = (np.array(column) for column in zip(*spread, strict=True))
    accounts = [address(i) for i in range(members + (1 if absent else 0))]
    sizes = {a: int(rng.integers(2, 60)) for a in accounts}
    weights = {a: min(n, rules.row_cap) for a, n in sizes.items()}
    own = {a: rng.integers(low, high + 1, (n, len(low))) for a, n in sizes.items()}
    vectors = {a: local_statistics(own[a], rules) for a in accounts}
    raw = rng.integers(low, high + 1, (rows, len(low)))
    labels = rng.integers(0, rules.model.classes, rows)
    validation = ValidationSet(
        tuple(
            Disclosure(bytes(32), 1, 0, bytes(16), (*map(int, x), int(y)), ())
            for x, y in zip(raw, labels, strict=True)
        )
    )
    zeros = np.zeros(rules.model.n_params, np.int32)
    base = ModelFile(zeros, np.zeros(0, np.int64))
    whole = combined(vectors, rules)
    model = ModelFile(zeros, np.array([whole.rows, *whole.sums, *whole.squares], np.int64))
    articles = Articles.of(rules, base.digest, raw_rows(validation).root, rows)
    context, blobs = context_of(31337, ROUNDS, JOB), {}
    keep = lambda blob: blobs.setdefault(sha256(blob), blob) and sha256(blob)  # noqa: E731
    digests = {a: keep(array_bytes(v)) for a, v in vectors.items()}
    trace = statistics_trace(
        (context, rules, 1), weights, vectors, digests, [int(x) for x in model.statistics]
    )
    cases, standing = [], Standing()
    cases.append(_case(trace, None, None, cohort, keep(model.to_bytes()), standing))
    features = standardised(raw, whole, rules)
    limit = min(rules.clip, 40_000)
    for number in (2, 3):
        present = accounts if number == 2 or not absent else accounts[:-1]
        updates = {
            a: rng.integers(-limit, limit + 1, rules.model.n_params).astype(np.int32)
            for a in present
        }
        for update in updates.values():
            keep(update_bytes(update))
        result = score_round(
            rules, number - 2, model.params.astype(np.int64), updates, weights,
            Rows(features, labels), standing=standing, entropy=ENTROPY, context=context,
        )  # fmt: skip
        standing = result.standing
        model = ModelFile(result.model.astype(np.int32), model.statistics)
        cases.append(
            _case(result.trace, cases[-1], number, cohort, keep(model.to_bytes()), standing)
        )
    world = World(31337, lambda job, account: account != STRANGER)
    return Court(articles, world, cases, blobs, raw_rows(validation), context)


def _case(trace, before, number, cohort, model, standing):
    content = Result(
        trace.section("updates").root, trace.root, trace.section("scores").root,
        bytes(32), standing.total, model, bytes(32),
    )  # fmt: skip
    total = before.place.pay_total if before else 0
    record = Record(bytes(32), 0, total, content)
    former = None
    if before:
        old = before.place
        former = replace(
            record,
            content=replace(content, trace_root=old.trace_root, model_digest=old.model_digest),
        )
    place = Place.of(31337, (ROUNDS, cohort), JOB, number or 1, (record, former))
    leaves = claim_leaves(place, World(31337), trace.section("dues").entry(0))
    root = ClaimsTree(list(leaves.values())).root if leaves else bytes(32)
    return Case(replace(place, pay_root=root), trace, before.trace if before else None)


def changed(trace, name, index, at, size, by=1):
    """The trace with one number of one entry changed."""
    section = trace.section(name)
    entries = section.entries.copy()
    field = entries[index, at : at + size]
    value = (int.from_bytes(field.tobytes(), "big") + by) % (1 << 8 * size)
    entries[index, at : at + size] = np.frombuffer(value.to_bytes(size, "big"), np.uint8)
    lie = Section(name, entries)
    return Trace(tuple(lie if s.name == name else s for s in trace.sections))


def candidates(suspect):
    """Every accusation of every entry, whether it differs or not."""
    count = {s.name: len(s.entries) for s in suspect.posted.sections}
    suspect.differing = lambda name: range(count[name])
    return suspect._candidates()
