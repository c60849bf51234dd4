"""A data owner in a federation: trains on its own rows, commits, then reveals.

Only integers leave: the update, its salt and signatures. What a participant would need after
a crash, it keeps in a folder of its own.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from counterpoise.chain import Account
from counterpoise.core.claims_tree import ClaimsTree
from counterpoise.core.digest import dag_cbor, from_dag_cbor, sha256
from counterpoise.core.errors import VerificationError
from counterpoise.federation.evidence import (
    Notary,
    commitment_digest,
    commitment_leaf,
    read_signed,
)
from counterpoise.federation.home import keep_file
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rules.round_trace import STATISTICS_ROUND
from counterpoise.federation.terms import Terms
from counterpoise.provenance import Envelope, Subject
from counterpoise.store import Store


class Trainer(Protocol):
    """What a participant does with its rows; honest or not."""

    def statistics(self, terms: Terms) -> bytes:
        """Give the blob of round 1: sums over the raw integer rows."""
        ...

    def update(self, terms: Terms, round_id: int, model: ModelFile) -> bytes:
        """Give the blob of a training round: a clipped int32 step from `model`."""
        ...


class Witness(Protocol):
    """The chain as a participant uses it in a round."""

    def commitments_root(self, job: int, round_id: int) -> bytes | None:
        """Give the root that was posted for a round's commitments, if one was."""
        ...

    def post_commitment(self, account: Account, job: int, round_id: int, digest: bytes) -> None:
        """Post one's own commitment, when the coordinator left it out."""
        ...


@dataclass
class Participant:
    """One member of a job.

    Parameters
    ----------
    name :
        For people, such as ``"cleveland"``.
    notary :
        Its account and clock.
    terms :
        The job's terms, as its sponsor signed them.
    dataset :
        Digest of its dataset statement.
    trainer :
        What it does with its rows.
    store :
        Where its updates are revealed.
    witness :
        The chain; None where the coordinator's word is enough.
    folder :
        Its own private folder; None keeps what is pending in memory.
    """

    name: str
    notary: Notary
    terms: Terms
    dataset: bytes
    trainer: Trainer
    store: Store
    witness: Witness | None = None
    folder: Path | None = None
    salt: Callable[[int], bytes] = os.urandom
    _pending: dict[int, dict[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def address(self) -> bytes:
        """The address of its account."""
        return self.notary.account.address

    def commitment(self, opening: bytes) -> bytes:
        """Train for the opened round and commit to the update; the same again when asked again.

        Raises
        ------
        VerificationError :
            The coordinator did not sign the opening, or it is of another job.
        """
        statement = read_signed(Envelope.from_bytes(opening), "opening", self.terms.coordinator)
        if statement.predicate["job"] != self.terms.job:
            raise VerificationError(f"an opening of job {statement.predicate['job']}")
        round_id, base = statement.predicate["round"], bytes.fromhex(statement.predicate["base"])
        pending = self._load(round_id)
        if pending is None or pending["base"] != base:
            pending = self._train(round_id, base)
            self._keep(round_id, pending)
        return bytes(pending["commitment"])

    def reveal(self, closing: bytes) -> bytes:
        """Reveal the update of a round once its commitments are closed on the chain.

        Only now does the update go to the store, where others could copy it. The same reveal
        is given when asked again: two different ones would be refused as duplicates. A
        participant that finds its commitment left out posts it on the chain itself.
        """
        statement = read_signed(Envelope.from_bytes(closing), "closing", self.terms.coordinator)
        round_id = statement.predicate["round"]
        pending = self._load(round_id)
        if pending is None:
            raise VerificationError(f"nothing was committed in round {round_id}")
        self._check_closed(round_id, statement.predicate, pending)
        self.store.put(pending["blob"])
        if "reveal" not in pending:
            pending["reveal"] = self._reveal(round_id, pending)
            self._keep(round_id, pending)
        return bytes(pending["reveal"])

    def _reveal(self, round_id: int, pending: dict[str, Any]) -> bytes:
        update = sha256(pending["blob"])
        inputs = [
            {"sha256": self.dataset, "role": "dataset"},
            {"sha256": pending["base"], "role": "base"},
        ]
        envelope = self.notary.state(
            "update",
            [Subject(f"update of {self.name}", update)],
            inputs=inputs,
            job=self.terms.job,
            round=round_id,
            update=update,
            salt=pending["salt"],
            base=pending["base"],
        )
        return envelope.to_bytes()

    def _train(self, round_id: int, base: bytes) -> dict[str, Any]:
        model = ModelFile.from_bytes(self.store.fetch(base))
        if round_id == STATISTICS_ROUND:
            blob = self.trainer.statistics(self.terms)
        else:
            blob = self.trainer.update(self.terms, round_id, model)
        salt, address = self.salt(16), self.address
        digest = commitment_digest(self.terms, round_id, address, sha256(blob), salt)
        leaf = commitment_leaf(self.terms, round_id, address, digest)
        envelope = self.notary.state(
            "commitment",
            [Subject(f"commitment of {self.name}", digest)],
            job=self.terms.job,
            round=round_id,
            digest=digest,
            base=base,
            signature=self.notary.account.sign_digest(leaf),
        )
        commitment = envelope.to_bytes()
        record = {"base": base, "blob": blob, "salt": salt, "digest": digest}
        return {**record, "commitment": commitment}

    def _check_closed(
        self, round_id: int, closing: Mapping[str, Any], pending: dict[str, Any]
    ) -> None:
        blob = self.store.fetch(bytes.fromhex(closing["leaves"]))
        leaves = cast("list[bytes]", from_dag_cbor(blob))
        root = ClaimsTree(leaves).root if leaves else bytes(32)
        if root.hex() != closing["root"]:
            raise VerificationError("the closing's root is not that of its leaves")
        if self.witness is None:
            return
        if self.witness.commitments_root(self.terms.job, round_id) != root:
            raise VerificationError("the closing's root is not the one on the chain")
        own = commitment_leaf(self.terms, round_id, self.address, pending["digest"])
        if own not in leaves:
            self.witness.post_commitment(
                self.notary.account, self.terms.job, round_id, pending["digest"]
            )

    def _load(self, round_id: int) -> dict[str, Any] | None:
        if self.folder is not None and round_id not in self._pending:
            path = self.folder / f"job-{self.terms.job}-round-{round_id}.cbor"
            if path.exists():
                kept = from_dag_cbor(path.read_bytes())
                self._pending[round_id] = cast("dict[str, Any]", kept)
        return self._pending.get(round_id)

    def _keep(self, round_id: int, pending: dict[str, Any]) -> None:
        self._pending = {round_id: pending}
        if self.folder is None:
            return
        path = self.folder / f"job-{self.terms.job}-round-{round_id}.cbor"
        keep_file(path, dag_cbor(pending))
        for old in self.folder.glob(f"job-{self.terms.job}-round-*.cbor"):
            if old != path:
                old.unlink()
