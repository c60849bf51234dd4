"""A judge who holds a round's root and two openings recomputes one number."""

from dataclasses import replace

import numpy as np
import pytest
from games import (
    address,
    plain_loss,
    plain_settled,
    some_rows,
    some_updates,
    task,
    zero_model,
)

from counterpoise.core import merkle
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.federation.rules import Section, Trace, score_round, task_digest, update_bytes
from counterpoise.federation.rules.loss import loss_table
from counterpoise.federation.rules.trace import packed

TABLE = [int(entry) for entry in loss_table()]
RNG = np.random.default_rng(3)
RULES = task(strategy="mean")
ROWS = some_rows(RULES, RNG)
UPDATES, WEIGHTS = some_updates(RULES, RNG, 3)
CONTEXT = b"\x05" * 32
RESULT = score_round(RULES, 1, zero_model(RULES), UPDATES, WEIGHTS, ROWS, context=CONTEXT)
TRACE = RESULT.trace


def whole(data, size):
    """Big-endian two's complement numbers of `size` bytes each."""
    return [
        int.from_bytes(data[i : i + size], "big", signed=True) for i in range(0, len(data), size)
    ]


def judged(row_opening, mixture_opening, row):
    """Whether one cell is right, from two openings and the root alone."""
    row_opening.check(RESULT.digests.trace)
    mixture_opening.check(RESULT.digests.trace)
    members, features = 3, RULES.model.inputs
    label, base, *deltas = whole(row_opening.entry[4 * features :], 8)
    head = whole(mixture_opening.entry[: 8 * (members + 2)], 8)
    denominator, coefficients = head[0], head[1 : 1 + members]
    mixed = sum(c * d for c, d in zip(coefficients, deltas, strict=True)) // denominator
    found = whole(mixture_opening.entry[8 * (members + 2) :], 4)[row]
    return found == plain_loss(TABLE, [plain_settled(base + mixed)], label)


def test_a_judge_finds_every_cell_right():
    for row in range(len(ROWS.labels)):
        for mixture in range(8):
            openings = TRACE.opening("rows", row), TRACE.opening("mixtures", mixture)
            assert judged(*openings, row)


def test_a_judge_finds_the_one_wrong_coalition(monkeypatch):
    section = TRACE.section("mixtures")
    entries = section.entries.copy()
    entries[5, -1] ^= 1  # the last row's loss in coalition 5
    lie = Trace(tuple(Section("mixtures", entries) if s is section else s for s in TRACE.sections))
    monkeypatch.setattr(RESULT.digests.__class__, "trace", lie.root)
    last = len(ROWS.labels) - 1
    wrong = [
        mixture
        for mixture in range(8)
        if not judged(lie.opening("rows", last), lie.opening("mixtures", mixture), last)
    ]
    assert wrong == [5]


def test_a_coordinate_of_the_model_follows_from_one_entry_and_the_weights():
    opening = TRACE.opening("model", 0)
    opening.check(RESULT.digests.trace)
    base, model = whole(opening.entry[:512], 8), whole(opening.entry[512:1024], 8)
    steps = [whole(opening.entry[1024 + 256 * i : 1280 + 256 * i], 4) for i in range(3)]
    weights = [WEIGHTS[address(i)] for i in range(3)]
    for j in range(RULES.model.n_params):
        total = sum(w * step[j] for w, step in zip(weights, steps, strict=True))
        assert model[j] - base[j] == total // sum(weights)


def test_the_trace_names_its_task_round_and_place():
    entry = TRACE.section("round").entry(0)
    assert entry[:32] == CONTEXT
    assert entry[32:64] == task_digest(RULES)
    assert int.from_bytes(entry[64:72], "big") == 1
    other = score_round(RULES, 2, zero_model(RULES), UPDATES, WEIGHTS, ROWS, context=CONTEXT)
    assert other.trace.root != TRACE.root


def test_updates_and_scores_are_entries_of_their_own():
    for i, member in enumerate(sorted(UPDATES)):
        entry = TRACE.section("updates").entry(i)
        assert entry[:20] == member
        assert int.from_bytes(entry[20:28], "big") == WEIGHTS[member]
        assert entry[28:60] == sha256(update_bytes(UPDATES[member]))
        assert entry[60] == (member in RESULT.aggregated)
        score = TRACE.section("scores").entry(i)
        assert score[:20] == member
        assert whole(score[20:36], 16) == [RESULT.phi[member]]
        assert int.from_bytes(score[36:], "big") == RESULT.pay[member]


def test_every_changed_byte_of_an_opening_is_noticed():
    opening = TRACE.opening("mixtures", 6)
    opening.check(TRACE.root)
    for place in range(0, len(opening.entry), 7):
        entry = bytearray(opening.entry)
        entry[place] ^= 0x80
        with pytest.raises(VerificationError):
            replace(opening, entry=bytes(entry)).check(TRACE.root)
    for lie in (
        replace(opening, index=5),
        replace(opening, section=3),
        replace(opening, proof=opening.proof[:-1]),
        replace(opening, summary=opening.summary[:-1] + b"\x00"),
        replace(opening, section_proof=opening.section_proof[::-1]),
    ):
        with pytest.raises(VerificationError):
            lie.check(TRACE.root)
    with pytest.raises(VerificationError):
        opening.check(bytes(32))


def test_the_root_is_the_rfc_6962_root_over_the_sections():
    summaries = []
    for section in TRACE.sections:
        entries = [section.entry(i) for i in range(len(section.entries))]
        name = section.name.encode().ljust(16, b"\x00")
        sizes = len(entries).to_bytes(8, "big") + len(entries[0]).to_bytes(8, "big")
        summaries.append(name + sizes + merkle.root(entries))
    assert merkle.root(summaries) == TRACE.root == RESULT.digests.trace


def test_a_section_or_an_entry_that_is_not_there_is_named():
    with pytest.raises(InputError, match="no section 'pay'"):
        TRACE.section("pay")
    with pytest.raises(InputError, match="no entry 8 among 8"):
        TRACE.section("mixtures").entry(8)


def test_a_round_of_nobody_still_has_a_trace():
    empty = score_round(RULES, 0, zero_model(RULES), {}, {}, ROWS)
    assert empty.void
    assert empty.trace.section("updates").entries.shape == (0, 61)
    empty.trace.opening("rows", 0).check(empty.digests.trace)


def test_columns_are_packed_big_endian():
    found = packed(np.array([-2, 1], dtype=np.int64), np.array([[1, 256]] * 2, dtype=np.int32))
    assert found[0].tobytes().hex() == "fffffffffffffffe" + "00000001" + "00000100"
