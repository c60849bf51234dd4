"""A founded network, copied for each test, and a gateway that sells on it."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway_world import Toy, found_network, selling

from counterpoise.network import open_network


@pytest.fixture(scope="session")
def founded(tmp_path_factory):
    """The folder of a network with models beside it; for copying."""
    folder = tmp_path_factory.mktemp("founded-gateway")
    found_network(folder).close()
    return folder


@pytest.fixture
def place(founded, tmp_path):
    """The folder of this test's own."""
    return Path(shutil.copytree(founded, tmp_path / "place"))


@pytest.fixture
def network(place):
    with open_network(place / "state") as opened:
        yield opened


@pytest.fixture
def toy():
    """A service whose faults the test chooses."""
    return Toy()


@pytest.fixture
def sale(network, place, toy):
    """A gateway that sells two models and a toy."""
    with selling(network, place, more=[toy]) as made:
        yield made
