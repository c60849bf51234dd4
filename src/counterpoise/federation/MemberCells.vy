# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Cells of a round's members
@license Apache-2.0
@notice Recomputes one number of one member: its score, its place in an order and its gain there, whether its update is
     in the model, what it committed to, its weight. Says whether what was posted is false.
@dev Stateless. The judge puts place and articles before what a challenger sends, so both are true. The entropy is
     taken as the trace names it: a chain forgets the hashes of its blocks.
@custom:trust Nobody: the answer follows from the arguments. Ask it through RoundJudge, which vouches for the first two.
@custom:stop Nothing to stop: it holds nothing.
"""

from counterpoise.chain.lib import merkle
from counterpoise.federation import IRoundJudge
from counterpoise.federation import trace_entries as entries
from counterpoise.jobs import ICohort

ROUND: constant(uint256) = 0
UPDATES: constant(uint256) = 1
UTILITIES: constant(uint256) = 5
STEPS: constant(uint256) = 6
MASKS: constant(uint256) = 7
SCORES: constant(uint256) = 8
STANDING: constant(uint256) = 9
EXACT: constant(uint256) = 0
PATH: constant(uint256) = 1
PERMUTATION: constant(uint256) = 2
GATED: constant(uint256) = 1
SCALE: constant(int256) = 360_360
ORDERS: constant(int256) = 120
COMMITMENT: constant(uint256) = 1  # the first word of what a round's word hashes, as in Rounds
COMMITMENT_TAG: constant(Bytes[27]) = b"counterpoise commitment v1\x00"
COMMITMENT_TYPE: constant(bytes32) = keccak256(
    "Commitment(uint256 job,uint256 round,address participant,bytes32 digest)"
)
NAME: constant(bytes32) = keccak256("Counterpoise Rounds")
VERSION: constant(bytes32) = keccak256("1")
DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


@external
@pure
def score(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    score: IRoundJudge.Opening,
    member: IRoundJudge.Opening,
    sums: IRoundJudge.Opening,
) -> bool:
    """
    @notice A score is of another member, or not what the terms sum to.
    @param sums The last entry of `steps`; for the path, the member's entry of `utilities`.
    """
    self._check_trained(place)
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, SCORES, score) or entries._is_misshapen(head, UPDATES, member):
        return True
    assert score.index == member.index, "cells: another member"
    if slice(score.entry, 0, 20) != slice(member.entry, 0, 20):
        return True
    n: uint256 = entries._members(head)
    wanted: int256 = 0
    if articles.scoring == PATH:
        assert sums.index == member.index + 1, "cells: utilities of another member"
        if entries._is_misshapen(head, UTILITIES, sums):
            return True
        for k: uint256 in range(8):
            wanted += convert(slice(sums.entry, 16 * k + 8, 8), int256)
            wanted -= convert(slice(sums.entry, 16 * k, 8), int256)
        wanted *= SCALE
    else:
        assert sums.index + 1 == entries._count(head, STEPS), "cells: not the last step"
        if entries._is_misshapen(head, STEPS, sums):
            return True
        if articles.scoring == PERMUTATION:
            wanted = convert(slice(sums.entry, 6 * n + 8 * member.index, 8), int256) * (SCALE // ORDERS)
        else:
            wanted = convert(slice(sums.entry, 8 * member.index, 8), int256)
    return wanted != convert(slice(score.entry, 20, 16), int256)


@external
@pure
def positive(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    score: IRoundJudge.Opening,
    before: IRoundJudge.Opening,
) -> bool:
    """
    @notice The number of positive scores up to a member is not that before it and its own.
    @param before The entry before; not looked at for the first.
    """
    self._check_trained(place)
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, SCORES, score):
        return True
    wanted: uint256 = 0
    if score.index > 0:
        assert before.index + 1 == score.index, "cells: not the entry before"
        if entries._is_misshapen(head, SCORES, before):
            return True
        wanted = convert(slice(before.entry, 36, 8), uint256)
    if convert(slice(score.entry, 20, 16), int256) > 0:
        wanted += 1
    return wanted != convert(slice(score.entry, 36, 8), uint256)


@external
@pure
def counts(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    round: IRoundJudge.Opening,
    score: IRoundJudge.Opening,
) -> bool:
    """
    @notice A round counts though too few members replied or no score is positive; or does not though it must.
    @param score The last score; not looked at where there is none.
    """
    self._check_trained(place)
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROUND, round):
        return True
    n: uint256 = entries._members(head)
    wanted: uint256 = 0
    if n > 0:
        assert score.index + 1 == n, "cells: not the last score"
        if entries._is_misshapen(head, SCORES, score):
            return True
        if n >= articles.quorum and convert(slice(score.entry, 36, 8), uint256) > 0:
            wanted = 1
    return wanted != convert(slice(round.entry, entries.COUNTS_AT, 1), uint256)


@external
@pure
def gate(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    round: IRoundJudge.Opening,
    score: IRoundJudge.Opening,
    member: uint256,
) -> bool:
    """
    @notice An update is in the model that must not be, or the reverse.
    @param score The member's score; not looked at in the first round.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROUND, round):
        return True
    n: uint256 = entries._members(head)
    assert member < n, "cells: no such member"
    wanted: uint256 = 1
    if place.number > 1:
        assert score.index == member, "cells: another member"
        if entries._is_misshapen(head, SCORES, score):
            return True
        wanted = convert(slice(round.entry, entries.COUNTS_AT, 1), uint256)
        if articles.strategy == GATED and convert(slice(score.entry, 20, 16), int256) <= 0:
            wanted = 0
    return wanted != convert(slice(round.entry, entries.WEIGHTS_AT + 8 * n + member, 1), uint256)


