# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Validators' consensus
@license Apache-2.0
@notice Members stand under numbers; those with a seat weigh the others. Each epoch: weights are committed, then revealed;
     who does not reveal has no weight. A proposer with a bond posts what Yuma consensus makes of the rows; in the
     window after it anyone convicts a false cell in one transaction. Pay is drawn by cumulative claims.
@dev Who is there, and each stake, stands still from the end of the commitments until the epoch is closed.
@custom:trust Consensus, rank and due of every member are judged, and that only who revealed has a dividend. How dividends
     are split among those (half of an epoch's pay at most) is thrown out only by more than half of the revealed stake,
     as a false result is that nobody challenged in its window: by it, dues not yet drawn may go to others, never more
     than is owed. Who copies a conviction may take its reward. More than kappa of the stake decides all weights.
@custom:stop Nobody can stop it. An epoch without a standing result lapses and pays nothing; then stakes can be taken out.
"""

from counterpoise.consensus import IConsensus
from counterpoise.consensus.lib import columns
from counterpoise.consensus.lib import roster

implements: IConsensus
initializes: roster
exports: (roster.register, roster.stake, roster.unstake, roster.member, roster.number_of)

ONE: constant(uint256) = 1 << 32
ROWS: constant(uint256) = 64
CELLS: constant(uint256) = 512
MAX_SECONDS: constant(uint256) = 2**32
AMOUNT_MASK: constant(uint256) = 2**96 - 1
SHARE_MASK: constant(uint256) = 2**40 - 1
# What a result fell by, as IConsensus.Fell counts.
OBJECTIONS: constant(uint256) = 0
COLUMN: constant(uint256) = 1
DUE: constant(uint256) = 2

TERMS: immutable(IConsensus.Terms)

_commitment: HashMap[uint256, HashMap[uint256, bytes32]]
_epoch: IConsensus.Epoch
_proposal: IConsensus.Proposal
_root: bytes32
_due_total: uint256
_owed: uint256
_spare: uint256


@deploy
def __init__(terms: IConsensus.Terms):
    """
    @param terms `pay` of an epoch, `bond` of a result, `least_stake` of a seat, `entry` burnt by who registers: base
         units; `kappa` in Q32.32; the windows.
    """
    assert terms.pay <= terms.bond and terms.bond <= AMOUNT_MASK, "consensus: bond below an epoch's pay, or too large"
    assert terms.kappa < ONE, "consensus: kappa out of range"
    assert 0 < terms.commit_seconds and terms.commit_seconds < MAX_SECONDS, "consensus: commit window out of range"
    assert 0 < terms.reveal_seconds and terms.reveal_seconds < MAX_SECONDS, "consensus: reveal window out of range"
    assert 0 < terms.propose_seconds and terms.propose_seconds < MAX_SECONDS, "consensus: time to propose out of range"
    assert 0 < terms.challenge_seconds and terms.challenge_seconds < MAX_SECONDS, "consensus: challenge out of range"
    roster.__init__(terms.token, terms.least_stake, terms.entry)
    TERMS = terms


@external
def fund(amount: uint256):
    """
    @notice Add to the pot that epochs are paid from.
    """
    assert amount > 0, "consensus: nothing to fund"
    self._spare += amount
    log IConsensus.Funded(sender=msg.sender, amount=amount)
    roster._take(amount)


@external
def leave(cell: uint256, path: bytes32[9]):
    """
    @notice Give the number up, with what is due to it; the stake must be out. The next to bear it starts anew.
    """
    number: uint256 = roster._leave(msg.sender)
    if self._root != empty(bytes32):
        drawn: uint256 = self._draw(number, msg.sender, cell, path)


@external
def open():
    """
    @notice Begin the next epoch; anyone, once the last is closed. It pays what the pot holds, at most the epoch's pay.
    """
    assert not self._epoch.is_open, "consensus: an epoch is open"
    pay: uint256 = min(TERMS.pay, self._spare)
    self._spare -= pay
    commits_end: uint256 = block.timestamp + TERMS.commit_seconds
    reveals_end: uint256 = commits_end + TERMS.reveal_seconds
    # slither-disable-next-line unequal-guard anyone may begin what is due
    self._epoch = IConsensus.Epoch(
        number=self._epoch.number + 1,
        is_open=True,
        pay=pay,
        commits_end=commits_end,
        reveals_end=reveals_end,
        propose_end=reveals_end + TERMS.propose_seconds,
        attempt=self._epoch.attempt + 1,
        revealed=0,
        stake=0,
        rows=empty(bytes32),
        present=empty(uint256[2]),
    )
    roster._begin(self._epoch.number, commits_end)
    log IConsensus.Opened(epoch=self._epoch.number, pay=pay, commits_end=commits_end, reveals_end=reveals_end)


@external
def commit(commitment: bytes32):
    """
    @notice Commit to a row of weights; who has a seat, once an epoch.
    @param commitment keccak256(abi.encode(chain id, this contract, epoch, account, salt, weights)).
    """
    assert self._epoch.is_open and block.timestamp < self._epoch.commits_end, "consensus: no commitments now"
    number: uint256 = roster._number_of(msg.sender)
    epoch: uint256 = self._epoch.number
    assert roster._seat_of(number) != 0, "consensus: no seat"
    assert roster._is_present(number), "consensus: counts from the next epoch on"
    assert self._commitment[epoch][number] == empty(bytes32), "consensus: already committed"
    # slither-disable-next-line unprotected-write each writes its own, and only who has a seat
    self._commitment[epoch][number] = commitment
    log IConsensus.Committed(epoch=epoch, number=number, commitment=commitment)


@external
def reveal(weights: DynArray[uint256, 32], salt: bytes32):
    """
    @notice Show the row that one has committed to. Kept is only its root, within the digest of all rows.
    @param weights Words of 16 weights each; those left out are 0.
    """
    epoch: IConsensus.Epoch = self._epoch
    assert epoch.is_open and epoch.commits_end <= block.timestamp, "consensus: reveals have not begun"
    assert block.timestamp < epoch.reveals_end, "consensus: reveals are over"
    number: uint256 = roster._number_of(msg.sender)
    assert roster._seat_of(number) != 0, "consensus: the seat is lost"
    content: bytes32 = keccak256(abi_encode(chain.id, self, epoch.number, msg.sender, salt, weights))
    assert content == self._commitment[epoch.number][number], "consensus: not what was committed"
    assert not roster._has_revealed(number), "consensus: already revealed"
    total: uint256 = columns._row_total(weights, roster._present, number)
    root: bytes32 = columns._row_root(weights)
    stake: uint256 = roster._member[number] >> 160
    roster._note_reveal(number)
    self._epoch.rows = columns._chain(epoch.rows, number, stake, total, root)
    self._epoch.revealed = epoch.revealed + 1
    self._epoch.stake = epoch.stake + stake
    log IConsensus.Revealed(epoch=epoch.number, number=number, stake=stake, total=total, root=root, weights=weights)


@external
def propose(cells: DynArray[uint256, CELLS]):
    """
    @notice Post the result of an epoch with a bond; anyone, when no other stands. The contract sums and hashes it, so
         whoever reads the chain has all of it.
    """
    epoch: IConsensus.Epoch = self._epoch
    assert epoch.is_open and epoch.reveals_end <= block.timestamp, "consensus: reveals are still due"
    assert block.timestamp < epoch.propose_end, "consensus: too late to propose"
    assert epoch.revealed > 0, "consensus: nobody revealed"
    assert self._proposal.proposer == empty(address), "consensus: a result stands"
    assert len(cells) == roster._width, "consensus: not a cell for each number"
    rank_total: uint256 = 0
    dividends: uint256 = 0
    due_total: uint256 = 0
    for cell: uint256 in cells:
        assert cell >> 216 == 0, "consensus: a cell is too large"
        rank_total += (cell >> 40) & SHARE_MASK
        dividends += (cell >> 80) & SHARE_MASK
        due_total += cell >> 120
    assert dividends <= ONE, "consensus: dividends above one"
    assert self._due_total <= due_total, "consensus: dues fall"
    assert due_total <= self._due_total + epoch.pay, "consensus: dues above the pay"
    share_total: uint256 = dividends
    for cell: uint256 in cells:
        share_total += columns._share((cell >> 40) & SHARE_MASK, rank_total)
    root: bytes32 = columns._cells_root(cells)
    # slither-disable-next-line unprotected-write anyone may post a result, with a bond, for anyone to convict
    self._proposal = IConsensus.Proposal(
        proposer=msg.sender,
        ends=block.timestamp + TERMS.challenge_seconds,
        root=root,
        rank_total=rank_total,
        share_total=share_total,
        due_total=due_total,
        objections=0,
    )
    log IConsensus.Proposed(epoch=epoch.number, proposer=msg.sender, attempt=epoch.attempt, root=root, cells=cells)
    roster._take(TERMS.bond)


@external
def convict_column(
    attempt: uint256,
    number: uint256,
    cell: uint256,
    path: bytes32[9],
    rows: DynArray[IConsensus.Row, ROWS],
    order: Bytes[ROWS],
):
    """
    @notice Show that a member's consensus or rank is false; anyone, within the window.
    @param rows All revealed rows in the order of their reveals, each opened to its word of this column; none for a
         number that does not count in the epoch.
    @param order The places of the rows, ascending by weight.
    """
    self._check_cell(attempt, number, cell, path)
    consensus: uint256 = 0
    rank: uint256 = 0
    if roster._is_present(number):
        assert columns._digest(rows, number) == self._epoch.rows, "consensus: not the rows revealed"
        consensus, rank = columns._column(rows, order, number, TERMS.kappa, self._epoch.stake)
    assert cell & (2**80 - 1) != consensus | (rank << 40), "consensus: the column is right"
    self._convict(COLUMN, number)


@external
def convict_due(
    attempt: uint256, number: uint256, cell: uint256, path: bytes32[9], before: uint256, before_path: bytes32[9]
):
    """
    @notice Show that a member's due does not follow, or that who did not reveal has a dividend; anyone, in the window.
    @param before The cell of the last final result; not looked at where there is none.
    """
    self._check_cell(attempt, number, cell, path)
    due: uint256 = 0
    if self._root != empty(bytes32):
        assert columns._root_of_cell(before, number, before_path) == self._root, "consensus: not the last final cell"
        due = before >> 120
    dividend: uint256 = (cell >> 80) & SHARE_MASK
    found: IConsensus.Proposal = self._proposal
    part: uint256 = columns._share((cell >> 40) & SHARE_MASK, found.rank_total) + dividend
    due += (self._epoch.pay * columns._share(part, found.share_total)) >> 32
    is_paid_silent: bool = dividend != 0 and not roster._has_revealed(number)
    assert cell >> 120 != due or is_paid_silent, "consensus: the due is right"
    self._convict(DUE, number)


@external
def object(attempt: uint256):
    """
    @notice Object to the result that stands; who revealed, within the window. It falls, and its bond is burnt, by
         more than half of the revealed stake.
    """
    number: uint256 = roster._number_of(msg.sender)
    self._check_open(attempt)
    objections: uint256 = self._proposal.objections + roster._object(number, attempt)
    self._proposal.objections = objections
    log IConsensus.Objected(epoch=self._epoch.number, number=number, attempt=attempt, objections=objections)
    if 2 * objections > self._epoch.stake:
        self._fall(OBJECTIONS, number, 0)


@external
def finish():
    """
    @notice Close the epoch with the result that stood its window, and give its bond back; anyone.
    """
    found: IConsensus.Proposal = self._proposal
    assert found.proposer != empty(address), "consensus: no result stands"
    assert block.timestamp >= found.ends, "consensus: the window is open"
    paid: uint256 = found.due_total - self._due_total
    self._owed += paid
    self._spare += self._epoch.pay - paid
    self._due_total = found.due_total
    self._root = found.root
    self._epoch.is_open = False
    roster._end()
    self._proposal = empty(IConsensus.Proposal)
    log IConsensus.Finished(epoch=self._epoch.number, root=found.root, due_total=found.due_total)
    roster._pay(found.proposer, TERMS.bond)


@external
def lapse():
    """
    @notice Close an epoch for which no result was posted in time; it pays nothing. Anyone.
    """
    assert self._epoch.is_open, "consensus: no epoch is open"
    assert self._proposal.proposer == empty(address), "consensus: the result may stand"
    assert block.timestamp >= self._epoch.propose_end, "consensus: there is time to propose"
    self._epoch.is_open = False
    roster._end()
    self._spare += self._epoch.pay
    log IConsensus.Lapsed(epoch=self._epoch.number)


@external
def claim(number: uint256, cell: uint256, path: bytes32[9]):
    """
    @notice Pay a member what it has not drawn of its due under the last final result. Anyone; only it is paid.
    """
    account: address = roster._account(number)
    assert account != empty(address), "consensus: no member"
    assert self._draw(number, account, cell, path) > 0, "consensus: nothing due"


@view
@external
def epoch() -> IConsensus.Epoch:
    """
    @notice The epoch that is open, or was last; number 0 before the first.
    """
    found: IConsensus.Epoch = self._epoch
    found.present = roster._present
    return found


@view
@external
def proposal() -> IConsensus.Proposal:
    """
    @notice The result that stands; zeros if there is none.
    """
    return self._proposal


@view
@external
def purse() -> (uint256, uint256, bytes32):
    """
    @notice What is owed to members, what the pot holds for epochs to come, and the last final root.
    """
    return self._owed, self._spare, self._root


@view
@external
def terms() -> IConsensus.Terms:
    """
    @notice What the market runs on.
    """
    return TERMS


@view
@internal
def _check_open(attempt: uint256):
    found: IConsensus.Proposal = self._proposal
    assert found.proposer != empty(address), "consensus: nothing to judge"
    assert attempt == self._epoch.attempt, "consensus: another result is meant"
    assert block.timestamp < found.ends, "consensus: the window has closed"


@view
@internal
def _check_cell(attempt: uint256, number: uint256, cell: uint256, path: bytes32[9]):
    self._check_open(attempt)
    assert number < roster._width, "consensus: no such number"
    assert columns._root_of_cell(cell, number, path) == self._proposal.root, "consensus: not a cell of the result"


@internal
def _convict(kind: uint256, number: uint256):
    paid: uint256 = TERMS.bond // 2
    self._fall(kind, number, paid)
    if paid > 0:
        roster._pay(msg.sender, paid)


@internal
def _fall(kind: uint256, number: uint256, paid: uint256):
    """
    @notice Throw the result out and burn what of its bond is not paid; another may be posted.
    """
    burnt: uint256 = TERMS.bond - paid
    attempt: uint256 = self._epoch.attempt
    self._proposal = empty(IConsensus.Proposal)
    self._epoch.attempt = attempt + 1
    # slither-disable-next-line unequal-guard each caller has shown why the result falls
    self._epoch.propose_end = block.timestamp + TERMS.propose_seconds
    log IConsensus.Fell(
        epoch=self._epoch.number,
        challenger=msg.sender,
        attempt=attempt,
        kind=kind,
        number=number,
        paid=paid,
        burnt=burnt,
    )
    roster._burn(burnt)


@internal
def _draw(number: uint256, account: address, cell: uint256, path: bytes32[9]) -> uint256:
    assert columns._root_of_cell(cell, number, path) == self._root, "consensus: not a cell of the final result"
    amount: uint256 = roster._draw(number, cell >> 120)
    if amount > 0:
        assert amount <= self._owed, "consensus: more than is owed"
        self._owed -= amount
        log IConsensus.Claimed(number=number, account=account, amount=amount)
        roster._pay(account, amount)
    return amount
