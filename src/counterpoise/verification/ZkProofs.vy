# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Zero-knowledge proofs of answers
@license Apache-2.0
@notice An answer is final in the transaction that proves it. The owner of a model pins, once, the verifying key of its
     circuit; a proof must verify under that key, with the request's own input and the answer's logits as the public
     values. The public values are made here, from bytes and signed integers, so that no other form of them exists.
@dev Words:
     shape    inputs (16 bits), outputs (16), rule (8), then the threshold (32, as it is signed)
     proven   provider (160), time (40), and of a model with one output the answer (48), marked by a bit
     The verifier is the reusable Halo2 verifier that EZKL writes: it reverts on a false proof, and answers with the
     digest of the key it used. Anyone can register any key with it, so the digest is compared with the pinned one.
@custom:trust The owner of a model, who was the first to register it, pins a key: whoever relies on it repeats the set-up
     from the published settings and compares digests. Who knows the secret of an SRS can forge: in production only the
     SRS of one ceremony is taken. The verifier is fixed at deployment: compare its code. Proofs are public when they
     are sent: another may send the same one first, and is then the provider. The input becomes public.
@custom:stop Nobody can stop it, and a pin is for ever: a broken key needs another contract of this kind.
"""

from counterpoise.inference import IModels
from counterpoise.verification import IAsker
from counterpoise.verification import IEvaluator
from counterpoise.verification import IZkProofs
from counterpoise.verification.lib import packed

implements: IEvaluator
implements: IZkProofs
initializes: packed

interface IHalo2Verifier:
    def registerVka(vka: DynArray[bytes32, MAX_KEY]) -> bytes32: nonpayable

FINAL: constant(uint256) = 3  # as IEvaluator.Verdict.status counts
NET: constant(uint256) = 1  # kind of a model, in its header

MAX_KEY: constant(uint256) = 320
MAX_PROOF: constant(uint256) = 6144
MAX_INPUTS: constant(uint256) = 256
MAX_OUTPUTS: constant(uint256) = 16
MAX_PUBLIC: constant(uint256) = 32 * (1 + MAX_INPUTS + MAX_OUTPUTS)
POINTS: constant(uint256) = 16  # the word of a key where the G2 points of the SRS begin: 8 words
R: constant(uint256) = 21888242871839275222246405745257275088548364400416034343698204186575808495617
VERIFY: constant(bytes4) = method_id("verifyProof(bytes,uint256[],bytes32[])", output_type=bytes4)

ADDRESS_MASK: constant(uint256) = 2**160 - 1
TIME_MASK: constant(uint256) = 2**40 - 1
SHORT: constant(uint256) = 6  # bytes of an answer with one logit
INLINE: constant(uint256) = 1 << 248

models: public(immutable(address))
verifier: public(immutable(address))
production: public(immutable(bool))
ceremony: public(immutable(bytes32))

_pin: HashMap[bytes32, IZkProofs.Pin]
_shape: HashMap[bytes32, uint256]
_evidence: HashMap[address, HashMap[uint256, bytes32]]
_proven: HashMap[bytes32, uint256]  # by keccak256 of the proof
_answer: HashMap[bytes32, bytes32]  # by the same, unless it is in the word above


@deploy
def __init__(models_: address, verifier_: address, production_: bool, ceremony_: bytes32):
    """
    @param production_ Whether keys of a development SRS are refused.
    @param ceremony_ keccak256 of the G2 points of the ceremony's SRS, as a key holds them; zero: there is none.
    """
    assert models_.is_contract, "zk: the registry is no contract"
    assert verifier_.is_contract, "zk: the verifier is no contract"
    assert ceremony_ != empty(bytes32) or not production_, "zk: production needs a ceremony"
    models = models_
    verifier = verifier_
    production = production_
    ceremony = ceremony_


@external
def pin(model: bytes32, key: DynArray[bytes32, MAX_KEY], settings: bytes32, srs: bytes32):
    """
    @notice Fix the verifying key of a model, and register it with the verifier; the model's owner, once.
    @param key The words of the key, as EZKL writes them.
    @param settings SHA-256 of the published settings, from which anyone makes the same key again.
    @param srs SHA-256 of the SRS file.
    """
    assert (staticcall IModels(models).record(model)).owner == msg.sender, "zk: not the owner of the model"
    assert self._shape[model] == 0, "zk: already pinned"
    assert len(key) >= POINTS + 8, "zk: no verifying key is this short"
    header: Bytes[128] = staticcall IModels(models).header(model)
    assert convert(slice(header, 1, 1), uint256) == NET, "zk: only nets have circuits here"
    inputs: uint256 = convert(slice(header, 8, 2), uint256)
    outputs: uint256 = convert(slice(header, 10, 2), uint256)
    assert inputs <= MAX_INPUTS, "zk: too many inputs"
    words: Bytes[32 * MAX_KEY + 64] = abi_encode(key)
    digest: bytes32 = keccak256(slice(words, 64, 32 * len(key)))
    points: bytes32 = keccak256(slice(words, 64 + 32 * POINTS, 256))
    development: bool = points != ceremony
    assert not (production and development), "zk: development SRS in production"
    rule: uint256 = convert(slice(header, 2, 1), uint256)
    threshold: uint256 = convert(slice(header, 4, 4), uint256)
    self._pin[model] = IZkProofs.Pin(
        digest=digest, settings=settings, srs=srs, ceremony=points, development=development
    )
    self._shape[model] = inputs | (outputs << 16) | (rule << 32) | (threshold << 40)
    log IZkProofs.Pinned(
        model=model, digest=digest, settings=settings, srs=srs, ceremony=points, development=development
    )
    registered: bytes32 = extcall IHalo2Verifier(verifier).registerVka(key)
    assert registered == digest, "zk: the verifier counts another digest"


@external
def prove(
    asker: address,
    id: uint256,
    salt: bytes32,
    values: Bytes[MAX_INPUTS],
    logits: DynArray[int256, MAX_OUTPUTS],
    proof: Bytes[MAX_PROOF],
    key: Bytes[32 * MAX_KEY],
):
    """
    @notice Prove what a model answers to a question; it is final at once, and the caller is its provider.
    @param salt The salt that the question's commitment to its input hides.
    @param values The input that it hides.
    @param logits The outputs of the model, within 32 bits; the decision follows from them.
    @param proof The proof, as EZKL makes it for the EVM.
    @param key The words of the key that is pinned for the model.
    """
    assert self._evidence[asker][id] == empty(bytes32), "zk: already decided"
    question: IAsker.Question = staticcall IAsker(asker).question(id)
    assert question.evaluator == self, "zk: not asked of this contract"
    assert block.timestamp <= question.deadline, "zk: the deadline is over"
    assert keccak256(concat(b"\x03", salt, values)) == question.input, "zk: not the input that was asked about"
    shape: uint256 = self._shape[question.model]
    assert shape != 0, "zk: no key is pinned for the model"
    assert len(proof) % 32 == 0 and len(key) % 32 == 0, "zk: proof and key are whole words"
    evidence: bytes32 = keccak256(proof)
    words: Bytes[MAX_PUBLIC + 64] = abi_encode(self._public_values(shape, values, logits))
    assert self._proven[evidence] == 0, "zk: the proof was used before"
    size: uint256 = 32 * (1 + len(values) + len(logits))
    # Written out: an internal call would copy proof and key once more.
    success: bool = False
    response: Bytes[64] = b""
    # slither-disable-next-line reentrancy-state the verifier is fixed at deployment, and what writes is locked
    success, response = raw_call(
        verifier,
        concat(
            VERIFY,
            convert(96, bytes32),
            convert(128 + len(proof), bytes32),
            convert(128 + len(proof) + size, bytes32),
            convert(len(proof), bytes32),
            proof,
            slice(words, 32, size),
            convert(len(key) // 32, bytes32),
            key,
        ),
        max_outsize=64,
        revert_on_failure=False,
    )
    assert success, "zk: the proof is false"
    assert len(response) == 64, "zk: the verifier answers otherwise"
    assert extract32(response, 32) == self._pin[question.model].digest, "zk: not the key of the model"
    answer: Bytes[66] = self._answer_of(shape, logits)
    proven: uint256 = convert(msg.sender, uint256) | (block.timestamp << 160)
    word: bytes32 = packed._pack(answer)
    if len(answer) == SHORT:
        proven |= (convert(word, uint256) >> 208) << 200 | INLINE
    else:
        self._answer[evidence] = word
    self._evidence[asker][id] = evidence
    self._proven[evidence] = proven
    log IEvaluator.Proposed(asker=asker, id=id, provider=msg.sender, answer=answer, evidence=evidence)
    log IEvaluator.Settled(asker=asker, id=id, status=FINAL, answer=answer)


@view
@external
def verdict(asker: address, id: uint256) -> IEvaluator.Verdict:
    """
    @notice Where a question stands; `evidence` is keccak256 of the proof.
    """
    found: IEvaluator.Verdict = empty(IEvaluator.Verdict)
    evidence: bytes32 = self._evidence[asker][id]
    if evidence != empty(bytes32):
        proven: uint256 = self._proven[evidence]
        found.status = FINAL
        found.providers = [convert(proven & ADDRESS_MASK, address)]
        found.evidence = evidence
        found.time = (proven >> 160) & TIME_MASK
        if proven & INLINE != 0:
            found.answer = slice(convert(proven << 8, bytes32), 0, SHORT)
        else:
            found.answer = packed._unpack(self._answer[evidence])
    return found


@view
@external
def level() -> uint256:
    return 2


@view
@external
def pin_of(model: bytes32) -> IZkProofs.Pin:
    """
    @notice The key that is pinned for a model; zeros if none is.
    """
    return self._pin[model]


@pure
@internal
def _public_values(
    shape: uint256, values: Bytes[MAX_INPUTS], logits: DynArray[int256, MAX_OUTPUTS]
) -> DynArray[uint256, MAX_INPUTS + MAX_OUTPUTS]:
    """
    @dev The bytes of the input, then the logits as elements of the field: a negative one is the field's order less it.
    """
    assert len(values) == shape & 65535, "zk: not as many inputs as the model has"
    assert len(logits) == (shape >> 16) & 65535, "zk: not as many logits as the model has"
    made: DynArray[uint256, MAX_INPUTS + MAX_OUTPUTS] = []
    for i: uint256 in range(len(values), bound=MAX_INPUTS):
        made.append(convert(slice(values, i, 1), uint256))
    for logit: int256 in logits:
        assert -(2**31) <= logit and logit < 2**31, "zk: a logit beyond 32 bits"
        if logit < 0:
            made.append(R - convert(-logit, uint256))
        else:
            made.append(convert(logit, uint256))
    return made


@pure
@internal
def _answer_of(shape: uint256, logits: DynArray[int256, MAX_OUTPUTS]) -> Bytes[66]:
    """
    @dev The logits, 4 bytes each, then the decision by the model's rule, 2 bytes.
    """
    argmax: bool = (shape >> 32) & 255 != 0
    best: uint256 = 0
    words: uint256[3] = empty(uint256[3])
    count: uint256 = len(logits)
    for i: uint256 in range(count, bound=MAX_OUTPUTS):
        if logits[i] > logits[best]:
            best = i
        words[i // 8] |= convert(logits[i] & (2**32 - 1), uint256) << (224 - 32 * (i % 8))
    decision: uint256 = best
    if not argmax and logits[0] > self._signed(shape >> 40):
        decision = 1
    words[count // 8] |= decision << (240 - 32 * (count % 8))
    tail: Bytes[2] = slice(convert(words[2], bytes32), 0, 2)
    return slice(concat(convert(words[0], bytes32), convert(words[1], bytes32), tail), 0, 4 * count + 2)


@pure
@internal
def _signed(word: uint256) -> int256:
    value: int256 = convert(word, int256)
    return value - 2**32 if value >= 2**31 else value
