"""What a call tree amounts to: only what stays, each re-entry, each right that was given."""

import pytest

from counterpoise.chain import Call, Emitted
from counterpoise.core.digest import keccak
from counterpoise.monitor.blocks import NATIVE, TRANSFER
from counterpoise.monitor.detectors.reentrancy import CALLBACKS
from counterpoise.monitor.effects import (
    APPROVAL,
    APPROVAL_FOR_ALL,
    CONTROL,
    PERMIT2_APPROVAL,
    TRANSFER_SINGLE,
    Approval,
    Movement,
    effects_of,
)

USER, BANK, THIEF, CODE, TOKEN = (bytes([number]) * 20 for number in range(1, 6))
PLAIN = b"\xaa\xbb\xcc\xdd"


def call(kind, sender, to, *calls, value=0, data=PLAIN, **settings):
    return Call(kind, sender, to, value, data, b"", 0, calls=calls, **settings)


def word(value):
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes(12) + value


def event(*topics, data=b"", at=TOKEN):
    return Emitted(at, tuple(t if len(t) == 32 else word(t) for t in topics), data)


def robbery(*after, writes=(), data=PLAIN, kind="CALL"):
    """A user calls the bank, which calls the thief, who calls the bank again."""
    inner = call(kind, THIEF, BANK)
    paid = call("CALL", BANK, THIEF, inner, value=5, data=data)
    return call("CALL", USER, BANK, paid, *after, writes=writes)


@pytest.mark.parametrize(
    ("tree", "acted"),
    [
        (robbery(), False),
        (robbery(writes=(0,)), False),
        (robbery(writes=(0, 1)), True),
        (robbery(writes=None), None),
        (robbery(call("CALL", BANK, USER, value=1)), True),
        (robbery(call("DELEGATECALL", BANK, CODE, value=1)), False),
    ],
)
def test_a_re_entered_contract_acts_afterwards_or_not(tree, acted):
    (found,) = effects_of(tree).reentries
    assert (found.contract, found.through, found.acted_after) == (BANK, THIEF, acted)
    assert not found.is_expected


def test_what_is_no_re_entry_is_not_told():
    callback = next(iter(CALLBACKS))
    (expected,) = effects_of(robbery(writes=(1,), data=callback)).reentries
    assert expected.is_expected
    assert effects_of(robbery(kind="STATICCALL")).reentries == ()
    itself = call("CALL", USER, BANK, call("CALL", BANK, BANK), writes=(1,))
    assert effects_of(itself).reentries == ()
    library = call("DELEGATECALL", BANK, CODE, call("CALL", BANK, BANK))
    assert effects_of(call("CALL", USER, BANK, library, writes=(1,))).reentries == ()
    twice = call("CALL", USER, THIEF, call("CALL", THIEF, BANK), call("CALL", THIEF, BANK))
    assert effects_of(twice).reentries == ()


def test_a_proxy_is_entered_again_through_its_own_storage():
    inner = call("CALL", THIEF, BANK)
    paid = call("CALL", BANK, THIEF, inner)
    proxy = call("CALL", USER, BANK, call("DELEGATECALL", BANK, CODE, paid, writes=(1,)))
    (found,) = effects_of(proxy).reentries
    assert (found.contract, found.acted_after) == (BANK, True)


def test_only_what_stays_is_counted():
    moved = event(TRANSFER, USER, BANK, data=word(7))
    lost = call("CALL", BANK, THIEF, call("CALL", THIEF, USER, value=9), value=3, failed="no")
    lost = Call(**{f: getattr(lost, f) for f in Call.__slots__} | {"events": (moved,)})
    kept = call("CALL", BANK, USER, value=2, events=(moved,))
    effects = effects_of(call("CALL", USER, BANK, lost, kept, value=4))
    assert effects.movements == (
        Movement(NATIVE, USER, BANK, 4),
        Movement(NATIVE, BANK, USER, 2),
        Movement(TOKEN, USER, BANK, 7),
    )
    assert effects.change_of(USER) == {(NATIVE, None): -2, (TOKEN, None): -7}
    assert effects.change_of(THIEF) == {}
    assert effects_of(call("CALL", USER, BANK, kept, value=4, failed="no")).touched == frozenset()


def test_single_things_and_kinds_of_things_are_told_by_their_number():
    events = (
        event(TRANSFER, USER, BANK, word(8)),
        event(TRANSFER_SINGLE, BANK, BANK, USER, data=word(3) + word(40)),
        event(TRANSFER, USER, BANK, data=b"short"),
        Emitted(TOKEN, (), b""),
    )
    effects = effects_of(call("CALL", USER, TOKEN, events=events))
    assert effects.change_of(USER) == {(TOKEN, 8): -1, (TOKEN, 3): 40}


@pytest.mark.parametrize(
    ("emitted", "wanted"),
    [
        (event(APPROVAL, USER, THIEF, data=word(6)), Approval(TOKEN, USER, THIEF, 6)),
        (event(APPROVAL, USER, THIEF, data=word(0)), None),
        (event(APPROVAL, USER, THIEF, word(3)), Approval(TOKEN, USER, THIEF, 1)),
        (event(APPROVAL, USER, NATIVE, word(3)), None),
        (event(APPROVAL_FOR_ALL, USER, THIEF, data=word(1)), Approval(TOKEN, USER, THIEF, None)),
        (event(APPROVAL_FOR_ALL, USER, THIEF, data=word(0)), None),
        (
            event(PERMIT2_APPROVAL, USER, TOKEN, THIEF, data=word(2**160 - 1) + word(9), at=CODE),
            Approval(TOKEN, USER, THIEF, 2**160 - 1),
        ),
    ],
)
def test_rights_are_read_from_what_tokens_say(emitted, wanted):
    found = effects_of(call("CALL", USER, TOKEN, events=(emitted,))).approvals
    assert found == ((wanted,) if wanted else ())
    if wanted:
        assert wanted.is_endless == (wanted.amount is None or wanted.amount > 2**100)


def test_every_change_of_a_ruler_is_told_once():
    events = tuple(Emitted(BANK, (topic,), b"") for topic in (*CONTROL, keccak(b"Else()")))
    effects = effects_of(call("CALL", USER, BANK, events=events * 2))
    assert {control.kind for control in effects.controls} == set(CONTROL.values())
    assert {control.contract for control in effects.controls} == {BANK}
    assert len(effects.controls) == len(set(CONTROL.values()))
