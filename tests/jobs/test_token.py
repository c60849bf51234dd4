"""The credit token: every call, every refusal, every event."""

import re
from pathlib import Path

import pytest

from counterpoise.chain.compiled import contract_path
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.jobs.token import TokenClient
from counterpoise.jobs.token_rules import CAP, ENDLESS, NAME, VERSION

NOBODY = bytes(20)


@pytest.fixture
def token(chain, accounts):
    """A token of which account 0, its minter, has 1000."""
    client = TokenClient.deploy(chain, accounts[0], accounts[0].address)
    client.mint(accounts[0], accounts[0].address, 1000)
    return client


def events(token, receipt):
    return [(e.name, tuple(e.args.values())) for e in token.contract.events_in(receipt)]


def refused(reason):
    return pytest.raises(Reverted, match=f": token: {re.escape(reason)}$")


def test_it_describes_itself(token, accounts):
    found = [token.contract.call(f) for f in ("name", "symbol", "decimals", "version", "cap")]
    assert found == [NAME, "CREDIT", 18, VERSION, CAP]
    assert CAP == 10**9 * TOKEN < 2**96
    assert token.contract.call("minter") == accounts[0].address


def test_it_starts_empty_and_with_a_minter(chain, accounts):
    assert TokenClient.deploy(chain, accounts[0], accounts[1].address).supply() == 0
    with refused("no minter"):
        TokenClient.deploy(chain, accounts[0], NOBODY)


# transfer


def test_a_transfer_moves_and_says_so(token, accounts):
    a, b = accounts[0], accounts[1].address
    receipt = token.transfer(a, b, 400)
    assert events(token, receipt) == [("Transfer", (a.address, b, 400))]
    assert (token.balance(a.address), token.balance(b), token.supply()) == (600, 400, 1000)
    call = token.contract.call("transfer", b, 600, sender=a.address)
    assert call is True


@pytest.mark.parametrize("amount", [0, 1, 1000])
def test_a_transfer_to_oneself_changes_nothing_and_is_an_event(token, accounts, amount):
    a = accounts[0]
    receipt = token.transfer(a, a.address, amount)
    assert events(token, receipt) == [("Transfer", (a.address, a.address, amount))]
    assert token.balance(a.address) == 1000


def test_an_empty_account_may_move_nothing_at_all(token, accounts):
    receipt = token.transfer(accounts[1], accounts[2].address, 0)
    assert events(token, receipt)[0][1][2] == 0


@pytest.mark.parametrize("amount", [1001, 2**128, 2**256 - 1])
@pytest.mark.parametrize("to_self", [False, True])
def test_more_than_the_balance_is_refused(token, accounts, amount, to_self):
    receiver = accounts[0 if to_self else 1].address
    with refused("transfer amount exceeds balance"):
        token.transfer(accounts[0], receiver, amount)


def test_nothing_is_moved_to_the_zero_address(token, accounts):
    with refused("transfer to the zero address"):
        token.transfer(accounts[0], NOBODY, 0)


# approve and transferFrom


def test_an_allowance_is_used_up(token, accounts):
    a, b, c = accounts[:3]
    receipt = token.approve(a, b.address, 300)
    assert events(token, receipt) == [("Approval", (a.address, b.address, 300))]
    receipt = token.transfer_from(b, a.address, c.address, 200)
    assert events(token, receipt) == [("Transfer", (a.address, c.address, 200))]
    assert token.allowance(a.address, b.address) == 100
    with refused("insufficient allowance"):
        token.transfer_from(b, a.address, c.address, 101)
    token.transfer_from(b, a.address, c.address, 100)
    with refused("insufficient allowance"):
        token.transfer_from(b, a.address, c.address, 1)


def test_an_endless_allowance_stays(token, accounts):
    a, b = accounts[:2]
    token.approve(a, b.address, ENDLESS)
    token.transfer_from(b, a.address, b.address, 1000)
    assert token.allowance(a.address, b.address) == ENDLESS
    with refused("transfer amount exceeds balance"):
        token.transfer_from(b, a.address, b.address, 1)


