"""Typed data is hashed as EIP-712 says, and as eth-account does."""

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.chain import Account, Domain, eip712_digest, recover, struct_hash
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError
from counterpoise.core.units import to_checksum

CONTRACT = b"\xcc" * 20


def theirs(domain, name, members, values):
    message = encode_typed_data(
        {
            "name": domain.name,
            "version": domain.version,
            "chainId": domain.chain_id,
            "verifyingContract": to_checksum(domain.contract),
        },
        {name: [{"name": member, "type": kind} for kind, member in members]},
        dict(zip((member for _, member in members), values, strict=True)),
    )
    return keccak(b"\x19\x01" + message.header + message.body)


@settings(max_examples=30, deadline=None)
@given(
    st.text(max_size=20),
    st.integers(1, 2**63),
    st.integers(0, 2**256 - 1),
    st.integers(-(2**127), 2**127 - 1),
    st.booleans(),
    st.binary(min_size=20, max_size=20),
    st.binary(min_size=32, max_size=32),
    st.binary(max_size=70),
    st.text(max_size=40),
    st.lists(st.integers(0, 2**64 - 1), max_size=4),
)
def test_digests_are_those_of_eth_account(
    version, chain_id, amount, delta, flag, to, digest, blob, words, numbers
):
    domain = Domain("Counterpoise", version, chain_id, CONTRACT)
    members = [
        ("uint256", "amount"),
        ("int128", "delta"),
        ("bool", "flag"),
        ("address", "to"),
        ("bytes32", "digest"),
        ("bytes", "blob"),
        ("string", "words"),
        ("uint64[]", "numbers"),
    ]
    type_string = f"Order({','.join(f'{kind} {name}' for kind, name in members)})"
    values = (amount, delta, flag, to, digest, blob, words, numbers)
    shown = (amount, delta, flag, to_checksum(to), digest, blob, words, numbers)
    assert eip712_digest(domain, type_string, values) == theirs(domain, "Order", members, shown)


def test_the_published_example_has_its_published_hash():
    domain = Domain("Ether Mail", "1", 1, b"\xcc" * 20)
    person = "Person(string name,address wallet)"
    people = [
        struct_hash(person, (name, bytes.fromhex(wallet)))
        for name, wallet in (
            ("Cow", "CD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"),
            ("Bob", "bBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"),
        )
    ]
    mail = f"Mail(Person from,Person to,string contents){person}"
    digest = eip712_digest(domain, mail, (*people, "Hello, Bob!"))
    assert digest.hex() == "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"


def test_a_signature_is_good_for_one_contract_chain_name_and_value():
    account = Account.local(b"alice")
    domain = Domain("Jobs", "1", 31337, CONTRACT)
    kind = "Claim(uint256 job,uint256 amount)"
    signature = account.sign_digest(eip712_digest(domain, kind, (1, 5)))
    assert recover(eip712_digest(domain, kind, (1, 5)), signature) == account.address
    others = [
        (Domain("Jobs", "1", 1, CONTRACT), kind, (1, 5)),
        (Domain("Jobs", "1", 31337, b"\xdd" * 20), kind, (1, 5)),
        (Domain("Jobs", "2", 31337, CONTRACT), kind, (1, 5)),
        (Domain("Job", "1", 31337, CONTRACT), kind, (1, 5)),
        (domain, "Claim(uint256 amount,uint256 job)", (1, 5)),
        (domain, kind, (2, 5)),
        (domain, kind, (1, 6)),
    ]
    for replay in others:
        assert recover(eip712_digest(*replay), signature) != account.address


@pytest.mark.parametrize(
    ("type_string", "values"),
    [
        ("Order(uint8 a)", (256,)),
        ("Order(uint256 a)", (-1,)),
        ("Order(int8 a)", (128,)),
        ("Order(address a)", (b"short",)),
        ("Order(bytes32 a)", (bytes(31),)),
        ("Order(bool a)", (2,)),
        ("Order(uint256 a)", ()),
        ("Order(uint256 a)", (1, 2)),
        ("Order(uint256)", (1,)),
        ("Order", ()),
        ("(uint256 a)", (1,)),
        ("Order(Person who)", (b"not a hash",)),
        ("Order(uint256 a)", ("1",)),
    ],
)
def test_values_that_do_not_fit_their_type_are_refused(type_string, values):
    with pytest.raises(InputError):
        struct_hash(type_string, values)
