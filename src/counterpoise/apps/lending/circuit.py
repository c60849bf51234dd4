"""The zero-knowledge level of the demonstration: keys made once, pinned by the model's owner."""

from __future__ import annotations

from pathlib import Path

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.inference import IntegerModel, Net
from counterpoise.network import Network
from counterpoise.verification import (
    Evidence,
    Level,
    Request,
    Status,
    Zk,
    ZkClient,
    ZkKey,
    load_key,
    make_development_srs,
    make_key,
)

ROWS = 10
"""Rows of the circuit, as a power of two, that a linear model of 46 inputs fits in."""
NO_EXTRA = "skipped: needs the zk extra"
NO_VERIFIER = "skipped: this network has no verifier of proofs"


def open_zk(
    network: Network, owner: Account, net: Net, folder: Path
) -> tuple[Measured | None, str]:
    """Give the prover of the level, or None and why there is none.

    The first call makes a development SRS and the keys in `folder`, and pins the key; whoever
    knows the secret of a development SRS can forge, and the chain marks the key as such.

    Parameters
    ----------
    owner :
        The owner of the model.
    """
    if "ZkProofs" not in network.charter.contracts:
        return None, NO_VERIFIER
    client = ZkClient(network.contract("ZkProofs"))
    try:
        key = _key(net, folder)
    except MissingExtra:
        return None, NO_EXTRA
    try:
        client.pin_of(net.id)
    except InputError:
        client.pin(owner, key)
    network.store.put((key.folder / "settings.json").read_bytes())
    return Measured(Zk(client, key)), ""


class Measured:
    """A prover of zero-knowledge proofs that remembers how long they were, with their key.

    Parameters
    ----------
    zk :
        Does the work.
    """

    level = Level.ZK

    def __init__(self, zk: Zk) -> None:
        self.zk = zk
        self.sizes: dict[int, int] = {}

    def prove(self, model: IntegerModel, request: Request) -> Evidence:
        """Prove, and note the bytes of proof and key by the request's number."""
        made = self.zk.prove(model, request)
        self.sizes[request.id] = len(made.proof) + 32 * len(self.zk.key.words)
        return made

    def verify(self, model: IntegerModel, request: Request, evidence: Evidence) -> None:
        """Raise `VerificationError` unless the proof proves this answer to this input."""
        self.zk.verify(model, request, evidence)

    def advance(self, account: Account, request: Request, evidence: Evidence) -> Status:
        """Bring the proof unless the question is decided; tell where it stands."""
        return self.zk.advance(account, request, evidence)


def _key(net: Net, folder: Path) -> ZkKey:
    """Load the keys that were made, or make them."""
    if (folder / "key" / "key.json").is_file():
        return load_key(folder / "key")
    make_development_srs(folder, ROWS)
    return make_key(net, folder / "key", folder)
