"""A network's clock is the machine's, or that of a local chain that was moved ahead."""

import time

import pytest

from counterpoise.core.errors import Unreachable
from counterpoise.network import create_network, folder


@pytest.fixture
def network(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "LOOK_SECONDS", 0.0)
    with create_network(tmp_path) as made:
        yield made


def test_a_chain_that_was_moved_ahead_is_followed(network):
    assert abs(network.clock() - time.time()) < 120
    network.warp(86_400)
    assert network.clock() - time.time() > 86_000


def test_a_chain_that_is_away_is_taken_as_it_was_last_seen(network, monkeypatch):
    network.warp(86_400)
    network.clock()

    def away(*_):
        raise Unreachable("the node does not answer")

    monkeypatch.setattr(type(network.chain), "block", away)
    assert network.clock() - time.time() > 86_000
