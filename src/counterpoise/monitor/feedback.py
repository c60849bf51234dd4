"""What people said of alerts, made into rows to train on.

An alert names transactions; the features of their transfers are those that the graph gives when
the blocks are gone over again from the start of the stream, or the window that a watch saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Alert
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.flow import HASH, FlowGraph
from counterpoise.monitor.graph import Graph
from counterpoise.monitor.graph_state import Limits
from counterpoise.monitor.lessons import Lesson
from counterpoise.monitor.memory import Memory

WEIGHT = 50.0
"""What one labelled row counts against one generated row."""


class Verdict(Protocol):
    """Whether a person held an alert to be true; `book_reads.Feedback` is one."""

    @property
    def alert(self) -> bytes:
        """The alert's id."""
        ...

    @property
    def true(self) -> bool:
        """Whether it was what it said it was."""
        ...


def labels_of(verdicts: Iterable[Verdict], alerts: Iterable[Alert]) -> dict[bytes, bool]:
    """Each transaction's label, by the verdicts on its alerts in order: the last one counts."""
    transactions = {alert.id: alert.finding.transactions for alert in alerts}
    labels: dict[bytes, bool] = {}
    for verdict in verdicts:
        for transaction in transactions.get(verdict.alert, ()):
            labels[transaction] = verdict.true
    return labels


def lesson_of_blocks(
    blocks: Iterable[Block],
    labels: Mapping[bytes, bool],
    scales: Mapping[bytes, int],
    limits: Limits | None = None,
) -> Lesson:
    """Go over blocks again and keep the rows of labelled transactions.

    Raises
    ------
    InputError :
        None of the labelled transactions is in the blocks.
    """
    memory = Memory()
    flows = FlowGraph(Graph(limits), memory, scales)
    rows, truths = [], []
    for block in blocks:
        flow = flows.observe(block)
        hashes = {one.index: one.hash for one in block.transactions}
        for transfer, features in zip(flow.transfers, flow.features, strict=True):
            label = labels.get(hashes[transfer.transaction])
            if label is not None:
                rows.append(features)
                truths.append(label)
        memory.forget(memory.mark())
        flows.graph.forget(flows.mark())
    return _lesson(rows, truths, len(labels))


def lesson_of_window(graph: Graph, labels: Mapping[bytes, bool]) -> Lesson:
    """Describe a watch's window once more and keep the rows of labelled transactions.

    What came early in the window has less behind it here than it had in the watch.

    Raises
    ------
    InputError :
        None of the labelled transactions is in the window.
    """
    hashes = [tag.tobytes()[:HASH] for tag in graph.window_tags()]
    places = [place for place, hash_ in enumerate(hashes) if hash_ in labels]
    features = Graph(graph.limits).observe(*graph.window()) if places else np.zeros((0, 0), int)
    truths = [labels[hashes[place]] for place in places]
    return _lesson([features[place] for place in places], truths, len(labels))


def _lesson(rows: list[NDArray[np.int32]], truths: list[bool], labels: int) -> Lesson:
    if not rows:
        raise InputError(
            f"none of {labels} labelled transactions is in these blocks",
            hint="give the blocks in which they were alerted",
        )
    return Lesson(np.stack(rows), np.array(truths, np.bool_), np.full(len(rows), WEIGHT))
