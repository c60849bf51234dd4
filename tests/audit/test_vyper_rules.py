"""Each rule finds its flaw, and is silent on the same contract without it."""

import pytest
from vyper_code import rules

OWNED = """
owner: public(address)

@deploy
def __init__():
    self.owner = msg.sender
"""
BANK = """
balances: HashMap[address, uint256]

@external
@payable
def deposit():
    self.balances[msg.sender] += msg.value
"""
TOKEN = """
TOKEN: immutable(IERC20)

@deploy
def __init__(token: address):
    TOKEN = IERC20(token)
"""
SIGNED = """
used: HashMap[bytes32, bool]
total: uint256

@external
def act(owner: address, amount: uint256, nonce: uint256, v: uint256, r: uint256, s: uint256):
    digest: bytes32 = keccak256(abi_encode(chain.id, self, owner, amount, nonce))
    signer: address = ecrecover(digest, v, r, s)
    assert signer == owner and signer != empty(address)
    key: bytes32 = keccak256(abi_encode(owner, nonce))
    assert not self.used[key]
    self.used[key] = True
    self.total += amount
"""

PAIRS = {
    "reentrancy-state": (
        BANK
        + """
@external
def withdraw(amount: uint256):
    assert self.balances[msg.sender] >= amount
    raw_call(msg.sender, b"", value=amount)
    self.balances[msg.sender] -= amount
""",
        BANK
        + """
@external
@nonreentrant
def withdraw(amount: uint256):
    assert self.balances[msg.sender] >= amount
    self.balances[msg.sender] -= amount
    raw_call(msg.sender, b"", value=amount)
""",
    ),
    "reentrancy-cross": (
        BANK
        + """
@external
@nonreentrant
def withdraw():
    amount: uint256 = self.balances[msg.sender]
    raw_call(msg.sender, b"", value=amount)
    self.balances[msg.sender] = 0

@external
def move(to: address, amount: uint256):
    self.balances[msg.sender] -= amount
    self.balances[to] += amount
""",
        BANK.replace("@payable", "@payable\n@nonreentrant")
        + """
@external
@nonreentrant
def withdraw():
    amount: uint256 = self.balances[msg.sender]
    raw_call(msg.sender, b"", value=amount)
    self.balances[msg.sender] = 0

@external
@nonreentrant
def move(to: address, amount: uint256):
    self.balances[msg.sender] -= amount
    self.balances[to] += amount
""",
    ),
    "reentrancy-view": (
        """
supply: uint256
shares: HashMap[address, uint256]

@external
@nonreentrant
def leave():
    amount: uint256 = self.shares[msg.sender]
    self.shares[msg.sender] = 0
    supply: uint256 = self.supply
    raw_call(msg.sender, b"", value=amount)
    self.supply = supply - amount

@external
@view
def price() -> uint256:
    return self.balance * 10**18 // self.supply
""",
        """
supply: uint256
shares: HashMap[address, uint256]

@external
@nonreentrant
def leave():
    amount: uint256 = self.shares[msg.sender]
    self.shares[msg.sender] = 0
    supply: uint256 = self.supply
    raw_call(msg.sender, b"", value=amount)
    self.supply = supply - amount

@external
@view
@nonreentrant
def price() -> uint256:
    return self.balance * 10**18 // self.supply
""",
    ),
    "reentrancy-unlocked": (
        TOKEN
        + """
count: uint256

@external
def give(to: address):
    self.count += 1
    assert extcall TOKEN.transferFrom(msg.sender, to, 1, default_return_value=True)
""",
        TOKEN
        + """
count: uint256

@external
@nonreentrant
def give(to: address):
    self.count += 1
    assert extcall TOKEN.transferFrom(msg.sender, to, 1, default_return_value=True)
""",
    ),
    "unprotected-write": (
        OWNED
        + """
@external
def set_owner(new: address):
    self.owner = new

@external
def work():
    assert msg.sender == self.owner
""",
        OWNED
        + """
@external
def set_owner(new: address):
    self._check(msg.sender)
    assert new != empty(address)
    self.owner = new

@internal
@view
def _check(who: address):
    if who != self.owner:
        raise "not the owner"
""",
    ),
    "unprotected-init": (
        """
owner: address

@external
def initialise(owner: address):
    assert self.owner == empty(address)
    self.owner = owner

@external
def work():
    assert msg.sender == self.owner
""",
        """
owner: address

@deploy
def __init__(owner: address):
    self.owner = owner

@external
def work():
    assert msg.sender == self.owner
""",
    ),
    "unprotected-transfer": (
        "\n@external\ndef sweep(to: address):\n    send(to, self.balance)\n",
        OWNED + "\n@external\ndef sweep(to: address):\n"
        "    assert msg.sender == self.owner\n    send(to, self.balance)\n",
    ),
    "unprotected-mint": (
        "\nbalances: HashMap[address, uint256]\n\n@external\n"
        "def mint(to: address, amount: uint256):\n    self.balances[to] += amount\n",
        OWNED + "\nbalances: HashMap[address, uint256]\n\n@external\n"
        "def mint(to: address, amount: uint256):\n    assert msg.sender == self.owner\n"
        "    self.balances[to] += amount\n",
    ),
    "unprotected-call": (
        """
interface IPot:
    def slash(who: address, amount: uint256): nonpayable
POT: immutable(IPot)

@deploy
def __init__(pot: address):
    POT = IPot(pot)

@external
def convict(who: address, amount: uint256):
    extcall POT.slash(who, amount)
""",
        """
interface IPot:
    def slash(who: address, amount: uint256): nonpayable
POT: immutable(IPot)
JUDGE: immutable(address)

@deploy
def __init__(pot: address, judge: address):
    POT = IPot(pot)
    JUDGE = judge

@external
def convict(who: address, amount: uint256):
    assert msg.sender == JUDGE
    extcall POT.slash(who, amount)
""",
    ),
    "unequal-guard": (
        """
client: HashMap[uint256, address]
state: HashMap[uint256, uint256]

@external
def submit(job: uint256):
    assert msg.sender == self.client[job]
    self.state[job] = 1

@external
def finish(job: uint256):
    self.state[job] = 2
""",
        """
client: HashMap[uint256, address]
state: HashMap[uint256, uint256]
until: HashMap[uint256, uint256]

@external
def submit(job: uint256):
    assert msg.sender == self.client[job]
    self.state[job] = 1

@external
def lapse(job: uint256):
    assert block.timestamp > self.until[job]
    self.state[job] = 2
""",
    ),
    "void-guard": (
        OWNED + "\n@external\ndef work():\n    assert msg.sender == msg.sender\n",
        OWNED + "\n@external\ndef work():\n    assert msg.sender == self.owner\n",
    ),
    "tx-origin": (
        OWNED + "\n@external\ndef work():\n    assert tx.origin == self.owner\n",
        OWNED + "\n@external\ndef work():\n    assert tx.origin == msg.sender\n",
    ),
    "delegate-target": (
        "\n@external\ndef run(to: address):\n    raw_call(to, b'', is_delegate_call=True)\n",
        "\n@external\ndef run(to: address):\n    raw_call(to, b'', is_static_call=True)\n",
    ),
    "selfdestruct": (
        "\n@external\ndef end():\n    selfdestruct(msg.sender)\n",
        "\n@external\ndef end():\n    pass\n",
    ),
    "unchecked-raw": (
        "\n@external\ndef poke(to: address):\n"
        "    ok: bool = raw_call(to, b'', revert_on_failure=False)\n",
        "\n@external\ndef poke(to: address):\n"
        "    ok: bool = raw_call(to, b'', revert_on_failure=False)\n    assert ok\n",
    ),
    "token-return": (
        TOKEN + "\n@external\ndef pay():\n    extcall TOKEN.transferFrom(msg.sender, self, 1)\n",
        TOKEN + "\n@external\ndef pay():\n    assert extcall TOKEN.transferFrom("
        "msg.sender, self, 1, default_return_value=True)\n",
    ),
    "skip-check": (
        TOKEN + "\n@external\ndef pay():\n    assert extcall TOKEN.transferFrom("
        "msg.sender, self, 1, default_return_value=True, skip_contract_check=True)\n",
        TOKEN + "\n@external\ndef pay():\n    assert TOKEN.address.is_contract\n"
        "    assert extcall TOKEN.transferFrom(msg.sender, self, 1, default_return_value=True, "
        "skip_contract_check=True)\n",
    ),
    "push-payment": (
        "\nwho: DynArray[address, 40]\n\n@external\ndef pay():\n"
        "    for one: address in self.who:\n        send(one, 1)\n",
        "\nowed: HashMap[address, uint256]\n\n@external\ndef pay(who: DynArray[address, 40]):\n"
        "    for one: address in who:\n        self.owed[one] += 0\n",
    ),
    "unbounded-loop": (
        "\nwho: DynArray[address, 1000]\nsum: uint256\n\n@external\ndef join():\n"
        "    self.who.append(msg.sender)\n\n@external\ndef count():\n"
        "    for one: address in self.who:\n        self.sum += 1\n",
        "\nwho: DynArray[address, 20]\nsum: uint256\n\n@external\ndef join():\n"
        "    self.who.append(msg.sender)\n\n@external\ndef count():\n"
        "    for one: address in self.who:\n        self.sum += 1\n",
    ),
    "payable-trap": (
        "\n@external\n@payable\ndef give():\n    pass\n",
        OWNED + "\n@external\n@payable\ndef give():\n    pass\n\n@external\ndef take():\n"
        "    assert msg.sender == self.owner\n    send(self.owner, self.balance)\n",
    ),
    "bad-randomness": (
        "\nwinner: uint256\n\n@external\ndef draw(n: uint256):\n    assert n > 0\n"
        "    self.winner = convert("
        "keccak256(abi_encode(block.timestamp, msg.sender)), uint256) % n\n",
        "\nday: uint256\nword: bytes32\n\n@external\ndef note(n: uint256):\n"
        "    self.day = block.timestamp // 86400 % 7\n"
        "    self.word = keccak256(abi_encode(n, block.timestamp))\n",
    ),
    "timestamp": (
        "\nend: uint256\n\n@external\ndef stop():\n    assert block.timestamp == self.end\n",
        "\nend: uint256\n\n@external\ndef stop():\n    assert block.timestamp >= self.end\n",
    ),
    "unsafe-math": (
        "\nsum: uint256\n\n@external\ndef add(n: uint256):\n"
        "    self.sum = unsafe_add(self.sum, n)\n",
        "\nleft: uint256\n\n@external\ndef take(n: uint256):\n    assert n <= self.left\n"
        "    self.left = unsafe_sub(self.left, n)\n",
    ),
    "divide-first": (
        "\n@external\n@view\ndef part(a: uint256, b: uint256) -> uint256:\n"
        "    return a // 100 * b\n",
        "\n@external\n@view\ndef part(a: uint256, b: uint256) -> uint256:\n"
        "    return a * b // 100 + (a + 63) // 64 * b + a // 32 * 32\n",
    ),
    "strict-balance": (
        "\n@external\ndef open():\n    assert self.balance == 0\n",
        TOKEN + "\n@external\ndef pull(n: uint256):\n"
        "    before: uint256 = staticcall TOKEN.balanceOf(self)\n"
        "    assert extcall TOKEN.transferFrom(msg.sender, self, n, default_return_value=True)\n"
        "    assert staticcall TOKEN.balanceOf(self) == before + n\n",
    ),
    "share-inflation": (
        TOKEN + "\nsupply: uint256\nshares: HashMap[address, uint256]\n\n@external\n"
        "def enter(n: uint256):\n"
        "    made: uint256 = n * self.supply // staticcall TOKEN.balanceOf(self)\n"
        "    self.supply += made\n    self.shares[msg.sender] += made\n",
        TOKEN + "\nsupply: uint256\nheld: uint256\nshares: HashMap[address, uint256]\n\n@external\n"
        "def enter(n: uint256):\n    made: uint256 = n * self.supply // self.held\n"
        "    self.supply += made\n    self.held += n\n    self.shares[msg.sender] += made\n",
    ),
    "signature-zero": (SIGNED.replace(" and signer != empty(address)", ""), SIGNED),
    "signature-replay": (SIGNED.replace("    self.used[key] = True\n", ""), SIGNED),
    "signature-malleable": (
        SIGNED.replace("keccak256(abi_encode(owner, nonce))", "keccak256(abi_encode(r, s))"),
        SIGNED,
    ),
    "packed-hash": (
        "\nword: bytes32\n\n@external\ndef note(a: String[9], b: String[9]):\n"
        "    self.word = keccak256(concat(a, b))\n",
        "\nword: bytes32\n\n@external\ndef note(a: String[9], b: String[9]):\n"
        "    self.word = keccak256(abi_encode(a, b))\n",
    ),
    "merkle-domain": (
        "\nroot: bytes32\n\n@external\ndef show(leaf: bytes32, proof: DynArray[bytes32, 9]):\n"
        "    node: bytes32 = leaf\n    for one: bytes32 in proof:\n"
        "        node = keccak256(concat(node, one))\n    assert node == self.root\n",
        "\nroot: bytes32\n\n@external\ndef show(leaf: bytes32, proof: DynArray[bytes32, 9]):\n"
        "    node: bytes32 = keccak256(keccak256(abi_encode(leaf, msg.sender)))\n"
        "    for one: bytes32 in proof:\n"
        "        node = keccak256(concat(node, one))\n    assert node == self.root\n",
    ),
    "oracle-spot": (
        "\ninterface IPool:\n    def spot_price() -> uint256: view\nPOOL: immutable(IPool)\n"
        "debt: HashMap[address, uint256]\n\n@deploy\ndef __init__(pool: address):\n"
        "    POOL = IPool(pool)\n\n@external\ndef borrow(n: uint256):\n"
        "    self.debt[msg.sender] += n * staticcall POOL.spot_price() // 10**18\n",
        "\ninterface IPool:\n    def mean_price() -> uint256: view\nPOOL: immutable(IPool)\n"
        "debt: HashMap[address, uint256]\n\n@deploy\ndef __init__(pool: address):\n"
        "    POOL = IPool(pool)\n\n@external\ndef borrow(n: uint256):\n"
        "    self.debt[msg.sender] += n * staticcall POOL.mean_price() // 10**18\n",
    ),
    "front-running": (
        "\nanswer: bytes32\n\n@external\ndef solve(word: bytes32):\n"
        "    assert keccak256(word) == self.answer\n    send(msg.sender, self.balance)\n",
        "\nanswer: HashMap[address, bytes32]\n\n@external\ndef solve(word: bytes32):\n"
        "    assert keccak256(word) == self.answer[msg.sender]\n"
        "    self.answer[msg.sender] = empty(bytes32)\n    send(msg.sender, self.balance)\n",
    ),
    "no-slippage": (
        "\ninterface IPool:\n    def exchange(sold: uint256, min_out: uint256): nonpayable\n\n"
        "@external\ndef trade(pool: address, n: uint256):\n"
        "    extcall IPool(pool).exchange(n, 0)\n",
        "\ninterface IPool:\n    def exchange(sold: uint256, min_out: uint256): nonpayable\n\n"
        "@external\ndef trade(pool: address, n: uint256, least: uint256):\n"
        "    extcall IPool(pool).exchange(n, least)\n",
    ),
    "missing-zero-check": (
        OWNED + "\n@external\ndef give(new: address):\n    assert msg.sender == self.owner\n"
        "    self.owner = new\n",
        OWNED + "\n@external\ndef give(new: address):\n    assert msg.sender == self.owner\n"
        "    assert new != empty(address)\n    self.owner = new\n",
    ),
    "missing-bound": (
        OWNED + "\nfee: uint256\npaid: uint256\n\n@external\ndef set_fee(new: uint256):\n"
        "    assert msg.sender == self.owner\n    self.fee = new\n\n@external\n"
        "def work(n: uint256):\n    self.paid += n * self.fee // 10_000\n",
        OWNED + "\nfee: uint256\npaid: uint256\n\n@external\ndef set_fee(new: uint256):\n"
        "    assert msg.sender == self.owner\n    assert new <= 500\n    self.fee = new\n\n"
        "@external\ndef work(n: uint256):\n    self.paid += n * self.fee // 10_000\n",
    ),
}
INFO = {
    "reentrancy-events": (
        "\nevent Poked:\n    pass\n\n@external\ndef poke(to: address):\n    raw_call(to, b'')\n"
        "    log Poked()\n",
        "\nevent Poked:\n    pass\n\n@external\ndef poke(to: address):\n    log Poked()\n"
        "    raw_call(to, b'')\n",
    ),
    "missing-event": (
        PAIRS["missing-zero-check"][1],
        PAIRS["missing-zero-check"][1].replace(
            "    self.owner = new\n", "    self.owner = new\n    log Given(new=new)\n"
        )
        + "\nevent Given:\n    new: address\n",
    ),
}


