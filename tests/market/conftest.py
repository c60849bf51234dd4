"""What the tests of the market share: their worlds, and a sale that was founded once.

Load and faults run against a gateway in a process of its own; their modules go by their names.
"""

import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "load")]


@pytest.fixture(scope="session")
def founded(tmp_path_factory):
    from sale import Sale

    folder = tmp_path_factory.mktemp("founded") / "state"
    Sale.found(folder).leave()
    return folder


@pytest.fixture
def sale(founded, tmp_path):
    from sale import Sale

    shutil.copytree(founded, tmp_path / "state")
    opened = Sale.at(tmp_path / "state", withdraw_delay=900)
    yield opened
    opened.leave()
