"""The integer loss: one table of ln(1 + e^-t), from which every loss is folded.

Logits and losses are integers in units of ``2**-20``. The specification with its test
vectors is docs/explain/integer-loss.md; a judge contract needs nothing but that page.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.log_table import log1p_exp_table

LOSS_BITS = 20
LOGIT_LIMIT = 64 << LOSS_BITS
STEP_BITS = 14
TABLE_SIZE = 16 << (LOSS_BITS - STEP_BITS)


@cache
def loss_table() -> NDArray[np.int32]:
    """`core.log_table.log1p_exp_table`, then one more zero.

    Returns
    -------
    NDArray[np.int32]
        Shape ``(1026,)``, read-only.
    """
    table = np.array([*log1p_exp_table(), 0], dtype=np.int32)
    table.setflags(write=False)
    return table


@cache
def _slopes() -> NDArray[np.int32]:
    table = loss_table()
    return np.append(np.diff(table), np.int32(0)).astype(np.int32)


def log1p_exp(t: NDArray[np.int32]) -> NDArray[np.int32]:
    """ln(1 + e^-t) for integer t >= 0, by the table and a straight line between entries.

    ``i = t >> 14; f = t & 16383; T[i] + ((T[i+1] - T[i]) * f >> 14)``, and 0 from t = 16 on.
    The shift floors. All products stay below ``2**28``.
    """
    return _Curve(t.shape)(t)


class _Curve:
    """`log1p_exp` for arrays of one shape, into memory that it keeps."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.index = np.empty(shape, dtype=np.intp)
        self.part = np.empty(shape, dtype=np.int32)
        self.entry = np.empty(shape, dtype=np.int32)

    def __call__(self, t: NDArray[np.int32]) -> NDArray[np.int32]:
        index, part, entry = self.index, self.part, self.entry
        np.right_shift(t, STEP_BITS, out=index)
        np.bitwise_and(t, (1 << STEP_BITS) - 1, out=part)
        # mode="clip" takes the last entry, zero, for every t beyond the table.
        part *= _slopes().take(index, mode="clip", out=entry)
        part >>= STEP_BITS
        part += loss_table().take(index, mode="clip", out=entry)
        return part


def losses(logits: NDArray[np.int32], labels: NDArray[np.int64]) -> NDArray[np.int32]:
    """Loss of every row, in units of ``2**-20``.

    Parameters
    ----------
    logits :
        ``(..., outputs, rows)``, each within +-`LOGIT_LIMIT`. One output is a logistic model:
        the loss is softplus(-logit) for label 1 and softplus(logit) for label 0. More are a
        softmax: log-sum-exp, folded pairwise in the order of the classes, less the label's
        own logit.
    labels :
        ``(rows,)``, from 0 to the number of classes less one.

    Returns
    -------
    NDArray[np.int32]
        ``(..., rows)``, each from 0 to below ``2**29``.
    """
    if logits.shape[-2] == 1:
        signs = np.where(labels == 1, -1, 1).astype(np.int32)
        margin = logits[..., 0, :] * signs
        found: NDArray[np.int32] = log1p_exp(np.abs(margin)) + np.maximum(margin, 0)
        return found
    total = logits[..., 0, :].copy()
    curve, apart = _Curve(total.shape), np.empty_like(total)
    for k in range(1, logits.shape[-2]):
        other = logits[..., k, :]
        np.subtract(total, other, out=apart)
        np.abs(apart, out=apart)
        np.maximum(total, other, out=total)
        total += curve(apart)
    total -= logits[..., labels, np.arange(len(labels))]
    return total
