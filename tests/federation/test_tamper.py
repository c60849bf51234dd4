"""One change in each kind of evidence of a finished job; the first falsehood names it."""

import sqlite3

import pytest
from faults import with_a_cheat
from revisit import address_of, copied, lived, opened, settled, verdict_of, visitors_verdict

from counterpoise.core.digest import keccak, sha256
from counterpoise.federation.book import Book
from counterpoise.federation.statements import dues_blob

PEOPLE = with_a_cheat()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The closed state of a finished job, and what its rounds came to."""
    folder = settled(tmp_path_factory.mktemp("tamper") / "state", PEOPLE)
    with opened(folder, PEOPLE) as found:
        outcomes = lived(found)
        tree = found.postings.pay_tree(3, outcomes[-1].standing.dues)
        entries = list(found.network.log.entries())
        terms = found.terms
    return folder, outcomes, tree, entries, terms


def first_falsehood(folder, only_round=None):
    verdict = visitors_verdict(folder, only_round)
    assert verdict.first is not None, "nothing was found false"
    return str(verdict.first)


def test_a_finished_job_is_true_number_by_number(finished):
    verdict = visitors_verdict(finished[0])
    assert verdict.first is None
    assert verdict.numbers > 300


# Blobs


def blob_path(folder, digest):
    name = digest.hex()
    return folder / "blobs" / name[:2] / name[2:4] / name


def blobs(finished):
    """Each kind of blob: its digest, and the name by which it must be found false."""
    _, outcomes, tree, entries, terms = finished
    cheat = address_of("cheat")
    revealed = {
        e.fields["actor"]: bytes.fromhex(e.fields["update"])
        for e in Book.read(entries, 1).round(2).updates
    }
    names = {address_of(one.name): one.name for one in PEOPLE}
    updates = {names[bytes.fromhex(actor[2:])]: digest for actor, digest in revealed.items()}
    assert cheat in names
    closing = Book.read(entries, 1).round(2)
    return {
        "an update": (updates["owner-1"], "round 2 / update of owner-1"),
        "an update that was refused": (updates["cheat"], "round 2 / update of cheat"),
        "statistics": (outcomes[0].admitted[address_of("owner-2")], "round 1 / update of owner-2"),
        "the terms": (terms.digest, "task"),
        "the validation set": (terms.validation, "validation rows"),
        "the base model": (terms.base, "base model"),
        "a model between rounds": (outcomes[1].model.digest, "round 2 / model"),
        "the last model": (outcomes[2].model.digest, "round 3 / model"),
        "the list of dues": (sha256(dues_blob(tree)), "round 3 / list of dues"),
        "the list of commitments": (
            bytes.fromhex(closing.committed.fields["leaves"]),
            "round 2 / list of commitments",
        ),
        "the list of reveals": (
            bytes.fromhex(closing.revealed.fields["leaves"]),
            "round 2 / list of reveals",
        ),
    }


BLOBS = (
    "an update",
    "an update that was refused",
    "statistics",
    "the terms",
    "the validation set",
    "the base model",
    "a model between rounds",
    "the last model",
    "the list of dues",
    "the list of commitments",
    "the list of reveals",
)


@pytest.mark.parametrize("change", ["altered", "missing"])
@pytest.mark.parametrize("blob", BLOBS)
def test_a_blob_that_was_altered_or_lost_is_named(finished, tmp_path, blob, change):
    folder = copied(finished[0], tmp_path / "state")
    digest, name = blobs(finished)[blob]
    path = blob_path(folder, digest)
    if change == "missing":
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    falsehood = first_falsehood(folder)
    assert falsehood.startswith((f"{name} is ", f"{name}: "))
    assert digest.hex() in falsehood
    assert ("nothing is kept" if change == "missing" else "has digest") in falsehood


# The log's files


def flipped(path, at=-1):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def newest(log, level):
    return max((log / "tile" / level).rglob("*.p/*"), key=lambda path: int(path.name))


def entries_file(log):
    return newest(log, "entries")


def hashes_file(log):
    return newest(log, "0")


def other_size(log):
    path = log / "checkpoint"
    lines = path.read_text().split("\n")
    lines[1] = str(int(lines[1]) - 1)
    path.write_text("\n".join(lines))


LOG_FILES = {
    "a byte of an entry": (lambda log: flipped(entries_file(log)), "does not hash to its leaf"),
    "the first byte of the entries": (lambda log: flipped(entries_file(log), 0), "cut off"),
    "a tile of hashes": (lambda log: flipped(hashes_file(log)), "do not lead to the signed root"),
    "a lost bundle of entries": (lambda log: entries_file(log).unlink(), "entries"),
    "a lost tile": (lambda log: hashes_file(log).unlink(), "tile/0"),
    "the checkpoint's signature": (lambda log: flipped(log / "checkpoint", -8), "checkpoint"),
    "the checkpoint's size": (other_size, "checkpoint"),
    "a lost checkpoint": (lambda log: (log / "checkpoint").unlink(), "no log"),
}


@pytest.mark.parametrize("change", LOG_FILES)
def test_a_log_file_that_was_altered_or_lost_is_named(finished, tmp_path, change):
    folder = copied(finished[0], tmp_path / "state")
    alter, words = LOG_FILES[change]
    alter(folder / "log")
    falsehood = first_falsehood(folder)
    assert falsehood.startswith("evidence log: ")
    assert words in falsehood


# What the chain holds


def slot_of(chain, contract, keys, wanted):
    """Find the storage slot of a mapping by the value that it must hold."""
    for base in range(16):
        slot = base
        for key in keys:
            slot = int.from_bytes(keccak(slot.to_bytes(32, "big") + key.rjust(32, b"\0")), "big")
        if chain.storage(contract, slot) == wanted:
            return slot
    raise AssertionError("no such value is stored")


def poke(found, contract, keys, wanted, value):
    """Write into a contract's storage, which no transaction could."""
    chain, address = found.network.chain, found.network.charter.contracts[contract]
    write(found, address, slot_of(chain, address, keys, wanted), value)


