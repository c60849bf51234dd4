# pragma version ~=0.4.3
"""
@title Keeps coins for all, behind code that can be exchanged
@license Apache-2.0
@notice Everybody takes what is theirs; after `upgrade` the owner's code decides.
@custom:trust The owner, with everything.
@custom:stop Nobody.
"""

event Upgraded:
    implementation: indexed(address)


OWNER: immutable(address)
balance_of: public(HashMap[address, uint256])
logic: address


@deploy
def __init__():
    OWNER = msg.sender


@payable
@external
def bring():
    self.balance_of[msg.sender] += msg.value


@external
def take(amount: uint256):
    self.balance_of[msg.sender] -= amount
    send(msg.sender, amount)


@external
def upgrade(logic: address):
    assert msg.sender == OWNER, "safe: not the owner"
    self.logic = logic
    log Upgraded(implementation=logic)


@external
def sweep(amount: uint256):
    assert msg.sender == OWNER and self.logic != empty(address), "safe: not yet"
    send(msg.sender, amount)
