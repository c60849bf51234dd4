"""A case leaves in files that others read: whole, harmless to open, and valid by their standard."""

import csv
import io
import json
import re
import uuid
import xml.etree.ElementTree as ElementTree
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError, StorageError
from counterpoise.core.units import to_checksum
from counterpoise.monitor.alert import Alert, Edge, Entity, Finding, Severity
from counterpoise.monitor.alert_values import alert_from_value
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.case_export import (
    accounts_csv,
    case_json,
    case_stix,
    case_svg,
    export_case,
    movements_csv,
)
from counterpoise.monitor.cases import Case
from counterpoise.monitor.layout import layout_of, printable, worded
from counterpoise.monitor.names import address_of
from counterpoise.monitor.picture import LINES, draw, draw_edges, svg_picture

TOKEN = b"\x77" * 20


def who(number):
    return bytes([number]) * 20


def edge(src, dst, amount=5 * 10**18, token=NATIVE, transaction=1):
    return Edge(who(src), who(dst), token, amount, bytes([transaction]) * 32)


def alert(number=1, entities=(), edges=(), model=b"", **changes):
    settings = {"detector": "reentrancy", "severity": Severity.CRITICAL} | changes
    finding = Finding(
        settings["detector"],
        2,
        settings["severity"],
        912_345,
        (bytes([number]) * 32,),
        tuple(entities),
        ("entered again & again", "<b>twice</b>"),
        tuple(edges),
        scheme="burglary",
        loss=10**19,
        loss_token=NATIVE,
        limits=("cap",),
        model=model,
    )
    return Alert(31337, 40 + number, bytes([90 + number]) * 32, 1_700_000_000 + number, finding)


def a_case():
    first = alert(
        1,
        [
            Entity(who(1), "attacker", '=cmd|" /C calc"!A0\x1b[2J', "2023-01-01"),
            Entity(who(2), "victim"),
        ],
        [edge(2, 1), edge(1, 3), edge(1, 3, 7, TOKEN)],
    )
    second = alert(
        2, [Entity(who(1), "suspect")], [edge(3, 1)], b"\xab" * 32, detector="laundering"
    )
    return Case(first.id, (first, second))


def test_the_json_holds_every_alert_as_it_was():
    value = json.loads(case_json(a_case()))
    assert value["severity"] == "critical" and value["status"] == "open"
    again = tuple(alert_from_value(one) for one in value["alerts"])
    assert again == a_case().alerts
    assert [one["digest"] for one in value["alerts"]] == [a.digest.hex() for a in again]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda v: v.update(block=99),
        lambda v: v.pop("edges"),
        lambda v: v.update(severity="grave"),
        lambda v: v["edges"][0].update(src="0x12"),
        lambda v: v.update(transactions=["zz"]),
        lambda v: v.update(status="forgotten"),
        lambda v: v.update(entities=[7]),
    ],
)
def test_an_alert_that_was_changed_is_not_read(spoil):
    value = json.loads(case_json(a_case()))["alerts"][0]
    spoil(value)
    with pytest.raises(InputError):
        alert_from_value(value)


def test_the_csv_holds_every_movement_and_no_formula():
    rows = list(csv.DictReader(io.StringIO(movements_csv(a_case()))))
    assert [(row["from"], row["to"], row["amount"]) for row in rows][:2] == [
        (to_checksum(who(2)), to_checksum(who(1)), str(5 * 10**18)),
        (to_checksum(who(1)), to_checksum(who(3)), str(5 * 10**18)),
    ]
    assert len(rows) == 4 and rows[2]["token"] == to_checksum(TOKEN)
    people = list(csv.DictReader(io.StringIO(accounts_csv(a_case()))))
    assert people[0]["label"].startswith("'=cmd") and "\x1b" not in people[0]["label"]
    assert [row["role"] for row in people] == ["attacker", "victim", "suspect"]


def test_the_svg_shows_every_account_and_movement_and_runs_nothing():
    text = case_svg(a_case())
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    titles = [one.text for one in root.iter(f"{space}title")]
    for number in (1, 2, 3):
        assert to_checksum(who(number)) in titles
    assert sum(" to 0x" in title for title in titles) == 4
    assert not re.search(r"<script|<image|href=|javascript|\bon\w+=", text)
    assert "<b>" not in text and "\x1b" not in text


