"""A node of the oracle: from a request to a callback, through crashes, reorgs and rivals."""

from threading import Event

import pytest
from oracle_village import DAY, FEE, HOUR, MEMBERS, MODEL, small_net
from oracle_world import CONTRACTS

from counterpoise.chain import FINAL_DEPTH, artifact_of, deploy
from counterpoise.core.digest import sha256
from counterpoise.core.errors import Busy, InputError, StorageError
from counterpoise.core.units import TOKEN
from counterpoise.inference import Runner, model_bytes
from counterpoise.oracle import Order, Policy, Stage, publish_model, share
from counterpoise.provenance import Envelope, kind_of
from counterpoise.verification import Level

ALL = MEMBERS


@pytest.fixture
def nodes(village, tmp_path):
    """The committee's nodes, each in a home of its own."""
    made = [village.node(tmp_path, name) for name in ALL]
    yield made
    for node in made:
        node.close()


def decisions(village):
    entries = [Envelope.from_bytes(e).statement for e in village.network.log_reader().entries()]
    return [one.predicate for one in entries if kind_of(one) == "decision"]


def test_a_committee_answers_a_request_and_shares_its_fee(village, nodes):
    values = (10, 200, 3, 4)
    id_ = village.ask(values)
    village.settle(*nodes)
    answer = village.oracle.answer_of(id_)
    assert answer.stage is Stage.ANSWERED and answer.answer == MODEL.answer(bytes(values))
    [fulfilled] = village.oracle.fulfilments()
    addresses = {node.account.address for node in nodes}
    assert set(fulfilled.providers) == addresses
    spent = 900 * TOKEN  # a hundred are at stake
    dues = share(FEE, fulfilled.providers)
    assert {a: village.balance(a) - spent for a in addresses} == dues
    assert village.balance(village.oracle) == 0


def test_a_node_answers_a_consumer_contract(village, nodes):
    consumer = deploy(
        village.network.chain, village.account("client"), artifact_of(CONTRACTS / "Consumer.vy")
    )
    id_ = village.ask(callback=consumer.address, callback_gas=100_000)
    village.settle(*nodes)
    [took] = consumer.events("Took")
    assert took.args["id"] == id_
    assert took.args["answer"] == village.oracle.answer_of(id_).answer


def test_decisions_are_stated_once_by_each_who_was_paid(village, nodes):
    id_ = village.ask()
    village.settle(*nodes)
    village.turn(*nodes, times=2)
    found_ = decisions(village)
    assert len(found_) == len(nodes) and len({one["actor"] for one in found_}) == len(nodes)
    for one in found_:
        assert one["request"].endswith(f"/{id_}")
        assert one["model"] == MODEL.id.hex()
        assert one["output"] == village.oracle.answer_of(id_).answer.hex()
        assert one["started"] <= one["ended"]


def test_a_batch_is_answered_by_one_run_of_the_model(village, nodes, monkeypatch):
    rows = [(i, i, i, i) for i in range(5)]
    commitments = [village.inbox.put(sha256(bytes(r)), bytes(r)) for r in rows]
    order = Order(MODEL.id, 0, 1, village.now + DAY)
    ids = village.oracle.request_batch(village.account("client"), order, commitments)
    sizes, run = [], Runner.run
    monkeypatch.setattr(Runner, "run", lambda self, p: (sizes.append(len(p)), run(self, p))[1])
    node = nodes[0]
    node._follow()
    for entry in node.journal.open():
        node.supply.request(village.oracle.address, entry)
    node.supply.wait(5)
    node.step()
    assert sizes[0] == len(rows)
    village.settle(*nodes)
    answers = [village.oracle.answer_of(id_).answer for id_ in ids]
    assert answers == [MODEL.answer(bytes(row)) for row in rows]


def test_an_input_that_comes_late_is_waited_for(village, nodes):
    values, salt = (9, 9, 9, 9), sha256(bytes((9, 9, 9, 9)))
    id_ = village.ask(values, put=False)
    said = []
    for node in nodes:
        node.say = node.supply.say = said.append
    village.turn(*nodes)
    assert any("no blob of this store opens" in line for line in said)
    assert village.quorum.round(village.oracle.address, id_).members == ()
    village.inbox.put(salt, bytes(values))
    for node in nodes:
        node.supply.clock = lambda: 1e12
    village.settle(*nodes)
    assert village.oracle.answer_of(id_).answer == MODEL.answer(bytes(values))


