"""The Vyper compiler, called in process."""

import warnings
from pathlib import Path

import vyper
from vyper.compiler import CompilerData
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.output import build_abi_output
from vyper.compiler.settings import OptimizationLevel, Settings
from vyper.exceptions import VyperException
from vyper.warnings import VyperWarning

from counterpoise.chain.compiled import COMPILER, Artifact, digest_of_sources, roots_of
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError


def compile_file(path: Path) -> Artifact:
    """Compile one Vyper file, its imports looked for as `roots_of` says.

    Raises
    ------
    InputError :
        The file does not compile, or only with a warning; the compiler's own words follow.
    """
    if not COMPILER.startswith(f"vyper {vyper.__version__},"):
        raise InputError(f"vyper {vyper.__version__} is installed, wanted {COMPILER}")
    roots = roots_of(path)
    bundle = FilesystemInputBundle(roots)
    settings = Settings(evm_version="cancun", optimize=OptimizationLevel.GAS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", VyperWarning)
            built = CompilerData(bundle.load_file(path), input_bundle=bundle, settings=settings)
            bytecode, runtime = built.bytecode, built.bytecode_runtime
            abi = build_abi_output(built)
    except (VyperException, VyperWarning) as error:
        raise InputError(f"{path.name} does not compile: {error}") from error
    files = [path, *(item.resolved_path for item in built.resolved_imports.compiler_inputs)]
    sources = _sources([Path(file) for file in files], roots)
    return Artifact(path.stem, tuple(abi), bytecode, runtime, digest_of_sources(sources), sources)


def _sources(files: list[Path], roots: list[Path]) -> dict[str, str]:
    """Give the SHA-256 of every file the compiler read, by its path under a root.

    Files under no root are the compiler's own interfaces, which its version pins.
    """
    sources: dict[str, str] = {}
    for file in files:
        for root in roots:
            if file.resolve().is_relative_to(root.resolve()):
                name = file.resolve().relative_to(root.resolve()).as_posix()
                sources[name] = sha256(file.read_bytes()).hex()
                break
    return dict(sorted(sources.items()))
