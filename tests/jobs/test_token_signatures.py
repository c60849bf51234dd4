"""What a signature allows on the credit token, and every forged or worn one that it refuses."""

import re
from dataclasses import asdict, replace

import pytest

from counterpoise.chain import Account, Domain
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, Reverted
from counterpoise.jobs.token import Payment, Permit, TokenClient

NOBODY = bytes(20)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
NONCE = keccak(b"a nonce")
FOREVER = 2**256 - 1
OWNER, FRIEND, STRANGER = 0, 1, 2


@pytest.fixture
def token(chain, accounts):
    """A token of which account 0, the owner, has 1000."""
    client = TokenClient.deploy(chain, accounts[OWNER], accounts[OWNER].address)
    client.mint(accounts[OWNER], accounts[OWNER].address, 1000)
    return client


def refused(reason):
    return pytest.raises(Reverted, match=f": token: {re.escape(reason)}$")


def next_time(token):
    """The time of the next block."""
    return token.contract.chain.block().time + 1


def payment(accounts, **changes):
    whole = Payment(accounts[OWNER].address, accounts[FRIEND].address, 100, FOREVER, NONCE)
    return replace(whole, **changes)


def word(value):
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


SELECTORS = {
    "transfer": bytes.fromhex("cf092995"),
    "receive": bytes.fromhex("88b7ab63"),
    "cancel": bytes.fromhex("b7b72899"),
}


def calldata(kind, values, signature, *, offset=None, length=None, tail=None):
    """Encode a call with `bytes signature` by hand, right unless told otherwise."""
    place = 32 * (len(values) + 1) if offset is None else offset
    size = len(signature) if length is None else length
    padded = signature + bytes(-len(signature) % 32) if tail is None else signature + tail
    head = b"".join(word(value) for value in values)
    return SELECTORS[kind] + head + word(place) + word(size) + padded


def send(token, sender, data):
    from counterpoise.chain import send as send_transaction

    chain = token.contract.chain
    return send_transaction(chain, sender, token.address, data, call="CreditToken.__default__")


