import json

import pytest
from games import task

from counterpoise.core.digest import canonical_json
from counterpoise.core.errors import InputError
from counterpoise.federation.rules import Feature, Model, TaskRules, task_digest


@pytest.mark.parametrize(
    ("model", "kind", "count"),
    [
        (Model(30), "logistic", 31),
        (Model(64, 10), "softmax", 650),
        (Model(64, 10, (32,)), "mlp", 64 * 32 + 32 + 32 * 10 + 10),
        (Model(4, 2, (3, 2)), "mlp", 15 + 8 + 3),
    ],
)
def test_a_model_knows_its_kind_and_its_parameters(model, kind, count):
    assert (model.kind, model.n_params) == (kind, count)
    sizes = []
    for _, shape in model.arrays:
        size = 1
        for length in shape:
            size *= length
        sizes.append(size)
    assert sum(sizes) == count


def test_rules_survive_canonical_json_to_the_bit():
    rules = task(pot=10**30, scoring="permutation", hidden=(4, 3), classes=5)
    data = canonical_json(rules.to_value())
    assert TaskRules.from_value(json.loads(data)) == rules
    assert task_digest(rules) == task_digest(TaskRules.from_value(json.loads(data)))


def test_every_field_moves_the_digest():
    changes = {
        "rounds": 5,
        "clip": 7,
        "scale_bits": 15,
        "feature_bits": 9,
        "row_cap": 3,
        "quorum": 2,
        "scoring": "path",
        "strategy": "mean",
        "pay_rule": "steady",
        "pot": 5,
        "seed": 9,
        "classes": 3,
        "inputs": 4,
    }
    digests = {task_digest(task())} | {task_digest(task(**{k: v})) for k, v in changes.items()}
    assert len(digests) == len(changes) + 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 0},
        {"rounds": 1 << 15, "clip": 1 << 17},
        {"clip": 0},
        {"clip": 1 << 24},
        {"scale_bits": 25},
        {"feature_bits": 3},
        {"row_cap": 0},
        {"quorum": 0},
        {"pot": -1},
        {"seed": -1},
        {"scoring": "guess"},
        {"strategy": "median"},
        {"pay_rule": "equal"},
        {"scoring": "path", "hidden": (3,)},
    ],
)
def test_rules_that_could_leave_their_bounds_are_refused_with_a_hint(wrong):
    with pytest.raises(InputError) as refusal:
        task(**wrong)
    assert refusal.value.hint


def test_as_many_features_as_inputs_are_wanted():
    with pytest.raises(InputError, match="features"):
        TaskRules(Model(2), (Feature("a", 0, 0, 1),), rounds=1, clip=1)
    with pytest.raises(InputError, match="ranges"):
        Feature("a", 0, 2, 1)
    for sizes in ((0,), (3, 1), (3, 2, (0,)), (513,)):
        with pytest.raises(InputError):
            Model(*sizes)


def test_rules_with_another_key_or_type_are_refused():
    value = task().to_value()
    for wrong in (
        {**value, "more": 1},
        {k: v for k, v in value.items() if k != "clip"},
        {**value, "pot": "many"},
        {**value, "model": {}},
        {**value, "features": [1]},
        {**value, "rounds": "4"},
        {**value, "rounds": True},
        {**value, "clip": 2.5},
        {**value, "scoring": ["exact"]},
    ):
        with pytest.raises(InputError):
            TaskRules.from_value(wrong)
