"""A compiled contract as the compiler describes it: modules, variables, functions.

Everything is read from the annotated AST, a plain tree of dictionaries; nothing here knows the
compiler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Function", "Key", "Module", "Node", "Program", "Variable", "read_program", "type_name"]

Node = Mapping[str, Any]
Key = tuple[int, int]
"""Names a declaration: id of its source, id of its node."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a module.

    Parameters
    ----------
    name :
        As written; of an imported module with its name before it, ``own.owner``.
    kind :
        Type, such as ``"address"`` or ``"HashMap"``.
    of :
        Type of what is stored: of a map that of its values.
    length :
        Most elements of a list; 0 where it is none.
    """

    name: str
    key: Key
    line: int
    kind: str
    of: str
    length: int
    is_public: bool
    is_constant: bool
    is_immutable: bool
    is_transient: bool
    is_reentrant: bool
    value: Node | None

    @property
    def is_stored(self) -> bool:
        """Whether it lives in storage, transient storage included."""
        return not (self.is_constant or self.is_immutable)


@dataclass(frozen=True, slots=True)
class Function:
    """A function with a body."""

    name: str
    key: Key
    line: int
    decorators: frozenset[str]
    node: Node = field(repr=False)
    path: str = ""
    lock_by_default: bool = False

    @property
    def is_external(self) -> bool:
        """Whether it can be called from outside, if its module is the contract or exports it."""
        return "external" in self.decorators

    @property
    def is_view(self) -> bool:
        """Whether it promises to change nothing."""
        return bool(self.decorators & {"view", "pure"})

    @property
    def is_locked(self) -> bool:
        """Whether it holds the reentrancy lock; a view then refuses while another holds it."""
        if "nonreentrant" in self.decorators:
            return True
        free = {"reentrant", "deploy", "internal", "pure"}
        return self.lock_by_default and not self.decorators & free

    @property
    def parameters(self) -> list[tuple[str, Key, str]]:
        """Name, declaration and type of each parameter."""
        source = self.key[0]
        return [
            (one["arg"], (source, one["node_id"]), annotation_name(one["annotation"]))
            for one in self.node["args"]["args"]
        ]


@dataclass(slots=True)
class Module:
    """One source with its variables, functions and the argument names of its interfaces."""

    source_id: int
    path: str
    alias: str
    settings: Mapping[str, Any]
    variables: dict[str, Variable] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    imports: dict[str, int] = field(default_factory=dict)
    exports: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Program:
    """A contract with every module it imports.

    Parameters
    ----------
    name :
        Of the contract.
    main :
        The module that is compiled.
    modules :
        By source id.
    arguments :
        Names of the arguments of every function of every interface, by its declaration.
    """

    name: str
    main: Module
    modules: dict[int, Module]
    functions: dict[Key, Function]
    variables: dict[Key, Variable]
    arguments: dict[Key, tuple[str, ...]]

    def entries(self) -> Iterator[Function]:
        """The functions that can be called from outside, the constructor included."""
        seen = set()
        for function in [*self.main.functions.values(), *self._exported()]:
            outside = function.is_external or function.name in ("__init__", "__default__")
            if outside and function.key not in seen:
                seen.add(function.key)
                yield function

    def stored(self) -> list[Variable]:
        """Every variable in storage, of whichever module."""
        return [one for one in self.variables.values() if one.is_stored]

    def _exported(self) -> Iterator[Function]:
        for node in self.main.exports:
            for one in node["elements"] if node["ast_type"] == "Tuple" else [node]:
                module = self._module_at(one["value"])
                if module is None:
                    continue
                if one["attr"] == "__interface__":
                    for function in module.functions.values():
                        if function.is_external:
                            yield function
                elif one["attr"] in module.functions:
                    yield module.functions[one["attr"]]

    def _module_at(self, node: Node) -> Module | None:
        """The module that a name or a dotted name stands for."""
        if node["ast_type"] == "Name":
            return self.modules.get(self.main.imports.get(node["id"], -1))
        owner = self._module_at(node["value"])
        return None if owner is None else self.modules.get(owner.imports.get(node["attr"], -1))


def type_name(node: Node) -> str:
    """Type of an expression: ``"uint256"``, ``"Bytes"``, a struct's name; empty where none."""
    found = node.get("type") or {}
    return str(found.get("name", ""))


