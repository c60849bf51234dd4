"""The Open Inference Protocol's routes as operations, and a tool for each model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from counterpoise.market.gateway.operations import Operation, Schema
from counterpoise.market.gateway.service import Route

if TYPE_CHECKING:
    from counterpoise.market.gateway.oip import OipService, Sold

_TEXT: Schema = {"type": "string"}
_WORDS = {
    "/v2": "What this server is.",
    "/v2/health/live": "Whether the server lives.",
    "/v2/health/ready": "Whether the server takes calls.",
}
_PARAMETERS: Schema = {
    "type": "object",
    "properties": {"verification": _TEXT, "wait": {"type": "number", "minimum": 0}},
}


def oip_operations(service: OipService) -> Sequence[Operation]:
    """Describe every route, and each model as a tool."""
    found = [_operation(route, service) for route in service.routes]
    (infer,) = (one for one in found if one.name == "infer")
    for name, versions in service.models.items():
        sold = versions[next(reversed(versions))]
        found.append(_tool(name, sold, infer))
    return found


def _operation(route: Route, service: OipService) -> Operation:
    versions = [version for one in service.models.values() for version in one]
    parts: dict[str, Schema] = {
        "model": {"enum": sorted(service.models)},
        "version": {"enum": sorted(set(versions))},
    }
    if route.method == "POST":
        name = "infer_version" if "{version}" in route.path else "infer"
        words = "Run a model (Open Inference Protocol, version 2)."
        body = _body([_tensor(None, None, None)], 256)
        answer = {
            "type": "object",
            "properties": {"model_name": _TEXT, "outputs": {"type": "array"}},
            "required": ["model_name", "outputs"],
        }
        return Operation(route, name, words, body, answer, parameters=parts, statuses=(404,))
    name = route.path.strip("/").replace("/", "_").replace("{", "").replace("}", "")
    words = _WORDS.get(route.path, "What a model takes and gives, or whether it is ready.")
    statuses = (404,) if "{" in route.path else ()
    return Operation(route, name, words, parameters=parts, statuses=statuses)


def _tool(name: str, sold: Sold, infer: Operation) -> Operation:
    model = sold.model
    tensors = [_tensor(spec.name, spec.datatype, spec.shape) for spec in model.inputs]
    takes = ", ".join(_told(spec.to_json()) for spec in model.inputs)
    gives = ", ".join(_told(spec.to_json()) for spec in model.outputs)
    return Operation(
        infer.route,
        f"infer_{''.join(letter if letter.isalnum() else '-' for letter in name)}",
        f"Run the model {name}: takes {takes}; gives {gives}. {sold.price}.",
        _body(tensors, len(tensors)),
        infer.answer,
        parts={"model": name},
        is_tool=True,
    )


def _body(tensors: Iterable[Schema], most: int) -> Schema:
    choices = list(tensors)
    items = choices[0] if len(choices) == 1 else {"anyOf": choices}
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "maxLength": 256},
            "inputs": {"type": "array", "items": items, "minItems": 1, "maxItems": most},
            "parameters": _PARAMETERS,
            "outputs": {
                "type": "array",
                "items": {"type": "object", "properties": {"name": _TEXT}, "required": ["name"]},
            },
        },
        "required": ["inputs"],
    }


def _tensor(name: str | None, datatype: str | None, shape: Sequence[int | None] | None) -> Schema:
    """Describe a tensor; what is None may be anything. A dimension of -1 is of any length."""
    dimension = {"type": "integer", "minimum": 0}
    dimensions: dict[str, Any] = {"type": "array", "items": dimension}
    if shape is not None:
        dimensions |= {"minItems": len(shape), "maxItems": len(shape)}
    return {
        "type": "object",
        "properties": {
            "name": _TEXT if name is None else {"const": name},
            "shape": dimensions,
            "datatype": _TEXT if datatype is None else {"const": datatype},
            "data": {"type": "array"},
        },
        "required": ["name", "shape", "datatype", "data"],
    }


def _told(spec: dict[str, Any]) -> str:
    return f"{spec['name']} {spec['datatype']} {spec['shape']}"
