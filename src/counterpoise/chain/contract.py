"""A contract on a chain: typed calls, transactions and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from counterpoise.chain import abi
from counterpoise.chain.account import Account
from counterpoise.chain.backend import BlockRef, Chain, Log, Receipt
from counterpoise.chain.compiled import Artifact, artifact
from counterpoise.chain.sender import send
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, Reverted


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded log: its arguments by name, and its place on the chain."""

    name: str
    args: dict[str, Any]
    address: bytes
    block_number: int
    block_hash: bytes
    log_index: int
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class Function:
    """One function of an interface, ready to encode and decode."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventShape:
    """How one event's log is laid out: which arguments are topics, which are data."""

    name: str
    topic: bytes
    indexed: tuple[tuple[str, str], ...]
    plain: tuple[tuple[str, str], ...]
    order: tuple[str, ...]


class Interface:
    """The functions and events of an ABI, by name, by selector and by topic."""

    def __init__(self, entries: Sequence[dict[str, Any]]) -> None:
        self.functions: dict[str, list[Function]] = {}
        self.events: dict[bytes, EventShape] = {}
        self.constructor: tuple[str, ...] = ()
        for entry in entries:
            if entry["type"] == "function":
                function = _function(entry)
                self.functions.setdefault(function.name, []).append(function)
            elif entry["type"] == "event" and not entry.get("anonymous"):
                shape = _shape(entry)
                self.events[shape.topic] = shape
            elif entry["type"] == "constructor":
                self.constructor = tuple(map(abi.type_of, entry["inputs"]))

    def function(self, name: str, count: int) -> Function:
        """Give the function of this name that takes this many arguments."""
        for function in self.functions.get(name, ()):
            if len(function.inputs) == count:
                return function
        known = ", ".join(sorted(self.functions))
        raise InputError(f"there is no function {name} with {count} arguments", hint=f"has {known}")

    def topics(self, name: str) -> list[bytes]:
        """Give the first topics of the events of one name."""
        found = [topic for topic, shape in self.events.items() if shape.name == name]
        if not found:
            known = ", ".join(sorted({shape.name for shape in self.events.values()}))
            raise InputError(f"there is no event {name}", hint=f"has {known}")
        return found

    def decode(self, log: Log) -> Event | None:
        """Decode a log; None if its first topic is no event of this interface."""
        shape = self.events.get(log.topics[0]) if log.topics else None
        if shape is None or len(log.topics) != len(shape.indexed) + 1:
            return None
        found = dict(zip((n for n, _ in shape.plain), _plain(shape)(log.data), strict=True))
        for (name, kind), topic in zip(shape.indexed, log.topics[1:], strict=True):
            found[name] = _topic_decoder(kind)(topic)[0]
        args = {name: found[name] for name in shape.order}
        place = (log.block_number, log.block_hash, log.log_index, log.tx_hash)
        return Event(shape.name, args, log.address, *place)


