"""The verbs of agents on a founded network."""

import json

import pytest
from click.testing import CliRunner

from counterpoise.cli import cli
from counterpoise.core.errors import CounterpoiseError
from counterpoise.identity import Registration, Service
from counterpoise.network import create_network


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    with create_network(folder, seed=bytes(32)) as network:
        for name in ("seller", "buyer"):
            network.fund(network.account(name).address, 10**18)
    return folder


def run(state, *words):
    done = CliRunner().invoke(cli, ["identity", *words, "--state", str(state), "--json"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return json.loads(done.output)


def test_an_agent_is_registered_rated_and_weighed(state, tmp_path):
    file = tmp_path / "agent.json"
    made = Registration("Scorer", "Scores", services=(Service("web", "https://a.example"),))
    file.write_bytes(made.to_bytes())
    agent = str(run(state, "register", "--file", str(file), "--as", "seller")["agent"])
    shown = run(state, "show", agent)
    assert (shown["name"], shown["services"][0]["endpoint"]) == ("Scorer", "https://a.example")
    given = run(state, "feedback", agent, "--rating", "95.5", "--tag", "quality", "--as", "buyer")
    assert given["index"] == 1
    found = run(state, "summary", agent)
    assert (found["given"], found["counted"], found["mean"]) == (1, 0, "none")
    assert found["ratings"][0]["outcome"] == "no receipt"
    assert found["ratings"][0]["rating"] == "95.5"
    plain = CliRunner().invoke(cli, ["identity", "summary", agent, "--state", str(state)])
    assert "no receipt" in plain.output


def test_mistakes_are_told_in_a_sentence(state):
    for words, reason in (
        (("show", "77"), "no agent 77"),
        (("summary", "77"), "no agent 77"),
        (("feedback", "0", "--rating", "much", "--as", "buyer"), "no number"),
    ):
        with pytest.raises(CounterpoiseError, match=reason):
            run(state, *words)
