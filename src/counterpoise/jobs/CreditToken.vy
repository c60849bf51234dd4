# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title The credit token
@license Apache-2.0
@notice Pays for work on the network: ERC-20, with signed approvals (EIP-2612), signed transfers (EIP-3009) and a
    described signature domain (EIP-5267). Amounts are in base units, 10**18 to a token.
@dev No lock: the contract calls no other account, so that nothing can call back into it. The supply never passes
    10**27 base units, so that a balance fits in the 96 bits in which escrows pack it. Each signature names this
    contract, this chain, and a nonce that works once.
@custom:trust The minter, fixed at deployment, can mint up to the cap and so dilute; it cannot touch a balance. Nobody
    else has any right over tokens that are not theirs.
@custom:stop Nobody can stop it, freeze an account or take tokens back.
"""

from counterpoise.chain.lib import eip712
from counterpoise.jobs import ICreditToken

implements: ICreditToken

name: public(constant(String[19])) = "Counterpoise Credit"
symbol: public(constant(String[6])) = "CREDIT"
decimals: public(constant(uint8)) = 18
version: public(constant(String[1])) = "1"
cap: public(constant(uint256)) = 10**27

NAME_HASH: constant(bytes32) = keccak256("Counterpoise Credit")
VERSION_HASH: constant(bytes32) = keccak256("1")
PERMIT_TYPE: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
TRANSFER_TYPE: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
RECEIVE_TYPE: constant(bytes32) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
CANCEL_TYPE: constant(bytes32) = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)")

# The forms that end in `bytes signature`: Vyper has no two functions of one name, so `__default__` answers them.
TRANSFER_BYTES: constant(bytes4) = method_id(
    "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)", output_type=bytes4
)
RECEIVE_BYTES: constant(bytes4) = method_id(
    "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)", output_type=bytes4
)
CANCEL_BYTES: constant(bytes4) = method_id(
    "cancelAuthorization(address,bytes32,bytes)", output_type=bytes4
)
# Their calldata: selector, arguments, offset, length, and 65 bytes padded to three words.
MOVE_CALLDATA: constant(uint256) = 4 + 7 * 32 + 32 + 96
CANCEL_CALLDATA: constant(uint256) = 4 + 3 * 32 + 32 + 96

minter: public(immutable(address))


struct Order:
    payer: address
    receiver: address
    amount: uint256
    valid_after: uint256
    valid_before: uint256
    nonce: bytes32


totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
nonces: public(HashMap[address, uint256])
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])


@deploy
def __init__(minter_: address):
    """
    @notice Start with no tokens at all.
    @param minter_ Who may mint, for ever.
    """
    assert minter_ != empty(address), "token: no minter"
    minter = minter_


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of the caller.
    """
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of an owner who approved the caller; an allowance of 2**256 - 1 is not used up.
    """
    self._spend(owner, amount)
    self._move(owner, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Let a spender move up to an amount of the caller's tokens; replaces what was approved before.
    @dev To change an allowance, set it to zero first, or the spender may use both.
    """
    self._approve(msg.sender, spender, amount)
    return True


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Make new tokens, up to the cap on what exists.
    """
    assert msg.sender == minter, "token: only the minter mints"
    assert receiver != empty(address), "token: mint to the zero address"
    assert amount <= cap - self.totalSupply, "token: mint exceeds the cap"
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log ICreditToken.Transfer(sender=empty(address), receiver=receiver, amount=amount)


@external
def burn(amount: uint256):
    """
    @notice Destroy tokens of the caller.
    """
    self._burn(msg.sender, amount)


@external
def burnFrom(owner: address, amount: uint256):
    """
    @notice Destroy tokens of an owner who approved the caller.
    """
    self._spend(owner, amount)
    self._burn(owner, amount)


@external
def permit(
    owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
):
    """
    @notice Approve by the owner's signature; anyone may bring it, until the deadline and once.
    """
    assert block.timestamp <= deadline, "token: permit is expired"
    nonce: uint256 = self.nonces[owner]
    self._check_signed(
        owner, keccak256(abi_encode(PERMIT_TYPE, owner, spender, amount, nonce, deadline)), v, r, s
    )
    self.nonces[owner] = nonce + 1
    self._approve(owner, spender, amount)


@external
def transferWithAuthorization(
    payer: address,
    receiver: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Move tokens by the payer's signature; anyone may bring it, between two times (both excluded) and once.
    """
    order: Order = Order(
        payer=payer,
        receiver=receiver,
        amount=amount,
        valid_after=valid_after,
        valid_before=valid_before,
        nonce=nonce,
    )
    self._move_signed(False, order, v, r, s)


