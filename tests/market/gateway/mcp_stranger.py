"""Run by the stock packages' own Python: lists the tools of a server of MCP, and pays for calls.

x402's client of MCP wants what it carries as plain objects, so a few lines hand it what the
client of `mcp` gives; both packages are as they come.
"""

import asyncio
import json
import sys
from types import SimpleNamespace


class Bridge:
    """The client of `mcp` as x402's client of tools calls it."""

    def __init__(self, client):
        self._client = client

    async def call_tool(self, params, read_timeout_seconds=None):
        found = await self._client.call_tool(
            params["name"],
            params["arguments"],
            read_timeout_seconds=read_timeout_seconds.total_seconds(),
            meta=params.get("_meta"),
        )
        told = found.model_dump(by_alias=True, mode="json", exclude_none=True)
        names = {"content": [], "isError": False, "_meta": {}, "structuredContent": None}
        return SimpleNamespace(**{name: told.get(name, other) for name, other in names.items()})


def payer(key, rpc, scheme, network, token):
    from eth_account import Account
    from x402 import x402Client
    from x402.client import SchemeRegistration, x402ClientConfig
    from x402.mechanisms.evm import EthAccountSignerWithRPC
    from x402.mechanisms.evm.batch_settlement.client import BatchSettlementEvmScheme
    from x402.mechanisms.evm.exact import ExactEvmClientScheme

    signer = EthAccountSignerWithRPC(Account.from_key(key), rpc)
    kind = BatchSettlementEvmScheme if scheme == "batch-settlement" else ExactEvmClientScheme
    limits = {"network": network, "asset": token, "max_amount_per_payment": str(10**18)}
    return x402Client.from_config(
        x402ClientConfig(
            schemes=[SchemeRegistration(network, kind(signer))],
            spend_controls={"allowed_assets": [limits]},
        )
    )


def teller(wallet):
    """Tell the wallet what was charged: over HTTP x402's client does it, over MCP its user must."""
    from x402.schemas.hooks import PaymentResponseContext

    async def tell(context):
        payload = context.payment_payload
        told = PaymentResponseContext(payload, payload.accepted, context.settle_response)
        await wallet.handle_payment_response(told)

    return tell


async def shop(address, mode, scheme, tool, arguments, count, *wallet):
    from mcp import Client
    from x402.mcp import wrap_mcp_client_with_payment

    key, rpc, network, token = wallet
    async with Client(address, mode=mode) as client:
        listed = await client.list_tools()
        rows = [
            {"tool": tool.name, "schema": tool.input_schema, "words": tool.description}
            for tool in listed.tools
        ]
        sys.stdout.write(json.dumps(rows) + "\n")
        wallet = payer(key, rpc, scheme, network, token)
        paying = wrap_mcp_client_with_payment(Bridge(client), wallet)
        paying.on_after_payment(teller(wallet))
        for _ in range(int(count)):
            found = await paying.call_tool(tool, json.loads(arguments))
            told = found.payment_response
            row = {"content": found.content, "error": found.is_error, "paid": found.payment_made}
            row["response"] = told.model_dump(by_alias=True) if told else None
            sys.stdout.write(json.dumps(row, default=str) + "\n")


if __name__ == "__main__":
    asyncio.run(shop(*sys.argv[1:]))
