# pragma version ~=0.4.3
"""
@title Typed data signatures
@license Apache-2.0
@notice EIP-712 digests bound to this contract and chain, and the account that signed one.
@dev The domain is made from `self` and `chain.id` at run time: it follows a fork of the chain, and
    a contract that was put in place without its constructor has the right one.
"""

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
HALF_ORDER: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)


@internal
@view
def _domain_separator(name_hash: bytes32, version_hash: bytes32) -> bytes32:
    """
    @notice Give the domain's hash from the hashes of the contract's name and version.
    """
    return keccak256(abi_encode(DOMAIN_TYPE, name_hash, version_hash, chain.id, self))


@internal
@view
def _digest(name_hash: bytes32, version_hash: bytes32, struct_hash: bytes32) -> bytes32:
    """
    @notice Give the 32 bytes that are signed for a struct.
    """
    separator: bytes32 = self._domain_separator(name_hash, version_hash)
    return keccak256(concat(x"1901", separator, struct_hash))


@internal
@pure
def _signer(digest: bytes32, v: uint256, r: uint256, s: uint256) -> address:
    """
    @notice Give the account that signed, or the zero address if none did.
    @dev A high s is the second form of a signature, which anyone can make: it is none.
    """
    if s > HALF_ORDER or (v != 27 and v != 28):
        return empty(address)
    return ecrecover(digest, v, r, s)
