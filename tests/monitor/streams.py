"""Sources, sinks and detectors for tests of the stream."""

import sys
import time
from pathlib import Path

from worlds import SCALES, branch

from counterpoise.core.errors import Unreachable
from counterpoise.monitor.alert import Edge, Entity, Finding, Severity
from counterpoise.monitor.service import Rhythm, Service
from counterpoise.monitor.source import Exhausted
from counterpoise.monitor.state_folder import StateFolder

CHAIN_ID = 31337


class Every:
    """Finds every third transfer by a count in the memory, so that what was seen matters."""

    name, version = "every", 1

    def inspect(self, block, context):
        table = context.memory.table("every")
        for transfer in context.flow.transfers:
            count = table.get("count", 0) + 1
            table.put("count", count)
            if count % 3 == 0:
                yield Finding(
                    self.name,
                    self.version,
                    Severity.HIGH,
                    900_000,
                    (block.transactions[transfer.transaction].hash,),
                    (Entity(transfer.src, "payer"), Entity(transfer.dst, "victim")),
                    (f"transfer {count}",),
                    (Edge(transfer.src, transfer.dst, transfer.token, transfer.amount, bytes(32)),),
                    scheme=str(count % 5),
                )


class Script:
    """Gives what a list says: batches of blocks, or an error to raise.

    Resumed, it goes on after the newest block that was dealt with, as a chain would.
    """

    def __init__(self, batches, *, slow=0.0):
        self.chain_id, self.batches, self.head = CHAIN_ID, list(batches), None
        self.faults = {}
        self.acknowledged, self.resumed, self.slow, self.polls = [], [], slow, 0

    def resume(self, places):
        self.resumed = list(places)
        last = places[-1].hash
        flat = [b.hash for batch in self.batches if isinstance(batch, list) for b in batch]
        if last not in flat:
            return
        rest, passed = [], False
        for batch in self.batches:
            if not isinstance(batch, list):
                rest.append(batch)
                continue
            kept = []
            for one in batch:
                if passed:
                    kept.append(one)
                passed = passed or one.hash == last
            if kept:
                rest.append(kept)
        self.batches = rest

    def poll(self):
        self.polls += 1
        time.sleep(self.slow)
        if not self.batches:
            raise Exhausted
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return batch

    def note(self, block):
        return f"note {block.number}"

    def acknowledge(self, place):
        self.acknowledged.append(place)

    def close(self):
        pass


def opened(folder, source, *, detectors=None, **settings):
    """A service on a folder, as the command line opens it."""
    state = StateFolder(Path(folder))
    try:
        watch, places = state.load(source.chain_id, detectors or [Every()], SCALES)
    except BaseException:
        state.close()
        raise
    return Service(watch, places, source, state, **settings)


def run(folder, source, **settings):
    """Run a service to its source's end; give its book's alerts by id."""
    service = opened(folder, source, **settings)
    try:
        service.run()
        return {alert.id: alert for alert in service.book.alerts()}
    finally:
        service.close()


def told(book):
    """All events of a book, without their numbers."""
    return [(event.kind, event.alert.id) for event in book.events(limit=-1)]


class Forking(Script):
    """A chain that forks once; when the fork is over, it never shows it again."""

    def __init__(self, folder, blocks, fork, at, slow):
        self._over = Path(folder) / "fork is over"
        batches = [[one] for one in blocks]
        super().__init__(batches, slow=slow)
        self._return = blocks[at].hash
        if not self._over.exists():
            self.batches.insert(at, fork)

    def poll(self):
        if self.batches and any(one.hash == self._return for one in self.batches[0]):
            self._over.touch()
        return super().poll()


def forked(length):
    """A chain, a fork of it, and where the fork left it."""
    blocks, at = branch(21, length), length // 2
    return blocks, branch(22, 3, blocks[at - 1].hash, at), at


def main(folder, length, slow):
    """A process of its own, to be killed: a long chain, a state written often."""
    from counterpoise.monitor.sinks.jsonl import JsonLines

    source = Forking(folder, *forked(length), slow)
    sinks = [JsonLines(Path(folder) / "alerts.jsonl")]
    run(folder, source, rhythm=Rhythm(blocks=5, seconds=1.0), sinks=sinks)


__all__ = ["Every", "Script", "Unreachable", "forked", "opened", "run", "told"]

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
