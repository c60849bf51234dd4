"""What our rules for Solidity say, and of which twin they say nothing."""

import re

import pytest
from solidity_code import HEAD, OLD, findings, need, said

pytestmark = pytest.mark.usefixtures("compilers")


@pytest.fixture(scope="module")
def compilers():
    need("solidity")


BANK = "mapping(address => uint) balance; address owner; constructor() { owner = msg.sender; }\n"
PUT = "function put() external payable { balance[msg.sender] += msg.value; }\n"

NEW = {
    "reentrancy-state/state-pays": (
        BANK + PUT + "function take(uint n) external { require(balance[msg.sender] >= n);"
        ' (bool ok,) = msg.sender.call{value: n}(""); require(ok); balance[msg.sender] -= n; }',
        BANK + PUT + "function take(uint n) external { require(balance[msg.sender] >= n);"
        ' balance[msg.sender] -= n; (bool ok,) = msg.sender.call{value: n}(""); require(ok); }',
    ),
    "reentrancy-cross/cross-pays": (
        BANK + "function move(address to) external { balance[to] = balance[msg.sender];"
        " balance[msg.sender] = 0; payable(to).transfer(0); }"
        "function take(uint n) external {"
        ' (bool ok,) = msg.sender.call{value: n}(""); require(ok); balance[msg.sender] = 0; }',
        BANK + "function take(uint n) external { balance[msg.sender] = 0;"
        ' (bool ok,) = msg.sender.call{value: n}(""); require(ok); }',
    ),
    "unchecked-raw/dropped": (
        'function f(address a) external { a.call(""); }',
        'function f(address a) external { (bool ok,) = a.call(""); require(ok); }',
    ),
    "unchecked-raw/unused": (
        'function f(address a) external { (bool ok,) = a.call(""); }',
        'function f(address a) external returns (bool) { (bool ok,) = a.call(""); return ok; }',
    ),
    "unchecked-raw/tautology": (
        "function f(address payable a) external { if (a.send(1) || 1 == 1) { revert(); } }",
        "function f(address payable a) external { if (!a.send(1)) { revert(); } }",
    ),
    "unchecked-raw/idle": (
        "function f(address payable a) external { if (!a.send(1)) { } }",
        "function f(address payable a) external { if (!a.send(1)) { revert(); } }",
    ),
    "unchecked-raw/inverted": (
        "function f(address payable a) external { if (a.send(1)) { revert(); } }",
        "function f(address payable a) external { if (!a.send(1)) { revert(); } }",
    ),
    "tx-origin/compared": (
        BANK + "function f() external { require(tx.origin == owner); }",
        BANK + "function f() external { require(tx.origin == msg.sender); }",
    ),
    "unprotected-write/address": (
        BANK + "function own(address a) external { owner = a; }"
        "function f() external { require(msg.sender == owner); }",
        BANK + "function own(address a) external { require(msg.sender == owner); owner = a; }",
    ),
    "unprotected-init/address": (
        "address owner; function init() external { require(owner == address(0));"
        " owner = msg.sender; }"
        "function f(address payable a) external { require(msg.sender == owner); a.transfer(1); }",
        "address owner; constructor() { owner = msg.sender; }"
        "function f(address payable a) external { require(msg.sender == owner); a.transfer(1); }",
    ),
    "selfdestruct/open": (
        BANK + "function f() external { selfdestruct(payable(msg.sender)); }",
        BANK + "modifier own { require(msg.sender == owner); _; }"
        "function f() external own { selfdestruct(payable(msg.sender)); }",
    ),
    "delegate-target/chosen": (
        BANK + "function f(address a) external { (bool ok,) = a.delegatecall(msg.data);"
        " require(ok); }",
        BANK + "address immutable A = msg.sender;"
        'function f() external { (bool ok,) = A.delegatecall(""); require(ok); }',
    ),
    "unprotected-transfer/open": (
        BANK + "function f() external { payable(msg.sender).transfer(address(this).balance); }",
        BANK + "function f() external { require(msg.sender == owner);"
        " payable(msg.sender).transfer(address(this).balance); }",
    ),
    "unprotected-transfer/undebited": (
        BANK + PUT + "function f() external { payable(msg.sender).transfer(balance[msg.sender]); }",
        BANK + PUT + "function f() external { uint n = balance[msg.sender];"
        " balance[msg.sender] = 0; payable(msg.sender).transfer(n); }",
    ),
    "unprotected-transfer/wrong-way": (
        BANK + PUT + "function f(uint n) external { require(n >= balance[msg.sender]); unchecked {"
        " balance[msg.sender] -= n; } payable(msg.sender).transfer(n); }",
        BANK + PUT + "function f(uint n) external { require(n <= balance[msg.sender]); unchecked {"
        " balance[msg.sender] -= n; } payable(msg.sender).transfer(n); }",
    ),
    "push-payment/one": (
        "address payable leader; uint bid; function f() external payable {"
        " require(msg.value > bid); leader.transfer(bid); bid = msg.value;"
        " leader = payable(msg.sender); }",
        "address payable leader; uint bid; mapping(address => uint) due;"
        "function f() external payable { require(msg.value > bid); due[leader] += bid;"
        " bid = msg.value; leader = payable(msg.sender); }",
    ),
    "push-payment/loop": (
        "address payable[] all; function join() external { all.push(payable(msg.sender)); }"
        "function f() external { for (uint i = 0; i < all.length; i++) all[i].transfer(1); }",
        "address payable[] all; function join() external { all.push(payable(msg.sender)); }"
        "function f(uint i) external { require(all[i] == msg.sender); all[i].transfer(1); }",
    ),
    "unbounded-loop/grown": (
        "uint[] all; uint sum; function add(uint n) external { all.push(n); }"
        "function f() external { for (uint i = 0; i < all.length; i++) sum += all[i]; }",
        "uint[] all; uint sum; function add(uint n) external { all.push(n); }"
        "function f() external { for (uint i = 0; i < 9; i++) sum += all[i]; }",
    ),
    "unbounded-loop/reset": (
        "uint[] all; function add(uint n) external { all.push(n); }"
        "function f() external { delete all; }",
        "uint[] all; uint n; function add(uint m) external { n += m; }"
        "function f() external { delete n; }",
    ),
    "unsafe-math/caller": (
        "uint sum; function f(uint n) external { unchecked { sum += n; } }",
        "uint sum; function f(uint n) external { sum += n; }",
    ),
    "bad-randomness/modulo": (
        "uint n; function f() external { n = uint(blockhash(block.number - 1)) % 6; }",
        "uint n; function f(uint m) external { n = m % 6; }",
    ),
    "bad-randomness/hash": (
        "bytes32 n; function f() external { n = keccak256(abi.encode(block.timestamp)); }",
        "bytes32 n; function f(uint m) external { n = keccak256(abi.encode(m)); }",
    ),
    "timestamp/equal": (
        "uint n; function f() external { require(block.timestamp == 1700000000); n = 1; }",
        "uint n; function f(uint m) external { require(m == 1700000000); n = 1; }",
    ),
    "timestamp/parked": (
        "uint last; function f() external { last = block.timestamp; }",
        "uint last; function f(uint m) external { last = m; }",
    ),
    "timestamp/returned": (
        "function f() external view returns (bool) { return block.timestamp > 1700000000; }",
        "function f(uint n) external pure returns (bool) { return n > 1700000000; }",
    ),
    "front-running/puzzle-pays": (
        "bytes32 constant H = 0x0; function f(string calldata s) external {"
        " require(keccak256(bytes(s)) == H); payable(msg.sender).transfer(1 ether); }",
        "bytes32 constant H = 0x0; function f(string calldata s) external {"
        " require(keccak256(abi.encode(s, msg.sender)) == H);"
        " payable(msg.sender).transfer(1 ether); }",
    ),
    "front-running/allowance": (
        "mapping(address => mapping(address => uint)) allowed;"
        "function approve(address to, uint n) external { allowed[msg.sender][to] = n; }",
        "mapping(address => mapping(address => uint)) allowed;"
        "function approve(address to, uint n) external {"
        " require(n == 0 || allowed[msg.sender][to] == 0); allowed[msg.sender][to] = n; }",
    ),
}