def test_a_request_may_name_the_blob_itself(village, nodes):
    id_ = village.ask((5, 6, 7, 8), put=False, reference=True)
    village.settle(*nodes)
    assert village.oracle.answer_of(id_).answer == MODEL.answer(bytes((5, 6, 7, 8)))


@pytest.mark.parametrize("values", [(1, 2, 3), (1, 2, 3, 4, 5)])
def test_an_input_of_another_length_is_never_answered(village, nodes, values):
    id_ = village.ask(values)
    said = []
    for node in nodes:
        node.say = node.supply.say = said.append
    village.settle(*nodes)
    assert village.oracle.request_of(id_).stage is Stage.OPEN
    assert any(f"the input has {len(values)} bytes" in line for line in said)
    assert not any(node.supply.has_hope(node.journal.open()[0]) for node in nodes)
    village.pass_time(DAY)
    village.oracle.cancel(village.account("client"), id_)


def test_false_pointers_do_not_hide_the_true_input(village, nodes):
    values = (1, 1, 1, 1)
    commitment = village.inbox.put(sha256(bytes(values)), bytes(values))
    for i in range(5):
        digest = village.network.store.put(b"junk %d" % i)
        village.network.mailbox.post(f"oracle-input/{commitment.hex()}", digest.hex(), b"")
    village.network.mailbox.post(f"oracle-input/{commitment.hex()}", "0" * 64, b"")
    village.network.mailbox.post(f"oracle-input/{commitment.hex()}", "not-a-digest", b"")
    id_ = village.ask(values)
    village.settle(*nodes)
    assert village.oracle.request_of(id_).stage is Stage.ANSWERED


def test_a_false_model_file_is_not_taken_for_the_model(village, nodes):
    other = village.network.store.put(model_bytes(small_net(seed=9)))
    village.network.mailbox.post(f"oracle-model/{MODEL.id.hex()}", other.hex(), b"")
    id_ = village.ask()
    village.settle(*nodes)
    assert village.oracle.answer_of(id_).answer == MODEL.answer(bytes((10, 200, 3, 4)))


def test_what_pays_too_little_or_burns_too_much_is_left_alone(village, tmp_path):
    policy = Policy(least_fee=FEE, most_callback_gas=1000, courtesy_seconds=0)
    node = village.node(tmp_path, "nina", policy=policy)
    cheap, dear, fit = village.ask(fee=FEE - 1), village.ask(callback_gas=1001), village.ask()
    village.turn(node)
    rounds = [village.quorum.round(village.oracle.address, i).members for i in (cheap, dear, fit)]
    assert [len(one) for one in rounds] == [0, 0, 1]
    node.close()


def test_a_level_at_which_a_node_does_not_answer_is_left_alone(village, tmp_path):
    node = village.node(tmp_path, "nina", levels=[Level.DIRECT])
    village.ask()
    village.turn(node)
    assert [entry.level for entry in node.journal.open()] == [0]
    assert village.quorum.round(village.oracle.address, 1).members == ()
    node.close()


def test_a_level_that_the_oracle_does_not_offer_is_refused(village, tmp_path):
    network, nobody = village.network, bytes(20)
    token, models, direct = (
        network.contract(name).address for name in ("CreditToken", "Models", "Direct")
    )
    terms = (token, models, [nobody, nobody, nobody, direct], HOUR)
    bare = deploy(network.chain, village.account("operator"), "Oracle", *terms)
    network.charter.contracts["Oracle"] = bare.address
    with pytest.raises(InputError, match="offers no level zk"):
        village.node(tmp_path, levels=[Level.ZK])


