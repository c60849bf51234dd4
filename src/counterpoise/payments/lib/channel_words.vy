# pragma version ~=0.4.3
"""
@title What the parties of a channel sign
@license Apache-2.0
@notice EIP-712 digests of x402's scheme `batch-settlement`, and whether a party signed one.
@dev A channel's id is itself a full digest: the same terms on another chain or contract are another channel.
@custom:trust Nobody: functions of the contract that uses them. A payer that is a contract says itself what it signed.
@custom:stop Nothing to stop: they hold nothing.
"""

from counterpoise.chain.lib import eip712
from counterpoise.payments import IBatchSettlement

NAME: constant(String[21]) = "x402 Batch Settlement"
NAME_HASH: constant(bytes32) = keccak256("x402 Batch Settlement")
VERSION_HASH: constant(bytes32) = keccak256("1")
CONFIG_TYPE: constant(bytes32) = keccak256(
    "ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
)
VOUCHER_TYPE: constant(bytes32) = keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)")
REFUND_TYPE: constant(bytes32) = keccak256("Refund(bytes32 channelId,uint256 nonce,uint128 amount)")
ENTRY_TYPE: constant(bytes32) = keccak256(
    "ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)"
)
BATCH_TYPE: constant(bytes32) = keccak256(
    "ClaimBatch(ClaimEntry[] claims)ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)"
)
# A contract that burns what it is given must not take a whole batch's gas; wallets need less than half of this.
ASKED_GAS: constant(uint256) = 500_000
IS_VALID: constant(bytes4) = method_id("isValidSignature(bytes32,bytes)", output_type=bytes4)


@internal
@view
def _domain() -> bytes32:
    return eip712._domain_separator(NAME_HASH, VERSION_HASH)


@internal
@pure
def _channel_id(domain: bytes32, config: IBatchSettlement.ChannelConfig) -> bytes32:
    return keccak256(concat(0x1901, domain, keccak256(abi_encode(CONFIG_TYPE, config))))


@internal
@pure
def _voucher(domain: bytes32, channel: bytes32, ceiling: uint128) -> bytes32:
    struct_hash: bytes32 = keccak256(abi_encode(VOUCHER_TYPE, channel, ceiling))
    return keccak256(concat(0x1901, domain, struct_hash))


@internal
@pure
def _refund(domain: bytes32, channel: bytes32, nonce: uint256, amount: uint128) -> bytes32:
    struct_hash: bytes32 = keccak256(abi_encode(REFUND_TYPE, channel, nonce, amount))
    return keccak256(concat(0x1901, domain, struct_hash))


@internal
@pure
def _entry(channel: bytes32, ceiling: uint128, total: uint128) -> bytes32:
    return keccak256(abi_encode(ENTRY_TYPE, channel, ceiling, total))


@internal
@pure
def _batch(domain: bytes32, entries: DynArray[bytes32, 100]) -> bytes32:
    """
    @notice Give the digest of the entries of a batch, in their order.
    """
    # Offset and length are not part of what typed data hashes.
    joined: bytes32 = keccak256(slice(abi_encode(entries), 64, 32 * len(entries)))
    return keccak256(concat(0x1901, domain, keccak256(abi_encode(BATCH_TYPE, joined))))


@internal
@view
def _is_signed(party: address, digest: bytes32, signature: Bytes[256]) -> bool:
    """
    @notice Tell whether a party signed: an account by ECDSA, a contract by its own word (EIP-1271).
    """
    if party.codesize == 0:
        return self._is_key(party, digest, signature)
    ok: bool = False
    answer: Bytes[32] = b""
    ok, answer = raw_call(
        party,
        abi_encode(digest, signature, method_id=IS_VALID),
        max_outsize=32,
        gas=ASKED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return ok and len(answer) == 32 and convert(answer, bytes32) == convert(IS_VALID, bytes32)


@internal
@pure
def _is_key(party: address, digest: bytes32, signature: Bytes[256]) -> bool:
    """
    @notice Tell whether an account's key signed: 65 bytes r, s, v, of the low form.
    """
    if len(signature) != 65 or party == empty(address):
        return False
    r: uint256 = extract32(signature, 0, output_type=uint256)
    s: uint256 = extract32(signature, 32, output_type=uint256)
    v: uint256 = extract32(signature, 33, output_type=uint256) & 255
    return eip712._signer(digest, v, r, s) == party
