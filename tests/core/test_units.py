"""Amounts and addresses read back as they were written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.digest import keccak, sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import (
    TOKEN,
    format_tokens,
    parse_address,
    parse_tokens,
    to_checksum,
)

# The examples of EIP-55.
CHECKSUMS = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]
TOO_LONG = ["0." + "0" * 18 + "1", "1" * 61]
NO_HEX = ["0x" + "g" * 40, "0x" + "\uff11" * 40]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**30))
def test_an_amount_reads_back_as_written(amount):
    assert parse_tokens(format_tokens(amount)) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("1", TOKEN),
        ("0.5", TOKEN // 2),
        (" 12.50 ", 125 * TOKEN // 10),
        ("007", 7 * TOKEN),
    ],
)
def test_plain_decimals_are_read(text, amount):
    assert parse_tokens(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-1",
        "+1",
        "1e3",
        ".5",
        "5.",
        "1,000",
        "0x1",
        "nan",
        "inf",
        "1.2.3",
        "٣",
        "1 2",
        *TOO_LONG,
    ],
)
def test_other_amounts_are_refused(text):
    with pytest.raises(InputError):
        parse_tokens(text)


@pytest.mark.parametrize("text", CHECKSUMS)
def test_checksums_are_those_of_eip_55(text):
    assert to_checksum(parse_address(text)) == text
    assert parse_address(text.lower()) == parse_address(text)
    assert parse_address("0x" + text[2:].upper()) == parse_address(text)


def test_a_wrong_letter_case_is_refused():
    text = CHECKSUMS[4]
    for place in range(2, 42):
        if text[place].isalpha():
            with pytest.raises(InputError, match="checksum"):
                parse_address(text[:place] + text[place].swapcase() + text[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "0x12",
        CHECKSUMS[0][2:],
        CHECKSUMS[0] + "0",
        CHECKSUMS[0] + "\n",
        "0X" + "0" * 40,
        *NO_HEX,
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InputError):
        parse_address(text)


@pytest.mark.parametrize("length", [0, 19, 21, 32])
def test_an_address_has_twenty_bytes(length):
    with pytest.raises(InputError):
        to_checksum(bytes(length))


def test_digests_are_the_published_ones():
    assert sha256(b"abc").hex().startswith("ba7816bf8f01cfea414140de5dae2223")
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"").hex() == empty
    abc = "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert keccak(b"abc").hex() == abc
