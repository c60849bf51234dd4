"""What a coordinator holds of a round: computed and not yet posted, or closed in its log."""

from dataclasses import dataclass, replace

from counterpoise.core.errors import VerificationError
from counterpoise.core.units import parse_address
from counterpoise.federation.admission import Settlement
from counterpoise.federation.book import Entry
from counterpoise.federation.intake import Intake, Refusal
from counterpoise.federation.replay import Outcome
from counterpoise.jobs import CumulativeClaims


@dataclass(frozen=True)
class Computed:
    """A round that was computed and is not yet posted; `base` is the model before it."""

    base: bytes
    settled: Settlement
    outcome: Outcome
    pay: CumulativeClaims


def as_closed(intake: Intake, closing: Entry | None) -> Intake:
    """Refuse whom the logged closing refused: of letters that did not count the log has none."""
    if closing is None:
        return intake
    refused = [
        Refusal(parse_address(item["participant"]), item["code"], item["detail"])
        for item in closing.fields["refused"]
    ]
    return replace(intake, refused=tuple(refused))


def logged(entry: Entry | None, number: int) -> Entry:
    """Give a logged entry; `VerificationError` if the log lacks it."""
    if entry is None:
        raise VerificationError(f"a phase of round {number} has no closing in the log")
    return entry


def altered(number: int, what: str) -> VerificationError:
    """Say that what was logged or posted is not what its evidence gives."""
    return VerificationError(
        f"the {what} of round {number} is not what its evidence gives",
        hint="the state was altered; run `counterpoise verify --state DIR`",
    )
