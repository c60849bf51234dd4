"""The anchor's client: the only Python that knows the `Anchor` contract's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance.checkpoint import Head
from counterpoise.provenance.receipt import AnchorReference

if TYPE_CHECKING:
    from counterpoise.chain import Account, Contract, Domain, Event
    from counterpoise.chain import Receipt as ChainReceipt
    from counterpoise.provenance.log import Log

HEAD_TYPE = "Head(bytes32 log_id,uint256 size,bytes32 root)"


class LogId(bytes):
    """The 32 bytes that name a log in an `Anchor`, and what they are made from.

    It is Keccak-256 over the owner's address and the log's identity, which is Keccak-256 over the
    hashes of origin and verifier key: nobody else's account leads to it.

    Parameters
    ----------
    owner :
        Address of the account that anchors the log, 20 bytes.
    origin, vkey :
        As in the log's checkpoints.
    """

    owner: bytes
    identity: bytes

    def __new__(cls, owner: bytes, origin: str, vkey: str) -> LogId:
        """Derive the id."""
        identity = keccak(keccak(origin.encode()) + keccak(vkey.encode()))
        made = super().__new__(cls, keccak(owner.rjust(32, b"\0") + identity))
        made.owner, made.identity = owner, identity
        return made


def log_id(owner: bytes, origin: str, vkey: str) -> LogId:
    """Give the id under which `owner` anchors a log."""
    return LogId(owner, origin, vkey)


class AnchorClient:
    """Typed calls of an `Anchor` contract.

    Parameters
    ----------
    contract :
        The deployed contract.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    def head(self, log_id: bytes) -> Head:
        """Give the newest anchored head of a log; size 0 where there is none."""
        size, root, time = self._contract.call("head", log_id)
        return Head(size, root, time)

    def anchor(
        self, account: Account, log_id: bytes, size: int, root: bytes, proof: Sequence[bytes]
    ) -> ChainReceipt:
        """Anchor a head of the account's own log.

        Parameters
        ----------
        proof :
            Consistency from the anchored head; empty the first time.

        Raises
        ------
        Reverted :
            The log has not grown, or the proof does not join the two heads.
        InputError :
            The id has another owner: the head would stand under another id.
        """
        made = _made_from(log_id)
        if account.address != made.owner:
            raise InputError(
                f"0x{account.address.hex()} does not own this log, 0x{made.owner.hex()} does",
                hint="anchor with the owner's account, or with its signature",
            )
        return self._contract.transact(account, "anchor", made.identity, size, root, list(proof))

    def sign_head(self, owner: Account, log_id: bytes, size: int, root: bytes) -> bytes:
        """Sign a head for anyone to anchor: 65 bytes, good on this chain and contract alone."""
        from counterpoise.chain import eip712_digest

        digest = eip712_digest(self._domain(), HEAD_TYPE, (log_id, size, root))
        return owner.sign_digest(digest)

    def anchor_signed(
        self,
        sender: Account,
        log_id: bytes,
        size: int,
        root: bytes,
        proof: Sequence[bytes],
        signature: bytes,
    ) -> ChainReceipt:
        """Anchor a head that its owner signed; the sender pays the gas."""
        if len(signature) != 65:
            raise InputError(f"a signature has 65 bytes, not {len(signature)}")
        r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
        made = _made_from(log_id)
        arguments = (made.owner, made.identity, size, root, list(proof), signature[64], r, s)
        return self._contract.transact(sender, "anchor_signed", *arguments)

    def publish(self, account: Account, log: Log) -> AnchorReference:
        """Anchor a log's latest checkpoint, unless it is anchored already.

        Raises
        ------
        VerificationError :
            The chain holds a head that the log does not continue; nothing is sent.
        """
        log_id = LogId(account.address, log.origin, log.vkey)
        known, checkpoint = self.head(log_id), log.checkpoint()
        if known.size:
            log.check_head(known)
        if checkpoint.size > known.size:
            proof = log.consistency(known.size, checkpoint.size)
            self.anchor(account, log_id, checkpoint.size, checkpoint.root, proof)
        return self.reference(log_id)

    def heads(self, log_id: bytes) -> list[Head]:
        """Give every head of a log that the contract has taken, oldest first."""
        return [self._head_of(event) for event in self._events(log_id)]

    def reference(self, log_id: bytes, *, size: int | None = None) -> AnchorReference:
        """Find where a head was anchored: the newest one, or the first that holds `size` entries.

        Raises
        ------
        InputError :
            No such head was anchored.
        VerificationError :
            The newest event is not what the contract holds.
        """
        events, held = self._events(log_id), self.head(log_id)
        if events and (events[-1].args["size"], events[-1].args["root"]) != (held.size, held.root):
            raise VerificationError("the newest Anchored event is not the head the contract holds")
        found = [event for event in events if size is None or event.args["size"] >= size]
        if not found:
            raise InputError(
                f"no head of {size or 'any'} entries of this log is anchored",
                hint="anchor it: AnchorClient.publish",
            )
        event = found[-1] if size is None else found[0]
        return AnchorReference(
            self._contract.chain.chain_id(),
            self._contract.address,
            bytes(log_id),
            self._head_of(event),
            event.block_number,
            event.tx_hash,
        )

    def check_inclusion(
        self, log_id: bytes, leaf: bytes, index: int, proof: Sequence[bytes]
    ) -> bool:
        """Ask the contract whether a leaf hash is at an index of the anchored tree."""
        return bool(self._contract.call("check_inclusion", log_id, leaf, index, list(proof)))

    def _events(self, log_id: bytes) -> list[Event]:
        return [e for e in self._contract.events("Anchored") if e.args["log_id"] == log_id]

    def _head_of(self, event: Event) -> Head:
        time = self._contract.chain.block(event.block_number).time
        return Head(event.args["size"], event.args["root"], time)

    def _domain(self) -> Domain:
        from counterpoise.chain import Domain

        chain_id = self._contract.chain.chain_id()
        return Domain("Counterpoise Anchor", "1", chain_id, self._contract.address)


def _made_from(log_id: bytes) -> LogId:
    if not isinstance(log_id, LogId):
        raise InputError(
            "only the id's owner, origin and key can anchor a log, not its 32 bytes",
            hint="give log_id(owner, origin, vkey)",
        )
    return log_id
