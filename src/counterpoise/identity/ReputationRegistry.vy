# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Registry of feedback (ERC-8004)
@license Apache-2.0
@notice Clients rate agents, one word of storage a rating; anyone responds; texts lie in the log.
@dev An entry: value (128 bits, two's complement), decimals (8), the number of its pair of tags (40), then from bit
     200 responses (40), and at the top whether it was revoked. Of a client: the client before it (160), so that the list
     of clients costs no word of its own; number (32) and check (40) of the pair of tags that it used last, so that using
     it again reads nothing; its last index (24). Of an agent: how many clients (64) above the latest of them.
     Two pairs of one check, which take 2**39 trials to find, would confuse the stored tags of their finder's own ratings.
     Nothing but the registry of agents is called, and that without a change: no lock is needed.
@custom:trust Nobody: everyone can rate, but for an agent's owner and who acts for it. What such ratings are worth is
     for the reader to say, who can count those alone that come with a receipt.
@custom:stop Nobody can stop it.
"""

from counterpoise.identity import IIdentityRegistry
from counterpoise.identity import IReputationRegistry
from counterpoise.identity.lib import tag_pairs

implements: IReputationRegistry
initializes: tag_pairs

MAX_TAG: constant(uint256) = 64
MAX_ENDPOINT: constant(uint256) = 256
MAX_URI: constant(uint256) = 1024
MAX_CLIENTS: constant(uint256) = 1024
MAX_ROWS: constant(uint256) = 256
MAX_RESPONDERS: constant(uint256) = 64
ENDLESS: constant(uint256) = 2**64  # of loops that the gas of a call ends

MAX_VALUE: constant(int128) = 10**38
MAX_DECIMALS: constant(uint8) = 18
SCALES: constant(uint256) = 19

LOW: constant(uint256) = 2**128 - 1
DECIMALS_AT: constant(uint256) = 128
TAGS_AT: constant(uint256) = 136
RESPONSES_AT: constant(uint256) = 200
RESPONSES_MASK: constant(uint256) = 2**40 - 1
REVOKED: constant(uint256) = 1 << 255
ADDRESS: constant(uint256) = 2**160 - 1
COUNT_AT: constant(uint256) = 160
PAIR_AT: constant(uint256) = 160
PAIR_MASK: constant(uint256) = 2**32 - 1
CHECK_AT: constant(uint256) = 192
CHECK_MASK: constant(uint256) = 2**40 - 1
INDEX_AT: constant(uint256) = 232
LAST_INDEX: constant(uint256) = 2**24 - 1

IDENTITY: immutable(address)

_entries: HashMap[uint256, HashMap[address, HashMap[uint256, uint256]]]
_clients: HashMap[uint256, HashMap[address, uint256]]
_agents: HashMap[uint256, uint256]
_responses: HashMap[bytes32, uint256]  # by agent, client, index and responder


@deploy
def __init__(identity: address):
    assert identity.is_contract, "reputation: the registry of agents is no contract"
    IDENTITY = identity


@external
def giveFeedback(
    agentId: uint256,
    rating: int128,
    valueDecimals: uint8,
    tag1: String[MAX_TAG],
    tag2: String[MAX_TAG],
    endpoint: String[MAX_ENDPOINT],
    feedbackURI: String[MAX_URI],
    feedbackHash: bytes32,
):
    """
    @notice Rate an agent; its owner and who acts for it may not.
    @param rating Its value, times ten to the power of `valueDecimals`.
    @param endpoint What of the agent was used; logged alone, as are the file about it and the file's digest.
    """
    assert valueDecimals <= MAX_DECIMALS, "reputation: more than 18 decimals"
    assert rating <= MAX_VALUE and rating >= -MAX_VALUE, "reputation: value beyond 1e38"
    assert not staticcall IIdentityRegistry(IDENTITY).isAuthorizedOrOwner(
        msg.sender, agentId
    ), "reputation: nobody rates itself"
    signed: int256 = convert(rating, int256)
    word: uint256 = convert(signed + 2**128 if signed < 0 else signed, uint256)
    word |= convert(valueDecimals, uint256) << DECIMALS_AT
    state: uint256 = self._next_of(agentId, msg.sender, tag1, tag2)
    index: uint256 = state >> INDEX_AT
    word |= ((state >> PAIR_AT) & PAIR_MASK) << TAGS_AT
    self._entries[agentId][msg.sender][index] = word
    log IReputationRegistry.NewFeedback(
        agentId=agentId,
        clientAddress=msg.sender,
        feedbackIndex=convert(index, uint64),
        value=rating,
        valueDecimals=valueDecimals,
        indexedTag1=tag1,
        tag1=tag1,
        tag2=tag2,
        endpoint=endpoint,
        feedbackURI=feedbackURI,
        feedbackHash=feedbackHash,
    )


@external
def revokeFeedback(agentId: uint256, feedbackIndex: uint64):
    """
    @notice Take one's own feedback back.
    """
    index: uint256 = convert(feedbackIndex, uint256)
    word: uint256 = self._entry(agentId, msg.sender, index)
    assert word & REVOKED == 0, "reputation: revoked already"
    self._entries[agentId][msg.sender][index] = word | REVOKED
    log IReputationRegistry.FeedbackRevoked(
        agentId=agentId, clientAddress=msg.sender, feedbackIndex=feedbackIndex
    )


@external
def appendResponse(
    agentId: uint256,
    clientAddress: address,
    feedbackIndex: uint64,
    responseURI: String[MAX_URI],
    responseHash: bytes32,
):
    """
    @notice Answer a feedback, also a revoked one; anyone may, as often as it likes.
    """
    index: uint256 = convert(feedbackIndex, uint256)
    word: uint256 = self._entry(agentId, clientAddress, index)
    self._entries[agentId][clientAddress][index] = word + (1 << RESPONSES_AT)
    self._responses[keccak256(abi_encode(agentId, clientAddress, index, msg.sender))] += 1
    log IReputationRegistry.ResponseAppended(
        agentId=agentId,
        clientAddress=clientAddress,
        feedbackIndex=feedbackIndex,
        responder=msg.sender,
        responseURI=responseURI,
        responseHash=responseHash,
    )


@external
@view
def getSummary(
    agentId: uint256,
    clientAddresses: DynArray[address, MAX_CLIENTS],
    tag1: String[MAX_TAG],
    tag2: String[MAX_TAG],
) -> (uint64, int128, uint8):
    """
    @notice How many ratings the named clients gave, their mean, and its decimals.
    @dev The mean is taken with 18 decimals, then cut to the decimals that are most frequent, the smaller on a tie.
    @param clientAddresses Whose ratings are counted, at least one: a mean over all is anyone's to move.
    """
    assert len(clientAddresses) > 0, "reputation: name the clients that count"
    count: uint256 = 0
    total: int256 = 0
    frequency: uint256[SCALES] = empty(uint256[SCALES])
    for client: address in clientAddresses:
        last: uint256 = self._clients[agentId][client] >> INDEX_AT
        for index: uint256 in range(1, last + 1, bound=ENDLESS):
            word: uint256 = self._entries[agentId][client][index]
            if word & REVOKED != 0 or not tag_pairs._passes(word >> TAGS_AT, tag1, tag2):
                continue
            scale: uint256 = self._decimals(word)
            frequency[scale] += 1
            count += 1
            total += self._value(word) * convert(10 ** (18 - scale), int256)
    if count == 0:
        return 0, 0, 0
    scale: uint256 = 0
    for other: uint256 in range(1, SCALES):
        if frequency[other] > frequency[scale]:
            scale = other
    mean: int256 = total // convert(count, int256) // convert(10 ** (18 - scale), int256)
    assert abs(mean) <= convert(max_value(int128), int256), "reputation: the mean is beyond int128"
    return convert(count, uint64), convert(mean, int128), convert(scale, uint8)


@external
@view
def readFeedback(
    agentId: uint256, clientAddress: address, feedbackIndex: uint64
) -> (int128, uint8, String[MAX_TAG], String[MAX_TAG], bool):
    """
    @notice One rating: value, decimals, tags, and whether it was revoked.
    """
    word: uint256 = self._entry(agentId, clientAddress, convert(feedbackIndex, uint256))
    texts: (String[MAX_TAG], String[MAX_TAG]) = tag_pairs._texts(word >> TAGS_AT)
    return (
        convert(self._value(word), int128),
        convert(self._decimals(word), uint8),
        texts[0],
        texts[1],
        word & REVOKED != 0,
    )


@external
@view
def readAllFeedback(
    agentId: uint256,
    clientAddresses: DynArray[address, MAX_CLIENTS],
    tag1: String[MAX_TAG],
    tag2: String[MAX_TAG],
    includeRevoked: bool,
) -> (
    DynArray[address, MAX_ROWS],
    DynArray[uint64, MAX_ROWS],
    DynArray[int128, MAX_ROWS],
    DynArray[uint8, MAX_ROWS],
    DynArray[String[MAX_TAG], MAX_ROWS],
    DynArray[String[MAX_TAG], MAX_ROWS],
    DynArray[bool, MAX_ROWS],
):
    """
    @notice The ratings of the named clients, of all if none is named; an empty tag means any. At most 256 at once.
    """
    clients: DynArray[address, MAX_ROWS] = []
    indexes: DynArray[uint64, MAX_ROWS] = []
    values: DynArray[int128, MAX_ROWS] = []
    scales: DynArray[uint8, MAX_ROWS] = []
    firsts: DynArray[String[MAX_TAG], MAX_ROWS] = []
    seconds: DynArray[String[MAX_TAG], MAX_ROWS] = []
    revoked: DynArray[bool, MAX_ROWS] = []
    named: DynArray[address, MAX_CLIENTS] = clientAddresses
    if len(named) == 0:
        named = self._clients_of(agentId)
    for client: address in named:
        last: uint256 = self._clients[agentId][client] >> INDEX_AT
        for index: uint256 in range(1, last + 1, bound=ENDLESS):
            word: uint256 = self._entries[agentId][client][index]
            if (word & REVOKED != 0 and not includeRevoked) or not tag_pairs._passes(word >> TAGS_AT, tag1, tag2):
                continue
            assert len(clients) < MAX_ROWS, "reputation: too many at once, name fewer clients"
            clients.append(client)
            indexes.append(convert(index, uint64))
            values.append(convert(self._value(word), int128))
            scales.append(convert(self._decimals(word), uint8))
            texts: (String[MAX_TAG], String[MAX_TAG]) = tag_pairs._texts(word >> TAGS_AT)
            firsts.append(texts[0])
            seconds.append(texts[1])
            revoked.append(word & REVOKED != 0)
    return clients, indexes, values, scales, firsts, seconds, revoked


@external
@view
def getResponseCount(
    agentId: uint256, clientAddress: address, feedbackIndex: uint64, responders: DynArray[address, MAX_RESPONDERS]
) -> uint64:
    """
    @notice How many responses there are: to all clients (zero) or one, to all its feedback (0) or one, by all
         responders (none named) or some.
    """
    count: uint256 = 0
    if clientAddress != empty(address):
        return convert(self._responses_to(agentId, clientAddress, convert(feedbackIndex, uint256), responders), uint64)
    state: uint256 = self._agents[agentId]
    client: address = convert(state & ADDRESS, address)
    for _: uint256 in range(state >> COUNT_AT, bound=ENDLESS):
        count += self._responses_to(agentId, client, 0, responders)
        client = convert(self._clients[agentId][client] & ADDRESS, address)
    return convert(count, uint64)


@external
@view
def getClients(agentId: uint256) -> DynArray[address, MAX_CLIENTS]:
    """
    @notice Who rated an agent, in order of the first time; of more than 1,024 the latest.
    """
    return self._clients_of(agentId)


@external
@view
def getLastIndex(agentId: uint256, clientAddress: address) -> uint64:
    """
    @notice How often a client rated an agent; indices run from 1 to this.
    """
    return convert(self._clients[agentId][clientAddress] >> INDEX_AT, uint64)


@external
@view
def getIdentityRegistry() -> address:
    """
    @notice The registry whose agents are rated.
    """
    return IDENTITY


@external
@pure
def getVersion() -> String[8]:
    """
    @notice Version of the reference whose ABI this is.
    """
    return "2.0.0"


@internal
def _next_of(agent: uint256, client: address, tag1: String[MAX_TAG], tag2: String[MAX_TAG]) -> uint256:
    """
    @notice A client's word, with one more rating counted and the pair of tags that it bears; a new client is put
         before the others.
    """
    state: uint256 = self._clients[agent][client]
    if state == 0:
        before: uint256 = self._agents[agent]
        self._agents[agent] = (((before >> COUNT_AT) + 1) << COUNT_AT) | convert(client, uint256)
        state = before & ADDRESS
    assert state >> INDEX_AT < LAST_INDEX, "reputation: too many ratings of one client"
    pair: bytes32 = tag_pairs._digest(tag1, tag2)
    # Odd, so that no pair has the check of a client that has not rated yet, which is the one of two empty tags.
    check: uint256 = 0 if pair == empty(bytes32) else (convert(pair, uint256) & CHECK_MASK) | 1
    number: uint256 = (state >> PAIR_AT) & PAIR_MASK
    if check != (state >> CHECK_AT) & CHECK_MASK:
        number = tag_pairs._number_of(pair, tag1, tag2)
    index: uint256 = (state >> INDEX_AT) + 1
    state = (state & ADDRESS) | (number << PAIR_AT) | (check << CHECK_AT) | (index << INDEX_AT)
    self._clients[agent][client] = state
    return state


@internal
@pure
def _decimals(word: uint256) -> uint256:
    return (word >> DECIMALS_AT) & 255


@internal
@pure
def _value(word: uint256) -> int256:
    low: int256 = convert(word & LOW, int256)
    return low - 2**128 if low >= 2**127 else low


@internal
@view
def _entry(agent: uint256, client: address, index: uint256) -> uint256:
    assert index > 0 and index <= self._clients[agent][client] >> INDEX_AT, "reputation: no such feedback"
    return self._entries[agent][client][index]


@internal
@view
def _clients_of(agent: uint256) -> DynArray[address, MAX_CLIENTS]:
    state: uint256 = self._agents[agent]
    count: uint256 = min(state >> COUNT_AT, MAX_CLIENTS)
    clients: DynArray[address, MAX_CLIENTS] = []
    for _: uint256 in range(count, bound=MAX_CLIENTS):
        clients.append(empty(address))
    client: address = convert(state & ADDRESS, address)
    for at: uint256 in range(count, bound=MAX_CLIENTS):
        clients[count - 1 - at] = client
        client = convert(self._clients[agent][client] & ADDRESS, address)
    return clients


@internal
@view
def _responses_to(
    agent: uint256, client: address, index: uint256, responders: DynArray[address, MAX_RESPONDERS]
) -> uint256:
    last: uint256 = self._clients[agent][client] >> INDEX_AT
    start: uint256 = index if index != 0 else 1
    end: uint256 = min(index, last) if index != 0 else last
    if start > end:
        return 0
    count: uint256 = 0
    for at: uint256 in range(start, end + 1, bound=ENDLESS):
        if len(responders) == 0:
            count += (self._entries[agent][client][at] >> RESPONSES_AT) & RESPONSES_MASK
        for responder: address in responders:
            count += self._responses[keccak256(abi_encode(agent, client, at, responder))]
    return count
