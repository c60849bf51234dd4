"""Pure values for every room: digests, trees, fixed point, shares, units and errors.

Nothing here touches a disk, a network, a clock or a source of randomness. Import the module
that holds what you need, for example ``from counterpoise.core.digest import sha256``.
"""

__all__ = ["claims_tree", "digest", "errors", "fixed", "merkle", "shares", "units"]
