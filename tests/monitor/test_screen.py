"""A screen says what a transaction would do, and what speaks against it, on the state it names."""

from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from counterpoise.apps.watchtower import STAGED
from counterpoise.chain import Account, Contract, artifact_of, deploy, open_chain
from counterpoise.chain.anvil import find_anvil
from counterpoise.chain.rpc.server import RpcServer
from counterpoise.core.errors import ChainError, InputError
from counterpoise.core.units import to_checksum
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.contacts import PAID, Contacts, alike
from counterpoise.monitor.screen import CLONE, PROXY_SLOT, WALK, Screen
from counterpoise.monitor.screening import Expectation
from counterpoise.monitor.signs import Decision, Sign
from counterpoise.monitor.simulation import Intent

CONTRACTS = Path(__file__).parent / "contracts"
COINS = 10**18
FRIEND, FRESH = bytes.fromhex("aa" * 20), bytes.fromhex("bb" * 20)


@dataclass
class World:
    chain: object
    alice: Account
    thief: Account
    token: Contract
    other: Contract
    bazaar: Contract
    relay: Contract
    savings: Contract
    burglar: Contract

    def screen(self, contract, name, *args, value=0, expect=None, who=None, **settings):
        sender = (who or self.alice).address
        intent = Intent(sender, contract.address, contract.encode(name, *args), value)
        return Screen(self.chain, **settings).screen(intent, expect)


@dataclass(frozen=True)
class Label:
    name: str
    listed: str = "2023-01-01"


class Lists:
    def __init__(self, **listed):
        self.listed = {bytes.fromhex(address): Label(name) for name, address in listed.items()}

    def find(self, address):
        return self.listed.get(address)


@pytest.fixture(scope="module")
def world():
    return founded(open_chain("embedded:", clock=lambda: 1_700_000_000))


def founded(chain):
    """Tokens, a market, a bank and its burglar on a chain."""
    alice, thief = Account.local(b"alice"), Account.local(b"thief")
    for account in (alice, thief):
        chain.fund(account.address, 100 * COINS)
    token, other = (deploy(chain, alice, "CreditToken", alice.address) for _ in range(2))
    guardian = deploy(chain, alice, "Guardian", token.address)

    def staged(name, *args, who=alice):
        return deploy(chain, who, artifact_of(STAGED / f"{name}.vy"), *args)

    bazaar = staged("bazaar", token.address, other.address)
    savings = staged("savings", guardian.address)
    burglar = staged("burglar", savings.address, who=thief)
    relay = deploy(chain, thief, artifact_of(CONTRACTS / "Relay.vy"))
    for one in (token, other):
        one.transact(alice, "mint", alice.address, 1_000)
        one.transact(alice, "mint", bazaar.address, 10_000)
        one.transact(alice, "approve", bazaar.address, 2**256 - 1)
    savings.transact(alice, "bring", value=20 * COINS)
    return World(chain, alice, thief, token, other, bazaar, relay, savings, burglar)


def signs(screening):
    return {mark.sign for mark in screening.marks}


def test_a_plain_payment_passes_and_its_changes_are_told(world):
    found = world.screen(world.token, "transfer", FRIEND, 40)
    assert found.changes == {(world.token.address, None): -40}
    assert (found.decision, found.score, found.marks) == (Decision.PASS, 0, ())
    coin = Screen(world.chain).screen(Intent(world.alice.address, FRIEND, value=7))
    assert coin.changes == {(NATIVE, None): -7} and coin.decision is Decision.PASS


def test_a_swap_passes_because_something_comes_back(world):
    found = world.screen(world.bazaar, "swap", world.token.address, 100, 90)
    assert found.changes[world.token.address, None] == -100
    assert found.changes[world.other.address, None] >= 90
    assert found.marks == ()


def test_the_verdict_names_the_state_it_holds_for(world):
    before, head = world.screen(world.token, "transfer", FRIEND, 1), world.chain.header()
    assert (before.at.number, before.at.hash) == (head["block_number"], head["hash"])
    assert before.at.state_root == head["state_root"]
    world.token.transact(world.alice, "transfer", FRIEND, 1)
    after = world.screen(world.token, "transfer", FRIEND, 1)
    assert after.at.number == before.at.number + 1
    assert after.at.state_root != before.at.state_root


