"""Keys that sign, and the recovery of who signed.

A signature is 65 bytes: r, s, and v as 27 or 28, with s in the lower half of the curve's
order, as contracts that refuse malleable signatures expect it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoise.chain import rlp
from counterpoise.chain.backend import LOCAL_CHAIN_IDS
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError

if TYPE_CHECKING:
    from coincurve import PrivateKey

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True, slots=True)
class Transaction:
    """The fields of an EIP-1559 transaction; `to` is None for a deployment. Amounts in wei."""

    chain_id: int
    nonce: int
    tip: int
    max_fee: int
    gas: int
    to: bytes | None
    value: int
    data: bytes

    def payload(self, *signature: int) -> bytes:
        """Give the typed envelope: unsigned to be hashed, or with y parity, r and s."""
        fields: list[rlp.Item] = [self.chain_id, self.nonce, self.tip, self.max_fee, self.gas]
        fields += [self.to or b"", self.value, self.data, []]
        return b"\x02" + rlp.encode([*fields, *signature])


class Account:
    """A secp256k1 key with its address.

    Parameters
    ----------
    key :
        The private key, 32 bytes.
    is_local :
        Whether the key is known to the world (a development key): such a key is never
        used on a public chain.

    Examples
    --------
    >>> Account.local(b"alice").address.hex()
    '206309af14aeaea57fcb2896e96ed2f1eab1448c'
    """

    __slots__ = ("_secret", "address", "is_local")

    def __init__(self, key: bytes, *, is_local: bool = False) -> None:
        if len(key) != 32 or not 0 < int.from_bytes(key, "big") < ORDER:
            raise InputError(
                f"a private key of {len(key)} bytes is not one of the curve",
                hint="give 32 bytes between 1 and the order of secp256k1",
            )
        from coincurve import PrivateKey

        self._secret: PrivateKey = PrivateKey(key)
        self.address = keccak(self._secret.public_key.format(compressed=False)[1:])[12:]
        self.is_local = is_local

    def __repr__(self) -> str:
        return f"Account(0x{self.address.hex()}{', local' if self.is_local else ''})"

    @property
    def key(self) -> bytes:
        """The private key itself, 32 bytes."""
        return bytes(self._secret.secret)

    @property
    def first_contract(self) -> bytes:
        """The address of the first contract it deploys, if that is the first thing it sends."""
        return keccak(b"\xd6\x94" + self.address + b"\x80")[12:]

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest; gives r, s and v (27 or 28), 65 bytes, s low."""
        if len(digest) != 32:
            raise InputError(f"a digest has 32 bytes, not {len(digest)}")
        signature = self._secret.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes((signature[64] + 27,))

    def sign_transaction(self, fields: Transaction) -> bytes:
        """Sign an EIP-1559 transaction and give the raw bytes to send."""
        signature = self._secret.sign_recoverable(keccak(fields.payload()), hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return fields.payload(signature[64], r, s)

    def check_allowed_on(self, chain_id: int) -> None:
        """Refuse a development key on a chain that is not a local one."""
        if self.is_local and chain_id not in LOCAL_CHAIN_IDS:
            raise InputError(
                f"{self!r} is a development key that anyone can derive; chain {chain_id} is public",
                hint="use a keystore file (counterpoise account new) or an environment variable",
            )

    @classmethod
    def local(cls, seed: bytes) -> Account:
        """Derive the development key of a seed: the same on every machine, and so no secret."""
        return cls(keccak(b"counterpoise local account\x00" + seed), is_local=True)

    @classmethod
    def from_environment(cls, name: str) -> Account:
        """Read a key in hex from an environment variable."""
        text = os.environ.get(name, "").strip().removeprefix("0x")
        if not text:
            raise InputError(
                f"the environment variable {name} is not set", hint=f"export {name}=0x…"
            )
        try:
            return cls(bytes.fromhex(text))
        except ValueError:
            raise InputError(f"the environment variable {name} holds no hex key") from None

    @classmethod
    def from_keystore(cls, path: Path, password: str) -> Account:
        """Decrypt a keystore file (version 3)."""
        from counterpoise.chain.engines.keystore import decrypt

        return cls(decrypt(Path(path), password))


def recover(digest: bytes, signature: bytes) -> bytes:
    """Give the address that signed a digest.

    Raises
    ------
    VerificationError :
        The signature has not 65 bytes, its v is neither 27 nor 28, its s is high (the second,
        malleable form), or no key fits it.
    """
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise VerificationError("a signature has 65 bytes, the last of them 27 or 28")
    if not 0 < int.from_bytes(signature[32:64], "big") <= ORDER // 2:
        raise VerificationError("the signature is of the high-s form, which anyone can make")
    from coincurve import PublicKey

    try:
        public = PublicKey.from_signature_and_message(
            signature[:64] + bytes((signature[64] - 27,)), digest, hasher=None
        )
    except ValueError as error:
        raise VerificationError(f"no key made this signature: {error}") from None
    return keccak(public.format(compressed=False)[1:])[12:]
