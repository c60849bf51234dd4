"""Who counts in a round once all its letters are in, and who is refused: once each, by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from counterpoise.federation.intake import Desk, Intake, Letter, Refusal, opened_letters


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a round's letters come to: reveals that count, and everyone refused, once each."""

    covered: tuple[Letter, ...]
    refused: tuple[Refusal, ...]


def committed_digests(
    roster: Iterable[bytes], commitments: Intake, posted: Mapping[bytes, bytes]
) -> dict[bytes, bytes]:
    """Give each member's commitment: as it was taken in, or else as it posted it itself."""
    own = {member: posted[member] for member in roster if member in posted}
    return own | {letter.participant: letter.digest for letter in commitments.letters}


def settle(
    desk: Desk, commitments: Intake, committed: Mapping[bytes, bytes], reveals: Intake
) -> Settlement:
    """Give the reveals that their commitments cover, and everyone refused so far.

    Who was refused when commitments closed, posted its own on the chain and revealed nothing
    stays refused as it was: whenever it posted, all come to the same.
    """
    mismatched = desk.mismatches(committed, reveals)
    uncovered = {refusal.participant for refusal in mismatched}
    covered = tuple(x for x in reveals.letters if x.participant not in uncovered)
    heard = {x.participant for x in reveals.letters} | {
        r.participant for r in reveals.refused if r.code == "duplicate"
    }
    first = [r for r in commitments.refused if r.participant not in heard]
    refused: dict[bytes, Refusal] = {}
    for refusal in (*first, *reveals.refused, *mismatched):
        refused.setdefault(refusal.participant, refusal)
    return Settlement(covered, tuple(sorted(refused.values())))


def as_late(refused: Sequence[Refusal], latecomers: Iterable[bytes]) -> list[Refusal]:
    """Turn ``missing`` into ``late`` for those whose letter came after the phase closed."""
    late = {sender for _, sender in opened_letters(latecomers)}
    return [
        replace(r, code="late", detail="it came after the phase closed")
        if r.code == "missing" and r.participant in late
        else r
        for r in refused
    ]
