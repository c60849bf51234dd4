# pragma version ~=0.4.3
"""
@title Calls of every kind, for tests of call trees
@license Apache-2.0
"""

interface Nest:
    def leaf(number: uint256) -> uint256: payable
    def look() -> uint256: view
    def fail(): nonpayable

event Seen:
    number: uint256

number: uint256
other: public(address)


@deploy
def __init__(other: address):
    self.other = other


@external
@payable
def everything():
    self.number = 1
    extcall Nest(self.other).leaf(7)
    self.number = 2
    assert staticcall Nest(self.other).look() == 7
    raw_call(self.other, abi_encode(convert(9, uint256), method_id=method_id("leaf(uint256)")), is_delegate_call=True)
    failed: bool = raw_call(self.other, method_id("fail()"), revert_on_failure=False)
    assert not failed
    send(msg.sender, msg.value)
    log Seen(number=self.number)


@external
@payable
def leaf(number: uint256) -> uint256:
    self.number = number
    log Seen(number=number)
    return number


@external
@view
def look() -> uint256:
    return self.number


@external
def fail():
    self.number = 99
    raise "nest: on purpose"


@external
def make() -> address:
    return create_minimal_proxy_to(self)
