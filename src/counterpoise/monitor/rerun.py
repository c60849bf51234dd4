"""The same watch again: from a chain and the terms of a watch to the alerts that must follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from counterpoise.chain import Chain
from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Alert
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.budget import Ranked
from counterpoise.monitor.detector import Detector
from counterpoise.monitor.detectors import DETECTORS, make_detectors
from counterpoise.monitor.sources.chain import ChainSource
from counterpoise.monitor.statements import WatchTerms, foundations
from counterpoise.monitor.watch import Watch


def detectors_of(terms: WatchTerms) -> tuple[Detector, ...]:
    """The detectors that terms name, made anew.

    Raises
    ------
    InputError :
        This release has them not, or in another version, or resting on other lists and models.
    """
    names = [name for name, _ in terms.detectors]
    if missing := [name for name in names if name not in DETECTORS]:
        raise InputError(f"this release has no detector {', '.join(missing)}")
    made = make_detectors(names, coins=terms.coins, quotes=terms.quotes)
    versions = tuple((one.name, one.version) for one in made)
    if versions != terms.detectors:
        raise InputError(
            f"the watch was with {_shown(terms.detectors)}, this release has {_shown(versions)}",
            hint="verify with the release that watched",
        )
    if (found := foundations(made)) != dict(terms.lists):
        other = sorted(set(found) ^ set(terms.lists)) or [
            name for name in found if found[name] != terms.lists[name]
        ]
        raise InputError(
            f"the watch rested on other {' and '.join(other)} than this release carries",
            hint="verify where the same lists and models are",
        )
    return made


def watch_of(terms: WatchTerms) -> Watch:
    """A watch on these terms, that has seen nothing yet."""
    limits = terms.budgets
    detectors = [
        Ranked(one, limits[one.name]) if one.name in limits else one for one in detectors_of(terms)
    ]
    return Watch(terms.chain_id, detectors, terms.scales)


def derive_alerts(
    chain: Chain,
    terms: WatchTerms,
    last: int | None = None,
    on_block: Callable[[Block], None] = lambda block: None,
) -> Iterator[Alert]:
    """Give the alerts that the chain as it is now gives rise to, in order.

    Parameters
    ----------
    last :
        Number of the last block to look at; the newest if None.
    on_block :
        Called with each block before it is looked at.
    """
    if chain.chain_id() != terms.chain_id:
        raise InputError(f"this is chain {chain.chain_id()}, the watch was on {terms.chain_id}")
    watch = watch_of(terms)
    end = chain.block("latest").number if last is None else last
    with closing(ChainSource(chain, start=terms.first)) as source:
        while blocks := source.poll():
            for block in blocks:
                if block.number > end:
                    return
                on_block(block)
                yield from watch.accept(block).raised


def _shown(detectors: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{name} {version}" for name, version in detectors) or "none"
