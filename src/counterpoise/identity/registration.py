"""Registration files of agents, and the proof that a domain knows its agent.

References
----------
ERC-8004, Trustless Agents (draft): registration file, domain verification.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.jcs import canonical_json
from counterpoise.core.json_text import read_json

TYPE = "https://eips.ethereum.org/EIPS/eip-8004#registration-v1"
WELL_KNOWN = "/.well-known/agent-registration.json"
MAX_BYTES = 1 << 18
REGISTRY = r"eip155:[1-9][0-9]*:0x[0-9a-fA-F]{40}"


@dataclass(frozen=True, slots=True)
class Service:
    """One way to reach an agent: its kind (web, A2A, MCP, OASF, ENS…), where, which version."""

    name: str
    endpoint: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """An agent's number in one registry, ``eip155:<chain>:<address>``."""

    agent: int
    registry: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What an agent says of itself."""

    name: str
    description: str
    image: str = ""
    services: tuple[Service, ...] = ()
    x402: bool = False
    active: bool = True
    registrations: tuple[Place, ...] = ()
    trust: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Give the file, as canonical JSON; `InputError` where something is not well-formed."""
        record: dict[str, object] = {
            "type": TYPE,
            "name": self.name,
            "description": self.description,
            "image": self.image,
            "services": [_service_record(service) for service in self.services],
            "x402Support": self.x402,
            "active": self.active,
            "registrations": [
                {"agentId": one.agent, "agentRegistry": one.registry} for one in self.registrations
            ],
            "supportedTrust": list(self.trust),
        }
        data = canonical_json(record)
        Registration.from_bytes(data)
        return data

    def to_uri(self) -> str:
        """Give the whole file as a data URI, so that it needs no host."""
        return f"data:application/json;base64,{base64.b64encode(self.to_bytes()).decode()}"

    @staticmethod
    def from_bytes(data: bytes) -> Registration:
        """Read a file; members that the standard does not name are passed over.

        Raises
        ------
        InputError :
            It is too large, no JSON, or a member is missing or of another type.
        """
        record = _object(data)
        if record.get("type") != TYPE:
            raise InputError(f"type is {record.get('type')!r}, wanted {TYPE!r}")
        services = [
            Service(
                _text(one, "name"), _text(one, "endpoint"), _text(one, "version", optional=True)
            )
            for one in _objects(record, "services")
        ]
        trust = record.get("supportedTrust", [])
        if not isinstance(trust, list) or not all(isinstance(one, str) for one in trust):
            raise InputError("supportedTrust is no list of texts")
        return Registration(
            _text(record, "name"),
            _text(record, "description"),
            _text(record, "image", optional=True),
            tuple(services),
            _flag(record, "x402Support", False),
            _flag(record, "active", True),
            _entries(record),
            tuple(trust),
        )

    @staticmethod
    def from_uri(uri: str, fetch: Callable[[str], bytes]) -> Registration:
        """Read the file that an agent's URI names: a data URI here, all else through `fetch`."""
        found = re.fullmatch(r"data:application/json(;[\w=-]+)*?(;base64)?,(.*)", uri, re.S)
        if found is None:
            return Registration.from_bytes(fetch(uri))
        try:
            body = found[3].encode()
            return Registration.from_bytes(
                base64.b64decode(body, validate=True) if found[2] else body
            )
        except ValueError as error:
            raise InputError(f"the data URI is no base64: {error}") from error


def check_domains(
    registration: Registration, agent: int, registry: str, fetch: Callable[[str], bytes]
) -> dict[str, str]:
    """Ask the domains of an agent's services whether they know it.

    Parameters
    ----------
    registry :
        ``eip155:<chain>:<address>`` of the registry in which it has the number `agent`.
    fetch :
        Gives the bytes at an https address; what it raises of `CounterpoiseError` passes.

    Returns
    -------
    dict[str, str] :
        For each domain "proven", or why not.

    Raises
    ------
    VerificationError :
        The registration itself names no such agent: it is another's.
    """
    wanted = (agent, registry.lower())
    if wanted not in {(one.agent, one.registry.lower()) for one in registration.registrations}:
        raise VerificationError(f"the registration file does not name agent {agent} of {registry}")
    places = [urlsplit(service.endpoint) for service in registration.services]
    domains = dict.fromkeys(place.netloc for place in places if place.scheme == "https")
    return {domain: _domain_verdict(domain, wanted, fetch) for domain in domains if domain}


def _domain_verdict(domain: str, wanted: tuple[int, str], fetch: Callable[[str], bytes]) -> str:
    try:
        record = _object(fetch(f"https://{domain}{WELL_KNOWN}"))
        known = {(one.agent, one.registry.lower()) for one in _entries(record)}
    except InputError as error:
        return error.message
    return "proven" if wanted in known else f"{domain} does not name this agent"


def _service_record(service: Service) -> dict[str, object]:
    record: dict[str, object] = {"name": service.name, "endpoint": service.endpoint}
    return record | {"version": service.version} if service.version else record


def _object(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise InputError(f"a file of {len(data)} bytes, at most {MAX_BYTES} wanted")
    try:
        record = read_json(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the registration is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise InputError("the registration is no JSON object")
    return record


def _objects(record: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = record.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InputError(f"{name} is no list of objects")
    return found


def _entries(record: dict[str, Any]) -> tuple[Place, ...]:
    found = []
    for one in _objects(record, "registrations"):
        agent, registry = one.get("agentId"), one.get("agentRegistry")
        if not isinstance(agent, int) or isinstance(agent, bool) or agent < 0:
            raise InputError(f"agentId is {agent!r}, wanted a number from 0")
        if not isinstance(registry, str) or not re.fullmatch(REGISTRY, registry):
            raise InputError(f"agentRegistry is {registry!r}", hint="write eip155:CHAIN:0x…")
        found.append(Place(agent, registry))
    return tuple(found)


def _text(record: dict[str, Any], name: str, *, optional: bool = False) -> str:
    found = record.get(name, "" if optional else None)
    if not isinstance(found, str) or not (found or optional):
        raise InputError(f"{name} is {found!r}, wanted a text")
    return found


def _flag(record: dict[str, Any], name: str, otherwise: bool) -> bool:
    found = record.get(name, otherwise)
    if not isinstance(found, bool):
        raise InputError(f"{name} is {found!r}, wanted true or false")
    return found
