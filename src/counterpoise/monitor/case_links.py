"""Keeps the cases of the alert book as `cases.grouped` says, one alert at a time.

Alerts that share a key stand in order of time, and neighbours that are near enough are of one
case. So a new alert has to look at its neighbours alone, however many share the key; and where
alerts leave, their case is grouped anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from counterpoise.monitor.alert import Alert
from counterpoise.monitor.book_reads import ALERT, read_alert
from counterpoise.monitor.cases import WINDOW, Member, grouped

BEFORE = "select alert from link where key = ? and time between ? and ? order by time desc limit 1"
AFTER = "select alert from link where key = ? and time between ? and ? order by time limit 1"


class CaseLinks:
    """The tables `link` and `alert.case_id`; every call stands inside a step of the book."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def join(self, alert: Alert) -> bool:
        """Put an alert into its case; give whether the case is new, or was less grave."""
        me = Member.of(alert)
        cases = self._neighbours(me)
        gravest = max((self._gravest(case) for case in cases), default=-1)
        lowest = min([(self._number(case), case) for case in cases] + [me.rank])[1]
        for case in cases - {lowest}:
            self._db.execute("update alert set case_id = ? where case_id = ?", (lowest, case))
        self._db.execute("update alert set case_id = ? where id = ?", (lowest, me.id))
        rows = [(key, me.time, me.id) for key in me.keys]
        self._db.executemany("insert or ignore into link values (?, ?, ?)", rows)
        return int(alert.finding.severity) > gravest

    def leave(self, ids: Iterable[bytes]) -> None:
        """Take retracted alerts out of their cases, and group anew what they held together."""
        cases = set()
        for id_ in ids:
            cases.add(self._case_of(id_))
            self._db.execute("delete from link where alert = ?", (id_,))
        for case in cases:
            rows = self._db.execute(
                f"{ALERT} where case_id = ? and not retracted", (case,)
            ).fetchall()
            members = [Member.of(read_alert(row)) for row in rows]
            for id_, name in grouped(members).items():
                self._db.execute("update alert set case_id = ? where id = ?", (name, id_))

    def _neighbours(self, me: Member) -> set[bytes]:
        """The cases of the alerts next to this one in time, under each of its keys."""
        found = set()
        for key in me.keys:
            for query, ends in (
                (BEFORE, (me.time - WINDOW, me.time)),
                (AFTER, (me.time, me.time + WINDOW)),
            ):
                row = self._db.execute(query, (key, *ends)).fetchone()
                if row is not None:
                    found.add(self._case_of(row[0]))
        return found

    def _case_of(self, id_: bytes) -> bytes:
        row = self._db.execute("select case_id from alert where id = ?", (id_,)).fetchone()
        return bytes(row[0])

    def _number(self, id_: bytes) -> int:
        row = self._db.execute("select number from alert where id = ?", (id_,)).fetchone()
        return int(row[0])

    def _gravest(self, case: bytes) -> int:
        query = "select max(severity) from alert where case_id = ? and not retracted"
        row = self._db.execute(query, (case,)).fetchone()
        return int(-1 if row[0] is None else row[0])
