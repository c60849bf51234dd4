"""The end of a job: letting it be paid once its last window is over, and drawing what is due.

Nothing here needs the coordinator's good will. The chain names the digest of the last round's
statement and the root of all dues; the statement and the list of dues are checked against them.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from counterpoise.chain import Account, Workbench
from counterpoise.core.digest import from_dag_cbor
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.federation.book import Book
from counterpoise.federation.evidence import read_signed
from counterpoise.federation.mail import Letterbox, topic
from counterpoise.federation.postings import Postings
from counterpoise.federation.rounds import RoundsState
from counterpoise.federation.rounds_rules import CLOSING
from counterpoise.federation.terms import Terms
from counterpoise.jobs import CumulativeClaims, Stage
from counterpoise.network import Network
from counterpoise.provenance import Envelope, Statement

MAX_DUES = 1 << 26


@dataclass(frozen=True, slots=True)
class Drawn:
    """What an account is due in a job, and what it drew now; all in base units."""

    due: int
    paid: int
    stake_returned: int


def chain_time(network: Network) -> int:
    """Give the chain's time: that of its newest block, or the wall's where blocks are rare."""
    return max(network.chain.block("latest").time, int(time.time()))


def shown_time(network: Network) -> int:
    """Let a local chain, which makes blocks for transactions alone, mine one to show its time."""
    if isinstance(network.chain, Workbench):
        network.chain.mine()
    return network.chain.block("latest").time


def seconds_to_finish(state: RoundsState, now: int) -> int:
    """Give how long it takes until anyone may let the job be paid; see `Rounds.finish`."""
    window = state.time + state.challenge_seconds
    early = min(state.time + state.patience_seconds, state.expires - CLOSING)
    return (window if state.round_id == state.rounds else max(window, early)) - now


def finish_if_over(network: Network, account: Account, terms: Terms) -> bool:
    """Let the job be paid by its last result, if its time has come; say whether it is paid."""
    postings = Postings(network, account, terms.job)
    if postings.cohort.purse(terms.job).stage is Stage.PAID:
        return True
    state = postings.state()
    if not state.round_id or seconds_to_finish(state, chain_time(network)) > 0:
        return False
    try:
        postings.rounds.finish(account, terms.job)
    except Reverted as refused:
        if refused.reason == "rounds: the window is open":
            return False  # the chain's clock is behind ours
        if postings.cohort.purse(terms.job).stage is not Stage.PAID:
            raise
    return True


def final_claims(network: Network, terms: Terms) -> CumulativeClaims:
    """Build the tree from which members draw, and check it against the root on the chain.

    Raises
    ------
    InputError :
        The job is not paid yet, or nobody has published its last result.
    VerificationError :
        The published dues are not those that the chain commits to.
    """
    postings = Postings(network, None, terms.job)
    purse = postings.cohort.purse(terms.job)
    if purse.stage is not Stage.PAID:
        raise InputError(
            f"job {terms.job} is not paid yet",
            hint="it is paid when the challenge window of its last round is over",
        )
    stated = result_statement(network, terms, purse.round_id)
    claims = postings.pay_tree(purse.round_id, dues_of(network, stated))
    if claims.root != postings.cohort.pay_root(terms.job):
        raise VerificationError("the published dues have another root than the chain holds")
    return claims


def dues_of(network: Network, stated: Statement) -> dict[bytes, int]:
    """Fetch what every member is due after a stated round, in base units."""
    blob = network.store.fetch(bytes.fromhex(stated.predicate["dues"]), max_bytes=MAX_DUES)
    value = from_dag_cbor(blob)
    try:
        pairs = [(bytes(account), bytes(due)) for account, due in value]  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise VerificationError("the published list of dues is malformed") from error
    return {account: int.from_bytes(due, "big") for account, due in pairs}


def result_statement(network: Network, terms: Terms, round_id: int) -> Statement:
    """Fetch the statement of a posted round, known by the digest that the chain holds."""
    results = {e.round_id: e for e in Postings(network, None, terms.job).rounds.results(terms.job)}
    if round_id not in results:
        raise InputError(f"job {terms.job} has no posted result of round {round_id}")
    for data in _candidates(network, terms, round_id):
        statement = read_signed(Envelope.from_bytes(data), "round", terms.coordinator)
        if statement.digest == results[round_id].record.content.evidence:
            return statement
    raise InputError(
        f"the result of round {round_id} is on the chain, its statement is not in the mail",
        hint=f"the coordinator publishes it: counterpoise federation run {terms.job}",
    )


def draw(network: Network, sender: Account, terms: Terms, account: bytes) -> Drawn:
    """Pay an account what it is due and give it its stake back; done before, it changes nothing.

    Parameters
    ----------
    sender :
        Who sends the transactions; only `account` is paid.
    """
    postings = Postings(network, sender, terms.job)
    cohort = postings.cohort
    member = cohort.member(terms.job, account)
    if member is None:
        raise InputError(f"0x{account.hex()} is no member of job {terms.job}")
    due = paid = 0
    if cohort.purse(terms.job).stage is Stage.PAID:
        claims = final_claims(network, terms)
        due = claims.due.get(account, 0)
        if due > member.drawn:
            cohort.claim(sender, terms.job, account, due, claims.proof(account))
            paid = due - member.drawn
    if member.stake:
        cohort.withdraw(sender, terms.job, account)
    return Drawn(due, paid, member.stake)


def _candidates(network: Network, terms: Terms, round_id: int) -> Iterator[bytes]:
    """Give what may be the statement of a round: from the mail, then from an own log."""
    box = Letterbox(network.mailbox, topic(terms.job, round_id, "result"))
    yield from box.letters([terms.coordinator]).get(terms.coordinator, [])
    if network.folder is not None:
        book = Book.read(network.log_reader().entries(), terms.job)
        entry = book.round(round_id).result
        if entry is not None:
            yield entry.data
