"""Files with what they import; and a compiler that hangs, crashes or speaks half a word."""

import json
import sys

import pytest
from solidity_code import HEAD, analysed, need, project

from counterpoise.audit.engines import engine, solc, solc_units
from counterpoise.audit.engines.solc import Compiler, CompilerFailed, Worker
from counterpoise.audit.engines.solc_units import Compilation, Uncompiled, compilation


@pytest.fixture
def compiler(monkeypatch):
    """A compiler that answers with a tree for each file that it was given."""
    asked = []

    def answers(one, request, *, seconds):
        asked.append(request)
        names = list(request["sources"])
        trees = {
            name: {"ast": {"nodeType": "SourceUnit", "src": f"0:1:{n}"}}
            for n, name in enumerate(names)
        }
        return {"sources": trees}

    monkeypatch.setattr(solc_units, "compiled", answers)
    here = Compiler((0, 8, 30), "soljson.js", native=False)
    monkeypatch.setattr(solc_units, "compilers", lambda: (here,))
    monkeypatch.setattr(solc_units, "_kept", type(solc_units._kept)())
    return asked


def compiled(folder, files, **options):
    made = project(folder, files, **options)
    return compilation(made, made.sources[0], seconds=5)


def test_imports_are_found_beside_by_remapping_and_in_searched_folders(tmp_path, compiler):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "D.sol").write_text("contract D {}")
    files = {
        "src/A.sol": 'import "./B.sol"; import "@lib/C.sol"; import "D.sol";',
        "src/B.sol": 'import "../src/A.sol";',
        "vendor/lib/C.sol": "contract C {}",
    }
    made = compiled(
        tmp_path, files, remappings=(("@lib/", "vendor/lib/"),), search=(tmp_path / "more",)
    )
    assert isinstance(made, Compilation)
    assert set(made.texts) == {"src/A.sol", "src/B.sol", "vendor/lib/C.sol", "D.sol"}
    assert {path for path, _ in made.depends} == {"src/B.sol", "vendor/lib/C.sol", "D.sol"}
    assert compiler[0]["settings"]["remappings"] == ["@lib/=vendor/lib/"]


def test_the_longest_remapping_wins(tmp_path, compiler):
    files = {"A.sol": 'import "@a/b/C.sol";', "short/b/C.sol": "", "long/C.sol": ""}
    made = compiled(tmp_path, files, remappings=(("@a/", "short/"), ("@a/b/", "long/")))
    assert set(made.texts) == {"A.sol", "long/C.sol"}


def test_circular_imports_end(tmp_path, compiler):
    files = {
        "A.sol": 'import "./B.sol";',
        "B.sol": 'import "./C.sol";',
        "C.sol": 'import "./A.sol";',
    }
    assert len(compiled(tmp_path, files).texts) == 3


def test_an_import_that_is_missing_or_outside_is_named(tmp_path, compiler):
    missing = compiled(tmp_path, {"A.sol": 'import "./Gone.sol";'})
    assert isinstance(missing, Uncompiled)
    assert missing.reason == "A.sol imports Gone.sol, which is not in the project" and missing.hint
    (tmp_path / "inner").mkdir()
    (tmp_path / "Secret.sol").write_text("contract Secret {}")
    outside = compiled(tmp_path / "inner", {"A.sol": 'import "../Secret.sol";'})
    assert "outside the project" in outside.reason
    (tmp_path / "inner" / "link.sol").symlink_to(tmp_path / "Secret.sol")
    linked = compiled(tmp_path / "inner", {"A.sol": 'import "link.sol";'})
    assert isinstance(linked, Uncompiled)
    absolute = compiled(tmp_path / "inner", {"A.sol": f'import "{tmp_path}/Secret.sol";'})
    assert isinstance(absolute, Uncompiled)


def test_a_file_is_compiled_once_for_two_engines_until_it_changes(tmp_path, compiler):
    compiled(tmp_path, {"A.sol": "contract A {}"})
    compiled(tmp_path, {"A.sol": "contract A {}"})
    assert len(compiler) == 1
    compiled(tmp_path, {"A.sol": "contract A { }"})
    assert len(compiler) == 2


