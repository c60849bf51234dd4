"""Every level is found by its name, and decides an escrowed job through one mechanism."""

import pytest
from committee import SALT, START, build, small_net
from court import BOND, DEMAND_BOND, LIVENESS, REVEAL

from counterpoise.chain import deploy
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.inference import ModelsClient, input_commitment
from counterpoise.jobs import JobsClient, Status
from counterpoise.verification import (
    DirectClient,
    JobDeskClient,
    JobTerms,
    Level,
    OptimisticClient,
    OptimisticTerms,
    Prover,
    Request,
    level_of,
    prover_of,
)
from counterpoise.verification import Status as Standing

VALUES, NET = b"\x0a\x02", small_net()


@pytest.fixture(scope="session")
def one_office():
    five = build()
    chain, operator, token = five.chain, five.minter, five.token
    models = ModelsClient.deploy(chain, operator)
    models.register(operator, NET)
    places = (token.address, models.address, deploy(chain, operator, "Judge").address)
    terms = OptimisticTerms(*places, BOND, DEMAND_BOND, LIVENESS, REVEAL)
    optimistic = OptimisticClient.deploy(chain, operator, terms)
    optimistic.admit(operator, NET.id)
    direct = DirectClient.deploy(chain, operator)
    direct.load(operator, NET)
    jobs = JobsClient(deploy(chain, operator, "Jobs", token.address))
    five.desk = JobDeskClient.deploy(chain, operator, jobs.address)
    five.members["client"] = five.newcomer("client")
    five.contracts = {
        Level.QUORUM: five.quorum.contract,
        Level.OPTIMISTIC: optimistic.contract,
        Level.DIRECT: direct.contract,
    }
    return five


@pytest.fixture
def office(one_office):
    place = one_office.chain.snapshot()
    yield one_office
    one_office.chain.revert(place)


def prover(office, level):
    options = {} if level == Level.DIRECT else {"clock": lambda: START}
    return prover_of(level, office.contracts[level], **options)


@pytest.mark.parametrize("level", [Level.QUORUM, Level.OPTIMISTIC, Level.DIRECT])
def test_a_whole_job_is_decided_at_every_level(office, level):
    now, contract = office.now, office.contracts[level]
    hidden = input_commitment(SALT, VALUES)
    provider = office.ann
    terms = (NET.id, hidden, contract.address, now + 3600, now + 86_400)
    job = office.desk.ask(office.client, JobTerms(provider.address, TOKEN, *terms))
    request = Request(office.desk.address, job, NET.id, SALT, VALUES, now + 3600)
    evidence = prover(office, level).prove(NET, request)
    prover(office, level).verify(NET, request, evidence)
    office.desk.deliver(provider, job, evidence.answer)
    nodes = list(office.members.values())[:5] if level == Level.QUORUM else [provider]
    for _ in range(4):
        found = [prover(office, level).advance(node, request, evidence) for node in nodes]
        if found[-1] == Standing.FINAL:
            break
        office.chain.warp(61 if level == Level.QUORUM else LIVENESS + 1)
    assert found[-1] == Standing.FINAL
    before = office.balance(provider)
    office.desk.conclude(office.client, job)
    assert office.desk.jobs.job(job).status == Status.COMPLETED
    assert office.balance(provider) == before + TOKEN


def test_a_level_is_found_by_its_name_and_no_other_is(office):
    assert [level_of(level.name.lower()) for level in Level] == list(Level)
    made: Prover = prover_of("direct", office.contracts[Level.DIRECT])
    assert made.level == Level.DIRECT
    with pytest.raises(InputError, match="no level 'oracle'"):
        level_of("oracle")
    with pytest.raises(InputError, match="is of level direct, zk wanted"):
        prover_of("zk", office.contracts[Level.DIRECT])
