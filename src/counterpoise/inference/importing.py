"""From a trained model in floats to an integer model that decides the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.inference.features import Reals
from counterpoise.inference.fit_forest import fit_forest
from counterpoise.inference.fit_net import fit_net
from counterpoise.inference.float_model import FloatNet, Source
from counterpoise.inference.model_file import IntegerModel
from counterpoise.inference.quantiser import Quantiser, real_rows
from counterpoise.inference.report import Card, Imported, ImportReport

PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".sav")
LEAST_ROWS = 10


def import_model(
    source: Any,
    rows: npt.ArrayLike,
    labels: Sequence[Any] | npt.NDArray[Any] | None = None,
    *,
    check: npt.ArrayLike | None = None,
    check_labels: Sequence[Any] | npt.NDArray[Any] | None = None,
    names: Sequence[str] = (),
    ranges: Mapping[str, tuple[float, float]] | None = None,
    threshold: float | None = None,
    allow_loss: bool = False,
    seed: int = 0,
) -> Imported:
    """Make an integer model of a trained one, and measure what that costs.

    Parameters
    ----------
    source :
        A fitted scikit-learn estimator or pipeline of scalers and one; a LightGBM model; an ONNX
        model; or the path of an ``.onnx`` file, or of a LightGBM model in text.
    rows :
        Calibration, (n, features) reals, such as the training rows: they say how wide each
        feature is, and the integers are fitted to what the float model says of them.
    labels :
        Of the calibration rows; needed only if there are no rows to check.
    check, check_labels :
        Rows that neither model has seen. Without them the report is about the calibration rows,
        and says so.
    names :
        Of the features; the model's own if it has some.
    ranges :
        Lowest and highest value of a feature, where the rows do not show all of it.
    threshold :
        Of two classes, the probability above which the decision is the second. Of a regressor,
        the value above which the decision is 1.
    allow_loss :
        Give the model even if it decides differently too often.
    seed :
        Of the rows that are made from the calibration rows to fit hidden layers to.

    Raises
    ------
    InputError :
        The model has no integer form, the rows do not fit it, or too much is lost.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import LogisticRegression
    >>> rows, labels = load_wine(return_X_y=True)
    >>> trained = LogisticRegression(max_iter=10_000).fit(rows, labels)
    >>> imported = import_model(trained, rows, labels)
    >>> imported.model.inputs, imported.model.outputs, imported.report.disagreements <= 1
    (13, 3, True)
    """
    found = source_of(source, threshold)
    reals = real_rows(rows, names)
    if len(reals) < LEAST_ROWS:
        raise InputError(f"{len(reals)} calibration rows, at least {LEAST_ROWS} wanted")
    wanted = _inputs(found)
    if reals.shape[1] != wanted:
        raise InputError(f"rows of {reals.shape[1]} features, the model wants {wanted}")
    called = _names(names or found.names, wanted)
    fitted: tuple[IntegerModel, Quantiser, float]
    if isinstance(found.model, FloatNet):
        fitted = fit_net(found.model, reals, called, ranges or {}, seed)
    else:
        fitted = fit_forest(found.model, reals, called)
    model, quantiser, unit = fitted
    report = measure(model, quantiser, found, reals, labels)
    if check is not None:
        held = measure(model, quantiser, found, real_rows(check, called), check_labels)
        fitted_to = {"fitted_rows": report.rows, "fitted_disagreements": report.disagreements}
        report = replace(held, held_out=True, **fitted_to)
    if not allow_loss:
        report.check()
    return Imported(model, Card(model.id, found.kind, found.classes, quantiser, unit, report))


def source_of(source: Any, threshold: float | None) -> Source:
    """Read a model in floats, with the engine of the library that it comes from.

    Raises
    ------
    InputError :
        It is a pickle, whose bytes are code; or nothing that is known.
    """
    if isinstance(source, str | Path):
        return _file(Path(source), threshold)
    home = type(source).__module__.split(".")[0]
    if home == "lightgbm":
        from counterpoise.inference.engines import lightgbm

        return lightgbm.read(source, threshold)
    if home == "onnx" or isinstance(source, bytes):
        from counterpoise.inference.engines import onnx_files

        return onnx_files.read(source, threshold)
    if hasattr(source, "predict") and hasattr(source, "get_params"):
        from counterpoise.inference.engines import scikit_learn

        return scikit_learn.read(source, threshold)
    raise InputError(
        f"a {type(source).__name__} is no model that can be imported",
        hint="scikit-learn, LightGBM and ONNX models can; export a PyTorch model to ONNX",
    )


def _file(path: Path, threshold: float | None) -> Source:
    if path.suffix in PICKLES:
        raise InputError(
            f"{path} is a pickle: to read one is to run the code in it",
            hint="import it in Python from the process that trained it, or export it to ONNX",
        )
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.suffix == ".onnx":
        from counterpoise.inference.engines import onnx_files

        return onnx_files.read(path, threshold)
    if path.suffix in (".txt", ".lgb"):
        from counterpoise.inference.engines import lightgbm

        return lightgbm.read_file(path, threshold)
    raise InputError(
        f"{path} is of no known format", hint=".onnx, or .txt for a LightGBM model, is wanted"
    )


def measure(
    model: IntegerModel,
    quantiser: Quantiser,
    source: Source,
    rows: Reals,
    labels: Sequence[Any] | npt.NDArray[Any] | None,
) -> ImportReport:
    """Compare the decisions of both models on the rows within calibration."""
    inside = ~quantiser.outside(rows).any(axis=1)
    if not inside.any():
        raise InputError(
            f"none of {len(rows)} rows is within calibration", hint="calibrate with rows like them"
        )
    ours = model.run(quantiser.bytes_of(rows[inside])).decisions
    theirs = source.decide(rows[inside])
    report = ImportReport(
        len(ours), False, int((ours != theirs).sum()), outside=len(rows) - len(ours)
    )
    if labels is None:
        return report
    truth = class_numbers(labels, source.classes)
    if len(truth) != len(rows):
        raise InputError(f"{len(truth)} labels for {len(rows)} rows")
    right = [int((found == truth[inside]).sum()) for found in (theirs, ours)]
    return replace(report, float_right=right[0], integer_right=right[1])


def class_numbers(
    labels: Sequence[Any] | npt.NDArray[Any], classes: Sequence[str]
) -> npt.NDArray[np.intp]:
    """Give the decision that each label stands for; an unknown label is an `InputError`."""
    numbers = {_plain(name): number for number, name in enumerate(classes)}
    if numbers.keys() == {"at most", "above"}:
        numbers = {"0": 0, "1": 1}
    found = [_plain(label) for label in labels]
    for row, label in enumerate(found):
        if label not in numbers:
            raise InputError(
                f"label {label!r} of row {row} is none of the model's classes",
                hint=f"they are {', '.join(classes)}",
            )
    return np.array([numbers[label] for label in found], dtype=np.intp)


def _plain(label: Any) -> str:
    """Write 1, 1.0 and "1.0" alike."""
    text = str(label)
    return text.removesuffix(".0") if text.removesuffix(".0").lstrip("-").isdigit() else text


def _inputs(source: Source) -> int:
    model = source.model
    return model.weights[0].shape[1] if isinstance(model, FloatNet) else model.inputs


def _names(names: Sequence[str], count: int) -> tuple[str, ...]:
    called = tuple(names) or tuple(f"x{number}" for number in range(count))
    if len(called) != count or len(set(called)) != count:
        raise InputError(f"{len(called)} names for {count} features; all different wanted")
    return called
