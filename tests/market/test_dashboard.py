"""The dashboard shows what vouchers, gateway, log and chain say, and adds up."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "gateway"))

from gateway_world import NET, NETS, PRICE, bytes_body, found_network, infer_body, selling

from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.jobs import JobsClient, TokenClient
from counterpoise.market import dashboard as parts
from counterpoise.market import traffic
from counterpoise.market.cli import Desk
from counterpoise.market.dashboard_cli import Sources, _drawn
from counterpoise.market.dashboard_view import board_record
from counterpoise.payments import ChannelsClient, Withdrawals, read_vouchers

KEYS = dict.fromkeys(("keystore", "key_env", "local_key", "account"))


@pytest.fixture(scope="module")
def sale(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sale")
    with found_network(folder) as network, selling(network, folder) as made:
        yield made


def board_of(sale, url=None):
    desk = Desk(sale.network, KEYS)
    return Sources(sale.folder / "home", sale.url if url is None else url, None).board(desk)


def list_net(sale):
    """List the integer model with the seller's key."""
    from counterpoise.market import Endpoint, Listing, Price, What, publish, register_seller

    desk = Desk(sale.network, KEYS | {"account": "seller"})
    listing = Listing(
        What.MODEL,
        "net",
        "A small net.",
        Price(2 * PRICE),
        sale.token.address,
        0,
        desk.identity.name,
        2**40,
        endpoints=(Endpoint("oip-v2", sale.url),),
        model=NET.id,
    )
    agent = register_seller(desk.identity, desk.account, listing)
    publish(
        replace(listing, agent=agent),
        desk.account,
        desk.now,
        identity=desk.identity,
        store=sale.network.store,
        log=desk.log(),
    )
    return agent


def test_a_board_adds_up_while_the_gateway_runs(sale):
    sale.running.keeping.stop()
    first, second = sale.buyer(), sale.buyer("other")
    for number in range(3):
        sale.buy(first, body=infer_body([(number, 2.0, 3.0)]))
    sale.buy(second, NETS, bytes_body())
    sale.client.post("/v2/models/sums/infer", content=b"{", headers={})
    agent = list_net(sale)
    jobs, token = JobsClient(sale.network.contract("Jobs")), TokenClient(sale.token)
    parties = [sale.network.account(name) for name in ("buyer", "seller", "other")]
    open_until = sale.network.chain.block().time + 86_400
    client, seller, other = parties
    terms = {"expires": open_until, "evaluator": client.address}
    number = jobs.create(client, provider=seller.address, description="a job", **terms)
    jobs.create(client, provider=other.address, description="another's", **terms)
    board = board_of(sale)
    assert board.seller == sale.network.account("seller").address
    takings = board.takings
    assert (takings.unclaimed, takings.claimed, takings.settled) == (5 * PRICE, 0, 0)
    assert takings.earned == takings.unsettled == 5 * PRICE
    assert [(b.charged, b.unclaimed, b.channels) for b in takings.buyers] == [
        (3 * PRICE, 3 * PRICE, 1),
        (2 * PRICE, 2 * PRICE, 1),
    ]
    assert board.traffic.statuses[200] == 4 and sum(board.traffic.services.values()) == 5 * PRICE
    assert [(j.number, j.status) for j in board.jobs] == [(number, "open")]
    assert [row.result.found.listing.name for row in board.listings] == ["net"]
    assert board.reputations[agent].count == 0
    assert token.balance(seller.address) == 100 * TOKEN


def test_claims_and_settlements_move_what_is_earned_and_lose_nothing(sale):
    before = board_of(sale).takings
    sale.running.settlement.claim()
    claimed = board_of(sale).takings
    assert (claimed.unclaimed, claimed.claimed, claimed.settled) == (0, 5 * PRICE, 0)
    sale.running.settlement.settle()
    settled = board_of(sale).takings
    assert settled.settled == settled.earned == before.earned and settled.unsettled == 0


