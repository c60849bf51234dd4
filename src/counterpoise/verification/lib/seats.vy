# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Seats: who is on a committee, with what at stake
@license Apache-2.0
@notice Holds the stakes of at most 13 seated members. When all seats are taken, the lightest member must leave for a
     heavier one. A stake comes back after a delay, when no commitment of its owner is open.
@dev A module of `Quorum`. Words:
     member   stake (96 bits), time from which it may withdraw (40), open commitments (16), number (16), seat (8)
     crowd    stake of all seated members (128), seated members (16), last number given (16)
     Numbers are never given twice, so 65,535 accounts can ever join.
@custom:trust The contract that uses the module decides what a member is fined; fines are burned.
@custom:stop Nobody can stop it.
"""

from counterpoise.verification import IQuorum

interface IToken:
    def transfer(receiver: address, amount: uint256) -> bool: nonpayable
    def transferFrom(owner: address, receiver: address, amount: uint256) -> bool: nonpayable
    def burn(amount: uint256): nonpayable

SEATS: constant(uint256) = 13
MAX_SECONDS: constant(uint256) = 2**32
AMOUNT_MASK: constant(uint256) = 2**96 - 1
TIME_MASK: constant(uint256) = 2**40 - 1
NUMBER_MASK: constant(uint256) = 2**16 - 1
STAKE_MASK: constant(uint256) = 2**128 - 1
OPEN: constant(uint256) = 1 << 136  # one open commitment in a member's word
SEATED: constant(uint256) = 1 << 128  # one seated member in the crowd's word

TOKEN: immutable(IToken)
LEAST_STAKE: immutable(uint256)
LEAVE_SECONDS: immutable(uint256)

_crowd: uint256
_member: HashMap[address, uint256]
_seat: HashMap[uint256, address]  # 1 to SEATS
_account: HashMap[uint256, address]


@deploy
def __init__(token: address, least_stake: uint256, leave_seconds: uint256):
    assert token.is_contract, "quorum: the token is no contract"
    assert 0 < least_stake and least_stake <= AMOUNT_MASK, "quorum: least stake out of range"
    assert leave_seconds < MAX_SECONDS, "quorum: leaving delay out of range"
    TOKEN = IToken(token)
    LEAST_STAKE = least_stake
    LEAVE_SECONDS = leave_seconds


@external
def join(amount: uint256):
    """
    @notice Take a seat with a stake, or add to it. No stake is added while a commitment is open: a reveal weighs what
         its commitment weighed.
    """
    word: uint256 = self._member[msg.sender]
    assert (word >> 96) & TIME_MASK == 0, "quorum: leaving"
    assert (word >> 136) & NUMBER_MASK == 0, "quorum: a commitment is open"
    stake: uint256 = (word & AMOUNT_MASK) + amount
    assert LEAST_STAKE <= stake and stake <= AMOUNT_MASK, "quorum: stake out of range"
    if word >> 168 == 0:
        word = self._seated(msg.sender, word, stake)
    self._member[msg.sender] = word + amount
    self._crowd += amount
    log IQuorum.Joined(account=msg.sender, stake=stake)
    taken: bool = extcall TOKEN.transferFrom(msg.sender, self, amount, default_return_value=True)
    assert taken, "quorum: the token refused the stake"


@external
def leave():
    """
    @notice Give up the seat; the stake can be withdrawn after the delay.
    """
    assert self._member[msg.sender] >> 168 != 0, "quorum: no seat to leave"
    self._unseat(msg.sender)


@external
def withdraw():
    """
    @notice Take the stake back, after the delay and when every round one has committed in is settled.
    """
    word: uint256 = self._member[msg.sender]
    leaves: uint256 = (word >> 96) & TIME_MASK
    assert leaves != 0, "quorum: nothing to withdraw"
    assert block.timestamp >= leaves, "quorum: the delay is not over"
    assert (word >> 136) & NUMBER_MASK == 0, "quorum: a round is not settled"
    self._member[msg.sender] = word & (NUMBER_MASK << 152)
    log IQuorum.Withdrawn(account=msg.sender, amount=word & AMOUNT_MASK)
    self._pay(msg.sender, word & AMOUNT_MASK)


@view
@external
def member(account: address) -> IQuorum.Member:
    """
    @notice What an account has at stake, from when it may withdraw (0: not leaving), and its open commitments.
    """
    word: uint256 = self._member[account]
    return IQuorum.Member(
        stake=word & AMOUNT_MASK,
        leaves=(word >> 96) & TIME_MASK,
        open=(word >> 136) & NUMBER_MASK,
        seated=word >> 168 != 0,
    )


@view
@external
def seated() -> DynArray[address, SEATS]:
    """
    @notice The members that may answer now.
    """
    found: DynArray[address, SEATS] = []
    for seat: uint256 in range(1, SEATS + 1):
        if self._seat[seat] != empty(address):
            found.append(self._seat[seat])
    return found


@view
@external
def total_stake() -> uint256:
    """
    @notice The stake of all seated members, of which an attested answer needs more than half.
    """
    return self._crowd & STAKE_MASK


@internal
def _seated(account: address, word: uint256, stake: uint256) -> uint256:
    """
    @dev Give a seat, and a number to an account that has none; the caller adds the stake.
    """
    seat: uint256 = 0
    lightest: uint256 = 0
    least: uint256 = stake
    for i: uint256 in range(1, SEATS + 1):
        holder: address = self._seat[i]
        if holder == empty(address):
            seat = i
            break
        weight: uint256 = self._member[holder] & AMOUNT_MASK
        if weight < least:
            least = weight
            lightest = i
    if seat == 0:
        assert lightest != 0, "quorum: all seats are taken by heavier members"
        self._unseat(self._seat[lightest])
        seat = lightest
    self._seat[seat] = account
    given: uint256 = word
    if (word >> 152) & NUMBER_MASK == 0:
        number: uint256 = (self._crowd >> 144) + 1
        assert number <= NUMBER_MASK, "quorum: no number is left"
        self._account[number] = account
        self._crowd += 1 << 144
        given |= number << 152
    self._crowd += SEATED
    return given | (seat << 168)


@view
@internal
def _is_complete(crew: uint256, count: uint256) -> bool:
    """
    @notice Whether all that have a seat are in the crew of a round; who is in it and has left does not count.
    """
    missing: uint256 = (self._crowd >> 128) & NUMBER_MASK
    if count < missing:
        return False
    for place: uint256 in range(count, bound=SEATS):
        if self._is_seated(crew, place):
            missing -= 1
    return missing == 0


@view
@internal
def _left_place(crew: uint256) -> uint256:
    """
    @notice Where in a full crew somebody stands who has no seat any more; there is one if anybody seated is missing.
    """
    found: uint256 = 0
    for place: uint256 in range(SEATS):
        if not self._is_seated(crew, place):
            found = place
    return found


@view
@internal
def _is_seated(crew: uint256, place: uint256) -> bool:
    return self._member[self._account[(crew >> (16 * place)) & NUMBER_MASK]] >> 168 != 0


@internal
def _unseat(account: address):
    word: uint256 = self._member[account]
    leaves: uint256 = block.timestamp + LEAVE_SECONDS
    self._seat[word >> 168] = empty(address)
    self._crowd -= SEATED + (word & AMOUNT_MASK)
    self._member[account] = (word & (2**168 - 1)) | (leaves << 96)
    log IQuorum.Left(account=account, withdrawable=leaves)


@internal
def _fine(account: address, amount: uint256):
    """
    @dev Take from a stake; who falls below the least stake loses the seat. The caller burns or pays the amount.
    """
    word: uint256 = self._member[account] - amount
    self._member[account] = word
    if word >> 168 != 0:
        self._crowd -= amount
        if word & AMOUNT_MASK < LEAST_STAKE:
            self._unseat(account)


@internal
def _pay(account: address, amount: uint256):
    paid: bool = extcall TOKEN.transfer(account, amount, default_return_value=True)
    assert paid, "quorum: the token refused to pay"


@internal
def _burn(amount: uint256):
    if amount != 0:
        extcall TOKEN.burn(amount)
