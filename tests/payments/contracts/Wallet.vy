# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A payer that is a contract, for tests: its owner signs for it, or it burns what gas it is given.
"""

owner: immutable(address)
burns: public(bool)
left: uint256


@deploy
def __init__(owner_: address):
    owner = owner_


@external
def burn_gas(burns: bool):
    self.burns = burns


@external
def approve(token: address, spender: address, amount: uint256):
    raw_call(token, abi_encode(spender, amount, method_id=method_id("approve(address,uint256)")))


@external
def initiate(channels: address, call: Bytes[1024]):
    raw_call(channels, call)


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[256]) -> bytes4:
    if self.burns:
        total: bytes32 = digest
        for i: uint256 in range(1_000_000_000):
            total = keccak256(total)
    if len(signature) != 65:
        return 0xffffffff
    r: uint256 = extract32(signature, 0, output_type=uint256)
    s: uint256 = extract32(signature, 32, output_type=uint256)
    v: uint256 = extract32(signature, 33, output_type=uint256) & 255
    return 0x1626ba7e if ecrecover(digest, v, r, s) == owner else 0xffffffff
