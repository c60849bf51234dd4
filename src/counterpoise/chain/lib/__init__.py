"""Vyper modules shared by all contracts: `from counterpoise.chain.lib import merkle`."""
