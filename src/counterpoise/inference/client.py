"""Typed calls to the registry of models."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.chain import Account, Chain, Contract, Receipt, deploy
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address
from counterpoise.inference.header import Header
from counterpoise.inference.model_file import IntegerModel

NO_CARD = bytes(32)


@dataclass(frozen=True, slots=True)
class Record:
    """What the chain holds of a model.

    Parameters
    ----------
    owner :
        Who registered it first, or was given it.
    row_root :
        Root over its rows.
    card :
        SHA-256 of its card; zeros if it has none.
    time :
        When it was registered, Unix seconds.
    """

    owner: Address
    row_root: bytes
    card: bytes
    time: int


class ModelsClient:
    """The registry of models at one address.

    Parameters
    ----------
    contract :
        The deployed ``Models``.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address

    @classmethod
    def deploy(cls, chain: Chain, account: Account) -> ModelsClient:
        """Deploy a registry."""
        return cls(deploy(chain, account, "Models"))

    def register(self, owner: Account, model: IntegerModel, card: bytes = NO_CARD) -> Receipt:
        """Register a model under its id, ``model.id``.

        Parameters
        ----------
        card :
            SHA-256 of the card's canonical bytes.

        Raises
        ------
        Reverted :
            It is registered already.
        """
        return self.contract.transact(owner, "register", model.header, model.row_root, card)

    def transfer_ownership(self, owner: Account, model: bytes, to: Address) -> Receipt:
        """Make another account the owner of a model."""
        return self.contract.transact(owner, "transfer_ownership", model, to)

    def is_registered(self, model: bytes) -> bool:
        """Fetch whether there is a model with this id."""
        return bool(self.contract.call("is_registered", model))

    def record(self, model: bytes) -> Record:
        """Fetch what is registered under an id.

        Raises
        ------
        InputError :
            Nothing is.
        """
        found = Record(*self.contract.call("record", model))
        if not found.time:
            raise InputError(
                f"no model {model.hex()} is registered", hint="counterpoise inference register"
            )
        return found

    def header(self, model: bytes) -> Header:
        """Fetch a model's header; `InputError` if it is not registered."""
        data = self.contract.call("header", model)
        if not data:
            raise InputError(
                f"no model {model.hex()} is registered", hint="counterpoise inference register"
            )
        return Header.from_bytes(data)

    def check(self, model: IntegerModel, card: bytes | None = None) -> Record:
        """Check that a model at hand is the one that is registered under its id.

        Parameters
        ----------
        card :
            SHA-256 of the card at hand; None leaves the card unchecked.

        Raises
        ------
        InputError :
            It is not registered.
        VerificationError :
            The header or the root on chain is another, or the card is.
        """
        found = self.record(model.id)
        if (self.header(model.id), found.row_root) != (model.shape, model.row_root):
            raise VerificationError(f"the chain holds another model under {model.id.hex()}")
        if card is not None and card != found.card:
            raise VerificationError(
                f"the card's digest is {card.hex()}, the chain holds {found.card.hex()}"
            )
        return found
