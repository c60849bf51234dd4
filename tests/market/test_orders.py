"""Orders: paid from escrow by whatever evaluator, refunded by time, handed over by digest."""

import json
from pathlib import Path

import pytest
from acceptance_world import BUDGET, DAY, HOUR, PUPPET, TOLD, build_world, refused
from click.testing import CliRunner

from counterpoise.chain import Account, artifact_of, deploy
from counterpoise.core.digest import keccak, sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import TOKEN
from counterpoise.jobs import NOBODY, CohortClient
from counterpoise.jobs import Status as JobStatus
from counterpoise.market import AcceptanceTerms, Orders, OrderTerms
from counterpoise.market.orders_keys import Place
from counterpoise.market.sealing import public_key, seal, unseal, unseal_shown
from counterpoise.store import Store
from counterpoise.verification import JobDeskClient, JobTerms, Status

AGREED = sha256(b"an offer")
WORK = b"label,score\nyes,10\n"


@pytest.fixture(scope="module")
def one_world(tmp_path_factory):
    built = build_world()
    built.desk = JobDeskClient.deploy(built.chain, built.minter, built.jobs.address)
    parties = (built.token.address, built.jobs.address)
    built.cohort = CohortClient(deploy(built.chain, built.minter, "Cohort", *parties), built.token)
    store = Store(tmp_path_factory.mktemp("blobs"))
    built.orders = Orders(built.jobs, store, [built.acceptance, built.desk])
    yield built
    built.chain.close()


@pytest.fixture
def world(one_world):
    place = one_world.chain.snapshot()
    yield one_world
    one_world.chain.revert(place)


def terms(world, **changes):
    usual = {
        "agreed": AGREED,
        "provider": world.provider.address,
        "evaluator": world.acceptance.address,
        "budget": BUDGET,
        "expires": world.now + 7 * DAY,
    }
    return OrderTerms(**(usual | changes))


def placed(world, **changes):
    number = world.orders.place(world.client, terms(world, **changes))
    world.orders.fund(world.client, number)
    return number


def earned(world):
    return world.balance(world.provider) - 10_000 * TOKEN


def test_an_order_names_what_was_agreed_and_is_paid_for_what_was_handed_over(world):
    number = placed(world)
    found = world.orders.check(
        number,
        world.provider.address,
        agreed=AGREED,
        least=BUDGET,
        evaluators=[world.acceptance.address],
        until=world.now + DAY,
    )
    assert found.agreed == AGREED and found.key is None and found.deliverable is None
    with pytest.raises(InputError, match="nothing was handed over"):
        world.orders.fetch(number)
    digest = world.orders.deliver(world.provider, number, WORK)
    assert digest == sha256(WORK) == world.orders.order(number).deliverable
    assert world.acceptance.case(number).deliverable == digest
    assert world.orders.fetch(number) == WORK
    world.acceptance.accept(world.client, number)
    assert earned(world) == BUDGET


@pytest.mark.parametrize("who", ["client", "stranger"])
def test_a_person_decides_by_its_own_word(world, who):
    judge = world.roles[who]
    good, bad = (placed(world, evaluator=judge.address) for _ in range(2))
    for number in (good, bad):
        world.orders.deliver(world.provider, number, WORK)
        with pytest.raises(InputError, match="its evaluator's own word"):
            world.orders.conclude(world.stranger, number)
    world.jobs.complete(judge, good)
    world.jobs.reject(judge, bad)
    assert earned(world) == BUDGET
    assert world.balance(world.jobs) == 0


