"""What is confirmed was executed; and the patched twin of each positive resists."""

import json
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from counterpoise.audit import Project, Severity, Source, audit_project, write_report
from counterpoise.audit.findings import Finding, Suppression
from counterpoise.audit.proof import Target, Task, attempt, prove
from counterpoise.audit.proof.arguments import argument_lists
from counterpoise.audit.proof.puppet import assemble
from counterpoise.audit.proof.tasks import entries_of
from counterpoise.audit.records import finding_from_record, finding_record

HEAD = """# pragma version ~=0.4.3
owner: address
limit: public(uint256)
paid: public(HashMap[address, bool])
due: public(HashMap[address, uint256])

@deploy
def __init__(owner: address, limit: uint256):
    self.owner = owner
    self.limit = limit

@external
@payable
def put():
    self.due[msg.sender] += msg.value

@external
def set_limit(limit: uint256):
    assert msg.sender == self.owner, "owner only"
    self.limit = limit
"""


@cache
def target(body: str) -> Target:
    from vyper import compile_code

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = compile_code(HEAD + body, output_formats=["abi", "bytecode"])
    return Target("Bank", tuple(made["abi"]), bytes.fromhex(made["bytecode"][2:]))


def shown(template: str, body: str, function: str, seconds: float = 20):
    return attempt(target(body), Task(template, frozenset({function})), seconds=seconds)


TAKE = """
@external
LOCK
def take():
    n: uint256 = self.due[msg.sender]
    assert n > 0
    FIRST
    raw_call(msg.sender, b"", value=n)
    LAST
"""


def take(lock: str = "", first: str = "pass", last: str = "pass") -> str:
    return TAKE.replace("LOCK\n", lock).replace("FIRST", first).replace("LAST", last)


ZERO = "self.due[msg.sender] = 0"


def test_a_receiver_that_comes_back_takes_more_than_it_put_in():
    proof = shown("re-entering receiver", take(last=ZERO), "take")
    assert proof is not None
    balances = dict(proof.balances)
    assert balances["attacker"] == 6 * 10**18 and balances["Bank"] == -6 * 10**18
    assert len(proof.transactions) == 2 and "coming back 3 times" in proof.transactions[1]
    assert sum("attacker -> Bank.take" in line for line in proof.calls) == 4
    assert not any("0x" in line for line in proof.calls), "everyone has a name"


def test_its_patched_twins_resist():
    assert shown("re-entering receiver", take(first=ZERO), "take") is None
    assert shown("re-entering receiver", take(lock="@nonreentrant\n", last=ZERO), "take") is None


def test_what_anyone_takes_without_coming_back_is_no_reentrancy():
    body = "\n@external\ndef take():\n    send(msg.sender, 1)\n"
    assert shown("re-entering receiver", body, "take") is None
    assert shown("stranger", body, "take") is not None


SWEEP = "\n@external\ndef sweep(to: address):\n    GUARD\n    send(to, self.balance)\n"
OWNER = "assert msg.sender == self.owner"


def test_a_stranger_takes_what_anyone_may_sweep():
    proof = shown("stranger", SWEEP.replace("GUARD", "pass"), "sweep")
    assert proof is not None and dict(proof.balances)["Bank"] == -(10**19)
    assert "given" not in proof.summary, "the honest user's own ether was taken"
    assert shown("stranger", SWEEP.replace("GUARD", OWNER), "sweep") is None


def test_ether_that_no_honest_user_could_put_in_is_said_to_be_given():
    body = SWEEP.replace("GUARD", "pass")
    made = HEAD.replace("@external\n@payable", "@external").replace("msg.value", "1")
    from vyper import compile_code

    done = compile_code(made + body, output_formats=["abi", "bytecode"])
    bank = Target("Bank", tuple(done["abi"]), bytes.fromhex(done["bytecode"][2:]))
    proof = attempt(bank, Task("stranger", frozenset({"sweep"})), seconds=20)
    assert proof is not None and "was given 10 ether" in proof.summary


def test_an_owner_that_anyone_sets_makes_guarded_functions_obey():
    body = "\n@external\ndef own(who: address):\n    GUARD\n    self.owner = who\n"
    proof = shown("stranger", body.replace("GUARD", "pass"), "own")
    assert proof is not None and "set_limit" in proof.summary
    assert shown("stranger", body.replace("GUARD", OWNER), "own") is None


def test_a_setter_of_something_else_proves_nothing():
    body = "\nnote: uint256\n@external\ndef put_note(note: uint256):\n    self.note = note\n"
    assert shown("stranger", body, "put_note") is None


def test_destruction_is_shown_and_what_it_does_since_cancun_is_said():
    body = "\n@external\ndef end(to: address):\n    GUARD\n    selfdestruct(to)\n"
    proof = shown("stranger", body.replace("GUARD", "pass"), "end")
    assert proof is not None and "EIP-6780" in proof.summary
    assert any("SELFDESTRUCT Bank" in line for line in proof.calls)
    assert shown("stranger", body.replace("GUARD", OWNER), "end") is None


