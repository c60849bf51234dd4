"""The registry takes exactly the headers that `Header` takes; only an owner gives a model away."""

import struct
from contextlib import contextmanager

import examples_of as examples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.inference import Forest, Header, Leaf, ModelsClient, Tree, model_id

ROOT, CARD = b"\x11" * 32, b"\x22" * 32
NET = examples.vector_net()


@contextmanager
def refused(reason):
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == f"models: {reason}"


@pytest.fixture
def models(chain, accounts):
    return ModelsClient.deploy(chain, accounts[0])


def test_a_registered_model_is_read_back_and_checked(models, accounts):
    for number, model in enumerate((NET, examples.vector_forest())):
        assert not models.is_registered(model.id)
        receipt = models.register(accounts[1], model, CARD)
        (event,) = models.contract.events_in(receipt)
        assert event.name == "Registered" and event.args == {
            "model": model.id,
            "owner": accounts[1].address,
            "row_root": model.row_root,
            "card": CARD,
            "header": model.header,
        }
        assert models.is_registered(model.id)
        assert models.header(model.id) == model.shape
        record = models.check(model, CARD)
        assert (record.owner, record.row_root, record.card) == (
            accounts[1].address, model.row_root, CARD,
        )  # fmt: skip
        assert record.time == models.contract.chain.block().time
        with refused("already registered"):
            models.register(accounts[number], model)
        with pytest.raises(VerificationError, match="the card's digest"):
            models.check(model, ROOT)


def test_an_unknown_model_is_an_error_with_a_hint(models):
    with pytest.raises(InputError, match="no model"):
        models.record(ROOT)
    with pytest.raises(InputError, match="no model"):
        models.header(ROOT)
    with pytest.raises(InputError, match="no model"):
        models.check(NET)
    assert models.contract.call("header", ROOT) == b""


def test_only_the_owner_gives_a_model_away(models, accounts):
    owner, heir, stranger = accounts[1:4]
    models.register(owner, NET)
    with refused("not the owner"):
        models.transfer_ownership(stranger, NET.id, stranger.address)
    with refused("nobody as owner"):
        models.transfer_ownership(owner, NET.id, bytes(20))
    with refused("not the owner"):
        models.transfer_ownership(owner, ROOT, owner.address)
    receipt = models.transfer_ownership(owner, NET.id, heir.address)
    (event,) = models.contract.events_in(receipt)
    assert event.name == "OwnershipTransferred" and event.args == {
        "model": NET.id, "previous": owner.address, "owner": heir.address,
    }  # fmt: skip
    assert models.record(NET.id).owner == heir.address
    with refused("not the owner"):
        models.transfer_ownership(owner, NET.id, owner.address)


def test_an_empty_root_is_refused(models, accounts):
    with refused("no root of rows"):
        models.contract.transact(accounts[0], "register", NET.header, bytes(32), CARD)


def head(kind=1, rule=0, layers=1, threshold=0, inputs=3, outputs=1, version=1):
    return struct.pack(">BBBBiHH", version, kind, rule, layers, threshold, inputs, outputs)


def layer(inputs=3, outputs=1, z=0, shift=0, lo=0, hi=0):
    return struct.pack(">HHBBhh", inputs, outputs, z, shift, lo, hi)


BAD = [
    (b"", "header too short"),
    (head(), "header too short"),
    (head(version=2) + layer(), "unknown version"),
    (head(inputs=0) + layer(0), "no inputs"),
    (head(outputs=0) + layer(outputs=0), "outputs out of range"),
    (head(outputs=17, rule=1) + layer(outputs=17), "outputs out of range"),
    (head(rule=1) + layer(), "one output wants a threshold"),
    (head(outputs=2) + layer(outputs=2), "several outputs want argmax"),
    (head(outputs=2, rule=1, threshold=1) + layer(outputs=2), "several outputs want argmax"),
    (head(kind=2, layers=1) + b"\0\1", "wrong length of a forest"),
    (head(kind=2, layers=0) + b"\0\1\0", "wrong length of a forest"),
    (head(kind=2, layers=0) + b"\0\0", "trees out of range"),
    (head(kind=2, layers=0) + b"\x40\0", "trees out of range"),
    (head(kind=3) + layer(), "unknown kind"),
    (head(kind=0) + layer(), "unknown kind"),
    (head(layers=0) + layer(), "layers out of range"),
    (head(layers=9) + layer() * 9, "layers out of range"),
    (head() + layer() + b"\0", "wrong length of a net"),
    (head(layers=2) + layer(), "wrong length of a net"),
    (head() + layer(4), "widths do not fit"),
    (head(layers=2) + layer(outputs=0) + layer(0), "a layer without neurons"),
    (head() + layer(shift=1), "the last layer requantises"),
    (head() + layer(hi=1), "the last layer requantises"),
    (head() + layer(lo=-1), "the last layer requantises"),
    (head(layers=2) + layer(shift=25) + layer(1), "shift out of range"),
    (head(layers=2) + layer(lo=-6) + layer(1, z=5), "low clip is no byte"),
    (head(layers=2) + layer(hi=251) + layer(1, z=5), "high clip is no byte"),
    (head(layers=2) + layer(lo=2, hi=1) + layer(1), "clips cross"),
    (head() + layer(outputs=2), "outputs do not fit"),
    (head(layers=3) + layer(3, 65535, hi=1) + layer(65535, 1, hi=1) + layer(1), "too many rows"),
]


@pytest.mark.parametrize(
    ("header", "reason"), BAD, ids=[f"{i} {r}" for i, (_, r) in enumerate(BAD)]
)
def test_a_malformed_header_is_refused_by_both(models, accounts, header, reason):
    with refused(reason):
        models.contract.transact(accounts[0], "register", header, ROOT, CARD)
    with pytest.raises(InputError):
        Header.from_bytes(header)


def test_the_longest_header_is_taken(models, accounts):
    net = examples.random_net(np.random.default_rng(5), [3, 4, 5, 6, 7, 6, 5, 4, 16])
    assert len(net.header) == 92
    models.register(accounts[0], net)
    models.check(net)
    largest = Forest((Tree((Leaf(1),)),) * 16_383, (0,), 65_535, -(2**31))
    models.register(accounts[0], largest)
    models.check(largest)


@pytest.fixture(scope="module")
def one_registry():
    from counterpoise.chain import dev_account, open_chain

    chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
    yield ModelsClient.deploy(chain, dev_account(0))
    chain.close()


bytes_of_headers = st.builds(
    lambda *choices: _changed(*choices),  # noqa: PLW0108
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 16), min_size=2, max_size=9),
    st.integers(0, 200),
    st.integers(0, 255),
)


def _changed(seed, widths, place, value):
    data = bytearray(examples.random_net(np.random.default_rng(seed), widths).header)
    if place < len(data):
        data[place] = value
    return bytes(data)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(bytes_of_headers)
def test_registry_and_reader_agree_about_every_header(one_registry, header):
    try:
        Header.from_bytes(header)
    except InputError:
        with pytest.raises(Reverted):
            one_registry.contract.call("register", header, ROOT, CARD)
    else:
        found = one_registry.contract.call("register", header, ROOT, CARD)
        assert found == model_id(header, ROOT)
