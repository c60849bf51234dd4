"""What a loan is decided by: 17 attributes of an applicant as 46 features, and three left out.

A number or an ordered level is one feature; an attribute without an order is one feature for
each level, 1 for the level that holds and 0 for the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from counterpoise.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an applicant.

    Parameters
    ----------
    name :
        The column of the data.
    title :
        How an applicant is told that it counted against them.
    levels :
        What it can be; empty for a whole number.
    is_ordered :
        Whether the levels are one feature, counted from 0, rather than one each.
    """

    name: str
    title: str
    levels: tuple[str, ...] = ()
    is_ordered: bool = False

    @property
    def width(self) -> int:
        """How many features it becomes."""
        return 1 if self.is_ordered or not self.levels else len(self.levels)

    def features(self, value: str) -> list[int]:
        """Give the features of a value as it stands in the data.

        Raises
        ------
        InputError :
            It is no whole number, or none of the levels.
        """
        if not self.levels:
            if not value.isdecimal():
                raise InputError(f"{self.name} is {value!r}, a whole number is wanted")
            return [int(value)]
        if value not in self.levels:
            known = ", ".join(repr(level) for level in self.levels)
            raise InputError(f"{self.name} is {value!r}, one of {known} is wanted")
        place = self.levels.index(value)
        if self.is_ordered:
            return [place]
        return [int(number == place) for number in range(len(self.levels))]

    def labels(self) -> list[str]:
        """Name its features."""
        if self.width == 1:
            return [self.name]
        return [f"{self.name}: {level}" for level in self.levels]


AMOUNT, MONTHS = "credit_amount", "duration_in_month"
ATTRIBUTES = (
    Attribute(
        "status_of_existing_checking_account",
        "status of the checking account",
        (
            "... < 0 DM",
            "0 <= ... < 200 DM",
            "... >= 200 DM / salary assignments for at least 1 year",
            "no checking account",
        ),
    ),
    Attribute(MONTHS, "length of the term"),
    Attribute(
        "credit_history",
        "credit history",
        (
            "no credits taken/ all credits paid back duly",
            "all credits at this bank paid back duly",
            "existing credits paid back duly till now",
            "delay in paying off in the past",
            "critical account/ other credits existing (not at this bank)",
        ),
    ),
    Attribute(
        "purpose",
        "purpose of the loan",
        (
            "car (new)",
            "car (used)",
            "furniture/equipment",
            "radio/television",
            "domestic appliances",
            "repairs",
            "education",
            "retraining",
            "business",
            "others",
        ),
    ),
    Attribute(AMOUNT, "amount asked for"),
    Attribute(
        "savings_account_and_bonds",
        "savings",
        (
            "... < 100 DM",
            "100 <= ... < 500 DM",
            "500 <= ... < 1000 DM",
            "... >= 1000 DM",
            "unknown/ no savings account",
        ),
    ),
    Attribute(
        "present_employment_since",
        "length of present employment",
        (
            "unemployed",
            "... < 1 year",
            "1 <= ... < 4 years",
            "4 <= ... < 7 years",
            "... >= 7 years",
        ),
        is_ordered=True,
    ),
    Attribute(
        "installment_rate_in_percentage_of_disposable_income", "instalments beside the income"
    ),
    Attribute(
        "other_debtors_or_guarantors",
        "guarantors or co-applicants",
        ("none", "co-applicant", "guarantor"),
    ),
    Attribute("present_residence_since", "length of residence"),
    Attribute(
        "property",
        "property",
        (
            "real estate",
            "building society savings agreement/ life insurance",
            "car or other, not in attribute Savings account/bonds",
            "unknown / no property",
        ),
    ),
    Attribute("other_installment_plans", "other instalment plans", ("bank", "stores", "none")),
    Attribute("housing", "housing", ("rent", "own", "for free")),
    Attribute("number_of_existing_credits_at_this_bank", "number of credits at this bank"),
    Attribute(
        "job",
        "kind of job",
        (
            "unemployed/ unskilled - non-resident",
            "unskilled - resident",
            "skilled employee / official",
            "management/ self-employed/ highly qualified employee/ officer",
        ),
        is_ordered=True,
    ),
    Attribute("number_of_people_being_liable_to_provide_maintenance_for", "number of dependants"),
    Attribute(
        "telephone",
        "telephone",
        ("none", "yes, registered under the customers name"),
        is_ordered=True,
    ),
)
PROTECTED = ("personal_status_and_sex", "age_in_years", "foreign_worker")
"""Never seen by the model: the desk may not lend by them. They serve to look at fairness only."""

FEATURES = tuple(label for attribute in ATTRIBUTES for label in attribute.labels())


def features_of(values: Mapping[str, str]) -> list[int]:
    """Give the 46 features of an applicant, in the order of `FEATURES`.

    Raises
    ------
    InputError :
        An attribute is missing, or has a value that it cannot have.
    """
    found: list[int] = []
    for attribute in ATTRIBUTES:
        if attribute.name not in values:
            raise InputError(f"the applicant's {attribute.name} is missing")
        found += attribute.features(values[attribute.name])
    return found


def places() -> dict[str, slice]:
    """Give where each attribute's features lie among all."""
    found, at = {}, 0
    for attribute in ATTRIBUTES:
        found[attribute.name] = slice(at, at + attribute.width)
        at += attribute.width
    return found
