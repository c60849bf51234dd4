# pragma version ~=0.4.3
event Bumped:
    who: indexed(address)
    by: uint256
    note: String[32]
total: public(uint256)
of: public(HashMap[address, uint256])
@external
def bump(by: uint256):
    assert by > 0, "counter: nothing to add"
    self.total += by
    self.of[msg.sender] += by
    log Bumped(who=msg.sender, by=by, note="hi")
