"""What the gateway makes of HTTP: bounds, mistakes and free pages; nothing of it costs anything."""

import json
import socket

import pytest
from gateway_world import NETS, SUMS, bytes_body, infer_body

from counterpoise.core.errors import InputError
from counterpoise.market.gateway.routing import Routes
from counterpoise.market.gateway.service import NotServed, Route
from counterpoise.payments import unpack

JSON = {"content-type": "application/json"}


def post(sale, path, body, **headers):
    return sale.client.post(path, content=body, headers={**JSON, **headers})


def test_an_unpaid_call_is_told_its_price_and_how_to_pay(sale):
    found = post(sale, SUMS, infer_body())
    assert found.status_code == 402 and found.json() == {"error": "payment required"}
    required = unpack(found.headers["payment-required"])
    assert [offer["scheme"] for offer in required["accepts"]] == ["batch-settlement", "exact"]
    assert {offer["amount"] for offer in required["accepts"]} == {str(10**15)}
    assert required["resource"] == {"url": SUMS}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "words"),
    [
        ("/nowhere", b"{}", {}, 404, "nothing is served"),
        ("/v2/models/other/infer", b"{}", {}, 404, "no model 'other'"),
        (SUMS, b"{", {}, 400, "no JSON"),
        (SUMS, b'{"a": 1, "a": 2}', {}, 400, "twice"),
        (SUMS, b'{"inputs": NaN}', {}, 400, "NaN"),
        (SUMS, b"\xff", {}, 400, "UTF-8"),
        (SUMS, b"[" * 200_000, {}, 400, "deep"),
        (SUMS, b'{"id": ' + b"9" * 5000 + b"}", {}, 400, "too long"),
        (SUMS, b"[]", {}, 400, "no JSON object"),
        (SUMS, b"x" * (1 << 20) + b"x", {}, 413, "bytes"),
        (SUMS, infer_body(), {"content-type": "text/csv"}, 415, "text/csv"),
        (SUMS + "?verification=zk", infer_body(), {}, 422, "no level"),
    ],
)
def test_a_mistake_is_named_before_anything_is_paid(sale, path, body, headers, status, words):
    found = post(sale, path, body, **headers)
    assert found.status_code == status
    assert words in found.json()["error"]
    assert "payment-required" not in found.headers


def test_a_body_that_comes_in_pieces_is_stopped_at_its_limit(sale):
    found = sale.client.post(SUMS, content=(b"x" * 65_536 for _ in range(64)), headers=JSON)
    assert found.status_code == 413


def test_a_wrong_method_is_told_which_there_are(sale):
    found = sale.client.delete(SUMS)
    assert found.status_code == 405 and found.headers["allow"] == "GET, POST"
    assert sale.client.post("/health").headers["allow"] == "GET"


def test_a_body_that_does_not_come_is_given_up(network, place):
    from gateway_world import CONFIG, selling

    with selling(network, place, config="[limits]\nupload_seconds = 0.2\n" + CONFIG) as sale:
        host, port = sale.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as line:
            line.sendall(f"POST {SUMS} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{".encode())
            assert line.recv(100).startswith(b"HTTP/1.1 408 ")


def test_what_is_free_is_free(sale):
    assert sale.client.get("/v2").json()["name"] == "counterpoise"
    assert sale.client.get("/v2/health/live").json() == {"live": True}
    assert sale.client.get("/v2/health/ready").json() == {"ready": True}
    assert sale.client.get("/v2/models/sums/ready").json() == {"name": "sums", "ready": True}
    assert sale.client.get("/health").json() == {"status": "serving"}
    assert sale.client.head("/health").content == b""
    about = sale.client.get("/.well-known/x402").json()
    assert {one["path"] for one in about["resources"]} >= {"/v2/models/{model}/infer", "/toy"}
    assert sale.client.get("/.well-known/agent-card.json").status_code == 200


def test_metrics_count_calls_refusals_and_charges(sale):
    post(sale, SUMS, infer_body())
    sale.buy(sale.buyer())
    page = sale.client.get("/metrics").text
    assert 'refusals_total{reason="unpaid"} 2' in page
    assert 'calls_total{method="POST",route="/v2/models/{model}/infer",status="200"} 1' in page
    assert f'charged_base_units_total{{service="models"}} {10**15}' in page
    assert 'call_seconds_count{service="models"} 3' in page
    assert "counterpoise_gateway_in_flight 0" in page


def test_no_error_shows_how_the_gateway_is_made(sale, toy):
    toy.fault = RuntimeError("a secret of the inside")
    found = sale.client.post("/free", content=b"x", headers=JSON)
    assert found.status_code == 500
    assert "secret" not in found.text and "Traceback" not in found.text


def test_models_say_what_they_want(sale):
    found = sale.client.get("/v2/models/net").json()
    assert found["versions"] == ["1"]
    assert found["inputs"] == [{"name": "bytes", "datatype": "UINT8", "shape": [-1, 4]}]
    assert found["parameters"]["price"] == "0.002 per call"
    assert sale.client.get("/v2/models/net/versions/2").status_code == 404


def test_a_get_of_a_paid_place_is_told_the_terms(sale):
    found = sale.client.get(NETS)
    assert (
        found.status_code == 402 and "refunds" in unpack(found.headers["payment-required"])["error"]
    )


def test_two_services_cannot_have_one_route(sale, toy):
    with pytest.raises(InputError, match="called 'toy'"):
        Routes([toy, toy])


def test_paths_are_found_by_their_parts_and_fixed_parts_win():
    class Shop:
        def __init__(self, name, *paths):
            self.name, self.routes = name, [Route("GET", path) for path in paths]

    routes = Routes([Shop("one", "/a/{b}"), Shop("two", "/a/c")])
    assert routes.find("GET", "/a/c")[0].name == "two"
    service, route, parts = routes.find("GET", "/a/x%2Fy")
    assert (service.name, route.path, parts) == ("one", "/a/{b}", {"b": "x/y"})
    with pytest.raises(NotServed, match="nothing"):
        routes.find("GET", "/a")


def test_a_query_that_means_nothing_changes_nothing(sale):
    buyer = sale.buyer()
    got = sale.buy(buyer, SUMS + "?x=%00&verification=none", infer_body())
    assert got.answer.status == 200
    assert json.loads(got.answer.body)["outputs"][0]["data"] == [15.0]
    assert sale.buy(buyer, NETS, bytes_body()).answer.status == 200