def test_lines_are_kept_where_they_end_as_on_windows(tmp_path, compiler):
    made = compiled(tmp_path, {"A.sol": "contract A {\r\n}\r\n"})
    assert made.texts["A.sol"] == "contract A {\n}\n"


def test_a_pragma_that_no_compiler_here_reads_is_named(tmp_path, compiler):
    failed = compiled(tmp_path, {"A.sol": "pragma solidity ^0.9.1;\ncontract A {}"})
    assert failed.reason == "the pragma asks for solc ^0.9.1; here are 0.8.30"


def test_a_pragma_that_is_not_obeyed_is_said(tmp_path, compiler):
    made = compiled(tmp_path, {"A.sol": "pragma solidity 0.8.31;\ncontract A {}"})
    assert made.note == "A.sol asks for solc 0.8.31 and was read as solc 0.8.30"
    assert "0.8.31" not in compiler[0]["sources"]["A.sol"]["content"]


def test_no_compiler_at_all_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(solc_units, "compilers", lambda: ())
    monkeypatch.setattr(solc_units, "_kept", type(solc_units._kept)())
    assert "make audit-tools" in compiled(tmp_path, {"A.sol": "contract A {}"}).hint


# Programs in the compiler's place.
ECHO = 'import sys\nfor line in sys.stdin: print(\'{"output": {"ok": 1}}\', flush=True)'
HANGS = "import time\ntime.sleep(60)"
CRASHES = "import sys\nsys.stdin.readline()\nsys.exit(3)"
HALF = "import sys\nsys.stdin.readline()\nsys.stdout.write('{\"output\": {')\nsys.exit(0)"
JUNK = "import sys\nfor line in sys.stdin: print('Killed', flush=True)"
HERE = Compiler((0, 8, 30), "soljson.js", native=False)


def worker(program):
    return Worker([sys.executable, "-c", program])


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (HANGS, "still busy after 1 s"),
        (CRASHES, "the process ended without an answer"),
        (HALF, "the process ended without an answer"),
        (JUNK, "the process ended without an answer"),
        ("raise SystemExit", "the process ended without an answer"),
    ],
)
def test_a_program_that_hangs_crashes_or_speaks_half_a_word_is_told_apart(program, reason):
    one = worker(program)
    with pytest.raises(CompilerFailed, match=reason):
        one.ask(HERE, {}, 1)
    assert one.process is None


def test_a_program_that_failed_is_started_anew_for_the_next_request(tmp_path):
    marker = tmp_path / "once"
    one = worker(
        f"import os, sys\nmark = {str(marker)!r}\nfor line in sys.stdin:\n"
        f" if not os.path.exists(mark): open(mark, 'w').close(); sys.exit(1)\n"
        f" print('{{\"output\": {{}}}}', flush=True)"
    )
    with pytest.raises(CompilerFailed):
        one.ask(HERE, {}, 10)
    assert one.ask(HERE, {}, 10) == {}
    one.end()


def test_a_program_that_names_its_error_is_quoted():
    one = worker(
        "import sys\nfor line in sys.stdin:"
        ' print(\'{"error": "out of memory\\\\nmore"}\', flush=True)'
    )
    with pytest.raises(CompilerFailed, match=r"the compiler crashed: out of memory$"):
        one.ask(HERE, {}, 10)


def test_a_large_answer_arrives_whole():
    one = worker(
        "import json\ninput()\nprint(json.dumps({'output': {'x': 'y' * 3_000_000}}), flush=True)"
    )
    assert len(one.ask(HERE, {}, 20)["x"]) == 3_000_000
    one.end()


def test_a_native_compiler_that_fails_is_told_apart(tmp_path):
    program = tmp_path / "solc"
    program.write_text("#!/bin/sh\nsleep 30\n")
    program.chmod(0o700)
    request = {"sources": {"A.sol": {"content": ""}}}
    with pytest.raises(CompilerFailed, match="still busy after 1 s"):
        solc.compiled(Compiler((0, 8, 1), program, native=True), request, seconds=1)
    program.write_text("#!/bin/sh\necho '{\"sources\"'\n")
    with pytest.raises(CompilerFailed, match="without an answer"):
        solc.compiled(Compiler((0, 8, 1), program, native=True), request, seconds=5)
    program.write_text("#!/bin/sh\ncat > /dev/null; echo '{\"sources\": {}}'\n")
    assert solc.compiled(Compiler((0, 8, 1), program, native=True), request, seconds=5) == {
        "sources": {}
    }


