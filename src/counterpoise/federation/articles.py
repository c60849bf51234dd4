"""The articles of a job: the rules by which the judge decides about its rounds."""

from dataclasses import astuple, dataclass

from counterpoise.core.digest import keccak
from counterpoise.federation.rules import TaskRules, task_digest
from counterpoise.federation.rules.task import EXACT_LIMIT, PAY_RULES, SCORINGS, STRATEGIES

MEMBERS = 64
MAX_ENTRY, MAX_BLOB = 4096, 16_384
"""Most accounts of a round, and most bytes of an entry and of a blob, that the benches read."""


@dataclass(frozen=True, slots=True)
class Articles:
    """By which rules a job's rounds are judged; field by field as the contract hashes them.

    Parameters
    ----------
    task, base :
        Digests of the task's rules and of the first base model.
    rows_root, rows :
        Root over the raw validation rows, and how many there are.
    hidden :
        1 for a perceptron, 0 for a linear model.
    scoring, strategy, pay_rule :
        Places in `SCORINGS`, `STRATEGIES`, `PAY_RULES`.
    members :
        Most accounts that a round may list.
    """

    task: bytes
    base: bytes
    rows_root: bytes
    rows: int
    params: int
    inputs: int
    classes: int
    hidden: int
    scale_bits: int
    feature_bits: int
    clip: int
    row_cap: int
    quorum: int
    scoring: int
    strategy: int
    pay_rule: int
    rounds: int
    pot: int
    members: int

    @classmethod
    def of(cls, rules: TaskRules, base: bytes, rows_root: bytes, rows: int) -> "Articles":
        """Write the articles of a task."""
        model = rules.model
        return cls(
            task=task_digest(rules),
            base=base,
            rows_root=rows_root,
            rows=rows,
            params=model.n_params,
            inputs=model.inputs,
            classes=model.classes,
            hidden=int(bool(model.hidden)),
            scale_bits=rules.scale_bits,
            feature_bits=rules.feature_bits,
            clip=rules.clip,
            row_cap=rules.row_cap,
            quorum=rules.quorum,
            scoring=SCORINGS.index(rules.scoring),
            strategy=STRATEGIES.index(rules.strategy),
            pay_rule=PAY_RULES.index(rules.pay_rule),
            rounds=rules.rounds,
            pot=rules.pot,
            members=most_members(rules),
        )

    @property
    def digest(self) -> bytes:
        """What the judge keeps of the articles."""
        return keccak(b"".join(word(value) for value in astuple(self)))

    @property
    def outputs(self) -> int:
        """How many logits a row has."""
        return self.classes if self.classes > 2 else 1

    @property
    def blocks(self) -> int:
        """Entries of `losses` per mixture."""
        return (self.rows + 63) // 64

    @property
    def numbers(self) -> int:
        """Numbers of a vector of statistics."""
        return 1 + 2 * self.inputs

    def is_judgeable(self) -> bool:
        """Whether every entry and blob of such a round fits into what the benches read."""
        least = 4 * self.inputs + 8 + 8 * self.outputs * (1 + self.members)
        linear = self.params == self.outputs * (self.inputs + 1) and least <= MAX_ENTRY
        return (
            self.scoring <= 2
            and self.strategy <= 1
            and self.pay_rule <= 2
            and 0 < self.rows <= 1 << 14
            and 0 < self.rounds <= 1 << 16
            and 0 < self.members <= (EXACT_LIMIT if self.scoring == 0 else MEMBERS)
            and 0 < self.inputs <= 512
            and 2 <= self.classes <= 256
            and self.scale_bits <= 20
            and self.feature_bits <= 14
            and self.scale_bits + self.feature_bits >= 20
            and self.params <= 4096
            and 4 * self.params + 16 * self.inputs + 256 <= MAX_BLOB
            and (self.hidden == 1 or (not self.hidden and linear))
        )


def most_members(rules: TaskRules) -> int:
    """How many accounts a judged round of a task may list, 0 if its rows are too wide for any."""
    most = EXACT_LIMIT if rules.scoring == "exact" else MEMBERS
    if rules.model.hidden:
        return most
    room = (MAX_ENTRY - 8 - 4 * rules.model.inputs) // (8 * rules.model.outputs) - 1
    return max(0, min(most, room))


def word(value: int | bytes) -> bytes:
    """Encode a static value of the ABI: numbers and addresses to the right."""
    if isinstance(value, int):
        return value.to_bytes(32, "big")
    return value.rjust(32, b"\0")
