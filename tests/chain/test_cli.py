"""The verbs `chain` and `account` do what their help says, and fail without a stack trace."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from counterpoise.chain import Account, cli, deploy, dev_account, open_chain
from counterpoise.chain.engines.keystore import encrypt
from counterpoise.core.errors import InputError
from counterpoise.core.units import to_checksum

STRANGER = "0x" + "11" * 20


def run(*words, **variables):
    return subprocess.run(
        [sys.executable, "-m", "counterpoise", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | variables,
    )


@contextmanager
def started(*words):
    """A served chain in another process; gives what it said about itself."""
    command = [sys.executable, "-m", "counterpoise", "chain", "start", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, *map(str, words)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def test_a_started_chain_survives_a_restart_and_ends_cleanly(tmp_path, counter_artifact):
    with started("--state", tmp_path) as (process, told):
        chain = open_chain(told["url"])
        counter = deploy(chain, dev_account(0), counter_artifact)
        counter.transact(dev_account(0), "bump", 5)
        head = chain.block()
        second = run("chain", "start", "--state", tmp_path, "--port", "0")
        assert second.returncode == 7 and "another process holds the chain" in second.stderr
        status = json.loads(run("chain", "status", "--url", told["url"], "--json").stdout)
        assert status["block"] == head.number and status["chain_id"] == 31337
        funded = run("chain", "fund", STRANGER, "2.5", "--url", told["url"])
        assert "has 2.5 ether" in funded.stdout
        chain.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    with started("--state", tmp_path) as (process, told):
        assert told["block"] == head.number + 1
        chain = open_chain(told["url"])
        assert chain.block(head.number) == head
        counter.chain = chain
        assert counter.call("total") == 5
        chain.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    told = run("chain", "status", "--state", tmp_path)
    assert f"Block {head.number + 1}" in told.stdout


def test_what_cannot_be_done_is_said(tmp_path):
    for words, code, text in (
        (("chain", "start", "--host", "0.0.0.0", "--memory"), 2, "no loopback address"),
        (("chain", "status", "--url", "http://127.0.0.1:9"), 4, "gave no answer"),
        (("chain", "status", "--state", tmp_path / "none"), 2, "there is no chain at"),
        (("chain", "fund", "0x12", "--state", tmp_path), 2, "is no address"),
        (("account", "show", "nobody", "--keys", tmp_path), 2, "there is no key 'nobody'"),
        (("account", "new", "../evil", "--keys", tmp_path), 2, "is no name of a key"),
        (("account", "import", "x", "--keys", tmp_path), 2, "one source of the key is wanted"),
    ):
        done = run(*words, COUNTERPOISE_PASSWORD="secret")
        assert done.returncode == code and text in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def invoke(*words, **variables):
    """Run an `account` verb in this process; gives what it printed."""
    done = CliRunner().invoke(cli.account, list(map(str, words)), env=variables)
    if done.exception:
        raise done.exception
    return done.stdout


def test_a_key_is_made_listed_shown_and_never_overwritten(tmp_path):
    keys, secret = tmp_path / "keys", {"COUNTERPOISE_PASSWORD": "secret"}
    made = json.loads(invoke("new", "hospital", "--keys", keys, "--json", **secret))
    file = keys / "hospital.json"
    assert file.stat().st_mode & 0o777 == 0o600
    account = Account.from_keystore(file, "secret")
    assert to_checksum(account.address) == made["address"] and not account.is_local
    assert account.key.hex() not in file.read_text()
    with pytest.raises(InputError, match="there is a key 'hospital' already"):
        invoke("new", "hospital", "--keys", keys, **secret)
    assert invoke("list", "--keys", keys) == f"{made['address']}  hospital\n"
    assert json.loads(invoke("show", "hospital", "--keys", keys, "--json")) == made


def test_a_key_is_imported_from_the_environment_or_a_file(tmp_path):
    keys, account, word = tmp_path / "keys", Account.local(b"some"), tmp_path / "word"
    word.write_text("secret\n")
    source = tmp_path / "source.json"
    source.write_text(encrypt(account.key, "secret", iterations=2))
    options = ("--keys", keys, "--password-file", word, "--json")
    for name, origin in (("one", ("--environment", "KEY")), ("two", ("--keystore", source))):
        told = json.loads(invoke("import", name, *origin, *options, KEY=account.key.hex()))
        assert told["address"] == to_checksum(account.address)
    word.write_text("wrong")
    with pytest.raises(InputError, match="does not open") as raised:
        invoke("import", "three", "--keystore", source, *options)
    assert "check the password" in raised.value.hint
    assert sorted(path.name for path in keys.iterdir()) == ["one.json", "two.json"]


ROOMS = {
    "chain": ["start", "status", "fund", "compile"],
    "account": ["new", "list", "show", "import"],
}


@pytest.mark.parametrize("words", [(room, verb) for room, verbs in ROOMS.items() for verb in verbs])
def test_every_verb_has_an_example(words):
    group = cli.chain if words[0] == "chain" else cli.account
    assert "Example:" in CliRunner().invoke(group, [words[1], "--help"]).output
