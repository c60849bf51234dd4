"""Typed calls to the registry of agents, and who stood for an agent when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from counterpoise.chain import (
    Account,
    Chain,
    Contract,
    Domain,
    Event,
    Receipt,
    deploy,
    eip712_digest,
)
from counterpoise.core.errors import InputError, Reverted
from counterpoise.core.units import Address, to_checksum

NOBODY: Address = bytes(20)
CONSENT = "AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)"
MAX_AHEAD = 300
"""Seconds that a wallet's consent may lie ahead."""
MAX_URI, MAX_KEY, MAX_VALUE, MAX_ENTRIES = 2048, 64, 1024, 8


@dataclass(frozen=True, slots=True)
class Agent:
    """What the registry says of an agent; `wallet` is `NOBODY` where it has none."""

    number: int
    owner: Address
    wallet: Address
    uri: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Who owned an agent, and at which wallet it was paid, from a place on the chain on.

    Parameters
    ----------
    block, index :
        Number of the block, and of the log in it.
    """

    block: int
    index: int
    owner: Address
    wallet: Address


class IdentityClient:
    """The registry of agents at one address.

    Parameters
    ----------
    contract :
        An ``IdentityRegistry``; one of a public deployment will do for reading.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address

    @classmethod
    def deploy(cls, chain: Chain, account: Account) -> IdentityClient:
        """Deploy a registry."""
        return cls(deploy(chain, account, "IdentityRegistry"))

    @property
    def name(self) -> str:
        """The registry's name in registration files: ``eip155:<chain>:<address>``."""
        return f"eip155:{self.contract.chain.chain_id()}:{to_checksum(self.address)}"

    def register(
        self, owner: Account, uri: str = "", metadata: Mapping[str, bytes] | None = None
    ) -> int:
        """Make an agent that `owner` owns, and give its number, counted from 0.

        Parameters
        ----------
        uri :
            Where its registration file lies; at most 2048 bytes.
        metadata :
            At most 8 values of at most 1024 bytes, by key.
        """
        entries = list((metadata or {}).items())
        if len(entries) > MAX_ENTRIES:
            raise InputError(f"{len(entries)} metadata, at most {MAX_ENTRIES} at once")
        for key, text in entries:
            _check_length("a metadata's key", key.encode(), MAX_KEY)
            _check_length(f"metadata {key!r}", text, MAX_VALUE)
        _check_length("an agent's URI", uri.encode(), MAX_URI)
        args = (uri, entries) if entries else (uri,) if uri else ()
        receipt = self.contract.transact(owner, "register", *args)
        made = [e for e in self.contract.events_in(receipt) if e.name == "Registered"]
        return int(made[0].args["agentId"])

    def set_uri(self, account: Account, agent: int, uri: str) -> Receipt:
        """Say where the agent's registration file lies now."""
        _check_length("an agent's URI", uri.encode(), MAX_URI)
        return self.contract.transact(account, "setAgentURI", agent, uri)

    def set_metadata(self, account: Account, agent: int, key: str, text: bytes) -> Receipt:
        """Keep a value under a key."""
        _check_length("a metadata's key", key.encode(), MAX_KEY)
        _check_length(f"metadata {key!r}", text, MAX_VALUE)
        return self.contract.transact(account, "setMetadata", agent, key, text)

    def metadata(self, agent: int, key: str) -> bytes:
        """Fetch what is kept under a key; empty if nothing is."""
        return bytes(self.contract.call("getMetadata", agent, key))

    def consent(self, wallet: Account, agent: int, deadline: int) -> bytes:
        """Sign, with a wallet's key, that it may become an agent's wallet until `deadline`."""
        owner = self.agent(agent).owner
        values = (agent, wallet.address, owner, deadline)
        return wallet.sign_digest(eip712_digest(self.domain(), CONSENT, values))

    def set_wallet(
        self, account: Account, agent: int, wallet: Address, deadline: int, consent: bytes
    ) -> Receipt:
        """Name the wallet at which the agent is paid, with that wallet's consent."""
        return self.contract.transact(account, "setAgentWallet", agent, wallet, deadline, consent)

    def unset_wallet(self, account: Account, agent: int) -> Receipt:
        """Leave the agent without a wallet."""
        return self.contract.transact(account, "unsetAgentWallet", agent)

    def transfer(self, account: Account, agent: int, to: Address) -> Receipt:
        """Give an agent away."""
        owner = self.contract.call("ownerOf", agent)
        return self.contract.transact(account, "transferFrom", owner, to, agent)

    def agent(self, agent: int) -> Agent:
        """Fetch an agent.

        Raises
        ------
        InputError :
            There is none with this number.
        """
        try:
            owner = self.contract.call("ownerOf", agent)
        except Reverted as error:
            raise InputError(
                f"no agent {agent} is registered", hint="counterpoise identity register"
            ) from error
        wallet = self.contract.call("getAgentWallet", agent)
        return Agent(agent, owner, wallet, self.contract.call("tokenURI", agent))

    def standings(self, agent: int) -> list[Standing]:
        """Fetch who stood for an agent since when, in order, from the log of that agent alone."""
        shapes, number = self.contract.interface, agent.to_bytes(32, "big")
        found: list[Standing] = []
        owner, wallet = NOBODY, NOBODY
        moved = self._events([shapes.topics("Transfer"), None, None, number])
        named = self._events([shapes.topics("MetadataSet"), number])
        for event in sorted([*moved, *named], key=lambda one: (one.block_number, one.log_index)):
            args = event.args
            if event.name == "Transfer":
                owner = args["receiver"]
            elif args["metadataKey"] == "agentWallet":
                wallet = args["metadataValue"] or NOBODY
            else:
                continue
            found.append(Standing(event.block_number, event.log_index, owner, wallet))
        return found

    def _events(self, topics: list[bytes | Sequence[bytes] | None]) -> list[Event]:
        chain = self.contract.chain
        logs = chain.logs(0, chain.block("latest").number, [self.address], topics)
        return [event for log in logs if (event := self.contract.decode(log))]

    def domain(self) -> Domain:
        """Give what a wallet's consent is bound to."""
        chain = self.contract.chain
        return Domain("ERC8004IdentityRegistry", "1", chain.chain_id(), self.address)


def _check_length(what: str, text: bytes, most: int) -> None:
    if len(text) > most:
        raise InputError(f"{what} of {len(text)} bytes, at most {most} wanted")
