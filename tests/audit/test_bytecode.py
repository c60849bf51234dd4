"""Deployed code is walked from the start of every function, whatever its dispatcher looks like."""

import json
import random
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path

import pytest

from counterpoise.audit import Project, Severity, Source, audit_project, load_project
from counterpoise.audit.bytecode.code import (
    PROXY_SLOTS,
    Unreadable,
    implementation_of,
    read_code,
    without_metadata,
)
from counterpoise.audit.bytecode.graph import explore
from counterpoise.audit.bytecode.machine import State
from counterpoise.audit.bytecode.memory import Memory
from counterpoise.audit.bytecode.values import constant, labelled
from counterpoise.audit.engines.bytecode import BytecodeEngine
from counterpoise.chain import send
from counterpoise.core.errors import InputError

pytest.importorskip("evmole", reason="needs the extra audit")

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "src" / "counterpoise" / "chain" / "artifacts").glob("*.json"))
FORMATS = ["bytecode", "bytecode_runtime"]
CLONE = "363d3d373d3d3d363d73" + "ab" * 20 + "5af43d82803e903d91602b57fd5bf3"

OWNED = """# pragma version ~=0.4.3
owner: address
total: uint256
balances: HashMap[address, uint256]
minters: HashMap[address, bool]

@deploy
@payable
def __init__():
    self.owner = msg.sender
    self.minters[msg.sender] = True

@external
def pause():
    assert msg.sender == self.owner
    self.total = 0
"""


@cache
def compiled(text: str, level: str = "gas") -> tuple[bytes, bytes]:
    """Deploying and deployed code of a Vyper contract."""
    from vyper import compile_code
    from vyper.compiler.settings import OptimizationLevel, Settings

    settings = Settings(evm_version="cancun", optimize=OptimizationLevel.from_string(level))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = compile_code(text, output_formats=FORMATS, settings=settings)
    return bytes.fromhex(made["bytecode"][2:]), bytes.fromhex(made["bytecode_runtime"][2:])


def analysed(code: bytes):
    (analysis,) = BytecodeEngine().analyse(
        Project(Path(), ()), [Source("it.bin", code, "bytecode")], seconds=60
    )
    return analysis


def found(body: str, level: str = "gas", least: Severity = Severity.MEDIUM) -> set[str]:
    """Rules that speak of a contract with the owner's head, its functions followed to the end."""
    analysis = analysed(compiled(OWNED + body, level)[1])
    assert analysis.not_analysed is None, analysis.not_analysed
    return {one.rule for one in analysis.findings if one.severity >= least}


FLAWS = {
    "unprotected-write": (
        "@external\ndef f(who: address):\n    GUARD\n    self.owner = who\n",
        "assert msg.sender == self.owner",
    ),
    "unprotected-mint": (
        "@external\ndef mint(to: address, n: uint256):\n    GUARD\n    self.balances[to] += n\n",
        "assert self.minters[msg.sender]",
    ),
    "unprotected-transfer": (
        "@external\ndef f(to: address):\n    GUARD\n    send(to, self.balance)\n",
        "assert msg.sender == self.owner",
    ),
    "selfdestruct": (
        "@external\ndef f(to: address):\n    GUARD\n    selfdestruct(to)\n",
        "assert self.owner == msg.sender",
    ),
    "delegate-target": (
        "@external\ndef f(to: address):\n    GUARD\n"
        '    raw_call(to, b"abcd", is_delegate_call=True)\n',
        "assert to == self.owner\n    to2: address = self\n",
    ),
    "tx-origin": (
        "@external\ndef f():\n    GUARD\n    self.total += 1\n",
        "assert msg.sender == self.owner",
    ),
}


@pytest.mark.parametrize("rule", ["unprotected-write", "unprotected-mint", "unprotected-transfer"])
@pytest.mark.parametrize("level", ["gas", "codesize", "none"])
def test_a_function_that_asks_nobody_is_found_whatever_the_optimiser_does(rule, level):
    body, guard = FLAWS[rule]
    assert rule in found(body.replace("GUARD", "pass"), level)
    assert rule not in found(body.replace("GUARD", guard), level)


def test_destruction_that_anyone_may_cause_is_high_and_a_guarded_one_is_low():
    body, guard = FLAWS["selfdestruct"]
    assert "selfdestruct" in found(body.replace("GUARD", "pass"), least=Severity.HIGH)
    guarded = body.replace("GUARD", guard)
    assert "selfdestruct" not in found(guarded)
    assert "selfdestruct" in found(guarded, least=Severity.LOW)


def test_a_delegate_call_to_an_address_of_the_callers_choice_is_found():
    body = FLAWS["delegate-target"][0]
    assert "delegate-target" in found(body.replace("GUARD", "pass"), least=Severity.HIGH)
    fixed = body.replace("GUARD", "pass").replace("raw_call(to,", "raw_call(self,")
    assert "delegate-target" not in found(fixed, least=Severity.INFO)


