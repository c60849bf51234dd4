"""Learn confidences anew: ``python -m counterpoise.audit.judgement.train DATA [--out FILE]``.

`DATA` holds the labelled sets; see `sets`. What is learned from: the files of SmartBugs that are in
the ICSE 2020 list; the re-entrancy set without near-duplicates of any SmartBugs file; every other
shape of SolidiFI's snippets. The rest is for measuring. The same data gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from counterpoise.audit.cache import Cache
from counterpoise.audit.engines import engine
from counterpoise.audit.findings import Finding
from counterpoise.audit.judgement.bars import best_bars
from counterpoise.audit.judgement.fit import fit
from counterpoise.audit.judgement.samples import (
    Sample,
    curated_samples,
    injected_samples,
    reentrant_samples,
)
from counterpoise.audit.judgement.sets import Curated, Injected, Reentrant, clusters
from counterpoise.audit.merge import merge
from counterpoise.audit.project import Project, Source
from counterpoise.core.digest import sha256

__all__ = ["Material", "findings_of", "material", "trained"]

SECONDS = 120
"""Time limit of one engine on one file."""


class Kept(Cache):
    """Analyses that count as long as their own engine is what it was.

    The cache of audits begins anew with every change of the package; here what Slither said still
    counts when a rule of ours has changed, and both do when only the judgement has.
    """

    def _place(self, engine: str, version: str, project: Project, source: Source) -> Path | None:
        if self.folder is None:
            return None
        parts = (_code_of(engine), engine, version, source.path, source.digest)
        name = sha256("\0".join(parts).encode()).hex()
        return self.folder / name[:2] / f"{name}.json"


@cache
def _code_of(engine: str) -> str:
    """SHA-256 over the code of one engine."""
    here = Path(__file__).parent.parent
    files = [*(here / "engines").glob("sol*"), *(here / "engines").glob(f"{engine}*")]
    if engine == "solidity":
        files += (here / "solidity").rglob("*.py")
    digests = sorted({sha256(one.read_bytes()).hex() for one in files if one.is_file()})
    return sha256("".join(digests).encode()).hex()


def findings_of(root: Path, paths: Iterable[str], store: Path | None) -> dict[str, list[Finding]]:
    """What our rules and Slither, merged, say of each file of a set.

    All are equally sure while they are merged, so that what is learned does not hang on what was
    learned before.
    """
    sources = tuple(Source(path, (root / path).read_bytes(), "solidity") for path in sorted(paths))
    project, kept = Project(root, sources), Kept(store)
    found: dict[str, list[Finding]] = {source.path: [] for source in sources}
    for name in ("solidity", "slither"):
        reader = engine(name)
        version, fresh = reader.version(), []
        for source in sources:
            known = kept.fetch(name, version, project, source)
            if known is None:
                fresh.append(source)
            else:
                found[source.path] += known.findings
        by_path = {source.path: source for source in fresh}
        for analysis in reader.analyse(project, fresh, seconds=SECONDS) if fresh else ():
            kept.keep(name, version, project, by_path[analysis.path], analysis)
            found[analysis.path] += analysis.findings
    equal = {path: [replace(one, confidence=0) for one in said] for path, said in found.items()}
    return {path: merge(said) for path, said in equal.items()}


@dataclass(frozen=True)
class Material:
    """The sets, what is found in them, and which files are near-duplicates."""

    curated: Curated
    reentrant: Reentrant
    injected: Injected
    in_curated: dict[str, list[Finding]]
    in_reentrant: dict[str, list[Finding]]
    in_injected: dict[str, list[Finding]]
    curated_groups: dict[str, int]
    reentrant_groups: dict[str, int]

    @property
    def apart(self) -> list[str]:
        """Files of the re-entrancy set that are like no file of SmartBugs."""
        taken = set(self.curated_groups.values())
        return [path for path, group in sorted(self.reentrant_groups.items()) if group not in taken]

    def samples(self, curated: Iterable[str], reentrant: Iterable[str]) -> list[Sample]:
        """Rows from some files of the two sets, and from the snippets for tuning."""
        return [
            *curated_samples(self.curated, self.in_curated, sorted(curated), self.curated_groups),
            *reentrant_samples(
                self.reentrant, self.in_reentrant, self.reentrant_groups, sorted(reentrant)
            ),
            *injected_samples(self.injected, self.in_injected),
        ]


def material(data: Path, cache: Path | None) -> Material:
    """Read the sets and run the engines over them; `cache` keeps what they say."""
    curated, reentrant, injected = Curated.load(data), Reentrant.load(data), Injected.load(data)
    texts = {f"c {p}": (curated.root / p).read_text("utf-8", "replace") for p in curated.truth}
    texts |= {f"r {p}": (reentrant.root / p).read_text("utf-8", "replace") for p in reentrant.truth}
    groups = clusters(texts)
    return Material(
        curated,
        reentrant,
        injected,
        findings_of(curated.root, curated.truth, cache),
        findings_of(reentrant.root, reentrant.truth, cache),
        findings_of(injected.root, injected.paths, cache),
        {path: groups[f"c {path}"] for path in curated.truth},
        {path: groups[f"r {path}"] for path in reentrant.truth},
    )


def trained(of: Material) -> dict[str, Any]:
    """The model that ships: weights, curve and bars."""
    model = fit(of.samples(of.curated.tune, of.apart))
    bars = best_bars(
        model,
        (of.curated, of.in_curated, of.curated.tune),
        (of.reentrant, of.in_reentrant, of.apart),
        (of.injected, of.in_injected),
    )
    return {"bars": bars, **model}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("model.json"))
    given = parser.parse_args(arguments)
    model = trained(material(given.data, given.cache))
    given.out.write_text(json.dumps(model, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
