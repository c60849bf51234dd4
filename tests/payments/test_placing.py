"""The contracts lie where x402's clients look for them, on local chains alone, and stay there."""

import threading

import pytest

from counterpoise.chain import Contract, artifact, open_chain
from counterpoise.chain.anvil import find_anvil
from counterpoise.chain.rpc.server import RpcServer
from counterpoise.core.errors import Reverted
from counterpoise.jobs import TokenClient
from counterpoise.network import create_network, open_network
from counterpoise.payments import ChannelConfig, ChannelsClient, Claim, place_contracts
from counterpoise.payments.placing import PLACES


def check_placed(chain):
    for name, address in PLACES.items():
        assert chain.code(address) == artifact(name).runtime


def test_a_network_is_founded_with_channels_that_survive_restart_and_reorg(tmp_path):
    with create_network(tmp_path, seed=bytes(32)) as network:
        contracts = dict(network.charter.contracts)
        assert {name: contracts[name] for name in PLACES} == PLACES
        check_placed(network.chain)
        ChannelsClient(network.chain)
    with open_network(tmp_path) as network:
        check_placed(network.chain)
        network.chain.reorg(5)
        check_placed(network.chain)
    with open_network(tmp_path) as network:
        check_placed(network.chain)
        assert ChannelsClient(network.chain).contract.call("MIN_WITHDRAW_DELAY") == 900


def test_placing_again_changes_nothing(chain):
    assert place_contracts(chain) == PLACES
    head = chain.block().number
    assert place_contracts(chain) == PLACES
    assert chain.block().number == head


def test_nothing_is_placed_on_a_public_chain(chain):
    class Public:
        """A chain that nobody can move."""

        code = chain.code

    assert place_contracts(Public()) == {}
    assert not chain.code(PLACES["BatchSettlement"])


@pytest.fixture
def anvil(tmp_path):
    if find_anvil() is None:
        pytest.skip("needs anvil (make anvil)")
    opened = open_chain("anvil:", folder=tmp_path)
    yield opened
    opened.close()


def test_anvil_takes_the_contracts_too(anvil):
    place_contracts(anvil)
    check_placed(anvil)
    client = ChannelsClient(anvil)
    domain = client.contract.call("eip712Domain")
    assert domain[1:4] == (client.domain.name, client.domain.version, anvil.chain_id())


def test_a_served_chain_takes_the_contracts_and_pays_through_them(chain, accounts):
    """As x402's clients meet it: over JSON-RPC, with the payer's signature alone."""
    payer, seller, relay = accounts[:3]
    with RpcServer(chain, port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        host, port = server.server_address
        served = open_chain(f"http://{host}:{port}")
        assert place_contracts(served) == PLACES
        token, client = TokenClient.deploy(served, relay, relay.address), ChannelsClient(served)
        token.mint(relay, payer.address, 50)
        parties = (payer.address, payer.address, seller.address, seller.address)
        config = ChannelConfig(*parties, token.address)
        until = served.block().time + 600
        signed = client.sign_deposit(payer, config, 50, token=token, valid_before=until, salt=1)
        client.deposit(relay, signed)
        voucher = client.vouchers.sign(payer, config.id(client.domain), 30)
        client.claim(seller, [Claim(config, voucher, 30)])
        client.settle(relay, seller.address, token.address)
        assert token.balance(seller.address) == 30
        served.close()
        server.shutdown()
        thread.join()


def test_many_calls_are_read_at_once(chain):
    place_contracts(chain)
    many = Contract(chain, PLACES["Multicall3"], artifact("Multicall3"))
    channels = ChannelsClient(chain).contract
    good = channels.address, channels.encode("MIN_WITHDRAW_DELAY")
    bad = channels.address, b"\1\2\3\4"
    answers = many.call("tryAggregate", False, [good, bad])
    assert [ok for ok, _ in answers] == [True, False]
    assert int.from_bytes(answers[0][1], "big") == 900
    answers = many.call("aggregate3", [(good[0], False, good[1]), (bad[0], True, bad[1])])
    assert [ok for ok, _ in answers] == [True, False]
    with pytest.raises(Reverted, match="a call failed"):
        many.call("tryAggregate", True, [good, bad])
    assert many.interface.functions["tryAggregate"][0].selector.hex() == "bce38bd7"
    assert many.interface.functions["aggregate3"][0].selector.hex() == "82ad56cb"


def test_the_names_and_types_are_those_of_the_scheme(chain):
    place_contracts(chain)
    functions = ChannelsClient(chain).contract.interface.functions
    assert {name: functions[name][0].selector.hex() for name in SELECTORS} == SELECTORS


# Of x402's wheel, mechanisms/evm/batch_settlement/abi.py.
SELECTORS = {
    "channels": "7a7ebd7b",
    "claim": "29237b0c",
    "claimWithSignature": "e43ce1f2",
    "deposit": "140f1e75",
    "finalizeWithdraw": "e88377b1",
    "getChannelId": "5e5e0b87",
    "getClaimBatchDigest": "488ccc3b",
    "getRefundDigest": "e25cf189",
    "getVoucherDigest": "862bb199",
    "initiateWithdraw": "cf5cf3dc",
    "multicall": "ac9650d8",
    "pendingWithdrawals": "b7f06ebe",
    "receivers": "21ff6389",
    "refund": "dce4bfae",
    "refundNonce": "f0dc792e",
    "refundWithSignature": "b77433e9",
    "settle": "9db32a8f",
}
