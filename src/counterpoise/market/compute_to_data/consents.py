"""An owner's consent to one buyer, as a signed statement; and its revocation."""

from __future__ import annotations

from collections.abc import Iterable

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address, parse_address, to_checksum
from counterpoise.federation import Notary
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.policy import CONSENT, DataPolicy
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.request import Request
from counterpoise.provenance import AddressVerifier, Envelope, Subject, check_envelope, kind_of


def give_consent(
    notary: Notary, home: OwnerHome, buyer: Address, purpose: str, expires: int
) -> Envelope:
    """Sign that a buyer may send jobs for one purpose, and keep it."""
    stated = notary.state(
        "consent",
        [Subject("dataset", home.dataset.statement.digest)],
        subject_commitment=home.row_root,
        purpose=purpose,
        scope=f"data jobs of {to_checksum(buyer)}",
        expires=expires,
        buyer=to_checksum(buyer),
    )
    home.keep(f"consents/{stated.statement.digest.hex()}.envelope", stated.to_bytes())
    return stated


def revoke_consent(notary: Notary, home: OwnerHome, consent: bytes) -> Envelope:
    """Sign that a consent holds no more, and keep that."""
    given = Envelope.from_bytes(home.load(f"consents/{consent.hex()}.envelope")).statement
    plain = {name: given.predicate[name] for name in ("purpose", "scope", "expires", "buyer")}
    stated = notary.state(
        "consent",
        list(given.subject),
        subject_commitment=home.row_root,
        revokes=consent,
        **plain,
    )
    home.keep(f"consents/{stated.statement.digest.hex()}.envelope", stated.to_bytes())
    return stated


def kept_consents(home: OwnerHome) -> list[Envelope]:
    """Load all consents and revocations of a folder."""
    files = sorted((home.folder / "consents").glob("*.envelope"))
    return [Envelope.from_bytes(home.load(f"consents/{file.name}")) for file in files]


def check_consent(
    consents: Iterable[Envelope], request: Request, policy: DataPolicy, now: int
) -> None:
    """Check that a buyer holds an owner's consent, where the policy asks for it.

    Parameters
    ----------
    consents :
        All that the owner signed, revocations among them.

    Raises
    ------
    NotAdmitted :
        By ``buyer``: there is none, it is for another buyer or purpose, is over, or revoked.
    """
    if policy.buyers != CONSENT:
        return
    found = None
    for envelope in consents:
        try:
            statement = check_envelope(envelope, [AddressVerifier(policy.owner)])
        except (InputError, VerificationError):
            continue
        if kind_of(statement) != "consent":
            continue
        if statement.predicate.get("revokes") == request.consent.hex():
            raise NotAdmitted("buyer", "the owner has revoked this consent")
        if statement.digest == request.consent:
            found = statement.predicate
    if found is None or found.get("revokes") or now > found["expires"]:
        raise NotAdmitted("buyer", "the consent that is named was not given, or is over")
    if parse_address(found["buyer"]) != request.buyer or found["purpose"] != request.purpose:
        raise NotAdmitted("buyer", "the consent is another buyer's, or for another purpose")
