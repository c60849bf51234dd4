"""What one payer, one address and one channel may ask of a gateway, and what is told beyond it."""

import threading
import time

from gateway_world import CONFIG, selling

from counterpoise.market.gateway.debts import Debts
from counterpoise.market.gateway.limits import Buckets, Rate
from counterpoise.payments import Response

TEXT = {"content-type": "text/plain"}


def toy_call(sale, buyer, body=b"x"):
    return buyer.fetch(sale.url + "/toy", "POST", body, TEXT)


def limited(line, config=CONFIG):
    return f"[limits]\n{line}\n" + config


def charged(owed, claimed=0):
    state = {"chargedCumulativeAmount": str(owed), "totalClaimed": str(claimed)}
    return Response(True, "eip155:1", extra={"channelState": state})


def test_a_bucket_fills_with_time_up_to_its_burst():
    buckets = Buckets(Rate(per_second=2, burst=3))
    assert [buckets.wait("a", 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.wait("a", 0.4) > 0
    assert buckets.wait("a", 0.5) == 0
    assert [buckets.wait("a", 100.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.wait("b", 0.0) == 0


def test_a_refused_call_takes_no_token():
    buckets = Buckets(Rate(per_second=1, burst=1))
    buckets.wait("a", 0.0)
    assert [buckets.wait("a", 0.5) for _ in range(9)] == [0.5] * 9
    assert buckets.wait("a", 1.0) == 0


def test_buckets_remember_so_many_and_no_more():
    buckets = Buckets(Rate(per_second=1, burst=1), kept=2)
    for name in ("a", "b", "c"):
        buckets.wait(name, 0.0)
    assert len(buckets) == 2
    assert buckets.wait("c", 0.0) > 0 and buckets.wait("a", 0.0) == 0


def test_time_that_goes_backwards_takes_nothing_away():
    buckets = Buckets(Rate(per_second=1, burst=2))
    buckets.wait("a", 10.0)
    assert buckets.wait("a", 5.0) == 0


def test_one_address_may_ask_so_often(network, place):
    with selling(network, place, config=limited("address_per_second = 0.1")) as sale:
        assert sale.client.get("/health").status_code == 200
        found = sale.client.get("/health")
        assert found.status_code == 429 and int(found.headers["retry-after"]) >= 9


def test_one_payer_may_ask_so_often_and_another_as_well(network, place, toy):
    config = limited("payer_per_second = 0.1\npayer_burst = 2")
    with selling(network, place, config=config, more=[toy]) as sale:
        buyer = sale.buyer()
        assert [toy_call(sale, buyer).answer.status for _ in range(3)] == [200, 200, 429]
        assert toy_call(sale, buyer).paid == 0
        assert toy_call(sale, sale.buyer("other")).answer.status == 200
        assert 'limited_total{limit="payer"} 2' in sale.client.get("/metrics").text


def test_so_many_calls_are_worked_on_at_once(network, place, toy):
    with selling(network, place, config=limited("in_flight = 1"), more=[toy]) as sale:
        buyers = [sale.buyer(), sale.buyer("other")]
        for buyer in buyers:
            toy_call(sale, buyer)
        toy.pause, found = 0.5, []
        first = threading.Thread(target=lambda: found.append(toy_call(sale, buyers[0])))
        first.start()
        while sale.running.metrics.in_flight == 0:
            time.sleep(0.01)
        turned_away = toy_call(sale, buyers[1])
        first.join()
        assert found[0].answer.status == 200
        assert turned_away.answer.status == 503 and turned_away.paid == 0


def test_a_channel_is_claimed_before_it_owes_too_much(network, place, toy):
    config = limited('unsettled = "0.0000000000000004"')
    with selling(network, place, config=config, more=[toy]) as sale:
        buyer, refusals = sale.buyer(), 0
        for _ in range(12):
            got = toy_call(sale, buyer)
            while got.answer.status == 503:
                refusals += 1
                time.sleep(0.05)
                got = toy_call(sale, buyer)
            assert got.paid == 100
            assert sale.running.debts.total <= 400
        assert sale.running.metrics.claimed >= 800 and refusals < 100


def test_debts_know_what_is_owed_and_what_is_due():
    woken = []
    debts = Debts(100, lambda: woken.append(True))
    debts.note(b"a", charged(40))
    debts.note(b"b", charged(30, 10))
    assert (debts.total, debts.due(), woken) == (60, frozenset(), [])
    debts.note(b"a", charged(60))
    debts.note(b"a", charged(70))
    assert (debts.total, debts.due(), woken) == (90, frozenset({b"a"}), [True])
    assert debts.is_over(b"a", 31) and not debts.is_over(b"a", 30)
    debts.claimed([b"a"])
    assert (debts.total, debts.due()) == (20, frozenset())
    assert not Debts(None).is_over(b"a", 10**30)
