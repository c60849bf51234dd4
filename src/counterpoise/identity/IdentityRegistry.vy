# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Registry of agents (ERC-8004)
@license Apache-2.0
@notice Whoever registers owns an agent: a token of ERC-721 that names a registration file, metadata and a wallet.
@dev ABI and events of the ERC's reference, without its upgrades. A token is one word: owner (160 bits), then whether
     an account is approved, whether the wallet is the owner, whether there is another. Ids count from 0.
@custom:trust The owner of an agent and whom it approves; nobody owns this contract. That an agent is what its file
     says is not checked here: a domain proves that it knows the agent, receipts prove that it was paid.
@custom:stop Nobody can stop it.
"""

from counterpoise.chain.lib import eip712
from counterpoise.identity import IIdentityRegistry

implements: IIdentityRegistry

interface Receiver:
    def onERC721Received(operator: address, sender: address, tokenId: uint256, data: Bytes[1024]) -> bytes4: nonpayable

MAX_URI: constant(uint256) = 2048
MAX_KEY: constant(uint256) = 64
MAX_VALUE: constant(uint256) = 1024
MAX_ENTRIES: constant(uint256) = 8
MAX_AHEAD: constant(uint256) = 300  # seconds that a wallet's consent may lie ahead

OWNER: constant(uint256) = 2**160 - 1
APPROVED: constant(uint256) = 1 << 160
OWN_WALLET: constant(uint256) = 1 << 161
OTHER_WALLET: constant(uint256) = 1 << 162

WALLET_KEY: constant(String[11]) = "agentWallet"
DOMAIN: constant(String[23]) = "ERC8004IdentityRegistry"
NAME_HASH: constant(bytes32) = keccak256("ERC8004IdentityRegistry")
VERSION_HASH: constant(bytes32) = keccak256("1")
CONSENT: constant(bytes32) = keccak256(
    "AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)"
)
RECEIVED: constant(bytes4) = 0x150B7A02
VALID: constant(bytes4) = 0x1626BA7E
ASK_VALID: constant(bytes4) = method_id("isValidSignature(bytes32,bytes)", output_type=bytes4)
# ERC-165 itself, ERC-721, its metadata, ERC-4906.
FACES: constant(bytes4[4]) = [0x01FFC9A7, 0x80AC58CD, 0x5B5E139F, 0x49064906]

_count: uint256
_token: HashMap[uint256, uint256]
_balance: HashMap[address, uint256]
_approved: HashMap[uint256, address]
_operators: HashMap[address, HashMap[address, bool]]
_uri: HashMap[uint256, String[MAX_URI]]
_metadata: HashMap[uint256, HashMap[String[MAX_KEY], Bytes[MAX_VALUE]]]
_wallet: HashMap[uint256, address]


@external
def register(
    agentURI: String[MAX_URI] = "", metadata: DynArray[IIdentityRegistry.MetadataEntry, MAX_ENTRIES] = []
) -> uint256:
    """
    @notice Make an agent; the caller owns it and is its wallet. Gives its id.
    @param agentURI Where its registration file lies: https, ipfs, or the file itself as a data URI.
    @param metadata What else is kept on the chain, by key.
    """
    id: uint256 = self._count
    self._count = id + 1
    self._token[id] = convert(msg.sender, uint256) | OWN_WALLET
    self._balance[msg.sender] += 1
    if len(agentURI) > 0:
        self._uri[id] = agentURI
    log IIdentityRegistry.Transfer(sender=empty(address), receiver=msg.sender, tokenId=id)
    self._log_wallet(id, msg.sender)
    for entry: IIdentityRegistry.MetadataEntry in metadata:
        self._set_metadata(id, entry.metadataKey, entry.metadataValue)
    log IIdentityRegistry.Registered(agentId=id, agentURI=agentURI, owner=msg.sender)
    return id


@external
def setAgentURI(agentId: uint256, newURI: String[MAX_URI]):
    """
    @notice Say where the agent's registration file lies now.
    """
    self._check_authorized(agentId)
    # slither-disable-next-line unprotected-write _check_authorized lets the owner and who acts for it through
    self._uri[agentId] = newURI
    log IIdentityRegistry.MetadataUpdate(_tokenId=agentId)
    log IIdentityRegistry.URIUpdated(agentId=agentId, newURI=newURI, updatedBy=msg.sender)


@external
def setMetadata(agentId: uint256, metadataKey: String[MAX_KEY], metadataValue: Bytes[MAX_VALUE]):
    """
    @notice Keep a value under a key; `agentWallet` is set by that wallet's consent alone.
    """
    self._check_authorized(agentId)
    self._set_metadata(agentId, metadataKey, metadataValue)


@external
def setAgentWallet(agentId: uint256, newWallet: address, deadline: uint256, signature: Bytes[1024]):
    """
    @notice Name the wallet that the agent is paid at.
    @param deadline Until when the wallet's consent is good: at most five minutes ahead.
    @param signature The wallet's over AgentWalletSet: of its key, or by ERC-1271.
    """
    token: uint256 = self._check_authorized(agentId)
    assert newWallet != empty(address), "identity: no wallet"
    assert block.timestamp <= deadline, "identity: the consent is too old"
    assert deadline <= block.timestamp + MAX_AHEAD, "identity: the consent reaches too far ahead"
    owner: address = convert(token & OWNER, address)
    struct_hash: bytes32 = keccak256(abi_encode(CONSENT, agentId, newWallet, owner, deadline))
    digest: bytes32 = eip712._digest(NAME_HASH, VERSION_HASH, struct_hash)
    assert self._has_signed(newWallet, digest, signature), "identity: the wallet has not consented"
    self._token[agentId] = (token & ~OWN_WALLET) | OTHER_WALLET
    self._wallet[agentId] = newWallet
    self._log_wallet(agentId, newWallet)


@external
def unsetAgentWallet(agentId: uint256):
    """@notice Leave the agent without a wallet."""
    token: uint256 = self._check_authorized(agentId)
    self._token[agentId] = token & ~(OWN_WALLET | OTHER_WALLET)
    self._log_wallet(agentId, empty(address))


@external
def approve(to: address, tokenId: uint256):
    """
    @notice Let one account act for an agent, or nobody any more.
    """
    token: uint256 = self._existing(tokenId)
    owner: address = convert(token & OWNER, address)
    assert msg.sender == owner or self._operators[owner][msg.sender], "identity: only the owner approves"
    # slither-disable-next-line unprotected-write the owner and its operators alone, by the assert above
    self._approved[tokenId] = to
    self._token[tokenId] = token | APPROVED if to != empty(address) else token & ~APPROVED
    log IIdentityRegistry.Approval(owner=owner, approved=to, tokenId=tokenId)


@external
def setApprovalForAll(operator: address, approved: bool):
    """
    @notice Let an account act for all agents of the caller, or no more.
    """
    assert operator != empty(address), "identity: no operator"
    self._operators[msg.sender][operator] = approved
    log IIdentityRegistry.ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@external
def transferFrom(sender: address, to: address, tokenId: uint256):
    """
    @notice Give an agent away. Its wallet and its approval end with that, its metadata stay.
    """
    self._transfer(sender, to, tokenId)


@external
def safeTransferFrom(sender: address, to: address, tokenId: uint256, data: Bytes[1024] = b""):
    """
    @notice Give an agent away; a contract that gets it must say that it takes tokens.
    """
    self._transfer(sender, to, tokenId)
    if to.is_contract:
        answer: bytes4 = extcall Receiver(to).onERC721Received(msg.sender, sender, tokenId, data)
        assert answer == RECEIVED, "identity: the receiver takes no tokens"


# A contract that is being given an agent may look at it: everything is written by then.
@reentrant
@external
@view
def isAuthorizedOrOwner(spender: address, agentId: uint256) -> bool:
    """
    @notice Whether an account owns an agent or acts for its owner; reverts where there is none.
    """
    return self._is_authorized(self._existing(agentId), spender, agentId)


@reentrant
@external
@view
def ownerOf(tokenId: uint256) -> address:
    """
    @notice Who owns an agent.
    """
    return convert(self._existing(tokenId) & OWNER, address)


@reentrant
@external
@view
def balanceOf(owner: address) -> uint256:
    """
    @notice How many agents an account owns.
    """
    assert owner != empty(address), "identity: nobody owns nothing"
    return self._balance[owner]


@reentrant
@external
@view
def getApproved(tokenId: uint256) -> address:
    """
    @notice Who is approved for one agent.
    """
    if self._existing(tokenId) & APPROVED == 0:
        return empty(address)
    return self._approved[tokenId]


@reentrant
@external
@view
def isApprovedForAll(owner: address, operator: address) -> bool:
    """
    @notice Whether an account acts for all agents of another.
    """
    return self._operators[owner][operator]


@reentrant
@external
@view
def tokenURI(tokenId: uint256) -> String[MAX_URI]:
    """
    @notice Where an agent's registration file lies.
    """
    self._existing(tokenId)
    return self._uri[tokenId]


@reentrant
@external
@view
def getAgentWallet(agentId: uint256) -> address:
    """
    @notice Where an agent is paid; zero if nowhere.
    """
    return self._wallet_of(agentId)


@reentrant
@external
@view
def getMetadata(agentId: uint256, metadataKey: String[MAX_KEY]) -> Bytes[MAX_VALUE]:
    """
    @notice What is kept under a key; empty if nothing is. `agentWallet` gives 20 bytes.
    """
    if metadataKey != WALLET_KEY:
        return self._metadata[agentId][metadataKey]
    wallet: address = self._wallet_of(agentId)
    if wallet == empty(address):
        return b""
    return slice(convert(wallet, bytes32), 12, 20)


@external
@view
def eip712Domain() -> (bytes1, String[23], String[1], uint256, address, bytes32, DynArray[uint256, 1]):
    """
    @notice What a wallet's consent is bound to (ERC-5267).
    """
    return 0x0F, DOMAIN, "1", chain.id, self, empty(bytes32), []


@external
@view
def name() -> String[13]:
    """@notice The token's name."""
    return "AgentIdentity"


