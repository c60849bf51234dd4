"""The embedded chain keeps Ethereum's rules, and its workbench moves it as it says."""

import sys
import threading

import pytest
from eth_account import Account as EthAccount

from counterpoise.chain import (
    FINAL_DEPTH,
    Account,
    Chain,
    Transaction,
    Workbench,
    artifact_of,
    deploy,
    open_chain,
    send,
)
from counterpoise.chain.account import ORDER
from counterpoise.core.digest import keccak
from counterpoise.core.errors import ChainError, InputError, Reverted

GWEI = 10**9
STRANGER = bytes(19) + b"\x42"


def payment(chain, account, **changes):
    """A signed transfer of one wei, with what is to be wrong in it."""
    base, tip = chain.fees()
    fields = {
        "chain_id": 31337,
        "nonce": chain.nonce(account.address),
        "tip": tip,
        "max_fee": 2 * base + tip,
        "gas": 21_000,
        "to": STRANGER,
        "value": 1,
        "data": b"",
    } | changes
    return account.sign_transaction(Transaction(**fields))


def test_it_is_a_chain_and_a_workbench(chain):
    assert isinstance(chain, Chain) and isinstance(chain, Workbench)
    assert chain.features.local and not chain.features.persistent
    assert chain.chain_id() == 31337


def test_a_transaction_is_mined_at_once_in_a_block_that_names_its_parent(chain, accounts):
    before = chain.block()
    tx_hash = chain.send_raw(payment(chain, accounts[0]))
    receipt, head = chain.receipt(tx_hash), chain.block()
    assert (receipt.status, receipt.gas_used) == (1, 21_000)
    assert receipt.block_hash == head.hash and head.parent == before.hash
    assert chain.balance(STRANGER) == 1
    assert chain.block(head.hash) == chain.block(head.number) == head


def test_the_hash_of_a_block_is_that_of_its_header(chain, accounts):
    import rlp
    from eth.vm.forks.prague.blocks import PragueBlockHeader

    chain.send_raw(payment(chain, accounts[0]))
    fields = chain.header("latest")
    digest = fields.pop("hash")
    assert keccak(rlp.encode(PragueBlockHeader(**fields))) == digest


def test_every_block_is_later_than_its_parent_even_if_the_clock_stands(chain):
    chain.mine(3)
    times = [chain.block(number).time for number in range(4)]
    assert times == [1_700_000_000 + place for place in range(4)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chain_id": 1}, "invalid chain id: signed for 1"),
        ({"gas": 20_999}, "intrinsic gas too low: 20999, needs 21000"),
        ({"gas": 30_000_001}, "exceeds block gas limit"),
        ({"max_fee": 10**8, "tip": 0}, "max fee per gas less than block base fee"),
        ({"max_fee": GWEI, "tip": 2 * GWEI}, "max priority fee per gas higher"),
        ({"value": 10**23}, "insufficient funds for gas"),
        ({"to": None, "data": bytes(49_153), "gas": 2_000_000}, "max initcode size exceeded"),
    ],
)
def test_a_wrong_transaction_is_refused_in_words_that_wallets_know(chain, accounts, changes, words):
    with pytest.raises(ChainError, match=words):
        chain.send_raw(payment(chain, accounts[0], **changes))
    assert chain.block().number == 0


def test_bytes_that_are_no_transaction_are_refused(chain, accounts):
    good = payment(chain, accounts[0])
    for raw in (b"", b"\x02", b"\x03" + good[1:], b"\x7f" + good[1:], good[:-1], good + b"\0"):
        with pytest.raises(ChainError):
            chain.send_raw(raw)


def test_the_second_form_of_a_signature_is_refused(chain, accounts):
    fields = Transaction(31337, 0, 1, 3 * GWEI, 21_000, STRANGER, 1, b"")
    signature = accounts[0].sign_digest(keccak(fields.payload()))
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    with pytest.raises(ChainError, match="high-s"):
        chain.send_raw(fields.payload(28 - signature[64], r, ORDER - s))
    for wrong in ((2, r, s), (0, 0, s), (0, r, 0), (0, ORDER, s)):
        with pytest.raises(ChainError):
            chain.send_raw(fields.payload(*wrong))
    chain.send_raw(fields.payload(signature[64] - 27, r, s))


