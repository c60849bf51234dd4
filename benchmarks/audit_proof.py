"""How many findings of a public labelled set an executed attack confirms, and what that costs.

Run: ``python benchmarks/audit_proof.py [DATA] [--quick]``; `DATA` holds ``smartbugs-curated``, and
is found beside the checkout or where ``COUNTERPOISE_DATA`` points. Every finding of a kind that an
attack can show is attempted, on the files labelled with reentrancy and with access control (49
files, some 5 minutes). A file counts as confirmed where a finding of its label's category is.
Beside it: how many of the contracts the walk over bytecode follows to the end. There is no other
side: tools that list findings run no attacks. ``--quick`` reads a few files, and claims nothing.
"""

import argparse
import json
import os
import platform
import resource
import time
from collections import Counter
from pathlib import Path

from counterpoise.audit import Project, Source, audit_project
from counterpoise.audit.engines import engine
from counterpoise.audit.engines.deployable import deployables
from counterpoise.audit.engines.solc import end_worker
from counterpoise.audit.proof import prove
from counterpoise.audit.proof.tasks import TEMPLATE_OF
from counterpoise.core.errors import InputError

CATEGORIES = ("reentrancy", "access_control")


def cpu():
    """CPU seconds of this process and of the children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def proven(root, category, files, seconds):
    """Files and findings of one category: tried, confirmed, and the CPU seconds of it all."""
    began, tried, shown, confirmed = cpu(), Counter(), Counter(), 0
    for place in files:
        source = Source(place.relative_to(root).as_posix(), place.read_bytes(), "solidity")
        project = Project(root, (source,))
        outcome = audit_project(project, engines=("solidity",), jobs=0)
        found = prove(project, outcome.findings, seconds=seconds).findings
        tried.update(one.rule for one in found if one.rule in TEMPLATE_OF)
        shown.update(one.rule for one in found if one.proof)
        confirmed += any(one.proof is not None and one.dasp == category for one in found)
    end_worker()
    return {
        "category": category,
        "files": len(files),
        "confirmed": confirmed,
        "findings_tried": sum(tried.values()),
        "findings_confirmed": sum(shown.values()),
        "by_rule": {rule: [shown[rule], tried[rule]] for rule in sorted(tried)},
        "cpu": round(cpu() - began, 1),
    }


def walked(root, files):
    """How many of the files' contracts the bytecode engine follows to the end, and in what time."""
    reader, whole, cut, spent = engine("bytecode"), 0, 0, 0.0
    for place in files:
        source = Source(place.relative_to(root).as_posix(), place.read_bytes(), "solidity")
        try:
            made = deployables(Project(root, (source,)), source)
        except InputError:
            continue
        for one in made:
            code = Source(f"{source.path}:{one.name}", one.bytecode, "bytecode")
            began = time.process_time()
            (analysis,) = reader.analyse(Project(root, ()), [code], seconds=60)
            spent += time.process_time() - began
            whole += analysis.not_analysed is None
            cut += analysis.not_analysed is not None
    return {"contracts": whole + cut, "whole": whole, "cpu": round(spent, 2)}


def main() -> None:
    home = Path(os.environ.get("COUNTERPOISE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path, nargs="?", default=home / "audit")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    root = given.data / "smartbugs-curated" / "dataset"
    lacking = [engine(name).missing() for name in ("solidity", "bytecode")]
    if not root.is_dir():
        lacking.insert(0, f"needs the labelled sets: no data at {root}")
    if any(lacking):
        reason = next(filter(None, lacking))
        print(f"skipped: {reason}")
        print(json.dumps({"skipped": reason}))
        return
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    rows = []
    for category in CATEGORIES:
        files = sorted((root / category).glob("*.sol"))
        files = files[-2:-1] if given.quick else files
        rows.append(proven(root, category, files, 3 if given.quick else 15))
    print(
        f"{'labelled':>16} {'files':>6} {'confirmed':>10} {'findings':>9} {'shown':>6} {'CPU s':>7}"
    )
    for row in rows:
        print(
            f"{row['category']:>16} {row['files']:>6} {row['confirmed']:>10}"
            f" {row['findings_tried']:>9} {row['findings_confirmed']:>6} {row['cpu']:>7}"
        )
    every = sorted(root.glob("*/*.sol"))
    walk = walked(root, every[:4] if given.quick else every)
    print(
        f"bytecode: {walk['whole']} of {walk['contracts']} contracts followed to the end,"
        f" {walk['cpu']} s CPU"
    )
    print(json.dumps({"proof": rows, "bytecode": walk}))


if __name__ == "__main__":
    main()
