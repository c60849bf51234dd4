"""A finished job is a receipt for whoever stood for the agent when it was paid."""

from counterpoise.chain import deploy
from counterpoise.core.units import TOKEN
from counterpoise.identity import JobReceipts, Outcome, moves_of, summarise
from counterpoise.jobs import JobsClient


def test_a_rating_counts_with_a_finished_job_and_not_if_its_pay_went_back(town):
    token = deploy(town.chain, town.owner, "CreditToken", town.owner.address)
    escrow = JobsClient(deploy(town.chain, town.owner, "Jobs", token.address))
    agent = town.agent()
    expires = town.chain.block().time + 100_000
    for client in (town.client, town.other, town.stranger):
        token.transact(town.owner, "mint", client.address, 50 * TOKEN)
        town.reputation.give(client, agent, 50)
    assert _summary(town, token, escrow, agent).count == 0, "no receipt, no weight"

    for client, budget in ((town.client, 5), (town.other, 20)):
        job = escrow.create_and_fund(
            client,
            provider=town.owner.address,
            evaluator=client.address,
            expires=expires,
            budget=budget * TOKEN,
        )
        escrow.submit(town.owner, job, bytes(32))
        escrow.complete(client, job)
        town.reputation.give(client, agent, 90 if client is town.client else 10)
    found = _summary(town, token, escrow, agent)
    assert found.count == 2 and found.wad == 26 * 10**18

    token.transact(town.owner, "transfer", town.other.address, 20 * TOKEN)
    found = _summary(town, token, escrow, agent)
    assert found.wad == 90 * 10**18
    assert [one.client for one in found.self_dealers] == [town.other.address]
    assert {one.outcome for one in found.ratings} >= {Outcome.SELF_DEALT, Outcome.NO_RECEIPT}


def test_a_former_owners_jobs_count_and_a_later_owners_earlier_ones_do_not(town):
    token = deploy(town.chain, town.owner, "CreditToken", town.owner.address)
    escrow = JobsClient(deploy(town.chain, town.owner, "Jobs", token.address))
    agent = town.agent()
    token.transact(town.owner, "mint", town.client.address, 50 * TOKEN)

    def job(provider):
        number = escrow.create_and_fund(
            town.client,
            provider=provider.address,
            evaluator=town.client.address,
            expires=town.chain.block().time + 100_000,
            budget=TOKEN,
        )
        escrow.submit(provider, number, bytes(32))
        escrow.complete(town.client, number)
        return number

    first, _ = job(town.owner), job(town.other)
    town.identity.transfer(town.owner, agent, town.other.address)
    last, _ = job(town.other), job(town.owner)
    paid = JobReceipts(town.identity, escrow.contract).paid(agent)
    assert [one.name.rsplit("/", 1)[1] for one in paid] == [str(first), str(last)]


def _summary(town, token, escrow, agent):
    receipts = [JobReceipts(town.identity, escrow.contract)]
    moves = moves_of(token, hubs=[escrow.address])
    return summarise(town.reputation, receipts, agent, moves)
