"""Keys sign what others verify, and recovery takes one form of a signature only."""

import pytest
from eth_account import Account as EthAccount
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.chain import Account, Keyring, Transaction, deploy, recover, rlp
from counterpoise.chain.account import ORDER
from counterpoise.chain.engines.keystore import encrypt
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.core.units import to_checksum

KEYS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))


@settings(max_examples=25, deadline=None)
@given(KEYS, st.binary(min_size=32, max_size=32))
def test_what_an_account_signs_recovers_to_it_and_verifies_elsewhere(key, digest):
    account = Account(key)
    signature = account.sign_digest(digest)
    assert recover(digest, signature) == account.address
    assert EthAccount._recover_hash(digest, signature=signature) == to_checksum(account.address)
    assert int.from_bytes(signature[32:64], "big") <= ORDER // 2


@settings(max_examples=25, deadline=None)
@given(
    KEYS,
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**128),
    st.integers(0, 2**128),
    st.none() | st.binary(min_size=20, max_size=20),
    st.binary(max_size=300),
)
def test_a_signed_transaction_is_byte_for_byte_that_of_eth_account(
    key, nonce, fee, value, to, data
):
    fields = {
        "chainId": 31337,
        "nonce": nonce,
        "maxPriorityFeePerGas": fee // 2,
        "maxFeePerGas": fee,
        "gas": 100_000,
        "value": value,
        "data": data,
        "type": 2,
    } | ({"to": to_checksum(to)} if to else {})
    ours = Transaction(31337, nonce, fee // 2, fee, 100_000, to, value, data)
    theirs = EthAccount.sign_transaction(fields, key)
    assert Account(key).sign_transaction(ours) == bytes(theirs.raw_transaction)


@given(
    st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=6), max_leaves=20)
)
@settings(max_examples=60, deadline=None)
def test_the_length_prefix_encoding_is_that_of_the_rlp_library(item):
    import rlp as library

    assert rlp.encode(item) == library.encode(item)


def test_a_changed_signature_recovers_to_another_or_to_none():
    account, digest = Account.local(b"alice"), keccak(b"message")
    signature = account.sign_digest(digest)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    assert recover(keccak(b"other"), signature) != account.address
    high = r + (ORDER - s).to_bytes(32, "big") + bytes((55 - v,))
    with pytest.raises(VerificationError, match="high-s"):
        recover(digest, high)
    for wrong in (
        signature[:64],
        signature[:64] + b"\0",
        signature[:64] + b"\x01",
        signature + b"\0",
    ):
        with pytest.raises(VerificationError, match="65 bytes, the last of them 27 or 28"):
            recover(digest, wrong)
    for wrong in (bytes(32) + signature[32:], r + bytes(32) + signature[64:]):
        with pytest.raises(VerificationError):
            recover(digest, wrong)
    with pytest.raises(VerificationError):
        recover(digest, b"\xff" * 32 + signature[32:])


def test_the_other_v_never_recovers_to_the_signer():
    account, digest = Account.local(b"alice"), keccak(b"message")
    signature = account.sign_digest(digest)
    assert recover(digest, signature[:64] + bytes((55 - signature[64],))) != account.address


def test_keys_outside_the_curve_are_refused():
    for key in (bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\x01" * 31, b""):
        with pytest.raises(InputError, match="not one of the curve"):
            Account(key)
    with pytest.raises(InputError, match="a digest has 32 bytes"):
        Account.local(b"alice").sign_digest(b"short")


def test_a_local_account_is_the_same_everywhere_and_stays_off_public_chains():
    account = Account.local(b"alice")
    assert account.address.hex() == "206309af14aeaea57fcb2896e96ed2f1eab1448c"
    assert account.is_local and account != Account.local(b"bob")
    for chain_id in (31337, 1337):
        account.check_allowed_on(chain_id)
    for chain_id in (1, 10, 11155111, 8453, 0):
        with pytest.raises(InputError, match="development key that anyone can derive"):
            account.check_allowed_on(chain_id)
    Account(account.key).check_allowed_on(1)


def test_an_account_does_not_show_its_key():
    account = Account.local(b"alice")
    assert account.key.hex() not in repr(account) + str(account)


def test_a_key_comes_from_the_environment(monkeypatch):
    key = Account.local(b"alice").key
    monkeypatch.setenv("SOME_KEY", f" 0x{key.hex()} ")
    assert Account.from_environment("SOME_KEY").key == key
    monkeypatch.setenv("SOME_KEY", "0xnothex")
    with pytest.raises(InputError, match="holds no hex key"):
        Account.from_environment("SOME_KEY")
    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(InputError, match="is not set"):
        Account.from_environment("SOME_KEY")


def test_a_keystore_file_opens_with_its_password_only(tmp_path):
    account, path = Account.local(b"alice"), tmp_path / "key.json"
    path.write_text(encrypt(account.key, "right", iterations=2))
    found = Account.from_keystore(path, "right")
    assert found.key == account.key and not found.is_local
    with pytest.raises(InputError, match="does not open as a keystore file"):
        Account.from_keystore(path, "wrong")
    path.write_text("{}")
    with pytest.raises(InputError, match="does not open as a keystore file"):
        Account.from_keystore(path, "right")
    with pytest.raises(InputError, match="there is no keystore file"):
        Account.from_keystore(tmp_path / "none", "right")


def test_a_keyring_keeps_keys_by_name(tmp_path):
    ring, account = Keyring(tmp_path / "keys"), Account.local(b"alice")
    assert ring.names() == []
    ring.store("alice", account, "right")
    assert ring.names() == ["alice"] and ring.address("alice") == account.address
    assert ring.load("alice", "right").key == account.key
    with pytest.raises(InputError, match="there is no key 'bob'") as raised:
        ring.load("bob", "right")
    assert raised.value.hint == "there are: alice"
    (tmp_path / "keys" / "torn.json").write_text("{")
    with pytest.raises(StorageError, match="no keystore file"):
        ring.address("torn")


def test_a_local_key_is_refused_on_a_public_chain_before_anything_is_sent(
    accounts, counter_artifact
):
    from counterpoise.chain import deploy, open_chain

    chain = open_chain("embedded:", chain_id=11155111)
    with pytest.raises(InputError, match="chain 11155111 is public"):
        deploy(chain, accounts[0], counter_artifact)
    assert chain.block().number == 0
    chain.close()


def test_the_first_contract_lies_where_the_account_says(chain, accounts):
    account = accounts[7]
    assert deploy(chain, account, "Judge").address == account.first_contract
    assert deploy(chain, account, "Judge").address != account.first_contract
