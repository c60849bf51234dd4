"""Who takes part in a job: those who joined on the chain with a dataset statement in the log."""

from collections.abc import Iterable
from dataclasses import dataclass

from counterpoise.core.errors import CounterpoiseError
from counterpoise.federation.book import Book, Entry
from counterpoise.federation.evidence import read_signed
from counterpoise.federation.intake import Refusal
from counterpoise.federation.rules.task import EXACT_LIMIT
from counterpoise.jobs import Joined
from counterpoise.provenance import Envelope


@dataclass(frozen=True, slots=True)
class Member:
    """One participant as its dataset statement tells.

    Parameters
    ----------
    name :
        For people.
    rows :
        Number of rows committed to.
    row_root :
        Root over the salted rows.
    dataset :
        Digest of the dataset statement, as it stands on the chain.
    """

    address: bytes
    name: str
    rows: int
    row_root: bytes
    dataset: bytes


def read_roster(book: Book, joined: Iterable[Joined]) -> tuple[dict[bytes, Member], list[Refusal]]:
    """Match who joined on the chain with the dataset statements of the log.

    Parameters
    ----------
    joined :
        In the order of joining. Of two members with the same rows the first counts.

    Returns
    -------
    The members by address ascending, and who was refused: ``identity`` without its own
    dataset statement, or when as many have joined as the task can score; ``weight`` without a
    row; ``duplicate`` with the rows of another.
    """
    exact = book.task is not None and book.task.fields.get("scoring") == "exact"
    statements = {entry.statement.digest: entry for entry in book.datasets}
    members: dict[bytes, Member] = {}
    refused: list[Refusal] = []
    roots: dict[bytes, bytes] = {}
    for event in joined:
        entry = statements.get(event.dataset)
        member = _member(event, entry) if entry else None
        if member is None:
            detail = "no dataset statement of its own with this digest is in the log"
            refused.append(Refusal(event.account, "identity", detail))
        elif member.rows < 1:
            refused.append(Refusal(event.account, "weight", "its dataset has no rows"))
        elif member.row_root in roots:
            detail = "its rows are those of a member that joined before"
            refused.append(Refusal(event.account, "duplicate", detail))
        elif exact and len(members) == EXACT_LIMIT:
            detail = f"exact scoring takes {EXACT_LIMIT} members, and as many joined before"
            refused.append(Refusal(event.account, "identity", detail))
        else:
            roots[member.row_root] = member.address
            members[member.address] = member
    return {address: members[address] for address in sorted(members)}, refused


def _member(event: Joined, entry: Entry) -> Member | None:
    try:
        statement = read_signed(Envelope.from_bytes(entry.data), "dataset", event.account)
    except CounterpoiseError:
        return None
    fields = statement.predicate
    row_root = bytes.fromhex(fields["row_root"])
    name = statement.subject[0].name
    return Member(event.account, name, int(fields["rows"]), row_root, event.dataset)
