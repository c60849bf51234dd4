"""What a buyer, or code that was admitted in error, may try in order to see a row."""

import contextlib
import os
import time
from pathlib import Path

import numpy as np
import pytest
from ward import AGES, COLUMNS, NAMES, SHAPES, heart, older, trained

from counterpoise.core.errors import InputError
from counterpoise.inference import Card, Layer, Net, Quantiser, model_bytes
from counterpoise.inference.features import Even
from counterpoise.market.compute_to_data.algorithms import Manifest, own_code
from counterpoise.market.compute_to_data.evaluation import Question
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.request import Condition
from counterpoise.market.compute_to_data.sandbox import Limits, has_walls, run_code
from counterpoise.market.compute_to_data.system_calls import call_filter

walled = pytest.mark.skipif(not has_walls(), reason="needs a system that filters calls")
ANY = {"found": {"least": -(2**53) + 1, "most": 2**53 - 1}}
COLUMN = {"age": np.arange(40, 60), "ill": np.arange(20) % 2}
REACH = b"""
import collections

def run(columns, parameters):
    modules = collections._sys.modules
    libc = modules["ctypes"].CDLL(None, use_errno=True)
"""


def outcome(body, *, seconds=2, memory=1 << 30, output=1 << 16):
    """What code that goes around Python's imports gets back, or the rule that ended it."""
    source = REACH + b"".join(b"    " + line + b"\n" for line in body.encode().splitlines())
    try:
        return run_code(source, COLUMN, {}, Limits(seconds, memory, output))
    except NotAdmitted as refusal:
        return refusal.rule


def test_two_overlapping_questions_that_differ_in_few_rows_are_not_both_answered(ward):
    policy, rival = ward.enforce(), ward.buyer("rival")
    oldest = int(np.sort(ward.part.features[:, 0])[-30])
    first = ward.ask_code(policy, where=older(oldest))
    closer = ward.ask_code(policy, rival, where=older(oldest + 1))
    answers = ward.answers(first, closer)
    assert answers[0].outputs and (answers[1].outputs, answers[1].rule) == (None, "overlap")
    assert "fewer than 10 rows" in answers[1].message
    assert ward.node().home.ledger.spent().jobs == 2, "an attempt that saw rows counts"
    assert ward.verdict().is_true


def test_three_questions_no_two_of_which_tell_of_few_rows_do_not_tell_together(ward):
    """A tracker: women - (all up to an age - men up to that age) are the few oldest women."""
    policy = ward.enforce()
    sex, age = ward.part.features[:, 1], ward.part.features[:, 0]
    below = int(np.sort(age[sex == 0])[-6])
    assert 1 <= ((sex == 0) & (age > below)).sum() < 10
    women, men = Condition("sex", 0, 0), Condition("sex", 1, 1)
    young = Condition("age", 0, below)
    answers = ward.answers(
        ward.ask_code(policy, where=(women,)),
        ward.ask_code(policy, where=(men, young)),
        ward.ask_code(policy, where=(young,)),
    )
    assert [answer.rule for answer in answers] == ["", "", "overlap"]


def test_the_same_question_again_is_answered_and_tells_nothing_new(ward):
    policy = ward.enforce()
    first, second = ward.answers(ward.ask_code(policy), ward.ask_code(policy, ward.buyer("rival")))
    assert first.outputs == second.outputs


def test_a_group_of_few_rows_is_refused_alone(ward):
    policy = ward.enforce()
    (answer,) = ward.answers(ward.ask_code(policy, where=older(75)))
    assert (answer.outputs, answer.rule) == (None, "rows")


def leaking(row):
    """A model that says yes to one row alone: its logit is above 0 nowhere else."""
    features = heart().features[row].astype(np.int64)
    widths = np.array([f.maximum - f.minimum for f in COLUMNS.features], dtype=float)
    names = Quantiser(
        tuple(
            Even(f.name, float(f.minimum), float(f.maximum), float(max(w, 1.0)) / 255)
            for f, w in zip(COLUMNS.features, widths, strict=True)
        )
    )
    point = names.bytes_of(features[None].astype(float))[0].astype(np.int64)
    count = len(point)
    # |x - point| by two neurons a feature, each cut off at 255; then -sum of all of them.
    weights = np.zeros((2 * count, count), np.int64)
    bias = np.zeros(2 * count, np.int64)
    for place in range(count):
        weights[2 * place, place], bias[2 * place] = 1, -point[place]
        weights[2 * place + 1, place], bias[2 * place + 1] = -1, point[place]
    first = Layer(weights, bias, 0, 0, 0, 255)
    net = Net((first, Layer(-np.ones((1, 2 * count), np.int64), [1])))
    kept = trained().card
    return net, Card(net.id, "leak", kept.classes, names, 1.0, kept.report)


