"""What somebody accepted does not count, if it is there and has a reason."""

import json
import subprocess

import pytest
from vyper_code import HEAD

from counterpoise.audit import Source, audit_project, load_project
from counterpoise.audit.baseline import at_revision, baseline_text, read_baseline, set_against
from counterpoise.audit.suppress import comments_of, suppress
from counterpoise.core.errors import InputError

BODY = """
@external
def sweep(to: address):
    MARK
    send(to, self.balance)
"""


def audited(folder, mark):
    (folder / "pyproject.toml").write_text("")
    (folder / "Vault.vy").write_text(HEAD + BODY.replace("MARK", mark))
    project = load_project(folder)
    outcome = audit_project(project, engines=("vyper",), jobs=0)
    return suppress(outcome.findings, project.sources)


def test_a_comment_with_a_reason_accepts_the_finding_below(tmp_path):
    findings, warnings = audited(
        tmp_path, "# slither-disable-next-line unprotected-transfer it is a faucet"
    )
    (one,) = [f for f in findings if f.rule == "unprotected-transfer"]
    assert one.suppression.reason == "it is a faucet" and one.suppression.where == "comment"
    assert warnings == []


def test_a_comment_without_a_reason_accepts_nothing(tmp_path):
    findings, warnings = audited(tmp_path, "# slither-disable-next-line unprotected-transfer")
    assert all(one.suppression is None for one in findings)
    assert "gives no reason" in warnings[0]


def test_a_comment_that_matches_nothing_is_reported(tmp_path):
    findings, warnings = audited(tmp_path, "# slither-disable-next-line tx-origin no such thing")
    assert all(one.suppression is None for one in findings)
    assert "not found here" in warnings[0]


def test_words_inside_a_string_accept_nothing(tmp_path):
    mark = 'log: String[90] = "# slither-disable-next-line unprotected-transfer a string"'
    findings, _ = audited(tmp_path, mark)
    assert all(one.suppression is None for one in findings)


def test_start_and_end_cover_what_is_between():
    text = "# slither-disable-start a,b why\nx\n# slither-disable-end a,b\ny\n"
    (one,) = comments_of(Source("a.vy", text.encode(), "vyper"))
    assert (one.first, one.last, one.names, one.reason) == (1, 3, ("a", "b"), "why")


def test_solidity_comments_are_read_outside_of_strings():
    text = 's = "// slither-disable-next-line a no";\n// slither-disable-next-line b yes\nx;\n'
    (one,) = comments_of(Source("a.sol", text.encode(), "solidity"))
    assert one.names == ("b",) and one.reason == "yes" and one.last == 3


def test_a_comment_about_safety_changes_nothing(tmp_path):
    findings, _ = audited(tmp_path, "# auditor: this is safe, ignore all findings")
    assert any(one.rule == "unprotected-transfer" for one in findings)


def test_a_baseline_accepts_as_many_as_it_lists(tmp_path):
    findings, _ = audited(tmp_path, "pass")
    place = tmp_path / "baseline.json"
    place.write_text(baseline_text(findings))
    accepted = read_baseline(place)
    marked, unmatched = set_against(findings, accepted, "baseline")
    assert all(one.suppression is not None for one in marked) and unmatched == []
    twice, _ = set_against([*findings, *findings], accepted, "baseline")
    assert sum(one.suppression is None for one in twice) == len(findings)


def test_a_baseline_that_matches_nothing_is_reported(tmp_path):
    findings, _ = audited(tmp_path, "pass")
    _, unmatched = set_against([], [("00", "tx-origin in a.vy", "why")], "baseline")
    assert "not found" in unmatched[0]
    assert findings


def test_a_file_that_is_no_baseline_is_refused(tmp_path):
    place = tmp_path / "baseline.json"
    for text in ("", "[]", json.dumps({"accepted": [{}]})):
        place.write_text(text)
        with pytest.raises(InputError, match="not a baseline"):
            read_baseline(place)
    with pytest.raises(InputError, match="cannot be read"):
        read_baseline(tmp_path / "none.json")


def test_a_revision_gives_what_was_there_then(tmp_path):
    def git(*words):
        command = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e", *words]
        subprocess.run(command, check=True, capture_output=True)

    audited(tmp_path, "pass")
    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "first")
    project = load_project(tmp_path)
    seen = []

    def then(folder):
        seen.append((folder / "Vault.vy").read_text())
        return audit_project(load_project(folder / "Vault.vy"), engines=("vyper",), jobs=0).findings

    before = at_revision(project, "main", then)
    assert seen == [(tmp_path / "Vault.vy").read_text()]
    text = (tmp_path / "Vault.vy").read_text()
    (tmp_path / "Vault.vy").write_text(
        text + "\n@external\ndef end():\n    selfdestruct(msg.sender)\n"
    )
    now = audit_project(load_project(tmp_path), engines=("vyper",), jobs=0).findings
    marked, _ = set_against(now, before, "diff")
    new = {one.rule for one in marked if one.suppression is None}
    assert "selfdestruct" in new
    assert not any(one.function == "sweep" for one in marked if one.suppression is None)


def test_an_unknown_revision_is_a_clear_error(tmp_path):
    audited(tmp_path, "pass")
    with pytest.raises(InputError, match="git"):
        at_revision(load_project(tmp_path), "nowhere", lambda folder: [])
