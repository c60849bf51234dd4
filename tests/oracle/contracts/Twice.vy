# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Makes one call twice in one transaction; for tests alone
@license Apache-2.0
"""

from ethereum.ercs import IERC20


@external
def twice(token: address, target: address, message: Bytes[1024]):
    assert extcall IERC20(token).approve(target, max_value(uint256))
    raw_call(target, message)
    raw_call(target, message)
