"""The proving key of a model: made from published settings, so that anyone makes the same again.

DIR/model.onnx       the net, as a graph of exact integers
DIR/settings.json    how the circuit is laid out; published with the model
DIR/key.json         the digests that are pinned on chain
DIR/pk, vk, vka, circuit      made from the above and the SRS
"""

from __future__ import annotations

import importlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from counterpoise.core.digest import keccak, sha256
from counterpoise.core.errors import InputError, MissingExtra, VerificationError
from counterpoise.inference import IntegerModel, Net
from counterpoise.verification.srs import Srs, find_srs, load_srs

MADE = ("model.onnx", "settings.json", "circuit", "pk", "vk", "vka")


def engine() -> ModuleType:
    """Give the engine of proofs.

    Raises
    ------
    MissingExtra :
        EZKL is not installed.
    """
    try:
        return importlib.import_module("counterpoise.verification.engines.ezkl")
    except ModuleNotFoundError as missing:
        raise MissingExtra(missing.name or "ezkl", extra="zk") from missing


@dataclass(frozen=True, slots=True)
class ZkKey:
    """What proves and verifies a model's answers.

    Parameters
    ----------
    folder :
        Where its files lie.
    model :
        Id of the model.
    words :
        The verifying key as the contract takes it, 32 bytes each.
    settings :
        SHA-256 of ``settings.json``.
    srs :
        What it was made with.
    """

    folder: Path
    model: bytes
    words: tuple[bytes, ...]
    settings: bytes
    srs: Srs

    @property
    def digest(self) -> bytes:
        """The digest of the words: what is pinned on chain."""
        return keccak(b"".join(self.words))

    def circuit(self) -> Any:
        """Give the engine's circuit over the files of this key."""
        return engine().Circuit(self.folder, self.srs.path)

    def record(self) -> dict[str, Any]:
        """Give the public facts, for ``key.json`` and for people."""
        return {
            "model": self.model.hex(),
            "digest": self.digest.hex(),
            "settings": self.settings.hex(),
            "srs": self.srs.digest.hex(),
            "srs_file": str(self.srs.path.resolve()),
            "srs_origin": self.srs.origin,
            "ceremony": self.srs.points.hex(),
            "words": len(self.words),
        }


def make_key(
    model: IntegerModel, folder: Path, srs_folder: Path, settings: bytes | None = None
) -> ZkKey:
    """Make the keys of a net, in a folder that must not hold other ones.

    Parameters
    ----------
    srs_folder :
        Where SRS files lie, as `make_development_srs` and `import_ptau` write them.
    settings :
        Published settings to make the same key again; None to choose them. What the engine
        chooses differs from time to time, what it makes of one choice does not.

    Raises
    ------
    MissingExtra :
        EZKL is not installed.
    InputError :
        The model is no net, its values are beyond the circuit's, or no SRS is large enough.
    """
    if not isinstance(model, Net):
        raise InputError(
            "only nets are proven in zero knowledge, this is a forest",
            hint="ask for the answer at level quorum, optimistic or direct",
        )
    made_by = engine()
    from counterpoise.verification.engines.onnx_circuit import circuit_onnx

    graph = circuit_onnx(model)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "key.json").is_file() and load_key(folder).model != model.id:
        raise InputError(f"{folder} holds the key of another model", hint="choose another folder")
    with tempfile.TemporaryDirectory(dir=folder, prefix="fresh-") as scratch:
        place = Path(scratch)
        (place / "model.onnx").write_bytes(graph)
        if settings is None:
            logrows = made_by.Circuit(place, place).write_settings()
        else:
            (place / "settings.json").write_bytes(settings)
            logrows = _rows_of(settings)
        srs = find_srs(srs_folder, logrows)
        words = made_by.Circuit(place, srs.path).make_keys()
        for name in MADE:
            shutil.move(place / name, folder / name)
    kept = sha256((folder / "settings.json").read_bytes())
    key = ZkKey(folder, model.id, tuple(words), kept, srs)
    (folder / "key.json").write_text(json.dumps(key.record(), indent=1, sort_keys=True) + "\n")
    return key


def load_key(folder: Path) -> ZkKey:
    """Load a key that `make_key` made.

    Raises
    ------
    InputError :
        There is none, or files are missing.
    VerificationError :
        A file is not the one that was made.
    """
    try:
        record = json.loads((folder / "key.json").read_text())
        settings = sha256((folder / "settings.json").read_bytes())
        data = (folder / "vka").read_bytes()
        srs = load_srs(Path(record["srs_file"]))
        found = [bytes.fromhex(record[name]) for name in ("model", "digest", "settings", "srs")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} holds no proving key: {error}",
            hint="counterpoise verification zk setup MODEL --to DIR",
        ) from None
    words = tuple(data[at : at + 32] for at in range(8, len(data), 32))
    key = ZkKey(folder, found[0], words, settings, srs)
    if [key.digest, settings, srs.digest] != found[1:]:
        raise VerificationError(
            f"the files in {folder} are not those that key.json names",
            hint="make the key again from the published settings",
        )
    return key


def check_key(
    model: IntegerModel, settings: bytes, srs_folder: Path, digest: bytes, srs: bytes
) -> None:
    """Check that a pinned key is the one that a model, its settings and the SRS make.

    Raises
    ------
    VerificationError :
        Another key is made of them: who pinned it may have pinned another model's.
    """
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as scratch:
        made = make_key(model, Path(scratch), srs_folder, settings)
        if made.srs.digest != srs:
            raise VerificationError(
                f"the SRS at hand is {made.srs.digest.hex()}, {srs.hex()} is pinned",
                hint="take the SRS of the same size and ceremony",
            )
        if made.digest != digest:
            raise VerificationError(
                f"the model and its settings make the key {made.digest.hex()}, "
                f"{digest.hex()} is pinned: do not rely on proofs under it"
            )


def _rows_of(settings: bytes) -> int:
    try:
        return int(json.loads(settings)["run_args"]["logrows"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"these are no settings of a circuit: {error}") from None
