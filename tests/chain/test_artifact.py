"""What ships is what the sources compile to, and contracts keep their size."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from counterpoise.chain import Artifact, artifact, artifact_of
from counterpoise.chain.compile import MAX_RUNTIME, compile_all
from counterpoise.chain.compiled import SHIPPED, contract_path, contract_paths, digest_of_sources
from counterpoise.chain.engines.vyper import compile_file
from counterpoise.core.errors import InputError

SIZES = Path(__file__).parent / "contract_sizes.json"
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


def test_the_size_of_a_contract_changes_on_purpose_only(compiled):
    found = {name: len(one.runtime) for name, one in sorted(compiled.items())}
    wanted = json.loads(SIZES.read_text())
    assert found == wanted, (
        "bytecode sizes changed; if on purpose, "
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
    sizes = {one.name: len(one.runtime) for one in compile_all()}
    SIZES.write_text(json.dumps(sizes, indent=1, sort_keys=True) + "\n")
