# pragma version ~=0.4.3
from counterpoise.chain.lib import merkle
from counterpoise.chain.lib import eip712

@external
@view
def root_of(leaf: bytes32, proof: DynArray[bytes32, merkle.MAX_DEPTH]) -> bytes32:
    return merkle._root_of(leaf, proof)

@external
@view
def leaf_of(h: bytes32) -> bytes32:
    return merkle._leaf_of(h)

@external
@view
def digest(name: String[32], version: String[8], struct_hash: bytes32) -> bytes32:
    return eip712._digest(keccak256(name), keccak256(version), struct_hash)

@external
@view
def signer(digest: bytes32, v: uint256, r: uint256, s: uint256) -> address:
    return eip712._signer(digest, v, r, s)
