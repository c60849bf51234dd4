"""The buyer's side: ask, pay into escrow, read the answer, take it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address
from counterpoise.federation import fetch_terms
from counterpoise.jobs import NOBODY, JobsClient, Status
from counterpoise.market.compute_to_data.algorithms import MAX_MANIFEST, Manifest
from counterpoise.market.compute_to_data.answers import RESULTS, Answer, read_answer
from counterpoise.market.compute_to_data.evaluation import Question
from counterpoise.market.compute_to_data.letters import LOG, TRAINING, letters, post, topic
from counterpoise.market.compute_to_data.offering import check_policy_signed
from counterpoise.market.compute_to_data.policy import MAX_POLICY, DataPolicy
from counterpoise.market.compute_to_data.request import Condition, Request, description_of
from counterpoise.market.compute_to_data.result_keys import opening_key
from counterpoise.market.compute_to_data.rows import Columns
from counterpoise.market.sealing import public_key
from counterpoise.network import Network
from counterpoise.provenance import AccountSigner, kind_of, sign

LIFETIME = 86_400


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was sent and paid into escrow."""

    owner: Address
    request: bytes
    job: int


@dataclass(frozen=True)
class DataBuyer:
    """Who sends jobs to datasets.

    Parameters
    ----------
    clock :
        Gives POSIX seconds.
    """

    network: Network
    account: Account
    clock: Callable[[], int]

    @property
    def jobs(self) -> JobsClient:
        """The escrow."""
        return JobsClient(self.network.contract("Jobs"))

    def policy(self, digest: bytes) -> DataPolicy:
        """Fetch a policy by the digest that a listing names, as its owner and officers signed it.

        Raises
        ------
        VerificationError :
            They did not.
        """
        found = DataPolicy.from_bytes(self.network.store.fetch(digest, max_bytes=MAX_POLICY))
        for envelope in letters(self.network.mailbox, topic(found.owner, LOG)):
            is_policy = kind_of(envelope.statement) == "data-policy"
            if is_policy and envelope.statement.predicate["policy"] == digest.hex():
                check_policy_signed(found, envelope)
                return found
        raise VerificationError(f"nobody has signed the policy {digest.hex()}")

    def columns(self, policy: DataPolicy) -> Columns:
        """Fetch what the owner has stated of the columns."""
        for envelope in letters(self.network.mailbox, topic(policy.owner, LOG), policy.owner):
            if envelope.statement.digest == policy.dataset:
                return Columns.from_record(envelope.statement.predicate["columns"])
        raise InputError("the owner's statement of the dataset is not in the mail")

    def algorithm(self, policy: DataPolicy, name: str) -> Manifest:
        """Fetch an admitted algorithm by its name or the beginning of its digest."""
        found = []
        for digest in policy.algorithms:
            manifest = Manifest.from_bytes(self.network.store.fetch(digest, max_bytes=MAX_MANIFEST))
            if manifest.name == name or digest.hex().startswith(name):
                found.append(manifest)
        if len(found) != 1:
            raise InputError(f"{len(found)} admitted algorithms are called {name!r}")
        return found[0]

    def draft(
        self,
        policy: DataPolicy,
        manifest: Manifest,
        columns: tuple[str, ...],
        parameters: dict[str, Any],
        **more: Any,
    ) -> Request:
        """Draft a request by a policy, with its price, its first purpose and a day to be run."""
        draft = Request(
            owner=policy.owner,
            buyer=self.account.address,
            chain_id=self.network.charter.chain_id,
            escrow=self.jobs.address,
            policy=policy.digest,
            algorithm=manifest.digest,
            purpose=policy.purposes[0],
            columns=columns,
            parameters=parameters,
            price=policy.price,
            until=self.clock() + LIFETIME,
            seal=b"" if policy.disclosure.is_public else public_key(opening_key(self.account)),
        )
        return replace(draft, **more)

    def evaluate(
        self,
        policy: DataPolicy,
        manifest: Manifest,
        question: Question,
        features: tuple[str, ...],
        *,
        where: tuple[Condition, ...] = (),
        noise: int = 0,
        purpose: str = "",
    ) -> Request:
        """Draft the evaluation of a model that is in the store with its card."""
        columns = (*features, self.columns(policy).label)
        columns += (question.by,) if question.by and question.by not in columns else ()
        parameters, named = question.to_parameters(), purpose or policy.purposes[0]
        more = {"where": where, "noise": noise, "purpose": named}
        return self.draft(policy, manifest, columns, parameters, **more)

    def send(
        self, request: Request, evaluator: Address, *, lifetime: int = LIFETIME, hook: bool = False
    ) -> Asked:
        """Sign a request, post it, and pay its price into an escrow that names it.

        Parameters
        ----------
        evaluator :
            Who decides about the pay; one that the policy admits.
        lifetime :
            Seconds until the escrow expires.
        hook :
            Whether the evaluator is the escrow's hook too, as acceptance must be.
        """
        statement = request.statement(self.clock(), os.urandom(16))
        envelope = sign(statement, AccountSigner(self.account))
        digest, mailbox = statement.digest, self.network.mailbox
        post(mailbox, topic(request.owner, digest.hex()), self.account.address, envelope)
        expires = self.network.chain.block("latest").time + lifetime
        job = self.jobs.create(
            self.account,
            provider=request.owner,
            evaluator=evaluator,
            expires=expires,
            description=description_of(digest),
            hook=evaluator if hook else NOBODY,
        )
        self.jobs.set_budget(self.account, job, request.price)
        self.jobs.fund(self.account, job, request.price)
        return Asked(request.owner, digest, job)

    def ask_training(self, policy: DataPolicy, manifest: Manifest, job: int) -> Asked:
        """Ask a dataset to join a training task of which this buyer is the sponsor."""
        rules = fetch_terms(self.network, job).rules
        names = (*(feature.name for feature in rules.features), self.columns(policy).label)
        request = self.draft(policy, manifest, names, {"job": job})
        envelope = sign(
            request.statement(self.clock(), os.urandom(16)), AccountSigner(self.account)
        )
        place = topic(policy.owner, TRAINING)
        post(self.network.mailbox, place, self.account.address, envelope)
        return Asked(policy.owner, envelope.statement.digest, job)

    def answer(self, asked: Asked) -> Answer | None:
        """Read what the owner's node said, if it has said anything yet.

        Raises
        ------
        VerificationError :
            The result is not the one stated, or not the one that the escrow holds.
        """
        place = topic(asked.owner, asked.request.hex())
        for envelope in letters(self.network.mailbox, place, asked.owner):
            if envelope.statement.predicate.get("job") != asked.job:
                continue
            key = lambda: opening_key(self.account)  # noqa: E731
            answer = read_answer(envelope, asked.owner, asked.request, self.network.store, key)
            if kind_of(envelope.statement) in RESULTS and answer.digest != self._delivered(asked):
                raise VerificationError("the escrow holds the digest of another result")
            return answer
        return None

    def accept(self, asked: Asked) -> None:
        """Pay for an answer, where this buyer is the escrow's evaluator."""
        answer = self.answer(asked)
        if answer is None or answer.outputs is None:
            raise InputError(f"job {asked.job} has no result to take")
        self.jobs.complete(self.account, asked.job, answer.statement)

    def take_back(self, asked: Asked) -> None:
        """Take the pay of a refused job back, where this buyer is the escrow's evaluator."""
        if self.jobs.job(asked.job).status is Status.FUNDED:
            self.jobs.reject(self.account, asked.job, sha256(b"refused"))

    def _delivered(self, asked: Asked) -> bytes | None:
        for event in self.jobs.history(asked.job):
            if event.name == "JobSubmitted":
                return bytes(event.args["deliverable"])
        return None
