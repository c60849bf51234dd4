"""An unmodified web3.py finds the served chain to be an Ethereum node."""

import pytest
from eth_account import Account as EthAccount
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError

from counterpoise.chain import dev_account


@pytest.fixture
def web3(served):
    provider = Web3.HTTPProvider(served.url, session=None)
    yield Web3(provider)
    provider._request_session_manager.session_cache.clear()


@pytest.fixture
def counter(web3, counter_artifact):
    factory = web3.eth.contract(abi=counter_artifact.abi, bytecode=counter_artifact.bytecode)
    sent = factory.constructor().transact({"from": web3.eth.accounts[0]})
    receipt = web3.eth.wait_for_transaction_receipt(sent)
    return web3.eth.contract(address=receipt.contractAddress, abi=counter_artifact.abi)


def test_a_wallet_finds_the_chain_and_its_funded_accounts(web3):
    assert web3.eth.chain_id == 31337 and web3.net.version == "31337"
    assert "Counterpoise" in web3.client_version
    assert len(web3.eth.accounts) == 10
    assert web3.eth.get_balance(web3.eth.accounts[0]) == 10_000 * 10**18
    assert not web3.eth.syncing


def test_web3_deploys_transacts_and_reads_events(web3, counter):
    sender = web3.eth.accounts[1]
    receipt = web3.eth.wait_for_transaction_receipt(
        counter.functions.bump(7).transact({"from": sender})
    )
    assert receipt.status == 1 and receipt["from"] == sender
    (event,) = counter.events.Bumped().process_receipt(receipt)
    assert event.args.who == sender and event.args.by == 7 and event.args.note == "hi"
    (found,) = counter.events.Bumped().get_logs(from_block=0, argument_filters={"who": sender})
    assert found.transactionHash == receipt.transactionHash
    assert counter.functions.total().call() == 7


def test_web3_signs_for_itself_with_every_type_of_fee(web3, counter):
    key = dev_account(2).key
    sender = EthAccount.from_key(key).address
    for fees in (
        {"gasPrice": web3.eth.gas_price},
        {"maxFeePerGas": 4 * 10**9, "maxPriorityFeePerGas": 1},
    ):
        nonce = web3.eth.get_transaction_count(sender)
        fields = {"from": sender, "nonce": nonce, "chainId": 31337, **fees}
        built = counter.functions.bump(1).build_transaction(fields)
        sent = web3.eth.send_raw_transaction(
            EthAccount.sign_transaction(built, key).raw_transaction
        )
        receipt = web3.eth.wait_for_transaction_receipt(sent)
        found = web3.eth.get_transaction(sent)
        assert found.blockHash == receipt.blockHash and found["from"] == sender
        assert receipt.effectiveGasPrice >= 1 and found.nonce == nonce
    assert counter.functions.total().call() == 2


def test_web3_sees_the_contracts_own_reason(web3, counter):
    with pytest.raises(ContractLogicError, match="counter: nothing to add"):
        counter.functions.bump(0).call()
    with pytest.raises(ContractLogicError, match="counter: nothing to add"):
        counter.functions.bump(0).transact({"from": web3.eth.accounts[0]})


def test_web3_reads_blocks_by_every_name(web3, counter):
    head = web3.eth.get_block("latest", full_transactions=True)
    assert web3.eth.get_block(head.hash).number == head.number == web3.eth.block_number
    assert head.transactions[0].hash == web3.eth.get_block(head.number).transactions[0]
    assert web3.eth.get_block("earliest").number == 0
    assert web3.eth.get_block_receipts(head.number)[0].contractAddress == counter.address
    history = web3.eth.fee_history(2, "latest", [50])
    assert len(history.baseFeePerGas) == 3 and len(history.reward) == 2
    assert web3.eth.max_priority_fee == 10**9


def test_web3_reads_code_storage_and_past_state(web3, counter):
    before = web3.eth.block_number
    counter.functions.bump(3).transact({"from": web3.eth.accounts[0]})
    assert counter.functions.total().call(block_identifier=before) == 0
    assert int.from_bytes(web3.eth.get_storage_at(counter.address, 0), "big") == 3
    assert len(web3.eth.get_code(counter.address)) > 100
    assert web3.eth.get_transaction_count(web3.eth.accounts[0], before) == 1


def test_web3_is_told_what_is_not_there(web3):
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(bytes(32))
    with pytest.raises(Web3RPCError, match="nonce too low"):
        account = EthAccount.from_key(dev_account(3).key)
        fields = {"to": account.address, "value": 1, "gas": 21000, "gasPrice": 4 * 10**9}
        for _ in range(2):
            fields |= {"nonce": 0, "chainId": 31337, "value": fields["value"] + 1}
            web3.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)


def test_web3_moves_the_workbench(web3, counter):
    snapshot = web3.provider.make_request("evm_snapshot", [])["result"]
    counter.functions.bump(3).transact({"from": web3.eth.accounts[0]})
    assert web3.provider.make_request("evm_revert", [snapshot])["result"] is True
    assert counter.functions.total().call() == 0
    before = web3.eth.get_block("latest").timestamp
    web3.provider.make_request("evm_increaseTime", [1000])
    web3.provider.make_request("evm_mine", [])
    assert web3.eth.get_block("latest").timestamp >= before + 1000


def test_a_batch_of_web3_comes_back_in_order(web3, counter):
    with web3.batch_requests() as batch:
        batch.add(web3.eth.get_block(0))
        batch.add(counter.functions.total())
        batch.add(web3.eth.get_block(1))
        first, total, second = batch.execute()
    assert (first.number, total, second.number) == (0, 0, 1)
