"""Signed notes: a text, an empty line, and signature lines (C2SP signed-note).

The parser is strict: what it accepts, it writes back byte for byte.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_NOTE = 65_536
MAX_SIGNATURES = 32


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name, its 4-byte id, and the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A verifier key: a name, a signature type and an Ed25519 public key.

    Parameters
    ----------
    name :
        A URL without schema, spaces or ``+``, such as ``"counterpoise.network/log"``.
    public :
        32 bytes.
    kind :
        `ED25519` for a log's own key, `COSIGNATURE` for a witness's.
    """

    name: str
    public: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public) != 32 or self.kind not in (ED25519, COSIGNATURE):
            raise InputError(f"the key {self.name!r} is not Ed25519 with 32 bytes")

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256 over name, newline, type and public key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public)[:4]

    @property
    def vkey(self) -> str:
        """The key as text: ``name+hex(id)+base64(type, public)``."""
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def from_vkey(cls, vkey: str) -> NoteKey:
        """Read a key from its text; an id that does not fit the key is refused."""
        parts = vkey.split("+", 2)
        if len(parts) != 3:
            raise InputError(f"{vkey!r} is not a verifier key", hint="name+id+base64, as in vkey")
        try:
            material = base64.b64decode(parts[2], validate=True)
        except (binascii.Error, ValueError) as wrong:
            raise InputError(f"the verifier key of {parts[0]!r} is not base64") from wrong
        key = cls(parts[0], material[1:], material[0] if material else 0)
        if key.vkey != vkey:
            raise InputError(f"the verifier key of {parts[0]!r} does not fit its id")
        return key

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's, over exactly these bytes."""
        try:
            key = ed25519.Ed25519PublicKey.from_public_bytes(self.public)
            key.verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def ed25519_key(seed: bytes) -> ed25519.Ed25519PrivateKey:
    """The private key of a 32-byte seed."""
    if len(seed) != 32:
        raise InputError(f"an Ed25519 seed has 32 bytes, not {len(seed)}")
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def log_vkey(origin: str, key: bytes) -> str:
    """The verifier key of the log that `origin` names and the 32-byte seed `key` signs."""
    return NoteKey(origin, ed25519_key(key).public_key().public_bytes_raw()).vkey


def check_name(name: str) -> None:
    """Refuse a key name that is empty or holds a space, a plus or a control character."""
    if not name or "+" in name or any(c.isspace() or not c.isprintable() for c in name):
        raise InputError(
            f"{name!r} cannot name a key or a log", hint="a URL without schema, spaces or plus"
        )


def parse_note(data: bytes) -> tuple[bytes, tuple[NoteSignature, ...]]:
    """Divide a note into its text (with its last newline) and its signatures, unverified.

    Raises
    ------
    VerificationError :
        Not a signed note: bad UTF-8, a control character such as CR, no empty line, no
        signature, a malformed or doubled signature line, or too long.
    """
    if len(data) > MAX_NOTE:
        raise VerificationError(f"the note has {len(data)} bytes, more than {MAX_NOTE}")
    try:
        text = data.decode()
    except UnicodeDecodeError as wrong:
        raise VerificationError("the note is not UTF-8") from wrong
    if re.search(r"[\x00-\x09\x0b-\x1f]", text):
        raise VerificationError("the note holds a control character other than newline")
    body, gap, lines = text.rpartition("\n\n")
    if not gap or not body or not lines.endswith("\n"):
        raise VerificationError("the note has no signature after an empty line")
    signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MAX_SIGNATURES:
        raise VerificationError(f"the note has {len(signatures)} signatures, at most 32 are read")
    if len({(s.name, s.key_id) for s in signatures}) != len(signatures):
        raise VerificationError("the note is signed twice by one key")
    return body.encode() + b"\n", signatures


def write_note(body: bytes, signatures: tuple[NoteSignature, ...]) -> bytes:
    """A note's bytes from its text and signatures."""
    return body + b"\n" + "".join(s.line() for s in signatures).encode()


def strict_base64(text: str, what: str) -> bytes:
    """Standard base64 with padding, in the one way it can be written.

    Raises
    ------
    VerificationError :
        It could be written differently, or is not base64.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise VerificationError(f"the {what} is not base64") from wrong
    if base64.b64encode(data).decode() != text:
        raise VerificationError(f"the {what} is base64 with stray bits")
    return data


def strict_decimal(text: str, what: str, *, limit: int = 1 << 63) -> int:
    """An ASCII decimal without leading zeros, below `limit`."""
    if re.fullmatch(r"0|[1-9][0-9]{0,19}", text, re.ASCII) is None or int(text) >= limit:
        raise VerificationError(f"the {what} {text!r:.40} is not a plain decimal")
    return int(text)


def _signature(line: str) -> NoteSignature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise VerificationError(f"{line!r:.60} is not a signature line")
    try:
        check_name(parts[1])
    except InputError as wrong:
        raise VerificationError(wrong.message) from wrong
    blob = strict_base64(parts[2], "signature")
    if len(blob) < 5:
        raise VerificationError(f"the signature of {parts[1]} has {len(blob)} bytes")
    return NoteSignature(parts[1], blob[:4], blob[4:])
