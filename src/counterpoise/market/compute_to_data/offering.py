"""What an owner does before anybody asks: states the dataset, admits code, signs the policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from counterpoise.chain import Account
from counterpoise.core.errors import InputError
from counterpoise.core.units import to_checksum
from counterpoise.federation import Notary
from counterpoise.market.compute_to_data.algorithms import Manifest
from counterpoise.market.compute_to_data.consents import give_consent, revoke_consent
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.letters import LOG, post, topic
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.rows import Columns
from counterpoise.network import Network
from counterpoise.provenance import (
    ENCODING,
    AccountSigner,
    AddressVerifier,
    Envelope,
    Subject,
    add_signature,
    check_envelope,
)


@dataclass
class DataOwner:
    """An owner with one dataset's folder.

    Parameters
    ----------
    clock :
        Gives POSIX seconds.
    """

    network: Network
    account: Account
    home: OwnerHome
    clock: Callable[[], int]

    def __post_init__(self) -> None:
        self.notary = Notary(self.account, self.clock)

    def offer(self, rows: Path, columns: Columns, name: str, source: str, licence: str) -> Envelope:
        """Commit to the rows and state the dataset; the same statement ever after.

        Parameters
        ----------
        rows :
            A CSV file with a header; see `federation.load_rows`. It stays where it is.
        """
        committed = self.home.commit(rows, columns)
        if not self.home.has("dataset.envelope"):
            stated = self.notary.state(
                "dataset",
                [Subject(name, committed.root)],
                schema=committed.schema.to_record(),
                encoding=ENCODING,
                rows=len(committed.values),
                row_root=committed.root,
                source=source,
                licence=licence,
                columns=columns.to_record(),
            )
            self.home.keep("dataset.envelope", stated.to_bytes())
        self._state(self.home.dataset)
        return self.home.dataset

    def admit(self, manifest: Manifest, source: bytes = b"") -> bytes:
        """Keep an algorithm that was reviewed, and publish its manifest; give its digest."""
        self.home.admit(manifest, source)
        return self.network.store.put(manifest.to_bytes())

    def draft_policy(self, policy: DataPolicy) -> Envelope:
        """Sign a policy; it is in force once its officers have signed it too and it is taken.

        Raises
        ------
        InputError :
            It is of another owner or dataset, or admits what was not admitted here.
        """
        if policy.owner != self.account.address:
            raise InputError("the policy names another owner")
        if policy.dataset != self.home.dataset.statement.digest:
            raise InputError("the policy is for another dataset than this folder's")
        for digest in policy.algorithms:
            self.home.manifest(digest)
        noise = policy.disclosure.noise
        if noise is not None and noise.key != self.home.noise_key:
            raise InputError("the policy names another key of noise than this folder's")
        return self.notary.state(
            "data-policy",
            [Subject("policy", policy.digest)],
            inputs=[{"sha256": policy.dataset, "role": "dataset"}],
            dataset=policy.dataset,
            policy=policy.digest,
        )

    def take_policy(self, policy: DataPolicy, envelope: Envelope) -> None:
        """Put a policy in force that its owner and all its officers have signed.

        Raises
        ------
        VerificationError :
            One of them has not, or signed another policy.
        """
        check_policy_signed(policy, envelope)
        self.network.store.put(policy.to_bytes())
        self.network.store.flush()
        self.home.take_policy(policy, envelope)
        self._state(envelope)

    def consent(self, buyer: bytes, purpose: str, expires: int) -> bytes:
        """Let a buyer send jobs for a purpose; give what its requests have to name."""
        stated = give_consent(self.notary, self.home, buyer, purpose, expires)
        self._state(stated)
        return stated.statement.digest

    def revoke(self, consent: bytes) -> None:
        """Take a consent back: what comes from now on is refused."""
        self._state(revoke_consent(self.notary, self.home, consent))

    def _state(self, stated: Envelope) -> None:
        me = self.account.address
        post(self.network.mailbox, topic(me, LOG), me, stated)


def co_sign(envelope: Envelope, officer: Account) -> Envelope:
    """Add an officer's signature to a policy."""
    return add_signature(envelope, AccountSigner(officer))


def check_policy_signed(policy: DataPolicy, envelope: Envelope) -> None:
    """Check that the owner and every officer signed exactly this policy.

    Raises
    ------
    VerificationError, InputError :
        They did not.
    """
    keys = [AddressVerifier(one) for one in dict.fromkeys((policy.owner, *policy.officers))]
    statement = check_envelope(envelope, keys, threshold=len(keys))
    found = statement.predicate
    wanted = (policy.digest.hex(), policy.dataset.hex(), to_checksum(policy.owner))
    if (found["policy"], found["dataset"], found["actor"]) != wanted:
        raise InputError("the signed statement is of another policy, dataset or owner")