class Contract:
    """A contract at an address.

    Parameters
    ----------
    chain :
        Where it lies.
    address :
        Its 20 bytes.
    artifact :
        Its interface; the code at the address is not compared with it.
    """

    def __init__(self, chain: Chain, address: bytes, artifact: Artifact) -> None:
        self.chain = chain
        self.address = address
        self.artifact = artifact
        self.interface = interface_of(artifact)

    def __repr__(self) -> str:
        return f"Contract({self.artifact.name} at 0x{self.address.hex()})"

    def encode(self, name: str, *args: Any) -> bytes:
        """Encode a call: selector and arguments."""
        function = self.interface.function(name, len(args))
        return function.selector + abi.encode(function.inputs, args)

    def call(
        self, name: str, *args: Any, sender: bytes | None = None, block: BlockRef = "latest"
    ) -> Any:
        """Call a function without a transaction.

        Gives nothing, the one value, or a tuple of values, as the function declares.

        Raises
        ------
        Reverted :
            The contract refused, with its own reason.
        InputError :
            There is no code at the address, or the answer is not of the declared types.
        """
        function = self.interface.function(name, len(args))
        data = function.selector + abi.encode(function.inputs, args)
        try:
            answer = self.chain.call(self.address, data, sender=sender, block=block)
        except Reverted as refused:
            raise Reverted(f"{self.artifact.name}.{name}", refused.reason) from None
        if not answer and function.outputs:
            raise InputError(
                f"0x{self.address.hex()} answered nothing to {self.artifact.name}.{name}",
                hint="there is no contract at this address on this chain, or another one",
            )
        values = abi.decoder(function.outputs)(answer)
        return values[0] if len(values) == 1 else values or None

    def transact(
        self, account: Account, name: str, *args: Any, value: int = 0, gas: int | None = None
    ) -> Receipt:
        """Send a transaction and wait until it is mined.

        Parameters
        ----------
        value :
            Wei to send along.
        gas :
            Gas limit; None lets the chain say.

        Raises
        ------
        Reverted :
            The contract refused, with its own reason.
        """
        data = self.encode(name, *args)
        call = f"{self.artifact.name}.{name}"
        return send(self.chain, account, self.address, data, value=value, gas=gas, call=call)

    def events(
        self, name: str | None = None, from_block: int = 0, to_block: int | None = None
    ) -> list[Event]:
        """Give the events of this contract in a closed range of blocks, in order."""
        last = self.chain.block("latest").number if to_block is None else to_block
        topics = [self.interface.topics(name)] if name else []
        logs = self.chain.logs(from_block, last, [self.address], topics)
        return [event for log in logs if (event := self.interface.decode(log))]

    def decode(self, log: Log) -> Event | None:
        """Decode a log of this contract; None if it is another's or of no known event."""
        return self.interface.decode(log) if log.address == self.address else None

    def events_in(self, receipt: Receipt) -> list[Event]:
        """Give the events of this contract in one transaction, in order."""
        return [event for log in receipt.logs if (event := self.decode(log))]


def deploy(chain: Chain, account: Account, name: str | Artifact, *args: Any) -> Contract:
    """Deploy a contract of this package by name, or any artifact, and wait until it is mined.

    >>> from counterpoise.chain import deploy, dev_account, open_chain
    >>> token = deploy(open_chain("embedded:"), dev_account(0), "CreditToken")  # doctest: +SKIP
    """
    built = artifact(name) if isinstance(name, str) else name
    data = built.bytecode + abi.encode(interface_of(built).constructor, args)
    receipt = send(chain, account, None, data, call=f"{built.name}.__init__")
    if receipt.contract is None:
        raise InputError(f"the chain deployed {built.name} without naming an address")
    return Contract(chain, receipt.contract, built)


def interface_of(artifact: Artifact) -> Interface:
    """Give an artifact's interface, built once per source digest."""
    found = _INTERFACES.get(artifact.source_digest)
    if found is None:
        found = _INTERFACES[artifact.source_digest] = Interface(artifact.abi)
    return found


_INTERFACES: dict[bytes, Interface] = {}


def _function(entry: dict[str, Any]) -> Function:
    inputs = tuple(map(abi.type_of, entry["inputs"]))
    outputs = tuple(map(abi.type_of, entry["outputs"]))
    return Function(entry["name"], abi.selector(entry["name"], inputs), inputs, outputs)


def _shape(entry: dict[str, Any]) -> EventShape:
    typed = [(part["name"], abi.type_of(part), part["indexed"]) for part in entry["inputs"]]
    signature = f"{entry['name']}({','.join(kind for _, kind, _ in typed)})"
    return EventShape(
        entry["name"],
        keccak(signature.encode()),
        tuple((name, kind) for name, kind, indexed in typed if indexed),
        tuple((name, kind) for name, kind, indexed in typed if not indexed),
        tuple(name for name, _, _ in typed),
    )


@cache
def _plain(shape: EventShape) -> Any:
    return abi.decoder(tuple(kind for _, kind in shape.plain))


@cache
def _topic_decoder(kind: str) -> Any:
    """Decode an indexed argument; what is dynamic is there only as its digest."""
    static = kind.rstrip("0123456789") in ("address", "bool", "uint", "int") or (
        kind.startswith("bytes") and kind != "bytes" and "[" not in kind
    )
    return abi.decoder((kind,) if static else ("bytes32",))
