"""An embedded chain in a folder outlives its process, however that ends."""

import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from counterpoise.chain import Contract, deploy, open_chain
from counterpoise.core.errors import Busy, InputError, StorageError


def run_python(code, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_reopened_chain_is_the_same_chain(tmp_path, accounts, counter_artifact):
    first = open_chain("embedded:", folder=tmp_path)
    counter = deploy(first, accounts[0], counter_artifact)
    receipt = counter.transact(accounts[0], "bump", 3)
    first.warp(1_000_000)
    head, events = first.block(), counter.events()
    first.close()

    again = open_chain("embedded:", folder=tmp_path)
    assert again.features.persistent
    assert again.block() == head and again.receipt(receipt.tx_hash) == receipt
    counter = Contract(again, counter.address, counter_artifact)
    assert counter.events() == events and counter.call("total") == 3
    assert again.nonce(accounts[0].address) == 2
    counter.transact(accounts[0], "bump", 4)
    assert counter.call("total", block=head.number) == 3 and counter.call("total") == 7
    assert again.block().time > head.time, "a warp is remembered"
    again.close()


def test_a_revert_is_final_for_the_next_process_too(tmp_path, accounts, counter_artifact):
    first = open_chain("embedded:", folder=tmp_path)
    counter = deploy(first, accounts[0], counter_artifact)
    snapshot, head = first.snapshot(), first.block()
    lost = counter.transact(accounts[0], "bump", 3)
    first.revert(snapshot)
    first.close()
    again = open_chain("embedded:", folder=tmp_path)
    assert again.block() == head and again.receipt(lost.tx_hash) is None
    assert again.logs(0, 99) == []
    again.close()


MINER = """
    import sys
    from pathlib import Path
    from counterpoise.chain import Contract, artifact_of, deploy, dev_account, open_chain
    chain = open_chain("embedded:", folder=Path(sys.argv[1]))
    counter = deploy(chain, dev_account(0), artifact_of(Path(sys.argv[2])))
    while True:
        receipt = counter.transact(dev_account(0), "bump", 1)
        print(receipt.block_number, counter.address.hex(), flush=True)
"""


@pytest.mark.parametrize("blocks", [1, 7])
def test_a_chain_killed_while_mining_opens_with_its_last_whole_block(
    tmp_path, accounts, counter_artifact, blocks
):
    source = Path(__file__).parent / "contracts" / "Counter.vy"
    with run_python(MINER, tmp_path, source) as process:
        lines = [process.stdout.readline() for _ in range(blocks)]
        time.sleep(0.003 * blocks)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    told, address = lines[-1].split()
    chain = open_chain("embedded:", folder=tmp_path)
    height = chain.block().number
    assert height >= int(told), "a block whose receipt was given is there"
    counter = Contract(chain, bytes.fromhex(address), counter_artifact)
    assert counter.call("total") == len(counter.events()) == height - 1
    for number in range(1, height + 1):
        assert chain.block(number).parent == chain.block(number - 1).hash
    counter.transact(accounts[0], "bump", 1)
    assert counter.call("total") == height
    chain.close()


def test_a_second_process_is_told_that_the_chain_is_held(tmp_path):
    held = open_chain("embedded:", folder=tmp_path)
    code = """
        import sys
        from pathlib import Path
        from counterpoise.chain import open_chain
        from counterpoise.core.errors import Busy
        try:
            open_chain("embedded:", folder=Path(sys.argv[1]))
        except Busy as busy:
            print(busy, "|", busy.hint)
    """
    with run_python(code, tmp_path) as process:
        told = process.communicate()[0]
    assert "another process holds the chain" in told and "chain start" in told
    with pytest.raises(Busy):
        open_chain("embedded:", folder=tmp_path)
    held.close()
    open_chain("embedded:", folder=tmp_path).close()


def test_a_block_that_cannot_be_written_leaves_the_chain_as_it_was(
    tmp_path, accounts, counter_artifact
):
    chain = open_chain("embedded:", folder=tmp_path)
    counter = deploy(chain, accounts[0], counter_artifact)
    head = chain.block()
    other = sqlite3.connect(tmp_path / "chain.sqlite")
    other.execute("begin immediate")
    chain._ledger._db.execute("pragma busy_timeout = 1")
    with pytest.raises(StorageError, match="could not be written"):
        counter.transact(accounts[0], "bump", 1)
    other.rollback()
    other.close()
    assert chain.block() == head and counter.call("total") == 0
    chain._ledger._db.execute(
        "create temp trigger full before insert on node begin select raise(abort, 'disk full'); end"
    )
    with pytest.raises(StorageError, match="disk full"):
        chain.mine()
    assert chain.block() == head and counter.call("total") == 0
    chain._ledger._db.execute("drop trigger full")
    chain.mine()
    assert counter.call("total") == 1, "the transaction waited"
    chain.close()


def test_a_file_that_is_no_chain_is_named(tmp_path):
    (tmp_path / "chain.sqlite").write_bytes(b"not a database, for certain" * 50)
    with pytest.raises(StorageError, match="does not open as a chain"):
        open_chain("embedded:", folder=tmp_path)


def test_a_chain_of_another_format_or_id_is_refused(tmp_path):
    open_chain("embedded:", folder=tmp_path).close()
    with pytest.raises(InputError, match="holds chain 31337, wanted 1337"):
        open_chain("embedded:", folder=tmp_path, chain_id=1337)
    with sqlite3.connect(tmp_path / "chain.sqlite") as database:
        database.execute("update meta set value = '99' where name = 'format'")
    database.close()
    with pytest.raises(StorageError, match="chain format 99"):
        open_chain("embedded:", folder=tmp_path)


def test_the_first_block_comes_within_four_seconds_of_the_process():
    code = """
        from counterpoise.chain import open_chain
        open_chain("embedded:").mine()
    """
    start = time.perf_counter()
    with run_python(code) as process:
        process.wait(timeout=30)
    assert process.returncode == 0 and time.perf_counter() - start < 12, "four when idle"