def test_screening_leaves_no_trace_on_the_chain(world):
    before = world.chain.header()
    world.screen(world.token, "transfer", FRIEND, 10)
    world.screen(world.burglar, "rob", 3, value=COINS, who=world.thief)
    assert world.chain.header() == before
    assert world.token.call("balanceOf", world.alice.address) > 900


def test_a_call_that_takes_everything_and_gives_nothing_is_blocked(world):
    held = world.other.call("balanceOf", world.alice.address)
    world.other.transact(world.alice, "approve", world.relay.address, 2**256 - 1)
    most = world.screen(world.relay, "mint_and_take", world.other.address, held)
    assert Sign.EMPTIED in signs(most) and most.decision is Decision.BLOCK
    some = world.screen(world.relay, "mint_and_take", world.other.address, held // 2)
    assert signs(some) == {Sign.GIVEN_AWAY} and some.decision is Decision.WARN
    trusted = {"known": {world.relay.address}}
    calm = world.screen(world.relay, "mint_and_take", world.other.address, held, **trusted)
    assert calm.marks == ()


@pytest.mark.parametrize(
    ("spender", "amount", "sign", "decision"),
    [
        ("account", 2**256 - 1, Sign.ENDLESS_TO_ACCOUNT, Decision.BLOCK),
        ("account", 500, Sign.ALLOWANCE_TO_ACCOUNT, Decision.WARN),
        ("contract", 2**256 - 1, Sign.ENDLESS_TO_CONTRACT, Decision.WARN),
        ("contract", 500, Sign.ALLOWANCE_TO_CONTRACT, Decision.PASS),
        ("contract", 0, None, Decision.PASS),
    ],
)
def test_allowances_are_marked_by_amount_and_by_who_gets_them(
    world, spender, amount, sign, decision
):
    who = FRESH if spender == "account" else world.relay.address
    found = world.screen(world.token, "approve", who, amount)
    assert signs(found) == ({sign} if sign else set())
    assert found.decision is decision
    assert [one.spender for one in found.approvals] == ([who] if amount else [])
    assert world.screen(world.token, "approve", who, amount, known={who}).marks == ()


def test_foreign_code_is_marked_unless_a_proxy_slot_or_a_clone_declares_it(world):
    data = world.relay.encode("claim")
    code = deploy(world.chain, world.thief, artifact_of(CONTRACTS / "Relay.vy")).address
    found = world.screen(world.relay, "run", code, data)
    assert signs(found) == {Sign.FOREIGN_CODE, Sign.CONTROL}
    assert to_checksum(code) in found.marks[0].words
    clone = b"\x12" * 20
    world.chain.set_code(clone, CLONE + code + bytes.fromhex("5af43d82803e903d91602b57fd5bf3"))
    declared = Screen(world.chain).screen(Intent(world.alice.address, clone, data))
    assert signs(declared) == {Sign.CONTROL}
    other = deploy(world.chain, world.thief, artifact_of(CONTRACTS / "Relay.vy")).address
    data = world.relay.encode("run", other, data)
    through = Screen(world.chain).screen(Intent(world.alice.address, clone, data))
    assert signs(through) == {Sign.FOREIGN_CODE, Sign.CONTROL}
    known = {code, other}
    assert signs(world.screen(world.relay, "run", code, data, known=known)) == {Sign.CONTROL}
    slot = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
    assert hex(PROXY_SLOT) == slot


def test_a_robbery_is_seen_as_re_entry_that_acts_afterwards(world):
    found = world.screen(world.burglar, "rob", 3, value=COINS, who=world.thief)
    assert Sign.REENTERED_ACTING in signs(found)
    assert found.changes == {(NATIVE, None): 3 * COINS}
    assert to_checksum(world.savings.address) in found.marks[0].words
    honest = world.screen(world.savings, "take_all")
    assert Sign.REENTERED_ACTING not in signs(honest) and Sign.REENTERED not in signs(honest)


def test_what_fails_says_why_and_has_no_effects(world):
    found = world.screen(world.savings, "consent", (0,) * 7 + (FRIEND,) * 2, who=world.thief)
    assert found.failed == "savings: not the owner"
    assert signs(found) == {Sign.FAILS} and found.changes == {}
    broke = Screen(world.chain).screen(Intent(FRIEND, FRESH, value=COINS))
    assert Sign.FAILS in signs(broke) and broke.changes == {}


def test_listed_accounts_are_found_up_to_two_hops_and_hubs_stop_the_walk(world):
    contacts, listed = Contacts(), Lists(mixer="dd" * 20)
    mixer, middle = bytes.fromhex("dd" * 20), bytes.fromhex("cc" * 20)

    def screened(to, **settings):
        intent = Intent(world.alice.address, to, value=1)
        return Screen(world.chain, listed, contacts, **settings).screen(intent)

    assert screened(FRIEND).marks == ()
    assert signs(screened(mixer)) == {Sign.LISTED}
    assert "list of 2023-01-01" in screened(mixer).marks[0].words
    contacts.pay(middle, mixer)
    assert signs(screened(middle)) == {Sign.ONE_HOP}
    contacts.pay(FRIEND, middle)
    assert signs(screened(FRIEND)) == {Sign.TWO_HOPS}
    contacts.pay(FRESH, FRIEND)
    assert signs(screened(FRESH)) == set()
    for number in range(300):
        contacts.pay(middle, number.to_bytes(20, "big"))
    assert signs(screened(FRIEND)) == set()
    assert contacts.neighbours(middle) == ()


def test_the_walk_to_listed_accounts_has_an_end_that_is_told(world):
    contacts = Contacts()
    for number in range(200):
        near = number.to_bytes(20, "little")
        contacts.pay(FRIEND, near)
        for far in range(20):
            contacts.pay(near, (1000 * number + far + 77).to_bytes(20, "big"))
    screen = Screen(world.chain, Lists(mixer="dd" * 20), contacts)
    found = screen.screen(Intent(world.alice.address, FRIEND, value=1))
    assert found.cut
    assert len(list(contacts.within(FRIEND, 2, WALK))) == WALK


def test_a_look_alike_of_somebody_paid_before_is_blocked(world):
    twin = FRIEND[:2] + FRESH[2:18] + FRIEND[18:]
    contacts = Contacts()
    contacts.pay(world.alice.address, FRIEND)
    found = world.screen(world.token, "transfer", twin, 10, contacts=contacts)
    assert signs(found) == {Sign.LOOK_ALIKE} and found.decision is Decision.BLOCK
    assert world.screen(world.token, "transfer", FRIEND, 10, contacts=contacts).marks == ()
    assert world.screen(world.token, "approve", twin, 1, contacts=contacts).marks[0].sign is (
        Sign.LOOK_ALIKE
    )
    assert not alike(FRIEND, FRIEND) and not alike(FRIEND, FRIEND[:3] + FRESH[3:])


def test_only_so_many_contacts_are_kept_and_the_idle_leave_first():
    contacts, payer = Contacts(accounts=3), b"p" * 20
    for number in range(PAID + 5):
        contacts.pay(payer, number.to_bytes(20, "big"))
    assert len(contacts.paid(payer)) == PAID
    assert contacts.paid(payer)[-1] == (PAID + 4).to_bytes(20, "big")
    assert contacts.neighbours((0).to_bytes(20, "big")) == ()


def test_post_conditions_are_held_against_every_change_and_allowance(world):
    token, other = world.token.address, world.other.address
    swap = (world.bazaar, "swap", token, 100, 0)
    met = Expectation({token: -100, other: 90})
    assert world.screen(*swap, expect=met).marks == ()
    for wanted in ({token: -99, other: 90}, {token: -100, other: 100}, {}):
        found = world.screen(*swap, expect=Expectation(wanted))
        assert signs(found) == {Sign.BROKEN} and found.score == 100
    approve = (world.token, "approve", FRESH, 5)
    assert Sign.BROKEN in signs(world.screen(*approve, expect=Expectation()))
    allowed = Expectation(spenders=frozenset({FRESH}))
    assert world.screen(*approve, expect=allowed).marks == ()


def test_handing_the_account_to_foreign_code_is_blocked(world):
    intent = Intent(world.alice.address, FRIEND, value=1, delegates=(world.relay.address,))
    found = Screen(world.chain).screen(intent)
    assert signs(found) == {Sign.HANDED_OVER} and found.decision is Decision.BLOCK


class Blind:
    """A node that traces nothing."""

    def __init__(self, chain):
        self._chain = chain

    def __getattr__(self, name):
        if name in ("attempt", "header", "request"):
            raise AttributeError(name)
        return getattr(self._chain, name)


def test_a_node_without_traces_is_named_and_never_passes(world):
    transfer = world.token.encode("transfer", FRIEND, 40)
    found = Screen(Blind(world.chain)).screen(
        Intent(world.alice.address, world.token.address, transfer)
    )
    assert found.how == "call" and found.changes == {}
    assert signs(found) == {Sign.NO_TRACE} and found.decision is Decision.WARN
    too_much = world.token.encode("transfer", FRIEND, 10**30)
    failing = Screen(Blind(world.chain)).screen(
        Intent(world.alice.address, world.token.address, too_much)
    )
    assert failing.failed and signs(failing) == {Sign.NO_TRACE, Sign.FAILS}


class Restless(Blind):
    """A chain that never stands still."""

    def block(self, ref="latest"):
        self._chain.mine()
        return self._chain.block(ref)


def test_a_verdict_that_cannot_be_bound_to_a_block_is_not_given(world):
    with pytest.raises(ChainError, match="3 blocks came"):
        Screen(Restless(world.chain)).screen(Intent(world.alice.address, FRIEND, value=1))


def typed(kind, message, contract, chain=31337):
    domain = {"name": "x", "chainId": chain, "verifyingContract": to_checksum(contract)}
    return {"primaryType": kind, "domain": domain, "message": message, "types": {}}


SOON = 1_700_000_600
SPENDER = to_checksum(FRESH)


def permit(world, **changes):
    message = {"owner": to_checksum(world.alice.address), "spender": SPENDER, "nonce": 0}
    return message | {"value": str(2**256 - 1), "deadline": SOON} | changes


def test_a_permit_is_an_allowance(world):
    screen, token = Screen(world.chain), world.token.address
    found = screen.screen_typed(typed("Permit", permit(world), token), world.alice.address)
    assert signs(found) == {Sign.ENDLESS_TO_ACCOUNT} and found.decision is Decision.BLOCK
    assert found.approvals[0].token == token and found.how == "typed data"
    long = permit(world, deadline=hex(2**200), value=5)
    found = screen.screen_typed(typed("Permit", long, token), world.alice.address)
    assert signs(found) == {Sign.ALLOWANCE_TO_ACCOUNT, Sign.LONG}


@pytest.mark.parametrize(("contract", "chain"), [(FRIEND, 31337), (None, 1)])
def test_a_signature_for_another_place_is_marked(world, contract, chain):
    document = typed("Permit", permit(world, value=0), contract or world.token.address, chain)
    found = Screen(world.chain).screen_typed(document, world.alice.address)
    assert signs(found) == {Sign.WRONG_PLACE}


def test_every_kind_of_permit_is_read(world):
    token, alice = to_checksum(world.token.address), world.alice.address
    single = {"details": {"token": token, "amount": 2**160 - 1}, "spender": SPENDER}
    single |= {"sigDeadline": SOON}
    batch = single | {"details": [single["details"], {"token": token, "amount": 4}]}
    once = {"permitted": {"token": token, "amount": 9}, "spender": SPENDER, "deadline": SOON}
    many = once | {"permitted": [once["permitted"]] * 2}
    dai = {"holder": to_checksum(alice), "spender": SPENDER, "expiry": 0, "allowed": True}
    moved = {"from": to_checksum(alice), "to": SPENDER, "value": "12", "validBefore": SOON}
    cases = [
        ("PermitSingle", single, [2**160 - 1], 0),
        ("PermitBatch", batch, [2**160 - 1, 4], 0),
        ("PermitTransferFrom", once, [9], 0),
        ("PermitBatchTransferFrom", many, [9, 9], 0),
        ("PermitWitnessTransferFrom", once, [9], 0),
        ("Permit", dai, [None], 0),
        ("TransferWithAuthorization", moved, [], -12),
        ("ReceiveWithAuthorization", moved, [], -12),
    ]
    for kind, message, amounts, change in cases:
        document = typed(kind, message, world.token.address)
        found = Screen(world.chain).screen_typed(document, alice)
        assert [one.amount for one in found.approvals] == amounts, kind
        assert sum(found.changes.values()) == change, kind
        assert found.decision is not Decision.PASS, kind


def order(world, asked):
    item = {"itemType": 2, "token": to_checksum(world.other.address), "identifierOrCriteria": "7"}
    item |= {"startAmount": "1", "endAmount": "1"}
    paid = {"itemType": 0, "token": "0x" + "00" * 20, "identifierOrCriteria": 0}
    paid |= {"startAmount": str(asked), "endAmount": str(asked)}
    paid |= {"recipient": to_checksum(world.alice.address)}
    message = {"offer": [item], "consideration": [paid], "endTime": SOON}
    return typed("OrderComponents", message, world.bazaar.address)


def test_an_order_that_gives_a_thing_for_nothing_is_marked_and_a_sale_is_not(world):
    screen, alice = Screen(world.chain), world.alice.address
    free = screen.screen_typed(order(world, 0), alice)
    assert signs(free) == {Sign.GIVEN_AWAY} and free.changes == {(world.other.address, 7): -1}
    assert screen.screen_typed(order(world, 10**18), alice).marks == ()


def test_typed_data_that_is_not_understood_never_passes(world):
    document = typed("Mail", {"to": SPENDER}, world.token.address)
    found = Screen(world.chain).screen_typed(document, world.alice.address)
    assert signs(found) == {Sign.UNREAD} and found.decision is Decision.WARN


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("domain"),
        lambda d: d["message"].pop("deadline"),
        lambda d: d["message"].update(value="many"),
        lambda d: d["message"].update(value=-1),
        lambda d: d["message"].update(value=True),
        lambda d: d["message"].update(spender="0x12"),
        lambda d: d.update(message=[1]),
    ],
)
def test_malformed_typed_data_is_refused(world, spoil):
    document = typed("Permit", permit(world), world.token.address)
    spoil(document)
    with pytest.raises(InputError):
        Screen(world.chain).screen_typed(document, world.alice.address)