def test_a_level_of_proof_decides(world):
    """The desk of proofs is evaluator and hook; the level is one that says what it is told."""
    level = deploy(world.chain, world.minter, artifact_of(TOLD), 0)
    answer = b"\0\0\0\7\0\1"
    outcomes = []
    for claimed in (answer, b"\0\0\0\7\0\0"):
        number = placed(world, evaluator=world.desk.address)
        question = (b"m" * 32, b"i" * 32, level.address, world.now + DAY)
        expires = world.jobs.job(number).expires
        asked = JobTerms(world.provider.address, BUDGET, *question, expires)
        world.desk.pose(world.client, number, asked)
        world.desk.deliver(world.provider, number, claimed)
        assert world.orders.order(number).deliverable == keccak(claimed)
        values = (int(Status.FINAL), [], answer, bytes(32), world.now)
        level.transact(world.stranger, "tell", world.desk.address, number, *values)
        world.orders.conclude(world.stranger, number)
        outcomes.append(world.jobs.job(number).status)
    assert outcomes == [JobStatus.COMPLETED, JobStatus.REJECTED]


def test_a_federation_works_and_its_judge_decides(world):
    """Many work on one order: the cohort is the provider, what scores its rounds decides."""
    judge = deploy(world.chain, world.stranger, artifact_of(PUPPET))

    def tell(contract, name, *args):
        judge.transact(world.stranger, "act", contract.address, contract.encode(name, *args))

    parties = {"provider": world.cohort.address, "evaluator": judge.address}
    number = placed(world, **parties)
    world.cohort.open(world.client, number, stake=0, rounds=judge.address)
    world.cohort.join(world.ann, number, b"d" * 32)
    claims = world.cohort.claims(number, 1, {world.ann.address: BUDGET})
    tell(world.cohort.contract, "deliver", number, 1, AGREED, claims.root, BUDGET)
    tell(world.jobs.contract, "complete", number, AGREED, b"")
    world.cohort.settle(world.stranger, number)
    proof = claims.proof(world.ann.address)
    world.cohort.claim(world.stranger, number, world.ann.address, BUDGET, proof)
    assert world.balance(world.ann) == BUDGET
    assert world.orders.order(number).deliverable == AGREED


def kinds(world):
    judge = deploy(world.chain, world.stranger, artifact_of(PUPPET))
    return {
        "acceptance": {},
        "desk": {"evaluator": world.desk.address},
        "client": {"evaluator": world.client.address},
        "third": {"evaluator": world.stranger.address},
        "federation": {"provider": world.cohort.address, "evaluator": judge.address},
    }


@pytest.mark.parametrize("kind", ["acceptance", "desk", "client", "third", "federation"])
def test_a_provider_that_dies_costs_the_client_nothing_but_time(world, kind):
    before = world.balance(world.client)
    number = placed(world, **kinds(world)[kind])
    world.warp_to(world.jobs.job(number).expires - 1)
    with refused("jobs: not yet expired"):
        world.orders.refund(world.stranger, number)
    world.orders.refund(Account.local(b"minter"), number)
    assert world.balance(world.client) == before
    assert world.jobs.job(number).status is JobStatus.EXPIRED


@pytest.mark.parametrize("kind", ["acceptance", "client", "third"])
def test_an_evaluator_that_never_answers_holds_no_money(world, kind):
    before = world.balance(world.client)
    number = placed(world, **kinds(world)[kind])
    world.orders.deliver(world.provider, number, WORK)
    world.warp_to(world.jobs.job(number).expires + HOUR)
    world.orders.refund(world.ann if kind == "nobody" else world.stranger, number)
    assert world.balance(world.client) == before and world.balance(world.jobs) == 0


def test_a_client_that_vanishes_pays_for_what_was_delivered(world):
    number = placed(world)
    world.orders.deliver(world.provider, number, WORK)
    world.warp_to(world.acceptance.case(number).ends)
    world.orders.conclude(world.stranger, number)
    assert earned(world) == BUDGET