@external
def receiveWithAuthorization(
    payer: address,
    receiver: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice The same, brought by the receiver alone: a contract knows that it was paid in this very call.
    """
    order: Order = Order(
        payer=payer,
        receiver=receiver,
        amount=amount,
        valid_after=valid_after,
        valid_before=valid_before,
        nonce=nonce,
    )
    self._move_signed(True, order, v, r, s)


@external
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Use up the nonce of an authorization that was signed but not brought.
    """
    self._cancel(authorizer, nonce, v, r, s)


@external
def __default__():
    """
    @notice Answer the forms of the three functions above that end in `bytes signature`.
    @dev Only the one canonical encoding is taken: exact length, exact offset, 65 bytes, zero padding.
    """
    assert len(msg.data) >= 4, "token: no function named"
    selector: bytes4 = convert(slice(msg.data, 0, 4), bytes4)
    v: uint8 = 0
    r: bytes32 = empty(bytes32)
    s: bytes32 = empty(bytes32)
    if selector == CANCEL_BYTES:
        assert len(msg.data) == CANCEL_CALLDATA, "token: invalid signature calldata to cancel"
        authorizer: address = empty(address)
        nonce: bytes32 = empty(bytes32)
        authorizer, nonce = abi_decode(slice(msg.data, 4, 64), (address, bytes32))
        v, r, s = self._parts(slice(msg.data, 68, 160), 96)
        self._cancel(authorizer, nonce, v, r, s)
        return
    assert selector == TRANSFER_BYTES or selector == RECEIVE_BYTES, "token: no such function"
    assert len(msg.data) == MOVE_CALLDATA, "token: invalid signature calldata to move"
    order: Order = abi_decode(slice(msg.data, 4, 192), Order)
    v, r, s = self._parts(slice(msg.data, 196, 160), 224)
    self._move_signed(selector == RECEIVE_BYTES, order, v, r, s)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @notice Give the hash of the signature domain.
    """
    return eip712._domain_separator(NAME_HASH, VERSION_HASH)


@external
@view
def eip712Domain() -> (bytes1, String[19], String[1], uint256, address, bytes32, DynArray[uint256, 1]):
    """
    @notice Describe the signature domain: name, version, chain and contract are in it, salt and extensions are not.
    """
    return 0x0f, name, version, chain.id, self, empty(bytes32), []


@internal
def _move(sender: address, receiver: address, amount: uint256):
    assert receiver != empty(address), "token: transfer to the zero address"
    balance: uint256 = self.balanceOf[sender]
    assert balance >= amount, "token: transfer amount exceeds balance"
    self.balanceOf[sender] = unsafe_sub(balance, amount)
    # No balance is above the supply, and no supply above the cap.
    self.balanceOf[receiver] = unsafe_add(self.balanceOf[receiver], amount)
    log ICreditToken.Transfer(sender=sender, receiver=receiver, amount=amount)


@internal
def _burn(owner: address, amount: uint256):
    balance: uint256 = self.balanceOf[owner]
    assert balance >= amount, "token: burn amount exceeds balance"
    self.balanceOf[owner] = unsafe_sub(balance, amount)
    self.totalSupply -= amount
    log ICreditToken.Transfer(sender=owner, receiver=empty(address), amount=amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    assert spender != empty(address), "token: approve to the zero address"
    self.allowance[owner][spender] = amount
    log ICreditToken.Approval(owner=owner, spender=spender, amount=amount)


@internal
def _spend(owner: address, amount: uint256):
    """
    @notice Use up the caller's allowance of an owner; 2**256 - 1 is without end.
    """
    assert owner != empty(address), "token: transfer from the zero address"
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= amount, "token: insufficient allowance"
        self.allowance[owner][msg.sender] = unsafe_sub(allowed, amount)


@internal
def _move_signed(by_receiver: bool, order: Order, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Check an authorization, use up its nonce and move the tokens.
    """
    assert not by_receiver or msg.sender == order.receiver, "token: caller must be the payee"
    assert block.timestamp > order.valid_after, "token: authorization is not yet valid"
    assert block.timestamp < order.valid_before, "token: authorization is expired"
    kind: bytes32 = RECEIVE_TYPE if by_receiver else TRANSFER_TYPE
    self._check_signed(order.payer, keccak256(abi_encode(kind, order)), v, r, s)
    self._use(order.payer, order.nonce)
    log ICreditToken.AuthorizationUsed(authorizer=order.payer, nonce=order.nonce)
    self._move(order.payer, order.receiver, order.amount)


@internal
def _cancel(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    self._check_signed(authorizer, keccak256(abi_encode(CANCEL_TYPE, authorizer, nonce)), v, r, s)
    self._use(authorizer, nonce)
    log ICreditToken.AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@internal
def _use(authorizer: address, nonce: bytes32):
    assert not self.authorizationState[authorizer][nonce], "token: authorization is used or canceled"
    self.authorizationState[authorizer][nonce] = True


@internal
@view
def _check_signed(owner: address, struct_hash: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Refuse a signature that is not the owner's; the zero address, which no key has, never signed.
    """
    digest: bytes32 = eip712._digest(NAME_HASH, VERSION_HASH, struct_hash)
    signer: address = eip712._signer(
        digest, convert(v, uint256), convert(r, uint256), convert(s, uint256)
    )
    assert signer == owner and signer != empty(address), "token: invalid signature"


@internal
@pure
def _parts(tail: Bytes[160], wanted_offset: uint256) -> (uint8, bytes32, bytes32):
    """
    @notice Take a signature out of the end of calldata: offset, length, r, s, v and 31 zero bytes.
    """
    offset: uint256 = 0
    length: uint256 = 0
    r: bytes32 = empty(bytes32)
    s: bytes32 = empty(bytes32)
    rest: uint256 = 0
    offset, length, r, s, rest = abi_decode(tail, (uint256, uint256, bytes32, bytes32, uint256))
    assert offset == wanted_offset, "token: invalid signature offset"
    assert length == 65, "token: invalid signature length"
    assert rest & (2**248 - 1) == 0, "token: invalid signature padding"
    return convert(rest >> 248, uint8), r, s
