"""Public data sets that a user brings, scored as their papers score them."""

from __future__ import annotations

from collections.abc import Mapping

DATASETS: Mapping[str, str] = {
    "accounts": "counterpoise.monitor.datasets.accounts",
    "elliptic": "counterpoise.monitor.datasets.elliptic",
    "amlworld": "counterpoise.monitor.datasets.amlworld_bench",
    "washtrades": "counterpoise.monitor.datasets.washtrades",
    "ptxphish": "counterpoise.monitor.datasets.ptxphish",
}
"""Name of each, and the module whose ``measure(path, seeds=, on_step=)`` gives a `Report`."""

__all__ = ["DATASETS"]
