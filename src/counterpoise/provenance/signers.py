"""Keys that sign statements: chain accounts (secp256k1), P-256 and Ed25519.

| key | signs | signature | key id |
| --- | --- | --- | --- |
| chain account | keccak256 of the PAE | 65 bytes r, s, v; low s | checksum address |
| P-256 | SHA-256 of the PAE | DER; low s | ``p256:`` + SHA-256 of the SPKI in DER |
| Ed25519 | the PAE | 64 bytes | ``ed25519:`` + the public key |

A high-s twin of an ECDSA signature is refused everywhere: one signature, one byte string.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from counterpoise.core.digest import keccak, sha256
from counterpoise.core.errors import CounterpoiseError, InputError

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Verifier(Protocol):
    """A pinned public key."""

    @property
    def keyid(self) -> str:
        """The name of the key inside envelopes."""
        ...

    def verifies(self, pae: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's, over exactly these bytes."""
        ...


class Signer(Protocol):
    """A private key, wherever it is kept."""

    @property
    def keyid(self) -> str:
        """The name of the key inside envelopes."""
        ...

    @property
    def verifier(self) -> Verifier:
        """Its public side."""
        ...

    def sign(self, pae: bytes) -> bytes:
        """Sign these bytes."""
        ...


class ChainAccount(Protocol):
    """What is needed of a chain account: `counterpoise.chain.Account` has it."""

    @property
    def address(self) -> bytes:
        """The account's address, 20 bytes."""
        ...

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r, s, v over a 32-byte digest, with low s."""
        ...


class AddressVerifier:
    """Signatures of the chain account at `address` (20 bytes)."""

    def __init__(self, address: bytes) -> None:
        from counterpoise.core.units import to_checksum

        self.address = address
        self.keyid = to_checksum(address)

    def verifies(self, pae: bytes, signature: bytes) -> bool:
        """Whether the account signed keccak256 of these bytes."""
        from counterpoise.chain import recover

        try:
            return recover(keccak(pae), signature) == self.address
        except CounterpoiseError:
            return False


class AccountSigner:
    """A chain account as a signer of statements."""

    def __init__(self, account: ChainAccount) -> None:
        self._account = account
        self.verifier = AddressVerifier(account.address)
        self.keyid = self.verifier.keyid

    def sign(self, pae: bytes) -> bytes:
        """65 bytes over keccak256 of the PAE; it can be no transaction and no EIP-712 digest."""
        return self._account.sign_digest(keccak(pae))


class P256Verifier:
    """Signatures of a P-256 key, ECDSA with SHA-256."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        if not isinstance(key.curve, ec.SECP256R1):
            raise InputError(f"the key is on {key.curve.name}, not on P-256")
        spki = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key = key
        self.keyid = f"p256:{sha256(spki).hex()}"

    def verifies(self, pae: bytes, signature: bytes) -> bool:
        """Whether the key signed these bytes, with low s and in the one DER encoding."""
        try:
            r, s = decode_dss_signature(signature)
            if s > P256_ORDER // 2 or encode_dss_signature(r, s) != signature:
                return False
            self.key.verify(signature, pae, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


class P256Signer:
    """A P-256 private key, as stock signing tools use it."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.verifier = P256Verifier(key.public_key())
        self.keyid = self.verifier.keyid

    def sign(self, pae: bytes) -> bytes:
        """DER signature over SHA-256 of the bytes, with low s."""
        r, s = decode_dss_signature(self._key.sign(pae, ec.ECDSA(hashes.SHA256())))
        return encode_dss_signature(r, min(s, P256_ORDER - s))


def load_p256(path: Path) -> P256Signer:
    """Load a P-256 private key from a PEM file that is not encrypted.

    Raises
    ------
    InputError :
        There is no such file, or it holds another key.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as wrong:
        raise InputError(f"{path} holds no plain PEM private key: {wrong}") from wrong
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InputError(f"{path} holds no P-256 key")
    return P256Signer(key)


class Ed25519Verifier:
    """Signatures of an Ed25519 key given by its 32 public bytes."""

    def __init__(self, public: bytes) -> None:
        try:
            self._key = ed25519.Ed25519PublicKey.from_public_bytes(public)
        except ValueError as wrong:
            raise InputError(f"an Ed25519 public key has 32 bytes, not {len(public)}") from wrong
        self.public = public
        self.keyid = f"ed25519:{public.hex()}"

    def verifies(self, pae: bytes, signature: bytes) -> bool:
        """Whether the key signed these bytes."""
        try:
            self._key.verify(signature, pae)
        except InvalidSignature:
            return False
        return True


class Ed25519Signer:
    """An Ed25519 private key given by its 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise InputError(f"an Ed25519 seed has 32 bytes, not {len(seed)}")
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Ed25519Verifier(self._key.public_key().public_bytes_raw())
        self.keyid = self.verifier.keyid

    def sign(self, pae: bytes) -> bytes:
        """64 bytes over the bytes themselves (RFC 8032)."""
        return self._key.sign(pae)
