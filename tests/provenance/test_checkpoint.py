"""A checkpoint has one form, one origin and one key; a witness never cosigns a fork."""

import base64

import pytest

from counterpoise.core import merkle
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance import (
    Checkpoint,
    Head,
    LogReader,
    Witness,
    add_cosignature,
    check_checkpoint,
    log_vkey,
)
from counterpoise.provenance.checkpoint import sign_checkpoint
from counterpoise.provenance.note import NoteKey, NoteSignature

from .conftest import KEY, ORIGIN

VKEY = log_vkey(ORIGIN, KEY)
SIGNED = sign_checkpoint(ORIGIN, Head(3, b"r" * 32), KEY)
NOTE = SIGNED.to_bytes()
LINE = NOTE.split(b"\n\n")[1]
ROOT = base64.b64encode(b"r" * 32)


def test_a_checkpoint_is_three_lines_and_a_signature():
    assert ORIGIN.encode() + b"\n3\n" + ROOT + b"\n\n" + LINE == NOTE
    assert LINE.startswith("— example.org/log ".encode()) and LINE.endswith(b"\n")
    assert Checkpoint.parse(NOTE) == SIGNED and SIGNED.to_bytes() == NOTE
    check_checkpoint(SIGNED, VKEY)


def test_the_example_of_the_signed_note_package_is_read():
    """The verifier key and note that golang.org/x/mod/sumdb/note documents."""
    vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = NoteKey.from_vkey(vkey)
    assert key.vkey == vkey and key.name == "PeterNeumann"
    text = (
        b"If you think cryptography is the answer to your problem,\n"
        b"then you don't know what your problem is.\n"
    )
    signature = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    assert signature[:4] == key.key_id and key.verifies(text, signature[4:])
    assert not key.verifies(text + b"\n", signature[4:])


@pytest.mark.parametrize(
    "wrong",
    [
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"\n3\n", b"\n03\n"),
        NOTE.replace(b"\n3\n", b"\n+3\n"),
        NOTE.replace(b"\n3\n", b"\n-3\n"),
        NOTE.replace(b"\n3\n", "\n٣\n".encode()),
        NOTE.replace(b"\n3\n", b"\n9223372036854775808\n"),
        NOTE.replace(b"\n3\n", b"\n\n"),
        NOTE.replace(ROOT + b"\n", ROOT + b"\nextension\n"),
        NOTE.replace(ROOT, ROOT[:-1]),
        NOTE.replace(ROOT, ROOT[:-2] + b"J="),
        NOTE.replace(ROOT, base64.b64encode(bytes(31))),
        NOTE.replace(ROOT, b" " + ROOT),
        NOTE + LINE,
        NOTE + b"\n",
        NOTE[:-1],
        NOTE + "— example.org/log \n".encode(),
        NOTE + b"- example.org/log AAAAAAAA\n",
        NOTE + "— example.org log AAAAAAAA\n".encode(),
        NOTE + "— a+b AAAAAAAA\n".encode(),
        NOTE + "— a\u2003b AAAAAAAA\n".encode(),
        NOTE + "—  AAAAAAAA\n".encode(),
        NOTE + "— other AAA\n".encode(),
        NOTE + "— other AAAA\n".encode(),
        NOTE.split(b"\n\n")[0] + b"\n",
        NOTE.split(b"\n\n")[0] + b"\n\n",
        b"\n" + NOTE,
        NOTE.replace(b"example.org/log\n3", b"\n3"),
        NOTE.replace(b"example", b"ex\x00mple"),
        NOTE.replace(b"example", b"ex\xffmple"),
        b"",
        b"\n\n",
        NOTE + "".join(f"— w{i} AAAAAAAA\n" for i in range(40)).encode(),
        NOTE + b"x" * 70_000,
    ],
)
def test_anything_but_the_one_form_is_refused(wrong):
    assert wrong != NOTE
    with pytest.raises(VerificationError):
        Checkpoint.parse(wrong)


def test_every_changed_byte_of_a_checkpoint_is_noticed():
    for at in range(len(NOTE)):
        changed = NOTE[:at] + bytes([NOTE[at] ^ 1]) + NOTE[at + 1 :]
        with pytest.raises(VerificationError):
            check_checkpoint(Checkpoint.parse(changed), VKEY)


def test_another_origin_key_or_log_is_refused():
    other_key = sign_checkpoint(ORIGIN, SIGNED.head, b"k" * 32)
    with pytest.raises(VerificationError, match="not signed by"):
        check_checkpoint(other_key, VKEY)
    other_log = sign_checkpoint("example.org/other", SIGNED.head, KEY)
    with pytest.raises(VerificationError, match=r"of log 'example\.org/other'"):
        check_checkpoint(other_log, VKEY)
    with pytest.raises(VerificationError, match=r"of log 'example\.org/log'"):
        check_checkpoint(SIGNED, VKEY, origin="example.org/other")


def test_the_same_key_name_with_another_key_is_unknown_and_ignored():
    stranger = sign_checkpoint(ORIGIN, SIGNED.head, b"k" * 32).signatures[0]
    both = Checkpoint(ORIGIN, 3, b"r" * 32, (stranger, SIGNED.signatures[0]))
    check_checkpoint(Checkpoint.parse(both.to_bytes()), VKEY)


