"""A clinic's model becomes integers, is registered, answers, and one number of it is checked.

Run: python examples/inference_import.py
"""

import os
import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from counterpoise.chain import dev_account, open_chain
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError
from counterpoise.inference import (
    ModelsClient,
    Runner,
    check_opening,
    import_model,
    load_model,
    parse_answer,
    save_model,
)


def trained():
    """A float model, by scikit-learn, and rows that it has not seen."""
    rows, labels = load_breast_cancer(return_X_y=True)
    parts = train_test_split(rows, labels, test_size=0.35, random_state=1, stratify=labels)
    rows, held, labels, held_labels = parts
    perceptron = MLPClassifier((16,), max_iter=1000, random_state=0)
    return make_pipeline(StandardScaler(), perceptron).fit(rows, labels), rows, held, held_labels


def main():
    estimator, rows, held, held_labels = trained()
    imported = import_model(estimator, rows, check=held, check_labels=held_labels)
    report, model = imported.report, imported.model
    print(f"{report.rows} held-out rows: {100 * report.agreement:.1f} % of the decisions agree, ")
    print(f"  {100 * report.float_accuracy:.1f} % right in floats, ", end="")
    print(f"{100 * report.integer_accuracy:.1f} % in integers; {report.outside} rows refused")

    folder = Path(tempfile.mkdtemp())
    save_model(model, folder / "clinic.model")
    (folder / "clinic.card.json").write_bytes(imported.card.to_bytes())
    again = load_model(folder / "clinic.model")

    chain, clinic = open_chain("embedded:"), dev_account(0)
    models = ModelsClient.deploy(chain, clinic)
    receipt = models.register(clinic, again, imported.card.digest)
    print(f"registered as {model.id.hex()[:16]}… for {receipt.gas_used} gas")
    models.check(again, imported.card.digest)

    runner, salt = Runner(again), os.urandom(32)
    inside = ~imported.quantiser.outside(held).any(axis=1)
    values = imported.quantiser.bytes_of(held[inside][:1])[0].tobytes()
    trace = runner.trace(values, salt)
    logits, decision = parse_answer(trace.answer)
    print(f"through {runner.path}: {imported.card.classes[decision]}, logit {logits[0]}")
    print(f"  commitment {trace.commitment.hex()[:16]}…  trace root {trace.root.hex()[:16]}…")

    neuron = max(range(16), key=trace.payloads[1].__getitem__)
    row, opening = again.row(neuron), again.row_opening(neuron)
    check_opening(keccak(row), neuron, opening, models.record(again.id).row_root)
    check_opening(trace.leaves[1], 1, trace.opening(1), trace.root)
    bias = int.from_bytes(row[4:8], "big", signed=True)
    total = sum((q - 128) * p for q, p in zip(row[8:], values, strict=True)) + bias
    shape = models.header(again.id).layers[0]
    byte = min(shape.hi, max(shape.lo, (total + (1 << shape.shift >> 1)) >> shape.shift))
    said = trace.payloads[1][neuron]
    print(f"neuron {neuron} from the registered row: {byte}; the trace says {said}")

    ill = held[:1].copy()
    ill[0, 0] = 1e4
    try:
        imported.quantiser.bytes_of(ill)
    except InputError as refused:
        print(f"refused: {refused}")
    chain.close()


if __name__ == "__main__":
    main()
