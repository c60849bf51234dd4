# pragma version ~=0.4.3
"""
@title A vault that lets itself be paused
@license Apache-2.0
@notice Keeps coins of whoever brings them; taking them out waits for the end of a pause.
@custom:trust The owner chooses the guardian's terms; it cannot touch what others brought.
@custom:stop The guardian, for a bounded time.
"""

from counterpoise.monitor import IGuardian

GUARDIAN: immutable(IGuardian)
OWNER: immutable(address)
balance_of: public(HashMap[address, uint256])


@deploy
def __init__(guardian: address):
    GUARDIAN = IGuardian(guardian)
    OWNER = msg.sender


@external
def consent(terms: IGuardian.Terms):
    assert msg.sender == OWNER, "vault: not the owner"
    extcall GUARDIAN.consent(terms)


@external
def leave():
    assert msg.sender == OWNER, "vault: not the owner of it"
    extcall GUARDIAN.leave()


@external
def reclaim():
    extcall GUARDIAN.reclaim()


@payable
@external
def bring():
    self.balance_of[msg.sender] += msg.value


@external
def take(amount: uint256):
    assert block.timestamp >= staticcall GUARDIAN.paused_until(self), "vault: paused"
    self.balance_of[msg.sender] -= amount
    send(msg.sender, amount)
