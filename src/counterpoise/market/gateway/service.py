"""What stands behind the till: a service says what a call may cost, and answers it.

    quote  ->  (the call is paid)  ->  serve  ->  Reply, or a Stream that is charged in steps

A service knows nothing of payment, limits, evidence or HTTP connections. Every tongue of the
gateway reaches it through `PaidDesk.call`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.units import Address

NO_MODEL = bytes(32)
NO_LEVEL = "none"


def request_digest(method: str, target: str, body: bytes) -> bytes:
    """Name a request by 32 bytes: SHA-256 of ``METHOD target``, a line feed, and the body.

    Parameters
    ----------
    target :
        Path and query, as they stand in the request's first line.

    Examples
    --------
    >>> request_digest("POST", "/v2/models/iris/infer", b"{}").hex()[:16]
    '1028c39a8626600e'
    """
    return sha256(f"{method} {target}\n".encode() + body)


class NotServed(InputError):
    """The caller's mistake, with the status of HTTP that says so; nothing is charged.

    Parameters
    ----------
    status :
        400 malformed, 404 unknown, 413 too large, 415 of another type, 422 of wrong content.
    """

    def __init__(self, status: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class UpstreamFailed(CounterpoiseError):
    """What stands behind the service did not do the work; nothing is charged.

    Parameters
    ----------
    status :
        502 failed, 503 not there for now, 504 too slow.
    """

    def __init__(self, message: str, *, status: int = 502, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True, slots=True)
class Route:
    """One place of a service.

    Parameters
    ----------
    path :
        Pattern, with parts in braces: ``/v2/models/{model}/infer``.
    is_free :
        Served without payment and without a statement; `quote` is not asked.
    media :
        The types of body that are taken; empty where a call has none.
    """

    method: str
    path: str
    is_free: bool = False
    media: tuple[str, ...] = ("application/json",)


@dataclass(frozen=True, slots=True)
class Call:
    """One call as a service sees it.

    Parameters
    ----------
    route :
        The pattern of the route.
    parts :
        What stands in the place of the pattern's braces.
    headers :
        Names in lower case; without the payment.
    request :
        32 bytes that name method, path, query and body; see `request_digest`.
    payer :
        Who pays; None while the price is asked, and on free routes.
    level :
        How strongly the answer is to be proven; `NO_LEVEL` for not at all.
    arrived :
        Unix time, in seconds.
    """

    method: str
    path: str
    route: str
    body: bytes
    request: bytes
    parts: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    payer: Address | None = None
    level: str = NO_LEVEL
    arrived: int = 0

    def paid_by(self, payer: Address) -> Call:
        """Give the same call with who pays for it."""
        named = (self.method, self.path, self.route, self.body, self.request)
        said = (self.parts, self.headers, self.query)
        return Call(*named, *said, payer, self.level, self.arrived)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call may cost at most, in base units; nothing for a call that is free."""

    amount: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is whole.

    Parameters
    ----------
    charge :
        Base units, at most what was quoted; None for all of it.
    model :
        Digest that names the model which answered.
    commitment :
        32 bytes that commit to the input; None for a salted one of the whole request.
    answer :
        What the statement of the decision commits to; None for the body.
    reference :
        32 bytes that name further evidence, such as the root of an integer model's trace.
    salt :
        32 bytes under which `commitment` was made, told to the buyer; None for fresh ones.
    level :
        How the answer is proven where the call's body said so; None for `Call.level`.
    left :
        Called once the whole body was sent; for tongues that pay inside a free route.
    """

    body: bytes
    status: int = 200
    media: str = "application/json"
    charge: int | None = None
    model: bytes = NO_MODEL
    commitment: bytes | None = None
    answer: bytes | None = None
    reference: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    salt: bytes | None = None
    level: str | None = None
    left: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a stream, and what the call costs up to its end, in base units."""

    body: bytes
    charge: int


class Farewell(Protocol):
    """Writes the end of a stream: what was charged, as x402's header says it, and more."""

    def __call__(self, headers: Mapping[str, str]) -> bytes:
        """Give the last bytes of a stream, such as a comment of server-sent events."""


@dataclass(slots=True)
class Stream:
    """An answer that is charged in steps: each chunk leaves after its charge is kept.

    Parameters
    ----------
    chunks :
        Closed when the buyer goes away: what was taken by then is charged.
    farewell :
        Gives the last bytes from the headers that a whole reply would have had (names in lower
        case: ``payment-response``, ``decision``); None for nothing.
    """

    chunks: AsyncIterator[Chunk]
    status: int = 200
    media: str = "text/event-stream"
    model: bytes = NO_MODEL
    commitment: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    farewell: Farewell | None = None


class Service(Protocol):
    """One thing for sale. Attributes may be properties."""

    @property
    def name(self) -> str:
        """Unique in a gateway; stands in metrics."""

    @property
    def routes(self) -> Sequence[Route]:
        """Where it is found."""

    @property
    def levels(self) -> Collection[str]:
        """The levels of proof that are offered beside `NO_LEVEL`; `quote` knows their prices."""

    def quote(self, call: Call) -> Quote:
        """Read a call strictly and give what it costs at most.

        Runs on the event loop: no waiting. What it reads it may keep for `serve` of the same
        call in a small table by `Call.request`.

        Raises
        ------
        NotServed :
            The call is wrong; it is answered so before anything is paid. Any other `InputError`
            counts as 400.
        """

    async def serve(self, call: Call) -> Reply | Stream:
        """Do the work.

        Raises
        ------
        NotServed :
            The call turns out to be wrong; nothing is charged.
        UpstreamFailed :
            The work was not done; nothing is charged.
        """

    def problem(self, status: int, message: str) -> tuple[bytes, str]:
        """Write an error as this service's clients expect it: body and media type."""

    async def close(self) -> None:
        """Let go of connections and models."""
