"""The bad-client table: nine honest replies and a bad one."""

import pickle

import numpy as np
import pytest
from games import address, some_rows, task, zero_model

from counterpoise.core.digest import array_bytes, sha256
from counterpoise.core.errors import InputError
from counterpoise.federation.rules import (
    CODES,
    Admitted,
    Expected,
    Refused,
    Reply,
    admit,
    admit_all,
    missing,
    model_digest,
    quantised,
    score_round,
    update_bytes,
    weights_of,
)
from counterpoise.federation.rules.update import vector_of

RULES = task(inputs=9, scoring="exact", strategy="mean", row_cap=150)
BASE = zero_model(RULES)
BAD = address(9)
CLIP = RULES.clip
COUNT = RULES.model.n_params
STATED = {address(i): 40 + 20 * i for i in range(10)}
EXPECTED = Expected(RULES, 3, model_digest(BASE), weights_of(STATED, RULES))


def an_update(seed, size=2000):
    return np.random.default_rng(seed).integers(-size, size, COUNT).astype(np.int32)


def reply(participant, update, **changes):
    plain = {"round_id": 3, "base": EXPECTED.base, "signer": participant}
    return Reply(participant, update, **(plain | changes))


HONEST = [reply(address(i), update_bytes(an_update(i))) for i in range(9)]


def named(update, model=RULES.model):
    split, start = {}, 0
    for name, shape in model.arrays:
        size = int(np.prod(shape))
        split[name] = update[start : start + size].reshape(shape).copy()
        start += size
    return split


def aggregate(admitted):
    rows = some_rows(RULES, np.random.default_rng(1))
    updates = {member: one.update for member, one in admitted.items()}
    weights = {member: one.weight for member, one in admitted.items()}
    return score_round(RULES, 3, BASE, updates, weights, rows).model.tobytes()


HONEST_MODEL = aggregate(admit_all(HONEST, EXPECTED)[0])
FINE = an_update(9)
ODD = np.arange(COUNT, dtype=np.int32)

BAD_REPLIES = {
    "rows negative": ("weight", reply(BAD, FINE, metrics={"rows": -400})),
    "rows zero": ("weight", reply(BAD, FINE, metrics={"rows": 0})),
    "rows not a number": ("weight", reply(BAD, FINE, metrics={"rows": float("nan")})),
    "rows a fraction": ("weight", reply(BAD, FINE, metrics={"rows": 12.5})),
    "rows true": ("weight", reply(BAD, FINE, metrics={"rows": True})),
    "NaN": ("non-finite", reply(BAD, array_bytes(np.full(COUNT, np.nan)))),
    "one infinity": ("non-finite", reply(BAD, np.append(np.zeros(COUNT - 1), np.inf))),
    "NaN in float32": ("non-finite", reply(BAD, np.full(COUNT, np.nan, np.float32))),
    "wrong shape": ("shape", reply(BAD, update_bytes(FINE[:-1]))),
    "two dimensions": ("shape", reply(BAD, FINE.reshape(1, -1))),
    "extra metric": ("keys", reply(BAD, FINE, metrics={"rows": 5, "loss": 1})),
    "extra array": ("keys", reply(BAD, named(FINE) | {"more": FINE})),
    "shape (1,)": ("shape", reply(BAD, update_bytes(FINE[:1]))),
    "scalar": ("shape", reply(BAD, np.array(7, dtype=np.int32))),
    "huge finite": ("clip", reply(BAD, np.full(COUNT, 1e38, np.float32))),
    "huge whole": ("clip", reply(BAD, np.full(COUNT, 2**31 - 1, np.int32))),
    "least int32": ("clip", reply(BAD, np.full(COUNT, -(2**31), np.int32))),
    "one beyond the clip": ("clip", reply(BAD, np.where(ODD == 4, CLIP + 1, 0).astype(np.int32))),
    "one below the clip": ("clip", reply(BAD, np.where(ODD == 4, -CLIP - 1, 0).astype(np.int32))),
    "float64": ("dtype", reply(BAD, FINE.astype(np.float64))),
    "float64 bytes": ("dtype", reply(BAD, array_bytes(FINE.astype(np.float64)))),
    "float16": ("dtype", reply(BAD, (FINE / 2000).astype(np.float16))),
    "int8": ("dtype", reply(BAD, array_bytes(FINE.astype(np.int8)))),
    "int64": ("dtype", reply(BAD, array_bytes(FINE.astype(np.int64)))),
    "uint32": ("dtype", reply(BAD, array_bytes(np.abs(FINE).astype(np.uint32)))),
    "big-endian": ("dtype", reply(BAD, FINE.astype(">i4"))),
    "bool": ("dtype", reply(BAD, FINE > 0)),
    "object": ("dtype", reply(BAD, FINE.astype(object))),
    "pickled": ("dtype", reply(BAD, pickle.dumps(FINE)[:180])),
    "masked array": ("dtype", reply(BAD, np.ma.masked_array(FINE))),
    "a list": ("dtype", reply(BAD, FINE.tolist())),
    "nothing": ("dtype", reply(BAD, None)),
    "empty bytes": ("dtype", reply(BAD, b"")),
    "trailing bytes": ("dtype", reply(BAD, update_bytes(FINE) + b"\x00")),
    "reordered": ("keys", reply(BAD, dict(reversed(named(FINE).items())))),
    "renamed": ("keys", reply(BAD, {"w": FINE[:9].reshape(1, 9), "bias_0": FINE[9:]})),
    "no arrays": ("keys", reply(BAD, {})),
    "zero size": ("shape", reply(BAD, update_bytes(FINE[:0]))),
    "not contiguous": ("shape", reply(BAD, np.repeat(FINE, 2)[::2])),
    "for another": ("identity", reply(BAD, FINE, signer=address(2))),
    "unregistered": ("identity", reply(address(77), FINE)),
    "another round": ("stale", reply(BAD, FINE, round_id=2)),
    "another base": ("stale", reply(BAD, FINE, base=bytes(32))),
    "ten times too long": ("size", reply(BAD, update_bytes(np.tile(FINE, 10)))),
}


