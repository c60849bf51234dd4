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

from counterpoise.chain.lib import eip712
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
def _turn(run: Run, receiver: address, token: address) -> Run:
    """
    @notice Write what a run of rows gained for its receiver, and begin the next one.
    """
    self._end(run)
    return Run(receiver=receiver, token=token, earned=self._receivers[receiver][token])


@internal
def _end(run: Run):
    """
    @notice Write what a run of rows gained for its receiver.
    """
    if run.receiver != empty(address):
        self._receivers[run.receiver][run.token] = run.earned


@internal
def _apply(
    domain: bytes32,
    known: bytes32,
    claimant: address,
    row: IBatchSettlement.VoucherClaim,
    earned: uint256,
    strict: bool,
) -> uint256:
    """
    @notice Write a channel's new total; gives the word of its receiver, `earned`, with what it gained.
    @dev A replayed row is passed over; another fault undoes the batch if `strict`, and is logged if not.
        The channel's id is `known` unless that is empty. Digests and the key are worked out here and not in
        `channel_words`: a call and its copies cost 80 gas a row each.
    """
    id: bytes32 = known
    if id == empty(bytes32):
        id = keccak256(
            concat(0x1901, domain, keccak256(abi_encode(words.CONFIG_TYPE, row.voucher.channel)))
        )
    state: uint256 = self._channels[id]
    total: uint256 = convert(row.totalClaimed, uint256)
    # slither-disable-next-line unsafe-math it is used only where the total is above the one before
    gained: uint256 = unsafe_sub(total, state >> 128)
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
    elif unsafe_add(earned & LOW, gained) >= HALF:
        # Only a token that invents balances gets here; its receiver must not block the others.
        fault = TOO_GREAT
    else:
        digest: bytes32 = keccak256(
            concat(
                0x1901,
                domain,
                keccak256(abi_encode(words.VOUCHER_TYPE, id, row.voucher.maxClaimableAmount)),
            )
        )
        if row.voucher.channel.payerAuthorizer == empty(address):
            if not words._is_signed(row.voucher.channel.payer, digest, row.signature):
                fault = UNSIGNED
        elif len(row.signature) != 65:
            fault = UNSIGNED
        else:
            # Another v than 27 and 28 recovers the zero address, which is not the authorizer.
            s: uint256 = extract32(row.signature, 32, output_type=uint256)
            v: uint256 = extract32(row.signature, 33, output_type=uint256) & 255
            if (
                s > eip712.HALF_ORDER
                or ecrecover(digest, v, extract32(row.signature, 0, output_type=uint256), s)
                != row.voucher.channel.payerAuthorizer
            ):
                fault = UNSIGNED
    if fault != APPLIED:
        if strict:
            self._complain(fault)
        else:
            log IBatchSettlement.ClaimSkipped(channelId=id, sender=msg.sender, fault=fault)
        return earned
    self._channels[id] = state & LOW | total << 128
    log IBatchSettlement.Claimed(
        channelId=id,
        sender=msg.sender,
        claimAmount=convert(gained, uint128),
        newTotalClaimed=row.totalClaimed,
    )
    return unsafe_add(earned, gained)


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
