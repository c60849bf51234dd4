"""Two clinics train one model, each in a process of its own, over an HTTP chain and a folder.

Every step is a command that can be typed by hand; docs/guides/federation.md explains them. The
rows are real (breast cancer, Wisconsin) and stay in the files of their clinic.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer

# Each column with its decimals and the greatest value that a row may hold.
FEATURES = {
    "mean radius": (3, 50),
    "mean texture": (2, 60),
    "mean smoothness": (5, 1),
    "mean concavity": (5, 1),
}
CLINICS = ("north", "south")


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "counterpoise", *map(str, words)]


def run(*words: object) -> str:
    """Run one command to its end and give what it prints."""
    done = subprocess.run(command(*words), check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def write_rows(folder: Path) -> None:
    """Give each clinic every second row, as a CSV file."""
    cancer = load_breast_cancer()
    columns = [list(cancer.feature_names).index(name) for name in FEATURES]
    lines = [
        [*(f"{x:.{d}f}" for x, (d, _) in zip(row, FEATURES.values(), strict=True)), str(1 - y)]
        for row, y in zip(cancer.data[:, columns], cancer.target, strict=True)
    ]
    for place, clinic in enumerate(CLINICS):
        table = [[*FEATURES, "malignant"], *lines[place::2]]
        (folder / f"{clinic}.csv").write_text("\n".join(map(",".join, table)))


def write_task(folder: Path) -> Path:
    """Write what the sponsor asks for."""
    task = {
        "name": "benign or malignant, two clinics",
        "features": [
            {"name": name, "decimals": decimals, "minimum": 0, "maximum": maximum}
            for name, (decimals, maximum) in FEATURES.items()
        ],
        "rounds": 5,
        "clip": 0.5,
        "pot": 100,
        "stake": 5,
        "seconds": {"commit": 30, "reveal": 30, "challenge": 2, "lifetime": 86400},
        "validation": [f"{clinic}.rows" for clinic in CLINICS],
    }
    path = folder / "task.json"
    path.write_text(json.dumps(task, indent=2))
    return path


def prepare(folder: Path, url: str) -> Path:
    """Deploy, let each clinic disclose 40 rows for scoring, open the job; give the charter."""
    state, shared = folder / "state", folder / "shared"
    print(run("federation", "init", "--state", state, "--chain", url, "--store", shared))
    charter, task = state / "network.json", write_task(folder)
    for clinic in CLINICS:
        own = ["--rows", folder / f"{clinic}.csv", "--label", "malignant", "--name", clinic]
        out = ["--home", folder / clinic, "--out", folder / f"{clinic}.rows", "--count", 40]
        print(run("federation", "disclose", task, *own, *out).splitlines()[0])
    print(run("federation", "open", task, "--network", charter, "--local-key", "sponsor"))
    return charter


def train(folder: Path, charter: Path) -> None:
    """Start both clinics and the coordinator, and wait until everybody is paid."""
    started = [subprocess.Popen(command("federation", "run", 1, "--state", folder / "state",
                                        "--members", len(CLINICS)))]  # fmt: skip
    for clinic in CLINICS:
        own = ["--rows", folder / f"{clinic}.csv", "--label", "malignant", "--name", clinic]
        key = ["--home", folder / clinic, "--local-key", clinic, "--json"]
        words = command("federation", "join", 1, "--network", charter, *own, *key)
        started.append(subprocess.Popen(words, stdout=subprocess.DEVNULL))
    for process in started:
        assert process.wait(180) == 0


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder)
        chain = subprocess.Popen(
            command("chain", "start", "--memory", "--port", 0, "--json"),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            charter = prepare(folder, json.loads(chain.stdout.readline())["url"])
            train(folder, charter)
            print(run("federation", "show", 1, "--state", folder / "state"))
            print(run("verify", "--state", folder / "state"))
        finally:
            chain.terminate()
            chain.wait()


if __name__ == "__main__":
    main()
