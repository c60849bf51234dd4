"""What bad participants send: false updates, false sums, false letters."""

import pickle
from dataclasses import replace

import numpy as np
from village import RULES, owner, owners

from counterpoise.chain import Account
from counterpoise.core.digest import array_bytes, array_from_bytes, dag_cbor, sha256
from counterpoise.federation.courier import DirectCourier
from counterpoise.federation.evidence import commitment_leaf
from counterpoise.federation.participant import Participant
from counterpoise.federation.rules import local_statistics, update_bytes
from counterpoise.provenance import AccountSigner, Envelope, Subject, add_signature

COUNT, CLIP = RULES.model.n_params, RULES.clip


def raw_array(dtype, shape, data):
    return dag_cbor({"data": data, "dtype": dtype, "shape": list(shape)})


def whole(value, dtype=np.int32, shape=(COUNT,)):
    return array_bytes(np.full(shape, value, dtype=dtype))


def one_of(value, rest=0, dtype=np.int32):
    array = np.full(COUNT, rest, dtype=dtype)
    array[1] = value
    return array_bytes(array)


FALSE_UPDATES = {
    "a NaN": ("non-finite", one_of(np.nan, dtype=np.float32)),
    "an infinity": ("non-finite", one_of(-np.inf, dtype=np.float64)),
    "only NaNs": ("non-finite", whole(np.nan, np.float64)),
    "huge finite floats": ("clip", whole(1e38, np.float32)),
    "one unit beyond the clip": ("clip", one_of(CLIP + 1)),
    "one unit beyond the clip below": ("clip", one_of(-CLIP - 1)),
    "the least int32, whose absolute value overflows": ("clip", one_of(-(2**31))),
    "small floats": ("dtype", whole(0.5, np.float32)),
    "int8": ("dtype", whole(1, np.int8)),
    "int64": ("dtype", whole(1, np.int64)),
    "uint32": ("dtype", whole(1, np.uint32)),
    "big-endian numbers": ("dtype", raw_array(">i4", [COUNT], bytes(4 * COUNT))),
    "float16": ("dtype", raw_array("<f2", [COUNT], bytes(2 * COUNT))),
    "booleans": ("dtype", raw_array("|b1", [COUNT], bytes(COUNT))),
    "objects": ("dtype", raw_array("|O", [COUNT], bytes(8 * COUNT))),
    "a pickle": ("dtype", pickle.dumps([1, 2, 3])),
    "no bytes": ("dtype", b""),
    "noise": ("dtype", bytes(range(64))),
    "a truncated array": ("dtype", whole(1)[:-1]),
    "a trailing byte": ("dtype", whole(1) + b"\0"),
    "named arrays": ("dtype", dag_cbor({"weight_0": whole(1), "bias_0": whole(1)})),
    "a shape that its bytes do not fill": ("dtype", raw_array("<i4", [2**40], bytes(12))),
    "one number too many": ("shape", whole(1, shape=(COUNT + 1,))),
    "one number too few": ("shape", whole(1, shape=(COUNT - 1,))),
    "a column": ("shape", whole(1, shape=(COUNT, 1))),
    "a row of rows": ("shape", whole(1, shape=(1, COUNT))),
    "a single number": ("shape", whole(1, shape=(1,))),
    "a number without a shape": ("shape", whole(1, shape=())),
    "an empty array": ("shape", whole(1, shape=(0,))),
    "more bytes than the array takes": ("size", whole(0, shape=(200,))),
    "more bytes than are read": ("size", bytes(100_000)),
}


class Sender(Participant):
    """A participant that sends the bytes it is given as its update."""

    blob = b""

    def _train(self, round_id, base):
        self.trainer = Fixed(self.blob)
        return super()._train(round_id, base)


class Fixed:
    """A trainer whose every answer is the same bytes."""

    def __init__(self, blob):
        self.blob = blob

    def statistics(self, terms):
        return self.blob

    def update(self, terms, round_id, model):
        return self.blob