def test_exact_payments_and_finished_jobs_are_earned_too(sale):
    before = board_of(sale).takings
    buyer = sale.buyer(schemes=("exact",))
    assert sale.buy(buyer, body=infer_body([(99.0, 2.0, 3.0)])).paid == PRICE
    client, seller = (sale.network.account(name) for name in ("buyer", "seller"))
    jobs = JobsClient(sale.network.contract("Jobs"))
    number = jobs.create_and_fund(
        client,
        provider=seller.address,
        evaluator=client.address,
        expires=sale.network.chain.block().time + 86_400,
        budget=3 * TOKEN,
    )
    assert [job.status for job in board_of(sale).jobs][-1] == "funded"
    jobs.submit(seller, number, b"d" * 32)
    jobs.complete(client, number, b"r" * 32)
    after = board_of(sale).takings
    assert (after.exact, after.jobs) == (PRICE, 3 * TOKEN)
    assert after.earned - before.earned == PRICE + 3 * TOKEN
    assert after.unsettled == before.unsettled == 0


def test_a_withdrawal_that_is_announced_is_shown_with_its_time(sale):
    account = sale.network.account("other")
    mine = Withdrawals(ChannelsClient(sale.network.chain), account)
    (standing,) = mine.channels().values()
    ready = mine.announce(standing.config)
    (row,) = [one for one in board_of(sale).takings.buyers if one.payer == account.address]
    assert (row.ready, row.leaving) == (ready, 98 * PRICE)


def test_decisions_of_the_log_are_counted_by_model(sale):
    for _ in range(400):
        if sale.running.evidence.waiting == 0:
            break
        sale.running.evidence.store()
    board = board_of(sale)
    assert board.decisions == 5
    assert [row.answers for row in board.listings] == [1]


def test_the_board_is_drawn_and_written_with_the_same_figures(sale):
    board = board_of(sale)
    record = board_record(board)
    assert record["earned"] == str(6 * PRICE + 3 * TOKEN) and len(record["buyers"]) == 2
    drawn = _drawn(board)
    for told in ("3.006", "listings", "buyers, in tokens", "open jobs", "answers 200"):
        assert told in drawn
    many = replace(
        board, takings=replace(board.takings, buyers=board.takings.buyers * 20), traffic=None
    )
    assert "and 28 more" in _drawn(many)


def test_other_sellers_vouchers_are_left_out(sale):
    kept = read_vouchers(sale.folder / "home" / "vouchers")
    channels = ChannelsClient(sale.network.chain)
    stranger = b"s" * 20
    assert parts.takings_of(stranger, sale.token.address, kept, channels).earned == 0
    seller = sale.network.account("seller").address
    assert parts.takings_of(seller, b"u" * 20, kept, channels).buyers == ()
    one = next(iter(kept.values()))
    foreign = replace(one, config=replace(one.config, receiver=stranger))
    with pytest.raises(InputError, match="2 sellers"):
        parts.seller_in({b"a": one, b"b": foreign})
    with pytest.raises(InputError, match="whose dashboard"):
        parts.seller_in({})


def test_metrics_are_read_as_prometheus_writes_them():
    page = '# HELP a b\na_total{x="1,\\"2\\"",y="z"} 3\nb 0.5\nc{le="+Inf"} 7\n'
    found = traffic.read_metrics(page)
    assert found["a_total"] == {(("x", '1,\\"2\\"'), ("y", "z")): 3.0}
    assert found["b"] == {(): 0.5} and list(found["c"].values()) == [7.0]
    with pytest.raises(InputError, match="no line of metrics"):
        traffic.read_metrics("<html>")
    buckets = {(("le", "0.001"),): 5.0, (("le", "0.01"),): 9.0, (("le", "+Inf"),): 10.0}
    assert [traffic.quantile(buckets, p) for p in (50, 90, 95)] == [1.0, 10.0, float("inf")]
    assert traffic.quantile({}, 50) is None
