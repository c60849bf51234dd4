"""One row can be opened, checked or erased, and no other row notices."""

import hashlib
import logging
import subprocess
import sys

import cbor2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core import merkle
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance import rows, rows_hashing
from counterpoise.provenance.rows_salts import draw_salts

SCHEMA = rows.Schema.of(age="int64", level="float64", ward="utf8?", smoker="bool")
SALTS = np.arange(16 * 1000, dtype=np.int64).astype(np.uint8).reshape(1000, 16)
SALTS[:, :2] = np.arange(1000, dtype=np.uint16)[:, None].view(np.uint8)
SALTS[0, 5] = 1


def columns_of(count):
    return {
        "age": np.arange(count) - 3,
        "level": np.linspace(-1, 1, count),
        "ward": [None if i % 4 == 0 else f"Stäätion {i}" for i in range(count)],
        "smoker": [i % 3 == 0 for i in range(count)],
    }


@pytest.fixture
def dataset(tmp_path):
    """A committed dataset of 600 rows, with its files."""
    columns = columns_of(600)
    commitment = rows.commit_rows(columns, SCHEMA, tmp_path / "salts", leaves=tmp_path / "leaves")
    return Dataset(columns, commitment, tmp_path)


class Dataset:
    def __init__(self, columns, commitment, folder):
        self.columns, self.commitment = columns, commitment
        self.salts = rows.SaltFile(folder / "salts")
        self.leaves = rows.LeafFile(folder / "leaves")

    def values(self, i):
        return rows.read_row(self.columns, SCHEMA, i)

    def proof(self, i):
        return rows.row_proof(
            i, self.values(i), schema=SCHEMA, salts=self.salts, leaves=self.leaves
        )


@pytest.fixture(params=["cbor2", "kernel"])
def path(request, monkeypatch):
    """Force one of both ways to hash rows."""
    worth = 0 if request.param == "kernel" else sys.maxsize
    monkeypatch.setattr(rows_hashing, "WORTH_LOADING", worth)


def root_by_the_page(values, salts):
    """The definition, with nothing but cbor2, hashlib and recursion."""
    leaves = [
        hashlib.sha256(b"\x00" + cbor2.dumps([salt.tobytes(), *row])).digest()
        for row, salt in zip(values, salts, strict=False)
    ]

    def root(level):
        if len(level) == 1:
            return level[0]
        split = 1 << ((len(level) - 1).bit_length() - 1)
        pair = root(level[:split]) + root(level[split:])
        return hashlib.sha256(b"\x01" + pair).digest()

    return root(leaves)


integers = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, -1, -24, -25, -256, -257, -(2**32) - 1]
)
floats = st.floats(allow_nan=False, allow_infinity=False) | st.just(-0.0)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
tables = st.lists(
    st.tuples(integers, floats, texts, st.booleans(), integers | st.none(), texts | st.none()),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_both_ways_give_the_root_of_the_definition(table):
    schema = rows.Schema.of(a="int64", b="float64", c="utf8", d="bool", e="int64?", f="utf8?")
    columns = dict(zip("abcdef", map(list, zip(*table, strict=True)), strict=True))
    salts = SALTS[: len(table)]
    wanted = root_by_the_page(table, salts)
    for worth in (0, sys.maxsize):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rows_hashing, "WORTH_LOADING", worth)
            assert rows.commit_rows(columns, schema, salts).root == wanted


@pytest.mark.parametrize("kind", ["int64?", "float64?", "utf8?", "bool?"])
def test_columns_of_nulls_only_are_committed_to(path, kind):
    schema = rows.Schema.of(only=kind)
    wanted = root_by_the_page([[None]] * 50, SALTS)
    assert rows.commit_rows({"only": [None] * 50}, schema, SALTS[:50]).root == wanted


@pytest.mark.parametrize("width", [1, 22, 23, 24, 254, 255, 256, 300])
def test_a_row_may_have_any_number_of_columns(path, width):
    schema = rows.Schema.of(**{f"c{i}": "int64" for i in range(width)})
    columns = {f"c{i}": np.arange(20) * i for i in range(width)}
    table = [[row * i for i in range(width)] for row in range(20)]
    wanted = root_by_the_page(table, SALTS)
    assert rows.commit_rows(columns, schema, SALTS[:20]).root == wanted


def test_long_texts_are_committed_to(path):
    long = [("ü" * size)[:size] for size in (0, 1, 23, 24, 255, 256, 65_535, 65_536, 200_000)]
    wanted = root_by_the_page([[text] for text in long], SALTS)
    assert rows.commit_rows({"t": long}, rows.Schema.of(t="utf8"), SALTS[:9]).root == wanted


@pytest.mark.parametrize("count", [1, 2, 3, 255, 256, 257, 600])
def test_the_size_of_the_batches_does_not_matter(path, count, monkeypatch, tmp_path):
    columns, salts = columns_of(count), SALTS[:count]
    roots = set()
    for size in (1000, 256, 97):
        monkeypatch.setattr(rows, "BATCH", size)
        leaves = tmp_path / f"leaves{size}"
        commitment = rows.commit_rows(columns, SCHEMA, salts, leaves=leaves)
        assert rows.LeafFile(leaves).root == commitment.root
        roots.add((commitment.root, commitment.count))
    assert len(roots) == 1


