"""The cells of a round's model: shape, header, aggregate, updates; as `ModelCells.vy`."""

import numpy as np

from counterpoise.core import merkle
from counterpoise.core.digest import array_bytes, array_from_bytes
from counterpoise.core.errors import CounterpoiseError
from counterpoise.federation.judge_rules import (
    MAX_BLOB,
    Articles,
    Place,
    any_misshapen,
    cells_of,
    check,
    check_blob,
    check_head,
    count_of,
    is_misshapen,
    members_of,
    number,
    signed,
)
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rules.round_trace import SECTIONS
from counterpoise.federation.rules.shapley import PERMUTATIONS
from counterpoise.federation.rules.trace import SUMMARY, Opening

ROUND, UPDATES, MODEL, ROWS = (SECTIONS.index(n) for n in ("round", "updates", "model", "rows"))
STANDING = SECTIONS.index("standing")
NUMBER_AT, ENTROPY_AT, COUNTS_AT, RELEASED_AT, EARNED_AT = 64, 72, 104, 105, 137
BAR_AT, LAST_AT, WEIGHTS_AT = 153, 185, 205
EXACT, PATH, PERMUTATION = range(3)


def shape(place: Place, articles: Articles, head: bytes) -> bool:
    """A section has another number of entries, or size, than it must; or another root."""
    check_head(head, place.trace_root)
    if head[64:96] != place.updates_root or head[400:432] != place.scores_digest:
        return True
    n, accounts = count_of(head, UPDATES), count_of(head, STANDING)
    if max(n, accounts) > articles.members or not accounts:
        return True
    wanted = _shape_of(place, articles, n, count_of(head, SECTIONS.index("masks")))
    if wanted is None:
        return True
    wanted = {**wanted, STANDING: (accounts, 149), SECTIONS.index("dues"): (1, 36 * accounts)}
    for section in range(len(SECTIONS)):
        count, size = wanted.get(section, (0, 0))
        at = SUMMARY * section
        if (number(head, at, 8), number(head, at + 8, 8)) != (count, size):
            return True
        if not count and head[at + 16 : at + SUMMARY] != merkle.EMPTY_ROOT:
            return True
    return False


