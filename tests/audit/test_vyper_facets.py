"""Every form that a rule speaks of is found in that form, and not in its cure."""

import re
from pathlib import Path

import pytest
from test_vyper_rules import INFO, PAIRS
from vyper_code import rules

from counterpoise.audit import catalogue

OWNED = """
owner: public(address)

@deploy
def __init__():
    self.owner = msg.sender
"""
TOKEN = """
TOKEN: immutable(IERC20)

@deploy
def __init__(token: address):
    TOKEN = IERC20(token)
"""
POOL = """
interface IPool:
    def swap(sold: uint256, least: uint256, deadline: uint256): nonpayable
    def getReserves() -> (uint256, uint256): view
POOL: immutable(IPool)
debt: HashMap[address, uint256]

@deploy
def __init__(pool: address):
    POOL = IPool(pool)
"""
SIGNED = """
used: HashMap[address, uint256]
total: uint256

@external
def act(owner: address, amount: uint256, nonce: uint256, v: uint256, r: uint256, s: uint256):
    digest: bytes32 = keccak256(abi_encode(chain.id, self, owner, amount, nonce))
    signer: address = ecrecover(digest, v, r, s)
    assert signer == owner and signer != empty(address)
    assert nonce == self.used[owner]
    self.used[owner] = nonce + 1
    self.total += amount
"""
VAULT = (
    TOKEN
    + """
supply: uint256
assets: uint256
shares: HashMap[address, uint256]

@external
def leave(amount: uint256):
    burnt: uint256 = amount * self.supply // self.assets
    self.shares[msg.sender] -= burnt
    self.supply -= burnt
    self.assets -= amount
    assert extcall TOKEN.transfer(msg.sender, amount, default_return_value=True)
"""
)
ROUNDED_UP = "(amount * self.supply + self.assets - 1) // self.assets"

CHANNEL = """
struct Terms:
    payer: address
    payee: address

pending: HashMap[bytes32, uint256]

@external
def announce(terms: Terms, amount: uint256):
    assert msg.sender == terms.payer
    id: bytes32 = keccak256(abi_encode(terms))
    assert self.pending[id] == 0
    self.pending[id] = amount
"""

