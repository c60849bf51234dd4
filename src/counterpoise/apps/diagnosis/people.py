"""Who takes part: four hospitals with their private rows, and three cheats with none."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from counterpoise.apps.diagnosis.baselines import Floats
from counterpoise.apps.diagnosis.cheats import FreeRider, NonFiniteSender, SignFlipper
from counterpoise.apps.diagnosis.heart import FEATURES, HOSPITALS, Part, load_hospitals, together
from counterpoise.apps.diagnosis.recipe import diagnosis_learner, disclosed_rows
from counterpoise.core.digest import dag_cbor
from counterpoise.core.merkle import inclusion_proof, leaf_hashes, root_of_hashes
from counterpoise.federation import (
    Disclosure,
    HonestTrainer,
    ModelFile,
    Notary,
    TaskRules,
    Terms,
    Trainer,
    ValidationSet,
    model_logits,
    standardised,
    statistics_of,
)
from counterpoise.provenance import Envelope, Subject

SALT_BYTES = 16
SOURCE = "UCI Heart Disease (Janosi, Steinbrunn, Pfisterer, Detrano)"
SCHEMA = [
    *({"name": f.name, "type": "int64", "decimals": f.decimals} for f in FEATURES),
    {"name": "disease", "type": "int64", "decimals": 0},
]


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
    def salts(self) -> list[bytes]:
        """One secret salt for each row, then for each test row; kept in the private folder."""
        count = len(self.rows) + (len(self.test) if self.test else 0)
        path = self.folder / "salts.bin"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".part")
            temporary.write_bytes(os.urandom(SALT_BYTES * count))
            temporary.replace(path)
        data = path.read_bytes()
        return [data[i : i + SALT_BYTES] for i in range(0, SALT_BYTES * count, SALT_BYTES)]

    @cached_property
    def hashes(self) -> np.ndarray:
        """Leaf hashes of the rows, ``(rows, 32)``."""
        return _hashes(self.rows, self.salts[: len(self.rows)])

    @property
    def row_root(self) -> bytes:
        """Root over the salted rows."""
        return root_of_hashes(self.hashes)

    @property
    def test_commitment(self) -> bytes:
        """Root over the salted test rows: an evaluation names it and discloses nothing."""
        if self.test is None:
            return bytes(32)
        return root_of_hashes(_hashes(self.test, self.salts[len(self.rows) :]))

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
            schema=SCHEMA,
            encoding="salted-dag-cbor-rows/v1",
            rows=len(self.rows),
            row_root=self.row_root,
            source=SOURCE,
            licence="CC BY 4.0",
        )
        return [consent, dataset]

    def disclosures(self) -> list[Disclosure]:
        """Give the rows disclosed for scoring, each with its proof."""
        size, root = len(self.rows), self.row_root
        return [
            Disclosure(
                root,
                size,
                int(index),
                self.salts[index],
                _values(self.rows, index),
                tuple(inclusion_proof(self.hashes, int(index))),
            )
            for index in self.disclosed
        ]

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
    return ValidationSet(tuple(row for person in shown for row in person.disclosures()))


def logits_of(model: ModelFile, part: Part, rules: TaskRules) -> Floats:
    """Give the model's logits on raw rows, from integers, ``(rows,)``."""
    whole = standardised(part.features, statistics_of(model), rules)
    logits: Floats = model_logits(model.params.astype(np.int64), whole, rules)[:, 0]
    return logits


def _hashes(part: Part, salts: list[bytes]) -> np.ndarray:
    entries = [dag_cbor([salt, *_values(part, i)]) for i, salt in enumerate(salts)]
    return leaf_hashes(entries)


def _values(part: Part, index: int) -> tuple[int, ...]:
    return (*(int(value) for value in part.features[index]), int(part.labels[index]))


def _chosen(part: Part, indices: np.ndarray) -> Part:
    return Part(part.features[indices], part.labels[indices])