def test_code_of_a_strangers_choice_takes_everything():
    body = (
        "\n@external\ndef run(code: address):\n    GUARD\n"
        '    raw_call(code, b"", is_delegate_call=True)\n'
    )
    proof = shown("stranger", body.replace("GUARD", "pass"), "run")
    assert proof is not None and dict(proof.balances)["attacker"] == 10**19
    assert any("DELEGATECALL" in line for line in proof.calls)
    assert shown("stranger", body.replace("GUARD", OWNER), "run") is None


def test_a_lured_owner_is_shown_where_a_stranger_alone_is_refused():
    body = SWEEP.replace("GUARD", "assert tx.origin == self.owner")
    proof = shown("lured owner", body, "sweep")
    assert proof is not None and proof.transactions[0].startswith("owner, lured")
    assert shown("stranger", body, "sweep") is None
    assert shown("lured owner", SWEEP.replace("GUARD", OWNER), "sweep") is None


SEND = """
@external
def take():
    n: uint256 = self.due[msg.sender]
    self.due[msg.sender] = 0
    ok: bool = raw_call(msg.sender, b"", value=n, revert_on_failure=False)
    CHECK
"""


def test_a_payment_that_fails_while_the_debt_is_cleared_is_shown():
    proof = shown("failing receiver", SEND.replace("CHECK", "pass"), "take")
    assert proof is not None and "fails inside take" in proof.summary
    assert any("FAILED" in line for line in proof.calls)
    assert shown("failing receiver", SEND.replace("CHECK", "assert ok"), "take") is None


MATH = "\n@external\ndef add(n: uint256):\n    self.limit = MADE\n"


@pytest.mark.parametrize(
    ("made", "patched"),
    [
        ("unsafe_add(self.limit, n)", "self.limit + n"),
        ("unsafe_sub(self.limit, n)", "self.limit - n"),
        ("unsafe_mul(self.limit, n)", "self.limit * n"),
    ],
)
def test_a_number_that_wraps_around_is_shown(made, patched):
    proof = shown("wrap-around", MATH.replace("MADE", made), "add")
    assert proof is not None and "wraps around at 2**256" in proof.summary
    assert shown("wrap-around", MATH.replace("MADE", patched), "add") is None


def test_a_number_that_is_merely_stored_wraps_nowhere():
    assert shown("wrap-around", MATH.replace("MADE", "n"), "add") is None
    assert shown("wrap-around", MATH.replace("MADE", "n + 5"), "add") is None


def test_a_contract_that_burns_all_gas_ends_in_no_proof():
    body = (
        "\n@external\ndef take():\n    n: uint256 = 0\n"
        "    for i: uint256 in range(max_value(uint256)):\n        n = unsafe_add(n, i)\n"
        "    send(msg.sender, self.balance)\n"
    )
    assert shown("stranger", body, "take", seconds=3) is None


def test_a_contract_that_does_not_deploy_ends_in_no_proof():
    broken = Target("Bank", (), bytes.fromhex("60006000fd"))
    assert attempt(broken, Task("stranger", frozenset()), seconds=5) is None


def test_the_same_attack_gives_the_same_proof():
    first = shown("re-entering receiver", take(last=ZERO), "take")
    assert shown("re-entering receiver", take(last=ZERO), "take") == first


def test_arguments_are_few_and_of_their_types():
    from counterpoise.audit.proof.arguments import Known

    known = Known([bytes(20)], [1, 1000])
    kinds = ("uint8", "int256", "address[]", "bytes4", "string", "bool", "uint256[3]")
    lists = list(argument_lists([{"type": one} for one in kinds], known))
    assert 1 < len(lists) <= 9
    assert all(one[0] < 256 and len(one[6]) == 3 and len(one[3]) == 4 for one in lists)


def test_the_assembler_puts_targets_where_their_names_are():
    assert assemble("@end JUMPI 1 :end STOP").hex() == "6100065760015b00"


def audited(folder: Path, body: str):
    (folder / "Bank.vy").write_text(HEAD + body)
    project = Project(folder.resolve(), (Source("Bank.vy", (HEAD + body).encode(), "vyper"),))
    return project, audit_project(project, engines=("vyper",), jobs=0)


def test_an_audit_marks_what_was_shown_and_nothing_else(tmp_path):
    body = take(last=ZERO) + SWEEP.replace("GUARD", OWNER)
    project, outcome = audited(tmp_path, body)
    proven = prove(project, outcome.findings)
    confirmed = [one for one in proven.findings if one.proof]
    assert {(one.rule, one.function) for one in confirmed} == {("reentrancy-state", "take")}
    assert len(proven.findings) == len(outcome.findings)
    assert proven.notes == ("proof: 1 attacks were attempted, 1 worked",)
    (one, *_) = confirmed
    assert finding_from_record(json.loads(json.dumps(finding_record(one)))) == one
    report = write_report(replace(outcome, findings=proven.findings), "text")
    assert "CONFIRMED" in report and "proof: a receiver" in report


def test_what_is_accepted_is_not_attacked(tmp_path):
    project, outcome = audited(tmp_path, take(last=ZERO))
    accepted = [replace(one, suppression=Suppression("comment", "x")) for one in outcome.findings]
    assert prove(project, accepted).notes == ()


