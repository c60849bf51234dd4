# pragma version ~=0.4.3
"""
@title Words of the judge of rounds
@license Apache-2.0
@notice What the judge hashes, what it tells its benches, and what articles it takes.
@custom:trust Nobody: pure functions of the contracts that use them.
@custom:stop Nothing to stop: they hold nothing.
"""

from counterpoise.federation import IRoundJudge
from counterpoise.federation import IRounds

RESULT: constant(uint256) = 2  # the first word of what a round's word hashes, as in Rounds
ENTRY: constant(uint256) = 4096
BLOB: constant(uint256) = 16_384


@view
@internal
def _word(rounds: address, job: uint256, round: uint256, record: IRounds.Record) -> bytes32:
    return keccak256(abi_encode(RESULT, chain.id, rounds, job, round, record))


@pure
@internal
def _key(job: uint256, round: uint256, word: bytes32, section: uint256, index: uint256) -> bytes32:
    return keccak256(abi_encode(job, round, word, section, index))


@view
@internal
def _place(
    rounds: address, cohort: address, job: uint256, round: uint256, record: IRounds.Record
) -> IRoundJudge.Place:
    """
    @notice Give what the benches are told of a round, but for the round before it.
    """
    return IRoundJudge.Place(
        context=keccak256(abi_encode(chain.id, rounds, job)),
        rounds=rounds,
        cohort=cohort,
        job=job,
        number=round,
        commitment=record.commitment,
        updates_root=record.content.updates_root,
        trace_root=record.content.trace_root,
        scores_digest=record.content.scores_digest,
        pay_root=record.content.pay_root,
        pay_total=record.content.pay_total,
        model_digest=record.content.model_digest,
        before_trace=empty(bytes32),
        before_model=empty(bytes32),
        before_total=record.previous_total,
    )


@pure
@internal
def _is_judgeable(articles: IRoundJudge.Articles) -> bool:
    """
    @notice Say whether every entry and blob of such a round fits into what the benches read.
    """
    if articles.scoring > 2 or articles.strategy > 1 or articles.pay_rule > 2:
        return False
    if articles.rows == 0 or articles.rows > 2**14 or articles.rounds == 0 or articles.rounds > 2**16:
        return False
    if articles.members == 0 or articles.members > 64 or (articles.scoring == 0 and articles.members > 14):
        return False
    if articles.inputs == 0 or articles.inputs > 512 or articles.classes < 2 or articles.classes > 256:
        return False
    if articles.scale_bits > 20 or articles.feature_bits > 14 or articles.scale_bits + articles.feature_bits < 20:
        return False
    if articles.params > 4096 or 4 * articles.params + 16 * articles.inputs + 256 > BLOB:
        return False
    outputs: uint256 = articles.classes if articles.classes > 2 else 1
    if articles.hidden != 0:
        return articles.hidden == 1
    if articles.params != outputs * (articles.inputs + 1):
        return False
    return 4 * articles.inputs + 8 + 8 * outputs * (1 + articles.members) <= ENTRY
