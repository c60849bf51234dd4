"""Whether a seller's endpoint answers now."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from counterpoise.market.finding import Result

SECONDS = 3.0
Probe = Callable[[str], bool]


def answers(url: str) -> bool:
    """Whether anything but a failure of the server comes back within `SECONDS`.

    A refusal such as 402 or 404 is an answer: somebody is there.
    """
    request = urllib.request.Request(url, method="GET")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as found:  # noqa: S310
            return bool(found.status < 500)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code < 500
    except (OSError, ValueError):
        return False


def answering(results: Sequence[Result], limit: int, probe: Probe = answers) -> list[Result]:
    """Keep the first results one of whose HTTP endpoints answers, in their order.

    Eight are asked at a time, and no more than are needed.
    """

    def is_alive(result: Result) -> bool:
        urls = [one.url for one in result.found.listing.endpoints]
        return any(probe(url) for url in urls if url.startswith(("http://", "https://")))

    kept: list[Result] = []
    waiting = iter(results)
    with ThreadPoolExecutor(8) as pool:
        while len(kept) < limit and (batch := list(islice(waiting, 8))):
            alive = pool.map(is_alive, batch)
            kept += [result for result, is_there in zip(batch, alive, strict=True) if is_there]
    return kept[:limit]
