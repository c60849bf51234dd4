# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A cohort that everybody but one has joined; for tests alone
@license Apache-2.0
"""

from counterpoise.jobs import ICohort

STRANGER: immutable(address)


@deploy
def __init__(stranger: address):
    STRANGER = stranger


@view
@external
def member(job: uint256, account: address) -> ICohort.Member:
    return ICohort.Member(joined=account != STRANGER, stake=0, drawn=0)
