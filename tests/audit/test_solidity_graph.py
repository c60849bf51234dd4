"""From recorded trees to graphs, places, guards and locks; no compiler is needed."""

from collections import Counter

import pytest
from solidity_code import recorded

from counterpoise.audit.solidity import hints
from counterpoise.audit.solidity.calls import out_call
from counterpoise.audit.solidity.guards import World
from counterpoise.audit.solidity.locks import is_locked
from counterpoise.audit.solidity.lower import graph_of
from counterpoise.audit.solidity.tree import Text, children, kind_of, peeled, spell, walk


@pytest.fixture(scope="module")
def old():
    return recorded("old")


@pytest.fixture(scope="module")
def new():
    return recorded("new")


def world_of(unit, name):
    return World(next(one for one in unit.contracts.values() if one.name == name))


def entry_of(world, name):
    return next(one for one in world.entries if one.name == name)


def place(entry, vertex):
    return entry.world.spoken(vertex.place)


def test_what_happens_comes_in_the_order_in_which_it_happens(old):
    entry = entry_of(world_of(old, "Purse"), "take")
    kinds = [vertex.kind for vertex in entry.graph.vertices]
    assert [one for one in kinds if one in ("read", "test", "call", "math", "write", "end")] == [
        *("read", "test", "call", "test", "read", "math", "write", "end")
    ]
    (call,) = entry.graph.of_kind("call")
    (write,) = entry.graph.of_kind("write")
    (read, _) = entry.graph.of_kind("read")
    assert write in entry.graph.following(call) and call not in entry.graph.following(write)
    assert call in entry.graph.dominated(read) and call not in entry.graph.following(call)
    assert place(entry, entry.graph.vertices[write]) == "balances[]"


def test_a_revert_ends_a_path_and_nothing_follows_it(old):
    entry = entry_of(world_of(old, "Purse"), "take")
    stops = entry.graph.of_kind("stop")
    assert len(stops) == 2 and not any(entry.graph.following(one) for one in stops)


def test_facts_hold_where_a_test_led_there(old):
    entry = entry_of(world_of(old, "Purse"), "take")
    (write,) = entry.graph.of_kind("write")
    facts = {(spell(node), holds) for node, holds, _ in entry.facts_at(write)}
    assert ("(balances[msg.sender]>=amount)", True) in facts
    assert any("call" in text and holds for text, holds in facts)


def test_a_guard_is_a_test_of_the_caller_against_what_strangers_cannot_write(old):
    world = world_of(old, "Purse")
    closed, opened = entry_of(world, "close"), entry_of(world, "open")
    assert closed.guarded & set(closed.graph.of_kind("call"))
    assert not opened.guarded


def test_a_lock_is_known_by_what_it_does(old):
    world = world_of(old, "Purse")
    (call,) = entry_of(world, "guarded").graph.of_kind("call")
    names = {
        world.contract.state[one]["name"] for one in is_locked(entry_of(world, "guarded"), call)
    }
    assert names == {"busy"}
    (call,) = entry_of(world, "take").graph.of_kind("call")
    assert is_locked(entry_of(world, "take"), call) == frozenset()


def test_the_rules_run_on_a_recorded_tree(old):
    found = {(one.rule, one.function) for one in hints(old, "old.sol")}
    assert ("reentrancy-state", "take") in found and ("selfdestruct", "open") in found
    assert not {rule for rule, function in found if function in ("guarded", "close")} & {
        *("reentrancy-state", "selfdestruct")
    }
    (take,) = (one for one in hints(old, "old.sol") if one.rule == "reentrancy-state")
    rows = old.texts["old.sol"].rows
    assert [rows[line - 1].strip()[:12] for line in take.lines] == ["if (!msg.sen", "balances[msg"]


