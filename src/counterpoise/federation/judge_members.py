"""The cells of a round's members: scores, orders, gates, commitments; as `MemberCells.vy`."""

from collections.abc import Sequence

from counterpoise.chain import Domain, eip712_digest
from counterpoise.core.claims_tree import root_of_claim
from counterpoise.core.digest import sha256
from counterpoise.federation.evidence import COMMITMENT, COMMITMENT_TAG
from counterpoise.federation.judge_model import (
    COUNTS_AT,
    ENTROPY_AT,
    PATH,
    PERMUTATION,
    ROUND,
    STANDING,
    UPDATES,
    WEIGHTS_AT,
)
from counterpoise.federation.judge_rules import (
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
    signed,
    word,
)
from counterpoise.federation.judge_scores import MASKS, STEPS, UTILITIES, check_trained
from counterpoise.federation.rounds_rules import commitment_word
from counterpoise.federation.rules.round_trace import SECTIONS
from counterpoise.federation.rules.shapley import PERMUTATIONS, SCALE
from counterpoise.federation.rules.trace import Opening

SCORES = SECTIONS.index("scores")
GATED = 1


def score(
    place: Place, articles: Articles, head: bytes, score: Opening, member: Opening, sums: Opening
) -> bool:
    """A score is of another member, or not what the terms sum to."""
    check_trained(place)
    check_head(head, place.trace_root)
    if any_misshapen(head, (SCORES, score), (UPDATES, member)):
        return True
    check(score.index == member.index, "another member")
    if score.entry[:20] != member.entry[:20]:
        return True
    n, i = members_of(head), member.index
    if articles.scoring == PATH:
        check(sums.index == i + 1, "utilities of another member")
        if is_misshapen(head, UTILITIES, sums):
            return True
        pairs = [[signed(sums.entry, 16 * k + side, 8) for side in (8, 0)] for k in range(8)]
        wanted = SCALE * sum(after - before for after, before in pairs)
    else:
        check(sums.index + 1 == count_of(head, STEPS), "not the last step")
        if is_misshapen(head, STEPS, sums):
            return True
        walked = articles.scoring == PERMUTATION
        wanted = signed(sums.entry, (6 * n if walked else 0) + 8 * i, 8)
        wanted *= SCALE // PERMUTATIONS if walked else 1
    return wanted != signed(score.entry, 20, 16)


def positive(
    place: Place, articles: Articles, head: bytes, score: Opening, before: Opening
) -> bool:
    """The number of positive scores up to a member is not that before it and its own."""
    check_trained(place)
    check_head(head, place.trace_root)
    if is_misshapen(head, SCORES, score):
        return True
    wanted = int(signed(score.entry, 20, 16) > 0)
    if score.index:
        check(before.index + 1 == score.index, "not the entry before")
        if is_misshapen(head, SCORES, before):
            return True
        wanted += number(before.entry, 36, 8)
    return wanted != number(score.entry, 36, 8)


def counts(place: Place, articles: Articles, head: bytes, round_: Opening, score: Opening) -> bool:
    """A round counts though it must not, or does not though it must."""
    check_trained(place)
    check_head(head, place.trace_root)
    if is_misshapen(head, ROUND, round_):
        return True
    n, wanted = members_of(head), 0
    if n:
        check(score.index + 1 == n, "not the last score")
        if is_misshapen(head, SCORES, score):
            return True
        wanted = int(n >= articles.quorum and number(score.entry, 36, 8) > 0)
    return wanted != number(round_.entry, COUNTS_AT, 1)


def gate(
    place: Place, articles: Articles, head: bytes, round_: Opening, score: Opening, member: int
) -> bool:
    """An update is in the model that must not be, or the reverse."""
    check_head(head, place.trace_root)
    if is_misshapen(head, ROUND, round_):
        return True
    n, wanted = members_of(head), 1
    check(member < n, "no such member")
    if place.number > 1:
        check(score.index == member, "another member")
        if is_misshapen(head, SCORES, score):
            return True
        wanted = number(round_.entry, COUNTS_AT, 1)
        if articles.strategy == GATED and signed(score.entry, 20, 16) <= 0:
            wanted = 0
    return wanted != number(round_.entry, WEIGHTS_AT + 8 * n + member, 1)


def member(
    place: Place,
    articles: Articles,
    head: bytes,
    round_: Opening,
    member: Opening,
    account: Opening,
) -> bool:
    """A member is not the account that has its place, or has another weight."""
    check_head(head, place.trace_root)
    if any_misshapen(head, (ROUND, round_), (UPDATES, member), (STANDING, account)):
        return True
    n, i = members_of(head), member.index
    if member.entry[20:28] != part(round_.entry, WEIGHTS_AT + 8 * i, 8):
        return True
    if member.entry[60] != number(round_.entry, WEIGHTS_AT + 8 * n + i, 1):
        return True
    check(account.entry[28] == 1, "an account that was not admitted")
    check(number(account.entry, 29, 8) == i, "another place")
    return account.entry[:28] != member.entry[:28]


