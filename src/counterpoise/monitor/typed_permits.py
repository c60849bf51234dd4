"""What somebody agrees to by signing typed data (EIP-712): permits, transfers, orders.

Read are EIP-2612 and DAI permits, Permit2 in all its forms, EIP-3009 transfers and orders of the
Seaport layout. What a signature allows needs no transaction of the signer, so it is decoded, not
tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.core.units import parse_address
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.effects import Approval, Movement

Message = Mapping[str, Any]
SINGLE_ITEMS = frozenset({2, 3, 4, 5})
"""Seaport's item types that are numbered things or a choice of them."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a signature would allow.

    Parameters
    ----------
    kind :
        The primary type.
    contract :
        That the signature is good at; None where the domain names none.
    chain_id :
        None where the domain names none: it is good on every chain then.
    deadline :
        Unix seconds until which it can be used; None where it has none.
    movements :
        What moves at once when it is used.
    is_read :
        Whether the type is one of those that are understood.
    """

    kind: str
    contract: bytes | None
    chain_id: int | None
    deadline: int | None
    approvals: tuple[Approval, ...] = ()
    movements: tuple[Movement, ...] = ()
    is_read: bool = True


def read_typed_data(document: Mapping[str, Any], signer: bytes) -> Agreement:
    """Read what ``eth_signTypedData_v4`` is given.

    Parameters
    ----------
    document :
        With ``primaryType``, ``domain`` and ``message``; numbers as such, as decimal or hex text.

    Raises
    ------
    InputError :
        It lacks one of these, or a field of a known type is missing or malformed.
    """
    try:
        kind, domain = str(document["primaryType"]), document["domain"]
        message = document["message"]
        chain = domain.get("chainId")
        contract = domain.get("verifyingContract")
        place = (
            None if contract is None else parse_address(contract),
            None if chain is None else _whole(chain),
        )
        reader = READERS.get(kind)
        if reader is None:
            return Agreement(kind, *place, None, is_read=False)
        deadline, approvals, movements = reader(message, place[0] or NATIVE, signer)
        return Agreement(kind, *place, deadline, tuple(approvals), tuple(movements))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"this typed data cannot be read: {error!r} is missing or malformed",
            hint="give the JSON that the wallet is asked to sign (eth_signTypedData_v4)",
        ) from error


Found = tuple[int | None, list[Approval], list[Movement]]


def _permit(message: Message, contract: bytes, signer: bytes) -> Found:
    owner, spender = message.get("owner", message.get("holder")), parse_address(message["spender"])
    if "allowed" in message:  # DAI's
        given = [Approval(contract, _address(owner), spender, None)] if message["allowed"] else []
        expiry = _whole(message["expiry"])
        return expiry or None, given, []
    amount = _whole(message["value"])
    given = [Approval(contract, _address(owner), spender, amount)] if amount else []
    return _whole(message["deadline"]), given, []


def _permit2(message: Message, _contract: bytes, signer: bytes) -> Found:
    listed, spender = message["details"], parse_address(message["spender"])
    details = listed if isinstance(listed, list) else [listed]
    given = [
        Approval(parse_address(one["token"]), signer, spender, _whole(one["amount"]))
        for one in details
    ]
    return _whole(message["sigDeadline"]), [one for one in given if one.amount], []


def _permit2_transfer(message: Message, _contract: bytes, signer: bytes) -> Found:
    listed, spender = message["permitted"], parse_address(message["spender"])
    permitted = listed if isinstance(listed, list) else [listed]
    given = [
        Approval(parse_address(one["token"]), signer, spender, _whole(one["amount"]))
        for one in permitted
    ]
    return _whole(message["deadline"]), given, []


def _authorised_transfer(message: Message, contract: bytes, _signer: bytes) -> Found:
    moved = Movement(
        contract, _address(message["from"]), _address(message["to"]), _whole(message["value"])
    )
    return _whole(message["validBefore"]), [], [moved]


def _order(message: Message, contract: bytes, signer: bytes) -> Found:
    offered = [_item(one, signer, contract, max) for one in message["offer"]]
    asked = [
        _item(one, contract, _address(one["recipient"]), min) for one in message["consideration"]
    ]
    return _whole(message["endTime"]), [], [*offered, *asked]


def _item(item: Message, src: bytes, dst: bytes, worst: Callable[..., int]) -> Movement:
    """An item of an order, at the worst price for the signer while the order stands."""
    amount = worst(_whole(item["startAmount"]), _whole(item["endAmount"]))
    kind = _whole(item["itemType"])
    number = _whole(item["identifierOrCriteria"]) if kind in SINGLE_ITEMS else None
    return Movement(NATIVE if kind == 0 else _address(item["token"]), src, dst, amount, number)


READERS: Mapping[str, Callable[[Message, bytes, bytes], Found]] = {
    "Permit": _permit,
    "PermitSingle": _permit2,
    "PermitBatch": _permit2,
    "PermitTransferFrom": _permit2_transfer,
    "PermitBatchTransferFrom": _permit2_transfer,
    "PermitWitnessTransferFrom": _permit2_transfer,
    "PermitBatchWitnessTransferFrom": _permit2_transfer,
    "TransferWithAuthorization": _authorised_transfer,
    "ReceiveWithAuthorization": _authorised_transfer,
    "OrderComponents": _order,
}


def _address(text: Any) -> bytes:
    return parse_address(text)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r} is no whole number")
    number = value if isinstance(value, int) else int(value, 0)
    if number < 0:
        raise ValueError(f"{value!r} is negative")
    return number
