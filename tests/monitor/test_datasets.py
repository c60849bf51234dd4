"""Loaders read the exact formats, refuse what is not the published data, and score as papers do."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from counterpoise.core.errors import InputError
from counterpoise.monitor.account_table import NUMBERS, TOKENS, load_accounts
from counterpoise.monitor.bench_cli import bench
from counterpoise.monitor.datasets import DATASETS, accounts, amlworld, elliptic, washtrades
from counterpoise.monitor.datasets.amlworld_bench import measure as measure_amlworld
from counterpoise.monitor.datasets.amlworld_patterns import load_attempts, typologies_of

ETHER = washtrades.ETHER


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*([header] if header else []), *rows])
    return path


@pytest.fixture
def elliptic_folder(tmp_path):
    draw = np.random.default_rng(1)
    classes, features = [], []
    for number in range(600):
        step = 1 + number % 49
        kind = ("1", "2", "unknown")[int(draw.choice(3, p=[0.2, 0.5, 0.3]))]
        row = draw.normal(0, 1, 165) + (kind == "1") * (step < 43) * 0.9
        features.append([10**9 + number, step, *row.round(4)])
        classes.append([10**9 + number, kind])
    write(tmp_path / "elliptic_txs_features.csv", None, features)
    write(tmp_path / "elliptic_txs_classes.csv", ["txId", "class"], classes)
    pairs = [[10**9, 10**9 + 1], [10**9 + 1, 10**9 + 2]]
    write(tmp_path / "elliptic_txs_edgelist.csv", ["txId1", "txId2"], pairs)
    return tmp_path


def test_elliptic_is_scored_before_and_after_the_shutdown_apart(elliptic_folder):
    report = elliptic.measure(elliptic_folder, seeds=2, wanted=None, trees=40)
    whole, before, after = (figure.mean for figure in report.figures)
    assert before > 0.8 > whole > after
    assert report.counts["transactions"] == 600 and report.counts["edges"] == 2
    assert "RF .788" in report.figures[0].published


def test_other_counts_than_the_published_are_refused_and_named(elliptic_folder):
    with pytest.raises(InputError, match="transactions 600, published 203,769; edges 2"):
        elliptic.load_elliptic(elliptic_folder)


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("features", "5,1\n", "line 1: 2 columns, 167 wanted"),
        ("features", "77,1" + ",x" * 165 + "\n", "transaction 77 has no class"),
        ("classes", "txId,class\n1,guilty\n", "line 2: class 'guilty'"),
        ("classes", "id,class\n1,2\n", "begins with 'id,class'"),
    ],
)
def test_a_malformed_elliptic_row_is_named_by_line(elliptic_folder, file, text, reason):
    (elliptic_folder / f"elliptic_txs_{file}.csv").write_text(text)
    with pytest.raises(InputError, match=reason):
        elliptic.load_elliptic(elliptic_folder, None)


def bank_rows(seed, rows=3_000):
    """Ten days of transfers, in rings now and then, not sorted by time."""
    draw, made, attempts = np.random.default_rng(seed), [], []
    for _ in range(rows):
        day, minute = int(draw.integers(1, 11)), int(draw.integers(0, 1440))
        src, dst = (int(one) for one in draw.integers(0, 150, 2))
        made.append([day, minute, src, dst, float(draw.lognormal(3, 1)), 0])
    for _ in range(40):
        day, members = int(draw.integers(1, 11)), draw.choice(np.arange(150, 260), 5, replace=False)
        attempt = [
            [day, 600 + 5 * hop, int(members[hop]), int(members[(hop + 1) % 5]), 9000.0, 1]
            for hop in range(5)
        ]
        made += attempt
        attempts.append(attempt)
    draw.shuffle(made)
    return [bank_row(row) for row in made], [[bank_row(row) for row in one] for one in attempts]


def bank_row(row):
    day, minute, src, dst, amount, flag = row
    stamp = f"2022/09/{day:02d} {minute // 60:02d}:{minute % 60:02d}"
    money = [f"{amount:.2f}", "US Dollar"]
    return [
        stamp,
        f"{src % 9:03d}",
        f"A{src}",
        f"{dst % 9:03d}",
        f"A{dst}",
        *money,
        *money,
        "ACH",
        flag,
    ]


@pytest.fixture
def bank_file(tmp_path):
    rows, attempts = bank_rows(3)
    path = write(tmp_path / "HI-Small_Trans.csv", amlworld.COLUMNS, rows)
    with (tmp_path / "HI-Small_Patterns.txt").open("w", newline="") as file:
        for attempt in attempts:
            file.write("BEGIN LAUNDERING ATTEMPT - CYCLE:  Max 5 hops\n")
            csv.writer(file).writerows(attempt)
            file.write("END LAUNDERING ATTEMPT - CYCLE\n\n")
    return path


def test_amlworld_is_scored_by_both_splits_and_by_pattern(bank_file):
    report = measure_amlworld(bank_file, seeds=1, published={}, rounds=40)
    found = {figure.name: figure for figure in report.figures}
    assert found["F1 (a) at even odds"].mean > 0.8 and found["F1 (b) at even odds"].mean > 0.8
    assert found["recall of cycle (a)"].mean > 0.8
    assert "FraudGT .686" in found["F1 (a) at even odds"].published
    assert "GFP + LightGBM .629" in found["F1 (b) at even odds"].published
    assert report.counts["rows"] == 3_200 and report.counts["laundering"] == 200


def test_amlworld_of_other_counts_is_refused(bank_file):
    with pytest.raises(InputError, match="rows 3,200, published 5,078,345"):
        amlworld.load_amlworld(bank_file)


def test_every_attempt_is_found_again_among_the_rows(bank_file):
    transfers = amlworld.load_amlworld(bank_file, published={})
    kinds = typologies_of(transfers, bank_file.with_name("HI-Small_Patterns.txt"))
    assert list(kinds) == ["cycle"] and (kinds["cycle"] == transfers.laundering).all()
    assert len(load_attempts(bank_file.with_name("HI-Small_Patterns.txt"))) == 40


def test_days_are_split_as_near_to_the_shares_as_whole_days_come():
    day = np.repeat(np.arange(5), [10, 50, 20, 15, 5]) * 86_400
    train, valid, test = amlworld.split_by_days(day)
    assert [int(part.sum()) for part in (train, valid, test)] == [60, 20, 20]
    by_place = amlworld.split_by_place(10)
    assert [np.flatnonzero(part).tolist() for part in by_place] == [[*range(6)], [6, 7], [8, 9]]


def test_features_look_back_in_time_whatever_the_order_of_the_file(bank_file):
    transfers = amlworld.load_amlworld(bank_file, published={})
    features, names = amlworld.features_of(transfers)
    last = int(np.argmin(transfers.time))
    place = names.index("sent_src")
    assert features[last, place] in (0, -1)
    own = transfers.src == transfers.dst
    assert own.any() and (features[own][:, len(amlworld.OWN) :] == -1).all()


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [(0, "2022-09-01", "no YYYY/MM/DD"), (5, "much", "'much' is no number"), (10, "2", "Is Laund")],
)
def test_a_malformed_transfer_is_named_by_line(tmp_path, place, value, reason):
    row = bank_row([1, 0, 1, 2, 5.0, 0])
    row[place] = value
    path = write(tmp_path / "x_Trans.csv", amlworld.COLUMNS, [bank_row([1, 0, 1, 2, 5.0, 0]), row])
    with pytest.raises(InputError, match=rf"line 3.*{reason}"):
        amlworld.load_amlworld(path)


@pytest.fixture
def trade_folder(tmp_path):
    token, other = "0x" + "11" * 20, "0x" + "22" * 20
    delta, idex = [], []
    for number in range(240):
        ends = ("0xa", "0xb") if number % 2 else ("0xb", "0xa")
        hash_, time = f"0x{number:064x}", 1_500_000_000 + number * 10
        delta.append([hash_, number, time, token, 10**24, ETHER, 2 * 10**18, *ends])
    delta.append(["0xf1", 300, 1_500_003_000, other, 5, ETHER, 10**18, "0xc", "0xd"])
    delta.append(["0xf2", 300, 1_500_003_000, other, 5, token, 7, "0xc", "0xd"])
    for status, taker in ((1, "0xd"), (0, "0xd"), (1, "0xc")):
        row = dict.fromkeys(washtrades.IDEX, 1) | {"status": status, "timestamp": 1_500_000_500}
        row |= {"amountBuy": 10**18, "amountSell": 4 * 10**20, "amount": 5 * 10**17}
        row |= {"tokenBuy": ETHER, "tokenSell": token, "maker": "0xc", "taker": taker}
        idex.append([row[name] for name in washtrades.IDEX])
    write(tmp_path / "EtherDeltaTrades.csv", washtrades.ETHERDELTA, delta)
    write(tmp_path / "IDEXTrades.csv", washtrades.IDEX, idex)
    prices = [["7/14/2017", 1_499_990_400, 200.0], ["7/15/2017", 1_500_076_800, 300.0]]
    write(tmp_path / "EtherDollarPrice.csv", ["Date(UTC)", "UnixTimeStamp", "Value"], prices)
    labels = [["EtherDelta", row[0]] for row in delta[:239]]
    write(tmp_path / "labels.csv", ["exchange", "transactionHash"], labels)
    return tmp_path


def test_wash_trades_are_summed_in_dollars_and_compared_with_the_pipeline_s_labels(trade_folder):
    report = washtrades.measure(trade_folder)
    found = {figure.name: figure.mean for figure in report.figures}
    assert found["EtherDelta: share of trades"] == pytest.approx(240 / 241)
    assert found["EtherDelta: share of tokens"] == 0.5
    assert found["EtherDelta: USD"] == pytest.approx(240 * 2 * 200)
    assert found["EtherDelta: labels equal"] == pytest.approx(240 / 241)
    assert found["IDEX: USD"] == pytest.approx(0.5 * 200)  # to itself
    assert report.counts["IDEX passed over"] == 1 and report.counts["EtherDelta passed over"] == 1


def test_what_the_maker_of_an_idex_order_gave_is_reckoned_from_its_price(trade_folder):
    trades = [one for one in washtrades.read_idex(trade_folder / "IDEXTrades.csv") if one]
    assert (trades[0].buyer, trades[0].seller) == ("0xd", "0xc")
    assert (trades[0].amount, trades[0].ether) == (2 * 10**20, 5 * 10**17)


@pytest.fixture
def account_file(tmp_path):
    draw, rows = np.random.default_rng(4), []
    for number in range(3_000):
        fraud = number < 400
        values = np.abs(draw.lognormal(1 + fraud, 1, len(NUMBERS))).round(3)
        tokens = draw.choice(["OmiseGO", "EOS", "None" if fraud else "BAT"], 2)
        rows.append([f"0x{number}", int(fraud), *values, *tokens])
    return write(tmp_path / "accounts.csv", ["Address", "FLAG", *NUMBERS, *TOKENS], rows + rows[:3])


def test_accounts_are_read_once_each_and_scored_by_the_protocol(account_file):
    table = load_accounts(account_file, published=False)
    assert len(table) == 3_000 and int(table.fraud.sum()) == 400
    report = accounts.measure(account_file, seeds=1, published=False, part=100)
    accuracy, auc = report.figures
    assert 0.85 < accuracy.mean <= 1 and auc.mean > 0.97


def test_accounts_that_are_not_the_published_ones_are_refused(account_file):
    with pytest.raises(InputError, match="2,600 normal and 400 fraud accounts"):
        load_accounts(account_file)
    text = account_file.read_text().replace("FLAG", "LABEL", 1)
    account_file.write_text(text)
    with pytest.raises(InputError, match="no column FLAG"):
        load_accounts(account_file)


def test_the_verb_prints_figures_beside_the_paper_s(trade_folder):
    run = CliRunner().invoke(bench, ["washtrades", "--data", str(trade_folder), "--json"])
    told = json.loads(run.stdout)
    assert told["dataset"] == "washtrades" and told["figures"][-1]["published"] == "$159M (paper)"
    plain = CliRunner().invoke(bench, ["washtrades", "--data", str(trade_folder)])
    assert "EtherDelta: share of trades" in plain.stdout and "note:" in plain.stdout


def test_the_verb_knows_every_data_set():
    assert set(bench.params[0].type.choices) == set(DATASETS)
