"""What all answered jobs together could set apart: the control of differencing attacks.

Each answer is made of counts over groups of rows. Rows that were always in the same group are
one *class*: whatever sums and differences are taken of all answers, they speak of whole classes.
So a job is answered only if, with it, every class that any answer has touched still has `least`
rows. Rows that no answer has touched are in no sum, and may be few.

References
----------
D. Dobkin, A. Jones, R. Lipton, *Secure databases: protection against user influence*, ACM TODS 4
(1979); F. Chin, G. Özsoyoğlu, *Auditing and inference control in statistical databases*, IEEE
TSE 8 (1982). Classes are coarser than what these decide, and therefore on the safe side.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from counterpoise.market.compute_to_data.refusals import NotAdmitted

Groups = npt.NDArray[np.int64]
OUTSIDE = -1
"""The group of a row that a job does not touch."""


def untouched(rows: int) -> Groups:
    """Give the classes before any answer, ``(rows,)``: all are 0, touched by none."""
    return np.zeros(rows, dtype=np.int64)


def refined(classes: Groups, groups: Groups) -> Groups:
    """Give the classes after one more answer: 0 for rows still untouched, others from 1.

    Parameters
    ----------
    classes, groups :
        ``(rows,)``; the group of each row in the answer, `OUTSIDE` for none.
    """
    pairs = classes * (int(groups.max(initial=0)) + 2) + groups - OUTSIDE
    _, found = np.unique(pairs, return_inverse=True)
    numbered: Groups = found.reshape(-1).astype(np.int64) + 1
    numbered[(classes == 0) & (groups == OUTSIDE)] = 0
    return numbered


def smallest(classes: Groups) -> int | None:
    """Give the size of the smallest touched class; None if none is."""
    touched = classes[classes > 0]
    return int(np.unique(touched, return_counts=True)[1].min()) if len(touched) else None


def classes_after(classes: Groups, answers: Iterable[Groups]) -> Groups:
    """Give the classes after more answers; their order makes no difference but in the numbers."""
    for groups in answers:
        classes = refined(classes, groups)
    return classes


def check_overlap(classes: Groups, groups: Groups, least: int) -> Groups:
    """Check that an answer sets no few rows apart; give the classes with it.

    Raises
    ------
    NotAdmitted :
        By ``rows`` if it does so alone, by ``overlap`` if it does with earlier answers. How many
        rows, or which, is not told.
    """
    alone = smallest(refined(untouched(len(groups)), groups))
    if alone is None or alone < least:
        raise NotAdmitted("rows", f"a group of fewer than {least} rows")
    found = refined(classes, groups)
    together = smallest(found)
    if together is None or together < least:
        raise NotAdmitted(
            "overlap",
            f"with what was answered before, fewer than {least} rows could be told from others",
            hint="ask for the same groups as before, or for wholly other rows",
        )
    return found
