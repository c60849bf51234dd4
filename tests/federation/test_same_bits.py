"""The same revealed updates give the same bits, whatever kernel and however many threads compute.

Three kernels of OpenBLAS that add and multiply in different orders and widths, one thread and
two; a linear model, a perceptron, and permutations instead of coalitions.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from revisit import opened, settled
from village import RULES, owners

from counterpoise.federation.rules import Model

HERE = Path(__file__).parent
KERNELS = ("Haswell", "SkylakeX", "Sandybridge")
FLAGS = {"Haswell": "avx2", "SkylakeX": "avx512f", "Sandybridge": "avx"}
TASKS = {
    "linear": (RULES, owners(9)),
    "perceptron": (replace(RULES, model=Model(2, hidden=(6,)), rounds=1), owners(4)),
    "permutation": (replace(RULES, scoring="permutation", rounds=1), owners(4)),
}

KEYS = [
    ("model", "model"),
    ("trace", "trace_root"),
    ("scores", "scores_digest"),
    ("pay", "pay_root"),
]


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """States whose rounds are done, each with the digests that its log states."""
    made = {}
    for name, (rules, people) in TASKS.items():
        folder = settled(tmp_path_factory.mktemp(name) / "state", people, rules)
        with opened(folder, people, rules) as found:
            coordinator = found.coordinator()
            coordinator.run()
            pages = [coordinator.book.round(n) for n in range(1, rules.rounds + 2)]
        made[folder] = [{name: page.result.fields[key] for name, key in KEYS} for page in pages]
    return made


def rescored(folders, kernel, threads):
    environment = {
        **os.environ,
        "OPENBLAS_CORETYPE": kernel,
        "OPENBLAS_NUM_THREADS": str(threads),
    }
    command = [sys.executable, str(HERE / "rescore.py"), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def runs_here(kernel):
    path = Path("/proc/cpuinfo")
    return path.exists() and FLAGS[kernel] in path.read_text().split()


@pytest.mark.parametrize(("kernel", "threads"), [(k, t) for k in KERNELS for t in (1, 2)])
def test_another_kernel_or_thread_count_gives_the_same_bits(states, kernel, threads):
    if not runs_here(kernel):
        pytest.skip(f"this processor has no {FLAGS[kernel]}")
    found = rescored(states, kernel, threads)
    assert [kernel, threads] in found["blas"], "the kernel under test did not run"
    assert found["states"] == list(states.values())
