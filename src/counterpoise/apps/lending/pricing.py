"""From a model's answer to the terms of a loan, in integers: what ``lib/pricing.vy`` computes.

A logit counts in units of the model; the policy's `nat` says how many make one unit of natural
log-odds. Risks are parts per million, yearly rates basis points.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from counterpoise.core.errors import InputError
from counterpoise.core.units import PPM

KNOTS_A_NAT = 4
TAIL = 32
# fmt: off
LOGISTIC = (
    500000, 562177, 622459, 679179, 731059, 777300, 817574, 851953, 880797, 904651, 924142,
    939913, 952574, 962673, 970688, 977023, 982014, 985936, 989013, 991423, 993307, 994780,
    995930, 996827, 997527, 998073, 998499, 998830, 999089, 999290, 999447, 999569, 999665,
)
# fmt: on
"""The logistic function in ppm at 0, 1/4, 2/4 ... 8 nats; the contract holds the same numbers."""

MAX_POINTS = 8
YEAR = 31_536_000
MONTH = 2_628_000
BPS = 10_000


@dataclass(frozen=True, slots=True)
class Point:
    """A risk in ppm and the yearly rate, in basis points, at which it is lent to."""

    risk: int
    yearly_bps: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What a desk lends by, fixed at its deployment.

    Parameters
    ----------
    model :
        Id of the model, 32 bytes; it has one logit, of which more means more risk.
    nat :
        How many units of the logit are one nat of log-odds.
    curve :
        One to eight points; risks rise from 0, rates do not fall. Beyond the last risk nobody is
        lent to.
    min_amount, max_amount, max_exposure :
        Bounds of one loan, and of all that is kept and lent, in base units.
    max_months :
        The longest term.
    answer_seconds, offer_seconds :
        How long the oracle has to answer, and how long an offer stands.
    reference :
        SHA-256 of the bytes of a usual borrower, beside whom reasons are given.
    """

    model: bytes
    nat: int
    curve: tuple[Point, ...]
    min_amount: int
    max_amount: int
    max_exposure: int
    max_months: int
    answer_seconds: int
    offer_seconds: int
    reference: bytes

    def to_abi(self) -> tuple[object, ...]:
        """Give the policy as the contract takes it."""
        curve = [(point.risk, point.yearly_bps) for point in self.curve]
        bounds = (self.min_amount, self.max_amount, self.max_exposure, self.max_months)
        windows = (self.answer_seconds, self.offer_seconds)
        return (self.model, self.nat, curve, *bounds, *windows, self.reference)

    @classmethod
    def from_abi(cls, values: tuple[object, ...]) -> Policy:
        """Read a policy as the contract gives it."""
        model, nat, curve, *rest = values
        points = tuple(Point(*pair) for pair in curve)  # type: ignore[attr-defined]
        return cls(model, nat, points, *rest)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Terms:
    """What an answer comes to; a rate of 0 is a decline."""

    risk: int
    yearly_bps: int

    @property
    def is_offer(self) -> bool:
        """Whether there is an offer."""
        return self.yearly_bps > 0


def risk_of(logit: int, nat: int) -> int:
    """Give the logistic function of a logit in ppm: linear between knots, flat from 8 nats on.

    Less than 800 ppm from the real function.

    >>> [risk_of(logit, 1000) for logit in (-1609, 0, 125, 10**6)]
    [167437, 500000, 531088, 999665]
    """
    knot, part = divmod(abs(logit) * KNOTS_A_NAT, nat)
    value = LOGISTIC[TAIL]
    if knot < TAIL:
        value = LOGISTIC[knot] + (LOGISTIC[knot + 1] - LOGISTIC[knot]) * part // nat
    return value if logit >= 0 else PPM - value


def rate_of(risk: int, curve: tuple[Point, ...]) -> int:
    """Give the yearly rate of a risk: linear between points, rounded up; 0 beyond the last.

    >>> rate_of(15_000, (Point(0, 300), Point(20_000, 400)))
    375
    """
    if risk > curve[-1].risk:
        return 0
    for low, high in pairwise(curve):
        if risk <= high.risk:
            rise, run = high.yearly_bps - low.yearly_bps, high.risk - low.risk
            return low.yearly_bps + -(-rise * (risk - low.risk) // run)
    return curve[0].yearly_bps


def price(answer: bytes, policy: Policy) -> Terms:
    """Price an answer, ``logit i32 || decision u16``; one of another shape is declined."""
    if len(answer) != 6:
        return Terms(PPM, 0)
    risk = risk_of(int.from_bytes(answer[:4], "big", signed=True), policy.nat)
    return Terms(risk, 0 if any(answer[4:]) else rate_of(risk, policy.curve))


def grown_interest(outstanding: int, yearly_bps: int, seconds: int) -> int:
    """Give the simple interest of some seconds, rounded up to a base unit."""
    return -(-outstanding * yearly_bps * seconds // (BPS * YEAR))


def check_curve(curve: tuple[Point, ...]) -> None:
    """Refuse a curve that a desk would refuse.

    Raises
    ------
    InputError :
        It has no point or too many, does not begin at no risk, or does not rise.
    """
    if not 1 <= len(curve) <= MAX_POINTS:
        raise InputError(f"a curve of {len(curve)} points, 1..{MAX_POINTS} wanted")
    if curve[0].risk != 0 or curve[0].yearly_bps < 1:
        raise InputError("a curve begins at risk 0 with a rate of at least one basis point")
    if any(a.risk >= b.risk or a.yearly_bps > b.yearly_bps for a, b in pairwise(curve)):
        raise InputError("along a curve risks rise and rates do not fall")
    if curve[-1].risk >= PPM or curve[-1].yearly_bps >= 2**16:
        raise InputError("a curve ends below a risk of one and a rate of 2**16 basis points")
