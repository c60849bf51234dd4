"""The cells of a round's pay: standing, shares, sums, the root of dues; as `PayCells.vy`."""

from collections.abc import Sequence

from counterpoise.core.claims_tree import ClaimsTree, claim_leaf
from counterpoise.core.errors import InputError
from counterpoise.federation.judge_members import SCORES
from counterpoise.federation.judge_model import (
    BAR_AT,
    COUNTS_AT,
    EARNED_AT,
    LAST_AT,
    RELEASED_AT,
    ROUND,
    STANDING,
    pot_of,
)
from counterpoise.federation.judge_rules import (
    MEMBERS,
    Articles,
    Place,
    World,
    any_misshapen,
    cells_of,
    check,
    check_head,
    count_of,
    is_misshapen,
    members_of,
    number,
    part,
    refuse,
    signed,
    word,
)
from counterpoise.federation.rules.round_trace import SECTIONS
from counterpoise.federation.rules.task import PAY_RULES
from counterpoise.federation.rules.trace import Opening
from counterpoise.jobs import NO_CLAIMS

DUES = SECTIONS.index("dues")
PER_ROUND, STEADY = PAY_RULES.index("per_round"), PAY_RULES.index("steady")
BEFORE, SUM, SQUARES, EARNING, EARNED, DUE, PAID = 29, 37, 53, 85, 101, 117, 133


def accounts(place: Place, articles: Articles, head: bytes, before_head: bytes) -> bool:
    """Another number of accounts is listed than in the round before."""
    check(place.number > 1, "no round before the first")
    check_head(head, place.trace_root)
    check_head(before_head, place.before_trace)
    return count_of(head, STANDING) != count_of(before_head, STANDING)


def standing(
    place: Place,
    articles: Articles,
    head: bytes,
    round_: Opening,
    score: Opening,
    account: Opening,
    before_head: bytes,
    before: Opening,
) -> bool:
    """An account's sums, its earning or its due are not what they were and this round's."""
    check_head(head, place.trace_root)
    if any_misshapen(head, (ROUND, round_), (STANDING, account)):
        return True
    own, admitted = account.entry, account.entry[28]
    if admitted > 1:
        return True
    summed = squares = due = phi = earning = 0
    if place.number > 1:
        check_head(before_head, place.before_trace)
        check(before.index == account.index, "another account before")
        check(not is_misshapen(before_head, STANDING, before), "the round before is misshapen")
        if own[:28] != before.entry[:28]:
            return True
        summed, squares = signed(before.entry, SUM, 16), number(before.entry, SQUARES, 32)
        due = number(before.entry, DUE, 16)
        if admitted:
            check(score.index == number(own, BEFORE, 8), "another score")
            if is_misshapen(head, SCORES, score):
                return True
            phi = signed(score.entry, 20, 16)
            check(abs(phi) < 1 << 63, "the score is false")
    if number(round_.entry, COUNTS_AT, 1) == 1 and place.number > 1:
        summed, squares = summed + phi, (squares + phi * phi) % (1 << 256)
        earning = _earning(articles.pay_rule, phi, summed, squares)
        per_round = articles.pay_rule == PER_ROUND
        pot = pot_of(place, articles) if per_round else number(round_.entry, RELEASED_AT, 32)
        check(pot <= articles.pot, "the header is false")
        due = (due if per_round else 0) + _share(round_.entry, own[:20], earning, pot)
    found = (signed(own, SUM, 16), number(own, SQUARES, 32), number(own, EARNING, 16))
    return found != (summed, squares, earning) or number(own, DUE, 16) != due


def _earning(rule: int, phi: int, summed: int, squares: int) -> int:
    if rule == PER_ROUND:
        return max(phi, 0)
    return 0 if summed <= 0 or (rule == STEADY and summed * summed < squares) else summed


def _share(header: bytes, address: bytes, earning: int, pot: int) -> int:
    earned = number(header, EARNED_AT, 16)
    if not earned:
        return 0
    share, left = divmod(earning * pot, earned)
    bar, last = number(header, BAR_AT, 32), part(header, LAST_AT, 20)
    return share + (left > bar or (left == bar and address <= last))