def test_a_model_made_to_single_one_row_out_gets_no_table(ward):
    policy, buyer, store = ward.enforce(), ward.buyer(), ward.network.store
    net, card = leaking(7)
    logits = net.run(card.quantiser.bytes_of(heart().features.astype(float))).logits[:, 0]
    assert (logits > 0).sum() == 1, "the attack is a real one"
    question = Question(net.id, store.put(model_bytes(net)), store.put(card.to_bytes()))
    request = buyer.evaluate(policy, ward.evaluation, question, NAMES)
    (answer,) = ward.answers(buyer.send(request, buyer.account.address))
    assert (answer.outputs, answer.rule) == (None, "rows")


def test_logits_are_told_by_bands_alone_and_a_narrow_band_is_refused(ward):
    policy = ward.enforce()
    model = trained()
    rows = heart().features.astype(float)
    logits = np.sort(model.model.run(model.quantiser.bytes_of(rows, clip=True)).logits[:, 0])
    narrow = (int(logits[100]), int(logits[101]))
    assert narrow[0] < narrow[1]
    (answer,) = ward.answers(ward.ask(policy, edges=narrow))
    assert (answer.outputs, answer.rule) == (None, "rows")


def test_two_models_that_differ_on_few_rows_are_not_both_told(ward):
    policy = ward.enforce()
    answers = ward.answers(
        ward.ask(policy), ward.ask(policy, ward.buyer("rival"), imported=trained(seed=3))
    )
    assert [answer.rule for answer in answers] == ["", "overlap"]


def test_the_outcome_makes_no_groups(ward):
    (answer,) = ward.answers(ward.ask(ward.enforce(), by="ill"))
    assert answer.rule == "columns"


def test_code_that_was_not_admitted_or_was_changed_is_not_run(ward, tmp_path):
    policy = ward.enforce()
    stranger = own_code("mine", AGES + b"\n# more\n", SHAPES, {})
    ward.network.store.put(stranger.to_bytes())
    unknown = ward.ask_code(policy, manifest=stranger)
    admitted = ward.ask_code(policy)
    kept = ward.home.folder / "code" / f"{ward.code.code.hex()}.py"
    kept.write_bytes(kept.read_bytes().replace(b"sum()", b"max()"))
    answers = ward.answers(unknown, admitted)
    assert [answer.rule for answer in answers] == ["algorithm", "code"]
    with pytest.raises(InputError, match="not the one that the manifest names"):
        ward.home.admit(stranger, AGES)


def test_a_digest_that_is_a_path_reaches_no_file(ward):
    with pytest.raises((InputError, NotAdmitted)):
        ward.home.manifest(b"../" * 10 + b"xx")
    with pytest.raises(InputError):
        Manifest.from_bytes(b'{"code":"../../secret.key"}')


def test_results_other_than_declared_never_leave(ward):
    rows = {"ages": {"least": 0, "most": 1, "length": 303}}
    lying = {
        "a text": b"def run(c, p): return {'found': str(c['age'])}\n",
        "more names": b"def run(c, p): return {'found': 1, 'ages': c['age']}\n",
        "a list": b"def run(c, p): return {'found': c['age']}\n",
        "an integer of any size": b"def run(c, p): return {'found': 10**300}\n",
        "a float": b"def run(c, p): return {'found': 0.5}\n",
        "a truth": b"def run(c, p): return {'found': True}\n",
        "out of bounds": b"def run(c, p): return {'found': 10**6}\n",
    }
    shape = {"found": {"least": 0, "most": 999}}
    manifests = {name: ward.admit_code(source, shape) for name, source in lying.items()}
    wide = ward.admit_code(b"def run(c, p): return {'ages': c['age']}\n", rows)
    admitted = (*(m.digest for m in manifests.values()), wide.digest)
    policy = ward.enforce(algorithms=admitted)
    asked = [ward.ask_code(policy, manifest=manifest) for manifest in manifests.values()]
    wider = ward.ask_code(policy, manifest=wide)
    *answers, too_much = ward.answers(*asked, wider)
    assert {answer.rule for answer in answers} == {"output"}
    assert not any(answer.outputs for answer in answers)
    assert too_much.rule == "bits", "303 bits could leave, 256 may"


def test_bits_and_jobs_run_out_across_restarts_and_policies(ward):
    bits = (100_000).bit_length() + (1_440).bit_length()
    policy = ward.enforce(bits_a_job=bits, bits_in_all=2 * bits, jobs_a_buyer=2, jobs_in_all=3)
    rival = ward.buyer("rival")
    first, second = ward.ask_code(policy), ward.ask_code(policy)
    assert all(answer.outputs for answer in ward.answers(first, second))
    assert ward.answers(ward.ask_code(policy))[0].rule == "jobs"
    assert ward.answers(ward.ask_code(policy, rival))[0].rule == "bits"
    wider = ward.enforce(bits_a_job=bits, bits_in_all=9 * bits, jobs_a_buyer=2, jobs_in_all=3)
    last = ward.ask_code(wider, rival)
    assert ward.answers(last)[0].outputs, "a new policy widens what is left, and resets nothing"
    assert ward.answers(ward.ask_code(wider, rival))[0].rule == "jobs"
    assert ward.verdict().is_true


