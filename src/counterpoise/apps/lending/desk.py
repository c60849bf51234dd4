"""Typed calls to a loan desk, and the attestation without which it takes no application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from counterpoise.apps.lending.pricing import Policy, Terms, check_curve
from counterpoise.apps.lending.rules import Loan, Status
from counterpoise.chain import Account, Contract, Domain, Event, Receipt, deploy, eip712_digest
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address

NAME, VERSION = "Counterpoise Loan Desk", "1"
APPLICATION = (
    "Application(address applicant,bytes32 input,uint256 amount,uint256 months,uint256 expires)"
)


@dataclass(frozen=True, slots=True)
class Application:
    """What the attester signs: that the data behind a commitment are the applicant's own and true.

    Parameters
    ----------
    applicant :
        Who alone may apply with it.
    commitment :
        ``input_commitment(salt, values)``; good for one application.
    amount :
        Base units asked for; as the committed data say.
    months :
        The term asked for; as the committed data say.
    expires :
        The last second in which it is good, Unix seconds.
    """

    applicant: Address
    commitment: bytes
    amount: int
    months: int
    expires: int

    def digest(self, domain: Domain) -> bytes:
        """Give the 32 bytes that the attester signs."""
        values = (self.applicant, self.commitment, self.amount, self.months, self.expires)
        return eip712_digest(domain, APPLICATION, values)


class DeskClient:
    """The loan desk at one address.

    Parameters
    ----------
    contract :
        The deployed ``LoanDesk``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address

    @classmethod
    def deploy(
        cls,
        account: Account,
        oracle: Contract,
        *,
        lender: Address,
        clerk: Address,
        attester: Address,
        policy: Policy,
    ) -> DeskClient:
        """Deploy a desk that asks one oracle and lends by one policy for ever.

        Raises
        ------
        InputError :
            The policy's curve makes no sense.
        """
        check_curve(policy.curve)
        people = (lender, clerk, attester)
        made = deploy(oracle.chain, account, "LoanDesk", oracle.address, *people, policy.to_abi())
        return cls(made)

    def domain(self) -> Domain:
        """Give the domain in which attestations for this desk are good."""
        return Domain(NAME, VERSION, self.contract.chain.chain_id(), self.address)

    def attest(self, attester: Account, application: Application) -> bytes:
        """Sign an application; gives the 65-byte signature."""
        return attester.sign_digest(application.digest(self.domain()))

    def policy(self) -> Policy:
        """Fetch what the desk lends by."""
        return Policy.from_abi(self.contract.call("policy"))

    def price(self, logit: int) -> Terms:
        """Fetch the terms that the policy gives to a logit."""
        return Terms(*self.contract.call("price", logit))

    def money(self) -> tuple[int, int, int]:
        """Fetch what is free, kept and lent, in base units."""
        free, held, lent = (int(self.contract.call(name)) for name in ("free", "held", "lent"))
        return free, held, lent

    def loan(self, number: int) -> Loan:
        """Fetch a loan.

        Raises
        ------
        InputError :
            There is none of this number.
        """
        borrower, status, *rest = self.contract.call("terms", number)
        if status == 0:
            raise InputError(
                f"the desk has no loan {number}", hint="a loan is named by its request"
            )
        return Loan(borrower, Status(status), *rest)

    def owed(self, number: int) -> int:
        """Fetch what pays a loan back in full now."""
        return int(self.contract.call("owed", number))

    def applications(self) -> list[Event]:
        """Fetch every application, oldest first."""
        return self.contract.events("Applied")

    def deposit(self, lender: Account, amount: int) -> Receipt:
        """Put money in; the desk must be allowed to take it."""
        return self.contract.transact(lender, "deposit", amount)

    def withdraw(self, lender: Account, amount: int) -> Receipt:
        """Take free money out."""
        return self.contract.transact(lender, "withdraw", amount)

    def apply(
        self,
        applicant: Account,
        application: Application,
        signature: bytes,
        *,
        level: int,
        fee: int,
    ) -> Receipt:
        """Ask for a loan; the desk must be allowed to take the fee. See `number_in`."""
        asked = (application.commitment, application.amount, application.months)
        proof = (application.expires, signature)
        return self.contract.transact(applicant, "apply", *asked, level, fee, *proof)

    def number_in(self, receipt: Receipt) -> int:
        """Give the number of the loan that a transaction asked for."""
        applied = [e for e in self.contract.events_in(receipt) if e.name == "Applied"]
        return int(applied[0].args["id"])

    def settle(self, account: Account, number: int) -> Receipt:
        """Decide by an answer that did not arrive, or end what the oracle will not answer."""
        return self.contract.transact(account, "settle", number)

    def explain(self, clerk: Account, number: int, reasons: bytes) -> Receipt:
        """Publish the digest of a decline's reasons."""
        return self.contract.transact(clerk, "explain", number, reasons)

    def accept(self, borrower: Account, number: int) -> Receipt:
        """Take an offer."""
        return self.contract.transact(borrower, "accept", number)

    def lapse(self, account: Account, number: int) -> Receipt:
        """Free the money of an offer whose window is over."""
        return self.contract.transact(account, "lapse", number)

    def repay(self, payer: Account, number: int, amount: int) -> Receipt:
        """Pay back; the desk must be allowed to take it, and takes no more than is owed."""
        return self.contract.transact(payer, "repay", number, amount)

    def write_off(self, lender: Account, number: int) -> Receipt:
        """Declare a late loan in default."""
        return self.contract.transact(lender, "write_off", number)

    def history(self, number: int) -> list[Event]:
        """Fetch every event of one loan, in order."""
        found: list[Any] = [e for e in self.contract.events() if e.args.get("id") == number]
        return found