def test_an_allowance_just_below_endless_is_used_up(token, accounts):
    a, b = accounts[:2]
    token.approve(a, b.address, ENDLESS - 1)
    token.transfer_from(b, a.address, b.address, 1000)
    assert token.allowance(a.address, b.address) == ENDLESS - 1001


def test_an_approval_replaces_the_one_before(token, accounts):
    a, b = accounts[:2]
    token.approve(a, b.address, 300)
    token.approve(a, b.address, 7)
    assert token.allowance(a.address, b.address) == 7
    token.approve(a, b.address, 0)
    with refused("insufficient allowance"):
        token.transfer_from(b, a.address, b.address, 1)


def test_an_owner_needs_an_allowance_for_its_own_transfer_from(token, accounts):
    with refused("insufficient allowance"):
        token.transfer_from(accounts[0], accounts[0].address, accounts[1].address, 1)


def test_the_zero_address_is_no_spender_no_owner_no_receiver(token, accounts):
    a, b = accounts[:2]
    with refused("approve to the zero address"):
        token.approve(a, NOBODY, 1)
    with refused("transfer from the zero address"):
        token.transfer_from(a, NOBODY, b.address, 0)
    with refused("transfer from the zero address"):
        token.burn_from(a, NOBODY, 0)
    token.approve(a, b.address, 1)
    with refused("transfer to the zero address"):
        token.transfer_from(b, a.address, NOBODY, 1)


# mint and burn


def test_only_the_minter_mints_and_up_to_the_cap(token, accounts):
    a, b = accounts[:2]
    receipt = token.mint(a, b.address, 5)
    assert events(token, receipt) == [("Transfer", (NOBODY, b.address, 5))]
    with refused("only the minter mints"):
        token.mint(b, b.address, 1)
    with refused("mint to the zero address"):
        token.mint(a, NOBODY, 1)
    for amount in (CAP - 1004, ENDLESS):
        with refused("mint exceeds the cap"):
            token.mint(a, b.address, amount)
    token.mint(a, b.address, CAP - 1005)
    assert token.supply() == CAP
    with refused("mint exceeds the cap"):
        token.mint(a, b.address, 1)
    token.burn(a, 1)
    token.mint(a, b.address, 1)
    assert token.supply() == CAP


def test_burning_destroys_ones_own(token, accounts):
    a, b, c = accounts[:3]
    receipt = token.burn(a, 100)
    assert events(token, receipt) == [("Transfer", (a.address, NOBODY, 100))]
    assert (token.supply(), token.balance(a.address)) == (900, 900)
    with refused("burn amount exceeds balance"):
        token.burn(a, 901)
    token.approve(a, b.address, 1000)
    receipt = token.burn_from(b, a.address, 100)
    assert events(token, receipt) == [("Transfer", (a.address, NOBODY, 100))]
    assert (token.supply(), token.allowance(a.address, b.address)) == (800, 900)
    with refused("burn amount exceeds balance"):
        token.burn_from(b, a.address, 801)
    with refused("insufficient allowance"):
        token.burn_from(c, a.address, 1)


def test_the_minter_has_no_right_over_what_others_have(token, accounts):
    minter, owner = accounts[:2]
    token.transfer(minter, owner.address, 500)
    with refused("insufficient allowance"):
        token.transfer_from(minter, owner.address, minter.address, 1)
    with refused("insufficient allowance"):
        token.burn_from(minter, owner.address, 1)
    entries = token.contract.artifact.abi
    writing = [e for e in entries if e.get("stateMutability") == "nonpayable" and "name" in e]
    assert {e["name"] for e in writing} == {
        "transfer", "transferFrom", "approve", "mint", "burn", "burnFrom", "permit",
        "transferWithAuthorization", "receiveWithAuthorization", "cancelAuthorization",
    }  # fmt: skip


