"""Typed calls to the contract of bonded assertions."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.chain import Account, Contract, Receipt, artifact
from counterpoise.core.units import Address
from counterpoise.jobs import TokenClient
from counterpoise.oracle.assertion_rules import Draft
from counterpoise.oracle.client import approve


@dataclass(frozen=True, slots=True)
class Assertion:
    """What the chain holds of an assertion.

    Parameters
    ----------
    asserter, caller, disputer :
        Who gets the bond back, who posted it, and who gets what a won dispute pays; zeros for
        nobody.
    time, expires :
        When it was made, and from when it is true unless it was disputed before.
    """

    asserter: Address
    caller: Address
    disputer: Address
    time: int
    expires: int
    is_settled: bool
    is_true: bool
    bond: int
    identifier: bytes
    domain: bytes
    recipient: Address
    manager: Address


class AssertionsClient:
    """Bonded assertions at one address.

    Parameters
    ----------
    contract :
        The deployed ``Assertions``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address
        self.currency = bytes(contract.call("defaultCurrency"))
        self.token = TokenClient(Contract(contract.chain, self.currency, artifact("CreditToken")))

    def assert_truth(self, caller: Account, asserter: Address, draft: Draft) -> bytes:
        """Make an assertion, approving its bond first; give its id."""
        approve(self.token, caller, self.address, draft.bond)
        parties = (asserter, draft.recipient, draft.manager)
        money = (draft.liveness, draft.currency, draft.bond)
        values = (draft.claim, *parties, *money, draft.identifier, draft.domain)
        return self._id_in(self.contract.transact(caller, "assertTruth", *values))

    def assert_with_defaults(self, caller: Account, claim: bytes, asserter: Address) -> bytes:
        """Make a plain assertion with the default bond, liveness and arbiter; give its id."""
        approve(self.token, caller, self.address, self.minimum_bond())
        values = (claim, asserter)
        return self._id_in(self.contract.transact(caller, "assertTruthWithDefaults", *values))

    def dispute(self, caller: Account, assertion: bytes, disputer: Address) -> Receipt:
        """Deny an assertion with a bond as high as its own, approving that first."""
        approve(self.token, caller, self.address, self.assertion(assertion).bond)
        return self.contract.transact(caller, "disputeAssertion", assertion, disputer)

    def settle(self, anyone: Account, assertion: bytes) -> Receipt:
        """Settle an assertion whose time has come."""
        return self.contract.transact(anyone, "settleAssertion", assertion)

    def withdraw(self, anyone: Account, account: Address) -> Receipt:
        """Pay an arbiter's provider what it earned."""
        return self.contract.transact(anyone, "withdraw", account)

    def result(self, assertion: bytes) -> bool:
        """Fetch the result of a settled assertion; `Reverted` before that."""
        return bool(self.contract.call("getAssertionResult", assertion))

    def minimum_bond(self) -> int:
        """Fetch the least bond, in base units."""
        return int(self.contract.call("getMinimumBond", self.currency))

    def credit(self, account: Address) -> int:
        """Fetch what a provider earned and has not drawn, in base units."""
        return int(self.contract.call("credit", account))

    def assertion(self, assertion: bytes) -> Assertion:
        """Fetch an assertion; all zeros if there is none."""
        found = self.contract.call("getAssertion", assertion)
        settings, asserter, time, settled, _, expires, is_true, domain, identifier = found[:9]
        bond, recipient, disputer = found[9:]
        caller, manager = settings[3:]
        kept = (bond, identifier, domain, recipient, manager)
        return Assertion(asserter, caller, disputer, time, expires, settled, is_true, *kept)

    def _id_in(self, receipt: Receipt) -> bytes:
        events = self.contract.events_in(receipt)
        return bytes(next(e.args["assertionId"] for e in events if e.name == "AssertionMade"))
