"""How many bugs that were put into Vyper contracts on purpose the rules find.

Every operator of `counterpoise.audit.mutants` is applied to every contract of the package, wherever
it applies; a mutant that does not compile is left out. A mutant is found where one of the rules
that its operator names says something that it does not say of the original. Equivalent mutants,
which change nothing that anyone could use, were marked by hand, each with its reason, in
audit_equivalents.json beside this file. No other tool reads Vyper 0.4.
"""

import argparse
import json
import platform
import tempfile
import time
from collections import Counter
from pathlib import Path

from counterpoise.audit.engines.vyper import VyperEngine, annotated_tree
from counterpoise.audit.loading import load_project
from counterpoise.audit.mutants import measure, tallies
from counterpoise.audit.mutants.corpus import copied, texts_of

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "src" / "counterpoise"
ENGINE = VyperEngine()


def judge(project, source):
    """The findings of a source, or None where it does not compile."""
    (analysis,) = ENGINE.analyse(project, [source], seconds=60)
    return None if analysis.not_analysed else analysis.findings


def users_of(project):
    """For each module without outer functions, the first contract that uses it."""
    found = {}
    for source in project.sources:
        tree = annotated_tree(project, source)
        paths = {Path(one["resolved_path"]).resolve() for one in tree["imports"]}
        if any(_is_outer(node) for node in tree["ast"]["body"]):
            for path in sorted(paths):
                if path.suffix == ".vy" and path.is_relative_to(project.root.resolve()):
                    found.setdefault(
                        path.relative_to(project.root.resolve()).as_posix(), source.path
                    )
    contracts = {one.path for one in project.sources} - found.keys()
    return {module: user for module, user in found.items() if user in contracts}


def _is_outer(node):
    return node["ast_type"] == "FunctionDef" and any(
        one.get("id") == "external" for one in node["decorator_list"]
    )


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="two mutants a contract and operator")
    options.add_argument("--missed", action="store_true", help="list what was not found")
    given = options.parse_args()
    equivalents = json.loads((HERE / "audit_equivalents.json").read_text())
    started, cpu = time.perf_counter(), time.process_time()
    project = load_project(PACKAGE)
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(project, Path(folder).resolve())
        texts = list(texts_of(copy, annotated_tree))
        most = 2 if given.quick else 0
        measured = list(measure(copy, texts, judge, users_of(copy), equivalents, most=most))
    wrong = Counter(
        source.path
        for source in project.sources
        for finding in judge(project, source) or ()
        if finding.severity > 0 and finding.path == source.path
    )
    print(f"{'operator':<38} {'real':>5} {'found':>6} {'recall':>7} {'equivalent':>11}")
    rows = tallies(measured)
    for row in rows:
        recall = row.found / row.real if row.real else 1.0
        print(
            f"{row.operator:<38} {row.real:>5} {row.found:>6} {recall:>7.3f} {row.equivalent:>11}"
        )
    real, found = sum(row.real for row in rows), sum(row.found for row in rows)
    print(f"{'all':<38} {real:>5} {found:>6} {found / real:>7.3f}")
    print(f"findings above info on the {len(project.sources)} originals: {dict(wrong)}")
    if given.missed:
        for one in measured:
            if not one.found and not one.equivalent:
                print("missed", one.mutant.name)
    print(
        json.dumps(
            {
                "claim": "audit_vyper_mutants",
                "machine": platform.processor() or platform.machine(),
                "mutants": len(measured),
                "real": real,
                "found": found,
                "recall": round(found / real, 4),
                "operators": {row.operator: [row.found, row.real] for row in rows},
                "originals": len(project.sources),
                "most_on_one_original": max(wrong.values(), default=0),
                "seconds": round(time.perf_counter() - started, 1),
                "cpu_seconds": round(time.process_time() - cpu, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
