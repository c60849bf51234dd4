"""Puts the contracts of payments where x402's clients look for them, on a local chain."""

from counterpoise.chain import Chain, Workbench, artifact
from counterpoise.core.units import Address
from counterpoise.payments.signing import BATCH_SETTLEMENT, DEPOSIT_COLLECTOR, MULTICALL

PLACES: dict[str, Address] = {
    "BatchSettlement": BATCH_SETTLEMENT,
    "Erc3009DepositCollector": DEPOSIT_COLLECTOR,
    "Multicall3": MULTICALL,
}


def place_contracts(chain: Chain) -> dict[str, Address]:
    """Place the contracts where they are missing; give their addresses by name.

    On a chain that is not a local one nothing is done and nothing is given: there the original
    contracts stand at these addresses, or none.
    """
    if not isinstance(chain, Workbench):
        return {}
    for name, address in PLACES.items():
        code = artifact(name).runtime
        if chain.code(address) != code:
            chain.set_code(address, code)
    return dict(PLACES)
