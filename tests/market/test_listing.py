"""A listing is what its signer may say of an agent, and the newest version counts."""

import base64
import json
import sqlite3

import pytest
from fair import DAY, NOW, Fair

from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.identity import Registration
from counterpoise.market import Endpoint, Level, read_chain, read_listing, read_log, resolve
from counterpoise.market.listing import agent_digest
from counterpoise.market.publishing import announce_endpoints, register_seller
from counterpoise.market.sources import KEY
from counterpoise.provenance import AccountSigner, LogReader, Subject, build_statement, sign
from counterpoise.store import Store


@pytest.fixture
def fair(tmp_path):
    opened = Fair(tmp_path)
    yield opened
    opened.close()


def test_a_listing_is_read_as_it_was_signed(fair):
    listing = fair.listing(
        7, policy=b"p" * 32, row_root=b"r" * 32, signer=fair.other.address, withdrawn=True
    )
    found = read_listing(listing.sign(AccountSigner(fair.owner), NOW))
    assert (found.listing, found.signer, found.time) == (listing, fair.owner.address, NOW)
    record = json.loads(base64.b64decode(json.loads(found.envelope)["payload"]))
    subjects = {one["name"]: one["digest"]["sha256"] for one in record["subject"]}
    assert subjects == {
        "agent": agent_digest(fair.identity.name, 7).hex(),
        "model": (b"m" * 32).hex(),
        "dataset": (b"r" * 32).hex(),
    }


def test_a_listing_cannot_be_altered_or_name_other_subjects(fair):
    envelope = fair.listing(7).sign(AccountSigner(fair.owner), NOW)
    record = json.loads(envelope)
    payload = base64.b64decode(record["payload"])
    for old, new in ((b'"amount":"20"', b'"amount":"10"'), (b'"number":7', b'"number":8')):
        changed = {**record, "payload": base64.b64encode(payload.replace(old, new)).decode()}
        text = json.dumps(changed, sort_keys=True, separators=(",", ":")).encode()
        with pytest.raises(VerificationError, match="false"):
            read_listing(text)


def test_a_listing_that_claims_to_be_about_another_thing_is_refused(fair):
    """Else a log's index would lead from somebody's model to a stranger's listing."""
    record = json.loads(fair.listing(7).sign(AccountSigner(fair.owner), NOW))
    statement = json.loads(base64.b64decode(record["payload"]))
    subjects = [Subject("agent", agent_digest(fair.identity.name, 8))]
    said = statement["predicate"]
    fields = {k: v for k, v in said.items() if k not in ("actor", "time", "nonce", "inputs")}
    made = build_statement(
        "listing", subjects, actor=said["actor"], time=NOW, nonce=bytes(16), **fields
    )
    with pytest.raises(InputError, match="subjects are not what it names"):
        read_listing(sign(made, AccountSigner(fair.owner)).to_bytes())


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Two Words"},
        {"description": "x" * 4_001},
        {"description": "a\x1b[2Jb"},
        {"licence": "a\nb\x00"},
        {"tags": ("two words",)},
        {"tags": ("a",) * 17},
        {"version": 0},
        {"endpoints": (Endpoint("mcp", "no address"),)},
        {"endpoints": (Endpoint("mcp", "https://user:pass@seller.example/"),)},
        {"endpoints": (Endpoint("mcp", "https://seller.example:99999/"),)},
        {"endpoints": (Endpoint("mcp", "http:///path"),)},
        {"endpoints": (Endpoint("M C P", "https://seller.example/"),)},
        {"levels": (Level("zk", -1),)},
        {"until": -1},
        {"agent": -1},
        {"registry": "eip155:1"},
    ],
)
def test_a_malformed_listing_is_refused_before_it_is_signed(fair, wrong):
    with pytest.raises(InputError):
        fair.listing(**({"agent": 7} | wrong)).sign(AccountSigner(fair.owner), NOW)


