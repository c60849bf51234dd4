"""What strangers read first: card, keys, registration, routes; all of it true."""

import json

import httpx
import pytest
from stall import MODELS, Stall, chat_model

from counterpoise.chain import Account
from counterpoise.core.errors import InputError
from counterpoise.identity import IdentityClient, Registration, check_domains
from counterpoise.market.engines.public_key import public_key
from counterpoise.market.gateway.about import About
from counterpoise.market.gateway.agent_card import _without_empty, agent_card, key_set, sign_card
from counterpoise.market.gateway.operations import Operation, operations_of, tools_of
from counterpoise.market.gateway.running import Running
from counterpoise.market.gateway.service import Route
from counterpoise.market.gateway.settings import load_settings

ABOUT = About("A seller", "Sells texts.", "https://seller.example", "2", "Sellers & Sons")


class Anywhere:
    address = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def stall(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_UPSTREAM_KEY", "k")
        config = '[seller]\nname = "Texts"\nprovider = "Us"\n' + MODELS + chat_model(Anywhere)
        with Stall(tmp_path_factory.mktemp("stall"), config).open() as opened:
            yield opened


def page(stall, path):
    found = httpx.get(stall.address + path, trust_env=False)
    return found.json() if found.status_code == 200 else found.status_code


def test_the_document_has_every_route_and_no_other(stall):
    document = page(stall, "/openapi.json")
    assert document["openapi"] == "3.1.0"
    told = {(method, path) for path, entry in document["paths"].items() for method in entry}
    routes = stall.running.app.routes.services
    served = {
        (route.method.lower(), operation["path"])
        for service in routes
        for route in service.routes
        for operation in [{"path": path_of(route, document)}]
    }
    refunds = {("get", path) for method, path in served if paid(document, method, path)}
    assert told == served | refunds
    names = [entry["operationId"] for one in document["paths"].values() for entry in one.values()]
    assert len(names) == len(set(names))


def path_of(route, document):
    """The path in the document with the same shape: braces there have names of their own."""
    shape = ["{" if part.startswith("{") else part for part in route.path.split("/")]
    for path in document["paths"]:
        if ["{" if part.startswith("{") else part for part in path.split("/")] == shape:
            return path
    return None


def paid(document, method, path):
    return "402" in document["paths"][path][method]["responses"]


def test_paid_routes_say_how_they_are_paid(stall):
    chat = page(stall, "/openapi.json")["paths"]["/v1/chat/completions"]["post"]
    assert "PAYMENT-REQUIRED" in chat["responses"]["402"]["headers"]
    assert [one["name"] for one in chat["parameters"]] == ["PAYMENT-SIGNATURE"]
    assert set(chat["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    bounds = chat["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert bounds["max_tokens"]["anyOf"][0]["maximum"] == 1024


def test_the_card_names_skills_and_where_they_are_reached(stall):
    card = page(stall, "/.well-known/agent-card.json")
    assert (card["name"], card["provider"]["organization"]) == ("Texts", "Us")
    assert [skill["id"] for skill in card["skills"]] == ["chat_chat"]
    (place,) = card["supportedInterfaces"]
    assert place["url"] == stall.address + "/mcp"
    assert page(stall, "/.well-known/agent-registration.json") == 404


def test_a_domain_proves_its_agent(stall, tmp_path):
    identity = IdentityClient(stall.network.contract("IdentityRegistry"))
    agent = identity.register(stall.seller)
    config = f'[seller]\nhome = "{tmp_path}"\nagent = {agent}\nurl = "https://seller.example"\n'
    path = tmp_path / "gateway.toml"
    path.write_text(config + MODELS + chat_model(Anywhere))

    def running(account):
        return Running(
            stall.network, account, load_settings(path), url="http://a", say=stall.said.append
        )

    with pytest.raises(InputError, match="belongs to"):
        running(Account.local(b"another"))
    sold = running(stall.seller)
    discovery = sold.app.routes.services[-1]
    file = discovery._pages["/.well-known/agent-registration.json"]
    sold.close()
    told = Registration.from_bytes(file)
    fetched = []

    def fetch(address):
        fetched.append(address)
        return file

    found = check_domains(told, agent, identity.name, fetch)
    assert found == {"seller.example": "proven"}
    assert fetched == ["https://seller.example/.well-known/agent-registration.json"]


def test_a_signature_covers_all_that_says_something():
    seller, route = Account.local(b"seller"), Route("POST", "/v1/x")
    tool = Operation(route, "do", "Does.", is_tool=True)
    card = agent_card(ABOUT, [tool], [{"url": "u", "protocolBinding": "b"}])
    (one,) = sign_card(card, seller, ABOUT)["signatures"]
    (other,) = sign_card({**card, "version": "3"}, seller, ABOUT)["signatures"]
    assert one["protected"] == other["protected"]
    assert one["signature"] != other["signature"]
    assert _without_empty({"a": "", "b": [], "c": {"d": [""]}, "e": False}) == {"e": False}
    (key,) = key_set(public_key(seller), "k")["keys"]
    assert (key["crv"], len(key["x"]), len(key["y"])) == ("secp256k1", 43, 43)


def test_two_tools_of_one_name_are_refused():
    class Doing:
        name, levels = "doing", ()
        routes = (Route("POST", "/do/{it}"), Route("GET", "/do", is_free=True, media=()))

    class Telling(Doing):
        operations = (Operation(Doing.routes[0], "do", "Does.", is_tool=True, parts={"it": "x"}),)

    plain = operations_of(Doing())
    assert [(one.name, one.body) for one in plain] == [
        ("post_do_it", {"type": "object"}),
        ("get_do", None),
    ]
    (found,) = tools_of([Doing(), Telling()]).values()
    assert found[1].path == "/do/x"
    with pytest.raises(InputError, match="two tools"):
        tools_of([Telling(), Telling()])


@pytest.mark.parametrize("url", ["seller.example", "https://seller.example/", "ftp://a"])
def test_a_gateway_has_an_address(url):
    with pytest.raises(InputError):
        About("a", "b", url)


def test_what_a_tools_caller_cannot_choose_is_not_in_its_schema():
    body = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]}
    tool = Operation(Route("POST", "/x"), "x", "X.", body, defaults={"a": 1})
    assert json.loads(json.dumps(tool.tool_schema)) == {
        "type": "object",
        "properties": {"b": {}},
        "required": ["b"],
    }
    assert Operation(Route("POST", "/x"), "x", "X.").tool_schema["properties"] == {}
