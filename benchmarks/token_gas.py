"""Gas of the credit token beside OpenZeppelin's, from receipts of real transactions, in one run.

Each call is a whole transaction on the embedded chain, so that every storage slot is cold.
OpenZeppelin's side (ERC-20 with permit, burn, cap and EIP-3009, by solc at 200 runs) is there
where its node packages are (`make differential`). Solady's transfer, the leanest that was found,
is a recorded figure: 34,098 gas to an account that has tokens.
"""

import argparse
import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from counterpoise.chain import (
    Artifact,
    Contract,
    Domain,
    Receipt,
    artifact,
    deploy,
    dev_account,
    open_chain,
    send,
)
from counterpoise.core.digest import keccak, sha256
from counterpoise.jobs.token import Payment, Permit, split

ROOT = Path(__file__).parents[1]
MODULES = ROOT / ".tools" / "differential" / "node_modules"
SOLADY_TRANSFER = 34_098
FOREVER = 2**256 - 1
OWNER, FRIEND, THIRD, NEW = (dev_account(index) for index in range(4))


def openzeppelin() -> Artifact | None:
    if shutil.which("node") is None or not (MODULES / "solc").is_dir():
        return None
    script = ROOT / "tests" / "jobs" / "differential" / "compile.cjs"
    made = subprocess.run(["node", script, MODULES], capture_output=True, text=True, check=True)
    found = json.loads(made.stdout)
    code = bytes.fromhex(found["bytecode"])
    return Artifact("Reference", tuple(found["abi"]), code, b"", sha256(code), {})


def gas_of(built: Artifact) -> dict[str, int]:
    chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
    token = deploy(chain, OWNER, built, OWNER.address)
    block = chain.block()
    gas = {"deploy": block.gas_used}
    for name, receipt in calls(token):
        gas[name] = receipt.gas_used
    chain.close()
    return gas


def calls(token: Contract) -> Iterator[tuple[str, Receipt]]:
    def run(caller, name, *args):
        return token.transact(caller, name, *args)

    domain = Domain("Counterpoise Credit", "1", 31337, token.address)
    yield "mint", run(OWNER, "mint", OWNER.address, 10**24)
    yield "transfer to a new account", run(OWNER, "transfer", FRIEND.address, 10**20)
    yield "transfer", run(OWNER, "transfer", FRIEND.address, 10**20)
    yield "approve", run(OWNER, "approve", FRIEND.address, 10**21)
    yield "transferFrom", run(FRIEND, "transferFrom", OWNER.address, FRIEND.address, 10**20)
    yield "burn", run(OWNER, "burn", 10**18)
    permit = Permit(OWNER.address, THIRD.address, 10**20, 0, FOREVER)
    parts = split(OWNER.sign_digest(permit.digest(domain)))
    values = (permit.owner, permit.spender, permit.amount, permit.deadline)
    yield "permit", run(FRIEND, "permit", *values, *parts)
    for name, by_receiver in (("transfer", False), ("receive", True)):
        pay = Payment(
            OWNER.address, FRIEND.address, 10**18, FOREVER, keccak(name.encode()), 0, by_receiver
        )
        signature = OWNER.sign_digest(pay.digest(domain))
        call = f"{name}WithAuthorization"
        yield call, run(FRIEND, call, *pay.values(), *split(signature))
    pay = Payment(OWNER.address, FRIEND.address, 10**18, FOREVER, keccak(b"bytes"))
    signature = OWNER.sign_digest(pay.digest(domain))
    data = with_bytes(pay, signature)
    sent = send(token.chain, FRIEND, token.address, data)
    yield "transferWithAuthorization as bytes", sent


def with_bytes(pay: Payment, signature: bytes) -> bytes:
    words = [*pay.values(), 7 * 32, len(signature)]
    head = [w.to_bytes(32, "big") if isinstance(w, int) else w.rjust(32, b"\0") for w in words]
    return bytes.fromhex("cf092995") + b"".join(head) + signature + bytes(31)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the same: gas needs one run only")
    parser.parse_args()
    ours = gas_of(artifact("CreditToken"))
    reference = openzeppelin()
    theirs = gas_of(reference) if reference else {}
    print(f"gas of whole transactions, embedded chain, Python {platform.python_version()}")
    print(f"{'call':36} {'ours':>10} {'OpenZeppelin':>13} {'ratio':>6}")
    for name, gas in ours.items():
        other = theirs.get(name)
        beside = f"{other:13,} {gas / other:6.3f}" if other else f"{'-':>13} {'-':>6}"
        print(f"{name:36} {gas:10,} {beside}")
    ratio = ours["transfer"] / SOLADY_TRANSFER
    print(
        f"transfer beside Solady's {SOLADY_TRANSFER:,} (recorded): {ratio:.4f}, wanted at most 1.01"
    )
    figures = {"ours": ours, "openzeppelin": theirs, "times_solady_transfer": round(ratio, 4)}
    print(json.dumps({"benchmark": "token_gas", **figures}))


if __name__ == "__main__":
    main()
