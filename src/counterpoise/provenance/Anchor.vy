# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Anchor: the heads of evidence logs
@license Apache-2.0
@notice Remembers the newest size and root of each log, and takes a new one only with a proof that the log has grown
     and changed nothing (RFC 9162, section 2.1.4.2, SHA-256).
@dev A log's id is keccak256(abi.encode(owner, identity)), where identity is the hash of its origin and verifier key:
     only the owner's own id follows from its address, so that nobody can take another's.
     Two words a log: its head, as size << 64 | time, and its root.
@custom:trust The owner of a log can refuse to anchor it. It cannot replace, shorten or fork what is anchored. A log that
     forks between two anchors, or before its first one, is not noticed here but by witnesses.
@custom:stop Nobody can stop it. A log ends when its owner anchors no more; its last head stays.
"""

from counterpoise.chain.lib import eip712
from counterpoise.provenance import IAnchor

implements: IAnchor

MAX_PROOF: constant(uint256) = 64
MAX_SIZE: constant(uint256) = 2**63
TIME_MASK: constant(uint256) = 2**64 - 1
NODE: constant(bytes1) = 0x01
NAME: constant(bytes32) = keccak256("Counterpoise Anchor")
VERSION: constant(bytes32) = keccak256("1")
HEAD_TYPE: constant(bytes32) = keccak256("Head(bytes32 log_id,uint256 size,bytes32 root)")

_head: HashMap[bytes32, uint256]
_root: HashMap[bytes32, bytes32]


@external
def anchor(identity: bytes32, size: uint256, root: bytes32, proof: DynArray[bytes32, MAX_PROOF]):
    """
    @notice Anchor the head of one of the caller's logs.
    @param identity keccak256(keccak256(origin), keccak256(vkey)) of the log.
    @param size Number of entries, more than at the last anchor.
    @param root RFC 6962 root of the tree over them.
    @param proof That the tree continues the anchored one; empty at the first anchor.
    """
    self._anchor(msg.sender, identity, size, root, proof)


@external
def anchor_signed(
    owner: address,
    identity: bytes32,
    size: uint256,
    root: bytes32,
    proof: DynArray[bytes32, MAX_PROOF],
    v: uint256,
    r: uint256,
    s: uint256,
):
    """
    @notice Anchor a head that its owner signed (EIP-712, this contract on this chain); anyone may send it.
    """
    log_id: bytes32 = self._log_id(owner, identity)
    struct_hash: bytes32 = keccak256(abi_encode(HEAD_TYPE, log_id, size, root))
    signer: address = eip712._signer(eip712._digest(NAME, VERSION, struct_hash), v, r, s)
    assert signer == owner and owner != empty(address), "anchor: not signed by the owner"
    self._anchor(owner, identity, size, root, proof)


@external
@pure
def log_id_of(owner: address, identity: bytes32) -> bytes32:
    """
    @notice Give the id of an owner's log.
    """
    return self._log_id(owner, identity)


@external
@view
def head(log_id: bytes32) -> (uint256, bytes32, uint256):
    """
    @notice Give size, root and time of the newest anchored head; zeros where there is none.
    """
    word: uint256 = self._head[log_id]
    return word >> 64, self._root[log_id], word & TIME_MASK


@external
@view
def check_inclusion(
    log_id: bytes32, leaf: bytes32, index: uint256, proof: DynArray[bytes32, MAX_PROOF]
) -> bool:
    """
    @notice Say whether a leaf hash is at an index of the anchored tree (RFC 9162, section 2.1.3.2).
    @param leaf SHA-256 of 0x00 and the entry.
    """
    size: uint256 = self._head[log_id] >> 64
    if index >= size:
        return False
    at: uint256 = index
    last: uint256 = size - 1
    node: bytes32 = leaf
    for sibling: bytes32 in proof:
        if at == last:
            # On the right edge there is a left sibling for each set bit, and nothing else.
            if at == 0:
                return False
            node = sha256(concat(NODE, sibling, node))
            at &= unsafe_sub(at, 1)
            last = at
            continue
        if at & 1 == 1:
            node = sha256(concat(NODE, sibling, node))
        else:
            node = sha256(concat(NODE, node, sibling))
        at >>= 1
        last >>= 1
    return last == 0 and node == self._root[log_id]


@internal
def _anchor(
    owner: address,
    identity: bytes32,
    size: uint256,
    root: bytes32,
    proof: DynArray[bytes32, MAX_PROOF],
):
    log_id: bytes32 = self._log_id(owner, identity)
    known: uint256 = self._head[log_id] >> 64
    assert size > known, "anchor: the log has not grown"
    assert size < MAX_SIZE, "anchor: size above 2**63"
    if known == 0:
        assert len(proof) == 0, "anchor: a first head has no proof"
    else:
        assert self._continues(known, size, self._root[log_id], root, proof), "anchor: the log has forked"
    self._head[log_id] = (size << 64) | block.timestamp
    self._root[log_id] = root
    log IAnchor.Anchored(log_id=log_id, owner=owner, size=size, root=root)


@internal
@pure
def _continues(
    first: uint256,
    second: uint256,
    first_root: bytes32,
    second_root: bytes32,
    proof: DynArray[bytes32, MAX_PROOF],
) -> bool:
    """
    @notice Say whether the tree of `second` leaves continues that of `first`, 0 < first < second.
    """
    if len(proof) == 0:
        return False
    # Both trees share the subtree of the lowest set bit of `first`; the path starts above it.
    shared: uint256 = first & unsafe_sub(0, first)
    at: uint256 = unsafe_div(unsafe_sub(first, 1), shared)
    last: uint256 = unsafe_div(unsafe_sub(second, 1), shared)
    # If that subtree is the whole first tree, the proof leaves its root out.
    skip: bool = at != 0
    old: bytes32 = first_root
    if skip:
        old = proof[0]
    new: bytes32 = old
    for sibling: bytes32 in proof:
        if skip:
            skip = False
            continue
        if at == last:
            # On the right edge there is a left sibling for each set bit, and nothing else.
            if at == 0:
                return False
            old = sha256(concat(NODE, sibling, old))
            new = sha256(concat(NODE, sibling, new))
            at &= unsafe_sub(at, 1)
            last = at
            continue
        if at & 1 == 1:
            old = sha256(concat(NODE, sibling, old))
            new = sha256(concat(NODE, sibling, new))
        else:
            new = sha256(concat(NODE, new, sibling))
        at >>= 1
        last >>= 1
    return last == 0 and old == first_root and new == second_root


@internal
@pure
def _log_id(owner: address, identity: bytes32) -> bytes32:
    return keccak256(abi_encode(owner, identity))
