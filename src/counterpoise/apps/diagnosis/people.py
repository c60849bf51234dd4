"""Who takes part: four hospitals with their private rows, and three cheats with none."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from counterpoise.apps.diagnosis.baselines import Floats
from counterpoise.apps.diagnosis.cheats import FreeRider, NonFiniteSender, SignFlipper
from counterpoise.apps.diagnosis.heart import FEATURES, HOSPITALS, Part, load_hospitals, together
from counterpoise.apps.diagnosis.recipe import diagnosis_learner, disclosed_rows
from counterpoise.federation import (
    CommittedRows,
    HonestTrainer,
    ModelFile,
    Notary,
    TaskRules,
    Terms,
    Trainer,
    ValidationSet,
    committed,
    model_logits,
    standardised,
    statistics_of,
)
from counterpoise.provenance import ENCODING, Envelope, Subject

SOURCE = "UCI Heart Disease (Janosi, Steinbrunn, Pfisterer, Detrano)"
COLUMNS = [*(feature.name for feature in FEATURES), "disease"]


@dataclass
class Person:
    """One participant: its rows never leave, but for those it discloses.

    Parameters
    ----------
    rows :
        The rows it commits to.
    test :
        A hospital's own test rows; None for who has none.
    folder :
        Its private folder, with the salts of its rows.
    disclosed :
        Indices of the rows that it discloses for scoring.
    """

    name: str
    rows: Part
    test: Part | None
    trainer: Trainer
    folder: Path
    disclosed: np.ndarray

    @cached_property
    def committed(self) -> CommittedRows:
        """The rows under their salted root; the salts stay in the private folder."""
        return committed(self.folder / "rows", _values(self.rows), COLUMNS)

    @property
    def row_root(self) -> bytes:
        """Root over the salted rows."""
        return self.committed.root

    @property
    def test_commitment(self) -> bytes:
        """Root over the salted test rows: an evaluation names it and discloses nothing."""
        if self.test is None:
            return bytes(32)
        return committed(self.folder / "test", _values(self.test), COLUMNS).root

    def statements(self, notary: Notary, terms: Terms) -> list[Envelope]:
        """Sign the consent to scoring on the disclosed rows, and the dataset statement."""
        consent = notary.state(
            "consent",
            [Subject(f"rows of {self.name}", self.row_root)],
            subject_commitment=self.row_root,
            purpose="training one model; scoring contribution on the disclosed rows",
            scope=f"job {terms.job}",
            expires=notary.clock() + 365 * 86_400,
        )
        dataset = notary.state(
            "dataset",
            [Subject(self.name, self.row_root)],
            inputs=[{"sha256": consent.statement.digest, "role": "consent"}],
            schema=self.committed.schema.to_record(),
            encoding=ENCODING,
            rows=len(self.rows),
            row_root=self.row_root,
            source=SOURCE,
            licence="CC BY 4.0",
        )
        return [consent, dataset]

    def correct(self, model: ModelFile, rules: TaskRules) -> np.ndarray:
        """Say of each test row whether the model is right: the sign of an integer logit."""
        if self.test is None:
            return np.zeros(0, dtype=bool)
        right: np.ndarray = (logits_of(model, self.test, rules) > 0) == (self.test.labels == 1)
        return right


def people(folder: Path, seed: int, *, honest: bool) -> list[Person]:
    """Give the four hospitals and, unless `honest`, the three cheats.

    Parameters
    ----------
    folder :
        Under it, each has a private folder of its own name.
    seed :
        Seed of every local training.
    """
    nobody = np.zeros(0, dtype=np.int64)
    found = []
    for number, hospital in enumerate(load_hospitals()):
        train = hospital.train
        trainer = HonestTrainer(
            diagnosis_learner(), train.features, train.labels, seed=seed * 100 + number
        )
        shown = disclosed_rows(train, seed)
        home = folder / hospital.name
        found.append(Person(hospital.name, train, hospital.test, trainer, home, shown))
    if honest:
        return found
    public = together([_chosen(person.rows, person.disclosed) for person in found])
    learner, features, labels = diagnosis_learner(), public.features, public.labels
    cheats: dict[str, Trainer] = {
        "free-rider": FreeRider(features, seed=seed * 100 + 50),
        "sign-flipper": SignFlipper(learner, features, labels, seed=seed * 100 + 51),
        "non-finite": NonFiniteSender(learner, features, labels, seed=seed * 100 + 52),
    }
    found += [Person(n, public, None, t, folder / n, nobody) for n, t in cheats.items()]
    return found


def validation_of(participants: list[Person]) -> ValidationSet:
    """Give the rows that the hospitals disclosed, in FLamby's order of centres."""
    shown = [p for p in participants if p.name in HOSPITALS]
    rows = [person.committed.disclose(person.disclosed.tolist()).disclosures for person in shown]
    return ValidationSet(tuple(row for part in rows for row in part))


def logits_of(model: ModelFile, part: Part, rules: TaskRules) -> Floats:
    """Give the model's logits on raw rows, from integers, ``(rows,)``."""
    whole = standardised(part.features, statistics_of(model), rules)
    logits: Floats = model_logits(model.params.astype(np.int64), whole, rules)[:, 0]
    return logits


def _values(part: Part) -> np.ndarray:
    """Give features and label as one array, ``(rows, 14)`` int64."""
    values: np.ndarray = np.column_stack([part.features, part.labels]).astype(np.int64)
    return values


def _chosen(part: Part, indices: np.ndarray) -> Part:
    return Part(part.features[indices], part.labels[indices])
