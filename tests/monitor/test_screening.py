"""Listed accounts are told with the list and its date; their money is followed two hops, no hub."""

import pytest
from worlds import COIN, GENESIS, SCALES, account, block

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Severity
from counterpoise.monitor.detectors import screening
from counterpoise.monitor.detectors.screening import Screening, exposure
from counterpoise.monitor.labels import (
    NO_LABELS,
    Label,
    Labels,
    load_labels,
    load_lists,
    shipped_labels,
)
from counterpoise.monitor.watch import Watch

BAD, ANN, BOB, CID, DAN, HUB = range(6)
LABELS = Labels({account(BAD): Label("Heist 1", "heist", "mine", "2026-01-31")})


def story(*rows, detector=None):
    """One transfer a block; what was found in each, and the watch."""
    watch, parent, found = Watch(1, [detector or Screening(LABELS)], SCALES), GENESIS, []
    for number, row in enumerate(rows):
        made = block(parent, number, [row])
        found.append([alert.finding for alert in watch.accept(made).raised])
        parent = made.hash
    return found, watch


def test_a_listed_account_is_told_with_list_and_date():
    ((finding,),), _ = story((ANN, BAD, 500, None))
    assert finding.severity is Severity.HIGH and finding.model == LABELS.digest
    entities = {entity.role: entity for entity in finding.entities}
    assert entities["listed"].label == "Heist 1" and entities["listed"].listed == "2026-01-31"
    assert entities["counterparty"].address == account(ANN)
    assert "2026-01-31" in finding.reasons[0]


def test_money_is_followed_one_hop_and_two_and_no_further():
    rows = [(BAD, ANN, 1000, COIN), (ANN, BOB, 600, COIN), (BOB, CID, 500, COIN)]
    found, watch = story(*rows)
    shares = [exposure(watch.memory, account(who), COIN) for who in (ANN, BOB, CID)]
    assert shares == [(1_000_000, 0), (0, 1_000_000), (0, 0)]
    assert [len(one) for one in found] == [1, 1, 0]
    assert "2 hops away" in found[1][0].reasons[0]


def test_a_share_is_of_all_that_was_received():
    rows = [(BOB, ANN, 800, COIN), (BAD, ANN, 200, COIN), (ANN, CID, 500, COIN)]
    found, watch = story(*rows)
    assert exposure(watch.memory, account(ANN), COIN) == (200_000, 0)
    assert exposure(watch.memory, account(CID), COIN) == (0, 200_000)
    assert [len(one) for one in found] == [0, 1, 0]  # a fifth is below the second bar


def test_a_small_share_and_another_token_are_silent():
    rows = [(BOB, ANN, 100_000, COIN), (BAD, ANN, 5_000, COIN), (ANN, CID, 900, None)]
    found, watch = story(*rows)
    assert exposure(watch.memory, account(CID), COIN) == (0, 0)
    assert [len(one) for one in found] == [0, 1, 0]  # only the listed account itself
    assert "Heist 1" in found[1][0].reasons[0]


def test_a_hub_passes_nothing_on(monkeypatch):
    monkeypatch.setattr(screening, "HUB", 3)
    many = [(10 + at, HUB, 1, COIN) for at in range(3)]
    found, watch = story((BAD, HUB, 1000, COIN), *many, (HUB, ANN, 500, COIN))
    assert exposure(watch.memory, account(HUB), COIN) == (0, 0)
    assert exposure(watch.memory, account(ANN), COIN) == (0, 0) and found[-1] == []


def test_the_bar_is_told_once_when_it_is_crossed():
    rows = [(BAD, ANN, 1000, COIN), (ANN, BOB, 100, COIN), (ANN, BOB, 100, COIN)]
    found, _ = story(*rows)
    assert [len(one) for one in found] == [1, 1, 0]


def test_without_a_list_nothing_is_kept():
    found, watch = story((BAD, ANN, 1000, COIN), detector=Screening())
    assert found == [[]] and not any("screening" in name for name in watch.memory.summary())


ONE, TWO = "0x" + "11" * 20, "0x" + "22" * 20


def written(tmp_path, text, name="list.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_list_of_ones_own_is_read(tmp_path):
    text = f"# source: Ours\n# listed: 2026-02-03\naddress,label,category\n{ONE},Bad One,exploit\n"
    labels = load_labels(written(tmp_path, text))
    assert labels.find(b"\x11" * 20) == Label("Bad One", "exploit", "Ours", "2026-02-03")


@pytest.mark.parametrize(
    ("text", "name", "category"),
    [
        (
            f"banned_address,wallet_tag,data_source\n{ONE},Fake_Phishing1,etherscan-phish-hack-list\n",
            "Fake_Phishing1",
            "phishing",
        ),
        (
            "address,etherscan_tag,etherscan_labels,is_contract\n"
            f"{ONE},Fake_Phishing2,phish-hack,False\n",
            "Fake_Phishing2",
            "phishing",
        ),
        (
            "contract_address,contract_tag,contract_creator,contract_creator_tag,source,notes\n"
            f"{ONE},Some Exploiter,{TWO},,here,\n",
            "Some Exploiter",
            "exploit",
        ),
        (f'{{"{ONE}": {{"name": "Pool 1", "labels": ["tornado-cash"]}}}}', "Pool 1", "mixer"),
        (f"Digital Currency Address - ETH {ONE}; more", "list", "sanction"),
    ],
)
def test_the_lists_of_others_are_read_with_a_date(tmp_path, text, name, category):
    labels = load_lists([f"{written(tmp_path, text)}@2026-01-31"])
    found = labels.find(b"\x11" * 20)
    assert (found.name, found.category, found.listed) == (name, category, "2026-01-31")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"address,label\n{ONE},x\n", "of no known date"),
        ("# listed: 2026-02-31\naddress\n" + ONE, "of no known date"),
        ("# listed: 2026-01-31\naddress,label\n0x12,x\n", ":3: '0x12' is no address"),
        ("# listed: 2026-01-31\nnothing here\n", "holds no address"),
        ('# listed: 2026-01-31\n{"x": 1}', "is no address"),
        ('# listed: 2026-01-31\n{"x": ', "is no JSON"),
    ],
)
def test_a_bad_list_is_refused_with_the_line(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        load_labels(written(tmp_path, text))


def test_a_missing_list_is_refused():
    with pytest.raises(InputError, match="cannot read the list"):
        load_labels("nowhere.csv", "2026-01-31")


def test_names_cannot_speak_to_the_terminal(tmp_path):
    text = f"# listed: 2026-01-31\naddress,label\n{ONE},\x1b[31mred{'x' * 200}\n"
    name = load_labels(written(tmp_path, text)).find(b"\x11" * 20).name
    assert name.startswith("?[31mred") and len(name) == 80


def test_of_two_lists_the_graver_word_counts_then_the_newer():
    one = Labels({b"1": Label("a", "phishing", "x", "2026-01-01")})
    two = Labels({b"1": Label("b", "sanction", "y", "2020-01-01")})
    new = Labels({b"1": Label("c", "phishing", "z", "2026-01-02")})
    assert (one | two).find(b"1").name == (two | one).find(b"1").name == "b"
    assert (one | new).find(b"1").name == (new | one).find(b"1").name == "c"
    assert (one | two).digest == (two | one).digest != one.digest != NO_LABELS.digest


def test_the_shipped_excerpt_says_how_old_it_is():
    labels = shipped_labels()
    assert len(labels) == 210
    assert {label.listed for label in labels.by_address.values()} == {"2023-01-31"}
    assert {label.category for label in labels.by_address.values()} == {
        "phishing",
        "exploit",
        "heist",
    }
