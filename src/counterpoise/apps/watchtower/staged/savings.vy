# pragma version ~=0.4.3
# pragma evm-version cancun
# slither-disable-start all flawed on purpose: the robbery that the monitor must see
"""
@title Savings
@license Apache-2.0
@notice Keeps coins of whoever brings them, and lets a guardian pause the taking out. Flawed on purpose: it pays before
     it writes, so that a demonstration has something to rob.
@custom:trust The owner chooses the guardian's terms. Anybody can rob it: deploy it nowhere else.
@custom:stop The guardian, for a bounded time.
"""

from counterpoise.monitor import IGuardian

GUARDIAN: immutable(IGuardian)
OWNER: immutable(address)

saved: public(HashMap[address, uint256])


@deploy
def __init__(guardian: address):
    GUARDIAN = IGuardian(guardian)
    OWNER = msg.sender


@external
def consent(terms: IGuardian.Terms):
    """
    @notice Let the guardian pause the taking out, on these terms.
    """
    assert msg.sender == OWNER, "savings: not the owner"
    extcall GUARDIAN.consent(terms)


@payable
@external
def bring():
    """
    @notice Save the coins that are sent along.
    """
    self.saved[msg.sender] += msg.value


@external
def take_all():
    """
    @notice Take out what the caller has saved.
    """
    assert block.timestamp >= staticcall GUARDIAN.paused_until(self), "savings: paused"
    amount: uint256 = self.saved[msg.sender]
    assert amount > 0, "savings: nothing saved"
    # The flaw: whoever is paid may call again before the write below.
    raw_call(msg.sender, b"", value=amount)
    self.saved[msg.sender] = 0
