"""What registering, rating and validating cost in gas, by receipts on the embedded chain.

The anchor is the public Vyper implementation of ERC-8004, measured once by receipts on such a
chain, its texts unknown: register 245-273k, feedback 204,507 then 122,944, request 140,825,
response 148,694.
"""

import argparse
import json
from statistics import median

from counterpoise.chain import dev_account, open_chain
from counterpoise.identity import IdentityClient, ReputationClient, ValidationClient

ANCHOR = {
    "register": 245_000,
    "first feedback": 204_507,
    "feedback": 122_944,
    "feedback, tags": 122_944,
    "request": 140_825,
    "response": 148_694,
}
TARGET = 70_000
URI = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
TAGS = ("quality", "latency")


def figures(rounds: int) -> dict[str, int]:
    """Give the gas of each step; of repeated feedback the median."""
    chain = open_chain("embedded:")
    owner, warm, client, validator = (dev_account(index) for index in range(4))
    identity = IdentityClient.deploy(chain, owner)
    reputation = ReputationClient.deploy(chain, owner, identity.address)
    validation = ValidationClient.deploy(chain, owner, identity.address)
    identity.register(owner, URI)
    made = identity.contract.transact(owner, "register", URI)
    terms = {"tags": TAGS, "endpoint": "https://agent.example/v1", "uri": URI, "digest": b"\7" * 32}

    def give() -> int:
        return reputation.give(client, 1, 955, decimals=1, **terms).gas_used

    reputation.give(warm, 1, 955, decimals=1, **terms)
    first = give()
    later = median(give() for _ in range(rounds))
    short = median(
        reputation.give(client, 1, 955, decimals=1, tags=TAGS).gas_used for _ in range(rounds)
    )
    validation.request(owner, validator.address, 1, b"\1" * 32, URI)
    asked = validation.request(owner, validator.address, 1, b"\2" * 32, URI)
    answer = {"uri": URI, "digest": b"\3" * 32, "tag": "audit"}
    validation.respond(validator, b"\1" * 32, 97, **answer)
    answered = validation.respond(validator, b"\2" * 32, 97, **answer)
    chain.close()
    return {
        "register": made.gas_used,
        "first feedback": first,
        "feedback": int(later),
        "feedback, tags": int(short),
        "request": asked.gas_used,
        "response": answered.gas_used,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five ratings instead of fifty")
    found = figures(5 if parser.parse_args().quick else 50)
    print(f"{'step':<16}{'gas':>9}{'anchor':>9}{'ratio':>7}")
    for step, gas in found.items():
        print(f"{step:<16}{gas:>9,}{ANCHOR[step]:>9,}{ANCHOR[step] / gas:>7.2f}")
    for kind, what in (("feedback", "with file and endpoint"), ("feedback, tags", "tags alone")):
        print(f"{what}: {found[kind]:,} gas, target {TARGET:,}")
    print(json.dumps({"gas": found, "anchor": ANCHOR, "target": TARGET}))


if __name__ == "__main__":
    main()