def test_a_delegate_call_to_a_stored_address_is_worse_where_anyone_stores_it():
    call = '@external\ndef run():\n    raw_call(self.lib, b"abcd", is_delegate_call=True)\n'
    head = "lib: address\n" + call + "@external\ndef put(lib: address):\n    GUARD\n"
    head += "    self.lib = lib\n"
    guarded = head.replace("GUARD", "assert msg.sender == self.owner")
    assert "delegate-target" in found(head.replace("GUARD", "pass"), least=Severity.HIGH)
    assert "delegate-target" not in found(guarded)
    assert "delegate-target" in found(guarded, least=Severity.LOW)


def test_a_branch_on_the_origin_is_found_but_not_a_look_for_contracts():
    body = FLAWS["tx-origin"][0]
    assert "tx-origin" in found(body.replace("GUARD", "assert tx.origin == self.owner"))
    assert "tx-origin" not in found(body.replace("GUARD", "assert tx.origin == msg.sender"))


BANK = """
@external
@payable
def put():
    self.balances[msg.sender] += msg.value

@external
LOCK
def take():
    n: uint256 = self.balances[msg.sender]
    assert n > 0
    FIRST
    raw_call(msg.sender, b"", value=n)
    LAST
"""
WRITE = "self.balances[msg.sender] = 0"


def bank(lock: str = "", first: str = "pass", last: str = "pass") -> str:
    return BANK.replace("LOCK\n", lock).replace("FIRST", first).replace("LAST", last)


def test_a_balance_that_is_written_after_it_is_paid_is_found():
    assert "reentrancy-state" in found(bank(last=WRITE), least=Severity.HIGH)


def test_a_balance_that_is_written_first_or_under_a_lock_is_not():
    assert "reentrancy-state" not in found(bank(first=WRITE))
    assert "reentrancy-state" not in found(bank(lock="@nonreentrant\n", last=WRITE))


def test_a_stipend_cannot_come_back():
    assert "reentrancy-state" not in found(
        bank(last=WRITE).replace('raw_call(msg.sender, b"", value=n)', "send(msg.sender, n)")
    )


def test_a_call_whose_result_is_dropped_is_found():
    body = (
        "@external\ndef f(to: address):\n    assert msg.sender == self.owner\n"
        '    ok: bool = raw_call(to, b"", value=1, revert_on_failure=False)\n    REST\n'
    )
    assert "unchecked-raw" in found(body.replace("REST", "self.total = 1"))
    assert "unchecked-raw" not in found(body.replace("REST", "assert ok"))
    assert "unchecked-raw" not in found(
        body.replace("REST", "return ok").replace("address):", "address) -> bool:")
    )


def test_a_guard_on_one_of_two_paths_is_none():
    body = (
        "@external\ndef f(who: address, polite: bool):\n    if polite:\n"
        "        assert msg.sender == self.owner\n    self.owner = who\n"
    )
    assert "unprotected-write" in found(body)
    both = body.replace("    self.owner", "    assert msg.sender == self.owner\n    self.owner")
    assert "unprotected-write" not in found(both)


def test_a_guard_that_compares_the_caller_with_its_own_words_is_none():
    body = "@external\ndef f(who: address):\n    assert msg.sender == who\n    self.owner = who\n"
    assert "unprotected-write" in found(body)


def test_a_guard_after_the_write_undoes_it():
    body = "@external\ndef f(who: address):\n    self.owner = who\n    LAST\n"
    assert "unprotected-write" in found(body.replace("LAST", "self.total = 1"))
    assert "unprotected-write" not in found(body.replace("LAST", "assert self.minters[msg.sender]"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_our_own_contracts_are_followed_to_the_end_and_have_no_high_finding(path):
    record = json.loads(path.read_text())
    analysis = analysed(bytes.fromhex(record["runtime"]))
    assert analysis.not_analysed is None
    bad = [one for one in analysis.findings if one.severity >= Severity.HIGH]
    assert not bad, [(one.rule, one.function, one.message) for one in bad]


@pytest.mark.parametrize("name", ["Quorum", "CreditToken", "ZkProofs"])
def test_the_walk_reaches_every_write_and_call_of_our_own_contracts(name):
    import evmole

    path = next(one for one in SHIPPED if one.stem == name)
    code = read_code(bytes.fromhex(json.loads(path.read_text())["runtime"]))
    machine = code.machine()
    seen = set()
    for one in evmole.contract_info(code.runtime, selectors=True).functions:
        for key in explore(machine, one.bytecode_offset, State([])).outcomes:
            seen |= {each.pc for each in machine.block(key[0])}
    wanted = {
        one.pc
        for one in machine.instructions.values()
        if one.name in ("SSTORE", "CALL", "STATICCALL") and one.pc < max(seen)
    }
    assert wanted <= seen and wanted


def test_deploying_code_is_read_as_what_it_deploys():
    deploying, deployed = compiled(OWNED + FLAWS["unprotected-write"][0].replace("GUARD", "pass"))
    one, other = analysed(deploying), analysed(deployed)
    assert [f.rule for f in one.findings] == [f.rule for f in other.findings] != []
    assert any("it deploys" in note for note in one.notes)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (bytes.fromhex("ef0001010004"), "EOF"),
        (bytes.fromhex("ef0100" + "11" * 20), "EIP-7702"),
        (bytes.fromhex("ef55"), "0xef"),
        (b"\xc0\xc1\xc2\xfe" * 9, "not code"),
    ],
)
def test_what_is_no_code_is_said_in_one_line(content, words):
    with pytest.raises(Unreadable, match=words):
        read_code(content)
    failed = analysed(content).not_analysed
    assert failed is not None and words in failed.reason and "\n" not in failed.reason


