# pragma version ~=0.4.3
"""
@title A token for tests: its owner mints, and may refuse everybody else's sales
@license Apache-2.0
@notice ERC-20. Where `trapped` is set, only the owner can send tokens to the market.
@custom:trust The owner mints without bound and can stop all sales; that is what the tests are about.
@custom:stop Nobody.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


event Approval:
    owner: indexed(address)
    spender: indexed(address)
    amount: uint256


event OwnershipTransferred:
    before: indexed(address)
    after: indexed(address)


owner: public(address)
market: public(address)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(supply: uint256):
    self.owner = msg.sender
    self._mint(msg.sender, supply)


@external
def mint(receiver: address, amount: uint256):
    assert msg.sender == self.owner, "coin: not the owner"
    self._mint(receiver, amount)


@external
def trap(market: address):
    assert msg.sender == self.owner, "coin: not the owner who traps"
    self.market = market


@external
def pass_on(owner: address):
    assert msg.sender == self.owner, "coin: not the owner who passes on"
    log OwnershipTransferred(before=self.owner, after=owner)
    self.owner = owner


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, amount=amount)
    return True


@external
def permit(owner: address, spender: address, amount: uint256):
    """Stands for EIP-2612: the signature is left out, the event and who sends it are the same."""
    self.allowance[owner][spender] = amount
    log Approval(owner=owner, spender=spender, amount=amount)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    self.allowance[sender][msg.sender] -= amount
    self._move(sender, receiver, amount)
    return True


@internal
def _mint(receiver: address, amount: uint256):
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=empty(address), receiver=receiver, amount=amount)


@internal
def _move(sender: address, receiver: address, amount: uint256):
    if receiver == self.market and self.market != empty(address):
        assert tx.origin == self.owner, "coin: nobody sells"
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, amount=amount)
