"""A gateway in a process of its own, which tests start, kill and start again."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
from pathlib import Path


def free_port() -> int:
    """Find a port of loopback that nobody listens on, below those that connections start from.

    Among those a client that tries a closed port again and again may meet itself, and hold it.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Gateway:
    """Runs a command that serves on a port.

    Parameters
    ----------
    command :
        What is run; its words on standard error go to a file beside `log`.
    """

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self.command, self.port, self.log = command, port, log
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def check(self) -> None:
        """Fail with its words if it ended by itself."""
        assert self.process.poll() is None, self.log.read_text()[-4000:]

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; give its exit status."""
        if self.process.poll() is not None:
            return self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it took."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> int:
        """Bytes that it holds in memory."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def files(self) -> int:
        """How many files and sockets it holds open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))