def annotation_name(node: Node) -> str:
    """Type that an annotation names, without its parameters."""
    while node["ast_type"] in ("Subscript", "Call"):
        node = node["value"] if node["ast_type"] == "Subscript" else node["args"][0]
    return str(node.get("id") or node.get("attr") or "")


def read_program(tree: Node) -> Program:
    """Read the annotated AST of one contract.

    Parameters
    ----------
    tree :
        ``{"contract_name", "ast", "imports"}``; line numbers are those of the files.
    """
    asts = [tree["ast"], *tree["imports"]]
    aliases = {tree["ast"]["source_id"]: ""}
    for ast in asts:
        for node in ast["body"]:
            if node["ast_type"] in ("Import", "ImportFrom"):
                found = node["import_info"]
                aliases.setdefault(found["source_id"], found["alias"])
    modules = {ast["source_id"]: _module(ast, aliases) for ast in asts}
    arguments: dict[Key, tuple[str, ...]] = {}
    for ast in asts:
        for node in ast["body"]:
            inner = node["body"] if node["ast_type"] == "InterfaceDef" else [node]
            for one in inner:
                if one["ast_type"] == "FunctionDef":
                    names = tuple(arg["arg"] for arg in one["args"]["args"])
                    arguments[ast["source_id"], one["node_id"]] = names
    return Program(
        name=_stem(tree["ast"]["path"]),
        main=modules[tree["ast"]["source_id"]],
        modules=modules,
        functions={f.key: f for m in modules.values() for f in m.functions.values()},
        variables={v.key: v for m in modules.values() for v in m.variables.values()},
        arguments=arguments,
    )


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(".vy")


def _module(ast: Node, aliases: Mapping[int, str]) -> Module:
    source = ast["source_id"]
    alias = aliases.get(source, "")
    module = Module(source, ast["resolved_path"], alias, ast["settings"])
    locks = bool(ast["settings"].get("nonreentrancy_by_default"))
    for node in ast["body"]:
        kind = node["ast_type"]
        if kind == "VariableDecl":
            variable = _variable(node, source, alias)
            module.variables[node["target"]["id"]] = variable
        elif kind == "FunctionDef" and not ast["is_interface"]:
            module.functions[node["name"]] = Function(
                node["name"],
                (source, node["node_id"]),
                node["lineno"],
                frozenset(map(_decorator, node["decorator_list"])),
                node,
                ast["resolved_path"],
                locks,
            )
        elif kind in ("Import", "ImportFrom"):
            found = node["import_info"]
            module.imports[found["alias"]] = found["source_id"]
        elif kind == "ExportsDecl":
            module.exports.append(node["annotation"])
    return module


def _decorator(node: Node) -> str:
    inner = node.get("func", node)
    return str(inner.get("id", ""))


def _variable(node: Node, source: int, alias: str) -> Variable:
    found = node.get("type") or {}
    of = found
    while "value_type" in of and of.get("typeclass") in (
        "hashmap",
        "static_array",
        "dynamic_array",
    ):
        of = of["value_type"]
    name = node["target"]["id"]
    return Variable(
        name=f"{alias}.{name}" if alias else name,
        key=(source, node["node_id"]),
        line=node["lineno"],
        kind=str(found.get("name", "")),
        of=str(of.get("name", "")),
        length=int(found.get("length", 0)) if found.get("typeclass") == "dynamic_array" else 0,
        is_public=node["is_public"],
        is_constant=node["is_constant"],
        is_immutable=node["is_immutable"],
        is_transient=node["is_transient"],
        is_reentrant=node["is_reentrant"],
        value=node["value"],
    )
