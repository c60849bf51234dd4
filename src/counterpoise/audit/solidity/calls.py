"""Calls that leave the contract: what is called, with how much value and gas."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.audit.solidity.tree import Node, call_kind, kind_of, peeled, type_of

__all__ = ["LEAVING", "OutCall", "out_call"]

LEAVING = {
    "external": "call",
    "barecall": "call",
    "transfer": "transfer",
    "send": "send",
    "baredelegatecall": "delegatecall",
    "barecallcode": "delegatecall",
    "barestaticcall": "staticcall",
    "creation": "create",
}
"""How a call leaves, by `call_kind`."""

STIPEND = 2300
"""Gas that a transfer of value brings by itself: enough to log, not to call back."""


@dataclass(frozen=True)
class OutCall:
    """One call that leaves.

    Parameters
    ----------
    how :
        ``call``, ``transfer``, ``send``, ``delegatecall``, ``staticcall``, ``create`` or
        ``assembly``.
    raw :
        True for calls on a plain address, whose failure does not revert by itself.
    target :
        The address or contract that is called; None where it is not known.
    value, gas :
        What is sent along; None where nothing is said.
    arguments :
        Passed along.
    """

    how: str
    raw: bool
    target: Node | None
    value: Node | None = None
    gas: Node | None = None
    arguments: tuple[Node, ...] = ()
    view: bool = False

    @property
    def pays(self) -> bool:
        """Whether it sends value."""
        if self.value is None:
            return False
        value = peeled(self.value)
        return not (kind_of(value) == "Literal" and value.get("value") == "0")

    @property
    def can_return(self) -> bool:
        """Whether the callee has the gas and the right to call back."""
        if self.how in ("transfer", "send", "staticcall", "create") or self.view:
            return False
        gas = peeled(self.gas) if self.gas is not None else None
        if kind_of(gas) != "Literal":
            return True
        spoken = str((gas or {}).get("value") or "0").replace("_", "")
        # With value, the stipend is added to what is named.
        return not (spoken.isdigit() and int(spoken) <= STIPEND)


def out_call(node: Node) -> OutCall | None:
    """How a call leaves the contract; None where it does not."""
    if kind_of(node) != "FunctionCall":
        return None
    kind = call_kind(node)
    if kind not in LEAVING:
        return None
    value = gas = None
    callee = node["expression"]
    while kind_of(callee) in ("FunctionCall", "FunctionCallOptions"):
        if kind_of(callee) == "FunctionCallOptions":
            named = dict(zip(callee["names"], callee["options"], strict=True))
        else:
            word = callee["expression"].get("memberName", "")
            named = {word: callee["arguments"][0]} if callee["arguments"] else {}
        value, gas = named.get("value", value), named.get("gas", gas)
        callee = callee["expression"]
        if kind_of(callee) == "MemberAccess" and callee["memberName"] in ("value", "gas"):
            callee = callee["expression"]
    arguments = tuple(node["arguments"])
    target = callee.get("expression") if kind_of(callee) == "MemberAccess" else callee
    if kind in ("transfer", "send"):
        value, arguments = arguments[0], ()
    name = (callee.get("typeDescriptions") or {}).get("typeIdentifier") or ""
    view = kind == "external" and (
        name.startswith(("t_function_external_view", "t_function_external_pure"))
    )
    raw = kind not in ("external", "creation", "transfer") and type_of(target) != ""
    return OutCall(LEAVING[kind], raw, target, value, gas, arguments, view)