def test_only_owner_and_wallet_list_for_an_agent(fair):
    agent = fair.agent()
    fair.put(fair.listing(agent, version=9), fair.stranger)
    fair.put(fair.listing(agent, "mine"))
    forged = fair.put(fair.listing(agent, "mine", version=9), fair.stranger)
    assert fair.found() == [(agent, "mine", 1)]
    assert resolve(fair.catalogue, f"{agent}/mine", NOW).found.listing.version == 1
    with pytest.raises(InputError, match="not signed by its agent's"):
        resolve(fair.catalogue, read_listing(forged).digest.hex(), NOW)
    consent = fair.identity.consent(fair.wallet, agent, NOW + 200)
    fair.identity.set_wallet(fair.owner, agent, fair.wallet.address, NOW + 200, consent)
    fair.put(fair.listing(agent, "by-wallet"), fair.wallet)
    assert sorted(fair.found()) == [(agent, "by-wallet", 1), (agent, "mine", 1)]
    fair.identity.unset_wallet(fair.owner, agent)
    assert fair.found() == [(agent, "mine", 1)]
    with pytest.raises(InputError, match="neither owner nor wallet"):
        fair.publish(fair.listing(agent), fair.stranger)


def test_who_bought_an_agent_lists_for_it_and_who_sold_it_does_not(fair):
    agent = fair.agent()
    fair.put(fair.listing(agent, version=5))
    assert fair.found() == [(agent, "credit-net", 5)]
    fair.identity.transfer(fair.owner, agent, fair.other.address)
    assert fair.found() == []
    fair.put(fair.listing(agent), fair.other)
    assert fair.found() == [(agent, "credit-net", 1)]


def test_a_newer_version_replaces_and_an_older_one_comes_too_late(fair):
    agent = fair.agent()
    for version, words in ((2, "second words"), (1, "first words"), (3, "third words")):
        fair.put(fair.listing(agent, version=version, description=words, tags=()))
        fair.refresh()
    assert fair.found("words") == [(agent, "credit-net", 3)]
    assert fair.found("second") == [] and fair.found("third") == [(agent, "credit-net", 3)]
    assert len(fair.catalogue) == 1
    query = "SELECT COUNT(DISTINCT listing) FROM posting"
    assert fair.catalogue.database.execute(query).fetchone() == (1,), "words of old ones are left"
    again = fair.open_catalogue("other.db")
    fair.refresh(again)
    assert again.versions(agent, "credit-net") == fair.catalogue.versions(agent, "credit-net")
    again.close()


def test_of_two_with_one_version_everyone_takes_the_same(fair):
    agent = fair.agent()
    first = fair.put(fair.listing(agent, description="one"))
    second = fair.put(fair.listing(agent, description="two"))
    wanted = max(read_listing(first).digest, read_listing(second).digest)
    fair.refresh()
    assert resolve(fair.catalogue, f"{agent}/credit-net", NOW).found.digest == wanted


def test_what_was_withdrawn_is_not_found_until_it_is_listed_again(fair):
    agent = fair.agent()
    listing = fair.listing(agent)
    fair.put(listing)
    assert fair.found("credit") == [(agent, "credit-net", 1)]
    fair.put(listing.taken_back())
    assert fair.found("credit") == [] and fair.found() == []
    with pytest.raises(InputError, match="withdrew"):
        resolve(fair.catalogue, f"{agent}/credit-net", NOW)
    fair.put(fair.listing(agent, version=3))
    assert fair.found("credit") == [(agent, "credit-net", 3)]


def test_the_owner_withdraws_what_the_wallet_listed(fair):
    agent = fair.agent()
    consent = fair.identity.consent(fair.wallet, agent, NOW + 200)
    fair.identity.set_wallet(fair.owner, agent, fair.wallet.address, NOW + 200, consent)
    fair.put(fair.listing(agent, version=1), fair.wallet)
    assert fair.found() == [(agent, "credit-net", 1)]
    fair.put(fair.listing(agent, version=2, withdrawn=True))
    assert fair.found() == []
    fair.put(fair.listing(agent, version=3), fair.wallet)
    assert fair.found() == [(agent, "credit-net", 3)]


def test_a_listing_ends_when_it_says(fair):
    agent = fair.agent()
    fair.put(fair.listing(agent))
    assert fair.found(now=NOW + DAY - 1) and not fair.found(now=NOW + DAY)
    with pytest.raises(InputError, match="was good until"):
        resolve(fair.catalogue, f"{agent}/credit-net", NOW + DAY)