def restated(notary, envelope, **changes):
    """The same statement with other fields, signed again."""
    statement = Envelope.from_bytes(envelope).statement
    predicate = {k: v for k, v in {**statement.predicate, **changes}.items() if v is not None}
    return signed_anyhow(notary, replace(statement, predicate=predicate))


def signed_anyhow(notary, statement):
    """Sign a statement without checking what it says."""
    unsigned = Envelope(statement.to_bytes(), ())
    return add_signature(unsigned, AccountSigner(notary.account)).to_bytes()


class Absent(Participant):
    def commitment(self, opening):
        return None


class Raises(Participant):
    def commitment(self, opening):
        raise RuntimeError("no")


class Mumbles(Participant):
    def commitment(self, opening):
        return b"{}"


class Floods(Participant):
    def commitment(self, opening):
        return super().commitment(opening) + b" " * (2 << 20)


class Wordy(Participant):
    def commitment(self, opening):
        return restated(self.notary, super().commitment(opening), remark="x" * 40_000)


class OtherRound(Participant):
    def commitment(self, opening):
        return restated(self.notary, super().commitment(opening), round=1)


class OtherJob(Participant):
    def commitment(self, opening):
        return restated(self.notary, super().commitment(opening), job=7)


class OtherBase(Participant):
    def commitment(self, opening):
        return restated(self.notary, super().commitment(opening), base="00" * 32)


class OtherRoundRevealed(Participant):
    def reveal(self, closing):
        return restated(self.notary, super().reveal(closing), round=1)


class NoBase(Participant):
    def reveal(self, closing):
        return restated(self.notary, super().reveal(closing), base=None)


class OtherKind(Participant):
    """Answers with a well-signed statement of another kind."""

    def commitment(self, opening):
        return self.notary.state(
            "join", [Subject("x", bytes(32))], job=1, dataset=bytes(32), stake="0"
        ).to_bytes()


class SignedByAnother(Participant):
    """Its statement is signed by itself, the EIP-712 digest by another."""

    def commitment(self, opening):
        pending = super().commitment(opening)
        digest = bytes.fromhex(Envelope.from_bytes(pending).statement.predicate["digest"])
        leaf = commitment_leaf(self.terms, 2, self.address, digest)
        another = Account.local(bytes(31) + b"\7")
        return restated(self.notary, pending, signature=another.sign_digest(leaf).hex())


class ForgedEnvelope(Participant):
    """Names itself as the signer under a signature of somebody else."""

    def commitment(self, opening):
        envelope = Envelope.from_bytes(super().commitment(opening))
        forged = replace(envelope.signatures[0], sig=bytes(65))
        return replace(envelope, signatures=(forged,)).to_bytes()


class NoSalt(Participant):
    def reveal(self, closing):
        return restated(self.notary, super().reveal(closing), salt=None)


class NegativeRows(Participant):
    def reveal(self, closing):
        return restated(self.notary, super().reveal(closing), rows=-400)


class NoRows(Participant):
    def reveal(self, closing):
        return restated(self.notary, super().reveal(closing), rows=False)


class TwoCommitments(Participant):
    """Commits to two different updates and reveals one of them."""

    @property
    def also(self):
        other = replace(self, folder=None, trainer=Fixed(whole(7)), _pending={})
        return [("commitment", other.commitment)]


class TwoReveals(Participant):
    @property
    def also(self):
        return [("reveal", lambda c: restated(self.notary, self.reveal(c), salt="11" * 16))]


class Copycat(Participant):
    """Commits to the digest of the first honest participant and reveals what that one did."""

    def commitment(self, opening):
        copied_ = Envelope.from_bytes(self.victim.commitment(opening)).statement.predicate["digest"]
        leaf = commitment_leaf(self.terms, 2, self.address, bytes.fromhex(copied_))
        signature = self.notary.account.sign_digest(leaf).hex()
        own = super().commitment(opening)
        return restated(self.notary, own, digest=copied_, signature=signature)

    def reveal(self, closing):
        theirs = Envelope.from_bytes(self.victim.reveal(closing)).statement.predicate
        own = super().reveal(closing)
        return restated(self.notary, own, update=theirs["update"], salt=theirs["salt"])


