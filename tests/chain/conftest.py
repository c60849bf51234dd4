"""What the tests of the chain room share."""

import threading
from pathlib import Path

import pytest

from counterpoise.chain import artifact_of, deploy
from counterpoise.chain.rpc.server import RpcServer

CONTRACTS = Path(__file__).parent / "contracts"


@pytest.fixture(scope="session")
def counter_artifact():
    return artifact_of(CONTRACTS / "Counter.vy")


@pytest.fixture(scope="session")
def library_artifact():
    return artifact_of(CONTRACTS / "Library.vy")


@pytest.fixture
def counter(chain, accounts, counter_artifact):
    return deploy(chain, accounts[0], counter_artifact)


@pytest.fixture
def served(chain):
    """The chain of the test, served over HTTP on a free port."""
    with RpcServer(chain, port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
