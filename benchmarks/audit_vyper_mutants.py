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
import random
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from counterpoise.audit.engines.vyper import VyperEngine, annotated_tree
from counterpoise.audit.loading import load_project
from counterpoise.audit.mutants import measure, tallies
from counterpoise.audit.mutants.corpus import copied, texts_of

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "src" / "counterpoise"
ENGINE = VyperEngine()
STAGED = "/staged/"
"""Folder of contracts that are flawed on purpose, for demonstrations."""


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


def interval(measured, draws=2000, seed=7):
    """The 95 % interval of recall, by a bootstrap that draws whole contracts."""
    groups = {}
    for one in measured:
        if not one.equivalent:
            groups.setdefault(one.mutant.path, []).append(one.found)
    paths, chance = sorted(groups), random.Random(seed)
    recalls = []
    for _ in range(draws):
        drawn = [hit for path in chance.choices(paths, k=len(paths)) for hit in groups[path]]
        recalls.append(sum(drawn) / len(drawn))
    recalls.sort()
    return recalls[draws // 40], recalls[draws - draws // 40 - 1]


def measured_on(project, equivalents, most):
    """Every mutant of a project, made in a copy of it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(project, Path(folder).resolve())
        texts = list(texts_of(copy, annotated_tree))
        return list(measure(copy, texts, judge, users_of(copy), equivalents, most=most))


def above_info(project):
    """How many findings above info each original has, those with an accepted reason among them."""
    return Counter(
        source.path
        for source in project.sources
        for finding in judge(project, source) or ()
        if finding.severity > 0 and finding.path == source.path
    )


def table(rows, measured):
    """Recall by operator and over all, with its interval."""
    print(f"{'operator':<38} {'real':>5} {'found':>6} {'recall':>7} {'equivalent':>11}")
    for row in rows:
        recall = f"{row.found / row.real:.3f}" if row.real else "-"
        print(f"{row.operator:<38} {row.real:>5} {row.found:>6} {recall:>7} {row.equivalent:>11}")
    real, found = sum(row.real for row in rows), sum(row.found for row in rows)
    low, high = interval(measured)
    print(f"{'all':<38} {real:>5} {found:>6} {found / real:>7.3f}")
    if len({one.mutant.path for one in measured}) > 1:
        print(f"95 % interval, contracts drawn anew 2,000 times: {low:.3f} to {high:.3f}")
    return real, found, low, high


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one contract, one mutant a kind")
    options.add_argument("--missed", action="store_true", help="list what was not found")
    given = options.parse_args()
    equivalents = json.loads((HERE / "audit_equivalents.json").read_text())
    started, cpu = time.perf_counter(), time.process_time()
    project = load_project(PACKAGE / "jobs" / "Jobs.vy" if given.quick else PACKAGE)
    kept = tuple(one for one in project.sources if STAGED not in one.path)
    project = replace(project, sources=kept)
    measured = measured_on(project, equivalents, 1 if given.quick else 0)
    wrong = above_info(project)
    rows = tallies(measured)
    real, found, low, high = table(rows, measured)
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
                "interval": [round(low, 4), round(high, 4)],
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