def test_a_large_picture_says_what_it_leaves_out():
    edges = [
        edge(1, 2),
        *(Edge(who(3), n.to_bytes(20, "big"), NATIVE, n, bytes(32)) for n in range(99)),
    ]
    layout = layout_of(edges, [Entity(who(1), "attacker")])
    assert len(layout.nodes) == 60 and layout.left_out == 102 - 60
    assert who(1) in {node.address for node in layout.nodes}
    assert f"{layout.left_out} more accounts are not shown" in svg_picture("many", edges)
    lines = draw(edges)
    assert len(lines) == LINES and lines[-1].startswith("… and ")


def test_money_runs_from_left_to_right_and_circles_do_not_hang():
    layout = layout_of([edge(1, 2), edge(2, 3), edge(3, 1), edge(1, 4), edge(4, 3), edge(3, 3)])
    columns = {node.address[0]: node.column for node in layout.nodes}
    assert columns == {1: 0, 2: 1, 4: 1, 3: 2}
    places = [(node.column, node.row) for node in layout.nodes]
    assert len(set(places)) == len(places)
    assert svg_picture("circle", [edge(1, 2), edge(2, 1)]).count("<path class") == 2


def test_the_terminal_shows_who_paid_whom_within_its_width():
    case = a_case()
    lines = draw_edges(case.alerts[0], width=60)
    assert lines[0] == "0x020202…0202 victim"
    assert lines[1].startswith("└─ 5 coins ─▶ 0x010101…0101 attacker [=cmd")
    assert lines[2] == "   ├─ 5 coins ─▶ 0x030303…0303"
    assert lines[3] == "   └─ 7 ─▶ 0x030303…0303"
    assert all(len(line) <= 60 and line.isprintable() for line in lines)
    assert draw([]) == []
    idle = [Entity(who(9), "bystander"), Entity(who(2), "receiver")]
    assert draw([edge(1, 2)], idle)[1:] == [
        "└─ 5 coins ─▶ 0x020202…0202 receiver",
        "0x090909…0909 bystander",
    ]
    again = draw([edge(1, 2), edge(1, 2, transaction=2), edge(2, 1)])
    assert again[1:] == ["└─ 10 coins ×2 ─▶ 0x020202…0202", "   └─ 5 coins ─▶ 0x010101…0101 ^"]


def test_accounts_that_files_name_keep_their_names():
    bank, other = address_of("bank <7>/20045"), address_of("b & c")
    edges = [Edge(bank, other, NATIVE, 10**18, bytes(32))]
    assert draw(edges) == ["bank <7>/20045", "└─ 1 coins ─▶ b & c"]
    text = svg_picture("named", edges)
    titles = [one.text for one in ElementTree.fromstring(text).iter() if one.tag.endswith("title")]
    assert titles[1:] == ["bank <7>/20045 to b & c: 1000000000000000000", "bank <7>/20045", "b & c"]


@pytest.mark.parametrize(
    ("amount", "token", "words"),
    [
        (0, NATIVE, "0 coins"),
        (1, NATIVE, "1 wei"),
        (25 * 10**17, NATIVE, "2.5 coins"),
        (1234_567 * 10**15, NATIVE, "1234 coins"),
        (10**15, NATIVE, "0.001 coins"),
        (9_999_999, TOKEN, "9999999"),
        (123 * 10**20, TOKEN, "1.230e22"),
    ],
)
def test_amounts_are_short(amount, token, words):
    assert worded(amount, token) == words


def test_words_of_strangers_cannot_move_the_cursor():
    assert printable("a\x1b[2Jb\nc\u202e") == "a?[2Jb?c?"
    assert printable("x" * 99, 10) == "x" * 9 + "…"


# What the standard requires of each type, beside what it requires of all (STIX 2.1, sections 3.2,
# 4, 5, 6 and 7.3).
DOMAIN = {"spec_version", "created", "modified", "created_by_ref"}
REQUIRED = {
    "identity": {"spec_version", "created", "modified", "name"},
    "extension-definition": DOMAIN | {"name", "schema", "version", "extension_types"},
    "user-account": {"spec_version"},
    "attack-pattern": DOMAIN | {"name"},
    "observed-data": DOMAIN | {"first_observed", "last_observed", "number_observed", "object_refs"},
    "indicator": DOMAIN | {"pattern", "pattern_type", "valid_from"},
    "relationship": DOMAIN | {"relationship_type", "source_ref", "target_ref"},
    "grouping": DOMAIN | {"context", "object_refs"},
}
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.endswith("_ref"):
                yield inner
            elif key.endswith("_refs"):
                yield from inner
            else:
                yield from references(inner)


