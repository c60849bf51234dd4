# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Ballots: commitments of a round, and what they turned out to be
@license Apache-2.0
@notice A commitment names its member, so that a copy of it cannot be revealed by another.
@dev A module of `Quorum`. The crew of a round is a word: the numbers of its members, 16 bits each, in the order of their
     commitments. A slip is a commitment, and once it is revealed, the word of the answer.
@custom:trust Nobody: it stores what the contract that uses it gives.
@custom:stop There is nothing to stop.
"""

SEATS: constant(uint256) = 13
NUMBER_MASK: constant(uint256) = 2**16 - 1

_crew: HashMap[address, HashMap[uint256, uint256]]
_slip: HashMap[bytes32, bytes32]


@internal
def _seal(
    asker: address, id: uint256, attempt: uint256, crew: uint256, position: uint256, number: uint256, commitment: bytes32
) -> uint256:
    """
    @notice Put a member's commitment at a position of a round's crew; gives the crew with it.
    """
    joined: uint256 = crew & ~(NUMBER_MASK << (16 * position)) | (number << (16 * position))
    self._crew[asker][id] = joined
    self._slip[self._slot(asker, id, attempt, position)] = commitment
    return joined


@view
@internal
def _commitment(
    asker: address, id: uint256, account: address, answer_hash: bytes32, salt: bytes32
) -> bytes32:
    return keccak256(abi_encode(chain.id, self, asker, id, account, answer_hash, salt))


@pure
@internal
def _position(crew: uint256, count: uint256, number: uint256) -> uint256:
    """
    @dev Where a number stands in a crew; SEATS if it does not.
    """
    for i: uint256 in range(count, bound=SEATS):
        if self._number(crew, i) == number:
            return i
    return SEATS


@pure
@internal
def _number(crew: uint256, position: uint256) -> uint256:
    return (crew >> (16 * position)) & NUMBER_MASK


@pure
@internal
def _slot(asker: address, id: uint256, attempt: uint256, position: uint256) -> bytes32:
    return keccak256(abi_encode(asker, id, attempt, position))


@view
@internal
def _slips(asker: address, id: uint256, attempt: uint256, revealed: uint256) -> bytes32[SEATS]:
    """
    @dev The words of the answers that were revealed; zero for who was silent.
    """
    found: bytes32[SEATS] = empty(bytes32[SEATS])
    for i: uint256 in range(SEATS):
        if (revealed >> i) & 1 == 1:
            found[i] = self._slip[self._slot(asker, id, attempt, i)]
    return found
