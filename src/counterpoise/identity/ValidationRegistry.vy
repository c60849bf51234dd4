# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Registry of validations (ERC-8004)
@license Apache-2.0
@notice An agent's owner asks a validator, named in the request, about a piece of work; the validator answers from 0
     (failed) to 100 (passed), and again when it knows better.
@dev A request: validator (160 bits), time of the last change (40), response (8), number of the tag (32), whether it
     was answered (1). Files lie in the log, by address and digest.
@custom:trust The validator that a request names decides its answer alone; the agent chooses whom it asks, so a reader
     counts only validators that it trusts.
@custom:stop Nobody can stop it.
"""

from counterpoise.identity import IIdentityRegistry
from counterpoise.identity import IValidationRegistry
from counterpoise.identity.lib import tags

implements: IValidationRegistry
initializes: tags

MAX_TAG: constant(uint256) = 64
MAX_URI: constant(uint256) = 1024
MAX_LIST: constant(uint256) = 1024
MAX_VALIDATORS: constant(uint256) = 64
ENDLESS: constant(uint256) = 2**64  # of loops that the gas of a call ends
BEST: constant(uint8) = 100

ADDRESS: constant(uint256) = 2**160 - 1
TIME_AT: constant(uint256) = 160
TIME_MASK: constant(uint256) = 2**40 - 1
RESPONSE_AT: constant(uint256) = 200
TAG_AT: constant(uint256) = 208
TAG_MASK: constant(uint256) = 2**32 - 1
ANSWERED: constant(uint256) = 1 << 240

IDENTITY: immutable(address)

_requests: HashMap[bytes32, uint256]
_agents: HashMap[bytes32, uint256]
_evidence: HashMap[bytes32, bytes32]
_of_agent: HashMap[uint256, HashMap[uint256, bytes32]]
_count_of_agent: HashMap[uint256, uint256]
_of_validator: HashMap[address, HashMap[uint256, bytes32]]
_count_of_validator: HashMap[address, uint256]


@deploy
def __init__(identity: address):
    assert identity.is_contract, "validation: the registry of agents is no contract"
    IDENTITY = identity


@external
def validationRequest(
    validatorAddress: address, agentId: uint256, requestURI: String[MAX_URI], requestHash: bytes32
):
    """
    @notice Ask a validator; the agent's owner, or who acts for it.
    @param requestURI What is to be validated: inputs, outputs, whatever the validator needs.
    @param requestHash Its digest, and the number of the request from then on.
    """
    assert validatorAddress != empty(address), "validation: no validator"
    assert staticcall IIdentityRegistry(IDENTITY).isAuthorizedOrOwner(
        msg.sender, agentId
    ), "validation: not the agent's owner nor for it"
    assert self._requests[requestHash] == 0, "validation: asked already"
    self._requests[requestHash] = convert(validatorAddress, uint256) | (block.timestamp << TIME_AT)
    self._agents[requestHash] = agentId
    at: uint256 = self._count_of_agent[agentId]
    self._count_of_agent[agentId] = at + 1
    self._of_agent[agentId][at] = requestHash
    at = self._count_of_validator[validatorAddress]
    self._count_of_validator[validatorAddress] = at + 1
    self._of_validator[validatorAddress][at] = requestHash
    log IValidationRegistry.ValidationRequest(
        validatorAddress=validatorAddress, agentId=agentId, requestURI=requestURI, requestHash=requestHash
    )


@external
def validationResponse(
    requestHash: bytes32, response: uint8, responseURI: String[MAX_URI], responseHash: bytes32, tag: String[MAX_TAG]
):
    """
    @notice Answer a request, for the first time or again; its validator alone.
    """
    word: uint256 = self._known(requestHash)
    assert msg.sender == convert(word & ADDRESS, address), "validation: not its validator"
    assert response <= BEST, "validation: more than 100"
    word = (word & ADDRESS) | (block.timestamp << TIME_AT) | ANSWERED
    word |= (convert(response, uint256) << RESPONSE_AT) | (tags._number_of(tag) << TAG_AT)
    self._requests[requestHash] = word
    self._evidence[requestHash] = responseHash
    log IValidationRegistry.ValidationResponse(
        validatorAddress=msg.sender,
        agentId=self._agents[requestHash],
        requestHash=requestHash,
        response=response,
        responseURI=responseURI,
        responseHash=responseHash,
        tag=tag,
    )


@external
@view
def getValidationStatus(
    requestHash: bytes32,
) -> (address, uint256, uint8, bytes32, String[MAX_TAG], uint256):
    """
    @notice Validator, agent, response, digest of its evidence, tag, and time of the last change; zeros until answered.
    """
    word: uint256 = self._known(requestHash)
    return (
        convert(word & ADDRESS, address),
        self._agents[requestHash],
        convert((word >> RESPONSE_AT) & 255, uint8),
        self._evidence[requestHash],
        tags._text(word >> TAG_AT),
        (word >> TIME_AT) & TIME_MASK,
    )


@external
@view
def getSummary(
    agentId: uint256, validatorAddresses: DynArray[address, MAX_VALIDATORS], tag: String[MAX_TAG]
) -> (uint64, uint8):
    """
    @notice How many requests of an agent were answered, and the mean answer, floored.
    @param validatorAddresses Whose answers count; all if none is named.
    @param tag Only answers under this tag; any if it is empty.
    """
    found: bool = False
    wanted: uint256 = 0
    found, wanted = tags._wanted(tag)
    count: uint256 = 0
    total: uint256 = 0
    if not found:
        return 0, 0
    for at: uint256 in range(self._count_of_agent[agentId], bound=ENDLESS):
        word: uint256 = self._requests[self._of_agent[agentId][at]]
        if word & ANSWERED == 0 or (wanted != 0 and (word >> TAG_AT) & TAG_MASK != wanted):
            continue
        if len(validatorAddresses) > 0 and convert(word & ADDRESS, address) not in validatorAddresses:
            continue
        count += 1
        total += (word >> RESPONSE_AT) & 255
    return convert(count, uint64), convert(total // max(count, 1), uint8)


@external
@view
def getAgentValidations(agentId: uint256) -> DynArray[bytes32, MAX_LIST]:
    """
    @notice What was asked about an agent, in order; of more than 1,024 requests the latest.
    """
    requests: DynArray[bytes32, MAX_LIST] = []
    count: uint256 = self._count_of_agent[agentId]
    for at: uint256 in range(count - min(count, MAX_LIST), count, bound=MAX_LIST):
        requests.append(self._of_agent[agentId][at])
    return requests


@external
@view
def getValidatorRequests(validatorAddress: address) -> DynArray[bytes32, MAX_LIST]:
    """
    @notice What a validator was asked, in order; of more than 1,024 requests the latest.
    """
    requests: DynArray[bytes32, MAX_LIST] = []
    count: uint256 = self._count_of_validator[validatorAddress]
    for at: uint256 in range(count - min(count, MAX_LIST), count, bound=MAX_LIST):
        requests.append(self._of_validator[validatorAddress][at])
    return requests


@external
@view
def getIdentityRegistry() -> address:
    """
    @notice The registry whose agents are validated.
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
@view
def _known(request: bytes32) -> uint256:
    word: uint256 = self._requests[request]
    assert word != 0, "validation: no such request"
    return word
