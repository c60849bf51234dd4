"""Storage reached by mistake."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.guards import World
from counterpoise.audit.solidity.rules.hint import Hint, hint_at
from counterpoise.audit.solidity.tree import Node, kind_of, walk

__all__ = ["rules"]


def rules(world: World) -> Iterator[Hint]:
    """``storage-pointer``: a local pointer into storage that points nowhere, so to slot 0."""
    for home in world.contract.lineage:
        for function in home["nodes"]:
            if kind_of(function) != "FunctionDefinition" or not function.get("body"):
                continue
            for node in walk(function["body"]):
                if kind_of(node) != "VariableDeclarationStatement" or node.get("initialValue"):
                    continue
                for one in node["declarations"]:
                    if one is not None and _is_pointer(one):
                        found = hint_at(
                            world,
                            "storage-pointer",
                            "unset",
                            node,
                            f"{one['name']} points at the contract's first slot",
                            function=function["name"],
                        )
                        if found:
                            yield found


def _is_pointer(declared: Node) -> bool:
    """Whether a local variable points into storage; before 0.5 a struct did without a word."""
    identifier = (declared.get("typeDescriptions") or {}).get("typeIdentifier") or ""
    return declared.get("storageLocation") == "storage" or identifier.endswith("_storage_ptr")
