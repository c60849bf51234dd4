"""What a task statement fixes about the numbers: model, scale, clip, scoring, pay.

Everything here is an integer or a name, so that two honest machines agree to the bit.
The bounds checked in `TaskRules` are what keeps every later sum inside 64 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from counterpoise.core.errors import InputError

SCORINGS = ("exact", "path", "permutation")
STRATEGIES = ("mean", "gated")
PAY_RULES = ("per_round", "cumulative", "steady")
EXACT_LIMIT = 14
ROW_LIMIT = 1 << 14


@dataclass(frozen=True, slots=True)
class Feature:
    """One input column, declared as an integer in units of ``10**-decimals``.

    Parameters
    ----------
    minimum, maximum :
        The least and the greatest integer that a row may hold, both admitted.
    """

    name: str
    decimals: int
    minimum: int
    maximum: int

    def __post_init__(self) -> None:
        if not -(1 << 31) < self.minimum <= self.maximum < 1 << 31:
            raise InputError(
                f"feature {self.name!r} ranges from {self.minimum} to {self.maximum}",
                hint="declare minimum <= maximum, both within 32 bits",
            )


@dataclass(frozen=True, slots=True)
class Model:
    """A linear model, or a multilayer perceptron with ReLU when `hidden` is not empty.

    Two classes share one logit (logistic regression); more have one logit each (softmax).
    The parameters are one flat vector: per layer the weights ``(out, in)`` row by row, then
    the biases ``(out,)``.
    """

    inputs: int
    classes: int = 2
    hidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        sizes = (self.inputs, *self.hidden)
        if min(sizes) < 1 or max(sizes) > 512 or not 2 <= self.classes <= 256:
            raise InputError(
                f"a model of sizes {sizes} with {self.classes} classes is not supported",
                hint="use layers of 1 to 512 units and 2 to 256 classes",
            )

    @property
    def kind(self) -> str:
        """``"logistic"``, ``"softmax"`` or ``"mlp"``."""
        if self.hidden:
            return "mlp"
        return "logistic" if self.classes == 2 else "softmax"

    @property
    def outputs(self) -> int:
        """The number of logits: one for two classes, else one a class."""
        return 1 if self.classes == 2 else self.classes

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """``(outputs, inputs)`` of every layer, first layer first."""
        sizes = (self.inputs, *self.hidden, self.outputs)
        return tuple((out, into) for into, out in pairwise(sizes))

    @property
    def arrays(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Names and shapes of the parameter arrays, in the order of the flat vector."""
        named: list[tuple[str, tuple[int, ...]]] = []
        for number, (out, into) in enumerate(self.layers):
            named += [(f"weight_{number}", (out, into)), (f"bias_{number}", (out,))]
        return tuple(named)

    @property
    def n_params(self) -> int:
        """Length of the flat parameter vector."""
        return sum(out * (into + 1) for out, into in self.layers)


@dataclass(frozen=True, slots=True)
class TaskRules:
    """The rules of one training job, as its sponsor signed them.

    Parameters
    ----------
    features :
        The input columns, in order; their number is ``model.inputs``.
    rounds :
        Training rounds, after the round of statistics.
    clip :
        Greatest absolute value of one coordinate of an update, in units of ``2**-scale_bits``.
        A coordinate equal to it is admitted.
    scale_bits, feature_bits :
        Parameters are integers in units of ``2**-scale_bits``, standardised features in
        units of ``2**-feature_bits``.
    row_cap :
        Greatest weight of one participant: weight = min(rows of its dataset statement, row_cap).
    quorum :
        Fewest admitted members with which a round counts; with fewer it is void.
    scoring :
        ``"exact"`` Shapley values (at most 14 members), ``"path"`` (linear models) or
        ``"permutation"``.
    strategy :
        ``"mean"`` of all admitted members, or ``"gated"``: of those with a positive score.
    pay_rule :
        ``"per_round"``, ``"cumulative"`` or ``"steady"``; see `rules.pay`.
    pot :
        Tokens for all rounds together, in base units.
    seed :
        Seed of what is drawn in training; scoring never draws from it.
    """

    model: Model
    features: tuple[Feature, ...]
    rounds: int
    clip: int
    scale_bits: int = 16
    feature_bits: int = 10
    row_cap: int = 1000
    quorum: int = 1
    scoring: str = "exact"
    strategy: str = "gated"
    pay_rule: str = "cumulative"
    pot: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for found, wanted, what in (
            (self.scoring, SCORINGS, "scoring"),
            (self.strategy, STRATEGIES, "strategy"),
            (self.pay_rule, PAY_RULES, "pay rule"),
        ):
            if found not in wanted:
                raise InputError(f"no {what} {found!r}", hint=f"choose from {', '.join(wanted)}")
        self._check_bounds()

    def _check_bounds(self) -> None:
        bounds = (
            ("features", len(self.features), self.model.inputs, self.model.inputs),
            ("rounds", self.rounds, 1, 1 << 16),
            ("clip", self.clip, 1, (1 << 24) - 1),
            ("rounds * clip", self.rounds * self.clip, 1, (1 << 31) - 1),
            ("scale_bits", self.scale_bits, 12, 20),
            ("feature_bits", self.feature_bits, 8, 14),
            ("row_cap", self.row_cap, 1, 1 << 20),
            ("quorum", self.quorum, 1, 1 << 16),
            ("pot", self.pot, 0, (1 << 128) - 1),
            ("seed", self.seed, 0, (1 << 53) - 1),
        )
        for name, found, least, most in bounds:
            if type(found) is not int or not least <= found <= most:
                raise InputError(
                    f"{name} is {found}", hint=f"the rules need {least} <= {name} <= {most}"
                )
        if self.scoring == "path" and self.model.hidden:
            raise InputError(
                "path scoring needs a linear model", hint='choose scoring="permutation"'
            )

    def to_value(self) -> dict[str, Any]:
        """The rules as plain values for canonical JSON; the pot is a decimal string."""
        return {
            "model": {
                "inputs": self.model.inputs,
                "classes": self.model.classes,
                "hidden": list(self.model.hidden),
            },
            "features": [
                {
                    "name": feature.name,
                    "decimals": feature.decimals,
                    "minimum": feature.minimum,
                    "maximum": feature.maximum,
                }
                for feature in self.features
            ],
            "pot": str(self.pot),
            **{name: getattr(self, name) for name in _PLAIN},
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> TaskRules:
        """Read what `to_value` wrote; a missing or unknown key is an `InputError`."""
        wanted = {"model", "features", "pot", *_PLAIN}
        if set(value) != wanted:
            raise InputError(
                f"task rules with keys {sorted(value)}", hint=f"wanted {sorted(wanted)}"
            )
        try:
            model = Model(**{**value["model"], "hidden": tuple(value["model"]["hidden"])})
            features = tuple(Feature(**feature) for feature in value["features"])
            plain = {name: value[name] for name in _PLAIN}
            return cls(model, features, pot=int(value["pot"]), **plain)
        except (KeyError, TypeError, ValueError) as wrong:
            raise InputError(f"task rules are malformed: {wrong}", hint="see TaskRules") from wrong


_PLAIN = (
    "rounds",
    "clip",
    "scale_bits",
    "feature_bits",
    "row_cap",
    "quorum",
    "scoring",
    "strategy",
    "pay_rule",
    "seed",
)
