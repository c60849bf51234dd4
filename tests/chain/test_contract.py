"""A contract is called, transacted with and listened to by names and plain values."""

from pathlib import Path

import pytest

from counterpoise.chain import Account, Contract, artifact_of, deploy
from counterpoise.chain import sender as sender_module
from counterpoise.chain.reasons import reason_of
from counterpoise.chain.sender import send
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, Reverted

CONTRACTS = Path(__file__).parent / "contracts"


@pytest.fixture
def shapes(chain, accounts):
    return deploy(chain, accounts[0], artifact_of(CONTRACTS / "Shapes.vy"))


def test_every_shape_of_value_goes_and_comes(shapes, accounts):
    places = ((accounts[1].address, 5), (accounts[2].address, 2**256 - 1))
    values = (-128, True, b"\x07" * 32, b"abcd", b"blob", "naïve", places, (1, 2))
    assert shapes.call("echo", *values) == values


def test_an_event_names_its_arguments_and_a_dynamic_topic_is_its_digest(chain, shapes, accounts):
    places = ((accounts[1].address, 5),)
    receipt = shapes.transact(accounts[0], "shape", True, "a name", -3, b"blob", places)
    (event,) = shapes.events_in(receipt)
    assert event.args == {
        "flag": True,
        "name": keccak(b"a name"),
        "small": -3,
        "digest": keccak(b"blob"),
        "blob": b"blob",
        "places": places,
    }
    assert (event.tx_hash, event.block_hash) == (receipt.tx_hash, receipt.block_hash)
    assert shapes.events("Shaped") == shapes.events() == [event]
    assert shapes.events("Shaped", from_block=event.block_number + 1) == []


def test_one_value_comes_alone_and_several_as_a_tuple(chain, shapes, counter, accounts):
    assert counter.call("total") == 0
    time, number, sender = shapes.call("seen", sender=accounts[3].address)
    assert (time, number) == (chain.block().time, chain.block().number)
    assert sender == accounts[3].address
    assert counter.call("bump", 1) is None


def test_refusals_say_which_call_and_why(shapes, accounts):
    for act in (
        lambda: shapes.call("say", "room: words"),
        lambda: shapes.transact(accounts[0], "say", "room: words"),
    ):
        with pytest.raises(Reverted) as refused:
            act()
        assert (refused.value.call, refused.value.reason) == ("Shapes.say", "room: words")
    with pytest.raises(Reverted, match=r"Shapes\.overflow was refused: no reason given"):
        shapes.call("overflow", 1)
    with pytest.raises(Reverted, match=r"Shapes\.burn was refused: out of gas"):
        shapes.transact(accounts[0], "burn", gas=100_000)
    with pytest.raises(Reverted, match=r"Shapes\.seen was refused"):
        shapes.transact(accounts[0], "seen", value=1)


def test_value_is_sent_along(chain, shapes, accounts):
    shapes.transact(accounts[0], "pay", value=7)
    assert chain.balance(shapes.address) == 7


def test_a_missing_function_event_or_argument_names_what_there_is(counter):
    with pytest.raises(InputError, match="no function nope with 0 arguments") as raised:
        counter.call("nope")
    assert "bump, of, total" in raised.value.hint
    with pytest.raises(InputError, match="no function bump with 2 arguments"):
        counter.encode("bump", 1, 2)
    with pytest.raises(InputError, match="there is no event Nope"):
        counter.events("Nope")
    with pytest.raises(InputError, match=r"the values do not fit \(uint256\)"):
        counter.encode("bump", -1)


def test_an_address_without_code_answers_nothing_and_that_is_said(chain, counter):
    ghost = Contract(chain, b"\x42" * 20, counter.artifact)
    with pytest.raises(InputError, match=r"answered nothing to Counter\.total"):
        ghost.call("total")


def test_logs_of_others_are_not_decoded(chain, counter, accounts):
    counter.transact(accounts[0], "bump", 1)
    (log,) = chain.logs(0, 99)
    assert counter.decode(log).name == "Bumped"
    stranger = Contract(chain, b"\x42" * 20, counter.artifact)
    assert stranger.decode(log) is None
    shapes = Contract(chain, counter.address, artifact_of(CONTRACTS / "Shapes.vy"))
    assert shapes.decode(log) is None


def test_a_failing_constructor_is_a_refusal_too(chain, accounts, tmp_path):
    (tmp_path / "Never.vy").write_text(
        '@deploy\ndef __init__(amount: uint256):\n    assert amount > 0, "never: nothing"\n'
    )
    never = artifact_of(tmp_path / "Never.vy")
    with pytest.raises(Reverted, match=r"Never\.__init__ was refused: never: nothing"):
        deploy(chain, accounts[0], never, 0)
    assert deploy(chain, accounts[0], never, 1).address


def test_reasons_are_read_from_any_bytes():
    error = bytes.fromhex("08c379a0")
    good = error + (32).to_bytes(32, "big") + (3).to_bytes(32, "big") + b"why".ljust(32, b"\0")
    assert reason_of(good) == "why"
    assert reason_of(b"") == ""
    assert reason_of(b"\x01\x02") == "0x0102"
    assert reason_of(bytes.fromhex("4e487b71") + (1).to_bytes(32, "big")).startswith("panic 0x01")
    assert reason_of(error + b"\xff" * 64) == ""
    assert reason_of(good[:36] + b"\xff" * 32 + b"why") == "why"


def test_a_transaction_that_was_dropped_is_sent_again_and_counts_once(chain, accounts, monkeypatch):
    sender, taker = accounts[0], Account.local(b"taker of a dropped transaction")
    send_raw, sent = chain.send_raw, []

    def losing(raw):
        sent.append(raw)
        if len(sent) == 2:
            return send_raw(raw)
        return keccak(raw)

    monkeypatch.setattr(chain, "send_raw", losing)
    monkeypatch.setattr(sender_module, "AGAIN_SECONDS", 0.05)
    receipt = send(chain, sender, taker.address, b"", value=7)
    assert receipt.status == 1 and len(sent) == 2 and sent[0] == sent[1]
    assert chain.balance(taker.address) == 7
