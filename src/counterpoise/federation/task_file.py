"""A sponsor's task as a JSON file: what people write and agree on before a job has an id.

Amounts are in tokens, ranges and the clip in the units of the data and the model, all as exact
decimal numbers. What is left out has the default of `TaskRules`.

    {
      "name": "credit risk of three banks",
      "features": [{"name": "age", "minimum": 18, "maximum": 100},
                   {"name": "income", "decimals": 1, "minimum": 0, "maximum": 999.9}],
      "classes": 2, "hidden": [], "rounds": 5, "clip": 0.25,
      "pot": 100, "stake": 1,
      "seconds": {"commit": 60, "reveal": 60, "challenge": 600, "lifetime": 86400},
      "validation": ["bank-a.rows", "bank-b.rows"]
    }
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, parse_address, parse_tokens, to_checksum
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rows_file import scaled
from counterpoise.federation.rules import Feature, Model, TaskRules
from counterpoise.federation.rules.logits import INTEGER_LIMIT
from counterpoise.federation.sponsor import Draft
from counterpoise.federation.validation import Disclosure, ValidationSet

MAX_TASK = 1 << 20
CLIP_DECIMALS = 24
LEAST_ROOM = 100_000
SECONDS = ("commit", "reveal", "challenge", "lifetime")
RULES = (
    "scoring",
    "strategy",
    "pay_rule",
    "row_cap",
    "quorum",
    "scale_bits",
    "feature_bits",
    "seed",
)
REQUIRED = {"name", "features", "rounds", "clip", "pot", "stake", "seconds", "validation"}
OPTIONAL = {"bond", "classes", "hidden", "coordinator", *RULES}


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A task as its file tells it.

    Parameters
    ----------
    seconds :
        Of the commit phase, the reveal phase, the challenge window and the job's lifetime.
    validation :
        Files of disclosed rows, as `counterpoise federation disclose` writes them.
    coordinator :
        Who may post rounds; None for the operator of the network.
    bond :
        What the coordinator puts up with the judge of rounds; 0 for no judge.
    """

    name: str
    rules: TaskRules
    stake: int
    seconds: tuple[int, int, int, int]
    validation: tuple[Path, ...]
    coordinator: bytes | None = None
    bond: int = 0

    def draft(self, operator: bytes) -> Draft:
        """Make the draft that a sponsor opens, from a model of zeros; loads the disclosed rows."""
        zeros = np.zeros(self.rules.model.n_params, np.int32)
        return Draft(
            self.name,
            self.coordinator or operator,
            self.rules,
            self.stake,
            *self.seconds[:3],
            ModelFile(zeros, np.zeros(0, np.int64)),
            load_validation(self.validation, self.rules),
            self.seconds[3],
            self.bond,
        )


def load_task(path: Path) -> TaskFile:
    """Load a task file.

    Raises
    ------
    InputError :
        It is no JSON of this form; the message names the key.
    """
    try:
        if path.stat().st_size > MAX_TASK:
            raise InputError(f"{path} has more than {MAX_TASK} bytes")
        record = json.loads(
            path.read_text(encoding="utf-8"), parse_float=Decimal, parse_constant=str
        )
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise InputError(f"{path} is no JSON object", hint="see docs/guides/federation.md")
    try:
        return _task(record, path.parent)
    except InputError as error:
        raise InputError(f"{path}: {error.message}", hint=error.hint) from None


def task_record(draft: Draft, validation: Sequence[str] = ()) -> dict[str, Any]:
    """Give a draft as a task file tells it, the files of its disclosed rows by name."""
    rules = draft.rules
    values = rules.to_value()
    return {
        "name": draft.name,
        "coordinator": to_checksum(draft.coordinator),
        "features": [
            {
                "name": feature.name,
                "decimals": feature.decimals,
                "minimum": _unscaled(feature.minimum, feature.decimals),
                "maximum": _unscaled(feature.maximum, feature.decimals),
            }
            for feature in rules.features
        ],
        "classes": rules.model.classes,
        "hidden": list(rules.model.hidden),
        "rounds": rules.rounds,
        "clip": f"{Decimal(rules.clip) / (1 << rules.scale_bits):f}",
        **{name: values[name] for name in RULES},
        "pot": format_tokens(rules.pot),
        "stake": format_tokens(draft.stake),
        "bond": format_tokens(draft.bond),
        "seconds": {name: getattr(draft, f"{name}_seconds") for name in SECONDS},
        "validation": list(validation),
    }


def load_validation(paths: Sequence[Path], rules: TaskRules) -> ValidationSet:
    """Load and join files of disclosed rows; each row's proof is checked.

    Raises
    ------
    InputError :
        There are no rows, or a row does not fit the task.
    VerificationError :
        A row is not in the dataset that its proof names.
    """
    found: list[Disclosure] = []
    for path in paths:
        try:
            rows = ValidationSet.from_bytes(path.read_bytes())
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        for row in rows.disclosures:
            row.check()
            _check_row(row.values, rules, path)
        found += rows.disclosures
    if not found:
        raise InputError(
            "no row was disclosed for scoring",
            hint="owners run `counterpoise federation disclose`; name their files in validation",
        )
    return ValidationSet(tuple(found))


