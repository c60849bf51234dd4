"""Export of a model's files for stock tools: an OpenSSF Model Signing (OMS) bundle.

A bundle is an in-toto statement about the digest of every file, in a DSSE envelope, in a Sigstore
bundle v0.3. The stock command ``model_signing verify key`` accepts it; who checks it needs
nothing of this package. The layout is that of the model_signing library 1.1.1.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError, StorageError
from counterpoise.provenance.envelope import pre_authentication_encoding
from counterpoise.provenance.signers import P256Signer, P256Verifier
from counterpoise.provenance.statement import PAYLOAD_TYPE, Statement, Subject

PREDICATE_TYPE = "https://model_signing/signature/v1.0"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
GIT_PATHS = (".git", ".gitattributes", ".github", ".gitignore")
"""What the stock command leaves out of every folder unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class _File:
    """A regular file as it was found: any write or exchange alters one of the numbers."""

    path: Path
    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, path: Path, found: os.stat_result) -> _File:
        times = (found.st_mtime_ns, found.st_ctime_ns)
        return cls(path, found.st_dev, found.st_ino, found.st_size, *times)


Files: TypeAlias = dict[PurePosixPath, bytes | _File]


def export_model_signature(
    model: Path | str | Mapping[str, bytes | Path],
    key: P256Signer | ec.EllipticCurvePrivateKey,
    *,
    name: str = "",
    ignore: Collection[str] = (),
) -> bytes:
    """Give the OMS bundle of a model, as it is written into a ``.sig`` file.

    Every file is hashed with SHA-256; the subject's digest is SHA-256 over these digests, in the
    order of the names. Git's own files at the top of a folder are left out, as the stock command
    does.

    Parameters
    ----------
    model :
        A folder, a single file, or contents (bytes, or the path of a file) by name. Names are
        relative, with ``/`` between their parts.
    key :
        A P-256 key: the only one that stock tools share with this package.
    name :
        A name for people; the folder's or the file's own where empty.
    ignore :
        Names of further files or folders to leave out, such as an older signature. They are
        written into the statement, and the stock command leaves them out as well.

    Returns
    -------
    bytes
        Canonical JSON. The signature in it is not deterministic.

    Raises
    ------
    InputError :
        There is no file, a link or a special file is among them, a name is not relative and
        plain, the files changed while they were hashed, or the key is not a P-256 key.
    StorageError :
        A file cannot be read.

    References
    ----------
    https://github.com/sigstore/model-transparency, ``model_signing/_signing/signing.py``.

    Examples
    --------
    >>> import json
    >>> from cryptography.hazmat.primitives.asymmetric import ec
    >>> key = ec.generate_private_key(ec.SECP256R1())
    >>> bundle = export_model_signature({"model.bin": b"weights"}, key, name="heart")
    >>> json.loads(bundle)["mediaType"]
    'application/vnd.dev.sigstore.bundle.v0.3+json'
    """
    signer = _signer(key)
    left_out = sorted({*GIT_PATHS, *(str(_plain(text)) for text in ignore)})
    if isinstance(model, Mapping):
        look, own_name = partial(_given, model, left_out), "model"
    else:
        look, own_name = partial(_found, Path(model), left_out), Path(model).resolve().name
    statement = _statement(name or own_name, _steady_digests(look), left_out)
    return _bundle(statement.to_bytes(), signer)


def public_key_pem(verifier: P256Verifier) -> bytes:
    """Give a public key as the stock command reads it (SPKI in PEM)."""
    return verifier.key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _signer(key: P256Signer | ec.EllipticCurvePrivateKey) -> P256Signer:
    if isinstance(key, P256Signer):
        return key
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InputError(f"a {type(key).__name__} is not a P-256 key")
    return P256Signer(key)


def _statement(name: str, digests: Mapping[PurePosixPath, bytes], left_out: list[str]) -> Statement:
    """The statement of OMS v1.0, resources in the order of their names' parts."""
    order = sorted(digests)
    predicate: dict[str, Any] = {
        "serialization": {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": left_out,
        },
        "resources": [
            {"name": str(path), "algorithm": "sha256", "digest": digests[path].hex()}
            for path in order
        ],
    }
    whole = sha256(b"".join(digests[path] for path in order))
    return Statement(PREDICATE_TYPE, (Subject(name, whole),), predicate)


