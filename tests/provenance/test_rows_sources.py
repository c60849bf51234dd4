"""Rows are the same rows wherever they come from, and a bad cell is named by row and column."""

import sys

import numpy as np
import pytest

from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.provenance import rows, rows_hashing
from counterpoise.provenance.rows_cells import Cells
from counterpoise.provenance.rows_sources import row_source

SCHEMA = rows.Schema.of(age="int64", level="float64", ward="utf8", smoker="bool?")
COUNT = 50
COLUMNS = {
    "age": [i * 7 - 100 for i in range(COUNT)],
    "level": [i / 8 - 2 for i in range(COUNT)],
    "ward": [("", "Zürich", 'a,"b"', "two\nlines", "心")[i % 5] for i in range(COUNT)],
    "smoker": [(True, False, None)[i % 3] for i in range(COUNT)],
    "secret": ["left out"] * COUNT,
}
SALTS = np.random.default_rng(1).integers(0, 256, (COUNT, 16), dtype=np.uint8)


def root_of(source, schema=SCHEMA):
    return rows.commit_rows(source, schema, SALTS).root


WANTED = root_of(COLUMNS)


@pytest.fixture(autouse=True, params=["cbor2", "kernel"])
def path(request, monkeypatch):
    """Do everything here both ways to hash rows."""
    worth = 0 if request.param == "kernel" else sys.maxsize
    monkeypatch.setattr(rows_hashing, "WORTH_LOADING", worth)


