"""A search finds by words and conditions, in an order that integers decide and words explain."""

import pytest
from fair import NOW, TOKEN, Fair
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.core.errors import InputError
from counterpoise.market import Endpoint, Level, Order, Wanted, What, resolve, search
from counterpoise.market.liveness import answering
from counterpoise.market.ranking import counts_of, query_words, rarity, weighed, words_of
from counterpoise.market.standing import Standing


@pytest.fixture(scope="module")
def fair(tmp_path_factory):
    opened = Fair(tmp_path_factory.mktemp("fair"))
    rows = [
        ("credit-net", "Says whether a loan is paid back.", 20, "oip-v2", "optimistic", "credit"),
        ("text-embeddings", "Vectors of texts, for search.", 5, "openai", "quorum", "text"),
        ("weather", "Tomorrow's weather; no credit to us.", 5, "mcp", "zk", "weather"),
        ("credit-chat", "Talks about credit, credit, credit, credit.", 50, "openai", "zk", "chat"),
    ]
    for name, words, amount, tongue, level, tag in rows:
        opened.put(
            opened.listing(
                opened.agent(),
                name,
                description=words,
                price=opened.price(amount, "token" if tongue == "openai" else "call"),
                endpoints=(Endpoint(tongue, f"https://{name}.example/"),),
                levels=(Level(level, 1),),
                tags=(tag,),
                what=What.SERVICE if tongue == "mcp" else What.MODEL,
            )
        )
    opened.refresh()
    yield opened
    opened.close()


def names(fair, words="", now=NOW, limit=20, **conditions):
    results = search(fair.catalogue, words, now, Wanted(**conditions), limit=limit)
    return [one.found.listing.name for one in results]


def test_a_name_weighs_more_than_a_tag_and_a_tag_more_than_a_description(fair):
    assert names(fair, "credit") == ["credit-net", "credit-chat", "weather"]
    whys = [one.whys[0] for one in search(fair.catalogue, "credit", NOW)]
    assert [dict(why.counts) for why in whys] == [
        {"name": 1, "tags": 1},
        {"name": 1, "description": 4},
        {"description": 1},
    ]
    assert [why.points for why in whys] == [12, 11, 1]


def test_the_order_is_said_in_words(fair):
    best = search(fair.catalogue, "credit loan nothing", NOW)[0]
    assert best.points == 12 + 3
    assert best.reason() == (
        "15 points: credit: 1 x (8 x 1 name + 4 x 1 tags) = 12; "
        "loan: 3 x (1 x 1 description) = 3; without nothing"
    )


def test_more_of_the_words_come_before_more_points(fair):
    assert names(fair, "credit tomorrow")[0] == "weather"


def test_words_lose_case_accents_and_plurals(fair):
    assert names(fair, "EMBEDDING") == names(fair, "embeddings") == ["text-embeddings"]
    assert words_of("Résumés, naïve CLASS") == ["resume", "naive", "class"]
    assert names(fair, "vector") == ["text-embeddings"]


def test_conditions_narrow_what_is_found(fair):
    call, token = fair.price(10), fair.price(10, "token")
    assert names(fair, what=What.SERVICE) == ["weather"]
    assert names(fair, tongue="openai") == ["text-embeddings", "credit-chat"]
    assert names(fair, "credit", tongue="openai") == ["credit-chat"]
    assert names(fair, most=call) == ["weather"] and names(fair, most=token) == ["text-embeddings"]
    assert names(fair, level="zk", order=Order.PRICE) == ["weather", "credit-chat"]
    assert names(fair, token=b"u" * 20) == [] and len(names(fair, token=TOKEN)) == 4
    assert names(fair, tongue="openai", level="quorum", most=token) == ["text-embeddings"]


def test_ratings_narrow_and_order(fair):
    known = {
        one.found.listing.name: one.found.listing.agent for one in search(fair.catalogue, "", NOW)
    }
    for name, rating in (("weather", 70_500), ("credit-chat", 90_000)):
        standing = fair.catalogue.standing(known[name])
        noted = Standing(standing.owner, standing.wallet, rating, 3, 10**18)
        fair.catalogue.note(known[name], noted)
    assert names(fair, least_rating=70_500, order=Order.RATING) == ["credit-chat", "weather"]
    assert names(fair, least_rating=70_501) == ["credit-chat"]
    assert names(fair, "credit", order=Order.RATING) == ["credit-chat", "weather", "credit-net"]
    fair.catalogue.note(known["weather"], Standing(standing.owner, standing.wallet))
    fair.catalogue.note(known["credit-chat"], Standing(standing.owner, standing.wallet))


