"""The applicants: what the file holds, what becomes of it, and who is kept apart from whom."""

from importlib import resources

import numpy as np
import pytest

from counterpoise.apps.lending.attributes import (
    AMOUNT,
    ATTRIBUTES,
    FEATURES,
    MONTHS,
    PROTECTED,
    features_of,
    places,
)
from counterpoise.apps.lending.credit import load_credit, split
from counterpoise.apps.lending.fairness import rates
from counterpoise.core.errors import InputError


def test_the_file_holds_the_published_applicants():
    credit = load_credit()
    assert credit.features.shape == (1000, 46)
    assert int(credit.bad.sum()) == 300
    amounts = credit.features[:, FEATURES.index(AMOUNT)]
    months = credit.features[:, FEATURES.index(MONTHS)]
    assert (amounts.min(), amounts.max(), amounts.sum()) == (250, 18_424, 3_271_258)
    assert (months.min(), months.max()) == (4, 72)


def test_the_first_applicant_is_as_in_the_file():
    first = load_credit().values[0]
    assert (first[AMOUNT], first[MONTHS], first["creditability"]) == ("1169", "6", "good")
    found = dict(zip(FEATURES, load_credit().features[0].astype(int).tolist(), strict=True))
    on = {name for name, value in found.items() if value == 1 and ": " in name}
    assert on == {
        "status_of_existing_checking_account: ... < 0 DM",
        "credit_history: critical account/ other credits existing (not at this bank)",
        "purpose: radio/television",
        "savings_account_and_bonds: unknown/ no savings account",
        "other_debtors_or_guarantors: none",
        "property: real estate",
        "other_installment_plans: none",
        "housing: own",
    }
    assert (found[AMOUNT], found[MONTHS], found["present_employment_since"]) == (1169, 6, 4)


def test_every_level_of_every_attribute_occurs_and_exactly_one_holds():
    features = load_credit().features
    for attribute, place in zip(ATTRIBUTES, places().values(), strict=True):
        own = features[:, place]
        if attribute.width > 1:
            assert (own.sum(axis=1) == 1).all() and (own.sum(axis=0) > 0).all(), attribute.name
        elif attribute.levels:
            assert set(own[:, 0].astype(int)) == set(range(len(attribute.levels)))


def test_no_feature_is_of_a_protected_attribute():
    names = {attribute.name for attribute in ATTRIBUTES}
    assert not names & set(PROTECTED)
    row = dict(load_credit().values[0])
    before = features_of(row)
    row.update(personal_status_and_sex="female : single", age_in_years="19", foreign_worker="no")
    assert features_of(row) == before


def test_all_attributes_of_the_file_are_used_or_protected():
    columns = set(load_credit().values[0]) - {"creditability"}
    assert columns == {attribute.name for attribute in ATTRIBUTES} | set(PROTECTED)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"housing": "castle"}, "housing is 'castle', one of 'rent', 'own', 'for free'"),
        ({AMOUNT: "12.5"}, "credit_amount is '12.5', a whole number"),
        ({AMOUNT: "-5"}, "credit_amount is '-5', a whole number"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(changes, message):
    with pytest.raises(InputError, match=message):
        features_of({**load_credit().values[0], **changes})


def test_a_missing_attribute_is_refused_by_name():
    row = {k: v for k, v in load_credit().values[0].items() if k != "job"}
    with pytest.raises(InputError, match="job is missing"):
        features_of(row)


def test_the_split_is_fixed_stratified_and_without_overlap():
    parts = split()
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 600,
        "validation": 150,
        "test": 250,
    }
    assert {name: int(part.bad.sum()) for name, part in parts.items()} == {
        "train": 180,
        "validation": 45,
        "test": 75,
    }
    numbers = np.concatenate([part.numbers for part in parts.values()])
    assert sorted(numbers.tolist()) == list(range(1000))
    assert parts["test"].numbers[:5].tolist() == FIRST_OF_TEST


FIRST_OF_TEST = [2, 6, 7, 9, 11]


def test_rates_count_who_is_approved_in_each_group():
    part = split()["test"]
    everybody = rates(part, np.zeros(len(part), np.int64))
    assert {(r.protected, r.group) for r in everybody} == {
        ("sex", "female"),
        ("sex", "male"),
        ("age", "25 or younger"),
        ("age", "over 25"),
        ("foreign worker", "no"),
        ("foreign worker", "yes"),
    }
    assert all(r.approval == r.opportunity == 1 for r in everybody)
    right = rates(part, part.bad)
    for group in right:
        assert group.approved == group.good == group.good_approved
    for protected in ("sex", "age", "foreign worker"):
        own = [r for r in right if r.protected == protected]
        assert sum(r.applicants for r in own) == 250 and sum(r.good for r in own) == 175


def test_the_data_carries_its_attribution():
    text = (resources.files("counterpoise.apps.lending") / "data" / "LICENSE").read_text()
    for word in ("Hofmann", "German Credit", "CC BY 4.0", "10.24432/C5NC77"):
        assert word in text