def test_the_stix_bundle_has_what_the_standard_requires():
    bundle = json.loads(case_stix(a_case()))
    assert set(bundle) == {"type", "id", "objects"} and bundle["type"] == "bundle"
    objects = {one["id"]: one for one in bundle["objects"]}
    assert len(objects) == len(bundle["objects"])
    assert {one["type"] for one in objects.values()} == set(REQUIRED)
    for id_, one in objects.items():
        kind, _, name = id_.partition("--")
        assert kind == one["type"] and uuid.UUID(name).version == 5
        assert REQUIRED[kind] <= set(one), (kind, REQUIRED[kind] - set(one))
        assert one["spec_version"] == "2.1"
        for key in ("created", "modified", "valid_from", "first_observed", "last_observed"):
            if key in one:
                assert STAMP.fullmatch(one[key])
                datetime.strptime(one[key], "%Y-%m-%dT%H:%M:%S.%fZ")
        if "created" in one:
            assert one["created"] <= one["modified"]
        assert all(value not in ([], {}, "") for value in one.values()), one
        for reference in references(one):
            assert reference in objects, f"{id_} refers to {reference}, which is not there"
        for extension in one.get("extensions", {}):
            assert extension in objects and extension.startswith("extension-definition--")


def test_the_stix_bundle_says_what_the_case_says():
    objects = json.loads(case_stix(a_case()))["objects"]
    accounts = {one["user_id"]: one for one in objects if one["type"] == "user-account"}
    assert set(accounts) == {to_checksum(who(number)) for number in (1, 2, 3)}
    (first,) = accounts[to_checksum(who(1))]["extensions"].values()
    assert first["roles"] == ["attacker", "suspect"] and "\x1b" not in first["labels"][0]
    moved = [one for one in objects if one.get("relationship_type") == "transferred-to"]
    assert len(moved) == 4 and moved[0]["source_ref"] == accounts[to_checksum(who(2))]["id"]
    suspects = [one["pattern"] for one in objects if one["type"] == "indicator"]
    assert suspects == [f"[user-account:user_id = '{to_checksum(who(1))}']"] * 2
    observed = [one for one in objects if one["type"] == "observed-data"]
    (said,) = observed[1]["extensions"].values()
    assert said["model"] == "ab" * 32 and observed[1]["confidence"] == 91
    (grouping,) = (one for one in objects if one["type"] == "grouping")
    assert len(grouping["object_refs"]) == len(objects) - 3


def test_the_same_case_gives_the_same_files(tmp_path):
    for folder in ("one", "two"):
        export_case(a_case(), tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    stem = f"case-{a_case().id.hex()[:12]}"
    assert names == [
        f"{stem}{end}" for end in ("-accounts.csv", "-movements.csv", ".json", ".stix.json", ".svg")
    ]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_form_that_is_not_and_a_folder_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(InputError, match="no form 'pdf'"):
        export_case(a_case(), tmp_path, ("json", "pdf"))
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("here")
    with pytest.raises(StorageError, match="cannot be written"):
        export_case(a_case(), tmp_path / "file" / "below")


ENDS = st.integers(1, 9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ENDS, ENDS, st.integers(0, 2**256 - 1)), max_size=30))
def test_any_movements_can_be_drawn(rows):
    edges = [edge(src, dst, amount, transaction=at) for at, (src, dst, amount) in enumerate(rows)]
    layout = layout_of(edges)
    assert len({(node.column, node.row) for node in layout.nodes}) == len(layout.nodes)
    assert sum(arrow.count for arrow in layout.arrows) == len(edges)
    assert sum(arrow.amount for arrow in layout.arrows) == sum(amount for _, _, amount in rows)
    ElementTree.fromstring(svg_picture("any", edges))
    pairs = {(src, dst) for src, dst, _ in rows}
    assert len([line for line in draw(edges) if "─▶" in line]) == len(pairs)