def test_what_is_due_is_found_and_concluded_before_the_escrow_refunds(world):
    """An accepted, a silent, an unfunded, a personal and an undelivered order: one is due."""
    done, silent, waiting = placed(world), placed(world), placed(world)
    personal = placed(world, evaluator=world.stranger.address)
    world.orders.place(world.client, terms(world))
    for number in (done, silent, personal):
        world.orders.deliver(world.provider, number, WORK)
    world.acceptance.accept(world.client, done)
    mine = (world.stranger.address, world.provider.address)
    assert world.orders.due(*mine) == []
    world.warp_to(world.acceptance.case(silent).ends + 1)  # a block of that time is there
    assert world.orders.due(*mine) == [silent]
    assert world.orders.due(world.stranger.address, world.ann.address) == []
    world.orders.conclude(world.stranger, silent)
    assert earned(world) == 2 * BUDGET
    world.warp_to(world.acceptance.case(waiting).ends + 1)  # a block of that time is there
    assert world.orders.due(*mine) == [waiting]


def test_who_looks_before_working_is_told_what_is_wrong(world):
    def check(number, **changes):
        usual = {
            "agreed": AGREED,
            "least": BUDGET,
            "evaluators": [world.acceptance.address, world.stranger.address],
            "until": world.now + DAY,
        }
        who = changes.pop("who", world.provider).address
        return world.orders.check(number, who, **(usual | changes))

    number = placed(world)
    assert check(number).number == number
    wrong = [
        ({"who": world.stranger}, "another provider"),
        ({"agreed": bytes(32)}, "something else"),
        ({"least": BUDGET + 1}, "pays 100 tokens"),
        ({"evaluators": [world.desk.address]}, "decide"),
        ({"until": world.now + 8 * DAY}, "expires too soon"),
    ]
    for change, reason in wrong:
        with pytest.raises(VerificationError, match=reason):
            check(number, **change)
    with pytest.raises(VerificationError, match="is not funded"):
        check(world.orders.place(world.client, terms(world)))
    description = f"order {AGREED.hex()}"
    options = {"expires": world.now + 7 * DAY, "description": description}
    options |= {"provider": world.provider.address}
    bare = world.jobs.create_and_fund(
        world.client, evaluator=world.acceptance.address, budget=BUDGET, **options
    )
    with pytest.raises(VerificationError, match="lacks its evaluator as a hook"):
        check(bare)
    hook = deploy(world.chain, world.minter, artifact_of(PUPPET.parent / "TestHook.vy"))
    hooked = world.jobs.create(
        world.client, evaluator=world.stranger.address, hook=hook.address, **options
    )
    world.jobs.set_budget(world.client, hooked, BUDGET)
    world.jobs.fund(world.client, hooked, BUDGET)
    with pytest.raises(VerificationError, match="a hook that is not its evaluator"):
        check(hooked)


def test_terms_of_acceptance_are_those_that_were_agreed_on(world):
    number = world.orders.place(world.client, terms(world))
    wanted = AcceptanceTerms(world.arbiter.address, 5 * TOKEN, DAY, DAY, DAY, DAY)
    world.orders.fund(world.client, number, wanted.params())
    world.acceptance.check_terms(number, wanted)
    other = AcceptanceTerms(world.arbiter.address, 5 * TOKEN, HOUR, DAY, DAY, DAY)
    with pytest.raises(VerificationError, match="was funded by the terms"):
        world.acceptance.check_terms(number, other)


def test_private_work_opens_for_the_client_and_for_whom_its_seller_shows_it(world):
    number = placed(world, is_private=True)
    digest = world.orders.deliver(world.provider, number, WORK)
    blob = world.orders.store.fetch(digest)
    assert WORK not in blob and len(blob) == len(WORK) + 70
    assert world.orders.fetch(number, world.client) == WORK
    with pytest.raises(InputError, match="is sealed"):
        world.orders.fetch(number)
    with pytest.raises(VerificationError, match="does not open"):
        world.orders.fetch(number, world.stranger)
    shown = world.orders.show(world.provider, number, WORK)
    assert world.orders.fetch_shown(number, shown) == WORK
    for lie in (world.orders.show(world.provider, number, b"better work"), b"\1" * 32):
        with pytest.raises(VerificationError, match="not the one of this blob"):
            world.orders.fetch_shown(number, lie)