def test_calls_inside_are_put_in_place_with_the_most_derived_function(new):
    entry = entry_of(world_of(new, "Tills"), "end")
    homes = {
        function["id"]: one.name
        for one in new.contracts.values()
        for function in one.node["nodes"]
        if "id" in function
    }
    ran = [homes[frame.function["id"]] for frame in entry.graph.inlined.values()]
    assert sorted(ran) == ["Base", "Tills"]
    (gone,) = entry.graph.of_kind("call")
    assert gone in entry.guarded


def test_a_local_pointer_names_the_storage_it_points_to(new):
    entry = entry_of(world_of(new, "Tills"), "put")
    written = Counter(place(entry, v) for _, v in entry.vertices("write"))
    assert written == {"tills[].sum": 1, "total": 1, "tills[].holder": 1}


def test_a_library_bound_by_using_gets_its_first_argument(new):
    entry = entry_of(world_of(new, "Tills"), "put")
    write = next(v for _, v in entry.vertices("write") if place(entry, v).endswith(".sum"))
    origins = entry.origins.of(write.value, write.frame)
    state = {one for one in origins if one.startswith("state:")}
    assert origins - state == {"value"} and len(state) == 1


def test_arithmetic_wraps_before_eight_and_where_it_is_unchecked(old, new):
    entry = entry_of(world_of(new, "Tills"), "put")
    assert sorted(spell(v.node)[:10] for _, v in entry.vertices("math")) == [
        "(msg.value",
        "Assignment",
    ]
    assert len(entry_of(world_of(old, "Purse"), "take").graph.of_kind("math")) == 1


def test_a_loop_comes_back_breaks_and_goes_on(new):
    entry = entry_of(world_of(new, "Tills"), "put")
    (head,) = (
        n
        for n in entry.graph.of_kind("join")
        if kind_of(entry.graph.vertices[n].node) == "ForStatement"
    )
    inside = {one for one in entry.graph.following(head) if head in entry.graph.following(one)}
    holders = [n for n, v in entry.vertices("write") if place(entry, v).endswith(".holder")]
    assert head in inside and set(holders) <= inside
    (end,) = entry.graph.of_kind("end")
    assert end in entry.graph.reachable([head], without=holders)


def test_a_graph_that_grows_too_large_says_so(new):
    contract = next(one for one in new.contracts.values() if one.name == "Tills")
    function = next(one for one in contract.functions if one["name"] == "end")
    assert not graph_of(contract, function).cut
    assert graph_of(contract, function, limit=1).cut


def test_only_contracts_that_none_inherits_from_are_read_by_themselves(new):
    assert {one.name for one in new.leaves("new.sol")} == {"Sums", "Tills"}


def test_the_time_limit_ends_the_rules(new):
    with pytest.raises(TimeoutError):
        list(hints(new, "new.sol", until=0))


def test_one_spelling_for_what_means_the_same(old):
    (tree,) = old.trees.values()
    nodes = list(walk(tree))
    assert nodes[0] is tree and all(kind_of(one) for one in nodes)
    for node in nodes:
        if kind_of(node) == "TupleExpression":
            assert spell(node) == spell(peeled(node))
        assert all(child in nodes for child in list(children(node))[:1])


def test_how_a_call_leaves_is_read_from_its_options(old, new):
    calls = [
        out_call(v.node)
        for one in world_of(old, "Purse").entries
        for _, v in one.vertices("call")
        if out_call(v.node)
    ]
    assert {(one.how, one.raw, one.pays, one.can_return) for one in calls} == {
        ("call", True, True, True)
    }
    assert {spell(one.target) for one in calls} == {"msg.sender"}


def test_lines_are_counted_in_bytes_as_the_compiler_counts():
    text = Text("é\nb\nc")
    assert [text.line(offset) for offset in (0, 2, 3, 5)] == [1, 1, 2, 3]
    assert text.lines({"nodeType": "Block", "src": "3:3:0"}) == (2, 3)
    assert text.lines({"nodeType": "Block", "src": "3:0:0"}) == (2,)
