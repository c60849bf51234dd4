"""Exports that stock tools verify: OpenSSF Model Signing 1.0 (a Sigstore bundle, P-256 key).

The bundle is what ``model_signing sign key`` writes: an in-toto statement over the SHA-256 of
every file of a model's folder, in a DSSE envelope signed by one P-256 key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.provenance.envelope import pre_authentication_encoding
from counterpoise.provenance.signers import P256Signer, P256Verifier, p256_pem
from counterpoise.provenance.statement import PAYLOAD_TYPE, Statement, Subject, json_object

PREDICATE_TYPE = "https://model_signing/signature/v1.0"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
GIT_PATHS = (".git", ".gitattributes", ".github", ".gitignore")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model: its path below the folder, and its SHA-256."""

    name: str
    digest: bytes


def model_files(folder: Path, *, ignore: Iterable[str] = GIT_PATHS) -> list[ModelFile]:
    """Hash every file of a model's folder, in the order in which they are signed.

    Parameters
    ----------
    folder :
        The model.
    ignore :
        Paths below it to leave out, with all that is under them.

    Raises
    ------
    InputError :
        No folder, no file, a symbolic link, something that is no file, or a file that changed
        while it was hashed.
    """
    ignored = {PurePosixPath(name) for name in ignore}
    names = _names(folder, ignored)
    files = [ModelFile(str(name), _digest(folder / name)) for name in names]
    if _names(folder, ignored) != names:
        raise InputError(f"files came or went in {folder.name} while it was hashed", hint="again")
    if not files:
        raise InputError(f"there is no file in {folder}", hint="name the model's folder")
    return files


def model_digest(files: Iterable[ModelFile]) -> bytes:
    """Give the digest that names a model: SHA-256 over the files' digests, in order."""
    return sha256(b"".join(file.digest for file in files))


def export_model(folder: Path, signer: P256Signer, *, ignore: Iterable[str] = GIT_PATHS) -> bytes:
    """Sign a model so that ``model_signing verify key`` accepts it; give the bundle's bytes.

    Raises
    ------
    InputError :
        See `model_files`.
    """
    ignored = tuple(ignore)
    files = model_files(folder, ignore=ignored)
    statement = Statement(
        PREDICATE_TYPE,
        (Subject(folder.resolve().name, model_digest(files)),),
        {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": list(ignored),
            },
            "resources": [
                {"name": f.name, "algorithm": "sha256", "digest": f.digest.hex()} for f in files
            ],
        },
    )
    return _bundle(statement.to_bytes(), signer)


def check_model(folder: Path, bundle: bytes, key: P256Verifier) -> bytes:
    """Check a model against its bundle, ours or a stock tool's; give the model's digest.

    Raises
    ------
    VerificationError :
        A false signature, another key, or the first file that is missing, new or changed.
    InputError :
        Not such a bundle.
    """
    payload = _signed_payload(bundle, key)
    try:
        predicate, (subject,) = payload["predicate"], payload["subject"]
        ignored = predicate["serialization"].get("ignore_paths", ())
        wanted = {item["name"]: bytes.fromhex(item["digest"]) for item in predicate["resources"]}
        digest = bytes.fromhex(subject["digest"]["sha256"])
    except (KeyError, TypeError, ValueError) as wrong:
        raise InputError(f"the bundle's statement is malformed: {wrong}") from wrong
    if payload.get("predicateType") != PREDICATE_TYPE:
        raise InputError(f"the bundle holds a {payload.get('predicateType')!r}, not a model")
    files = model_files(folder, ignore=ignored)
    found = {file.name: file.digest for file in files}
    for name in sorted(found.keys() | wanted.keys()):
        if name not in found:
            raise VerificationError(f"{name} of the model is missing")
        if name not in wanted:
            raise VerificationError(f"{name} is in the model, and was not signed")
        if found[name] != wanted[name]:
            raise VerificationError(f"{name} of the model has changed since it was signed")
    if model_digest(files) != digest:
        raise VerificationError("the signed files do not hash to the signed model")
    return digest


def _bundle(payload: bytes, signer: P256Signer) -> bytes:
    signature = signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    hint = hashlib.sha256(p256_pem(signer.verifier.key)).hexdigest()
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(bundle, indent=1).encode() + b"\n"


def _signed_payload(bundle: bytes, key: P256Verifier) -> dict[str, Any]:
    """Give the statement of a bundle once its one signature is checked; a high s passes here."""
    document = json_object(bundle, "bundle")
    try:
        hint = document["verificationMaterial"]["publicKey"]["hint"]
        envelope = document["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        (signature,) = envelope["signatures"]
        sig, payload_type = (
            base64.b64decode(signature["sig"], validate=True),
            envelope["payloadType"],
        )
    except (KeyError, TypeError, ValueError) as wrong:
        raise InputError(f"this is no Sigstore bundle with a key: {wrong}") from wrong
    if hint != hashlib.sha256(p256_pem(key.key)).hexdigest():
        raise VerificationError("the bundle was signed with another key")
    if not key.verifies_either(pre_authentication_encoding(str(payload_type), payload), sig):
        raise VerificationError("the bundle's signature is false")
    return json_object(payload, "bundle's statement")


def _names(folder: Path, ignored: set[PurePosixPath]) -> list[PurePosixPath]:
    """Every file below a folder, in the order of path parts."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", hint="name the model's folder")
    names: list[PurePosixPath] = []
    pending = [PurePosixPath()]
    while pending:
        parent = pending.pop()
        with os.scandir(folder / parent) as found:
            for item in found:
                name = parent / item.name
                if name in ignored:
                    continue
                if item.is_symlink():
                    raise InputError(f"{name} is a symbolic link", hint="put the file in its place")
                if item.is_dir():
                    pending.append(name)
                elif item.is_file():
                    names.append(name)
                else:
                    raise InputError(f"{name} is neither a file nor a folder")
    return sorted(names)


def _digest(path: Path) -> bytes:
    """Hash one file, which must not change meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").digest()
            after = os.fstat(file.fileno())
        named = path.lstat()
    except OSError as failed:
        raise StorageError(f"{path.name} cannot be hashed: {failed.strerror}") from failed
    if not _state(before) == _state(after) == _state(named):
        raise InputError(f"{path.name} changed while it was hashed", hint="stop writing to it")
    return digest


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
