"""Third-party engines, one file each, imported when they are needed and nowhere else."""

import os
from importlib.util import find_spec

if find_spec("sha3") is not None:  # naming an absent back end would fail at the first hash
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
