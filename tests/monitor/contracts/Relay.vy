# pragma version ~=0.4.3
"""
@title A relay
@license Apache-2.0
@notice Runs the code it is told to, with its own storage; as a proxy does where the slot names it, and as a trap does.
@custom:trust Whoever calls `point` rules it.
@custom:stop Nobody can.
"""

from ethereum.ercs import IERC20

event OwnershipTransferred:
    previous: indexed(address)
    owner: indexed(address)

owner: public(address)


@external
def run(code: address, data: Bytes[256]):
    raw_call(code, data, is_delegate_call=True)


@external
def claim():
    log OwnershipTransferred(previous=self.owner, owner=msg.sender)
    self.owner = msg.sender


@external
def mint_and_take(token: address, amount: uint256):
    """
    @notice Promise something, and take the caller's tokens.
    """
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount), "relay: nothing to take"
