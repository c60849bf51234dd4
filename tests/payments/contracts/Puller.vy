# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Collectors for tests: honest by allowance; one that brings nothing, or half; one that calls back.
"""

from ethereum.ercs import IERC20

brings: bool


@external
def bring(brings: bool):
    """
    @notice Say whether it brings the tokens after it called back.
    """
    self.brings = brings


@external
def collect(payer: address, token: address, amount: uint256, id: bytes32, order: Bytes[1024]):
    if len(order) == 0:
        assert extcall IERC20(token).transferFrom(payer, msg.sender, amount)
    elif order == b"half":
        assert extcall IERC20(token).transferFrom(payer, msg.sender, amount // 2)
    elif order != b"nothing":
        raw_call(msg.sender, order)
        if self.brings:
            assert extcall IERC20(token).transferFrom(payer, msg.sender, amount)