def test_the_catalogue_reads_only_what_is_new_and_passes_over_the_rest(fair):
    agent = fair.agent()
    fair.put(fair.listing(agent))
    fair.log.append([b"no envelope", b"{}"])
    assert read_log(fair.catalogue, fair.log) == 1
    fair.put(fair.listing(agent, "second"))
    read_before = fair.catalogue.mark("log/log")
    assert read_log(fair.catalogue, fair.log) == 1 and read_log(fair.catalogue, fair.log) == 0
    assert read_before != fair.catalogue.mark("log/log")
    foreign = fair.listing(agent, "third", registry="eip155:1:0x" + "22" * 20)
    fair.put(foreign)
    assert read_log(fair.catalogue, fair.log) == 0


def test_a_forged_listing_is_refused_by_name(fair):
    agent = fair.agent()
    record = json.loads(fair.listing(agent).sign(AccountSigner(fair.owner), NOW))
    record["signatures"][0]["sig"] = base64.b64encode(bytes(64) + b"\x1b").decode()
    fair.log.append([json.dumps(record, sort_keys=True, separators=(",", ":")).encode()])
    assert fair.found() == []
    assert fair.catalogue.refused and "entry 0 of the log" in fair.catalogue.refused[0]


def test_a_mirror_is_read_as_the_log_is(fair, tmp_path):
    agent = fair.agent()
    fair.put(fair.listing(agent))
    mirror = LogReader(tmp_path / "log", origin="example.org/log", vkey=fair.log.vkey)
    other = fair.open_catalogue("mirror.db")
    assert read_log(other, mirror, "mirror") == 1
    assert read_log(other, fair.log) == 0
    other.close()


def test_a_log_that_was_made_anew_is_read_from_its_start(fair, tmp_path):
    from counterpoise.provenance import Log

    agent = fair.agent()
    fair.put(fair.listing(agent))
    fair.refresh()
    with Log(tmp_path / "new", origin="example.org/log", key=bytes(32)) as new:
        new.append([fair.listing(agent, "other").sign(AccountSigner(fair.owner), NOW)])
        assert read_log(fair.catalogue, new) == 1


def test_a_seller_without_a_log_is_found_through_the_chain(fair):
    agent = fair.agent(fair.other)
    done = fair.publish(fair.listing(agent), fair.other, log=None)
    assert (done.on_chain, done.entry) == (True, None)
    assert fair.identity.metadata(agent, KEY) == done.digest
    assert fair.found("credit") == [(agent, "credit-net", 1)]
    fair.publish(fair.listing(agent, "second"), fair.other, log=None)
    assert sorted(fair.found("credit")) == [(agent, "credit-net", 1), (agent, "second", 1)]


def test_what_the_store_lacks_is_asked_for_again_and_fetched_where_the_seller_says(fair):
    agent = fair.agent(fair.other)
    elsewhere = Store(fair.folder / "elsewhere")
    done = fair.publish(fair.listing(agent), fair.other, log=None, store=elsewhere)
    assert fair.found() == []
    fair.store.put(done.envelope)
    assert fair.found() == [(agent, "credit-net", 1)]
    third = fair.publish(fair.listing(agent, "third"), fair.other, log=None, store=elsewhere)
    place = b"https://seller.example/third"
    fair.identity.set_metadata(fair.other, agent, KEY, third.digest + place)
    asked, other = [], fair.listing(agent, "unnamed").sign(AccountSigner(fair.other), NOW)

    def fetch(url):
        asked.append(url)
        return third.envelope if len(asked) > 1 else other

    for expected in (0, 1):
        assert read_chain(fair.catalogue, fair.identity, fair.store, fetch) == expected
    assert set(asked) == {place.decode()}


def test_a_wallet_that_no_log_takes_cannot_list(fair):
    agent = fair.agent()
    consent = fair.identity.consent(fair.wallet, agent, NOW + 200)
    fair.identity.set_wallet(fair.owner, agent, fair.wallet.address, NOW + 200, consent)
    with pytest.raises(InputError, match="nobody would find it"):
        fair.publish(fair.listing(agent), fair.wallet, log=None)
    done = fair.publish(fair.listing(agent), fair.wallet)
    assert done.entry == 0 and not done.on_chain and done.notes


