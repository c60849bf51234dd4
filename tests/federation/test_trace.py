"""A judge who holds a round's root and a few openings recomputes one number."""

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
from counterpoise.federation.rules.round_trace import HEADER, SECTIONS
from counterpoise.federation.rules.trace import SUMMARY, TAG, packed

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


def judged(header, row_opening, losses, row, mixture):
    """Whether one cell is right, from three openings and the root alone."""
    for opening in (header, row_opening, losses):
        opening.check(RESULT.digests.trace)
    weights = whole(header.entry[HEADER : HEADER + 24], 8)
    label, base, *deltas = whole(row_opening.entry[4 * RULES.model.inputs :], 8)
    shares = [w if mixture >> i & 1 else 0 for i, w in enumerate(weights)]
    mixed = sum(c * d for c, d in zip(shares, deltas, strict=True)) // max(1, sum(shares))
    found = whole(losses.entry[8:], 4)[row]
    return found == plain_loss(TABLE, [plain_settled(base + mixed)], label)


def test_a_judge_finds_every_cell_right():
    header = TRACE.opening("round", 0)
    for row in range(len(ROWS.labels)):
        for mixture in range(8):
            openings = TRACE.opening("rows", row), TRACE.opening("losses", mixture)
            assert judged(header, *openings, row, mixture)


def test_a_judge_finds_the_one_wrong_coalition(monkeypatch):
    section, last = TRACE.section("losses"), len(ROWS.labels) - 1
    entries = section.entries.copy()
    entries[5, 8 + 4 * last + 3] ^= 1  # the last row's loss in coalition 5
    lie = Trace(tuple(Section("losses", entries) if s is section else s for s in TRACE.sections))
    monkeypatch.setattr(RESULT.digests.__class__, "trace", lie.root)
    wrong = [
        mixture
        for mixture in range(8)
        if not judged(
            lie.opening("round", 0),
            lie.opening("rows", last),
            lie.opening("losses", mixture),
            last,
            mixture,
        )
    ]
    assert wrong == [5]


def test_a_coordinate_of_the_model_follows_from_one_entry_and_the_weights():
    opening = TRACE.opening("model", 0)
    opening.check(RESULT.digests.trace)
    base, model = whole(opening.entry[:64], 8), whole(opening.entry[64:128], 8)
    steps = [whole(opening.entry[128 + 32 * i : 160 + 32 * i], 4) for i in range(3)]
    weights = [WEIGHTS[address(i)] for i in range(3)]
    for j in range(RULES.model.n_params):
        total = sum(w * step[j] for w, step in zip(weights, steps, strict=True))
        assert model[j] - base[j] == total // sum(weights)


def test_sums_in_the_trace_lead_from_losses_to_scores():
    losses = TRACE.section("losses").entries
    ends = [whole(bytes(entry[:8]), 8)[0] for entry in losses]
    utilities = [u for i in range(2) for u in whole(TRACE.section("utilities").entry(i), 8)]
    assert utilities[15:23] == [-end for end in ends] == RESULT.utilities.tolist()
    assert not any(utilities[:15]) and not any(utilities[23:])
    assert whole(TRACE.section("steps").entry(1), 8) == list(RESULT.phi.values())


def test_the_trace_names_its_task_round_and_place():
    entry = TRACE.section("round").entry(0)
    assert entry[:32] == CONTEXT
    assert entry[32:64] == task_digest(RULES)
    assert int.from_bytes(entry[64:72], "big") == 3
    other = score_round(RULES, 2, zero_model(RULES), UPDATES, WEIGHTS, ROWS, context=CONTEXT)
    assert other.trace.root != TRACE.root


def test_updates_scores_and_dues_are_entries_of_their_own():
    for i, member in enumerate(sorted(UPDATES)):
        entry = TRACE.section("updates").entry(i)
        assert entry[:20] == member
        assert int.from_bytes(entry[20:28], "big") == WEIGHTS[member]
        assert entry[28:60] == sha256(update_bytes(UPDATES[member]))
        assert entry[60] == (member in RESULT.aggregated)
        score = TRACE.section("scores").entry(i)
        assert score[:20] == member
        assert whole(score[20:36], 16) == [RESULT.phi[member]]
        due = TRACE.section("dues").entry(0)[36 * i : 36 * i + 36]
        assert due == member + RESULT.standing.dues[member].to_bytes(16, "big")


def test_every_changed_byte_of_an_opening_is_noticed():
    opening = TRACE.opening("losses", 6)
    opening.check(TRACE.root)
    for place in range(0, len(opening.entry), 7):
        entry = bytearray(opening.entry)
        entry[place] ^= 0x80
        with pytest.raises(VerificationError):
            replace(opening, entry=bytes(entry)).check(TRACE.root)
    for lie in (
        replace(opening, index=5),
        replace(opening, section=3),
        replace(opening, section=len(SECTIONS)),
        replace(opening, proof=opening.proof[:-1]),
        replace(opening, head=opening.head[:-1] + b"\x00"),
    ):
        with pytest.raises(VerificationError):
            lie.check(TRACE.root)
    with pytest.raises(VerificationError):
        opening.check(bytes(32))


def test_the_root_is_the_hash_of_the_sections_rfc_6962_roots():
    summaries = []
    for section in TRACE.sections:
        entries = [section.entry(i) for i in range(len(section.entries))]
        size = section.entries.shape[1]
        sizes = len(entries).to_bytes(8, "big") + size.to_bytes(8, "big")
        summaries.append(sizes + merkle.root(entries))
    assert [section.name for section in TRACE.sections] == [*SECTIONS]
    assert len(b"".join(summaries)) == SUMMARY * len(SECTIONS)
    assert sha256(TAG + b"".join(summaries)) == TRACE.root == RESULT.digests.trace


def test_a_trace_is_read_back_from_its_bytes():
    data = TRACE.to_bytes()
    assert Trace.from_bytes(data, SECTIONS).root == TRACE.root
    for wrong in (data[:-1], data + b"\0", data[:100], b""):
        with pytest.raises(InputError, match="a trace"):
            Trace.from_bytes(wrong, SECTIONS)


def test_a_section_or_an_entry_that_is_not_there_is_named():
    with pytest.raises(InputError, match="no section 'pay'"):
        TRACE.section("pay")
    with pytest.raises(InputError, match="no entry 8 among 8"):
        TRACE.section("losses").entry(8)


def test_a_round_of_nobody_still_has_a_trace():
    empty = score_round(RULES, 0, zero_model(RULES), {}, {}, ROWS)
    assert empty.void
    assert empty.trace.section("updates").entries.shape == (0, 61)
    empty.trace.opening("rows", 0).check(empty.digests.trace)


def test_columns_are_packed_big_endian():
    found = packed(np.array([-2, 1], dtype=np.int64), np.array([[1, 256]] * 2, dtype=np.int32))
    assert found[0].tobytes().hex() == "fffffffffffffffe" + "00000001" + "00000100"
