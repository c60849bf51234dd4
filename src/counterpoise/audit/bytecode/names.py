"""Functions that are known by their selector, and what it means if anyone may call them."""

from __future__ import annotations

from functools import cache

from counterpoise.core.digest import keccak

__all__ = ["name_of", "role_of"]

_OWNER = """
setOwner(address) changeOwner(address) transferOwnership(address) set_owner(address)
transfer_ownership(address) setAdmin(address) set_admin(address) changeAdmin(address)
setMinter(address) set_minter(address) addMinter(address) setGovernance(address)
upgradeTo(address) upgradeToAndCall(address,bytes) setImplementation(address)
set_implementation(address) grantRole(bytes32,address) setOperator(address)
setController(address) setOracle(address) set_oracle(address) addOwner(address)
"""
_MINT = """
mint(address,uint256) mint(uint256) mintTo(address,uint256) issue(uint256) issue(address,uint256)
generateTokens(address,uint256) burn(address,uint256) burnFrom(address,uint256)
mint_to(address,uint256) increaseSupply(uint256) destroyTokens(address,uint256)
"""
_TERMS = """
setFee(uint256) set_fee(uint256) setFees(uint256) setRate(uint256) set_rate(uint256)
setPrice(uint256) set_price(uint256) pause() unpause() set_paused(bool) setPaused(bool)
blacklist(address) addBlackList(address) removeBlackList(address) addToBlacklist(address)
destroyBlackFunds(address) freeze(address) freezeAccount(address,bool) setBlacklist(address,bool)
setMaxTxAmount(uint256) setFeeTo(address) setTreasury(address) set_treasury(address)
set_fee_receiver(address) setFeeReceiver(address) setTaxes(uint256) setParams(uint256,uint256)
"""
_PLAIN = """
transfer(address,uint256) transferFrom(address,address,uint256) approve(address,uint256)
withdraw() withdraw(uint256) withdraw(address,uint256) deposit() deposit(uint256) claim()
withdrawAll() withdraw_all() kill() destroy() close() sweep(address) balanceOf(address)
initialize() initialize(address) init() owner() totalSupply() allowance(address,address)
"""


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


@cache
def _known() -> dict[bytes, tuple[str, str]]:
    parts = {"plain": _PLAIN, "owner": _OWNER, "mint": _MINT, "terms": _TERMS}
    return {_selector(one): (one, role) for role, text in parts.items() for one in text.split()}


def name_of(selector: bytes) -> str:
    """How a function is shown: its signature where it is known, else its selector.

    >>> name_of(bytes.fromhex("a9059cbb")), name_of(bytes.fromhex("00000000"))
    ('transfer(address,uint256)', '0x00000000')
    """
    return _known().get(selector, ("0x" + selector.hex(), ""))[0]


def role_of(selector: bytes) -> str:
    """``"owner"``, ``"mint"`` or ``"terms"`` for functions that only trusted accounts may call."""
    return _known().get(selector, ("", ""))[1].replace("plain", "")
