"""The filter of system calls under which own code runs: it may compute, and nothing else.

A classic BPF program for Linux' seccomp. It lists what an interpreter needs that has everything
in memory already: reading and writing its open files, memory, time, exit. All else fails as not
permitted: no file can be opened, no socket made, no process started, no limit raised.
"""

from __future__ import annotations

import platform
import struct
import sys
from collections.abc import Mapping
from types import MappingProxyType

CALLS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "read": (0, 63),
        "write": (1, 64),
        "close": (3, 57),
        "fstat": (5, 80),
        "lseek": (8, 62),
        "mmap": (9, 222),
        "mprotect": (10, 226),
        "munmap": (11, 215),
        "brk": (12, 214),
        "mremap": (25, 216),
        "madvise": (28, 233),
        "rt_sigaction": (13, 134),
        "rt_sigprocmask": (14, 135),
        "rt_sigreturn": (15, 139),
        "sigaltstack": (131, 132),
        "sched_yield": (24, 124),
        "nanosleep": (35, 101),
        "clock_nanosleep": (230, 115),
        "clock_gettime": (228, 113),
        "restart_syscall": (219, 128),
        "getpid": (39, 172),
        "gettid": (186, 178),
        "futex": (202, 98),
        "getrandom": (318, 278),
        "exit": (60, 93),
        "exit_group": (231, 94),
    }
)
"""Each call that stays, by its number on x86-64 and on ARM64."""

MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Each machine's number in a seccomp record, and its place in `CALLS`."""

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000


def call_filter(machine: str = "") -> bytes | None:
    """Give the program for a machine, this one by default; None where there is none.

    Refused calls fail with EPERM; a call through another machine's table ends the process.
    """
    found = MACHINES.get(machine or platform.machine())
    if found is None or not sys.platform.startswith("linux"):
        return None
    kind, place = found
    numbers = [call[place] for call in CALLS.values()]
    last = len(numbers)
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, kind), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    steps += [(EQUAL, last - at, 0, number) for at, number in enumerate(numbers)]
    steps += [(RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("<HBBI", *step) for step in steps)
