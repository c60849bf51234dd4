"""Calls whose failure, target or code is taken on trust."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Call, Entry, Event
from counterpoise.audit.vyper.found import LIKELY, MAYBE, SURE, Found, at
from counterpoise.audit.vyper.trust import Contract, chosen
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["outer"]

FIXED = ("immutable", "lit")
TOKEN_METHODS = ("transfer", "transferFrom", "approve")


def outer(contract: Contract) -> Iterator[Found]:
    """Every rule about a single call out of the contract."""
    for entry in contract.entries:
        for event, call in entry.calls:
            yield from _unchecked(entry, event, call)
            yield from _token(entry, event, call)
            yield from _delegate(contract, entry, event, call)
            if call.flags.get("skip_contract_check") == "True" and not _has_code(
                entry, event, call
            ):
                yield at(
                    "skip-check",
                    entry,
                    event,
                    f"{call.method} of an address that may hold no code counts as done",
                    LIKELY,
                )


def _is_tested(entry: Entry, result: Value) -> bool:
    """Whether some branch, assert, answer or stored value depends on a result.

    Of a pair, the flag and what came back, it is the flag that must be looked at.
    """
    used = [event.value for event in entry.of_kind("test", "return")]
    used += [event.new for event in entry.events if event.new is not None]
    pairs = {part for value in used for part in value.parts if part.op == "item"}
    flags = [part for part in pairs if part.args[0] is result]
    if flags:
        return any(part.tag == "0" for part in flags)
    return any(result in value.leaves for value in used)


def _unchecked(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    if call.kind not in ("raw_call", "create") or call.flags.get("revert_on_failure") != "False":
        return
    if not _is_tested(entry, event.value):
        logged = any(event.value in log.value.leaves for log in entry.of_kind("log"))
        yield at(
            "unchecked-raw",
            entry,
            event,
            "the call may fail; its failure is logged, and changes nothing"
            if logged
            else "the call may fail, and nothing depends on whether it did",
            MAYBE if logged else SURE,
            severity=Severity.INFO if logged else None,
        )


def _token(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    if call.kind != "extcall" or call.method not in TOKEN_METHODS or call.returns != "bool":
        return
    if not _is_tested(entry, event.value):
        yield at(
            "token-return",
            entry,
            event,
            f"the token's answer to {call.method} is dropped",
            SURE,
        )
    elif "default_return_value" not in call.flags:
        yield at(
            "token-return",
            entry,
            event,
            f"{call.method} of a token that returns nothing would always revert here",
            MAYBE,
            severity=Severity.INFO if strip(call.target).op in FIXED else Severity.LOW,
        )


def _delegate(contract: Contract, entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    if entry.is_deploy or call.is_fixed:
        return
    if not (call.is_delegate or call.kind == "create"):
        return
    target = strip(call.target)
    if target.is_env("self"):
        return
    what = "code runs on this contract's storage" if call.is_delegate else "code is deployed"
    if call.kind == "create" and call.flags.get("revert_on_failure") is None and not chosen(target):
        return
    loads = {leaf.tag for leaf in target.leaves if leaf.op == "load"}
    free = not contract.is_guarded(entry, event)
    if loads & contract.open or (free and (chosen(target) or target.has_env("msg.sender"))):
        yield at("delegate-target", entry, event, f"{what}, and the caller chooses which", SURE)
        return
    if call.is_delegate and target.op != "lit":
        yield at(
            "delegate-target",
            entry,
            event,
            f"{what}; {target.tag or 'the target'} must never be anyone else's",
            MAYBE,
            severity=Severity.LOW if target.op == "immutable" else Severity.MEDIUM,
        )


def _has_code(entry: Entry, event: Event, call: Call) -> bool:
    target = strip(call.target)
    return any(
        part.op == "field" and part.tag in ("is_contract", "codesize") and part.args[0] is target
        for value, _ in entry.known(event)
        for part in value.parts
    )
