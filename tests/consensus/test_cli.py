"""The verb `consensus`: a market from its creation to a paid epoch, by the command line alone."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner
from service import MODEL, bank_of, questions

from counterpoise.consensus import known_markets, verify_consensus
from counterpoise.consensus.cli import VERBS, consensus
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.network import create_network, fill_faucet, open_network
from counterpoise.provenance import Envelope, Verdict, kind_of


class Provider(BaseHTTPRequestHandler):
    """Answers honestly at /good, always the same at /lazy, not at all at /down."""

    def do_POST(self):
        question = self.rfile.read(int(self.headers["content-length"]))
        answer = {"/good": MODEL.answer(question), "/lazy": bytes(8) + b"\0\1"}.get(self.path)
        self.send_response(200 if answer else 503)
        self.send_header("content-length", str(len(answer or b"")))
        self.end_headers()
        self.wfile.write(answer or b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def lines_of(cases):
    return "".join(
        json.dumps({"question": f"0x{one.question.hex()}", "label": f"0x{one.label.hex()}"}) + "\n"
        for one in cases
    )


@pytest.fixture
def call(tmp_path):
    with create_network(tmp_path / "net", seed=bytes(32)) as network:
        fill_faucet(network, network.account("operator"))

    def run(*words, code=0, as_json=True):
        told = [*words, "--state", str(tmp_path / "net"), *(["--json"] if as_json else [])]
        result = CliRunner().invoke(consensus, told, catch_exceptions=True)
        if isinstance(result.exception, CounterpoiseError):
            raise result.exception
        assert result.exit_code == code, (result.output, result.exception)
        return json.loads(result.output) if as_json else result.output

    return run


def test_a_market_runs_by_the_command_line_and_is_verified(call, address, tmp_path):
    with pytest.raises(InputError, match="0 markets are meant"):
        call("status")
    call("create", "--pay", "100", "--commit", "900", "--account", "operator")
    with pytest.raises(InputError, match="there is a market 'market'"):
        call("create", "--pay", "1", "--account", "operator")
    assert call("fund", "300", "--account", "operator") == {"pot": "300"}
    for number, name in enumerate(["ann", "cleo", "dan", "eve"]):
        assert call("register", "--account", name) == {"number": number}
    assert call("stake", "40", "--account", "ann") == {"stake": "40", "seat": 0}
    (tmp_path / "checks.jsonl").write_text(lines_of(bank_of(200, 1)))
    told = [{"question": f"0x{one.hex()}"} for one in questions(60, 2)]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told))
    work = ["run", "--account", "ann", "--checks", str(tmp_path / "checks.jsonl")]
    work += ["--pool", str(tmp_path / "pool.jsonl"), "--home", str(tmp_path / "ann")]
    work += [
        "--payer",
        "somebody",
        "--questions",
        "6",
        "--others",
        "2",
        "--compared",
        "2",
        "--seconds",
        "0.2",
    ]
    for number, path in ((1, "good"), (2, "lazy"), (3, "down")):
        work += ["--provider", f"{number}={address}/{path}"]

    def epoch():
        for name in ("commits_end", "reveals_end", None):
            call(*work)
            found = call("status")
            when = found[name] if name else found["result"]["final_from"]
            with open_network(tmp_path / "net") as network:
                network.warp(when + 5 - network.chain.block("latest").time)
        call(*work)

    assert call("status")["phase"] == "not begun"
    epoch()
    epoch()
    found = call("weights", "2")
    [row] = found["rows"]
    assert row["weights"] == {"1": 65535} and row["evidence"]
    assert row["scores_ppm"]["1"] > 800_000 and row["scores_ppm"]["2"] == 0
    assert row["scores_ppm"]["3"] == 0
    assert "validator 0 weighs 1: 65535 (scores" in call("weights", "2", as_json=False)
    claimed = call("claim", "1", "--account", "operator")
    assert claimed["number"] == 1 and claimed["paid"].startswith(("49.9", "50"))
    assert "no." in call("status", as_json=False)
    assert call("prove")["false"] == []
    with open_network(tmp_path / "net") as network:
        verdict = Verdict()
        assert verify_consensus(network, verdict) == 2
        assert not verdict.false, verdict.false
        [market] = known_markets(network)
        assert market.name == "market"
    tamper_with_what_lies_on_disk(tmp_path / "net")


def tamper_with_what_lies_on_disk(folder):
    """A sheet that is altered, one that is gone; a market that its list no longer names."""

    def verified():
        verdict = Verdict()
        with open_network(folder) as network:
            assert verify_consensus(network, verdict) == 2
        return [str(one) for one in verdict.false]

    [first, second] = sheets_of(folder)
    content = second.read_bytes()
    second.write_bytes(content.replace(b'"haste":200000', b'"haste":200001'))
    assert any(one.startswith("epoch 2 / sheet of validator 0") for one in verified())
    second.unlink()
    told = verified()
    assert any(one.startswith("epoch 2 / sheet of validator 0") for one in told)
    assert any("epoch 2 / weights of validator 0: no evidence" in one for one in told)
    second.write_bytes(content)
    first_content = first.read_bytes()
    first.unlink()  # sealed the checks of the second
    assert any("epoch 2 / validator 0 / sealed checks" in one for one in verified())
    first.write_bytes(first_content)
    (folder / "markets.json").unlink()  # the log names it too
    assert verified() == []


def sheets_of(folder):
    """The sheets' files by epoch."""
    with open_network(folder) as network:
        entries = [Envelope.from_bytes(one).statement for one in network.log_reader().entries()]
        told = [one.predicate for one in entries if kind_of(one) == "scores"]
    digests = [one["sheet"] for one in sorted(told, key=lambda one: one["epoch"])]
    return [next(folder.glob(f"blobs/**/{digest}")) for digest in digests]


def test_every_verb_has_help_with_an_example_and_says_what_is_wrong(call, tmp_path):
    for verb in VERBS:
        text = CliRunner().invoke(consensus, [verb, "--help"]).output
        assert "Example: counterpoise consensus " + verb in text
        assert "--json" in text
    call("create", "--pay", "1", "--account", "operator")
    with pytest.raises(InputError, match="no key was given"):
        call("register")
    (tmp_path / "bad.jsonl").write_text('{"question": "x", "label": "y"}\n[]\n')
    with pytest.raises(InputError, match=r"line 2 of .* is no question"):
        call("run", "--account", "ann", "--checks", str(tmp_path / "bad.jsonl"))
    with pytest.raises(InputError, match="--provider 2:http is no pair"):
        call("run", "--account", "a", "--model", "1=x", "--provider", "2:http")
    with pytest.raises(InputError, match="nothing to do"):
        call("run", "--account", "ann", "--no-keeper")
    with pytest.raises(InputError, match="epoch 1 is not over"):
        call("weights")
    with pytest.raises(InputError, match="not between 0 and 99"):
        call("create", "--pay", "1", "--kappa", "100", "--account", "operator")
    with pytest.raises(InputError, match="no name of a market"):
        call("create", "--pay", "1", "--name", "A B", "--account", "operator")
    (tmp_path / "net" / "markets.json").write_text('{"markets": [{}]}')
    with pytest.raises(InputError, match="does not list markets"):
        call("status")
