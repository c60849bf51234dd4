"""The whole federation of the demo, without its chain: accuracy, pay and refusals."""

import time
from statistics import fmean

import numpy as np
import pytest

from counterpoise.apps.diagnosis.baselines import federated_figures
from counterpoise.apps.diagnosis.heart import HOSPITALS, load_hospitals, together
from counterpoise.apps.diagnosis.people import people
from counterpoise.apps.diagnosis.recipe import diagnosis_task
from counterpoise.apps.diagnosis.rehearsal import rehearse
from counterpoise.core.units import PPM
from counterpoise.federation import Rows, standardised

SEEDS = range(42, 47)
FLAMBYS_BEST = {"cleveland": 0.760, "hungarian": 0.753, "switzerland": 0.738, "va": 0.676}
NAMES = (*HOSPITALS, "free-rider", "sign-flipper", "non-finite")


def address(name):
    return bytes([NAMES.index(name) + 1]) * 20


def federation(folder, seed, *, honest):
    cast, task = people(folder, seed, honest=honest), diagnosis_task(seed)
    shown = together([p.rows.chosen(p.disclosed) for p in cast if p.name in HOSPITALS])

    def rows(found):
        return Rows(standardised(shown.features, found, task), shown.labels)

    trainers = {address(p.name): p.trainer for p in cast}
    return rehearse(task, trainers, {address(p.name): len(p.rows) for p in cast}, rows), task


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return [federation(tmp_path_factory.mktemp("h"), seed, honest=True) for seed in SEEDS]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    return [federation(tmp_path_factory.mktemp("a"), seed, honest=False) for seed in SEEDS]


def accuracy(runs, column):
    hospitals = load_hospitals()
    return fmean(
        federated_figures(done.model.params.astype(np.int64), done.statistics, task, hospitals)[
            column
        ].accuracy
        for done, task in runs
    )


def test_an_honest_federation_reaches_pooled_training_and_flambys_best_everywhere(honest):
    assert accuracy(honest, "pooled_test") >= 0.795
    for hospital, best in FLAMBYS_BEST.items():
        assert accuracy(honest, hospital) >= best


def test_three_cheats_cost_almost_no_accuracy_and_earn_nothing(attacked):
    assert accuracy(attacked, "pooled_test") >= 0.785
    for done, task in attacked:
        for cheat in NAMES[4:]:
            assert done.standing.dues.get(address(cheat), 0) == 0
            assert done.standing.score_ppm(task).get(address(cheat), 0) == 0


def test_every_hospital_is_paid_and_the_released_pot_is_paid_to_the_last_unit(honest, attacked):
    for done, task in (*honest, *attacked):
        assert min(done.standing.dues[address(name)] for name in HOSPITALS) > 0
        assert done.standing.total == done.standing.released <= task.pot
        assert sum(done.standing.score_ppm(task).values()) == PPM


def test_the_non_finite_sender_is_refused_by_name_in_every_round(attacked):
    for done, task in attacked:
        refused = {member: codes for member, codes in done.refused.items() if codes}
        assert refused == {address("non-finite"): ["non-finite"] * task.rounds}


def test_the_sign_flipper_is_never_in_the_model(attacked):
    for done, _ in attacked:
        assert all(address("sign-flipper") not in result.aggregated for result in done.results)


def test_the_same_seed_gives_the_same_model_and_seven_take_less_than_ten_seconds(
    tmp_path, attacked
):
    start = time.process_time()
    again, _ = federation(tmp_path, 42, honest=False)
    assert time.process_time() - start < 10
    assert again.model.digest == attacked[0][0].model.digest
    assert again.results[-1].digests == attacked[0][0].results[-1].digests
