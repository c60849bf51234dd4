"""Opens a chain by its URL."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from counterpoise.chain.backend import Chain
from counterpoise.core.errors import InputError


def open_chain(url: str = "embedded:", *, folder: Path | None = None, **options: Any) -> Chain:
    """Open a chain.

    Parameters
    ----------
    url :
        ``embedded:`` for the chain inside this process, ``anvil:`` for a child process,
        ``http://…`` or ``https://…`` for any node.
    folder :
        Where a local chain keeps its state; None keeps an embedded chain in memory.
    options :
        What the back end takes besides, such as ``clock`` or ``automine``.

    Raises
    ------
    InputError :
        The URL is none of these.
    """
    scheme = url.partition(":")[0]
    openers: dict[str, Callable[[], Chain]] = {
        "embedded": lambda: _embedded(folder, options),
        "anvil": lambda: _anvil(folder, options),
        "http": lambda: _http(url, options),
        "https": lambda: _http(url, options),
    }
    if scheme not in openers:
        raise InputError(
            f"{url!r} names no chain", hint="write embedded:, anvil:, or a node's http:// address"
        )
    return openers[scheme]()


def _embedded(folder: Path | None, options: dict[str, Any]) -> Chain:
    from counterpoise.chain.embedded import EmbeddedChain

    return EmbeddedChain(folder, **options)


def _anvil(folder: Path | None, options: dict[str, Any]) -> Chain:
    from counterpoise.chain.anvil import AnvilChain

    opened: Chain = AnvilChain(folder, **options)
    return opened


def _http(url: str, options: dict[str, Any]) -> Chain:
    from counterpoise.chain.http import HttpChain
    from counterpoise.chain.http_workbench import HttpWorkbench

    opened: Chain = HttpChain(url, **options)
    if opened.features.local:
        opened.close()
        opened = HttpWorkbench(url, **options)
    return opened
