# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A token for tests: takes a fee of each transfer, refuses, or mints any amount.
"""

balanceOf: public(HashMap[address, uint256])
fee: public(uint256)
refuses: public(bool)


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def take(fee: uint256, refuses: bool):
    self.fee = fee
    self.refuses = refuses


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    return self._move(owner, receiver, amount)


@internal
def _move(owner: address, receiver: address, amount: uint256) -> bool:
    if self.refuses:
        return False
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount - self.fee
    return True