def test_five_megabytes_are_refused_before_any_compiler_is_asked():
    request = {"sources": {"A.sol": {"content": "x" * 5_000_000}}}
    with pytest.raises(CompilerFailed, match=r"5,000,000 bytes of source"):
        solc.compiled(HERE, request, seconds=1)


def test_compilers_are_found_by_folder_and_on_the_path(tmp_path, monkeypatch):
    for name in ("0.4.26", "0.8.30", "0.4.11", "made"):
        (tmp_path / "solc" / name).mkdir(parents=True)
        (tmp_path / "solc" / name / "soljson.js").write_text("")
    program = tmp_path / "solc-native"
    program.write_text("#!/bin/sh\necho 'Version: 0.8.30+commit.1'\n")
    program.chmod(0o700)
    found = solc._compilers(tmp_path, "node", str(program))
    assert [(one.version, one.native) for one in found] == [((0, 4, 26), False), ((0, 8, 30), True)]
    assert solc._compilers(tmp_path, "", "") == ()
    monkeypatch.setenv("COUNTERPOISE_TOOLS", str(tmp_path))
    assert solc.tools_folder() == tmp_path


# With the real compilers.
BAD = {
    "braces": (HEAD + "contract A { function f() public {", "does not compile"),
    "missing": (HEAD + 'import "./Gone.sol";\ncontract A {}', "not in the project"),
    "pragma": ("pragma solidity 7.0.0;\ncontract A {}", "the pragma asks for solc 7.0.0"),
    "large": (HEAD + "// " + "x" * 5_000_000, "bytes of source"),
    "junk": ("\x00\x01\x02 no contract \ufffd", "does not compile"),
}


@pytest.mark.parametrize("name", BAD)
def test_every_bad_file_says_why_it_was_not_analysed(tmp_path, name):
    need("solidity")
    text, reason = BAD[name]
    failed = analysed(tmp_path, text).not_analysed
    assert failed is not None and reason in failed.reason and "\n" not in failed.reason


def test_the_rest_goes_on_after_a_bad_file(tmp_path):
    need("solidity")
    good = HEAD + "contract A { function f() external { selfdestruct(payable(msg.sender)); } }"
    made = project(tmp_path, {"A.sol": BAD["braces"][0], "B.sol": good})
    first, second = engine("solidity").analyse(made, made.sources, seconds=60)
    assert first.not_analysed is not None and second.not_analysed is None
    assert {one.rule for one in second.findings} == {"selfdestruct"}
    assert second.compilers == ("solc 0.8.30",)


def test_the_compiler_that_the_pragma_asks_for_is_taken(tmp_path):
    need("solidity")
    for text, spoken in (
        ("pragma solidity ^0.4.24; contract A { function A() public {} }", "solc 0.4.26"),
        ("pragma solidity 0.4.24; contract A {}", "solc 0.4.24"),
        ("pragma solidity ^0.5.0; contract A {}", "solc 0.5.17"),
        ("contract A { function f() { throw; } }", "solc 0.4.26"),
    ):
        assert analysed(tmp_path, text).compilers == (spoken,)


def test_node_answers_as_a_compiler_does(tmp_path):
    need("solidity")
    import subprocess

    one = next(each for each in solc.compilers() if not each.native)
    done = subprocess.run(
        [solc.node(), str(solc.WORKER), str(one.place), "--version"], capture_output=True, text=True
    )
    assert f"Version: {one.spoken.split()[1]}" in done.stdout
    request = json.dumps(solc.standard_input({"A.sol": "contract A {}"}))
    done = subprocess.run(
        [solc.node(), str(solc.WORKER), str(one.place), "--standard-json"],
        input=request,
        capture_output=True,
        text=True,
    )
    assert "A.sol" in json.loads(done.stdout)["sources"]
