"""What a network's jobs look like from outside, as plain records: for people, and for --json.

Amounts are decimal strings in base units. An operator reads statements from the evidence log, a
visitor those that were mailed; scores are in the log alone. Nothing is verified here: that is
what `counterpoise verify` is for.
"""

from collections import defaultdict
from typing import Any

from counterpoise.core.errors import CounterpoiseError, StorageError
from counterpoise.core.units import parse_address, to_checksum
from counterpoise.federation.book import Book
from counterpoise.federation.lookup import fetch_terms
from counterpoise.federation.mail import Letterbox, join_topic, topic
from counterpoise.federation.postings import Postings
from counterpoise.federation.rounds import RoundsState
from counterpoise.federation.rules import score_ppm
from counterpoise.federation.settlement import chain_time, dues_of
from counterpoise.federation.terms import Terms
from counterpoise.jobs import JobsClient, Joined, Stage
from counterpoise.network import Network


def job_record(network: Network, job: int) -> dict[str, Any]:
    """Give where a job stands, from the chain alone."""
    postings = Postings(network, None, job)
    state = postings.state()
    description = JobsClient(network.contract("Jobs")).description(job)
    return {
        "job": job,
        "name": description.rpartition(" ")[0] or description,
        "state": _state_of(postings, state, chain_time(network)),
        "round": state.round_id,
        "rounds": state.rounds,
        "members": len(postings.cohort.members(job)),
        "pot": str(state.budget),
        "expires": state.expires,
    }


def full_record(network: Network, job: int) -> dict[str, Any]:
    """Give a job with its participants: rows, score, pay, and where they were refused."""
    terms, postings = fetch_terms(network, job), Postings(network, None, job)
    joined = postings.cohort.members(job)
    book = read_book(network, terms, joined)
    results = [pages.result for _, pages in sorted(book.rounds.items()) if pages.result]
    last = results[-1] if results else None
    dues = dues_of(network, last.statement) if last else {}
    scores, refused = _scores(book), _refusals(book)
    names = {e.statement.digest: e for e in book.datasets}
    participants = []
    for event in joined:
        entry, member = names.get(event.dataset), postings.cohort.member(job, event.account)
        participants.append(
            {
                "name": entry.statement.subject[0].name if entry else None,
                "address": to_checksum(event.account),
                "rows": entry.fields["rows"] if entry else None,
                "score_ppm": scores.get(event.account),
                "due": str(dues.get(event.account, 0)),
                "drawn": str(member.drawn if member else 0),
                "stake": str(member.stake if member else 0),
                "refused": refused[event.account],
            }
        )
    return {
        **job_record(network, job),
        "sponsor": to_checksum(terms.sponsor),
        "coordinator": to_checksum(terms.coordinator),
        "model": last.fields["model"] if last else None,
        "participants": participants,
    }


def read_book(network: Network, terms: Terms, joined: list[Joined]) -> Book:
    """Read what is stated about a job: from an own log if it is there, else from the mail."""
    if network.folder is not None:
        try:
            book = Book.read(network.log_reader().entries(), terms.job)
        except StorageError:
            book = Book(terms.job)  # nothing was ever logged
        if book.task is not None:
            return book
    accounts = [event.account for event in joined]
    letters = Letterbox(network.mailbox, join_topic(terms.job)).letters(accounts)
    found = [letter for each in letters.values() for letter in each]
    for number in range(1, terms.rules.rounds + 2):
        box = Letterbox(network.mailbox, topic(terms.job, number, "result"))
        found += box.letters([terms.coordinator]).get(terms.coordinator, [])
    return Book.read(found, terms.job)


def _state_of(postings: Postings, state: RoundsState, now: int) -> str:
    if postings.cohort.purse(postings.job).stage is Stage.PAID:
        return "paid"
    if now > state.expires:
        return "expired"
    if state.round_id == state.rounds:
        return "in its last window"
    return "running" if state.round_id or state.committed else "gathering"


def _scores(book: Book) -> dict[bytes, int]:
    """Give each member's share of all rounds' Shapley values so far, in ppm."""
    sums: dict[bytes, int] = defaultdict(int)
    for pages in book.rounds.values():
        for entry in pages.contributions:
            sums[parse_address(entry.fields["participant"])] += int(entry.fields.get("phi", 0))
    return score_ppm(sums) if sums else {}


def _refusals(book: Book) -> dict[bytes, list[dict[str, Any]]]:
    """Give in which rounds each member was refused, and with which code."""
    found: dict[bytes, list[dict[str, Any]]] = defaultdict(list)
    for number, pages in sorted(book.rounds.items()):
        for item in pages.result.fields["refused"] if pages.result else []:
            try:
                account = parse_address(item["participant"])
            except CounterpoiseError:
                continue
            found[account].append({"round": number, "code": item["code"]})
    return found
