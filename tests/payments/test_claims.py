"""Batches of vouchers: what is refused, what is passed over, and who may bring them."""

import pytest

from counterpoise.chain import Account, deploy, open_chain
from counterpoise.chain.account import ORDER
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.payments import Channel, ChannelsClient, Claim, Fault, Voucher, place_contracts
from counterpoise.payments.signing import NOBODY


def with_signature(claim, signature):
    voucher = Voucher(claim.voucher.channel, claim.voucher.ceiling, signature)
    return Claim(claim.config, voucher, claim.total)


def high(signature):
    """The other form of a signature, which anyone can make."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_only_the_receivers_side_claims(world, refused):
    config = world.filled()
    for who in (world.payer, world.key, world.stranger):
        with refused("payments: only the receiver claims"):
            world.channels.claim(who, [world.claim(config, 10)])


def test_a_claim_stays_within_voucher_and_balance(world, refused):
    config = world.filled()
    with refused("payments: claim exceeds the voucher"):
        world.channels.claim(world.receiver, [world.claim(config, 11, ceiling=10)])
    with refused("payments: claim exceeds the balance"):
        world.channels.claim(world.receiver, [world.claim(config, 1001)])
    with refused("payments: no claims"):
        world.channels.claim(world.receiver, [])
    with refused("payments: no claims"):
        world.channels.claim_signed(world.relay, [], b"")


def test_a_replayed_voucher_changes_nothing_and_blocks_nothing(world):
    config, other = world.filled(), world.filled()
    first = world.claim(config, 100)
    world.channels.claim(world.receiver, [first])
    older = world.claim(config, 50)
    receipt = world.channels.claim(world.receiver, [first, older, world.claim(other, 5)])
    assert [args["claimAmount"] for _, args in world.events(receipt)] == [5]
    assert world.channels.channel(config).claimed == 100


def test_two_rows_of_one_channel_count_once(world):
    config, other = world.filled(), world.filled(receiver=world.stranger.address)
    rows = [world.claim(config, 5), world.claim(other, 3), world.claim(config, 9)]
    world.channels.claim(world.authorizer, rows)
    token = world.token.address
    assert world.channels.earned(world.receiver.address, token).claimed == 9
    assert world.channels.earned(world.stranger.address, token).claimed == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s[:64],
        lambda s: b"",
        lambda s: s + b"\0",
        high,
        lambda s: s[:64] + bytes([s[64] - 27]),
        lambda s: bytes(65),
    ],
    ids=["64 bytes", "none", "66 bytes", "high s", "v 0 or 1", "zeros"],
)
def test_a_signature_has_one_form(world, refused, spoil):
    config = world.filled()
    good = world.claim(config, 10)
    bad = with_signature(good, spoil(good.voucher.signature))
    with refused("payments: voucher: invalid signature"):
        world.channels.claim(world.receiver, [bad])
    with pytest.raises(VerificationError):
        world.channels.check_voucher(config, bad.voucher)
    world.channels.check_voucher(config, good.voucher)


def test_a_voucher_is_of_its_key_channel_and_amount(world, refused):
    config, other = world.filled(), world.filled()
    stolen = Claim(config, world.claim(other, 10).voucher, 10)
    raised = Claim(config, Voucher(*_parts(world.claim(config, 10), ceiling=11)), 11)
    for bad in (world.claim(config, 10, key=world.payer), stolen, raised):
        with refused("payments: voucher: invalid signature"):
            world.channels.claim(world.receiver, [bad])
    with pytest.raises(VerificationError, match="of another channel"):
        world.channels.check_voucher(config, stolen.voucher)


def _parts(claim, ceiling):
    return claim.voucher.channel, ceiling, claim.voucher.signature


def test_a_voucher_of_one_chain_is_worth_nothing_on_another(world):
    config = world.filled()
    chain = open_chain("embedded:", clock=lambda: 1_700_000_000, chain_id=1337)
    place_contracts(chain)
    elsewhere = ChannelsClient(chain)
    assert config.id(elsewhere.domain) != config.id(world.channels.domain)
    voucher = world.claim(config, 10).voucher
    with pytest.raises(VerificationError, match="of another channel"):
        elsewhere.check_voucher(config, voucher)
    moved = Voucher(config.id(elsewhere.domain), 10, voucher.signature)
    with pytest.raises(VerificationError):
        elsewhere.check_voucher(config, moved)
    chain.close()


def test_a_batch_goes_by_the_signature_of_its_authorizer(world, refused):
    channels, configs = world.channels, [world.filled() for _ in range(3)]
    rows = [world.claim(config, 10 + i) for i, config in enumerate(configs)]
    signature = channels.sign_batch(world.authorizer, rows)
    for batch in (rows[:2], rows[::-1], [*rows[:2], world.claim(configs[2], 13)]):
        with refused("payments: batch: invalid signature"):
            channels.claim_signed(world.relay, batch, signature)
    with refused("payments: batch: invalid signature"):
        channels.claim_signed(world.relay, rows, channels.sign_batch(world.receiver, rows))
    channels.claim_signed(world.relay, rows, signature)
    assert channels.earned(world.receiver.address, world.token.address).claimed == 33
    replayed = channels.claim_signed(world.relay, rows, signature)
    assert world.events(replayed) == []


def test_rows_of_a_signed_batch_share_their_authorizer(world, refused):
    rows = [world.claim(world.filled(), 5)]
    rows.append(world.claim(world.filled(receiver_authorizer=world.receiver.address), 5))
    signature = world.channels.sign_batch(world.authorizer, rows)
    with refused("payments: another authorizer"):
        world.channels.claim_signed(world.relay, rows, signature)


def test_one_bad_row_blocks_no_other(world, refused):
    channels, configs = world.channels, [world.filled() for _ in range(7)]
    channels.claim(world.receiver, [world.claim(configs[1], 10)])
    rows = [
        world.claim(configs[0], 10),
        world.claim(configs[1], 10),
        world.claim(
            world.filled(receiver=world.stranger.address, receiver_authorizer=b"\7" * 20), 1
        ),
        world.claim(configs[3], 10, ceiling=9),
        world.claim(configs[4], 1001),
        world.claim(configs[5], 10, key=world.stranger),
        world.claim(configs[6], 7),
    ]
    with refused("payments: only the receiver claims"):
        channels.claim(world.receiver, rows)
    receipt = channels.claim_each(world.receiver, rows)
    assert [fault for _, fault in channels.skipped(receipt)] == [
        Fault.REPLAYED,
        Fault.STRANGER,
        Fault.ABOVE_CEILING,
        Fault.ABOVE_BALANCE,
        Fault.UNSIGNED,
    ]
    skipped = [channel for channel, _ in channels.skipped(receipt)]
    assert skipped == [row.config.id(channels.domain) for row in rows[1:6]]
    assert [channels.channel(c).claimed for c in configs] == [10, 10, 0, 0, 0, 0, 7]
    assert channels.earned(world.receiver.address, world.token.address).claimed == 27
    with refused("payments: claim exceeds the balance"):
        channels.check_claim(world.receiver.address, rows[4])
    assert channels.claim_each(world.receiver, []).status == 1


def test_a_token_that_invents_balances_blocks_no_other(world, refused, most):
    """Totals of a receiver have 128 bits; only invented tokens reach them."""
    big = [world.filled_strangely(most) for _ in range(2)]
    good = world.filled()
    rows = [world.claim(config, most) for config in big] + [world.claim(good, 8)]
    with refused("payments: the receiver's total is too great"):
        world.channels.claim(world.receiver, rows)
    receipt = world.channels.claim_each(world.receiver, rows)
    assert [fault for _, fault in world.channels.skipped(receipt)] == [Fault.TOO_GREAT]
    assert world.channels.channel(good).claimed == 8
    assert world.channels.earned(world.receiver.address, big[0].token).claimed == most
    assert world.channels.earned(world.receiver.address, big[0].token).settled == 0
    with refused("payments: balance too great"):
        world.pull(big[0], 1)


def contract_payer(world, odd):
    owner = Account.local(b"owner of the wallet")
    wallet = deploy(world.chain, world.minter, odd("Wallet"), owner.address)
    config = world.filled_strangely(1000, payer=wallet.address, payer_authorizer=NOBODY)
    return owner, wallet, config


def test_a_payer_that_is_a_contract_says_itself_what_it_signed(world, refused, odd):
    owner, wallet, config = contract_payer(world, odd)
    good = world.claim(config, 10, key=owner)
    bad = world.claim(config, 10, key=world.stranger)
    with refused("payments: voucher: invalid signature"):
        world.channels.claim(world.receiver, [bad])
    with pytest.raises(VerificationError, match="did not sign"):
        world.channels.check_voucher(config, bad.voucher)
    world.channels.check_voucher(config, good.voucher)
    world.channels.claim(world.receiver, [good])
    assert world.channels.channel(config).claimed == 10
    call = world.channels.contract.encode("initiateWithdraw", config.values(), 990)
    wallet.transact(world.minter, "initiate", world.channels.address, call)
    assert world.channels.channel(config).pending == 990


def test_an_authorizer_that_is_a_contract_signs_batches_and_refunds(world, refused, odd):
    owner = Account.local(b"owner of the wallet")
    wallet = deploy(world.chain, world.minter, odd("Wallet"), owner.address)
    config = world.filled(receiver_authorizer=wallet.address)
    rows, channels = [world.claim(config, 10)], world.channels
    with refused("payments: batch: invalid signature"):
        channels.claim_signed(world.relay, rows, channels.sign_batch(world.authorizer, rows))
    channels.claim_signed(world.relay, rows, channels.sign_batch(owner, rows))
    signature = channels.sign_refund(owner, config, 40)
    channels.refund_signed(world.relay, config, 40, signature)
    assert channels.channel(config) == Channel(960, 10, refunds=1)


def test_a_payer_that_burns_gas_blocks_no_other(world, odd):
    owner, wallet, config = contract_payer(world, odd)
    good = world.filled()
    wallet.transact(world.minter, "burn_gas", True)
    rows = [world.claim(config, 10, key=owner), world.claim(good, 8)]
    receipt = world.channels.claim_each(world.receiver, rows)
    assert world.channels.skipped(receipt) == [(rows[0].voucher.channel, Fault.UNSIGNED)]
    assert world.channels.channel(good) == Channel(1000, 8)
    assert receipt.gas_used < 800_000


def test_a_payer_without_authorizer_signs_with_its_own_key(world, refused):
    config = world.filled(payer_authorizer=NOBODY)
    with refused("payments: voucher: invalid signature"):
        world.channels.claim(world.receiver, [world.claim(config, 10, key=world.key)])
    world.channels.claim(world.receiver, [world.claim(config, 10)])
    assert world.channels.channel(config).claimed == 10


def test_a_client_sends_at_most_a_hundred_rows(world):
    rows = [world.claim(world.config(), 1)] * 101
    with pytest.raises(InputError, match="at most 100"):
        world.channels.claim(world.receiver, rows)
