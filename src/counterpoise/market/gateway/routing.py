"""Finds whose a request is, by method and path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from counterpoise.core.errors import InputError
from counterpoise.market.gateway.service import NotServed, Route, Service

OUTSIDE = "other"
"""What metrics call a path that nobody has."""


@dataclass(slots=True)
class _Place:
    pattern: str
    parts: tuple[str, ...]
    owners: dict[str, tuple[Service, Route]] = field(default_factory=dict)

    def paid(self) -> tuple[Service, Route] | None:
        """Give what is paid for here: a payer may ask there for a refund by GET."""
        owners = self.owners.values()
        return next(((one, route) for one, route in owners if not route.is_free), None)

    def fits(self, found: list[str]) -> bool:
        return all(
            part.startswith("{") or part == one for part, one in zip(self.parts, found, strict=True)
        )


class Routes:
    """All places of all services.

    Parameters
    ----------
    services :
        Their routes must not be each other's.

    Raises
    ------
    InputError :
        Two services have the same name or the same route.
    """

    def __init__(self, services: Iterable[Service]) -> None:
        self.services = tuple(services)
        self._places: dict[int, list[_Place]] = {}
        names = [service.name for service in self.services]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"two services are called {name!r}", hint="give each its own name")
        for service in self.services:
            for route in service.routes:
                self._add(service, route)
        for places in self._places.values():
            places.sort(key=lambda place: [part.startswith("{") for part in place.parts])

    def find(self, method: str, raw_path: str) -> tuple[Service, Route, dict[str, str]]:
        """Give the service and route of a request, and what stands in its pattern's braces.

        The route has another method where a GET asks at a place that is paid by POST alone.

        Raises
        ------
        NotServed :
            404 where nobody has the path, 405 where nobody has the method; `hint` names those
            there are, separated by commas.
        """
        found = raw_path.split("/")
        for place in self._places.get(len(found), ()):
            if not place.fits(found):
                continue
            owner = place.owners.get("GET" if method == "HEAD" else method)
            if owner is None and method == "GET":
                owner = place.paid()
            if owner is None:
                there = {*place.owners, *(["GET"] if place.paid() else [])}
                raise NotServed(405, f"{method} is not served here", hint=", ".join(sorted(there)))
            pairs = zip(place.parts, found, strict=True)
            return *owner, {p[1:-1]: unquote(one) for p, one in pairs if p.startswith("{")}
        raise NotServed(404, "nothing is served at this path")

    def _add(self, service: Service, route: Route) -> None:
        parts = tuple(route.path.split("/"))
        places = self._places.setdefault(len(parts), [])
        shape = [None if part.startswith("{") else part for part in parts]
        for place in places:
            if [None if part.startswith("{") else part for part in place.parts] != shape:
                continue
            if route.method in place.owners:
                raise InputError(
                    f"two services have {route.method} {route.path}",
                    hint="give one of them another name or path",
                )
            place.owners[route.method] = (service, route)
            return
        places.append(_Place(route.path, parts, {route.method: (service, route)}))
