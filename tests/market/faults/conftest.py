"""A sale for every test, copied from one that was founded once; its modules go by their names."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "load"))

from sale import Sale


@pytest.fixture(scope="session")
def founded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("founded") / "state"
    Sale.found(folder).leave()
    return folder


@pytest.fixture
def sale(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "state")
    opened = Sale.at(tmp_path / "state", withdraw_delay=900)
    yield opened
    opened.leave()