@pytest.mark.parametrize("rule", sorted(PAIRS))
def test_a_rule_finds_its_flaw_and_not_its_cure(rule, tmp_path):
    flawed, cured = PAIRS[rule]
    assert rule in rules(tmp_path, flawed)
    assert rule not in rules(tmp_path, cured)


@pytest.mark.parametrize("rule", sorted(INFO))
def test_a_rule_of_hygiene_finds_its_flaw_and_not_its_cure(rule, tmp_path):
    flawed, cured = INFO[rule]
    assert rule in rules(tmp_path, flawed, 0)
    assert rule not in rules(tmp_path, cured, 0)


def test_a_feed_is_checked_for_age_and_for_sign(tmp_path):
    feed = """
interface IFeed:
    def latestRoundData() -> (uint80, int256, uint256, uint256, uint80): view
FEED: immutable(IFeed)
price: uint256

@deploy
def __init__(feed: address):
    FEED = IFeed(feed)

@external
def update():
    round: uint80 = 0
    answer: int256 = 0
    started: uint256 = 0
    updated: uint256 = 0
    answered: uint80 = 0
    round, answer, started, updated, answered = staticcall FEED.latestRoundData()
    CHECKS
    self.price = convert(answer, uint256)
"""
    checks = "assert answer > 0\n    assert block.timestamp - updated <= 3600"
    assert "oracle-stale" in rules(tmp_path, feed.replace("    CHECKS\n", ""))
    assert "oracle-stale" not in rules(tmp_path, feed.replace("CHECKS", checks))
