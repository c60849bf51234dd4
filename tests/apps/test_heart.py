import numpy as np
import pytest

from counterpoise.apps.diagnosis.heart import FEATURES, HOSPITALS, load_hospitals, together
from counterpoise.apps.diagnosis.recipe import diagnosis_task, disclosed_rows
from counterpoise.federation import local_statistics

PUBLISHED = {
    "cleveland": (303, 303, 199, 104, 91, 48, 0.538),
    "hungarian": (294, 261, 172, 89, 65, 33, 0.629),
    "switzerland": (123, 46, 30, 16, 30, 15, 0.938),
    "va": (200, 130, 85, 45, 66, 35, 0.778),
}


@pytest.mark.parametrize("name", HOSPITALS)
def test_each_hospital_has_the_published_counts(name):
    hospital = dict(zip(HOSPITALS, load_hospitals(), strict=True))[name]
    train, test = hospital.train, hospital.test
    sick = test.labels.mean()
    found = (hospital.rows, len(train) + len(test), len(train), len(test))
    found += (int(train.labels.sum()), int(test.labels.sum()), round(max(sick, 1 - sick), 3))
    assert found == PUBLISHED[name]


def test_together_they_have_the_published_counts():
    hospitals = load_hospitals()
    train, test = (together([getattr(h, part) for h in hospitals]) for part in ("train", "test"))
    assert sum(h.rows for h in hospitals) == 920
    assert (len(train), len(test)) == (486, 254)
    assert (int(train.labels.sum()), int(test.labels.sum())) == (252, 131)


def test_there_are_thirteen_whole_features_within_their_declared_ranges():
    assert len(FEATURES) == 13
    for hospital in load_hospitals():
        for part in (hospital.train, hospital.test):
            assert part.features.dtype == np.int32
            assert len(local_statistics(part.features, diagnosis_task(0))) == 27
            assert part.features[:, 8:11].sum(axis=1).max() == 1
            assert part.features[:, 11:].sum(axis=1).max() <= 1


def test_oldpeak_is_in_tenths_and_the_first_patient_is_as_in_the_file():
    cleveland = load_hospitals()[0]
    rows = np.concatenate([cleveland.train.features, cleveland.test.features])
    first = [63, 1, 145, 233, 1, 150, 0, 23, 0, 0, 0, 0, 1]
    assert first in rows.tolist()


def test_switzerland_trains_on_one_class_and_has_no_cholesterol():
    switzerland = load_hospitals()[2]
    assert set(switzerland.train.labels.tolist()) == {1}
    assert (switzerland.train.features[:, 3] == 0).all()


@pytest.mark.parametrize(("place", "count"), [(0, 40), (1, 40), (2, 12), (3, 34)])
def test_a_hospital_discloses_at_most_forty_and_two_fifths_of_its_rows_in_proportion(place, count):
    train = load_hospitals()[place].train
    shown = disclosed_rows(train, seed=7)
    assert len(set(shown.tolist())) == len(shown) == count
    assert abs(train.labels[shown].sum() - count * train.labels.mean()) < 1
    assert (disclosed_rows(train, seed=7) == shown).all()
    assert (shown == np.sort(shown)).all()
    assert (disclosed_rows(train, seed=8) != shown).any()


def test_no_test_row_is_ever_disclosed_or_trained_on():
    for hospital in load_hospitals():
        assert len(hospital.train) + len(hospital.test) <= hospital.rows
        shown = hospital.train.features[disclosed_rows(hospital.train, 1)]
        assert len(shown) <= 2 * len(hospital.train) // 5


def test_the_data_carries_its_attribution():
    from importlib import resources

    text = (resources.files("counterpoise.apps.diagnosis") / "data" / "LICENSE").read_text()
    for word in ("Janosi", "Steinbrunn", "Pfisterer", "Detrano", "CC BY 4.0"):
        assert word in text
