"""Re-derives what was paid: the root that is drawn from, each claim, and that nothing is lost."""

from collections.abc import Mapping

from counterpoise.federation.postings import Postings
from counterpoise.federation.replay import Replay
from counterpoise.federation.terms import Terms
from counterpoise.jobs import JobsClient, Stage, Status
from counterpoise.provenance import Verdict


def check_money(
    postings: Postings,
    terms: Terms,
    replay: Replay,
    names: Mapping[bytes, str],
    verdict: Verdict,
) -> None:
    """Check the payment of a finished job; a running one has nothing to check yet."""
    cohort, job = postings.cohort, terms.job
    purse = cohort.purse(job)
    if purse.stage is not Stage.PAID:
        return
    escrow = JobsClient(postings.network.contract("Jobs")).job(job)
    verdict.check("pay / job in escrow", escrow.status, Status.COMPLETED)
    verdict.check("pay / last round", purse.round_id, replay.number)
    tree = postings.pay_tree(replay.number, replay.standing.dues)
    verdict.check("pay / root on the chain", cohort.pay_root(job), tree.root)
    drawn = _check_claims(postings, terms, tree.due, names, verdict)
    verdict.check("pay / still owed", purse.owed, tree.total - sum(drawn.values()))
    returned, slashed = _sums(postings, job)
    spare = terms.rules.pot - tree.total + slashed - returned
    verdict.check("pay / spare for the sponsor", purse.spare, spare)
    stakes = sum(member.stake for a in names if (member := cohort.member(job, a)))
    held = postings.network.contract("CreditToken").call("balanceOf", cohort.address)
    owes = purse.owed + purse.spare + stakes
    verdict.hold("pay / tokens held", held >= owes, f"{held} held, {owes} owed")


def _check_claims(
    postings: Postings,
    terms: Terms,
    due: Mapping[bytes, int],
    names: Mapping[bytes, str],
    verdict: Verdict,
) -> dict[bytes, int]:
    claimed = dict.fromkeys(names, 0)
    for event in postings.cohort.contract.events("Claimed"):
        if event.args["job"] == terms.job:
            account = event.args["account"]
            claimed[account] = claimed.get(account, 0) + event.args["amount"]
    for account, amount in claimed.items():
        name = names.get(account, account.hex())
        member = postings.cohort.member(terms.job, account)
        verdict.check(f"pay / drawn by {name}", member.drawn if member else 0, amount)
        wanted = (0, due.get(account, 0))
        verdict.hold(f"pay / claim of {name}", amount in wanted, f"{amount}, due {wanted[1]}")
    return claimed


def _sums(postings: Postings, job: int) -> tuple[int, int]:
    """Give what went back to the sponsor and what was slashed, in base units."""
    sums = {"RemainderReturned": 0, "Slashed": 0}
    for event in postings.cohort.contract.events():
        if event.name in sums and event.args["job"] == job:
            sums[event.name] += event.args["amount"]
    return sums["RemainderReturned"], sums["Slashed"]
