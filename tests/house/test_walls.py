"""The rules of the house that a linter does not know."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "counterpoise"
MODULES = sorted(SOURCE.rglob("*.py"))
CONTRACTS = sorted([*SOURCE.rglob("*.vy"), *SOURCE.rglob("*.vyi")])
ROOMS = sorted(
    folder
    for folder in SOURCE.iterdir()
    if folder.is_dir() and any(folder.glob("*.py")) and folder.name != "__pycache__"
)
FLOORS = [
    "core",
    "chain store",
    "provenance jobs inference",
    "verification payments identity",
    "network",
    "federation oracle audit monitor consensus",
    "market",
    "apps",
    "cli __main__ verify",
]
GUARDS = {"src/counterpoise/federation/courier.py"}  # a participant's fault ends no round
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms.split()}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked_texts() -> list[Path]:
    import subprocess

    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("skipped: needs a git checkout")
    names = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in names if path.is_file() and b"\0" not in path.read_bytes()[:2000]]


@pytest.mark.parametrize("path", CONTRACTS, ids=relative)
def test_only_interfaces_cross_a_wall_between_contracts(path):
    room = path.relative_to(SOURCE).parts[0]
    imports = re.findall(r"^from counterpoise\.([\w.]+) import (\w+)", path.read_text(), re.M)
    for other, name in imports:
        home = other.split(".")[0]
        assert home == room or other == "chain.lib" or re.match(r"I[A-Z]", name), (
            f"{relative(path)} imports {other}.{name}; only I*.vyi crosses rooms"
        )


@pytest.mark.parametrize("path", CONTRACTS, ids=relative)
def test_every_revert_reason_is_unique_short_and_names_its_room(path):
    text = path.read_text()
    reasons = re.findall(r'^\s*(?:assert .*|raise )"([^"]*)"\s*$', text, re.M)
    reasons += re.findall(r'^\s*assert [^#\n]*,\s*"([^"]+)"', text, re.M)
    for reason in set(reasons):
        assert re.match(r"^[a-z0-9 _-]+: ", reason), f"{relative(path)}: {reason!r} names no room"
        assert len(reason) <= 64, f"{relative(path)}: {reason!r} is longer than 64 characters"


@pytest.mark.parametrize("path", [p for p in CONTRACTS if p.suffix == ".vy"], ids=relative)
def test_every_contract_says_whom_it_trusts_and_how_it_stops(path):
    text = path.read_text()
    if "lib" in path.parts:
        return
    for tag in ("@notice", "@license Apache-2.0", "@custom:trust", "@custom:stop"):
        assert tag in text, f"{relative(path)} says no {tag}"


@pytest.mark.parametrize("path", MODULES + CONTRACTS, ids=relative)
def test_a_file_holds_one_idea(path):
    lines = path.read_text().count("\n")
    most = 400 if path.suffix == ".vy" else 300
    assert lines <= most, (
        f"{relative(path)} has {lines} lines, at most {most}: find the second idea"
    )


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_functions_fit_on_a_screen(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if not body:
                continue
            length = (body[-1].end_lineno or 0) - body[0].lineno + 1
            assert length <= 40, f"{relative(path)}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_room_imports_faces_of_lower_floors_only(path):
    parts = path.relative_to(SOURCE).parts
    room = parts[0].removesuffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(
            "counterpoise."
        ):
            continue
        other, *inside = node.module.split(".")[1:]
        if other == room or room in ("cli", "__main__", "verify"):
            continue
        if path.name.endswith("cli.py") and other == "network":
            continue
        assert FLOOR[other] < FLOOR[room], f"{relative(path)} looks up to {other}"
        assert other == "core" or not inside, (
            f"{relative(path)} reaches into {node.module}; import from counterpoise.{other}"
        )


@pytest.mark.parametrize("room", ROOMS, ids=relative)
def test_every_room_has_its_furniture(room):
    assert (room / "README.md").is_file(), f"{relative(room)} has no README.md"
    assert (room / "README.md").read_text().count("\n") <= 80, "a room's README is at most a page"
    assert "__all__" in (room / "__init__.py").read_text(), f"{relative(room)} shows no face"
    assert f"{room.name}/" in (ROOT / "ARCHITECTURE.md").read_text()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_nothing_prints_or_swallows_outside_the_command_line(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
            pytest.fail(f"{relative(path)}:{node.lineno} prints")
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {getattr(kind, "id", getattr(kind, "attr", None)) for kind in kinds}
            swallows = names & {None, "Exception", "BaseException"}
            reraises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert not swallows or reraises or relative(path) in GUARDS, (
                f"{relative(path)}:{node.lineno} swallows every error"
            )


def test_no_file_names_a_registry_or_one_machine():
    hosts = "|".join(
        (
            "pypi" + r"\.org",
            "python" + r"hosted\.org",
            r"registry\.npm" + r"js\.org",
            r"deb\.deb" + "ian",
        )
    )
    for path in tracked_texts():
        found = re.search(rf"({hosts}|/home/\w+/|/ro{{1}}ot/)", path.read_text(errors="ignore"))
        assert not found, f"{relative(path)} names {found.group()!r}"


def test_requirements_are_pinned_with_hashes_and_no_address():
    for name in ("core", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        assert "://" not in text
        for block in re.split(r"\n(?=[a-z0-9])", text):
            if re.match(r"[a-z0-9]", block):
                assert "==" in block and "--hash=sha256:" in block, block.splitlines()[0]


def test_the_lock_holds_every_dependency_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = (ROOT / "requirements" / "core.txt").read_text()
    for need in project["dependencies"]:
        name = re.match(r"[A-Za-z0-9-]+", need).group().lower()
        assert re.search(rf"^{name}==", pinned, re.M), f"{name} is not in requirements/core.txt"


def test_numbers_are_claimed_with_a_benchmark_behind_them():
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        text = path.read_text()
        assert "--quick" in text and "json" in text, (
            f"{relative(path)} has no --quick or no JSON line"
        )


def test_public_names_are_documented():
    for path in MODULES:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree) or not tree.body, f"{relative(path)} has no docstring"


def test_no_todo_is_left_behind():
    word = "TO" + "DO"
    for path in MODULES + CONTRACTS:
        assert word not in path.read_text(), f"{relative(path)} holds a {word}"