def test_a_sealed_blob_serves_its_own_order_alone():
    secret, buyer = b"\3" * 32, b"\5" * 32
    place, other = (Place(1, b"e" * 20, number).to_bytes() for number in (7, 8))
    blob = seal(WORK, secret, public_key(buyer), place)
    assert unseal(blob, buyer, place) == WORK
    for wrong in (
        lambda: unseal(blob, buyer, other),
        lambda: unseal(blob[:-1] + bytes([blob[-1] ^ 1]), buyer, place),
        lambda: unseal_shown(blob, secret, public_key(b"\6" * 32), place),
    ):
        with pytest.raises(VerificationError, match="does not open"):
            wrong()
    with pytest.raises(InputError, match="not sealed"):
        unseal(WORK, buyer, place)
    with pytest.raises(InputError, match="no X25519 key"):
        seal(WORK, secret, bytes(32), place)


def test_a_delivery_that_was_interrupted_is_simply_made_again(world):
    number = placed(world, is_private=True)
    first = world.orders.deliver(world.provider, number, WORK)
    world.orders.store.delete(first)
    with pytest.raises(InputError):
        world.orders.fetch(number, world.client)
    assert world.orders.deliver(world.provider, number, WORK) == first
    assert world.orders.fetch(number, world.client) == WORK
    with refused("jobs: not in the status for this"):
        world.orders.deliver(world.provider, number, b"something else")