# the rest of the interface


def test_it_takes_no_ether_and_answers_no_other_call(chain, token, accounts):
    with pytest.raises(Reverted):
        token.contract.transact(accounts[0], "transfer", accounts[1].address, 1, value=1)
    for data, reason in {
        b"": "no function named",
        b"\1\2\3": "no function named",
        b"\1\2\3\4": "no such function",
        bytes(356): "no such function",
    }.items():
        with refused(reason):
            chain.call(token.address, data)
    with pytest.raises(Reverted):
        chain.call(token.address, b"", value=1)


def test_its_domain_is_described_and_hashed_as_it_signs(token):
    fields, name, version, chain_id, contract, salt, extensions = token.contract.call(
        "eip712Domain"
    )
    assert (fields, salt, list(extensions)) == (b"\x0f", bytes(32), [])
    domain = token.domain()
    assert (name, version, chain_id, contract) == (NAME, VERSION, 31337, token.address)
    assert token.contract.call("DOMAIN_SEPARATOR") == domain.separator()


def test_its_standard_selectors_are_those_of_the_standards(token):
    found = {
        f.selector.hex(): n for n, fs in token.contract.interface.functions.items() for f in fs
    }
    for selector, name in {
        "a9059cbb": "transfer", "23b872dd": "transferFrom", "095ea7b3": "approve",
        "18160ddd": "totalSupply", "70a08231": "balanceOf", "dd62ed3e": "allowance",
        "06fdde03": "name", "95d89b41": "symbol", "313ce567": "decimals", "54fd4d50": "version",
        "d505accf": "permit", "7ecebe00": "nonces", "3644e515": "DOMAIN_SEPARATOR",
        "84b0196e": "eip712Domain", "e3ee160e": "transferWithAuthorization",
        "ef55bec6": "receiveWithAuthorization", "5a049a70": "cancelAuthorization",
        "e94a0102": "authorizationState",
    }.items():  # fmt: skip
        assert found[selector] == name


def test_its_events_are_those_of_the_standards(token):
    topics = {topic.hex() for topic in token.contract.interface.events}
    assert topics == {
        "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
        "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",
        "98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5",
        "1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81",
    }


def test_a_transfer_costs_no_more_than_the_leanest_token_known(token, accounts):
    a, b = accounts[:2]
    token.transfer(a, b.address, 100)
    receipt = token.transfer(a, b.address, 100)
    assert receipt.gas_used <= 34_098 * 1.01


def test_its_code_calls_no_other_account(token):
    """Why the token needs no lock: nothing it runs can call back."""
    from vyper.compiler import CompilerData
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.settings import OptimizationLevel, Settings

    from counterpoise.chain.compiled import SOURCE_ROOT

    bundle = FilesystemInputBundle([SOURCE_ROOT])
    settings = Settings(evm_version="cancun", optimize=OptimizationLevel.GAS)
    source = bundle.load_file(contract_path("CreditToken"))
    built = CompilerData(source, input_bundle=bundle, settings=settings)
    assert built.bytecode_runtime == token.contract.artifact.runtime
    words = [str(item) for item in built.assembly_runtime]
    assert not {"CALL", "CALLCODE", "DELEGATECALL", "CREATE", "CREATE2", "SELFDESTRUCT"} & set(
        words
    )
    assert words.count("STATICCALL") == 1, "the precompile that recovers signers, and no other"


def test_every_reason_is_tested():
    text = contract_path("CreditToken").read_text()
    reasons = re.findall(r'"token: ([^"]+)"', text)
    assert len(reasons) == len(set(reasons)) > 15
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_token*.py"))
    assert [reason for reason in reasons if f'"{reason}"' not in tests] == []


def test_its_code_is_small_enough_to_grow(token):
    assert len(token.contract.artifact.runtime) < 20_000
