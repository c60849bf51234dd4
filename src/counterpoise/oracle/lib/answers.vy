# pragma version ~=0.4.3
"""
@title Book of answers
@license Apache-2.0
@notice Keeps final answers tightly, and knows the newest one about each input at each level.
@dev Up to 66 bytes take one to three words:
     page[0]  time (40 bits), level (8), length (8), then the first 25 bytes: all of an answer with 5 outputs
     page[1]  the next 32 bytes: 13 outputs; page[2] the last 9: 16 outputs
     One word an input holds the newest id of each of the four levels, so that a weak answer hides no strong one.
"""

from counterpoise.oracle import IOracle

LEVELS: constant(uint256) = 4
ANSWERED: constant(uint256) = 2

TIME_MASK: constant(uint256) = 2**40 - 1
ID_MASK: constant(uint256) = 2**64 - 1
INLINE: constant(uint256) = 25
INLINE_MASK: constant(uint256) = 2**200 - 1

_page: HashMap[uint256, uint256[3]]
_newest: HashMap[bytes32, uint256]


@internal
def _write(id: uint256, key: bytes32, level: uint256, time: uint256, answer: Bytes[66]):
    """
    @notice Keep an answer; let it be the newest of its level, unless one that became final later is known.
    """
    padded: Bytes[162] = concat(answer, empty(bytes32), empty(bytes32), empty(bytes32))
    first: uint256 = convert(extract32(padded, 0), uint256) >> 56
    self._page[id][0] = (time << 216) | (level << 208) | (len(answer) << 200) | first
    if len(answer) > INLINE:
        self._page[id][1] = convert(extract32(padded, INLINE), uint256)
    if len(answer) > INLINE + 32:
        self._page[id][2] = convert(extract32(padded, INLINE + 32), uint256)
    word: uint256 = self._newest[key]
    place: uint256 = 64 * level
    known: uint256 = (word >> place) & ID_MASK
    if self._time(known) <= time:
        self._newest[key] = (word & ~(ID_MASK << place)) | (id << place)


@view
@internal
def _read(id: uint256) -> IOracle.Answer:
    """
    @notice The answer kept under an id; all zeros if there is none.
    """
    first: uint256 = self._page[id][0]
    if first == 0:
        return empty(IOracle.Answer)
    last: bytes32 = convert(self._page[id][2], bytes32)
    whole: Bytes[66] = concat(
        slice(convert((first & INLINE_MASK) << 56, bytes32), 0, INLINE),
        convert(self._page[id][1], bytes32),
        slice(last, 0, 66 - INLINE - 32),
    )
    return IOracle.Answer(
        id=id,
        status=ANSWERED,
        level=(first >> 208) & 255,
        time=first >> 216,
        answer=slice(whole, 0, (first >> 200) & 255),
    )


@view
@internal
def _newest_of(key: bytes32, least_level: uint256) -> uint256:
    """
    @notice The id of the newest answer at a level or above it; zero if there is none. Of two as new, the stronger.
    """
    word: uint256 = self._newest[key]
    found: uint256 = 0
    for level: uint256 in range(LEVELS):
        id: uint256 = (word >> (64 * level)) & ID_MASK
        if level >= least_level and id != 0 and self._time(id) >= self._time(found):
            found = id
    return found


@view
@internal
def _time(id: uint256) -> uint256:
    """
    @notice When an answer became final; zero for one that is not kept.
    """
    return self._page[id][0] >> 216


@pure
@internal
def _key(model: bytes32, input: bytes32) -> bytes32:
    return keccak256(abi_encode(model, input))
