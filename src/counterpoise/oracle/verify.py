"""Re-derives every answer of a network's oracle from chain, store and log alone.

For each fulfilled request the input is opened against its commitment and the integer model is run
again; what the evaluator said, what the oracle holds, what was paid and what was stated must all
agree with that. An input that was erased on the record is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from counterpoise.chain import Contract, artifact
from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.core.units import Address, to_checksum
from counterpoise.inference import IntegerModel, ModelsClient
from counterpoise.network import Network
from counterpoise.oracle.client import Fulfilment, OracleClient
from counterpoise.oracle.decisions import Decision, request_name, signed_decision
from counterpoise.oracle.models import find_model, stated_models
from counterpoise.oracle.pointers import Inbox, Pointers
from counterpoise.oracle.rules import Answer, Ask, Stage, newest, share
from counterpoise.provenance import Envelope, Progress, Statement, Verdict, kind_of, silent
from counterpoise.verification import Status, fetch_verdict


def verify_answers(network: Network, verdict: Verdict, on_section: Progress = silent) -> int:
    """Verify every answer of the network's oracle, its money, and what was stated of it.

    Parameters
    ----------
    verdict :
        Collects what is found.
    on_section :
        Called with the name of each section before it begins.

    Returns
    -------
    How many answers there are; 0 also for a network without an oracle.
    """
    if "Oracle" not in network.charter.contracts:
        return 0
    check = _Check(network, verdict)
    on_section("oracle")
    check.code()
    with section(verdict, "evidence log"):
        check.log()
    for number, one in enumerate(check.fulfilments):
        on_section(f"answer {number + 1} of {len(check.fulfilments)}")
        with section(verdict, f"request {one.id}"):
            check.answer(one)
    on_section("oracle's money")
    check.money()
    check.latest()
    on_section("decisions")
    check.decisions()
    with section(verdict, "models"):
        check.models()
    return len(check.fulfilments)


@contextmanager
def section(verdict: Verdict, name: str) -> Iterator[None]:
    """Turn an error inside a section into a falsehood of that name."""
    try:
        yield
    except CounterpoiseError as error:
        verdict.refuse(name, error)


class _Check:
    """The sections of a verification."""

    def __init__(self, network: Network, verdict: Verdict) -> None:
        self.network, self.verdict = network, verdict
        self.oracle = OracleClient(network.contract("Oracle"))
        self.registry = ModelsClient(network.contract("Models"))
        self.inbox = Inbox(network.store, network.mailbox)
        self.asks = {i: self.oracle.request_of(i) for i in range(1, self.oracle.count() + 1)}
        self.fulfilments = self.oracle.fulfilments()
        requested = self.oracle.contract.events("Requested")
        self.references = {e.args["id"]: bytes(e.args["reference"]) for e in requested}
        self.statements: list[tuple[Envelope, Statement]] = []
        self.erased: set[bytes] = set()
        self._known: dict[bytes, IntegerModel] = {}

    def code(self) -> None:
        """The contract at the charter's address is the one that ships."""
        runtime = artifact("Oracle").runtime
        found = self.network.chain.code(self.oracle.address)
        self.verdict.hold("code of Oracle", found.startswith(runtime), "not the code shipped")

    def log(self) -> None:
        """Read the statements of the log, and which inputs were erased on the record."""
        for entry in self.network.log_reader().entries():
            try:
                envelope = Envelope.from_bytes(entry)
                statement = envelope.statement
            except (InputError, VerificationError):
                continue  # an entry of another format
            kind = kind_of(statement)
            if kind == "erasure":
                self.erased.add(bytes.fromhex(str(statement.predicate["dataset"])))
            elif kind == "decision":
                self.statements.append((envelope, statement))

    def answer(self, one: Fulfilment) -> None:
        """One answer: model, input, run, evaluator, and what the oracle keeps."""
        name, ask, verdict = f"request {one.id}", self.asks[one.id], self.verdict
        held = self.oracle.answer_of(one.id)
        wanted = Answer(one.id, Stage.ANSWERED, one.level, one.time, one.answer)
        verdict.check(f"{name} / answer held", held, wanted)
        verdict.check(f"{name} / level", ask.level, one.level)
        self._check_evaluator(name, one)
        if ask.input in self.erased:
            return
        model = self._model(ask.model)
        values = self._input(name, ask, self.references.get(one.id, bytes(32)), model)
        if values is not None:
            verdict.check(f"{name} / answer", one.answer, model.answer(values))

    def _check_evaluator(self, name: str, one: Fulfilment) -> None:
        """What the evaluator says now is what was taken over."""
        address = self.oracle.evaluator_of(one.level)
        contract = Contract(self.network.chain, address, artifact("Quorum"))
        found = fetch_verdict(contract, self.oracle.address, one.id)
        self.verdict.check(f"{name} / verdict", found.status, Status.FINAL)
        self.verdict.check(f"{name} / verdict's answer", one.answer, found.answer)
        self.verdict.check(f"{name} / verdict's evidence", one.evidence, found.evidence)
        self.verdict.check(f"{name} / providers", one.providers, found.providers)

    def _model(self, model: bytes) -> IntegerModel:
        if model not in self._known:
            found = find_model(self.network, model)
            self.registry.check(found)
            self._known[model] = found
        return self._known[model]

    def _input(self, name: str, ask: Ask, reference: bytes, model: IntegerModel) -> bytes | None:
        """Open a committed input; a blob that is there and is not what it is named is named."""
        pointers = Pointers(self.network.store, self.network.mailbox, "oracle-input")
        for digest in pointers.digests(ask.input):
            if self.network.store.has(digest):
                try:
                    self.network.store.fetch(digest)
                except VerificationError as error:
                    self.verdict.refuse(f"{name} / input", error)
        try:
            found = self.inbox.fetch(ask.input, inputs=model.inputs, reference=reference)
        except CounterpoiseError as error:
            self.verdict.refuse(f"{name} / input", error)
            return None
        self.verdict.numbers += 1
        return found[1]

    def money(self) -> None:
        """Every fee is still held, or was shared as the rules say, or went back."""
        earned: dict[Address, int] = {}
        for one in self.fulfilments:
            for provider, due in share(self.asks[one.id].fee, one.providers).items():
                earned[provider] = earned.get(provider, 0) + due
        for event in self.oracle.contract.events("Withdrawn"):
            account = bytes(event.args["account"])
            earned[account] = earned.get(account, 0) - int(event.args["amount"])
        for account, left in earned.items():
            name = f"credit of {to_checksum(account)}"
            self.verdict.check(name, self.oracle.credit(account), left)
        refunded = {e.args["id"]: e.args for e in self.oracle.contract.events("Refunded")}
        for id_, ask in self.asks.items():
            told = (ask.stage is Stage.REFUNDED, ask.stage is Stage.ANSWERED)
            seen = (id_ in refunded, id_ in {one.id for one in self.fulfilments})
            self.verdict.check(f"request {id_} / stage", told, seen)
        still_open = sum(ask.fee for ask in self.asks.values() if ask.stage is Stage.OPEN)
        held = self.oracle.token.balance(self.oracle.address)
        # Anyone may send tokens to the contract: what must not be is that it lacks some.
        covered = held >= still_open + sum(earned.values())
        self.verdict.hold("fees held", covered, "less than is owed")

    def latest(self) -> None:
        """The newest answer about each input is the one that consumers are given."""
        about: dict[tuple[bytes, bytes], list[Answer]] = {}
        for one in self.fulfilments:
            ask = self.asks[one.id]
            kept = Answer(one.id, Stage.ANSWERED, one.level, one.time, one.answer)
            about.setdefault((ask.model, ask.input), []).append(kept)
        for (model, commitment), answers in about.items():
            found = self.oracle.latest(model, commitment)
            name = f"latest about {commitment.hex()[:16]}"
            self.verdict.check(name, found, newest(answers))

    def decisions(self) -> None:
        """Each decision in the log is of one who was paid, and says what the chain says."""
        chain_id, here = self.network.chain.chain_id(), self.oracle.address
        fulfilled = {request_name(chain_id, here, one.id): one for one in self.fulfilments}
        for envelope, statement in self.statements:
            request = str(statement.predicate.get("request"))
            if not request.startswith(f"{chain_id}/{to_checksum(here)}/"):
                continue  # of another desk
            name = f"decision on request {request.rsplit('/', 1)[1]}"
            with section(self.verdict, name):
                if request not in fulfilled:
                    raise VerificationError("a decision on a request that was not fulfilled")
                one = fulfilled[request]
                found = signed_decision(envelope, one.providers)
                self._compare(name, found, one)

    def _compare(self, name: str, found: Decision, one: Fulfilment) -> None:
        ask, check = self.asks[one.id], self.verdict.check
        check(f"{name} / model", found.model, ask.model)
        check(f"{name} / input", found.commitment, ask.input)
        check(f"{name} / level", found.level, one.level)
        check(f"{name} / answer", found.answer, one.answer)
        check(f"{name} / evidence", found.evidence, one.evidence)
        self.verdict.hold(f"{name} / times", found.started <= found.ended, "ended before it began")

    def models(self) -> None:
        """Each stated integer model is registered, and its file is that model."""
        for statement in stated_models(self.network.log_reader().entries()):
            name, model = f"model {statement.subject[0].name}", statement.subject[0].digest
            with section(self.verdict, name):
                self._model(model)
                self.verdict.numbers += 1
                for file in statement.predicate["files"]:
                    self.network.store.fetch(bytes.fromhex(file["sha256"]))
                    self.verdict.numbers += 1
