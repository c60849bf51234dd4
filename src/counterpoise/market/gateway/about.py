"""What a gateway says of itself to agents."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.core.errors import InputError


@dataclass(frozen=True, slots=True)
class About:
    """Who sells here.

    Parameters
    ----------
    url :
        Address at which buyers reach the gateway, without a slash at its end.
    version :
        Of what is sold; the seller's own.
    provider :
        Name of the organisation that sells; empty for none.
    """

    name: str
    description: str
    url: str
    version: str = "1"
    provider: str = ""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")) or self.url.endswith("/"):
            raise InputError(f"{self.url!r} is no address of a gateway", hint="write https://…")
