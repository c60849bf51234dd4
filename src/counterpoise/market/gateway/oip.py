"""The Open Inference Protocol, version 2, over models that are paid for by the call.

Free: server and model metadata, health. Paid: ``infer``. The parameters ``verification`` (a level)
and ``wait`` (seconds to wait for its verdict) ask for a stronger proof of the answer.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens
from counterpoise.market.gateway.body import read_json
from counterpoise.market.gateway.oip_models import Found, Model, WholeModel
from counterpoise.market.gateway.oip_operations import oip_operations
from counterpoise.market.gateway.oip_tensors import Array, write_tensor
from counterpoise.market.gateway.operations import Operation
from counterpoise.market.gateway.problems import plain_problem
from counterpoise.market.gateway.service import NO_LEVEL, Call, NotServed, Quote, Reply, Route
from counterpoise.market.price import Price, Unit

MODEL, VERSION = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
KEPT, SMALL = 512, 16_384
"""Read requests that are kept between quote and work: so many, of bodies of so many bytes."""


@dataclass(frozen=True, slots=True)
class Sold:
    """A version of a model at a price for a call, with the proof's on top."""

    name: str
    version: str
    model: Model
    price: Price

    def __post_init__(self) -> None:
        if self.price.unit is not Unit.CALL:
            raise InputError(
                f"model {self.name!r} is priced {self.price}", hint="a model is priced per call"
            )


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was read."""

    sold: Sold
    id: str | None
    feed: Mapping[str, Array]
    outputs: tuple[str, ...]
    level: str
    wait: float


class OipService:
    """All models of a gateway.

    Parameters
    ----------
    most_wait :
        Seconds that a call may wait for a verdict.
    """

    name = "models"

    def __init__(self, sold: Sequence[Sold], *, most_wait: float = 20.0) -> None:
        self.models: dict[str, dict[str, Sold]] = {}
        self._most_wait = most_wait
        for one in sold:
            versions = self.models.setdefault(one.name, {})
            if one.version in versions:
                raise InputError(f"model {one.name!r} has version {one.version!r} twice")
            versions[one.version] = one
        self._asked: OrderedDict[bytes, Asked] = OrderedDict()
        self._running = asyncio.Semaphore(os.cpu_count() or 1)
        free = ("/v2", "/v2/health/live", "/v2/health/ready", MODEL, VERSION)
        pages = (*free, f"{MODEL}/ready", f"{VERSION}/ready")
        self.routes: Sequence[Route] = (
            *(Route("GET", path, is_free=True, media=()) for path in pages),
            *(Route("POST", f"{path}/infer") for path in (MODEL, VERSION)),
        )

    @property
    def levels(self) -> Collection[str]:
        """Every level that some model is offered at."""
        return {
            level
            for versions in self.models.values()
            for one in versions.values()
            if one.model.proofs is not None
            for level in one.model.proofs.levels
        }

    @property
    def operations(self) -> Sequence[Operation]:
        """What the routes do, and a tool for each model."""
        return oip_operations(self)

    def quote(self, call: Call) -> Quote:
        """Read a request, and give the price of its model and level."""
        asked = self._asked.get(call.request) or self._read(call)
        if len(call.body) <= SMALL:
            self._asked[call.request] = asked
            if len(self._asked) > KEPT:
                self._asked.popitem(last=False)
        proofs = asked.sold.model.proofs
        more = 0 if asked.level == NO_LEVEL or proofs is None else proofs.levels[asked.level].price
        return Quote(asked.sold.price.amount + more)

    async def serve(self, call: Call) -> Reply:
        """Give metadata, or run a model."""
        if call.method != "POST":
            return self._free(call)
        asked = self._asked.pop(call.request, None) or self._read(call)
        model = asked.sold.model
        if model.is_quick(asked.feed):
            found = model.run(asked.feed, asked.outputs)
        else:
            async with self._running:
                found = await asyncio.to_thread(model.run, asked.feed, asked.outputs)
        salt = os.urandom(32)
        reference: bytes | None = None
        told: Mapping[str, Any] = {}
        if asked.level != NO_LEVEL:
            reference, told = await self._proven(asked, found, salt)
        commitment = None
        if isinstance(model, WholeModel) and found.values is not None:
            commitment = model.commitment(salt, found.values)
        return Reply(
            _body(asked, found, told),
            model=model.digest,
            commitment=commitment,
            answer=found.answer,
            reference=reference,
            salt=salt,
            level=asked.level,
        )

    def price_lines(self) -> list[str]:
        """Say what each model costs."""
        lines = []
        for name, versions in self.models.items():
            for version, one in versions.items():
                levels = "".join(
                    f", {level} + {format_tokens(offered.price)}"
                    for level, offered in (
                        one.model.proofs.levels if one.model.proofs else {}
                    ).items()
                )
                lines.append(f"  /v2/models/{name} version {version}: {one.price}{levels}")
        return lines

    def problem(self, status: int, message: str) -> tuple[bytes, str]:
        """Write an error as the protocol does."""
        return plain_problem(status, message)

    async def close(self) -> None:
        """Hold nothing that must be let go of."""

    async def _proven(
        self, asked: Asked, found: Found, salt: bytes
    ) -> tuple[bytes, Mapping[str, Any]]:
        proofs = asked.sold.model.proofs
        assert proofs is not None and found.values is not None and found.answer is not None
        posed = await asyncio.to_thread(
            proofs.pose, asked.level, salt, found.values, found.answer, asked.wait
        )
        return posed.reference, posed.record

    def _sold(self, call: Call) -> Sold:
        name, version = call.parts["model"], call.parts.get("version")
        versions = self.models.get(name)
        if versions is None:
            raise NotServed(404, f"there is no model {name!r:.80}")
        if version is None:
            return versions[next(reversed(versions))]
        if version not in versions:
            raise NotServed(404, f"model {name!r} has no version {version!r:.40}")
        return versions[version]

    def _read(self, call: Call) -> Asked:
        sold, request = self._sold(call), read_json(call.body)
        if not isinstance(request, dict):
            raise NotServed(400, "the body is no JSON object")
        id_ = request.get("id")
        if id_ is not None and not (isinstance(id_, str) and len(id_) <= 256):
            raise NotServed(422, "the id is no text of at most 256 characters")
        parameters = request.get("parameters", {})
        if not isinstance(parameters, dict):
            raise NotServed(422, "the parameters are no object")
        feed = sold.model.read(_named(request.get("inputs"), "inputs"), parameters)
        outputs = self._outputs(request.get("outputs"), sold)
        level, wait = self._level(call, parameters, sold, feed)
        return Asked(sold, id_, feed, outputs, level, wait)

    def _outputs(self, value: Any, sold: Sold) -> tuple[str, ...]:
        every = tuple(spec.name for spec in sold.model.outputs)
        if value is None or value == []:
            return every
        names = tuple(_named(value, "outputs"))
        for name in names:
            if name not in every:
                raise NotServed(422, f"there is no output {name!r:.80}", hint=", ".join(every))
        return names

    def _level(
        self, call: Call, parameters: Mapping[str, Any], sold: Sold, feed: Mapping[str, Array]
    ) -> tuple[str, float]:
        level = parameters.get("verification", call.level)
        proofs = sold.model.proofs
        offered = () if proofs is None else tuple(proofs.levels)
        if level != NO_LEVEL and level not in offered:
            hint = ", ".join((NO_LEVEL, *offered))
            raise NotServed(422, f"model {sold.name!r} has no level {level!r:.40}", hint=hint)
        if level != NO_LEVEL and len(feed.get("bytes", ())) != 1:
            raise NotServed(422, "a level of proof is for one row", hint="ask for each row alone")
        wait = parameters.get("wait", 0)
        if type(wait) not in (int, float) or not 0 <= wait <= self._most_wait:
            raise NotServed(422, f"the parameter 'wait' is no number from 0 to {self._most_wait:g}")
        return level, float(wait)

    def _free(self, call: Call) -> Reply:
        if call.route == "/v2":
            return _json({"name": "counterpoise", "version": "2", "extensions": []})
        if call.route.startswith("/v2/health"):
            return _json({call.route.rpartition("/")[2]: True})
        sold = self._sold(call)
        if call.route.endswith("/ready"):
            return _json({"name": sold.name, "ready": True})
        model = sold.model
        return _json(
            {
                "name": sold.name,
                "versions": list(self.models[sold.name]),
                "platform": model.platform,
                "inputs": [spec.to_json() for spec in model.inputs],
                "outputs": [spec.to_json() for spec in model.outputs],
                "parameters": {
                    "model_digest": model.digest.hex(),
                    "price": str(sold.price),
                    "levels": _levels(model),
                },
            }
        )


def _named(value: Any, what: str) -> dict[str, Any]:
    """Give a list of objects by their names."""
    if not isinstance(value, list) or not value or len(value) > 256:
        raise NotServed(422, f"the request has no list of {what}")
    found: dict[str, Any] = {}
    for one in value:
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str):
            raise NotServed(422, f"one of the {what} is no object with a name")
        if name in found:
            raise NotServed(422, f"{name!r:.80} is named twice in the {what}")
        found[name] = one
    return found


def _levels(model: Model) -> dict[str, str]:
    """Give what each level costs on top, in base units as text."""
    offered = {} if model.proofs is None else model.proofs.levels
    return {name: str(one.price) for name, one in offered.items()}


def _body(asked: Asked, found: Found, told: Mapping[str, Any]) -> bytes:
    outputs = []
    for name, (datatype, array, parameters) in found.outputs.items():
        written = write_tensor(name, datatype, array)
        outputs.append(written | {"parameters": dict(parameters)} if parameters else written)
    sold = asked.sold
    record: dict[str, Any] = {"model_name": sold.name, "model_version": sold.version}
    if asked.id is not None:
        record["id"] = asked.id
    record["parameters"] = {"model_digest": sold.model.digest.hex(), **told}
    record["outputs"] = outputs
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _json(record: Mapping[str, Any]) -> Reply:
    return Reply(json.dumps(record, ensure_ascii=False).encode())