def account(
    place: Place, articles: Articles, head: bytes, account: Opening, *, world: World
) -> bool:
    """An account is listed that never joined the job, or with a weight above the cap."""
    check_head(head, place.trace_root)
    if is_misshapen(head, STANDING, account):
        return True
    if not 0 < number(account.entry, 20, 8) <= articles.row_cap:
        return True
    return not world.is_member(place.job, account.entry[:20])


def committed(
    place: Place,
    articles: Articles,
    head: bytes,
    member: Opening,
    root: bytes,
    time: int,
    update: bytes,
    salt: bytes,
    proof: Sequence[bytes],
    *,
    world: World,
) -> bool:
    """A member is listed with another update than the one it committed to."""
    check_head(head, place.trace_root)
    if is_misshapen(head, UPDATES, member):
        return True
    where = (world.chain_id, place.rounds, place.job, place.number)
    posted = commitment_word(*where, root, time)
    check(posted == place.commitment, "not the commitment of the round")
    who = member.entry[:20]
    inside = word(place.job) + word(place.number) + who + update
    digest = sha256(COMMITMENT_TAG + inside + salt)
    domain = Domain("Counterpoise Rounds", "1", world.chain_id, place.rounds)
    leaf = eip712_digest(domain, COMMITMENT, (place.job, place.number, who, digest))
    check(root_of_claim(leaf, proof) == root, "not among the commitments")
    return update != member.entry[28:60]


def walk(
    place: Place,
    articles: Articles,
    head: bytes,
    steps: Opening,
    before: Opening,
    joined: Opening,
    left: Opening,
    at: int,
) -> bool:
    """What a member has gained in the orders so far is not what it had, and this one's gain."""
    check_trained(place)
    check(articles.scoring == PERMUTATION, "no scoring by permutations")
    check_head(head, place.trace_root)
    if any_misshapen(head, (STEPS, steps), (UTILITIES, joined), (UTILITIES, left)):
        return True
    check(at < (n := members_of(head)), "no such place")
    check((i := number(steps.entry, 2 * at, 2)) < n, "the order is false")
    total = 0
    if steps.index:
        check(before.index + 1 == steps.index, "not the entry before")
        if is_misshapen(head, STEPS, before):
            return True
        total = signed(before.entry, 6 * n + 8 * i, 8)
    after = number(steps.entry, 2 * n + 4 * at, 4) + 15
    prior = number(steps.entry, 2 * n + 4 * (at - 1), 4) + 15 if at else 15
    check((joined.index, left.index) == (after // 16, prior // 16), "another utility")
    total += signed(joined.entry, 8 * (after % 16), 8) - signed(left.entry, 8 * (prior % 16), 8)
    return total != signed(steps.entry, 6 * n + 8 * i, 8)


def order(
    place: Place,
    articles: Articles,
    head: bytes,
    round_: Opening,
    steps: Opening,
    mask: Opening,
    at: int,
) -> bool:
    """An order is not that of its hashes, or leads to another mixture than the coalition so far."""
    check_trained(place)
    check(articles.scoring == PERMUTATION, "no scoring by permutations")
    check_head(head, place.trace_root)
    if any_misshapen(head, (ROUND, round_), (STEPS, steps)):
        return True
    check(at < (n := members_of(head)), "no such place")
    drawn = [number(steps.entry, 2 * k, 2) for k in range(at + 1)]
    if max(drawn) >= n or len(set(drawn)) <= at:
        return True
    if at:
        former, latter = (_key(round_.entry, steps.index // 2, i) for i in drawn[-2:])
        if (former < latter) != (steps.index % 2 == 0):
            return True
    mixture = number(steps.entry, 2 * n + 4 * at, 4)
    if mixture >= count_of(head, MASKS):
        return True
    check(mask.index == mixture, "another mixture")
    if is_misshapen(head, MASKS, mask):
        return True
    return number(mask.entry, 0, 8) != sum(1 << i for i in drawn)


def _key(header: bytes, order: int, member: int) -> bytes:
    entropy = part(header, ENTROPY_AT, 32)
    return sha256(entropy + order.to_bytes(4, "big") + member.to_bytes(4, "big"))


def nobody(place: Place, articles: Articles, head: bytes, mask: Opening) -> bool:
    """The first mixture is not that of nobody, from which every order starts."""
    check_trained(place)
    check_head(head, place.trace_root)
    if is_misshapen(head, MASKS, mask):
        return True
    check(mask.index == 0, "not the first mixture")
    return number(mask.entry, 0, 8) != 0


CELLS = cells_of(score, positive, counts, gate, member, account, committed, walk, order, nobody)
