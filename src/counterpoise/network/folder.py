"""Opens a network in a folder, or visits one of somebody else.

DIR/network.json      the charter
DIR/chain/            the embedded chain
DIR/log/              the evidence log (tiles and checkpoint)
DIR/blobs/            blobs by digest
DIR/mail/             signed envelopes between processes
DIR/local-keys.json   seed of the local keys; worth nothing on any other chain
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from counterpoise.chain import (
    Account,
    Chain,
    Contract,
    Workbench,
    artifact,
    open_chain,
)
from counterpoise.core.digest import sha256
from counterpoise.core.errors import ChainError, InputError, VerificationError
from counterpoise.network.charter import Charter
from counterpoise.provenance import (
    AnchorClient,
    AnchorReference,
    Head,
    Log,
    LogId,
    LogReader,
    log_id,
)
from counterpoise.store import Mailbox, Store

MAX_LETTER = 1 << 16
TRIES = 5
LOOK_SECONDS = 2.0


def default_state() -> Path:
    """Name the folder used where no --state is given: under the user's data directory."""
    from platformdirs import user_data_path

    return user_data_path("counterpoise") / "state"


@dataclass
class Network:
    """One running network, opened.

    Parameters
    ----------
    charter :
        Its public facts.
    chain :
        The opened chain; its id equals the charter's.
    store, mailbox :
        Where blobs and envelopes are.
    folder :
        The state folder; None for a visitor of somebody else's network.
    """

    charter: Charter
    chain: Chain
    store: Store
    mailbox: Mailbox
    folder: Path | None = None
    _log: Log | None = field(default=None, repr=False)
    _ahead: tuple[float, float] = field(default=(0.0, -LOOK_SECONDS), repr=False)

    def contract(self, name: str) -> Contract:
        """Give the deployed contract of one name, ready for typed calls."""
        if name not in self.charter.contracts:
            known = ", ".join(sorted(self.charter.contracts))
            raise InputError(f"this network has no contract {name!r}; it has {known}")
        return Contract(self.chain, self.charter.contracts[name], artifact(name))

    def account(self, name: str) -> Account:
        """Give the local key of one name, derived from the state's seed.

        Raises
        ------
        InputError :
            A visitor asks; a visitor brings its own key.
        """
        return Account.local(sha256(self._seed + b"account/" + name.encode()))

    @property
    def log(self) -> Log:
        """The evidence log, opened for writing by this process alone.

        A copy that is behind its anchored head, such as a restored backup, is refused.
        """
        if self._log is None:
            origin, head = self.charter.log_origin, self._anchor.head(self._log_id)
            anchored = head if head.size else None
            folder = self._home / "log"
            self._log = Log(folder, origin=origin, key=self.log_key, anchored=anchored)
        return self._log

    @property
    def log_key(self) -> bytes:
        """Seed of the log's signing key; a secret of the operator."""
        return sha256(self._seed + b"log")

    def log_reader(self) -> LogReader:
        """Open the evidence log for reading; every hash is checked against its checkpoint."""
        charter = self.charter
        return LogReader(self._home / "log", origin=charter.log_origin, vkey=charter.log_vkey)

    def anchor_log(self, operator: Account | None = None) -> AnchorReference:
        """Anchor the log's newest checkpoint on the chain, unless the chain has it already."""
        return self._anchor.publish(operator or self.account("operator"), self.log)

    def anchored_heads(self) -> list[Head]:
        """Fetch every head of the log that the chain has accepted, oldest first."""
        return self._anchor.heads(self._log_id)

    def fund(self, address: bytes, wei: int) -> None:
        """Give an account gas money; on a local chain only."""
        if not isinstance(self.chain, Workbench):
            raise InputError(
                "this chain does not give gas money away", hint="send some to the account"
            )
        self.chain.fund(address, wei)

    def warp(self, seconds: int) -> None:
        """Let time pass: at once on a local chain, by waiting elsewhere."""
        if isinstance(self.chain, Workbench):
            self.chain.warp(seconds)
        else:
            time.sleep(seconds)

    def clock(self) -> float:
        """Give the Unix time: this machine's, or a local chain's that was moved ahead of it.

        The chain is looked at every few seconds; one that is away is taken as it was last seen.
        """
        now = time.time()
        ahead, looked = self._ahead
        if isinstance(self.chain, Workbench) and time.monotonic() - looked >= LOOK_SECONDS:
            with suppress(ChainError):
                ahead = max(0.0, self.chain.block("latest").time - now)
            self._ahead = ahead, time.monotonic()
        return now + ahead

    @property
    def _anchor(self) -> AnchorClient:
        return AnchorClient(self.contract("Anchor"))

    @property
    def _log_id(self) -> LogId:
        charter = self.charter
        return log_id(charter.operator, charter.log_origin, charter.log_vkey)

    def close(self) -> None:
        """Release the log's lock and the chain."""
        if self._log is not None:
            self._log.close()
            self._log = None
        self.chain.close()

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _home(self) -> Path:
        if self.folder is None:
            raise InputError(
                "a visitor has no log or keys of this network",
                hint="open the state folder itself with --state DIR",
            )
        return self.folder

    @cached_property
    def _seed(self) -> bytes:
        path = self._home / "local-keys.json"
        try:
            return bytes.fromhex(json.loads(path.read_text(encoding="utf-8"))["seed"])
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"no local keys at {path}: {error}") from error


def open_network(folder: Path, *, chain: str | None = None, tries: int = TRIES) -> Network:
    """Open the network of a state folder.

    Parameters
    ----------
    chain :
        Another way to the same chain, such as the URL that ``counterpoise chain start``
        printed; the charter's own where None.
    tries :
        How often a node is asked, with longer and longer pauses, before it is `Unreachable`.
    """
    charter = Charter.load(folder / "network.json")
    url = chain or charter.chain
    opened = open_chain(url, folder=folder / "chain", **_patience(url, tries))
    network = Network(charter, opened, *shared_place(charter.store or folder), folder)
    _check_chain(network)
    return network


def visit_network(charter: Charter, *, chain: str, store: str, tries: int = TRIES) -> Network:
    """Open somebody else's network through its chain URL and its shared store.

    Parameters
    ----------
    charter :
        The charter that its operator published.
    chain :
        URL of a node of that chain.
    store :
        Folder or fsspec URL under which ``blobs`` and ``mail`` are shared.
    tries :
        How often the node is asked before it is `Unreachable`.
    """
    opened = open_chain(chain, **_patience(chain, tries))
    network = Network(charter, opened, *shared_place(store))
    _check_chain(network)
    return network


def _patience(url: str, tries: int) -> dict[str, Any]:
    return {"tries": tries} if url.startswith("http") else {}


def shared_place(place: Path | str) -> tuple[Store, Mailbox]:
    """Open the blobs and the mail under one place; a letter is no longer than a log's entry."""
    blobs, mail = (
        place / name if isinstance(place, Path) else f"{place.rstrip('/')}/{name}"
        for name in ("blobs", "mail")
    )
    return Store(blobs), Mailbox(mail, max_bytes=MAX_LETTER)


def _check_chain(network: Network) -> None:
    found = network.chain.chain_id()
    if found != network.charter.chain_id:
        network.close()
        raise InputError(
            f"the chain has id {found}, the charter says {network.charter.chain_id}",
            hint="point --chain at the chain of this network",
        )
    for name, address in network.charter.contracts.items():
        if not network.chain.code(address):
            network.close()
            raise VerificationError(
                f"no code at the address of {name} on this chain",
                hint="the chain was reset, or the charter is of another network",
            )
