"""A coordinator that lies, with every key at hand: caught, and the first falsehood names it."""

import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from faults import CLIP, restated, signed_anyhow, with_a_cheat
from revisit import address_of, copied, lived, opened, settled, visitors_verdict

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.units import to_checksum
from counterpoise.federation.book import Book
from counterpoise.federation.evidence import Notary
from counterpoise.federation.model_file import ModelFile
from counterpoise.network import open_network
from counterpoise.provenance import Envelope, Log, kind_of

PEOPLE = with_a_cheat()
NAMES = {address_of(one.name): one.name for one in PEOPLE}
SEED = bytes(32)
FALSE = "ab" * 32


def notary(name):
    return Notary(Account.local(sha256(SEED + b"account/" + name.encode())), lambda: 1)


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """Closed states of one job: after its first round, and finished; the log of the latter."""
    folder = tmp_path_factory.mktemp("lies")
    begun = settled(folder / "begun", PEOPLE)
    with opened(begun, PEOPLE) as found:
        found.coordinator().run_round(1)
    finished = copied(begun, folder / "finished")
    with opened(finished, PEOPLE) as found:
        lived(found)
        entries = list(found.network.log.entries())
    return begun, finished, entries


def relog(folder, entries):
    """Write the log anew, as only its owner can."""
    with open_network(folder) as network:
        key, origin = network.log_key, network.charter.log_origin
    shutil.rmtree(folder / "log")
    with Log(folder / "log", origin=origin, key=key) as log:
        log.append(entries)


@pytest.fixture(scope="module")
def falsehood(states):
    """Give a function that logs other entries instead and says what is first found false."""
    _, finished, _ = states

    def found_in(entries):
        relog(finished, entries)
        verdict = visitors_verdict(finished)
        assert verdict.first is not None, "nothing was found false"
        return str(verdict.first)

    return found_in


def changed(entries, index, data):
    """The entries with another one at an index; without any there if None."""
    instead = [] if data is None else [data]
    return [*entries[:index], *instead, *entries[index + 1 :]]


def page(entries, place):
    """Find an entry: of round 2 by its page, of the job by its kind."""
    book = Book.read(entries, 1)
    pages = book.round(2)
    named = {
        "commitments": pages.committed,
        "reveals": pages.revealed,
        "result": pages.result,
        "task": book.task,
        "model": book.model,
        "evaluation": book.evaluations[0],
    }
    if place in named:
        return named[place]
    letters = [*pages.commitments, *pages.updates, *pages.contributions]
    owner_1 = to_checksum(address_of("owner-1"))
    return next(
        entry
        for entry in letters
        if kind_of(entry.statement) == place
        and entry.fields.get("participant", entry.fields["actor"]) == owner_1
    )


def refusing(name, code):
    """Refuse one more participant than had to be refused."""

    def change(fields):
        item = {"participant": to_checksum(address_of(name)), "code": code, "detail": ""}
        return {"refused": [*fields["refused"], item]}

    return change


def refusing_none(fields):
    return {"refused": []}


def refusing_for(code):
    return lambda fields: {"refused": [{**item, "code": code} for item in fields["refused"]]}


def refusing_twice(fields):
    return {"refused": fields["refused"] * 2}


def raised(field):
    return lambda fields: {field: fields[field] + 1}


def raised_text(field):
    return lambda fields: {field: str(int(fields[field]) + 1)}


def false(**changes):
    return lambda fields: changes


