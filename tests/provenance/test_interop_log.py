"""Foreign verifiers refuse what our log did not sign; our reader accepts a foreign log."""

import json
import re
import subprocess
from pathlib import Path

import pymerkle
import pytest

from counterpoise.core.errors import VerificationError
from counterpoise.provenance import LogReader

from .conftest import KEY, ORIGIN

AICS = Path(__file__).parents[2] / ".tools/aics/bin/python"

# A log of a size for which our key signed, by another writer of the same formats.
WRITE = """
import sys
import aics_tlog as aics
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
folder, origin, key, count = sys.argv[1:]
store = aics.DirectoryTileStore(folder)
writer = aics.IncrementalTileWriter(store, size=0)
writer.append([b"entry %d" % number for number in range(int(count))])
private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key))
head = aics.Checkpoint(origin, writer.size, writer.root())
store.write_checkpoint(aics.sign_checkpoint(head, private, origin).to_bytes())
print(aics.format_vkey(aics.vkey_from_ed25519(origin, private.public_key())))
"""


@pytest.fixture
def aics(tmp_path):
    """Runs the independent verifier: its commands, or a script in its interpreter."""
    if not AICS.exists():
        pytest.skip("needs Python 3.12 (aics-tlog, make interop)")

    def run(*arguments):
        command = [AICS, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return run


@pytest.fixture
def log(open_log):
    log = open_log()
    for count in (255, 2, 300):
        log.append([b"entry %d" % (log.size + number) for number in range(count)])
    return log


def test_the_independent_command_accepts_our_log_and_names_what_is_false(aics, log, tmp_path):
    folder, old = log.folder, tmp_path / "old"
    old.write_bytes((folder / "checkpoint").read_bytes())
    log.append([b"later"])

    def answer(verb, *words, key=log.vkey):
        ran = aics("-m", "aics_tlog", verb, "--log-key", key, "--tiles", str(folder), *words)
        return ran.returncode == 0 and json.loads(ran.stdout)["ok"]

    assert answer("verify-checkpoint")
    assert answer("verify-inclusion", "--index", "256")
    assert answer("verify-consistency", "--old-checkpoint", str(old))
    tile = folder / "tile/0/000"
    tile.write_bytes(tile.read_bytes()[:-1] + b"x")
    assert not answer("verify-inclusion", "--index", "3")
    text = (folder / "checkpoint").read_text()
    (folder / "checkpoint").write_text(text.replace("\n558\n", "\n557\n"))
    assert not answer("verify-checkpoint")


def test_our_reader_accepts_a_log_that_another_program_wrote(aics, log, tmp_path):
    theirs = tmp_path / "theirs"
    ran = aics("-c", WRITE, str(theirs), ORIGIN, KEY.hex(), "557")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == log.vkey
    reader = LogReader(theirs, origin=ORIGIN, vkey=log.vkey)
    reader.check()
    assert (reader.size, reader.root) == (log.size, log.root)
    assert (theirs / "checkpoint").read_bytes() == (log.folder / "checkpoint").read_bytes()
    ours = files_below(log.folder / "tile")  # and older partial tiles, as the format allows
    assert files_below(theirs / "tile").items() <= ours.items()
    bundle = theirs / "tile/entries/000"
    bundle.write_bytes(re.sub(rb"entry 7\b", b"entry X", bundle.read_bytes(), count=1))
    with pytest.raises(VerificationError, match="entry 7 in tile/entries/000"):
        LogReader(theirs, origin=ORIGIN, vkey=log.vkey).check()


def files_below(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_every_proof_is_the_one_that_rfc_6962_defines(open_log):
    """The definitions of section 2.1, word by word, over the roots of another library."""
    entries = [b"entry %d" % number for number in range(11)]
    log = open_log()
    log.append(entries)
    for n in range(1, len(entries) + 1):
        for m in range(n):
            assert log.inclusion(m, n) == path(m, entries[:n])
            assert log.consistency(m + 1, n) == subproof(m + 1, entries[:n], whole=True)


def tree_hash(entries):
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries(entries)
    return tree.get_root()


def half(n):
    return 1 << (n - 1).bit_length() - 1


def path(m, d):
    if len(d) == 1:
        return []
    k = half(len(d))
    if m < k:
        return [*path(m, d[:k]), tree_hash(d[k:])]
    return [*path(m - k, d[k:]), tree_hash(d[:k])]


def subproof(m, d, whole):
    if m == len(d):
        return [] if whole else [tree_hash(d)]
    k = half(len(d))
    if m <= k:
        return [*subproof(m, d[:k], whole), tree_hash(d[k:])]
    return [*subproof(m - k, d[k:], False), tree_hash(d[:k])]
