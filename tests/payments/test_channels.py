"""A channel's life: filled, claimed, settled, withdrawn, refunded; every refusal, every event."""

import pytest

from counterpoise.core.errors import InputError
from counterpoise.payments import Channel, ChannelsClient, Earned
from counterpoise.payments.signing import NOBODY


def test_a_payer_without_gas_fills_a_channel_and_a_receiver_is_paid(world):
    channels, config = world.channels, world.config()
    channel = config.id(channels.domain)
    signed = world.signed_deposit(config, 1000)
    nonce = world.chain.nonce(world.payer.address)
    receipt = channels.deposit(world.relay, signed)
    terms = config.values()
    assert world.events(receipt) == [
        ("ChannelCreated", {"channelId": channel, "config": terms}),
        (
            "Deposited",
            {
                "channelId": channel,
                "sender": world.relay.address,
                "amount": 1000,
                "newBalance": 1000,
            },
        ),
    ]
    assert world.chain.nonce(world.payer.address) == nonce
    top_up = channels.deposit(world.relay, world.signed_deposit(config, 500))
    assert [name for name, _ in world.events(top_up)] == ["Deposited"]
    assert channels.configs()[channel] == config

    claimed = channels.claim(world.receiver, [world.claim(config, 300, ceiling=400)])
    assert world.events(claimed)[0][1]["claimAmount"] == 300
    claimed = channels.claim(world.authorizer, [world.claim(config, 700)])
    row = world.events(claimed)[0]
    assert row == (
        "Claimed",
        {
            "channelId": channel,
            "sender": world.authorizer.address,
            "claimAmount": 400,
            "newTotalClaimed": 700,
        },
    )
    assert channels.channel(config) == Channel(balance=1500, claimed=700)
    before = world.balance(world.receiver)
    settled = channels.settle(world.stranger, world.receiver.address, world.token.address)
    assert world.events(settled) == [
        (
            "Settled",
            {
                "receiver": world.receiver.address,
                "token": world.token.address,
                "sender": world.stranger.address,
                "amount": 700,
            },
        )
    ]
    assert world.balance(world.receiver) == before + 700
    assert channels.earned(world.receiver.address, world.token.address) == Earned(700, 700)
    again = channels.settle(world.stranger, world.receiver.address, world.token.address)
    assert world.events(again) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"receiver": NOBODY}, "no receiver"),
        ({"receiver_authorizer": NOBODY}, "no receiver authorizer"),
        ({"withdraw_delay": 899}, "withdraw delay out of range"),
        ({"withdraw_delay": 2_592_001}, "withdraw delay out of range"),
    ],
)
def test_a_deposit_wants_whole_terms(world, refused, changes, reason):
    with refused(f"payments: {reason}"):
        world.filled(**changes)


def test_a_deposit_wants_a_payer_a_token_a_collector_and_an_amount(world, refused):
    with refused("payments: no payer"):
        world.pull(world.config(payer=NOBODY), 5)
    with refused("payments: no token"):
        world.pull(world.config(token=NOBODY), 5)
    with refused("payments: no collector"):
        world.channels.deposit_through(world.relay, world.config(), 5, NOBODY, b"")
    with refused("payments: nothing deposited"):
        world.pull(world.config(), 0)


@pytest.mark.parametrize("delay", [900, 2_592_000])
def test_the_bounds_of_the_delay_are_allowed(world, delay):
    assert world.channels.channel(world.filled(withdraw_delay=delay)).balance == 1000


def test_the_client_signs_deposits_of_its_own_channels_only(world):
    with pytest.raises(InputError, match="another payer or token"):
        world.signed_deposit(world.config(payer=world.stranger.address), 5)


def test_a_client_wants_the_contract_to_be_there(world):
    with pytest.raises(InputError, match="no contract of channels"):
        ChannelsClient(world.chain, bytes(19) + b"\x77")


def test_a_payer_withdraws_what_is_not_claimed_after_the_delay(world, refused):
    channels, config = world.channels, world.filled()
    channel = config.id(channels.domain)
    with refused("payments: only the payer withdraws"):
        channels.initiate_withdraw(world.receiver, config, 10)
    with refused("payments: nothing to withdraw"):
        channels.initiate_withdraw(world.payer, config, 0)
    with refused("payments: withdraw exceeds what is left"):
        channels.initiate_withdraw(world.payer, config, 1001)
    with refused("payments: no withdrawal is pending"):
        channels.finalize_withdraw(world.payer, config)
    receipt = channels.initiate_withdraw(world.key, config, 900)
    since = world.chain.block().time
    told = {"channelId": channel, "amount": 900, "finalizeAfter": since + 900}
    assert world.events(receipt) == [("WithdrawInitiated", told)]
    with refused("payments: a withdrawal is pending"):
        channels.initiate_withdraw(world.payer, config, 1)
    world.chain.warp(since + 898 - world.chain.block().time)
    with refused("payments: the delay is not over"):
        channels.finalize_withdraw(world.payer, config)
    with refused("payments: only the payer finalizes"):
        channels.finalize_withdraw(world.receiver, config)
    before = world.balance(world.payer)
    receipt = channels.finalize_withdraw(world.payer, config)
    assert world.chain.block().time >= since + 900
    told = {"channelId": channel, "sender": world.payer.address, "amount": 900}
    assert world.events(receipt) == [("WithdrawFinalized", told)]
    assert world.balance(world.payer) == before + 900
    assert channels.channel(config) == Channel(balance=100)