def test_a_node_that_starts_again_goes_on_where_it_was(village, tmp_path):
    """The answer is committed to by one process and revealed by the next, the store being away."""
    id_ = village.ask()
    others = [village.node(tmp_path, name) for name in ALL[1:]]
    first = village.node(tmp_path)
    village.turn(first, *others)
    first.close()
    village.pass_time(2)
    for blob in (tmp_path / "state" / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    again = village.node(tmp_path)
    village.turn(again, *others, times=2)
    assert village.oracle.request_of(id_).stage is Stage.ANSWERED
    assert again.account.address in village.oracle.fulfilments()[0].providers
    for node in (again, *others):
        node.close()


def test_one_process_serves_from_one_home(village, tmp_path):
    node = village.node(tmp_path)
    with pytest.raises(Busy):
        village.node(tmp_path)
    node.close()


def test_a_reorg_after_fulfil_brings_the_request_back_and_it_is_fulfilled_again(village, nodes):
    id_ = village.ask()
    chain = village.network.chain
    village.turn(*nodes)
    village.pass_time(2)
    before = chain.block().number
    village.turn(*nodes, times=2)
    assert village.oracle.request_of(id_).stage is Stage.ANSWERED
    answer = village.oracle.answer_of(id_).answer
    chain.reorg(chain.block().number - before, keep=False)
    assert village.oracle.request_of(id_).stage is Stage.OPEN
    chain.mine(40)
    village.turn(*nodes, times=3)
    assert village.oracle.answer_of(id_).answer == answer
    assert village.balance(village.oracle) == 0


def test_a_reorg_that_takes_the_request_away_leaves_nothing_behind(village, nodes):
    chain = village.network.chain
    before = chain.block().number
    id_ = village.ask((1, 2, 3, 4))
    village.turn(*nodes)
    chain.reorg(chain.block().number - before, keep=False)
    chain.mine(40)
    again = village.ask((4, 3, 2, 1))
    assert again == id_
    village.settle(*nodes)
    assert village.oracle.answer_of(id_).answer == MODEL.answer(bytes((4, 3, 2, 1)))


def test_a_request_that_was_refunded_is_let_go(village, nodes):
    id_ = village.ask((1, 2, 3, 4), put=False)
    village.pass_time(DAY + 1)
    village.oracle.cancel(village.account("client"), id_)
    village.turn(*nodes)
    assert all(node.journal.open() == [] for node in nodes)


def test_inputs_are_forgotten_once_no_reorg_can_open_their_request(village, nodes):
    village.ask()
    village.settle(*nodes)
    node = nodes[0]
    [entry] = node.journal._rows("")
    assert entry.secret is not None and entry.closed
    village.network.chain.mine(FINAL_DEPTH + 1)
    village.turn(node)
    [entry] = node.journal._rows("")
    assert entry.secret is None and entry.answer
    raw = (node.home / "journal.sqlite").read_bytes()
    assert sha256(bytes((10, 200, 3, 4))) not in raw


class Stalled:
    """A store that does not answer until it is told to."""

    def __init__(self, store, gate):
        self.store, self.gate = store, gate

    def fetch(self, digest, **options):
        self.gate.wait(30)
        return self.store.fetch(digest, **options)


def test_a_store_that_stalls_does_not_keep_a_node_from_revealing(village, nodes):
    gate = Event()
    first = village.ask((1, 2, 3, 4))
    village.turn(*nodes)
    for node in nodes:
        pointers = node.supply._inbox._pointers
        pointers.store = Stalled(pointers.store, gate)
    second = village.ask((4, 4, 4, 4))
    village.pass_time(2)
    for _ in range(3):
        for node in nodes:
            node.step()
    assert village.oracle.request_of(first).stage is Stage.ANSWERED
    assert village.oracle.request_of(second).stage is Stage.OPEN
    gate.set()
    village.settle(*nodes)
    assert village.oracle.request_of(second).stage is Stage.ANSWERED


def test_a_disk_that_fails_is_told_once_and_waited_for(village, tmp_path):
    said, pauses = [], []
    node = village.node(tmp_path, said=said)
    node.pause = pauses.append

    def broken():
        raise StorageError("the disk is gone")

    node.step = broken
    node.run(until=lambda: len(pauses) == 3)
    assert said == ["waiting: the disk is gone"] and len(pauses) == 3
    node.close()


def test_publishing_a_model_again_changes_nothing(village):
    operator, log = village.account("operator"), village.network.log
    before = log.size
    first = publish_model(village.network, operator, MODEL, name="toy", card=b'{"toy": 1}')
    assert log.size == before and first.subject[0].digest == MODEL.id
    publish_model(village.network, operator, small_net(3), name="other")
    assert log.size == before + 1