STATED = [
    ("commitments", false(leaves=FALSE), "round 2 / leaves in the closing of commitments"),
    ("commitments", false(root=FALSE), "round 2 / root in the closing of commitments"),
    ("commitments", refusing("owner-1", "absent"), "round 2 / commitment of owner-1"),
    ("commitments", false(remark="x"), "round 2 / further fields in the closing of commitments"),
    ("reveals", false(leaves=FALSE), "round 2 / leaves in the closing of reveals"),
    ("reveals", false(root=FALSE), "round 2 / root in the closing of reveals"),
    ("reveals", refusing("owner-1", "missing"), "round 2 / reveal of owner-1"),
    ("contribution", raised("score_ppm"), "round 2 / score of owner-1"),
    ("contribution", raised_text("phi"), "round 2 / Shapley value of owner-1"),
    ("contribution", raised_text("due"), "round 2 / due of owner-1"),
    ("contribution", false(update=FALSE), "round 2 / update of owner-1"),
    ("contribution", false(rule="path"), "round 2 / rule of owner-1"),
    ("contribution", false(participant="0x" + "00" * 20), "round 2 / who is scored"),
    ("result", false(updates_root=FALSE), "round 2 / updates_root in the log"),
    ("result", false(trace_root=FALSE), "round 2 / trace_root in the log"),
    ("result", false(scores_digest=FALSE), "round 2 / scores_digest in the log"),
    ("result", false(pay_root=FALSE), "round 2 / pay_root in the log"),
    ("result", raised_text("pay_total"), "round 2 / pay_total in the log"),
    ("result", false(model=FALSE), "round 2 / model in the log"),
    ("result", false(dues=FALSE), "round 2 / dues in the log"),
    ("result", false(void=True), "round 2 / void in the log"),
    ("result", false(inputs=[]), "round 2 / inputs in the log"),
    ("result", refusing("owner-1", "clip"), "round 2 / admission of owner-1 is clip, not accepted"),
    ("result", refusing("owner-1", "late"), "round 2 / admission of owner-1 is late, not accepted"),
    ("result", refusing_none, "round 2 / admission of cheat is accepted, not clip"),
    ("result", refusing_for("shape"), "round 2 / admission of cheat is shape, not clip"),
    ("result", refusing_for("missing"), "round 2 / admission of cheat is missing, not clip"),
    ("result", refusing_twice, "round 2 / admission of cheat: refused twice"),
    ("model", false(kind="perceptron"), "model / kind"),
    ("model", raised("rounds"), "model / rounds"),
    ("model", false(trace_root=FALSE), "model / trace_root"),
    ("model", false(files=[{"name": "model.cbor", "sha256": FALSE}]), "model / files"),
    ("model", false(inputs=[]), "model / inputs"),
]


@pytest.mark.parametrize(("place", "change", "name"), STATED, ids=[name for *_, name in STATED])
def test_a_false_statement_of_the_coordinator_is_named(states, falsehood, place, change, name):
    entries = states[2]
    entry = page(entries, place)
    lie = restated(notary("operator"), entry.data, **change(entry.fields))
    assert falsehood(changed(entries, entry.index, lie)).startswith(name)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("commitments", "round 2 / subject in the closing of commitments"),
        ("reveals", "round 2 / subject in the closing of reveals"),
        ("contribution", "round 2 / subject of owner-1"),
        ("result", "round 2 / subject in the log"),
        ("model", "model / subject"),
    ],
)
def test_a_statement_about_something_else_is_named(states, falsehood, place, name):
    entries = states[2]
    entry = page(entries, place)
    other = replace(entry.statement.subject[0], digest=bytes(32))
    lie = signed_anyhow(notary("operator"), replace(entry.statement, subject=(other,)))
    assert falsehood(changed(entries, entry.index, lie)).startswith(name)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("commitments", "round 2"),
        ("reveals", "round 2"),
        ("contribution", "round 2"),
        ("result", "round 2"),
        ("task", "task"),
        ("model", "model"),
    ],
)
def test_a_statement_that_another_signed_is_named(states, falsehood, place, name):
    entries = states[2]
    entry = page(entries, place)
    lie = signed_anyhow(notary("stranger"), entry.statement)
    assert falsehood(changed(entries, entry.index, lie)).startswith(f"{name}: 0 of the pinned")


@pytest.mark.parametrize("place", ["commitments", "reveals", "result"])
def test_saying_a_second_time_something_else_is_named(states, falsehood, place):
    entries = states[2]
    entry = page(entries, place)
    again = restated(notary("operator"), entry.data, nonce="00" * 16)
    assert falsehood([*entries, again]).startswith(f"round 2 / log entry {len(entries)}: said")


