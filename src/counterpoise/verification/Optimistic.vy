# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Bonded answers
@license Apache-2.0
@notice A provider answers a question with a bond, and commits to every number on the way to the answer. For a while
     anyone may prove one number false, and the bond is lost: part goes to the challenger, the rest is burnt. A number
     that was not published must be revealed on demand, or the bond is lost too. Then the answer is final.
@dev The trace's root is made here, from the question's input and the answer itself: these ends are never in dispute.
     A proposal is a head (see `standing`), an answer and a claim, keccak(05 || model || trace root).
     Tokens held are the balances (the zero address's is to be burnt), and the bonds of proposals and open demands.
@custom:trust One honest watcher with the model, the input (or a demand for it) and gas to convict in the window. Who
     copies its conviction may take the reward, not save the liar. The registry is trusted for well-formed headers.
@custom:stop Nobody can stop it. An asker stops asking it; what stands is settled, and balances are withdrawn.
"""

from counterpoise.chain.lib import ordered_tree
from counterpoise.inference import IModels
from counterpoise.jobs import ICreditToken
from counterpoise.verification import IAsker
from counterpoise.verification import IEvaluator
from counterpoise.verification import IJudge
from counterpoise.verification import IOptimistic
from counterpoise.verification.lib import answers
from counterpoise.verification.lib import standing
from counterpoise.verification.lib import traces

implements: IEvaluator
implements: IOptimistic
initializes: answers

PROPOSED: constant(uint256) = 1  # as IEvaluator.Verdict.status counts
DISPUTED: constant(uint256) = 2
FINAL: constant(uint256) = 3

MAX_ASKED: constant(uint256) = 8  # every leaf but the answer
MAX_HIDDEN: constant(uint256) = 7
MAX_SHOWN: constant(uint256) = 256  # bytes of one leaf

token: public(immutable(ICreditToken))
models: public(immutable(IModels))
judge: public(immutable(IJudge))
bond: public(immutable(uint256))
demand_bond: public(immutable(uint256))
liveness_seconds: public(immutable(uint256))
reveal_seconds: public(immutable(uint256))

balanceOf: public(HashMap[address, uint256])
_head: HashMap[bytes32, uint256]
_claim: HashMap[bytes32, bytes32]
_demand: HashMap[bytes32, HashMap[uint256, uint256]]  # demander (160 bits), deadline (36)
shape: public(HashMap[bytes32, uint256])  # of an admitted model: leaves of a trace (8 bits), logits (8)


@deploy
def __init__(
    token_: address,
    models_: address,
    judge_: address,
    bond_: uint256,
    demand_bond_: uint256,
    liveness_seconds_: uint256,
    reveal_seconds_: uint256,
):
    """
    @param bond_ What a provider stands to lose, in base units: more than twice the gas of a conviction is worth.
    @param demand_bond_ What a demand costs who makes it without reason, in base units.
    @param liveness_seconds_ How long an answer stands open to demands and convictions.
    @param reveal_seconds_ How long a provider has to reveal a leaf, and then a challenger to judge it.
    """
    assert bond_ > 1, "optimistic: no bond"
    assert 0 < liveness_seconds_ and liveness_seconds_ < 2**32, "optimistic: liveness out of range"
    assert 0 < reveal_seconds_ and reveal_seconds_ < 2**32, "optimistic: time to reveal out of range"
    token = ICreditToken(token_)
    models = IModels(models_)
    judge = IJudge(judge_)
    bond = bond_
    demand_bond = demand_bond_
    liveness_seconds = liveness_seconds_
    reveal_seconds = reveal_seconds_


@external
def admit(model: bytes32):
    """
    @notice Take in a registered model whose cells the judge can recompute; anyone, once.
    """
    assert self.shape[model] == 0, "optimistic: already admitted"
    header: Bytes[128] = staticcall models.header(model)
    assert len(header) != 0, "optimistic: no such model"
    leaves: uint256 = 0
    outputs: uint256 = 0
    leaves, outputs = staticcall judge.shape(header)
    self.shape[model] = leaves | (outputs << 8)
    log IOptimistic.Admitted(model=model, leaves=leaves, outputs=outputs)


@external
def propose(asker: address, id: uint256, claim: bytes32, answer: Bytes[66], hidden: DynArray[bytes32, MAX_HIDDEN]):
    """
    @notice Answer a question. The bond is taken from the caller's balance here, then from its tokens.
    @param claim keccak(05 || model || trace root): refused if by now another question bears the number.
    @param hidden The hash of each leaf of the trace between the input and the answer.
    """
    self._propose(asker, id, claim, answer, hidden, [])


@external
def propose_with_trace(
    asker: address, id: uint256, claim: bytes32, answer: Bytes[66], trace: DynArray[Bytes[MAX_SHOWN], MAX_HIDDEN]
):
    """
    @notice Answer a question and publish every number on the way, so that a lie falls in one transaction.
    @param trace The payload of each leaf between the input and the answer.
    """
    hidden: DynArray[bytes32, MAX_HIDDEN] = []
    for payload: Bytes[MAX_SHOWN] in trace:
        hidden.append(traces._leaf(len(hidden) + 1, payload))
    self._propose(asker, id, claim, answer, hidden, trace)


@external
def convict(asker: address, id: uint256, cell: IJudge.Cell):
    """
    @notice Prove one cell of a proposal false. The question is open again, and the caller is rewarded.
    """
    key: bytes32 = self._key(asker, id)
    head: uint256 = self._standing(key)
    ruling: IJudge.Ruling = staticcall judge.judge(cell)
    assert traces._claim(ruling.model, ruling.trace_root) == self._claim[key], "optimistic: not the trace in dispute"
    assert ruling.is_false, "optimistic: the cell is right"
    self._convict(asker, id, key, head, msg.sender, cell.kind, cell.row)


@external
def demand(asker: address, id: uint256, claim: bytes32, leaf: uint256):
    """
    @notice Demand that a leaf of a proposal be revealed; each leaf once, within the liveness of the proposal.
    @param claim The proposal that is meant, so that the demand does not fall upon a later one.
    @param leaf 0 for the input with its salt, then the leaves up to the answer, which is known.
    """
    key: bytes32 = self._key(asker, id)
    head: uint256 = self._standing(key)
    assert claim == self._claim[key], "optimistic: another proposal stands"
    assert leaf + 1 < standing._leaves(head), "optimistic: no such leaf to demand"
    assert (standing._asked(head) >> leaf) & 1 == 0, "optimistic: already demanded"
    assert block.timestamp < standing._proposed(head) + liveness_seconds, "optimistic: too late to demand"
    deadline: uint256 = block.timestamp + reveal_seconds
    self._demand[key][leaf] = convert(msg.sender, uint256) | (deadline << 160)
    self._head[key] = standing._demanded_now(head, leaf)
    log IOptimistic.Demanded(asker=asker, id=id, leaf=leaf, demander=msg.sender, deadline=deadline)
    self._take(msg.sender, demand_bond)


@external
def reveal(
    asker: address,
    id: uint256,
    model: bytes32,
    leaf: uint256,
    payload: Bytes[traces.MAX_PAYLOAD],
    path: DynArray[bytes32, ordered_tree.MAX_DEPTH],
):
    """
    @notice Reveal a demanded leaf in time; anyone. The demand's bond goes to the provider.
    @param payload The leaf without its marks; for leaf 0 the salt and the input.
    """
    key: bytes32 = self._key(asker, id)
    head: uint256 = self._standing(key)
    demand: uint256 = self._demand[key][leaf]
    assert demand != 0, "optimistic: not demanded"
    assert block.timestamp < demand >> 160, "optimistic: too late to reveal"
    assert len(path) == ordered_tree._depth(standing._leaves(head)), "optimistic: path of another length"
    root: bytes32 = ordered_tree._root_of(traces._leaf(leaf, payload), leaf, path)
    assert traces._claim(model, root) == self._claim[key], "optimistic: not the leaf"
    self._demand[key][leaf] = 0
    self._head[key] = standing._revealed(head)
    self.balanceOf[standing._provider(head)] += demand_bond
    log IOptimistic.Revealed(asker=asker, id=id, leaf=leaf, payload=payload)


@external
def forfeit(asker: address, id: uint256, leaf: uint256):
    """
    @notice Convict the provider of a leaf that was demanded and not revealed in time; anyone. Its demander is rewarded.
    """
    key: bytes32 = self._key(asker, id)
    head: uint256 = self._standing(key)
    demand: uint256 = self._demand[key][leaf]
    assert demand != 0, "optimistic: no open demand"
    assert block.timestamp >= demand >> 160, "optimistic: time to reveal is left"
    self._convict(asker, id, key, head, convert(demand & standing.ADDRESS_MASK, address), 0, leaf)


@external
def settle(asker: address, id: uint256):
    """
    @notice Make an answer final that nobody convicted in its time; anyone. The bond goes to the provider's balance.
    """
    key: bytes32 = self._key(asker, id)
    head: uint256 = self._standing(key)
    assert standing._open(head) == 0, "optimistic: a demand stands open"
    assert block.timestamp >= self._ends(head), "optimistic: the window is open"
    self._head[key] = standing._settled_now(head)
    self.balanceOf[standing._provider(head)] += bond
    log IEvaluator.Settled(asker=asker, id=id, status=FINAL, answer=answers._load(key))


@external
def withdraw() -> uint256:
    """
    @notice Take out the caller's balance; gives the amount.
    """
    amount: uint256 = self.balanceOf[msg.sender]
    assert amount != 0, "optimistic: nothing to withdraw"
    self.balanceOf[msg.sender] = 0
    log IOptimistic.Withdrawn(account=msg.sender, amount=amount)
    paid: bool = extcall token.transfer(msg.sender, amount, default_return_value=True)
    assert paid, "optimistic: the token refused to pay"
    return amount


@external
def burn():
    """
    @notice Burn the part of lost bonds that is nobody's, the balance of the zero address; anyone.
    """
    amount: uint256 = self.balanceOf[empty(address)]
    assert amount != 0, "optimistic: nothing to burn"
    self.balanceOf[empty(address)] = 0
    log IOptimistic.Withdrawn(account=empty(address), amount=amount)
    extcall token.burn(amount)


@view
@external
def level() -> uint256:
    """
    @notice 1: optimistic.
    """
    return 1


@view
@external
def verdict(asker: address, id: uint256) -> IEvaluator.Verdict:
    """
    @notice Where a question stands; `evidence` is keccak(05 || model || trace root).
    """
    key: bytes32 = self._key(asker, id)
    head: uint256 = self._head[key]
    if head == 0:
        return empty(IEvaluator.Verdict)
    status: uint256 = PROPOSED
    time: uint256 = standing._touched(head)
    if standing._is_final(head):
        status = FINAL
    elif standing._open(head) != 0:
        status = DISPUTED
    else:
        time = standing._proposed(head)
    return IEvaluator.Verdict(
        status=status,
        providers=[standing._provider(head)],
        answer=answers._load(key),
        evidence=self._claim[key],
        time=time,
    )


@view
@external
def proposal(asker: address, id: uint256) -> IOptimistic.Proposal:
    """
    @notice Everything that is stored about a proposal but its answer; zeros if none stands.
    """
    key: bytes32 = self._key(asker, id)
    head: uint256 = self._head[key]
    if head == 0:
        return empty(IOptimistic.Proposal)
    return IOptimistic.Proposal(
        provider=standing._provider(head),
        claim=self._claim[key],
        proposed=standing._proposed(head),
        ends=self._ends(head),
        leaves=standing._leaves(head),
        asked=standing._asked(head),
        open_demands=standing._open(head),
        final=standing._is_final(head),
    )


@view
@external
def demanded(asker: address, id: uint256, leaf: uint256) -> IOptimistic.Demand:
    """
    @notice The open demand for a leaf; zeros if there is none.
    """
    demand: uint256 = self._demand[self._key(asker, id)][leaf]
    return IOptimistic.Demand(demander=convert(demand & standing.ADDRESS_MASK, address), deadline=demand >> 160)


@internal
def _propose(
    asker: address, id: uint256, claim: bytes32, answer: Bytes[66], hidden: DynArray[bytes32, MAX_HIDDEN],
    trace: DynArray[Bytes[MAX_SHOWN], MAX_HIDDEN],
):
    question: IAsker.Question = staticcall IAsker(asker).question(id)
    assert question.evaluator == self, "optimistic: not asked here"
    assert block.timestamp <= question.deadline, "optimistic: the question is over"
    key: bytes32 = self._key(asker, id)
    assert self._head[key] == 0, "optimistic: a proposal stands"
    shape: uint256 = self.shape[question.model]
    leaves: uint256 = shape & 255
    assert leaves != 0, "optimistic: the model is not admitted"
    assert len(hidden) + 2 == leaves, "optimistic: wrong number of leaves"
    assert len(answer) == 4 * (shape >> 8) + 2, "optimistic: answer of another length"
    trace_leaves: DynArray[bytes32, ordered_tree.MAX_DEPTH] = [question.input]
    for leaf: bytes32 in hidden:
        trace_leaves.append(leaf)
    trace_leaves.append(traces._leaf(leaves - 1, answer))
    made: bytes32 = traces._claim(question.model, ordered_tree._root(trace_leaves))
    assert made == claim, "optimistic: another question or trace"
    self._claim[key] = claim
    self._head[key] = standing._new(msg.sender, leaves)
    answers._store(key, answer)
    log IEvaluator.Proposed(asker=asker, id=id, provider=msg.sender, answer=answer, evidence=claim)
    log IOptimistic.Traced(asker=asker, id=id, model=question.model, input=question.input, hidden=hidden, trace=trace)
    self._take(msg.sender, bond)


@internal
def _convict(
    asker: address, id: uint256, key: bytes32, head: uint256, challenger: address, kind: uint256, row: uint256
):
    """
    @notice Clear a proposal; half of its bond is the challenger's, the rest is burnt; open demands are given back.
    """
    self._head[key] = 0
    self._claim[key] = empty(bytes32)
    answers._clear(key)
    for leaf: uint256 in range(MAX_ASKED):
        if (standing._asked(head) >> leaf) & 1 != 0:
            demand: uint256 = self._demand[key][leaf]
            if demand != 0:
                self._demand[key][leaf] = 0
                self.balanceOf[convert(demand & standing.ADDRESS_MASK, address)] += demand_bond
    reward: uint256 = bond // 2
    burnt: uint256 = bond - reward
    self.balanceOf[challenger] += reward
    self.balanceOf[empty(address)] += burnt
    provider: address = standing._provider(head)
    log IOptimistic.Convicted(
        asker=asker, id=id, provider=provider, challenger=challenger, kind=kind, row=row, reward=reward, burnt=burnt
    )


@internal
def _take(account: address, amount: uint256):
    """
    @notice Take a bond from an account's balance here, and what is missing from its tokens.
    """
    balance: uint256 = self.balanceOf[account]
    if balance >= amount:
        self.balanceOf[account] = balance - amount
        return
    self.balanceOf[account] = 0
    taken: bool = extcall token.transferFrom(account, self, amount - balance, default_return_value=True)
    assert taken, "optimistic: the token refused the bond"


@view
@internal
def _standing(key: bytes32) -> uint256:
    """
    @notice Give the head of a proposal that is not final.
    """
    head: uint256 = self._head[key]
    assert head != 0, "optimistic: no proposal stands"
    assert not standing._is_final(head), "optimistic: already final"
    return head


@view
@internal
def _ends(head: uint256) -> uint256:
    """
    @notice Give when a proposal's window ends: no earlier than its last demand, a reveal and as long again to judge it.
    """
    ends: uint256 = standing._proposed(head) + liveness_seconds
    if standing._asked(head) != 0:
        ends = max(ends, standing._touched(head) + 2 * reveal_seconds)
    return ends


@pure
@internal
def _key(asker: address, id: uint256) -> bytes32:
    return keccak256(abi_encode(asker, id))
