"""Content by its hash: what the tries of an embedded chain are made of."""

import sqlite3
from collections.abc import Iterator, MutableMapping

CACHE_NODES = 200_000


class NodeStore(MutableMapping[bytes, bytes]):
    """Trie nodes, code and headers by hash: fresh ones in memory until their block commits."""

    def __init__(self, connection: sqlite3.Connection, persistent: bool) -> None:
        self._connection = connection
        self._persistent = persistent
        self._known: dict[bytes, bytes] = {}
        self._fresh: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self._known.get(key)
        if value is None:
            value = self._known[key] = self._stored(key)
        return value

    def _stored(self, key: bytes) -> bytes:
        query = "select value from node where key = ?"
        row = self._connection.execute(query, (key,)).fetchone() if self._persistent else None
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        if self._known.get(key) != value:
            self._known[key] = self._fresh[key] = value

    def __delitem__(self, key: bytes) -> None:
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        try:
            self[key]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[bytes]:
        return iter(dict(self._known))

    def __len__(self) -> int:
        return len(self._known)

    def flush(self) -> None:
        """Write fresh nodes into the open SQLite transaction."""
        if self._persistent and self._fresh:
            self._connection.executemany(
                "insert or replace into node values (?, ?)", self._fresh.items()
            )
        self._fresh.clear()

    def forget(self) -> None:
        """Drop what was not flushed, and a cache that has grown large."""
        for key in self._fresh:
            self._known.pop(key, None)
        self._fresh.clear()
        if self._persistent and len(self._known) > CACHE_NODES:
            self._known.clear()