def high(signature):
    """The second form of a signature, which anyone can make from the first."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((55 - signature[64],))


def damaged(signature):
    """Signatures near a good one, none of them good."""
    yield high(signature)
    for v in (0, 1, 26, 29, 255, 55 - signature[64]):
        yield signature[:64] + bytes((v,))
    yield bytes(32) + signature[32:]
    yield signature[:32] + bytes(32) + signature[64:]
    yield word(ORDER) + signature[32:]
    yield b"\xff" * 64 + signature[64:]
    yield bytes(64) + b"\x1b"
    yield bytes((signature[0] ^ 1,)) + signature[1:]


# EIP-712: three ways to one digest


def foreign_digest(domain, primary, members, message):
    """The digest as eth_account makes it from JSON."""
    from eth_account.messages import encode_typed_data

    kinds = [member.split(" ") for member in members.split(",")]
    signable = encode_typed_data(
        {"name": domain.name, "version": domain.version, "chainId": domain.chain_id,
         "verifyingContract": domain.contract},
        {primary: [{"type": kind, "name": name} for kind, name in kinds]},
        message,
    )  # fmt: skip
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


AUTHORIZATION = (
    "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce"
)


@pytest.mark.parametrize("by_receiver", [False, True])
def test_a_payment_is_hashed_as_eth_account_hashes_it(accounts, by_receiver):
    domain = Domain("Counterpoise Credit", "1", 31337, keccak(b"token")[12:])
    pay = payment(accounts, by_receiver=by_receiver, valid_after=7, amount=2**200)
    names = [member.split(" ")[1] for member in AUTHORIZATION.split(",")]
    message = dict(zip(names, pay.values(), strict=True))
    primary = ("Receive" if by_receiver else "Transfer") + "WithAuthorization"
    assert pay.digest(domain) == foreign_digest(domain, primary, AUTHORIZATION, message)


def test_a_permit_is_hashed_as_eth_account_hashes_it(accounts):
    domain = Domain("Counterpoise Credit", "1", 1, keccak(b"token")[12:])
    permit = Permit(accounts[0].address, accounts[1].address, 2**256 - 1, 5, 10**10)
    members = "address owner,address spender,uint256 value,uint256 nonce,uint256 deadline"
    message = asdict(permit) | {"value": permit.amount}
    del message["amount"]
    assert permit.digest(domain) == foreign_digest(domain, "Permit", members, message)


def test_a_wallet_that_signs_json_is_understood(token, accounts):
    from eth_account import Account as Wallet

    domain = token.domain()
    message = dict(zip((m.split(" ")[1] for m in AUTHORIZATION.split(",")),
                       payment(accounts).values(), strict=True))  # fmt: skip
    signed = Wallet.from_key(accounts[OWNER].key).sign_typed_data(
        {"name": domain.name, "version": domain.version, "chainId": domain.chain_id,
         "verifyingContract": domain.contract},
        {"TransferWithAuthorization": [
            dict(zip(("type", "name"), m.split(" "), strict=True)) for m in AUTHORIZATION.split(",")
        ]},
        message,
    )  # fmt: skip
    token.pay(accounts[STRANGER], payment(accounts), bytes(signed.signature))
    assert token.balance(accounts[FRIEND].address) == 100


# EIP-2612


def test_a_permit_approves_whoever_brings_it(token, accounts):
    owner, friend = accounts[OWNER], accounts[FRIEND]
    permit, signature = token.sign_permit(owner, friend.address, 70, deadline=FOREVER)
    receipt = token.permit(accounts[STRANGER], permit, signature)
    (event,) = token.contract.events_in(receipt)
    assert (event.name, *event.args.values()) == ("Approval", owner.address, friend.address, 70)
    assert token.allowance(owner.address, friend.address) == 70
    assert token.contract.call("nonces", owner.address) == 1
    with refused("invalid signature"):
        token.permit(accounts[STRANGER], permit, signature)


def test_a_permit_is_good_at_its_deadline_and_not_after(token, accounts):
    owner, friend = accounts[OWNER], accounts[FRIEND]
    deadline = next_time(token)
    permit, signature = token.sign_permit(owner, friend.address, 1, deadline=deadline)
    token.contract.chain.mine()
    with refused("permit is expired"):
        token.permit(friend, permit, signature)
    permit, signature = token.sign_permit(owner, friend.address, 1, deadline=next_time(token))
    token.permit(friend, permit, signature)


def test_a_permit_to_the_zero_address_is_refused(token, accounts):
    permit, signature = token.sign_permit(accounts[OWNER], NOBODY, 1, deadline=FOREVER)
    with refused("approve to the zero address"):
        token.permit(accounts[FRIEND], permit, signature)
    assert token.contract.call("nonces", accounts[OWNER].address) == 0


def test_a_permit_changed_in_any_field_is_refused(token, accounts):
    permit, signature = token.sign_permit(accounts[0], accounts[1].address, 7, deadline=FOREVER)
    for changes in ({"owner": accounts[2].address}, {"spender": accounts[2].address},
                    {"amount": 8}, {"deadline": FOREVER - 1}):  # fmt: skip
        with refused("invalid signature"):
            token.permit(accounts[STRANGER], replace(permit, **changes), signature)


def test_a_permit_with_a_nonce_of_the_past_or_the_future_is_refused(token, accounts):
    permit, _ = token.sign_permit(accounts[0], accounts[1].address, 7, deadline=FOREVER)
    ahead = replace(permit, nonce=1)
    with refused("invalid signature"):
        token.permit(accounts[1], ahead, accounts[0].sign_digest(ahead.digest(token.domain())))


def test_a_damaged_permit_signature_is_refused(token, accounts):
    permit, signature = token.sign_permit(accounts[0], accounts[1].address, 7, deadline=FOREVER)
    for forged in damaged(signature):
        with refused("invalid signature"):
            token.permit(accounts[STRANGER], permit, forged)
    token.permit(accounts[STRANGER], permit, signature)


def test_the_zero_address_permits_nothing_though_no_key_recovers_to_it(token, accounts):
    permit = Permit(NOBODY, accounts[1].address, 7, 0, FOREVER)
    for forged in (bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1b", word(1) + word(1) + b"\0"):
        with refused("invalid signature"):
            token.permit(accounts[1], permit, forged)


def other_domains(token):
    domain = token.domain()
    yield replace(domain, chain_id=1)
    yield replace(domain, contract=keccak(b"another")[12:])
    yield replace(domain, version="2")
    yield replace(domain, name="Counterpoise")


def test_a_signature_for_another_chain_contract_name_or_version_is_refused(token, accounts):
    permit = Permit(accounts[0].address, accounts[1].address, 7, 0, FOREVER)
    pay = payment(accounts)
    for domain in other_domains(token):
        with refused("invalid signature"):
            token.permit(accounts[1], permit, accounts[0].sign_digest(permit.digest(domain)))
        with refused("invalid signature"):
            token.pay(accounts[1], pay, accounts[0].sign_digest(pay.digest(domain)))


# EIP-3009


def test_a_signed_payment_moves_tokens_whoever_brings_it(token, accounts):
    pay = payment(accounts)
    receipt = token.pay(accounts[STRANGER], pay, token.sign_payment(accounts[OWNER], pay))
    used, moved = token.contract.events_in(receipt)
    assert (used.name, *used.args.values()) == ("AuthorizationUsed", pay.payer, NONCE)
    assert (moved.name, *moved.args.values()) == ("Transfer", pay.payer, pay.receiver, 100)
    assert token.is_used(pay.payer, NONCE)
    assert not token.is_used(pay.receiver, NONCE)
    assert (token.balance(pay.payer), token.balance(pay.receiver)) == (900, 100)
    assert token.contract.call("nonces", pay.payer) == 0


@pytest.mark.parametrize("by_receiver", [False, True])
def test_a_payment_works_once(token, accounts, by_receiver):
    pay = payment(accounts, by_receiver=by_receiver)
    signature = token.sign_payment(accounts[OWNER], pay)
    token.pay(accounts[FRIEND], pay, signature)
    with refused("authorization is used or canceled"):
        token.pay(accounts[FRIEND], pay, signature)


def test_one_nonce_serves_either_kind_of_payment_once(token, accounts):
    first, second = payment(accounts), payment(accounts, by_receiver=True)
    token.pay(accounts[FRIEND], first, token.sign_payment(accounts[OWNER], first))
    with refused("authorization is used or canceled"):
        token.pay(accounts[FRIEND], second, token.sign_payment(accounts[OWNER], second))
    again = replace(first, nonce=keccak(b"another nonce"))
    token.pay(accounts[FRIEND], again, token.sign_payment(accounts[OWNER], again))


def test_a_payment_for_the_receiver_is_brought_by_the_receiver_alone(token, accounts):
    pay = payment(accounts, by_receiver=True)
    signature = token.sign_payment(accounts[OWNER], pay)
    for other in (accounts[STRANGER], accounts[OWNER]):
        with refused("caller must be the payee"):
            token.pay(other, pay, signature)
    token.pay(accounts[FRIEND], pay, signature)


def test_a_payment_of_one_kind_is_not_one_of_the_other(token, accounts):
    open_, closed = payment(accounts), payment(accounts, by_receiver=True)
    with refused("invalid signature"):
        token.pay(accounts[FRIEND], open_, token.sign_payment(accounts[OWNER], closed))
    with refused("invalid signature"):
        token.pay(accounts[FRIEND], closed, token.sign_payment(accounts[OWNER], open_))


@pytest.mark.parametrize("by_receiver", [False, True])
def test_a_payment_is_good_between_its_times_both_excluded(token, accounts, by_receiver):
    def bring(**times):
        pay = payment(accounts, by_receiver=by_receiver, **times)
        return token.pay(accounts[FRIEND], pay, token.sign_payment(accounts[OWNER], pay))

    with refused("authorization is not yet valid"):
        bring(valid_after=next_time(token))
    with refused("authorization is expired"):
        bring(valid_before=next_time(token))
    with refused("authorization is not yet valid"):
        bring(valid_after=FOREVER)
    with refused("authorization is expired"):
        bring(valid_before=0)
    now = next_time(token)
    assert bring(valid_after=now - 1, valid_before=now + 1).status == 1


@pytest.mark.parametrize("by_receiver", [False, True])
def test_a_payment_changed_in_any_field_is_refused(token, accounts, by_receiver):
    pay = payment(accounts, by_receiver=by_receiver)
    signature = token.sign_payment(accounts[OWNER], pay)
    for changes in ({"payer": accounts[2].address}, {"amount": 101}, {"valid_before": FOREVER - 1},
                    {"valid_after": 1}, {"nonce": bytes(32)}):  # fmt: skip
        with refused("invalid signature"):
            token.pay(accounts[FRIEND], replace(pay, **changes), signature)
    with refused("invalid signature"):
        other = replace(pay, receiver=accounts[STRANGER].address)
        token.pay(accounts[STRANGER], other, signature)


@pytest.mark.parametrize("by_receiver", [False, True])
def test_a_damaged_payment_signature_is_refused(token, accounts, by_receiver):
    pay = payment(accounts, by_receiver=by_receiver)
    signature = token.sign_payment(accounts[OWNER], pay)
    for forged in damaged(signature):
        with refused("invalid signature"):
            token.pay(accounts[FRIEND], pay, forged)
    token.pay(accounts[FRIEND], pay, signature)


def test_the_zero_address_pays_nothing(token, accounts):
    pay = payment(accounts, payer=NOBODY, amount=0)
    for forged in (bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1b"):
        with refused("invalid signature"):
            token.pay(accounts[FRIEND], pay, forged)


def test_a_payment_that_cannot_be_made_leaves_its_nonce_good(token, accounts):
    pay = payment(accounts, amount=1001)
    signature = token.sign_payment(accounts[OWNER], pay)
    with refused("transfer amount exceeds balance"):
        token.pay(accounts[FRIEND], pay, signature)
    assert not token.is_used(pay.payer, NONCE)
    token.mint(accounts[OWNER], accounts[OWNER].address, 1)
    token.pay(accounts[FRIEND], pay, signature)
    nothing = payment(accounts, receiver=NOBODY, amount=0, nonce=bytes(32))
    with refused("transfer to the zero address"):
        token.pay(accounts[FRIEND], nothing, token.sign_payment(accounts[OWNER], nothing))


def test_a_payment_to_oneself_uses_the_nonce_and_moves_nothing(token, accounts):
    pay = payment(accounts, receiver=accounts[OWNER].address, amount=1000)
    token.pay(accounts[STRANGER], pay, token.sign_payment(accounts[OWNER], pay))
    assert token.balance(accounts[OWNER].address) == 1000
    assert token.is_used(accounts[OWNER].address, NONCE)


def test_a_canceled_payment_is_never_made(token, accounts):
    owner = accounts[OWNER]
    signature = token.sign_cancel(owner, NONCE)
    receipt = token.cancel(accounts[STRANGER], owner.address, NONCE, signature)
    (event,) = token.contract.events_in(receipt)
    assert (event.name, *event.args.values()) == ("AuthorizationCanceled", owner.address, NONCE)
    with refused("authorization is used or canceled"):
        token.pay(accounts[1], payment(accounts), token.sign_payment(owner, payment(accounts)))
    with refused("authorization is used or canceled"):
        token.cancel(owner, owner.address, NONCE, signature)


def test_only_the_payer_cancels(token, accounts):
    owner, friend = accounts[OWNER], accounts[FRIEND]
    with refused("invalid signature"):
        token.cancel(friend, owner.address, NONCE, token.sign_cancel(friend, NONCE))
    with refused("invalid signature"):
        token.cancel(friend, owner.address, bytes(32), token.sign_cancel(owner, NONCE))
    for forged in damaged(token.sign_cancel(owner, NONCE)):
        with refused("invalid signature"):
            token.cancel(friend, owner.address, NONCE, forged)
    token.pay(friend, payment(accounts), token.sign_payment(owner, payment(accounts)))
    with refused("authorization is used or canceled"):
        token.cancel(owner, owner.address, NONCE, token.sign_cancel(owner, NONCE))


def test_the_client_signs_for_nobody_else_and_sends_no_short_signature(token, accounts):
    pay = payment(accounts)
    with pytest.raises(InputError, match="key is of"):
        token.sign_payment(accounts[STRANGER], pay)
    with pytest.raises(InputError, match="65 bytes"):
        token.pay(accounts[FRIEND], pay, token.sign_payment(accounts[OWNER], pay)[:64])


# The forms that end in `bytes signature`


def test_their_selectors_are_those_of_the_standard():
    move = "address,address,uint256,uint256,uint256,bytes32,bytes"
    for kind, inputs in (
        ("transfer", move),
        ("receive", move),
        ("cancel", "address,bytes32,bytes"),
    ):
        name = f"{kind}{'' if kind == 'cancel' else 'With'}Authorization({inputs})"
        assert SELECTORS[kind] == keccak(name.encode())[:4]


@pytest.mark.parametrize("kind", ["transfer", "receive"])
def test_a_payment_with_its_signature_as_bytes_is_the_same_payment(token, accounts, kind):
    from eth_abi import encode

    pay = payment(accounts, by_receiver=kind == "receive")
    signature = token.sign_payment(accounts[OWNER], pay)
    data = calldata(kind, pay.values(), signature)
    kinds = ["address", "address", "uint256", "uint256", "uint256", "bytes32", "bytes"]
    assert data == SELECTORS[kind] + encode(kinds, [*pay.values(), signature])
    receipt = send(token, accounts[FRIEND], data)
    assert [e.name for e in token.contract.events_in(receipt)] == ["AuthorizationUsed", "Transfer"]
    assert token.balance(accounts[FRIEND].address) == 100
    with refused("authorization is used or canceled"):
        send(token, accounts[FRIEND], data)


def test_a_payment_as_bytes_keeps_every_rule(token, accounts):
    owner, friend, stranger = accounts[:3]
    pay = payment(accounts, by_receiver=True)
    data = calldata("receive", pay.values(), token.sign_payment(owner, pay))
    with refused("caller must be the payee"):
        send(token, stranger, data)
    with refused("invalid signature"):
        send(token, friend, SELECTORS["transfer"] + data[4:])
    for changes, reason in (
        ({"valid_after": FOREVER}, "authorization is not yet valid"),
        ({"valid_before": 1}, "authorization is expired"),
        ({"amount": 1001}, "transfer amount exceeds balance"),
    ):
        other = replace(pay, by_receiver=False, **changes)
        with refused(reason):
            send(
                token,
                friend,
                calldata("transfer", other.values(), token.sign_payment(owner, other)),
            )
    for forged in damaged(token.sign_payment(owner, pay)):
        with refused("invalid signature"):
            send(token, friend, calldata("receive", pay.values(), forged))
    send(token, friend, data)


def test_a_cancellation_with_its_signature_as_bytes_is_the_same(token, accounts):
    owner = accounts[OWNER]
    values = (owner.address, NONCE)
    data = calldata("cancel", values, token.sign_cancel(owner, NONCE))
    for forged in damaged(token.sign_cancel(owner, NONCE)):
        with refused("invalid signature"):
            send(token, owner, calldata("cancel", values, forged))
    receipt = send(token, accounts[STRANGER], data)
    assert [e.name for e in token.contract.events_in(receipt)] == ["AuthorizationCanceled"]
    assert token.is_used(owner.address, NONCE)
    with refused("authorization is used or canceled"):
        send(token, owner, data)


@pytest.mark.parametrize("kind", ["transfer", "receive", "cancel"])
def test_no_other_encoding_of_a_signature_is_taken(token, accounts, kind):
    owner, friend = accounts[OWNER], accounts[FRIEND]
    pay = payment(accounts, by_receiver=kind == "receive")
    if kind == "cancel":
        values: tuple = (owner.address, NONCE)
        good = token.sign_cancel(owner, NONCE)
        wrong_size = "invalid signature calldata to cancel"
    else:
        values, good = pay.values(), token.sign_payment(owner, pay)
        wrong_size = "invalid signature calldata to move"
    right = calldata(kind, values, good)
    place = 32 * (len(values) + 1)
    compact = good[:32] + word(int.from_bytes(good[32:64], "big") | (good[64] - 27) << 255)
    for data in (
        *(right[:-1], right + b"\0", right + bytes(32), right[:-32], right[:4], right[:36]),
        *(calldata(kind, values, other) for other in (b"", compact, good + good)),
        calldata(kind, values, good, tail=b""),
    ):
        with refused(wrong_size):
            send(token, friend, data)
    for offset in (0, place - 32, place - 1, place + 1, place + 32, 2**255, 2**256 - 1):
        with refused("invalid signature offset"):
            send(token, friend, calldata(kind, values, good, offset=offset))
    for length in (0, 64, 66, 96, 2**255, 2**256 - 1):
        with refused("invalid signature length"):
            send(token, friend, calldata(kind, values, good, length=length))
    for tail in (b"\1" + bytes(30), bytes(30) + b"\1", b"\xff" * 31):
        with refused("invalid signature padding"):
            send(token, friend, calldata(kind, values, good, tail=tail))
    for at in range(1 if kind == "cancel" else 2):
        dirty = bytearray(right)
        dirty[4 + 32 * at] = 1
        with pytest.raises(Reverted):
            send(token, friend, bytes(dirty))
    assert send(token, friend, right).status == 1


def test_a_key_that_was_never_used_signs_for_nothing(token, accounts):
    forger = Account.local(b"forger")
    pay = payment(accounts)
    with refused("invalid signature"):
        token.pay(accounts[FRIEND], pay, forger.sign_digest(pay.digest(token.domain())))