def _shape_of(
    place: Place, articles: Articles, n: int, masks: int
) -> dict[int, tuple[int, int]] | None:
    found = {ROUND: (1, 205 + 9 * n), UPDATES: (n, 61)}
    if place.number == 1:
        return found | {MODEL: (articles.numbers, 8 + 8 * n)}
    logits = 0 if articles.hidden else 8 * articles.outputs * (1 + n)
    mixtures = {EXACT: 1 << n, PATH: 16 * n + 2, PERMUTATION: masks}[articles.scoring]
    if not 0 < mixtures < 1 << 32:
        return None
    entries = (mixtures + 14) // 16 + 1
    found |= {
        MODEL: ((articles.params + 7) // 8, 128 + 32 * n),
        ROWS: (articles.rows, 4 * articles.inputs + 8 + logits),
        SECTIONS.index("losses"): (mixtures * articles.blocks, 264),
        SECTIONS.index("utilities"): (entries, 128),
        SECTIONS.index("scores"): (n, 44),
    }
    if n and articles.scoring == EXACT:
        found[SECTIONS.index("steps")] = (entries, 8 * n)
    elif articles.scoring == PERMUTATION:
        found[SECTIONS.index("masks")] = (mixtures, 8)
        if n:
            found[SECTIONS.index("steps")] = (PERMUTATIONS, 14 * n)
    return found


def header(
    place: Place,
    articles: Articles,
    head: bytes,
    round_: Opening,
    before_head: bytes,
    before: Opening,
) -> bool:
    """The header names another place, task or round, or releases another part of the pot."""
    check_head(head, place.trace_root)
    if is_misshapen(head, ROUND, round_):
        return True
    entry = round_.entry
    if entry[:64] != place.context + articles.task:
        return True
    if number(entry, NUMBER_AT, 8) != place.number or (counts := entry[COUNTS_AT]) > 1:
        return True
    released = 0
    if place.number > 1:
        check_head(before_head, place.before_trace)
        check(not is_misshapen(before_head, ROUND, before), "the round before is misshapen")
        released = number(before.entry, RELEASED_AT, 32)
    elif counts:
        return True
    if counts:
        released += pot_of(place, articles)
    elif any(entry[EARNED_AT:WEIGHTS_AT]):
        return True
    return number(entry, RELEASED_AT, 32) != released


def pot_of(place: Place, articles: Articles) -> int:
    """The part of the pot that a training round releases."""
    done = articles.pot * (place.number - 2) // articles.rounds
    return articles.pot * (place.number - 1) // articles.rounds - done


def aggregate(
    place: Place, articles: Articles, head: bytes, round_: Opening, numbers: Opening, at: int
) -> bool:
    """A coordinate of the next model is not the base and the weighted mean."""
    check(place.number > 1, "no model is trained in the first round")
    check(at < 8, "no such coordinate")
    check_head(head, place.trace_root)
    if any_misshapen(head, (ROUND, round_), (MODEL, numbers)):
        return True
    n, entry = members_of(head), numbers.entry
    base, model = signed(entry, 8 * at, 8), signed(entry, 64 + 8 * at, 8)
    steps = [signed(entry, 128 + 32 * i + 4 * at, 4) for i in range(n)]
    if 8 * numbers.index + at >= articles.params:
        return any((base, model, *steps))
    total = weights = 0
    for i in range(n):
        if number(round_.entry, WEIGHTS_AT + 8 * n + i, 1):
            weight = signed(round_.entry, WEIGHTS_AT + 8 * i, 8)
            total, weights = total + weight * steps[i], weights + weight
    return model != base + (total // weights if weights > 0 else 0)


def base(
    place: Place,
    articles: Articles,
    head: bytes,
    numbers: Opening,
    before_head: bytes,
    before: Opening,
    at: int,
) -> bool:
    """A coordinate of the base is not that of the model after the round before."""
    check(place.number > 2, "no round was trained before")
    check(at < 8, "no such coordinate")
    check_head(head, place.trace_root)
    check_head(before_head, place.before_trace)
    check(numbers.index == before.index, "another entry of the round before")
    if is_misshapen(head, MODEL, numbers):
        return True
    check(not is_misshapen(before_head, MODEL, before), "the round before is misshapen")
    return number(numbers.entry, 8 * at, 8) != number(before.entry, 64 + 8 * at, 8)


def model_blob(
    place: Place,
    articles: Articles,
    head: bytes,
    numbers: Opening,
    at: int,
    blob: bytes,
    is_base: bool,
) -> bool:
    """The blob of the model is no model, or one number is not that of the trace."""
    check_head(head, place.trace_root)
    if is_misshapen(head, MODEL, numbers):
        return True
    check(not is_base or place.number == 2, "the base is compared in the second round")
    model = model_of(blob, articles)
    if is_base:
        check_blob(blob, place.before_model, "the model before")
        check(model is not None, "no model")
    else:
        check_blob(blob, place.model_digest, "the model")
    if model is None:
        return True
    if place.number == 1:
        if int(model.statistics[numbers.index]) != signed(numbers.entry, 0, 8):
            return True
        return ModelFile(model.params, np.zeros(0, np.int64)).digest != articles.base
    spot = 8 * numbers.index + at
    check(at < 8 and spot < articles.params, "no such parameter")
    return int(model.params[spot]) != signed(numbers.entry, (0 if is_base else 64) + 8 * at, 8)


def statistics(place: Place, articles: Articles, blob: bytes, before: bytes) -> bool:
    """The model carries other statistics than the model before it."""
    check(place.number > 1, "no model before the first round")
    check_blob(blob, place.model_digest, "the model")
    check_blob(before, place.before_model, "the model before")
    check((model := model_of(before, articles)) is not None, "no model")
    assert model is not None
    length = 8 * articles.numbers
    place_of = before.rindex(array_bytes(model.statistics)) + array_bytes(model.statistics).index(
        model.statistics.tobytes()
    )
    end = place_of + length
    return len(blob) != len(before) or blob[place_of:end] != before[place_of:end]


def update(
    place: Place,
    articles: Articles,
    head: bytes,
    member: Opening,
    numbers: Opening,
    at: int,
    blob: bytes,
) -> bool:
    """A member's number in the trace is not that of its blob, or the blob is no update."""
    check(at < 8, "no such coordinate")
    check_head(head, place.trace_root)
    if any_misshapen(head, (UPDATES, member), (MODEL, numbers)):
        return True
    check_blob(blob, member.entry[28:60], "the update")
    if place.number == 1:
        vector = vector_of(blob, articles.numbers, "<i8")
        if vector is None:
            return True
        return int(vector[numbers.index]) != signed(numbers.entry, 8 + 8 * member.index, 8)
    vector = vector_of(blob, articles.params, "<i4")
    if vector is None:
        return True
    spot = 8 * numbers.index + at
    check(spot < articles.params, "no such parameter")
    if abs(int(vector[spot])) > articles.clip:
        return True
    return int(vector[spot]) != signed(numbers.entry, 128 + 32 * member.index + 4 * at, 4)


def column(place: Place, articles: Articles, head: bytes, numbers: Opening) -> bool:
    """A sum of statistics is not the sum over the members."""
    check(place.number == 1, "sums are of the first round")
    check_head(head, place.trace_root)
    if is_misshapen(head, MODEL, numbers):
        return True
    total = sum(signed(numbers.entry, 8 + 8 * i, 8) for i in range(members_of(head)))
    return total != signed(numbers.entry, 0, 8)


def vector_of(blob: bytes, count: int, kind: str) -> np.ndarray | None:
    """The numbers of a blob; None if it is not the canonical bytes of so many of this kind."""
    try:
        found = array_from_bytes(blob, max_bytes=MAX_BLOB)
    except CounterpoiseError:
        return None
    right = found.dtype.str == kind and found.shape == (count,) and array_bytes(found) == blob
    return found if right else None


def model_of(blob: bytes, articles: Articles) -> ModelFile | None:
    """The model of a blob; None if it is none of these articles with statistics."""
    try:
        found = ModelFile.from_bytes(blob)
    except CounterpoiseError:
        return None
    shapes = (found.params.shape, found.statistics.shape)
    right = shapes == ((articles.params,), (articles.numbers,)) and found.to_bytes() == blob
    return found if right else None


CELLS = cells_of(shape, header, aggregate, base, model_blob, statistics, update, column)
