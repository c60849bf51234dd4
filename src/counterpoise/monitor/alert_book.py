"""The alert book: every alert once, what became of it, and what sinks are still to be told.

It keeps the branch of blocks that it has recorded. A block that does not follow its tip takes the
branch back to the block's parent, and retracts what was found on it; so the book is right even if
the watch was restarted from a state older than the book. The same block twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Alert, Standing
from counterpoise.monitor.alert_record import alert_value
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.book_reads import BookReader, Event
from counterpoise.monitor.case_links import CaseLinks

BRANCH = 4096
"""How many blocks of the branch are kept."""

RAISED, RETRACTED, CHANGED = "raised", "retracted", "changed"


class AlertBook(BookReader):
    """The book in one SQLite file; one service writes, anybody reads and decides.

    Raises
    ------
    StorageError :
        The file is none of ours, or the disk failed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._links = CaseLinks(self._db)

    def record(
        self,
        block: Block,
        raised: Sequence[Alert],
        retracted: Sequence[Alert] = (),
        observed: Sequence[Alert] = (),
    ) -> list[Event]:
        """Write down what a block did, in one step; give the events that are new.

        Parameters
        ----------
        observed :
            Alerts of how the chain behaves, which no reorg retracts.
        """
        with self.file.step() as db:
            last = self._last()
            known = db.execute("select hash from branch where number = ?", (block.number,))
            if known.fetchone() != (block.hash,):
                self._retract([*self._displaced(block), *(alert.id for alert in retracted)])
                db.execute("insert into branch values (?, ?)", (block.number, block.hash))
                db.execute("delete from branch where number <= ?", (block.number - BRANCH,))
            for alert in raised:
                self._raise(alert, bound=True)
            for alert in observed:
                self._raise(alert, bound=False)
            return list(self._events(last)) if raised or observed or self._last() > last else []

    def decide(
        self,
        prefix: str,
        standing: Standing,
        *,
        author: str,
        date: int,
        note: str = "",
        true: bool | None = None,
    ) -> Alert:
        """Give an alert another standing, and say by whom and whether it was true.

        Raises
        ------
        InputError :
            No such alert, or it is retracted, or nobody signs.
        """
        if not author:
            raise InputError("nobody decides", hint="name who decides: --author NAME")
        if standing is Standing.RETRACTED:
            raise InputError("only a reorg retracts an alert", hint="close it")
        with self.file.step() as db:
            alert = self.alert(prefix)
            if alert.standing is Standing.RETRACTED:
                raise InputError(f"alert {alert.id.hex()[:12]} is retracted: its block is gone")
            verdict = None if true is None else int(true)
            row = (alert.id, standing.value, verdict, author, date, note)
            db.execute(
                "insert into decision (alert, standing, verdict, author, date, note) "
                "values (?, ?, ?, ?, ?, ?)",
                row,
            )
            db.execute("update alert set standing = ? where id = ?", (standing.value, alert.id))
            self._note(CHANGED, alert.id, standing, opens=False)
        return alert.standing_as(standing)

    def _displaced(self, block: Block) -> list[bytes]:
        """Take the branch back to below a block; give the alerts that stood on what goes."""
        place = "select number from branch where hash = ?"
        row = self._db.execute(place, (block.parent,)).fetchone()
        above = row[0] if row else block.number - 1
        self._db.execute("delete from branch where number > ?", (above,))
        query = (
            "select id from alert where number > ? and bound and not retracted order by number, id"
        )
        return [id_ for [id_] in self._db.execute(query, (above,))]

    def _raise(self, alert: Alert, *, bound: bool) -> None:
        row = self._db.execute("select retracted from alert where id = ?", (alert.id,)).fetchone()
        if row == (0,):
            return
        if row is None:
            finding = alert.finding
            place = (alert.id, alert.block_number, alert.block_hash, alert.time)
            what = (finding.detector, int(finding.severity), int(bound), Standing.OPEN.value)
            body = _packed(alert.standing_as(Standing.OPEN))
            self._db.execute(
                "insert into alert values (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
                (*place, *what, alert.id, body),
            )
        self._db.execute("update alert set retracted = 0, case_id = id where id = ?", (alert.id,))
        opens = self._links.join(alert)
        self._note(RAISED, alert.id, None, opens=opens)

    def _retract(self, ids: Iterable[bytes]) -> None:
        """Retract those of these alerts that stand."""
        gone = []
        for id_ in dict.fromkeys(ids):
            query = "update alert set retracted = 1 where id = ? and not retracted"
            if self._db.execute(query, (id_,)).rowcount:
                self._note(RETRACTED, id_, Standing.RETRACTED, opens=False)
                gone.append(id_)
        self._links.leave(gone)

    def _note(self, kind: str, id_: bytes, standing: Standing | None, *, opens: bool) -> None:
        told = "standing" if standing is None else "?"
        values = [] if standing is None else [standing.value]
        self._db.execute(
            "insert into event (kind, alert, standing, case_id, opens) "  # noqa: S608
            f"select ?, id, {told}, case_id, ? from alert where id = ?",
            (kind, *values, int(opens), id_),
        )


def _packed(alert: Alert) -> bytes:
    import cbor2

    return cbor2.dumps(alert_value(alert))
