"""The log's files are those of C2SP tlog-tiles, and proofs from them are those of RFC 9162."""

import hashlib
import random

import pytest

from counterpoise.core import merkle
from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.provenance import LogReader
from counterpoise.provenance.tiles import Tiles, tile_path, tile_widths

from .conftest import ORIGIN

ENTRIES = [b"entry %d" % i for i in range(70_000)]
HASHES = merkle.leaf_hashes(ENTRIES)


def files_of(log):
    return {str(p.relative_to(log.folder)) for p in log.folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    from counterpoise.provenance import Log

    with Log(tmp_path_factory.mktemp("large"), origin=ORIGIN, key=bytes(32)) as log:
        for start in range(0, 70_000, 1_000):
            log.append(ENTRIES[start : start + 1_000])
        yield log


def test_an_index_is_written_in_groups_of_three_digits():
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path(5, 999) == "tile/5/999"
    assert tile_path("entries", 1000, 17) == "tile/entries/x001/000.p/17"


def test_the_widths_are_those_of_the_specification():
    assert tile_widths(70_000) == [(273, 112), (1, 17), (0, 1)]
    assert tile_widths(256) == [(1, 0), (0, 1)]
    assert tile_widths(0) == []


@pytest.mark.parametrize(
    ("size", "tiles"),
    [
        (255, {"tile/0/000.p/255", "tile/entries/000.p/255"}),
        (256, {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"}),
        (
            257,
            {
                "tile/0/000",
                "tile/0/001.p/1",
                "tile/1/000.p/1",
                "tile/entries/000",
                "tile/entries/001.p/1",
            },
        ),
    ],
)
def test_a_log_of_a_few_hundred_entries_has_exactly_these_tiles(open_log, size, tiles):
    log = open_log()
    log.append(ENTRIES[:size])
    assert files_of(log) - {"checkpoint", "journal", "lock", "settled"} == tiles
    assert log.root == merkle.root_of_hashes(HASHES[:size])


def test_a_log_of_65536_entries_is_one_hash_at_level_two(open_log):
    log = open_log()
    log.append(ENTRIES[:65_536])
    files = files_of(log)
    assert {f for f in files if f.startswith("tile/2")} == {"tile/2/000.p/1"}
    assert {f for f in files if f.startswith("tile/1")} == {"tile/1/000"}
    assert len({f for f in files if f.startswith("tile/0")}) == 256
    assert (log.folder / "tile/2/000.p/1").read_bytes() == log.root


def test_a_log_of_70000_entries_is_laid_out_as_the_specification_says(large):
    large.append([])
    full = [f for f in files_of(large) if f.startswith("tile/0") and ".p" not in f]
    assert len(full) == 273
    assert all((large.folder / f).stat().st_size == 8192 for f in full)
    assert (large.folder / "tile/0/273.p/112").stat().st_size == 112 * 32
    assert (large.folder / "tile/1/001.p/17").stat().st_size == 17 * 32
    assert (large.folder / "tile/2/000.p/1").stat().st_size == 32
    bundle = (large.folder / "tile/entries/273.p/112").read_bytes()
    assert bundle.startswith(b"\x00\x0bentry 69888")


def test_roots_at_every_kind_of_size_are_those_of_the_plain_tree(large):
    for size in (0, 1, 2, 3, 255, 256, 257, 1_000, 65_535, 65_536, 65_537, 69_999, 70_000):
        assert large.root_at(size) == merkle.root_of_hashes(HASHES[:size]), size


def test_proofs_from_tiles_equal_proofs_from_all_hashes(large):
    for index, size in [(0, 1), (0, 70_000), (255, 257), (65_536, 65_537), (69_999, 70_000)]:
        assert large.inclusion(index, size) == merkle.inclusion_proof(HASHES, index, size)
    for first, second in [(0, 9), (1, 2), (255, 256), (256, 70_000), (65_537, 70_000), (7, 7)]:
        assert large.consistency(first, second) == merkle.consistency_proof(HASHES, first, second)


def test_an_earlier_size_is_read_from_the_full_tile_once_its_partial_is_gone(large):
    assert not (large.folder / "tile/0/000.p").exists()
    proof = large.inclusion(99, 100)
    merkle.check_inclusion(
        merkle.leaf_hash(ENTRIES[99]), 99, 100, proof, merkle.root_of_hashes(HASHES[:100])
    )


def test_a_bundle_hashes_to_its_tile_by_hashlib_alone(large):
    bundle, at, leaves = (large.folder / "tile/entries/007").read_bytes(), 0, b""
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        leaves += hashlib.sha256(b"\0" + bundle[at + 2 : end]).digest()
        at = end
    assert leaves == (large.folder / "tile/0/007").read_bytes()


def test_an_entry_beyond_the_log_is_no_entry(large):
    with pytest.raises(InputError, match="no entry 70000"):
        large.entry(70_000)
    with pytest.raises(InputError, match="not 70001"):
        large.inclusion(0, 70_001)


@pytest.mark.parametrize(
    "name", ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001"]
)
@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_damaged_tile_is_named(open_log, name, harm):
    log = open_log()
    log.append(ENTRIES[:600])
    log.close()
    path = log.folder / name
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes(content if harm == "flip" else content[:-7])
    reader = LogReader(log.folder, origin=ORIGIN, vkey=log.vkey)
    with pytest.raises((VerificationError, StorageError)) as refused:
        reader.check()
    assert name in refused.value.message + refused.value.hint
    if "entries" not in name:
        with pytest.raises((VerificationError, StorageError)) as refused:
            open_log()
        assert name in refused.value.message + refused.value.hint


def test_a_proof_is_not_produced_from_a_damaged_tile(open_log):
    log = open_log()
    log.append(ENTRIES[:600])
    path = log.folder / "tile/0/000"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(VerificationError):
        log.inclusion(254)
    assert Tiles(log.folder).hashes(1, 0, 2)[:32] == merkle.root_of_hashes(HASHES[:256])


@pytest.mark.parametrize("seed", range(6))
def test_however_entries_come_in_batches_the_files_are_the_same(open_log, seed):
    """Tiles depend on the entries alone, and on the last batch's end for partial ones."""
    chance, at = random.Random(seed), 0
    whole, parts = open_log("whole"), open_log("parts")
    whole.append(ENTRIES[:1_100])
    while at < 1_100:
        count = min(chance.choice([1, 2, 7, 255, 256, 257, 400]), 1_100 - at)
        parts.append(ENTRIES[at : at + count])
        at += count
        assert parts.root == merkle.root_of_hashes(HASHES[:at])
        if chance.random() < 0.3:
            parts.close()
            parts = open_log("parts")
    assert parts.checkpoint() == whole.checkpoint()
    for name in files_of(whole) - {"journal", "lock", "settled"}:
        assert (parts.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    assert parts.check() == 1_100
