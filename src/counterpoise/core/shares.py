"""Dividing a whole number among many, to the last unit."""

from collections.abc import Mapping

from counterpoise.core.errors import InputError


def allocate(weights: Mapping[bytes, int], pot: int) -> dict[bytes, int]:
    """Divide a pot in proportion to weights, to the last unit.

    Largest remainder method: floors first, then one unit each to the largest remainders, ties
    going to the lower key. The result sums to `pot`, each share is within one unit of its exact
    quota, and a zero weight gets zero.

    Parameters
    ----------
    weights :
        Weight of each key, such as an address; integers, none negative, at least one positive.
    pot :
        What to divide, in any unit; not negative.

    Returns
    -------
    dict[bytes, int]
        The share of every key, in ascending order of the keys.

    Raises
    ------
    InputError :
        A weight or the pot is negative, or no weight is positive.

    References
    ----------
    Balinski & Young, *Fair Representation*, 2nd ed. (2001), Hamilton's method.

    Examples
    --------
    >>> allocate({b"a": 1, b"b": 1, b"c": 1}, 100)
    {b'a': 34, b'b': 33, b'c': 33}
    """
    if pot < 0:
        raise InputError(f"a pot of {pot} cannot be divided")
    for key, weight in weights.items():
        if weight < 0:
            raise InputError(f"the weight {weight} of {key.hex()} is negative")
    total = sum(weights.values())
    if total == 0:
        raise InputError("nobody has a positive weight", hint="give the pot back instead")
    shares: dict[bytes, int] = {}
    remainders: list[tuple[int, bytes]] = []
    for key in sorted(weights):
        share, remainder = divmod(weights[key] * pot, total)
        shares[key] = share
        remainders.append((-remainder, key))
    for _, key in sorted(remainders)[: pot - sum(shares.values())]:
        shares[key] += 1
    return shares
