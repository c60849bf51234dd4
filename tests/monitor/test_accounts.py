"""The account model's columns: nothing of a row's own label, nothing of rows it was not given."""

import numpy as np
import pytest

from counterpoise.core.errors import InputError
from counterpoise.monitor import account_encoding, account_features
from counterpoise.monitor.account_encoding import PRIOR, Encoding
from counterpoise.monitor.account_features import features_of
from counterpoise.monitor.account_model import (
    FOLDS,
    NAMES,
    NORMALS,
    draw_of,
    folds_of,
    train_accounts,
)
from counterpoise.monitor.account_table import NUMBERS, AccountTable


def table_of(rows=400, seed=2, **columns):
    draw = np.random.default_rng(seed)
    numbers = draw.lognormal(1, 1, (rows, len(NUMBERS))).round(2)
    for name, value in columns.items():
        numbers[:, NUMBERS.index(name)] = value
    fraud = draw.random(rows) < 0.4
    tokens = np.where(fraud, "Scam", "Coin").astype("<U20")
    tokens = np.stack([tokens, np.array([f"own {row}" for row in range(rows)])], axis=1)
    return AccountTable(tuple(f"0x{row}" for row in range(rows)), numbers, tokens, fraud)


def column(table, name):
    return features_of(table)[:, account_features.NAMES.index(name)]


def test_ratios_are_missing_where_they_have_no_meaning():
    table = table_of(3, Sent_tnx=[4, 0, 3], Received_Tnx=[2, 5, 0])
    assert column(table, "Sent_tnx / Received_Tnx")[:2].tolist() == [2.0, 0.0]
    assert np.isnan(column(table, "Sent_tnx / Received_Tnx")[2])
    assert column(table, "transactions").tolist() == [6.0, 5.0, 3.0]
    assert not np.isinf(features_of(table)).any()


def test_how_round_an_amount_is_counts_digits():
    table = table_of(5, max_value_received=[0, 1.5, 200, 0.0425, 0.48317205])
    assert column(table, "decimals of max_value_received").tolist() == [-1, 1, 0, 4, 8]
    assert column(table, "digits of max_value_received").tolist() == [-1, 2, 1, 3, 8]


def test_features_are_of_one_account_at_a_time():
    table = table_of()
    some = AccountTable(
        table.addresses[:50], table.numbers[:50], table.tokens[:50], ~table.fraud[:50]
    )
    np.testing.assert_array_equal(features_of(some), features_of(table)[:50])


def test_a_training_row_s_share_of_fraud_does_not_count_itself():
    table = table_of()
    encoding, encoded = Encoding.fit(table, np.arange(400), 1)
    place = account_encoding.NAMES.index("p received token")
    # Everybody's received token is their own: without themselves nothing is known of it.
    assert encoded[:, place] == pytest.approx(table.fraud.mean())
    assert (encoded[:, place - 1] == 1).all()
    whole = encoding.encode(table, np.arange(400))[:, place]
    assert set(whole[table.fraud].round(6)) == {
        round(float((1 + PRIOR * table.fraud.mean()) / (1 + PRIOR)), 6)
    }


def test_of_rows_that_were_not_in_the_training_nothing_is_counted():
    table = table_of()
    train, test = np.arange(200), np.arange(200, 400)
    encoding, _ = Encoding.fit(table, train, 1)
    other = table.fraud.copy()
    other[test] = ~other[test]
    turned = AccountTable(table.addresses, table.numbers, table.tokens, other)
    again, _ = Encoding.fit(turned, train, 1)
    assert again == encoding
    names = dict(zip(account_encoding.NAMES, encoding.encode(table, test).T, strict=True))
    assert (names["n received token"] == 0).all() and (names["n sent token"] > 50).all()


def test_the_protocol_has_all_fraud_and_so_many_normal_accounts():
    table = table_of(7_000)
    rows = draw_of(table, 3)
    assert len(set(rows.tolist())) == len(rows) == NORMALS + table.fraud.sum()
    assert table.fraud[rows].sum() == table.fraud.sum()
    assert (draw_of(table, 3) == rows).all() and (draw_of(table, 4) != rows).any()
    tested = []
    for train, test in folds_of(table, rows, 3):
        assert not set(train) & set(test) and len(train) + len(test) == len(rows)
        tested += test.tolist()
    assert sorted(tested) == sorted(rows.tolist()) and len(tested) // FOLDS > 400


def test_a_model_tells_accounts_that_it_has_not_seen():
    pytest.importorskip("lightgbm", reason="skipped: needs lightgbm")
    table = table_of(900, seed=5)
    model = train_accounts(table, np.arange(600), part=10)
    scores = model.score(table, np.arange(600, 900))
    assert ((scores > 0) == table.fraud[600:]).mean() > 0.95
    assert all(len(trees.names) == len(NAMES) for trees in model.boosters)
    with pytest.raises(InputError, match="0 fraud accounts among"):
        train_accounts(table, np.flatnonzero(~table.fraud))
