"""Reads a gateway's configuration (TOML) strictly: every wrong line is named, with what it wants.

[seller]                        who sells, on what terms
[limits]                        what the gateway bears
[[service]]                     what is for sale: name, kind, price, and what the kind wants
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from counterpoise.core.errors import InputError
from counterpoise.core.units import parse_tokens
from counterpoise.market.gateway.limits import Limits, Rate
from counterpoise.market.price import Price

_MISSING: Any = object()


class Table:
    """One table of the file; members are asked for by name and type, and none may be left over.

    Parameters
    ----------
    members :
        As `tomllib` read them.
    place :
        What the table is called in errors, such as ``service "iris"``.
    folder :
        What relative paths are relative to.
    """

    def __init__(self, members: Mapping[str, Any], place: str, folder: Path) -> None:
        self._members, self.place, self.folder = dict(members), place, folder
        self._asked: set[str] = set()

    def text(self, name: str, otherwise: str = _MISSING) -> str:
        """Give a text."""
        return str(self._take(name, str, "a text in quotes", otherwise))

    def whole(
        self, name: str, otherwise: int = _MISSING, *, least: int = 0, most: int = 2**53
    ) -> int:
        """Give a whole number within bounds."""
        value = self._take(name, int, f"a whole number from {least} to {most}", otherwise)
        if isinstance(value, bool) or not least <= value <= most:
            self._wrong(name, value, f"a whole number from {least} to {most}")
        return int(value)

    def number(self, name: str, otherwise: float = _MISSING, *, least: float = 0.0) -> float:
        """Give a number that is at least so much."""
        value = self._take(name, (int, float), f"a number from {least:g} on", otherwise)
        if isinstance(value, bool) or not least <= value < float("inf"):
            self._wrong(name, value, f"a number from {least:g} on")
        return float(value)

    def flag(self, name: str, otherwise: bool = _MISSING) -> bool:
        """Give true or false."""
        return bool(self._take(name, bool, "true or false", otherwise))

    def digest(self, name: str, otherwise: bytes | None = _MISSING) -> bytes | None:
        """Give 32 bytes, written as 64 hex digits."""
        value = self._take(name, (str, type(None)), "64 hex digits", otherwise)
        if isinstance(value, str) and not re.fullmatch("[0-9a-f]{64}", value):
            self._wrong(name, value, "64 hex digits")
        return None if value is None else bytes.fromhex(value)

    def price(self, name: str, otherwise: Price = _MISSING) -> Price:
        """Give a price, such as ``"0.25 per call"``."""
        value = self._take(name, (str, Price), "a price such as '0.25 per call'", otherwise)
        return value if isinstance(value, Price) else self._parsed(name, value, Price.parse)

    def tokens(self, name: str, otherwise: int | None = _MISSING) -> int | None:
        """Give an amount of tokens, such as ``"1.5"``, in base units."""
        value = self._take(name, (str, int, type(None)), "tokens such as '1.5'", otherwise)
        amount = self._parsed(name, value, parse_tokens) if isinstance(value, str) else value
        return None if amount is None else int(amount)

    def path(self, name: str, otherwise: Path = _MISSING) -> Path:
        """Give the path of something that is there; relative ones start at the file's folder."""
        value: Path = self.folder / self._take(name, (str, Path), "a path in quotes", otherwise)
        if not value.exists():
            self._wrong(name, str(value), "a path of something that is there")
        return value

    def texts(self, name: str, otherwise: tuple[str, ...] = _MISSING) -> tuple[str, ...]:
        """Give a list of texts."""
        value = self._take(name, (list, tuple), "a list of texts", otherwise)
        if not all(isinstance(one, str) for one in value):
            self._wrong(name, value, "a list of texts")
        return tuple(value)

    def table(self, name: str) -> Table:
        """Give a table below this one; an empty one where there is none."""
        value = self._take(name, dict, "a table", {})
        return Table(value, f"{self.place}.{name}", self.folder)

    def tables(self, name: str) -> list[Table]:
        """Give the tables of a list ``[[name]]``."""
        value = self._take(name, list, f"tables [[{name}]]", [])
        found = []
        for number, one in enumerate(value, 1):
            if not isinstance(one, dict):
                self._wrong(name, one, f"tables [[{name}]]")
            called = one.get("name", number)
            found.append(Table(one, f"{self.place}.{name} {called!r}".lstrip("."), self.folder))
        return found

    def has(self, name: str) -> bool:
        """Whether a member is there."""
        return name in self._members

    def names(self) -> Iterator[str]:
        """Give the names of the members that were not asked for yet."""
        return (name for name in self._members if name not in self._asked)

    def done(self) -> None:
        """Refuse members that nobody asked for: a misspelt limit is no limit."""
        left = list(self.names())
        if left:
            raise InputError(
                f"{self.place or 'the file'} has {left[0]!r}, which means nothing there",
                hint=f"it may have {', '.join(sorted(self._asked))}",
            )

    def _take(self, name: str, kinds: Any, wanted: str, otherwise: Any) -> Any:
        self._asked.add(name)
        if name not in self._members:
            if otherwise is _MISSING:
                raise InputError(f"{self.place} lacks {name!r}", hint=f"give {wanted}")
            return otherwise
        value = self._members[name]
        if not isinstance(value, kinds):
            self._wrong(name, value, wanted)
        return value

    def _parsed(self, name: str, value: str, parse: Callable[[str], Any]) -> Any:
        try:
            return parse(value)
        except InputError as wrong:
            raise InputError(f"{self.place}: {name}: {wrong.message}", hint=wrong.hint) from None

    def _wrong(self, name: str, value: Any, wanted: str) -> NoReturn:
        raise InputError(f"{self.place}: {name} is {value!r}", hint=f"give {wanted}")


def load_settings(path: Path) -> Table:
    """Read a file of settings.

    Raises
    ------
    InputError :
        There is no such file, or it is no TOML; the message has the line.
    """
    try:
        members = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"there is no file {path}", hint="see docs/guides, or --config FILE"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise InputError(f"{path} is no TOML: {wrong}") from None
    return Table(members, "", path.resolve().parent)


def limits_of(table: Table) -> Limits:
    """Read ``[limits]``; what is not there is as `Limits` has it."""
    usual = Limits()
    found = Limits(
        body=table.whole("body_bytes", usual.body, least=1024, most=1 << 30),
        in_flight=table.whole("in_flight", usual.in_flight, least=1, most=100_000),
        seconds=table.number("seconds", usual.seconds, least=0.1),
        upload_seconds=table.number("upload_seconds", usual.upload_seconds, least=0.1),
        unsettled=table.tokens("unsettled", None),
        payer=_rate(table, "payer"),
        address=_rate(table, "address"),
        connections=table.whole("connections", usual.connections, least=1, most=100_000),
        proxies=table.texts("proxies", usual.proxies),
    )
    table.done()
    return found


def _rate(table: Table, name: str) -> Rate | None:
    per_second = table.number(f"{name}_per_second", 0.0)
    burst = table.whole(f"{name}_burst", max(1, round(per_second)), least=1)
    return Rate(per_second, burst) if per_second else None
