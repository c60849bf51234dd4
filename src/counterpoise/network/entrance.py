"""How a verb enters a network: the options that say which one, who acts, and how to answer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from counterpoise.core.errors import Busy, InputError, StorageError, Unreachable

if TYPE_CHECKING:
    from counterpoise.chain import Account
    from counterpoise.network.folder import Network

F = TypeVar("F", bound=Callable[..., Any])
PASSWORD_VARIABLE = "COUNTERPOISE_PASSWORD"  # noqa: S105
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
RESUME = "the same command goes on from here"


def _with(command: F, *options: Callable[[F], F]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def in_network(command: F) -> F:
    """Add the options that say which network."""
    return _with(
        command,
        click.option("--state", type=FOLDER, metavar="DIR", help="State folder of an operator."),
        click.option("--network", "charter", type=FILE, metavar="FILE", help="A network.json."),
        click.option("--chain", metavar="URL", help="A node of its chain. Default: as it says."),
        click.option("--store", metavar="PLACE", help="Shared folder or URL. Default: as it says."),
        as_json,
    )


def by_account(command: F) -> F:
    """Add the options that say whose key signs."""
    return _with(
        command,
        click.option("--keystore", type=FILE, metavar="FILE", help="Encrypted key file."),
        click.option("--key-env", metavar="NAME", help="Environment variable with a key in hex."),
        click.option("--local-key", metavar="NAME", help="Development key; local chains only."),
        click.option("--account", metavar="NAME", help="Local key of the state folder."),
    )


patient = click.option(
    "--tries",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="How often a node that is away is asked, 8 times in about 16 s.",
)
as_json = click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")


@contextmanager
def entered(
    state: Path | None,
    charter: Path | None,
    chain: str | None,
    store: str | None,
    *,
    tries: int = 5,
) -> Iterator[Network]:
    """Open the operator's network of a state folder, or visit one by its charter.

    An error that passes, such as a node that is away, says that the command can be repeated.

    Parameters
    ----------
    tries :
        How often a node is asked before it is `Unreachable`: 5 take about 3 s, 8 about 16 s.
    """
    try:
        with _opened(state, charter, chain, store, tries) as network:
            yield network
    except (Unreachable, StorageError, Busy) as error:
        error.hint = f"{error.hint}; {RESUME}" if error.hint else RESUME
        raise


def _opened(
    state: Path | None, charter: Path | None, chain: str | None, store: str | None, tries: int
) -> Network:
    from counterpoise.network.charter import Charter
    from counterpoise.network.folder import default_state, open_network, visit_network

    if charter is None:
        return open_network(state or default_state(), chain=chain, tries=tries)
    if state is not None:
        raise InputError("--state and --network name two networks", hint="give one of them")
    found = Charter.load(charter)
    url, place = chain or found.chain, store or found.store
    if not url.startswith("http"):
        raise InputError(
            f"{charter} names no node that another process can reach",
            hint="counterpoise chain start --state DIR, then --chain URL",
        )
    if not place:
        raise InputError(f"{charter} names no shared store", hint="give --store FOLDER_OR_URL")
    return visit_network(found, chain=url, store=place, tries=tries)


def signer(
    network: Network,
    keystore: Path | None,
    key_env: str | None,
    local_key: str | None,
    account: str | None = None,
) -> Account | None:
    """Give the account that the options name; None if they name none.

    Raises
    ------
    InputError :
        They name several, or a development key on a public chain.
    """
    found = key_of(keystore, key_env, local_key, account, network)
    if found is not None:
        found.check_allowed_on(network.chain.chain_id())
    return found


def key_of(
    keystore: Path | None,
    key_env: str | None,
    local_key: str | None,
    account: str | None = None,
    network: Network | None = None,
) -> Account | None:
    """Load the one key that the options name; None if they name none."""
    from counterpoise.chain import Account

    if sum(option is not None for option in (keystore, key_env, local_key, account)) > 1:
        raise InputError(
            "two keys were given",
            hint="give one of --keystore, --key-env, --local-key and --account",
        )
    if keystore is not None:
        return Account.from_keystore(keystore, _password())
    if key_env is not None:
        return Account.from_environment(key_env)
    if account is not None:
        if network is None:
            raise InputError("--account names a key of a network, and there is none yet")
        return network.account(account)
    return Account.local(local_key.encode()) if local_key is not None else None


def named(account: Account | None) -> Account:
    """Refuse a missing key."""
    if account is None:
        raise InputError(
            "no key was given",
            hint="give --keystore FILE or --key-env NAME; on a local chain --account NAME, "
            "a key of the state folder, or --local-key NAME",
        )
    return account


def answer(wants_json: bool, record: dict[str, Any], *lines: str) -> None:
    """Print a record for machines, or lines for people."""
    click.echo(json.dumps(record) if wants_json else "\n".join(lines))


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show sentences on standard error as they come, with a spinner on a terminal."""
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
    with console.status("waiting") as live:

        def say(line: str) -> None:
            console.print(line, markup=False)
            live.update(line)

        yield say


def _password() -> str:
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    return str(click.prompt("Password", hide_input=True, err=True))
