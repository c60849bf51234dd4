# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title A consumer that can be told to misbehave; for tests alone
@license Apache-2.0
"""

from counterpoise.oracle import IAnswerTaker

implements: IAnswerTaker

event Took:
    id: uint256
    answer: Bytes[66]
    gas: uint256

event Told:
    assertion: bytes32
    resolved: bool
    truth: bool

# 0 records, 1 reverts, 2 burns all its gas, 3 calls `target` with `message` and says whether it could, 4 reads
mood: public(uint256)
target: address
message: Bytes[1024]
reentered: public(bool)
saw: public(Bytes[256])
junk: uint256


@external
def set_mood(mood: uint256):
    self.mood = mood


@external
def set_call(target: address, message: Bytes[1024]):
    self.target = target
    self.message = message


@external
def act(target: address, message: Bytes[1024]) -> Bytes[256]:
    return raw_call(target, message, max_outsize=256)


@external
def on_answer(id: uint256, answer: Bytes[66]):
    self._act()
    log Took(id=id, answer=answer, gas=msg.gas)


@external
def assertionResolvedCallback(assertionId: bytes32, assertedTruthfully: bool):
    self._act()
    log Told(assertion=assertionId, resolved=True, truth=assertedTruthfully)


@external
def assertionDisputedCallback(assertionId: bytes32):
    self._act()
    log Told(assertion=assertionId, resolved=False, truth=False)


@internal
def _act():
    assert self.mood != 1, "consumer: not now"
    if self.mood == 2:
        for i: uint256 in range(1_000_000):
            self.junk += 1
    if self.mood == 3:
        self.reentered = raw_call(self.target, self.message, revert_on_failure=False)
    if self.mood == 4:
        self.saw = raw_call(self.target, self.message, max_outsize=256, is_static_call=True)
