"""Schemathesis throws what it makes of /openapi.json at every route of a gateway."""

import subprocess
from pathlib import Path

import pytest
from gateway_world import NET, sums_graph
from small_upstream import SmallUpstream, serving
from stall import MODELS, Stall, chat_model, embeddings_model, set_key

from counterpoise.inference import save_model

TOOL = Path(__file__).parents[3] / ".tools" / "schemathesis" / "bin" / "schemathesis"
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="needs make market-sdk")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
)


@pytest.fixture
def stall(request, tmp_path, monkeypatch):
    set_key(monkeypatch)
    (tmp_path / "sums.onnx").write_bytes(sums_graph())
    save_model(NET, tmp_path / "net.model")
    price, (far := SmallUpstream()).address = request.param, ""
    models = [
        f'[[service]]\nkind = "{kind}"\nname = "{name}"\nfile = "{file}"\nprice = "{price}"\n'
        for kind, name, file in (("onnx", "sums", "sums.onnx"), ("integer", "net", "net.model"))
    ]
    with serving(far.app()) as far.address:
        texts = MODELS + chat_model(far, price=price) + embeddings_model(far, price=price)
        with Stall(tmp_path, "".join(models) + texts).open() as opened:
            yield opened


def thrown(stall, folder, phases, examples, *options, checks=CHECKS):
    """Run the tool with a fixed seed, and give what it says."""
    command = [TOOL, "run", stall.address + "/openapi.json", "--seed", "1", "-n", str(examples)]
    command += ["--phases", phases, "--no-shrink", "--continue-on-failure"]
    command += ["--checks", ",".join(checks), "--warnings", "off", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=folder)


@pytest.mark.parametrize("stall", ["0 per call"], indirect=True)
def test_where_nothing_is_paid_every_parser_holds(stall, tmp_path):
    """All is free, so that every body reaches its parser; what the schema refuses is refused."""
    checks = (*CHECKS, "negative_data_rejection")
    done = thrown(stall, tmp_path, "coverage,fuzzing", 6, "--include-method", "POST", checks=checks)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


@pytest.mark.parametrize("stall", ["0.001 per call"], indirect=True)
def test_where_all_is_paid_every_route_says_what_it_may(stall, tmp_path):
    done = thrown(stall, tmp_path, "fuzzing", 4)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert stall.charged() == 0
