# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Cells of a round's pay
@license Apache-2.0
@notice Recomputes what one account has earned and is due after a round, its sums over all accounts, and the root from
     which everybody draws. Says whether what was posted is false.
@dev Stateless. The judge puts place and articles before what a challenger sends, so both are true.
@custom:trust Nobody: the answer follows from the arguments. Ask it through RoundJudge, which vouches for the first two.
@custom:stop Nothing to stop: it holds nothing.
"""

from counterpoise.federation import IRoundJudge
from counterpoise.federation import trace_entries as entries

ROUND: constant(uint256) = 0
SCORES: constant(uint256) = 8
STANDING: constant(uint256) = 9
DUES: constant(uint256) = 10
PER_ROUND: constant(uint256) = 0
STEADY: constant(uint256) = 2

# Places in an entry of the section `standing`.
ADMITTED_AT: constant(uint256) = 28
BEFORE_AT: constant(uint256) = 29
SUM_AT: constant(uint256) = 37
SQUARES_AT: constant(uint256) = 53
EARNING_AT: constant(uint256) = 85
EARNED_AT: constant(uint256) = 101
DUE_AT: constant(uint256) = 117
PAID_AT: constant(uint256) = 133


@external
@pure
def accounts(
    place: IRoundJudge.Place, articles: IRoundJudge.Articles, head: Bytes[528], before_head: Bytes[528]
) -> bool:
    """
    @notice Another number of accounts is listed than in the round before.
    """
    assert place.number > 1, "cells: no round before the first"
    entries._check_head(head, place.trace_root)
    entries._check_head(before_head, place.before_trace)
    return entries._count(head, STANDING) != entries._count(before_head, STANDING)


@external
@pure
def standing(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    round: IRoundJudge.Opening,
    score: IRoundJudge.Opening,
    account: IRoundJudge.Opening,
    before_head: Bytes[528],
    before: IRoundJudge.Opening,
) -> bool:
    """
    @notice An account's sums, its earning or its due are not what they were and this round's score and share; or it has
         another address or weight than before.
    @param score The account's score; not looked at if it was not admitted.
    @param before Its entry after the round before; not looked at in the first round.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROUND, round) or entries._is_misshapen(head, STANDING, account):
        return True
    admitted: uint256 = convert(slice(account.entry, ADMITTED_AT, 1), uint256)
    if admitted > 1:
        return True
    summed: int256 = 0
    squares: uint256 = 0
    due: uint256 = 0
    phi: int256 = 0
    if place.number > 1:
        entries._check_head(before_head, place.before_trace)
        assert before.index == account.index, "cells: another account before"
        assert not entries._is_misshapen(before_head, STANDING, before), "cells: the round before is misshapen"
        if slice(account.entry, 0, 28) != slice(before.entry, 0, 28):
            return True
        summed = convert(slice(before.entry, SUM_AT, 16), int256)
        squares = convert(extract32(before.entry, SQUARES_AT), uint256)
        due = convert(slice(before.entry, DUE_AT, 16), uint256)
        if admitted == 1:
            assert score.index == convert(slice(account.entry, BEFORE_AT, 8), uint256), "cells: another score"
            if entries._is_misshapen(head, SCORES, score):
                return True
            phi = convert(slice(score.entry, 20, 16), int256)
            assert abs(phi) < 2**63, "cells: the score is false"
    earning: uint256 = 0
    if convert(slice(round.entry, entries.COUNTS_AT, 1), uint256) == 1 and place.number > 1:
        summed += phi
        # slither-disable-next-line unsafe-math each square is below 2**126, and there are at most 65,535 rounds
        squares = unsafe_add(squares, convert(phi * phi, uint256))
        earning = self._earning(articles.pay_rule, phi, summed, squares)
        pot: uint256 = convert(extract32(round.entry, entries.RELEASED_AT), uint256)
        if articles.pay_rule == PER_ROUND:
            pot = self._pot(place, articles)
        else:
            due = 0
        assert pot <= articles.pot, "cells: the header is false"
        earned: uint256 = convert(slice(round.entry, entries.EARNED_AT, 16), uint256)
        if earned > 0:
            product: uint256 = earning * pot
            due += product // earned
            left: uint256 = product % earned
            bar: uint256 = convert(extract32(round.entry, entries.BAR_AT), uint256)
            last: uint256 = convert(slice(round.entry, entries.LAST_AT, 20), uint256)
            own: uint256 = convert(slice(account.entry, 0, 20), uint256)
            if left > bar or (left == bar and own <= last):
                due += 1
    if convert(slice(account.entry, SUM_AT, 16), int256) != summed:
        return True
    if convert(extract32(account.entry, SQUARES_AT), uint256) != squares:
        return True
    if convert(slice(account.entry, EARNING_AT, 16), uint256) != earning:
        return True
    return convert(slice(account.entry, DUE_AT, 16), uint256) != due


