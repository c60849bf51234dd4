"""The verb `federation` in this process."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from village import RULES, owner, owners, village

from counterpoise.cli import cli
from counterpoise.core.errors import Busy, InputError
from counterpoise.federation import Draft, ModelFile, ValidationSet, load_task, task_record


def invoke(*words):
    return CliRunner().invoke(cli, [str(word) for word in ("federation", *words)])


@pytest.mark.parametrize(
    "verb", ["init", "disclose", "open", "join", "run", "list", "show", "claim"]
)
def test_each_verb_explains_itself_with_an_example_and_can_answer_in_json(verb):
    shown = invoke(verb, "--help")
    assert shown.exit_code == 0 and "Example: counterpoise federation" in shown.output
    assert "--json" in shown.output


def error_of(*words):
    done = invoke(*words)
    assert done.exception is not None, done.output
    return done.exception


def test_a_network_that_is_not_there_and_two_at_once_are_input_errors(tmp_path):
    for verb in (["list"], ["show", 1], ["run", 1], ["claim", 1, "--local-key", "ann"]):
        error = error_of(*verb, "--state", tmp_path / "nowhere")
        assert isinstance(error, InputError) and "no network at" in error.message
    both = error_of("list", "--state", tmp_path, "--network", tmp_path / "network.json")
    assert isinstance(both, InputError) and "two networks" in both.message


@pytest.fixture
def small(tmp_path):
    made = village(tmp_path / "state", owners(2))
    made.network.close()
    return made


def test_a_charter_of_an_embedded_chain_cannot_be_visited(small):
    folder = small.network.folder
    error = error_of("list", "--network", folder / "network.json")
    assert isinstance(error, InputError) and "chain start" in error.hint


def test_list_and_show_tell_where_a_job_stands(small):
    state = small.network.folder
    listed = json.loads(invoke("list", "--state", state, "--json").output)["jobs"]
    assert [(job["name"], job["state"], job["members"]) for job in listed] == [
        ("village", "gathering", 2)
    ]
    shown = json.loads(invoke("show", 1, "--state", state, "--json").output)
    assert [one["name"] for one in shown["participants"]] == ["owner-0", "owner-1"]
    assert shown["model"] is None and "village" in invoke("show", 1, "--state", state).output
    for verb in (["show", 7], ["run", 7]):
        error = error_of(*verb, "--state", state)
        assert isinstance(error, InputError) and "no job 7" in error.message


def test_a_key_is_needed_once_and_a_development_key_only_on_local_chains(small, monkeypatch):
    state = small.network.folder
    error = error_of("claim", 1, "--state", state)
    assert isinstance(error, InputError) and "no key was given" in error.message
    monkeypatch.setenv("ANN_KEY", "11" * 32)
    error = error_of("claim", 1, "--state", state, "--local-key", "ann", "--key-env", "ANN_KEY")
    assert "two keys" in error.message
    monkeypatch.setattr("counterpoise.chain.account.LOCAL_CHAIN_IDS", frozenset({1}))
    error = error_of("claim", 1, "--state", state, "--local-key", "ann")
    assert isinstance(error, InputError) and "development key" in error.message


def test_the_second_coordinator_is_busy_before_it_posts_anything(small):
    from counterpoise.network import open_network

    state = small.network.folder
    before = sorted((state / "mail").rglob("*"))
    with open_network(state) as first:
        blocks = first.chain.block("latest").number
        assert first.log.size
        first.chain.close()
        error = error_of("run", 1, "--state", state)
        assert isinstance(error, Busy) and "goes on from here" in error.hint
    with open_network(state) as again:
        assert again.chain.block("latest").number == blocks
    assert sorted((state / "mail").rglob("*")) == before


def test_only_the_jobs_coordinator_may_run_it(small):
    error = error_of("run", 1, "--state", small.network.folder, "--local-key", "eve")
    assert isinstance(error, InputError) and "is coordinated by" in error.message


def test_disclose_writes_rows_that_the_task_takes(tmp_path):
    people = owner("ann", 3)
    lines = [f"{a},{b},{y}" for (a, b), y in zip(people.features, people.labels, strict=True)]
    rows, task = tmp_path / "rows.csv", tmp_path / "task.json"
    rows.write_text("\n".join(["a,b,ill", *lines]))
    base = ModelFile(np.zeros(3, np.int32), np.zeros(0, np.int64))
    draft = Draft("toy", bytes(20), RULES, 1, 5, 5, 5, base, ValidationSet(()), 86_400)
    record = task_record(draft, ["ann.rows"])
    task.write_text(json.dumps(record))
    words = ["disclose", task, "--rows", rows, "--label", "ill", "--name", "ann"]
    words += ["--home", tmp_path / "home", "--out", tmp_path / "ann.rows", "--count", 6, "--json"]
    told = json.loads(invoke(*words).output)
    assert (told["rows"], told["disclosed"]) == (40, 6)
    assert json.loads(invoke(*words).output) == told, "the same rows again"
    found = load_task(task).draft(bytes(20)).validation
    assert {row.row_root.hex() for row in found.disclosures} == {told["row_root"]}
    assert Path(told["file"]).stat().st_mode & 0o077 == 0
