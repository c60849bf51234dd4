"""Who asks for a loan in the demonstration: three applicants of the test rows, and what they keep.

Amounts are those of the data, one token for a mark. Names are invented: the data has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from counterpoise.apps.lending.attributes import AMOUNT, MONTHS
from counterpoise.apps.lending.credit import load_credit
from counterpoise.apps.lending.scorecard import Scorecard
from counterpoise.core.digest import sha256
from counterpoise.core.units import TOKEN
from counterpoise.inference import input_commitment

ROWS = {"anna": 567, "bruno": 763, "clara": 11}
"""Row of the file: safe, at the border of what the desk takes, and one who did not pay back."""
WHO = {"anna": "safe", "bruno": "borderline", "clara": "risky"}


@dataclass(frozen=True)
class Applicant:
    """One person with what only they, and whom they tell, know.

    Parameters
    ----------
    values :
        The cells of their row.
    folder :
        Where their applications are kept, in clear.
    seed :
        Of their salts; a secret.
    """

    name: str
    values: Mapping[str, str]
    folder: Path
    seed: bytes

    @property
    def amount(self) -> int:
        """What they ask for, in base units."""
        return int(self.values[AMOUNT]) * TOKEN

    @property
    def months(self) -> int:
        """The term they ask for."""
        return int(self.values[MONTHS])


@dataclass(frozen=True)
class Asking:
    """One application of one person: at a level, under a salt of its own.

    Parameters
    ----------
    label :
        Such as ``anna/direct``; unique in a run.
    data :
        The applicant's bytes.
    """

    applicant: Applicant
    label: str
    level: int
    data: bytes

    @cached_property
    def salt(self) -> bytes:
        """32 bytes that follow from the applicant's seed."""
        return sha256(self.applicant.seed + self.label.encode())

    @cached_property
    def commitment(self) -> bytes:
        """What the chain learns of the data."""
        return input_commitment(self.salt, self.data)

    @property
    def is_lied_about(self) -> bool:
        """Whether a node will propose a false answer to it."""
        return self.label.endswith("/lie")

    @property
    def place(self) -> Path:
        """The applicant's private folder for this application."""
        return self.applicant.folder / self.label.replace("/", "-")

    def keep(self) -> None:
        """Write down what the applicant must keep to understand a decision later."""
        self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        record = {"salt": self.salt.hex(), "bytes": self.data.hex(), "level": self.level}
        (self.place / "application.json").write_text(json.dumps(record) + "\n", encoding="utf-8")


def applicants(folder: Path, seed: bytes) -> list[Applicant]:
    """Give the three, each with a private folder."""
    rows = load_credit().values
    return [
        Applicant(name, rows[row], folder / name, sha256(seed + name.encode()))
        for name, row in ROWS.items()
    ]


def askings(people: list[Applicant], levels: Mapping[str, int], card: Scorecard) -> list[Asking]:
    """Let everybody ask once at each level; the risky one once more, where a node will lie."""
    found = [
        Asking(person, f"{person.name}/{name}", level, card.bytes_of(person.values))
        for person in people
        for name, level in levels.items()
    ]
    risky = next(person for person in people if WHO[person.name] == "risky")
    data = card.bytes_of(risky.values)
    return [*found, Asking(risky, f"{risky.name}/lie", levels["optimistic"], data)]