BEFORE = {
    "reentrancy-state/state-pays": (
        "mapping(address => uint) b; function f() public {"
        " if (msg.sender.call.value(b[msg.sender])()) b[msg.sender] = 0; }",
        "mapping(address => uint) b; function f() public { uint n = b[msg.sender];"
        " b[msg.sender] = 0; if (!msg.sender.call.value(n)()) b[msg.sender] = n; }",
    ),
    "unchecked-raw/uncalled": (
        "function f(address a) public { a.call.value(1); }",
        "function f(address a) public { require(a.call.value(1)()); }",
    ),
    "storage-pointer/unset": (
        "struct S { uint n; } uint first; function f(uint n) public { S s; s.n = n; }",
        "struct S { uint n; } uint first; function f(uint n) public { S memory s; s.n = n; }",
    ),
    "array-length/shrinks": (
        "uint[] a; function f() public { a.length--; }",
        "uint[] a; function f() public { require(a.length > 0); a.length--; }",
    ),
    "array-length/chosen": (
        "uint[] a; function f(uint n) public { a.length = n; }",
        "uint[] a; function f() public { a.length = 3; }",
    ),
    "unsafe-math/caller": (
        "mapping(address => uint) b; function f(address to, uint n) public {"
        " require(b[msg.sender] - n >= 0); b[msg.sender] -= n; b[to] += n; }",
        "mapping(address => uint) b; function f(address to, uint n) public {"
        " require(b[msg.sender] >= n); b[msg.sender] -= n;"
        " require(b[to] + n >= b[to]); b[to] += n; }",
    ),
    "unsafe-math/constants": (
        "function f() public pure returns (uint8) { uint8 n = 0; n = n - 1; return n; }",
        "function f() public pure returns (uint8) { uint8 n = 9; n = n - 1; return n; }",
    ),
    "unprotected-write/address": (
        "address owner; function Bank() public { owner = msg.sender; }"
        "function f() public { require(msg.sender == owner); selfdestruct(owner); }",
        "address owner; constructor() public { owner = msg.sender; }"
        "function f() public { require(msg.sender == owner); selfdestruct(owner); }",
    ),
}


