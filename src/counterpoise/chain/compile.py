"""Rewrite the shipped artifacts: `python -m counterpoise.chain.compile [NAME ...]`."""

import sys

from counterpoise.chain.compiled import SHIPPED, Artifact, contract_paths
from counterpoise.core.errors import InputError

MAX_RUNTIME = 20_000


def compile_all() -> list[Artifact]:
    """Compile every contract of the package afresh, in order of name."""
    from counterpoise.chain.engines.vyper import compile_file

    return [compile_file(path) for path in contract_paths()]


def write_artifacts() -> list[Artifact]:
    """Compile every contract and write the files that the wheel carries; delete stale ones."""
    built = compile_all()
    SHIPPED.mkdir(exist_ok=True)
    for old in SHIPPED.glob("*.json"):
        if old.stem not in {one.name for one in built}:
            old.unlink()
    for one in built:
        (SHIPPED / f"{one.name}.json").write_text(one.to_json())
    return built


def differing(built: list[Artifact]) -> list[str]:
    """Give the names of contracts whose shipped artifact is not what was built."""
    files = {path.stem: path.read_text() for path in SHIPPED.glob("*.json")}
    wanted = {one.name: one.to_json() for one in built}
    return sorted(name for name in files | wanted if files.get(name) != wanted.get(name))


def write_some(names: list[str]) -> None:
    """Compile a few contracts, by name, and write their files; leave the others alone."""
    from counterpoise.chain.engines.vyper import compile_file

    paths = {path.stem: path for path in contract_paths()}
    for name in names:
        if name not in paths:
            raise InputError(f"no contract {name!r}", hint=f"choose from {', '.join(paths)}")
        (SHIPPED / f"{name}.json").write_text(compile_file(paths[name]).to_json())


if __name__ == "__main__":
    write_some(sys.argv[1:]) if sys.argv[1:] else write_artifacts()
