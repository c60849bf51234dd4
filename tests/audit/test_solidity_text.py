"""What does not compile is searched all the same, and stays "not analysed"."""

import pytest
from solidity_code import need, project

from counterpoise.audit import audit_project
from counterpoise.audit.engines import engine
from counterpoise.audit.engines.solidity_text import CONFIDENCE, statements

BROKEN = """pragma solidity ^0.8.0;
import "./Gone.sol";
contract Vault {
    // selfdestruct(owner) tx.origin == owner
    string s = "suicide(x)";
    function end() public {
        selfdestruct(msg.sender);
    }
    function guarded() public onlyOwner {
        selfdestruct(msg.sender);
    }
    function take(uint n) public {
        require(balances[msg.sender] >= n);
        msg.sender.call{value: n}("");
        balances[msg.sender] -= n;
        if (tx.origin != owner) { revert(); }
        other.send(3);
        bool ok = other.send(3);
        if (
            now == 5) {
        winner = uint(blockhash(block.number)) % 7
    }
"""


def search(tmp_path, text):
    files = project(tmp_path, {"V.sol": text})
    (analysis,) = engine("solidity-text").analyse(files, files.sources, seconds=5)
    return analysis


def test_each_pattern_is_found_at_its_lines_and_only_in_code(tmp_path):
    found = [(one.rule, one.lines, one.function) for one in search(tmp_path, BROKEN).findings]
    assert found == [
        ("selfdestruct", (7,), "end"),
        ("unchecked-raw", (14,), "take"),
        ("reentrancy-state", (15,), "take"),
        ("tx-origin", (16,), "take"),
        ("unchecked-raw", (17,), "take"),
        ("timestamp", (19, 20), "take"),
        ("bad-randomness", (21,), "take"),
    ]


def test_confidence_is_little_and_the_reader_is_told(tmp_path):
    analysis = search(tmp_path, BROKEN)
    assert {one.confidence for one in analysis.findings} == {CONFIDENCE}
    assert all("does not compile" in one.message for one in analysis.findings)
    assert {one.contract for one in analysis.findings} == {"Vault"} and analysis.notes


@pytest.mark.parametrize(
    "text", ["}}}}{{{{", ";" * 1000, "contract", "function f(", "'", "/*", "\x00\ufffd{"]
)
def test_nonsense_gives_nothing_and_no_error(tmp_path, text):
    assert search(tmp_path, text).findings == ()


def test_lines_are_right_whatever_braces_are_missing():
    text = "contract A {\n function f() {\n\n x = 1;\n contract B {\n y = 2;\n}"
    assert [(one.lines[0], one.contract, one.text) for one in statements(text)] == [
        (1, "A", "contract A"),
        (2, "A", "function f()"),
        (4, "A", "x = 1"),
        (5, "B", "contract B"),
        (6, "B", "y = 2"),
    ]


def test_one_endless_statement_is_passed_over(tmp_path):
    assert (
        search(tmp_path, "contract A { function f() { a.send(1) " + "+ 1" * 100_000).findings == ()
    )


def test_a_broken_file_is_searched_and_said_to_be_not_analysed(tmp_path):
    need("solidity")
    files = project(tmp_path, {"V.sol": BROKEN, "W.sol": "contract W {}"})
    outcome = audit_project(files, engines=("solidity", "solidity-text"), jobs=0)
    assert {(one.path, one.engine) for one in outcome.not_analysed} == {("V.sol", "solidity")}
    assert {one.path for one in outcome.findings} == {"V.sol"}
    assert {name for one in outcome.findings for name in one.engines} == {"solidity-text"}