def test_a_clone_names_what_it_stands_for():
    (finding,) = analysed(bytes.fromhex(CLONE)).findings
    assert finding.rule == "proxy" and "ab" * 20 in finding.message
    assert implementation_of(bytes.fromhex(CLONE)) == b"\xab" * 20


def test_a_proxy_of_the_standard_slot_is_a_note_and_no_flaw():
    slot = next(slot for slot, kind in PROXY_SLOTS.items() if kind == "EIP-1967")
    code = f"365f5f375f5f365f7f{slot:064x}545af43d5f5f3e5f3d91603757fd5b5ff3"
    rules = {one.rule for one in analysed(bytes.fromhex(code)).findings}
    assert "proxy" in rules and "delegate-target" not in rules


def test_metadata_is_not_code():
    record = b"\xa2\x64ipfs\x58\x22" + bytes(34) + b"\x64solc\x43\x00\x08\x1e"
    code = b"\x60\x01\x60\x00\x55\x00"
    assert without_metadata(code + record + len(record).to_bytes(2, "big")) == code
    assert without_metadata(code) == code


def test_placeholders_of_libraries_are_zeros_and_said_to_be(tmp_path):
    deployed = compiled(OWNED)[1]
    call = "73__$0123456789012345678901234567890123$__600055"
    (tmp_path / "it.hex").write_text(call + deployed.hex())
    old = "__lib.sol:Lib".ljust(40, "_")
    (tmp_path / "old.bin").write_text(f"73{old}60005500")
    outcome = audit_project(load_project(tmp_path), engines=("bytecode",), jobs=0)
    notes = [note for note in outcome.notes if "not linked" in note]
    assert len(notes) == 2


def test_files_of_junk_do_not_stop_the_rest(tmp_path):
    (tmp_path / "empty.bin").write_text("")
    (tmp_path / "junk.hex").write_text("this is no hex")
    (tmp_path / "odd.hex").write_text("0x123")
    (tmp_path / "eof.hex").write_text("0xef000101")
    (tmp_path / "good.bin").write_text(compiled(OWNED)[1].hex())
    outcome = audit_project(load_project(tmp_path), engines=("bytecode",), jobs=0)
    assert {one.path for one in outcome.not_analysed} == {
        "empty.bin",
        "junk.hex",
        "odd.hex",
        "eof.hex",
    }


def test_a_walk_that_is_cut_short_says_so():
    # jumps to an address that the caller sends
    analysis = analysed(bytes.fromhex("5f35565b600160005500"))
    assert analysis.not_analysed is not None and "not known" in analysis.not_analysed.reason


