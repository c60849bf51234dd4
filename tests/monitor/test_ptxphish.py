"""PTXPhish: the spreadsheet as it is laid out, payloads as a node gives them, figures per class."""

import json
import zipfile

import pytest

from counterpoise.core.errors import ChainError, InputError
from counterpoise.monitor.blocks import TRANSFER
from counterpoise.monitor.datasets import ptxphish
from counterpoise.monitor.datasets.spreadsheet import load_cells, place_of
from counterpoise.monitor.detectors.rights import APPROVAL

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
VICTIM, THIEF, FRIEND, TOKEN = ("0x" + byte * 20 for byte in ("a1", "b2", "c3", "d4"))
APPROVE, DRAIN, ORDER, HONEST = ("0x" + byte * 32 for byte in ("01", "02", "03", "04"))


def sheet(path, rows):
    """An .xlsx of rows, its texts shared as spreadsheets share them; None leaves a cell out."""
    texts, lines = [], []
    for number, row in enumerate(rows, 1):
        cells = []
        for column, text in enumerate(row):
            if text is not None:
                cells.append(f'<c r="{chr(65 + column)}{number}" t="s"><v>{len(texts)}</v></c>')
                texts.append(text)
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    shared = "".join(f"<si><t>{text}</t></si>" for text in texts)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", f"<sst {MAIN}>{shared}</sst>")
        body = f"<worksheet {MAIN}><sheetData>{''.join(lines)}</sheetData></worksheet>"
        archive.writestr("xl/worksheets/sheet1.xml", body)
    return path


@pytest.fixture
def folder(tmp_path):
    heads = ["Approve", "Source", "Permit", "Source", None, "Free buy order", "Source", "Benign"]
    rows = [["TXSPHISH"], ["Exploiting"], ["Ice phishing"], heads]
    rows.append([APPROVE, "https://somewhere", DRAIN, None, None, ORDER, None, HONEST])
    sheet(tmp_path / ptxphish.SHEET, rows)
    return tmp_path


def word(address):
    return "0x" + address[2:].rjust(64, "0")


def log(topic, one, other, amount):
    topics = ["0x" + topic.hex(), word(one), word(other)]
    return {"address": TOKEN, "topics": topics, "data": hex(amount), "logIndex": "0x0"}


def payload(hash_, number, sender, logs):
    for entry in logs:
        entry["data"] = "0x" + entry["data"][2:].rjust(64, "0")
    transaction = {"hash": hash_, "blockNumber": hex(number), "transactionIndex": "0x0"}
    transaction |= {"blockHash": "0x" + "ee" * 32, "from": sender, "to": TOKEN}
    transaction |= {"value": "0x0", "input": "0x", "gasPrice": "0x1"}
    receipt = {"status": "0x1", "logs": logs, "gasUsed": "0x5208", "contractAddress": None}
    return {
        "transaction": transaction,
        "receipt": receipt,
        "time": hex(1_700_000_000 + 100_000 * number),
    }


PAYLOADS = [
    payload(HONEST, 2, FRIEND, [log(TRANSFER, FRIEND, VICTIM, 500)]),
    payload(APPROVE, 10, VICTIM, [log(APPROVAL, VICTIM, THIEF, 10**30)]),
    payload(DRAIN, 12, THIEF, [log(TRANSFER, VICTIM, THIEF, 400)]),
    payload(ORDER, 12, FRIEND, []),
]


class Archive:
    """A node that has all but one of the transactions and refuses to trace."""

    def __init__(self):
        self.asked = []

    def request(self, method, *params):
        self.asked.append((method, params[0]))
        known = {one["transaction"]["hash"]: one for one in PAYLOADS if one is not PAYLOADS[3]}
        if method == "debug_traceTransaction":
            raise ChainError("the method debug_traceTransaction is not offered")
        if method == "eth_getBlockByHash":
            return {"timestamp": hex(1_700_000_000)}
        name = "transaction" if method == "eth_getTransactionByHash" else "receipt"
        return known.get(params[0], {}).get(name)


def write_payloads(folder, payloads):
    lines = "".join(json.dumps(one) + "\n" for one in payloads)
    (folder / ptxphish.PAYLOADS).write_text(lines)


def test_classes_are_read_by_the_headers_of_the_fourth_row(folder):
    classes = ptxphish.load_classes(folder / ptxphish.SHEET, None)
    assert classes == {
        "approve": [APPROVE],
        "permit": [DRAIN],
        "free buy order": [ORDER],
        "benign": [HONEST],
    }


def test_a_spreadsheet_of_other_counts_is_refused(folder):
    with pytest.raises(InputError, match="approve 1, published 1,247"):
        ptxphish.measure(folder)


def test_figures_are_of_the_payloads_that_are_known(folder):
    write_payloads(folder, reversed(PAYLOADS))
    report = ptxphish.measure(folder, wanted=None)
    found = {figure.name: figure.mean for figure in report.figures}
    assert found["precision"] == 1 and found["recall"] == pytest.approx(2 / 3)
    assert found["F1"] == pytest.approx(0.8) and found["recall of free buy order"] == 0
    assert found["recall of approve"] == found["recall of permit"] == 1
    assert report.counts["payloads known"] == 4


def test_payloads_are_asked_for_once_and_kept(folder):
    node = Archive()
    report = ptxphish.measure(folder, wanted=None, node=node)
    assert report.counts["payloads known"] == 3
    asked, node.asked = node.asked, []
    assert ("eth_getTransactionReceipt", DRAIN) in asked
    ptxphish.measure(folder, wanted=None, node=node)
    assert node.asked == [("eth_getTransactionByHash", ORDER)]


def test_without_payloads_it_says_how_to_get_them(folder):
    with pytest.raises(InputError, match="no payloads") as caught:
        ptxphish.measure(folder, wanted=None)
    assert "--rpc" in caught.value.hint


@pytest.mark.parametrize("line", ["{", '{"transaction": {}}', "[]"])
def test_a_damaged_payload_is_named_by_line(folder, line):
    write_payloads(folder, PAYLOADS[:1])
    with (folder / ptxphish.PAYLOADS).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match="line 2 is no payload"):
        ptxphish.measure(folder, wanted=None)


@pytest.mark.parametrize("content", ["", "<!DOCTYPE x [<!ENTITY a 'b'>]><x/>", "<unclosed>"])
def test_what_is_no_spreadsheet_is_refused(tmp_path, content):
    path = tmp_path / "x.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        if content:
            archive.writestr("xl/worksheets/sheet1.xml", content)
    with pytest.raises(InputError, match=r"no sheet|document type|no \.xlsx"):
        load_cells(path)
    path.write_bytes(b"PK no archive")
    with pytest.raises(InputError, match=r"no \.xlsx"):
        load_cells(path)


def test_cells_are_found_by_their_names():
    assert [place_of(name) for name in ("A1", "Z9", "AA4", "AB10", "1A", "")] == [
        (1, 1),
        (9, 26),
        (4, 27),
        (10, 28),
        None,
        None,
    ]
