"""Which contracts a network is founded with, in which order and on which terms."""

from counterpoise.chain import Account, Chain, Contract, Workbench, deploy
from counterpoise.core.errors import InputError
from counterpoise.core.log_table import table_bytes
from counterpoise.core.units import PPM, TOKEN
from counterpoise.payments import place_contracts
from counterpoise.verification import ZkClient, deploy_verifier

NOBODY = bytes(20)
MINUTE, HOUR, DAY = 60, 3_600, 86_400

BOND, DEMAND_BOND = 10 * TOKEN, TOKEN
LIVENESS, TO_REVEAL = HOUR, 10 * MINUTE
LEAST_STAKE, MEMBERS = 25 * TOKEN, 3
PATIENCE = 7 * DAY
_ABOUT_AGENTS = ("Reputation", "Validation")


def deploy_all(chain: Chain, operator: Account) -> dict[str, bytes]:
    """Deploy every contract of a network; give their addresses by name.

    On a local chain the contracts of payments come first, at the addresses that x402's clients
    know: what is deployed after them buries them under blocks.
    """
    placed = place_contracts(chain)
    contracts = [*_foundation(chain, operator)]
    token, _, jobs, _, rounds = contracts
    models = deploy(chain, operator, "Models")
    levels = _levels(chain, operator, token, models)
    by_level = [levels.get(name) for name in ("Quorum", "Optimistic", "ZkProofs", "Direct")]
    evaluators = [level.address if level else NOBODY for level in by_level]
    contracts += [
        models,
        *levels.values(),
        deploy(chain, operator, "JobDesk", jobs.address),
        deploy(chain, operator, "Oracle", token.address, models.address, evaluators, PATIENCE),
        _assertions(chain, operator, token, levels["Quorum"]),
        *_round_judge(chain, operator, rounds),
        deploy(chain, operator, "Guardian", token.address),
        *_identity(chain, operator),
        _acceptance(chain, operator, jobs, levels["Quorum"]),
    ]
    return {contract.artifact.name: contract.address for contract in contracts} | placed


def _foundation(chain: Chain, operator: Account) -> tuple[Contract, ...]:
    """Token, anchor, escrow, and what federations need."""
    token = deploy(chain, operator, "CreditToken", operator.address)
    anchor = deploy(chain, operator, "Anchor")
    jobs = deploy(chain, operator, "Jobs", token.address)
    cohort = deploy(chain, operator, "Cohort", token.address, jobs.address)
    rounds = deploy(chain, operator, "Rounds", jobs.address, cohort.address)
    return token, anchor, jobs, cohort, rounds


def _levels(
    chain: Chain, operator: Account, token: Contract, models: Contract
) -> dict[str, Contract]:
    """The evaluators, and the judge that the optimistic one asks."""
    judge = deploy(chain, operator, "Judge")
    windows = (BOND, DEMAND_BOND, LIVENESS, TO_REVEAL)
    parties = (token.address, models.address, judge.address)
    committee = (LEAST_STAKE, MEMBERS, PPM // 10, 5 * MINUTE, 5 * MINUTE, DAY, False, 0)
    return {
        "Judge": judge,
        "Optimistic": deploy(chain, operator, "Optimistic", *parties, *windows),
        "Quorum": deploy(chain, operator, "Quorum", (token.address, *committee)),
        "Direct": deploy(chain, operator, "Direct"),
        **_zero_knowledge(chain, operator, models),
    }


def _zero_knowledge(chain: Chain, operator: Account, models: Contract) -> dict[str, Contract]:
    """The evaluator of proofs, on a local chain and where its verifier was built: `make zk`.

    It takes keys of a development SRS and marks them. A public chain wants a ceremony's: there
    `ZkClient.deploy` with the ceremony and `production`.
    """
    if not isinstance(chain, Workbench):
        return {}
    try:
        verifier = deploy_verifier(chain, operator)
    except InputError:
        return {}
    return {"ZkProofs": ZkClient.deploy(chain, operator, models.address, verifier.address).contract}


def _round_judge(chain: Chain, operator: Account, rounds: Contract) -> list[Contract]:
    """The judge of federated rounds, and the benches that recompute one number for it."""
    benches = [
        deploy(chain, operator, "ModelCells"),
        deploy(chain, operator, "ScoreCells", table_bytes()),
        deploy(chain, operator, "MemberCells"),
        deploy(chain, operator, "PayCells"),
    ]
    addresses = [bench.address for bench in benches]
    return [*benches, deploy(chain, operator, "RoundJudge", rounds.address, addresses)]


def _identity(chain: Chain, operator: Account) -> list[Contract]:
    """Agents, what clients say of them, and what validators find."""
    agents = deploy(chain, operator, "IdentityRegistry")
    about = [deploy(chain, operator, f"{kind}Registry", agents.address) for kind in _ABOUT_AGENTS]
    return [agents, *about]


def _assertions(chain: Chain, operator: Account, token: Contract, quorum: Contract) -> Contract:
    """Claims in words, which the committee decides if they are disputed."""
    terms = (BOND, 2 * HOUR, DAY, PATIENCE)
    return deploy(chain, operator, "Assertions", token.address, quorum.address, *terms)


def _acceptance(chain: Chain, operator: Account, jobs: Contract, quorum: Contract) -> Contract:
    """Orders that the client's silence accepts, and the committee decides if they are contested."""
    terms = (quorum.address, TOKEN, DAY, DAY, DAY, DAY)
    return deploy(chain, operator, "Acceptance", jobs.address, terms)
