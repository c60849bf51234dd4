"""A job under the judge of rounds: its articles, which follow from the terms, and its bond."""

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import format_tokens
from counterpoise.federation.disputes import raw_rows
from counterpoise.federation.judge import JudgeClient
from counterpoise.federation.judge_rules import Articles
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rounds import RoundsClient
from counterpoise.federation.rules import TaskRules
from counterpoise.federation.terms import Terms
from counterpoise.federation.validation import ValidationSet
from counterpoise.network import Network, draw_from_faucet


def judge_of(network: Network) -> JudgeClient:
    """The judge of rounds of a network; an `InputError` if it has none."""
    return JudgeClient(network.contract("RoundJudge"), network.contract("CreditToken"))


def articles_for(rules: TaskRules, base: ModelFile, validation: ValidationSet) -> Articles:
    """Write the articles of a task.

    Raises
    ------
    InputError :
        A round of the task could not be judged, one number at a time, in one transaction.
    """
    rows = raw_rows(validation)
    articles = Articles.of(rules, base.digest, rows.root, len(rows.entries))
    if base.statistics.size:
        raise InputError("the base model carries statistics", hint="give one without, or no bond")
    if not articles.is_judgeable():
        raise InputError(
            f"rounds of {articles.params} parameters and {articles.outputs} logits a row are too "
            "wide for the judge",
            hint="take fewer classes or features, or give no bond",
        )
    return articles


def articles_of_terms(network: Network, terms: Terms) -> Articles:
    """Write the articles of a job from its signed terms."""
    store = network.store
    base = ModelFile.from_bytes(store.fetch(terms.base))
    validation = ValidationSet.from_bytes(store.fetch(terms.validation))
    return articles_for(terms.rules, base, validation)


def check_articles(network: Network, terms: Terms) -> Articles:
    """Check that the judge knows a job by its terms; give the articles.

    Raises
    ------
    VerificationError :
        The sponsor told the judge of other articles, of another bond, or named another judge.
    """
    judge, articles = judge_of(network), articles_of_terms(network, terms)
    found = (judge.articles_of(terms.job), judge.bond(terms.job).amount)
    if found != (articles.digest, terms.bond):
        raise VerificationError(
            f"the judge holds articles {found[0].hex()} and a bond of {found[1]} for job "
            f"{terms.job}",
            hint="the sponsor opened the job otherwise than it signed: stay away",
        )
    return articles


def keep_bonded(network: Network, account: Account, terms: Terms) -> None:
    """Lock what is missing of the coordinator's bond.

    Raises
    ------
    InputError :
        The coordinator has too few tokens.
    """
    judge = judge_of(network)
    bond = judge.bond(terms.job)
    missing = bond.amount - bond.locked
    if missing > 0:
        draw_from_faucet(network, account, missing)
    found = judge.token.balance(account.address)
    if missing > found:
        raise InputError(
            f"the bond of job {terms.job} lacks {format_tokens(missing)} tokens, the coordinator "
            f"has {format_tokens(found)}",
            hint="results count only under a whole bond: send the coordinator tokens",
        )
    if missing > 0:
        judge.deposit(account, terms.job)


def release_bond(network: Network, account: Account, terms: Terms) -> bool:
    """Give the coordinator its bond back if the job is over; say whether it did."""
    if not terms.bond:
        return False
    judge = judge_of(network)
    state = RoundsClient(network.contract("Rounds")).state(terms.job)
    over = state.finished or network.chain.block("latest").time >= state.expires
    if over and judge.bond(terms.job).locked:
        judge.release(account, terms.job)
        return True
    return False
