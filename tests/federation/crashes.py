"""Runs a village that is killed at given points, and resumes it; one process a test.

    python crashes.py rounds STATE POINT...     POINT is ROUND:STEP
    python crashes.py opening FOLDER

Prints one JSON object: what each run came to.
"""

import json
import os
import signal
import sys
from pathlib import Path

from revisit import copied, digests, opened, visitors_verdict
from village import Village, owners

from counterpoise.federation.courier import DirectCourier
from counterpoise.federation.rounds import RoundsClient
from counterpoise.federation.sponsor import open_job
from counterpoise.jobs import JobsClient, Status
from counterpoise.network import create_network, open_network

PEOPLE = owners(3)


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_process(work):
    """Run in a forked process; give how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


class Mortal(DirectCourier):
    """A courier that is killed once so many letters of a phase have come in."""

    point = None

    def commitments(self, round_id, opening):
        self._meet("commitments half taken", round_id, opening, "commitment")
        return super().commitments(round_id, opening)

    def reveals(self, round_id, closing):
        self._meet("reveals half taken", round_id, closing, "reveal")
        return super().reveals(round_id, closing)

    def _meet(self, step, round_id, message, phase):
        if self.point == (round_id, step):
            for one in self.participants[:2]:
                getattr(one, phase)(message)
            die()


def run(folder, point=None):
    """Run all rounds; where there is a point, be killed at it."""
    with opened(folder, PEOPLE) as found:
        courier = Mortal(found.participants)
        courier.point = point
        coordinator = found.coordinator(
            courier, lambda name, number: die() if (number, name) == point else None
        )
        outcomes = coordinator.run()
        found.finish(outcomes[-1])
        events = found.postings.rounds.events(1)
    verdict = visitors_verdict(folder)
    record = {
        "digests": repr(digests(outcomes)),
        "events": [type(event).__name__ for event in events],
        "numbers": verdict.numbers,
        "false": [str(found) for found in verdict.false],
    }
    (folder / "record.json").write_text(json.dumps(record))


def rounds(state, points):
    """Run once undisturbed, and once for each point, killed there and resumed."""
    plain = copied(state, state.parent / "plain")
    run(plain)  # in this process, so that the others inherit what it imported
    records = {"None": json.loads((plain / "record.json").read_text())}
    for point in points:
        folder = copied(state, state.parent / f"crash-{len(records)}")
        number, step = point.split(":")
        wanted = (int(number), step)
        ended = in_a_process(lambda f=folder, w=wanted: run(f, w))
        assert ended == -signal.SIGKILL, f"{point} ended with {ended}"
        assert in_a_process(lambda f=folder: run(f)) == 0, f"resuming at {point} failed"
        records[str(point)] = json.loads((folder / "record.json").read_text())
    return records


class MortalChain:
    """A chain whose process is killed around the n-th transaction."""

    def __init__(self, chain, before, after):
        self.chain, self.before, self.after, self.sent = chain, before, after, 0

    def __getattr__(self, name):
        return getattr(self.chain, name)

    def send_raw(self, raw):
        self.sent += 1
        if self.sent == self.before:
            die()
        answer = self.chain.send_raw(raw)
        if self.sent == self.after:
            die()
        return answer


def open_the_job(folder, before=0, after=0):
    """Open a job on a network with a funded sponsor; be killed around a transaction."""
    with open_network(folder) as network:
        plain, found = network.chain, Village(network, PEOPLE)
        network.chain = MortalChain(plain, before, after)
        terms, _ = open_job(network, found.notary("sponsor"), found.draft)
        sent = network.chain.sent
        again, _ = open_job(network, found.notary("sponsor"), found.draft)
        jobs = JobsClient(network.contract("Jobs"))
        status = [jobs.job(number).status for number in range(1, jobs.count() + 1)]
        sponsor = network.account("sponsor").address
        record = {
            "sent": sent,
            "funded": status.count(Status.FUNDED),
            "same": again == terms and network.chain.sent == sent,
            "stored": terms.to_bytes() == network.store.fetch(terms.digest),
            "rounds": RoundsClient(network.contract("Rounds")).state(terms.job).rounds,
            "left": network.contract("CreditToken").call("balanceOf", sponsor),
        }
        network.chain = plain
    (folder / "record.json").write_text(json.dumps(record))


def opening(folder):
    """Open a job once undisturbed, then killed before and after each of its transactions."""
    state = folder / "state"
    with create_network(state, seed=bytes(32)) as network:
        Village(network, PEOPLE).fund("sponsor", 1000)
    records = {"None": opened_after(state, folder / "plain")}
    for sent in range(1, records["None"]["sent"] + 1):
        for when in ("before", "after"):
            name = f"{when} {sent}"
            records[name] = opened_after(state, folder / name.replace(" ", "-"), **{when: sent})
    return records


def opened_after(state, folder, **death):
    copied(state, folder)
    if death:
        ended = in_a_process(lambda: open_the_job(folder, **death))
        assert ended == -signal.SIGKILL, f"{death} ended with {ended}"
    assert in_a_process(lambda: open_the_job(folder)) == 0, f"resuming after {death} failed"
    return json.loads((folder / "record.json").read_text())


if __name__ == "__main__":
    kind, place, *points = sys.argv[1:]
    found = rounds(Path(place), points) if kind == "rounds" else opening(Path(place))
    sys.stdout.write(json.dumps(found))
