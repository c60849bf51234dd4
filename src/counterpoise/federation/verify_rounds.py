"""Re-derives one round: commitments, admissions, aggregate, scores, pay, and what was posted."""

from collections.abc import Mapping
from typing import Any

from counterpoise.core.claims_tree import ClaimsTree
from counterpoise.core.digest import dag_cbor, sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.units import parse_address
from counterpoise.federation.book import Book, RoundPages
from counterpoise.federation.evidence import commitment_leaf, read_signed
from counterpoise.federation.intake import (
    Letter,
    Refusal,
    split_mismatches,
    take_commitments,
    take_reveals,
)
from counterpoise.federation.postings import Postings, result_of
from counterpoise.federation.replay import NOTHING, Outcome, Replay
from counterpoise.federation.rounds_rules import result_word
from counterpoise.provenance import Envelope, Verdict

Names = Mapping[bytes, str]
ABSENT = {"absent", "missing", "late", "stale", "identity"}
"""Codes for which the log holds no letter that would count; which of them is the desk's word."""


def check_round(
    postings: Postings, book: Book, replay: Replay, names: Names, verdict: Verdict
) -> None:
    """Check the round after the last one that `replay` has computed, and advance it."""
    number, base = replay.number + 1, replay.model.digest
    pages = book.round(number)
    _check_signatures(pages, replay, number)
    covered, refused = _letters(postings, pages, replay, base, verdict)
    if not _check_blobs(covered, replay, names, number, verdict):
        return
    entropy = b""
    if replay.terms.rules.scoring == "permutation":
        entropy = postings.commitment_block(number)
    outcome = replay.step(covered, entropy=entropy)
    _check_refusals(pages, [*refused, *outcome.refused], names, number, verdict)
    _check_contributions(pages, outcome, names, verdict)
    _check_result(postings, pages, outcome, names, verdict)


def _check_signatures(pages: RoundPages, replay: Replay, number: int) -> None:
    """The coordinator signed both closings, the result and every contribution."""
    wanted = [(pages.committed, "closing"), (pages.revealed, "closing"), (pages.result, "round")]
    for entry, kind in [*wanted, *((entry, "contribution") for entry in pages.contributions)]:
        if entry is None:
            raise InputError(f"the log lacks a {kind} statement of round {number}")
        read_signed(Envelope.from_bytes(entry.data), kind, replay.terms.coordinator)


def _letters(
    postings: Postings, pages: RoundPages, replay: Replay, base: bytes, verdict: Verdict
) -> tuple[list[Letter], list[Refusal]]:
    """Take in the logged letters as the coordinator had to; check the root on the chain."""
    terms, number = replay.terms, replay.number + 1
    intake = take_commitments(
        terms, number, base, replay.rows, [entry.data for entry in pages.commitments]
    )
    leaves = [commitment_leaf(terms, number, x.participant, x.digest) for x in intake.letters]
    root = ClaimsTree(leaves).root if leaves else NOTHING
    name = f"round {number} / commitments root"
    logged = pages.committed.fields["root"] if pages.committed else ""
    verdict.check(f"{name} in the log", logged, root.hex())
    verdict.check(f"{name} on the chain", postings.commitments_root(terms.job, number), root)
    committed = {
        address: digest
        for address, digest in postings.posted_commitments(number).items()
        if address in replay.rows
    } | {letter.participant: letter.digest for letter in intake.letters}
    reveals = take_reveals(terms, number, base, committed, [entry.data for entry in pages.updates])
    covered, mismatched = split_mismatches(terms, number, committed, reveals.letters)
    verdict.numbers += len(intake.letters) + len(reveals.letters)
    first = [r for r in intake.refused if r.participant not in committed]
    return covered, [*first, *reveals.refused, *mismatched]