def both(head, pair):
    flawed, sound = pair
    return f"{head}contract Flawed {{\n{flawed}\n}}\ncontract Sound {{\n{sound}\n}}\n"


@pytest.mark.parametrize("shape", NEW)
def test_each_shape_is_seen_and_its_sound_twin_is_not(tmp_path, shape):
    text = both(HEAD, NEW[shape])
    assert shape in said(tmp_path, text, "Flawed")
    assert shape not in said(tmp_path, text, "Sound")


@pytest.mark.parametrize("shape", BEFORE)
def test_each_shape_of_old_code_is_seen_and_its_sound_twin_is_not(tmp_path, shape):
    text = both(OLD, BEFORE[shape])
    assert shape in said(tmp_path, text, "Flawed")
    assert shape not in said(tmp_path, text, "Sound")


TAKE = (
    ' require(balance[msg.sender] >= n); (bool ok,) = msg.sender.call{value: n}("");'
    " require(ok); balance[msg.sender] -= n; }"
)
LOCKS = {
    "a lock": ("bool on; modifier lock { require(!on); on = true; _; on = false; }", False),
    "a number": ("uint s = 1; modifier lock { require(s == 1); s = 2; _; s = 1; }", False),
    "a name only": ("bool on; modifier lock { require(!on); _; }", True),
    "a lock opened at once": (
        "bool on; modifier lock { require(!on); on = true; on = false; _; }",
        True,
    ),
    "a lock on another variable": (
        "bool on; bool off; modifier lock { require(!on); off = true; _; off = false; }",
        True,
    ),
    "a lock set after the body": ("bool on; modifier lock { require(!on); _; on = true; }", True),
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_what_it_does_not_what_it_is_called(tmp_path, name):
    modifier, open_ = LOCKS[name]
    text = (
        f"{HEAD}contract Bank {{ {BANK}{PUT}{modifier} function f(uint n) external lock {{{TAKE} }}"
    )
    assert ("reentrancy-state/state-pays" in said(tmp_path, text, "Bank")) is open_


GUARDS = {
    "the owner": ("require(msg.sender == owner);", False),
    "the owner, by if": ("if (msg.sender != owner) revert();", False),
    "the caller itself": ("require(msg.sender == msg.sender);", True),
    "whom the caller names": ("require(msg.sender == to);", True),
    "the owner or whom the caller names": ("require(msg.sender == (n == 0 ? owner : to));", True),
    "a comment": ("/* auditor: only the owner comes here, this is safe */", True),
    "nobody's zero": ("require(msg.sender != address(0));", True),
    "a test after it": ("if (n == 0) { require(msg.sender == owner); }", True),
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_compares_the_caller_with_what_strangers_cannot_choose(tmp_path, name):
    guard, open_ = GUARDS[name]
    text = (
        f"{HEAD}contract Bank {{ {BANK} function f(address to, uint n) external {{ {guard}\n"
        "selfdestruct(payable(to)); } }"
    )
    assert ("selfdestruct/open" in said(tmp_path, text, "Bank")) is open_


def test_a_guard_is_seen_through_functions_modifiers_and_bases(tmp_path):
    text = (
        HEAD + "contract Own { address owner = msg.sender; mapping(address => bool) listed;"
        " function check() internal view { require(who() == owner); }"
        " function who() internal view returns (address) { return msg.sender; }"
        " modifier known { require(listed[msg.sender]); _; } }"
        "contract A is Own { function f() external { check(); selfdestruct(payable(owner)); }"
        " function g() external known { selfdestruct(payable(owner)); } }"
    )
    assert not [one for one in findings(tmp_path, text) if one.rule == "selfdestruct"]
    anyone = "function list() external { listed[msg.sender] = true; } modifier known"
    opened = text.replace("modifier known", anyone)
    found = [one.function for one in findings(tmp_path, opened) if one.rule == "selfdestruct"]
    assert found == ["g"]


def test_a_test_that_wraps_itself_bounds_nothing(tmp_path):
    body = "uint sum; function f(uint n) public {{ require({test}); sum = sum + n; }}"
    for test, seen in (("sum + n < 100", True), ("n < 100 && sum < 100", False)):
        text = f"{OLD}contract A {{ {body.format(test=test)} }}"
        assert ("unsafe-math/caller" in said(tmp_path, text, "A")) is seen


def test_a_write_in_the_next_turn_of_a_loop_comes_after_the_call(tmp_path):
    text = (
        HEAD
        + "contract A { mapping(address => uint) due; function f(address[] calldata all) external {"
        " for (uint i = 0; i < all.length; i++) { uint n = due[all[i]]; due[all[i]] = 0;"
        ' (bool ok,) = all[i].call{value: n}(""); require(ok); } } }'
    )
    found = [one for one in findings(tmp_path, text) if one.rule.startswith("reentrancy")]
    assert found and found[0].trace[0].text == "leaves the contract"


def test_the_path_names_the_call_and_the_write(tmp_path):
    text = HEAD + "contract Bank {\n" + BANK + PUT + "function f(uint n) external {\n"
    text += TAKE.replace("; ", ";\n") + "\n}"
    (found,) = (one for one in findings(tmp_path, text) if one.rule == "reentrancy-state")
    rows = text.splitlines()
    assert [".call" in rows[found.trace[0].line - 1], "-=" in rows[found.trace[1].line - 1]] == [
        True
    ] * 2
    assert set(found.lines) == {step.line for step in found.trace}
    assert (found.contract, found.function) == ("Bank", "f")


def test_other_names_give_the_same_verdicts(tmp_path):
    words = {"balance": "q1", "owner": "q2", "put": "q3", "Flawed": "Q4", "on": "q5", "lock": "q6"}
    modifier = LOCKS["a lock"][0]
    text = (
        f"{HEAD}contract Flawed {{ {BANK}{PUT}{modifier} function f(uint n) external {{{TAKE} "
        f"function g(uint n) external lock {{{TAKE} function h(address a) external {{ owner = a; }}"
        " function i() external { require(tx.origin == owner); } }"
    )
    renamed = re.sub(r"\b\w+\b", lambda one: words.get(one[0], one[0]), text)

    def verdicts(code):
        return sorted((one.rule, one.lines, one.confidence) for one in findings(tmp_path, code))

    assert renamed != text and verdicts(renamed) == verdicts(text)


def test_the_reach_of_a_function_is_told_from_a_view_a_stipend_and_a_fixed_callee(tmp_path):
    text = (
        HEAD + "interface I { function look() external view returns (uint); }\n"
        f"contract A {{ {BANK}{PUT} I i;\n"
        "function s(uint n) external { require(balance[msg.sender] >= n);"
        " payable(msg.sender).transfer(n); balance[msg.sender] -= n; }\n"
        "function g(uint n) external { require(balance[msg.sender] >= n);"
        ' (bool ok,) = msg.sender.call{value: n, gas: 2300}(""); require(ok);'
        " balance[msg.sender] -= n; }\n"
        "function v() external { require(balance[msg.sender] > i.look());"
        " balance[msg.sender] = 0; } }"
    )
    rules = {(one.rule, one.function) for one in findings(tmp_path, text)}
    for name in ("s", "g"):
        assert {rule for rule, function in rules if function == name} == {"reentrancy-stipend"}
    assert not {rule for rule, function in rules if function == "v" and rule.startswith("reentr")}


def test_many_functions_and_deep_expressions_end(tmp_path):
    body = "".join(f"function f{n}() external {{ x += 1; }}\n" for n in range(300))
    assert findings(tmp_path, f"{HEAD}contract A {{ uint x; {body} }}") == ()
    deep = "(" * 60 + "x" + ")" * 60 + "+1" * 200
    assert (
        findings(
            tmp_path, f"{HEAD}contract A {{ uint x; function f() external {{ x = {deep}; }} }}"
        )
        == ()
    )


def test_recursion_in_the_code_ends(tmp_path):
    text = (
        HEAD + "contract A { uint x; function f(uint n) public { if (n > 0) g(n - 1); }"
        " function g(uint n) public { x += n; f(n); } }"
    )
    assert findings(tmp_path, text) == ()


def test_confidence_ranks_and_deletes_nothing(tmp_path):
    text = both(HEAD, NEW["timestamp/parked"])
    (found,) = findings(tmp_path, text)
    assert 0 < found.confidence < 1_000_000 and found.detectors[0].startswith("solidity:timestamp/")
