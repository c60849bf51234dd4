"""A look-alike put into a payer's history is told; a likeness that nobody planted is not."""

import pytest
from worlds import GENESIS, word

from counterpoise.core.digest import keccak
from counterpoise.monitor.alert import Severity
from counterpoise.monitor.blocks import NATIVE, TRANSFER, Block, Entry, Transaction
from counterpoise.monitor.detectors.poisoning import Poisoning, likeness
from counterpoise.monitor.watch import Watch

COIN, FALSE = b"\x0c" * 20, b"\x0f" * 20
ANN, EVE = keccak(b"ann")[:20], keccak(b"eve")[:20]
SHOP = bytes.fromhex("abcd12" + "55" * 14 + "34ef01")
MACHINE = b"\x99" * 20


def alike(front, end):
    """An address that shares so many digits with the shop's."""
    digits = SHOP.hex()
    middle = "7" * (40 - front - end)
    return bytes.fromhex(digits[:front] + middle + (digits[40 - end :] if end else ""))


def paid(src, dst, amount, token=COIN, by=None):
    return (by or src, [(src, dst, amount, token)])


class Story:
    """Blocks of one transaction each; what was found in each."""

    def __init__(self):
        self.watch = Watch(1, [Poisoning()], {NATIVE: 1})
        self.number, self.parent = 0, GENESIS

    def add(self, sender, transfers):
        name = keccak(self.parent + self.number.to_bytes(4, "big"))
        entries = tuple(
            Entry(at, token, (TRANSFER, word(src), word(dst)), amount.to_bytes(32, "big"))
            for at, (src, dst, amount, token) in enumerate(transfers)
        )
        made = Transaction(name, 0, sender, MACHINE, 0, b"", True, entries)
        block = Block(self.number, name, self.parent, 1_000 + 12 * self.number, (made,))
        self.number, self.parent = self.number + 1, name
        return [alert.finding for alert in self.watch.accept(block).raised]


@pytest.fixture
def story():
    told = Story()
    assert told.add(*paid(ANN, SHOP, 5_000_000)) == []
    return told


BAITS = {
    "nothing, as if she had paid": (ANN, alike(4, 4), 0, COIN),
    "dust to her": (alike(4, 4), ANN, 10, COIN),
    "a false token, as if she had paid": (ANN, alike(4, 4), 5_000_000, FALSE),
    "a false token to her": (alike(4, 4), ANN, 5_000_000, FALSE),
    "three digits in front": (ANN, alike(3, 4), 0, COIN),
    "three digits at the end": (ANN, alike(5, 3), 0, COIN),
}


@pytest.mark.parametrize("bait", BAITS)
def test_each_kind_of_bait_is_told(story, bait):
    (finding,) = story.add(EVE, [BAITS[bait]])
    front, end = likeness(SHOP, alike(4, 4))
    assert (front, end) == (4, 4)
    sure = Severity.MEDIUM if bait.startswith("three digits in") else Severity.HIGH
    assert finding.severity is sure
    roles = {entity.role: entity.address for entity in finding.entities}
    assert roles["victim"] == ANN and roles["contract"] == SHOP and roles["attacker"] == EVE


@pytest.mark.parametrize(
    ("sender", "move"),
    [
        (EVE, (ANN, alike(2, 9), 0, COIN)),  # too few digits in front
        (EVE, (ANN, alike(9, 2), 0, COIN)),
        (EVE, (ANN, alike(3, 3), 0, COIN)),
        (EVE, (ANN, SHOP, 0, COIN)),  # the shop itself
        (ANN, (ANN, alike(4, 4), 3_000, COIN)),  # she pays a namesake of her own will
        (EVE, (alike(4, 4), ANN, 900_000, COIN)),  # real money, of which nobody makes bait
        (EVE, (EVE, alike(4, 4), 0, COIN)),  # of whom the payer never paid the shop
    ],
)
def test_the_harmless_twin_is_silent(story, sender, move):
    assert story.add(sender, [move]) == []


def test_an_account_she_pays_already_is_no_bait(story):
    assert story.add(*paid(ANN, alike(4, 4), 7_000)) == []
    assert story.add(EVE, [(ANN, alike(4, 4), 0, COIN)]) == []


def test_many_baits_of_one_transaction_are_one_finding(story):
    bob = keccak(b"bob")[:20]
    story.add(*paid(bob, SHOP, 9_000_000))
    moves = [(who, alike(4, 5), 0, COIN) for who in (ANN, bob)]
    (finding,) = story.add(EVE, moves)
    victims = {entity.address for entity in finding.entities if entity.role == "victim"}
    assert victims == {ANN, bob} and len(finding.reasons) == 2


def test_who_falls_for_it_is_told_with_the_loss(story):
    (bait,) = story.add(EVE, [(ANN, alike(4, 4), 0, COIN)])
    (finding,) = story.add(*paid(ANN, alike(4, 4), 4_000_000))
    assert finding.severity is Severity.CRITICAL and finding.loss == 4_000_000
    assert bait.transactions[0] in finding.transactions


def test_only_the_last_payees_are_remembered(story):
    for at in range(20):
        story.add(*paid(ANN, keccak(bytes([at]))[:20], 1_000))
    assert story.add(EVE, [(ANN, alike(4, 4), 0, COIN)]) == []
