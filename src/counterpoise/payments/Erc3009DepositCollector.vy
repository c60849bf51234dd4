# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Deposits by a signed transfer
@license Apache-2.0
@notice Brings a payer's tokens into a channel on its EIP-3009 authorization, so that the payer needs no gas.
@dev It has no constructor: a local chain places it at the address that x402's clients know. The authorization's
    nonce names the channel, so that one signed for a channel cannot fill another.
@custom:trust The token, for what an authorization is. It keeps nothing between two calls.
@custom:stop Nobody can stop it.
"""

from counterpoise.payments import IDepositCollector
from ethereum.ercs import IERC20

implements: IDepositCollector


RECEIVE: constant(bytes4) = method_id(
    "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)", output_type=bytes4
)
x402BatchSettlement: public(constant(address)) = 0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003


@external
def collect(
    payer: address, token: address, amount: uint256, channelId: bytes32, collectorData: Bytes[1024]
):
    """
    @notice Take the tokens on the payer's word and hand them on.
    @param collectorData ABI of validAfter, validBefore, salt and signature.
    """
    assert msg.sender == x402BatchSettlement, "payments: only channels collect"
    after: uint256 = 0
    before: uint256 = 0
    salt: uint256 = 0
    signature: Bytes[256] = b""
    after, before, salt, signature = abi_decode(
        collectorData, (uint256, uint256, uint256, Bytes[256])
    )
    nonce: bytes32 = keccak256(abi_encode(channelId, salt))
    # Not through an interface: Vyper would pad the signature to its bound, which tokens may refuse.
    raw_call(
        token,
        abi_encode(payer, self, amount, after, before, nonce, signature, method_id=RECEIVE),
    )
    assert extcall IERC20(token).transfer(
        msg.sender, amount, default_return_value=True
    ), "payments: the token refused"