FACETS = {
    "code to delegate to, from storage that anyone writes": (
        "delegate-target",
        "\nlogic: address\n\n@external\ndef choose(to: address):\n    self.logic = to\n\n"
        "@external\ndef run():\n    raw_call(self.logic, b'', is_delegate_call=True)\n",
        OWNED + "\nlogic: address\n\n@external\ndef choose(to: address):\n"
        "    assert msg.sender == self.owner\n    self.logic = to\n\n"
        "@external\ndef run():\n    raw_call(self.logic, b'', is_static_call=True)\n",
    ),
    "code to delegate to, that is this contract's own": (
        "delegate-target",
        "\n@external\ndef many(to: address, calls: DynArray[Bytes[99], 9]):\n"
        "    for one: Bytes[99] in calls:\n"
        "        raw_call(to, one, is_delegate_call=True)\n",
        "\n@external\ndef many(calls: DynArray[Bytes[99], 9]):\n"
        "    for one: Bytes[99] in calls:\n"
        "        raw_call(self, one, is_delegate_call=True)\n",
    ),
    "a channel that somebody else's terms name": (
        "unprotected-write",
        CHANNEL.replace("    assert msg.sender == terms.payer\n", ""),
        CHANNEL,
    ),
    "a blueprint of the caller's choice": (
        "delegate-target",
        "\nmade: address\n\n@external\ndef make(blueprint: address):\n"
        "    self.made = create_from_blueprint(blueprint)\n",
        "\nmade: address\nBLUEPRINT: immutable(address)\n\n@deploy\ndef __init__(of: address):\n"
        "    BLUEPRINT = of\n\n@external\ndef make():\n"
        "    self.made = create_from_blueprint(BLUEPRINT)\n",
    ),
    "a contract that was not made": (
        "unchecked-raw",
        "\nmade: DynArray[address, 9]\n\n@external\ndef make(of: address):\n"
        "    new: address = create_minimal_proxy_to(of, revert_on_failure=False)\n",
        "\nmade: DynArray[address, 9]\n\n@external\ndef make(of: address):\n"
        "    new: address = create_minimal_proxy_to(of, revert_on_failure=False)\n"
        "    assert new != empty(address)\n",
    ),
    "tx.origin in a branch, not in an assert": (
        "tx-origin",
        OWNED + "\nn: uint256\n\n@external\ndef work():\n"
        "    if tx.origin == self.owner:\n        self.n = 1\n",
        OWNED + "\nn: uint256\n\n@external\ndef work():\n"
        "    if tx.origin != msg.sender:\n        raise 'no contracts'\n    self.n = 1\n",
    ),
    "tx.origin behind an inner call": (
        "tx-origin",
        OWNED + "\n@external\ndef work():\n    self._check(tx.origin)\n\n"
        "@internal\ndef _check(who: address):\n    assert who == self.owner\n",
        OWNED + "\n@external\ndef work():\n    self._check(msg.sender)\n\n"
        "@internal\ndef _check(who: address):\n    assert who == self.owner\n",
    ),
    "a power that wraps": (
        "unsafe-math",
        "\nn: uint256\n\n@external\ndef grow(by: uint256):\n    self.n = pow_mod256(3, by)\n",
        "\nn: uint256\n\n@external\ndef grow(by: uint256):\n    assert by < 100\n"
        "    self.n = pow_mod256(3, by)\n",
    ),
    "a shift that drops what the caller gave": (
        "unsafe-math",
        "\nword: uint256\n\n@external\ndef pack(amount: uint256):\n"
        "    self.word = amount << 96 | 1\n",
        "\nword: uint256\n\n@external\ndef pack(amount: uint256):\n"
        "    assert amount < 2**160\n    self.word = amount << 96 | 1\n",
    ),
    "a field that runs into the next": (
        "unsafe-math",
        "\nword: uint256\n\n@external\ndef pack(fee: uint256, time: uint256):\n"
        "    assert time < 2**40\n    self.word = fee | time << 96\n",
        "\nword: uint256\n\n@external\ndef pack(fee: uint256, time: uint256):\n"
        "    assert time < 2**40 and fee < 2**96\n    self.word = fee | time << 96\n",
    ),
    "a factor that wraps inside a helper": (
        "unsafe-math",
        "\nn: uint256\n\n@external\ndef price(of: uint256):\n    self.n = self._price(of)\n\n"
        "@internal\ndef _price(of: uint256) -> uint256:\n    return unsafe_mul(of, 10**20)\n",
        "\nn: uint256\n\n@external\ndef price(of: uint256):\n    assert of < 2**96\n"
        "    self.n = self._price(of)\n\n"
        "@internal\ndef _price(of: uint256) -> uint256:\n    return unsafe_mul(of, 10**20)\n",
    ),
    "a share that is rounded for the caller": (
        "rounding",
        VAULT,
        VAULT.replace("amount * self.supply // self.assets", ROUNDED_UP),
    ),
    "a few seconds' margin": (
        "timestamp",
        "\nseen: uint256\n\n@external\ndef ping():\n"
        "    assert block.timestamp - self.seen < 12\n    self.seen = block.timestamp\n",
        "\nseen: uint256\n\n@external\ndef ping():\n"
        "    assert block.timestamp - self.seen < 3600\n    self.seen = block.timestamp\n",
    ),
    "a hash of an old block": (
        "bad-randomness",
        "\nwinner: uint256\n\n@external\ndef draw():\n"
        "    self.winner = convert(blockhash(block.number - 1), uint256) % 100\n",
        "\nseen: bytes32\n\n@external\ndef note(word: bytes32):\n    self.seen = word\n",
    ),
    "a draw parked in storage": (
        "bad-randomness",
        "\nseed: uint256\n\n@external\ndef stir():\n    self.seed = block.prevrandao_\n".replace(
            "block.prevrandao_", "convert(block.prevrandao, uint256)"
        ),
        "\nseed: uint256\n\n@external\ndef stir():\n    self.seed = block.number\n",
    ),
    "tokens held, compared for equality": (
        "strict-balance",
        TOKEN + "\n@external\ndef open():\n    assert staticcall TOKEN.balanceOf(self) == 0\n",
        TOKEN + "\n@external\ndef open():\n    assert staticcall TOKEN.balanceOf(self) >= 10\n",
    ),
    "a signature without the chain": (
        "signature-replay",
        SIGNED.replace("chain.id, ", ""),
        SIGNED,
    ),
    "a signature without this contract": (
        "signature-replay",
        SIGNED.replace("self, owner", "owner"),
        SIGNED,
    ),
    "a signature without a number": (
        "signature-replay",
        SIGNED.replace("owner, amount, nonce)", "owner, amount)"),
        SIGNED,
    ),
    "leaves of a tree hashed like its nodes": (
        "merkle-domain",
        "\nroot: bytes32\n\n@external\n"
        "def show(who: bytes32, what: bytes32, proof: DynArray[bytes32, 9]):\n"
        "    node: bytes32 = keccak256(concat(who, what))\n"
        "    for one: bytes32 in proof:\n        node = keccak256(concat(node, one))\n"
        "    assert node == self.root\n",
        "\nroot: bytes32\n\n@external\n"
        "def show(who: bytes32, what: bytes32, proof: DynArray[bytes32, 9]):\n"
        "    node: bytes32 = keccak256(concat(b'\\x00', who, what))\n"
        "    for one: bytes32 in proof:\n        node = keccak256(concat(b'\\x01', node, one))\n"
        "    assert node == self.root\n",
    ),
    "a price from the reserves of the moment": (
        "oracle-spot",
        POOL + "\n@external\ndef borrow(n: uint256):\n    a: uint256 = 0\n    b: uint256 = 0\n"
        "    a, b = staticcall POOL.getReserves()\n    self.debt[msg.sender] += n * a // b\n",
        POOL + "\n@external\n@view\ndef show() -> uint256:\n    a: uint256 = 0\n"
        "    b: uint256 = 0\n    a, b = staticcall POOL.getReserves()\n    return a\n",
    ),
    "a deadline that is always now": (
        "no-slippage",
        POOL + "\n@external\ndef trade(n: uint256, least: uint256):\n"
        "    extcall POOL.swap(n, least, block.timestamp + 60)\n",
        POOL + "\n@external\ndef trade(n: uint256, least: uint256, until: uint256):\n"
        "    extcall POOL.swap(n, least, until)\n",
    ),
    "a throne that a contract can hold for ever": (
        "push-payment",
        "\nking: address\nprice: uint256\n\n@external\n@payable\ndef claim():\n"
        "    assert msg.value > self.price\n    raw_call(self.king, b'', value=self.price)\n"
        "    self.king = msg.sender\n    self.price = msg.value\n",
        "\nking: address\nprice: uint256\nowed: HashMap[address, uint256]\n\n@external\n@payable\n"
        "def claim():\n    assert msg.value > self.price\n    self.owed[self.king] += self.price\n"
        "    self.king = msg.sender\n    self.price = msg.value\n\n@external\ndef draw():\n"
        "    due: uint256 = self.owed[msg.sender]\n    self.owed[msg.sender] = 0\n"
        "    send(msg.sender, due)\n",
    ),
    "a count that strangers raise": (
        "unbounded-loop",
        "\ncount: uint256\nsum: uint256\nof: HashMap[uint256, uint256]\n\n@external\ndef join():\n"
        "    self.of[self.count] = 1\n    self.count += 1\n\n@external\ndef add():\n"
        "    for n: uint256 in range(self.count, bound=100_000):\n        self.sum += self.of[n]\n",
        "\ncount: uint256\nsum: uint256\nof: HashMap[uint256, uint256]\n\n@external\ndef join():\n"
        "    self.of[self.count] = 1\n    self.count += 1\n\n@external\ndef add(first: uint256):\n"
        "    for n: uint256 in range(40):\n        self.sum += self.of[first + n]\n",
    ),
    "a record that was paid for, ended by anyone": (
        "unequal-guard",
        TOKEN + "\nuntil: HashMap[uint256, uint256]\n\n@external\n"
        "def rent(what: uint256, days: uint256):\n"
        "    self.until[what] = block.timestamp + days * 86400\n"
        "    assert extcall TOKEN.transferFrom("
        "msg.sender, self, days, default_return_value=True)\n\n"
        "@external\ndef end(what: uint256):\n    assert self.until[what] > 0\n"
        "    self.until[what] = 0\n",
        TOKEN + "\nuntil: HashMap[uint256, uint256]\n\n@external\n"
        "def rent(what: uint256, days: uint256):\n"
        "    self.until[what] = block.timestamp + days * 86400\n"
        "    assert extcall TOKEN.transferFrom("
        "msg.sender, self, days, default_return_value=True)\n\n"
        "@external\ndef end(what: uint256):\n    assert self.until[what] < block.timestamp\n"
        "    self.until[what] = 0\n",
    ),
    "a key that the registry counts, pinned by whoever comes first": (
        "unprotected-write",
        """
interface IKeys:
    def owner(model: uint256) -> address: view
    def count(key: bytes32) -> bytes32: nonpayable
KEYS: immutable(IKeys)
pinned: HashMap[uint256, bytes32]

@deploy
def __init__(keys: address):
    KEYS = IKeys(keys)

@external
def pin(model: uint256, key: bytes32):
    assert self.pinned[model] == empty(bytes32)
    CHECK
    self.pinned[model] = keccak256(key)
    assert extcall KEYS.count(key) == keccak256(key)

@external
@view
def holds(model: uint256, key: bytes32) -> bool:
    assert keccak256(key) == self.pinned[model]
    return True
""".replace("CHECK", "pass"),
        """
interface IKeys:
    def owner(model: uint256) -> address: view
    def count(key: bytes32) -> bytes32: nonpayable
KEYS: immutable(IKeys)
pinned: HashMap[uint256, bytes32]

@deploy
def __init__(keys: address):
    KEYS = IKeys(keys)

@external
def pin(model: uint256, key: bytes32):
    assert staticcall KEYS.owner(model) == msg.sender
    assert self.pinned[model] == empty(bytes32)
    self.pinned[model] = keccak256(key)
    assert extcall KEYS.count(key) == keccak256(key)
""",
    ),
    "a token's answer dropped by a helper": (
        "token-return",
        TOKEN + "\n@external\ndef pay():\n    self._pull(msg.sender)\n\n@internal\n"
        "def _pull(who: address):\n    extcall TOKEN.transferFrom(who, self, 1)\n",
        TOKEN + "\n@external\ndef pay():\n    assert self._pull(msg.sender)\n\n@internal\n"
        "def _pull(who: address) -> bool:\n"
        "    return extcall TOKEN.transferFrom(who, self, 1, default_return_value=True)\n",
    ),
    "a guard by a variable that anyone writes": (
        "unprotected-write",
        OWNED + "\nclerk: address\n\n@external\ndef appoint(who: address):\n    self.clerk = who\n"
        "\n@external\ndef sweep(to: address):\n    assert msg.sender == self.clerk\n"
        "    send(to, self.balance)\n",
        OWNED + "\nclerk: address\n\n@external\ndef appoint(who: address):\n"
        "    assert msg.sender == self.owner\n    self.clerk = who\n"
        "\n@external\ndef sweep(to: address):\n    assert msg.sender == self.clerk\n"
        "    send(to, self.balance)\n",
    ),
}


@pytest.mark.parametrize("facet", sorted(FACETS))
def test_a_form_of_a_flaw_is_found_and_its_cure_is_not(facet, tmp_path):
    rule, flawed, cured = FACETS[facet]
    assert rule in rules(tmp_path, flawed)
    assert rule not in rules(tmp_path, cured)


def test_every_rule_is_tried_and_explained():
    rooms = Path(catalogue.__file__).parents[1] / "vyper" / "rules"
    code = "".join(path.read_text() for path in sorted(rooms.glob("*.py")))
    spoken = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', code)) & set(catalogue.all_rules())
    by_text = {"compiler-advisory", "hidden-text"}
    tried = {*PAIRS, *INFO, "oracle-stale", *(rule for rule, _, _ in FACETS.values())}
    assert spoken == tried, "a rule without a flaw and a cure"
    page = Path(__file__).parents[2] / "docs" / "explain" / "audit-rules.md"
    table = page.read_text().partition("## The rules")[2].partition("\n## ")[0]
    rows = [row.split("|")[2] for row in table.splitlines() if row.startswith("| ")]
    assert set(re.findall("`([a-z-]+)`", " ".join(rows))) == spoken | by_text
