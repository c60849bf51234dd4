"""Arguments, results and events between Python values and bytes, without web3's slow path.

Addresses are 20 bytes both ways, `bytesN` are bytes, structs are tuples. Static values decode
by slicing words; whatever is dynamic goes through eth-abi.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError

WORD = 32
WordDecoder = Callable[[bytes], Any]


def type_of(parameter: dict[str, Any]) -> str:
    """Give a parameter's canonical type, structs written as tuples.

    >>> type_of({"type": "tuple[]", "components": [{"type": "address"}, {"type": "uint256"}]})
    '(address,uint256)[]'
    """
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(type_of(part) for part in parameter["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def selector(name: str, types: Sequence[str]) -> bytes:
    """Give the four bytes that name a function.

    >>> selector("transfer", ["address", "uint256"]).hex()
    'a9059cbb'
    """
    return keccak(f"{name}({','.join(types)})".encode())[:4]


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """Encode values; `InputError` names the types when one does not fit."""
    words = [_word_of(kind, value) for kind, value in zip(types, values, strict=False)]
    if len(types) == len(values) and None not in words:
        return b"".join(word for word in words if word is not None)
    return _encode_any(types, values)


def _word_of(kind: str, value: Any) -> bytes | None:
    """Give the word of a plain value; None for what eth-abi shall encode or refuse."""
    if type(value) is int and kind.startswith("uint") and kind[4:].isdigit():
        return value.to_bytes(WORD, "big") if 0 <= value < 1 << int(kind[4:]) else None
    if type(value) is bytes and kind == "address":
        return value.rjust(WORD, b"\0") if len(value) == 20 else None
    if type(value) is bytes and kind == "bytes32":
        return value if len(value) == WORD else None
    return None


def _encode_any(types: Sequence[str], values: Sequence[Any]) -> bytes:
    from eth_abi.exceptions import EncodingError
    from eth_abi.exceptions import ParseError as BadType

    if len(types) != len(values):
        raise InputError(f"{len(values)} values were given for ({','.join(types)})")
    try:
        return bytes(_codec().encode(list(types), list(values)))
    except (EncodingError, BadType, TypeError) as error:
        raise InputError(f"the values do not fit ({','.join(types)}): {error}") from None


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Decode values; `InputError` if the bytes are not an encoding of these types."""
    return decoder(tuple(types))(data)


@cache
def decoder(types: tuple[str, ...]) -> Callable[[bytes], tuple[Any, ...]]:
    """Build the decoder of one list of types, once."""
    words = [_word_decoder(kind) for kind in types]
    if any(word is None for word in words):
        return _eth_abi_decoder(types)
    simple = [(i * WORD, word) for i, word in enumerate(words) if word is not None]
    size = WORD * len(words)

    def decode_words(data: bytes) -> tuple[Any, ...]:
        if len(data) < size:
            raise InputError(f"{len(data)} bytes are too few for ({','.join(types)})")
        return tuple(word(data[at : at + WORD]) for at, word in simple)

    return decode_words


def _eth_abi_decoder(types: tuple[str, ...]) -> Callable[[bytes], tuple[Any, ...]]:
    from eth_abi.decoding import ContextFramesBytesIO, TupleDecoder
    from eth_abi.exceptions import DecodingError

    registry = _codec()._registry
    build: Any = TupleDecoder
    stream: Any = ContextFramesBytesIO
    whole = build(decoders=[registry.get_decoder(kind) for kind in types])

    def decode_whole(data: bytes) -> tuple[Any, ...]:
        try:
            return tuple(whole(stream(data)))
        except (DecodingError, OverflowError, UnicodeDecodeError) as error:
            raise InputError(
                f"the bytes are not an encoding of ({','.join(types)}): {error}"
            ) from None

    return decode_whole


def _bad(kind: str, word: bytes) -> InputError:
    return InputError(f"the word 0x{word.hex()} is no {kind}")


def _word_decoder(kind: str) -> WordDecoder | None:
    """Give the strict decoder of a one-word type, None for what is longer or dynamic."""

    def address(word: bytes) -> bytes:
        if word[:12] != bytes(12):
            raise _bad(kind, word)
        return word[12:]

    def boolean(word: bytes) -> bool:
        if word[:31] != bytes(31) or word[31] > 1:
            raise _bad(kind, word)
        return word[31] == 1

    if kind == "address":
        return address
    if kind == "bool":
        return boolean
    for prefix, build in (("uint", _unsigned), ("int", _signed), ("bytes", _fixed_bytes)):
        size = kind.removeprefix(prefix)
        if kind.startswith(prefix) and size.isdigit():
            return build(kind, int(size))
    return None


def _unsigned(kind: str, bits: int) -> WordDecoder:
    def unsigned(word: bytes) -> int:
        value = int.from_bytes(word, "big")
        if value >> bits:
            raise _bad(kind, word)
        return value

    return unsigned


def _signed(kind: str, bits: int) -> WordDecoder:
    limit = 1 << (bits - 1)

    def signed(word: bytes) -> int:
        value = int.from_bytes(word, "big", signed=True)
        if not -limit <= value < limit:
            raise _bad(kind, word)
        return value

    return signed


def _fixed_bytes(kind: str, size: int) -> WordDecoder:
    padding = bytes(WORD - size)

    def fixed(word: bytes) -> bytes:
        if word[size:] != padding:
            raise _bad(kind, word)
        return word[:size]

    return fixed


@cache
def _codec() -> Any:
    """Build eth-abi's codec, with addresses as 20 bytes."""
    from eth_abi import codec, decoding, registry

    plain: Any = registry
    fields = {"decoder_fn": staticmethod(bytes)}
    raw_address = type("RawAddress", (decoding.AddressDecoder,), fields)
    own = plain.registry.copy()
    own.unregister_decoder("address")
    own.register_decoder(plain.BaseEquals("address"), raw_address, label="address")
    return codec.ABICodec(own)
