"""Sources made to mislead, to exhaust or to crash: each costs itself alone, and hides nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from test_vyper_facets import FACETS
from test_vyper_rules import PAIRS
from vyper_code import HEAD, findings, project

from counterpoise.audit import audit_project, load_project, write_report
from counterpoise.audit.engines.vyper import annotated_tree

FLAW = "\n@external\ndef sweep(to: address):\n    send(to, self.balance)\n"
FLAWS = {name: pair[0] for name, pair in PAIRS.items()}
FLAWS |= {name: flawed for name, (_, flawed, _) in FACETS.items()}
MANY = (
    HEAD
    + "n: uint256\n"
    + "".join(f"\n@external\ndef f{k}(n: uint256):\n    self.n += {k}\n" for k in range(10_000))
)


def start(*words, folder):
    command = [sys.executable, "-m", "counterpoise", "audit", *words, "--engine", "vyper"]
    there = os.environ | {"XDG_CACHE_HOME": str(folder / ".cache")}
    return subprocess.Popen(
        [*command, "--jobs", "1", "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=there,
    )


def declared(tree):
    """Every name that a source gives to something of its own."""
    kinds = {"FunctionDef": "name", "arg": "arg", "StructDef": "name"}
    found, waiting = set(), [tree["ast"]["body"]]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            if one.get("ast_type") in kinds:
                found.add(one[kinds[one["ast_type"]]])
            if one.get("ast_type") in ("VariableDecl", "AnnAssign"):
                found.add(one["target"].get("id"))
            waiting += [value for key, value in one.items() if key not in ("type", "node_id")]
    return {name for name in found if name and not name.startswith("__")}


def renamed(text, tree):
    """The same source under names that mean nothing; faces of other contracts keep theirs."""
    faces = re.findall(r"^interface .*\n(?:    .*\n)+", text, re.MULTILINE)
    kept = set(re.findall(r"\w+", "".join(faces))) | {"self", "msg", "amount_of"}
    for number, name in enumerate(sorted(declared(tree) - kept)):
        text = re.sub(rf"(?<![\w'])(?<!chain\.)(?<!block\.){name}\b", f"zz{number}z", text)
    return text


@pytest.mark.parametrize("flaw", sorted(FLAWS))
def test_under_names_that_mean_nothing_the_verdict_is_the_same(flaw, tmp_path):
    def verdict(text):
        made = findings(tmp_path, text, head="")
        return sorted((f.rule, f.severity, f.lines, f.confidence) for f in made)

    text = HEAD + FLAWS[flaw]
    made = project(tmp_path, text)
    other = renamed(text, annotated_tree(made, made.sources[0]))
    assert other != text or flaw == "payable-trap"
    assert verdict(other) == verdict(text)


def test_a_flaw_behind_five_megabytes_of_comment_is_found(tmp_path):
    text = HEAD + "# words of no use\n" * 290_000 + FLAW
    assert len(text) > 5_000_000
    (one,) = [f for f in findings(tmp_path, text, head="") if f.severity == 3]
    assert (one.rule, one.lines) == ("unprotected-transfer", (290_006,))


def test_ten_thousand_functions_cost_their_file_alone(tmp_path):
    (tmp_path / "Many.vy").write_text(MANY)
    project(tmp_path, HEAD + FLAW)
    said, _ = start(".", "--seconds", "4", folder=tmp_path).communicate(timeout=120)
    record = json.loads(said)
    (failed,) = record["not_analysed"]
    assert failed["path"] == "Many.vy" and "not read within 4 seconds" in failed["reason"]
    assert {f["path"] for f in record["findings"] if f["severity"] == "high"} == {"Vault.vy"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("(" * 3000 + "n" + ")" * 3000, "does not compile"),
        (" + ".join(["n"] * 4000), "Recursion"),
    ],
)
def test_an_expression_nested_too_deeply_is_said_to_be(body, said, tmp_path):
    text = f"{HEAD}\n@external\ndef f(n: uint256) -> uint256:\n    return {body}\n"
    (tmp_path / "Deep.vy").write_text(text)
    (tmp_path / "pyproject.toml").write_text("")
    process = start("Deep.vy", folder=tmp_path)
    out, _ = process.communicate(timeout=120)
    (failed,) = json.loads(out)["not_analysed"]
    assert said in failed["reason"] and len(failed["reason"]) < 400
    assert process.returncode == 2


def test_ctrl_c_keeps_what_is_done_and_leaves_no_process(tmp_path):
    (tmp_path / "Zz.vy").write_text(MANY)
    project(tmp_path, HEAD + FLAW)
    process = start(".", folder=tmp_path)
    until = time.monotonic() + 60
    while not (kept := list((tmp_path / ".cache").rglob("*.json"))):
        assert time.monotonic() < until, "nothing was kept"
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode not in (0, 1) and "Traceback" not in err
    assert out == ""
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    stamp = kept[0].stat().st_mtime_ns
    again, _ = start("Vault.vy", folder=tmp_path).communicate(timeout=60)
    assert json.loads(again)["counts"]["high"] == 1
    assert kept[0].stat().st_mtime_ns == stamp, "it was read anew"


def test_names_of_files_have_no_power_over_a_report(tmp_path):
    name = "a\u202e\n| <b>x.vy"
    made = project(tmp_path, HEAD + FLAW, name=name)
    outcome = audit_project(made, engines=("vyper",), jobs=0)
    for form in ("text", "markdown", "sarif"):
        text = write_report(outcome, form)
        assert "\u202e" not in text and name not in text, form
        assert form != "markdown" or "<b>" not in text


def test_a_link_that_leads_round_or_nowhere_is_no_source(tmp_path):
    made = project(tmp_path, HEAD + FLAW)
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "Gone.vy").symlink_to(tmp_path / "nowhere.vy")
    assert [one.path for one in load_project(tmp_path).sources] == [made.sources[0].path]