def test_a_job_that_is_no_order_is_told_apart(world):
    job = world.open()
    with pytest.raises(InputError, match="is no order"):
        world.orders.order(job)
    assert world.orders.numbers() == []
    mine = placed(world)
    open_ = world.orders.place(world.client, terms(world, provider=NOBODY))
    assert world.orders.numbers() == [mine, open_]
    assert world.orders.numbers(world.provider.address) == [mine]
    with pytest.raises(InputError, match="5 bytes"):
        world.orders.place(world.client, terms(world, agreed=b"offer"))


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A network whose buyer holds tokens, and a file with a signed offer."""
    from counterpoise.market import SignedOffer, issue_offer
    from counterpoise.network import create_network
    from counterpoise.provenance import AccountSigner

    folder = tmp_path_factory.mktemp("orders") / "state"
    with create_network(folder, seed=bytes(32)) as network:
        operator, token = network.account("operator"), network.contract("CreditToken")
        for name in ("buyer", "seller", "ann"):
            account = network.account(name)
            network.fund(account.address, 10**20)
            token.transact(operator, "mint", account.address, 1_000 * TOKEN)
        seller = network.account("seller")
        until = network.chain.block().time + 30 * DAY
        name = f"eip155:{network.chain.chain_id()}"
        offer = SignedOffer("a report", name, token.address, BUDGET, seller.address, until)
        signed = issue_offer(AccountSigner(seller), offer, until - 30 * DAY)
        (folder / "offer.json").write_bytes(signed)
        (folder / "work.csv").write_bytes(WORK)
    return folder


def run(state: Path, *args: str, code: int = 0):
    from counterpoise.market.order_cli import order

    found = CliRunner().invoke(order, [*args, "--state", str(state), "--json"])
    if code:
        assert found.exit_code and isinstance(found.exception, Exception), found.output
        return found.exception
    assert found.exit_code == 0, (found.output, found.exception)
    return json.loads(found.output)


def test_the_verbs_take_an_order_from_an_offer_to_its_pay(state, tmp_path):
    offer, work, got = state / "offer.json", state / "work.csv", tmp_path / "got.csv"
    made = run(state, "place", str(offer), "--private", "--account", "buyer")
    number = str(made["order"])
    assert (made["status"], made["budget"]) == ("open", "100")
    assert run(state, "fund", number, "--account", "buyer")["status"] == "funded"
    given = run(state, "submit", number, "--file", str(work), "--account", "seller")
    assert given["status"] == "submitted" and given["stage"] == "delivered"
    assert given["next"].startswith("the client accepts or objects")
    run(state, "fetch", number, "--out", str(got), "--account", "buyer")
    assert got.read_bytes() == WORK
    paid = run(state, "accept", number, "--account", "buyer")
    assert (paid["status"], paid["outcome"]) == ("completed", "accepted")
    assert made["order"] in [one["order"] for one in run(state, "list")["orders"]]


def test_the_verbs_fix_other_terms_and_refuse_them_where_nobody_keeps_them(state):
    offer = str(state / "offer.json")
    number = str(run(state, "place", offer, "--account", "buyer")["order"])
    terms = ("--bond", "3", "--hours", "12", "--arbiter", "Quorum", "--account", "buyer")
    made = run(state, "fund", number, *terms)
    assert made["bond"] == "3" and made["next"].startswith("the provider submits before")
    days = (made["expires"] - int(made["next"].split("before ")[1].split(";")[0])) / DAY
    assert 1.9 < days < 2.1, "four windows of twelve hours"
    plain = ("place", offer, "--evaluator", "ann", "--account", "buyer")
    number = str(run(state, *plain)["order"])
    assert "not decided by acceptance" in str(run(state, "fund", number, *terms, code=1))


def test_the_verbs_object_defend_and_end_by_time(state):
    ends = []
    for last in ("defend", "object"):
        made = run(state, "place", str(state / "offer.json"), "--account", "buyer")
        number = str(made["order"])
        run(state, "fund", number, "--account", "buyer")
        run(state, "submit", number, "--file", str(state / "work.csv"), "--account", "seller")
        run(state, "object", number, "--why", "half is missing", "--account", "buyer")
        if last == "defend":
            run(state, "defend", number, "--why", "it is all there", "--account", "seller")
        assert "acceptance: " in str(run(state, "conclude", number, "--account", "ann", code=1))
        ends.append(number)
    from counterpoise.network import open_network

    with open_network(state) as network:
        network.warp(3 * DAY)
    found = run(state, "conclude", "--of", "seller", "--account", "ann")["orders"]
    outcomes = {str(one["order"]): one["outcome"] for one in found}
    assert [outcomes[number] for number in ends] == ["no ruling", "undefended"]
    assert run(state, "conclude", "--of", "seller", "--account", "ann") == {"orders": []}


def test_the_verbs_refund_what_nobody_worked_for(state):
    words = ("place", AGREED.hex(), "--budget", "5", "--days", "1", "--account", "buyer")
    parties = ("--provider", "seller", "--evaluator", "ann")
    number = str(run(state, *words, *parties)["order"])
    run(state, "fund", number, "--account", "buyer")
    assert "not yet expired" in str(run(state, "refund", number, "--account", "ann", code=1))
    from counterpoise.network import open_network

    with open_network(state) as network:
        network.warp(DAY)
    assert run(state, "refund", number, "--account", "ann")["status"] == "expired"


def test_an_offer_for_another_chain_or_out_of_time_is_not_ordered(state, tmp_path):
    from counterpoise.market import SignedOffer, issue_offer
    from counterpoise.network import open_network
    from counterpoise.provenance import AccountSigner

    with open_network(state) as network:
        seller, token = network.account("seller"), network.contract("CreditToken").address
        now, name = network.chain.block().time, f"eip155:{network.chain.chain_id()}"
    file = tmp_path / "offer.json"
    wrong = [
        ((name, token, now - 1), "the offer held until"),
        (("eip155:1", token, now + DAY), "the offer is for eip155:1"),
        ((name, b"t" * 20, now + DAY), "or for another token"),
    ]
    for (chain, coin, until), reason in wrong:
        offer = SignedOffer("a report", chain, coin, BUDGET, seller.address, until)
        file.write_bytes(issue_offer(AccountSigner(seller), offer, now))
        assert reason in str(run(state, "place", str(file), "--account", "buyer", code=1))
    file.write_bytes(b"{}")
    assert "needs payload" in str(run(state, "place", str(file), "--account", "buyer", code=1))
    missing = str(run(state, "place", AGREED.hex(), "--account", "buyer", code=1))
    assert "nobody is said to work" in missing