class OtherUpdate(Participant):
    def reveal(self, closing):
        digest = self.store.put(update_bytes(np.full(COUNT, 9, np.int32)))
        return restated(self.notary, super().reveal(closing), update=digest.hex())


class OtherSalt(Participant):
    def reveal(self, closing):
        return restated(self.notary, super().reveal(closing), salt="00" * 16)


class Silent(Participant):
    def reveal(self, closing):
        return None


class Dies(Participant):
    def reveal(self, closing):
        raise MemoryError("gone")


class Withholds(Participant):
    """Reveals a digest whose update it never stores."""

    def reveal(self, closing):
        envelope = super().reveal(closing)
        self.store.delete(sha256(self._load(2)["blob"]))
        return envelope


class StoresJunk(Participant):
    """Puts something else where its update should be."""

    def reveal(self, closing):
        envelope, digest = super().reveal(closing), sha256(self._load(2)["blob"])
        name = digest.hex()
        path = self.folder.parents[1] / "blobs" / name[:2] / name[2:4] / name
        path.write_bytes(b"junk")
        return envelope


class Late(Participant):
    """Reveals when the phase is over; the courier below carries it."""

    def reveal(self, closing):
        self.too_late = super().reveal(closing)


FALSE_LETTERS = {
    "does not answer": ("absent", Absent),
    "raises instead of committing": ("absent", Raises),
    "answers with something that is no letter": ("absent", Mumbles),
    "answers with two megabytes": ("absent", Floods),
    "commits at too great length": ("size", Wordy),
    "commits for another round": ("stale", OtherRound),
    "commits for another job": ("stale", OtherJob),
    "commits from another base": ("stale", OtherBase),
    "reveals for another round": ("stale", OtherRoundRevealed),
    "reveals without naming its base": ("stale", NoBase),
    "answers with another kind of statement": ("identity", OtherKind),
    "lets another sign its commitment": ("identity", SignedByAnother),
    "forges its envelope": ("identity", ForgedEnvelope),
    "reveals without its salt": ("keys", NoSalt),
    "claims a negative number of rows": ("weight", NegativeRows),
    "claims no number of rows": ("weight", NoRows),
    "commits twice to different updates": ("duplicate", TwoCommitments),
    "reveals twice with different salts": ("duplicate", TwoReveals),
    "copies a commitment and its reveal": ("mismatch", Copycat),
    "reveals another update": ("mismatch", OtherUpdate),
    "reveals another salt": ("mismatch", OtherSalt),
    "does not reveal": ("missing", Silent),
    "dies before it reveals": ("missing", Dies),
    "reveals what is not in the store": ("missing", Withholds),
    "stores something else": ("missing", StoresJunk),
    "reveals when the phase is over": ("late", Late),
}


FALSE_STATISTICS = {
    "floats": ("dtype", array_bytes(np.ones(5))),
    "int32": ("dtype", array_bytes(np.ones(5, np.int32))),
    "noise as statistics": ("dtype", b"noise"),
    "another number of sums": ("shape", array_bytes(np.ones(4, np.int64))),
    "sums in two dimensions": ("shape", array_bytes(np.ones((5, 1), np.int64))),
    "a kilobyte too many": ("size", array_bytes(np.ones(400, np.int64))),
}
FALSE_SUMS = {
    "more rows than it stated": lambda v: v + np.array([1, 0, 0, 0, 0]),
    "ten to the ninth rows": lambda v: v * 0 + np.array([10**9, 0, 0, 0, 0]),
    "no rows": lambda v: v * 0,
    "a sum beyond the range": lambda v: v + np.array([0, 10**6, 0, 0, 0]),
    "squares too small for the sum": lambda v: v * np.array([1, 1, 1, 0, 0]),
    "squares too large for the range": lambda v: v + np.array([0, 0, 0, 10**9, 0]),
    "the least int64": lambda v: v * [1, 0, 0, 0, 0] + np.array([0, -(2**63), 0, 0, 0]),
}


