"""A participant's and the coordinator's own process, with the other played by the test."""

import numpy as np
import pytest
from village import FEATURES, RULES, owners

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import TOKEN
from counterpoise.federation import (
    Coordinator,
    DirectCourier,
    Draft,
    GradientLearner,
    Home,
    HonestTrainer,
    Host,
    ModelFile,
    Node,
    Notary,
    fetch_terms,
    final_claims,
    open_job,
    read_roster,
    verify_job,
)
from counterpoise.federation.book import Book
from counterpoise.federation.mail import Letterbox, join_topic, post_letter, task_topic, topic
from counterpoise.federation.overview import full_record, job_record
from counterpoise.federation.settlement import draw, result_statement
from counterpoise.federation.validation import ValidationSet
from counterpoise.jobs import Stage, TokenClient
from counterpoise.network import create_network, draw_from_faucet, fill_faucet
from counterpoise.provenance import Verdict

NAMES = ("ann", "bob")


class Town:
    """A founded network with an open job, and nodes that nobody has started."""

    def __init__(self, folder):
        self.folder = folder
        self.network = create_network(folder / "state", seed=bytes(32))
        self.operator = self.network.account("operator")
        fill_faucet(self.network, self.operator)
        self.rows = {
            name: Home(folder / name).commit(
                np.column_stack([one.features, one.labels]), [*(f.name for f in FEATURES), "ill"]
            )
            for name, one in zip(NAMES, owners(2), strict=True)
        }
        proofs = [row.disclose(row.sample(15)).disclosures for row in self.rows.values()]
        validation = ValidationSet(tuple(proof for each in proofs for proof in each))
        base = ModelFile(np.zeros(RULES.model.n_params, np.int32), np.zeros(0, np.int64))
        sponsor = Account.local(b"sponsor")
        draw_from_faucet(self.network, sponsor, RULES.pot)
        given = ("town", self.operator.address, RULES, TOKEN, 9, 9, 60, base, validation, 86_400)
        self.terms, self.task = open_job(self.network, self.notary(sponsor), Draft(*given))
        place = task_topic(self.terms.job)
        post_letter(self.network.mailbox, place, sponsor.address, self.task.to_bytes())

    def notary(self, account):
        return Notary(account, lambda: self.network.chain.block("latest").time)

    def node(self, name, *, account=None, home=None, pause=None):
        rows = self.rows[name]
        learner = GradientLearner(RULES.model)
        node = Node(
            self.network,
            account or Account.local(name.encode()),
            name,
            self.terms,
            Home(self.folder / (home or name)),
            rows,
            HonestTrainer(learner, rows.features, rows.labels),
        )
        if pause:
            node.pause = pause
        return node

    def host(self, **options):
        return Host(self.network, self.notary(self.operator), self.terms, **options)

    def rounds(self, nodes, count):
        """Log who joined and run some rounds, as a coordinator would that then falls silent."""
        self.network.log.append(self.host(members=len(nodes))._gather())
        book = Book.read(self.network.log.entries(), self.terms.job)
        joined = nodes[0].postings.cohort.members(self.terms.job)
        participants = [node._participant(node.join()) for node in nodes]
        coordinator = Coordinator(
            self.network,
            self.notary(self.operator),
            self.terms,
            read_roster(book, joined)[0],
            DirectCourier(participants),
        )
        return [coordinator.run_round(number) for number in range(1, count + 1)]


@pytest.fixture
def town(tmp_path):
    made = Town(tmp_path)
    yield made
    made.network.close()


def balance(town, account):
    return TokenClient(town.network.contract("CreditToken")).balance(account.address)


def test_a_job_whose_coordinator_falls_silent_is_finished_and_paid_by_a_member(town):
    nodes = [town.node(name) for name in NAMES]
    for node in nodes:
        node.join()
    outcomes = town.rounds(nodes, 2)
    waits, said = [], []
    nodes[0].pause = lambda seconds: waits.append(seconds) or town.network.chain.warp(900)
    nodes[0].say = said.append
    drawn = nodes[0].run()
    assert nodes[0].postings.cohort.purse(town.terms.job).stage is Stage.PAID
    assert drawn.due == outcomes[-1].standing.dues[nodes[0].account.address] == drawn.paid
    assert drawn.stake_returned == TOKEN and balance(town, nodes[0].account) == drawn.due + TOKEN
    assert "round 3 of 3 passed without this participant" in said
    assert waits[:4] == sorted(waits[:4]) and waits[0] < waits[3], "longer and longer pauses"
    assert job_record(town.network, town.terms.job)["state"] == "paid"
    verdict = Verdict()
    verify_job(town.network, town.terms.job, verdict)
    assert verdict.false == []


def test_a_job_that_expires_without_a_round_gives_the_stake_back(town):
    node = town.node("ann", pause=lambda _: town.network.chain.warp(7200))
    node.join()
    before = balance(town, node.account)
    drawn = node.run()
    assert (drawn.due, drawn.paid, drawn.stake_returned) == (0, 0, TOKEN)
    assert balance(town, node.account) == before + TOKEN
    assert job_record(town.network, town.terms.job)["state"] == "expired"
    assert node.run().stake_returned == 0, "done again, it changes nothing"


def test_joining_again_changes_neither_chain_nor_mail(town):
    first, again = town.node("ann").join(), town.node("ann").join()
    assert first == again
    assert len(town.network.mailbox.list(join_topic(town.terms.job))) == 3
    cohort = town.node("ann").postings.cohort
    assert [event.dataset for event in cohort.members(town.terms.job)] == [first]


def test_a_home_is_bound_to_the_key_and_a_key_to_the_home_with_which_it_joined(town):
    town.node("ann").join()
    with pytest.raises(InputError, match="statements of another key"):
        town.node("ann", account=Account.local(b"eve")).join()
    with pytest.raises(InputError, match="with another dataset"):
        town.node("ann", home="elsewhere").join()


