# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A judge that calls what it is told to, and vouches for bonds as it is told; for tests alone
@license Apache-2.0
"""

bonded: bool


@deploy
def __init__():
    self.bonded = True


@external
def act(target: address, message: Bytes[2048]):
    raw_call(target, message)


@external
def vouch(bonded: bool):
    self.bonded = bonded


@view
@external
def is_bonded(job: uint256) -> bool:
    return self.bonded
