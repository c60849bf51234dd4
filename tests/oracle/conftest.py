"""The world of the oracle's contracts, put back after each test."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from oracle_village import found, opened
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


@pytest.fixture(scope="session")
def founded(tmp_path_factory):
    """The folder of a village as it was founded; for copying."""
    folder = tmp_path_factory.mktemp("founded") / "state"
    found(folder)
    return folder


@pytest.fixture
def state(founded, tmp_path):
    """The folder of a village of this test's own."""
    return Path(shutil.copytree(founded, tmp_path / "state"))


@pytest.fixture
def village(state):
    """A village of this test's own, opened."""
    with opened(state) as made:
        yield made
