"""What may befall a federation that is nobody's lie: each ends in a clear error, and resumes."""

import errno
import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "federation"))

from revisit import (
    address_of,
    copied,
    digests,
    opened,
    roster_of,
    settled,
    verdict_of,
    visitors_verdict,
)
from village import RULES, Village, owner, owners

from counterpoise.chain import open_chain
from counterpoise.chain.rpc.server import RpcServer
from counterpoise.core.errors import (
    Busy,
    InputError,
    Reverted,
    StorageError,
    Unreachable,
    VerificationError,
)
from counterpoise.core.units import to_checksum
from counterpoise.federation.coordinator import Coordinator
from counterpoise.federation.courier import DirectCourier
from counterpoise.federation.rounds import Committed, ResultPosted, RoundsClient
from counterpoise.federation.sponsor import open_job
from counterpoise.jobs import JobsClient
from counterpoise.network import create_network, open_network
from counterpoise.provenance import Log
from counterpoise.provenance.disk import Disk

PEOPLE = owners(3)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """The closed state of a village whose rounds have not begun."""
    return settled(tmp_path_factory.mktemp("faults") / "state", PEOPLE)


@pytest.fixture(scope="module")
def plain(state, tmp_path_factory):
    """What the rounds come to when nothing happens."""
    folder = copied(state, tmp_path_factory.mktemp("plain") / "state")
    with opened(folder, PEOPLE) as found:
        return digests(found.coordinator().run())


def resumed(folder):
    """Run what is left of the rounds in a folder, and verify them."""
    with opened(folder, PEOPLE) as found:
        outcomes = found.coordinator().run()
        assert verdict_of(found).first is None
        assert each_posted_once(found)
    return digests(outcomes)


def each_posted_once(found):
    events = found.postings.rounds.events(1)
    numbers = list(range(1, RULES.rounds + 2))
    return all(
        [event.round_id for event in events if isinstance(event, kind)] == numbers
        for kind in (Committed, ResultPosted)
    )


# The node


class Flaky:
    """A chain whose every n-th answer is lost, before or after it did what was asked."""

    def __init__(self, chain, every, *, after):
        self._chain, self._every, self._after, self.calls = chain, every, after, 0

    @property
    def features(self):
        return self._chain.features

    def __getattr__(self, name):
        found = getattr(self._chain, name)
        if name not in ("send_raw", "call", "logs", "block", "receipt", "nonce", "fees"):
            return found

        def asked(*arguments, **options):
            self.calls += 1
            fails = self.calls % self._every == 0
            if fails and not self._after:
                raise Unreachable("the node did not answer", hint="start it again")
            answer = found(*arguments, **options)
            if fails:
                raise Unreachable("the node did not answer", hint="start it again")
            return answer

        return asked


@pytest.mark.parametrize("after", [False, True], ids=["request lost", "answer lost"])
@pytest.mark.parametrize("every", [13, 29])
def test_a_node_that_fails_again_and_again_only_delays_the_rounds(
    state, plain, tmp_path, every, after
):
    folder = copied(state, tmp_path / "state")
    failures = 0
    chains = []

    def flaky(chain):
        chains.append(Flaky(chain, 10**9, after=after))
        return chains[0]

    with opened(folder, PEOPLE, over=flaky) as found:
        coordinator = found.coordinator()
        chains[0]._every = every
        while len(coordinator.outcomes) < coordinator.last_round:
            try:
                coordinator.run()
            except Unreachable:
                failures += 1
                assert failures < 100
        chains[0]._every = 10**9
        assert failures > 2
        assert digests(coordinator.outcomes) == plain
        assert verdict_of(found).first is None
        assert each_posted_once(found)