def test_a_second_model_statement_is_compared_like_the_first(states, falsehood):
    entries = states[2]
    again = restated(notary("operator"), page(entries, "model").data, rounds=7)
    assert falsehood([*entries, again]).startswith("model / rounds is 7, not 3")


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("commitment", "round 2 / leaves in the closing of commitments"),
        ("update", "round 2 / leaves in the closing of reveals"),
        ("contribution", "round 2 / who is scored"),
        ("task", "task: the log has no task statement"),
        ("commitments", "round 2: the log lacks a closing statement of round 2"),
    ],
)
def test_an_entry_that_was_left_out_is_named(states, falsehood, place, name):
    entries = states[2]
    entry = page(entries, place)
    assert falsehood(changed(entries, entry.index, None)).startswith(name)


@pytest.mark.parametrize("kind", ["commitment", "update"])
def test_a_letter_that_was_written_in_a_members_name_does_not_count(states, falsehood, kind):
    entries = states[2]
    entry = page(entries, kind)
    forged = Envelope.from_bytes(restated(notary("operator"), entry.data, nonce="00" * 16))
    member = replace(forged.signatures[0], keyid=entry.fields["actor"])
    lie = replace(forged, signatures=(member,)).to_bytes()
    phase = "commitments" if kind == "commitment" else "reveals"
    wanted = f"round 2 / leaves in the closing of {phase}"
    assert falsehood(changed(entries, entry.index, lie)).startswith(wanted)


def test_contributions_that_contradict_each_other_are_named(states, falsehood):
    entries = states[2]
    entry = page(entries, "contribution")
    lie = restated(notary("operator"), entry.data, phi="1")
    assert falsehood([*entries[:-2], lie, *entries[-2:]]).startswith("round 2 / who is scored")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (false(rounds=9), "task / rounds is 9"),
        (false(clip=CLIP + 1), f"task / clip is {CLIP + 1}, not {CLIP}"),
        (false(scoring="path"), "task / scoring is path, not exact"),
    ],
)
def test_a_task_statement_that_contradicts_its_terms_is_named(states, falsehood, change, name):
    entries = states[2]
    entry = page(entries, "task")
    lie = restated(notary("sponsor"), entry.data, **change(entry.fields))
    assert falsehood(changed(entries, entry.index, lie)).startswith(name)


def test_an_evaluation_of_another_model_or_by_a_stranger_is_named(states, falsehood):
    entries = states[2]
    entry = page(entries, "evaluation")
    lie = restated(notary("owner-0"), entry.data, model=FALSE)
    wanted = "evaluation by owner-0 / model is"
    assert falsehood(changed(entries, entry.index, lie)).startswith(wanted)
    stranger = notary("stranger")
    actor = to_checksum(stranger.account.address)
    lie = restated(stranger, entry.data, actor=actor)
    wanted = "evaluation by owner-0 / signer: by no member"
    assert falsehood(changed(entries, entry.index, lie)).startswith(wanted)


def test_a_malformed_statement_in_the_log_says_nothing(states):
    _, finished, entries = states
    entry = page(entries, "result")
    malformed = restated(notary("operator"), entry.data, round="two")
    relog(finished, [*entries, malformed, b"noise"])
    assert visitors_verdict(finished).first is None


def test_a_log_that_was_written_anew_after_it_was_anchored_is_named(states, tmp_path):
    _, finished, entries = states
    folder = copied(finished, tmp_path / "state")
    relog(folder, entries)
    with open_network(folder) as network:
        network.anchor_log()
    assert visitors_verdict(folder).first is None
    for other in (entries[:-1], [*entries[:-1], entries[0]]):
        relog(folder, other)
        wanted = f"evidence log / anchor at {len(entries)} entries: the log"
        assert str(visitors_verdict(folder).first).startswith(wanted)


# What it tells the chain


