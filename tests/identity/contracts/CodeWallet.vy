# pragma version ~=0.4.3
"""
@title A wallet of code that consents to what says yes
@license Apache-2.0
"""

interface Registry:
    def ownerOf(tokenId: uint256) -> address: view

seen: public(address)


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes32:
    assert signature != b"reverts", "wallet: no"
    if signature == b"yes":
        return convert(0x1626ba7e, bytes32)
    if signature == b"long answer":
        return 0x1626ba7e00000000000000000000000000000000000000000000000000000001
    return empty(bytes32)


@external
def onERC721Received(operator: address, sender: address, tokenId: uint256, data: Bytes[1024]) -> bytes4:
    self.seen = staticcall Registry(msg.sender).ownerOf(tokenId)
    return 0x150b7a02 if data == b"yes" else 0x00000000
