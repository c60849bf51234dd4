# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Oracle of models' answers
@license Apache-2.0
@notice A contract asks a registered model about a committed input, names how strongly the answer is to be proven, and
     pays. The evaluator of that level settles the answer; anyone brings it here; the consumer is called last.
@dev Four words a request, one to three for its answer (see lib/answers.vy):
     head   client (160 bits), deadline (40), status (8), level (8), callback gas (32)
     terms  callback (160), fee (96)
     then model and input.
@custom:trust Evaluators and the registry of models are fixed at deployment. An evaluator alone decides its level's
     answers and who shares their fees, and touches nothing else. Who answers sees the input. Nobody owns this contract.
@custom:stop Nobody can stop it. A request without an answer is refunded after its deadline; whatever its evaluator
     does, no longer than `patience` seconds after. Fees earned can be drawn for ever.
"""

from ethereum.ercs import IERC20

from counterpoise.inference import IModels
from counterpoise.oracle import IOracle
from counterpoise.oracle.lib import answers
from counterpoise.verification import IAsker
from counterpoise.verification import IEvaluator

implements: IOracle
implements: IAsker
initializes: answers

OPEN: constant(uint256) = 1  # as IOracle.Request.status counts
ANSWERED: constant(uint256) = 2
REFUNDED: constant(uint256) = 3

UNANSWERED: constant(uint256) = 0  # as IEvaluator.Verdict.status counts
FINAL: constant(uint256) = 3
FAILED: constant(uint256) = 4

MAX_LEVELS: constant(uint256) = 4
MAX_BATCH: constant(uint256) = 64
MAX_CALLBACK_GAS: constant(uint256) = 1_000_000
RESERVE: constant(uint256) = 20_000  # gas for the call itself and for what follows it

ADDRESS_MASK: constant(uint256) = 2**160 - 1
TIME_MASK: constant(uint256) = 2**40 - 1
FEE_MASK: constant(uint256) = 2**96 - 1
PRICE_MASK: constant(uint256) = 2**128 - 1

token: public(immutable(address))
models: public(immutable(address))
patience: public(immutable(uint256))
EVALUATORS: immutable(address[MAX_LEVELS])

request_count: reentrant(public(uint256))
credit: reentrant(public(HashMap[address, uint256]))
_head: HashMap[uint256, uint256]
_terms: HashMap[uint256, uint256]
_model: HashMap[uint256, bytes32]
_input: HashMap[uint256, bytes32]
_quote: HashMap[address, HashMap[uint256, uint256]]


@deploy
def __init__(token_: address, models_: address, evaluators: address[MAX_LEVELS], patience_: uint256):
    """
    @param token_ One that moves exactly what it is told to and calls nobody, such as CreditToken.
    @param evaluators The evaluator of each level; zero where a level is not offered.
    @param patience_ Must exceed the time that any of them may need after a deadline.
    """
    assert token_.is_contract, "oracle: the token is no contract"
    assert models_.is_contract, "oracle: the registry is no contract"
    assert patience_ <= TIME_MASK, "oracle: patience above 2**40"
    token = token_
    models = models_
    patience = patience_
    EVALUATORS = evaluators
    for level: uint256 in range(MAX_LEVELS):
        if evaluators[level] != empty(address):
            assert staticcall IEvaluator(evaluators[level]).level() == level, "oracle: an evaluator of another level"


# A consumer may ask again while it takes an answer: this changes nothing that the callback's caller still needs.
@reentrant
@external
def request(
    model: bytes32,
    input: bytes32,
    level: uint256,
    callback: address,
    callback_gas: uint256,
    fee: uint256,
    deadline: uint256,
    reference: bytes32,
) -> uint256:
    head: uint256 = self._checked(model, level, callback, callback_gas, fee, deadline)
    id: uint256 = self.request_count + 1
    self.request_count = id
    self._open(id, head, convert(callback, uint256) | (fee << 160), model, input, reference)
    self._pull(fee)
    return id


@reentrant
@external
def request_batch(
    model: bytes32,
    inputs: DynArray[bytes32, MAX_BATCH],
    level: uint256,
    callback: address,
    callback_gas: uint256,
    fee: uint256,
    deadline: uint256,
    references: DynArray[bytes32, MAX_BATCH],
) -> uint256:
    head: uint256 = self._checked(model, level, callback, callback_gas, fee, deadline)
    assert len(inputs) > 0, "oracle: no inputs"
    assert len(references) in [0, len(inputs)], "oracle: not a reference for each input"
    first: uint256 = self.request_count + 1
    self.request_count += len(inputs)
    terms: uint256 = convert(callback, uint256) | (fee << 160)
    for at: uint256 in range(len(inputs), bound=MAX_BATCH):
        reference: bytes32 = references[at] if len(references) > 0 else empty(bytes32)
        self._open(first + at, head, terms, model, inputs[at], reference)
    self._pull(fee * len(inputs))
    return first


@external
def fulfil(id: uint256):
    head: uint256 = self._open_head(id)
    verdict: IEvaluator.Verdict = self._verdict(id, head)
    assert verdict.status == FINAL, "oracle: no final verdict yet"
    self._fulfil(id, head, verdict)


@external
def fulfil_batch(ids: DynArray[uint256, MAX_BATCH]) -> uint256:
    done: uint256 = 0
    for id: uint256 in ids:
        head: uint256 = self._head[id]
        if self._status(head) != OPEN:
            continue
        verdict: IEvaluator.Verdict = self._verdict(id, head)
        if verdict.status != FINAL:
            continue
        self._fulfil(id, head, verdict)
        done += 1
    return done


@external
def cancel(id: uint256):
    head: uint256 = self._open_head(id)
    deadline: uint256 = self._deadline(head)
    if block.timestamp <= deadline + patience:
        status: uint256 = self._verdict(id, head).status
        hopeless: bool = status == UNANSWERED and block.timestamp > deadline
        assert hopeless or status == FAILED, "oracle: an answer may still come"
    self._head[id] = self._with(head, REFUNDED)
    client: address = convert(head & ADDRESS_MASK, address)
    fee: uint256 = self._terms[id] >> 160
    log IOracle.Refunded(id=id, client=client, amount=fee)
    self._push(client, fee)


@external
def withdraw(account: address) -> uint256:
    amount: uint256 = self.credit[account]
    assert amount > 0, "oracle: nothing earned"
    self.credit[account] = 0
    log IOracle.Withdrawn(account=account, amount=amount)
    self._push(account, amount)
    return amount


@external
def quote(level: uint256, fee: uint256, gas_price: uint256):
    assert level < MAX_LEVELS, "oracle: no such level to quote for"
    assert fee <= FEE_MASK, "oracle: quoted fee above 2**96"
    assert gas_price <= PRICE_MASK, "oracle: gas price above 2**128"
    self._quote[msg.sender][level] = fee | (gas_price << 96)
    log IOracle.Quoted(provider=msg.sender, level=level, fee=fee, gas_price=gas_price)


@reentrant
@view
@external
def estimate(provider: address, level: uint256, callback_gas: uint256) -> uint256:
    terms: uint256 = self._quote[provider][level]
    return (terms & FEE_MASK) + (terms >> 96) * callback_gas


@reentrant
@view
@external
def question(id: uint256) -> IAsker.Question:
    """
    @notice An open request, as evaluators read it; zeros once it is answered or refunded.
    """
    head: uint256 = self._head[id]
    if self._status(head) != OPEN:
        return empty(IAsker.Question)
    return IAsker.Question(
        model=self._model[id],
        input=self._input[id],
        evaluator=EVALUATORS[self._level(head)],
        deadline=self._deadline(head),
    )


@reentrant
@view
@external
def request_of(id: uint256) -> IOracle.Request:
    head: uint256 = self._head[id]
    terms: uint256 = self._terms[id]
    return IOracle.Request(
        client=convert(head & ADDRESS_MASK, address),
        status=self._status(head),
        level=self._level(head),
        model=self._model[id],
        input=self._input[id],
        callback=convert(terms & ADDRESS_MASK, address),
        callback_gas=head >> 216,
        fee=terms >> 160,
        deadline=self._deadline(head),
    )


@reentrant
@view
@external
def answer_of(id: uint256) -> IOracle.Answer:
    return answers._read(id)


@reentrant
@view
@external
def latest(model: bytes32, input: bytes32) -> IOracle.Answer:
    return answers._read(answers._newest_of(answers._key(model, input), 0))


@reentrant
@view
@external
def latest_within(model: bytes32, input: bytes32, least_level: uint256, max_age: uint256) -> IOracle.Answer:
    id: uint256 = answers._newest_of(answers._key(model, input), least_level)
    assert id != 0, "oracle: no answer so strong"
    assert block.timestamp - answers._time(id) <= max_age, "oracle: no answer so fresh"
    return answers._read(id)


@reentrant
@view
@external
def evaluator_of(level: uint256) -> address:
    return EVALUATORS[level] if level < MAX_LEVELS else empty(address)


@view
@internal
def _checked(
    model: bytes32, level: uint256, callback: address, callback_gas: uint256, fee: uint256, deadline: uint256
) -> uint256:
    """
    @notice The head of a new request of the caller, once its terms are found to be sound.
    """
    assert level < MAX_LEVELS, "oracle: no such level"
    assert EVALUATORS[level] != empty(address), "oracle: the level is not offered"
    assert block.timestamp <= deadline, "oracle: the deadline is past"
    assert deadline <= TIME_MASK, "oracle: deadline above 2**40"
    assert fee <= FEE_MASK, "oracle: fee above 2**96"
    assert callback_gas <= MAX_CALLBACK_GAS, "oracle: callback gas above a million"
    assert callback == empty(address) or callback.is_contract, "oracle: the callback is no contract"
    assert staticcall IModels(models).is_registered(model), "oracle: unknown model"
    return convert(msg.sender, uint256) | (deadline << 160) | (OPEN << 200) | (level << 208) | (callback_gas << 216)


@internal
def _open(id: uint256, head: uint256, terms: uint256, model: bytes32, input: bytes32, reference: bytes32):
    self._head[id] = head
    self._terms[id] = terms
    self._model[id] = model
    self._input[id] = input
    log IOracle.Requested(
        id=id,
        client=msg.sender,
        model=model,
        input=input,
        level=self._level(head),
        callback=convert(terms & ADDRESS_MASK, address),
        callback_gas=head >> 216,
        fee=terms >> 160,
        deadline=self._deadline(head),
        reference=reference,
    )


@internal
def _fulfil(id: uint256, head: uint256, verdict: IEvaluator.Verdict):
    assert len(verdict.answer) > 0, "oracle: the verdict has no answer"
    assert len(verdict.providers) > 0, "oracle: the verdict has no provider"
    time: uint256 = min(verdict.time, block.timestamp)
    self._head[id] = self._with(head, ANSWERED)
    answers._write(id, answers._key(self._model[id], self._input[id]), self._level(head), time, verdict.answer)
    terms: uint256 = self._terms[id]
    self._share(terms >> 160, verdict.providers)
    log IOracle.Fulfilled(
        id=id,
        level=self._level(head),
        answer=verdict.answer,
        providers=verdict.providers,
        evidence=verdict.evidence,
        time=time,
    )
    callback: address = convert(terms & ADDRESS_MASK, address)
    if callback != empty(address):
        self._deliver(id, callback, head >> 216, verdict.answer)


@internal
def _deliver(id: uint256, callback: address, gas_cap: uint256, answer: Bytes[66]):
    """
    @dev A call gets at most 63/64 of what is left. Less than the cap would let whoever fulfils starve the consumer.
         Nothing of what it returns is copied, and its failure is noted, not passed on.
    """
    assert msg.gas >= gas_cap + gas_cap // 63 + RESERVE, "oracle: too little gas for the callback"
    passed: bool = raw_call(
        callback,
        abi_encode(id, answer, method_id=method_id("on_answer(uint256,bytes)")),
        gas=gas_cap,
        revert_on_failure=False,
    )
    log IOracle.Delivered(id=id, callback=callback, passed=passed)


@internal
def _share(fee: uint256, providers: DynArray[address, 16]):
    """
    @notice Credit each provider an equal part; the first gets what division leaves.
    """
    if fee == 0:
        return
    part: uint256 = fee // len(providers)
    rest: uint256 = fee - part * len(providers)
    for provider: address in providers:
        self.credit[provider] += part + rest
        rest = 0


@internal
def _pull(amount: uint256):
    if amount > 0:
        # slither-disable-next-line reentrancy-unlocked the last step; a callback may ask again
        assert extcall IERC20(token).transferFrom(msg.sender, self, amount), "oracle: the token refused the fee"


@internal
def _push(to: address, amount: uint256):
    if amount > 0:
        assert extcall IERC20(token).transfer(to, amount), "oracle: the token refused to pay"


@view
@internal
def _open_head(id: uint256) -> uint256:
    head: uint256 = self._head[id]
    assert self._status(head) == OPEN, "oracle: no open request"
    return head


@view
@internal
def _verdict(id: uint256, head: uint256) -> IEvaluator.Verdict:
    return staticcall IEvaluator(EVALUATORS[self._level(head)]).verdict(self, id)


@pure
@internal
def _with(head: uint256, status: uint256) -> uint256:
    return (head & ~convert(255 << 200, uint256)) | (status << 200)


@pure
@internal
def _status(head: uint256) -> uint256:
    return (head >> 200) & 255


@pure
@internal
def _level(head: uint256) -> uint256:
    return (head >> 208) & 255


@pure
@internal
def _deadline(head: uint256) -> uint256:
    return (head >> 160) & TIME_MASK