def test_a_false_signature_under_a_known_name_and_id_condemns():
    known = SIGNED.signatures[0]
    false = NoteSignature(known.name, known.key_id, bytes(64))
    with pytest.raises(VerificationError, match="is false"):
        check_checkpoint(Checkpoint(ORIGIN, 3, b"r" * 32, (false,)), VKEY)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000+AAAA",
        VKEY.replace("+", " "),
        VKEY[:-4],
        VKEY + "A",
        VKEY.replace(ORIGIN, "example.org/other"),
        VKEY.replace(ORIGIN, "example org"),
    ],
)
def test_a_verifier_key_that_does_not_fit_itself_is_refused(vkey):
    with pytest.raises(InputError):
        NoteKey.from_vkey(vkey)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x7fb"])
def test_a_log_needs_a_plain_name(origin, open_log):
    with pytest.raises(InputError):
        open_log(origin=origin)


@pytest.fixture
def witness(tmp_path):
    return Witness(tmp_path / "w", name="example.net/w", key=b"w" * 32, logs=[VKEY])


def test_a_witness_cosigns_what_continues_and_clients_can_require_it(open_log, witness):
    log = open_log()
    log.append([b"a", b"b"])
    first = witness.cosign(log.checkpoint().to_bytes(), [], time=1_700_000_000)
    log.append([b"c"])
    note = log.checkpoint()
    second = witness.cosign(note.to_bytes(), log.consistency(2, 3), time=1_700_000_001)
    assert second.signature[:8] == (1_700_000_001).to_bytes(8, "big") and first != second
    cosigned = Checkpoint.parse(add_cosignature(note, second).to_bytes())
    check_checkpoint(cosigned, log.vkey, witnesses=[witness.vkey], quorum=1)
    with pytest.raises(VerificationError, match="0 pinned witnesses"):
        check_checkpoint(note, log.vkey, witnesses=[witness.vkey], quorum=1)
    with pytest.raises(VerificationError, match="1 pinned witnesses cosigned, 2 must"):
        check_checkpoint(cosigned, log.vkey, witnesses=[witness.vkey] * 2, quorum=2)
    with pytest.raises(InputError, match="0x04"):
        check_checkpoint(cosigned, log.vkey, witnesses=[log.vkey], quorum=1)
    late = NoteSignature(second.name, second.key_id, bytes(7) + b"\1" + second.signature[8:])
    with pytest.raises(VerificationError, match=r"example\.net/w is false"):
        check_checkpoint(add_cosignature(note, late), log.vkey, witnesses=[witness.vkey], quorum=1)


def test_a_witness_never_cosigns_a_fork_even_after_a_restart(open_log, tmp_path, witness):
    log, fork = open_log(), open_log("fork")
    log.append([b"a", b"b"])
    witness.cosign(log.checkpoint().to_bytes(), [], time=1)
    again = Witness(tmp_path / "w", name="example.net/w", key=b"w" * 32, logs=[VKEY])
    fork.append([b"x"])
    with pytest.raises(VerificationError, match="shrunk from 2 entries to 1"):
        again.cosign(fork.checkpoint().to_bytes(), [], time=2)
    fork.append([b"y"])
    with pytest.raises(VerificationError, match="do not join"):
        again.cosign(fork.checkpoint().to_bytes(), [], time=2)
    fork.append([b"z"])
    with pytest.raises(VerificationError, match="does not continue"):
        again.cosign(fork.checkpoint().to_bytes(), fork.consistency(2, 3), time=2)
    assert again.head(ORIGIN) == Head(2, merkle.root([b"a", b"b"]))
    stranger = open_log("stranger", origin="example.org/stranger")
    with pytest.raises(InputError, match="does not follow"):
        again.cosign(stranger.checkpoint().to_bytes(), [], time=2)


def test_a_reader_notices_a_log_that_shrinks_or_forks(open_log):
    log, fork = open_log(), open_log("fork")
    log.append([b"a", b"b"])
    fork.append([b"x", b"y", b"z"])
    reader = LogReader(log.folder, origin=ORIGIN, vkey=log.vkey)
    log.append([b"c"])
    assert reader.size == 2 and reader.refresh().size == 3 == reader.size
    (log.folder / "checkpoint").write_bytes(
        sign_checkpoint(ORIGIN, Head(2, b"r" * 32), KEY).to_bytes()
    )
    with pytest.raises(VerificationError, match="shrunk"):
        reader.refresh()
    forged = sign_checkpoint(ORIGIN, Head(3, fork.root), KEY)
    (log.folder / "checkpoint").write_bytes(forged.to_bytes())
    with pytest.raises(VerificationError):
        reader.refresh()
    log.append([b"d"])
    (log.folder / "checkpoint").write_bytes(
        sign_checkpoint(ORIGIN, Head(4, b"f" * 32), KEY).to_bytes()
    )
    with pytest.raises(VerificationError, match="does not continue"):
        reader.refresh()


def test_there_is_no_log_in_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="no log"):
        LogReader(tmp_path, origin=ORIGIN, vkey=VKEY)


def test_an_entry_has_at_most_65535_bytes(open_log):
    log = open_log()
    log.append([b"x" * 65_535, b""])
    assert len(log.entry(0)) == 65_535 and log.entry(1) == b""
    with pytest.raises(InputError, match="entry 1 has 65536 bytes"):
        log.append([b"ok", b"x" * 65_536])
    assert log.size == 2 and log.append([b"on"]) == range(2, 3)
    assert log.find(b"on") == 2 and log.find(b"off") is None
