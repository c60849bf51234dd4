"""Workers that read sources, each in a process that can be ended."""

from __future__ import annotations

import base64
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import IO, Any

from counterpoise.audit.findings import Analysis, NotAnalysed
from counterpoise.audit.project import Project, Source
from counterpoise.audit.records import analysis_from_record

__all__ = ["read_all"]

WORDS = 200
"""Characters of an engine's last words that a report repeats."""


def read_all(
    engine: str, project: Project, sources: Sequence[Source], *, jobs: int, seconds: int
) -> Iterator[Analysis]:
    """Give each source to a worker; yield each analysis as soon as it is there.

    A worker that answers nothing within `seconds`, or ends, is replaced, and the source it had is
    "not analysed".
    """
    tasks: queue.SimpleQueue[Source] = queue.SimpleQueue()
    for source in sources:
        tasks.put(source)
    done: queue.SimpleQueue[Analysis] = queue.SimpleQueue()
    workers = [Worker(engine, project, seconds) for _ in range(max(1, min(jobs, len(sources))))]
    threads = [
        threading.Thread(target=_drain, args=(worker, tasks, done), daemon=True)
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in sources:
            yield done.get()
    finally:
        for worker in workers:
            worker.end()


def _drain(
    worker: Worker, tasks: queue.SimpleQueue[Source], done: queue.SimpleQueue[Analysis]
) -> None:
    while not worker.ended:
        try:
            source = tasks.get_nowait()
        except queue.Empty:
            return
        done.put(worker.analyse(source))


class Worker:
    """One process, started when it is first needed and again whenever it was ended."""

    def __init__(self, engine: str, project: Project, seconds: int) -> None:
        self.engine, self.project, self.seconds = engine, project, seconds
        self.process: subprocess.Popen[str] | None = None
        self.heard = ""
        self.ended = False

    def analyse(self, source: Source) -> Analysis:
        """The worker's answer about a source, or why there is none."""
        process = self._started()
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self.seconds, stop)
        timer.start()
        try:
            line = self._asked(process, source)
        finally:
            timer.cancel()
        if line.endswith("\n"):
            return analysis_from_record(json.loads(line))
        self.end(for_good=False)
        if late.is_set():
            reason, hint = f"not read within {self.seconds} seconds", "allow more with --seconds"
        else:
            reason, hint = f"the engine ended: {self.heard[-WORDS:] or 'without a word'}", ""
        return Analysis(
            source.path, not_analysed=NotAnalysed(source.path, self.engine, reason, hint)
        )

    def _asked(self, process: subprocess.Popen[str], source: Source) -> str:
        task: dict[str, Any] = {
            "engine": self.engine,
            "root": str(self.project.root),
            "search": [str(one) for one in self.project.search],
            "remappings": [list(pair) for pair in self.project.remappings],
            "path": source.path,
            "language": source.language,
            "content": base64.b64encode(source.content).decode(),
            "seconds": self.seconds,
        }
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            return process.stdout.readline()
        except (BrokenPipeError, ValueError):
            return ""

    def _started(self) -> subprocess.Popen[str]:
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "counterpoise.audit.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
            assert self.process.stderr is not None
            self.heard = ""
            self.listener = threading.Thread(
                target=self._listen, args=(self.process.stderr,), daemon=True
            )
            self.listener.start()
            if self.ended:  # ended while it was being started
                self.process.kill()
        return self.process

    def _listen(self, errors: IO[str]) -> None:
        """Keep the last line that the engine wrote, and let it never block on a full pipe."""
        try:
            for line in errors:
                self.heard = line.strip() or self.heard
        except ValueError:
            return

    def end(self, *, for_good: bool = True) -> None:
        """End the process, if there is one."""
        self.ended = self.ended or for_good
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        self.listener.join(timeout=5)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