def _check_row(values: Sequence[int], rules: TaskRules, path: Path) -> None:
    columns = (*rules.features, Feature("the label", 0, 0, rules.model.classes - 1))
    if len(values) != len(columns):
        raise InputError(f"{path}: rows of {len(values)} values, the task has {len(columns)}")
    for value, column in zip(values, columns, strict=True):
        if not column.minimum <= value <= column.maximum:
            raise InputError(f"{path}: a row has {column.name!r} out of the declared range")


def _task(record: dict[str, Any], folder: Path) -> TaskFile:
    _check_keys("the task", record, REQUIRED, OPTIONAL)
    seconds = _object("seconds", record["seconds"])
    _check_keys("seconds", seconds, set(SECONDS), set())
    commit, reveal, challenge, lifetime = (_whole(name, seconds[name]) for name in SECONDS)
    files = _list("validation", record["validation"])
    coordinator = record.get("coordinator")
    return TaskFile(
        _text("name", record["name"]),
        _rules(record),
        parse_tokens(_number("stake", record["stake"])),
        (commit, reveal, challenge, lifetime),
        tuple(folder / _text("validation", name) for name in files),
        parse_address(_text("coordinator", coordinator)) if coordinator is not None else None,
        parse_tokens(_number("bond", record.get("bond", 0))),
    )


def _rules(record: dict[str, Any]) -> TaskRules:
    features = tuple(map(_feature, _list("features", record["features"])))
    hidden = tuple(_whole("hidden", size) for size in _list("hidden", record.get("hidden", [])))
    model = Model(len(features), _whole("classes", record.get("classes", 2)), hidden)
    chosen: dict[str, Any] = {name: record[name] for name in RULES if name in record}
    for name in ("row_cap", "quorum", "scale_bits", "feature_bits", "seed"):
        if name in chosen:
            _whole(name, chosen[name])
    _check_room(features, min(max(chosen.get("feature_bits", 10), 0), 64))
    bits = chosen.get("scale_bits", 16)
    bits = bits if 0 <= bits <= 64 else 16  # TaskRules refuses it by name
    return TaskRules(
        model,
        features,
        rounds=_whole("rounds", record["rounds"]),
        clip=(scaled(_number("clip", record["clip"]), CLIP_DECIMALS) << bits) // 10**CLIP_DECIMALS,
        pot=parse_tokens(_number("pot", record["pot"])),
        **chosen,
    )


def _check_room(features: Sequence[Feature], feature_bits: int) -> None:
    """Refuse ranges so wide that the exact sums over all members hold but few rows."""
    for feature in features:
        spread = (feature.maximum - feature.minimum) << feature_bits
        widest = max(spread, feature.minimum**2, feature.maximum**2, 1)
        room = (INTEGER_LIMIT - 1) // widest
        if room < LEAST_ROOM:
            raise InputError(
                f"feature {feature.name!r} ranges so far that exact sums have room for {room} "
                "rows in all",
                hint="declare fewer decimals or a narrower range",
            )


def _feature(record: Any) -> Feature:
    entry = _object("features", record)
    _check_keys("a feature", entry, {"name", "minimum", "maximum"}, {"decimals"})
    name, decimals = _text("name", entry["name"]), _whole("decimals", entry.get("decimals", 0))
    if not 0 <= decimals <= 9:
        raise InputError(f"feature {name!r} has {decimals} decimals", hint="0 to 9 are possible")
    low, high = (scaled(_number(key, entry[key]), decimals) for key in ("minimum", "maximum"))
    return Feature(name, decimals, low, high)


def _unscaled(value: int, decimals: int) -> str:
    return f"{Decimal(value).scaleb(-decimals):f}"


def _check_keys(
    what: str, record: Mapping[str, Any], required: set[str], optional: set[str]
) -> None:
    for name in sorted(required - set(record)):
        raise InputError(f"{what} lacks {name!r}", hint="see docs/guides/federation.md")
    for name in sorted(set(record) - required - optional):
        known = ", ".join(sorted(required | optional))
        raise InputError(f"{what} has the unknown key {name!r}", hint=f"known: {known}")


def _object(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{key!r} is no JSON object")
    return value


def _list(key: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{key!r} is no list")
    return value


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{key!r} is no text")
    return value


def _whole(key: str, value: Any) -> int:
    if type(value) is not int:
        raise InputError(f"{key!r} is no whole number")
    return value


def _number(key: str, value: Any) -> str:
    """Give a decimal number, written as one or as text, in plain digits."""
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise InputError(f"{key!r} is no number")
    return text
