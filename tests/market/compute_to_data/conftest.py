"""A ward is founded once and copied for each test."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ward import open_ward

from counterpoise.market.compute_to_data.sandbox import has_walls


@pytest.fixture(scope="session")
def founded(tmp_path_factory):
    if not has_walls():
        pytest.skip("needs a system that filters calls")
    folder = tmp_path_factory.mktemp("ward")
    open_ward(folder).network.close()
    return folder


@pytest.fixture
def ward(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "ward")
    opened = open_ward(tmp_path / "ward")
    yield opened
    opened.release_log()
    opened.network.close()