@external
@view
def symbol() -> String[5]:
    """@notice The token's symbol."""
    return "AGENT"


@external
@pure
def getVersion() -> String[8]:
    """@notice Version of the reference whose ABI this is."""
    return "2.0.0"


@external
@view
def supportsInterface(interfaceId: bytes4) -> bool:
    """@notice Whether a face is among those of ERC-165."""
    return interfaceId in FACES


@internal
def _transfer(sender: address, to: address, id: uint256):
    """
    @notice Move an agent for whoever may; clear what the former owner had allowed.
    """
    token: uint256 = self._check_authorized(id)
    assert sender == convert(token & OWNER, address), "identity: not the owner's to give"
    assert to != empty(address), "identity: to nobody"
    # slither-disable-next-line unprotected-write _check_authorized lets the owner and who acts for it through
    self._token[id] = convert(to, uint256)
    self._balance[sender] -= 1
    self._balance[to] += 1
    log IIdentityRegistry.Transfer(sender=sender, receiver=to, tokenId=id)
    if token & (OWN_WALLET | OTHER_WALLET) != 0:
        self._log_wallet(id, empty(address))


@internal
def _set_metadata(id: uint256, key: String[MAX_KEY], text: Bytes[MAX_VALUE]):
    assert key != WALLET_KEY, "identity: agentWallet is reserved"
    # slither-disable-next-line unprotected-write callers check who may, or make the agent
    self._metadata[id][key] = text
    log IIdentityRegistry.MetadataSet(
        agentId=id, indexedMetadataKey=key, metadataKey=key, metadataValue=text
    )