def test_a_node_that_stops_in_a_round_is_named_and_a_new_process_resumes(state, plain, tmp_path):
    folder = copied(state, tmp_path / "state")
    chain = open_chain("embedded:", folder=folder / "chain")
    server = RpcServer(chain, port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def stop(name, number):
        if (name, number) == ("reveals logged", 2):
            server.shutdown()
            server.server_close()
            found.network.chain.close()  # its kept connection, which the server would serve on

    with opened(folder, PEOPLE, chain=server.url) as found:
        coordinator = found.coordinator(on_step=stop)
        with pytest.raises(Unreachable):
            coordinator.run()
    thread.join()
    chain.close()
    assert resumed(folder) == plain


def test_a_reorg_that_drops_what_was_posted_is_made_good_on_resuming(state, plain, tmp_path):
    folder = copied(state, tmp_path / "state")
    snapshots = []

    def remember(name, number):
        if (name, number) == ("result logged", 2):
            snapshots.append(found.network.chain.snapshot())

    with opened(folder, PEOPLE) as found:
        coordinator = found.coordinator(on_step=remember)
        coordinator.run_round(1)
        coordinator.run_round(2)
        found.network.chain.revert(snapshots[0])
        assert not found.postings.has_result(2)
        with pytest.raises(Reverted, match="not the next round to commit"):
            coordinator.run_round(3)
    assert resumed(folder) == plain


def test_a_reorg_that_drops_a_whole_round_is_made_good_on_resuming(state, plain, tmp_path):
    folder = copied(state, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        coordinator = found.coordinator()
        coordinator.run_round(1)
        before = found.network.chain.snapshot()
        coordinator.run_round(2)
        found.network.chain.revert(before)
        assert not found.postings.is_committed(2)
    assert resumed(folder) == plain


# Two at once


def test_a_second_process_is_told_that_the_state_is_busy(state, tmp_path):
    folder = copied(state, tmp_path / "state")
    with opened(folder, PEOPLE) as found, pytest.raises(Busy, match="holds the chain"):
        open_network(folder)
    assert found.terms.job == 1


def test_two_coordinators_on_one_node_post_nothing_twice(state, plain, tmp_path):
    folder = copied(state, tmp_path / "state")
    chain = open_chain("embedded:", folder=folder / "chain")
    server = RpcServer(chain, port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with opened(folder, PEOPLE, chain=server.url) as found:
        coordinator = found.coordinator()
        coordinator.run_round(1)
        with open_network(folder, chain=server.url) as second:
            rival = Village(second, PEOPLE, terms=found.terms)
            with pytest.raises(Busy, match="has the log in"):
                Coordinator(
                    second, rival.notary("operator"), found.terms, roster_of(found)[0], None
                )
        coordinator.run()
        assert digests(coordinator.outcomes) == plain
        assert each_posted_once(found)
    server.shutdown()
    server.server_close()
    thread.join()
    chain.close()


# The disk


class FullDisk(Disk):
    """A disk with room for so many more writes."""

    room = 0

    def write(self, name, data):
        self._take()
        super().write(name, data)

    def append(self, name, data):
        self._take()
        super().append(name, data)

    def _take(self):
        FullDisk.room -= 1
        if FullDisk.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("room", [1, 4, 7, 11, 16])
def test_a_full_disk_under_the_log_stops_the_round_and_loses_nothing(state, plain, tmp_path, room):
    folder = copied(state, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        network = found.network
        network._log.close()
        FullDisk.room = 1000
        origin = network.charter.log_origin
        network._log = Log(folder / "log", origin=origin, key=network.log_key, disk=FullDisk)
        coordinator = found.coordinator()
        FullDisk.room = room
        with pytest.raises(StorageError, match="No space left"):
            coordinator.run()
        with pytest.raises(StorageError, match="the log is closed"):
            coordinator.run()
    assert resumed(folder) == plain


@pytest.mark.parametrize("room", [0, 2, 5, 9])
def test_a_full_disk_under_the_store_stops_the_round_and_loses_nothing(
    state, plain, tmp_path, monkeypatch, room
):
    folder = copied(state, tmp_path / "state")
    write, blobs = os.write, str(folder / "blobs")
    left = [room]

    def full(descriptor, data):
        if Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(blobs):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    with opened(folder, PEOPLE) as found:
        coordinator = found.coordinator()
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StorageError, match="No space left"):
            coordinator.run()
        monkeypatch.undo()
    assert resumed(folder) == plain


def test_a_full_disk_under_the_chain_stops_the_round_and_loses_nothing(state, plain, tmp_path):
    folder = copied(state, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        coordinator = found.coordinator()
        coordinator.run_round(1)
        db = found.network.chain._ledger._db
        (pages,) = db.execute("pragma page_count").fetchone()
        db.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(StorageError, match="full"):
            for _ in range(20):
                coordinator.run()
    assert resumed(folder) == plain


def test_a_corrupt_tile_is_named_before_anything_is_signed(state, tmp_path):
    folder = copied(state, tmp_path / "state")
    tile = max((folder / "log" / "tile" / "0").rglob("*.p/*"), key=lambda path: int(path.name))
    data = bytearray(tile.read_bytes())
    data[3] ^= 1
    tile.write_bytes(data)
    checkpoint = (folder / "log" / "checkpoint").read_bytes()
    with pytest.raises(VerificationError, match="tile"), opened(folder, PEOPLE):
        pass
    assert (folder / "log" / "checkpoint").read_bytes() == checkpoint


def test_a_corrupt_chain_file_is_named(state, tmp_path):
    folder = copied(state, tmp_path / "state")
    (folder / "chain" / "chain.sqlite").write_bytes(b"noise" * 1000)
    with pytest.raises(StorageError, match="chain"):
        open_network(folder)


# The wrong thing


def test_a_charter_with_another_chain_id_is_refused(state, tmp_path):
    folder = copied(state, tmp_path / "state")
    path = folder / "network.json"
    charter = json.loads(path.read_text())
    path.write_text(json.dumps({**charter, "chain_id": 1}))
    with pytest.raises(InputError, match="the chain has id 31337, the charter says 1"):
        open_network(folder)


def test_a_coordinator_refuses_terms_of_another_chain_or_account(state, tmp_path):
    folder = copied(state, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        roster, size = roster_of(found)[0], found.network.log.size
        operator, stranger = found.notary("operator"), found.notary("owner-0")
        elsewhere = replace(found.terms, chain_id=1)
        with pytest.raises(InputError, match="the terms are of chain 1 "):
            Coordinator(found.network, operator, elsewhere, roster, None)
        other = replace(found.terms, rounds_contract=bytes(20))
        with pytest.raises(InputError, match="rounds contract 0x0000"):
            Coordinator(found.network, operator, other, roster, None)
        with pytest.raises(InputError, match="is coordinated by"):
            Coordinator(found.network, stranger, found.terms, roster, None)
        assert found.network.log.size == size


def test_a_sponsor_who_cannot_pay_the_pot_opens_nothing(tmp_path):
    with create_network(tmp_path / "state", seed=bytes(32)) as network:
        found = Village(network, PEOPLE)
        found.fund("sponsor", 99)
        with pytest.raises(InputError, match="has 99 tokens, 100 are needed"):
            open_job(network, found.notary("sponsor"), found.draft)
        assert found.network.contract("Rounds").events("Opened") == []
        found.fund("sponsor", 1)
        terms, _ = open_job(network, found.notary("sponsor"), found.draft)
        token = network.contract("CreditToken")
        assert token.call("balanceOf", address_of("sponsor")) == 0
        assert network.contract("Rounds").call("state", terms.job)


def test_rounds_of_an_unfunded_job_cannot_be_opened(state, tmp_path):
    folder = copied(state, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        sponsor, contract = found.network.account("sponsor"), found.network.contract
        rounds = RoundsClient(contract("Rounds"))
        jobs = JobsClient(contract("Jobs"))
        job = jobs.create(
            sponsor,
            provider=contract("Cohort").address,
            evaluator=rounds.address,
            expires=found.network.chain.block("latest").time + 10**6,
            description="unfunded",
        )
        with pytest.raises(Reverted, match="rounds: the job is not funded"):
            rounds.open(
                sponsor,
                job,
                coordinator=address_of("operator"),
                rounds=1,
                challenge_seconds=60,
                task_digest=bytes(32),
            )


def test_the_same_rows_under_a_second_account_count_once_for_whom_joined_first(tmp_path):
    twin = owner("twin", 0)  # the rows, and so the root, of owner-0
    people = [*owners(3), twin]
    assert twin.row_root == people[0].row_root
    folder = settled(tmp_path / "state", people)
    with opened(folder, people) as found:
        roster, refused = roster_of(found)
        assert [(r.participant, r.code) for r in refused] == [(address_of("twin"), "duplicate")]
        assert set(roster) == {address_of(one.name) for one in people[:3]}
        coordinator = found.coordinator()
        outcomes = coordinator.run()
        for number in (1, 2, 3):
            assert coordinator.book.refusals(number, to_checksum(address_of("twin"))) == [
                "identity"
            ]
        assert address_of("twin") not in outcomes[-1].standing.dues
        assert verdict_of(found).first is None


def test_a_job_whose_statistics_are_all_refused_ends_with_a_refund_at_its_expiry(state, tmp_path):
    folder = copied(state, tmp_path / "state")
    with opened(folder, PEOPLE) as found:
        for _ in range(2):
            with pytest.raises(InputError, match="nobody's statistics were admitted"):
                found.coordinator(DirectCourier([])).run()
        token, sponsor = found.network.contract("CreditToken"), found.network.account("sponsor")
        before = token.call("balanceOf", sponsor.address)
        found.network.chain.warp(200_000)
        JobsClient(found.network.contract("Jobs")).claim_refund(sponsor, found.terms.job)
        assert token.call("balanceOf", sponsor.address) - before == RULES.pot
        for one in PEOPLE:
            found.postings.cohort.withdraw(sponsor, 1, address_of(one.name))
    assert visitors_verdict(folder).first is None
