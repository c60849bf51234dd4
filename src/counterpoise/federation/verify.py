"""Re-derives every number of a job from chain, log and blobs alone.

Nothing that the coordinator says is believed: statements are read from the log and each of
their numbers is computed again by the same rules. What is false is named, the first first.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from counterpoise.chain import artifact
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.federation.book import Book
from counterpoise.federation.evidence import read_signed, signer_of
from counterpoise.federation.judge import BENCHES
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.postings import Postings
from counterpoise.federation.replay import Outcome, Replay
from counterpoise.federation.roster import Member, read_roster
from counterpoise.federation.rounds_rules import NOBODY
from counterpoise.federation.statements import comparisons, model_content
from counterpoise.federation.terms import Terms
from counterpoise.federation.validation import ValidationSet
from counterpoise.federation.verify_bond import check_bond
from counterpoise.federation.verify_money import check_money
from counterpoise.federation.verify_rounds import check_round
from counterpoise.jobs import JobsClient
from counterpoise.network import Network
from counterpoise.provenance import Envelope, LogReader, Progress, Verdict, silent


@contextmanager
def section(verdict: Verdict, name: str) -> Iterator[None]:
    """Turn an error inside a section into a falsehood of that name."""
    try:
        yield
    except CounterpoiseError as error:
        verdict.refuse(name, error)


def job_ids(network: Network) -> list[int]:
    """Give the ids of the jobs that have rounds on this network's chain."""
    events = network.contract("Rounds").events("Opened")
    return [int(event.args["job"]) for event in events]


def verify_job(
    network: Network,
    job: int,
    verdict: Verdict,
    *,
    only_round: int | None = None,
    on_section: Progress = silent,
) -> None:
    """Verify one job, or one round of it with all that it rests on.

    Parameters
    ----------
    verdict :
        Collects what is found; its `false` is empty if everything holds.
    only_round :
        Number of a round: later rounds and the payment are then left out.
    on_section :
        Called with the name of each section before it begins.
    """
    check = _JobCheck(network, job, verdict, on_section)
    with section(verdict, "evidence log"):
        check.log()
    if verdict.is_true:
        with section(verdict, "task"):
            check.task()
    if verdict.is_true:
        with section(verdict, "participants"):
            check.participants()
        with section(verdict, "validation rows"):
            check.validation()
        with section(verdict, "base model"):
            check.base()
    if verdict.is_true:
        with section(verdict, "rounds"):
            check.rounds(only_round)
    if verdict.is_true and only_round is None:
        with section(verdict, "bond"):
            check.bond()
        on_section("pay")
        with section(verdict, "pay"):
            check_money(check.postings, check.terms, check.replay, check.names, verdict)
        with section(verdict, "model"):
            check.model()


def stated_datasets(book: Book) -> set[tuple[bytes, int]]:
    """Give row root and number of rows of every dataset that its owner signed in the log."""
    found = set()
    for entry in book.datasets:
        envelope = Envelope.from_bytes(entry.data)
        try:
            fields = read_signed(envelope, "dataset", signer_of(envelope)).predicate
        except CounterpoiseError:
            continue  # in nobody's name
        found.add((bytes.fromhex(fields["row_root"]), int(fields["rows"])))
    return found


