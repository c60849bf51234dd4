"""Deposits: authorizations that are late, early, used or of another; collectors that lie."""

from dataclasses import replace

import pytest

from counterpoise.chain import Contract, artifact
from counterpoise.jobs import Payment
from counterpoise.payments import DEPOSIT_COLLECTOR, Channel
from counterpoise.payments.signing import deposit_nonce


def test_an_authorization_is_good_between_its_times_and_once(world, refused):
    config = world.config()
    late = world.signed_deposit(config, 10, valid_before=world.now)
    with refused("token: authorization is expired"):
        world.channels.deposit(world.relay, late)
    signed = world.signed_deposit(config, 10)
    world.channels.deposit(world.relay, signed)
    with refused("token: authorization is used or canceled"):
        world.channels.deposit(world.relay, signed)


def test_an_authorization_is_brought_by_the_collector_alone(world, refused):
    """Nobody can take the signature off the wire and move the tokens elsewhere."""
    config = world.config()
    signed = world.signed_deposit(config, 10)
    nonce = deposit_nonce(config.id(world.channels.domain), signed.salt)
    payment = Payment(
        world.payer.address, DEPOSIT_COLLECTOR, 10, signed.valid_before, nonce, by_receiver=True
    )
    with refused("token: caller must be the payee"):
        world.token.pay(world.stranger, payment, signed.signature)
    payment = replace(payment, by_receiver=False)
    with refused("token: invalid signature"):
        world.token.pay(world.stranger, payment, signed.signature)


def test_an_authorization_fills_the_channel_that_it_names(world, refused):
    signed = world.signed_deposit(world.config(), 10)
    for other in (
        replace(signed, config=world.config()),
        replace(signed, amount=11),
        replace(signed, salt=signed.salt + 1),
    ):
        with refused("token: invalid signature"):
            world.channels.deposit(world.relay, other)


def test_the_collector_serves_the_contract_of_channels_alone(world, refused):
    signed = world.signed_deposit(world.config(), 10)
    collector = Contract(world.chain, DEPOSIT_COLLECTOR, artifact("Erc3009DepositCollector"))
    channel = signed.config.id(world.channels.domain)
    words = (signed.config.payer, signed.config.token, signed.amount, channel)
    with refused("payments: only channels collect"):
        collector.transact(world.stranger, "collect", *words, signed.collector_data())


@pytest.mark.parametrize("order", [b"nothing", b"half"])
def test_a_collector_that_brings_another_amount_is_refused(world, refused, order):
    with refused("payments: another amount arrived"):
        world.filled_strangely(1000, order)


def test_a_token_that_keeps_a_part_cannot_be_deposited(world, refused):
    world.strange.transact(world.minter, "take", 1, False)
    with refused("payments: another amount arrived"):
        world.filled_strangely(1000)


def test_a_collector_cannot_have_one_payment_counted_twice(world, refused):
    """Without the lock, what fills the inner channel would count for the outer one too."""
    inner = world.config(token=world.strange.address)
    again = world.channels.contract.encode(
        "deposit", inner.values(), 1000, world.puller.address, b""
    )
    with refused(""):
        world.filled_strangely(1000, again)
    assert world.channels.channel(inner) == Channel()


def test_a_collector_cannot_call_back(world, refused):
    full = world.filled_strangely(1000)
    world.puller.transact(world.minter, "bring", True)
    encode = world.channels.contract.encode
    settle = encode("settle", world.receiver.address, full.token)
    for call in (settle, encode("multicall", [settle]), encode("claimEach", [])):
        with refused(""):
            world.filled_strangely(1000, call)
    reads = encode("channels", full.id(world.channels.domain))
    assert world.channels.channel(world.filled_strangely(1000, reads)) == Channel(1000)


def test_tokens_that_are_merely_sent_belong_to_no_channel(world):
    world.token.transfer(world.payer, world.channels.address, 77)
    config = world.filled(1000)
    assert world.channels.channel(config).balance == 1000
