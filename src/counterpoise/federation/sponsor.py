"""Opens a job: the escrow, the cohort, the rounds, and the task statement in the log."""

from dataclasses import dataclass

from counterpoise.core.digest import digest_of
from counterpoise.core.errors import InputError
from counterpoise.core.units import to_checksum
from counterpoise.federation.bonds import articles_for, judge_of
from counterpoise.federation.evidence import Notary
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rounds import RoundsClient
from counterpoise.federation.rounds_rules import CLOSING, NOBODY
from counterpoise.federation.rules import TaskRules
from counterpoise.federation.terms import Terms
from counterpoise.federation.validation import ValidationSet
from counterpoise.jobs import CohortClient, JobsClient, Status
from counterpoise.network import Network
from counterpoise.provenance import Envelope, Subject


@dataclass(frozen=True)
class Draft:
    """What a sponsor wants, before the chain has given the job an id.

    Parameters
    ----------
    name :
        For people; part of the job's public description.
    coordinator :
        Address that may post rounds.
    base :
        The model to start from.
    lifetime_seconds :
        From now to the expiry of the escrow.
    bond :
        What the coordinator must put up with the judge of rounds; 0 for no judge.
    """

    name: str
    coordinator: bytes
    rules: TaskRules
    stake: int
    commit_seconds: int
    reveal_seconds: int
    challenge_seconds: int
    base: ModelFile
    validation: ValidationSet
    lifetime_seconds: int
    bond: int = 0

    @property
    def description(self) -> str:
        """The job's description: its name, and a digest by which it is found again."""
        content = [self.coordinator, self.base.digest, self.validation.digest]
        plain = [repr(self.rules.to_value()), str(self.stake), self.challenge_seconds]
        plain += [str(self.bond)] if self.bond else []
        return f"{self.name} {digest_of([content, plain]).hex()[:32]}"


def open_job(network: Network, sponsor: Notary, draft: Draft) -> tuple[Terms, Envelope]:
    """Create, fund and open a job; a creation that was interrupted goes on where it was.

    Returns
    -------
    The terms, stored as a blob, and the signed task statement for the log.

    Raises
    ------
    Reverted :
        The sponsor's balance is below the pot, or the chain refused otherwise.
    """
    draft.validation.check(draft.rules)
    if draft.bond:
        articles_for(draft.rules, draft.base, draft.validation)
    rounds = RoundsClient(network.contract("Rounds"))
    cohort = CohortClient(network.contract("Cohort"), network.contract("CreditToken"))
    jobs = JobsClient(network.contract("Jobs"))
    account = sponsor.account
    job = _find(jobs, account.address, draft) or jobs.create_and_fund(
        account,
        provider=cohort.address,
        evaluator=rounds.address,
        expires=network.chain.block("latest").time + draft.lifetime_seconds + CLOSING,
        budget=draft.rules.pot,
        description=draft.description,
    )
    terms = _terms(network, sponsor, draft, job, rounds.address)
    if not any(cohort.terms(job).rounds):
        cohort.open(account, job, stake=draft.stake, rounds=rounds.address)
    if not rounds.state(job).rounds:
        rounds.open(
            account,
            job,
            judge=_judge(network, sponsor, draft, job),
            coordinator=draft.coordinator,
            rounds=draft.rules.rounds + 1,
            challenge_seconds=draft.challenge_seconds,
            task_digest=terms.digest,
            patience_seconds=draft.commit_seconds + draft.reveal_seconds + CLOSING,
        )
    return terms, task_statement(sponsor, terms, draft.name)


def _judge(network: Network, sponsor: Notary, draft: Draft, job: int) -> bytes:
    """Let the judge of rounds know the articles and the bond, and give its address."""
    if not draft.bond:
        return NOBODY
    judge = judge_of(network)
    articles = articles_for(draft.rules, draft.base, draft.validation)
    if not any(judge.articles_of(job)):
        judge.open(sponsor.account, job, articles, draft.bond)
    return judge.address


def task_statement(sponsor: Notary, terms: Terms, name: str) -> Envelope:
    """Sign what the job is about; its subject is the blob of the terms."""
    rules = terms.rules
    return sponsor.state(
        "task",
        [Subject(name, terms.digest)],
        inputs=[
            {"sha256": terms.validation, "role": "validation"},
            {"sha256": terms.base, "role": "base"},
        ],
        job=terms.job,
        model="linear" if not rules.model.hidden else "perceptron",
        rounds=rules.rounds,
        clip=rules.clip,
        scale_bits=rules.scale_bits,
        seed=rules.seed,
        scoring=rules.scoring,
        validation=terms.validation,
        coordinator=to_checksum(terms.coordinator),
    )


def _terms(
    network: Network, sponsor: Notary, draft: Draft, job: int, rounds_contract: bytes
) -> Terms:
    terms = Terms(
        job=job,
        chain_id=network.charter.chain_id,
        rounds_contract=rounds_contract,
        sponsor=sponsor.account.address,
        coordinator=draft.coordinator,
        rules=draft.rules,
        stake=draft.stake,
        commit_seconds=draft.commit_seconds,
        reveal_seconds=draft.reveal_seconds,
        challenge_seconds=draft.challenge_seconds,
        base=network.store.put(draft.base.to_bytes()),
        validation=network.store.put(draft.validation.to_bytes()),
        bond=draft.bond,
    )
    network.store.put(terms.to_bytes())
    network.store.flush()
    return terms


def _find(jobs: JobsClient, sponsor: bytes, draft: Draft) -> int | None:
    """Give the id of a funded job of this sponsor with this description, if one was begun."""
    for job in range(jobs.count(), 0, -1):
        found = jobs.job(job)
        if found.client != sponsor or found.status is not Status.FUNDED:
            continue
        if jobs.description(job) == draft.description:
            if found.budget != draft.rules.pot:
                raise InputError(f"job {job} is funded with {found.budget}, not the pot")
            return job
    return None