@internal
def _log_wallet(id: uint256, wallet: address):
    text: Bytes[20] = b""
    if wallet != empty(address):
        text = slice(convert(wallet, bytes32), 12, 20)
    log IIdentityRegistry.MetadataSet(
        agentId=id, indexedMetadataKey=WALLET_KEY, metadataKey=WALLET_KEY, metadataValue=text
    )


@internal
@view
def _existing(id: uint256) -> uint256:
    token: uint256 = self._token[id]
    assert token != 0, "identity: no such agent"
    return token


@internal
@view
def _check_authorized(id: uint256) -> uint256:
    token: uint256 = self._existing(id)
    assert self._is_authorized(token, msg.sender, id), "identity: not the owner nor for it"
    return token


@internal
@view
def _is_authorized(token: uint256, spender: address, id: uint256) -> bool:
    owner: address = convert(token & OWNER, address)
    if spender == owner or self._operators[owner][spender]:
        return True
    return token & APPROVED != 0 and self._approved[id] == spender


@internal
@view
def _wallet_of(id: uint256) -> address:
    token: uint256 = self._token[id]
    if token & OTHER_WALLET != 0:
        return self._wallet[id]
    if token & OWN_WALLET != 0:
        return convert(token & OWNER, address)
    return empty(address)


@internal
@view
def _has_signed(account: address, digest: bytes32, signature: Bytes[1024]) -> bool:
    """
    @notice Whether an account signed a digest: by its key, else by its code if it has any.
    """
    if len(signature) == 65:
        r: uint256 = convert(slice(signature, 0, 32), uint256)
        s: uint256 = convert(slice(signature, 32, 32), uint256)
        v: uint256 = convert(slice(signature, 64, 1), uint256)
        if eip712._signer(digest, v, r, s) == account:
            return True
    if not account.is_contract:
        return False
    done: bool = False
    answer: Bytes[32] = b""
    done, answer = raw_call(
        account,
        abi_encode(digest, signature, method_id=ASK_VALID),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return done and len(answer) == 32 and convert(answer, bytes32) == convert(VALID, bytes32)
