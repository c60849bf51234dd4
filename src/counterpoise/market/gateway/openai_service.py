"""OpenAI's routes: several models under ``/v1``, each with a price of its own.

References
----------
OpenAI API reference: models, chat completions, embeddings, errors, server-sent events.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from counterpoise.core.errors import InputError
from counterpoise.market.gateway.openai_requests import model_in, read_object
from counterpoise.market.gateway.openai_schemas import chat_operation, embedding_operation
from counterpoise.market.gateway.operations import Operation
from counterpoise.market.gateway.service import Call, NotServed, Quote, Reply, Route, Stream
from counterpoise.market.gateway.tariff import Tariff

MODELS = Route("GET", "/v1/models", is_free=True, media=())
MODEL = Route("GET", "/v1/models/{model}", is_free=True, media=())
CHAT, EMBEDDINGS = Route("POST", "/v1/chat/completions"), Route("POST", "/v1/embeddings")
_TASKS = {CHAT.path: "chat", EMBEDDINGS.path: "embeddings"}
_PATHS = {task: path for path, task in _TASKS.items()}
_KEPT, _SMALL = 1024, 16_384
"""Requests that are kept between quote and work, and bytes of the largest: others are read twice,
so that who does not pay fills no memory."""
_KINDS = {
    400: "invalid_request_error",
    402: "payment_required",
    404: "not_found_error",
    429: "rate_limit_error",
}


class Model(Protocol):
    """One model for sale under OpenAI's routes."""

    @property
    def name(self) -> str:
        """What buyers call it."""

    @property
    def task(self) -> str:
        """``chat`` or ``embeddings``."""

    @property
    def tariff(self) -> Tariff:
        """What it costs."""

    @property
    def most_tokens(self) -> int:
        """Tokens that one answer may have at most; of embeddings, one text."""

    def read(self, source: Mapping[str, Any]) -> tuple[int, Any]:
        """Read a request; gives what it costs at most, and what `serve` wants of it."""

    async def serve(self, asked: Any) -> Reply | Stream:
        """Do the work."""

    async def close(self) -> None:
        """Let go of what is held."""


class OpenAiService:
    """Sells models to OpenAI's clients.

    Parameters
    ----------
    models :
        Their names are unique.
    name :
        What metrics call it.
    created :
        Unix time that the list of models tells.
    """

    levels: Collection[str] = ()

    def __init__(self, models: Sequence[Model], *, name: str = "openai", created: int = 0) -> None:
        self.name = name
        self.models = {model.name: model for model in models}
        if len(self.models) != len(models) or not models:
            raise InputError(f"{len(models)} models with {len(self.models)} names")
        self._created = created
        self._asked: OrderedDict[bytes, tuple[Model, Any]] = OrderedDict()
        tasks = {model.task for model in models}
        paid = [route for route in (CHAT, EMBEDDINGS) if _TASKS[route.path] in tasks]
        self.routes: Sequence[Route] = (MODELS, MODEL, *paid)

    @property
    def operations(self) -> Sequence[Operation]:
        """What the routes do, and one tool for each model."""
        names = list(self.models)
        words = "What is for sale here"
        found = [
            Operation(MODELS, "list_models", f"{words}."),
            Operation(MODEL, "show_model", f"{words}: one model.", statuses=(404,)),
        ]
        for route in self.routes[2:]:
            some = [name for name in names if self.models[name].task == _TASKS[route.path]]
            found.append(self._operation(route, some))
            found += [self._operation(route, [name], is_tool=True) for name in some]
        return found

    def quote(self, call: Call) -> Quote:
        """Read a call, and give what it costs at most."""
        model, amount, asked = self._read(call)
        if len(call.body) <= _SMALL:
            self._asked[call.request] = model, asked
            if len(self._asked) > _KEPT:
                self._asked.popitem(last=False)
        return Quote(amount)

    async def serve(self, call: Call) -> Reply | Stream:
        """Answer a call."""
        if call.route in (MODELS.path, MODEL.path):
            return self._listed(call)
        kept = self._asked.pop(call.request, None)
        if kept is None:
            model, _, asked = self._read(call)
            return await model.serve(asked)
        return await kept[0].serve(kept[1])

    def problem(self, status: int, message: str) -> tuple[bytes, str]:
        """Write an error as OpenAI does."""
        kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
        error = {"message": message, "type": kind, "param": None, "code": None}
        return json.dumps({"error": error}, ensure_ascii=False).encode(), "application/json"

    def price_lines(self) -> Sequence[str]:
        """Say what each model costs."""
        return [
            f"  {_PATHS[model.task]} {model.name}: {model.tariff}" for model in self.models.values()
        ]

    async def close(self) -> None:
        """Close the models."""
        for model in self.models.values():
            await model.close()

    def _operation(self, route: Route, names: Sequence[str], *, is_tool: bool = False) -> Operation:
        if route is EMBEDDINGS:
            return embedding_operation(route, names, is_tool=is_tool)
        most = max(self.models[name].most_tokens for name in names)
        return chat_operation(route, names, most, is_tool=is_tool)

    def _read(self, call: Call) -> tuple[Model, int, Any]:
        source = read_object(call.body)
        name = model_in(source)
        model = self.models.get(name)
        if model is None or model.task != _TASKS[call.route]:
            raise NotServed(404, f"no model {name[:100]!r} is for sale at {call.route}")
        amount, asked = model.read(source)
        return model, amount, asked

    def _listed(self, call: Call) -> Reply:
        rows = {
            name: {
                "id": name,
                "object": "model",
                "created": self._created,
                "owned_by": "counterpoise",
            }
            for name in self.models
        }
        if call.route == MODELS.path:
            return Reply(json.dumps({"object": "list", "data": list(rows.values())}).encode())
        row = rows.get(call.parts.get("model", ""))
        if row is None:
            raise NotServed(404, "no such model is for sale here")
        return Reply(json.dumps(row).encode())
