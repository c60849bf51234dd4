# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Channels whose payments are settled in batches
@license Apache-2.0
@notice A payer deposits once, signs a growing total for each call, and the receiver claims the last of many totals;
    ABI and signatures are those of x402's scheme `batch-settlement`.
@dev It has no constructor and no immutables: a local chain places it at the address that x402's clients know. A
    channel's balance and claimed total share one word, and a receiver's total is written once per run of rows.
@custom:trust The payer can withdraw what was not claimed, after the channel's delay: vouchers reserve nothing. A
    receiver watches WithdrawInitiated and claims. Tokens that keep a part of a transfer cannot be deposited.
@custom:stop Nobody can stop it.
"""

from counterpoise.payments import IBatchSettlement
from counterpoise.payments import IDepositCollector
from counterpoise.payments.lib import channel_book as book
from counterpoise.payments.lib import channel_words as words
from ethereum.ercs import IERC20

implements: IBatchSettlement
initializes: book

MIN_WITHDRAW_DELAY: public(constant(uint40)) = 900
MAX_WITHDRAW_DELAY: public(constant(uint40)) = 2_592_000

LOW: constant(uint256) = 2**128 - 1

_pending: HashMap[bytes32, uint256]  # since << 128 | amount
refundNonce: public(HashMap[bytes32, uint256])


@external
@nonreentrant
def deposit(
    config: IBatchSettlement.ChannelConfig,
    amount: uint128,
    collector: address,
    collectorData: Bytes[1024],
):
    """
    @notice Put tokens of the payer into a channel; the collector brings them.
    """
    assert config.payer != empty(address), "payments: no payer"
    assert config.receiver != empty(address), "payments: no receiver"
    assert config.receiverAuthorizer != empty(address), "payments: no receiver authorizer"
    assert config.token != empty(address), "payments: no token"
    assert collector != empty(address), "payments: no collector"
    assert amount != 0, "payments: nothing deposited"
    assert (
        config.withdrawDelay >= MIN_WITHDRAW_DELAY and config.withdrawDelay <= MAX_WITHDRAW_DELAY
    ), "payments: withdraw delay out of range"
    id: bytes32 = words._channel_id(words._domain(), config)
    state: uint256 = book._channels[id]
    assert (state & LOW) + convert(amount, uint256) < 2**128, "payments: balance too great"
    state += convert(amount, uint256)
    book._channels[id] = state

    if state == convert(amount, uint256):
        log IBatchSettlement.ChannelCreated(channelId=id, config=config)
    log IBatchSettlement.Deposited(
        channelId=id, sender=msg.sender, amount=amount, newBalance=convert(state & LOW, uint128)
    )

    token: IERC20 = IERC20(config.token)
    before: uint256 = staticcall token.balanceOf(self)
    extcall IDepositCollector(collector).collect(
        config.payer, config.token, convert(amount, uint256), id, collectorData
    )
    found: uint256 = staticcall token.balanceOf(self)
    assert found == before + convert(amount, uint256), "payments: another amount arrived"


@external
@nonreentrant
def claim(voucherClaims: DynArray[IBatchSettlement.VoucherClaim, 100]):
    """
    @notice Take note of vouchers; the caller is the receiver's side of each. Moves no token.
    """
    assert len(voucherClaims) != 0, "payments: no claims"
    domain: bytes32 = words._domain()
    run: book.Run = empty(book.Run)
    for row: IBatchSettlement.VoucherClaim in voucherClaims:
        if row.voucher.channel.receiver != run.receiver or row.voucher.channel.token != run.token:
            run = book._turn(run, row.voucher.channel.receiver, row.voucher.channel.token)
        run.earned = book._apply(domain, empty(bytes32), msg.sender, row, run.earned, True)
    book._end(run)


@external
@nonreentrant
def claimWithSignature(
    voucherClaims: DynArray[IBatchSettlement.VoucherClaim, 100], authorizerSignature: Bytes[256]
):
    """
    @notice The same, brought by anyone with the signature of the authorizer that all rows share.
    """
    assert len(voucherClaims) != 0, "payments: no claims"
    authorizer: address = voucherClaims[0].voucher.channel.receiverAuthorizer
    domain: bytes32 = words._domain()
    ids: DynArray[bytes32, 100] = []
    entries: DynArray[bytes32, 100] = []
    for i: uint256 in range(len(voucherClaims), bound=100):
        assert (
            voucherClaims[i].voucher.channel.receiverAuthorizer == authorizer
        ), "payments: another authorizer"
        id: bytes32 = words._channel_id(domain, voucherClaims[i].voucher.channel)
        ids.append(id)
        entries.append(
            words._entry(
                id, voucherClaims[i].voucher.maxClaimableAmount, voucherClaims[i].totalClaimed
            )
        )
    assert words._is_signed(
        authorizer, words._batch(domain, entries), authorizerSignature
    ), "payments: batch: invalid signature"
    run: book.Run = empty(book.Run)
    for i: uint256 in range(len(voucherClaims), bound=100):
        row: IBatchSettlement.VoucherClaim = voucherClaims[i]
        if row.voucher.channel.receiver != run.receiver or row.voucher.channel.token != run.token:
            run = book._turn(run, row.voucher.channel.receiver, row.voucher.channel.token)
        run.earned = book._apply(domain, ids[i], authorizer, row, run.earned, True)
    book._end(run)


@external
@nonreentrant
def claimEach(voucherClaims: DynArray[IBatchSettlement.VoucherClaim, 100]):
    """
    @notice As `claim`, but a bad row is passed over and logged instead of undoing the others.
    """
    domain: bytes32 = words._domain()
    run: book.Run = empty(book.Run)
    for row: IBatchSettlement.VoucherClaim in voucherClaims:
        if row.voucher.channel.receiver != run.receiver or row.voucher.channel.token != run.token:
            run = book._turn(run, row.voucher.channel.receiver, row.voucher.channel.token)
        run.earned = book._apply(domain, empty(bytes32), msg.sender, row, run.earned, False)
    book._end(run)


@external
@nonreentrant
def settle(receiver: address, token: address):
    """
    @notice Pay a receiver what was claimed for it; anyone may call.
    """
    state: uint256 = book._receivers[receiver][token]
    amount: uint256 = (state & LOW) - (state >> 128)
    if amount == 0:
        return
    book._receivers[receiver][token] = (state & LOW) << 128 | state & LOW
    log IBatchSettlement.Settled(
        receiver=receiver, token=token, sender=msg.sender, amount=convert(amount, uint128)
    )
    self._pay(token, receiver, amount)


@external
@nonreentrant
def initiateWithdraw(config: IBatchSettlement.ChannelConfig, amount: uint128):
    """
    @notice Announce that the payer takes back an amount that is not claimed.
    """
    assert self._is_payer(config), "payments: only the payer withdraws"
    assert amount != 0, "payments: nothing to withdraw"
    id: bytes32 = words._channel_id(words._domain(), config)
    assert self._pending[id] == 0, "payments: a withdrawal is pending"
    assert convert(amount, uint256) <= book._unclaimed(id), "payments: withdraw exceeds what is left"
    self._pending[id] = block.timestamp << 128 | convert(amount, uint256)
    log IBatchSettlement.WithdrawInitiated(
        channelId=id,
        amount=amount,
        finalizeAfter=convert(block.timestamp, uint40) + config.withdrawDelay,
    )


@external
@nonreentrant
def finalizeWithdraw(config: IBatchSettlement.ChannelConfig):
    """
    @notice Take it back after the channel's delay; less if it was claimed in between.
    """
    assert self._is_payer(config), "payments: only the payer finalizes"
    id: bytes32 = words._channel_id(words._domain(), config)
    pending: uint256 = self._pending[id]
    assert pending != 0, "payments: no withdrawal is pending"
    assert (
        block.timestamp >= (pending >> 128) + convert(config.withdrawDelay, uint256)
    ), "payments: the delay is not over"
    self._pending[id] = 0
    amount: uint256 = min(pending & LOW, book._unclaimed(id))
    log IBatchSettlement.WithdrawFinalized(
        channelId=id, sender=msg.sender, amount=convert(amount, uint128)
    )
    self._give_back(id, config, amount)


@external
@nonreentrant
def refund(config: IBatchSettlement.ChannelConfig, amount: uint128):
    """
    @notice The receiver's side gives unclaimed tokens back to the payer, at once.
    """
    assert (
        msg.sender == config.receiver or msg.sender == config.receiverAuthorizer
    ), "payments: only the receiver refunds"
    self._refund(words._channel_id(words._domain(), config), config, amount)


@external
@nonreentrant
def refundWithSignature(
    config: IBatchSettlement.ChannelConfig,
    amount: uint128,
    nonce: uint256,
    receiverAuthorizerSignature: Bytes[256],
):
    """
    @notice The same, brought by anyone with the signature of the receiver's authorizer.
    """
    domain: bytes32 = words._domain()
    id: bytes32 = words._channel_id(domain, config)
    assert nonce == self.refundNonce[id], "payments: another refund came first"
    digest: bytes32 = words._refund(domain, id, nonce, amount)
    assert words._is_signed(
        config.receiverAuthorizer, digest, receiverAuthorizerSignature
    ), "payments: refund: invalid signature"
    self._refund(id, config, amount)


@external
def multicall(data: DynArray[Bytes[8192], 4]) -> DynArray[Bytes[64], 4]:
    """
    @notice Do several of these calls in one transaction; all or none.
    @dev Each keeps the caller, and takes the lock for itself.
    """
    found: DynArray[Bytes[64], 4] = []
    for one: Bytes[8192] in data:
        found.append(raw_call(self, one, max_outsize=64, is_delegate_call=True))
    return found


@external
@view
def channels(channelId: bytes32) -> (uint128, uint128):
    """
    @notice Give a channel's balance and claimed total.
    """
    state: uint256 = book._channels[channelId]
    return convert(state & LOW, uint128), convert(state >> 128, uint128)


@external
@view
def pendingWithdrawals(channelId: bytes32) -> (uint128, uint40):
    """
    @notice Give the announced withdrawal of a channel, and when it was announced; zeros if there is none.
    """
    state: uint256 = self._pending[channelId]
    return convert(state & LOW, uint128), convert(state >> 128, uint40)


@external
@view
def receivers(receiver: address, token: address) -> (uint128, uint128):
    """
    @notice Give what was claimed for a receiver in a token, and what of it was paid out.
    """
    state: uint256 = book._receivers[receiver][token]
    return convert(state & LOW, uint128), convert(state >> 128, uint128)


@external
@view
def getChannelId(config: IBatchSettlement.ChannelConfig) -> bytes32:
    return words._channel_id(words._domain(), config)


@external
@view
def getVoucherDigest(channelId: bytes32, maxClaimableAmount: uint128) -> bytes32:
    return words._voucher(words._domain(), channelId, maxClaimableAmount)


@external
@view
def getRefundDigest(channelId: bytes32, nonce: uint256, amount: uint128) -> bytes32:
    return words._refund(words._domain(), channelId, nonce, amount)


@external
@view
def getClaimBatchDigest(voucherClaims: DynArray[IBatchSettlement.VoucherClaim, 100]) -> bytes32:
    domain: bytes32 = words._domain()
    entries: DynArray[bytes32, 100] = []
    for row: IBatchSettlement.VoucherClaim in voucherClaims:
        id: bytes32 = words._channel_id(domain, row.voucher.channel)
        entries.append(words._entry(id, row.voucher.maxClaimableAmount, row.totalClaimed))
    return words._batch(domain, entries)


@external
@view
def eip712Domain() -> (bytes1, String[21], String[1], uint256, address, bytes32, DynArray[uint256, 1]):
    return 0x0f, words.NAME, "1", chain.id, self, empty(bytes32), []


@internal
def _refund(id: bytes32, config: IBatchSettlement.ChannelConfig, amount: uint128):
    """
    @notice Give back at most what is unclaimed, and take it off a pending withdrawal.
    """
    assert amount != 0, "payments: nothing to refund"
    self.refundNonce[id] += 1
    given: uint256 = min(convert(amount, uint256), book._unclaimed(id))
    if given == 0:
        return
    pending: uint256 = self._pending[id]
    if pending != 0:
        self._pending[id] = 0 if given >= pending & LOW else pending - given
    log IBatchSettlement.Refunded(
        channelId=id, sender=msg.sender, amount=convert(given, uint128)
    )
    self._give_back(id, config, given)


@internal
def _give_back(id: bytes32, config: IBatchSettlement.ChannelConfig, amount: uint256):
    """
    @notice Take an amount out of a channel and pay it to the payer.
    """
    state: uint256 = book._channels[id] - amount
    book._channels[id] = state
    if state == 0:
        log IBatchSettlement.ChannelClosed(channelId=id, config=config)
    if amount != 0:
        self._pay(config.token, config.payer, amount)


@internal
def _pay(token: address, receiver: address, amount: uint256):
    """
    @notice Move tokens; one that answers false, or nothing where no contract is, counts as failed.
    """
    assert extcall IERC20(token).transfer(
        receiver, amount, default_return_value=True
    ), "payments: the token refused"


@internal
@view
def _is_payer(config: IBatchSettlement.ChannelConfig) -> bool:
    return msg.sender == config.payer or (
        config.payerAuthorizer != empty(address) and msg.sender == config.payerAuthorizer
    )
