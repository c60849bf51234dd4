"""The folder of a demonstration that is told in one go: a new one, or a finished run's."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoise.core.errors import InputError

FINISHED = "finished"


def prepare_folder(folder: Path, marker: str, options: Mapping[str, Any]) -> bool:
    """Make the folder of a run, and tell whether it holds one that is finished.

    A run that was interrupted is removed: it begins anew.

    Parameters
    ----------
    marker :
        Name of the file that says whose folder it is, and with which options.

    Raises
    ------
    InputError :
        The folder holds something else, or a run with other options.
    """
    path, wanted = folder / marker, dict(options)
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found != wanted:
            raise InputError(
                f"{folder} holds a run with {found}, not {wanted}",
                hint="give the same seed again, or another --state DIR",
            )
        if (folder / FINISHED).exists():
            return True
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} holds something else", hint="name another folder with --state DIR"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(wanted) + "\n", encoding="utf-8")
    return False
