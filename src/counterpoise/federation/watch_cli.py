"""The verb `federation watch`: recompute posted rounds, and dispute what is false."""

import time
from typing import Any

import click

from counterpoise.network import (
    answer,
    by_account,
    entered,
    in_network,
    named,
    patient,
    progress,
    signer,
)

POLL_SECONDS = 2.0


@click.command()
@click.option("--job", type=int, help="One job. Default: every job with a judge.")
@click.option("--once", is_flag=True, help="Look once and end.")
@patient
@by_account
@in_network
def watch(job: int | None, once: bool, wants_json: bool, **options: Any) -> None:
    """Follow posted rounds, compute each again, and dispute what is false.

    A false round is convicted in one transaction; of one whose trace is withheld, entries are
    demanded until the false one is known or a demand lapses. Half of the coordinator's bond goes
    to who convicts. Ctrl-C ends it; begun again, it goes on where the chain stands.

    Example: counterpoise federation watch --state DIR --local-key challenger
    """
    from counterpoise.federation.lookup import fetch_terms
    from counterpoise.federation.verify import job_ids
    from counterpoise.federation.watcher import Watcher

    places = [options.pop(name) for name in ("state", "charter", "chain", "store")]
    done: list[str] = []
    with (
        entered(*places, tries=options.pop("tries")) as network,
        progress(quiet=wants_json) as say,
    ):
        account = named(signer(network, **options))
        jobs = [job] if job is not None else job_ids(network)
        known = [terms for number in jobs if (terms := fetch_terms(network, number)).bond or job]
        watchers = [Watcher(network, account, terms, say) for terms in known]
        while watchers:
            done += [f"job {w.terms.job}: {line}" for w in watchers for line in w.step()]
            watchers = [w for w in watchers if not w.is_over()]
            if once:
                break
            time.sleep(POLL_SECONDS)
    answer(wants_json, {"done": done}, *(done or ["nothing to watch"]))
