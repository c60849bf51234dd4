"""The picture around a transfer holds what the cluster's features count, under its own names."""

import numpy as np
from worlds import COIN, GENESIS, SCALES, account, block

from counterpoise.monitor.flow import FlowGraph
from counterpoise.monitor.graph import TAG, Graph
from counterpoise.monitor.graph_state import Limits
from counterpoise.monitor.memory import Memory


def graph_of(rows, **limits):
    """A graph of (src, dst, amount), a second apart."""
    graph = Graph(Limits(**limits))
    src, dst, amount = (np.array(column) for column in zip(*rows, strict=True))
    found = graph.observe(src, dst, np.arange(len(rows)), amount)
    return graph, found


def pairs(surroundings):
    return [(one.src, one.dst) for one in surroundings.movements]


def test_only_fresh_and_alike_transfers_are_around():
    rows = [(1, 2, 1000), (2, 3, 990), (2, 3, 980), (2, 4, 5000), (5, 2, 1010), (8, 9, 1000)]
    graph, _ = graph_of(rows)
    found = graph.around(1)
    assert pairs(found) == [(1, 2), (2, 3), (5, 2)] and found.cut == ()
    assert [one.number for one in found.movements] == [0, 1, 4]
    assert [one.amount for one in found.movements] == [1000, 990, 1010]


def test_the_transfer_itself_is_there_even_if_it_is_not_fresh():
    graph, _ = graph_of([(1, 2, 1000), (1, 2, 1000)])
    assert pairs(graph.around(1)) == [(1, 2), (1, 2)]


def test_the_picture_has_as_many_transfers_as_the_feature_counts():
    draw = np.random.default_rng(4)
    src = draw.integers(0, 40, 300)
    dst = (src + draw.integers(1, 40, 300)) % 40
    rows = list(zip(src.tolist(), dst.tolist(), draw.choice([90, 100, 900], 300), strict=True))
    for row in range(20, 300, 7):
        graph, found = graph_of(rows[: row + 1], cap=100, budget=10_000, hub=8)
        before = found[row, graph.names.index("cluster")]
        movements = graph.around(row).movements
        others = [one for one in movements if one.number < row]
        if len(movements) < 60:
            # The new transfer can add to what it joins, and takes nothing away.
            assert len(others) >= before - sum(one.number == row for one in movements)


def test_limits_that_cut_the_picture_are_named():
    spokes = [(0, n, 1000) for n in range(1, 90)]
    graph, _ = graph_of(spokes, cap=100, budget=10_000)
    assert graph.around(88).cut == ("picture",) and len(graph.around(88).movements) == 60
    graph, _ = graph_of(spokes, cap=4)
    assert "cap" in graph.around(88).cut and len(graph.around(88).movements) == 8
    graph, _ = graph_of([(100, 1, 1000), *spokes], hub=5)
    assert "hub" in graph.around(0).cut


def test_tags_survive_growth_a_fork_and_a_restart():
    graph, rows = Graph(), 70_000
    tags = np.random.default_rng(1).integers(0, 256, (rows + 5, TAG)).astype(np.uint8)
    src = np.arange(rows + 5) % 900
    columns = (src, src + 1, np.zeros(rows + 5, int), np.full(rows + 5, 7))
    graph.observe(*(column[:5] for column in columns), tags=tags[:5])
    mark = graph.mark()
    graph.observe(*(column[5:50] for column in columns), tags=tags[105:150])
    graph.go_back(mark)
    graph.observe(*(column[5:] for column in columns), tags=tags[5:])
    assert (graph.window_tags() == tags).all()
    again = Graph.from_bytes(graph.to_bytes())
    assert (again.window_tags() == tags).all()
    assert again.around(3).movements[0].tag == tags[again.around(3).movements[0].number].tobytes()


def test_an_edge_names_accounts_token_and_transaction():
    flows = FlowGraph(Graph(), Memory(), SCALES)
    legs = [(7, 8, 1000, None), (9, 8, 10_050, COIN), (8, 6, 990, None), (4, 4, 9, None)]
    one = block(GENESIS, 0, legs)
    flow = flows.observe(one)
    found = flow.around(2).edges
    assert [(edge.src, edge.dst) for edge in found] == [
        (account(src), account(dst)) for src, dst in ((7, 8), (9, 8), (8, 6))
    ]
    assert [edge.transaction for edge in found] == [t.hash for t in one.transactions[:3]]
    assert [edge.amount for edge in found] == [1000, 10_050, 990] and found[1].token == COIN
