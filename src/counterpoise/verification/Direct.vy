# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Answers that the chain computes
@license Apache-2.0
@notice Runs a small net itself, from its weights, which anyone loads once; the answer is final in the same transaction.
@dev Weights lie as the code of a contract that is never called: 1 byte that stops, the facts (the beginning of the header
     and a word a layer), then for each row its bias in a word and its weights, 32 to a word, in the order that
     `lanes` multiplies in. The model's id is made anew from what is loaded, so that no weight can be swapped.
@custom:trust Nobody but the chain. The bytes of the input are public once a question is answered here.
@custom:stop Nobody can stop it. Askers name another evaluator.
"""

from counterpoise.verification import IAsker
from counterpoise.verification import IDirect
from counterpoise.verification import IEvaluator
from counterpoise.verification.lib import answers
from counterpoise.verification.lib import growing_tree
from counterpoise.verification.lib import lanes

implements: IDirect
implements: IEvaluator
initializes: answers

FINAL: constant(uint256) = 3  # as IEvaluator.Verdict.status counts
NET: constant(uint256) = 1
ARGMAX: constant(uint256) = 1
MAX_LAYERS: constant(uint256) = 8
MAX_OUTPUTS: constant(uint256) = 16
MAX_WIDTH: constant(uint256) = 512
MAX_WORDS: constant(uint256) = MAX_WIDTH // 32
MAX_ROWS_BYTES: constant(uint256) = 23_552  # as many as fit in the code
HEADER_START: constant(uint256) = 12
LAYER: constant(uint256) = 10

CONSTRUCTOR: constant(Bytes[12]) = x"600b380380600b5f395ff300"  # a constructor that returns what follows it, and a stop
MAX_CODE_WORDS: constant(uint256) = 745
FACTS_START: constant(uint256) = 1 + 64  # in the code: after the stop, and the encoding's offset and length
FACTS: constant(uint256) = 32 * (1 + MAX_LAYERS)
CHUNK: constant(uint256) = 1024  # bytes that are read at once

LANES: constant(uint256) = lanes.LANES
ADDRESS_MASK: constant(uint256) = 2**160 - 1
TIME_MASK: constant(uint256) = 2**40 - 1
SHORT: constant(uint256) = 6  # bytes of an answer with one logit: they fit in the word of the verdict
IS_SHORT: constant(uint256) = 1 << 248

code_of: public(HashMap[bytes32, address])
_verdict: HashMap[bytes32, uint256]  # provider (160 bits), time (40), answer if it has one logit (48), whether (1)


@external
def load(header: Bytes[128], rows: Bytes[MAX_ROWS_BYTES]) -> bytes32:
    """
    @notice Put the weights of a net on the chain, and give its id; anyone, once.
    @param rows Of each row in order its bias, i32, and its weights.
    """
    padded: Bytes[160] = concat(header, empty(bytes32))
    words: DynArray[uint256, MAX_CODE_WORDS] = self._facts(padded)
    padded_rows: Bytes[MAX_ROWS_BYTES + 32] = concat(rows, empty(bytes32))
    tree: growing_tree.Tree = empty(growing_tree.Tree)
    at: uint256 = 0
    for layer: uint256 in range((words[0] >> 224) & 255, bound=MAX_LAYERS):
        inputs: uint256 = words[1 + layer] >> 64
        for neuron: uint256 in range((words[1 + layer] >> 48) & 65535, bound=MAX_WIDTH):
            marks: bytes4 = convert(convert((layer << 16) | tree.count, uint32), bytes4)
            leaf: bytes32 = keccak256(concat(marks, slice(rows, at, 4 + inputs)))
            tree = growing_tree._with_leaf(tree, leaf)
            bias: uint256 = extract32(padded_rows, at, output_type=uint256) >> 224
            words.append(bias ^ 2**31)
            for step: uint256 in range((inputs + 31) // 32, bound=MAX_WORDS):
                # what follows the row in its last word meets inputs that are zero
                word: uint256 = extract32(padded_rows, at + 4 + 32 * step, output_type=uint256)
                words.append(lanes._reversed(word))
            at += 4 + inputs
    assert at == len(rows), "direct: more rows than the header says"
    model: bytes32 = keccak256(concat(0x04, header, growing_tree._root(tree)))
    assert self.code_of[model] == empty(address), "direct: already loaded"
    for _: uint256 in range(CHUNK // 32):
        if (32 * len(words) - FACTS) % CHUNK == 0:
            break
        words.append(0)
    code: address = raw_create(concat(CONSTRUCTOR, abi_encode(words)))
    self.code_of[model] = code
    log IDirect.Loaded(model=model, code=code, size=FACTS_START + 32 * len(words))
    return model


@external
def answer(asker: address, id: uint256, salt: bytes32, values: Bytes[MAX_WIDTH]):
    """
    @notice Answer a question by running its model on the input that it commits to; anyone, who then is its provider.
    """
    question: IAsker.Question = staticcall IAsker(asker).question(id)
    assert question.evaluator == self, "direct: not asked here"
    assert block.timestamp <= question.deadline, "direct: the question is over"
    assert keccak256(concat(0x03, salt, values)) == question.input, "direct: not the input of the question"
    key: bytes32 = keccak256(abi_encode(asker, id))
    assert self._verdict[key] == 0, "direct: already answered"
    found: Bytes[66] = self._run(question.model, values)
    head: uint256 = convert(msg.sender, uint256) | (block.timestamp << 160)
    if len(found) == SHORT:
        word: uint256 = extract32(concat(found, empty(bytes32)), 0, output_type=uint256)
        head |= (word >> 208 << 200) | IS_SHORT
    else:
        answers._store(key, found)
    self._verdict[key] = head
    log IEvaluator.Proposed(asker=asker, id=id, provider=msg.sender, answer=found, evidence=empty(bytes32))
    log IEvaluator.Settled(asker=asker, id=id, status=FINAL, answer=found)


@view
@external
def run(model: bytes32, values: Bytes[MAX_WIDTH]) -> Bytes[66]:
    """
    @notice Run a loaded net on the bytes of an input.
    """
    return self._run(model, values)


@view
@external
def level() -> uint256:
    """
    @notice 3: direct.
    """
    return 3


@view
@external
def verdict(asker: address, id: uint256) -> IEvaluator.Verdict:
    """
    @notice Where a question stands; `evidence` is zero, for the chain itself computed the answer.
    """
    key: bytes32 = keccak256(abi_encode(asker, id))
    head: uint256 = self._verdict[key]
    if head == 0:
        return empty(IEvaluator.Verdict)
    found: Bytes[66] = slice(convert(head << 8, bytes32), 0, SHORT)
    if head & IS_SHORT == 0:
        found = answers._load(key)
    provider: address = convert(head & ADDRESS_MASK, address)
    time: uint256 = (head >> 160) & TIME_MASK
    return IEvaluator.Verdict(
        status=FINAL, providers=[provider], answer=found, evidence=empty(bytes32), time=time
    )


@pure
@internal
def _facts(header: Bytes[160]) -> DynArray[uint256, MAX_CODE_WORDS]:
    """
    @notice Give the first words of the code: the beginning of the header; for each layer inputs u16, outputs u16,
         shift u8, lo i16, hi i16, and the zero point u8 of the next layer.
    """
    head: uint256 = extract32(header, 0, output_type=uint256)
    assert (head >> 240) & 255 == NET, "direct: not a net"
    layers: uint256 = (head >> 224) & 255
    assert 0 < layers and layers <= MAX_LAYERS, "direct: number of layers out of range"
    assert len(header) == HEADER_START + LAYER * layers + 32, "direct: header of another length"
    words: DynArray[uint256, MAX_CODE_WORDS] = [head]
    width: uint256 = (head >> 176) & 65535
    for number: uint256 in range(MAX_LAYERS):
        word: uint256 = 0
        if number < layers:
            layer: uint256 = extract32(header, HEADER_START + LAYER * number, output_type=uint256) >> 136
            assert layer >> 104 == width, "direct: the layers do not fit together"
            assert width <= MAX_WIDTH, "direct: too wide to run"
            width = (layer >> 88) & 65535
            word = ((layer >> 88) << 48) | ((layer >> 40) & (2**40 - 1)) << 8 | (layer & 255)
        words.append(word)
    assert width == (head >> 160) & 65535 and width <= MAX_OUTPUTS, "direct: too many outputs"
    return words


@view
@internal
def _run(model: bytes32, values: Bytes[MAX_WIDTH]) -> Bytes[66]:
    """
    @dev Every neuron pays for each operation of the inner loop, so it calls nothing, and checks no overflow: a sum of
         bytes times bytes over 16 words, and a bias of 32 bits, are far from 256 bits.
    """
    code: address = self.code_of[model]
    assert code != empty(address), "direct: the model is not loaded"
    facts: Bytes[FACTS] = slice(code.code, FACTS_START, FACTS)
    head: uint256 = extract32(facts, 0, output_type=uint256)
    assert len(values) == (head >> 176) & 65535, "direct: input of another length"
    layers: uint256 = (head >> 224) & 255
    entering: uint256[MAX_WORDS] = empty(uint256[MAX_WORDS])
    padded: Bytes[MAX_WIDTH + 32] = concat(values, empty(bytes32))
    for step: uint256 in range((len(values) + 31) // 32, bound=MAX_WORDS):
        entering[step] = extract32(padded, 32 * step, output_type=uint256)
    chunk: Bytes[CHUNK] = b""
    next_chunk: uint256 = FACTS_START + FACTS
    at: uint256 = CHUNK
    best: int256 = min_value(int256)
    decision: uint256 = 0
    for number: uint256 in range(layers, bound=MAX_LAYERS):
        layer: uint256 = extract32(facts, 32 + 32 * number, output_type=uint256)
        words: uint256 = ((layer >> 64) + 31) // 32
        outputs: uint256 = (layer >> 48) & 65535
        shift_by: uint256 = (layer >> 40) & 255
        zero_point: int256 = convert(layer & 255, int256)
        lo: int256 = convert(((layer >> 24) & 65535) ^ 2**15, int256) - 2**15 + zero_point
        hi: int256 = convert(((layer >> 8) & 65535) ^ 2**15, int256) - 2**15 + zero_point
        is_last: bool = number + 1 == layers
        bits: uint256 = 32 if is_last else 8
        sums: uint256 = 0
        for step: uint256 in range(words, bound=MAX_WORDS):
            sums = unsafe_add(sums, lanes._lanes_of(entering[step]))
        # biases are stored with 2**31 added, so that no word is negative; what rounds, and the next zero point, are
        # added before the shift
        offset: int256 = 128 * convert(lanes._sum_of(sums), int256) + 2**31
        offset -= convert((1 << shift_by) >> 1, int256) + (zero_point << shift_by)
        leaving: uint256[MAX_WORDS] = empty(uint256[MAX_WORDS])
        packed: uint256 = 0
        filled: uint256 = 0
        place: uint256 = 0
        for neuron: uint256 in range(outputs, bound=MAX_WIDTH):
            if at == CHUNK:
                chunk = slice(code.code, next_chunk, CHUNK)
                next_chunk += CHUNK
                at = 0
            bias: uint256 = extract32(chunk, at, output_type=uint256)
            at = unsafe_add(at, 32)
            products: uint256 = 0
            for step: uint256 in range(words, bound=MAX_WORDS):
                if at == CHUNK:
                    chunk = slice(code.code, next_chunk, CHUNK)
                    next_chunk += CHUNK
                    at = 0
                weight: uint256 = extract32(chunk, at, output_type=uint256)
                at = unsafe_add(at, 32)
                value: uint256 = entering[step]
                products = unsafe_add(
                    products,
                    unsafe_add(
                        unsafe_add(
                            unsafe_mul(weight & LANES, value & LANES),
                            unsafe_mul((weight >> 8) & LANES, (value >> 8) & LANES),
                        ),
                        unsafe_add(
                            unsafe_mul((weight >> 16) & LANES, (value >> 16) & LANES),
                            unsafe_mul((weight >> 24) & LANES, (value >> 24) & LANES),
                        ),
                    ),
                )
            total: int256 = convert(convert(unsafe_add(bias, products >> 224), bytes32), int256) - offset
            if is_last:
                if total > best:
                    best = total
                    decision = neuron
                packed = (packed << 32) | (convert(convert(total, bytes32), uint256) & (2**32 - 1))
            else:
                total = total >> shift_by
                if total < lo:
                    total = lo
                elif total > hi:
                    total = hi
                packed = (packed << 8) | convert(total, uint256)
            filled = unsafe_add(filled, bits)
            if filled == 256:
                leaving[place] = packed
                place = unsafe_add(place, 1)
                filled = 0
        if filled != 0:
            leaving[place] = packed << (256 - filled)
        entering = leaving
    if (head >> 232) & 255 != ARGMAX:
        threshold: uint256 = (head >> 192) & (2**32 - 1)
        decision = 1 if best > convert(threshold ^ 2**31, int256) - 2**31 else 0
    logits: Bytes[64] = concat(convert(entering[0], bytes32), convert(entering[1], bytes32))
    return concat(slice(logits, 0, 4 * ((head >> 160) & 65535)), convert(convert(decision, uint16), bytes2))
