"""How much one payer or one remote address may ask in a time, and how much at once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", str, bytes)

MAX_KEPT = 65_536
"""How many payers or addresses are remembered; the one seen longest ago goes first."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls a second on the long run, and so many at once after a pause."""

    per_second: float
    burst: int


class Buckets(Generic[Key]):
    """A token bucket for each key: a call takes one token, which comes back with time.

    Who is forgotten begins with a full bucket, so that memory has a bound.

    Examples
    --------
    >>> buckets = Buckets(Rate(per_second=2, burst=1))
    >>> buckets.wait("ada", 0.0), buckets.wait("ada", 0.0), buckets.wait("ada", 0.5)
    (0.0, 0.5, 0.0)
    """

    def __init__(self, rate: Rate | None, kept: int = MAX_KEPT) -> None:
        self._rate, self._kept = rate, kept
        self._buckets: OrderedDict[Key, tuple[float, float]] = OrderedDict()

    def wait(self, key: Key, now: float) -> float:
        """Take a token: 0.0, or the seconds until there is one; then none was taken."""
        if self._rate is None:
            return 0.0
        rate, burst = self._rate.per_second, float(self._rate.burst)
        tokens, since = self._buckets.pop(key, (burst, now))
        tokens = min(burst, tokens + max(0.0, now - since) * rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / rate
        self._buckets[key] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > self._kept:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a gateway bears.

    Parameters
    ----------
    body :
        Bytes that a request's body may have.
    in_flight :
        Calls that are worked on at the same time; more are answered 503.
    seconds :
        What one call may take behind the till.
    upload_seconds :
        What a body may take to arrive.
    unsettled :
        Base units that one channel may owe and not have claimed; at half of it a claim is begun,
        beyond it the channel's calls are answered 503 until the claim is mined. None for no limit.
    payer, address :
        Calls a second of one payer, and of one remote address; None for no limit.
    connections :
        How many may be open at once; more are answered 503.
    proxies :
        Addresses whose word is taken for where a request comes from (``X-Forwarded-For``).
    """

    body: int = 1 << 20
    in_flight: int = 256
    seconds: float = 30.0
    upload_seconds: float = 10.0
    unsettled: int | None = None
    payer: Rate | None = None
    address: Rate | None = None
    connections: int = 1_000
    proxies: tuple[str, ...] = ()