@external
@pure
def member(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    round: IRoundJudge.Opening,
    member: IRoundJudge.Opening,
    account: IRoundJudge.Opening,
) -> bool:
    """
    @notice A member is not the account that has its place, or has another weight there or in the header.
    @param account The entry of `standing` that has the member's place, or a different one with its address.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROUND, round) or entries._is_misshapen(head, UPDATES, member):
        return True
    if entries._is_misshapen(head, STANDING, account):
        return True
    n: uint256 = entries._members(head)
    weight: uint256 = convert(slice(member.entry, 20, 8), uint256)
    if weight != convert(slice(round.entry, entries.WEIGHTS_AT + 8 * member.index, 8), uint256):
        return True
    is_in: uint256 = convert(slice(member.entry, 60, 1), uint256)
    if is_in != convert(slice(round.entry, entries.WEIGHTS_AT + 8 * n + member.index, 1), uint256):
        return True
    admitted: bool = convert(slice(account.entry, 28, 1), uint256) == 1
    assert admitted, "cells: an account that was not admitted"
    assert convert(slice(account.entry, 29, 8), uint256) == member.index, "cells: another place"
    return slice(account.entry, 0, 28) != slice(member.entry, 0, 28)


@external
@view
def account(
    place: IRoundJudge.Place, articles: IRoundJudge.Articles, head: Bytes[528], account: IRoundJudge.Opening
) -> bool:
    """
    @notice An account is listed that never joined the job, or with a weight above the cap.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, STANDING, account):
        return True
    weight: uint256 = convert(slice(account.entry, 20, 8), uint256)
    if weight == 0 or weight > articles.row_cap:
        return True
    listed: address = convert(convert(slice(account.entry, 0, 20), bytes20), address)
    found: ICohort.Member = staticcall ICohort(place.cohort).member(place.job, listed)
    return not found.joined


@external
@view
def committed(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    member: IRoundJudge.Opening,
    root: bytes32,
    time: uint256,
    update: bytes32,
    salt: Bytes[32],
    proof: DynArray[bytes32, 32],
) -> bool:
    """
    @notice A member is listed with another update than the one it committed to in this round.
    @param root What the commitment's word on the chain hashes, with `time`.
    @param update What the member's commitment hides, with `salt`; `proof` leads from its leaf to the root.
    """
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, UPDATES, member):
        return True
    word: bytes32 = keccak256(
        abi_encode(COMMITMENT, chain.id, place.rounds, place.job, place.number, root, time)
    )
    assert word == place.commitment, "cells: not the commitment of the round"
    who: Bytes[20] = slice(member.entry, 0, 20)
    digest: bytes32 = sha256(
        concat(
            COMMITMENT_TAG,
            convert(place.job, bytes32),
            convert(place.number, bytes32),
            who,
            update,
            salt,
        )
    )
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPE, NAME, VERSION, chain.id, place.rounds))
    account: address = convert(convert(who, bytes20), address)
    struct_hash: bytes32 = keccak256(abi_encode(COMMITMENT_TYPE, place.job, place.number, account, digest))
    leaf: bytes32 = keccak256(concat(x"1901", domain, struct_hash))
    assert merkle._root_of(leaf, proof) == root, "cells: not among the commitments"
    return update != extract32(member.entry, 28)


