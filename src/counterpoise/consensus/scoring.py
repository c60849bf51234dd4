"""How a validator turns answers into weights: integers, parts per million, every quotient floored.

A provider's score is a product of four parts: its *skill*, what it gets right beyond what the best
constant answer would; its *agreement* with the re-run of the model it says it runs; how much of
all that it was asked it *answered*; and how *promptly*. Skill is that on checks, or on re-runs
where there are none. So an answer that needs no model earns
nothing, and neither does skill on checks alone pay for silence on the rest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from counterpoise.core.errors import InputError
from counterpoise.core.units import PPM

MOST_WEIGHT = 65_535


class Kind(StrEnum):
    """Why a question was asked."""

    CHECK = "check"
    """Its label was sealed before."""
    RERUN = "rerun"
    """Its label is what the provider's own model says."""
    TRAFFIC = "traffic"
    """Nobody knows the answer: it was wanted, or hides the others."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a validator scores by; it stands in every score sheet.

    Parameters
    ----------
    checks, others :
        How many questions with and without a sealed label each provider is asked in an epoch.
    patience :
        Steps after which an answer counts as none.
    haste :
        Part of the score that promptness decides, ppm.
    compared :
        How many last bytes of an answer are compared with a sealed label; 0 for all. An answer
        of an integer model ends with its decision in 2 bytes.
    """

    checks: int = 16
    others: int = 8
    patience: int = 100
    haste: int = 200_000
    compared: int = 0

    def __post_init__(self) -> None:
        """Refuse what no score follows from."""
        if min(self.checks, self.others, self.compared) < 0 or self.patience < 1:
            raise InputError("a rule has counts of at least 0 and a patience of at least 1")
        if not 0 <= self.haste <= PPM:
            raise InputError(f"haste {self.haste} is not between 0 and {PPM} ppm")


@dataclass(frozen=True, slots=True)
class Graded:
    """A question as it counts.

    Parameters
    ----------
    label :
        Empty for traffic.
    answer :
        Empty for none. Of traffic any bytes: only whether there are some counts.
    steps :
        Until the answer, 1 or more.
    """

    kind: Kind
    label: bytes
    answer: bytes
    steps: int


@dataclass(frozen=True, slots=True)
class Score:
    """A provider's part of a sheet: four parts and their product, ppm."""

    skill: int = 0
    agreement: int = 0
    answered: int = 0
    promptness: int = 0
    total: int = 0


def is_right(one: Graded, rule: Rule) -> bool:
    """Tell whether an answer is the label; late ones are none.

    Of a check the last `rule.compared` bytes are compared; a re-run must agree in every byte.
    """
    if not one.answer or one.steps > rule.patience:
        return False
    if one.kind is Kind.CHECK and rule.compared:
        return one.answer[-rule.compared :] == one.label
    return one.answer == one.label


def score(asked: Iterable[Graded], rule: Rule) -> Score:
    """Score a provider by all that one validator asked it in an epoch.

    >>> quick = [Graded(Kind.CHECK, label, label, 1) for label in (b"a", b"b")]
    >>> score(quick, Rule(haste=0)).total
    1000000
    >>> same = [Graded(Kind.CHECK, label, b"a", 1) for label in (b"a", b"b")]
    >>> score(same, Rule()).total
    0
    """
    every = list(asked)
    reruns = [one for one in every if one.kind is Kind.RERUN]
    labelled = [one for one in every if one.kind is Kind.CHECK] or reruns
    there = [one for one in every if one.answer and one.steps <= rule.patience]
    right = sum(is_right(one, rule) for one in labelled)
    chance = max(Counter(one.label for one in labelled).values(), default=0)
    skill = _part(max(right - chance, 0), len(labelled) - chance)
    agreement = _part(sum(is_right(one, rule) for one in reruns), len(reruns)) if reruns else PPM
    answered = _part(len(there), len(every))
    saved = sum(rule.patience - one.steps + 1 for one in there)
    promptness = _part(saved, rule.patience * len(there))
    pace = PPM - rule.haste + rule.haste * promptness // PPM
    total = skill * agreement // PPM * answered // PPM * pace // PPM
    return Score(skill, agreement, answered, promptness, total)


def weights(scores: Mapping[int, Score], width: int) -> list[int]:
    """Give a row of weights in proportion to the scores, the best having 65,535.

    >>> weights({2: Score(total=500_000), 3: Score(total=1_000_000)}, 4)
    [0, 0, 32767, 65535]
    """
    best = max((one.total for one in scores.values()), default=0)
    row = [0] * width
    for number, one in scores.items():
        if not 0 <= number < width:
            raise InputError(f"a score of number {number}, there are {width}")
        row[number] = one.total * MOST_WEIGHT // best if best else 0
    return row


def scores_of(asked: Mapping[int, Sequence[Graded]], rule: Rule) -> dict[int, Score]:
    """Score every provider that was asked."""
    return {number: score(every, rule) for number, every in asked.items()}


def _part(count: int, whole: int) -> int:
    return count * PPM // whole if whole else 0
