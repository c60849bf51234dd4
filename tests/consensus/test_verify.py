"""What is false in a market is named, number by number, whatever kind of evidence was tampered."""

import itertools
from dataclasses import replace
from random import Random

import pytest
from markets import NAMES
from service import MODEL, build_service

from counterpoise.consensus import ConsensusClient, Rule, read_sheet
from counterpoise.consensus.evidence import is_borne_out
from counterpoise.consensus.scoring import Kind
from counterpoise.consensus.sheet_check import SheetCheck
from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError
from counterpoise.core.units import to_checksum
from counterpoise.inference import Layer, Net, model_bytes
from counterpoise.provenance import AccountSigner, Subject, Verdict, build_statement, sign

OTHER = model_bytes(Net((Layer([[1, 1, 1, 1], [0, 0, 2, 0]], [0, 0]),)))
OTHERS = sha256(OTHER)
SEEDS = itertools.count(1_000)


@pytest.fixture
def play(later):
    """Gives what plays epochs more; each twist changes ann's sheet of one before it is kept."""

    def epochs(*twists):
        ann, bob = players(later)
        for twist in twists:
            twisted(ann, twist)
            later.epoch(later.keeper(), ann, bob)
        return later

    return epochs


def players(service):
    """Two validators, one of whom knows the model of a provider."""
    models = {NAMES.index("cleo"): MODEL}
    fresh = {"random": Random(next(SEEDS)).randbytes}  # no sheet of another test is this one's
    return service.validator("ann", models=models, **fresh), service.validator("bob", **fresh)


@pytest.fixture(scope="module")
def over(tmp_path_factory):
    """A service in which two epochs are over, honestly; it is only looked at."""
    service = build_service()
    service.home = tmp_path_factory.mktemp("over")
    validators = players(service)
    for _ in range(2):
        service.epoch(service.keeper(), *validators)
    service.evidence.keep_model(OTHER)
    yield service
    service.close()


def twisted(validator, change):
    """Let a validator keep, commit to and show another sheet than the one it made."""
    journal, examiner = validator.journal, validator.examiner
    keep, score = type(journal).keep_sheet, type(examiner).score
    twist = lambda content: change(read_sheet(content)).to_bytes()  # noqa: E731
    journal.keep_sheet = lambda epoch, content: keep(journal, epoch, twist(content))
    examiner.score = lambda *told: score(examiner, *told) and examiner.sheet(told[0].epoch)


def honest(sheet):
    return sheet


def altered(kind, **changes):
    """Change the first exchange of a kind; a value may be a function of the exchange."""

    def change(sheet):
        exchanges = list(sheet.exchanges)
        k = next(k for k, one in enumerate(exchanges) if one.kind is kind)
        told = {n: v(exchanges[k]) if callable(v) else v for n, v in changes.items()}
        exchanges[k] = replace(exchanges[k], **told)
        return replace(sheet, exchanges=tuple(exchanges))

    return change


def names_of(verdict):
    return [one.name for one in verdict.false]


def test_an_honest_market_is_true_and_every_number_of_it_is_derived(over):
    verdict = over.verdict()
    assert not verdict.false
    # 2 epochs of 8 cells with 4 numbers; 2 validators with 7 weights, in 2 epochs
    assert verdict.numbers > 2 * 8 * 4 + 2 * 2 * 7


