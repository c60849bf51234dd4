"""Gas of a net that the chain runs itself, from receipts on the embedded chain.

`run` is a transaction that runs the net and stores nothing; `answer` is the whole answer to a
question, which checks the input's commitment and stores the verdict; `load` is paid once a model.
Inputs are bytes other than zero, which cost the most. The anchors are measured figures of a
prototype with its weights as immutables, one contract a model; here one contract runs all models.
"""

import argparse
import json
import platform
from pathlib import Path

import numpy as np

from counterpoise.chain import Account, artifact_of, deploy, open_chain, send
from counterpoise.inference import Layer, Net, input_commitment
from counterpoise.verification import DirectClient

ANCHORS = {(30, 16, 1): 37_435, (30, 32, 2): 51_053, (64, 32, 10): 72_889, (128, 32, 10): 104_547}
TARGETS = {(30, 16, 1): 50_000, (64, 32, 10): 90_000}
ASKER = Path(__file__).parents[1] / "tests/verification/contracts/Questions.vy"


def net_of(inputs: int, hidden: int, outputs: int) -> Net:
    rng = np.random.default_rng(inputs)
    first = Layer(
        rng.integers(-64, 65, (hidden, inputs)), rng.integers(-999, 999, hidden), 0, 7, 0, 255
    )
    last = Layer(rng.integers(-64, 65, (outputs, hidden)), rng.integers(-999, 999, outputs))
    return Net((first, last))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the two nets with a target alone")
    shapes = tuple(TARGETS) if parser.parse_args().quick else tuple(ANCHORS)
    chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
    anyone = Account.local(b"anyone")
    chain.fund(anyone.address, 10**21)
    asker = deploy(chain, anyone, artifact_of(ASKER))
    direct = DirectClient.deploy(chain, anyone)
    rows = {}
    print(f"{'net':>12}{'load':>12}{'run':>10}{'answer':>10}    anchor (run)")
    for number, shape in enumerate(shapes, 1):
        net, salt = net_of(*shape), np.random.default_rng(9).bytes(32)
        values = np.random.default_rng(3).integers(1, 256, shape[0]).astype(np.uint8).tobytes()
        load = direct.load(anyone, net).gas_used
        data = direct.contract.encode("run", net.id, values)
        run = send(chain, anyone, direct.address, data).gas_used
        commitment = input_commitment(salt, values)
        asker.transact(anyone, "ask", net.id, commitment, direct.address, 2**40)
        answer = direct.answer(anyone, asker.address, number, salt, values).gas_used
        if direct.verdict(asker.address, number).answer != net.answer(values):
            raise SystemExit("the chain's answer is not the reference's")
        name = "-".join(map(str, shape))
        rows[name] = {"load": load, "run": run, "answer": answer}
        print(f"{name:>12}{load:>12,}{run:>10,}{answer:>10,}", end="")
        print(f"{ANCHORS[shape]:>14,}  x{ANCHORS[shape] / run:.2f}")
    print(f"machine: {platform.machine()}, Python {platform.python_version()}; gas is exact")
    met = {
        "-".join(map(str, shape)): rows["-".join(map(str, shape))]["run"] <= most
        for shape, most in TARGETS.items()
    }
    anchors = {"-".join(map(str, shape)): gas for shape, gas in ANCHORS.items()}
    ratios = {name: round(anchors[name] / row["run"], 3) for name, row in rows.items()}
    print(json.dumps({"gas": rows, "anchors": anchors, "ratios": ratios, "targets met": met}))


if __name__ == "__main__":
    main()