@external
@pure
def walk(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    steps: IRoundJudge.Opening,
    before: IRoundJudge.Opening,
    joined: IRoundJudge.Opening,
    left: IRoundJudge.Opening,
    at: uint256,
) -> bool:
    """
    @notice What a member has gained in the orders so far is not what it had gained before and what it adds in this one.
    @param before The order before; not looked at for the first.
    @param joined The utility of the coalition with the member; `left` without it.
    @param at The member's place in the order.
    """
    self._check_trained(place)
    assert articles.scoring == PERMUTATION, "cells: no scoring by permutations"
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, STEPS, steps):
        return True
    if entries._is_misshapen(head, UTILITIES, joined) or entries._is_misshapen(head, UTILITIES, left):
        return True
    n: uint256 = entries._members(head)
    assert at < n, "cells: no such place"
    member: uint256 = convert(slice(steps.entry, 2 * at, 2), uint256)
    assert member < n, "cells: the order is false"
    total: int256 = 0
    if steps.index > 0:
        assert before.index + 1 == steps.index, "cells: not the entry before"
        if entries._is_misshapen(head, STEPS, before):
            return True
        total = convert(slice(before.entry, 6 * n + 8 * member, 8), int256)
    after: uint256 = convert(slice(steps.entry, 2 * n + 4 * at, 4), uint256) + 15
    prior: uint256 = 15
    if at > 0:
        prior += convert(slice(steps.entry, 2 * n + 4 * (at - 1), 4), uint256)
    assert joined.index == after // 16 and left.index == prior // 16, "cells: another utility"
    total += convert(slice(joined.entry, 8 * (after % 16), 8), int256)
    total -= convert(slice(left.entry, 8 * (prior % 16), 8), int256)
    return total != convert(slice(steps.entry, 6 * n + 8 * member, 8), int256)


@external
@pure
def order(
    place: IRoundJudge.Place,
    articles: IRoundJudge.Articles,
    head: Bytes[528],
    round: IRoundJudge.Opening,
    steps: IRoundJudge.Opening,
    mask: IRoundJudge.Opening,
    at: uint256,
) -> bool:
    """
    @notice An order names no member, is not sorted by its hashes, is not the reverse of its pair, or leads to a mixture
         that is not the coalition so far.
    @param mask The mixture after the member at this place has joined.
    """
    self._check_trained(place)
    assert articles.scoring == PERMUTATION, "cells: no scoring by permutations"
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, ROUND, round) or entries._is_misshapen(head, STEPS, steps):
        return True
    n: uint256 = entries._members(head)
    assert at < n, "cells: no such place"
    seen: uint256 = 0
    for k: uint256 in range(at + 1, bound=64):
        member: uint256 = convert(slice(steps.entry, 2 * k, 2), uint256)
        if member >= n or (seen >> member) & 1 == 1:
            return True
        seen |= 1 << member
    if at > 0:
        former: bytes32 = self._key(round.entry, steps.entry, steps.index // 2, at - 1)
        latter: bytes32 = self._key(round.entry, steps.entry, steps.index // 2, at)
        rising: bool = convert(former, uint256) < convert(latter, uint256)
        if rising != (steps.index % 2 == 0):
            return True
    mixture: uint256 = convert(slice(steps.entry, 2 * n + 4 * at, 4), uint256)
    if mixture >= entries._count(head, MASKS):
        return True
    assert mask.index == mixture, "cells: another mixture"
    if entries._is_misshapen(head, MASKS, mask):
        return True
    return convert(slice(mask.entry, 0, 8), uint256) != seen


@external
@pure
def nobody(
    place: IRoundJudge.Place, articles: IRoundJudge.Articles, head: Bytes[528], mask: IRoundJudge.Opening
) -> bool:
    """
    @notice The first mixture is not that of nobody, from which every order starts.
    """
    self._check_trained(place)
    entries._check_head(head, place.trace_root)
    if entries._is_misshapen(head, MASKS, mask):
        return True
    assert mask.index == 0, "cells: not the first mixture"
    return convert(slice(mask.entry, 0, 8), uint256) != 0


@pure
@internal
def _check_trained(place: IRoundJudge.Place):
    assert place.number > 1, "cells: nothing is scored in the first round"


@pure
@internal
def _key(round: Bytes[4096], steps: Bytes[4096], order: uint256, at: uint256) -> bytes32:
    """
    @notice Give the hash by which the member at a place of an order is sorted.
    """
    member: bytes4 = convert(convert(slice(steps, 2 * at, 2), uint32), bytes4)
    return sha256(concat(extract32(round, entries.ENTROPY_AT), convert(convert(order, uint32), bytes4), member))