def test_code_may_import_nothing_that_reaches_out():
    for line in (
        b"import os",
        b"from socket import *",
        b"import numpy.ctypeslib, ctypes",
        b"from . import x",
    ):
        with pytest.raises(InputError, match="imports"):
            own_code("x", line + b"\ndef run(c, p): return {}\n", ANY, {})
    with pytest.raises(InputError, match="no function run"):
        own_code("x", b"x = 1\n", ANY, {})


@walled
def test_code_cannot_open_a_file_a_socket_or_a_process():
    calls = {
        "open": "libc.open(b'/etc/passwd', 0)",
        "create": "libc.open(b'leak', 0o101, 0o600)",
        "socket": "libc.socket(2, 1, 0)",
        "fork": "libc.fork()",
        "execute": "libc.execve(b'/bin/true', None, None)",
        "kill": "libc.kill(1, 0)",
        "raise its limits": "libc.setrlimit(9, b'\\xff' * 16)",
        "look at others": "libc.ptrace(16, 1, 0, 0)",
        "send by a shared place": "libc.shm_open(b'leak', 0o101, 0o600)",
    }
    found = outcome("return [" + ", ".join(calls.values()) + "]")
    assert dict(zip(calls, found, strict=True)) == dict.fromkeys(calls, -1)
    assert outcome("__import__('socket').socket()") == "limits"
    assert outcome("return open('/etc/passwd').read()") == "limits"


def children():
    """The processes that this one has started, also those that ended and were not waited for."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            _, parent, *_ = stat.read_text().rsplit(")", 1)[1].split()
            if int(parent) == os.getpid():
                found.add(stat.parent.name)
    return found


@walled
@pytest.mark.parametrize(
    "body",
    [
        "while True: libc.fork()",
        "while True: pass",
        "modules['time'].sleep(60)",
        "found = []\nwhile True: found.append(bytearray(1 << 26))",
        "while True: modules['os'].write(1, b'x' * 65536)",
        "return list(range(100_000))",
        "modules['os'].kill(modules['os'].getppid(), 9)",
        "raise SystemExit(0)",
    ],
)
def test_code_that_bombs_hogs_sleeps_or_floods_ends_without_a_result(body):
    started, before = time.monotonic(), children()
    assert outcome(body, seconds=1, memory=1 << 28) == "limits"
    assert time.monotonic() - started < 15
    assert children() <= before  # none is left behind


@walled
def test_code_gets_no_more_memory_than_its_limit():
    body = "try:\n    bytearray(1 << 30)\nexcept MemoryError:\n    return 2\nreturn 1"
    assert outcome(body, memory=1 << 28) == 2
    assert outcome(body, memory=1 << 32) == 1


@walled
def test_code_sees_its_columns_and_no_environment_or_file_beside(monkeypatch):
    monkeypatch.setenv("COUNTERPOISE_PASSWORD", "secret")
    found = outcome(
        "os = modules['os']\n"
        "return [sorted(os.environ), [f for f in range(3, 64) if libc.close(f) == 0], "
        "sorted(columns), parameters, [libc.close(0), libc.close(2)]]"
    )
    assert "COUNTERPOISE_PASSWORD" not in found[0]
    assert found[1:] == [[], ["age", "ill"], {}, [0, 0]]


@walled
def test_a_child_dies_with_its_node(tmp_path):
    """The node is killed while code runs: the code does not go on with the rows."""
    import signal
    import subprocess
    import sys

    script = (
        "import numpy as np\n"
        "from counterpoise.market.compute_to_data.sandbox import Limits, run_code\n"
        "run_code(b'def run(c, p):\\n while True: pass\\n', {'age': np.arange(9)}, {}, "
        "Limits(50, 1 << 30))\n"
    )
    node = subprocess.Popen([sys.executable, "-c", script])
    children = Path(f"/proc/{node.pid}/task/{node.pid}/children")
    deadline = time.monotonic() + 30
    child = ""
    while time.monotonic() < deadline:
        child = children.read_text().strip()
        if child and _is_locked(child):
            break
        time.sleep(0.02)
    assert child
    node.send_signal(signal.SIGKILL)
    node.wait()
    while Path(f"/proc/{child}").exists() and not _is_over(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_locked(pid):
    return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()


def _is_over(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def test_the_filter_lets_an_interpreter_compute_on_both_machines_and_nowhere_else():
    assert len(call_filter("x86_64")) == len(call_filter("aarch64")) == 8 * (4 + 26 + 2)
    assert call_filter("riscv64") is None


@walled
def test_without_walls_own_code_is_refused_not_run(ward, monkeypatch):
    monkeypatch.setattr("counterpoise.market.compute_to_data.node.has_walls", lambda: False)
    (answer,) = ward.answers(ward.ask_code(ward.enforce()))
    assert (answer.outputs, answer.rule) == (None, "code")
