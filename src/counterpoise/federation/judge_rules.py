"""What the judge of rounds decides by, in pure Python: the benches agree with it for every input.

A *cell* is one rule for one number of a round's trace. It is given the place of the round, the
articles of the job and the entries that the number follows from, and says whether what was posted
is false. Evidence that is no evidence (an entry that is not in the trace, another round's head) is
refused, as the contracts refuse it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from counterpoise.core import merkle
from counterpoise.core.digest import keccak, sha256
from counterpoise.core.errors import Reverted, VerificationError
from counterpoise.federation.articles import MAX_BLOB, MEMBERS, Articles, word
from counterpoise.federation.rounds_rules import NO_WORD, Record
from counterpoise.federation.rules.round_trace import SECTIONS
from counterpoise.federation.rules.trace import SUMMARY, Opening, root_of_head

MODEL_BLOB, UPDATE_BLOB = 100, 101
"""What may be demanded beside sections: the model's blob; the update's blob of a member."""
PARTS = 8
"""How many times the time to answer a demand fits into the challenge window."""
SHARE = 64
"""The deposit of a demand is this part of the bond."""
__all__ = ["MAX_BLOB", "MEMBERS", "Articles", "Place", "World", "word"]
HEAD = SUMMARY * len(SECTIONS)


@dataclass(frozen=True, slots=True)
class Place:
    """Which round is judged and what was posted of it; field by field as the benches are told."""

    context: bytes
    rounds: bytes
    cohort: bytes
    job: int
    number: int
    commitment: bytes
    updates_root: bytes
    trace_root: bytes
    scores_digest: bytes
    pay_root: bytes
    pay_total: int
    model_digest: bytes
    before_trace: bytes
    before_model: bytes
    before_total: int

    @classmethod
    def of(
        cls,
        chain_id: int,
        contracts: tuple[bytes, bytes],
        job: int,
        number: int,
        records: tuple[Record, Record | None],
    ) -> "Place":
        """Tell of a round by its record and that of the round before.

        Parameters
        ----------
        contracts :
            The rounds contract and the cohort.
        """
        record, before = records
        content, (rounds, cohort) = record.content, contracts
        return cls(
            context_of(chain_id, rounds, job),
            rounds,
            cohort,
            job,
            number,
            record.commitment,
            content.updates_root,
            content.trace_root,
            content.scores_digest,
            content.pay_root,
            content.pay_total,
            content.model_digest,
            before.content.trace_root if before else NO_WORD,
            before.content.model_digest if before else NO_WORD,
            record.previous_total,
        )


@dataclass(frozen=True, slots=True)
class World:
    """What a bench reads of its chain."""

    chain_id: int
    is_member: Callable[[int, bytes], bool] = lambda job, account: True


def context_of(chain_id: int, rounds: bytes, job: int) -> bytes:
    """32 bytes that name chain, contract and job in every trace."""
    return keccak(word(chain_id) + word(rounds) + word(job))


def check_head(head: bytes, root: bytes) -> None:
    """Refuse a head that is not that of the trace."""
    if len(head) != HEAD:
        refuse("a head of another length")
    if root_of_head(head) != root:
        refuse("not the head of the trace")


def is_misshapen(head: bytes, section: int, opening: Opening) -> bool:
    """Refuse an entry that is not in the section; say whether it has another size than it must."""
    count, size = count_of(head, section), number(head, SUMMARY * section + 8, 8)
    root = head[SUMMARY * section + 16 : SUMMARY * (section + 1)]
    try:
        leaf = merkle.leaf_hash(opening.entry)
        merkle.check_inclusion(leaf, opening.index, count, opening.proof, root)
    except VerificationError:
        refuse("an entry is not in the trace")
    return len(opening.entry) != size


def any_misshapen(head: bytes, *openings: tuple[int, Opening]) -> bool:
    """Check entries one after another, until one has another size than it must."""
    return any(is_misshapen(head, section, opening) for section, opening in openings)


def count_of(head: bytes, section: int) -> int:
    """How many entries a section has."""
    return number(head, SUMMARY * section, 8)


def members_of(head: bytes) -> int:
    """How many members the round has."""
    found = count_of(head, SECTIONS.index("updates"))
    if found > MEMBERS:
        refuse("too many members")
    return found


def number(data: bytes, at: int, size: int) -> int:
    """Read an unsigned number; refuse where the bytes end before it."""
    return int.from_bytes(part(data, at, size), "big")


def signed(data: bytes, at: int, size: int) -> int:
    """Read a signed number; refuse where the bytes end before it."""
    return int.from_bytes(part(data, at, size), "big", signed=True)


def part(data: bytes, at: int, size: int) -> bytes:
    """Cut bytes out; refuse where they end before."""
    if at < 0 or at + size > len(data):
        refuse("")
    return data[at : at + size]


def check(holds: bool, reason: str) -> None:
    """Refuse evidence for which something does not hold."""
    if not holds:
        refuse(reason)


def check_blob(blob: bytes, digest: bytes, what: str) -> None:
    """Refuse bytes that are not those under a digest."""
    check(sha256(blob) == digest, f"not the blob of {what}")


def refuse(reason: str) -> NoReturn:
    """Refuse evidence, as a bench does."""
    raise Reverted("cell", f"cells: {reason}" if reason else "")


Cell = Callable[..., bool]


def cells_of(*cells: Cell) -> dict[str, Cell]:
    """Cells by the names of their functions."""
    return {cell.__name__: cell for cell in cells}
