"""The card by which agents of A2A find what is for sale, signed by the seller.

References
----------
A2A protocol 1.0: agent card, its signature (JWS over RFC 8785 without empty members, with
``ES256K`` of RFC 8812); ERC-8004: proof of a domain.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.jcs import canonical_json
from counterpoise.core.units import to_checksum
from counterpoise.market.gateway.about import About
from counterpoise.market.gateway.operations import Operation

CARD = "/.well-known/agent-card.json"
KEYS = "/.well-known/jwks.json"
X402 = "https://github.com/google-agentic-commerce/a2a-x402/blob/main/spec/v0.2"


def agent_card(
    about: About, tools: Iterable[Operation], interfaces: Iterable[Mapping[str, str]]
) -> dict[str, Any]:
    """Give the card, unsigned.

    Parameters
    ----------
    interfaces :
        Where agents speak to it: url, protocolBinding, protocolVersion.
    """
    card: dict[str, Any] = {
        "name": about.name,
        "description": about.description or about.name,
        "version": about.version,
        "supportedInterfaces": [dict(one) for one in interfaces],
        "capabilities": {"streaming": False, "pushNotifications": False},
        "defaultInputModes": ["application/json"],
        "defaultOutputModes": ["application/json"],
        "skills": [_skill(operation) for operation in tools],
    }
    if about.provider:
        card["provider"] = {"organization": about.provider, "url": about.url}
    return card


def sign_card(card: Mapping[str, Any], account: Account, about: About) -> dict[str, Any]:
    """Give the card with the signature of an account."""
    header = {
        "alg": "ES256K",
        "typ": "JOSE",
        "kid": to_checksum(account.address),
        "jku": about.url + KEYS,
    }
    protected = _base64url(json.dumps(header, separators=(",", ":")).encode())
    payload = _base64url(canonical_json(_without_empty(dict(card))))
    digest = sha256(f"{protected}.{payload}".encode())
    signature = _base64url(account.sign_digest(digest)[:64])
    return {**card, "signatures": [{"protected": protected, "signature": signature}]}


def key_set(public_key: bytes, kid: str) -> dict[str, Any]:
    """Give the key that cards are signed with, as a JSON Web Key Set.

    Parameters
    ----------
    public_key :
        Uncompressed: x and y, 64 bytes.
    """
    x, y = _base64url(public_key[:32]), _base64url(public_key[32:])
    key = {"kty": "EC", "crv": "secp256k1", "alg": "ES256K", "use": "sig", "kid": kid}
    return {"keys": [{**key, "x": x, "y": y}]}


def _skill(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.name,
        "name": operation.name,
        "description": operation.summary,
        "tags": ["x402", operation.route.path.split("/")[-1]],
        "inputModes": ["application/json"],
        "outputModes": [operation.media],
    }


def _without_empty(value: Any) -> Any:
    """Leave out what says nothing, as the signature's canonical form does."""
    if isinstance(value, dict):
        kept = {name: _without_empty(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None} or None
    if isinstance(value, list):
        kept_list = [_without_empty(one) for one in value]
        return [one for one in kept_list if one is not None] or None
    return None if value == "" else value


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
