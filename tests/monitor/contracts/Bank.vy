# pragma version ~=0.4.3
"""
@title Keeps coins; in one of its ways to take them out it pays before it writes
@license Apache-2.0
@notice `take` is flawed, `take_safely` is not; `give_away` lets a deposit be passed on at any time.
@custom:trust Nobody.
@custom:stop Nobody.
"""

balance_of: public(HashMap[address, uint256])


@payable
@external
def bring():
    self.balance_of[msg.sender] += msg.value


@external
def take():
    amount: uint256 = self.balance_of[msg.sender]
    assert amount > 0, "bank: nothing there"
    raw_call(msg.sender, b"", value=amount)
    self.balance_of[msg.sender] = 0


@external
def take_safely():
    amount: uint256 = self.balance_of[msg.sender]
    assert amount > 0, "bank: nothing there for you"
    self.balance_of[msg.sender] = 0
    raw_call(msg.sender, b"", value=amount)


@external
def give_away(receiver: address):
    amount: uint256 = self.balance_of[msg.sender]
    self.balance_of[msg.sender] = 0
    self.balance_of[receiver] += amount


@external
def report():
    """A trusted part calls back, and the bank goes on: the way of vaults and their strategies."""
    self.balance_of[self] += 1


@external
def harvest(part: address):
    raw_call(part, method_id("settle()"))
    self.balance_of[self] += 1
