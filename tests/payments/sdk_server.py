"""Run by the stock SDK's own Python: a paid route behind its own middleware and facilitator."""

import sys


def app(rpc, relay, receiver, authorizer, network, token):
    from fastapi import FastAPI
    from x402 import x402Facilitator, x402ResourceServer
    from x402.http.middleware.fastapi import payment_middleware
    from x402.http.types import PaymentOption, RouteConfig
    from x402.mechanisms.evm import FacilitatorWeb3Signer
    from x402.mechanisms.evm.batch_settlement.authorizer_signer import LocalAuthorizerSigner
    from x402.mechanisms.evm.batch_settlement.facilitator import BatchSettlementEvmFacilitator
    from x402.mechanisms.evm.batch_settlement.server import (
        BatchSettlementEvmScheme,
        BatchSettlementEvmSchemeServerConfig,
    )
    from x402.mechanisms.evm.exact import ExactEvmFacilitatorScheme, ExactEvmServerScheme

    signer = FacilitatorWeb3Signer(relay, rpc)
    facilitator = x402Facilitator()
    facilitator.register([network], ExactEvmFacilitatorScheme(signer))
    facilitator.register([network], BatchSettlementEvmFacilitator(signer))
    server = x402ResourceServer(facilitator)
    server.register(network, ExactEvmServerScheme())
    config = BatchSettlementEvmSchemeServerConfig(
        receiver_authorizer_signer=LocalAuthorizerSigner(authorizer), withdraw_delay=86_400
    )
    server.register(network, BatchSettlementEvmScheme(receiver, config))
    extra = {"name": "Counterpoise Credit", "version": "1"}
    price = {"amount": "10", "asset": token, "extra": extra}

    def option(scheme):
        return PaymentOption(scheme=scheme, pay_to=receiver, price=price, network=network)

    served = FastAPI()
    routes = {
        "POST /exact": RouteConfig(accepts=[option("exact")]),
        "POST /batch": RouteConfig(accepts=[option("batch-settlement")]),
    }
    served.middleware("http")(payment_middleware(routes, server))

    @served.post("/exact")
    async def exact():
        return {"answer": "exact"}

    @served.post("/batch")
    async def batch():
        return {"answer": "batch"}

    @served.post("/free")
    async def free():
        return {"answer": "free"}

    return served


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app(*sys.argv[2:]), port=int(sys.argv[1]), log_level="warning")
