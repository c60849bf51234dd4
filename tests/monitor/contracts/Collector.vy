# pragma version ~=0.4.3
"""
@title Takes tokens that their owners approved
@license Apache-2.0
@notice `take` for nothing; `deal` for as many of another token.
@custom:trust Its owner.
@custom:stop Nobody.
"""

from ethereum.ercs import IERC20


interface Permits:
    def permit(owner: address, spender: address, amount: uint256): nonpayable


@external
def take(token: address, owner: address, receiver: address, amount: uint256):
    assert extcall IERC20(token).transferFrom(owner, receiver, amount), "collector: not given"


@external
def grab(token: address, owner: address, receiver: address, amount: uint256):
    """Hands a signed right in and uses it at once."""
    extcall Permits(token).permit(owner, self, amount)
    assert extcall IERC20(token).transferFrom(owner, receiver, amount), "collector: not given at once"


@external
def deal(token: address, owner: address, receiver: address, amount: uint256, other: address):
    assert extcall IERC20(token).transferFrom(owner, receiver, amount), "collector: not given now"
    assert extcall IERC20(other).transferFrom(receiver, owner, amount), "collector: nothing in return"


@payable
@external
def spread(receivers: DynArray[address, 32], amount: uint256):
    for receiver: address in receivers:
        send(receiver, amount)


@external
def claim(round: uint256):
    pass


@external
def emit_false(sender: address, receiver: address, amount: uint256):
    """A token in name only: it tells of whatever transfers it likes."""
    log Transfer(sender=sender, receiver=receiver, amount=amount)


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256
