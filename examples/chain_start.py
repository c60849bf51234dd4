"""Serve the local chain in one process, and use it from another as any Ethereum node.

The second half talks plain JSON-RPC, as a wallet or web3.py would: no counterpoise needed there.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request

from counterpoise.chain import deploy, dev_account, open_chain


def ask(url: str, method: str, *params: object) -> object:
    """Ask a node one question over JSON-RPC."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    request = urllib.request.Request(url, json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())["result"]


def start(state: str) -> tuple[subprocess.Popen[str], str]:
    """Start `counterpoise chain start` on a free port; gives the process and its address."""
    command = [sys.executable, "-m", "counterpoise", "chain", "start", "--json"]
    command += ["--state", state, "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["url"]


with tempfile.TemporaryDirectory() as state:
    process, url = start(state)
    chain = open_chain(url)
    alice, bob = dev_account(0), dev_account(1)
    token = deploy(chain, alice, "CreditToken", alice.address)
    receipt = token.transact(alice, "mint", bob.address, 250)
    print(f"{ask(url, 'web3_clientVersion')} serves chain {chain.chain_id()}")
    print(f"minted 250 to bob in block {receipt.block_number} for {receipt.gas_used} gas")

    call = {"to": f"0x{token.address.hex()}", "data": f"0x{token.encode('totalSupply').hex()}"}
    print(f"a foreign tool reads the supply: {int(str(ask(url, 'eth_call', call, 'latest')), 16)}")
    head = chain.block()
    chain.close()
    process.terminate()
    process.wait()

    process, url = start(state)
    chain = open_chain(url)
    print(f"after a restart block {head.number} is the same: {chain.block(head.number) == head}")
    chain.close()
    process.terminate()
    process.wait()
