"""Takes the bytes of a JSON-RPC request or batch, and gives the bytes of its answer."""

import json
import logging
from collections.abc import Callable
from typing import Any

from counterpoise.chain.embedded import EmbeddedChain
from counterpoise.chain.reasons import Refused
from counterpoise.chain.rpc.bench_methods import BenchMethods
from counterpoise.chain.rpc.debug_methods import DebugMethods
from counterpoise.chain.rpc.faults import (
    INTERNAL,
    METHOD,
    PARAMS,
    PARSE,
    REFUSED,
    REQUEST,
    REVERTED,
    RpcError,
)
from counterpoise.chain.rpc.methods import EthMethods
from counterpoise.chain.rpc.values import hexed
from counterpoise.core.errors import CounterpoiseError, InputError, Reverted
from counterpoise.core.json_text import read_json

MAX_BATCH = 1000

log = logging.getLogger(__name__)


class Dispatcher:
    """Answers requests from one embedded chain."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._methods: dict[str, Callable[..., Any]] = {
            **EthMethods(chain).table(),
            **BenchMethods(chain).table(),
            **DebugMethods(chain).table(),
        }

    def answer(self, body: bytes) -> bytes:
        """Answer a request or a batch; empty bytes if nothing in it wants an answer."""
        try:
            request = read_json(body)
        except ValueError:
            return _encoded(_failure(None, RpcError(PARSE, "the body is not JSON")))
        if isinstance(request, list):
            if not 0 < len(request) <= MAX_BATCH:
                fault = RpcError(
                    REQUEST, f"a batch has 1 to {MAX_BATCH} requests, not {len(request)}"
                )
                return _encoded(_failure(None, fault))
            answers = [one for each in request if (one := self._one(each)) is not None]
            return _encoded(answers) if answers else b""
        one = self._one(request)
        return b"" if one is None else _encoded(one)

    def _one(self, request: Any) -> dict[str, Any] | None:
        """Answer one request; None for a notification, which has no id."""
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _failure(None, RpcError(REQUEST, "the request is no object with a method"))
        name = request.get("id")
        try:
            result = self._run(request["method"], request.get("params") or [])
            answer = {"jsonrpc": "2.0", "id": name, "result": result}
        except RpcError as fault:
            answer = _failure(name, fault)
        return answer if "id" in request else None

    def _run(self, name: str, params: Any) -> Any:
        method = self._methods.get(name)
        if method is None:
            raise RpcError(METHOD, f"the method {name[:80]} does not exist on this node")
        if not isinstance(params, list):
            raise RpcError(PARAMS, "params are positional, in a list")
        try:
            return method(*params)
        except Refused as refused:
            data = hexed(refused.data)
            raise RpcError(REVERTED, _reverted(refused.reason, refused.data), data) from None
        except Reverted as refused:
            raise RpcError(REFUSED, refused.reason) from None
        except InputError as error:
            raise RpcError(PARAMS, error.message) from None
        except CounterpoiseError as error:
            raise RpcError(REFUSED, error.message) from None
        except TypeError as error:
            log.debug("%s refused its parameters", name, exc_info=error)
            raise RpcError(PARAMS, f"{name} does not take these {len(params)} parameters") from None
        except (ArithmeticError, LookupError, ValueError) as error:
            log.exception("%s failed", name)
            raise RpcError(INTERNAL, f"{name} failed: {type(error).__name__}") from None


def _reverted(reason: str, data: bytes) -> str:
    if not data and reason:
        return reason
    return f"execution reverted: {reason}" if reason else "execution reverted"


def _failure(name: Any, fault: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": name, "error": fault.to_json()}


def _encoded(answer: Any) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()
