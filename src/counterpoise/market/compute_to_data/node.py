"""The owner's node: takes paid requests, runs what its policy admits, tells what may leave.

    paid ─► admitted? ─► charged ─► run ─► result ─► submitted ─► told
               └─► refused, with the rule ─────────────────────────► told

Each arrow ends with a durable line in the ledger. A node that is killed between two goes on from
the line that is there: a job's charge is written before its rows are looked at, and its result
before anybody is told, so nothing is run on a second budget and nothing told in two versions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.core.units import parse_address
from counterpoise.federation import Notary
from counterpoise.jobs import Job, JobsClient, Status
from counterpoise.market.compute_to_data import ledger as events
from counterpoise.market.compute_to_data.admission import (
    Place,
    check_algorithm,
    check_money,
    check_request,
    check_spent,
    cost_in_bits,
)
from counterpoise.market.compute_to_data.algorithms import CODE, TRAINING
from counterpoise.market.compute_to_data.answers import state_refusal, state_result
from counterpoise.market.compute_to_data.consents import check_consent, kept_consents
from counterpoise.market.compute_to_data.escrow import check_case
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.letters import letters, topic
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.request import Request, digest_in
from counterpoise.market.compute_to_data.result_keys import sealed_result
from counterpoise.market.compute_to_data.sandbox import has_walls
from counterpoise.market.compute_to_data.telling import Paid, Say, Teller, silent
from counterpoise.market.compute_to_data.training import TrainingDesk
from counterpoise.market.compute_to_data.work import Work, prepared, result_bytes, run
from counterpoise.network import Network
from counterpoise.provenance import Envelope

REORG = 64
"""Blocks that are read again in each pass."""


def no_step(name: str, request: bytes) -> None:
    """Do nothing at a step."""


@dataclass
class DataNode:
    """One owner's node for one dataset.

    Parameters
    ----------
    home :
        The owner's folder, held by this process.
    confirmations :
        Blocks above an escrow before it is believed.
    on_step :
        Called after each step with its name; tests stop the node there.

    Raises
    ------
    InputError, VerificationError :
        The folder holds no dataset or no policy, or is an old copy.
    """

    network: Network
    account: Account
    home: OwnerHome
    say: Say = silent
    confirmations: int = 0
    on_step: Callable[[str, bytes], None] = no_step
    _read_to: int = 0
    _seen: dict[int, Paid] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        owner = parse_address(self.home.dataset.signatures[0].keyid)
        if owner != self.account.address or self.home.policy.owner != owner:
            raise InputError("the folder is another owner's", hint="give the owner's key")
        self.jobs = JobsClient(self.network.contract("Jobs"))
        self.notary = Notary(self.account, self.now)
        chain_id = self.network.charter.chain_id
        self.place = Place(self.account.address, chain_id, self.jobs.address)
        self.teller = Teller(self.network, self.account, self.home, self.on_step)
        self.teller.check_not_behind()
        self.training = TrainingDesk(
            self.network, self.home, self.notary, self.place, self.teller, pause=self._pause
        )

    def now(self) -> int:
        """Give the time: the chain's, or the wall's where blocks are rare."""
        return max(self.network.chain.block("latest").time, int(time.time()))

    def serve_once(self) -> int:
        """Bring every paid request as far as it goes; give how many were answered."""
        answered = sum([self._bring(paid) for paid in self._paid()])
        answered += self.training.admit_new()
        self.teller.log()
        return answered

    def serve(self, seconds: float = 2.0, *, passes: int | None = None) -> None:
        """Serve pass after pass, `seconds` apart; `passes` of them, or until it is stopped.

        While a training task waits for its next round, other jobs are served.
        """
        done = 0
        while passes is None or done < passes:
            self.serve_once()
            self.training.join_next()
            done += 1
            if done != passes:
                time.sleep(seconds)

    def _pause(self, seconds: float) -> None:
        self.serve_once()
        time.sleep(seconds)

    def _paid(self) -> Iterator[Paid]:
        """Find the escrows for this owner that are not done with."""
        latest = self.network.chain.block("latest").number
        last = max(latest - self.confirmations, 0)
        contract, me = self.jobs.contract, self.account.address
        described = {
            event.args["jobId"]: digest_in(str(event.args["description"]))
            for event in contract.events("JobDescribed", self._read_to, last)
        }
        for event in contract.events("JobCreated", self._read_to, last):
            request = described.get(event.args["jobId"])
            if event.args["provider"] == me and request is not None:
                self._seen[event.args["jobId"]] = Paid(event.args["jobId"], request)
        self._read_to = max(last - REORG, 0)
        self._seen = {job: paid for job, paid in self._seen.items() if not self._is_done(paid)}
        yield from list(self._seen.values())

    def _is_done(self, paid: Paid) -> bool:
        ledger = self.home.ledger
        if paid.job in ledger.replayed:
            return True
        return self._job_of(paid) == paid.job and ledger.state(paid.request) in (
            events.TOLD,
            events.LAPSED,
        )

    def _job_of(self, paid: Paid) -> int | None:
        """Give the escrow for which a request was first met."""
        for event in (events.CHARGED, events.REFUSED):
            line = self.home.ledger.line(paid.request, event)
            if line is not None:
                return int(line["job"])
        return None

    def _bring(self, paid: Paid) -> bool:
        """Bring one request as far as it goes; say whether it was answered."""
        try:
            job = self.jobs.job(paid.job)
        except Reverted:  # a reorganisation took the escrow back; it is seen again if it returns
            self._seen.pop(paid.job, None)
            return False
        if self._job_of(paid) not in (None, paid.job):
            refusal = NotAdmitted("replay", "this request was met before, for another escrow")
            stated = state_refusal(self.notary, paid.request, paid.job, refusal)
            self.teller.refuse_again(paid, job, stated)
            return True
        state = self.home.ledger.state(paid.request)
        if state == "":
            state = self._begin(paid, job) if job.status is Status.FUNDED else ""
        if state == events.CHARGED:
            state = self._run(paid)
        if state == events.RESULT:
            state = self._submit(paid, job)
        if state in (events.SUBMITTED, events.REFUSED):
            self.teller.tell(paid, job, refused=state == events.REFUSED)
            return True
        return False

    def _begin(self, paid: Paid, job: Job) -> str:
        """Admit or refuse; what a job uses up is written before rows are looked at."""
        envelope = self._letter(paid)
        if envelope is None:
            return ""
        try:
            request = Request.from_envelope(envelope)
            check_case(self.network, self.home.policy, paid.job, job, self.now())
            work = self._admitted(request, job)
        except NotAdmitted as refusal:
            return self._refuse(paid, refusal)
        except (InputError, VerificationError) as malformed:
            return self._refuse(paid, NotAdmitted("request", malformed.message))
        self.home.keep(f"requests/{paid.request.hex()}.envelope", envelope.to_bytes())
        ledger = self.home.ledger
        number = sum(line["event"] == events.CHARGED for line in ledger.lines) + 1
        ledger.add(
            events.CHARGED,
            paid.request,
            job=paid.job,
            buyer=request.buyer.hex(),
            bits=cost_in_bits(work.manifest),
            noise=request.noise,
            number=number,
            begun=self.now(),
            task="",
        )
        self.on_step("charged", paid.request)
        return events.CHARGED

    def _letter(self, paid: Paid) -> Envelope | None:
        place = topic(self.account.address, paid.request.hex())
        for envelope in letters(self.network.mailbox, place):
            if envelope.statement.digest == paid.request:
                return envelope
        return None

    def _admitted(self, request: Request, job: Job) -> Work:
        """Check a request by every rule that needs no row."""
        policy, now = self.home.policy, self.now()
        check_request(request, self.place, policy, now)
        check_consent(kept_consents(self.home), request, policy, now)
        check_money(request, policy, job, now)
        return self._prepared(request, fresh=True)

    def _prepared(self, request: Request, *, fresh: bool) -> Work:
        home, columns = self.home, self.home.rows.columns
        policy = home.policy_of(request.policy)
        manifest = home.manifest(request.algorithm)
        if fresh:
            if manifest.kind == TRAINING:
                raise NotAdmitted("request", "training is asked for by its own letter, unpaid here")
            check_algorithm(request, policy, manifest, columns)
            check_spent(request, policy, manifest, home.ledger.spent())
        if manifest.kind == CODE and not has_walls():
            raise NotAdmitted("code", "this node cannot wall own code in, and so runs none")
        source = home.code(manifest) if manifest.kind == CODE else b""
        store = self.network.store
        return prepared(request, policy, manifest, columns, len(home.rows), store, source)

    def _run(self, paid: Paid) -> str:
        """Run a charged job and keep its result, as it will be told, before anybody is told."""
        home, name = self.home, paid.request.hex()
        kept = Envelope.from_bytes(home.load(f"requests/{name}.envelope"))
        request = Request.from_envelope(kept)
        try:
            work = self._prepared(request, fresh=False)
            found = run(work, home.rows, home.classes(), home.secret)
            result = result_bytes(work, home.row_root, found.outputs, home.secret)
        except NotAdmitted as refusal:
            return self._refuse(paid, refusal)
        self.on_step("run", paid.request)
        blob = result
        if not work.policy.disclosure.is_public:
            blob = sealed_result(result, request.seal, paid.request, home.secret)
        charge = home.ledger.line(paid.request, events.CHARGED) or {}
        place = {"row_root": home.row_root, "job": paid.job}
        place |= {"number": charge["number"], "begun": charge["begun"]}
        stated = state_result(self.notary, work, result, blob, **place)
        if found.groups is not None:
            home.keep(f"results/{name}.groups", found.groups.astype("<i8").tobytes())
        home.keep(f"results/{name}.blob", blob)
        home.keep(f"results/{name}.envelope", stated.to_bytes())
        home.ledger.add(events.RESULT, paid.request, result=sha256(result).hex())
        self.on_step("result", paid.request)
        return events.RESULT

    def _submit(self, paid: Paid, job: Job) -> str:
        """Put the result's digest into the escrow; what the escrow does not wait for, lapses."""
        line = self.home.ledger.line(paid.request, events.RESULT) or {}
        if job.status is Status.FUNDED and self.network.chain.block("latest").time < job.expires:
            try:
                self.jobs.submit(self.account, paid.job, bytes.fromhex(line["result"]))
            except Reverted as refused:
                self.say(f"job {paid.job}: not submitted: {refused.reason}")
                return events.RESULT
            self.on_step("sent", paid.request)
        elif job.status in (Status.FUNDED, Status.REJECTED, Status.EXPIRED):
            self.home.ledger.add(events.LAPSED, paid.request)
            self.say(f"job {paid.job} ended before its result was submitted; nothing was told")
            return events.LAPSED
        self.home.ledger.add(events.SUBMITTED, paid.request)
        self.on_step("submitted", paid.request)
        return events.SUBMITTED

    def _refuse(self, paid: Paid, refusal: NotAdmitted) -> str:
        """Keep a signed refusal, to be told; a charge that was written stays."""
        charge = self.home.ledger.line(paid.request, events.CHARGED) or {}
        place = {name: charge.get(name, 0) for name in ("number", "begun")}
        stated = state_refusal(self.notary, paid.request, paid.job, refusal, **place)
        self.home.keep(f"results/{paid.request.hex()}.envelope", stated.to_bytes())
        fields = {"job": paid.job, "rule": refusal.rule}
        self.home.ledger.add(events.REFUSED, paid.request, **fields)
        self.on_step("refused", paid.request)
        self.say(f"job {paid.job} refused, by the rule {refusal.rule!r}: {refusal.message}")
        return events.REFUSED