def test_an_attacker_that_hangs_takes_nothing_with_it(tmp_path, monkeypatch):
    import sys

    from counterpoise.audit.engines.solc import Worker

    project, outcome = audited(tmp_path, take(last=ZERO))
    idle = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr("counterpoise.audit.proof.proving.Worker", lambda command: Worker(idle))
    proven = prove(project, outcome.findings, seconds=-9)
    assert proven.findings == outcome.findings


def finding(function: str, message: str = "x", text: str = "") -> Finding:
    from counterpoise.audit.findings import Step

    trace = (Step("a.vy", 1, text),) if text else ()
    return Finding("tx-origin", "a.vy", (1,), "A", function, message, ("vyper",),
                   Severity.HIGH, 1, trace=trace)  # fmt: skip


def test_a_finding_in_an_inner_function_is_shown_through_its_entries():
    names = ["take", "give", "close"]
    assert entries_of(finding("take"), names) == {"take"}
    assert entries_of(finding("_pay", "x (through take, give)"), names) == {"take", "give"}
    assert entries_of(finding("_pay", text="enters close"), names) == {"close"}
    assert entries_of(finding("_pay"), names) is None


def test_a_switch_that_opens_a_function_to_everyone_is_no_takeover():
    body = (
        "\nis_open: bool\n@external\ndef switch(to: bool):\n    self.is_open = to\n"
        "@external\ndef use():\n    assert self.is_open or msg.sender == self.owner\n"
        "    self.limit += 1\n"
    )
    assert shown("stranger", body, "switch") is None


def test_an_owner_need_not_be_lured_where_a_stranger_is_let_in():
    assert shown("lured owner", SWEEP.replace("GUARD", "pass"), "sweep") is None


def test_a_call_that_fails_and_changes_nothing_proves_nothing():
    body = (
        "\n@external\ndef ping(to: address):\n"
        '    ok: bool = raw_call(to, b"abcd", revert_on_failure=False)\n'
    )
    assert shown("failing receiver", body, "ping") is None
    writes = body + "    self.limit += 1\n"
    assert shown("failing receiver", writes, "ping") is not None


SOLIDITY = """pragma solidity ^0.4.26;
contract Bank {
    mapping(address => uint) public due;
    address book;
    function Bank(address where) public { book = where; }
    function put() public payable { due[msg.sender] += msg.value; Book(book).note(msg.sender); }
    function take(uint n) public { require(due[msg.sender] >= n); FIRST }
    function give(address to, uint8 n) public { SECOND }
}
contract Book { function note(address who) public; }
"""


@pytest.mark.slow
def test_solidity_is_attacked_where_it_compiles_and_its_twin_resists(tmp_path):
    from counterpoise.audit.engines.deployable import deployables
    from counterpoise.audit.engines.solc import compilers

    if not any(one.version == (0, 4, 26) for one in compilers()):
        pytest.skip("needs make audit-tools")
    flawed = SOLIDITY.replace(
        "FIRST", "require(msg.sender.call.value(n)()); due[msg.sender] -= n;"
    ).replace("SECOND", "due[msg.sender] -= n; due[to] += n;")
    patched = SOLIDITY.replace(
        "FIRST", "due[msg.sender] -= n; require(msg.sender.call.value(n)());"
    ).replace("SECOND", "require(due[msg.sender] >= n); due[msg.sender] -= n; due[to] += n;")
    results = []
    for text in (flawed, patched):
        source = Source("Bank.sol", text.encode(), "solidity")
        (bank,) = deployables(Project(tmp_path, (source,)), source)
        made = Target(bank.name, bank.abi, bank.bytecode)
        for template, name in (("re-entering receiver", "take"), ("wrap-around", "give")):
            results.append(attempt(made, Task(template, frozenset({name})), seconds=30))
    assert results[0] is not None and results[1] is not None
    assert results[2:] == [None, None]
    assert dict(results[0].balances)["Bank"] < 0


def test_a_source_that_does_not_compile_is_named_and_left(tmp_path):
    project, outcome = audited(tmp_path, take(last=ZERO))
    (tmp_path / "Bank.vy").write_text("x = =")
    proven = prove(project, outcome.findings)
    assert proven.findings == outcome.findings
    assert "does not compile" in proven.notes[0]


def test_what_is_paid_only_later_is_waited_for():
    late = """
since: HashMap[address, uint256]

@external
@payable
def lay():
    self.due[msg.sender] += msg.value
    self.since[msg.sender] = block.timestamp

@external
def take():
    n: uint256 = self.due[msg.sender]
    if block.timestamp > self.since[msg.sender] + 86400 and self.since[msg.sender] > 0:
        FIRST
        raw_call(msg.sender, b"", value=n)
        LAST
"""
    flawed = late.replace("FIRST", "pass").replace("LAST", ZERO)
    assert shown("re-entering receiver", flawed, "take") is not None
    patched = late.replace("FIRST", ZERO).replace("LAST", "pass")
    assert shown("re-entering receiver", patched, "take") is None