def write_csv(path, columns=COLUMNS, encoding="utf-8"):
    def field(value):
        text = "" if value is None else str(value)
        return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text

    lines = [",".join(columns)]
    lines += [",".join(map(field, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def write_parquet(path, columns=COLUMNS, **options):
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    parquet.write_table(arrow.table(columns), path, **options)
    return path


def test_csv_gives_the_same_rows(tmp_path):
    assert root_of(write_csv(tmp_path / "rows.csv")) == WANTED
    assert root_of(str(write_csv(tmp_path / "bom.CSV", encoding="utf-8-sig"))) == WANTED


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd", "row_group_size": 7},
        {"use_dictionary": False},
        {"use_dictionary": ["ward"], "row_group_size": 20, "data_page_size": 10},
    ],
)
def test_parquet_gives_the_same_rows(tmp_path, options, monkeypatch):
    path = write_parquet(tmp_path / "rows.parquet", **options)
    assert root_of(path) == WANTED
    monkeypatch.setattr(rows, "BATCH", 11)
    assert root_of(path) == WANTED


def test_parquet_types_are_widened(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    small = {"a": [1, 2, 100], "b": [0.5, -2.0, 3.25], "c": ["x", "y", "x"], "d": ["1", "2", "3"]}
    schema = rows.Schema.of(a="int64", b="float64", c="utf8", d="utf8")
    narrow = {
        "a": arrow.array(small["a"], arrow.uint8()),
        "b": arrow.array(small["b"], arrow.float32()),
        "c": arrow.array(small["c"]).dictionary_encode(),
        "d": arrow.array(small["d"], arrow.large_string()),
    }
    path = write_parquet(tmp_path / "rows.parquet", narrow)
    salts = SALTS[:3]
    found = rows.commit_rows(path, schema, salts)
    assert found == rows.commit_rows(small, schema, salts)
    assert found == rows.commit_rows({n: np.array(v) for n, v in small.items()}, schema, salts)


@pytest.mark.parametrize("words", [["a", None, "b", None] * 5, [None] * 20, [""] * 20])
def test_parquet_texts_by_number_may_be_null(tmp_path, words):
    arrow = pytest.importorskip("pyarrow")
    column = arrow.array(words, arrow.string()).dictionary_encode()
    path = write_parquet(tmp_path / "rows.parquet", {"t": column})
    schema = rows.Schema.of(t="utf8?")
    assert rows.commit_rows(path, schema, SALTS[:20]) == rows.commit_rows(
        {"t": words}, schema, SALTS[:20]
    )


def test_long_parquet_columns_of_repeating_texts_are_read_by_number(tmp_path):
    words = ["alpha", "beta", None, "gämma"] * 2000
    path = write_parquet(tmp_path / "rows.parquet", {"t": words})
    schema = rows.Schema.of(t="utf8?")
    salts = np.random.default_rng(2).integers(0, 256, (8000, 16), dtype=np.uint8)
    assert rows.commit_rows(path, schema, salts) == rows.commit_rows({"t": words}, schema, salts)


def test_arrays_give_the_same_rows():
    arrays = {name: np.array(COLUMNS[name]) for name in ("age", "level", "ward")}
    gaps = [value is None for value in COLUMNS["smoker"]]
    arrays["smoker"] = np.ma.array([bool(value) for value in COLUMNS["smoker"]], mask=gaps)
    assert root_of(arrays) == WANTED
    arrays["smoker"] = np.array(COLUMNS["smoker"], dtype=object)
    assert root_of(arrays) == WANTED


def test_a_structured_array_gives_rows():
    table = np.zeros(COUNT, [("age", ">i4"), ("level", "f4"), ("unused", "i8")])
    table["age"], table["level"] = COLUMNS["age"], COLUMNS["level"]
    schema = rows.Schema.of(age="int64", level="float64")
    assert root_of(table, schema) == root_of(COLUMNS, schema)


def test_any_object_with_batches_gives_rows():
    class Ward:
        count = None

        def batches(self, schema, size):
            for i in range(COUNT):
                yield [Cells(schema.columns[0], np.array([COLUMNS["age"][i]]))]

    schema = rows.Schema.of(age="int64")
    assert root_of(Ward(), schema) == root_of(COLUMNS, schema)


@pytest.mark.parametrize("i", [0, 3, COUNT - 1])
def test_a_row_is_read_from_any_source(tmp_path, i):
    wanted = tuple(COLUMNS[name][i] for name in SCHEMA.names)
    sources = [COLUMNS, write_csv(tmp_path / "r.csv"), write_parquet(tmp_path / "r.parquet")]
    for source in sources:
        assert rows.read_row(source, SCHEMA, i) == wanted


@pytest.mark.parametrize("i", [-1, COUNT, 10**12])
def test_no_row_is_read_outside_a_source(tmp_path, i):
    for source in (COLUMNS, write_csv(tmp_path / "rows.csv")):
        with pytest.raises(InputError):
            rows.read_row(source, SCHEMA, i)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("float64", float("nan")),
        ("float64", float("inf")),
        ("float64", float("-inf")),
        ("float64?", float("nan")),
        ("float64", None),
        ("float64", 1),
        ("float64", "1.0"),
        ("int64", 2**63),
        ("int64", -(2**63) - 1),
        ("int64", 10**30),
        ("int64", 1.0),
        ("int64", True),
        ("int64", None),
        ("utf8", None),
        ("utf8", b"bytes"),
        ("utf8", "\ud800"),
        ("bool", None),
        ("bool", 1),
        ("bool", "true"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column_and_never_told(tmp_path, kind, value):
    good = {"int64": 5, "float64": 5.5, "utf8": "ü", "bool": True}[kind.rstrip("?")]
    columns = {"fine": list(range(20)), "bad one": [good] * 13 + [value] + [good] * 6}
    schema = rows.Schema((rows.Column("fine", "int64"), *make(("bad one", kind)).columns))
    with pytest.raises(InputError, match="row 13, column 'bad one'") as refused:
        rows.commit_rows(columns, schema, tmp_path / "salts", leaves=tmp_path / "leaves")
    assert repr(value) not in str(refused.value) or value in {None, 1}
    assert list(tmp_path.iterdir()) == []


def make(*columns):
    return rows.Schema.from_record([{"name": name, "type": kind} for name, kind in columns])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_arrays_with_a_number_that_is_not_finite_are_refused(tmp_path, value):
    level = np.zeros(300_000 if value is np.inf else 40)
    level[31] = value
    schema = rows.Schema.of(level="float64?")
    with pytest.raises(InputError, match="row 31, column 'level'"):
        rows.commit_rows({"level": level}, schema)
    path = write_parquet(tmp_path / "rows.parquet", {"level": level})
    with pytest.raises(InputError, match="row 31, column 'level'"):
        rows.commit_rows(path, schema)
    masked = np.ma.array(level, mask=~np.isfinite(level))
    rows.commit_rows({"level": masked}, schema)  # what is masked is null, whatever lies below


def test_a_bad_cell_in_a_later_batch_has_its_own_number(monkeypatch):
    monkeypatch.setattr(rows, "BATCH", 10)
    level = [0.0] * 37 + [float("nan")]
    with pytest.raises(InputError, match="row 37, column 'level'"):
        rows.commit_rows({"level": level}, rows.Schema.of(level="float64"))


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.array([2**63], np.uint64), "int64"),
        (np.zeros(1), "int64"),
        (np.zeros(1, np.int64), "float64"),
        (np.zeros(1, np.int8), "bool"),
        (np.zeros(1, np.longdouble), "float64"),
        (np.zeros(1, np.complex128), "float64"),
        (np.array(["2020-01-01"], "datetime64[D]"), "int64"),
        (np.array([b"x"]), "utf8"),
        (np.zeros((1, 1)), "float64"),
        ("text", "utf8"),
        ({1: 2}, "int64"),
    ],
)
def test_arrays_of_other_types_are_refused(array, kind):
    with pytest.raises(InputError):
        rows.commit_rows({"v": array}, rows.Schema.of(v=kind))


