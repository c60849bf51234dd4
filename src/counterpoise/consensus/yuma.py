"""Yuma consensus in integers: what validators' weights make of members' pay, to the bit.

Numbers are shares with 32 fraction bits (Q32.32), every product and quotient floored, as the
subtensor chain computes them (docs/consensus.md and epoch/run_epoch.rs there, opentensor/subtensor
at 14bc6f9f), so that anyone recomputes an epoch to the bit.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from counterpoise.consensus.fixed import ONE, share
from counterpoise.core.errors import InputError

Numbers = npt.NDArray[np.uint64]
Shorts = npt.NDArray[np.uint16]
Blocks = npt.NDArray[np.int64]
MOST_MEMBERS = 4096
NEVER = -1


@dataclass(frozen=True, slots=True)
class Liquid:
    """Rates of bonds that depend on distance: Q32.32 bounds, steepness in hundredths."""

    low: int = ONE // 10
    high: int = 3 * ONE // 10
    steepness: int = 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a market's consensus is run on.

    Parameters
    ----------
    kappa :
        Share of stake that must stand behind a weight, Q32.32.
    beta :
        How far weights above consensus lose their bonds, Q32.32: 1 is wholly.
    alpha :
        How fast bonds move, Q32.32.
    cutoff :
        Blocks after which a validator that set no weights counts as inactive.
    least_stake :
        Base units below which stake counts as none.
    yuma3 :
        Bonds are shares of full bonds, moved toward weights; otherwise shares of each column.
    liquid :
        With `yuma3`: rates instead of alpha.
    """

    kappa: int = ONE // 2
    beta: int = ONE
    alpha: int = ONE - 9 * ONE // 10
    cutoff: int = 5_000
    least_stake: int = 0
    yuma3: bool = False
    liquid: Liquid | None = None