def _check_blobs(
    covered: list[Letter], replay: Replay, names: Names, number: int, verdict: Verdict
) -> bool:
    """Every revealed update is in the store as it was committed to."""
    for letter in covered:
        name = f"round {number} / update of {names[letter.participant]}"
        try:
            replay.store.fetch(letter.digest)
        except CounterpoiseError as error:
            verdict.refuse(name, error)
        else:
            verdict.numbers += 1
    return verdict.is_true


def _check_refusals(
    pages: RoundPages, refused: list[Refusal], names: Names, number: int, verdict: Verdict
) -> None:
    """The statement refuses exactly those who had to be refused, with the right code."""
    stated = {
        parse_address(item["participant"]): item["code"]
        for item in (pages.result.fields["refused"] if pages.result else [])
    }
    derived = {refusal.participant: refusal.code for refusal in refused}
    for address in sorted({*stated, *derived}):
        if address not in names:
            continue  # a stranger's letter is not in the log
        found, wanted = stated.get(address, "admitted"), derived.get(address, "admitted")
        same = found == wanted or {found, wanted} <= ABSENT
        name = f"round {number} / admission of {names[address]}"
        verdict.check(name, wanted if same else found, wanted)


def _check_contributions(
    pages: RoundPages, outcome: Outcome, names: Names, verdict: Verdict
) -> None:
    stated: dict[bytes, dict[str, Any]] = {
        parse_address(entry.fields["participant"]): entry.fields for entry in pages.contributions
    }
    result, place = outcome.result, f"round {outcome.number}"
    members = result.members if result else ()
    verdict.check(f"{place} / who is scored", sorted(stated), sorted(members))
    if result is None:
        return
    verdict.numbers += result.utilities.size
    for member in members:
        fields, name = stated.get(member, {}), names[member]
        verdict.check(f"{place} / score of {name}", fields.get("score_ppm"), result.score_ppm[member])
        verdict.check(f"{place} / Shapley value of {name}", fields.get("phi"), str(result.phi[member]))
        due = str(outcome.standing.dues.get(member, 0))
        verdict.check(f"{place} / due of {name}", fields.get("due"), due)
        update = outcome.admitted[member].hex()
        verdict.check(f"{place} / update of {name}", fields.get("update"), update)


def _check_result(
    postings: Postings, pages: RoundPages, outcome: Outcome, names: Names, verdict: Verdict
) -> None:
    """The logged result, then the posted one, number by number."""
    if pages.result is None:
        raise InputError(f"the log has no result of round {outcome.number}")
    number, place = outcome.number, f"round {outcome.number}"
    tree = postings.pay_tree(number, outcome.standing.dues)
    dues = dag_cbor([[account, due.to_bytes(32, "big")] for account, due in tree.due.items()])
    derived = {
        "model": outcome.model.digest.hex(),
        "updates_root": outcome.updates_root.hex(),
        "trace_root": outcome.trace_root.hex(),
        "scores_digest": outcome.scores_root.hex(),
        "pay_root": tree.root.hex(),
        "pay_total": str(outcome.standing.total),
        "dues": sha256(dues).hex(),
    }
    for field, wanted in derived.items():
        verdict.check(f"{place} / {field} in the log", pages.result.fields.get(field), wanted)
    _check_posted(postings, number, pages, verdict)


def _check_posted(postings: Postings, number: int, pages: RoundPages, verdict: Verdict) -> None:
    if pages.result is None:
        return
    posted = {event.round_id: event for event in postings.rounds.results(postings.job)}
    if number not in posted:
        verdict.hold(f"round {number} / result on the chain", False, "nothing was posted")
        return
    record, wanted = posted[number].record, result_of(pages.result)
    for field in wanted.__slots__:
        found = getattr(record.content, field)
        verdict.check(f"round {number} / {field} on the chain", found, getattr(wanted, field))
    chain_id, rounds = postings.network.charter.chain_id, postings.rounds
    word = result_word(chain_id, rounds.address, postings.job, number, record)
    found_word = rounds.digest_of_round(postings.job, number)
    verdict.check(f"round {number} / word in the contract", found_word, word)