class _JobCheck:
    """The sections of one job's verification, in the order in which they rest on each other."""

    terms: Terms
    replay: Replay
    members: dict[bytes, Member]
    names: dict[bytes, str]
    validation_set: ValidationSet

    def __init__(self, network: Network, job: int, verdict: Verdict, on_section: Progress) -> None:
        self.network, self.job, self.verdict, self.on_section = network, job, verdict, on_section
        self.book = Book(job)
        self.postings = Postings(network, None, job)
        self.last: Outcome | None = None

    def log(self) -> None:
        """Every tile and entry under the signed checkpoint, and the anchors on the chain."""
        self.on_section("evidence log")
        reader: LogReader = self.network.log_reader()
        self.verdict.check("evidence log / entries", reader.check(), reader.size)
        for head in self.network.anchored_heads():
            with section(self.verdict, f"evidence log / anchor at {head.size} entries"):
                reader.check_head(head)
                self.verdict.numbers += 1
        self.book.extend(reader.entries())

    def task(self) -> None:
        """The terms, against the sponsor's signature, the escrow and the contract's code."""
        self.on_section("task")
        verdict, network = self.verdict, self.network
        if self.book.task is None:
            raise InputError(f"the log has no task statement of job {self.job}")
        self._codes("CreditToken", "Jobs", "Cohort", "Rounds")
        envelope = Envelope.from_bytes(self.book.task.data)
        digest = envelope.statement.subject[0].digest
        self.terms = terms = Terms.from_bytes(network.store.fetch(digest))
        statement = read_signed(envelope, "task", terms.sponsor)
        for field in ("rounds", "clip", "scale_bits", "seed", "scoring"):
            verdict.check(
                f"task / {field}", statement.predicate[field], getattr(terms.rules, field)
            )
        opened = network.contract("Rounds").events("Opened")
        event = next((e.args for e in opened if e.args["job"] == self.job), None)
        if event is None:
            raise InputError(f"the rounds of job {self.job} were never opened on the chain")
        verdict.check("task / digest on the chain", event["task_digest"], terms.digest)
        verdict.check("task / coordinator", event["coordinator"], terms.coordinator)
        verdict.check("task / rounds on the chain", event["rounds"], terms.rules.rounds + 1)
        judge = network.charter.contracts["RoundJudge"] if terms.bond else NOBODY
        verdict.check("task / judge", event["judge"], judge)
        verdict.check("task / challenge", event["challenge_seconds"], terms.challenge_seconds)
        escrow = JobsClient(network.contract("Jobs")).job(self.job)
        verdict.check("task / sponsor", escrow.client, terms.sponsor)
        verdict.check("task / pot in escrow", escrow.budget, terms.rules.pot)
        verdict.check("task / chain id", terms.chain_id, network.chain.chain_id())
        rounds = network.charter.contracts["Rounds"]
        verdict.check("task / rounds contract", terms.rounds_contract, rounds)

    def _codes(self, *names: str) -> None:
        for name in names:
            runtime = artifact(name).runtime
            code = self.network.chain.code(self.network.charter.contracts[name])
            self.verdict.hold(f"code of {name}", code.startswith(runtime), "not the code shipped")

    def bond(self) -> None:
        """The coordinator's bond, every conviction, and every fall of a round."""
        if not self.terms.bond:
            return
        self.on_section("bond")
        self._codes("RoundJudge", *(name for name, _ in BENCHES))
        check_bond(self.network, self.postings, self.terms, self.book, self.verdict)

    def participants(self) -> None:
        """Who joined with a stake and a dataset statement of its own."""
        self.on_section("participants")
        joined = self.postings.joined()
        self.members, _ = read_roster(self.book, joined)
        self.names = {address: member.name for address, member in self.members.items()}
        for event in joined:
            known = self.names.get(event.account, event.account.hex())
            self.verdict.check(f"stake of {known}", event.stake, self.terms.stake)

    def validation(self) -> None:
        """Every disclosed row, under the root of a dataset whose owner stated it in the log."""
        self.on_section("validation rows")
        datasets = stated_datasets(self.book)
        blob = self.network.store.fetch(self.terms.validation)
        self.validation_set = ValidationSet.from_bytes(blob)
        for number, row in enumerate(self.validation_set.disclosures):
            name = f"validation row {number}"
            with section(self.verdict, name):
                row.check()
                known = (row.row_root, row.rows) in datasets
                self.verdict.hold(name, known, "of no dataset in the log")

    def base(self) -> None:
        """The model from which the first round starts."""
        if not self.verdict.is_true:
            return
        store, counts = self.network.store, {a: m.rows for a, m in self.members.items()}
        base = ModelFile.from_bytes(store.fetch(self.terms.base))
        self.replay = Replay(self.terms, counts, self.validation_set, store, base)

    def rounds(self, only: int | None) -> None:
        """Each round, until one is false: what follows rests on it."""
        done = [number for number, pages in self.book.rounds.items() if pages.result]
        state, last = self.postings.state(), only or max(done, default=0)
        if only is not None and only not in done:
            raise InputError(f"the log has no result of round {only} of job {self.job}")
        for number in range(1, last + 1):
            self.on_section(f"round {number} of {last}")
            if number == last == state.round_id + 1:
                break  # logged, and about to be posted
            with section(self.verdict, f"round {number}"):
                self.last = check_round(
                    self.postings, self.book, self.replay, self.names, self.verdict
                )
            if not self.verdict.is_true:
                return
        if only is None:
            posted = state.round_id
            self.verdict.check("rounds / results on the chain", posted, self.replay.number)

    def model(self) -> None:
        """The model statement and the evaluations, against the model that was computed."""
        self.on_section("model")
        digest = self.replay.model.digest
        self.verdict.check(
            "model / blob", self.network.store.fetch(digest), self.replay.model.to_bytes()
        )
        for entry in self.book.models:
            read_signed(Envelope.from_bytes(entry.data), "model", self.terms.coordinator)
            if self.last is None:
                raise InputError("a model was stated before any round had a result")
            content = model_content(self.terms, self.last, self.terms.validation)
            for field, found, wanted in comparisons(entry, content):
                self.verdict.check(f"model / {field}", found, wanted)
        for entry in self.book.evaluations:
            envelope = Envelope.from_bytes(entry.data)
            fields = entry.fields
            name = f"evaluation by {envelope.statement.subject[0].name}"
            owners = [a for a in self.members if fields["actor"].lower() == "0x" + a.hex()]
            if not self.verdict.hold(f"{name} / signer", bool(owners), "by no member"):
                continue
            read_signed(envelope, "evaluation", owners[0])
            self.verdict.check(f"{name} / model", fields["model"], digest.hex())