def test_the_same_transaction_is_not_mined_twice(chain, accounts):
    raw = payment(chain, accounts[0])
    chain.send_raw(raw)
    with pytest.raises(ChainError, match="already known"):
        chain.send_raw(raw)
    with pytest.raises(ChainError, match="nonce too low: next 1, transaction 0"):
        chain.send_raw(payment(chain, accounts[0], nonce=0, value=2))


def test_a_gap_in_the_nonces_waits_until_it_is_filled(chain, accounts):
    late = chain.send_raw(payment(chain, accounts[0], nonce=1))
    assert chain.receipt(late) is None and chain.nonce(accounts[0].address) == 0
    chain.send_raw(payment(chain, accounts[0], nonce=0))
    assert chain.receipt(late).status == 1
    assert chain.nonce(accounts[0].address) == 2


def test_a_waiting_transaction_is_replaced_by_one_that_pays_a_tenth_more(chain, accounts):
    first = chain.send_raw(payment(chain, accounts[0], nonce=1, max_fee=10 * GWEI))
    with pytest.raises(ChainError, match="replacement transaction underpriced"):
        chain.send_raw(payment(chain, accounts[0], nonce=1, max_fee=11 * GWEI - 1))
    second = chain.send_raw(payment(chain, accounts[0], nonce=1, max_fee=11 * GWEI))
    chain.send_raw(payment(chain, accounts[0], nonce=0))
    assert chain.receipt(first) is None and chain.receipt(second).status == 1


def test_without_automine_a_block_takes_all_that_waits(chain, accounts):
    chain.automine = False
    hashes = [
        chain.send_raw(payment(chain, account, nonce=nonce))
        for account in accounts[:3]
        for nonce in range(3)
    ]
    assert chain.block().number == 0 and chain.nonce(accounts[0].address) == 3
    chain.mine()
    assert {chain.receipt(one).block_number for one in hashes} == {1}
    assert chain.block().gas_used == 9 * 21_000


def test_what_does_not_fit_a_block_goes_into_the_next(chain, accounts):
    chain.automine = False
    hashes = [
        chain.send_raw(
            payment(chain, accounts[0], nonce=nonce, gas=14_000_000, to=None, data=b"\xfe")
        )
        for nonce in range(3)
    ]
    chain.mine(2)
    assert [chain.receipt(one).block_number for one in hashes] == [1, 1, 2]


def test_each_kind_of_refusal_arrives_with_its_reason(chain, accounts, counter):
    block = chain.block().number
    with pytest.raises(Reverted, match=r"Counter\.bump was refused: counter: nothing to add"):
        counter.transact(accounts[0], "bump", 0)
    assert chain.block().number == block + 1, "a refused transaction is mined and paid for"
    counter.transact(accounts[0], "bump", 2**256 - 1)
    with pytest.raises(Reverted, match=r"Counter\.bump was refused: no reason given"):
        counter.transact(accounts[0], "bump", 1)
    with pytest.raises(Reverted, match="out of gas"):
        counter.transact(accounts[1], "bump", 1, gas=22_000)


def test_a_call_sees_the_state_of_the_block_it_names(chain, accounts, counter):
    heights = []
    for by in (1, 2, 3):
        counter.transact(accounts[0], "bump", by)
        heights.append(chain.block().number)
    assert [counter.call("total", block=height) for height in heights] == [1, 3, 6]
    assert counter.call("total", block=chain.block(heights[1]).hash) == 3
    with pytest.raises(InputError, match="there is no block 99"):
        counter.call("total", block=99)


def test_a_call_leaves_no_trace(chain, accounts, counter):
    chain.call(counter.address, counter.encode("bump", 5), sender=accounts[0].address)
    chain.call(STRANGER, b"", sender=STRANGER, value=10**30)
    assert counter.call("total") == 0 and chain.balance(STRANGER) == 0