def write(found, address, slot, value):
    edits = [lambda state: state.set_storage(address, slot, value)]
    found.network.chain._miner.seal([], edits=edits)


def number(value):
    return value.to_bytes(32, "big")


def poke_round(found):
    word = found.postings.rounds.digest_of_round(1, 2)
    poke(found, "Rounds", [number(1), number(2)], word, 7)


def poke_pay_root(found):
    poke(found, "Cohort", [number(1)], found.postings.cohort.pay_root(1), 7)


def poke_drawn(found):
    cohort, account = found.postings.cohort, address_of("owner-1")
    member = cohort.member(1, account)
    word = (1 << 224) | (member.stake << 112) | member.drawn
    poke(found, "Cohort", [number(1), account], number(word), word - 1)


def poke_owed(found):
    cohort = found.network.charter.contracts["Cohort"]
    for base in range(16):
        slot = int.from_bytes(keccak(number(base) + number(1)), "big")
        word = int.from_bytes(found.network.chain.storage(cohort, slot), "big")
        if word >> 248 == 3:  # the purse of a job that is paid
            write(found, cohort, slot, word + 1)


def poke_code(found):
    address = found.network.charter.contracts["Cohort"]
    code = found.network.chain.code(address)
    found.network.chain.set_code(address, code[:100] + bytes([code[100] ^ 1]) + code[101:])


POKES = {
    "a round's word": (poke_round, "round 2 / word in the contract"),
    "the root of the claims": (poke_pay_root, "pay / root on the chain"),
    "what a member has drawn": (poke_drawn, "pay / drawn by owner-1"),
    "what is owed": (poke_owed, "pay / still owed"),
    "a contract's code": (poke_code, "code of Cohort"),
}


@pytest.mark.parametrize("change", POKES)
def test_a_word_of_the_chains_state_that_was_altered_is_named(finished, tmp_path, change):
    folder = copied(finished[0], tmp_path / "state")
    alter, name = POKES[change]
    with opened(folder, PEOPLE) as found:
        alter(found)
        assert str(verdict_of(found).first).startswith((f"{name} is ", f"{name}: "))


