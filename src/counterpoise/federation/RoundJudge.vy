# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Judge of federated rounds
@license Apache-2.0
@notice Holds the bond without which a coordinator's results do not count. Whoever shows one false number of a posted
     round, inside its challenge window and in one transaction, is paid half of it; the other half is burnt, so that
     nobody gains by convicting itself. The round falls, and every later one; the coordinator bonds anew and may run
     them again. What is kept back can be demanded: it is revealed in time, or the round falls.
@dev The numbers are recomputed by stateless contracts, the benches. A challenger names one, the cell (a function of it)
     and the encoded arguments but for the first two: place and articles, which are put before them here. So a bench
     is never asked about another round, job, contract or chain than the one that falls.
     Three words a job: the digest of its articles; amount (96 bits) and what is locked (96); a demand is one word.
@custom:trust The sponsor writes the articles: bond and join only if they follow from the signed terms. The benches are
     fixed at deployment. Nobody else decides anything; the judge cannot touch the pot or a member's stake. A coordinator
     that answers no demands loses its bond. Who copies a conviction may take its reward, not save the liar.
@custom:stop Nobody can stop it. A bond comes back when the job is finished or expired.
"""

from ethereum.ercs import IERC20

from counterpoise.federation import IRoundJudge
from counterpoise.federation import IRounds
from counterpoise.federation import judge_words as words
from counterpoise.federation import trace_entries as entries
from counterpoise.jobs import ICohort
from counterpoise.jobs import IJobs

implements: IRoundJudge

interface IBurnable:
    def burn(amount: uint256): nonpayable

FUNDED: constant(uint256) = 1  # as IJobs.Job.status counts
BENCHES: constant(uint256) = 4
SECTIONS: constant(uint256) = 11
MODEL_BLOB: constant(uint256) = 100  # as a section: the blob of the model after the round
UPDATE_BLOB: constant(uint256) = 101  # the blob of an update, by the index of its member
PARTS: constant(uint256) = 8  # how many times a demand's time fits into the challenge window
SHARE: constant(uint256) = 64  # a demand's deposit is this part of the bond
ANSWERED: constant(uint256) = 1 << 255
AMOUNT_MASK: constant(uint256) = 2**96 - 1
ADDRESS_MASK: constant(uint256) = 2**160 - 1

ROUNDS: immutable(IRounds)
JOBS: immutable(IJobs)
TOKEN: immutable(IERC20)
BENCH: immutable(address[BENCHES])

_articles: HashMap[uint256, bytes32]
_bond: HashMap[uint256, uint256]
_demand: HashMap[bytes32, uint256]


@deploy
def __init__(rounds: address, benches: address[BENCHES]):
    ROUNDS = IRounds(rounds)
    JOBS = IJobs(staticcall ICohort(staticcall ROUNDS.cohort()).jobs())
    TOKEN = IERC20(staticcall JOBS.paymentToken())
    BENCH = benches


@external
def open(job: uint256, articles: IRoundJudge.Articles, amount: uint256):
    """
    @notice Fix by which articles the rounds of a funded job are judged, and the bond; its sponsor only, once.
    @param amount The bond, in base units of the token.
    """
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert msg.sender == found.client, "judge: not the sponsor"
    assert found.status == FUNDED, "judge: the job is not funded"
    assert self._articles[job] == empty(bytes32), "judge: already open"
    assert SHARE <= amount and amount <= AMOUNT_MASK, "judge: bond out of range"
    assert articles.pot == found.budget, "judge: articles of another pot"
    assert words._is_judgeable(articles), "judge: articles beyond what can be judged"
    digest: bytes32 = keccak256(abi_encode(articles))
    self._articles[job] = digest
    self._bond[job] = amount
    log IRoundJudge.Instituted(job=job, sponsor=msg.sender, articles=digest, amount=amount)


@external
def deposit(job: uint256):
    """
    @notice Lock what is missing of a job's bond; its coordinator, who has approved this contract to take it.
    """
    state: IRounds.State = staticcall ROUNDS.state(job)
    assert msg.sender == state.coordinator, "judge: not the coordinator"
    assert not state.finished, "judge: the job is finished"
    word: uint256 = self._bond[job]
    missing: uint256 = (word & AMOUNT_MASK) - (word >> 96)
    assert missing > 0, "judge: nothing is missing of the bond"
    self._bond[job] = word + (missing << 96)
    log IRoundJudge.Bonded(job=job, coordinator=msg.sender, amount=missing)
    self._take(missing)


@external
def release(job: uint256):
    """
    @notice Give the bond back once no window can be open: the job is finished or has expired. Anyone; only the
         coordinator is paid.
    """
    state: IRounds.State = staticcall ROUNDS.state(job)
    assert state.finished or block.timestamp >= state.expires, "judge: windows may be open"
    word: uint256 = self._bond[job]
    locked: uint256 = word >> 96
    assert locked > 0, "judge: no bond"
    self._bond[job] = word & AMOUNT_MASK
    log IRoundJudge.Released(job=job, coordinator=state.coordinator, amount=locked)
    self._pay(state.coordinator, locked)


@external
def convict(
    job: uint256,
    round: uint256,
    record: IRounds.Record,
    before: IRounds.Record,
    articles: IRoundJudge.Articles,
    bench: uint256,
    cell: bytes4,
    proof: Bytes[24576],
):
    """
    @notice Show that one number of a round is false; anyone, within its window.
    @param record The record of the round, as its event spelled it out.
    @param before That of the round before; not looked at in the first round.
    @param bench Which bench recomputes the number; `cell` is the selector of its function.
    @param proof The encoded arguments of that function after the first two.
    """
    self._check_record(job, round, record)
    assert keccak256(abi_encode(articles)) == self._articles[job], "judge: not the articles of the job"
    assert bench < BENCHES, "judge: no such bench"
    place: IRoundJudge.Place = words._place(ROUNDS.address, staticcall ROUNDS.cohort(), job, round, record)
    if round > 1:
        former: bytes32 = staticcall ROUNDS.digest_of_round(job, round - 1)
        assert words._word(ROUNDS.address, job, round - 1, before) == former, "judge: not the record of the round before"
        place.before_trace = before.content.trace_root
        place.before_model = before.content.model_digest
    question: Bytes[25668] = concat(cell, abi_encode(place, articles), proof)
    answer: Bytes[32] = raw_call(BENCH[bench], question, max_outsize=32, is_static_call=True)
    assert len(answer) == 32 and convert(answer, uint256) == 1, "judge: the number is right"
    reason: bytes32 = keccak256(concat(cell, proof))
    self._convict(job, round, record, msg.sender, bench, cell, reason)


@external
def demand(job: uint256, round: uint256, record: IRounds.Record, section: uint256, index: uint256):
    """
    @notice Demand that an entry of a round's trace, or a blob, be revealed; anyone, with a deposit.
    @param section A section of the trace; 100 for the model's blob, 101 for the update of the member `index`.
    """
    self._check_record(job, round, record)
    known: bool = section < SECTIONS or section == UPDATE_BLOB or (section == MODEL_BLOB and index == 0)
    assert known, "judge: nothing to demand"
    state: IRounds.State = staticcall ROUNDS.state(job)
    time: uint256 = max(state.challenge_seconds // PARTS, 1)
    closes: uint256 = record.time + state.challenge_seconds
    assert block.timestamp + 2 * time <= closes, "judge: too late to demand"
    amount: uint256 = (self._bond[job] & AMOUNT_MASK) // SHARE
    assert amount > 0, "judge: the job has no bond"
    word: bytes32 = words._word(ROUNDS.address, job, round, record)
    key: bytes32 = words._key(job, round, word, section, index)
    assert self._demand[key] == 0, "judge: already demanded"
    deadline: uint256 = block.timestamp + time
    self._demand[key] = convert(msg.sender, uint256) | (deadline << 160)
    log IRoundJudge.Demanded(
        job=job,
        round=round,
        challenger=msg.sender,
        word=word,
        section=section,
        index=index,
        deadline=deadline,
        amount=amount,
    )
    self._take(amount)


@external
def reveal(
    job: uint256, round: uint256, record: IRounds.Record, head: Bytes[528], section: uint256, opening: IRoundJudge.Opening
):
    """
    @notice Answer a demand with the entry and its proof, or with the head alone if there is no such entry. Anyone; the
         deposit goes to the coordinator.
    """
    assert section < SECTIONS, "judge: a blob is revealed otherwise"
    entries._check_head(head, record.content.trace_root)
    if opening.index < entries._count(head, section):
        misshapen: bool = entries._is_misshapen(head, section, opening)
    else:
        assert len(opening.entry) == 0, "judge: an entry beyond the last"
    word: bytes32 = self._answer(job, round, record, section, opening.index)
    log IRoundJudge.Revealed(
        job=job,
        round=round,
        word=word,
        section=section,
        index=opening.index,
        head=head,
        entry=opening.entry,
        proof=opening.proof,
    )


@external
def reveal_blob(
    job: uint256,
    round: uint256,
    record: IRounds.Record,
    head: Bytes[528],
    section: uint256,
    opening: IRoundJudge.Opening,
    blob: Bytes[16384],
):
    """
    @notice Answer a demand of a blob. Anyone; the deposit goes to the coordinator.
    @param opening The member's entry in `updates`, which names the blob; for a model, not looked at but for index 0.
    """
    if section == MODEL_BLOB:
        assert sha256(blob) == record.content.model_digest, "judge: not the blob of the model"
    else:
        assert section == UPDATE_BLOB, "judge: an entry is revealed otherwise"
        entries._check_head(head, record.content.trace_root)
        if opening.index < entries._count(head, 1):
            if not entries._is_misshapen(head, 1, opening):
                assert sha256(blob) == extract32(opening.entry, 28), "judge: not the blob of the update"
        else:
            assert len(blob) == 0, "judge: a blob beyond the last"
    word: bytes32 = self._answer(job, round, record, section, opening.index)
    log IRoundJudge.Revealed(
        job=job,
        round=round,
        word=word,
        section=section,
        index=opening.index,
        head=head,
        entry=blob,
        proof=opening.proof,
    )


@external
def lapse(job: uint256, round: uint256, record: IRounds.Record, section: uint256, index: uint256):
    """
    @notice Convict a round of which something was demanded and not revealed in time; anyone. Who demanded is paid.
    """
    self._check_record(job, round, record)
    word: uint256 = self._open_demand(job, round, record, section, index)
    assert block.timestamp > word >> 160, "judge: there is time to reveal"
    challenger: address = convert(word & ADDRESS_MASK, address)
    amount: uint256 = (self._bond[job] & AMOUNT_MASK) // SHARE
    key: bytes32 = words._key(job, round, words._word(ROUNDS.address, job, round, record), section, index)
    self._demand[key] = ANSWERED
    self._convict(job, round, record, challenger, BENCHES, empty(bytes4), key)
    self._pay(challenger, amount)


@external
def withdraw(job: uint256, round: uint256, record: IRounds.Record, section: uint256, index: uint256):
    """
    @notice Give the deposit of a demand back that nobody answered, once the round fell or its window closed; anyone.
    """
    word: uint256 = self._open_demand(job, round, record, section, index)
    state: IRounds.State = staticcall ROUNDS.state(job)
    digest: bytes32 = words._word(ROUNDS.address, job, round, record)
    fell: bool = digest != staticcall ROUNDS.digest_of_round(job, round)
    closed: bool = block.timestamp >= record.time + state.challenge_seconds
    assert fell or closed, "judge: the demand is open"
    challenger: address = convert(word & ADDRESS_MASK, address)
    amount: uint256 = (self._bond[job] & AMOUNT_MASK) // SHARE
    self._demand[words._key(job, round, digest, section, index)] = ANSWERED
    log IRoundJudge.Withdrawn(
        job=job, round=round, challenger=challenger, word=digest, section=section, index=index, amount=amount
    )
    self._pay(challenger, amount)


@view
@external
def is_bonded(job: uint256) -> bool:
    """
    @notice Whether the whole bond of a job is locked: else its results do not count.
    """
    word: uint256 = self._bond[job]
    return word != 0 and word >> 96 >= word & AMOUNT_MASK


@view
@external
def bond(job: uint256) -> IRoundJudge.Bond:
    """
    @notice The bond of a job, how much of it is locked, and whose it is.
    """
    word: uint256 = self._bond[job]
    state: IRounds.State = staticcall ROUNDS.state(job)
    return IRoundJudge.Bond(amount=word & AMOUNT_MASK, locked=word >> 96, coordinator=state.coordinator)


@view
@external
def articles_of(job: uint256) -> bytes32:
    """
    @notice The digest of the articles by which a job is judged: keccak of their ABI encoding.
    """
    return self._articles[job]


@view
@external
def demand_of(job: uint256, round: uint256, word: bytes32, section: uint256, index: uint256) -> IRoundJudge.Demand:
    """
    @notice An open demand of a round with this word; zeros if there is none, or it was answered.
    """
    found: uint256 = self._demand[words._key(job, round, word, section, index)]
    if found == 0 or found == ANSWERED:
        return empty(IRoundJudge.Demand)
    amount: uint256 = (self._bond[job] & AMOUNT_MASK) // SHARE
    return IRoundJudge.Demand(account=convert(found & ADDRESS_MASK, address), deadline=found >> 160, amount=amount)


@view
@external
def bench(number: uint256) -> address:
    """
    @notice The bench of a number: 0 model, 1 scores, 2 members, 3 pay.
    """
    return BENCH[number]


@internal
def _convict(
    job: uint256,
    round: uint256,
    record: IRounds.Record,
    challenger: address,
    bench: uint256,
    cell: bytes4,
    reason: bytes32,
):
    word: uint256 = self._bond[job]
    paid: uint256 = (word >> 96) // 2
    burnt: uint256 = (word >> 96) - paid
    self._bond[job] = word & AMOUNT_MASK
    log IRoundJudge.Convicted(
        job=job, round=round, challenger=challenger, bench=bench, cell=cell, reason=reason, paid=paid, burnt=burnt
    )
    extcall ROUNDS.rollback(job, round, record, reason)
    if burnt > 0:
        extcall IBurnable(TOKEN.address).burn(burnt)
        self._pay(challenger, paid)


@internal
def _answer(job: uint256, round: uint256, record: IRounds.Record, section: uint256, index: uint256) -> bytes32:
    """
    @notice Tick a demand off that was answered in time and pay its deposit to the coordinator.
    """
    found: uint256 = self._open_demand(job, round, record, section, index)
    assert block.timestamp <= found >> 160, "judge: too late to reveal"
    word: bytes32 = words._word(ROUNDS.address, job, round, record)
    self._demand[words._key(job, round, word, section, index)] = ANSWERED
    state: IRounds.State = staticcall ROUNDS.state(job)
    self._pay(state.coordinator, (self._bond[job] & AMOUNT_MASK) // SHARE)
    return word


@internal
def _take(amount: uint256):
    before: uint256 = staticcall TOKEN.balanceOf(self)
    taken: bool = extcall TOKEN.transferFrom(msg.sender, self, amount, default_return_value=True)
    assert taken, "judge: the token refused"
    assert staticcall TOKEN.balanceOf(self) == before + amount, "judge: the token kept a fee"


@internal
def _pay(to: address, amount: uint256):
    paid: bool = extcall TOKEN.transfer(to, amount, default_return_value=True)
    assert paid, "judge: the token refused to pay"


@view
@internal
def _open_demand(
    job: uint256, round: uint256, record: IRounds.Record, section: uint256, index: uint256
) -> uint256:
    found: uint256 = self._demand[words._key(job, round, words._word(ROUNDS.address, job, round, record), section, index)]
    assert found != 0, "judge: never demanded"
    assert found != ANSWERED, "judge: already answered"
    return found


@view
@internal
def _check_record(job: uint256, round: uint256, record: IRounds.Record):
    word: bytes32 = staticcall ROUNDS.digest_of_round(job, round)
    assert words._word(ROUNDS.address, job, round, record) == word, "judge: not the record of the round"
