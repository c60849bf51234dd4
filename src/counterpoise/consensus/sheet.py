"""A score sheet: all that a validator's weights follow from, for anyone to score again.

The digest of a sheet is the salt of the row that its validator commits to. So the commitment on the
chain binds every question, answer and label before any row is seen, and, by the root of the
reserve for the next epochs, their checks before they are asked. The sheet itself is shown when
the reveals are over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from counterpoise.consensus.checks import Case, root_of_leaves, sealed_leaf
from counterpoise.consensus.rules import MEMBERS
from counterpoise.consensus.scoring import Graded, Kind, Rule, Score, scores_of, weights
from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.json_text import read_json
from counterpoise.core.units import Address, parse_address, to_checksum

FORMAT = "counterpoise-score-sheet/1"
MOST_SHEET = 1 << 26
DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question to one provider, and its answer.

    Parameters
    ----------
    question, answer :
        Of traffic salted digests, since they are somebody's; no answer is empty.
    steps :
        Until the answer.
    seal :
        The provider's signature on the answer, if it gave one; left out of traffic.
    place, salt, label :
        Of a check: where it lies in the reserve, and what opens it. Of a re-run the label alone.
    """

    number: int
    kind: Kind
    question: bytes
    answer: bytes = b""
    steps: int = 0
    seal: bytes = b""
    place: int = 0
    salt: bytes = b""
    label: bytes = b""

    @property
    def graded(self) -> Graded:
        """The exchange as it counts."""
        return Graded(self.kind, self.label, self.answer, self.steps)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the question, as it is shown."""
        return sha256(self.question)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one validator asked in one epoch, and what came back.

    Parameters
    ----------
    chain_id, market, epoch, validator :
        Where: id of the chain, address of the market, and the validator's number.
    width :
        How many weights the row has.
    rule :
        What the scores follow from.
    bound :
        The epoch in which the reserve of these checks was sealed; 0 for none.
    leaves :
        Of that reserve, 32 bytes each.
    models :
        SHA-256 of the file of the integer model that a provider runs, by its number.
    exchanges :
        In the order in which they were asked.
    next_root :
        Of the reserve that is sealed hereby.
    nonce :
        32 random bytes, so that the digest says nothing.
    """

    chain_id: int
    market: Address
    epoch: int
    validator: int
    width: int
    rule: Rule
    bound: int
    leaves: tuple[bytes, ...]
    models: Mapping[int, bytes]
    exchanges: tuple[Exchange, ...]
    next_root: bytes
    nonce: bytes = field(repr=False)

    @property
    def root(self) -> bytes:
        """The root of the reserve that the checks are from."""
        return root_of_leaves(self.leaves)

    @property
    def scores(self) -> dict[int, Score]:
        """The score of each provider that was asked."""
        asked: dict[int, list[Graded]] = {}
        for one in self.exchanges:
            asked.setdefault(one.number, []).append(one.graded)
        return scores_of(asked, self.rule)

    @property
    def row(self) -> list[int]:
        """The weights that follow."""
        return weights(self.scores, self.width)

    @property
    def salt(self) -> bytes:
        """The digest of the sheet, with which its row is committed to."""
        return sha256(self.to_bytes())

    def check_openings(self) -> None:
        """Refuse a check that is not in the reserve as it was sealed, or was asked twice.

        Raises
        ------
        VerificationError :
            Names the exchange.
        """
        places: set[int] = set()
        digests: set[bytes] = set()
        for k, one in enumerate(self.exchanges):
            if one.kind is not Kind.CHECK:
                continue
            if one.place in places or one.digest in digests:
                raise VerificationError(f"the check of exchange {k} was asked twice")
            places.add(one.place)
            digests.add(one.digest)
            leaf = sealed_leaf(one.salt, Case(one.question, one.label))
            if not 0 <= one.place < len(self.leaves) or self.leaves[one.place] != leaf:
                raise VerificationError(f"the check of exchange {k} is not the one that was sealed")

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical_json(
            {
                "format": FORMAT,
                "chain": self.chain_id,
                "market": to_checksum(self.market),
                "epoch": self.epoch,
                "validator": self.validator,
                "width": self.width,
                "rule": {
                    "checks": self.rule.checks,
                    "others": self.rule.others,
                    "patience": self.rule.patience,
                    "haste": self.rule.haste,
                    "compared": self.rule.compared,
                },
                "bound": self.bound,
                "leaves": b"".join(self.leaves).hex(),
                "models": {str(number): digest.hex() for number, digest in self.models.items()},
                "exchanges": [_written(one) for one in self.exchanges],
                "next_root": self.next_root.hex(),
                "nonce": self.nonce.hex(),
            }
        )


def read_sheet(content: bytes) -> Sheet:
    """Read what `Sheet.to_bytes` wrote; anything else is refused.

    Raises
    ------
    VerificationError :
        It is no score sheet, or not written in the one way.
    """
    try:
        record = read_json(content, DEEPEST)
        if record["format"] != FORMAT:
            raise VerificationError(f"a sheet of the format {record['format']!r}, {FORMAT} wanted")
        sheet = _sheet(record)
    except (KeyError, ValueError, TypeError, AttributeError, InputError) as error:
        raise VerificationError(f"no score sheet: {error!r:.120}") from None
    if sheet.to_bytes() != content:
        raise VerificationError("a score sheet that is not canonical")
    return sheet


def _sheet(record: dict[str, Any]) -> Sheet:
    joined = bytes.fromhex(record["leaves"])
    if not 0 <= record["width"] <= MEMBERS:
        raise ValueError("width out of range")
    rule = record["rule"]
    names = ("checks", "others", "patience", "haste", "compared")
    return Sheet(
        int(record["chain"]),
        parse_address(record["market"]),
        int(record["epoch"]),
        int(record["validator"]),
        int(record["width"]),
        Rule(*(int(rule[name]) for name in names)),
        int(record["bound"]),
        tuple(joined[at : at + 32] for at in range(0, len(joined), 32)),
        {int(number): bytes.fromhex(digest) for number, digest in record["models"].items()},
        tuple(map(_exchange, record["exchanges"])),
        bytes.fromhex(record["next_root"]),
        bytes.fromhex(record["nonce"]),
    )


def _written(one: Exchange) -> dict[str, Any]:
    """Write an exchange, leaving out what its kind does not have."""
    record: dict[str, Any] = {
        "number": one.number,
        "kind": str(one.kind),
        "question": one.question.hex(),
        "answer": one.answer.hex(),
        "steps": one.steps,
    }
    if one.kind is not Kind.TRAFFIC:
        record |= {"seal": one.seal.hex(), "label": one.label.hex()}
    if one.kind is Kind.CHECK:
        record |= {"place": one.place, "salt": one.salt.hex()}
    return record


def _exchange(record: dict[str, Any]) -> Exchange:
    parts = {name: bytes.fromhex(record.get(name, "")) for name in ("seal", "salt", "label")}
    return Exchange(
        int(record["number"]),
        Kind(record["kind"]),
        bytes.fromhex(record["question"]),
        bytes.fromhex(record["answer"]),
        int(record["steps"]),
        place=int(record.get("place", 0)),
        **parts,
    )