@pytest.mark.parametrize("name", BAD_REPLIES)
def test_a_bad_reply_is_refused_by_name_and_the_aggregate_is_the_honest_one(name):
    code, bad = BAD_REPLIES[name]
    admitted, refused = admit_all([*HONEST[:4], bad, *HONEST[4:]], EXPECTED)
    assert [(r.participant, r.code) for r in refused] == [(bad.participant, code)]
    assert refused[0].detail
    assert code in CODES
    assert aggregate(admitted) == HONEST_MODEL


@pytest.mark.parametrize("claim", [10**9, 1])
def test_a_claimed_number_of_rows_never_counts(claim):
    claimed = admit(reply(BAD, FINE, metrics={"rows": claim}), EXPECTED)
    assert claimed == admit(reply(BAD, FINE), EXPECTED) or claimed.weight == 150
    assert claimed.weight == EXPECTED.weights[BAD] == 150


def test_weights_are_the_stated_rows_at_most_the_cap():
    assert weights_of({address(1): 7, address(0): 10**9}, RULES) == {address(0): 150, address(1): 7}


def test_a_coordinate_exactly_on_the_clip_is_admitted():
    edge = np.where(ODD % 2, CLIP, -CLIP).astype(np.int32)
    assert (admit(reply(BAD, edge), EXPECTED).update == edge).all()


def test_bytes_an_array_and_named_arrays_are_one_update():
    forms = [FINE, update_bytes(FINE), named(FINE)]
    digests = {admit(reply(BAD, form), EXPECTED).digest for form in forms}
    assert digests == {sha256(update_bytes(FINE))}


def test_a_reply_that_comes_twice_counts_once():
    admitted, refused = admit_all([*HONEST, HONEST[3]], EXPECTED)
    assert [(r.participant, r.code) for r in refused] == [(address(3), "duplicate")]
    assert aggregate(admitted) == HONEST_MODEL


def test_two_different_replies_of_one_participant_count_for_nothing_in_any_order():
    pair = [reply(BAD, FINE), reply(BAD, an_update(10))]
    outcomes = [admit_all([*HONEST, *pair[::way]], EXPECTED) for way in (1, -1)]
    for admitted, refused in outcomes:
        assert [(r.participant, r.code) for r in refused] == [(BAD, "duplicate")]
        assert aggregate(admitted) == HONEST_MODEL


def test_a_forged_reply_cannot_knock_out_the_one_it_names():
    forged = reply(address(2), FINE, signer=BAD)
    admitted, refused = admit_all([forged, *HONEST], EXPECTED)
    assert [(r.participant, r.code) for r in refused] == [(address(2), "identity")]
    assert aggregate(admitted) == HONEST_MODEL


def test_the_order_of_arrival_does_not_matter():
    bad = [one for _, one in BAD_REPLIES.values()]
    first, second = (admit_all([*HONEST, *bad][::way], EXPECTED) for way in (1, -1))
    assert list(first[0]) == list(second[0])
    assert first[1] == second[1]


def test_who_committed_and_did_not_reveal_is_missing():
    found = missing([address(2), address(1)], [address(1)])
    assert found == [Refused(address(2), "missing", CODES["missing"])]


def test_an_attackers_object_is_never_run():
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

        def __eq__(self, other):
            pytest.fail("compared")

        __hash__ = None

    for update in (pickle.dumps(Trap()), np.array([Trap()] * COUNT, dtype=object), Trap()):
        assert admit(reply(BAD, update), EXPECTED).code == "dtype"


def test_quantising_rounds_clips_and_refuses_what_is_not_finite():
    step = np.zeros(COUNT)
    step[:5] = [1.0, -1.0, 1e9, -1e9, 0.5 / 2**16]
    assert quantised(step, RULES)[:5].tolist() == [65536, -65536, CLIP, -CLIP, 0]
    assert (vector_of(update_bytes(quantised(step, RULES)), RULES) == quantised(step, RULES)).all()
    for wrong in (step[:-1], np.full(COUNT, np.nan), np.full(COUNT, np.inf)):
        with pytest.raises(InputError):
            quantised(wrong, RULES)


def test_admission_answers_with_the_stated_weight_and_the_digest():
    found = admit(reply(BAD, FINE), EXPECTED)
    assert isinstance(found, Admitted)
    assert (found.participant, found.weight) == (BAD, 150)