def test_an_estimate_is_enough_and_not_much_more(chain, accounts, counter):
    counter.transact(accounts[1], "bump", 1)
    data = counter.encode("bump", 1)
    gas = chain.estimate(counter.address, data, sender=accounts[0].address)
    used = counter.transact(accounts[0], "bump", 1, gas=gas).gas_used
    assert used <= gas <= used * 1.02 + 200
    with pytest.raises(Reverted, match="nothing to add"):
        chain.estimate(counter.address, counter.encode("bump", 0), sender=accounts[0].address)


def test_a_call_that_fails_otherwise_says_how(chain, accounts):
    chain.set_code(STRANGER, b"\xfe")
    with pytest.raises(Reverted, match="InvalidInstruction"):
        chain.call(STRANGER, b"")
    with pytest.raises(Reverted, match="InvalidInstruction"):
        chain.estimate(STRANGER, b"", sender=accounts[0].address)
    chain.set_code(STRANGER, bytes.fromhex("5b5f56"))  # a loop without end
    with pytest.raises(Reverted, match="out of gas"):
        chain.call(STRANGER, b"")


def test_an_estimate_finds_the_gas_that_a_nested_call_holds_back(chain, accounts):
    # Calls an address with 500,000 gas, and reverts unless the call got that much.
    code = "5f5f5f5f5f61dead6207a120f1" + "6207a1205a10" + "601a57" + "00" + "0000" + "5b5f5ffd"
    chain.set_code(STRANGER, bytes.fromhex(code))
    gas = chain.estimate(STRANGER, b"", sender=accounts[0].address)
    assert gas > 500_000
    send(chain, accounts[0], STRANGER, b"", gas=gas)
    with pytest.raises(Reverted):
        send(chain, accounts[0], STRANGER, b"", gas=gas * 98 // 100)


def test_gas_does_not_depend_on_what_was_read_or_estimated_before(chain, accounts, counter):
    counter.transact(accounts[0], "bump", 1)
    plain = counter.transact(accounts[0], "bump", 1).gas_used
    counter.call("total")
    chain.estimate(counter.address, counter.encode("bump", 1), sender=accounts[0].address)
    assert counter.transact(accounts[0], "bump", 1).gas_used == plain


def test_calldata_costs_at_least_its_floor(chain, accounts):
    receipt = send(chain, accounts[0], STRANGER, bytes(100) + b"\x01" * 100)
    assert receipt.gas_used == 21_000 + 10 * 100 + 40 * 100  # EIP-7623


def test_logs_match_by_range_address_and_topics(chain, accounts, counter, counter_artifact):
    other = deploy(chain, accounts[0], counter_artifact)
    for contract, account in ((counter, 0), (counter, 1), (other, 0)):
        contract.transact(accounts[account], "bump", 1)
    topic, who = (counter.interface.topics("Bumped")[0], b"\0" * 12 + accounts[1].address)
    everything = chain.logs(0, 99)
    assert len(everything) == 3 and everything == sorted(
        everything, key=lambda one: one.block_number
    )
    assert len(chain.logs(0, 99, [counter.address])) == 2
    assert len(chain.logs(0, 99, [counter.address, other.address], [topic])) == 3
    assert len(chain.logs(0, 99, [], [None, who])) == 1
    assert len(chain.logs(0, 99, [], [[topic, who], [who, b"\0" * 32]])) == 1
    assert chain.logs(0, 99, [], [None, None, topic]) == []
    assert chain.logs_of_block(everything[0].block_hash) == everything[:1]
    assert chain.logs(everything[1].block_number, everything[1].block_number) == everything[1:2]


def test_blockhash_knows_the_last_blocks(chain, accounts):
    # PUSH1 1 NUMBER SUB BLOCKHASH PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN
    chain.set_code(STRANGER, bytes.fromhex("6001430340 60005260206000f3".replace(" ", "")))
    chain.mine(2)
    assert chain.call(STRANGER, b"") == chain.block().parent


def test_calls_nest_as_deep_as_the_rules_allow_and_no_deeper(chain):
    # calldata: none. Each level calls itself with all gas, and the return value counts levels.
    # PUSH0*4 PUSH0 ADDRESS GAS CALL-with-32-bytes-back, then ADD 1, MSTORE, RETURN
    code = "60205f5f5f5f305af1505f51600101 5f5260205ff3".replace(" ", "")
    chain.set_code(STRANGER, bytes.fromhex(code))
    depths = []

    def work():
        depths.append(int.from_bytes(chain.call(STRANGER, b""), "big"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    work()
    assert depths[0] == depths[1] > 250


def test_code_and_money_can_be_put_in_place(chain):
    chain.set_code(STRANGER, bytes.fromhex("60016000526001601ff3"))
    chain.fund(STRANGER, 7)
    chain.fund(STRANGER, 5)
    assert chain.call(STRANGER, b"") == b"\x01"
    assert chain.balance(STRANGER) == 12


def test_a_snapshot_brings_back_state_time_and_nonces(chain, accounts, counter):
    counter.transact(accounts[0], "bump", 1)
    head, nonce = chain.block(), chain.nonce(accounts[0].address)
    first = chain.snapshot()
    counter.transact(accounts[0], "bump", 1)
    second = chain.snapshot()
    chain.warp(10_000)
    chain.revert(first)
    assert chain.block() == head and chain.nonce(accounts[0].address) == nonce
    assert counter.call("total") == 1
    for used in (first, second):
        with pytest.raises(InputError, match="there is no snapshot"):
            chain.revert(used)
    chain.mine()
    assert chain.block().time < head.time + 10_000


def test_the_same_actions_after_a_revert_make_other_blocks(chain, accounts):
    snapshot = chain.snapshot()
    chain.mine(2)
    first = chain.block().hash
    chain.revert(snapshot)
    chain.mine(2)
    assert chain.block().hash != first


def test_time_runs_forward_only(chain):
    chain.warp(3600)
    assert chain.block().time == 1_700_003_600
    with pytest.raises(InputError, match="forward only"):
        chain.warp(-1)


@pytest.mark.parametrize("keep", [True, False])
def test_a_reorg_makes_a_longer_chain_of_other_blocks(chain, accounts, counter, keep):
    chain.mine(2)
    receipt = counter.transact(accounts[0], "bump", 4)
    old = [chain.block(number).hash for number in range(3, 5)]
    height = chain.block().number
    chain.reorg(2, keep=keep)
    assert chain.block().number == height + 1
    assert counter.call("total") == (4 if keep else 0)
    moved = chain.receipt(receipt.tx_hash)
    assert (moved is not None) is keep
    assert not moved or moved.block_hash != receipt.block_hash
    assert not set(old) & {chain.block(number).hash for number in range(height + 2)}


def test_what_is_final_stays(chain):
    chain.mine(70)
    assert chain.block("finalized").number == 70 - FINAL_DEPTH
    assert chain.block("earliest").number == 0
    for depth in (0, FINAL_DEPTH + 1):
        with pytest.raises(InputError, match="a reorg of depth"):
            chain.reorg(depth)


def test_a_snapshot_on_a_lost_branch_is_named(chain):
    chain.mine(3)
    snapshot = chain.snapshot()
    chain.reorg(2)
    with pytest.raises(InputError, match="branch that a reorg removed"):
        chain.revert(snapshot)


def test_threads_that_share_a_key_do_not_collide(chain, accounts, counter):
    refused = []

    def work():
        try:
            for _ in range(5):
                counter.transact(accounts[0], "bump", 1)
        except Exception as error:
            refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not refused and counter.call("total") == 20


def test_threads_that_read_and_mine_at_once_see_whole_blocks(chain, accounts, counter):
    broken, done = [], threading.Event()

    def watch():
        while not done.is_set():
            try:
                head = chain.block()
                total = counter.call("total", block=head.number)
                assert total == len(chain.logs(0, head.number))
                chain.estimate(counter.address, counter.encode("bump", 1), sender=STRANGER)
            except Exception as error:
                broken.append(error)
                return

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=watch) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(20):
            counter.transact(accounts[0], "bump", 1)
    finally:
        done.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(before)
    assert not broken and counter.call("total") == 20


def test_old_and_new_kinds_of_transactions_are_taken(chain, accounts):
    plain = {"nonce": 0, "gas": 30_000, "to": STRANGER, "value": 1, "chainId": 31337}
    for nonce, fields in enumerate(
        (
            {"gasPrice": 3 * GWEI},
            {"gasPrice": 3 * GWEI, "type": 1, "accessList": []},
            {"maxFeePerGas": 3 * GWEI, "maxPriorityFeePerGas": 0, "type": 2},
        )
    ):
        signed = EthAccount.sign_transaction({**plain, **fields, "nonce": nonce}, accounts[0].key)
        tx_hash = chain.send_raw(bytes(signed.raw_transaction))
        assert tx_hash == bytes(signed.hash) and chain.receipt(tx_hash).status == 1


def test_delegation_to_code_works(chain, accounts, counter):
    authority = accounts[5]
    grant = EthAccount.sign_authorization(
        {"chainId": 31337, "address": counter.address, "nonce": 0}, authority.key
    )
    fields = {
        "nonce": chain.nonce(accounts[0].address),
        "gas": 200_000,
        "to": authority.address,
        "value": 0,
        "chainId": 31337,
        "data": counter.encode("bump", 9),
        "type": 4,
        "authorizationList": [grant],
        "maxFeePerGas": 3 * GWEI,
        "maxPriorityFeePerGas": 0,
    }
    chain.send_raw(bytes(EthAccount.sign_transaction(fields, accounts[0].key).raw_transaction))
    assert int.from_bytes(chain.storage(authority.address, 0), "big") == 9  # EIP-7702


def test_the_p256_precompile_is_absent_and_answers_nothing(chain):
    assert chain.call(bytes(18) + b"\x01\x00", bytes(160)) == b""
    assert not chain.features.p256


def test_gas_is_the_same_on_every_local_chain(backend, accounts, counter_artifact):
    counter = deploy(backend, accounts[0], counter_artifact)
    used = [counter.transact(accounts[0], "bump", by).gas_used for by in (1, 1, 300)]
    assert used == [68_052, 33_852, 33_864]


def test_every_local_chain_moves_alike(backend, accounts, counter_artifact):
    counter = deploy(backend, accounts[0], counter_artifact)
    counter.transact(accounts[0], "bump", 1)
    snapshot, before = backend.snapshot(), backend.block()
    counter.transact(accounts[1], "bump", 2)
    backend.revert(snapshot)
    assert counter.call("total") == 1 and backend.block().hash == before.hash
    backend.warp(5_000)
    assert backend.block().time >= before.time + 5_000
    counter.transact(accounts[0], "bump", 4)
    height = backend.block().number
    backend.reorg(1, keep=True)
    assert counter.call("total") == 5 and backend.block().number == height + 1
    backend.mine(3)
    assert backend.block().number == height + 4
    backend.fund(STRANGER, 5)
    backend.set_code(STRANGER, bytes.fromhex("60016000526001601ff3"))
    assert backend.balance(STRANGER) == 5 and backend.call(STRANGER, b"") == b"\x01"
    with pytest.raises(Reverted, match="counter: nothing to add"):
        counter.transact(accounts[0], "bump", 0)
    with pytest.raises(InputError):
        backend.revert("0x99")


def test_an_unknown_url_names_what_there_is():
    with pytest.raises(InputError, match="names no chain"):
        open_chain("ganache:")


def test_a_stranger_without_money_cannot_transact(chain, counter):
    with pytest.raises(ChainError, match="insufficient funds"):
        counter.transact(Account.local(b"stranger"), "bump", 1)


def test_a_file_that_does_not_compile_is_the_callers_mistake(tmp_path):
    (tmp_path / "Broken.vy").write_text("def nothing(:\n")
    with pytest.raises(InputError, match="does not compile"):
        artifact_of(tmp_path / "Broken.vy")
