"""The gateway's routes as an OpenAPI document, written from what its services say of themselves.

References
----------
OpenAPI Specification 3.1.0; x402 version 2 for the headers of paid routes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from counterpoise.market.gateway.about import About
from counterpoise.market.gateway.operations import Operation, Schema, operations_of
from counterpoise.market.gateway.service import Service

WORDS = {
    202: "It was taken; there is no answer, or not yet.",
    400: "The request is malformed.",
    402: "It must be paid for: what it costs is in the header PAYMENT-REQUIRED.",
    404: "There is no such thing here.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "The request is well-formed, and wrong.",
    429: "Too many calls; the header Retry-After says when to come again.",
    502: "What stands behind the service failed; nothing was charged.",
    503: "The gateway cannot serve for now; nothing was charged.",
    504: "No answer came in time; nothing was charged.",
}
_ALWAYS = (408, 413, 429, 503, 504)
_WITH_BODY = (400, 415, 422)
_PAID = (402, 502)
_TEXT: Schema = {"type": "string"}


def openapi(about: About, services: Iterable[Service]) -> dict[str, Any]:
    """Give the document of all routes."""
    paths: dict[str, dict[str, Any]] = {}
    for service in services:
        error = service.problem(400, "")[1]
        for operation in _without_twins(operations_of(service)):
            path, names = _numbered(operation.route.path)
            paths.setdefault(path, {})[operation.route.method.lower()] = _operation(
                operation, names, error, service
            )
            if not operation.route.is_free:
                paths[path].setdefault("get", _refund(operation, names, error, service))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": about.name,
            "description": about.description or about.name,
            "version": about.version,
        },
        "servers": [{"url": about.url}],
        "paths": paths,
    }


def _without_twins(operations: Iterable[Operation]) -> list[Operation]:
    """Keep one operation for each route: tools are narrower forms of the same."""
    kept: dict[tuple[str, str], Operation] = {}
    for operation in operations:
        kept.setdefault((operation.route.method, operation.route.path), operation)
    return list(kept.values())


def _operation(
    operation: Operation, names: list[str], error: str, service: Service
) -> dict[str, Any]:
    statuses = {*_ALWAYS, *operation.statuses}
    is_paid = not operation.route.is_free
    statuses |= {*_PAID} if is_paid else set()
    statuses |= {*_WITH_BODY} if operation.body is not None else set()
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [service.name],
        "responses": {"200": _answer(operation)}
        | {str(status): _problem(status, error) for status in sorted(statuses)},
    }
    parameters = [_parameter(name, operation) for name in names]
    if is_paid:
        parameters += _payment_parameters(service)
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        content = {media: {"schema": operation.body} for media in operation.route.media}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _refund(operation: Operation, names: list[str], error: str, service: Service) -> dict[str, Any]:
    """Describe the GET at a paid place, by which clients of x402 ask for what is left."""
    words = "Give back what is left of a channel: with a payment of the type refund."
    route = replace(operation.route, method="GET", media=())
    answer = {"type": "object", "properties": {"message": _TEXT, "channelId": _TEXT}}
    changed = replace(
        operation,
        route=route,
        name=f"refund_{operation.name}",
        summary=words,
        body=None,
        answer=answer,
        parameters={},
        streams=False,
    )
    return _operation(changed, names, error, service)


def _answer(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.answer is not None:
        content[operation.media] = {"schema": operation.answer}
    if operation.streams:
        content["text/event-stream"] = {"schema": {}}
    found: dict[str, Any] = {"description": "The answer.", "content": content}
    if not operation.route.is_free:
        words = "What was charged: JSON of x402 in base64; a stream says it at its end."
        header = {"description": words, "schema": _TEXT}
        found["headers"] = {"PAYMENT-RESPONSE": header}
    return found


def _problem(status: int, media: str) -> dict[str, Any]:
    found: dict[str, Any] = {"description": WORDS[status]}
    if status != 202:
        found["content"] = {media: {"schema": {"type": "object"}}}
    if status == 402:
        words = "The ways to pay: JSON of x402 in base64."
        header = {"description": words, "required": True, "schema": _TEXT}
        found["headers"] = {"PAYMENT-REQUIRED": header}
    return found


def _parameter(name: str, operation: Operation) -> dict[str, Any]:
    schema = operation.parameters.get(re.sub(r"_\d+$", "", name), _TEXT)
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _payment_parameters(service: Service) -> list[dict[str, Any]]:
    words = "A payment: JSON of x402 in base64, by one of the ways that the answer 402 offers."
    header: dict[str, Any] = {"name": "PAYMENT-SIGNATURE", "in": "header", "required": False}
    found = [{**header, "description": words, "schema": _TEXT}]
    if service.levels:
        schema = {"enum": ["none", *service.levels]}
        words = "How strongly the answer is to be proven."
        level: Mapping[str, Any] = {"name": "verification", "in": "query", "required": False}
        found.append({**level, "description": words, "schema": schema})
    return found


def _numbered(pattern: str) -> tuple[str, list[str]]:
    """Give a pattern whose braces have names of their own, and those names."""
    names: list[str] = []

    def named(found: re.Match[str]) -> str:
        name = found[1]
        names.append(f"{name}_{len(names)}" if pattern.count(found[0]) > 1 else name)
        return f"{{{names[-1]}}}"

    return re.sub(r"\{(\w+)\}", named, pattern), names
