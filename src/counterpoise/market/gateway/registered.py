"""The gateway's side of an agent in the registry: its domain says which agent it is."""

from __future__ import annotations

from counterpoise.chain import Account
from counterpoise.core.errors import InputError
from counterpoise.core.units import to_checksum
from counterpoise.identity import IdentityClient, Place, Registration, Service
from counterpoise.market.gateway.agent_card import CARD
from counterpoise.market.gateway.mcp import ROUTE as MCP
from counterpoise.market.gateway.mcp_messages import MODERN
from counterpoise.market.gateway.seller_settings import SellerSettings
from counterpoise.network import Network


def registration_of(
    network: Network, account: Account, settings: SellerSettings
) -> Registration | None:
    """Give the file that proves the domain of the seller's agent; None where there is no agent.

    Raises
    ------
    InputError :
        The agent is another's, or there is none of this number.
    """
    if settings.agent is None:
        return None
    about, agent = settings.about, settings.agent
    identity = IdentityClient(network.contract("IdentityRegistry"))
    found = identity.agent(agent)
    if account.address not in (found.owner, found.wallet):
        raise InputError(
            f"agent {agent} belongs to {to_checksum(found.owner)}",
            hint="sell from the account that owns it, or that is its wallet",
        )
    services = (
        Service("web", about.url),
        Service("A2A", about.url + CARD, "1.0"),
        Service("MCP", about.url + MCP.path, MODERN),
    )
    return Registration(
        about.name,
        about.description or about.name,
        services=services,
        x402=True,
        registrations=(Place(agent, identity.name),),
        trust=("reputation",),
    )
