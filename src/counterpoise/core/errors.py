"""Every error this package raises on purpose.

CounterpoiseError
├── InputError              the caller's mistake                  exit 2
├── MissingExtra            an engine is not installed            exit 3
├── ChainError              the node or the contract said no      exit 4
│   ├── Unreachable         the node does not answer
│   └── Reverted            with the contract's own reason
├── VerificationError       a proof, a digest or a number is false  exit 5
├── StorageError            a disk or a remote store failed       exit 6
└── Busy                    another process holds what we need    exit 7
"""


class CounterpoiseError(Exception):
    """What was found and what was wanted, with a hint that says what to do.

    Parameters
    ----------
    message :
        One sentence: what was found, what was wanted.
    hint :
        One sentence: what the reader can do about it. May be empty.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(CounterpoiseError):
    """The caller's mistake: a value, a file or a flag is not what was wanted."""

    exit_code = 2


class MissingExtra(CounterpoiseError):
    """An optional engine is not installed."""

    exit_code = 3

    def __init__(self, module: str, *, extra: str) -> None:
        super().__init__(
            f"the Python module {module!r} is not installed",
            hint=f"pip install 'counterpoise[{extra}]'",
        )
        self.module = module
        self.extra = extra


class ChainError(CounterpoiseError):
    """The node or the contract said no."""

    exit_code = 4


class Unreachable(ChainError):
    """The node did not answer within the retries allowed."""


class Reverted(ChainError):
    """A contract refused a call, with its own reason.

    Parameters
    ----------
    call :
        The call, such as ``Jobs.fund``.
    reason :
        The contract's reason, such as ``"jobs: wrong budget"``; empty if it gave none.
    """

    def __init__(self, call: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{call} was refused: {reason or 'no reason given'}", hint=hint)
        self.call = call
        self.reason = reason


class VerificationError(CounterpoiseError):
    """A proof, a digest or a recomputed number is false."""

    exit_code = 5


class StorageError(CounterpoiseError):
    """A disk or a remote store failed; what was stored before is intact."""

    exit_code = 6


class Busy(CounterpoiseError):
    """Another process holds the lock we need."""

    exit_code = 7
