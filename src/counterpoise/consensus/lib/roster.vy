# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Roster: who stands under which number, with what at stake, on which seat
@license Apache-2.0
@notice Up to 512 members; up to 64 of them have a seat, which who stakes more takes from who stakes less.
@dev A module of `Consensus`, which says until when the roster may change (`_frozen_from`) and who counts (`_present`).
     Words:
     member   account (160 bits), stake (96)
     place    drawn (96), seat (8), last epoch revealed (64), last attempt objected to (64)
@custom:trust Nobody touches another's stake.
@custom:stop Nobody can stop it; stakes can be taken out whenever no epoch holds them.
"""

from ethereum.ercs import IERC20

from counterpoise.consensus import IConsensus

interface IBurnable:
    def burn(amount: uint256): nonpayable

SEATS: constant(uint256) = 64
MEMBERS: constant(uint256) = 512
ADDRESS_MASK: constant(uint256) = 2**160 - 1
AMOUNT_MASK: constant(uint256) = 2**96 - 1
ID_MASK: constant(uint256) = 2**64 - 1

TOKEN: immutable(address)
LEAST_STAKE: immutable(uint256)
ENTRY: immutable(uint256)

_member: HashMap[uint256, uint256]
_place: HashMap[uint256, uint256]
_number: HashMap[address, uint256]  # and one
_seat: uint256[SEATS]  # number and one
_registered: uint256[2]
_present: uint256[2]
_width: uint256
_frozen_from: uint256
_epoch_number: uint256


@deploy
def __init__(token: address, least_stake: uint256, entry: uint256):
    assert 0 < least_stake and least_stake <= AMOUNT_MASK, "consensus: least stake out of range"
    TOKEN = token
    LEAST_STAKE = least_stake
    ENTRY = entry
    self._frozen_from = max_value(uint256)


@external
def register(number: uint256):
    """
    @notice Stand under a vacant number, from the next epoch on; the entry is burnt.
    """
    self._check_change()
    width: uint256 = self._width
    assert number <= width and number < MEMBERS, "consensus: beyond the next number"
    assert self._member[number] == 0, "consensus: the number is taken"
    assert self._number[msg.sender] == 0, "consensus: already registered"
    self._member[number] = convert(msg.sender, uint256)
    self._number[msg.sender] = number + 1
    self._registered[number >> 8] |= 1 << (number & 255)
    if number == width:
        self._width = width + 1
    log IConsensus.Registered(number=number, account=msg.sender, since=self._epoch_number + 1)
    if ENTRY > 0:
        self._take(ENTRY)
        extcall IBurnable(TOKEN).burn(ENTRY)


@external
def stake(amount: uint256, seat: uint256):
    """
    @notice Add to one's stake, which may be by 0, and take a seat with it if one has none.
    @param seat The seat to take, 0 to 63: a free one, or of one with less stake.
    """
    self._check_change()
    number: uint256 = self._number_of(msg.sender)
    word: uint256 = self._member[number]
    total: uint256 = (word >> 160) + amount
    assert total <= AMOUNT_MASK, "consensus: stake above 2**96"
    self._member[number] = (word & ADDRESS_MASK) | (total << 160)
    taken: uint256 = self._seat_of(number)
    if taken == 0:
        assert seat < SEATS, "consensus: no such seat"
        assert total >= LEAST_STAKE, "consensus: less than the least stake"
        holder: uint256 = self._seat[seat]
        if holder != 0:
            assert total > self._member[holder - 1] >> 160, "consensus: the seat is held by as much"
            self._unseat(holder - 1, seat + 1)
        taken = seat + 1
        self._seat[seat] = number + 1
        self._place[number] |= taken << 96
    log IConsensus.Staked(number=number, stake=total, seat=taken)
    if amount > 0:
        self._take(amount)


@external
def unstake(amount: uint256):
    """
    @notice Take stake out; with less than the least, the seat is free.
    """
    self._check_change()
    number: uint256 = self._number_of(msg.sender)
    word: uint256 = self._member[number]
    assert 0 < amount and amount <= word >> 160, "consensus: not that much at stake"
    left: uint256 = (word >> 160) - amount
    self._member[number] = (word & ADDRESS_MASK) | (left << 160)
    seat: uint256 = self._seat_of(number)
    if seat != 0 and left < LEAST_STAKE:
        self._seat[seat - 1] = 0
        self._unseat(number, seat)
    log IConsensus.Unstaked(number=number, amount=amount)
    self._pay(msg.sender, amount)


@view
@external
def member(number: uint256) -> IConsensus.Member:
    """
    @notice Who stands under a number; zeros if it is vacant, but for what was drawn under it.
    """
    word: uint256 = self._member[number]
    return IConsensus.Member(
        account=self._account(number),
        stake=word >> 160,
        seat=self._seat_of(number),
        drawn=self._place[number] & AMOUNT_MASK,
    )


@view
@external
def number_of(account: address) -> uint256:
    """
    @notice The number of a member; refused for others.
    """
    return self._number_of(account)


@internal
def _leave(account: address) -> uint256:
    """
    @notice Make a member's number vacant; its column no longer counts in the epoch that is open.
    """
    self._check_change()
    number: uint256 = self._number_of(account)
    assert self._member[number] >> 160 == 0, "consensus: there is a stake"
    self._member[number] = 0
    self._number[account] = 0
    flag: uint256 = ~(1 << (number & 255))
    self._registered[number >> 8] &= flag
    self._present[number >> 8] &= flag
    log IConsensus.Left(number=number, account=account)
    return number


@internal
def _begin(epoch: uint256, frozen_from: uint256):
    self._epoch_number = epoch
    self._frozen_from = frozen_from
    self._present = self._registered


@internal
def _end():
    self._frozen_from = max_value(uint256)


@internal
def _unseat(number: uint256, seat: uint256):
    # slither-disable-next-line unequal-guard the stake of the caller has said which seat it is
    self._place[number] &= ~(255 << 96)
    log IConsensus.Unseated(number=number, seat=seat)


@internal
def _note_reveal(number: uint256):
    self._place[number] = (self._place[number] & ~(ID_MASK << 104)) | (self._epoch_number << 104)


@internal
def _object(number: uint256, attempt: uint256) -> uint256:
    """
    @notice Note that a validator objects to a result; give its stake.
    """
    place: uint256 = self._place[number]
    assert self._has_revealed(number), "consensus: objection without a reveal"
    assert place >> 168 != attempt, "consensus: already objected"
    # slither-disable-next-line unequal-guard the number is the caller's own
    self._place[number] = (place & (2**168 - 1)) | (attempt << 168)
    return self._member[number] >> 160


@internal
def _draw(number: uint256, due: uint256) -> uint256:
    """
    @notice Note that all of a due was drawn; give what is left to pay.
    """
    place: uint256 = self._place[number]
    drawn: uint256 = place & AMOUNT_MASK
    if due <= drawn:
        return 0
    self._place[number] = place - drawn + due
    return due - drawn


@view
@internal
def _check_change():
    assert block.timestamp < self._frozen_from, "consensus: the roster stands still"


@view
@internal
def _account(number: uint256) -> address:
    return convert(self._member[number] & ADDRESS_MASK, address)


@view
@internal
def _number_of(account: address) -> uint256:
    number: uint256 = self._number[account]
    assert number != 0, "consensus: not a member"
    return number - 1


@view
@internal
def _seat_of(number: uint256) -> uint256:
    return (self._place[number] >> 96) & 255


@view
@internal
def _is_present(number: uint256) -> bool:
    return (self._present[number >> 8] >> (number & 255)) & 1 == 1


@view
@internal
def _has_revealed(number: uint256) -> bool:
    return (self._place[number] >> 104) & ID_MASK == self._epoch_number


@internal
def _take(amount: uint256):
    before: uint256 = staticcall IERC20(TOKEN).balanceOf(self)
    taken: bool = extcall IERC20(TOKEN).transferFrom(msg.sender, self, amount, default_return_value=True)
    assert taken, "consensus: the token refused to be taken"
    assert staticcall IERC20(TOKEN).balanceOf(self) == before + amount, "consensus: the token kept a fee"


@internal
def _pay(to: address, amount: uint256):
    # slither-disable-next-line unprotected-transfer every caller has debited or bonded what is paid here
    paid: bool = extcall IERC20(TOKEN).transfer(to, amount, default_return_value=True)
    assert paid, "consensus: the token refused to pay"


@internal
def _burn(amount: uint256):
    extcall IBurnable(TOKEN).burn(amount)
