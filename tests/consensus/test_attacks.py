"""What attackers earn, epoch after epoch, by the rules alone: copying, cabals, majorities, ties."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from counterpoise.consensus.fixed import ONE
from counterpoise.consensus.rules import Facts, Row, pack, settle

PAY = 10**21
PROVIDERS = 6


@dataclass
class World:
    """Validators 0 to n - 1, providers after them, and a truth that drifts by epoch."""

    stakes: tuple[int, ...]
    drift: float
    seed: int = 0
    noise: float = 0.03
    bonds: dict = field(default_factory=dict)
    dues: tuple[int, ...] = ()
    epoch: int = 0

    def __post_init__(self):
        self.draw = np.random.default_rng(self.seed)
        self.quality = self.draw.uniform(0.5, 1.0, PROVIDERS)
        self.rows = []

    @property
    def width(self):
        return len(self.stakes) + PROVIDERS

    def seen(self):
        """What a careful validator measures, as a row of weights."""
        measured = self.quality * (1 + self.noise * self.draw.standard_normal(PROVIDERS))
        return self.row(np.clip(measured, 0, None))

    def row(self, scores):
        scaled = (65_535 * np.asarray(scores) / max(np.max(scores), 1e-9)).astype(int)
        return [0] * len(self.stakes) + [int(one) for one in scaled]

    def step(self, rows):
        """Close an epoch with these rows (None for no reveal); give each one's dividend."""
        self.epoch += 1
        stakes = zip(self.stakes, rows, strict=True)
        shown = [Row(n, s, pack(row)) for n, (s, row) in enumerate(stakes) if row is not None]
        since = dict.fromkeys(range(self.width), 0)
        facts = Facts(
            self.epoch, PAY, since, self.width, tuple(shown), self.bonds, self.dues, ONE // 2
        )
        found = settle(facts)
        self.rows = rows
        self.bonds, self.dues = found.bonds, tuple(cell.due for cell in found.cells)
        moved = self.quality + self.drift * self.draw.standard_normal(PROVIDERS)
        self.quality = np.clip(np.where(moved > 1, 2 - moved, np.abs(moved)), 0.02, 1)
        return found.cells


def earned(drift, seed, behave, epochs=60, stakes=(30, 25, 25, 20)):
    """Dividends of validator 3 for its stake, by those of the others for theirs, over epochs."""
    world = World(stakes, drift, seed)
    total = np.zeros(len(stakes))
    for _ in range(epochs):
        rows = [world.seen() for _ in stakes[:-1]]
        cells = world.step([*rows, behave(world)])
        total += [cell.dividend / ONE for cell in cells[: len(stakes)]]
    each = total / np.array(stakes)
    return each[-1] / np.mean(each[:-1])


def copy(world):
    """Commit to what was revealed in the epoch before."""
    if not world.rows:
        return world.seen()
    return np.median(list(world.rows[:-1]), axis=0).astype(int).tolist()


def honest(world):
    return world.seen()


def nothing(world):
    return [0] * world.width


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_copying_last_epoch_pays_less_the_more_the_truth_moves(seed):
    gains = [earned(drift, seed, copy) for drift in (0.05, 0.15, 0.4)]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] < 1.0 and gains[1] < 0.95 and gains[2] < 0.85
    assert earned(0.15, seed, honest) > gains[1] + 0.04


def test_copying_a_truth_that_stands_still_is_not_punished():
    """As docs/explain/consensus.md says: this is not defended but by fresh checks."""
    assert earned(0.0, 1, copy) > 0.97


def test_who_copies_nothing_earns_nothing():
    assert earned(0.1, 1, nothing, epochs=10) == 0
    world = World((30, 25, 25, 20), 0.1)
    cells = world.step([world.seen(), world.seen(), world.seen(), None])
    assert cells[3].dividend == 0


def cabal(share, epochs=30):
    """A cabal with this per cent of stake weighs its own provider alone; what both get."""
    world = World((100 - share - 30, 30, share), 0.1, 7)
    for _ in range(epochs):
        own = world.row([0] * (PROVIDERS - 1) + [1])
        world.quality[-1] = 0.02  # and is no good
        cells = world.step([world.seen(), world.seen(), own])
    pool = sum(cell.rank for cell in cells)
    return cells[-1].rank / pool, cells[2].dividend / ONE / (share / 100)


def test_a_minority_cabal_gets_its_provider_nothing_and_loses_its_dividends():
    for share in (10, 30, 40):
        rank, dividend = cabal(share)
        assert rank < 0.03 and dividend < 0.2, (share, rank, dividend)


def test_stake_above_kappa_in_one_hand_is_the_consensus():
    """Stated, not defended: the majority's own provider takes all that is weighed."""
    rank, dividend = cabal(60)
    assert rank > 0.95 and dividend > 1.5


def test_one_validator_is_the_consensus_and_takes_the_dividends():
    world = World((5,), 0.0)
    cells = world.step([world.seen()])
    assert cells[0].dividend >= ONE - 1
    assert abs(sum(cell.rank for cell in cells) - ONE) < 100
    assert sum(cell.due for cell in cells) > PAY * 99 // 100


def test_ties_of_stake_and_weights_treat_equals_equally():
    world = World((25, 25, 25, 25), 0.0)
    row = world.row([1, 1, 1, 1, 1, 1])
    cells = world.step([row] * 4)
    assert len({cell.dividend for cell in cells[:4]}) == 1
    assert len({(cell.consensus, cell.rank, cell.due) for cell in cells[4:]}) == 1


def test_half_of_the_stake_bears_a_weight_and_less_does_not():
    first, second = [0, 0, 9, 0, 0, 0, 0, 0], [0, 0, 0, 9, 0, 0, 0, 0]
    halves = World((50, 50), 0.0).step([first, second])
    assert [cell.rank for cell in halves] == [0, 0, ONE // 2, ONE // 2, 0, 0, 0, 0]
    less = World((51, 49), 0.0).step([first, second])
    assert less[2].rank > 0 and less[3].rank == 0 and less[1].dividend == 0


def test_rows_of_zeros_pay_nobody():
    world = World((30, 40), 0.0)
    assert all(cell.due == 0 for cell in world.step([[0] * 8, [0] * 8]))


def test_a_sniper_of_a_number_inherits_no_weight_within_the_epoch():
    world = World((30, 40), 0.0)
    row = world.seen()
    facts = Facts(
        1,
        PAY,
        {n: 0 for n in range(world.width) if n != 5},
        world.width,
        tuple(Row(n, stake, pack(row)) for n, stake in enumerate(world.stakes)),
        {},
        (),
    )
    cells = settle(facts).cells
    assert (cells[5].rank, cells[5].due) == (0, 0) and cells[4].due > 0
