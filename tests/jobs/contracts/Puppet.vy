# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A contract that calls what it is told to; for tests alone
@license Apache-2.0
"""


@external
def act(target: address, message: Bytes[2048]):
    raw_call(target, message)
