"""The coordinator in a process of its own: gathers members, runs the rounds, lets the job be paid.

The evidence log's lock is taken before anything else, so that of two coordinators the second is
`Busy` before it has posted anything. Everything else is read from log, mail and chain: the same
command goes on where it was.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from counterpoise.core.errors import InputError
from counterpoise.core.units import to_checksum
from counterpoise.federation.articles import most_members
from counterpoise.federation.bonds import release_bond
from counterpoise.federation.book import Book
from counterpoise.federation.coordinator import Coordinator
from counterpoise.federation.courier import MailCourier
from counterpoise.federation.defence import Defence
from counterpoise.federation.evidence import Notary
from counterpoise.federation.mail import Letterbox, join_topic, post_letter, task_topic, topic
from counterpoise.federation.node import Say, quiet
from counterpoise.federation.postings import Postings
from counterpoise.federation.replay import Outcome
from counterpoise.federation.roster import Member, read_roster
from counterpoise.federation.settlement import finish_if_over, seconds_to_finish, shown_time
from counterpoise.federation.statements import model_statement
from counterpoise.federation.terms import Terms
from counterpoise.jobs import Joined
from counterpoise.network import Network
from counterpoise.provenance import Envelope, kind_of

POLL_SECONDS = 0.25
DEFENCE_SECONDS = 2.0
"""How often a bonded coordinator looks for demands while it waits."""
JOINING = ("dataset", "consent", "join")


@dataclass
class Host:
    """One job's coordinator.

    Parameters
    ----------
    notary :
        The coordinator's account and clock.
    members :
        Begin as soon as so many have joined, and leave later ones out; None for no limit.
    join_seconds :
        Begin after so long with those who have joined, if they are as many as the task's quorum.
    say :
        Told what happens, one sentence at a time.
    clock, pause :
        Gives seconds; lets them pass.
    """

    network: Network
    notary: Notary
    terms: Terms
    members: int | None = None
    join_seconds: int = 300
    say: Say = quiet
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self.postings = Postings(self.network, self.notary.account, self.terms.job)
        self._defence: Defence | None = None
        if self.terms.bond:
            self._defence = Defence(self.network, self.notary.account, self.terms, self.say)
            self._defend_at = self.clock()

    def run(self) -> list[Outcome]:
        """Bring the job from where it stands to its payment; give the outcome of each round."""
        log, terms = self.network.log, self.terms
        if self.notary.account.address != terms.coordinator:
            raise InputError(
                f"job {terms.job} is coordinated by {to_checksum(terms.coordinator)}, "
                f"not by {to_checksum(self.notary.account.address)}",
                hint="give the coordinator's key with --keystore, --key-env or --local-key",
            )
        if Book.read(log.entries(), terms.job).task is None:
            self.network.store.flush()
            log.append(self._gather())
        coordinator = self._coordinator()
        self._publish(coordinator)
        coordinator.run()
        if coordinator.book.model is None:
            last, validation = coordinator.outcomes[-1], terms.validation
            log.append([model_statement(self.notary, terms, last, validation).to_bytes()])
        self._publish(coordinator)
        self._finish()
        self._anchor()
        return coordinator.outcomes

    def roster(self) -> dict[bytes, Member]:
        """Read who takes part from log and chain."""
        book = Book.read(self.network.log.entries(), self.terms.job)
        return read_roster(book, self.postings.joined())[0]

    def _coordinator(self) -> Coordinator:
        terms, roster = self.terms, self.roster()
        courier = MailCourier(
            self.network.mailbox,
            terms.job,
            terms.coordinator,
            roster,
            terms.commit_seconds,
            terms.reveal_seconds,
            self.clock,
            self._wait,
            self.postings.attempt,
        )

        def on_step(name: str, number: int) -> None:
            if name.endswith("posted"):
                self.say(f"round {number} of {coordinator.last_round}: {name}")
            if name == "result posted":
                self._publish(coordinator)

        coordinator = Coordinator(self.network, self.notary, terms, roster, courier, on_step)
        return coordinator

    def _wait(self, seconds: float) -> None:
        """Let time pass, and answer meanwhile what is demanded of the rounds that stand."""
        if self._defence is None:
            self.pause(seconds)
            return
        left = seconds
        while left > 0:
            if self.clock() >= self._defend_at:
                self._defence.step()
                self._defend_at = self.clock() + DEFENCE_SECONDS
            self.pause(min(left, DEFENCE_SECONDS))
            left -= DEFENCE_SECONDS

    def _gather(self) -> list[bytes]:
        """Wait for members; give the task's and their statements, the first entries of the job."""
        task, box = self._task(), Letterbox(self.network.mailbox, join_topic(self.terms.job))
        deadline, told = self.clock() + self.join_seconds, -1
        while True:
            present = self._present(box)
            if len(present) != told:
                told = len(present)
                self.say(f"{told} of {self.members or 'any number of'} members have joined")
            if self.members is not None and told >= self.members:
                break
            if self.clock() >= deadline:
                break
            self.pause(POLL_SECONDS)
        if told < max(self.terms.rules.quorum, 1):
            raise InputError(
                f"{told} members have joined, the task wants {self.terms.rules.quorum} at least",
                hint="run the same command again, with a longer --join-seconds",
            )
        most = most_members(self.terms.rules) if self.terms.bond else None
        chosen = present[: self.members][:most]
        return [task, *(letter for letters in chosen for letter in letters)]

    def _present(self, box: Letterbox) -> list[list[bytes]]:
        """Give the statements of each who joined on the chain and mailed its dataset's."""
        joined = self.postings.joined()
        letters = box.letters([event.account for event in joined])
        found = [_statements(event, letters.get(event.account, [])) for event in joined]
        return [statements for statements in found if statements]

    def _task(self) -> bytes:
        """Give the sponsor's task statement from the mail."""
        box = Letterbox(self.network.mailbox, task_topic(self.terms.job))
        for letter in box.letters([self.terms.sponsor]).get(self.terms.sponsor, []):
            statement = Envelope.from_bytes(letter).statement
            if kind_of(statement) == "task" and statement.subject[0].digest == self.terms.digest:
                return letter
        raise InputError(
            f"the sponsor's statement of job {self.terms.job} is not in the mail",
            hint="the sponsor runs `counterpoise federation open TASK.json` again",
        )

    def _publish(self, coordinator: Coordinator) -> None:
        """Mail the statements of all posted rounds: members need them to draw their pay."""
        for number in range(1, self.postings.state().round_id + 1):
            entry = coordinator.book.round(number).result
            if entry is not None:
                place = topic(self.terms.job, number, "result")
                post_letter(self.network.mailbox, place, self.terms.coordinator, entry.data)

    def _anchor(self) -> None:
        """Anchor the log, if the key of its anchor's owner is at hand."""
        owner = self.notary.account
        if owner.address != self.network.charter.operator:
            owner = self.network.account("operator")
        if owner.address == self.network.charter.operator:
            self.network.anchor_log(owner)

    def _finish(self) -> None:
        """Wait for the end of the last challenge window, and let the job be paid."""
        told = False
        while not finish_if_over(self.network, self.notary.account, self.terms):
            left = seconds_to_finish(self.postings.state(), shown_time(self.network))
            if not told:
                self.say(f"the last challenge window is open for {max(left, 0)} s more")
                told = True
            self._wait(max(left, POLL_SECONDS))
        self.say(f"job {self.terms.job} is paid")
        if release_bond(self.network, self.notary.account, self.terms):
            self.say("the bond is back")


def _statements(event: Joined, letters: list[bytes]) -> list[bytes]:
    """Give one letter of each kind, the dataset's being the one named on the chain."""
    found: dict[str | None, bytes] = {}
    for letter in letters:
        statement = Envelope.from_bytes(letter).statement
        kind = kind_of(statement)
        if kind == "dataset" and statement.digest != event.dataset:
            continue
        found.setdefault(kind, letter)
    return [found[kind] for kind in JOINING if kind in found] if "dataset" in found else []
