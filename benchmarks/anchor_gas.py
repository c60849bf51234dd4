"""Gas of anchoring an evidence log: receipts of real transactions on the embedded chain.

Each anchor carries the RFC 9162 consistency proof from the head before it; the contract checks
it with SHA-256. `32767 -> 40000` and `16383 -> 32769` are the pairs below 40,000 entries whose
proofs take most hashes. Inclusion is a view, metered inside the chain.
Beside each figure stands a recorded one: the anchor of the design study, and of a contract that
keeps a root without any proof.
"""

import argparse
import json

import numpy as np

from counterpoise.chain import deploy, dev_account, open_chain
from counterpoise.core import merkle
from counterpoise.provenance import AnchorClient, log_id

PAIRS = [(1_000, 1_003), (10_000, 10_001), (10_001, 39_999), (32_767, 40_000), (16_383, 32_769)]
LARGE = [(1_000_000, 1_001_000), (1_048_575, 1_300_000)]
RECORDED = {(1_000, 1_003): 46_768, (10_000, 10_001): 45_666, (10_001, 39_999): 58_848}
ROOT_ONLY = {"first": 68_418, "later": 34_218}
INCLUSION = 13_626
DEPTH = 20
TARGETS = {"anchor": 60_000, "inclusion": 14_000}


def execution_gas(contract, data, *, warm):
    """Execution gas of a view, metered by a few bytes of code that call it inside the chain.

    The meter reads its gas before and after one STATICCALL; `warm` lets it call once before, so
    that storage slots cost 100 gas and not 2,100. The gas of a transaction would not do: proofs
    meet the floor of EIP-7623, which hides what was executed.
    """
    push = "73" + contract.address.hex()
    call = f"5f5f365f{push}5afa50"
    code = f"365f5f37{push}3150{call if warm else ''}5a{call}5a90035f5260205ff3"
    meter = b"meter".rjust(20, b"\0")
    contract.chain.set_code(meter, bytes.fromhex(code))
    overhead = 100 + 5 * 2 + 3 + 2 + 2
    return int.from_bytes(contract.chain.call(meter, data), "big") - overhead


def anchored(client, owner, hashes, pair):
    name = log_id(owner.address, f"example.org/{pair[0]}-{pair[1]}", "vkey")
    used, before = [], 0
    for size in pair:
        proof = merkle.consistency_proof(hashes, before, size)
        root = merkle.root_of_hashes(hashes[:size])
        used.append(client.anchor(owner, name, size, root, proof).gas_used)
        before = size
    return used, len(proof)


def inclusion(contract, owner, hashes):
    """Gas of one inclusion check in a tree of 2**20 leaves: slots cold, slots warm, transaction."""
    client, size = AnchorClient(contract), 1 << DEPTH
    name = log_id(owner.address, "example.org/inclusion", "vkey")
    client.anchor(owner, name, size, merkle.root_of_hashes(hashes[:size]), [])
    index = 0b10101010101010101010
    leaf, proof = hashes[index].tobytes(), merkle.inclusion_proof(hashes[:size], index)
    assert len(proof) == DEPTH and client.check_inclusion(name, leaf, index, proof)
    data = contract.encode("check_inclusion", name, leaf, index, proof)
    receipt = contract.transact(owner, "check_inclusion", name, leaf, index, proof)
    cold, warm = (execution_gas(contract, data, warm=warm) for warm in (False, True))
    return cold, warm, receipt.gas_used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no log of a million entries")
    arguments = parser.parse_args()
    pairs = PAIRS if arguments.quick else PAIRS + LARGE
    hashes = np.random.default_rng(1).integers(0, 256, (1_300_000, 32), dtype=np.uint8)
    chain, owner = open_chain("embedded:"), dev_account(0)
    contract = deploy(chain, owner, "Anchor")
    client = AnchorClient(contract)
    print(f"Anchor: {len(contract.artifact.runtime):,} bytes of code")
    print(f"{'from -> to':>24}{'hashes':>8}{'first':>9}{'later':>9}{'recorded':>10}{'ratio':>7}")
    later = {}
    for pair in pairs:
        (first, gas), hashes_in_proof = anchored(client, owner, hashes, pair)
        name = f"{pair[0]} -> {pair[1]}"
        beside = RECORDED.get(pair)
        later[name] = gas
        tail = f"{beside:>10,}{gas / beside:>7.3f}" if beside else f"{'-':>10}{'-':>7}"
        print(f"{name:>24}{hashes_in_proof:>8}{first:>9,}{gas:>9,}{tail}")
    cold, warm, whole = inclusion(contract, owner, hashes)
    print(f"inclusion at depth {DEPTH}, execution with the head's two slots cold: {cold:,}")
    print(f"  with them warm: {warm:,} (recorded, without reading any slot: {INCLUSION:,})")
    print(f"  as a transaction: {whole:,}, the floor of its calldata")
    print(f"a root without a proof, recorded: {ROOT_ONLY}")
    worst = max(gas for (_, to), gas in zip(pairs, later.values(), strict=True) if to <= 40_000)
    result = {
        "benchmark": "anchor_gas",
        "anchor_first": first,
        "anchor_later": later,
        "worst_up_to_40000_entries": worst,
        "inclusion_depth_20_cold": cold,
        "inclusion_depth_20_warm": warm,
        "inclusion_depth_20_transaction": whole,
        "times_target_anchor": round(worst / TARGETS["anchor"], 3),
        "times_target_inclusion": round(cold / TARGETS["inclusion"], 3),
        "times_recorded_inclusion": round(warm / INCLUSION, 3),
    }
    print(json.dumps(result))
    chain.close()


if __name__ == "__main__":
    main()
