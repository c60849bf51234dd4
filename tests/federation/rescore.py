"""Computes the rounds of a finished state again from what was revealed; prints the digests.

python rescore.py STATE
"""

import json
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from counterpoise.federation.admission import committed_digests, settle
from counterpoise.federation.book import Book
from counterpoise.federation.intake import Desk
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.postings import Postings
from counterpoise.federation.replay import Replay
from counterpoise.federation.roster import read_roster
from counterpoise.federation.terms import Terms
from counterpoise.federation.validation import ValidationSet
from counterpoise.network import open_network


def rescored(folder):
    with open_network(folder) as network:
        book, postings = Book.read(network.log_reader().entries(), 1), Postings(network, None, 1)
        terms = Terms.from_bytes(network.store.fetch(book.task.statement.subject[0].digest))
        members, _ = read_roster(book, postings.cohort.members(1))
        replay = Replay(
            terms,
            {address: member.rows for address, member in members.items()},
            ValidationSet.from_bytes(network.store.fetch(terms.validation)),
            network.store,
            ModelFile.from_bytes(network.store.fetch(terms.base)),
        )
        return [one_round(terms, book, replay, postings) for _ in range(terms.rules.rounds + 1)]


def one_round(terms, book, replay, postings):
    number = replay.number + 1
    desk = Desk(terms, number, replay.model.digest, frozenset(replay.rows))
    pages = book.round(number)
    intake = desk.commitments([entry.data for entry in pages.commitments])
    committed = committed_digests(replay.rows, intake, {})
    reveals = desk.reveals(committed, [entry.data for entry in pages.updates])
    drawn = terms.rules.scoring == "permutation"
    entropy = postings.commitment_block(number) if drawn else b""
    outcome = replay.step(settle(desk, intake, committed, reveals).covered, entropy=entropy)
    return {
        "model": outcome.model.digest.hex(),
        "trace": outcome.trace_root.hex(),
        "scores": outcome.scores_root.hex(),
        "pay": postings.pay_tree(number, outcome.standing.dues).root.hex(),
    }


def blas():
    """Give the kernel and the threads that numpy's products run with."""
    np.ones((8, 8)) @ np.ones((8, 8))
    found = [pool for pool in threadpool_info() if pool["internal_api"] == "openblas"]
    return [[pool["architecture"], pool["num_threads"]] for pool in found]


if __name__ == "__main__":
    record = {"blas": blas(), "states": [rescored(Path(folder)) for folder in sys.argv[1:]]}
    sys.stdout.write(json.dumps(record))