def test_a_new_seller_is_registered_with_its_endpoints(fair):
    listing = fair.listing(0, description="Long. " * 600)
    agent = register_seller(fair.identity, fair.owner, listing)
    uri = fair.identity.agent(agent).uri
    file = Registration.from_uri(uri, lambda _: b"")
    assert len(uri) <= 2_048 and file.x402 and file.active
    assert [(s.name, s.endpoint) for s in file.services] == [
        ("oip-v2", "https://seller.example/v2")
    ]
    assert [(p.agent, p.registry) for p in file.registrations] == [(agent, fair.identity.name)]


def test_an_agents_file_learns_the_endpoints_that_it_lacks(fair):
    agent = register_seller(fair.identity, fair.owner, fair.listing(0))
    more = fair.listing(agent, endpoints=(Endpoint("mcp", "https://seller.example/mcp"),))
    assert announce_endpoints(fair.identity, fair.owner, more) == ""
    file = Registration.from_uri(fair.identity.agent(agent).uri, lambda _: b"")
    assert [s.name for s in file.services] == ["oip-v2", "MCP"]
    uri = fair.identity.agent(agent).uri
    assert announce_endpoints(fair.identity, fair.owner, more) == ""
    assert fair.identity.agent(agent).uri == uri
    hosted = fair.identity.register(fair.owner, "https://seller.example/agent.json")
    assert "not on the chain" in announce_endpoints(fair.identity, fair.owner, fair.listing(hosted))
    broken = fair.identity.register(fair.owner, "data:application/json,{")
    assert "not well-formed" in announce_endpoints(fair.identity, fair.owner, fair.listing(broken))


def test_many_agents_are_read_from_the_log_of_the_registry_alike(fair, monkeypatch):
    agents = [fair.agent() for _ in range(4)]
    consent = fair.identity.consent(fair.wallet, agents[1], NOW + 200)
    fair.identity.set_wallet(fair.owner, agents[1], fair.wallet.address, NOW + 200, consent)
    fair.identity.transfer(fair.owner, agents[2], fair.other.address)
    fair.identity.unset_wallet(fair.owner, agents[3])
    for agent in (*agents, 99):
        fair.put(fair.listing(agent))
    fair.refresh()
    asked = [fair.catalogue.standing(agent) for agent in (*agents, 99)]
    monkeypatch.setattr("counterpoise.market.sources._ASKED", 0)
    again = fair.open_catalogue("again.db")
    fair.refresh(again)
    assert [again.standing(agent) for agent in (*agents, 99)] == asked
    assert len({one.keys for one in asked}) == 4
    again.close()


def test_a_reorganised_transfer_is_noticed(fair):
    agent = fair.agent()
    fair.put(fair.listing(agent))
    before = fair.chain.snapshot()
    fair.identity.transfer(fair.owner, agent, fair.other.address)
    assert fair.found() == []
    fair.chain.revert(before)
    fair.chain.mine(2)
    assert fair.found() == [(agent, "credit-net", 1)]


def test_a_catalogue_of_another_registry_or_version_is_made_anew(fair, tmp_path):
    from counterpoise.market import Catalogue

    fair.put(fair.listing(fair.agent()))
    assert fair.found()
    with Catalogue(fair.catalogue.path, "eip155:1:0x" + "22" * 20) as other:
        assert len(other) == 0 and other.mark("log/log") == ""
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.execute("CREATE TABLE mark(name TEXT PRIMARY KEY, value TEXT)")
        old.execute("CREATE TABLE listing(another_shape TEXT)")
        old.execute("INSERT INTO mark VALUES ('of', ?)", (f"0 {fair.identity.name.lower()}",))
    old.close()
    again = fair.open_catalogue("old.db")
    assert fair.found(catalogue=again)
    again.close()
    kept = fair.open_catalogue("old.db")
    assert len(kept) == 1, "it is not made anew when it is opened again"
    kept.close()
    (tmp_path / "broken.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match=r"broken\.db failed"):
        Catalogue(tmp_path / "broken.db", fair.identity.name)
