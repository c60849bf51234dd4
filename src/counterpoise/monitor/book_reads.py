"""What the alert book can be asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Alert, Standing
from counterpoise.monitor.alert_record import alert_of, frozen
from counterpoise.monitor.book_file import BookFile
from counterpoise.monitor.cases import Case

ALERT = "select body, standing, retracted from alert"
_BEGINS = "where lower(hex(id)) like ? || '%'"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that sinks are told, in this order.

    Parameters
    ----------
    sequence :
        Counts up from 1; the same however often the event is delivered.
    kind :
        ``raised``, ``retracted`` or ``changed``.
    alert :
        With the standing that it had then.
    case :
        The id of its case then.
    opens :
        Whether it opened the case, or is graver than all that was in it.
    """

    sequence: int
    kind: str
    alert: Alert
    case: bytes
    opens: bool

    def to_value(self) -> dict[str, Any]:
        """The event as plain values."""
        head = {"sequence": self.sequence, "event": self.kind, "opens_case": self.opens}
        return head | {"case": self.case.hex(), "alert": self.alert.to_value()}


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said of an alert.

    Parameters
    ----------
    true :
        Whether it was what it said it was.
    date :
        Unix seconds.
    """

    alert: bytes
    true: bool
    author: str
    date: int
    note: str


class BookReader:
    """The reading half of `AlertBook`."""

    def __init__(self, path: Path) -> None:
        self.file = BookFile(path)
        self._db = self.file.db

    def alerts(
        self,
        standing: Standing | None = None,
        detector: str | None = None,
        *,
        case: bytes | None = None,
        limit: int = -1,
    ) -> list[Alert]:
        """Alerts with their present standing, newest first."""
        where, values = ["1"], []
        if standing is Standing.RETRACTED:
            where.append("retracted")
        elif standing is not None:
            where.append("not retracted and standing = ?")
            values.append(standing.value)
        for column, wanted in (("detector", detector), ("case_id", case)):
            if wanted is not None:
                where.append(f"{column} = ?")
                values.append(wanted)  # type: ignore[arg-type]
        query = f"{ALERT} where {' and '.join(where)} order by time desc, number desc, id limit ?"
        with self.file.errors("read"):
            return [read_alert(row) for row in self._db.execute(query, (*values, limit))]

    def alert(self, prefix: str) -> Alert:
        """The alert whose id begins so; an `InputError` if there is none, or more than one."""
        with self.file.errors("read"):
            rows = self._db.execute(f"{ALERT} {_BEGINS} limit 2", (prefix.lower(),)).fetchall()
        if len(rows) != 1:
            found = "no alert" if not rows else "more than one alert"
            raise InputError(f"{found} begins with {prefix!r}", hint="counterpoise monitor alerts")
        return read_alert(rows[0])

    def cases(self) -> list[Case]:
        """Cases with at least one alert that stands, newest first."""
        query = "select case_id from alert where not retracted group by 1 order by max(time) desc"
        with self.file.errors("read"):
            return [self._case(row[0]) for row in self._db.execute(query).fetchall()]

    def case(self, prefix: str) -> Case:
        """The case whose id begins so, or that holds the alert whose id begins so."""
        alert = self.alert(prefix)
        if alert.standing is Standing.RETRACTED:
            return Case(alert.id, (alert,))
        query = "select case_id from alert where id = ?"
        return self._case(self._db.execute(query, (alert.id,)).fetchone()[0])

    def feedback(self) -> list[Feedback]:
        """The last word of each author on each alert, by date."""
        query = (
            "select alert, verdict, author, date, note from decision where sequence in (select "
            "max(sequence) from decision where verdict is not null group by alert, author) "
            "order by date, sequence"
        )
        with self.file.errors("read"):
            rows = self._db.execute(query).fetchall()
        return [Feedback(alert, bool(true), *rest) for alert, true, *rest in rows]

    def events(self, after: int = 0, limit: int = 256) -> list[Event]:
        """The next events after a sequence number."""
        with self.file.errors("read"):
            return list(self._events(after, limit))

    def last_event(self) -> int:
        """The newest sequence number, 0 before the first."""
        with self.file.errors("read"):
            return self._last()

    def told(self, sink: str) -> tuple[int, str] | None:
        """How far a sink has been told, and what it noted; None if it is new."""
        with self.file.errors("read"):
            query = "select sequence, note from sink where name = ?"
            row: tuple[int, str] | None = self._db.execute(query, (sink,)).fetchone()
            return row

    def tell(self, sink: str, sequence: int, note: str = "") -> None:
        """Note how far a sink has been told."""
        with self.file.step() as db:
            db.execute("insert or replace into sink values (?, ?, ?)", (sink, sequence, note))

    def counts(self) -> dict[tuple[str, str], int]:
        """How many alerts there are, by detector and standing."""
        query = (
            "select detector, case when retracted then 'retracted' else standing end, count(*) "
            "from alert group by 1, 2"
        )
        with self.file.errors("read"):
            rows = self._db.execute(query).fetchall()
        return {(detector, standing): count for detector, standing, count in rows}

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    def _last(self) -> int:
        row = self._db.execute("select coalesce(max(sequence), 0) from event").fetchone()
        return int(row[0])

    def _events(self, after: int, limit: int = -1) -> Iterator[Event]:
        query = (
            "select body, event.standing, 0, sequence, kind, event.case_id, opens from event "
            "join alert on alert.id = event.alert where sequence > ? order by sequence limit ?"
        )
        for row in self._db.execute(query, (after, limit)):
            sequence, kind, case, opens = row[3:]
            yield Event(sequence, kind, read_alert(row), case, bool(opens))

    def _case(self, id_: bytes) -> Case:
        query = f"{ALERT} where case_id = ? and not retracted order by number, id"
        return Case(id_, tuple(read_alert(row) for row in self._db.execute(query, (id_,))))


def read_alert(row: Sequence[Any] | sqlite3.Row) -> Alert:
    """The alert of a row that begins with body, standing and whether it is retracted."""
    import cbor2

    body, standing, retracted = row[:3]
    alert = alert_of(frozen(cbor2.loads(body)))
    return alert.standing_as(Standing.RETRACTED if retracted else Standing(standing))
