"""The provers by the name of their level; each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from counterpoise.chain import Contract
from counterpoise.core.errors import InputError
from counterpoise.verification.prover import Level, Prover

if TYPE_CHECKING:
    from counterpoise.verification.zk_key import ZkKey

_HOMES = {
    Level.QUORUM: ("quorum", "Quorum", "quorum", "QuorumClient"),
    Level.OPTIMISTIC: ("optimistic", "Optimistic", "optimistic_client", "OptimisticClient"),
    Level.ZK: ("zk", "Zk", "zk", "ZkClient"),
    Level.DIRECT: ("direct", "Direct", "direct", "DirectClient"),
}


def level_of(name: str) -> Level:
    """Give a level by its name.

    >>> level_of("zk")
    <Level.ZK: 2>
    """
    try:
        return Level[name.upper()]
    except KeyError:
        names = ", ".join(level.name.lower() for level in Level)
        raise InputError(f"there is no level {name!r}", hint=f"choose from {names}") from None


def prover_of(
    level: Level | str,
    contract: Contract,
    *,
    key: ZkKey | Path | None = None,
    **options: Any,
) -> Prover:
    """Give the prover of a level.

    Parameters
    ----------
    contract :
        The evaluator's contract.
    key :
        At level zk: the proving key of the model, or its folder.
    options :
        What the prover of this level takes beside them, such as `clock`.

    Raises
    ------
    InputError :
        There is no such level, the contract is of another, or a key is wanted.
    MissingExtra :
        The level's engine is not installed.
    """
    wanted = level_of(level) if isinstance(level, str) else level
    found = Level(contract.call("level"))
    if found != wanted:
        raise InputError(
            f"{contract!r} is of level {found.name.lower()}, {wanted.name.lower()} wanted",
            hint="ask for the prover of the contract's own level",
        )
    module, name, client_module, client_name = _HOMES[wanted]
    client = getattr(_home(client_module), client_name)(contract)
    if wanted == Level.ZK:
        if key is None:
            raise InputError(
                "level zk proves with the key of a model",
                hint="counterpoise verification zk setup MODEL --to DIR, then key=DIR",
            )
        _home("zk_key").engine()
        options["key"] = key
    return cast(Prover, getattr(_home(module), name)(client, **options))


def _home(module: str) -> Any:
    return import_module(f"counterpoise.verification.{module}")