def test_values_that_look_alike_have_other_leaves():
    def root(value, kind):
        schema = rows.Schema.of(v=kind)
        return rows.commit_rows({"v": [value]}, schema, SALTS[:1]).root

    values = [(0, "int64?"), (0.0, "float64"), (-0.0, "float64"), (False, "bool")]
    values += [("", "utf8?"), (None, "utf8?"), ("0", "utf8"), (1, "int64"), (True, "bool")]
    assert len({root(value, kind) for value, kind in values}) == len(values)


def test_every_row_is_proven(dataset):
    for i in (0, 1, 255, 256, 511, 512, 599):
        proof = dataset.proof(i)
        assert proof.values == dataset.values(i)
        rows.check_row(proof, dataset.commitment, SCHEMA)
        rows.check_row(rows.RowProof.from_bytes(proof.to_bytes()), dataset.commitment, SCHEMA)


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 300, 512, 513])
def test_stored_leaves_give_the_proofs_of_the_whole_tree(tmp_path, count):
    leaves = tmp_path / "leaves"
    commitment = rows.commit_rows(columns_of(count), SCHEMA, leaves=leaves)
    file = rows.LeafFile(leaves)
    hashes = np.frombuffer(b"".join(map(file.leaf, range(count))), np.uint8).reshape(-1, 32)
    assert merkle.root_of_hashes(hashes) == file.root == commitment.root
    for i in {0, 1, 254, 255, 256, count - 1} & set(range(count)):
        assert file.inclusion(i) == merkle.inclusion_proof(hashes, i)


def test_two_levels_of_groups_are_proven(tmp_path):
    count = 65_537 + 300
    columns = {"v": np.arange(count)}
    schema = rows.Schema.of(v="int64")
    files = tmp_path / "salts", tmp_path / "leaves"
    commitment = rows.commit_rows(columns, schema, files[0], leaves=files[1])
    salts, leaves = rows.SaltFile(files[0]), rows.LeafFile(files[1])
    for i in (0, 255, 65_535, 65_536, 65_791, 65_792, count - 1):
        proof = rows.row_proof(i, [i], schema=schema, salts=salts, leaves=leaves)
        rows.check_row(proof, commitment, schema)


def tampered(proof, **changes):
    fields = {name: getattr(proof, name) for name in ("index", "values", "salt", "path")}
    return rows.RowProof(**(fields | changes))


def test_a_changed_proof_is_refused(dataset):
    proof, other = dataset.proof(7), dataset.proof(8)
    age, level, ward, smoker = proof.values
    changes = [
        {"index": 8},
        {"index": -1},
        {"index": 600},
        {"index": 7 + 1024},
        {"salt": other.salt},
        {"salt": proof.salt[:15]},
        {"salt": b""},
        {"path": proof.path[:-1]},
        {"path": (*proof.path, proof.path[0])},
        {"path": other.path},
        {"values": (age + 1, level, ward, smoker)},
        {"values": (float(age), level, ward, smoker)},
        {"values": (age, -level, ward, smoker)},
        {"values": (age, float("nan"), ward, smoker)},
        {"values": (age, level, None, smoker)},
        {"values": (age, level, "", smoker)},
        {"values": (age, level, ward, not smoker)},
        {"values": (age, level, ward, int(smoker))},
        {"values": (age, level, ward)},
        {"values": (*proof.values, 1)},
        {"values": (None, level, ward, smoker)},
        {"values": (2**63, level, ward, smoker)},
        {"values": other.values},
    ]
    for change in changes:
        with pytest.raises(VerificationError):
            rows.check_row(tampered(proof, **change), dataset.commitment, SCHEMA)


def test_a_proof_is_refused_under_another_commitment(dataset):
    proof, whole = dataset.proof(7), dataset.commitment
    for commitment in (
        rows.RowCommitment(bytes(32), whole.count, whole.schema_digest),
        rows.RowCommitment(whole.root, whole.count - 200, whole.schema_digest),
        rows.RowCommitment(whole.root, 7, whole.schema_digest),
        rows.RowCommitment(whole.root, whole.count, bytes(32)),
    ):
        with pytest.raises(VerificationError):
            rows.check_row(proof, commitment, SCHEMA)


def test_the_count_keeps_a_row_from_passing_for_another(tmp_path):
    files = tmp_path / "salts", tmp_path / "leaves"
    schema = rows.Schema.of(v="int64")
    commitment = rows.commit_rows({"v": [10, 11, 12]}, schema, files[0], leaves=files[1])
    salts, leaves = rows.SaltFile(files[0]), rows.LeafFile(files[1])
    third = rows.row_proof(2, [12], schema=schema, salts=salts, leaves=leaves)
    as_second = tampered(third, index=1)
    # In a tree of two the same path would prove it to be the second row:
    rows.check_row(as_second, rows.RowCommitment(commitment.root, 2, schema.digest), schema)
    with pytest.raises(VerificationError):
        rows.check_row(as_second, commitment, schema)


