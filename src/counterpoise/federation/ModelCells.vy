# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Cells of a round's model
@license Apache-2.0
@notice Recomputes one number of a round's trace: its shape, its header, one coordinate of the aggregate, of an update
     or of a sum of statistics. Says whether what was posted is false.
@dev Stateless. The judge puts place and articles before what a challenger sends, so both are true.
@custom:trust Nobody: the answer follows from the arguments. Ask it through RoundJudge, which vouches for the first two.
@custom:stop Nothing to stop: it holds nothing.
"""

from counterpoise.federation import IRoundJudge
from counterpoise.federation import trace_entries as entries
from counterpoise.federation import array_files as files

ROUND: constant(uint256) = 0
UPDATES: constant(uint256) = 1
MODEL: constant(uint256) = 2
STANDING: constant(uint256) = 9
SECTIONS: constant(uint256) = 11
EXACT: constant(uint256) = 0
PATH: constant(uint256) = 1
PERMUTATION: constant(uint256) = 2
ORDERS: constant(uint256) = 120
EMPTY_ROOT: constant(bytes32) = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855


@external
@pure
def shape(place: IRoundJudge.Place, articles: IRoundJudge.Articles, head: Bytes[528]) -> bool:
    """
    @notice A section has another number of entries, or size, than it must; or another root than was posted.
    """
    entries._check_head(head, place.trace_root)
    if extract32(head, 64) != place.updates_root or extract32(head, 400) != place.scores_digest:
        return True
    n: uint256 = entries._count(head, UPDATES)
    accounts: uint256 = entries._count(head, STANDING)
    if n > articles.members or accounts > articles.members or accounts == 0:
        return True
    counts: uint256[11] = [1, n, 0, 0, 0, 0, 0, 0, 0, accounts, 1]
    sizes: uint256[11] = [205 + 9 * n, 61, 8 + 8 * n, 0, 0, 0, 0, 0, 0, 149, 36 * accounts]
    mixtures: uint256 = 0
    if place.number == 1:
        counts[2] = 1 + 2 * articles.inputs
    else:
        outputs: uint256 = articles.classes if articles.classes > 2 else 1
        counts[2] = (articles.params + 7) // 8
        sizes[2] = 128 + 32 * n
        counts[3] = articles.rows
        sizes[3] = 4 * articles.inputs + 8
        if articles.hidden == 0:
            sizes[3] += 8 * outputs * (1 + n)
        mixtures = 1 << n
        if articles.scoring == PATH:
            mixtures = 16 * n + 2
        elif articles.scoring == PERMUTATION:
            mixtures = entries._count(head, 7)
            counts[7] = mixtures
            sizes[7] = 8
        if mixtures == 0 or mixtures >= 2**32:
            return True
        counts[4] = mixtures * ((articles.rows + 63) // 64)
        sizes[4] = 264
        counts[5] = (mixtures + 14) // 16 + 1
        sizes[5] = 128
        if n > 0 and articles.scoring == EXACT:
            counts[6] = counts[5]
            sizes[6] = 8 * n
        elif n > 0 and articles.scoring == PERMUTATION:
            counts[6] = ORDERS
            sizes[6] = 14 * n
        counts[8] = n
        sizes[8] = 44
    for section: uint256 in range(SECTIONS):
        found: uint256 = convert(slice(head, 48 * section, 16), uint256)
        if found != (counts[section] << 64) | sizes[section]:
            return True
        if counts[section] == 0 and extract32(head, 48 * section + 16) != EMPTY_ROOT:
            return True
    return False


@external
@pure
def header(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    round: IRoundJudge.Opening,
    before_head: Bytes[528],
    before: IRoundJudge.Opening,
) -> bool:
    """
    @notice The header names another place, task or round, or releases another part of the pot.
    @param before The header of the round before; not looked at in the first round.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROUND, round):
        return True
    if extract32(round.entry, 0) != place.context or extract32(round.entry, 32) != articles.task:
        return True
    if convert(slice(round.entry, entries.NUMBER_AT, 8), uint256) != place.number:
        return True
    counts: uint256 = convert(slice(round.entry, entries.COUNTS_AT, 1), uint256)
    if counts > 1:
        return True
    released: uint256 = 0
    if place.number > 1:
        entries._check_head(before_head, place.before_trace)
        assert not entries._is_misshapen(before_head, ROUND, before), "cells: the round before is misshapen"
        released = convert(extract32(before.entry, entries.RELEASED_AT), uint256)
    elif counts != 0:
        return True
    if counts == 1:
        done: uint256 = articles.pot * (place.number - 2) // articles.rounds
        released += articles.pot * (place.number - 1) // articles.rounds - done
    if counts == 0:
        # 48 bytes of earnings and bar, and the address at the bar.
        if extract32(round.entry, entries.EARNED_AT) != empty(bytes32):
            return True
        if extract32(round.entry, entries.BAR_AT) != empty(bytes32):
            return True
        if convert(slice(round.entry, entries.LAST_AT, 20), uint256) != 0:
            return True
    return convert(extract32(round.entry, entries.RELEASED_AT), uint256) != released