@external
@pure
def running(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    account: IRoundJudge.Opening,
    before: IRoundJudge.Opening,
) -> bool:
    """
    @notice A running sum over accounts is not the one before it and the account's own; or accounts do not ascend.
    @param before The entry before; not looked at for the first.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, STANDING, account):
        return True
    admitted: uint256 = 0
    earned: uint256 = convert(slice(account.entry, EARNING_AT, 16), uint256)
    paid: uint256 = convert(slice(account.entry, DUE_AT, 16), uint256)
    if account.index > 0:
        assert before.index + 1 == account.index, "cells: not the entry before"
        if entries._is_misshapen(head, STANDING, before):
            return True
        former: uint256 = convert(slice(before.entry, 0, 20), uint256)
        if former >= convert(slice(account.entry, 0, 20), uint256):
            return True
        admitted = convert(slice(before.entry, BEFORE_AT, 8), uint256)
        admitted += convert(slice(before.entry, ADMITTED_AT, 1), uint256)
        earned += convert(slice(before.entry, EARNED_AT, 16), uint256)
        paid += convert(slice(before.entry, PAID_AT, 16), uint256)
    if convert(slice(account.entry, BEFORE_AT, 8), uint256) != admitted:
        return True
    if convert(slice(account.entry, EARNED_AT, 16), uint256) != earned:
        return True
    return convert(slice(account.entry, PAID_AT, 16), uint256) != paid


@external
@pure
def totals(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    round: IRoundJudge.Opening,
    last: IRoundJudge.Opening,
) -> bool:
    """
    @notice The sums over all accounts are not the number of members, the header's earnings, the total that was posted,
         or what the round releases.
    @param last The last entry of `standing`.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROUND, round) or entries._is_misshapen(head, STANDING, last):
        return True
    assert last.index + 1 == entries._count(head, STANDING), "cells: not the last account"
    admitted: uint256 = convert(slice(last.entry, BEFORE_AT, 8), uint256)
    admitted += convert(slice(last.entry, ADMITTED_AT, 1), uint256)
    if admitted != entries._members(head):
        return True
    earned: uint256 = convert(slice(last.entry, EARNED_AT, 16), uint256)
    if earned != convert(slice(round.entry, entries.EARNED_AT, 16), uint256):
        return True
    paid: uint256 = convert(slice(last.entry, PAID_AT, 16), uint256)
    if paid != place.pay_total:
        return True
    wanted: uint256 = place.before_total
    if convert(slice(round.entry, entries.COUNTS_AT, 1), uint256) == 1 and place.number > 1:
        if articles.pay_rule == PER_ROUND:
            wanted += self._pot(place, articles)
        elif earned == 0:
            wanted = 0
        else:
            wanted = convert(extract32(round.entry, entries.RELEASED_AT), uint256)
    return paid != wanted


@external
@pure
def due(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    dues: IRoundJudge.Opening,
    account: IRoundJudge.Opening,
) -> bool:
    """
    @notice The list of dues has another address or amount than the account's standing.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, DUES, dues) or entries._is_misshapen(head, STANDING, account):
        return True
    at: uint256 = 36 * account.index
    if slice(dues.entry, at, 20) != slice(account.entry, 0, 20):
        return True
    return slice(dues.entry, at + 20, 16) != slice(account.entry, DUE_AT, 16)


@external
@view
def pay(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    dues: IRoundJudge.Opening,
    order: DynArray[uint256, 64],
) -> bool:
    """
    @notice The root from which members draw is not that of the list of dues.
    @param order The accounts that are due anything, by their leaves, largest first.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, DUES, dues):
        return True
    listed: uint256 = entries._count(head, STANDING)
    assert listed <= 64, "cells: too many accounts"
    owed: uint256 = 0
    for i: uint256 in range(listed, bound=64):
        if convert(slice(dues.entry, 36 * i + 20, 16), uint256) != 0:
            owed += 1
    assert len(order) == owed, "cells: not everybody who is due"
    if owed == 0:
        return place.pay_root != empty(bytes32)
    nodes: bytes32[128] = empty(bytes32[128])
    for i: uint256 in range(owed, bound=64):
        at: uint256 = 36 * order[i]
        account: address = convert(convert(slice(dues.entry, at, 20), bytes20), address)
        amount: uint256 = convert(slice(dues.entry, at + 20, 16), uint256)
        assert amount != 0, "cells: an account that is due nothing"
        leaf: bytes32 = keccak256(
            keccak256(abi_encode(chain.id, place.cohort, place.job, place.number, account, amount))
        )
        if i > 0:
            former: uint256 = convert(nodes[owed + i - 2], uint256)
            assert convert(leaf, uint256) < former, "cells: leaves out of order"
        nodes[owed + i - 1] = leaf
    for k: uint256 in range(owed - 1, bound=64):
        i: uint256 = owed - 2 - k
        left: bytes32 = nodes[2 * i + 1]
        right: bytes32 = nodes[2 * i + 2]
        if convert(left, uint256) < convert(right, uint256):
            nodes[i] = keccak256(concat(left, right))
        else:
            nodes[i] = keccak256(concat(right, left))
    return nodes[0] != place.pay_root


@pure
@internal
def _earning(rule: uint256, phi: int256, summed: int256, squares: uint256) -> uint256:
    if rule == PER_ROUND:
        return convert(max(phi, 0), uint256)
    if summed <= 0 or (rule == STEADY and convert(summed * summed, uint256) < squares):
        return 0
    return convert(summed, uint256)


@pure
@internal
def _pot(place: IRoundJudge.Place, articles: IRoundJudge.Articles) -> uint256:
    """
    @notice Give the part of the pot that the round releases.
    """
    done: uint256 = articles.pot * (place.number - 2) // articles.rounds
    return articles.pot * (place.number - 1) // articles.rounds - done