def test_a_claim_made_in_time_comes_before_a_withdrawal(world, refused):
    channels, config = world.channels, world.filled()
    late = world.filled()
    for one in (config, late):
        channels.initiate_withdraw(world.payer, one, 1000)
    channels.claim(world.receiver, [world.claim(config, 600)])
    world.chain.warp(900)
    before = world.balance(world.payer)
    channels.finalize_withdraw(world.payer, config)
    assert world.balance(world.payer) == before + 400
    assert channels.channel(config) == Channel(balance=600, claimed=600)
    closed = channels.finalize_withdraw(world.payer, late)
    assert [name for name, _ in world.events(closed)] == ["WithdrawFinalized", "ChannelClosed"]
    with refused("payments: claim exceeds the balance"):
        channels.claim(world.receiver, [world.claim(late, 600)])


def test_a_withdrawal_that_was_claimed_away_gives_nothing_and_ends(world):
    channels, config = world.channels, world.filled()
    channels.initiate_withdraw(world.payer, config, 1000)
    channels.claim(world.receiver, [world.claim(config, 1000)])
    world.chain.warp(900)
    receipt = channels.finalize_withdraw(world.payer, config)
    assert world.events(receipt)[0][1]["amount"] == 0
    assert channels.channel(config) == Channel(1000, 1000)


def test_a_deposit_does_not_cancel_a_withdrawal(world):
    channels, config = world.channels, world.filled()
    channels.initiate_withdraw(world.payer, config, 1000)
    channels.deposit(world.relay, world.signed_deposit(config, 500))
    assert channels.channel(config).pending == 1000


def test_the_receivers_side_refunds_at_once_and_a_pending_withdrawal_shrinks(world, refused):
    channels, config = world.channels, world.filled()
    channel = config.id(channels.domain)
    channels.initiate_withdraw(world.payer, config, 700)
    since = world.chain.block().time
    with refused("payments: only the receiver refunds"):
        channels.refund(world.payer, config, 10)
    with refused("payments: nothing to refund"):
        channels.refund(world.receiver, config, 0)
    before = world.balance(world.payer)
    receipt = channels.refund(world.receiver, config, 200)
    told = {"channelId": channel, "sender": world.receiver.address, "amount": 200}
    assert world.events(receipt) == [("Refunded", told)]
    assert channels.channel(config) == Channel(800, 0, 500, since, refunds=1)
    receipt = channels.refund(world.authorizer, config, 10**9)
    assert [name for name, _ in world.events(receipt)] == ["Refunded", "ChannelClosed"]
    assert channels.channel(config) == Channel(refunds=2)
    assert world.balance(world.payer) == before + 1000
    receipt = channels.refund(world.authorizer, config, 5)
    assert world.events(receipt) == []
    assert channels.channel(config).refunds == 3


def test_a_signed_refund_is_good_once(world, refused):
    channels, config = world.channels, world.filled()
    signature = channels.sign_refund(world.authorizer, config, 200)
    with refused("payments: refund: invalid signature"):
        channels.refund_signed(world.stranger, config, 201, signature)
    channels.refund_signed(world.stranger, config, 200, signature)
    with refused("payments: refund: invalid signature"):
        channels.refund_signed(world.stranger, config, 200, signature)
    with refused("payments: another refund came first"):
        channels.contract.transact(
            world.stranger, "refundWithSignature", config.values(), 200, 0, signature
        )
    assert channels.channel(config).balance == 800


def test_a_claim_and_a_refund_go_in_one_transaction(world):
    channels, config = world.channels, world.filled()
    rows = [world.claim(config, 250)]
    batch = channels.sign_batch(world.authorizer, rows)
    rest = channels.sign_refund(world.authorizer, config, 750)
    receipt = channels.claim_and_refund(world.stranger, rows, batch, config, 750, rest)
    assert [name for name, _ in world.events(receipt)] == ["Claimed", "Refunded"]
    assert channels.channel(config) == Channel(250, 250, refunds=1)


def test_several_calls_are_all_or_none(world, refused):
    channels, config = world.channels, world.filled()
    rows = [world.claim(config, 250)]
    batch = channels.sign_batch(world.authorizer, rows)
    bad = channels.sign_refund(world.stranger, config, 750)
    with refused("payments: refund: invalid signature"):
        channels.claim_and_refund(world.relay, rows, batch, config, 750, bad)
    assert channels.channel(config).claimed == 0


def test_a_token_that_refuses_undoes_the_payment(world, refused):
    config = world.filled_strangely(1000)
    world.channels.claim(world.receiver, [world.claim(config, 10)])
    world.strange.transact(world.minter, "take", 0, True)
    with refused("payments: the token refused"):
        world.channels.settle(world.relay, world.receiver.address, config.token)
    assert world.channels.earned(world.receiver.address, config.token) == Earned(10, 0)