def test_another_order_of_columns_is_another_dataset(dataset):
    swapped = rows.Schema((SCHEMA.columns[1], SCHEMA.columns[0], *SCHEMA.columns[2:]))
    assert swapped.digest != SCHEMA.digest
    with pytest.raises(VerificationError):
        rows.check_row(dataset.proof(3), dataset.commitment, swapped)
    values = dataset.values(3)
    with pytest.raises(VerificationError):
        rows.row_proof(
            3,
            (values[1], values[0], *values[2:]),
            schema=swapped,
            salts=dataset.salts,
            leaves=dataset.leaves,
        )
    salts = dataset.salts.read(0, 600)
    assert rows.commit_rows(dataset.columns, swapped, salts).root != dataset.commitment.root


def test_an_erased_row_is_proven_by_nobody_and_all_others_still_are(dataset, tmp_path):
    erased = 256
    disclosed, salt = dataset.proof(erased), dataset.salts.salt(erased)
    dataset.salts.erase(erased)
    dataset.salts.erase(erased)
    assert dataset.salts.is_erased(erased)
    assert not dataset.salts.is_erased(erased + 1)
    with pytest.raises(InputError, match="row 256 was erased"):
        dataset.proof(erased)
    with pytest.raises(InputError, match="erased"):
        rows.SaltFile(tmp_path / "salts").salt(erased)
    for i in range(600):
        if i != erased:
            rows.check_row(dataset.proof(i), dataset.commitment, SCHEMA)
    for file in tmp_path.iterdir():
        assert salt not in file.read_bytes(), file
    rows.check_row(disclosed, dataset.commitment, SCHEMA)  # who holds it keeps it


def test_erased_rows_cannot_be_committed_to_again(dataset):
    assert rows.commit_rows(dataset.columns, SCHEMA, dataset.salts) == dataset.commitment
    dataset.salts.erase(5)
    with pytest.raises(InputError, match="row 5 was erased"):
        rows.commit_rows(dataset.columns, SCHEMA, dataset.salts)


def test_a_changed_dataset_gives_no_proof(dataset):
    dataset.columns["age"][9] += 1
    with pytest.raises(VerificationError, match="row 9"):
        dataset.proof(9)
    dataset.proof(10)


def test_the_same_rows_have_another_root_each_time():
    columns = columns_of(3)
    roots = {rows.commit_rows(columns, SCHEMA).root for _ in range(5)}
    assert len(roots) == 5


def test_a_value_cannot_be_guessed_from_its_leaf(dataset):
    values = list(dataset.values(4))
    guesses = [values, [b"", *values], [bytes(16), *values]]
    leaves = {merkle.leaf_hash(cbor2.dumps(guess)) for guess in guesses}
    assert dataset.leaves.leaf(4) not in leaves
    proof = dataset.proof(4)
    assert dataset.leaves.leaf(4) == merkle.leaf_hash(cbor2.dumps([proof.salt, *values]))


def test_neither_salts_nor_values_show_in_reprs_or_logs(dataset, caplog):
    caplog.set_level(logging.DEBUG)
    proof = dataset.proof(5)
    rows.check_row(proof, dataset.commitment, SCHEMA)
    shown = repr(proof) + repr(dataset.salts) + repr(dataset.commitment) + caplog.text
    assert repr(proof) == "RowProof(index=5)"
    for secret in (proof.salt.hex(), repr(proof.salt), str(proof.values[2])):
        assert secret not in shown


def test_progress_is_told_after_every_batch(monkeypatch):
    monkeypatch.setattr(rows, "BATCH", 40)
    told = []
    rows.commit_rows(columns_of(100), SCHEMA, progress=lambda *step: told.append(step))
    assert told == [(40, 100), (80, 100), (100, 100)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        cbor2.dumps([1, [], b""]),
        cbor2.dumps(["1", [], b"", []]),
        cbor2.dumps([1, [], b"", ["text"]]),
        cbor2.dumps([1, {}, b"", []]),
        cbor2.dumps({"index": 1}),
        cbor2.dumps([1, [], b"", []]) + b"\0",
    ],
)
def test_bytes_that_are_no_proof_are_refused(data):
    with pytest.raises(InputError):
        rows.RowProof.from_bytes(data)


@pytest.mark.parametrize(
    "salts",
    [
        SALTS[:9],
        SALTS[:11],
        np.zeros((10, 15), np.uint8),
        np.zeros((10, 16), np.int64),
        np.repeat(SALTS[:5], 2, axis=0),
        np.zeros((10, 16), np.uint8),
    ],
)
def test_salts_must_fit_and_all_differ(salts):
    with pytest.raises(InputError):
        rows.commit_rows(columns_of(10), SCHEMA, salts)


def test_drawn_salts_all_differ_and_are_never_zero():
    salts = draw_salts(5000)
    assert len({salt.tobytes() for salt in salts}) == 5000
    assert salts.any(axis=1).all()


def test_few_rows_do_not_load_numba():
    code = (
        "import sys; from counterpoise.provenance import rows;"
        "rows.commit_rows({'v': list(range(2000))}, rows.Schema.of(v='int64'));"
        "print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