@external
@pure
def aggregate(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    round: IRoundJudge.Opening,
    numbers: IRoundJudge.Opening,
    at: uint256,
) -> bool:
    """
    @notice A coordinate of the next model is not the base and the weighted mean; or the padding is not zero.
    @param at Which of the 8 coordinates of the entry.
    """
    assert place.number > 1, "cells: no model is trained in the first round"
    assert at < 8, "cells: no such coordinate"
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROUND, round) or entries._is_misshapen(head, MODEL, numbers):
        return True
    n: uint256 = entries._members(head)
    base: int256 = convert(slice(numbers.entry, 8 * at, 8), int256)
    model: int256 = convert(slice(numbers.entry, 64 + 8 * at, 8), int256)
    total: int256 = 0
    weights: int256 = 0
    padding: bool = 8 * numbers.index + at >= articles.params
    for i: uint256 in range(n, bound=64):
        step: int256 = convert(slice(numbers.entry, 128 + 32 * i + 4 * at, 4), int256)
        if padding and step != 0:
            return True
        if convert(slice(round.entry, entries.WEIGHTS_AT + 8 * n + i, 1), uint256) != 0:
            weight: int256 = convert(slice(round.entry, entries.WEIGHTS_AT + 8 * i, 8), int256)
            total += weight * step
            weights += weight
    if padding:
        return base != 0 or model != 0
    if weights <= 0:
        return model != base
    return model != base + entries._floor(total, weights)


@external
@pure
def base(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    numbers: IRoundJudge.Opening,
    before_head: Bytes[528],
    before: IRoundJudge.Opening,
    at: uint256,
) -> bool:
    """
    @notice A coordinate of the base is not that of the model after the round before.
    """
    assert place.number > 2, "cells: no round was trained before"
    assert at < 8, "cells: no such coordinate"
    entries._check_head(head, place.trace_root)
    entries._check_head(before_head, place.before_trace)
    assert numbers.index == before.index, "cells: another entry of the round before"
    if entries._is_misshapen(head, MODEL, numbers):
        return True
    assert not entries._is_misshapen(before_head, MODEL, before), "cells: the round before is misshapen"
    found: uint256 = convert(slice(numbers.entry, 8 * at, 8), uint256)
    return found != convert(slice(before.entry, 64 + 8 * at, 8), uint256)