@dataclass(frozen=True, slots=True)
class Epoch:
    """The state that an epoch is computed from: n members, v of them validators with a permit.

    Parameters
    ----------
    block, last :
        Block of this epoch and of the one before.
    stake :
        Base units of each member, n integers.
    validators :
        Member numbers of the validators, ascending, shape (v,).
    weights, bonds :
        As set and as stored, 0 to 65535, shape (v, n).
    registered :
        Block in which each member came, shape (n,).
    updated :
        Block in which each validator last set weights, shape (v,).
    committed :
        Block of each validator's earliest commitment that waits to be revealed, or `NEVER`.
    """

    block: int
    last: int
    stake: tuple[int, ...]
    validators: Blocks
    weights: Shorts
    bonds: Shorts
    registered: Blocks
    updated: Blocks
    committed: Blocks

    def __post_init__(self) -> None:
        """Refuse shapes that do not fit each other, naming them."""
        rows, columns = len(self.validators), len(self.stake)
        wanted: dict[str, tuple[int, ...]] = {"weights": (rows, columns), "bonds": (rows, columns)}
        wanted |= {"registered": (columns,), "updated": (rows,), "committed": (rows,)}
        for name, shape in wanted.items():
            if (found := getattr(self, name).shape) != shape:
                raise InputError(f"{name} have the shape {found}, {shape} wanted")
        if columns > MOST_MEMBERS or rows > columns:
            raise InputError(f"{columns} members, {rows} validators; at most {MOST_MEMBERS}")
        places = self.validators.tolist()
        if places != sorted(set(places)) or (rows and not 0 <= places[0] <= places[-1] < columns):
            raise InputError("validators are not ascending numbers of members")
        if min(self.stake, default=0) < 0:
            raise InputError("a stake is negative")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an epoch came to; shares in Q32.32.

    Parameters
    ----------
    stake :
        Share of all stake, shape (n,).
    active :
        Share of the active validators' stake, shape (v,).
    weights :
        Masked, rows normalised, shape (v, n).
    consensus, rank, incentive :
        By member, shape (n,).
    trust :
        By validator: how much of its weights the consensus bears, shape (v,).
    bonds :
        Before they are stored, shape (v, n); `stored` as 16 bits.
    dividends :
        By validator, shape (v,).
    emission :
        Share of the epoch's pay by member, shape (n,); sums to about one.
    """

    stake: Numbers
    active: Numbers
    weights: Numbers
    consensus: Numbers
    rank: Numbers
    incentive: Numbers
    trust: Numbers
    bonds: Numbers
    stored: Shorts
    dividends: Numbers
    emission: Numbers


def run_epoch(epoch: Epoch, terms: Terms) -> Outcome:
    """Compute an epoch.

    >>> two = np.array([0, 1])
    >>> rows = np.array([[0, 0, 65535], [0, 0, 65535]], np.uint16)
    >>> state = Epoch(9, 8, (3, 1, 0), two, rows, rows * 0, np.zeros(3), two + 5, two * 0 - 1)
    >>> [int(part) * 1000 >> 32 for part in run_epoch(state, Terms()).emission]
    [375, 124, 500]
    """
    from counterpoise.consensus import yuma_kernel as kernel

    stake, active = shares_of_stake(epoch, terms)
    weights = kernel.numbers(np.where(outdated(epoch), 0, epoch.weights))
    kernel.norm_rows(weights)
    consensus = kernel.agree(weights, active, terms.kappa)
    clipped = kernel.clip(weights, consensus)
    rank = kernel.weigh(clipped, active).sum(axis=0, dtype=np.uint64)
    incentive = kernel.norm(rank)
    toward = kernel.between(weights, clipped, terms.beta)
    made = _yuma3 if terms.yuma3 else _classic
    bonds, stored, dividends = made(epoch, terms, toward, active, incentive, consensus)
    trust = clipped.sum(axis=1, dtype=np.uint64)
    found = Outcome(
        stake, active, weights, consensus, rank, incentive, trust, bonds, stored, dividends, rank
    )
    return replace(found, emission=_emission(epoch, found))


def shares_of_stake(epoch: Epoch, terms: Terms) -> tuple[Numbers, Numbers]:
    """Give each member's share of stake, and each validator's share of what is active."""
    from counterpoise.consensus import yuma_kernel as kernel

    counted = [one if one >= terms.least_stake else 0 for one in epoch.stake]
    total = sum(counted)
    stake = kernel.numbers([share(one, total) for one in counted])
    idle = epoch.updated + terms.cutoff < epoch.block
    return stake, kernel.norm(kernel.numbers(np.where(idle, 0, stake[epoch.validators])))


def outdated(epoch: Epoch) -> npt.NDArray[np.bool_]:
    """Mark the weights that do not count, shape (v, n): of oneself, and of who came later.

    A weight was not meant for a member that registered after it was set, nor after it was
    committed: the number may have belonged to another.
    """
    mask: npt.NDArray[np.bool_] = epoch.updated[:, None] <= epoch.registered[None, :]
    waits = epoch.committed[:, None]
    mask |= (waits != NEVER) & (waits < epoch.registered[None, :])
    mask[np.arange(len(epoch.validators)), epoch.validators] = True
    return mask


def _classic(
    epoch: Epoch, terms: Terms, toward: Numbers, active: Numbers, incentive: Numbers, _: Numbers
) -> tuple[Numbers, Shorts, Numbers]:
    """Bonds as shares of a column, averaged over epochs; new members begin without."""
    from counterpoise.consensus import yuma_kernel as kernel

    fresh = epoch.registered >= epoch.last
    old = kernel.numbers(np.where(fresh[None, :], 0, epoch.bonds))
    kernel.norm_columns(old)
    new = kernel.weigh(toward, active)
    kernel.norm_columns(new)
    bonds = kernel.average(new, old, terms.alpha)
    kernel.norm_columns(bonds)
    return bonds, kernel.kept(bonds, True), kernel.norm(kernel.earned(bonds, incentive))


def _yuma3(
    epoch: Epoch,
    terms: Terms,
    toward: Numbers,
    active: Numbers,
    incentive: Numbers,
    consensus: Numbers,
) -> tuple[Numbers, Shorts, Numbers]:
    """Bonds as shares of full bonds, each moved toward its weight."""
    from counterpoise.consensus import yuma_kernel as kernel

    old = kernel.numbers((epoch.bonds.astype(np.uint64) << np.uint64(32)) // np.uint64(65535))
    rates = np.full_like(toward, terms.alpha)
    if terms.liquid is not None and consensus.any():
        from counterpoise.consensus.liquid import rates as liquid_rates

        bounds = (terms.liquid.low, terms.liquid.high, terms.liquid.steepness)
        rates = liquid_rates(toward, old, consensus, *bounds)
    bonds = kernel.move(old, toward, rates, ONE)
    columns = bonds.copy()
    kernel.norm_columns(columns)
    earned = kernel.weigh(kernel.earned(columns, incentive)[:, None], active)[:, 0]
    return bonds, kernel.kept(bonds, False), kernel.norm(earned)


def _emission(epoch: Epoch, found: Outcome) -> Numbers:
    """Half to who is weighed, half to who weighs; by stake where nobody is."""
    from counterpoise.consensus import yuma_kernel as kernel

    scattered = np.zeros_like(found.stake)
    scattered[epoch.validators] = found.dividends
    both = found.incentive + scattered
    if both.any():
        return kernel.norm(both)
    scattered[epoch.validators] = found.active
    return scattered if scattered.any() else found.stake
