"""Re-derives what became of a coordinator's bond: articles, convictions, falls, and the tokens."""

from counterpoise.core.log_table import table_bytes
from counterpoise.federation.bonds import check_articles, judge_of
from counterpoise.federation.book import Book
from counterpoise.federation.evidence import read_signed
from counterpoise.federation.judge import BENCHES, JudgeClient
from counterpoise.federation.postings import Postings
from counterpoise.federation.rounds import RolledBack
from counterpoise.federation.terms import Terms
from counterpoise.network import Network
from counterpoise.provenance import Envelope, Verdict


def check_bond(
    network: Network, postings: Postings, terms: Terms, book: Book, verdict: Verdict
) -> None:
    """Check the bond of a job under the judge, and every fall of one of its rounds."""
    check_articles(network, terms)
    verdict.numbers += 1
    judge = judge_of(network)
    _check_benches(network, judge, verdict)
    _check_money(judge, terms, verdict)
    falls = postings.rollbacks()
    convicted = [(e.args["round"], e.args["reason"]) for e in judge.events(terms.job, "Convicted")]
    verdict.check("bond / falls", [(f.round_id, f.reason) for f in falls], convicted)
    _check_log(postings, falls, terms, book, verdict)


def _check_benches(network: Network, judge: JudgeClient, verdict: Verdict) -> None:
    """The judge asks the benches of the charter, and their table is that of the specification."""
    for number, (name, _) in enumerate(BENCHES):
        bench = judge.bench(number).address
        verdict.check(f"bond / bench {name}", bench, network.charter.contracts[name])
    table = network.chain.code(network.contract("ScoreCells").call("table"))
    verdict.check("bond / table of the loss", table, b"\0" + table_bytes() + bytes(4))


def _check_money(judge: JudgeClient, terms: Terms, verdict: Verdict) -> None:
    """What is locked is what came in, less what was released, paid to challengers and burnt."""
    sums = {"Bonded": 0, "Released": 0, "Convicted": 0}
    for event in judge.events(terms.job):
        if event.name == "Convicted":
            sums["Convicted"] += event.args["paid"] + event.args["burnt"]
        elif event.name in sums:
            sums[event.name] += event.args["amount"]
    locked = sums["Bonded"] - sums["Released"] - sums["Convicted"]
    verdict.check("bond / locked", judge.bond(terms.job).locked, locked)
    held = judge.token.balance(judge.address)
    verdict.hold("bond / tokens held", held >= locked, f"{held} held, {locked} locked")


def _check_log(
    postings: Postings, falls: list[RolledBack], terms: Terms, book: Book, verdict: Verdict
) -> None:
    """The log says of every fall which statement fell and why; what fell is not what stands."""
    for number, (fall, entry) in enumerate(zip(falls, book.fallen, strict=False), 1):
        read_signed(Envelope.from_bytes(entry.data), "closing", terms.coordinator)
        record = postings.fallen_record(fall)
        fields = entry.fields
        stated = (fields["round"], fields["leaves"], fields["root"])
        wanted = (fall.round_id, record.content.evidence.hex(), fall.reason.hex())
        verdict.check(f"bond / fall {number} in the log", stated, wanted)
        standing = postings.posted_record(fall.round_id)
        differs = standing is None or standing.content != record.content
        verdict.hold(f"bond / fall {number}", differs, "what fell was posted again")
    known = len(book.fallen) in (len(falls), len(falls) - 1)  # one may not be logged yet
    verdict.hold("bond / falls in the log", known, f"{len(book.fallen)} of {len(falls)}")
