"""Typed calls to the registry of validations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from counterpoise.chain import Account, Chain, Contract, Receipt, deploy
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address

BEST = 100


@dataclass(frozen=True, slots=True)
class Validation:
    """Where a request stands.

    Parameters
    ----------
    response :
        0 (failed) to 100 (passed); 0 as well until it is answered.
    digest :
        Of the validator's evidence.
    time :
        Of the last change, Unix seconds.
    """

    validator: Address
    agent: int
    response: int
    digest: bytes
    tag: str
    time: int


class ValidationClient:
    """The registry of validations at one address.

    Parameters
    ----------
    contract :
        A ``ValidationRegistry``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address

    @classmethod
    def deploy(cls, chain: Chain, account: Account, identity: Address) -> ValidationClient:
        """Deploy a registry of validations of the agents of another."""
        return cls(deploy(chain, account, "ValidationRegistry", identity))

    def request(
        self, account: Account, validator: Address, agent: int, request: bytes, uri: str = ""
    ) -> Receipt:
        """Ask a validator; the agent's owner, or who acts for it.

        Parameters
        ----------
        request :
            Digest of what is to be validated, 32 bytes; used once.
        uri :
            Where that lies.
        """
        return self.contract.transact(account, "validationRequest", validator, agent, uri, request)

    def respond(
        self,
        validator: Account,
        request: bytes,
        response: int,
        *,
        uri: str = "",
        digest: bytes = bytes(32),
        tag: str = "",
    ) -> Receipt:
        """Answer a request from 0 to 100, for the first time or again."""
        if not 0 <= response <= BEST:
            raise InputError(f"a response of {response}, from 0 to {BEST} wanted")
        args = (request, response, uri, digest, tag)
        return self.contract.transact(validator, "validationResponse", *args)

    def status(self, request: bytes) -> Validation:
        """Fetch where a request stands; `Reverted` if there is none."""
        return Validation(*self.contract.call("getValidationStatus", request))

    def summary(
        self, agent: int, validators: Sequence[Address] = (), tag: str = ""
    ) -> tuple[int, int]:
        """Fetch how many requests were answered, and the mean answer, floored."""
        count, mean = self.contract.call("getSummary", agent, list(validators), tag)
        return count, mean

    def of_agent(self, agent: int) -> list[bytes]:
        """Fetch the requests about an agent; of more than 1,024 the latest."""
        return list(self.contract.call("getAgentValidations", agent))

    def of_validator(self, validator: Address) -> list[bytes]:
        """Fetch the requests to a validator; of more than 1,024 the latest."""
        return list(self.contract.call("getValidatorRequests", validator))
