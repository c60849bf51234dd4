"""Integer logits of linear models and perceptrons, exact in whatever way they are computed.

A raw logit is in units of ``2**-(scale_bits + feature_bits)``; a settled one in units of
``2**-20``, floored, within +-64. Products run through float64 BLAS only where the largest
possible partial sum is below ``2**53``: then every order of summation gives the same bits.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.federation.rules.loss import LOGIT_LIMIT, LOSS_BITS
from counterpoise.federation.rules.task import Model, TaskRules

Integers = NDArray[np.int64]

FLOAT_LIMIT = 1 << 53
INTEGER_LIMIT = 1 << 62
ACTIVATION_LIMIT = (1 << 22) - 1


def largest(values: NDArray[np.int64] | NDArray[np.int32]) -> int:
    """The greatest absolute value of an array, 0 if it is empty."""
    return int(max(values.max(initial=0), -values.min(initial=0)))


def product(left: Integers, right: Integers) -> Integers:
    """The exact matrix product of integers; refuses what could leave 62 bits.

    Raises
    ------
    InputError
        ``max|left| * max|right| * inner size`` reaches ``2**62``.
    """
    bound = largest(left) * largest(right) * left.shape[-1]
    if bound < FLOAT_LIMIT:
        return cast(Integers, (left.astype(np.float64) @ right.astype(np.float64)).astype(np.int64))
    if bound < INTEGER_LIMIT:
        found: Integers = left.astype(np.int64) @ right.astype(np.int64)
        return found
    raise InputError(
        f"a product of integers could reach {bound}, beyond 62 bits",
        hint="lower clip, row_cap, feature_bits or scale_bits in the task",
    )


def layers_of(params: Integers, model: Model) -> list[tuple[Integers, Integers]]:
    """Views ``(weights (..., out, in), biases (..., out))`` of flat parameter vectors."""
    layers, start, many = [], 0, params.shape[:-1]
    for out, into in model.layers:
        middle, end = start + out * into, start + out * (into + 1)
        layers.append(
            (params[..., start:middle].reshape(*many, out, into), params[..., middle:end])
        )
        start = end
    return layers


def raw_logits(params: Integers, rows: NDArray[np.int32], task: TaskRules) -> Integers:
    """Raw logits ``(..., outputs, rows)`` of parameter vectors, floored between layers.

    Parameters
    ----------
    params :
        ``(..., n_params)`` in units of ``2**-scale_bits``, below ``2**31`` in absolute value.
    rows :
        ``(rows, inputs)`` standardised features in units of ``2**-feature_bits``.
    """
    active = rows.T.astype(np.int64)
    layers = layers_of(params, task.model)
    for number, (weights, biases) in enumerate(layers):
        raw = product(weights, active)
        raw += biases[..., None] << task.feature_bits
        if number < len(layers) - 1:
            active = np.clip(raw >> task.scale_bits, 0, ACTIVATION_LIMIT)
    return raw


def settled(raw: Integers, task: TaskRules) -> NDArray[np.int32]:
    """Raw logits floored to units of ``2**-20`` and held within +-64."""
    moved = raw >> (task.scale_bits + task.feature_bits - LOSS_BITS)
    found: NDArray[np.int32] = np.clip(moved, -LOGIT_LIMIT, LOGIT_LIMIT).astype(np.int32)
    return found


def model_logits(params: Integers, rows: NDArray[np.int32], task: TaskRules) -> NDArray[np.float64]:
    """What the integer model says of standardised rows: settled logits, ``(rows, outputs)``.

    With two classes a positive logit means class 1.
    """
    return settled(raw_logits(params, rows, task), task).T / float(1 << LOSS_BITS)
