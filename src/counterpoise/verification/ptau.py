"""Makes an SRS of a public powers-of-tau file (`.ptau`, prepared for phase 2), checking it.

The points are in both files in the same form and are copied untouched; only the Lagrange points
change their order, since the two libraries count the roots of unity from different generators.
A file whose BLAKE2b is pinned below is of a public ceremony with many contributors; any other
file is checked just as well, but who made it may know its secret.

References
----------
snarkjs, the formats and digests of ``powersOfTau28_hez_final_KK.ptau``; iden3 binary files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.verification import bn254
from counterpoise.verification.srs import LARGEST, LEAST, UNKNOWN, Srs, keep_srs

G2 = (
    10857046999023057135944570762232829481370756359578518086990519993285655852781,
    11559732032986387107991004021392285783925812861821192530917403151452391805634,
    8495653923123431417604973247489272438418190587263600148770280649306958101930,
    4082367875863433681332203403145435568316851327593401208105741076214120093531,
)
"""The generator of G2: real and imaginary part of x, then of y."""

CEREMONY = {
    "powersOfTau28_hez_final_10.ptau": (
        "6cfeb8cda92453099d20120bdd0e8a5c4e7706c2da9a8f09ccc157ed2464d921"
        "fd0437fb70db42104769efd7d6f3c1f964bcf448c455eab6f6c7d863e88a5849"
    ),
    "powersOfTau28_hez_final_11.ptau": (
        "47c282116b892e5ac92ca238578006e31a47e7c7e70f0baa8b687f0a5203e28e"
        "a07bbbec765a98dcd654bad618475d4661bfaec3bd9ad2ed12e7abc251d94d33"
    ),
    "powersOfTau28_hez_final_12.ptau": (
        "ded2694169b7b08e898f736d5de95af87c3f1a64594013351b1a796dbee393bd"
        "825f88f9468c84505ddd11eb0b1465ac9b43b9064aa8ec97f2b73e04758b8a4a"
    ),
    "powersOfTau28_hez_final_15.ptau": (
        "982372c867d229c236091f767e703253249a9b432c1710b4f326306bfa2428a1"
        "7b06240359606cfe4d580b10a5a1f63fbed499527069c18ae17060472969ae6e"
    ),
}
"""BLAKE2b-512 of files of the ceremony that snarkjs points to."""

TAU_G1, TAU_G2, LAGRANGE = 2, 3, 12
OF_SNARKJS, OF_HALO2 = 5, 7  # the generators from which each counts its roots of unity
POINT = 64


@dataclass(frozen=True, slots=True)
class Sections:
    """Where the parts of an opened file lie: start and length by their number."""

    file: BinaryIO
    places: Mapping[int, tuple[int, int]]

    def read(self, section: int, start: int, length: int) -> bytes:
        """Read bytes of a section."""
        if section not in self.places:
            raise InputError(
                f"the file has no section {section}",
                hint="take a file that is prepared for phase 2 (its name ends in _final_KK.ptau)",
            )
        at, size = self.places[section]
        if start + length > size:
            raise InputError(
                f"section {section} has {size} bytes, {start + length} wanted",
                hint="take the file of a larger power, or fewer rows",
            )
        self.file.seek(at + start)
        return self.file.read(length)


def import_ptau(
    source: Path, folder: Path, logrows: int, pins: Mapping[str, str] | None = None
) -> Srs:
    """Make ``<logrows>.srs`` in a folder of a powers-of-tau file.

    Parameters
    ----------
    pins :
        BLAKE2b-512 in hex of the files of trusted ceremonies, by name; None for `CEREMONY`.

    Raises
    ------
    InputError :
        It is no such file, not prepared, or too small.
    VerificationError :
        Its points are not the powers of one secret.
    """
    if not LEAST <= logrows <= LARGEST:
        raise InputError(f"2**{logrows} rows, {LEAST} to {LARGEST} wanted")
    trusted = CEREMONY if pins is None else pins
    try:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "blake2b").hexdigest()
            data = _converted(_sections(file), logrows)
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None
    names = [name for name, known in trusted.items() if known == digest]
    return keep_srs(folder, logrows, data, names[0] if names else UNKNOWN)


def _sections(file: BinaryIO) -> Sections:
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"ptau" or len(head) != 12:
        raise InputError(
            "this is no powers-of-tau file", hint="take powersOfTau28_hez_final_12.ptau, or larger"
        )
    places = {}
    for _ in range(int.from_bytes(head[8:], "little")):
        entry = file.read(12)
        kind, length = int.from_bytes(entry[:4], "little"), int.from_bytes(entry[4:], "little")
        places[kind] = (file.tell(), length)
        file.seek(length, 1)
    return Sections(file, places)


def _converted(file: Sections, logrows: int) -> bytes:
    rows = 1 << logrows
    powers = file.read(TAU_G1, 0, rows * POINT)
    block = file.read(LAGRANGE, (rows - 1) * POINT, rows * POINT)
    second = file.read(TAU_G2, 0, 4 * POINT)
    step = bn254.exponent(
        bn254.root_of_unity(OF_SNARKJS, logrows), bn254.root_of_unity(OF_HALO2, logrows), logrows
    )
    places = [row * step % rows * POINT for row in range(rows)]
    ordered = b"".join(block[at : at + POINT] for at in places)
    check_srs(powers, ordered, second)
    return logrows.to_bytes(4, "little") + powers + ordered + second


def check_srs(powers: bytes, lagrange: bytes, second: bytes) -> None:
    """Check that every point is of one secret tau.

    The first powers are the generators. The pairing ties each power to the next, all at once
    under weights that follow from the file. The Lagrange points sum to the generator and give a
    polynomial the value that the powers give it, for coefficients that follow from the file.

    Raises
    ------
    VerificationError :
        They are not, with what is wrong.
    """
    from counterpoise.verification.engines.pairing import is_on_twist, same_ratio

    points, values = bn254.read_points(powers), bn254.read_points(lagrange)
    g2, tau_g2 = (_twisted(second[at : at + 2 * POINT]) for at in (0, 2 * POINT))
    if points[0] != bn254.GENERATOR or g2 != G2:
        raise VerificationError("the first powers are not the generators of BN254")
    if not is_on_twist(tau_g2):
        raise VerificationError("tau * G2 is not on the curve")
    if points[1] in (points[0], (0, 0)):
        raise VerificationError("tau is 0 or 1: there is no secret")
    seed = sha256(sha256(powers) + sha256(lagrange) + sha256(second))
    weights = [
        int.from_bytes(sha256(seed + row.to_bytes(4, "big"))[:16], "big")
        for row in range(len(points))
    ]
    before = bn254.weighted(weights[1:], points[:-1])
    after = bn254.weighted(weights[1:], points[1:])
    if not same_ratio(after, g2, before, tau_g2):
        raise VerificationError("the powers in G1 and G2 are not those of one secret")
    if bn254.total(values) != points[0]:
        raise VerificationError("the Lagrange points do not sum to the generator")
    root = bn254.root_of_unity(OF_HALO2, (len(points) - 1).bit_length())
    if bn254.weighted(bn254.evaluate(weights, root), values) != bn254.weighted(weights, points):
        raise VerificationError("the Lagrange points are not those of the powers")


def _twisted(data: bytes) -> tuple[int, int, int, int]:
    undo = pow(1 << 256, -1, bn254.Q)
    a, b, c, d = (
        int.from_bytes(data[at : at + 32], "little") * undo % bn254.Q for at in range(0, 128, 32)
    )
    return a, b, c, d
