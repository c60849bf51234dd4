"""Rows become the same blocks every time; what is no transfer is named by its line."""

import gzip
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from streams import Every, opened
from worlds import account

from counterpoise.core.errors import InputError
from counterpoise.monitor.blocks import NATIVE, transfers_of
from counterpoise.monitor.engines.parquet import ParquetRecords
from counterpoise.monitor.names import address_of, shown
from counterpoise.monitor.row_blocks import RowBlocks
from counterpoise.monitor.rows import Malformed, Row, RowReader
from counterpoise.monitor.source import Exhausted, Place
from counterpoise.monitor.sources.csv_file import CsvRecords
from counterpoise.monitor.sources.rows import RowSource, RowTerms

HEADER = "timestamp,from,to,value,token\n"


def csv_file(folder, text, name="rows.csv"):
    path = folder / name
    path.write_text(text)
    return path


def all_of(source):
    blocks = []
    while True:
        try:
            given = source.poll()
        except Exhausted:
            return blocks
        blocks += [(block, source.note(block)) for block in given]


def blocks_of(folder, text, *, name="rows.csv", said=None, **terms):
    source = RowSource(
        CsvRecords(csv_file(folder, text, name)),
        RowTerms(**terms),
        say=(said if said is not None else []).append,
    )
    blocks = [block for block, _ in all_of(source)]
    source.close()
    return blocks, source.faults


def moved(blocks):
    return [
        (one.time, shown(t.src), shown(t.dst), t.amount)
        for one in blocks
        for t in transfers_of(one)
    ]


@pytest.mark.parametrize(
    ("text", "decimals", "amount"),
    [
        ("17", 0, 17),
        (" 17 ", 0, 17),
        ("0x1f", 0, 31),
        ("12.5", 1, 125),
        ("12.50", 1, 125),
        ("1e3", 0, 1000),
        ("0", 0, 0),
        (str(2**256 - 1), 0, 2**256 - 1),
        (7, 2, 700),
    ],
)
def test_amounts_are_taken_exactly_as_text_too(text, decimals, amount):
    reader = RowReader(["time", "src", "dst", "amount"], decimals=decimals)
    assert reader.row(["5", "a", "b", text], 0).amount == amount


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (["5", "a", "b", "many"], "'many' is no number"),
        (["5", "a", "b", "1,000"], "is no number"),
        (["5", "a", "b", "12.5"], "more than 0 decimals"),
        (["5", "a", "b", "-1"], "is negative"),
        (["5", "a", "b", str(2**256)], "does not fit 256 bits"),
        (["5", "a", "b", "1e999999999"], "out of range"),
        (["5", "a", "b", "nan"], "out of range"),
        (["5", "a", "b", None], "the amount is None"),
        (["5", "a", "b", True], "the amount is True"),
        (["5", "", "b", "1"], "account is empty"),
        (["soon", "a", "b", "1"], "the time 'soon' is none"),
        (["1969-12-31", "a", "b", "1"], "before 1970"),
        (["5", "a"], "it has 2 fields, dst is the 3th"),
        (["5", "a", "b", "1", "", "0x12"], "no hash of 32 bytes"),
        (["5", "a", "b", "1", "", "", "next"], "the block 'next' is no number"),
    ],
)
def test_a_row_that_is_no_transfer_says_why(fields, told):
    header = ["time", "src", "dst", "amount", "token", "hash", "block"]
    with pytest.raises(Malformed, match=told):
        RowReader(header[: max(4, len(fields))]).row(fields, 0)


@pytest.mark.parametrize(
    "text",
    ["2022/09/01 00:05", "2022-09-01T00:05:00Z", "2022-09-01 02:05:00+02:00", "1661990700.9"],
)
def test_times_are_read_as_people_write_them(text):
    reader = RowReader(["Timestamp", "Sender", "Receiver", "Amount"])
    assert reader.row([text, "a", "b", "1"], 0).time == 1661990700


def test_a_file_without_a_needed_column_is_refused_and_told_what_it_may_be_called(tmp_path):
    path = csv_file(tmp_path, "when,from,to,value\n1,a,b,2\n")
    records = CsvRecords(path)
    with pytest.raises(InputError, match="no column for time") as caught:
        RowSource(records)
    assert "timestamp" in caught.value.hint
    records.close()