def lies_to_the_chain(folder, change_result=None, change_root=None):
    with opened(folder, PEOPLE) as found:
        coordinator = found.coordinator()
        coordinator.run_round(1)
        client = coordinator.postings.rounds
        plain_result, plain_commit = client.result, client.commit
        if change_result:
            client.result = lambda who, job, number, content: plain_result(
                who, job, number, change_result(content)
            )
        if change_root:
            client.commit = lambda who, job, number, root: plain_commit(
                who, job, number, FALSE_ROOT
            )
        coordinator.run_round(2)
    return str(visitors_verdict(folder).first)


FALSE_ROOT = bytes(31) + b"\1"


@pytest.mark.parametrize(
    "field",
    [
        "updates_root",
        "trace_root",
        "scores_digest",
        "pay_root",
        "pay_total",
        "model_digest",
        "evidence",
    ],
)
def test_a_result_that_is_posted_falsely_is_named(states, tmp_path, field):
    folder = copied(states[0], tmp_path / "state")
    lie = 5 if field == "pay_total" else FALSE_ROOT
    falsehood = lies_to_the_chain(folder, lambda content: replace(content, **{field: lie}))
    assert falsehood.startswith(f"round 2 / {field} on the chain is ")


def test_a_root_of_commitments_that_is_posted_falsely_is_named(states, tmp_path):
    folder = copied(states[0], tmp_path / "state")
    falsehood = lies_to_the_chain(folder, change_root=True)
    assert falsehood.startswith("round 2 / commitments root on the chain is ")


# What it computes, and then says everywhere


def run_with(folder, meddle):
    """Run round 2 with a coordinator whose sums are changed; all it says is consistent."""
    with opened(folder, PEOPLE) as found:
        coordinator = found.coordinator()
        coordinator.run_round(1)
        honest = coordinator.replay.step
        coordinator.replay.step = lambda letters, entropy=b"": meddle(
            coordinator, honest, letters, entropy
        )
        coordinator.run_round(2)
    return str(visitors_verdict(folder).first)


def shifted_aggregate(coordinator, honest, letters, entropy):
    outcome = honest(letters, entropy=entropy)
    params = outcome.model.params + np.array([1, 0, 0], np.int32)
    return replace(outcome, model=ModelFile(params, outcome.model.statistics))


def own_weights(coordinator, honest, letters, entropy):
    rows = dict.fromkeys(coordinator.replay.rows, 1)
    coordinator.replay.rows = rows | {address_of("owner-1"): 900}
    return honest(letters, entropy=entropy)


def swapped_scores(coordinator, honest, letters, entropy):
    outcome = honest(letters, entropy=entropy)
    members = outcome.result.members
    phi = dict(outcome.result.phi)
    for one, two in pairwise(members):
        phi[one], phi[two] = phi[two], phi[one]
    return replace(outcome, result=replace(outcome.result, phi=phi))


def own_dues(coordinator, honest, letters, entropy):
    outcome = honest(letters, entropy=entropy)
    dues = {address_of("owner-1"): outcome.standing.total}
    return replace(outcome, standing=replace(outcome.standing, dues=dues))


def admits_the_cheat(coordinator, honest, letters, entropy):
    rules = coordinator.terms.rules
    object.__setattr__(rules, "clip", CLIP + 1)
    try:
        return honest(letters, entropy=entropy)
    finally:
        object.__setattr__(rules, "clip", CLIP)


@pytest.mark.parametrize(
    ("meddle", "names"),
    [
        (shifted_aggregate, {"round 2 / model in the log"}),
        (own_weights, {f"round 2 / score of {name}" for name in NAMES.values()}),
        (swapped_scores, {f"round 2 / Shapley value of {name}" for name in NAMES.values()}),
        (own_dues, {f"round 2 / due of {name}" for name in NAMES.values()}),
        (admits_the_cheat, {"round 2 / admission of cheat"}),
    ],
)
def test_a_number_that_was_computed_falsely_is_named(states, tmp_path, meddle, names):
    folder = copied(states[0], tmp_path / "state")
    assert run_with(folder, meddle).split(": ")[0].split(" is ")[0] in names
