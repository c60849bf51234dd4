# pragma version ~=0.4.3
"""
@title Canonical bytes of arrays and models
@license Apache-2.0
@notice Reads numbers out of the bytes that participants reveal and models are stored as (DAG-CBOR), and checks that
     these are the only bytes for such numbers.
@dev As counterpoise.core.arrays and counterpoise.federation.model_file write them. Sizes below 2**16 only.
@custom:trust Nobody: pure functions of the contracts that use them.
@custom:stop Nothing to stop: they hold nothing.
"""

START: constant(uint256) = 179651576165473  # 0xa36464617461: a map of three, "data"
DTYPE: constant(uint256) = 1870359695469400243305  # 0x656474797065633c69: "dtype", a text of three, "<i"
SHAPE: constant(uint256) = 28555864796325249  # 0x65736861706581: "shape", a list of one
MODEL: constant(Bytes[37]) = x"a366666f726d617475636f756e746572706f6973652d6d6f64656c2f763166706172616d73"
STATISTICS: constant(Bytes[11]) = b"jstatistics"
NO_STATISTICS: constant(Bytes[38]) = x"6a737461746973746963735819a3646461746140656474797065633c69386573686170658100"


@internal
@pure
def _cbor(major: uint256, number: uint256) -> (uint256, uint256):
    """
    @notice Give the head of a CBOR item and how many bytes it has.
    """
    if number < 24:
        return major | number, 1
    if number < 256:
        return ((major | 24) << 8) | number, 2
    return ((major | 25) << 16) | number, 3


@internal
@pure
def _head(count: uint256, size: uint256) -> (uint256, uint256):
    value: uint256 = 0
    length: uint256 = 0
    value, length = self._cbor(64, count * size)
    return (START << (8 * length)) | value, 6 + length


@internal
@pure
def _tail(count: uint256, size: uint256) -> (uint256, uint256):
    value: uint256 = 0
    length: uint256 = 0
    value, length = self._cbor(0, count)
    named: uint256 = (DTYPE << 64) | ((48 + size) << 56) | SHAPE
    return (named << (8 * length)) | value, 17 + length


@internal
@pure
def _length(count: uint256, size: uint256) -> uint256:
    value: uint256 = 0
    head: uint256 = 0
    tail: uint256 = 0
    value, head = self._head(count, size)
    value, tail = self._tail(count, size)
    return head + count * size + tail


@internal
@pure
def _is_array(blob: Bytes[16384], start: uint256, count: uint256, size: uint256) -> bool:
    """
    @notice Say whether the bytes from `start` on are an array of so many signed numbers of `size` bytes.
    """
    value: uint256 = 0
    length: uint256 = 0
    value, length = self._head(count, size)
    if convert(extract32(blob, start), uint256) >> (256 - 8 * length) != value:
        return False
    end: uint256 = start + self._length(count, size)
    value, length = self._tail(count, size)
    return convert(extract32(blob, end - 32), uint256) & (2 ** (8 * length) - 1) == value


@internal
@pure
def _is_vector(blob: Bytes[16384], count: uint256, size: uint256) -> bool:
    """
    @notice Say whether a blob is an array of so many signed numbers of `size` bytes, and nothing else.
    """
    return len(blob) == self._length(count, size) and len(blob) >= 32 and self._is_array(blob, 0, count, size)


@internal
@pure
def _number(blob: Bytes[16384], count: uint256, size: uint256, index: uint256) -> int256:
    """
    @notice Give one number of a vector; the caller has checked that it is one.
    """
    value: uint256 = 0
    length: uint256 = 0
    value, length = self._head(count, size)
    if size == 4:
        return self._little(convert(slice(blob, length + 4 * index, 4), uint256)) >> 32
    return self._little(convert(slice(blob, length + 8 * index, 8), uint256))


@internal
@pure
def _little(number: uint256) -> int256:
    """
    @notice Give the signed number of 8 little-endian bytes; of 4, 2**32 times it.
    """
    v: uint256 = number
    v = ((v & 71777214294589695) << 8) | ((v >> 8) & 71777214294589695)
    v = ((v & 281470681808895) << 16) | ((v >> 16) & 281470681808895)
    v = ((v & 4294967295) << 32) | (v >> 32)
    return convert(convert(v << 192, bytes32), int256) >> 192


@internal
@pure
def _parameters_at(params: uint256) -> uint256:
    value: uint256 = 0
    outer: uint256 = 0
    inner: uint256 = 0
    value, outer = self._cbor(64, self._length(params, 4))
    value, inner = self._head(params, 4)
    return 37 + outer + inner


@internal
@pure
def _parameter(blob: Bytes[16384], params: uint256, index: uint256) -> int256:
    """
    @notice Give one parameter of a model; the caller has checked that it is one.
    """
    at: uint256 = self._parameters_at(params) + 4 * index
    return self._little(convert(slice(blob, at, 4), uint256)) >> 32


@internal
@pure
def _second_at(params: uint256) -> uint256:
    value: uint256 = 0
    outer: uint256 = 0
    value, outer = self._cbor(64, self._length(params, 4))
    return 37 + outer + self._length(params, 4)


@internal
@pure
def _statistics_at(params: uint256, numbers: uint256) -> uint256:
    value: uint256 = 0
    outer: uint256 = 0
    inner: uint256 = 0
    value, outer = self._cbor(64, self._length(numbers, 8))
    value, inner = self._head(numbers, 8)
    return self._second_at(params) + 11 + outer + inner


@internal
@pure
def _is_model(blob: Bytes[16384], params: uint256, numbers: uint256) -> bool:
    """
    @notice Say whether a blob is a model of so many parameters with so many numbers of statistics.
    """
    value: uint256 = 0
    length: uint256 = 0
    second: uint256 = self._second_at(params)
    value, length = self._cbor(64, self._length(numbers, 8))
    if len(blob) != second + 11 + length + self._length(numbers, 8):
        return False
    if slice(blob, 0, 37) != MODEL or slice(blob, second, 11) != STATISTICS:
        return False
    if convert(extract32(blob, second + 11), uint256) >> (256 - 8 * length) != value:
        return False
    if not self._is_array(blob, second + 11 + length, numbers, 8):
        return False
    value, length = self._cbor(64, self._length(params, 4))
    if convert(extract32(blob, 37), uint256) >> (256 - 8 * length) != value:
        return False
    return self._is_array(blob, 37 + length, params, 4)


@internal
@pure
def _base_digest(blob: Bytes[16384], params: uint256) -> bytes32:
    """
    @notice Give the digest of the model with the same parameters that carries no statistics yet.
    """
    return sha256(concat(slice(blob, 0, self._second_at(params)), NO_STATISTICS))


@internal
@pure
def _statistic(blob: Bytes[16384], params: uint256, numbers: uint256, index: uint256) -> int256:
    """
    @notice Give one number of a model's statistics; the caller has checked that it is a model.
    """
    at: uint256 = self._statistics_at(params, numbers) + 8 * index
    return self._little(convert(slice(blob, at, 8), uint256))


@internal
@pure
def _vector_at(count: uint256, size: uint256) -> uint256:
    """
    @notice Give where the numbers of a vector begin.
    """
    value: uint256 = 0
    length: uint256 = 0
    value, length = self._head(count, size)
    return length
