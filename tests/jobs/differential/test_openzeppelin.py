"""The credit token beside OpenZeppelin's: the same steps, the same outcomes, logs and balances.

Needs Node and two packages of it: ``make differential``.
"""

import json
import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from counterpoise.chain import (
    Artifact,
    Contract,
    Domain,
    Transaction,
    deploy,
    dev_account,
    eip712_digest,
    open_chain,
)
from counterpoise.core.digest import keccak, sha256
from counterpoise.jobs.token import CANCEL, Payment, Permit, TokenClient, split

HERE = Path(__file__).parent
MODULES = HERE.parents[2] / ".tools" / "differential" / "node_modules"
PEOPLE = [dev_account(index) for index in range(4)]
MINTER = PEOPLE[0]
ZERO = bytes(20)
ADDRESSES = [*(who.address for who in PEOPLE * 4), ZERO, keccak(b"a stranger")[12:]]
CAP = 10**27
ENDLESS = 2**256 - 1
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BYTES_FORM = "address,address,uint256,uint256,uint256,bytes32,bytes"
GAS = 400_000


def compiled() -> Artifact:
    """OpenZeppelin's token, as the npm compiler makes it."""
    if shutil.which("node") is None or not (MODULES / "solc").is_dir():
        pytest.skip("skipped: needs node packages (make differential)")
    made = subprocess.run(
        ["node", str(HERE / "compile.cjs"), str(MODULES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    code = bytes.fromhex(found["bytecode"])
    return Artifact("Reference", tuple(found["abi"]), code, b"", sha256(code), {})


class Pair:
    """Both tokens on one chain; each step goes to both in one block."""

    def __init__(self, reference: Artifact) -> None:
        self.chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
        self.ours = TokenClient.deploy(self.chain, MINTER, MINTER.address).contract
        self.theirs = deploy(self.chain, MINTER, reference, MINTER.address)
        self.chain.automine = False
        self.outcomes: Counter[tuple[str, bool]] = Counter()

    @property
    def now(self) -> int:
        """The time of the next block."""
        return self.chain.block().time + 1

    def domain(self, token: Contract) -> Domain:
        return Domain("Counterpoise Credit", "1", 31337, token.address)

    def step(self, name, caller, build) -> None:
        """Send what `build` gives for each token, and compare what became of it."""
        first = self.chain.nonce(caller.address)
        base, tip = self.chain.fees()
        sent = []
        for nonce, token in enumerate((self.ours, self.theirs), first):
            data = build(token)
            fields = Transaction(31337, nonce, tip, 3 * base + tip, GAS, token.address, 0, data)
            sent.append(self.chain.send_raw(caller.sign_transaction(fields)))
        self.chain.mine()
        ours, theirs = (self.chain.receipt(tx_hash) for tx_hash in sent)
        assert ours.block_number == theirs.block_number
        assert ours.status == theirs.status, name
        assert logs(ours) == logs(theirs), name
        self.outcomes[name, bool(ours.status)] += 1

    def same(self, function, *args):
        """Both answer a question alike; gives the answer."""
        answers = [token.call(function, *args) for token in (self.ours, self.theirs)]
        assert answers[0] == answers[1], (function, args)
        return answers[0]

    def compare(self) -> None:
        """Compare every balance, allowance, nonce and used authorization."""
        for who in {*ADDRESSES, self.ours.address, self.theirs.address}:
            self.same("balanceOf", who)
            self.same("nonces", who)
            for spender in set(ADDRESSES):
                self.same("allowance", who, spender)
            for number in range(6):
                self.same("authorizationState", who, number.to_bytes(32, "big"))
        have = sum(self.same("balanceOf", who) for who in set(ADDRESSES))
        assert self.same("totalSupply") == have


def logs(receipt):
    return [(log.topics, log.data) for log in receipt.logs]


class Steps:
    """Random calls, good and bad, from one seed."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair = pair
        self.random = random.Random(seed)

    def take(self) -> None:
        kinds = [self.transfer, self.transfer_from, self.approve, self.mint, self.burn,
                 self.burn_from, self.permit, self.pay, self.pay, self.cancel]  # fmt: skip
        self.random.choice(kinds)()

    def amount(self) -> int:
        rare = (0, 1, CAP - 5000, CAP, CAP + 1, 2**255, ENDLESS - 1, ENDLESS)
        return (
            self.random.choice(rare) if self.random.random() < 0.15 else self.random.randrange(400)
        )

    def person(self):
        return self.random.choice(PEOPLE)

    def address(self) -> bytes:
        return self.random.choice(ADDRESSES)

    def plain(self, name: str, caller, *args) -> None:
        self.pair.step(name, caller, lambda token: token.encode(name, *args))

    def transfer(self) -> None:
        self.plain("transfer", self.person(), self.address(), self.amount())

    def transfer_from(self) -> None:
        self.plain("transferFrom", self.person(), self.address(), self.address(), self.amount())

    def approve(self) -> None:
        self.plain("approve", self.person(), self.address(), self.amount())

    def mint(self) -> None:
        caller = MINTER if self.random.random() < 0.8 else self.person()
        self.plain("mint", caller, self.address(), self.amount())

    def burn(self) -> None:
        self.plain("burn", self.person(), self.amount())

    def burn_from(self) -> None:
        self.plain("burnFrom", self.person(), self.address(), self.amount())

    def signed(self, signer, digest: bytes) -> bytes:
        """Sign, and sometimes spoil the signature in a way that is drawn beforehand."""
        return SPOILING[self.spoil](signer.sign_digest(digest))

    def draw_spoil(self) -> None:
        honest = self.random.random() < 0.75
        self.spoil = "none" if honest else self.random.choice(list(SPOILING))

    def permit(self) -> None:
        self.draw_spoil()
        owner = self.person()
        signer = owner if self.random.random() < 0.85 else self.person()
        nonce = self.pair.same("nonces", owner.address) + self.random.choice((0, 0, 0, 0, 1))
        deadline = self.pair.now + self.random.choice((-1, 0, 1, 1000))
        permit = Permit(owner.address, self.address(), self.amount(), nonce, deadline)

        def build(token):
            signature = self.signed(signer, permit.digest(self.pair.domain(token)))
            values = (permit.owner, permit.spender, permit.amount, permit.deadline)
            return token.encode("permit", *values, *split(signature))

        self.pair.step("permit", self.person(), build)

    def pay(self) -> None:
        self.draw_spoil()
        payer, receiver = self.person(), self.random.choice((self.person().address, self.address()))
        signer = payer if self.random.random() < 0.85 else self.person()
        after, before = (
            self.random.choice((-1000, -1, -1, -1, 0)),
            self.random.choice((0, 1, 1, 1000)),
        )
        by_receiver, as_bytes = self.random.random() < 0.5, self.random.random() < 0.5
        payment = Payment(
            payer.address, receiver, self.amount(), self.pair.now + before, self.nonce(),
            self.pair.now + after, by_receiver,
        )  # fmt: skip
        name = ("receive" if by_receiver else "transfer") + "WithAuthorization"
        likely = [who for who in PEOPLE if who.address == receiver] * 5
        caller = self.random.choice([*likely, self.person()])

        def build(token):
            signature = self.signed(signer, payment.digest(self.pair.domain(token)))
            if as_bytes:
                return with_bytes(f"{name}({BYTES_FORM})", payment.values(), signature)
            return token.encode(name, *payment.values(), *split(signature))

        self.pair.step(name + (" as bytes" if as_bytes else ""), caller, build)

    def cancel(self) -> None:
        self.draw_spoil()
        authorizer, as_bytes = self.person(), self.random.random() < 0.5
        signer = authorizer if self.random.random() < 0.85 else self.person()
        values = (authorizer.address, self.nonce())

        def build(token):
            digest = eip712_digest(self.pair.domain(token), CANCEL, values)
            signature = self.signed(signer, digest)
            if as_bytes:
                name = "cancelAuthorization(address,bytes32,bytes)"
                return with_bytes(name, values, signature)
            return token.encode("cancelAuthorization", *values, *split(signature))

        name = "cancelAuthorization" + (" as bytes" if as_bytes else "")
        self.pair.step(name, self.person(), build)

    def nonce(self) -> bytes:
        numbers = range(6) if self.random.random() < 0.3 else range(6, 10**6)
        return self.random.choice(numbers).to_bytes(32, "big")


SPOILING = {
    "none": lambda s: s,
    "high s": lambda s: s[:32] + (ORDER - int.from_bytes(s[32:64], "big")).to_bytes(32, "big")
    + bytes((55 - s[64],)),
    "v 0 or 1": lambda s: s[:64] + bytes((s[64] - 27,)),
    "other v": lambda s: s[:64] + bytes((55 - s[64],)),
    "no r": lambda s: bytes(32) + s[32:],
    "no s": lambda s: s[:32] + bytes(32) + s[64:],
    "zeros": lambda _: bytes(65),
}  # fmt: skip


def with_bytes(signature_of: str, values, signature: bytes) -> bytes:
    words = [v.to_bytes(32, "big") if isinstance(v, int) else v.rjust(32, b"\0") for v in values]
    tail = (len(words) + 1) * 32, len(signature)
    padded = signature + bytes(-len(signature) % 32)
    head = b"".join([*words, *(n.to_bytes(32, "big") for n in tail)])
    return keccak(signature_of.encode())[:4] + head + padded


@pytest.fixture(scope="module")
def reference():
    return compiled()


def test_every_step_ends_alike_on_both_tokens(reference):
    pair = Pair(reference)
    for who in PEOPLE:
        pair.step("mint", MINTER, lambda token, who=who: token.encode("mint", who.address, 10_000))
    steps = Steps(pair, seed=3)
    for count in range(400):
        steps.take()
        if count % 100 == 99:
            pair.compare()
    for name in {name for name, _ in pair.outcomes}:
        assert pair.outcomes[name, True] and pair.outcomes[name, False], f"{name} had one outcome"


def test_both_tokens_describe_themselves_alike(reference):
    pair = Pair(reference)
    for function in ("name", "symbol", "decimals", "version", "cap", "minter", "totalSupply"):
        pair.same(function)
    for token in (pair.ours, pair.theirs):
        assert token.call("DOMAIN_SEPARATOR") == pair.domain(token).separator()
    ours, theirs = (list(t.call("eip712Domain")) for t in (pair.ours, pair.theirs))
    assert (ours.pop(4), theirs.pop(4)) == (pair.ours.address, pair.theirs.address)
    assert ours == theirs


def test_every_function_of_theirs_is_answered_by_ours(reference):
    pair = Pair(reference)
    for functions in pair.theirs.interface.functions.values():
        for function in functions:
            if function.inputs[-1:] == ("bytes",):
                continue
            assert function in pair.ours.interface.functions[function.name], function.name
    ours, theirs = (set(token.interface.events) for token in (pair.ours, pair.theirs))
    assert ours <= theirs
