"""Structured reference strings: files whose maker must have forgotten a secret.

The file EZKL reads holds, little-endian and in Montgomery form: ``k`` (u32), then ``n = 2**k``
points ``tau**i * G1``, n Lagrange points, and ``G2``, ``tau * G2``. Beside ``15.srs`` lies
``15.json`` with where it came from; without that the origin is unknown, which is as good as
development: whoever made it may know the secret, and can forge.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from counterpoise.core.digest import keccak, sha256
from counterpoise.core.errors import InputError

Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""The order of the field in which the points of BN254 have their coordinates."""

DEVELOPMENT, UNKNOWN = "development", "unknown"
LEAST, LARGEST = 4, 20
_UNDO = pow(1 << 256, -1, Q)


@dataclass(frozen=True, slots=True)
class Srs:
    """One file.

    Parameters
    ----------
    logrows :
        It serves circuits of up to ``2**logrows`` rows.
    digest :
        SHA-256 of the file: what is pinned for a model.
    points :
        Keccak-256 of the two G2 points as a verifying key holds them; the same for all sizes of
        one ceremony. `ZkProofs` compares it.
    origin :
        The name of the ceremony's file, or ``development``, or ``unknown``.
    """

    path: Path
    logrows: int
    digest: bytes
    points: bytes
    origin: str

    @property
    def is_development(self) -> bool:
        """Whether somebody may know the secret."""
        return self.origin in (DEVELOPMENT, UNKNOWN)


def load_srs(path: Path) -> Srs:
    """Load what there is to know of an SRS file.

    Raises
    ------
    InputError :
        There is no such file, or its length does not fit the number of rows it announces.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"no SRS at {path}: {error.strerror}",
            hint="counterpoise verification srs import FILE.ptau, or srs development",
        ) from None
    logrows = int.from_bytes(data[:4], "little")
    if not LEAST <= logrows <= 28 or len(data) != 4 + 128 * 2**logrows + 256:
        raise InputError(
            f"{path} is no SRS: {len(data)} bytes with k = {logrows}",
            hint="counterpoise verification srs import FILE.ptau",
        )
    digest = sha256(data)
    return Srs(path, logrows, digest, points_digest(data[-256:]), _origin(path, digest))


def find_srs(folder: Path, logrows: int) -> Srs:
    """Find the least SRS of a folder that serves a circuit of ``2**logrows`` rows."""
    for size in range(logrows, LARGEST + 1):
        if (folder / f"{size}.srs").is_file():
            return load_srs(folder / f"{size}.srs")
    raise InputError(
        f"no SRS in {folder} serves 2**{logrows} rows",
        hint=f"counterpoise verification srs import FILE.ptau --rows {logrows} --to {folder}",
    )


def keep_srs(folder: Path, logrows: int, data: bytes, origin: str) -> Srs:
    """Write an SRS with its origin into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{logrows}.srs"
    fresh = path.with_suffix(".part")
    fresh.write_bytes(data)
    record = {"origin": origin, "rows": logrows, "sha256": sha256(data).hex()}
    path.with_suffix(".json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    fresh.replace(path)
    return load_srs(path)


def make_development_srs(folder: Path, logrows: int) -> Srs:
    """Make an SRS to develop with; never for production: its maker can forge any proof.

    Raises
    ------
    MissingExtra :
        EZKL is not installed.
    """
    if not LEAST <= logrows <= LARGEST:
        raise InputError(f"2**{logrows} rows, {LEAST} to {LARGEST} wanted")
    from counterpoise.verification.zk_key import engine

    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f"{logrows}.fresh"
    engine().write_development_srs(scratch, logrows)
    data = scratch.read_bytes()
    scratch.unlink()
    return keep_srs(folder, logrows, data, DEVELOPMENT)


def points_digest(tail: bytes) -> bytes:
    """Give the digest of ``G2, tau * G2`` as the verifier's key has them: the second negated.

    >>> points_digest(bytes(256)).hex()[:8]
    'd397b3b0'
    """
    numbers = [int.from_bytes(tail[at : at + 32], "little") * _UNDO % Q for at in range(0, 256, 32)]
    numbers[6:] = [-y % Q for y in numbers[6:]]
    order = (1, 0, 3, 2, 5, 4, 7, 6)  # the EVM puts the imaginary part first
    return keccak(b"".join(numbers[at].to_bytes(32, "big") for at in order))


def _origin(path: Path, digest: bytes) -> str:
    try:
        record = json.loads(path.with_suffix(".json").read_text())
    except (OSError, ValueError):
        return UNKNOWN
    if not isinstance(record, dict) or record.get("sha256") != digest.hex():
        return UNKNOWN
    return str(record.get("origin", UNKNOWN))
