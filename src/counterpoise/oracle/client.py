"""Typed calls to the oracle; with `assertions_client`, the only Python that knows its ABI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from counterpoise.chain import Account, Contract, Event, Receipt, artifact
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address, format_tokens, to_checksum
from counterpoise.jobs import NOBODY, TokenClient
from counterpoise.oracle.rules import MAX_BATCH, NO_ANSWER, Answer, Ask, Stage

NO_REFERENCE = bytes(32)


@dataclass(frozen=True, slots=True)
class Order:
    """What a client wants of the oracle, whatever the input.

    Parameters
    ----------
    model :
        Id of a registered model.
    level :
        How strongly the answer is to be proven.
    fee :
        In base units, for whoever answers; one for each input.
    deadline :
        The last second in which an answer may be proposed.
    callback, callback_gas :
        A contract that takes the answer, and all the gas that it gets.
    """

    model: bytes
    level: int
    fee: int
    deadline: int
    callback: Address = NOBODY
    callback_gas: int = 0


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What the log of a fulfilled request says.

    Parameters
    ----------
    providers :
        Who shared the fee.
    evidence :
        Digest of what proves the answer, as its evaluator names it.
    time :
        When the answer became final.
    """

    id: int
    level: int
    answer: bytes
    providers: tuple[Address, ...]
    evidence: bytes
    time: int


class OracleClient:
    """The oracle at one address.

    Parameters
    ----------
    contract :
        The deployed ``Oracle``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address
        self.token = TokenClient(
            Contract(contract.chain, contract.call("token"), artifact("CreditToken"))
        )
        self.patience = int(contract.call("patience"))

    def request(
        self, client: Account, order: Order, commitment: bytes, reference: bytes = NO_REFERENCE
    ) -> int:
        """Ask about one committed input, approving the fee first; give the request's id.

        Parameters
        ----------
        commitment :
            To salt and bytes of the input; see `counterpoise.inference.input_commitment`.
        reference :
            SHA-256 of the blob that holds them, if there is one.
        """
        approve(self.token, client, self.address, order.fee)
        terms = (order.level, order.callback, order.callback_gas, order.fee, order.deadline)
        receipt = self.contract.transact(
            client, "request", order.model, commitment, *terms, reference
        )
        return self._ids_in(receipt)[0]

    def request_batch(
        self,
        client: Account,
        order: Order,
        commitments: Sequence[bytes],
        references: Sequence[bytes] = (),
    ) -> list[int]:
        """Ask about up to 64 inputs in one transaction; give the ids, in order."""
        if not 1 <= len(commitments) <= MAX_BATCH:
            raise InputError(f"{len(commitments)} inputs in a batch, 1..{MAX_BATCH} wanted")
        approve(self.token, client, self.address, order.fee * len(commitments))
        terms = (order.level, order.callback, order.callback_gas, order.fee, order.deadline)
        receipt = self.contract.transact(
            client, "request_batch", order.model, list(commitments), *terms, list(references)
        )
        return self._ids_in(receipt)

    def fulfil(self, anyone: Account, id: int, *, gas: int | None = None) -> Receipt:  # noqa: A002
        """Bring a final verdict to the oracle."""
        return self.contract.transact(anyone, "fulfil", id, gas=gas)

    def fulfil_batch(self, anyone: Account, ids: Sequence[int]) -> list[int]:
        """Fulfil those that are ready, in one transaction; give their ids."""
        receipt = self.contract.transact(anyone, "fulfil_batch", list(ids))
        events = self.contract.events_in(receipt)
        return [int(e.args["id"]) for e in events if e.name == "Fulfilled"]

    def cancel(self, anyone: Account, id: int) -> Receipt:  # noqa: A002
        """Give the fee of a request that nobody answered back to its client."""
        return self.contract.transact(anyone, "cancel", id)

    def withdraw(self, anyone: Account, account: Address) -> Receipt:
        """Pay an account what it earned."""
        return self.contract.transact(anyone, "withdraw", account)

    def quote(self, provider: Account, level: int, fee: int, gas_price: int) -> Receipt:
        """Publish for how much a provider answers at a level."""
        return self.contract.transact(provider, "quote", level, fee, gas_price)

    def estimate(self, provider: Address, level: int, callback_gas: int = 0) -> int:
        """Fetch the fee at which a provider would answer."""
        return int(self.contract.call("estimate", provider, level, callback_gas))

    def request_of(self, id: int) -> Ask:  # noqa: A002
        """Fetch a request; its stage is ``NONE`` if there is none."""
        client, stage, *rest = self.contract.call("request_of", id)
        return Ask(client, Stage(stage), *rest)

    def answer_of(self, id: int) -> Answer:  # noqa: A002
        """Fetch the answer to a request; `NO_ANSWER` while there is none."""
        return _answer(self.contract.call("answer_of", id))

    def latest(self, model: bytes, commitment: bytes) -> Answer:
        """Fetch the newest answer about an input at any level; `NO_ANSWER` if there is none."""
        return _answer(self.contract.call("latest", model, commitment))

    def latest_within(
        self, model: bytes, commitment: bytes, *, least_level: int = 0, max_age: int
    ) -> Answer:
        """Fetch the newest answer that is strong and fresh enough; `Reverted` without one."""
        values = (model, commitment, least_level, max_age)
        return _answer(self.contract.call("latest_within", *values))

    def evaluator_of(self, level: int) -> Address:
        """Fetch which contract decides at a level; zeros where it is not offered."""
        return bytes(self.contract.call("evaluator_of", level))

    def credit(self, account: Address) -> int:
        """Fetch what an account earned and has not drawn, in base units."""
        return int(self.contract.call("credit", account))

    def count(self) -> int:
        """Fetch how many requests there are; ids run from 1 to this."""
        return int(self.contract.call("request_count"))

    def fulfilments(self) -> list[Fulfilment]:
        """Fetch every fulfilment from the chain's log, in order."""
        return [fulfilment(event) for event in self.contract.events("Fulfilled")]

    def _ids_in(self, receipt: Receipt) -> list[int]:
        events = self.contract.events_in(receipt)
        return [int(e.args["id"]) for e in events if e.name == "Requested"]


def fulfilment(event: Event) -> Fulfilment:
    """Read a ``Fulfilled`` event."""
    found = event.args
    values = (found["id"], found["level"], found["answer"], tuple(found["providers"]))
    return Fulfilment(*values, found["evidence"], found["time"])


def _answer(values: tuple[int, int, int, int, bytes]) -> Answer:
    id_, stage, level, time, answer = values
    return Answer(id_, Stage(stage), level, time, answer) if stage else NO_ANSWER


def approve(token: TokenClient, owner: Account, spender: Address, amount: int) -> None:
    """Let a contract take an amount of the owner's tokens, where it may not yet.

    Raises
    ------
    InputError :
        The owner has less than that.
    """
    found = token.balance(owner.address)
    if found < amount:
        raise InputError(
            f"{to_checksum(owner.address)} has {format_tokens(found)} tokens, "
            f"{format_tokens(amount)} are needed",
            hint="ask the token's minter, or lower the amount",
        )
    if token.allowance(owner.address, spender) < amount:
        token.approve(owner, spender, amount)