class Lost(DirectCourier):
    """Carries what `DirectCourier` does, the second letters of members, and late reveals."""

    def commitments(self, round_id, opening):
        return [*super().commitments(round_id, opening), *self._also("commitment", opening)]

    def reveals(self, round_id, closing):
        return [*super().reveals(round_id, closing), *self._also("reveal", closing)]

    def latecomers(self, round_id):
        return [p.too_late for p in self.participants if hasattr(p, "too_late")]

    def _also(self, phase, message):
        for one in self.participants:
            for name, answer in getattr(one, "also", ()):
                if name == phase:
                    yield answer(message)


class Overstated(Participant):
    """Claims a thousand million rows beside its update."""

    def reveal(self, closing):
        return restated(self.notary, super().reveal(closing), rows=10**9)


class Stutters(Participant):
    """Says everything twice; the second reveal is signed anew."""

    @property
    def also(self):
        return [
            ("commitment", self.commitment),
            (
                "reveal",
                lambda closing: restated(self.notary, self.reveal(closing), nonce="22" * 16),
            ),
        ]


class OnTheClip(Sender):
    blob = one_of(CLIP, rest=-CLIP)


class Flipper(Participant):
    """Sends the opposite of an honest step, four times as large as far as the clip goes."""

    def _train(self, round_id, base):
        blob = super()._train(round_id, base)["blob"]
        honest = array_from_bytes(blob, max_bytes=1000).astype(np.int64)
        flipped = np.clip(-4 * honest, -CLIP, CLIP).astype(np.int32)
        self.trainer = Fixed(array_bytes(flipped))
        return super()._train(round_id, base)


class FreeRider(Participant):
    """Sends noise of the right shape."""

    def _train(self, round_id, base):
        rng = np.random.default_rng(5)
        self.trainer = Fixed(array_bytes(rng.integers(-900, 900, COUNT, dtype=np.int32)))
        return super()._train(round_id, base)


class Outlier(Sender):
    """As far from everybody as the clip lets it."""

    blob = array_bytes(np.array([-CLIP, CLIP, CLIP], dtype=np.int32))


class Deaf(Lost):
    """A coordinator's desk that leaves out one member's commitment."""

    left_out = "owner-1"

    def commitments(self, round_id, opening):
        kept = [p for p in self.participants if p.name != self.left_out]
        for one in self.participants:
            one.commitment(opening)
        return DirectCourier(kept).commitments(round_id, opening)


class Meddler(Participant):
    """Answers nothing in time, and posts a commitment on the chain when reveals are closed."""

    def commitment(self, opening):
        return None

    def meddle(self):
        self.found.postings.post_commitment(self.notary.account, 1, 2, bytes(32))


class TwiceAndMeddles(TwoCommitments):
    def meddle(self):
        self.found.postings.post_commitment(self.notary.account, 1, 2, bytes(32))


class Foreign(Lost):
    """A courier that also carries a stranger's letters."""

    def commitments(self, round_id, opening):
        return [*super().commitments(round_id, opening), self.stranger.commitment(opening)]


class Cheat(Fixed):
    """Honest statistics, then updates beyond the clip."""

    def __init__(self, one):
        super().__init__(one_of(CLIP + 1))
        self.sums = array_bytes(local_statistics(one.features, RULES))

    def statistics(self, terms):
        return self.sums


def with_a_cheat():
    cheat = owner("cheat", 9)
    cheat.trainer = Cheat(cheat)
    return [*owners(3), cheat]
