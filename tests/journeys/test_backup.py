"""A restored backup of the evidence log must not sign a second history."""

import shutil

import pytest

from counterpoise.core.errors import VerificationError
from counterpoise.network import create_network, open_network


def test_a_log_restored_from_before_its_last_anchor_is_refused(tmp_path):
    folder = tmp_path / "state"
    with create_network(folder, seed=bytes(32)) as network:
        network.log.append([b"first"])
    shutil.copytree(folder / "log", tmp_path / "backup")
    with open_network(folder) as network:
        network.log.append([b"second"])
        network.anchor_log()
    shutil.rmtree(folder / "log")
    shutil.copytree(tmp_path / "backup", folder / "log")
    with open_network(folder) as network, pytest.raises(VerificationError, match="behind"):
        network.log.append([b"another second"])
