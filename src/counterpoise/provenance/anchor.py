"""The anchor's client: the only Python that knows the `Anchor` contract's interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance.checkpoint import Head
from counterpoise.provenance.receipt import AnchorReference

if TYPE_CHECKING:
    from counterpoise.chain import Account, Contract, Domain
    from counterpoise.chain import Receipt as ChainReceipt
    from counterpoise.provenance.log import Log

HEAD_TYPE = "Head(bytes32 log_id,uint256 size,bytes32 root)"


@dataclass(frozen=True, slots=True)
class LogName:
    """What names a log on a chain: who anchors it, what it is called, and which key signs it.

    Parameters
    ----------
    owner :
        Address of the account that anchors it, 20 bytes.
    origin, vkey :
        As in its checkpoints.
    """

    owner: bytes
    origin: str
    vkey: str

    @property
    def identity(self) -> bytes:
        """Keccak-256 over the hashes of origin and verifier key."""
        return keccak(keccak(self.origin.encode()) + keccak(self.vkey.encode()))

    @property
    def log_id(self) -> bytes:
        """Keccak-256 over owner and identity: nobody else's account leads to it."""
        return keccak(self.owner.rjust(32, b"\0") + self.identity)


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
        self, account: Account, name: LogName, size: int, root: bytes, proof: Sequence[bytes]
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
            The name has another owner: the head would stand under another id.
        """
        if account.address != name.owner:
            raise InputError(
                f"0x{account.address.hex()} does not own this log, 0x{name.owner.hex()} does",
                hint="anchor with the owner's account, or with its signature",
            )
        return self._contract.transact(account, "anchor", name.identity, size, root, list(proof))

    def sign_head(self, owner: Account, name: LogName, size: int, root: bytes) -> bytes:
        """Sign a head for anyone to anchor: 65 bytes, good on this chain and contract alone."""
        from counterpoise.chain import eip712_digest

        digest = eip712_digest(self._domain(), HEAD_TYPE, (name.log_id, size, root))
        return owner.sign_digest(digest)

    def anchor_signed(
        self,
        sender: Account,
        name: LogName,
        size: int,
        root: bytes,
        proof: Sequence[bytes],
        signature: bytes,
    ) -> ChainReceipt:
        """Anchor a head that its owner signed; the sender pays the gas."""
        if len(signature) != 65:
            raise InputError(f"a signature has 65 bytes, not {len(signature)}")
        r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
        arguments = (name.owner, name.identity, size, root, list(proof), signature[64], r, s)
        return self._contract.transact(sender, "anchor_signed", *arguments)

    def publish(self, account: Account, log: Log) -> AnchorReference:
        """Anchor a log's latest checkpoint, unless it is anchored already.

        Raises
        ------
        VerificationError :
            The chain holds a head that the log does not continue; nothing is sent.
        """
        name = LogName(account.address, log.origin, log.vkey)
        known, checkpoint = self.head(name.log_id), log.checkpoint()
        if known.size:
            log.check_head(known)
        if checkpoint.size > known.size:
            proof = log.consistency(known.size, checkpoint.size)
            self.anchor(account, name, checkpoint.size, checkpoint.root, proof)
        return self.reference(name.log_id)

    def reference(self, log_id: bytes, *, size: int | None = None) -> AnchorReference:
        """Find where a head was anchored: the newest one, or the first that holds `size` entries.

        Raises
        ------
        InputError :
            No such head was anchored.
        VerificationError :
            The newest event is not what the contract holds.
        """
        events = [e for e in self._contract.events("Anchored") if e.args["log_id"] == log_id]
        held = self.head(log_id)
        if events and (events[-1].args["size"], events[-1].args["root"]) != (held.size, held.root):
            raise VerificationError("the newest Anchored event is not the head the contract holds")
        found = [e for e in events if size is None or e.args["size"] >= size]
        if not found:
            raise InputError(
                f"no head of {size or 'any'} entries of this log is anchored",
                hint="anchor it: AnchorClient.publish",
            )
        event = found[-1] if size is None else found[0]
        chain = self._contract.chain
        time = chain.block(event.block_number).time
        return AnchorReference(
            chain.chain_id(),
            self._contract.address,
            log_id,
            Head(event.args["size"], event.args["root"], time),
            event.block_number,
            event.tx_hash,
        )

    def check_inclusion(
        self, log_id: bytes, leaf: bytes, index: int, proof: Sequence[bytes]
    ) -> bool:
        """Ask the contract whether a leaf hash is at an index of the anchored tree."""
        return bool(self._contract.call("check_inclusion", log_id, leaf, index, list(proof)))

    def _domain(self) -> Domain:
        from counterpoise.chain import Domain

        chain_id = self._contract.chain.chain_id()
        return Domain("Counterpoise Anchor", "1", chain_id, self._contract.address)