def running(
    place: Place, articles: Articles, head: bytes, account: Opening, before: Opening
) -> bool:
    """A running sum over accounts is not the one before it and its own; or they do not ascend."""
    check_head(head, place.trace_root)
    if is_misshapen(head, STANDING, account):
        return True
    own, admitted = account.entry, 0
    earned, paid = number(own, EARNING, 16), number(own, DUE, 16)
    if account.index:
        check(before.index + 1 == account.index, "not the entry before")
        if is_misshapen(head, STANDING, before):
            return True
        if before.entry[:20] >= own[:20]:
            return True
        admitted = number(before.entry, BEFORE, 8) + before.entry[28]
        earned += number(before.entry, EARNED, 16)
        paid += number(before.entry, PAID, 16)
    found = (number(own, BEFORE, 8), number(own, EARNED, 16), number(own, PAID, 16))
    return found != (admitted, earned, paid)


def totals(place: Place, articles: Articles, head: bytes, round_: Opening, last: Opening) -> bool:
    """The sums over all accounts are not what header, escrow and release say."""
    check_head(head, place.trace_root)
    if any_misshapen(head, (ROUND, round_), (STANDING, last)):
        return True
    check(last.index + 1 == count_of(head, STANDING), "not the last account")
    if number(last.entry, BEFORE, 8) + last.entry[28] != members_of(head):
        return True
    earned, paid = number(last.entry, EARNED, 16), number(last.entry, PAID, 16)
    if earned != number(round_.entry, EARNED_AT, 16) or paid != place.pay_total:
        return True
    wanted = place.before_total
    if number(round_.entry, COUNTS_AT, 1) == 1 and place.number > 1:
        if articles.pay_rule == PER_ROUND:
            wanted += pot_of(place, articles)
        else:
            wanted = number(round_.entry, RELEASED_AT, 32) if earned else 0
    return paid != wanted


def due(place: Place, articles: Articles, head: bytes, dues: Opening, account: Opening) -> bool:
    """The list of dues has another address or amount than the account's standing."""
    check_head(head, place.trace_root)
    if any_misshapen(head, (DUES, dues), (STANDING, account)):
        return True
    found = part(dues.entry, 36 * account.index, 36)
    return found != account.entry[:20] + account.entry[DUE:PAID]


def pay(
    place: Place,
    articles: Articles,
    head: bytes,
    dues: Opening,
    order: Sequence[int],
    *,
    world: World,
) -> bool:
    """The root from which members draw is not that of the list of dues."""
    check_head(head, place.trace_root)
    if is_misshapen(head, DUES, dues):
        return True
    check((listed := count_of(head, STANDING)) <= MEMBERS, "too many accounts")
    owed = sum(number(dues.entry, 36 * i + 20, 16) != 0 for i in range(listed))
    check(len(order) == owed, "not everybody who is due")
    if not owed:
        return place.pay_root != NO_CLAIMS
    known = claim_leaves(place, world, dues.entry)
    check(all(i in known for i in order), "an account that is due nothing")
    leaves = [known[i] for i in order]
    check(sorted(set(leaves), reverse=True) == leaves, "leaves out of order")
    try:
        return ClaimsTree(leaves).root != place.pay_root
    except InputError:
        refuse("leaves out of order")


def claim_leaves(place: Place, world: World, dues: bytes) -> dict[int, bytes]:
    """The leaves from which members draw, by the place of each who is due anything."""
    found = {}
    for i in range(len(dues) // 36):
        amount = number(dues, 36 * i + 20, 16)
        fields = (world.chain_id, place.cohort, place.job, place.number, dues[36 * i :][:20])
        if amount:
            found[i] = claim_leaf(b"".join(word(field) for field in (*fields, amount)))
    return found


CELLS = cells_of(accounts, standing, running, totals, due, pay)
