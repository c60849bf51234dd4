"""A foundry node as a child process: faster than the embedded chain, when it is there."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import weakref
from pathlib import Path

from counterpoise.chain.backend import LOCAL_CHAIN_ID, Features
from counterpoise.chain.dev_accounts import dev_balances
from counterpoise.chain.http_workbench import HttpWorkbench
from counterpoise.core.errors import MissingExtra, Unreachable

START_SECONDS = 20.0
STOP_SECONDS = 10.0
KEPT_STATES = 256


def find_anvil() -> str | None:
    """Give the path of anvil: as `make anvil` puts it into `.tools`, or on PATH."""
    tools = Path.cwd() / ".tools" / "node_modules" / "@foundry-rs"
    found = sorted(tools.glob("anvil-*/bin/anvil"))
    return str(found[0]) if found else shutil.which("anvil")


class AnvilChain(HttpWorkbench):
    """An anvil process of our own, ended when it is closed or this process ends.

    Parameters
    ----------
    folder :
        Where its state file and cache lie; None gives a folder that goes with it.
    hardfork :
        The rules; ``osaka`` has the P-256 precompile.
    """

    def __init__(self, folder: Path | None = None, *, hardfork: str = "prague") -> None:
        program = find_anvil()
        if program is None:
            raise MissingExtra("anvil", extra="anvil")
        self._scratch = None if folder else tempfile.TemporaryDirectory(prefix="counterpoise-")
        place = folder or Path(self._scratch.name if self._scratch else "")
        place.mkdir(parents=True, exist_ok=True)
        self._hardfork, self._persistent = hardfork, folder is not None
        port = _free_port()
        command = [program, "--host", "127.0.0.1", "--port", str(port), "--silent"]
        command += ["--chain-id", str(LOCAL_CHAIN_ID), "--hardfork", hardfork]
        command += ["--accounts", "1", "--prune-history", str(KEPT_STATES)]
        command += ["--cache-path", str(place / "cache"), "--state", str(place / "anvil.json")]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._reap = weakref.finalize(self, _end, self._process)
        self._wait(f"http://127.0.0.1:{port}")
        for address, wei in dev_balances().items():
            if self.balance(address) == 0 and self.nonce(address) == 0:
                self.fund(address, wei)

    def _wait(self, url: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                super().__init__(url, chain_id=LOCAL_CHAIN_ID, tries=1)
            except Unreachable:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._reap()
                    raise Unreachable(
                        f"anvil did not start (exit status {self._process.returncode})",
                        hint="run it by hand to see why: anvil --port 8545",
                    ) from None
                time.sleep(0.05)
            else:
                super().close()
                super().__init__(url, chain_id=LOCAL_CHAIN_ID)
                return

    @property
    def features(self) -> Features:
        """What this back end can do."""
        p256 = self._hardfork == "osaka"
        return Features("anvil", True, self._persistent, http=True, ws=True, p256=p256)

    def close(self) -> None:
        """End the process; it writes its state first."""
        super().close()
        self._reap()
        if self._scratch:
            self._scratch.cleanup()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process group to end, wait, and insist."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(STOP_SECONDS)
        except ProcessLookupError:
            process.wait()
            return
        except subprocess.TimeoutExpired:
            continue
        else:
            return