@pytest.mark.parametrize(
    ("change", "name", "told"),
    [
        (altered(Kind.CHECK, label=b"\0\7"), "checks", "not the one that was sealed"),
        (altered(Kind.CHECK, place=lambda one: one.place + 1), "checks", "exchange"),
        (lambda s: replace(s, leaves=(*s.leaves[1:], bytes(32))), "checks", "not the one"),
        (lambda s: replace(s, bound=0), "sealed checks", "no earlier commitment"),
        (lambda s: replace(s, bound=s.epoch), "sealed checks", "no earlier commitment"),
        (lambda s: replace(s, leaves=(*s.leaves, bytes(32))), "sealed checks", ""),
        (altered(Kind.RERUN, label=b"made up"), "label", ""),
        (lambda s: replace(s, models={}), "model", ""),
        (lambda s: replace(s, models=dict.fromkeys(s.models, OTHERS)), "label", ""),
        (altered(Kind.RERUN, answer=b"made up"), "seal", "not the provider's signature"),
        (altered(Kind.CHECK, answer=b"made up"), "seal", "not the provider's signature"),
        (lambda s: replace(s, exchanges=(*s.exchanges, check_of(s))), "checks", "asked twice"),
        (lambda s: replace(s, rule=Rule(1, 1, 1, 1_000_000)), "weight of member 2", ""),
    ],
)
def test_a_sheet_that_lies_is_named(over, change, name, told):
    closed, found = over.market.client.ledger().closed, Verdict()
    shown = {
        (one.sheet.epoch, one.sheet.validator): one
        for epoch in closed
        for one in over.evidence.shown(epoch)
    }
    honest_one = shown[2, 0]
    shown[2, 0] = replace(honest_one, sheet=change(honest_one.sheet))
    SheetCheck(over.network, found, "", shown).sheet(closed[1], 0, closed[1].facts.rows[0].words)
    assert all(one.name.startswith("epoch 2 / validator 0 / ") for one in found.false)
    assert any(one.name.endswith(name) and told in str(one) for one in found.false), found.false


def test_a_validator_that_commits_to_a_lie_is_named(play):
    lie = altered(Kind.CHECK, label=b"\0\7")
    found = names_of(play(lie).verdict())
    assert "epoch 2 / validator 0 / checks" in found


def check_of(sheet):
    return next(one for one in sheet.exchanges if one.kind is Kind.CHECK)


def test_weights_that_do_not_follow_from_the_sheet_are_named(play, later):
    class Liar(ConsensusClient):
        """Commits to and reveals a weight for its friend."""

        def commit(self, account, weights, salt):
            return super().commit(account, self._for_a_friend(weights), salt)

        def reveal(self, account, weights, salt):
            return super().reveal(account, self._for_a_friend(weights), salt)

        def _for_a_friend(self, weights):
            return [*weights[:4], 40_000, *weights[5:]]

    service = later
    market = service.market
    honest_client, market.client = market.client, Liar(market.client.contract)
    try:
        service = play(honest)
        sheet = service.validators["ann"].examiner.sheet(2)
        service.evidence.show(market.ann, sheet.to_bytes(), 1)
        [found] = [one for one in service.verdict().false if "validator 0" in one.name]
    finally:
        market.client = honest_client
    assert str(found) == "epoch 2 / validator 0 / weight of member 4 is 40000, not 0"


def test_weights_without_evidence_are_named(play, later):
    service = later
    service.evidence.show = lambda *_: None
    try:
        found = names_of(play(honest).verdict())
    finally:
        del service.evidence.show
    wanted = [f"epoch 2 / weights of validator {number}" for number in (0, 1)]
    assert found == wanted


def test_a_check_that_was_opened_is_not_asked_again_and_named_if_it_is(play):
    kept = {}

    def remember(sheet):
        kept["old"] = check_of(sheet)
        return sheet

    def repeat(sheet):
        cleo = NAMES.index("cleo")
        old = kept["old"]
        asked = replace(old, kind=Kind.CHECK, number=cleo, answer=b"", seal=b"")
        return replace(sheet, exchanges=(*sheet.exchanges, asked))

    told = [str(one) for one in play(remember, repeat).verdict().false]
    assert any("asked again after it was opened in epoch 2" in one for one in told), told


@pytest.mark.parametrize("part", ["consensus", "rank", "dividend", "due"])
def test_a_result_that_nobody_challenged_is_named(play, part, later):
    market = later.market
    service = play()
    rows = {"ann": [0, 0, 9, 5, 0, 0, 0, 1], "bob": [0, 0, 8, 7, 0, 0, 0, 1]}
    market.commit_and_reveal(rows)
    number = 0 if part == "dividend" else 3
    market.propose(market.twisted(number, part, -7, follow=False))
    market.finish()
    found = names_of(service.verdict())
    assert f"epoch 2 / {part} of member {number}" in found


