"""The world of the oracle's contracts, put back after each test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from oracle_world import ODD_TOKEN, build_world


@pytest.fixture(scope="session")
def one_world():
    return build_world()


@pytest.fixture(scope="session")
def odd_world():
    return build_world(ODD_TOKEN)


def undone(world):
    place = world.chain.snapshot()
    yield world
    world.chain.revert(place)


@pytest.fixture
def world(one_world):
    yield from undone(one_world)


@pytest.fixture
def odd_token_world(odd_world):
    yield from undone(odd_world)
