"""The owner's own folder: rows' commitment, policies, admitted code, secrets, ledger, results.

HOME/lock, rows.salts, rows.leaves   held by one process; the commitment to the rows
HOME/dataset.json, dataset.envelope  where the rows are and what their columns mean; the statement
HOME/policies/, manifests/, code/    by digest; policies beside the envelopes that sign them
HOME/secret.key                      noise and blinds follow from it
HOME/ledger.jsonl, results/          what was promised and done; results by request
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.federation import CommittedRows, Home, load_rows
from counterpoise.market.compute_to_data.algorithms import CODE, Manifest
from counterpoise.market.compute_to_data.ledger import POLICY, RESULT, Ledger, write_durably
from counterpoise.market.compute_to_data.overlap import OUTSIDE, Groups, classes_after, untouched
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.records import read_object
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.rows import Columns, Rows
from counterpoise.provenance import Envelope

MAX_OFFER = 1 << 16
NOISE_KEY = b"counterpoise noise key\0"


class OwnerHome:
    """One dataset's folder, for its owner's eyes alone.

    Parameters
    ----------
    folder :
        Made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._home = Home(folder)
        self._classes: tuple[int, Groups] | None = None

    def occupied(self) -> AbstractContextManager[None]:
        """Hold the folder for this process; `Busy` where another does."""
        return self._home.occupied()

    def load(self, name: str) -> bytes:
        """Load a file of this folder.

        Raises
        ------
        InputError :
            There is none.
        """
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            raise InputError(
                f"there is no {name} in {self.folder}", hint="counterpoise market data offer"
            ) from None
        except OSError as failed:
            raise StorageError(f"{self.folder / name} cannot be read: {failed}") from failed

    def keep(self, name: str, data: bytes) -> None:
        """Keep a file, whole and durable."""
        write_durably(self.folder / name, data)

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.folder / name).is_file()

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, read once."""
        return Ledger(self.folder / "ledger.jsonl")

    @cached_property
    def secret(self) -> bytes:
        """The secret of this dataset, made when it is first asked for."""
        if not self.has("secret.key"):
            self.keep("secret.key", secrets.token_bytes(32))
        return self.load("secret.key")

    @property
    def noise_key(self) -> bytes:
        """What a policy says of the key from which noise follows: its SHA-256."""
        return sha256(NOISE_KEY + self.secret)

    def commit(self, path: Path, columns: Columns) -> CommittedRows:
        """Load rows from a CSV file and commit to them; the same rows ever after.

        Raises
        ------
        InputError :
            A cell is not as declared, or the folder has committed to other rows.
        """
        values = load_rows(path, columns.features, columns.label, columns.classes)
        found = self._home.commit(values, columns.names)
        offer = {"rows": str(path.resolve()), "columns": columns.to_record()}
        self.keep("dataset.json", canonical_json(offer))
        return found

    @cached_property
    def rows(self) -> Rows:
        """The rows, which must be those that were committed to."""
        offer = read_object(self.load("dataset.json"), "dataset", MAX_OFFER)
        columns = Columns.from_record(offer["columns"])
        features = columns.features
        values = load_rows(Path(offer["rows"]), features, columns.label, columns.classes)
        committed = self._home.commit(values, columns.names)
        if committed.root.hex() != self.dataset.statement.predicate["row_root"]:
            raise VerificationError("the rows are not those of the dataset statement")
        return Rows(columns, np.ascontiguousarray(values))

    @cached_property
    def dataset(self) -> Envelope:
        """The signed dataset statement."""
        return Envelope.from_bytes(self.load("dataset.envelope"))

    @property
    def row_root(self) -> bytes:
        """The root that the dataset statement tells."""
        return bytes.fromhex(self.dataset.statement.predicate["row_root"])

    def take_policy(self, policy: DataPolicy, envelope: Envelope) -> None:
        """Let a signed policy be in force from now on."""
        name = policy.digest.hex()
        self.keep(f"policies/{name}.json", policy.to_bytes())
        self.keep(f"policies/{name}.envelope", envelope.to_bytes())
        self.ledger.add(POLICY, policy=name)

    @property
    def policy(self) -> DataPolicy:
        """The policy in force: the one taken last."""
        taken = [line["policy"] for line in self.ledger.lines if line["event"] == POLICY]
        if not taken:
            raise InputError("no policy is in force", hint="counterpoise market data policy")
        return self.policy_of(bytes.fromhex(taken[-1]))

    def policy_of(self, digest: bytes) -> DataPolicy:
        """Load a policy that is or was in force."""
        found = DataPolicy.from_bytes(self.load(f"policies/{digest.hex()}.json"))
        if found.digest != digest:
            raise VerificationError(f"policy {digest.hex()} is kept with other content")
        return found

    def admit(self, manifest: Manifest, source: bytes = b"") -> None:
        """Keep an algorithm that its owner has reviewed; a policy still has to name it."""
        if manifest.kind == CODE:
            if sha256(source) != manifest.code:
                raise InputError("the code is not the one that the manifest names")
            self.keep(f"code/{manifest.code.hex()}.py", source)
        self.keep(f"manifests/{manifest.digest.hex()}.json", manifest.to_bytes())

    def manifest(self, digest: bytes) -> Manifest:
        """Load the manifest of an admitted algorithm; not admitted, by ``algorithm``, if none."""
        name = f"manifests/{digest.hex()}.json"
        if not self.has(name):
            raise NotAdmitted("algorithm", f"no algorithm {digest.hex()} was admitted")
        found = Manifest.from_bytes(self.load(name))
        if found.digest != digest:
            raise NotAdmitted("code", "the manifest at hand is not the one that was admitted")
        return found

    def find_manifest(self, name: str) -> Manifest:
        """Load an admitted manifest by its name or the beginning of its digest."""
        files = sorted((self.folder / "manifests").glob("*.json"))
        found = [self.manifest(bytes.fromhex(file.stem)) for file in files]
        fitting = [m for m in found if name in (m.name, m.kind) or m.digest.hex().startswith(name)]
        if len(fitting) != 1:
            known = ", ".join(m.name for m in found) or "none"
            raise InputError(f"{len(fitting)} admitted algorithms are called {name!r}: {known}")
        return fitting[0]

    def code(self, manifest: Manifest) -> bytes:
        """Load admitted code; not admitted, by ``code``, where it has been changed."""
        name = f"code/{manifest.code.hex()}.py"
        source = self.load(name) if self.has(name) else b""
        if sha256(source) != manifest.code:
            raise NotAdmitted("code", "the code at hand is not the one that was admitted")
        return source

    def classes(self, requests: Sequence[bytes] | None = None) -> Groups:
        """Give the classes of rows that answers make; see `overlap`.

        Parameters
        ----------
        requests :
            The answered requests; all so far where None, which are read once.
        """
        if requests is not None:
            return classes_after(untouched(len(self.rows)), map(self._groups, requests))
        lines = self.answered()
        known, classes = self._classes or (0, untouched(len(self.rows)))
        new = (self._groups(bytes.fromhex(line["request"])) for line in lines[known:])
        self._classes = (len(lines), classes_after(classes, new))
        return self._classes[1]

    def answered(self) -> list[dict[str, Any]]:
        """Give the ledger's lines from which rows are sorted: of results, and of trainings."""
        return [line for line in self.ledger.lines if line["event"] == RESULT or line.get("task")]

    def _groups(self, request: bytes) -> Groups:
        """Load how an answer sorted the rows; nowhere, where its noise makes that no matter."""
        name = f"results/{request.hex()}.groups"
        if not self.has(name):
            return np.full(len(self.rows), OUTSIDE, dtype=np.int64)
        return np.frombuffer(self.load(name), "<i8").astype(np.int64)
