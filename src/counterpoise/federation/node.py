"""A participant in a process of its own: joins, answers round by round, draws its pay.

It knows the network by its charter, the chain and the shared store alone. What it needs after a
crash is in its home folder, so the same command goes on where it was.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import format_tokens, to_checksum
from counterpoise.federation.committed_rows import ENCODING, CommittedRows
from counterpoise.federation.evidence import Notary, read_signed
from counterpoise.federation.home import Home
from counterpoise.federation.mail import Letterbox, join_topic, post_letter, topic
from counterpoise.federation.participant import Participant, Trainer
from counterpoise.federation.postings import Postings
from counterpoise.federation.settlement import (
    Drawn,
    chain_time,
    draw,
    finish_if_over,
    seconds_to_finish,
)
from counterpoise.federation.terms import Terms
from counterpoise.jobs import Stage, TokenClient
from counterpoise.network import Network, draw_from_faucet
from counterpoise.provenance import Envelope, Statement, Subject

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
GRACE_SECONDS = 30
"""How long after the last window the coordinator is left to finish the job."""

Say = Callable[[str], None]


def quiet(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a dataset statement says of where rows come from; public."""

    source: str = "private"
    licence: str = "private"


@dataclass
class Node:
    """One data owner's process in one job.

    Parameters
    ----------
    name :
        For people; public.
    home :
        Its own folder, held by this process.
    rows :
        Its rows, committed to in `home`.
    trainer :
        What it does with its rows; an `HonestTrainer` for most.
    say :
        Told what happens, one sentence at a time.
    pause :
        Lets seconds pass.
    """

    network: Network
    account: Account
    name: str
    terms: Terms
    home: Home
    rows: CommittedRows
    trainer: Trainer
    origin: Origin = Origin()
    say: Say = quiet
    pause: Callable[[float], None] = time.sleep
    answered: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.postings = Postings(self.network, self.account, self.terms.job)
        self.notary = Notary(self.account, lambda: self.network.chain.block("latest").time)

    def run(self) -> Drawn:
        """Join, take part in every round that is left, wait for the end and draw the pay."""
        participant = self._participant(self.join())
        last = self.terms.rules.rounds + 1
        number, falls = self.postings.state().round_id + 1, self.postings.attempt(last + 1)
        while number <= last:
            self._take_part(participant, number, last)
            number += 1
            if falls != (falls := self.postings.attempt(last + 1)):
                # The fallen round is computed from the same letters; the next begins anew.
                number = self.postings.state().round_id + 2
        return self._settle()

    def join(self) -> bytes:
        """Stake, join and mail the statements; done before, only what lacks is done.

        Returns
        -------
        Digest of the dataset statement.
        """
        letters = self.home.statements(self.terms.job, self._statements)
        dataset = self._own(letters[0]).digest
        cohort = self.postings.cohort
        if cohort.member(self.terms.job, self.account.address) is None:
            self._check_open()
            draw_from_faucet(self.network, self.account, self.terms.stake)
            self._check_balance()
            cohort.join_with_permit(self.account, self.terms.job, dataset, 2**40)
            self.say(f"joined job {self.terms.job} with {format_tokens(self.terms.stake)} at stake")
        joined = [e for e in cohort.members(self.terms.job) if e.account == self.account.address]
        if joined[0].dataset != dataset:
            raise InputError(
                f"{to_checksum(self.account.address)} has joined job {self.terms.job} with another "
                "dataset statement",
                hint="give the --home folder with which it joined",
            )
        for letter in letters:
            post_letter(
                self.network.mailbox, join_topic(self.terms.job), self.account.address, letter
            )
        return dataset

    def _own(self, letter: bytes) -> Statement:
        """Read the kept dataset statement; refuse one that another key signed."""
        try:
            return read_signed(Envelope.from_bytes(letter), "dataset", self.account.address)
        except VerificationError:
            raise InputError(
                f"{self.home.folder} holds statements of another key for job {self.terms.job}",
                hint="give the key with which it joined, or another --home DIR",
            ) from None

    def _statements(self) -> list[bytes]:
        """Sign the dataset, the consent to this one job, and the joining."""
        terms, rows = self.terms, self.rows
        dataset = self.notary.state(
            "dataset",
            [Subject(self.name, rows.root)],
            schema=rows.schema.to_record(),
            encoding=ENCODING,
            rows=len(rows.values),
            row_root=rows.root,
            source=self.origin.source,
            licence=self.origin.licence,
        )
        digest = dataset.statement.digest
        inputs = [{"sha256": digest, "role": "dataset"}]
        consent = self.notary.state(
            "consent",
            [Subject(f"rows of {self.name}", rows.root)],
            inputs=inputs,
            job=terms.job,
            subject_commitment=rows.root,
            purpose=f"training in job {terms.job}",
            scope="exact sums and clipped updates; rows stay with their owner",
            expires=self.postings.cohort.terms(terms.job).expires,
        )
        join = self.notary.state(
            "join",
            [Subject(self.name, terms.digest)],
            inputs=inputs,
            job=terms.job,
            dataset=digest,
            stake=str(terms.stake),
        )
        return [dataset.to_bytes(), consent.to_bytes(), join.to_bytes()]

    def _participant(self, dataset: bytes) -> Participant:
        return Participant(
            self.name,
            self.notary,
            self.terms,
            dataset,
            self.trainer,
            self.network.store,
            witness=self.postings,
            folder=self.home.rounds,
        )

    def _check_open(self) -> None:
        state = self.postings.state()
        if state.finished or state.committed or state.round_id:
            raise InputError(
                f"the rounds of job {self.terms.job} have begun; it is too late to join",
                hint="counterpoise federation list",
            )

    def _check_balance(self) -> None:
        token = TokenClient(self.network.contract("CreditToken"))
        found, who = token.balance(self.account.address), to_checksum(self.account.address)
        if found < self.terms.stake:
            raise InputError(
                f"{who} has {format_tokens(found)} tokens, the stake is "
                f"{format_tokens(self.terms.stake)}",
                hint="send it tokens; the stake comes back when the job is over",
            )

    def _take_part(self, participant: Participant, number: int, last: int) -> None:
        """Commit and reveal in one round, or see it pass."""
        place = f"round {number} of {last}"
        for phase, reply, answer in (
            ("open", "commit", participant.commitment),
            ("closed", "reveal", participant.reveal),
        ):
            letter = self._answer(number, phase, answer)
            if letter is None:
                self.say(f"{place} passed without this participant")
                return
            self.network.store.flush()
            place_of_reply = self._topic(number, reply)
            post_letter(self.network.mailbox, place_of_reply, self.account.address, letter)
            self.say(f"{place}: {'committed' if reply == 'commit' else 'revealed'}")
        self.answered.append(number)

    def _answer(self, number: int, phase: str, answer: Callable[[bytes], bytes]) -> bytes | None:
        """Wait for the coordinator's letter of a phase and answer it; None once it is over."""
        box = Letterbox(self.network.mailbox, self._topic(number, phase))
        trouble = ""
        for _ in self._waiting():
            if box.place != (place := self._topic(number, phase)):
                box = Letterbox(self.network.mailbox, place)
            for letter in box.letters([self.terms.coordinator]).get(self.terms.coordinator, []):
                if Envelope.from_bytes(letter).statement.predicate.get("round") != number:
                    continue
                try:
                    return answer(letter)
                except VerificationError as error:  # or a node that lags behind the mail
                    if error.message != trouble:
                        trouble = error.message
                        self.say(f"round {number}: not answered: {trouble}")
            if self._is_past(number):
                return None
        return None

    def _topic(self, number: int, phase: str) -> str:
        return topic(self.terms.job, number, phase, self.postings.attempt(number))

    def _is_past(self, number: int) -> bool:
        """Whether a round is over, or the job is, or its coordinator is silent for too long.

        One that comes after a round that fell is over for now: it begins anew.
        """
        state, now = self.postings.state(), chain_time(self.network)
        if state.round_id + 2 < number and self.postings.attempt(number):
            return True
        if state.round_id >= number or state.finished or now > state.expires:
            return True
        return bool(state.round_id) and seconds_to_finish(state, now) < -GRACE_SECONDS

    def _settle(self) -> Drawn:
        """Wait until the job is paid or has expired, then draw what there is."""
        cohort, job = self.postings.cohort, self.terms.job
        for _ in self._waiting():
            if cohort.purse(job).stage is Stage.PAID:
                break
            state, now = self.postings.state(), chain_time(self.network)
            if now > state.expires:
                self.say(f"job {job} has expired unpaid; the stake comes back")
                break
            if state.round_id and seconds_to_finish(state, now) < -GRACE_SECONDS:
                finish_if_over(self.network, self.account, self.terms)
        drawn = draw(self.network, self.account, self.terms, self.account.address)
        self.say(f"drew {format_tokens(drawn.paid)} of {format_tokens(drawn.due)} tokens due")
        return drawn

    def _waiting(self) -> Iterator[None]:
        """Give a turn at once, then others after longer and longer pauses."""
        pause = FIRST_PAUSE
        while True:
            yield
            self.pause(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
