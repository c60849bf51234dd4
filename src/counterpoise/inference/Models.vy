# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Models: the registry of integer models
@license Apache-2.0
@notice Binds a model's id to its header and the root of its rows, so that a judge, and any contract, knows the shape of
     what it judges. The header is checked to be well-formed: docs/explain/integer-models.md says how.
@custom:trust The owner of a model can do nothing here but give it away: it says who registered first, not who made it.
     That no row overflows is not checked here, for the rows stay off chain: who asks a model loads its file, which is.
@custom:stop Nobody can stop it. A model that should no longer be asked is no longer asked: name another.
"""

from counterpoise.inference import IModels

implements: IModels

MAX_HEADER: constant(uint256) = 128
HEAD: constant(uint256) = 12
LAYER: constant(uint256) = 10
MAX_LAYERS: constant(uint256) = 8
MAX_OUTPUTS: constant(uint256) = 16
MAX_SHIFT: constant(uint256) = 24
MAX_ROWS: constant(uint256) = 2**16
MAX_TREES: constant(uint256) = 16_383
MODEL: constant(bytes1) = 0x04

_record: HashMap[bytes32, IModels.Record]
_header: HashMap[bytes32, Bytes[MAX_HEADER]]


@external
def register(header: Bytes[MAX_HEADER], row_root: bytes32, card: bytes32) -> bytes32:
    """
    @notice Register a model; gives its id. Anyone may; the caller becomes its owner.
    @param header The model's canonical header.
    @param row_root Root of the tree over its rows.
    @param card SHA-256 of the model's card; zero if it has none.
    """
    self._check(header)
    assert row_root != empty(bytes32), "models: no root of rows"
    model: bytes32 = keccak256(concat(MODEL, header, row_root))
    assert self._record[model].time == 0, "models: already registered"
    self._record[model] = IModels.Record(
        owner=msg.sender, row_root=row_root, card=card, time=block.timestamp
    )
    self._header[model] = header
    log IModels.Registered(
        model=model, owner=msg.sender, row_root=row_root, card=card, header=header
    )
    return model


@external
def transfer_ownership(model: bytes32, owner: address):
    """
    @notice Make another account the owner of a model.
    """
    assert msg.sender == self._record[model].owner, "models: not the owner"
    assert owner != empty(address), "models: nobody as owner"
    self._record[model].owner = owner
    log IModels.OwnershipTransferred(model=model, previous=msg.sender, owner=owner)


@external
@view
def record(model: bytes32) -> IModels.Record:
    """
    @notice What is registered under an id; zeros if nothing is.
    """
    return self._record[model]


@external
@view
def header(model: bytes32) -> Bytes[MAX_HEADER]:
    """
    @notice The header of a model; empty if it is not registered.
    """
    return self._header[model]


@external
@view
def is_registered(model: bytes32) -> bool:
    """
    @notice Whether a model is registered.
    """
    return self._record[model].time != 0


@internal
@pure
def _check(header: Bytes[MAX_HEADER]):
    """
    @notice Revert unless a header is canonical and its numbers are in range.
    """
    assert len(header) > HEAD, "models: header too short"
    head: uint256 = convert(slice(header, 0, HEAD), uint256)
    assert head >> 88 == 1, "models: unknown version"
    kind: uint256 = (head >> 80) & 255
    rule: uint256 = (head >> 72) & 255
    layers: uint256 = (head >> 64) & 255
    threshold: uint256 = (head >> 32) & (2**32 - 1)
    inputs: uint256 = (head >> 16) & (2**16 - 1)
    outputs: uint256 = head & (2**16 - 1)
    assert inputs > 0, "models: no inputs"
    assert outputs > 0 and outputs <= MAX_OUTPUTS, "models: outputs out of range"
    if outputs == 1:
        assert rule == 0, "models: one output wants a threshold"
    else:
        assert rule == 1 and threshold == 0, "models: several outputs want argmax"
    if kind == 2:
        assert layers == 0 and len(header) == HEAD + 2, "models: wrong length of a forest"
        trees: uint256 = convert(slice(header, HEAD, 2), uint256)
        assert trees > 0 and trees <= MAX_TREES, "models: trees out of range"
    else:
        assert kind == 1, "models: unknown kind"
        assert layers > 0 and layers <= MAX_LAYERS, "models: layers out of range"
        assert len(header) == HEAD + layers * LAYER, "models: wrong length of a net"
        self._check_layers(header, layers, inputs, outputs)


@internal
@pure
def _check_layers(header: Bytes[MAX_HEADER], layers: uint256, inputs: uint256, outputs: uint256):
    """
    @notice Revert unless widths fit together and every value between layers is a byte.
    """
    width: uint256 = inputs
    rows: uint256 = 0
    # Read from the end of a layer to the start of the next, so that both zero points are known.
    for i: uint256 in range(layers, bound=MAX_LAYERS):
        layer: uint256 = convert(slice(header, HEAD + i * LAYER, LAYER), uint256)
        assert layer >> 64 == width, "models: widths do not fit"
        width = (layer >> 48) & (2**16 - 1)
        assert width > 0, "models: a layer without neurons"
        rows += width
        lowest: int256 = self._i16((layer >> 16) & (2**16 - 1))
        highest: int256 = self._i16(layer & (2**16 - 1))
        if i + 1 == layers:
            assert layer & (2**40 - 1) == 0, "models: the last layer requantises"
        else:
            assert (layer >> 32) & 255 <= MAX_SHIFT, "models: shift out of range"
            following: int256 = convert(
                convert(slice(header, HEAD + (i + 1) * LAYER + 4, 1), uint256), int256
            )
            assert 0 <= lowest + following, "models: low clip is no byte"
            assert highest + following <= 255, "models: high clip is no byte"
            assert lowest <= highest, "models: clips cross"
    assert width == outputs, "models: outputs do not fit"
    assert rows <= MAX_ROWS, "models: too many rows"


@internal
@pure
def _i16(word: uint256) -> int256:
    """
    @notice Read 16 bits as two's complement.
    """
    return convert(word, int256) - (65536 if word >= 32768 else 0)
