"""The owner's own audit: with the rows and the secret, every result is made again to the bit."""

from __future__ import annotations

from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError
from counterpoise.market.compute_to_data import ledger as events
from counterpoise.market.compute_to_data.algorithms import CODE
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.overlap import smallest
from counterpoise.market.compute_to_data.request import Request
from counterpoise.market.compute_to_data.result_keys import sealed_result
from counterpoise.market.compute_to_data.work import prepared, result_bytes, run
from counterpoise.network import Network
from counterpoise.provenance import Envelope, Verdict


def audit_data_jobs(network: Network, home: OwnerHome, verdict: Verdict) -> int:
    """Make every result of a node again from its rows, and compare what was kept and told.

    The ledger's own chain is checked as it is read, and the rows against the dataset statement's
    root. Models and cards must still be in the store.

    Returns
    -------
    How many results were made again.
    """
    ledger = home.ledger
    answered: list[bytes] = []
    made = 0
    verdict.check("rows", len(home.rows), home.dataset.statement.predicate["rows"])
    for line in home.answered():
        request = bytes.fromhex(line["request"])
        if line["event"] == events.RESULT:
            name = f"data job {line['request'][:16]}"
            try:
                _again(network, home, verdict, request, answered, name)
            except CounterpoiseError as false:
                verdict.refuse(name, false)
            made += 1
        answered.append(request)
    least = smallest(home.classes())
    if least is not None:
        policies = [one["policy"] for one in ledger.lines if one["event"] == events.POLICY]
        terms = [home.policy_of(bytes.fromhex(one)).disclosure for one in policies]
        wanted = min(one.least_rows for one in terms)
        verdict.hold("classes of rows", least >= wanted, f"one of {least} rows, {wanted} wanted")
    return made


def _again(
    network: Network,
    home: OwnerHome,
    verdict: Verdict,
    digest: bytes,
    answered: list[bytes],
    name: str,
) -> None:
    """Make one result again, after those that were answered before it."""
    kept = home.load(f"requests/{digest.hex()}.envelope")
    request = Request.from_envelope(Envelope.from_bytes(kept))
    verdict.check(f"{name} / request", request.digest, digest)
    manifest, policy = home.manifest(request.algorithm), home.policy_of(request.policy)
    source = home.code(manifest) if manifest.kind == CODE else b""
    columns, count = home.rows.columns, len(home.rows)
    work = prepared(request, policy, manifest, columns, count, network.store, source)
    found = run(work, home.rows, home.classes(answered), home.secret)
    result = result_bytes(work, home.row_root, found.outputs, home.secret)
    line = home.ledger.line(digest, events.RESULT) or {}
    verdict.check(f"{name} / result", line["result"], sha256(result).hex())
    blob = result
    if not policy.disclosure.is_public:
        blob = sealed_result(result, request.seal, digest, home.secret)
    verdict.check(f"{name} / what left", home.load(f"results/{digest.hex()}.blob"), blob)
