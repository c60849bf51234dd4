# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title What channels hold, and what receivers have earned
@license Apache-2.0
@notice A channel's balance and claimed total share one word, and so do a receiver's totals; a run of rows of one
    receiver and token writes that receiver's word once.
@dev A module of `BatchSettlement`. A word's low half is the balance, or what was claimed for a receiver.
@custom:trust Nobody: it stores what the contract that uses it gives.
@custom:stop There is nothing to stop.
"""

from counterpoise.payments import IBatchSettlement
from counterpoise.payments.lib import channel_words as words

HALF: constant(uint256) = 2**128
LOW: constant(uint256) = 2**128 - 1

# What is wrong with a row of a batch; `claimEach` logs it.
APPLIED: constant(uint256) = 0
REPLAYED: constant(uint256) = 1
STRANGER: constant(uint256) = 2
ABOVE_CEILING: constant(uint256) = 3
ABOVE_BALANCE: constant(uint256) = 4
UNSIGNED: constant(uint256) = 5
TOO_GREAT: constant(uint256) = 6


struct Run:
    receiver: address
    token: address
    earned: uint256


_channels: HashMap[bytes32, uint256]  # claimed << 128 | balance
_receivers: HashMap[address, HashMap[address, uint256]]  # settled << 128 | claimed


@internal
@view
def _unclaimed(id: bytes32) -> uint256:
    state: uint256 = self._channels[id]
    return (state & LOW) - (state >> 128)


@internal
def _apply(
    run: Run,
    domain: bytes32,
    id: bytes32,
    claimant: address,
    row: IBatchSettlement.VoucherClaim,
    strict: bool,
) -> Run:
    """
    @notice Write a channel's new total, and add what it gained to the run of rows of its receiver and token.
    @dev A replayed row is passed over; another fault undoes the batch if `strict`, and is logged if not.
    """
    state: uint256 = self._channels[id]
    total: uint256 = convert(row.totalClaimed, uint256)
    fault: uint256 = APPLIED
    if (
        claimant != row.voucher.channel.receiver
        and claimant != row.voucher.channel.receiverAuthorizer
    ):
        fault = STRANGER
    elif total <= state >> 128:
        fault = REPLAYED
    elif row.totalClaimed > row.voucher.maxClaimableAmount:
        fault = ABOVE_CEILING
    elif total > state & LOW:
        fault = ABOVE_BALANCE
    else:
        digest: bytes32 = words._voucher(domain, id, row.voucher.maxClaimableAmount)
        authorizer: address = row.voucher.channel.payerAuthorizer
        signed: bool = (
            words._is_signed(row.voucher.channel.payer, digest, row.signature)
            if authorizer == empty(address)
            else words._is_key(authorizer, digest, row.signature)
        )
        if not signed:
            fault = UNSIGNED
    next: Run = run
    gained: uint256 = 0
    if fault == APPLIED:
        if row.voucher.channel.receiver != run.receiver or row.voucher.channel.token != run.token:
            self._end(run)
            next.receiver = row.voucher.channel.receiver
            next.token = row.voucher.channel.token
            next.earned = self._receivers[next.receiver][next.token]
        gained = unsafe_sub(total, state >> 128)  # such a row claims more than before
        # Only a token that invents balances gets here; its receiver must not block the others.
        if (next.earned & LOW) + gained >= HALF:
            fault = TOO_GREAT
    if fault != APPLIED:
        if strict:
            self._complain(fault)
        else:
            log IBatchSettlement.ClaimSkipped(channelId=id, sender=msg.sender, fault=fault)
        return next
    next.earned += gained
    self._channels[id] = state & LOW | total << 128
    log IBatchSettlement.Claimed(
        channelId=id,
        sender=msg.sender,
        claimAmount=convert(gained, uint128),
        newTotalClaimed=row.totalClaimed,
    )
    return next


@internal
def _end(run: Run):
    """
    @notice Write what a run of rows gained for its receiver.
    """
    if run.receiver != empty(address):
        self._receivers[run.receiver][run.token] = run.earned


@internal
@pure
def _complain(fault: uint256):
    """
    @notice Undo the batch, with the fault of the row; a replay is none.
    """
    assert fault != STRANGER, "payments: only the receiver claims"
    assert fault != ABOVE_CEILING, "payments: claim exceeds the voucher"
    assert fault != ABOVE_BALANCE, "payments: claim exceeds the balance"
    assert fault != UNSIGNED, "payments: voucher: invalid signature"
    assert fault != TOO_GREAT, "payments: the receiver's total is too great"
