# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A token with the faults that tokens have; for tests alone
@license Apache-2.0
"""

# What it does wrong, as a sum: 1 transfer answers false, 2 transferFrom answers false, 4 keeps a fee of 1 unit,
# 8 calls `target` with `message` inside every transfer.
fault: public(uint256)
target: address
message: Bytes[1024]
call_succeeded: public(bool)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def set_fault(fault: uint256):
    self.fault = fault


@external
def set_call(target: address, message: Bytes[1024]):
    self.target = target
    self.message = message


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    if self.fault & 1 != 0:
        return False
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    if self.fault & 2 != 0:
        return False
    self.allowance[owner][msg.sender] -= amount
    self._move(owner, to, amount)
    return True


@external
def receiveWithAuthorization(
    payer: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    pass


@internal
def _move(owner: address, to: address, amount: uint256):
    fee: uint256 = 1 if self.fault & 4 != 0 else 0
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - fee
    if self.fault & 8 != 0:
        self.call_succeeded = raw_call(self.target, self.message, revert_on_failure=False)
