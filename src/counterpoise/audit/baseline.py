"""Findings that were there before: a file of fingerprints with reasons, or another revision."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from counterpoise.audit.findings import Finding, Suppression
from counterpoise.audit.project import Project
from counterpoise.core.errors import InputError

__all__ = ["at_revision", "baseline_text", "read_baseline", "set_against"]

NO_REASON = "no reason given yet"


def baseline_text(findings: Iterable[Finding]) -> str:
    """The baseline that accepts these findings: one record each, sorted, to be given reasons."""
    rows = [
        {
            "fingerprint": one.fingerprint,
            "rule": one.rule,
            "path": one.path,
            "function": one.function,
            "snippet": one.snippet,
            "reason": one.suppression.reason if one.suppression else NO_REASON,
        }
        for one in findings
    ]
    rows.sort(key=lambda row: (row["path"], row["rule"], row["fingerprint"]))
    return json.dumps({"version": 1, "accepted": rows}, indent=1) + "\n"


def read_baseline(place: Path) -> list[tuple[str, str, str]]:
    """The fingerprint, the rule with its place, and the reason of each accepted finding.

    Raises
    ------
    InputError :
        The file is missing or not a baseline.
    """
    try:
        record = json.loads(place.read_text())
        return [
            (row["fingerprint"], f"{row['rule']} in {row['path']}", row["reason"])
            for row in record["accepted"]
        ]
    except OSError as error:
        raise InputError(
            f"the baseline {place} cannot be read: {error.strerror}",
            hint="make one with --write-baseline",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{place} is not a baseline", hint="make one with --write-baseline"
        ) from None


def set_against(
    findings: Iterable[Finding], accepted: Iterable[tuple[str, str, str]], where: str
) -> tuple[list[Finding], list[str]]:
    """Mark as many findings of each fingerprint as were accepted; say what matched nothing."""
    left = Counter(fingerprint for fingerprint, _, _ in accepted)
    reasons = {fingerprint: reason for fingerprint, _, reason in accepted}
    names = {fingerprint: name for fingerprint, name, _ in accepted}
    marked = []
    for finding in findings:
        print_ = finding.fingerprint
        if finding.suppression is None and left[print_] > 0:
            left[print_] -= 1
            marked.append(replace(finding, suppression=Suppression(where, reasons[print_])))
        else:
            marked.append(finding)
    unmatched = [f"{where}: {names[one]} is accepted, and not found" for one in sorted(+left)]
    return marked, unmatched


def at_revision(
    project: Project, revision: str, audited: Callable[[Path], Iterable[Finding]]
) -> list[tuple[str, str, str]]:
    """What was found at the point where a revision and the present one parted.

    Parameters
    ----------
    revision :
        A branch, tag or commit of the project's repository.
    audited :
        Gives the findings of a folder that holds the project as it was then.
    """
    base = _git(project.root, "merge-base", "HEAD", revision).decode().strip()
    inside = _git(project.root, "rev-parse", "--show-prefix").decode().strip()
    with tempfile.TemporaryDirectory() as folder:
        packed = _git(project.root, "archive", "--format=tar", f"{base}:{inside}")
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        found = list(audited(Path(folder).resolve()))
    return [
        (one.fingerprint, f"{one.rule} in {one.path}", f"was there in {base[:12]}") for one in found
    ]


def _git(folder: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=True)
    except FileNotFoundError:
        raise InputError("git is not installed", hint="--diff compares revisions of git") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or b"").decode("utf-8", "replace").strip().splitlines() or [
            "git gave no reason"
        ]
        raise InputError(
            f"git {words[0]} failed: {said[-1]}", hint="name a branch or commit"
        ) from None
    return done.stdout
