"""A village in a folder of its own, for each test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def small_village(tmp_path):
    from village import village

    made = village(tmp_path / "state")
    yield made
    made.network.close()
