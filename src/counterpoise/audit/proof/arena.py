"""A chain for one contract: who deploys it, who uses it honestly, who attacks it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from counterpoise.audit.proof.arguments import ETHER, Known, argument_lists
from counterpoise.audit.proof.puppet import PUPPET, TAKE, act, deploying, thief
from counterpoise.chain import Account, Artifact, Contract, Receipt, dev_account, open_chain, send
from counterpoise.core.digest import sha256
from counterpoise.core.errors import ChainError, InputError, Reverted

__all__ = ["Arena", "Function", "GivenUp", "STAKE", "Step", "functions_of"]

STAKE = 2 * ETHER
"""What the attacker puts in."""
HONEST = 10 * ETHER
"""What an honest user puts in."""
CALL_GAS, DEPLOY_GAS = 2_000_000, 15_000_000
MOST_TRANSACTIONS = 600
BEGINNING = 1_700_000_000
"""The clock of every such chain, so that the same attack has the same transactions."""
ACCEPTOR = bytes.fromhex("600160005260206000f3")
"""Code that answers every call with the number one."""


class GivenUp(Exception):
    """No more attempts: too many transactions, or no time left."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function of an interface; ``name`` is empty for what runs on a bare payment."""

    name: str
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]
    payable: bool
    view: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One call of an attack.

    Parameters
    ----------
    value :
        Wei that the attacker sends along.
    times :
        How often the attacker comes back with the same call while it is being paid.
    """

    function: Function
    arguments: tuple[Any, ...]
    value: int = 0
    times: int = 0
    habit: int = TAKE


def functions_of(abi: tuple[dict[str, Any], ...]) -> list[Function]:
    """The functions of an interface, and the one without a name if it takes payments."""
    found = []
    for entry in abi:
        state = entry.get("stateMutability") or ""
        payable = entry.get("payable", False) or state == "payable"
        view = entry.get("constant", False) or state in ("view", "pure")
        if entry["type"] == "function":
            inputs, outputs = tuple(entry["inputs"]), tuple(entry.get("outputs", ()))
            found.append(Function(entry["name"], inputs, outputs, payable, view))
        elif entry["type"] in ("fallback", "receive") and payable:
            found.append(Function("", (), (), True, False))
    return found


class Arena:
    """A deployed contract with its people, and the state to which each attempt goes back.

    Parameters
    ----------
    name, abi, bytecode :
        The contract that is attacked.
    until :
        `time.monotonic` at which to give up.
    helped :
        Whether the constructor is given the address of a contract that agrees to everything,
        rather than its owner's.

    Raises
    ------
    InputError :
        No constructor arguments that were tried make it deploy.
    """

    def __init__(
        self,
        name: str,
        abi: tuple[dict[str, Any], ...],
        bytecode: bytes,
        until: float,
        *,
        helped: bool = False,
    ) -> None:
        self.name, self.until, self.count = name, until, 0
        self.chain: Any = open_chain("embedded:", clock=lambda: BEGINNING)
        self.owner, self.victim, self.attacker = (dev_account(n) for n in range(3))
        self.functions = functions_of(abi)
        self.puppet = self._made(self.attacker, deploying(PUPPET))
        self.acceptor = self._made(self.victim, deploying(ACCEPTOR))
        self.thief = self._made(self.attacker, deploying(thief(self.puppet)))
        self.names = {
            self.puppet: "attacker",
            self.acceptor: "helper",
            self.thief: "attacker's code",
            self.attacker.address: "attacker's account",
            self.owner.address: "owner",
            self.victim.address: "honest user",
        }
        nothing: dict[str, Any] = {"inputs": []}
        constructor = next((one for one in abi if one["type"] == "constructor"), nothing)
        entry = {"type": "function", "name": "constructor__", "inputs": constructor["inputs"]}
        record = (*abi, {**entry, "outputs": []})
        digest = sha256(bytecode + repr(abi).encode())
        self.artifact = Artifact(name, _callable(record), bytecode, b"", digest, {})
        people = [self.owner.address, self.acceptor, bytes(20)]
        if helped:
            people = people[1:2] + people[:1] + people[2:]
        self.address = self._deployed(constructor, bytecode, people)
        self.names[self.address] = name
        self.contract = Contract(self.chain, self.address, self.artifact)
        self.given = 0

    def close(self) -> None:
        """Close the chain."""
        self.chain.close()

    def _made(self, account: Account, code: bytes) -> bytes:
        return self._sent(account, None, code, 0, DEPLOY_GAS).contract or b""

    def _deployed(self, constructor: dict[str, Any], bytecode: bytes, people: list[bytes]) -> bytes:
        """Deploy with the first arguments that its constructor accepts."""
        known = Known(people, (ETHER, 1, 0, 100, BEGINNING + 10**7))
        encoder = Contract(self.chain, bytes(20), self.artifact)
        state = constructor.get("stateMutability") or ""
        payable = constructor.get("payable", False) or state == "payable"
        for values in ([HONEST, 0] if payable else [0])[:2]:
            for arguments in argument_lists(constructor["inputs"], known):
                data = bytecode + encoder.encode("constructor__", *arguments)[4:]
                try:
                    receipt = self._sent(self.owner, None, data, values, DEPLOY_GAS)
                except (ChainError, InputError):
                    continue
                if receipt.contract and self.chain.code(receipt.contract):
                    return bytes(receipt.contract)
        raise InputError(f"{self.name} did not deploy with any arguments that were tried")

    def _sent(
        self, account: Account, to: bytes | None, data: bytes, value: int, gas: int = CALL_GAS
    ) -> Receipt:
        self.count += 1
        if self.count > MOST_TRANSACTIONS or time.monotonic() > self.until:
            raise GivenUp
        return send(self.chain, account, to, data, value=value, gas=gas)

    def data(self, function: Function, arguments: tuple[Any, ...]) -> bytes:
        """Call data; `InputError` where the values do not fit."""
        return self.contract.encode(function.name, *arguments) if function.name else b""

    def known(self, amount: int = STAKE) -> Known:
        """What an attacker's arguments are made from."""
        people = (self.puppet, self.thief, self.owner.address, self.victim.address, bytes(20))
        return Known(people, (amount, 0, 1, amount // 2, BEGINNING + 10**9))

    def lists(self, function: Function) -> Iterator[tuple[Any, ...]]:
        """Argument lists of an attacker."""
        return (tuple(one) for one in argument_lists(function.inputs, self.known()))

    def by_account(
        self, account: Account, function: Function, arguments: tuple[Any, ...], value: int = 0
    ) -> bool:
        """An account calls; tells whether that went through."""
        try:
            self._sent(account, self.address, self.data(function, arguments), value)
        except (Reverted, InputError):
            return False
        return True

    def step(self, step: Step, account: Account | None = None) -> bool:
        """The attacker's contract calls, told so by an account; tells whether that went through."""
        try:
            data = self.data(step.function, step.arguments)
            order = act(
                self.address, data, value=step.value, back=data[:256], times=step.times,
                habit=step.habit,
            )  # fmt: skip
            self._sent(account or self.attacker, self.puppet, order, step.value)
        except (Reverted, InputError):
            return False
        return True

    def settle(self) -> None:
        """An honest user puts value in, however the contract takes it; else it is given some."""
        known = Known((self.victim.address, self.owner.address), (HONEST, 1, 0))
        for function in self.functions:
            if not function.payable:
                continue
            for arguments in argument_lists(function.inputs, known):
                if self.by_account(self.victim, function, tuple(arguments), HONEST):
                    break
        if self.chain.balance(self.address) < HONEST:
            self.chain.fund(self.address, HONEST)
            self.given = HONEST

    def arrange(self) -> None:
        """The owner sets what it can set: addresses first, then numbers."""
        known = Known((self.acceptor, self.owner.address), (1, 0, ETHER))
        setters = [one for one in self.functions if one.inputs and not one.view and not one.payable]
        setters.sort(key=lambda one: "address" not in [each["type"] for each in one.inputs])
        for function in setters[:8]:
            for arguments in list(argument_lists(function.inputs, known))[:2]:
                if self.by_account(self.owner, function, tuple(arguments)):
                    break

    def tried(self, attack: Callable[[], Any]) -> Any:
        """Run something and undo it; gives what it gave."""
        saved = self.chain.snapshot()
        try:
            return attack()
        finally:
            self.chain.revert(saved)

    def trees(self, blocks: Iterable[int]) -> list[Any]:
        """What the transactions of some blocks did, call by call; each block has one."""
        return [self.chain.call_trees(number)[0] for number in blocks]


def _callable(record: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """The functions of an interface; events of old compilers are left out."""
    return tuple({"outputs": [], **one} for one in record if one["type"] == "function")