@pytest.mark.parametrize(
    "text",
    [
        "age,level\n1,2.0,3\n",
        "age,level\n1\n",
        "level\n2.0\n",
        "age,age,level\n1,1,2.0\n",
        "",
        "age,level\n",
        "age,level\n1,\n",
        "age,level\n,1.0\n",
        "age,level\n1.0,1.0\n",
        "age,level\n1_0,1.0\n",
        "age,level\n0x1,1.0\n",
        "age,level\n 1,1.0\n",
        "age,level\n٣,1.0\n",
        "age,level\n9223372036854775808,1.0\n",
        "age,level\n1,nan\n",
        "age,level\n1,-Infinity\n",
        "age,level\n1,1e999\n",
        "age,level\n1,1_0.0\n",
        "age,level\n1,0x1p3\n",
        'age,level\n1,"2.0\n',
        'age,level\n1,"2.0"x\n',
    ],
)
def test_bad_csv_is_refused(tmp_path, text):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(InputError):
        rows.commit_rows(path, rows.Schema.of(age="int64", level="float64"))


def test_csv_that_is_not_utf8_or_not_there_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"t\nfine\n\xff\xfe\n")
    for wrong in (path, tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError):
            rows.commit_rows(wrong, rows.Schema.of(t="utf8"))


def test_csv_null_is_what_the_owner_says(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("n;t\n?;?\n3;\n\n-4;x\n")
    schema = rows.Schema.of(n="int64?", t="utf8?")
    source = rows.CsvSource(path, null="?", delimiter=";")
    wanted = {"n": [None, 3, -4], "t": [None, "", "x"]}
    assert rows.commit_rows(source, schema, SALTS[:3]) == rows.commit_rows(
        wanted, schema, SALTS[:3]
    )


@pytest.mark.parametrize("kind", ["int64", "utf8"])
def test_parquet_columns_of_other_types_are_refused(tmp_path, kind):
    arrow = pytest.importorskip("pyarrow")
    for values in (
        arrow.array([1], arrow.timestamp("us")),
        arrow.array([1.0]),
        arrow.array([b"x"]),
        arrow.array([[1]]),
        arrow.array([True]),
    ):
        path = write_parquet(tmp_path / "rows.parquet", {"v": values})
        with pytest.raises(InputError, match="column 'v' is"):
            rows.commit_rows(path, rows.Schema.of(v=kind))


def test_parquet_faults_are_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    schema = rows.Schema.of(v="int64")
    huge = write_parquet(tmp_path / "huge.parquet", {"v": arrow.array([1, 2**63], arrow.uint64())})
    empty = write_parquet(tmp_path / "empty.parquet", {"v": arrow.array([], arrow.int64())})
    other = write_parquet(tmp_path / "other.parquet", {"w": [1]})
    null = write_parquet(tmp_path / "null.parquet", {"v": [1, None]})
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(other.read_bytes()[:-9])
    for path in (huge, empty, other, null, torn, tmp_path / "none.parquet"):
        with pytest.raises(InputError):
            rows.commit_rows(path, schema)


def test_parquet_texts_that_are_not_utf8_are_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    for texts in ([b"fine", b"bad \xff"], [b"half \xc3", b"\xbc half"], [b"\xed\xa0\x80", b"x"]):
        wrong = 0 if texts[0] != b"fine" else 1
        column = arrow.array(texts).cast(arrow.binary()).view(arrow.string())
        path = tmp_path / "rows.parquet"
        parquet.write_table(arrow.table({"t": column}), path)
        with pytest.raises(InputError, match=f"row {wrong}, column 't'"):
            rows.commit_rows(path, rows.Schema.of(t="utf8"))


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    path = write_parquet(tmp_path / "rows.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra) as missing:
        rows.commit_rows(path, SCHEMA)
    assert "counterpoise[parquet]" in missing.value.hint


def test_what_gives_no_rows_is_refused(tmp_path):
    for source in (np.zeros((3, 2)), "rows.txt", tmp_path):
        with pytest.raises(InputError):
            row_source(source)
    uneven = {"age": [1, 2], "level": [1.0]}
    for columns in ({}, {"age": []}, uneven):
        with pytest.raises(InputError):
            rows.commit_rows(columns, rows.Schema.of(age="int64", level="float64"))


@pytest.mark.parametrize(
    "columns",
    [
        [],
        [("", "int64")],
        [("a", "int64"), ("a", "bool")],
        [("a", "timestamp")],
        [("a", "int64??")],
    ],
)
def test_a_schema_must_name_known_types_once(columns):
    with pytest.raises(InputError):
        make(*columns)


def test_a_schema_survives_its_record_and_every_part_counts():
    assert rows.Schema.from_record(SCHEMA.to_record()) == SCHEMA
    variants = [
        rows.Schema.of(a="int64", b="utf8"),
        rows.Schema.of(b="utf8", a="int64"),
        rows.Schema.of(a="int64?", b="utf8"),
        rows.Schema.of(a="float64", b="utf8"),
        rows.Schema.of(a="int64", c="utf8"),
        rows.Schema.of(a="int64"),
    ]
    assert len({schema.digest for schema in variants}) == len(variants)