def test_malformed_rows_are_named_by_line_and_counted_and_the_rest_goes_on(tmp_path):
    said = []
    text = HEADER + "1,a,b,5,\nx,a,b,5,\n2,b,c,abc,\n\n3,c\n4,c,a,7,\n"
    blocks, faults = blocks_of(tmp_path, text, said=said, seconds=1)
    assert moved(blocks) == [(1, "a", "b", 5), (4, "c", "a", 7)]
    assert [line.split(":")[0] for line in said] == ["line 3", "line 4", "line 6"]
    assert faults == {"malformed rows": 3}


def test_of_very_many_malformed_rows_the_first_are_told_and_all_counted(tmp_path):
    said = []
    _, faults = blocks_of(tmp_path, HEADER + "x,a,b,1,\n" * 500, said=said)
    assert faults == {"malformed rows": 500} and len(said) == 21


def test_bytes_that_are_no_text_harm_no_other_row(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(HEADER.encode() + b"1,\xff\xfe,b,5,\n2,a\x00,b,6,\n3,a,b,7,\n")
    source = RowSource(CsvRecords(path), RowTerms(seconds=1))
    assert [t.amount for b, _ in all_of(source) for t in transfers_of(b)] == [5, 6, 7]
    source.close()


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_separator_is_found_and_gzip_is_read(tmp_path, separator):
    text = (HEADER + "1,a,b,5,\n").replace(",", separator)
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    source = RowSource(CsvRecords(path))
    assert moved([b for b, _ in all_of(source)]) == [(1, "a", "b", 5)]
    source.close()


def test_rows_come_in_order_of_time_within_the_lateness_and_later_ones_are_named(tmp_path):
    said = []
    text = HEADER + "10,a,b,1,\n30,a,b,3,\n20,a,b,2,\n60,a,b,6,\n25,a,b,9,\n61,a,b,7,\n"
    blocks, faults = blocks_of(tmp_path, text, said=said, seconds=1, lateness=20)
    assert [row[3] for row in moved(blocks)] == [1, 2, 3, 6, 7]
    assert said == ["line 6: it comes more than 20 seconds after a younger one; left out"]
    assert faults == {"late rows": 1}
    times = [block.time for block in blocks]
    assert times == sorted(times)


def test_rows_that_name_their_block_are_put_into_it(tmp_path):
    text = "time,from,to,value,block,hash\n"
    name = "0x" + "ab" * 32
    text += f"5,a,b,1,100,{name}\n5,b,c,2,100,{name}\n9,c,d,3,107,\n"
    blocks, _ = blocks_of(tmp_path, text)
    assert [(b.number, len(b.transactions)) for b in blocks] == [(100, 1), (107, 1)]
    assert blocks[1].parent == blocks[0].hash
    assert [t.amount for t in transfers_of(blocks[0])] == [1, 2]


def test_tokens_by_name_and_by_address_are_told_apart_from_the_coin(tmp_path):
    token = "0x" + "0c" * 20
    text = HEADER + f"1,a,b,5,\n1,a,b,6,{token}\n1,a,b,7,Euro\n"
    (block,), _ = blocks_of(tmp_path, text)
    found = [(t.token, t.amount) for t in transfers_of(block)]
    assert found == [(NATIVE, 5), (b"\x0c" * 20, 6), (address_of("Euro"), 7)]


def test_names_stand_in_addresses_and_come_back():
    for name in ("700", "bank 7/20045", "A" * 16):
        assert shown(address_of(name)) == name
    assert shown(account(3)).startswith("0x")
    assert len(address_of("A" * 400)) == 20 and shown(address_of("é")).startswith("0x")


def test_many_rows_of_one_second_make_several_blocks_of_bounded_size(tmp_path):
    text = HEADER + "7,a,b,1,\n" * 4500
    blocks, _ = blocks_of(tmp_path, text)
    assert [len(block.transactions) for block in blocks] == [2000, 2000, 500]
    assert len({t.hash for block in blocks for t in block.transactions}) == 4500


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_block_it_goes_on_after_the_same_blocks_follow(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    draw = random.Random(data.draw(st.integers(0, 10**6)))
    by_block = data.draw(st.booleans())
    lateness = data.draw(st.sampled_from([0, 3, 30]))
    lines = []
    for at in range(data.draw(st.integers(1, 60))):
        time = max(0, at * 2 + draw.randint(-20, 20))
        bad = draw.random() < 0.1
        lines.append(f"{'x' if bad else time},a{draw.randint(0, 4)},b,{at},,{time // 4}\n")
    header = HEADER.replace("\n", f",{'block' if by_block else 'other'}\n")
    path = csv_file(folder, header + "".join(lines))
    terms = RowTerms(seconds=data.draw(st.sampled_from([1, 5])), lateness=lateness)

    def fresh():
        return RowSource(CsvRecords(path), terms)

    whole = fresh()
    blocks = all_of(whole)
    for at, (block, note) in enumerate(blocks):
        again = fresh()
        again.resume([Place(block.number, block.hash, note)])
        assert all_of(again) == blocks[at + 1 :]
        assert sum(again.faults.values()) <= sum(whole.faults.values())
        again.close()
    whole.close()


def test_a_moment_that_makes_several_blocks_is_gone_on_with_in_its_middle(monkeypatch):
    monkeypatch.setattr("counterpoise.monitor.row_blocks.LARGEST", 3)
    rows = [Row(at, 5 if 2 <= at < 12 else at, bytes(20), b"\1" * 20, at) for at in range(15)]

    def made(rows, cut=None):
        blocks = RowBlocks(seconds=1, lateness=20, by_block=False)
        if cut is not None:
            blocks.go_on(cut)
        for row in rows:
            blocks.read(row.position)
            try:
                blocks.add(row)
            except Malformed:
                assert cut is not None and row.position < cut.read
        return list(blocks.ready(ended=True))

    whole = made(rows)
    assert max(len(block.transactions) for block, _ in whole) == 3
    for at, (_, cut) in enumerate(whole):
        assert made(rows[cut.position :], cut) == whole[at + 1 :]


def test_a_parquet_file_gives_the_blocks_that_the_same_csv_gives(tmp_path):
    lines = [(at * 3, f"a{at % 7}", f"b{at % 5}", at, "") for at in range(900)]
    text = HEADER + "".join(",".join(map(str, line)) + "\n" for line in lines)
    wanted, _ = blocks_of(tmp_path, text)
    columns = dict(zip(HEADER.strip().split(","), map(list, zip(*lines, strict=True)), strict=True))
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table(columns | {"other": [1] * 900}), path, row_group_size=100)
    source = RowSource(ParquetRecords(path))
    found = all_of(source)
    assert [block for block, _ in found] == wanted
    for at in (0, 30, len(found) - 2):
        block, note = found[at]
        again = RowSource(ParquetRecords(path))
        again.resume([Place(block.number, block.hash, note)])
        assert all_of(again) == found[at + 1 :]
        again.close()
    source.close()


@pytest.mark.parametrize("reader", [CsvRecords, ParquetRecords])
def test_a_file_that_is_none_is_refused(tmp_path, reader):
    with pytest.raises(InputError, match="cannot be read"):
        reader(tmp_path / "nowhere")
    (tmp_path / "empty").write_text("")
    with pytest.raises(InputError, match="empty"):
        reader(tmp_path / "empty")


def test_a_file_that_became_shorter_is_refused(tmp_path):
    path = csv_file(tmp_path, HEADER + "1,a,b,1,\n" * 5 + "99,a,b,1,\n")
    source = RowSource(CsvRecords(path), RowTerms(seconds=1))
    block, note = all_of(source)[-1]
    csv_file(tmp_path, HEADER + "1,a,b,1,\n")
    source.close()
    again = RowSource(CsvRecords(path))
    with pytest.raises(InputError, match="has 1 records, 6 were read before"):
        again.resume([Place(block.number, block.hash, note)])
    again.close()


def test_a_watch_of_a_file_goes_on_where_it_was(tmp_path):
    text = HEADER + "".join(f"{at},a{at % 9},b{at % 4},{at + 1},\n" for at in range(400))
    path = csv_file(tmp_path, text)

    def watch(home, stop_after=None):
        source = RowSource(CsvRecords(path), chain_id=31337)
        service = opened(home, source, detectors=[Every()])
        service.run(lambda: stop_after is not None and service.metrics.blocks >= stop_after)
        found = [(event.kind, event.alert.id) for event in service.book.events(limit=-1)]
        service.close()
        return found

    straight = watch(tmp_path / "straight")
    watch(tmp_path / "home", 5)
    assert len(watch(tmp_path / "home", 12)) < len(straight)
    assert watch(tmp_path / "home") == straight


def test_names_that_begin_and_end_alike_make_addresses_that_do_not():
    heads = {address_of(f"account {n}")[:2] + address_of(f"account {n}")[-2:] for n in range(500)}
    assert len(heads) == 500
