"""What sponsors and owners keep in files: rows, tasks, homes."""

import json

import numpy as np
import pytest

from counterpoise.chain import Account
from counterpoise.core.errors import Busy, InputError, StorageError, VerificationError
from counterpoise.core.units import TOKEN
from counterpoise.federation import (
    Draft,
    Feature,
    Home,
    Model,
    ModelFile,
    TaskRules,
    ValidationSet,
    load_rows,
    load_task,
    task_record,
)
from counterpoise.federation.home import keep_file

ANN = Account.local(b"ann")
COLUMNS = (Feature("age", 0, 0, 120), Feature("dose", 1, 0, 500))
ROWS = "id,dose,age,ill\n1,2.5,40,1\n2,50,61,0\n3,.0,7,1\n".replace(",.0,", ",0.0,")


def write(path, text):
    path.write_text(text)
    return path


def rows_of(tmp_path, text):
    return load_rows(write(tmp_path / "rows.csv", text), COLUMNS, "ill", 2)


def test_rows_become_the_integers_that_the_task_declares_in_its_order(tmp_path):
    assert rows_of(tmp_path, ROWS).tolist() == [[40, 25, 1], [61, 500, 0], [7, 0, 1]]
    spaced = "\ufeff age , dose,ill\n40, 2.50 ,1\n\n"
    assert rows_of(tmp_path, spaced).tolist() == [[40, 25, 1]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no column 'age', 'dose', 'ill'"),
        ("age,dose\n1,2\n", "no column 'ill'"),
        ("age,dose,ill,age\n1,2,1,1\n", "'age' is named twice"),
        ("age,dose,ill\n", "no rows"),
        ("age,dose,ill\n1,2\n", "row 1 has 2 cells, the header has 3"),
        ("age,dose,ill\n40,2,1\n40,high,1\n", "row 2, column 'dose': no plain number"),
        ("age,dose,ill\n40,1e1,1\n", "row 1, column 'dose': no plain number"),
        ("age,dose,ill\n40,inf,1\n", "row 1, column 'dose': no plain number"),
        ("age,dose,ill\n40,2.25,1\n", "row 1, column 'dose': more than 1 decimals"),
        ("age,dose,ill\n40.5,2,1\n", "row 1, column 'age': more than 0 decimals"),
        ("age,dose,ill\n40,,1\n", "row 1, column 'dose': no value"),
        ("age,dose,ill\n?,2,1\n", "row 1, column 'age': no value"),
        ("age,dose,ill\n40,NaN,1\n", "row 1, column 'dose': no value"),
        ("age,dose,ill\n40,2,\n", "row 1, column 'ill': no value"),
        ("age,dose,ill\n121,2,1\n", "row 1, column 'age': out of the declared range"),
        ("age,dose,ill\n40,-0.1,1\n", "row 1, column 'dose': out of the declared range"),
        ("age,dose,ill\n40,2,2\n", "row 1, column 'ill': out of the declared range"),
        ('age,dose,ill\n40,2,"1\n', "no CSV file"),
    ],
)
def test_a_cell_that_does_not_fit_is_refused_by_row_and_column(tmp_path, text, told):
    with pytest.raises(InputError) as refused:
        rows_of(tmp_path, text)
    assert told in refused.value.message and refused.value.hint


def test_no_message_about_a_cell_tells_what_is_in_it(tmp_path):
    for cell in ("9182736", "secret-word", "7.12345"):
        with pytest.raises(InputError) as refused:
            rows_of(tmp_path, f"age,dose,ill\n{cell},2,1\n")
        assert cell not in refused.value.message + refused.value.hint


def test_rows_in_another_encoding_or_nowhere_are_an_input_error(tmp_path):
    (tmp_path / "latin.csv").write_bytes("âge,dose,ill\n".encode("latin-1"))
    for name in ("latin.csv", "nowhere.csv"):
        with pytest.raises(InputError, match=name):
            load_rows(tmp_path / name, COLUMNS, "ill", 2)


