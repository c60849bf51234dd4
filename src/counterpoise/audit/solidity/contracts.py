"""Contracts of a compiled unit: bases in order, functions as they resolve, state variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from counterpoise.audit.solidity.tree import Node, Text, kind_of, walk

__all__ = ["Contract", "Unit", "is_constructor", "is_entry", "unit_of"]


@dataclass(frozen=True)
class Unit:
    """One compiled file with what it imports.

    Parameters
    ----------
    version :
        Of the compiler, such as ``(0, 8, 30)``.
    texts :
        Source of each file, by its name.
    trees :
        AST of each file, by its name.
    files :
        Name of each file, by the index that ``src`` carries.
    """

    version: tuple[int, int, int]
    texts: Mapping[str, Text]
    trees: Mapping[str, Node]
    files: Mapping[int, str]

    @cached_property
    def nodes(self) -> dict[int, Node]:
        """Declarations by their id."""
        return {
            one["id"]: one
            for tree in self.trees.values()
            for one in walk(tree)
            if kind_of(one).endswith(("Definition", "Declaration")) or kind_of(one) == "EnumValue"
        }

    @cached_property
    def contracts(self) -> dict[int, Contract]:
        """Every contract, library and interface by its id."""
        return {
            one: Contract(self, node)
            for one, node in self.nodes.items()
            if kind_of(node) == "ContractDefinition"
        }

    def file_of(self, node: Node) -> str:
        """Name of the file that a node is in."""
        return self.files.get(int(node["src"].split(":")[2]), "")

    def lines(self, node: Node) -> tuple[int, ...]:
        """Lines of a node in its file."""
        text = self.texts.get(self.file_of(node))
        return text.lines(node) if text else ()

    def leaves(self, name: str) -> Iterator[Contract]:
        """Contracts of one file that no contract of that file inherits from."""
        own = [one for one in self.contracts.values() if self.file_of(one.node) == name]
        inherited = {base for one in own for base in one.node["linearizedBaseContracts"][1:]}
        for one in own:
            if one.id not in inherited and one.node.get("contractKind") != "interface":
                yield one


@dataclass(frozen=True)
class Contract:
    """One contract with all that it inherits."""

    unit: Unit
    node: Node = field(repr=False)

    @property
    def id(self) -> int:
        """The declaration's id."""
        return int(self.node["id"])

    @property
    def name(self) -> str:
        """As in the source."""
        return str(self.node["name"])

    @cached_property
    def lineage(self) -> tuple[Node, ...]:
        """The contract itself, then its bases, most derived first."""
        ids = self.node["linearizedBaseContracts"]
        return tuple(self.unit.nodes[one] for one in ids if one in self.unit.nodes)

    @cached_property
    def state(self) -> dict[int, Node]:
        """State variables by their id, inherited ones too."""
        return {
            one["id"]: one
            for base in self.lineage
            for one in base["nodes"]
            if kind_of(one) == "VariableDeclaration"
        }

    @cached_property
    def functions(self) -> tuple[Node, ...]:
        """Functions with a body that a call can reach by name, most derived first."""
        found: dict[str, Node] = {}
        for base in self.lineage:
            for one in base["nodes"]:
                if kind_of(one) == "FunctionDefinition" and one.get("body"):
                    key = f"{base['id']}()" if is_constructor(one, base) else signature(one)
                    found.setdefault(key, one)
        return tuple(found.values())

    @cached_property
    def homes(self) -> dict[int, Node]:
        """The contract that each function or modifier is written in, by their ids."""
        return {one["id"]: base for base in self.lineage for one in base["nodes"] if "id" in one}

    def entries(self) -> tuple[Node, ...]:
        """What anyone can call once the contract is there."""
        return tuple(one for one in self.functions if is_entry(one, self.homes[one["id"]]))

    def constructors(self) -> tuple[Node, ...]:
        """Its constructor and those of its bases."""
        return tuple(one for one in self.functions if is_constructor(one, self.homes[one["id"]]))

    def resolved(self, target: Node) -> Node:
        """The function or modifier that a call to `target` runs here: the most derived one."""
        if target["id"] not in self.homes:
            return target
        wanted = signature(target)
        for base in self.lineage:
            for one in base["nodes"]:
                if kind_of(one) == kind_of(target) and signature(one) == wanted:
                    if kind_of(one) == "FunctionDefinition" and not one.get("body"):
                        continue
                    found: Node = one
                    return found
        return target

    def above(self, target: Node, home: Node) -> Node | None:
        """What ``super.f()`` written in `home` runs here."""
        wanted = signature(target)
        ids = [base["id"] for base in self.lineage]
        bases = self.lineage[ids.index(home["id"]) + 1 :] if home["id"] in ids else ()
        for base in bases:
            for one in base["nodes"]:
                if _has_body(one) and signature(one) == wanted:
                    found: Node = one
                    return found
        return None


def _has_body(node: Node) -> bool:
    return kind_of(node) == "FunctionDefinition" and bool(node.get("body"))


def signature(node: Node) -> str:
    """Name and types of a function or modifier: what an override has in common."""
    types = (
        (one.get("typeDescriptions") or {}).get("typeString") or ""
        for one in (node.get("parameters") or {}).get("parameters", ())
    )
    return f"{node.get('name', '')}({','.join(types)}){node.get('kind', '')}"


def is_constructor(function: Node, home: Node) -> bool:
    """Whether it runs at creation only; before 0.5 the contract's own name says so."""
    if function.get("isConstructor") is not None:
        return bool(function["isConstructor"])
    return function.get("kind") == "constructor"


def is_entry(function: Node, home: Node) -> bool:
    """Whether a transaction can call it."""
    return function.get("visibility") in ("public", "external") and not is_constructor(
        function, home
    )


def unit_of(
    version: tuple[int, int, int], sources: Mapping[str, str], trees: Mapping[str, Node]
) -> Unit:
    """A unit from the texts and trees by name; the index of a file is read from its tree."""
    files = {int(tree["src"].split(":")[2]): name for name, tree in trees.items()}
    return Unit(version, {name: Text(text) for name, text in sources.items()}, trees, files)
