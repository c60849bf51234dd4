# pragma version ~=0.4.3
"""
@title Risk and rate in integers
@license Apache-2.0
@notice The logistic function in parts per million, and a rate that is linear between points, in basis points.
"""

from counterpoise.apps.lending import ILoanDesk

PPM: constant(uint256) = 1_000_000
TAIL: constant(uint256) = 32
MAX_POINTS: constant(uint256) = 8

# The logistic function in parts per million at 0, 1/4, 2/4 ... 8 nats.
LOGISTIC: constant(uint256[33]) = [
    500000, 562177, 622459, 679179, 731059, 777300, 817574, 851953, 880797, 904651, 924142, 939913, 952574, 962673,
    970688, 977023, 982014, 985936, 989013, 991423, 993307, 994780, 995930, 996827, 997527, 998073, 998499, 998830,
    999089, 999290, 999447, 999569, 999665
]


@internal
@pure
def _risk(logit: int256, nat: uint256) -> uint256:
    """
    @notice The logistic function of a logit: linear between knots, flat from 8 nats on. `nat` is the logit of one nat.
    """
    quarters: uint256 = convert(abs(logit), uint256) * 4
    knot: uint256 = quarters // nat
    knots: uint256[33] = LOGISTIC
    value: uint256 = knots[TAIL]
    if knot < TAIL:
        value = knots[knot] + (knots[knot + 1] - knots[knot]) * (quarters % nat) // nat
    return value if logit >= 0 else PPM - value


@internal
@pure
def _yearly_bps(risk: uint256, curve: DynArray[ILoanDesk.Point, MAX_POINTS]) -> uint256:
    """
    @notice The rate of a risk: linear between the points of the curve, rounded up; 0 beyond the last.
    """
    last: uint256 = len(curve) - 1
    if risk > curve[last].risk:
        return 0
    for at: uint256 in range(1, len(curve), bound=MAX_POINTS):
        if risk <= curve[at].risk:
            run: uint256 = curve[at].risk - curve[at - 1].risk
            rise: uint256 = curve[at].yearly_bps - curve[at - 1].yearly_bps
            return curve[at - 1].yearly_bps + (rise * (risk - curve[at - 1].risk) + run - 1) // run
    return curve[0].yearly_bps


@internal
@pure
def _check_curve(curve: DynArray[ILoanDesk.Point, MAX_POINTS]):
    assert len(curve) > 0, "desk: no curve"
    assert curve[0].risk == 0, "desk: the curve does not begin at no risk"
    assert curve[0].yearly_bps > 0, "desk: a rate of nothing"
    for at: uint256 in range(1, len(curve), bound=MAX_POINTS):
        assert curve[at - 1].risk < curve[at].risk, "desk: risks do not rise"
        assert curve[at - 1].yearly_bps <= curve[at].yearly_bps, "desk: rates fall"
    assert curve[len(curve) - 1].risk < PPM, "desk: a risk of one is no risk to take"
    assert curve[len(curve) - 1].yearly_bps < 2**16, "desk: rate above 2**16"
