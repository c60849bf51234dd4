# pragma version ~=0.4.3
"""
@title Lends a token for the length of a call
@license Apache-2.0
@notice ERC-3156 without its interest: what was lent, and a thousandth more, must be back at the end.
@custom:trust Nobody.
@custom:stop Nobody.
"""

from ethereum.ercs import IERC20


interface Borrower:
    def onFlashLoan(initiator: address, token: address, amount: uint256, fee: uint256, given: Bytes[64]) -> bytes32: nonpayable


@external
def flashLoan(receiver: address, token: address, amount: uint256, given: Bytes[64]):
    fee: uint256 = amount // 1000
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).transfer(receiver, amount), "lender: no transfer"
    extcall Borrower(receiver).onFlashLoan(msg.sender, token, amount, fee, given)
    assert staticcall IERC20(token).balanceOf(self) >= before + fee, "lender: not paid back"