def test_without_evmole_nothing_counts_as_clean(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    project = Project(Path(), (Source("it.bin", b"\x00", "bytecode"),))
    outcome = audit_project(project, engines=("bytecode",), jobs=0)
    (failed,) = outcome.not_analysed
    assert "needs evmole" in failed.hint and outcome.exit_code(Severity.HIGH) == 2


def test_evmole_is_loaded_late():
    code = "import sys; import counterpoise.audit.engines.bytecode as b; b.open_engine().missing()"
    done = subprocess.run(
        [sys.executable, "-c", code + "\nassert 'evmole' not in sys.modules"], check=False
    )
    assert done.returncode == 0


def test_code_of_old_solidity_is_followed_with_its_stipends(tmp_path):
    from counterpoise.audit.engines.deployable import deployables
    from counterpoise.audit.engines.solc import compilers

    if not any(one.version == (0, 4, 26) for one in compilers()):
        pytest.skip("needs make audit-tools")
    text = """pragma solidity ^0.4.26;
    contract Bank {
        mapping(address => uint) due; address owner = msg.sender;
        function put() public payable { due[msg.sender] += msg.value; }
        function take(uint n) public {
            require(due[msg.sender] >= n); CALL; due[msg.sender] -= n; }
        function own(address who) public { GUARD owner = who; }
        function end() public { require(msg.sender == owner); selfdestruct(owner); }
    }"""
    rules, asks = {}, "require(msg.sender == owner);"
    for call in ("msg.sender.call.value(n)()", "msg.sender.send(n)", "msg.sender.transfer(n)"):
        made = text.replace("CALL", call).replace("GUARD", "" if ".send(" in call else asks)
        source = Source("Bank.sol", made.encode(), "solidity")
        (one,) = deployables(Project(tmp_path, (source,)), source)
        analysis = analysed(one.bytecode)
        assert analysis.not_analysed is None
        rules[call] = {f.rule for f in analysis.findings if f.severity >= Severity.MEDIUM}
    assert rules == {
        "msg.sender.call.value(n)()": {"reentrancy-state", "unchecked-raw"},
        "msg.sender.send(n)": {"unchecked-raw", "unprotected-write"},
        "msg.sender.transfer(n)": set(),
    }


def test_the_code_behind_a_proxy_is_audited_beside_it(chain, accounts):
    from counterpoise.audit.bytecode.deployed import deployed_sources

    owner = accounts[0]
    code = compiled(OWNED + FLAWS["unprotected-write"][0].replace("GUARD", "pass"))[1]
    real, clone, proxy, beaconed, beacon = (bytes([9] * 19 + [n]) for n in range(5))
    slots = {kind: slot for slot, kind in PROXY_SLOTS.items()}
    chain.set_code(real, code)
    chain.set_code(clone, bytes.fromhex(CLONE.replace("ab" * 20, real.hex())))
    chain.set_code(beacon, bytes.fromhex(f"73{real.hex()}5f5260205ff3"))
    for at, kind, stored in ((proxy, "EIP-1967", real), (beaconed, "EIP-1967 beacon", beacon)):
        put = f"73{stored.hex()}7f{slots[kind]:064x}5500"
        chain.set_code(at, bytes.fromhex(put))
        send(chain, owner, at, b"")
    for at in (clone, proxy, beaconed):
        sources = deployed_sources(chain, at)
        assert [one.path for one in sources] == [f"0x{at.hex()}", f"0x{real.hex()}"]
    outcome = audit_project(Project(Path(), sources), engines=("bytecode",), jobs=0)
    assert {one.rule for one in outcome.findings if one.path == f"0x{real.hex()}"} >= {
        "unprotected-write"
    }
    with pytest.raises(InputError, match="no code at"):
        deployed_sources(chain, bytes(20))


def test_whom_a_comparison_turns_away_is_no_trusted_caller():
    body = (
        "@external\ndef f(who: address):\n    if msg.sender OP self.owner:\n"
        "        self.owner = who\n    self.total += 1\n"
    )
    assert "unprotected-write" in found(body.replace("OP", "!="))
    assert "unprotected-write" not in found(body.replace("OP", "=="))


def test_a_copy_of_unknown_length_forgets_the_numbers_that_were_there():
    memory = Memory({64: constant(7), 96: constant(8), 0: constant(9)})
    memory.move(constant(64), constant(0), labelled("calldata"))
    assert [memory.load(constant(at)).const for at in (0, 64, 96)] == [9, None, None]
    memory.fill(constant(0), labelled("calldata"), frozenset({"calldata"}))
    assert memory.load(constant(0)).const is None
    assert "calldata" in memory.load(constant(0)).labels


def test_no_bytes_crash_the_walk():
    dice = random.Random(3)
    code = compiled(OWNED + bank(last=WRITE))[1]
    opcodes = bytes.fromhex("5b56576061809054555ff12052510103f300")
    for turn in range(120):
        if turn % 3 == 0:
            made = dice.randbytes(dice.randrange(1, 400))
        elif turn % 3 == 1:
            made = bytes(dice.choice(opcodes) for _ in range(dice.randrange(1, 300)))
        else:
            changed = bytearray(code)
            for _ in range(dice.randrange(1, 20)):
                changed[dice.randrange(len(changed))] = dice.randrange(256)
            made = bytes(changed)
        read_code_or_nothing(made)


def read_code_or_nothing(made: bytes) -> None:
    (analysis,) = BytecodeEngine().analyse(
        Project(Path(), ()), [Source("it.bin", made, "bytecode")], seconds=1
    )
    assert analysis.path == "it.bin"


def test_a_walk_that_is_out_of_time_says_so():
    record = json.loads(next(one for one in SHIPPED if one.stem == "ModelCells").read_text())
    code = bytes.fromhex(record["runtime"])
    (analysis,) = BytecodeEngine().analyse(
        Project(Path(), ()), [Source("it.bin", code, "bytecode")], seconds=0
    )
    assert analysis.not_analysed is not None and "out of time" in analysis.not_analysed.reason
