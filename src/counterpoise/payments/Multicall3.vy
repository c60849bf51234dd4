# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Many calls in one
@license Apache-2.0
@notice The two methods of Multicall3 that clients of payments read with; for a local chain, at the known address.
@dev Up to 32 calls of 4,096 bytes, with answers of up to 1,024 bytes, and without ether.
@custom:trust Nobody: it has no rights, no tokens and no state. Never approve it: anyone can let it call anything.
@custom:stop Nobody can stop it.
"""

struct Call:
    target: address
    callData: Bytes[4096]


struct Call3:
    target: address
    allowFailure: bool
    callData: Bytes[4096]


struct Result:
    success: bool
    returnData: Bytes[1024]


@external
def tryAggregate(requireSuccess: bool, calls: DynArray[Call, 32]) -> DynArray[Result, 32]:
    """
    @notice Make calls in order; with `requireSuccess` one that fails undoes all.
    """
    found: DynArray[Result, 32] = []
    for call: Call in calls:
        found.append(self._made(call.target, call.callData, not requireSuccess))
    return found


@external
def aggregate3(calls: DynArray[Call3, 32]) -> DynArray[Result, 32]:
    """
    @notice Make calls in order; one that fails undoes all unless it may.
    """
    found: DynArray[Result, 32] = []
    for call: Call3 in calls:
        found.append(self._made(call.target, call.callData, call.allowFailure))
    return found


@internal
def _made(target: address, data: Bytes[4096], may_fail: bool) -> Result:
    ok: bool = False
    answer: Bytes[1024] = b""
    ok, answer = raw_call(target, data, max_outsize=1024, revert_on_failure=False)
    assert ok or may_fail, "payments: a call failed"
    return Result(success=ok, returnData=answer)
