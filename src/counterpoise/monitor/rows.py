"""Rows of files and messages as transfers; what cannot be one is said by line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, DecimalException
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.names import address_of

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "block_timestamp", "date"),
    "src": ("src", "from", "from_address", "sender", "payer"),
    "dst": ("dst", "to", "to_address", "receiver", "payee"),
    "amount": ("amount", "value"),
    "token": ("token", "token_address", "currency"),
    "hash": ("hash", "transaction_hash", "tx_hash", "transaction"),
    "block": ("block", "block_number"),
}
"""What a column may be called, by what it gives; the first four are needed."""

NEEDED = 4
LARGEST = (1 << 256) - 1
LONGEST = 1 << 62
DIGITS = 80
WHOLE = re.compile(r"[0-9]{1,78}")
HEX = re.compile(r"0[xX][0-9a-fA-F]{1,64}")
HASH = re.compile(r"(?:0[xX])?[0-9a-fA-F]{64}")
SLASHED = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})")


class Malformed(ValueError):
    """A row that is no transfer, and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One transfer of a file.

    Parameters
    ----------
    position :
        Its number among the records, or its offset with a broker: rises from row to row.
    hash :
        The transaction's, None where the file names none.
    block :
        The block's number, None where the file names none.
    """

    position: int
    time: int
    src: bytes
    dst: bytes
    amount: int
    token: bytes = NATIVE
    hash: bytes | None = None
    block: int | None = None


class RowReader:
    """Reads the fields of rows.

    Parameters
    ----------
    header :
        Names of the columns, or of a message's fields; case and spaces around do not matter.
    decimals :
        Amounts are written in units of ``10**decimals`` base units.

    Raises
    ------
    InputError :
        A needed column is missing; the message says what it may be called.
    """

    def __init__(self, header: Sequence[str], *, decimals: int = 0) -> None:
        places = {name.strip().lower().lstrip("\ufeff"): at for at, name in enumerate(header)}
        self.places = {
            what: next((places[name] for name in names if name in places), None)
            for what, names in COLUMNS.items()
        }
        self._decimals = decimals
        missing = [what for what in list(COLUMNS)[:NEEDED] if self.places[what] is None]
        if missing:
            raise InputError(
                f"no column for {', '.join(missing)} among {', '.join(header)!r:.200}",
                hint=f"for {missing[0]} one of {', '.join(COLUMNS[missing[0]])}",
            )

    @property
    def has_blocks(self) -> bool:
        """Whether rows name their block."""
        return self.places["block"] is not None

    def row(self, fields: Sequence[Any], position: int) -> Row:
        """The transfer of a row; `Malformed` if it is none."""
        src, dst = (str(self._field(fields, name)).strip() for name in ("src", "dst"))
        if not src or not dst:
            raise Malformed("an account is empty")
        token = str(self._field(fields, "token") or "").strip()
        block = self._field(fields, "block")
        if block is None and self.has_blocks:
            raise Malformed("it names no block")
        return Row(
            position,
            _time(self._field(fields, "time")),
            address_of(src),
            address_of(dst),
            _amount(self._field(fields, "amount"), self._decimals),
            address_of(token) if token else NATIVE,
            _hash(self._field(fields, "hash")),
            None if block is None else _count(block),
        )

    def _field(self, fields: Sequence[Any], what: str) -> Any:
        place = self.places[what]
        if place is None:
            return None
        if place >= len(fields):
            raise Malformed(f"it has {len(fields)} fields, {what} is the {place + 1}th")
        return fields[place]


def _amount(value: Any, decimals: int) -> int:
    """Base units, exactly; text, integers and decimal fractions are taken."""
    if isinstance(value, bool) or value is None:
        raise Malformed(f"the amount is {value!r}")
    text = str(value).strip()
    if WHOLE.fullmatch(text):
        found = int(text) * int(10**decimals)
    elif HEX.fullmatch(text) and not decimals:
        found = int(text, 16)
    else:
        found = _fraction(text, decimals)
    if found > LARGEST:
        raise Malformed(f"the amount {text!r:.40} does not fit 256 bits")
    return found


def _fraction(text: str, decimals: int) -> int:
    try:
        number = Decimal(text)
        if not number.is_finite() or not -DIGITS < number.adjusted() < DIGITS:
            raise Malformed(f"the amount {text!r:.40} is out of range")
        scaled = number.scaleb(decimals)
    except DecimalException:
        raise Malformed(f"the amount {text!r:.40} is no number") from None
    if scaled != scaled.to_integral_value():
        raise Malformed(f"the amount {text!r:.40} has more than {decimals} decimals")
    if scaled < 0:
        raise Malformed(f"the amount {text!r:.40} is negative")
    return int(scaled)


def _time(value: Any) -> int:
    """Unix seconds; a date without a zone is taken as UTC."""
    if isinstance(value, datetime):
        moment = value
    else:
        text = str(value).strip()
        if WHOLE.fullmatch(text) and len(text) < 19:
            return int(text)
        try:
            if isinstance(value, float) or re.fullmatch(r"[0-9]{1,15}\.[0-9]+", text):
                return int(float(text))
            moment = datetime.fromisoformat(SLASHED.sub(r"\1-\2-\3", text))
        except (ValueError, OverflowError):
            raise Malformed(f"the time {text!r:.40} is none") from None
    seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if seconds < 0:
        raise Malformed(f"the time {value!r:.40} is before 1970")
    return seconds


def _hash(value: Any) -> bytes | None:
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if not HASH.fullmatch(text):
        raise Malformed(f"the transaction {text!r:.80} is no hash of 32 bytes")
    return bytes.fromhex(text[-64:])


def _count(value: Any) -> int:
    text = str(value).strip()
    if not WHOLE.fullmatch(text) or int(text) > LONGEST:
        raise Malformed(f"the block {text!r:.40} is no number")
    return int(text)
