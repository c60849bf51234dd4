# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A hook that can be told to misbehave; for tests alone
@license Apache-2.0
"""

interface IJobsRead:
    def jobCounter() -> uint256: view

event Seen:
    after: bool
    job: uint256
    selector: bytes4
    data: Bytes[1120]

# 0 records, 1 reverts before, 2 reverts after, 3 burns all its gas, 4 calls `target` and says whether it could,
# 5 answers a megabyte, 6 reverts with all the memory its gas can buy, 7 reads from the escrow
mood: public(uint256)
target: address
message: Bytes[1024]
reentered: public(bool)
saw: public(uint256)


@external
def set_mood(mood: uint256):
    self.mood = mood


@external
def set_call(target: address, message: Bytes[1024]):
    self.target = target
    self.message = message


@external
def beforeAction(job: uint256, selector: bytes4, data: Bytes[1120]):
    assert self.mood != 1, "hook: not before"
    self._act()
    log Seen(after=False, job=job, selector=selector, data=data)


@external
def afterAction(job: uint256, selector: bytes4, data: Bytes[1120]):
    assert self.mood != 2, "hook: not after"
    self._act()
    log Seen(after=True, job=job, selector=selector, data=data)


@internal
def _act():
    if self.mood == 3:
        for i: uint256 in range(1_000_000):
            self.saw += 1
    if self.mood == 4:
        self.reentered = raw_call(self.target, self.message, revert_on_failure=False)
    if self.mood == 7:
        self.saw = staticcall IJobsRead(msg.sender).jobCounter()
