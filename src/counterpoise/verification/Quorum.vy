# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Quorum: a staked committee answers
@license Apache-2.0
@notice Members at stake decide what a model's answer is: by one transaction with the signatures of more than half of
     the stake, or by commit and reveal in two windows. Honest members run the same integers and so agree to the bit;
     who is silent after a commitment, or reveals another answer than the final one, is fined.
@dev Words, beside those of `seats`:
     round    opened (40 bits), end of commits (40), deadline (40), stake at the opening (96), attempt (16), members (8),
              bits of who revealed (16)
     outcome  status (8), time (40), numbers of up to 13 providers (16 each)
@custom:trust More than half of the stake can make any answer final, and have the others fined when they reveal the
     true one; less can, where honest members are silent. Who stakes more than the lightest is a member. Fines burn.
@custom:stop Nobody can stop it. A question without a quorum stays open until its asker's deadline. Stakes come back
     after the delay, when no commitment is open.
"""

from counterpoise.verification import IAsker
from counterpoise.verification import IEvaluator
from counterpoise.verification import IQuorum
from counterpoise.verification.lib import ballots
from counterpoise.verification.lib import packed
from counterpoise.verification.lib import seats
from counterpoise.verification.lib import signed_answers
from counterpoise.verification.lib import tally

implements: IEvaluator
implements: IQuorum
initializes: ballots
initializes: packed
initializes: seats
exports: (seats.join, seats.leave, seats.withdraw, seats.member, seats.seated, seats.total_stake)

# The statuses of a verdict.
PROPOSED: constant(uint256) = 1
FINAL: constant(uint256) = 3
FAILED: constant(uint256) = 4
# Why a member is fined.
SILENT: constant(uint256) = 1
DIFFERENT: constant(uint256) = 2
TWO_FACED: constant(uint256) = 3

SEATS: constant(uint256) = 13
PPM: constant(uint256) = 1_000_000
MAX_SECONDS: constant(uint256) = 2**32
AMOUNT_MASK: constant(uint256) = 2**96 - 1
TIME_MASK: constant(uint256) = 2**40 - 1
NUMBER_MASK: constant(uint256) = 2**16 - 1
STAKE_MASK: constant(uint256) = 2**128 - 1
OPEN: constant(uint256) = 1 << 136  # one open commitment in a member's word

QUORUM: immutable(uint256)
FINE_PPM: immutable(uint256)
COMMIT_SECONDS: immutable(uint256)
REVEAL_SECONDS: immutable(uint256)
MEDIAN: immutable(bool)
TOLERANCE: immutable(uint256)

_round: HashMap[address, HashMap[uint256, uint256]]
_outcome: HashMap[address, HashMap[uint256, uint256]]
_answer: HashMap[address, HashMap[uint256, bytes32]]


@deploy
def __init__(terms: IQuorum.Terms):
    """
    @param terms `least_stake` of a member; `quorum`, how many must sign or reveal at least; `fine_ppm` of its stake
         that a fault costs; the windows. With `median`, answers are single values, the final one is the stake's
         lower median, and one within `tolerance` of it is no fault; otherwise the answer with most stake wins.
    """
    assert 0 < terms.quorum and terms.quorum <= SEATS, "quorum: number of members out of range"
    assert 0 < terms.fine_ppm and terms.fine_ppm <= PPM, "quorum: fine out of range"
    assert 0 < terms.commit_seconds and terms.commit_seconds < MAX_SECONDS, "quorum: commit window out of range"
    assert 0 < terms.reveal_seconds and terms.reveal_seconds < MAX_SECONDS, "quorum: reveal window out of range"
    seats.__init__(terms.token, terms.least_stake, terms.leave_seconds)
    QUORUM = terms.quorum
    FINE_PPM = terms.fine_ppm
    COMMIT_SECONDS = terms.commit_seconds
    REVEAL_SECONDS = terms.reveal_seconds
    MEDIAN = terms.median
    TOLERANCE = terms.tolerance


@external
def commit(asker: address, id: uint256, subject: bytes32, commitment: bytes32):
    """
    @notice Commit to an answer; the first commitment opens a round. When every seated member has committed, reveals
         begin at once. In a full round who still has a seat takes the place of who has none any more.
    @param subject keccak256(abi.encode(model, input)): after a reorganisation another question may bear the number.
    @param commitment keccak256(abi.encode(chain id, this contract, asker, id, member, keccak256(answer), salt)).
    """
    word: uint256 = seats._member[msg.sender]
    assert word >> 168 != 0, "quorum: not a seated member"
    question: IAsker.Question = self._open_question(asker, id)
    assert keccak256(abi_encode(question.model, question.input)) == subject, "quorum: another question is asked"
    round: uint256 = self._round[asker][id]
    count: uint256 = (round >> 232) & 255
    attempt: uint256 = (round >> 216) & NUMBER_MASK
    number: uint256 = (word >> 152) & NUMBER_MASK
    crew: uint256 = 0
    place: uint256 = count
    if count == 0:
        round |= self._opening(question.deadline)
    else:
        assert block.timestamp < (round >> 40) & TIME_MASK, "quorum: commits are over"
        crew = ballots._crew[asker][id]
        assert ballots._position(crew, count, number) == SEATS, "quorum: already committed"
        total: uint256 = max((round >> 120) & AMOUNT_MASK, seats._crowd & STAKE_MASK)
        round = (round & ~(AMOUNT_MASK << 120)) | (total << 120)
    if count == SEATS:
        place = seats._left_place(crew)
        seats._member[seats._account[ballots._number(crew, place)]] -= OPEN
    else:
        count += 1
        round += 1 << 232
    crew = ballots._seal(asker, id, attempt, crew, place, number, commitment)
    if seats._is_complete(crew, count):
        round = (round & ~(TIME_MASK << 40)) | (block.timestamp << 40)
    self._round[asker][id] = round
    seats._member[msg.sender] = word + OPEN
    log IQuorum.Committed(asker=asker, id=id, account=msg.sender, attempt=attempt, commitment=commitment)


@external
def reveal(asker: address, id: uint256, answer: Bytes[66], salt: bytes32):
    """
    @notice Show the answer that one has committed to.
    """
    round: uint256 = self._round[asker][id]
    count: uint256 = (round >> 232) & 255
    commits_end: uint256 = (round >> 40) & TIME_MASK
    assert self._outcome[asker][id] == 0, "quorum: decided before the reveal"
    assert count != 0 and commits_end <= block.timestamp, "quorum: reveals have not begun"
    assert block.timestamp < commits_end + REVEAL_SECONDS, "quorum: reveals are over"
    attempt: uint256 = (round >> 216) & NUMBER_MASK
    number: uint256 = (seats._member[msg.sender] >> 152) & NUMBER_MASK
    position: uint256 = ballots._position(ballots._crew[asker][id], count, number)
    assert position < SEATS, "quorum: not in the round"
    assert (round >> (240 + position)) & 1 == 0, "quorum: already revealed"
    self._check_answer(answer)
    slot: bytes32 = ballots._slot(asker, id, attempt, position)
    content: bytes32 = ballots._commitment(asker, id, msg.sender, keccak256(answer), salt)
    assert content == ballots._slip[slot], "quorum: not what was committed"
    ballots._slip[slot] = packed._pack(answer)
    self._round[asker][id] = round | (1 << (240 + position))
    log IQuorum.Revealed(asker=asker, id=id, account=msg.sender, attempt=attempt, answer=answer)


@external
def settle(asker: address, id: uint256):
    """
    @notice End a round whose members have all revealed, or whose windows are over. Anyone may.
    @dev Final with the quorum's number of reveals and more than half of the stake that was seated at the opening,
         unless two answers tie. Otherwise the next attempt may begin, up to the deadline.
    """
    round: uint256 = self._round[asker][id]
    count: uint256 = (round >> 232) & 255
    assert count != 0, "quorum: no round to settle"
    decided: bool = self._outcome[asker][id] != 0
    all_revealed: bool = round >> 240 == (1 << count) - 1
    over: bool = block.timestamp >= ((round >> 40) & TIME_MASK) + REVEAL_SECONDS
    assert decided or all_revealed or over, "quorum: reveals are still due"
    attempt: uint256 = (round >> 216) & NUMBER_MASK
    crew: uint256 = ballots._crew[asker][id]
    final: bytes32 = empty(bytes32)
    slips: bytes32[SEATS] = empty(bytes32[SEATS])
    if not decided:
        slips = ballots._slips(asker, id, attempt, round >> 240)
        final = self._decide(slips, crew, count, (round >> 120) & AMOUNT_MASK)
    self._round[asker][id] = ((attempt + 1) & NUMBER_MASK) << 216
    burned: uint256 = 0
    providers: uint256 = 0
    place: uint256 = 0
    for i: uint256 in range(count, bound=SEATS):
        number: uint256 = ballots._number(crew, i)
        fault: uint256 = 0
        if not decided:
            fault = self._fault(slips[i], final)
        burned += self._release(seats._account[number], asker, id, fault)
        if fault == 0:
            providers |= number << place
            place += 16
    if final != empty(bytes32):
        self._finish(asker, id, final, providers)
    elif not decided:
        log IQuorum.RoundFailed(asker=asker, id=id, attempt=attempt)
        if block.timestamp > (round >> 80) & TIME_MASK:
            self._outcome[asker][id] = FAILED | (block.timestamp << 8)
            log IEvaluator.Settled(asker=asker, id=id, status=FAILED, answer=b"")
    seats._burn(burned)


@external
def attest(asker: address, id: uint256, answer: Bytes[66], signatures: DynArray[IQuorum.Signature, SEATS]):
    """
    @notice Make an answer final that the quorum has signed, with more than half of all seated stake. Anyone may send.
    @param signatures EIP-712 signatures of `Answer`, short form (EIP-2098), by ascending address of the signer.
    """
    question: IAsker.Question = self._open_question(asker, id)
    self._check_answer(answer)
    assert len(signatures) >= QUORUM, "quorum: too few signatures"
    digest: bytes32 = signed_answers._digest(asker, id, question.model, question.input, keccak256(answer))
    last: uint256 = 0
    weight: uint256 = 0
    providers: uint256 = 0
    place: uint256 = 0
    for signature: IQuorum.Signature in signatures:
        signer: address = signed_answers._signer(digest, signature)
        number: uint256 = convert(signer, uint256)
        assert number > last, "quorum: signers not in ascending order"
        last = number
        word: uint256 = seats._member[signer]
        assert word >> 168 != 0, "quorum: signed by no seated member"
        weight = unsafe_add(weight, word & AMOUNT_MASK)
        providers |= ((word >> 152) & NUMBER_MASK) << place
        place = unsafe_add(place, 16)
    assert 2 * weight > seats._crowd & STAKE_MASK, "quorum: not more than half of the stake"
    self._finish(asker, id, packed._pack(answer), providers)


@external
def convict(
    asker: address,
    id: uint256,
    model: bytes32,
    input: bytes32,
    answer: Bytes[66],
    other_answer: Bytes[66],
    signatures: IQuorum.Signature[2],
):
    """
    @notice Take the whole stake of a member that signed two answers to one question: half to the caller, half burned.
    """
    first: bytes32 = keccak256(answer)
    second: bytes32 = keccak256(other_answer)
    assert first != second, "quorum: the same answer twice"
    # slither-disable-next-line signature-replay the proof stays good: what that account stakes later can be taken, too
    signer: address = signed_answers._signer(signed_answers._digest(asker, id, model, input, first), signatures[0])
    other: address = signed_answers._signer(signed_answers._digest(asker, id, model, input, second), signatures[1])
    assert signer == other and signer != empty(address), "quorum: not signed by one account"
    stake: uint256 = seats._member[signer] & AMOUNT_MASK
    assert stake != 0, "quorum: no stake to take"
    seats._fine(signer, stake)
    log IQuorum.Fined(account=signer, asker=asker, id=id, amount=stake, fault=TWO_FACED)
    seats._burn(stake - stake // 2)
    seats._pay(msg.sender, stake // 2)


@view
@external
def verdict(asker: address, id: uint256) -> IEvaluator.Verdict:
    """
    @notice Where a question stands; `evidence` is keccak256(abi.encode(chain id, this, asker, id, answer)).
    """
    found: IEvaluator.Verdict = empty(IEvaluator.Verdict)
    outcome: uint256 = self._outcome[asker][id]
    if outcome == 0:
        round: uint256 = self._round[asker][id]
        if (round >> 232) & 255 != 0:
            found.status = PROPOSED
            found.time = round & TIME_MASK
        return found
    found.status = outcome & 255
    found.time = (outcome >> 8) & TIME_MASK
    if found.status == FINAL:
        found.answer = packed._unpack(self._answer[asker][id])
        found.evidence = keccak256(abi_encode(chain.id, self, asker, id, found.answer))
        for i: uint256 in range(SEATS):
            number: uint256 = (outcome >> (48 + 16 * i)) & NUMBER_MASK
            if number == 0:
                break
            found.providers.append(seats._account[number])
    return found


@view
@external
def level() -> uint256:
    return 0


@view
@external
def terms() -> IQuorum.Terms:
    return IQuorum.Terms(
        token=seats.TOKEN.address,
        least_stake=seats.LEAST_STAKE,
        quorum=QUORUM,
        fine_ppm=FINE_PPM,
        commit_seconds=COMMIT_SECONDS,
        reveal_seconds=REVEAL_SECONDS,
        leave_seconds=seats.LEAVE_SECONDS,
        median=MEDIAN,
        tolerance=TOLERANCE,
    )


@view
@external
def round(asker: address, id: uint256) -> IQuorum.Round:
    """
    @notice The round in progress, with its members in the order of their commitments; empty between rounds.
    """
    word: uint256 = self._round[asker][id]
    crew: uint256 = ballots._crew[asker][id]
    count: uint256 = (word >> 232) & 255
    found: IQuorum.Round = empty(IQuorum.Round)
    found.attempt = (word >> 216) & NUMBER_MASK
    if count != 0:
        found.opened = word & TIME_MASK
        found.commits_end = (word >> 40) & TIME_MASK
        found.reveals_end = found.commits_end + REVEAL_SECONDS
        found.total = (word >> 120) & AMOUNT_MASK
    for i: uint256 in range(count, bound=SEATS):
        found.members.append(seats._account[ballots._number(crew, i)])
        found.revealed.append((word >> (240 + i)) & 1 == 1)
    return found


@view
@internal
def _open_question(asker: address, id: uint256) -> IAsker.Question:
    assert self._outcome[asker][id] == 0, "quorum: already decided"
    question: IAsker.Question = staticcall IAsker(asker).question(id)
    assert question.evaluator == self, "quorum: not asked of this quorum"
    assert block.timestamp <= question.deadline, "quorum: the deadline is over"
    return question


@view
@internal
def _opening(deadline: uint256) -> uint256:
    end: uint256 = block.timestamp + COMMIT_SECONDS
    total: uint256 = seats._crowd & STAKE_MASK
    return block.timestamp | (end << 40) | (min(deadline, TIME_MASK) << 80) | (total << 120)


@view
@internal
def _decide(slips: bytes32[SEATS], crew: uint256, count: uint256, total: uint256) -> bytes32:
    """
    @dev The final answer's word; zero without a quorum.
    """
    weights: uint256[SEATS] = empty(uint256[SEATS])
    sum: uint256 = 0
    reveals: uint256 = 0
    for i: uint256 in range(count, bound=SEATS):
        if slips[i] != empty(bytes32):
            weights[i] = seats._member[seats._account[ballots._number(crew, i)]] & AMOUNT_MASK
            sum += weights[i]
            reveals += 1
    if reveals < QUORUM or 2 * sum <= total:
        return empty(bytes32)
    if MEDIAN:
        return tally._median(slips, weights)
    return tally._most(slips, weights)


@view
@internal
def _fault(slip: bytes32, final: bytes32) -> uint256:
    if slip == empty(bytes32):
        return SILENT
    if final == empty(bytes32) or slip == final:
        return 0
    if MEDIAN and tally._distance(slip, final) <= TOLERANCE:
        return 0
    return DIFFERENT


@internal
def _release(account: address, asker: address, id: uint256, fault: uint256) -> uint256:
    """
    @dev Close a commitment and fine its owner for a fault; gives what is to be burned.
    """
    word: uint256 = seats._member[account] - OPEN
    seats._member[account] = word
    if fault == 0:
        return 0
    amount: uint256 = (word & AMOUNT_MASK) * FINE_PPM // PPM
    seats._fine(account, amount)
    log IQuorum.Fined(account=account, asker=asker, id=id, amount=amount, fault=fault)
    return amount


@internal
def _finish(asker: address, id: uint256, word: bytes32, providers: uint256):
    self._answer[asker][id] = word
    self._outcome[asker][id] = FINAL | (block.timestamp << 8) | (providers << 48)
    log IEvaluator.Settled(asker=asker, id=id, status=FINAL, answer=packed._unpack(word))


@view
@internal
def _check_answer(answer: Bytes[66]):
    size: uint256 = len(answer)
    assert 6 <= size and size % 4 == 2, "quorum: no answer has this length"
    assert not MEDIAN or size == 6, "quorum: one value is wanted"
