import pytest

from counterpoise.provenance import Ed25519Signer, Log, Subject, build_statement

ORIGIN = "example.org/log"
KEY = bytes(range(32))


@pytest.fixture
def open_log(tmp_path):
    """Opens logs in one folder and closes what a test leaves open."""
    opened = []

    def open_(name="log", **options):
        log = Log(tmp_path / name, **({"origin": ORIGIN, "key": KEY} | options))
        opened.append(log)
        return log

    yield open_
    for log in opened:
        log.close()


@pytest.fixture
def signer():
    return Ed25519Signer(b"s" * 32)


@pytest.fixture
def dataset(signer):
    return build_statement(
        "dataset",
        [Subject("cleveland", b"d" * 32)],
        actor=signer.keyid,
        time=1_700_000_000,
        nonce=bytes(16),
        schema=[{"name": "age", "type": "int64"}],
        encoding="rows/v1",
        rows=303,
        row_root=bytes(32),
        source="UCI",
        licence="CC-BY-4.0",
    )
