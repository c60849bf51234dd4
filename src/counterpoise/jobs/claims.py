"""Cumulative claims: the tree that one root on the chain commits to, and each member's proof."""

from collections.abc import Mapping
from functools import cached_property

from counterpoise.core.claims_tree import ClaimsTree
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address, to_checksum
from counterpoise.jobs.cohort_rules import MAX_AMOUNT, leaf

NO_CLAIMS = bytes(32)
"""The root when nobody is due anything; no leaf leads to it."""


class CumulativeClaims:
    """What every member of a job is due over all its rounds, as a tree of claims.

    Parameters
    ----------
    chain_id, cohort :
        The chain and the contract that pays; every leaf names them.
    job, round_id :
        The job, and the last round that is counted.
    due :
        Total of each account in base units, not negative. Who is due nothing gets no leaf.

    Examples
    --------
    >>> ann, bob = bytes(19) + b"a", bytes(19) + b"b"
    >>> claims = CumulativeClaims(31337, bytes(20), 1, 3, {ann: 70, bob: 30})
    >>> claims.total, len(claims.proof(ann))
    (100, 1)
    """

    def __init__(
        self, chain_id: int, cohort: Address, job: int, round_id: int, due: Mapping[Address, int]
    ) -> None:
        for account, amount in due.items():
            if not 0 <= amount <= MAX_AMOUNT:
                raise InputError(f"{to_checksum(account)} is due {amount}: from 0 to 2**96 - 1")
        self.due = {account: due[account] for account in sorted(due) if due[account]}
        self.total = sum(self.due.values())
        self._place = {account: i for i, account in enumerate(self.due)}
        self._leaves = [
            leaf(chain_id, cohort, job, round_id, account, amount)
            for account, amount in self.due.items()
        ]

    @cached_property
    def _tree(self) -> ClaimsTree:
        return ClaimsTree(self._leaves)

    @property
    def root(self) -> bytes:
        """The root to post, `NO_CLAIMS` when nobody is due anything."""
        return self._tree.root if self._leaves else NO_CLAIMS

    def proof(self, account: Address) -> list[bytes]:
        """Give the proof with which `account` claims what it is due.

        Raises
        ------
        InputError :
            The account is due nothing.
        """
        if account not in self._place:
            raise InputError(f"{to_checksum(account)} is due nothing in this job")
        return self._tree.proof(self._place[account])
