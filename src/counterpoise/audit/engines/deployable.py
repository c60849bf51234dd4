"""Contracts compiled to code that can be deployed: interface and bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from counterpoise.audit.project import Project, Source
from counterpoise.core.errors import InputError

__all__ = ["Deployable", "deployables"]

LANGUAGES = ("vyper", "solidity")


@dataclass(frozen=True, slots=True)
class Deployable:
    """One contract of a source.

    Parameters
    ----------
    abi :
        The interface as the Ethereum ABI describes it in JSON.
    bytecode :
        The code that deploys it; constructor arguments follow.
    """

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes


def deployables(project: Project, source: Source, *, seconds: float = 60) -> list[Deployable]:
    """The contracts of a source that can be deployed, by name; none where it does not compile.

    Raises
    ------
    InputError :
        The source is in no language that is compiled here, or does not compile.
    """
    if source.language == "vyper":
        return [_vyper(project, source)]
    if source.language == "solidity":
        return sorted(_solidity(project, source, seconds), key=lambda one: one.name)
    raise InputError(f"{source.path} is not compiled here: {source.language}")


def _vyper(project: Project, source: Source) -> Deployable:
    from vyper.compiler import compile_from_file_input
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.settings import Settings
    from vyper.exceptions import VyperException

    from counterpoise.audit.engines.vyper import search_folders

    file = project.root / source.path
    bundle = FilesystemInputBundle(search_folders(project, file))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = compile_from_file_input(
                bundle.load_file(file),
                input_bundle=bundle,
                settings=Settings(),
                output_formats=["abi", "bytecode"],
            )
    except (VyperException, SyntaxError, FileNotFoundError) as error:
        raise InputError(f"{source.path} does not compile: {type(error).__name__}") from error
    return Deployable(file.stem, tuple(made["abi"]), bytes.fromhex(made["bytecode"][2:]))


def _solidity(project: Project, source: Source, seconds: float) -> Iterator[Deployable]:
    """Those of the source's own contracts that have code and lack no library."""
    from counterpoise.audit.engines.solc import CompilerFailed, compiled, standard_input
    from counterpoise.audit.engines.solc_choice import without_pragmas
    from counterpoise.audit.engines.solc_units import Uncompiled, compilation

    made = compilation(project, source, seconds=seconds)
    if isinstance(made, Uncompiled):
        raise InputError(f"{source.path} does not compile: {made.reason}")
    remappings = tuple(f"{prefix}={target}" for prefix, target in project.remappings)
    texts = {name: without_pragmas(text) for name, text in made.texts.items()}
    request = standard_input(texts, remappings)
    request["settings"]["outputSelection"] = {"*": {"*": ["abi", "evm.bytecode.object"]}}
    try:
        answer = compiled(made.compiler, request, seconds=seconds)
    except CompilerFailed as error:
        raise InputError(f"{source.path} does not compile: {error.message}") from error
    for name, one in answer.get("contracts", {}).get(made.name, {}).items():
        code = one.get("evm", {}).get("bytecode", {}).get("object", "")
        if code and "_" not in code:
            yield Deployable(name, tuple(one["abi"]), bytes.fromhex(code))
