"""Run by the stock packages' own Python: buys through OpenAI's client over x402's transport."""

import asyncio
import json
import sys

from mcp_stranger import payer


async def shop(address, scheme, *wallet):
    from openai import AsyncOpenAI
    from x402.http.clients import x402HttpxClient

    key, rpc, network, token = wallet
    paying = payer(key, rpc, scheme, network, token)

    def say(**row):
        sys.stdout.write(json.dumps(row) + "\n")

    async with x402HttpxClient(paying) as http:
        client = AsyncOpenAI(
            base_url=address + "/v1", api_key="none", http_client=http, max_retries=0
        )
        say(models=[model.id async for model in client.models.list()])
        found = await client.embeddings.create(model="find", input=["hello", "good evening"])
        say(embeddings=[row.embedding for row in found.data], usage=found.usage.total_tokens)
        messages = [{"role": "user", "content": "the quick brown fox"}]
        said = await client.chat.completions.create(model="chat", messages=messages)
        say(chat=said.choices[0].message.content, usage=said.usage.total_tokens)
        words = []
        stream = await client.chat.completions.create(model="chat", messages=messages, stream=True)
        async for chunk in stream:
            words += [choice.delta.content for choice in chunk.choices]
        say(streamed=words)
        try:
            await client.chat.completions.create(model="nobody", messages=messages)
        except Exception as refused:
            say(error=type(refused).__name__, body=refused.body)


if __name__ == "__main__":
    asyncio.run(shop(*sys.argv[1:]))
