"""What members promised: the updates that their commitments under a posted root hide."""

from dataclasses import dataclass

from counterpoise.core.claims_tree import ClaimsTree
from counterpoise.federation.book import RoundPages
from counterpoise.federation.evidence import commitment_leaf
from counterpoise.federation.rounds import Committed
from counterpoise.federation.terms import Terms


@dataclass(frozen=True, slots=True)
class Promise:
    """What a member committed to: the update and salt, and its proof under the posted root."""

    member: bytes
    root: bytes
    time: int
    update: bytes
    salt: bytes
    proof: tuple[bytes, ...]


def promises_of(
    terms: Terms, number: int, pages: RoundPages, begun: Committed | None
) -> list[Promise]:
    """What members committed to under the posted root of a round, and have revealed."""
    digests = {
        entry.fields["actor"].lower(): bytes.fromhex(entry.fields["digest"])
        for entry in pages.commitments
    }
    members = {actor: bytes.fromhex(actor[2:]) for actor in digests}
    leaves = {
        actor: commitment_leaf(terms, number, members[actor], digest)
        for actor, digest in digests.items()
    }
    if begun is None or len(set(leaves.values())) != len(leaves) or not leaves:
        return []
    tree, places = ClaimsTree(list(leaves.values())), {a: i for i, a in enumerate(leaves)}
    if tree.root != begun.commitments_root:
        return []
    return [
        Promise(
            members[actor],
            tree.root,
            begun.time,
            bytes.fromhex(entry.fields["update"]),
            bytes.fromhex(entry.fields["salt"]),
            tuple(tree.proof(places[actor])),
        )
        for entry in pages.updates
        if (actor := entry.fields["actor"].lower()) in places
    ]
