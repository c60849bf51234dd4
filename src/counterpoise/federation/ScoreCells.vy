# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Cells of a round's scoring
@license Apache-2.0
@notice Recomputes one number on the way from updates to scores: a value or a logit of a validation row, the loss of
     one mixture on one row, a running sum of losses, a utility, a term of a Shapley value. Says whether what was posted is false.
@dev Stateless but for a table of ln(1 + e^-t), which lies as code at an address of its own: its SHA-256 is that of
     the specification of the integer loss. The judge puts place and articles before what a challenger sends.
@custom:trust Nobody: the answer follows from the arguments. Ask it through RoundJudge, which vouches for the first two.
@custom:stop Nothing to stop: it holds nothing.
"""

from counterpoise.chain.lib import rfc6962
from counterpoise.federation import IRoundJudge
from counterpoise.federation import array_files as files
from counterpoise.federation import trace_entries as entries

ROUND: constant(uint256) = 0
UPDATES: constant(uint256) = 1
ROWS: constant(uint256) = 3
LOSSES: constant(uint256) = 4
UTILITIES: constant(uint256) = 5
STEPS: constant(uint256) = 6
MASKS: constant(uint256) = 7
EXACT: constant(uint256) = 0
PATH: constant(uint256) = 1
PERMUTATION: constant(uint256) = 2
SCALE: constant(int256) = 360_360
LIMIT: constant(int256) = 64 * 2**20
FEATURE_LIMIT: constant(int256) = 2**15
TABLE_DIGEST: constant(bytes32) = 0x30fa3233994d06afc96e6e693fd02548ec036bf975b394b6d6296576cf6f7e86

TABLE: immutable(address)


@deploy
def __init__(table: Bytes[4100]):
    """
    @param table 1,025 entries of 4 bytes, of which the code of a new address is made, after one byte that stops.
    """
    assert sha256(table) == TABLE_DIGEST, "cells: not the table"
    # Returns all that follows these 12 bytes: a stop, the table, and one more entry of zero.
    TABLE = raw_create(concat(x"61100980600c6000396000f3", x"00", table, empty(bytes4)))


@view
@external
def table() -> address:
    """
    @notice The address whose code is the table.
    """
    return TABLE


@view
@external
def loss(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    round: IRoundJudge.Opening,
    row: IRoundJudge.Opening,
    losses: IRoundJudge.Opening,
    mask: IRoundJudge.Opening,
) -> bool:
    """
    @notice The loss of a mixture on a row is false.
    @param losses The entry of the mixture that has the row.
    @param mask Who is in the coalition, under scoring by permutations; not looked at elsewhere.
    """
    self._check_trained(place)
    assert articles.hidden == 0, "cells: losses of perceptrons are not judged"
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROUND, round) or entries._is_misshapen(head, ROWS, row):
        return True
    if entries._is_misshapen(head, LOSSES, losses):
        return True
    blocks: uint256 = (articles.rows + 63) // 64
    mixture: uint256 = losses.index // blocks
    assert losses.index % blocks == row.index // 64, "cells: another row"
    members: uint256 = mixture
    if articles.scoring == PERMUTATION:
        assert mask.index == mixture, "cells: another mixture"
        if entries._is_misshapen(head, MASKS, mask):
            return True
        members = convert(slice(mask.entry, 0, 8), uint256)
    n: uint256 = entries._members(head)
    mixed: DynArray[int256, 64] = []
    divisor: int256 = 0
    for i: uint256 in range(n, bound=64):
        weight: int256 = convert(slice(round.entry, entries.WEIGHTS_AT + 8 * i, 8), int256)
        share: int256 = 0
        if articles.scoring == PATH:
            share = weight * self._path_share(mixture, i, n)
            divisor += 16 * weight
        elif (members >> i) & 1 == 1:
            share = weight
            divisor += weight
        mixed.append(share)
    if divisor <= 0:
        divisor = 1
    outputs: uint256 = articles.classes if articles.classes > 2 else 1
    labelled: uint256 = 4 * articles.inputs
    label: uint256 = convert(slice(row.entry, labelled, 8), uint256)
    excess: uint256 = articles.scale_bits + articles.feature_bits - 20
    folded: int256 = 0
    own: int256 = 0
    for k: uint256 in range(outputs, bound=256):
        total: int256 = 0
        for i: uint256 in range(n, bound=64):
            at: uint256 = labelled + 8 * (1 + outputs + i * outputs + k)
            total += mixed[i] * convert(slice(row.entry, at, 8), int256)
        raw: int256 = convert(slice(row.entry, labelled + 8 * (1 + k), 8), int256)
        settled: int256 = max(-LIMIT, min(LIMIT, (raw + entries._floor(total, divisor)) >> excess))
        if outputs == 1:
            folded = settled if label == 0 else -settled
            folded = max(folded, 0) + self._curve(abs(folded))
        else:
            if k == label:
                own = settled
            if k == 0:
                folded = settled
            else:
                folded = max(folded, settled) + self._curve(abs(folded - settled))
    found: int256 = convert(slice(losses.entry, 8 + 4 * (row.index % 64), 4), int256)
    return found != folded - own


@external
@pure
def logit(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    member: IRoundJudge.Opening,
    row: IRoundJudge.Opening,
    output: uint256,
    blob: Bytes[16384],
    is_base: bool,
) -> bool:
    """
    @notice A raw logit of a validation row is not that of the base model, or of a member's update alone.
    @param member The member's entry in `updates`; not looked at for the base model.
    @param blob The update, or the model before the round.
    """
    self._check_trained(place)
    assert articles.hidden == 0, "cells: logits of perceptrons are not judged"
    outputs: uint256 = articles.classes if articles.classes > 2 else 1
    assert output < outputs, "cells: no such output"
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROWS, row):
        return True
    start: uint256 = 0
    at: uint256 = 4 * articles.inputs + 8 * (1 + output)
    if is_base:
        assert sha256(blob) == place.before_model, "cells: not the blob of the model before"
        assert files._is_model(blob, articles.params, 1 + 2 * articles.inputs), "cells: no model"
        start = files._parameters_at(articles.params)
    else:
        if entries._is_misshapen(head, UPDATES, member):
            return True
        assert sha256(blob) == extract32(member.entry, 28), "cells: not the blob of the update"
        if not files._is_vector(blob, articles.params, 4):
            return True
        start = files._vector_at(articles.params, 4)
        at += 8 * outputs * (1 + member.index)
    total: int256 = 0
    for f: uint256 in range(articles.inputs, bound=512):
        small: uint256 = convert(slice(blob, start + 4 * (output * articles.inputs + f), 4), uint256)
        total += (files._little(small) >> 32) * convert(slice(row.entry, 4 * f, 4), int256)
    small: uint256 = convert(slice(blob, start + 4 * (outputs * articles.inputs + output), 4), uint256)
    total += (files._little(small) >> 32) << articles.feature_bits
    return total != convert(slice(row.entry, at, 8), int256)


@external
@pure
def row(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    row: IRoundJudge.Opening,
    raw: IRoundJudge.Opening,
    blob: Bytes[16384],
    feature: uint256,
) -> bool:
    """
    @notice A feature of a validation row is not that of the row which the sponsor committed to, standardised; or its
         label is another.
    @param raw The row under the articles' root: each feature 4 bytes, the label 8.
    @param blob The model before the round; its statistics standardise.
    @param feature Which one; the label is the one after the last.
    """
    self._check_trained(place)
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROWS, row):
        return True
    leaf: bytes32 = sha256(concat(entries.LEAF, raw.entry))
    included: bool = rfc6962._is_included(leaf, raw.index, articles.rows, raw.proof, articles.rows_root)
    assert included and raw.index == row.index, "cells: not the row of the sponsor"
    assert len(raw.entry) == 4 * articles.inputs + 8, "cells: no row of the task"
    assert feature <= articles.inputs, "cells: no such feature"
    if feature == articles.inputs:
        return slice(raw.entry, 4 * feature, 8) != slice(row.entry, 4 * feature, 8)
    numbers: uint256 = 1 + 2 * articles.inputs
    assert sha256(blob) == place.before_model, "cells: not the blob of the model before"
    assert files._is_model(blob, articles.params, numbers), "cells: no model"
    count: int256 = files._statistic(blob, articles.params, numbers, 0)
    total: int256 = files._statistic(blob, articles.params, numbers, 1 + feature)
    squares: int256 = files._statistic(blob, articles.params, numbers, 1 + articles.inputs + feature)
    spread: int256 = count * squares - total * total
    assert spread >= 0, "cells: no statistics"
    wanted: int256 = 0
    deviation: int256 = convert(isqrt(convert(spread, uint256)), int256)
    if deviation != 0:
        centred: int256 = convert(slice(raw.entry, 4 * feature, 4), int256) * count - total
        wanted = entries._floor(centred << articles.feature_bits, deviation)
        wanted = max(-FEATURE_LIMIT, min(FEATURE_LIMIT, wanted))
    return wanted != convert(slice(row.entry, 4 * feature, 4), int256)


@external
@pure
def loss_sum(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    losses: IRoundJudge.Opening,
    before: IRoundJudge.Opening,
) -> bool:
    """
    @notice A running sum of losses is not the one before it and its rows; or there is a loss of no row.
    @param before The entry before; not looked at for the first entry of a mixture.
    """
    self._check_trained(place)
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, LOSSES, losses):
        return True
    number: uint256 = losses.index % ((articles.rows + 63) // 64)
    total: int256 = 0
    if number > 0:
        assert before.index + 1 == losses.index, "cells: not the entry before"
        if entries._is_misshapen(head, LOSSES, before):
            return True
        total = convert(slice(before.entry, 0, 8), int256)
    for i: uint256 in range(64):
        found: int256 = convert(slice(losses.entry, 8 + 4 * i, 4), int256)
        if 64 * number + i >= articles.rows and found != 0:
            return True
        total += found
    return total != convert(slice(losses.entry, 0, 8), int256)


@external
@pure
def utility(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    utilities: IRoundJudge.Opening,
    losses: IRoundJudge.Opening,
    at: uint256,
) -> bool:
    """
    @notice A utility is not minus the summed losses of its mixture; or there is a utility of no mixture.
    @param losses The last entry of the mixture; not looked at where there is no mixture.
    @param at Which of the 16 of the entry.
    """
    self._check_trained(place)
    assert at < 16, "cells: no such utility"
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, UTILITIES, utilities):
        return True
    blocks: uint256 = (articles.rows + 63) // 64
    spot: uint256 = 16 * utilities.index + at
    found: int256 = convert(slice(utilities.entry, 8 * at, 8), int256)
    if spot < 15 or spot - 15 >= entries._count(head, LOSSES) // blocks:
        return found != 0
    assert losses.index + 1 == (spot - 14) * blocks, "cells: not the end of the mixture"
    if entries._is_misshapen(head, LOSSES, losses):
        return True
    return found != -convert(slice(losses.entry, 0, 8), int256)


@external
@pure
def term(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    steps: IRoundJudge.Opening,
    before: IRoundJudge.Opening,
    utilities: IRoundJudge.Opening,
    member: uint256,
) -> bool:
    """
    @notice A member's exact score up to 16 coalitions is not the one before it and their terms.
    @param before The entry before; not looked at for the first.
    """
    self._check_trained(place)
    assert articles.scoring == EXACT, "cells: no exact scoring"
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, STEPS, steps) or entries._is_misshapen(head, UTILITIES, utilities):
        return True
    assert steps.index == utilities.index, "cells: other coalitions"
    n: uint256 = entries._members(head)
    assert member < n, "cells: no such member"
    total: int256 = 0
    if steps.index > 0:
        assert before.index + 1 == steps.index, "cells: not the entry before"
        if entries._is_misshapen(head, STEPS, before):
            return True
        total = convert(slice(before.entry, 8 * member, 8), int256)
    # SCALE / (n * C(n - 1, size)) for every size of a coalition.
    factors: DynArray[int256, 64] = []
    choices: uint256 = 1
    for size: uint256 in range(n, bound=64):
        factors.append(SCALE // convert(n * choices, int256))
        choices = choices * (n - 1 - size) // (size + 1)
    for k: uint256 in range(16):
        spot: uint256 = 16 * steps.index + k
        if spot < 15 or spot - 15 >= 1 << n:
            continue
        size: uint256 = self._bits(spot - 15)
        found: int256 = convert(slice(utilities.entry, 8 * k, 8), int256)
        if ((spot - 15) >> member) & 1 == 1:
            total += factors[size - 1] * found
        elif size < n:
            total -= factors[size] * found
    return total != convert(slice(steps.entry, 8 * member, 8), int256)


@pure
@internal
def _check_trained(place: IRoundJudge.Place):
    assert place.number > 1, "cells: nothing is scored in the first round"


@pure
@internal
def _path_share(mixture: uint256, member: uint256, n: uint256) -> int256:
    """
    @notice Give a member's coefficient in a mixture of the path, in units of its weight.
    """
    if mixture == 0:
        return 0
    if mixture == 16 * n + 1:
        return 16
    step: uint256 = (mixture - 1) % 16
    centre: int256 = convert(2 * (step // 2) + 1, int256)
    if (mixture - 1) // 16 != member:
        return centre
    return centre + 1 if step % 2 == 1 else centre - 1


@view
@internal
def _curve(t: int256) -> int256:
    """
    @notice ln(1 + e^-t) in units of 2**-20, for t >= 0: the table, and straight lines between its entries.
    """
    i: uint256 = convert(t >> 14, uint256)
    if i >= 1024:
        return 0
    two: uint256 = convert(slice(TABLE.code, 1 + 4 * i, 8), uint256)
    high: int256 = convert(two >> 32, int256)
    low: int256 = convert(two & (2**32 - 1), int256)
    return high + (((low - high) * (t & 16383)) >> 14)


@pure
@internal
def _bits(mask: uint256) -> uint256:
    found: uint256 = 0
    left: uint256 = mask
    for i: uint256 in range(64):
        if left == 0:
            break
        left &= left - 1
        found += 1
    return found
