# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Signed answers
@license Apache-2.0
@notice The EIP-712 digest of an answer to a question, and who signed it. It names the chain, the contract, the asker,
     its question, the model, the input and the answer, so that a signature serves for nothing else.
@dev A module of `Quorum`, without state.
@custom:trust Nobody: it computes.
@custom:stop There is nothing to stop.
"""

from counterpoise.chain.lib import eip712
from counterpoise.verification import IQuorum

PARITY: constant(uint256) = 1 << 255
NAME_HASH: constant(bytes32) = keccak256("Counterpoise Quorum")
VERSION_HASH: constant(bytes32) = keccak256("1")
ANSWER_TYPE: constant(bytes32) = keccak256(
    "Answer(address asker,uint256 id,bytes32 model,bytes32 input,bytes answer)"
)


@view
@internal
def _digest(asker: address, id: uint256, model: bytes32, input: bytes32, answer_hash: bytes32) -> bytes32:
    content: bytes32 = keccak256(abi_encode(ANSWER_TYPE, asker, id, model, input, answer_hash))
    return eip712._digest(NAME_HASH, VERSION_HASH, content)


@pure
@internal
def _signer(digest: bytes32, signature: IQuorum.Signature) -> address:
    """
    @dev The short form of EIP-2098: the highest bit of the second word is the parity. Zero if nobody signed.
    """
    word: uint256 = convert(signature.vs, uint256)
    return eip712._signer(digest, 27 + (word >> 255), convert(signature.r, uint256), word & (PARITY - 1))