def _bundle(payload: bytes, signer: P256Signer) -> bytes:
    """A Sigstore bundle with one signature and no entry in a log."""
    signature = signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    hint = sha256(public_key_pem(signer.verifier)).hex()
    return canonical_json(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"keyid": "", "sig": base64.b64encode(signature).decode()}],
            },
        }
    )


def _steady_digests(look: Callable[[], Files]) -> dict[PurePosixPath, bytes]:
    """Hash what `look` finds; it must find the same once all of it is hashed."""
    files = look()
    if not files:
        raise InputError("the model has no file", hint="name the folder that holds its files")
    with ThreadPoolExecutor() as pool:
        digests = dict(zip(files, pool.map(_digest, files.values()), strict=True))
    after = look()
    for name in sorted(files.keys() | after.keys()):
        if files.get(name) != after.get(name):
            raise _changed(str(name))
    return digests


def _digest(content: bytes | _File) -> bytes:
    if isinstance(content, bytes):
        return sha256(content)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with _reading(content.path), os.fdopen(os.open(content.path, flags), "rb") as file:
        if _File.of(content.path, os.fstat(file.fileno())) != content:
            raise _changed(str(content.path))
        return hashlib.file_digest(file, "sha256").digest()


def _given(model: Mapping[str, bytes | Path], left_out: list[str]) -> Files:
    """The files of a mapping; what the stock command would not look at is refused."""
    files: Files = {}
    for text, content in model.items():
        name = _plain(text)
        if _is_left_out(name, left_out):
            raise InputError(f"{text!r} is among the names that are left out of a model")
        files[name] = content if isinstance(content, bytes) else _regular(Path(content))
    for name in files:
        if not files.keys().isdisjoint(name.parents):
            raise InputError(f"a folder above {str(name)!r} is named as a file too")
    return files


def _found(root: Path, left_out: list[str]) -> Files:
    """The files below a folder; links and special files are refused wherever they are."""
    with _reading(root):
        if not stat.S_ISDIR(root.lstat().st_mode):
            return {PurePosixPath("."): _regular(root)}
        files: Files = {}
        for folder, below, names in os.walk(root, onerror=_raise):
            for entry in below:
                if Path(folder, entry).is_symlink():
                    raise _linked(Path(folder, entry))
            for entry in names:
                file = _regular(Path(folder, entry))
                name = PurePosixPath(file.path.relative_to(root))
                if not _is_left_out(name, left_out):
                    files[name] = file
        return files


def _regular(path: Path) -> _File:
    with _reading(path):
        found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise _linked(path)
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} is not a regular file", hint="move it out of the model")
    return _File.of(path, found)


def _plain(text: str) -> PurePosixPath:
    """Read a name that has one spelling and stays inside the model."""
    name = PurePosixPath(text)
    spelt = str(name) == text and text != "." and "\0" not in text
    if not spelt or name.is_absolute() or ".." in name.parts:
        raise InputError(
            f"{text!r} cannot name a file of a model", hint="a relative path such as layers/1.bin"
        )
    return name


def _is_left_out(name: PurePosixPath, left_out: list[str]) -> bool:
    return any(name.is_relative_to(other) for other in left_out)


def _linked(path: Path) -> InputError:
    return InputError(
        f"{path} is a symbolic link", hint="put the file itself there: a link can point elsewhere"
    )


def _changed(name: str) -> InputError:
    return InputError(
        f"{name} changed while the model was hashed", hint="export when nothing writes to it"
    )


def _raise(failed: OSError) -> None:
    raise failed


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one of the house."""
    try:
        yield
    except FileNotFoundError as missing:
        raise InputError(f"{missing.filename or path} is not there") from missing
    except OSError as failed:
        raise StorageError(
            f"{failed.filename or path} cannot be read: {failed.strerror}"
        ) from failed