def rewrite(folder, contract, event, which, old, new):
    """Alter an event in the chain's own records."""
    with opened(folder, PEOPLE) as found:
        events = [e for e in found.network.contract(contract).events(event) if which(e.args)]
        place = (events[0].block_number, events[0].log_index)
        value = old(events[0].args)
    db = sqlite3.connect(folder / "chain" / "chain.sqlite")
    where = "where block_number = ? and log_index = ?"
    data, *topics = db.execute(
        f"select data, topic0, topic1, topic2, topic3 from log {where}", place
    ).fetchone()
    packed = value if isinstance(value, bytes) else number(value)
    packed = packed.rjust(32, b"\0")
    if packed in data:
        db.execute(f"update log set data = ? {where}", (data.replace(packed, new), *place))
    else:
        column = f"topic{topics.index(packed)}"
        db.execute(f"update log set {column} = ? {where}", (new, *place))
    db.commit()
    db.close()


def of_round_2(args):
    return args["round"] == 2


EVENTS = {
    **{
        f"the {field} of a result": (
            ("Rounds", "ResultPosted", of_round_2, lambda args, f=field: args[f]),
            f"round 2 / {field} on the chain",
        )
        for field in (
            "updates_root",
            "trace_root",
            "scores_digest",
            "pay_root",
            "pay_total",
            "model_digest",
            "evidence",
        )
    },
    "the commitment in a result": (
        ("Rounds", "ResultPosted", of_round_2, lambda args: args["commitment"]),
        "round 2 / commitment on the chain",
    ),
    "the time of a result": (
        ("Rounds", "ResultPosted", of_round_2, lambda args: args["time"]),
        "round 2 / word in the contract",
    ),
    "a root of commitments": (
        ("Rounds", "Committed", of_round_2, lambda args: args["commitments_root"]),
        "round 2 / commitments root on the chain",
    ),
    "the time of commitments": (
        ("Rounds", "Committed", of_round_2, lambda args: args["time"]),
        "round 2 / commitment on the chain",
    ),
    "the digest of the terms": (
        ("Rounds", "Opened", lambda args: True, lambda args: args["task_digest"]),
        "task / digest on the chain",
    ),
    "the coordinator": (
        ("Rounds", "Opened", lambda args: True, lambda args: args["coordinator"]),
        "task / coordinator",
    ),
    "a member's stake": (
        ("Cohort", "Joined", lambda args: True, lambda args: args["stake"]),
        "stake of owner-0",
    ),
    "a member's dataset": (
        ("Cohort", "Joined", lambda args: True, lambda args: args["dataset"]),
        "round 1 / leaves in the closing of commitments",  # it counted, and is now no member
    ),
    "a claim": (
        (
            "Cohort",
            "Claimed",
            lambda args: args["account"] == address_of("owner-1"),
            lambda a: a["amount"],
        ),
        "pay / drawn by owner-1",
    ),
}


@pytest.mark.parametrize("change", EVENTS)
def test_an_event_of_the_chain_that_was_altered_is_named(finished, tmp_path, change):
    folder = copied(finished[0], tmp_path / "state")
    (contract, event, which, field), name = EVENTS[change]
    rewrite(folder, contract, event, which, field, number(5))
    assert first_falsehood(folder).startswith((f"{name} is ", f"{name}: "))


def test_results_that_a_reorg_took_back_are_named(finished, tmp_path):
    folder = settled(tmp_path / "state", PEOPLE)
    with opened(folder, PEOPLE) as found:
        coordinator = found.coordinator()
        coordinator.run_round(1)
        before = found.network.chain.snapshot()
        coordinator.run_round(2)
        coordinator.run_round(3)
        assert verdict_of(found).first is None
        found.network.chain.revert(before)
        falsehood = str(verdict_of(found).first)
    assert falsehood.startswith("round 2 / commitments root on the chain is None")