def test_a_key_without_tokens_is_told_what_the_stake_is(town):
    stranger = Account(b"\7" * 32)
    town.network.fund(stranger.address, 10**18)
    with pytest.raises(InputError, match="has 0 tokens, the stake is 1"):
        town.node("ann", account=stranger).join()


def test_it_is_too_late_to_join_once_the_rounds_have_begun(town):
    nodes = [town.node("ann")]
    nodes[0].join()
    town.rounds(nodes, 1)
    with pytest.raises(InputError, match="too late to join"):
        town.node("bob").join()


def test_the_coordinator_begins_with_those_who_came_until_the_deadline(town):
    with pytest.raises(InputError, match="0 members have joined"):
        town.host(join_seconds=0)._gather()
    node = town.node("ann")
    node.join()
    now = [0.0]
    host = town.host(members=2, join_seconds=5, clock=lambda: now[0])
    host.pause = lambda seconds: now.__setitem__(0, now[0] + seconds)
    group = host._gather()
    assert now[0] >= 5 and group[0] == town.task.to_bytes() and len(group) == 4


def test_later_members_than_the_coordinator_wants_are_left_out(town):
    for name in NAMES:
        town.node(name).join()
    group = town.host(members=1)._gather()
    book = Book.read(group, town.terms.job)
    members, refused = read_roster(book, town.node("ann").postings.cohort.members(town.terms.job))
    assert list(members) == [Account.local(b"ann").address]
    assert [refusal.code for refusal in refused] == ["identity"]


def test_who_joined_on_the_chain_without_mailing_its_dataset_is_not_counted(town):
    node = town.node("ann")
    draw_from_faucet(town.network, node.account, TOKEN)
    node.postings.cohort.join_with_permit(node.account, town.terms.job, bytes(32), 2**40)
    for letter in node._statements():
        place = join_topic(town.terms.job)
        post_letter(town.network.mailbox, place, node.account.address, letter)
    with pytest.raises(InputError, match="0 members have joined"):
        town.host(join_seconds=0)._gather()


def test_without_the_sponsors_statement_nothing_begins(town):
    place = town.folder / "state" / "mail" / task_topic(town.terms.job)
    for letter in place.iterdir():
        letter.unlink()
    with pytest.raises(InputError, match="sponsor's statement"):
        town.host()._gather()


def test_a_published_result_must_be_the_one_that_the_chain_names(town):
    nodes = [town.node(name) for name in NAMES]
    for node in nodes:
        node.join()
    town.rounds(nodes, 1)
    town.network.folder, kept = None, town.network.folder
    with pytest.raises(InputError, match="its statement is not in the mail"):
        result_statement(town.network, town.terms, 1)
    town.network.folder = kept
    entry = Book.read(town.network.log.entries(), town.terms.job).round(1).result
    stated = {k: v for k, v in entry.fields.items() if k not in ("actor", "time", "nonce")}
    stated["pay_total"] = "1"
    other = town.notary(town.operator).state("round", entry.statement.subject, **stated)
    place = topic(town.terms.job, 1, "result")
    for letter in (other.to_bytes(), entry.data):
        post_letter(town.network.mailbox, place, town.operator.address, letter)
    box = Letterbox(town.network.mailbox, place)
    assert len(box.letters([town.operator.address])[town.operator.address]) == 2
    found = result_statement(town.network, town.terms, 1)
    assert found.predicate["pay_total"] == entry.fields["pay_total"]


def test_dues_other_than_the_chain_commits_to_are_refused(town, monkeypatch):
    nodes = [town.node(name, pause=lambda _: town.network.chain.warp(900)) for name in NAMES]
    for node in nodes:
        node.join()
    town.rounds(nodes, 2)
    with pytest.raises(InputError, match="not paid yet"):
        final_claims(town.network, town.terms)
    nodes[0].run()
    lie = {node.account.address: TOKEN for node in nodes}
    monkeypatch.setattr("counterpoise.federation.settlement.dues_of", lambda *_: lie)
    with pytest.raises(VerificationError, match="another root"):
        draw(town.network, nodes[1].account, town.terms, nodes[1].account.address)


def test_who_is_no_member_draws_nothing(town):
    eve = Account.local(b"eve")
    with pytest.raises(InputError, match="no member of job"):
        draw(town.network, eve, town.terms, eve.address)


def test_terms_are_found_by_what_the_chain_says_and_by_nothing_else(town):
    assert fetch_terms(town.network, town.terms.job) == town.terms
    with pytest.raises(InputError, match="no job 9"):
        fetch_terms(town.network, 9)
    town.network.store.delete(town.terms.digest)
    with pytest.raises(InputError, match="not in this store"):
        fetch_terms(town.network, town.terms.job)


def test_a_visitor_sees_what_was_mailed_and_no_scores(town):
    nodes = [town.node(name) for name in NAMES]
    for node in nodes:
        node.join()
    town.rounds(nodes, 2)
    own = full_record(town.network, town.terms.job)
    entry = Book.read(town.network.log.entries(), town.terms.job).round(2).result
    place = topic(town.terms.job, 2, "result")
    post_letter(town.network.mailbox, place, town.operator.address, entry.data)
    town.network.folder, kept = None, town.network.folder
    seen = full_record(town.network, town.terms.job)
    town.network.folder = kept
    assert [one["score_ppm"] for one in seen["participants"]] == [None, None]
    assert sum(one["score_ppm"] for one in own["participants"]) == 1_000_000
    hidden = [{**one, "score_ppm": None} for one in own["participants"]]
    assert seen["participants"] == hidden and seen["model"] == own["model"]
