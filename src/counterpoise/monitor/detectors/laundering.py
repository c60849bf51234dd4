"""Laundering: a model ranks transfers by what surrounds them; integer rules say what it looks like.

The model is boosted trees over the features of `Graph`, in integers. About `per_hour` of the best
ranked are raised each hour, and whatever the model is sure of; alerts that share accounts within
the window carry the name of one scheme.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Edge, Entity, Finding, Severity
from counterpoise.monitor.blocks import Block, Transfer
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.tables import Recent
from counterpoise.monitor.graph_state import DAY
from counterpoise.monitor.laundering_model import LaunderingModel
from counterpoise.monitor.memory import Table
from counterpoise.monitor.ranking import Ranking
from counterpoise.monitor.readings import readings
from counterpoise.monitor.trees import LEAF_BITS

RANKING, SCHEMES = "laundering ranking", "laundering schemes"
WINDOW = 5 * DAY
HUB = 64
"""An account with more transfers within the window joins nothing: exchanges are in all schemes."""

REASONS = 5
MEMBERS = 1 << 16
"""Most accounts of schemes that are remembered."""


@dataclass(frozen=True, slots=True)
class Laundering:
    """Ranks every transfer and raises the best within a budget.

    Parameters
    ----------
    model :
        The shipped one if None.
    per_hour :
        About how many alerts an hour, in the long run.

    Raises
    ------
    InputError :
        The model reads other features than the graph has.
    """

    model: LaunderingModel | None = None
    per_hour: int = 20
    name: str = "laundering"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterator[Finding]:
        """Rank the block's transfers by the bar that was before it."""
        flow, model = context.flow, self.model or LaunderingModel.shipped()
        if not flow.transfers:
            return
        if flow.features.shape[1] != len(model.names):
            raise InputError(
                f"a model of {len(model.names)} features, the graph has {flow.features.shape[1]}",
                hint="train it again: counterpoise monitor train",
            )
        scores = model.scores(flow.features)
        bar = self._bar(block.time, context.memory.table(RANKING), scores)
        flagged = (scores >= max(bar, model.least)) | (scores > model.sure)
        for row in np.flatnonzero(flagged).tolist():
            yield self._finding(block, context, model, row, int(scores[row]))

    def _bar(
        self, time: int, table: Table, scores: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> int:
        """The bar of the moment; the new scores count from the next block on."""
        value = table.get(b"")
        known = Ranking.begin(time) if value is None else Ranking.of_value(value).at(time)
        table.put(b"", known.with_scores(scores).to_value())
        return known.bar(self.per_hour)

    def _finding(
        self, block: Block, context: Context, model: LaunderingModel, row: int, score: int
    ) -> Finding:
        transfer, features = context.flow.transfers[row], context.flow.features[row]
        named = dict(zip(model.names, features.tolist(), strict=True))
        picture = context.flow.around(row)
        confidence = model.confidence(score)
        digest = block.transactions[transfer.transaction].hash
        schemes = Recent(context.memory, SCHEMES, MEMBERS)
        added = model.contributions(features)[:REASONS]
        looks = tuple(f"looks like {one.name}: {one.why}" for one in readings(named))
        return Finding(
            detector=self.name,
            version=self.version,
            severity=severity_of(confidence),
            confidence=confidence,
            transactions=(digest,),
            entities=_entities(transfer, picture.edges),
            reasons=(
                *looks,
                *(f"{name} = {value} adds {in_words(by)}" for name, value, by in added),
            ),
            edges=picture.edges,
            scheme=scheme_of(schemes, block.time, transfer, named, digest),
            loss=transfer.amount,
            loss_token=transfer.token,
            limits=picture.cut,
            model=model.digest,
        )


def severity_of(confidence: int) -> Severity:
    """By how many such rows were laundering: half, a fifth, fewer."""
    if confidence >= 500_000:
        return Severity.HIGH
    return Severity.MEDIUM if confidence >= 200_000 else Severity.LOW


def in_words(score: int) -> str:
    """A share of a score in log-odds with two decimals, rounded half away from zero."""
    hundredths = (abs(score) * 100 + (1 << (LEAF_BITS - 1))) >> LEAF_BITS
    return f"{'-' if score < 0 else '+'}{hundredths // 100}.{hundredths % 100:02d}"


def scheme_of(
    known: Recent, time: int, transfer: Transfer, features: dict[str, int], digest: bytes
) -> str:
    """The scheme that one of the two accounts belongs to, or a new one; both belong to it now."""
    ends = [
        account
        for account, side in ((transfer.src, "src"), (transfer.dst, "dst"))
        if features[f"sent_{side}"] + features[f"received_{side}"] <= HUB
    ]
    found = filter(None, (known.get(account) for account in ends))
    running = [(began, name) for name, began, seen in found if seen > time - WINDOW]
    began, name = min(running, default=(time, f"laundering-{digest.hex()[:16]}"))
    for account in ends:
        known.put(account, (name, began, time))
    return name


def _entities(transfer: Transfer, edges: tuple[Edge, ...]) -> tuple[Entity, ...]:
    """The two of the transfer, then the others by what they do in the picture."""
    payers, paid = {edge.src for edge in edges}, {edge.dst for edge in edges}
    found = [Entity(transfer.src, "sender"), Entity(transfer.dst, "receiver")]
    for account in sorted((payers | paid) - {transfer.src, transfer.dst}):
        both = account in payers and account in paid
        found.append(
            Entity(account, "between" if both else "source" if account in payers else "sink")
        )
    return tuple(found)
