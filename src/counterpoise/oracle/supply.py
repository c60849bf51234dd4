"""Fetches what an answer needs, beside the node's own work: a store that stalls stops nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.inference import IntegerModel, Runner, load_model, save_model
from counterpoise.network import Network
from counterpoise.oracle.journal import Entry, Journal
from counterpoise.oracle.pointers import SALT_BYTES, Inbox, ModelShelf
from counterpoise.verification import Request

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
THREADS = 4
MAX_MODELS = 32

Found = tuple[Runner, bytes, bytes]
Key = tuple[int, bytes, bytes]


@dataclass
class _Try:
    """One thing that is being fetched, and when to try again."""

    future: Future[Found]
    pause: float = FIRST_PAUSE
    again: float | None = None
    trouble: str = ""


@dataclass
class Supply:
    """Models and inputs of requests, from the node's folder or else from the store.

    Parameters
    ----------
    network :
        Whose store and mailbox are asked.
    journal :
        Keeps an input that was found until its request is closed for good.
    models :
        A folder for model files; what is read from it has the id it is asked for.
    say :
        Told of each trouble once.
    clock :
        Gives seconds, for the pauses between tries.
    """

    network: Network
    journal: Journal
    models: Path
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _loaded: dict[bytes, Runner] = field(default_factory=dict, repr=False)
    _tries: dict[Key, _Try] = field(default_factory=dict, repr=False)
    _hopeless: set[Key] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self._shelf = ModelShelf(self.network.store, self.network.mailbox)
        self._inbox = Inbox(self.network.store, self.network.mailbox)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="oracle-supply")

    def close(self) -> None:
        """Stop fetching, without waiting for a store that stalls."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def has_hope(self, entry: Entry) -> bool:
        """Whether what an entry needs may still come."""
        return _key(entry) not in self._hopeless

    def request(self, asker: bytes, entry: Entry) -> tuple[Runner, Request] | None:
        """Give the model, ready to run, and the opened request; None until both are there."""
        key = _key(entry)
        if key in self._hopeless:
            return None
        tried = self._tries.get(key)
        if tried is None:
            self._tries[key] = tried = _Try(self._pool.submit(self._fetch, entry))
        if tried.again is not None:
            if self.clock() < tried.again:
                return None
            tried.future, tried.again = self._pool.submit(self._fetch, entry), None
        if not tried.future.done():
            return None
        try:
            runner, salt, values = tried.future.result()
        except CounterpoiseError as error:
            self._put_off(entry, tried, error)
            return None
        if entry.secret is None:
            self.journal.keep_secret(entry.id, salt + values)
        terms = (asker, entry.id, entry.model, salt, values, entry.deadline)
        return runner, Request(*terms)

    def forget(self, entry: Entry) -> None:
        """Let go of what was fetched for a request that is closed."""
        self._tries.pop(_key(entry), None)

    def wait(self, seconds: float) -> None:
        """Let fetches that are under way come in, at most so long."""
        deadline = time.monotonic() + seconds
        for tried in list(self._tries.values()):
            if tried.again is None and not tried.future.done():
                left = max(deadline - time.monotonic(), 0)
                try:
                    tried.future.exception(timeout=left)
                except TimeoutError:
                    return

    def _put_off(self, entry: Entry, tried: _Try, error: CounterpoiseError) -> None:
        if error.message != tried.trouble:
            tried.trouble = error.message
            self.say(f"request {entry.id} waits: {error.message}")
        if isinstance(error, VerificationError):
            self._hopeless.add(_key(entry))  # what the client committed to can never be answered
            return
        tried.again = self.clock() + tried.pause
        tried.pause = min(2 * tried.pause, LONGEST_PAUSE)

    def _fetch(self, entry: Entry) -> Found:
        runner = self._runner(entry.model)
        if entry.secret is not None:
            return runner, entry.secret[:SALT_BYTES], entry.secret[SALT_BYTES:]
        named = {"inputs": runner.model.inputs, "reference": entry.reference}
        return runner, *self._inbox.fetch(entry.input, **named)  # type: ignore[arg-type]

    def _runner(self, model: bytes) -> Runner:
        if model not in self._loaded:
            found = self._kept(model)
            if found is None:
                found = self._shelf.fetch(model)
                self.models.mkdir(mode=0o700, parents=True, exist_ok=True)
                save_model(found, self.models / model.hex())
            if len(self._loaded) >= MAX_MODELS:
                self._loaded.clear()
            self._loaded[model] = Runner(found)
        return self._loaded[model]

    def _kept(self, model: bytes) -> IntegerModel | None:
        """Load a model from the node's own folder, if it is there and is that model."""
        path = self.models / model.hex()
        if not path.exists():
            return None
        try:
            found = load_model(path)
        except (InputError, VerificationError):
            return None
        return found if found.id == model else None


def _key(entry: Entry) -> Key:
    return entry.id, entry.model, entry.input
