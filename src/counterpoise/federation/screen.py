"""Jobs as lines of text for people."""

from collections.abc import Sequence
from typing import Any

from counterpoise.core.units import format_tokens


def job_lines(jobs: Sequence[dict[str, Any]]) -> list[str]:
    """Give a table of jobs, or a sentence where there are none."""
    if not jobs:
        return ["no job was ever opened on this network"]
    head = ("job", "name", "state", "round", "members", "pot")
    rows = [
        (
            str(job["job"]),
            job["name"],
            job["state"],
            f"{job['round']}/{job['rounds']}",
            str(job["members"]),
            format_tokens(int(job["pot"])),
        )
        for job in jobs
    ]
    return table(head, rows)


def full_lines(job: dict[str, Any]) -> list[str]:
    """Give one job and a table of its participants."""
    head = ("participant", "rows", "score", "due", "drawn", "refused")
    rows = [
        (
            one["name"] or one["address"],
            "-" if one["rows"] is None else str(one["rows"]),
            "-" if one["score_ppm"] is None else f"{one['score_ppm'] / 10_000:.2f} %",
            format_tokens(int(one["due"])),
            format_tokens(int(one["drawn"])),
            ", ".join(f"{each['code']} in round {each['round']}" for each in one["refused"]) or "-",
        )
        for one in job["participants"]
    ]
    return [
        f"job {job['job']}: {job['name']}",
        f"{job['state']}, round {job['round']} of {job['rounds']}, "
        f"pot {format_tokens(int(job['pot']))} tokens",
        f"model {job['model'] or 'not yet'}",
        "",
        *table(head, rows),
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Give columns under their names, each as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, *rows]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
