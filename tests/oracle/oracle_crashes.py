"""Runs the nodes of a village until one is killed at a given point; a process of its own.

python oracle_crashes.py STATE HOMES POINT
"""

import os
import signal
import sys
from pathlib import Path

from oracle_village import MEMBERS, opened

from counterpoise.oracle import OracleClient, decisions, node
from counterpoise.verification import Level, OptimisticClient, QuorumClient


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def mortal(place, name):
    """Let a call kill the process right after it was done."""
    call = getattr(place, name)

    def deadly(*args, **options):
        call(*args, **options)
        die()

    setattr(place, name, deadly)


POINTS = {
    "commit": (QuorumClient, "commit"),
    "reveal": (QuorumClient, "reveal"),
    "settle": (QuorumClient, "settle"),
    "propose": (OptimisticClient, "propose"),
    "fulfil": (OracleClient, "fulfil"),
    "state": (node, "post_decision"),
    "collect": (decisions.Archive, "collect"),
    "withdraw": (OracleClient, "withdraw"),
}
LEVELS = [Level.QUORUM, Level.OPTIMISTIC]


def run(state, homes, point):
    with opened(state) as village:
        nodes = [village.node(homes, name, LEVELS) for name in MEMBERS]
        if point in POINTS:
            mortal(*POINTS[point])
        village.turn(*nodes)
        village.pass_time(2)
        village.turn(*nodes, times=2)
        village.pass_time(3_601)
        village.turn(*nodes, times=2)
        for one in nodes:
            one.close()


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
