"""The verifier contract of zero-knowledge proofs: built once on a machine, then kept there."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoise.chain import Account, Artifact, Chain, Contract, deploy
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.verification.srs import make_development_srs
from counterpoise.verification.zk_key import engine

if TYPE_CHECKING:
    from counterpoise.verification.engines.ezkl import Circuit

RUNTIME = "b0dd90cfb16bae591a367e3bccf7b8d68427cbf5faa156dc99256554fe9ac747"
"""SHA-256 of the code of the verifier that was tested."""


def kept_verifier() -> Path:
    """Give the place where the built verifier is kept on this machine."""
    from platformdirs import user_cache_path

    return user_cache_path("counterpoise") / "zk" / "Halo2VerifierReusable.json"


def load_verifier(path: Path | None = None) -> Artifact:
    """Load the verifier that was built on this machine.

    Raises
    ------
    InputError :
        None was built.
    VerificationError :
        The file holds other code than what was tested.
    """
    place = path or kept_verifier()
    try:
        found = Artifact.from_json(place.read_text())
    except (OSError, ValueError, KeyError):
        raise InputError(
            "the verifier of zero-knowledge proofs was not built on this machine",
            hint="make zk, or counterpoise verification zk verifier --solc DIR; needs Node once",
        ) from None
    check_runtime(found.runtime)
    return found


def check_runtime(code: bytes) -> None:
    """Raise `VerificationError` unless code is that of the verifier that was tested.

    Parameters
    ----------
    code :
        As it lies on a chain.
    """
    if sha256(code).hex() != RUNTIME:
        raise VerificationError(
            f"a verifier with the digest {sha256(code).hex()}, {RUNTIME} was tested",
            hint="build it with ezkl==23.0.5 and solc 0.8.20: make zk",
        )


def build_verifier(solc: Path, path: Path | None = None) -> Path:
    """Have EZKL write the verifier and solc compile it, and keep it; gives where.

    Parameters
    ----------
    solc :
        Folder of the npm package solc, 0.8.20.

    Raises
    ------
    MissingExtra :
        EZKL or Node is not installed.
    VerificationError :
        Another source or another code came out than what was tested.
    """
    made_by = engine()
    from counterpoise.verification.engines.halo2 import compile_verifier

    with tempfile.TemporaryDirectory(prefix="counterpoise-") as scratch:
        folder = Path(scratch)
        circuit = _any_circuit(folder)
        made_by.write_verifier_source(circuit, folder / "verifier.sol")
        built = compile_verifier((folder / "verifier.sol").read_bytes(), solc)
    check_runtime(built.runtime)
    place = path or kept_verifier()
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_suffix(".part")
    fresh.write_text(json.dumps(json.loads(built.to_json()), indent=1) + "\n")
    fresh.replace(place)
    return place


def deploy_verifier(chain: Chain, account: Account) -> Contract:
    """Deploy the verifier; one serves all models of a chain."""
    return deploy(chain, account, load_verifier())


def _any_circuit(folder: Path) -> Circuit:
    """Make the keys of the least of nets: the verifier is the same for all."""
    import numpy as np

    from counterpoise.inference import Layer, Net
    from counterpoise.verification.zk_key import make_key

    net = Net((Layer(np.array([[1]]), np.array([0])),))
    make_development_srs(folder, 8)
    key = make_key(net, folder / "key", folder)
    made: Circuit = key.circuit()
    return made
