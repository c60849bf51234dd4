"""Zero-knowledge proofs of an MLP 30-16-1 with requantisation: time, memory, bytes, gas.

The net is bit-equal to its circuit on every row tried, or the benchmark fails. Proving runs in a
process of its own, whose peak memory is measured; gas is from receipts on the embedded chain. The
anchors are recorded figures of EZKL on a net of this shape, with its usual two inner columns.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from counterpoise.chain import Account, artifact_of, deploy, open_chain
from counterpoise.core.errors import CounterpoiseError
from counterpoise.inference import Layer, ModelsClient, Net, input_commitment, parse_answer
from counterpoise.verification import (
    Request,
    Zk,
    ZkClient,
    deploy_verifier,
    load_key,
    make_development_srs,
    make_key,
)

TARGETS = {"prove_s": 3.0, "rss_mb": 150, "verify_gas": 750_000}
ANCHORS = {"verify_gas": 882_143, "prove_cpu_s": 2.2, "proof_bytes": 4_160}
QUESTIONS = Path(__file__).parents[1] / "tests" / "verification" / "contracts" / "Questions.vy"
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
SALT = bytes(range(32))


def the_net() -> Net:
    rng = np.random.default_rng(5)
    first = (rng.integers(-64, 65, (16, 30)), rng.integers(-9_000, 9_000, 16))
    last = (rng.integers(-64, 65, (1, 16)), rng.integers(-9_000, 9_000, 1))
    return Net((Layer(*first, 0, 9, 0, 255), Layer(*last)))


def rows_of(net: Net, count: int) -> list[bytes]:
    rng = np.random.default_rng(6)
    return [rng.integers(0, 256, net.inputs).astype(np.uint8).tobytes() for _ in range(count)]


def request_for(net: Net, values: bytes, asker: bytes = bytes(20), number: int = 1) -> Request:
    return Request(asker, number, net.id, SALT, values, 2**40)


def prove_here(folder: Path, repeats: int) -> None:
    """Prove in this process, and print what it took."""
    net, prover = the_net(), Zk(None, load_key(folder))
    request = request_for(net, rows_of(net, 1)[0])
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        evidence = prover.prove(net, request)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    wall = time.perf_counter()
    prover.verify(net, request, evidence)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    record = {
        "prove_s": round(statistics.median(walls), 3),
        "prove_cpu_s": round(statistics.median(cpus), 3),
        "verify_s": round(time.perf_counter() - wall, 3),
        "rss_mb": round(peak, 1),
        "proof_bytes": len(evidence.proof),
    }
    print(json.dumps(record))


def on_chain(net: Net, folder: Path) -> dict[str, int]:
    chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
    account = Account.local(b"operator")
    chain.fund(account.address, 10**21)
    asker = deploy(chain, account, artifact_of(QUESTIONS))
    models = ModelsClient.deploy(chain, account)
    models.register(account, net)
    verifier = deploy_verifier(chain, account)
    zk = ZkClient.deploy(chain, account, models.address, verifier.address)
    key = load_key(folder)
    pinned = zk.pin(account, key).gas_used
    values = rows_of(net, 1)[0]
    hidden = input_commitment(SALT, values)
    asker.transact(account, "ask", net.id, hidden, zk.address, chain.block().time + 3_600)
    request = request_for(net, values, asker.address)
    evidence = Zk(zk, key).prove(net, request)
    whole = zk.prove(account, request, evidence.answer, evidence.proof, key).gas_used
    public = [*values, *(one % R for one in parse_answer(evidence.answer)[0])]
    words = list(key.words)
    alone = verifier.transact(account, "verifyProof", evidence.proof, public, words).gas_used
    return {"pin_gas": pinned, "verify_gas": alone, "answer_gas": whole, "key_words": len(words)}


def check_bits(net: Net, folder: Path, count: int) -> int:
    """Check the circuit against the net; give on how many rows they agree: on all."""
    circuit = load_key(folder).circuit()
    for values in rows_of(net, count):
        wanted = net.run(np.frombuffer(values, np.uint8).reshape(1, -1)).logits[0].tolist()
        if circuit.witness(values) != wanted:
            raise SystemExit("the circuit and the net disagree")
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--prove", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    repeats = 2 if arguments.quick else 5
    if arguments.prove:
        prove_here(arguments.prove, repeats)
        return
    net = the_net()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            make_development_srs(folder, 12)
            made = time.perf_counter()
            make_key(net, folder / "key", folder)
            made = time.perf_counter() - made
            gas = on_chain(net, folder / "key")
        except CounterpoiseError as missing:
            print(f"left out: {missing.message}; {missing.hint}")
            print(json.dumps({"benchmark": "zk_proof", "left_out": missing.message}))
            return
        rows = check_bits(net, folder / "key", 5 if arguments.quick else 100)
        again = [sys.executable, __file__, "--prove", str(folder / "key")]
        again += ["--quick"] if arguments.quick else []
        done = subprocess.run(again, capture_output=True, text=True, check=True)
        size = (folder / "key" / "pk").stat().st_size
    figures = json.loads(done.stdout.splitlines()[-1]) | gas
    figures |= {"setup_s": round(made, 2), "key_mb": round(size / 1e6, 1), "rows_bit_equal": rows}
    for name, value in figures.items():
        target, anchor = TARGETS.get(name), ANCHORS.get(name)
        beside = f"   target {target:,}" if target else ""
        beside += f"   anchor {anchor:,}" if anchor else ""
        print(f"{name:<16}{value:>12,}{beside}")
    met = all(figures[name] <= target for name, target in TARGETS.items())
    print("targets met" if met else "targets missed")
    ratio = round(figures["verify_gas"] / ANCHORS["verify_gas"], 3)
    record = {"benchmark": "zk_proof", "machine": platform.machine(), **figures}
    print(json.dumps(record | {"targets": TARGETS, "gas_ratio_to_anchor": ratio}))


if __name__ == "__main__":
    main()
