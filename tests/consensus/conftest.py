"""Lets the tests of this room import what they share, and share two markets in service."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def one_service():
    """A market with two validators and three providers, before its first epoch."""
    from service import build_service

    return build_service()


@pytest.fixture
def service(one_service, tmp_path):
    """The same for one test."""
    from service import reverted

    with reverted(one_service, tmp_path / "homes") as found:
        yield found


@pytest.fixture(scope="session")
def begun(tmp_path_factory):
    """A service in which the first epoch is over: both validators have sealed their checks."""
    from service import build_service

    found = build_service()
    found.home = tmp_path_factory.mktemp("begun")
    validators = [found.validator(name) for name in ("ann", "bob")]
    found.epoch(found.keeper(), *validators)
    found.close()
    return found, found.home


@pytest.fixture
def later(begun, tmp_path):
    """The same for one test, with journals of its own."""
    from service import reverted

    found, home = begun
    shutil.copytree(home, tmp_path / "homes")
    with reverted(found, tmp_path / "homes") as found:
        yield found
