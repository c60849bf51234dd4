"""Typed calls to the registry of feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from counterpoise.chain import Account, Chain, Contract, Receipt, deploy
from counterpoise.core.units import Address
from counterpoise.identity.rules import Entry, Mean, check_rating


class ReputationClient:
    """The registry of feedback at one address.

    Parameters
    ----------
    contract :
        A ``ReputationRegistry``; one of a public deployment will do for reading.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address

    @classmethod
    def deploy(cls, chain: Chain, account: Account, identity: Address) -> ReputationClient:
        """Deploy a registry of feedback on the agents of another."""
        return cls(deploy(chain, account, "ReputationRegistry", identity))

    def give(
        self,
        client: Account,
        agent: int,
        value: int,
        *,
        decimals: int = 0,
        tags: tuple[str, str] = ("", ""),
        endpoint: str = "",
        uri: str = "",
        digest: bytes = bytes(32),
    ) -> Receipt:
        """Rate an agent by `value` / 10 ** `decimals`.

        Parameters
        ----------
        tags :
            Two, of at most 64 bytes; empty for none.
        endpoint, uri, digest :
            What was used, a file about it, and that file's digest: kept in the log only.

        Raises
        ------
        InputError :
            A number or a text is out of bounds.
        Reverted :
            There is no such agent, or the client owns it or acts for its owner.
        """
        check_rating(value, decimals, tags, endpoint, uri)
        args = (agent, value, decimals, *tags, endpoint, uri, digest)
        return self.contract.transact(client, "giveFeedback", *args)

    def revoke(self, client: Account, agent: int, index: int) -> Receipt:
        """Take one's own feedback back."""
        return self.contract.transact(client, "revokeFeedback", agent, index)

    def respond(
        self,
        anyone: Account,
        agent: int,
        client: Address,
        index: int,
        uri: str = "",
        digest: bytes = bytes(32),
    ) -> Receipt:
        """Answer a feedback."""
        return self.contract.transact(anyone, "appendResponse", agent, client, index, uri, digest)

    def entry(self, agent: int, client: Address, index: int) -> Entry:
        """Fetch one rating as storage has it; its place in the log stays 0."""
        value, decimals, *tags, revoked = self.contract.call("readFeedback", agent, client, index)
        return Entry(client, index, value, decimals, (tags[0], tags[1]), revoked)

    def entries(self, agent: int, from_block: int = 0) -> list[Entry]:
        """Fetch every rating of an agent from the log, in order, however many there are."""
        shapes = self.contract.interface
        kinds = [*shapes.topics("NewFeedback"), *shapes.topics("FeedbackRevoked")]
        last = self.contract.chain.block("latest").number
        wanted: list[bytes | Sequence[bytes] | None] = [kinds, agent.to_bytes(32, "big")]
        logs = self.contract.chain.logs(from_block, last, [self.address], wanted)
        found: dict[tuple[Address, int], Entry] = {}
        for event in filter(None, map(self.contract.decode, logs)):
            args = event.args
            key = (args["clientAddress"], args["feedbackIndex"])
            if event.name == "FeedbackRevoked":
                found[key] = replace(found[key], revoked=True)
                continue
            tags = (args["tag1"], args["tag2"])
            place = (event.block_number, event.log_index)
            found[key] = Entry(*key, args["value"], args["valueDecimals"], tags, False, *place)
        return list(found.values())

    def summary(
        self, agent: int, clients: Sequence[Address], tags: tuple[str, str] = ("", "")
    ) -> Mean:
        """Fetch the contract's mean over the named clients, each counted alike, paid or not."""
        return Mean(*self.contract.call("getSummary", agent, list(clients), *tags))

    def clients(self, agent: int) -> list[Address]:
        """Fetch who rated an agent; of more than 1,024 the latest."""
        return list(self.contract.call("getClients", agent))

    def count(self, agent: int, client: Address) -> int:
        """Fetch how often a client rated an agent."""
        return int(self.contract.call("getLastIndex", agent, client))

    def responses(
        self,
        agent: int,
        client: Address = bytes(20),
        index: int = 0,
        responders: Sequence[Address] = (),
    ) -> int:
        """Fetch how many responses there are; zero and empty stand for all."""
        args = (agent, client, index, list(responders))
        return int(self.contract.call("getResponseCount", *args))
