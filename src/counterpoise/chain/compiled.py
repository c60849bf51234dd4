"""Compiled contracts: from the wheel when their sources are today's, else compiled and cached."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError

SOURCE_ROOT = Path(__file__).resolve().parents[2]
PACKAGE = SOURCE_ROOT / "counterpoise"
SHIPPED = Path(__file__).resolve().parent / "artifacts"
COMPILER = "vyper 0.4.3, evm cancun, optimize gas"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A contract's interface and code.

    Parameters
    ----------
    abi :
        The interface as the Ethereum ABI describes it in JSON.
    bytecode, runtime :
        The code that deploys, and the code that then lies on the chain.
    source_digest :
        SHA-256 over the compiler's name, its flags and every source file that was read.
    """

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    runtime: bytes
    source_digest: bytes
    sources: dict[str, str]

    def to_json(self) -> str:
        """Write the artifact as the file that is shipped."""
        record = {
            "abi": list(self.abi),
            "bytecode": self.bytecode.hex(),
            "compiler": COMPILER,
            "name": self.name,
            "runtime": self.runtime.hex(),
            "source_digest": self.source_digest.hex(),
            "sources": self.sources,
        }
        return json.dumps(record, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Artifact":
        """Read what `to_json` wrote."""
        record = json.loads(text)
        return cls(
            record["name"],
            tuple(record["abi"]),
            bytes.fromhex(record["bytecode"]),
            bytes.fromhex(record["runtime"]),
            bytes.fromhex(record["source_digest"]),
            record["sources"],
        )


def digest_of_sources(sources: dict[str, str]) -> bytes:
    """Digest a compilation's inputs: the compiler and each file's SHA-256, by path."""
    return sha256(canonical_json({"compiler": COMPILER, "sources": sources}))


def contract_path(name: str) -> Path:
    """Find the source of a contract of this package, `src/counterpoise/<room>/<Name>.vy`."""
    found = sorted(PACKAGE.rglob(f"{name}.vy")) if name[:1].isupper() else []
    if len(found) != 1:
        raise InputError(
            f"there {'is no' if not found else 'is more than one'} contract {name!r}",
            hint=f"there are {', '.join(path.stem for path in contract_paths())}",
        )
    return found[0]


def contract_paths() -> list[Path]:
    """Find every contract that deploys: the capitalised `.vy` files of all rooms."""
    found = (path for path in PACKAGE.rglob("*.vy") if path.stem[0].isupper())
    return sorted(found, key=lambda path: path.stem)


@cache
def artifact(name: str) -> Artifact:
    """Give a contract of this package, compiled.

    The shipped artifact is used if every source it was made from is unchanged; else the
    contract is compiled, once per version of its sources on this machine.
    """
    shipped = SHIPPED / f"{name}.json"
    return _current(shipped) or artifact_of(contract_path(name))


def artifact_of(path: Path) -> Artifact:
    """Compile one Vyper file, or give it from the user's cache if its sources are unchanged.

    Imports are looked for in the package's source root and beside the file.
    """
    from platformdirs import user_cache_path

    place = sha256(f"{SOURCE_ROOT}\0{path.resolve()}".encode()).hex()[:16]
    cached = user_cache_path("counterpoise") / "contracts" / f"{path.stem}-{place}.json"
    found = _current(cached, roots_of(path))
    if found is None:
        from counterpoise.chain.engines.vyper import compile_file

        found = compile_file(path)
        _write(cached, found.to_json())
    return found


def roots_of(path: Path) -> list[Path]:
    """Give the folders in which the imports of a Vyper file are looked for, in order."""
    folder = path.resolve().parent
    return [SOURCE_ROOT] if folder.is_relative_to(SOURCE_ROOT) else [SOURCE_ROOT, folder]


def _current(place: Path, roots: Sequence[Path] = (SOURCE_ROOT,)) -> Artifact | None:
    """Read an artifact if it is there, whole, and made from the sources as they are now."""
    try:
        found = Artifact.from_json(place.read_text())
    except (OSError, ValueError, KeyError):
        return None
    for name, digest in found.sources.items():
        files = [base / name for base in roots if (base / name).is_file()]
        if not files or sha256(files[0].read_bytes()).hex() != digest:
            return None
    same = found.source_digest == digest_of_sources(found.sources)
    return found if same else None


def _write(place: Path, text: str) -> None:
    """Write a cache file atomically; a cache that cannot be written is done without."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_suffix(f".{sha256(text.encode()).hex()[:8]}")
        fresh.write_text(text)
        fresh.replace(place)
    except OSError:
        return
