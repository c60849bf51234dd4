import numpy as np
import pytest

from counterpoise.apps.diagnosis.baselines import figures, local_figures, pooled_figures
from counterpoise.apps.diagnosis.heart import HOSPITALS, load_hospitals

COLUMNS = (*HOSPITALS, "pooled_test")


def accuracies(found):
    return [round(found[column].accuracy, 3) for column in COLUMNS]


def test_pooled_training_by_flambys_normalisation_gives_the_known_figures():
    found = pooled_figures(load_hospitals(), own_normalisation=True)
    assert accuracies(found) == pytest.approx([0.798, 0.764, 0.750, 0.644, 0.795], abs=0.001)


def test_pooled_training_by_shared_normalisation_gives_the_known_figures():
    found = pooled_figures(load_hospitals())
    assert accuracies(found) == pytest.approx([0.779, 0.798, 0.812, 0.822, 0.795], abs=0.001)


def test_a_hospital_alone_is_no_better_than_all_of_them_together():
    alone, pooled = (f(load_hospitals())["pooled_test"] for f in (local_figures, pooled_figures))
    assert alone.accuracy < pooled.accuracy
    assert alone.log_loss > pooled.log_loss


def test_switzerland_alone_answers_with_its_one_class():
    found = local_figures(load_hospitals())["switzerland"]
    assert found.accuracy == found.constant == 15 / 16
    assert found.balanced == 0.5


def test_figures_are_what_their_names_say():
    labels = np.array([1, 1, 1, 0])
    found = figures(np.array([2.0, 1.0, -1.0, -3.0]), labels)
    assert (found.accuracy, found.constant) == (0.75, 0.75)
    assert found.balanced == pytest.approx((2 / 3 + 1) / 2)
    wanted = np.log1p(np.exp([-2.0, -1.0, 1.0, -3.0])).mean()
    assert found.log_loss == pytest.approx(wanted)
    assert figures(np.zeros(4), labels).log_loss == pytest.approx(np.log(2))
