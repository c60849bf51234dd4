"""Run by the stock SDK's own Python: fetches an address a few times and pays for it."""

import asyncio
import json
import sys


async def shop(address, rpc, key, scheme, network, token, count, *refunds):
    from eth_account import Account
    from x402 import x402Client
    from x402.http.clients import x402HttpxClient
    from x402.mechanisms.evm import EthAccountSignerWithRPC
    from x402.mechanisms.evm.batch_settlement.client import BatchSettlementEvmScheme
    from x402.mechanisms.evm.batch_settlement.client.refund import RefundOptions
    from x402.mechanisms.evm.exact import ExactEvmClientScheme

    signer = EthAccountSignerWithRPC(Account.from_key(key), rpc)
    kind = BatchSettlementEvmScheme if scheme == "batch-settlement" else ExactEvmClientScheme
    from x402.client import SchemeRegistration, x402ClientConfig

    limits = {"network": network, "asset": token, "max_amount_per_payment": "1000"}
    client = x402Client.from_config(
        x402ClientConfig(
            schemes=[SchemeRegistration(network, paying := kind(signer))],
            spend_controls={"allowed_assets": [limits]},
        )
    )
    async with x402HttpxClient(client) as http:
        for number in range(int(count)):
            found = await http.post(address, content=b"%d" % number)
            row = {"status": found.status_code, "body": found.text}
            row["paid"] = "payment-response" in found.headers
            sys.stdout.write(json.dumps(row) + "\n")
    for amount in refunds:
        wish = RefundOptions(None if amount == "all" else amount)
        found = await asyncio.to_thread(paying.refund, address, wish)
        row = {"success": found.success, "amount": found.amount, "extra": found.extra}
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    asyncio.run(shop(*sys.argv[1:]))