def test_code_that_is_not_ours_is_named(play, later):
    market = later.market
    service = play()
    address, code = market.client.address, market.chain.code(market.client.address)
    market.chain.set_code(address, code[:100] + bytes([code[100] ^ 1]) + code[101:])
    assert "code of Consensus" in names_of(service.verdict())


class LyingNode:
    """A chain whose node tells one number of one event falsely."""

    def __init__(self, chain, contract, event, place, by):
        self._chain, self._place, self._by = chain, place, by
        [self._topic] = contract.interface.topics(event)

    def __getattr__(self, name):
        return getattr(self._chain, name)

    def logs(self, *args, **options):
        return [self._told(log) for log in self._chain.logs(*args, **options)]

    def _told(self, log):
        if log.topics[0] != self._topic:
            return log
        words = [log.data[k : k + 32] for k in range(0, len(log.data), 32)]
        changed = int.from_bytes(words[self._place], "big") + self._by
        words[self._place] = changed.to_bytes(32, "big")
        return replace(log, data=b"".join(words))


@pytest.mark.parametrize(
    ("event", "place", "names"),
    [
        ("Claimed", 0, {"epoch 2 / drawn by member 0", "owed to members", "member 0"}),
        ("Funded", 0, {"left for epochs"}),
        ("Staked", 0, {"member 0", "member 1"}),
        ("Opened", 0, {"epoch 2 / due of member 0"}),
        ("Committed", 0, {"epoch 2 / weights of validator 0"}),
        ("Revealed", 0, {"epoch 2 / dividend of member 1"}),
    ],
)
def test_a_node_that_tells_an_event_falsely_is_found_out(over, event, place, names):
    service = over
    network, contract = service.network, service.market.client.contract
    by = 10**18 if event != "Revealed" else 10**30
    network.chain = LyingNode(service.market.chain, contract, event, place, by)
    try:
        found = set(names_of(service.verdict()))
    finally:
        network.chain = service.market.chain
    assert names <= found, found


def test_a_letter_that_is_not_about_a_sheet_of_this_market_is_nobodys(over):
    service = over
    market, evidence, store = service.market, service.evidence, service.network.store
    sheet = service.validators["ann"].examiner.sheet(2)
    closed = market.client.ledger().closed
    signer = AccountSigner(market.ann)
    good = {
        "actor": signer.keyid,
        "market": to_checksum(market.client.address),
        "chain": 31337,
        "epoch": 2,
        "validator": 0,
        "sheet": sheet.salt,
    }

    def letter(kind="scores", by=signer, **changes):
        told = good | changes
        subject = [Subject("sheet", sheet.salt)]
        return sign(build_statement(kind, subject, time=1, nonce=bytes(16), **told), by).to_bytes()

    stranger = AccountSigner(market.stranger)
    assert is_borne_out(evidence.read(letter()), closed[1])
    elsewhere = replace(sheet, market=bytes(20))
    other = store.put(elsewhere.to_bytes())
    there = {"sheet": other, "market": to_checksum(bytes(20))}
    for wrong in (
        letter(epoch=3),
        letter(validator=1),
        letter(chain=1),
        letter(sheet=OTHERS),  # a blob, but no sheet
        letter(sheet=bytes(32)),
        letter(**there),
        letter(by=stranger),  # in the name of another
        letter(
            kind="decision",
            request="r",
            model=bytes(32),
            input_commitment=bytes(32),
            policy="p",
            started=0,
            ended=0,
            output="x",
        ),
        b"{}",
    ):
        with pytest.raises(CounterpoiseError):
            evidence.read(wrong)
    own = evidence.read(letter(by=stranger, actor=stranger.keyid))
    assert not is_borne_out(own, closed[1])  # the stranger had no number in it
    changed = store.put(replace(sheet, nonce=bytes(32)).to_bytes())
    assert not is_borne_out(evidence.read(letter(sheet=changed)), closed[1])
    assert not is_borne_out(evidence.read(letter()), closed[0])
