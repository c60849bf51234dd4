"""The command line answers fast, fails clearly and shows no stack trace."""

import json
import subprocess
import sys
import time

import pytest

VERBS = [
    "demo",
    "verify",
    "chain",
    "account",
    "federation",
    "provenance",
    "job",
    "identity",
    "verification",
    "inference",
    "market",
    "consensus",
    "oracle",
    "audit",
    "monitor",
    "completion",
]


def run(*words, **options):
    command = [sys.executable, "-m", "counterpoise", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def test_help_answers_in_under_a_third_of_a_second():
    times = []
    for _ in range(5):
        start = time.perf_counter()
        assert run("--help").returncode == 0
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3, times


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb):
    done = run(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert "Example" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_loads_nothing_heavy(verb):
    code = (
        "import sys; from counterpoise.cli import cli\n"
        f"try: cli.main([{verb!r}, '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'eth', 'web3', 'sklearn', 'numba', 'vyper', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_missing_state_is_a_clear_error_and_exit_2(tmp_path):
    done = run("verify", "--state", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "no network at" in done.stderr and "hint:" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_is_one_json_object_where_json_is_asked_for(tmp_path):
    done = run("verify", "--state", str(tmp_path / "nowhere"), "--json")
    assert done.returncode == 2
    assert json.loads(done.stderr)["error"] == "InputError"


def test_an_unknown_verb_or_flag_exits_2_without_a_stack_trace():
    for words in (["nope"], ["verify", "--nope"], ["demo", "--seed", "x"]):
        done = run(*words)
        assert done.returncode == 2 and "Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell):
    assert "_COUNTERPOISE_COMPLETE" in run("completion", shell).stdout