def a_draft(**changes):
    rules = TaskRules(
        Model(2, 3, (4,)), COLUMNS, rounds=3, clip=12_345, scoring="permutation", pot=5 * TOKEN // 2
    )
    given = {
        "name": "doses of two clinics",
        "coordinator": ANN.address,
        "rules": rules,
        "stake": TOKEN,
        "commit_seconds": 5,
        "reveal_seconds": 6,
        "challenge_seconds": 7,
        "base": ModelFile(np.zeros(rules.model.n_params, np.int32), np.zeros(0, np.int64)),
        "validation": ValidationSet(()),
        "lifetime_seconds": 86_400,
    }
    return Draft(**(given | changes))


def disclosed(tmp_path, values, names=("age", "dose", "ill"), count=2):
    rows = Home(tmp_path / "home").commit(np.array(values, np.int64), names)
    path = tmp_path / "ann.rows"
    path.write_bytes(rows.disclose(rows.sample(count)).to_bytes())
    return path, rows


def test_a_draft_written_to_a_task_file_is_read_back_as_it_was(tmp_path):
    path, _ = disclosed(tmp_path, [[40, 25, 1], [61, 500, 0], [7, 0, 1], [1, 1, 2]])
    written = a_draft(validation=ValidationSet.from_bytes(path.read_bytes()))
    task = write(tmp_path / "task.json", json.dumps(task_record(written, ["ann.rows"])))
    read = load_task(task).draft(bytes(20))
    assert read.description == written.description
    plain = [name for name in Draft.__dataclass_fields__ if name not in ("base", "validation")]
    assert [getattr(read, name) for name in plain] == [getattr(written, name) for name in plain]
    assert read.base.digest == written.base.digest
    assert read.validation.digest == written.validation.digest


def test_a_task_without_a_coordinator_is_the_operators(tmp_path):
    record = task_record(a_draft(), ["ann.rows"])
    del record["coordinator"]
    assert load_task(write(tmp_path / "task.json", json.dumps(record))).coordinator is None


def with_change(path, value):
    record = task_record(a_draft(), ["ann.rows"])
    place = record
    for part in path[:-1]:
        place = place[part]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(record)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (["pot"], None, "lacks 'pot'"),
        (["pott"], 1, "unknown key 'pott'"),
        (["rounds"], "3", "'rounds' is no whole number"),
        (["rounds"], 3.0, "'rounds' is no whole number"),
        (["rounds"], True, "'rounds' is no whole number"),
        (["rounds"], 0, "rounds is 0"),
        (["clip"], True, "'clip' is no number"),
        (["clip"], "a lot", "no plain number"),
        (["clip"], 0, "clip is 0"),
        (["pot"], "-1", "no amount of tokens"),
        (["stake"], [], "'stake' is no number"),
        (["seconds"], 60, "'seconds' is no JSON object"),
        (["seconds", "reveal"], None, "seconds lacks 'reveal'"),
        (["features"], {}, "'features' is no list"),
        (["features", 0, "maximum"], None, "a feature lacks 'maximum'"),
        (["features", 1, "maximum"], "0.25", "more than 1 decimals"),
        (["features", 0, "maximum"], -1, "ranges from 0 to -1"),
        (["features", 0, "decimals"], 10, "10 decimals"),
        (["features", 0, "maximum"], 2**30, "room for 3 rows in all"),
        (["scoring"], "by taste", "no scoring 'by taste'"),
        (["scale_bits"], 10**9, "scale_bits is 1000000000"),
        (["coordinator"], "0x12", "no address"),
        (["name"], "", "'name' is no text"),
        (["validation"], ["ann.rows", 1], "'validation' is no text"),
        (["hidden"], [0], "sizes"),
    ],
)
def test_a_wrong_task_file_is_refused_by_its_key(tmp_path, path, value, told):
    task = write(tmp_path / "task.json", with_change(path, value))
    with pytest.raises(InputError) as refused:
        load_task(task)
    assert told in refused.value.message and "task.json" in refused.value.message


