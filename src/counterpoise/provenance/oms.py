"""Export of a model's files for stock tools: OpenSSF Model Signing (OMS), one file per bundle.

A bundle is an in-toto statement in a DSSE envelope in a Sigstore bundle v0.3. The stock command
``model_signing verify key`` accepts it; nobody needs this package to check it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from counterpoise.provenance.signers import P256Signer


def export_model_signature(
    model: Path | str | Mapping[str, bytes | Path],
    key: P256Signer | ec.EllipticCurvePrivateKey,
    *,
    name: str = "",
) -> bytes:
    """Give the OMS bundle of a model: a folder, one file, or files by name."""
    raise NotImplementedError
