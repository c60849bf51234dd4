"""The files of salts and leaves appear whole, private and never over another file."""

import stat
import subprocess
import sys

import pytest

from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.provenance import rows

SCHEMA = rows.Schema.of(v="int64")
COLUMNS = {"v": list(range(300))}


@pytest.fixture
def files(tmp_path):
    salts, leaves = tmp_path / "kept" / "salts", tmp_path / "kept" / "leaves"
    rows.commit_rows(COLUMNS, SCHEMA, salts, leaves=leaves)
    return salts, leaves


def test_only_the_owner_can_read_the_files(files):
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {path.name for path in files[0].parent.iterdir()} == {"salts", "leaves"}


def test_a_file_is_never_overwritten(files, tmp_path):
    before = [path.read_bytes() for path in files]
    with pytest.raises(InputError, match="exists already"):
        rows.commit_rows(COLUMNS, SCHEMA, files[0])
    with pytest.raises(InputError, match="exists already"):
        rows.commit_rows(COLUMNS, SCHEMA, tmp_path / "new", leaves=files[1])
    assert [path.read_bytes() for path in files] == before
    assert not (tmp_path / "new").exists()


def test_a_file_that_appears_meanwhile_is_kept_and_nothing_else_is_left(tmp_path):
    salts, leaves = tmp_path / "salts", tmp_path / "leaves"

    def interfere(done, of):
        leaves.write_text("another's")

    with pytest.raises(InputError, match="exists already"):
        rows.commit_rows(COLUMNS, SCHEMA, salts, leaves=leaves, progress=interfere)
    assert leaves.read_text() == "another's"
    assert list(tmp_path.iterdir()) == [leaves]


def test_an_interrupted_commitment_leaves_nothing(tmp_path):
    def interrupt(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rows.commit_rows(
            COLUMNS, SCHEMA, tmp_path / "salts", leaves=tmp_path / "leaves", progress=interrupt
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [100, 20_000])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, limit):
    code = f"""
import resource, signal
from pathlib import Path
from counterpoise.core.errors import StorageError
from counterpoise.provenance import rows
columns, schema = {{"v": list(range(2000))}}, rows.Schema.of(v="int64")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    rows.commit_rows(columns, schema, Path("salts"), leaves=Path("leaves"))
except StorageError as told:
    print("told:", told)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("told: cannot write ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError):
        rows.commit_rows(COLUMNS, SCHEMA, tmp_path / "file" / "salts")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no file of salts"):
        rows.SaltFile(tmp_path / "salts")
    with pytest.raises(InputError, match="no file of leaf hashes"):
        rows.LeafFile(tmp_path / "leaves")


@pytest.mark.parametrize("cut", [1, 31, 32, 64])
def test_a_torn_file_of_leaves_is_refused(files, cut):
    data = files[1].read_bytes()
    files[1].write_bytes(data[:-cut])
    with pytest.raises(StorageError, match="not whole"):
        rows.LeafFile(files[1])
    files[1].write_bytes(data + bytes(cut))
    with pytest.raises(StorageError, match="not whole"):
        rows.LeafFile(files[1])


@pytest.mark.parametrize("data", [b"", b"counterpoise", bytes(1000)])
def test_another_file_is_no_file_of_leaves(tmp_path, data):
    (tmp_path / "leaves").write_bytes(data)
    with pytest.raises(StorageError):
        rows.LeafFile(tmp_path / "leaves")


def test_a_torn_file_of_salts_is_refused(files):
    files[0].write_bytes(files[0].read_bytes()[:-1])
    with pytest.raises(StorageError, match="cut off"):
        rows.SaltFile(files[0])


def test_a_changed_leaf_gives_no_false_proof(files):
    data = bytearray(files[1].read_bytes())
    data[64 + 32 * 5] ^= 1
    files[1].write_bytes(data)
    salts, leaves = rows.SaltFile(files[0]), rows.LeafFile(files[1])
    with pytest.raises(VerificationError):
        rows.row_proof(5, [5], schema=SCHEMA, salts=salts, leaves=leaves)
    with pytest.raises(VerificationError):  # its neighbour's proof runs over it
        rows.row_proof(4, [4], schema=SCHEMA, salts=salts, leaves=leaves)


@pytest.mark.parametrize("i", [-1, 300, 10**9])
def test_nothing_is_outside_the_files(files, i):
    salts, leaves = rows.SaltFile(files[0]), rows.LeafFile(files[1])
    for call in (salts.salt, salts.erase, salts.is_erased, leaves.leaf, leaves.inclusion):
        with pytest.raises(InputError):
            call(i)
    assert files[0].stat().st_size == 300 * 16