def test_only_what_answers_is_kept_where_that_is_asked(fair):
    asked = []

    def probe(url):
        asked.append(url)
        return "credit" in url

    found = search(fair.catalogue, "credit", NOW)
    assert [one.found.listing.name for one in answering(found, 5, probe)] == [
        "credit-net",
        "credit-chat",
    ]
    assert len(answering(found, 1, probe)) == 1


def test_a_query_without_words_or_with_a_wrong_limit_is_refused(fair):
    with pytest.raises(InputError, match="holds no words"):
        names(fair, "?!")
    for limit in (0, 201):
        with pytest.raises(InputError, match="limit"):
            names(fair, limit=limit)
    assert names(fair, "nowhere") == [] and names(fair, "'; DROP TABLE listing --") == []
    assert len(query_words("word " * 99 + " ".join(map(str, range(50))))) == 16


def test_a_reference_names_one_listing(fair):
    first = search(fair.catalogue, "weather", NOW)[0].found
    place = f"{first.listing.agent}/weather"
    assert resolve(fair.catalogue, place, NOW).found == first
    assert resolve(fair.catalogue, first.digest.hex()[:12], NOW).found == first
    for wrong in ("weather", "abc", "0" * 64, f"{first.listing.agent}/nope", "99/weather", "-1/x"):
        with pytest.raises(InputError):
            resolve(fair.catalogue, wrong, NOW)


def test_a_page_is_filled_though_many_are_passed_over(tmp_path):
    """Versions of the wallet that the owner replaced are skipped, and the page is still full."""
    fair = Fair(tmp_path)
    agent = fair.agent()
    consent = fair.identity.consent(fair.wallet, agent, NOW + 200)
    fair.identity.set_wallet(fair.owner, agent, fair.wallet.address, NOW + 200, consent)
    for number in range(12):
        listing = fair.listing(agent, f"n{number:02}", price=fair.price(number))
        fair.put(listing, fair.wallet)
        fair.put(fair.listing(agent, f"n{number:02}", version=2, price=fair.price(99)))
    found = fair.found(limit=4)
    assert len(found) == 4 and {version for _, _, version in found} == {2}
    assert len(fair.found("credit")) == 12
    fair.close()


def test_very_common_words_find_nothing_beside_rarer_ones(fair, monkeypatch):
    monkeypatch.setattr("counterpoise.market.finding._COMMON", 2)
    assert names(fair, "credit") == ["credit-net", "credit-chat", "weather"]
    assert names(fair, "credit talk") == ["credit-chat"]
    monkeypatch.setattr("counterpoise.market.finding._COMMON", 3)
    assert names(fair, "credit talk") == ["credit-chat", "credit-net", "weather"]
    best = search(fair.catalogue, "credit talk", NOW)[0]
    monkeypatch.setattr("counterpoise.market.finding._COMMON", 2)
    assert search(fair.catalogue, "credit talk", NOW)[0] == best


WORDS = st.lists(st.sampled_from(["loan", "credit", "text", "Loans", "vector", "zzz"]), max_size=5)


@given(WORDS)
def test_sqlite_and_the_rule_give_the_same_order(fair, words):
    """The order that SQLite finds is that of the pure rule."""
    query = query_words(words)
    found = search(fair.catalogue, words, NOW)
    everything = search(fair.catalogue, "", NOW)
    counts = {one.found.digest: counts_of(one.found.listing) for one in everything}
    having = {word: sum(word in c for c in counts.values()) for word in query}

    def key(one):
        mine = counts[one.found.digest]
        points = sum(rarity(4, having[w]) * weighed(mine[w]) for w in query if w in mine)
        matched = sum(w in mine for w in query)
        return -matched, -points, one.found.listing.price.amount, one.found.digest

    wanted = sorted(everything, key=key)
    if query:
        wanted = [one for one in wanted if any(w in counts[one.found.digest] for w in query)]
    assert [one.found for one in found] == [one.found for one in wanted]