@external
@pure
def model_blob(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    numbers: IRoundJudge.Opening,
    at: uint256,
    blob: Bytes[16384],
    is_base: bool,
) -> bool:
    """
    @notice The blob under the model's digest is no model of these articles, or one number is not that of the trace.
    @param numbers An entry of `model`; in the first round, one column of the statistics.
    @param is_base In the second round: the blob is the model before it, and the base is compared.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, MODEL, numbers):
        return True
    if is_base:
        assert place.number == 2, "cells: the base is compared in the second round"
        assert sha256(blob) == place.before_model, "cells: not the blob of the model before"
        assert files._is_model(blob, articles.params, 1 + 2 * articles.inputs), "cells: no model"
    else:
        assert sha256(blob) == place.model_digest, "cells: not the blob of the model"
        if not files._is_model(blob, articles.params, 1 + 2 * articles.inputs):
            return True
    if place.number == 1:
        if files._statistic(blob, articles.params, 1 + 2 * articles.inputs, numbers.index) != convert(slice(numbers.entry, 0, 8), int256):
            return True
        return files._base_digest(blob, articles.params) != articles.base
    place_at: uint256 = 8 * numbers.index + at
    assert at < 8 and place_at < articles.params, "cells: no such parameter"
    found: int256 = convert(slice(numbers.entry, (0 if is_base else 64) + 8 * at, 8), int256)
    return files._parameter(blob, articles.params, place_at) != found


@external
@pure
def statistics(
    place: IRoundJudge.Place, articles: IRoundJudge.Articles, blob: Bytes[16384], before: Bytes[16384]
) -> bool:
    """
    @notice The model carries other statistics than the model before it.
    """
    assert place.number > 1, "cells: no model before the first round"
    assert sha256(blob) == place.model_digest, "cells: not the blob of the model"
    assert sha256(before) == place.before_model, "cells: not the blob of the model before"
    assert files._is_model(before, articles.params, 1 + 2 * articles.inputs), "cells: no model"
    if len(blob) != len(before):
        return True
    start: uint256 = files._statistics_at(articles.params, 1 + 2 * articles.inputs)
    for number: uint256 in range(1 + 2 * articles.inputs, bound=1025):
        at: uint256 = start + 8 * number
        if convert(slice(blob, at, 8), uint256) != convert(slice(before, at, 8), uint256):
            return True
    return False


@external
@pure
def update(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    member: IRoundJudge.Opening,
    numbers: IRoundJudge.Opening,
    at: uint256,
    blob: Bytes[16384],
) -> bool:
    """
    @notice A member's number in the trace is not that of the blob which the trace names as its update; or the blob is
         no update, or beyond the clip.
    """
    assert at < 8, "cells: no such coordinate"
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, UPDATES, member) or entries._is_misshapen(head, MODEL, numbers):
        return True
    assert sha256(blob) == extract32(member.entry, 28), "cells: not the blob of the update"
    if place.number == 1:
        if not files._is_vector(blob, 1 + 2 * articles.inputs, 8):
            return True
        seen: int256 = convert(slice(numbers.entry, 8 + 8 * member.index, 8), int256)
        return files._number(blob, 1 + 2 * articles.inputs, 8, numbers.index) != seen
    if not files._is_vector(blob, articles.params, 4):
        return True
    place_at: uint256 = 8 * numbers.index + at
    assert place_at < articles.params, "cells: no such parameter"
    value: int256 = files._number(blob, articles.params, 4, place_at)
    if abs(value) > convert(articles.clip, int256):
        return True
    return value != convert(slice(numbers.entry, 128 + 32 * member.index + 4 * at, 4), int256)


@external
@pure
def column(
    place: IRoundJudge.Place, articles: IRoundJudge.Articles, head: Bytes[528], numbers: IRoundJudge.Opening
) -> bool:
    """
    @notice A sum of statistics is not the sum over the members.
    """
    assert place.number == 1, "cells: sums are of the first round"
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, MODEL, numbers):
        return True
    total: int256 = 0
    for i: uint256 in range(entries._members(head), bound=64):
        total += convert(slice(numbers.entry, 8 + 8 * i, 8), int256)
    return total != convert(slice(numbers.entry, 0, 8), int256)
