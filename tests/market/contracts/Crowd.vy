# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Deploys one contract many times; for tests alone
@license Apache-2.0
"""


@external
def gather(code: Bytes[8192], count: uint256):
    for _: uint256 in range(count, bound=200):
        made: address = raw_create(code)
        assert made != empty(address)
