"""anvil runs as a child of ours, keeps its state, and ends with us."""

import os
import subprocess
import sys
import time

import pytest

from counterpoise.chain import Contract, deploy, dev_account, open_chain
from counterpoise.chain.anvil import find_anvil
from counterpoise.core.errors import MissingExtra

needs_anvil = pytest.mark.skipif(find_anvil() is None, reason="needs anvil (make anvil)")


@needs_anvil
def test_its_state_survives_a_restart(tmp_path, counter_artifact):
    first = open_chain("anvil:", folder=tmp_path)
    counter = deploy(first, dev_account(0), counter_artifact)
    counter.transact(dev_account(0), "bump", 5)
    head = first.block()
    first.close()
    again = open_chain("anvil:", folder=tmp_path)
    assert again.features.persistent and again.block(head.number).hash == head.hash
    assert Contract(again, counter.address, counter_artifact).call("total") == 5
    assert again.balance(dev_account(1).address) == 10_000 * 10**18, "funded once, not again"
    again.close()


@needs_anvil
def test_it_ends_when_its_parent_ends_without_closing_it(tmp_path):
    code = "from counterpoise.chain import open_chain\nprint(open_chain('anvil:')._process.pid)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(int(done.stdout), 0)
            time.sleep(0.05)


@needs_anvil
def test_under_osaka_it_has_the_p256_precompile():
    chain = open_chain("anvil:", hardfork="osaka")
    assert chain.features.p256
    chain.close()


def test_without_anvil_the_error_names_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtra, match="anvil"):
        open_chain("anvil:")
