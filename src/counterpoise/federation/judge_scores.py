"""The cells between updates and scores: rows, logits, losses, terms; as `ScoreCells.vy`."""

from math import isqrt

from counterpoise.core import merkle
from counterpoise.core.errors import VerificationError
from counterpoise.federation.judge_model import (
    EXACT,
    PATH,
    PERMUTATION,
    ROUND,
    ROWS,
    UPDATES,
    WEIGHTS_AT,
    model_of,
    vector_of,
)
from counterpoise.federation.judge_rules import (
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
    refuse,
    signed,
)
from counterpoise.federation.rules.loss import LOGIT_LIMIT, LOSS_BITS, loss_table
from counterpoise.federation.rules.round_trace import SECTIONS
from counterpoise.federation.rules.shapley import POINTS, exact_factors
from counterpoise.federation.rules.statistics import FEATURE_LIMIT
from counterpoise.federation.rules.trace import Opening

LOSSES, UTILITIES, STEPS, MASKS = (
    SECTIONS.index(name) for name in ("losses", "utilities", "steps", "masks")
)


def loss(
    place: Place,
    articles: Articles,
    head: bytes,
    round_: Opening,
    row: Opening,
    losses: Opening,
    mask: Opening,
) -> bool:
    """The loss of a mixture on a row is false."""
    check_trained(place)
    check(not articles.hidden, "losses of perceptrons are not judged")
    check_head(head, place.trace_root)
    if any_misshapen(head, (ROUND, round_), (ROWS, row), (LOSSES, losses)):
        return True
    mixture = losses.index // articles.blocks
    check(losses.index % articles.blocks == row.index // 64, "another row")
    members = mixture
    if articles.scoring == PERMUTATION:
        check(mask.index == mixture, "another mixture")
        if is_misshapen(head, MASKS, mask):
            return True
        members = number(mask.entry, 0, 8)
    n = members_of(head)
    weights = [signed(round_.entry, WEIGHTS_AT + 8 * i, 8) for i in range(n)]
    if articles.scoring == PATH:
        shares = [weights[i] * _path_share(mixture, i, n) for i in range(n)]
        divisor = 2 * POINTS * sum(weights)
    else:
        shares = [weights[i] if members >> i & 1 else 0 for i in range(n)]
        divisor = sum(shares)
    logits = _settled(articles, row.entry, shares, divisor if divisor > 0 else 1)
    found = signed(losses.entry, 8 + 4 * (row.index % 64), 4)
    return found != _loss_of(logits, number(row.entry, 4 * articles.inputs, 8))


def _path_share(mixture: int, member: int, n: int) -> int:
    """A member's coefficient in a mixture of the path, in units of its weight."""
    if mixture in (0, 2 * POINTS * n + 1):
        return 2 * POINTS if mixture else 0
    owner, step = divmod(mixture - 1, 2 * POINTS)
    own = (1 if step % 2 else -1) if owner == member else 0
    return 2 * (step // 2) + 1 + own


def _settled(articles: Articles, row: bytes, shares: list[int], divisor: int) -> list[int]:
    start, outputs = 4 * articles.inputs + 8, articles.outputs
    shift = articles.scale_bits + articles.feature_bits - LOSS_BITS
    found = []
    for k in range(outputs):
        alone = [signed(row, start + 8 * (outputs * (1 + i) + k), 8) for i in range(len(shares))]
        mixed = sum(c * d for c, d in zip(shares, alone, strict=True)) // divisor
        raw = signed(row, start + 8 * k, 8) + mixed
        found.append(max(-LOGIT_LIMIT, min(LOGIT_LIMIT, raw >> shift)))
    return found


def _loss_of(logits: list[int], label: int) -> int:
    if len(logits) == 1:
        margin = -logits[0] if label else logits[0]
        return max(margin, 0) + _curve(abs(margin))
    total = logits[0]
    for other in logits[1:]:
        total = max(total, other) + _curve(abs(total - other))
    return total - (logits[label] if label < len(logits) else 0)


def _curve(t: int) -> int:
    i, table = t >> 14, loss_table()
    if i >= 1024:
        return 0
    high, low = int(table[i]), int(table[i + 1])
    return high + ((low - high) * (t & 16383) >> 14)


def logit(
    place: Place,
    articles: Articles,
    head: bytes,
    member: Opening,
    row: Opening,
    output: int,
    blob: bytes,
    is_base: bool,
) -> bool:
    """A raw logit of a row is not that of the base model, or of a member's update alone."""
    check_trained(place)
    check(not articles.hidden, "logits of perceptrons are not judged")
    check(output < articles.outputs, "no such output")
    check_head(head, place.trace_root)
    if is_misshapen(head, ROWS, row):
        return True
    at = 4 * articles.inputs + 8 * (1 + output)
    if is_base:
        check_blob(blob, place.before_model, "the model before")
        model = model_of(blob, articles)
        if model is None:
            refuse("no model")
        params = model.params
    else:
        if is_misshapen(head, UPDATES, member):
            return True
        check_blob(blob, member.entry[28:60], "the update")
        found = vector_of(blob, articles.params, "<i4")
        if found is None:
            return True
        params, at = found, at + 8 * articles.outputs * (1 + member.index)
    start = output * articles.inputs
    total = sum(
        int(params[start + f]) * signed(row.entry, 4 * f, 4) for f in range(articles.inputs)
    )
    bias = int(params[articles.outputs * articles.inputs + output])
    return total + (bias << articles.feature_bits) != signed(row.entry, at, 8)


def row(
    place: Place,
    articles: Articles,
    head: bytes,
    row: Opening,
    raw: Opening,
    blob: bytes,
    feature: int,
) -> bool:
    """A feature of a row is not that of the sponsor's, standardised; or its label is another."""
    check_trained(place)
    check_head(head, place.trace_root)
    if is_misshapen(head, ROWS, row):
        return True
    check(_is_sponsors(articles, raw) and raw.index == row.index, "not the row of the sponsor")
    check(len(raw.entry) == 4 * articles.inputs + 8, "no row of the task")
    check(feature <= articles.inputs, "no such feature")
    at = 4 * feature
    if feature == articles.inputs:
        return raw.entry[at:] != row.entry[at : at + 8]
    check_blob(blob, place.before_model, "the model before")
    model = model_of(blob, articles)
    if model is None:
        refuse("no model")
    count, total = int(model.statistics[0]), int(model.statistics[1 + feature])
    squares = int(model.statistics[1 + articles.inputs + feature])
    check((spread := count * squares - total * total) >= 0, "no statistics")
    wanted = 0
    if deviation := isqrt(spread):
        centred = signed(raw.entry, at, 4) * count - total
        wanted = (centred << articles.feature_bits) // deviation
        wanted = max(-FEATURE_LIMIT, min(FEATURE_LIMIT, wanted))
    return wanted != signed(row.entry, at, 4)


def _is_sponsors(articles: Articles, raw: Opening) -> bool:
    leaf = merkle.leaf_hash(raw.entry)
    try:
        merkle.check_inclusion(leaf, raw.index, articles.rows, raw.proof, articles.rows_root)
    except VerificationError:
        return False
    return True


def loss_sum(
    place: Place, articles: Articles, head: bytes, losses: Opening, before: Opening
) -> bool:
    """A running sum of losses is not the one before it and its rows; or a loss of no row."""
    check_trained(place)
    check_head(head, place.trace_root)
    if is_misshapen(head, LOSSES, losses):
        return True
    block, total = losses.index % articles.blocks, 0
    if block:
        check(before.index + 1 == losses.index, "not the entry before")
        if is_misshapen(head, LOSSES, before):
            return True
        total = signed(before.entry, 0, 8)
    found = [signed(losses.entry, 8 + 4 * i, 4) for i in range(64)]
    if any(found[max(0, articles.rows - 64 * block) :]):
        return True
    return total + sum(found) != signed(losses.entry, 0, 8)


def utility(
    place: Place, articles: Articles, head: bytes, utilities: Opening, losses: Opening, at: int
) -> bool:
    """A utility is not minus the summed losses of its mixture; or it is of no mixture."""
    check_trained(place)
    check(at < 16, "no such utility")
    check_head(head, place.trace_root)
    if is_misshapen(head, UTILITIES, utilities):
        return True
    mixture = 16 * utilities.index + at - 15
    found = signed(utilities.entry, 8 * at, 8)
    if not 0 <= mixture < count_of(head, LOSSES) // articles.blocks:
        return found != 0
    check(losses.index + 1 == (mixture + 1) * articles.blocks, "not the end of the mixture")
    if is_misshapen(head, LOSSES, losses):
        return True
    return found != -signed(losses.entry, 0, 8)


def term(
    place: Place,
    articles: Articles,
    head: bytes,
    steps: Opening,
    before: Opening,
    utilities: Opening,
    member: int,
) -> bool:
    """A member's exact score up to 16 coalitions is not the one before and their terms."""
    check_trained(place)
    check(articles.scoring == EXACT, "no exact scoring")
    check_head(head, place.trace_root)
    if any_misshapen(head, (STEPS, steps), (UTILITIES, utilities)):
        return True
    check(steps.index == utilities.index, "other coalitions")
    check(member < (n := members_of(head)), "no such member")
    total = 0
    if steps.index:
        check(before.index + 1 == steps.index, "not the entry before")
        if is_misshapen(head, STEPS, before):
            return True
        total = signed(before.entry, 8 * member, 8)
    factors = exact_factors(n)
    for k in range(16):
        mask = 16 * steps.index + k - 15
        if 0 <= mask < 1 << n:
            size, found = mask.bit_count(), signed(utilities.entry, 8 * k, 8)
            total += factors[size - 1] * found if mask >> member & 1 else -factors[size] * found
    return total != signed(steps.entry, 8 * member, 8)


def check_trained(place: Place) -> None:
    """Refuse the round of statistics, in which nothing is scored."""
    check(place.number > 1, "nothing is scored in the first round")


CELLS = cells_of(loss, logit, row, loss_sum, utility, term)