@pytest.mark.parametrize("text", ["", "[1]", '{"name": ', "[" * 2_000, '{"rounds": NaN}'])
def test_what_is_no_json_object_is_no_task(tmp_path, text):
    with pytest.raises(InputError, match=r"task\.json"):
        load_task(write(tmp_path / "task.json", text))


def test_disclosed_rows_must_be_there_be_proven_and_fit_the_task(tmp_path):
    values = [[40, 25, 1], [61, 500, 0], [7, 0, 1], [1, 1, 2]]
    path, rows = disclosed(tmp_path, values)
    task = write(tmp_path / "task.json", json.dumps(task_record(a_draft(), ["ann.rows"])))
    assert len(load_task(task).draft(bytes(20)).validation.disclosures) == 2

    forged = path.read_bytes().replace(rows.root, bytes(32))
    path.write_bytes(forged)
    with pytest.raises(VerificationError):
        load_task(task).draft(bytes(20))
    path.unlink()
    with pytest.raises(InputError, match=r"ann\.rows cannot be read"):
        load_task(task).draft(bytes(20))
    record = task_record(a_draft(), [])
    with pytest.raises(InputError, match="no row was disclosed"):
        load_task(write(task, json.dumps(record))).draft(bytes(20))


def test_disclosed_rows_out_of_the_declared_range_are_refused(tmp_path):
    disclosed(tmp_path, [[121, 25, 1]] * 4)
    task = write(tmp_path / "task.json", json.dumps(task_record(a_draft(), ["ann.rows"])))
    with pytest.raises(InputError, match="'age' out of the declared range"):
        load_task(task).draft(bytes(20))


def test_a_home_commits_to_the_same_rows_under_the_same_root_and_refuses_others(tmp_path):
    values, names = np.arange(12).reshape(4, 3), ["a", "b", "y"]
    first = Home(tmp_path / "home").commit(values, names)
    again = Home(tmp_path / "home").commit(values, names)
    assert first.root == again.root and first.sample(2) == again.sample(2)
    assert Home(tmp_path / "other").commit(values, names).root != first.root, "salts are random"
    for others, columns in ((values + 1, names), (values[:3], names), (values, ["b", "a", "y"])):
        with pytest.raises(InputError, match="not those that"):
            Home(tmp_path / "home").commit(others, columns)
    for row in first.disclose(range(4)).disclosures:
        row.check()


def test_at_most_half_of_the_rows_are_disclosed_in_proportion_to_the_classes(tmp_path):
    values = np.array([[i, i % 4 == 0] for i in range(40)], np.int64)
    rows = Home(tmp_path).commit(values, ["x", "y"])
    assert len(rows.sample(1000)) == 20
    chosen = rows.sample(12)
    assert len(set(chosen)) == 12 and int(rows.labels[chosen].sum()) == 3


def test_a_home_serves_one_process_at_a_time(tmp_path):
    first, second = Home(tmp_path / "home").occupied(), Home(tmp_path / "home").occupied()
    with first, pytest.raises(Busy, match="home"), second:
        pass
    with Home(tmp_path / "home").occupied():
        pass


def test_statements_are_made_once_and_private_files_are_private(tmp_path):
    home = Home(tmp_path / "home")
    assert home.statements(1, lambda: [b"first"]) == [b"first"]
    assert home.statements(1, lambda: [b"second"]) == [b"first"]
    assert (tmp_path / "home/statements/job-1.cbor").stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_written_is_a_storage_error_and_the_old_one_stays(tmp_path):
    keep_file(tmp_path / "kept", b"old")
    (tmp_path / "kept.part").mkdir()
    with pytest.raises(StorageError):
        keep_file(tmp_path / "kept", b"new")
    assert (tmp_path / "kept").read_bytes() == b"old"
