"""The verbs of a data owner, its officer and a buyer, as they are typed."""

import json

import pytest
from click.testing import CliRunner
from ward import AGES, COLUMNS, NAMES, SHAPES, heart, trained, write_rows

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import to_checksum
from counterpoise.inference import save_model
from counterpoise.market.cli import market
from counterpoise.market.data_cli import data

FORM = {
    "algorithms": ["evaluation", "ages"],
    "columns": "all",
    "buyers": "anyone",
    "purposes": ["research"],
    "price": "2.5",
    "jobs": {"buyer": 5, "all": 5},
    "days": 30,
    "disclosure": {"least_rows": 10, "round_to": 5, "bits": {"job": 64, "all": 640}},
}


@pytest.fixture
def desk(ward, tmp_path):
    """Type a verb as one of the ward's accounts."""
    ward.network.close()

    def typed(*words, account="hospital", group=data):
        where = ["--state", str(ward.folder / "network"), "--account", account, "--json"]
        done = CliRunner().invoke(group, [*map(str, words), *where])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return typed


def prepared(tmp_path, officer):
    """The files that an owner and a buyer write."""
    write_rows(tmp_path / "rows.csv", heart("hungarian"))
    (tmp_path / "columns.json").write_text(json.dumps(COLUMNS.to_record()))
    (tmp_path / "ages.py").write_bytes(AGES)
    shapes = {"outputs": SHAPES, "parameters": {"months": {"least": 1, "most": 12}}}
    (tmp_path / "ages.json").write_text(json.dumps(shapes))
    (tmp_path / "terms.json").write_text(json.dumps({**FORM, "officers": [officer]}))
    save_model(trained().model, tmp_path / "risk.model")
    (tmp_path / "risk.card").write_bytes(trained().card.to_bytes())


def test_the_whole_way_of_an_owner_and_a_buyer(ward, desk, tmp_path):
    prepared(tmp_path, to_checksum(ward.officer.address))
    home, draft = tmp_path / "own", tmp_path / "draft.json"
    files = {name: tmp_path / name for name in ("rows.csv", "columns.json", "ages.py", "ages.json")}
    stated = desk("offer", files["rows.csv"], "--columns", files["columns.json"], "--home", home)
    assert stated["rows"] == len(heart("hungarian"))
    desk("admit", "--evaluation", "--home", home)
    desk("admit", files["ages.py"], "--shapes", files["ages.json"], "--home", home)
    policy = desk("policy", tmp_path / "terms.json", "--home", home, "--out", draft)["policy"]
    with pytest.raises(VerificationError, match="keys signed"):
        desk("enforce", draft, "--home", home)
    with pytest.raises(InputError, match="other officers"):
        desk("sign", draft, account="rival")
    desk("sign", draft, account="officer")
    assert desk("enforce", draft, "--home", home)["policy"] == policy
    listed = ("list", "hearts", "--what", "dataset", "--policy", policy, "--price", "2.5 per job")
    about = ("--describe", "Heart disease, 1988", "--endpoint", "compute-to-data=urn:x")
    hearts = desk(*listed, *about, "--rows", stated["row_root"], group=market)["listing"]
    model = ("--model", tmp_path / "risk.model", "--card", tmp_path / "risk.card")
    first = desk("send", hearts, *model, "--edge", 0, account="buyer")
    own = ("--algorithm", "ages", "--columns", "age,ill", "--param", "months=1")
    direct = ("--evaluator", "self", "--where", "age:0:120")
    second = desk("send", policy, *own, *direct, account="buyer")
    refused = desk("send", policy, *own, "--purpose", "ads", account="buyer")
    assert desk("result", first["job"], account="buyer")["state"] == "waiting"
    assert desk("serve", "--once", "--home", home)["answered"] == 3
    found = desk("result", first["job"], account="buyer")["outputs"]
    assert found["by"] == "" and found["metrics"]["rows"] > 100
    paid = desk("result", second["job"], "--accept", account="buyer")
    assert set(paid["outputs"]) == {"ill", "mean"}
    assert desk("result", refused["job"], account="buyer")["rule"] == "purpose"
    assert desk("gather", to_checksum(ward.owner.address)) == {"entries": 0}
    kept = desk("log", "--audit", "--home", home)
    assert (kept["jobs"], kept["made_again"]) == (2, 2)
    assert len(NAMES) == 13


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("admit", "--home", "H"), "admit one thing"),
        (("send", "nonsense"), "no digest"),
        (("offer", "no.csv", "--columns", "no.json", "--home", "H"), "cannot be read"),
        (("serve", "--once", "--home", "H"), "there is no dataset"),
    ],
)
def test_a_mistake_is_one_clear_sentence(desk, tmp_path, words, what):
    with pytest.raises(InputError, match=what):
        desk(*(tmp_path / "own" if word == "H" else word for word in words))


def test_a_policys_form_says_what_it_lacks(ward, tmp_path):
    from counterpoise.market.compute_to_data.forms import conditions_of, policy_from_form

    for name in ("columns", "price", "jobs", "disclosure"):
        form = {key: value for key, value in FORM.items() if key != name}
        with pytest.raises(InputError, match=name):
            policy_from_form(form, ward.home, 0)
    with pytest.raises(InputError, match="no column 'name'"):
        policy_from_form({**FORM, "columns": ["name"]}, ward.home, 0)
    (old,) = conditions_of(("oldpeak:1.5:2",), COLUMNS)
    assert (old.least, old.most) == (15, 20)
    for wrong in ("age", "age:x:9", "age:1.5:3"):
        with pytest.raises(InputError):
            conditions_of((wrong,), COLUMNS)