def test_a_screening_is_plain_values(world):
    value = world.screen(world.token, "approve", FRESH, 5).to_value()
    assert value["decision"] == "warn" and value["score"] == 40
    assert value["approvals"] == [
        {"token": to_checksum(world.token.address), "spender": SPENDER, "amount": "5"}
    ]
    assert len(value["state_root"]) == 64 and value["how"] == "trace"


def test_a_node_with_traces_shows_the_same_as_the_chain_in_this_process(world):
    transfer = (world.token, "transfer", FRIEND, 40)
    rob = (world.burglar, "rob", 2)
    plain = world.screen(*transfer), world.screen(*rob, value=COINS, who=world.thief)
    with RpcServer(world.chain, port=0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        host, port = server.server_address[:2]
        chain = open_chain(f"http://{host}:{port}")
        remote = World(**{**world.__dict__, "chain": chain})
        served = remote.screen(*transfer), remote.screen(*rob, value=COINS, who=world.thief)
        failing = remote.screen(world.savings, "take_all", who=world.thief)
        chain.close()
        server.shutdown()
        thread.join()
    assert served == plain
    assert failing.failed == "savings: nothing saved" and failing.how == "trace"


@pytest.mark.skipif(find_anvil() is None, reason="skipped: needs anvil (make anvil)")
def test_another_node_with_the_call_tracer_shows_the_same_signs():
    chain = open_chain("anvil:")
    try:
        far = founded(chain)
        paid = far.screen(far.token, "transfer", FRIEND, 40)
        assert (paid.how, paid.marks) == ("trace", ())
        assert paid.changes == {(far.token.address, None): -40}
        assert signs(far.screen(far.token, "approve", FRESH, 2**256 - 1)) == {
            Sign.ENDLESS_TO_ACCOUNT
        }
        robbed = far.screen(far.burglar, "rob", 3, value=COINS, who=far.thief)
        # This node tells of no writes: whether the bank acts afterwards is not known, so it counts.
        assert Sign.REENTERED_ACTING in signs(robbed)
        assert robbed.changes == {(NATIVE, None): 3 * COINS}
        failing = far.screen(far.savings, "take_all", who=far.thief)
        assert signs(failing) == {Sign.FAILS} and "nothing saved" in failing.failed
        assert far.screen(far.token, "transfer", FRIEND, 1).at.state_root != bytes(32)
    finally:
        chain.close()
