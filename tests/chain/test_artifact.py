"""What ships is what the sources compile to, and contracts keep their size."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from counterpoise.chain import Artifact, artifact, artifact_of, deploy, dev_account, open_chain
from counterpoise.chain.compile import MAX_RUNTIME, compile_all
from counterpoise.chain.compiled import SHIPPED, contract_path, contract_paths, digest_of_sources
from counterpoise.chain.engines.vyper import compile_file
from counterpoise.core.errors import InputError

SNAPSHOT = Path(__file__).parent / "contract_sizes.json"
REWRITE = "run: python -m counterpoise.chain.compile"
NAMES = [path.stem for path in contract_paths()]
COUNTER = Path(__file__).parent / "contracts" / "Counter.vy"


@pytest.fixture(scope="module")
def compiled():
    return {one.name: one for one in compile_all()}


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_artifact_is_what_its_sources_compile_to(compiled, name):
    shipped = SHIPPED / f"{name}.json"
    assert shipped.is_file(), f"{name} ships no artifact; {REWRITE}"
    assert shipped.read_text() == compiled[name].to_json(), f"{name} changed; {REWRITE}"


def test_no_artifact_ships_without_its_source():
    assert {path.stem for path in SHIPPED.glob("*.json")} <= set(NAMES), REWRITE


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_is_not_too_large_to_deploy(compiled, name):
    assert len(compiled[name].runtime) <= MAX_RUNTIME
    assert len(compiled[name].bytecode) <= 49_152  # EIP-3860


def measured(built, chain):
    """Code sizes in bytes, the gas of each deployment and of the token's calls."""
    owner, other = dev_account(0), dev_account(1).address
    deployed = {}

    def deployment(name, *arguments):
        contract = deploy(chain, owner, built[name], *arguments)
        deployed[name] = chain.block().gas_used
        return contract

    token = deployment("CreditToken", owner.address)
    jobs = deployment("Jobs", token.address)
    cohort = deployment("Cohort", token.address, jobs.address)
    deployment("Rounds", jobs.address, cohort.address)
    deployment("Anchor")
    calls = [("mint", owner.address, 10**20), ("approve", other, 5)]
    calls += [("transfer", other, 10**18), ("transfer", other, 10**18), ("burn", 10**18)]
    gas = [[name, token.transact(owner, name, *rest).gas_used] for name, *rest in calls]
    sizes = {name: len(one.runtime) for name, one in sorted(built.items())}
    return {"bytes": sizes, "deployment gas": deployed, "CreditToken gas": gas}


def test_sizes_and_gas_change_on_purpose_only(compiled, chain):
    assert measured(compiled, chain) == json.loads(SNAPSHOT.read_text()), (
        "sizes or gas changed; if on purpose, "
        "run: python tests/chain/test_artifact.py, and commit contract_sizes.json"
    )


def test_an_artifact_survives_its_file(compiled):
    one = compile_file(COUNTER)
    assert Artifact.from_json(one.to_json()) == one
    assert one.source_digest == digest_of_sources(one.sources)


def test_the_code_does_not_depend_on_where_it_lies(tmp_path):
    copy = tmp_path / "elsewhere" / "Counter.vy"
    copy.parent.mkdir()
    shutil.copy(COUNTER, copy)
    assert compile_file(copy) == compile_file(COUNTER)


def test_the_code_does_not_depend_on_the_process(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from counterpoise.chain.engines.vyper import compile_file\n"
        "print(compile_file(Path(sys.argv[1])).to_json(), end='')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    command = [sys.executable, "-c", code, str(COUNTER)]
    options = {"text": True, "env": environment, "cwd": tmp_path}
    done = subprocess.run(command, capture_output=True, check=True, **options)
    assert done.stdout == compile_file(COUNTER).to_json()


def test_a_changed_source_is_compiled_anew(tmp_path):
    source = tmp_path / "Changing.vy"
    library = tmp_path / "numbers.vy"
    library.write_text("LUCKY: constant(uint256) = 7\n")
    source.write_text(
        "import numbers\n@external\n@view\ndef lucky() -> uint256:\n    return numbers.LUCKY\n"
    )
    first = artifact_of(source)
    assert artifact_of(source) == first
    library.write_text("LUCKY: constant(uint256) = 8\n")
    second = artifact_of(source)
    assert second.runtime != first.runtime and set(second.sources) == {"Changing.vy", "numbers.vy"}


def test_a_warning_of_the_compiler_is_an_error(tmp_path):
    source = tmp_path / "Warned.vy"
    lines = ["event E:", "    x: uint256", "@external", "def g():", "    log E(1)"]
    source.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="does not compile"):
        compile_file(source)


def test_a_contract_that_is_not_there_names_those_that_are():
    for name in ("Nothing", "merkle", "../Jobs"):
        with pytest.raises(InputError, match="there is no contract"):
            contract_path(name)
    with pytest.raises(InputError):
        artifact("Nothing")


if __name__ == "__main__":
    found = measured({one.name: one for one in compile_all()}, open_chain("embedded:"))
    SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n")
