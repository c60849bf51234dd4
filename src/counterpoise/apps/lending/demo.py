"""The life of a desk: a model, an oracle at every level, applicants, a liar, loans and their end.

Each stage asks the chain what is done already, so that the same command goes on after an
interruption.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from counterpoise.apps.lending.applicants import Applicant, Asking, applicants, askings
from counterpoise.apps.lending.borrowing import live
from counterpoise.apps.lending.circuit import Measured, open_zk
from counterpoise.apps.lending.desk import Application, DeskClient
from counterpoise.apps.lending.office import open_desk, policy_of, publish
from counterpoise.apps.lending.paperwork import explain, record
from counterpoise.apps.lending.rules import Loan, Status
from counterpoise.apps.lending.scorecard import (
    Scorecard,
    build_scorecard,
    keep_scorecard,
    load_scorecard,
)
from counterpoise.apps.lending.service import NAMES, Service, provers, serving
from counterpoise.apps.telling import Say, quiet
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.network import Network, create_network
from counterpoise.oracle import Inbox
from counterpoise.verification import Level, Prover

FUNDS, FEE, PURSE = 100_000 * TOKEN, TOKEN, 1_000 * TOKEN
GAS_MONEY = 10**19
LEVELS = {"quorum": Level.QUORUM, "optimistic": Level.OPTIMISTIC, "zk": Level.ZK}
LEVELS["direct"] = Level.DIRECT


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked for; kept in the state, so that a resumed run is the same run.

    Parameters
    ----------
    zk :
        Whether zero-knowledge proofs take part where they can be had.
    """

    seed: int
    zk: bool = True


class Lending:
    """One run of the demonstration in a state folder.

    Parameters
    ----------
    folder :
        The state folder, made if missing.
    options :
        The seed of keys and salts; whether zero-knowledge proofs take part.
    say :
        Told of progress.

    Raises
    ------
    InputError :
        The folder holds another demonstration, or a run with other options.
    """

    card: Scorecard
    desk: DeskClient

    def __init__(self, folder: Path, options: Options, say: Say = quiet) -> None:
        self.folder, self.options, self.say = folder, options, say
        self._check_options()
        self.say("starting the chain, deploying contracts", 0, 1)
        self.seed = sha256(b"lending" + options.seed.to_bytes(8, "big"))
        self.network: Network = create_network(folder, seed=self.seed)
        self.levels: dict[int, Prover] = {}
        self.zk: Measured | None = None
        self.no_zk = ""

    @cached_property
    def people(self) -> list[Applicant]:
        """The applicants, with their private folders."""
        return applicants(self.folder / "applicants", self.seed)

    @property
    def offered(self) -> dict[str, int]:
        """The levels that can be asked for here, by name."""
        return {name: int(level) for name, level in LEVELS.items() if int(level) in self.levels}

    @property
    def is_development(self) -> bool:
        """Whether zero-knowledge proofs rest on a set-up that its maker can forge with."""
        return self.zk is not None and self.zk.zk.key.srs.origin == "development"

    @property
    def askings(self) -> list[Asking]:
        """Every application of the run, in order."""
        return askings(self.people, self.offered, self.card)

    @property
    def now(self) -> int:
        """The chain's clock, Unix seconds."""
        return self.network.chain.block("latest").time

    def run(self) -> None:
        """Go through every stage that is not done."""
        self._model()
        self._prepare_levels()
        self._desk()
        with serving(self.network, self.folder / "nodes", self.levels) as service:
            self.say("the committee stakes, the contracts take the model in", 0, 1)
            service.prepare(self.card.net)
            for place, asking in enumerate(self.askings):
                self.say(f"{asking.label} asks", place, len(self.askings))
                self._ask(service, asking)
        explain(self)
        live(self)
        record(self)
        (self.folder / "finished").touch()

    def number_of(self, asking: Asking) -> int:
        """Give the number of an application's loan; 0 while it was not asked for."""
        found = [
            int(event.args["id"])
            for event in self.desk.applications()
            if event.args["input"] == asking.commitment
        ]
        return found[0] if found else 0

    def timing(self, asking: Asking) -> dict[str, float]:
        """Give what was measured: ``wall`` and ``windows`` in seconds, ``proof`` in bytes."""
        path = asking.place / "timing.json"
        found: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def _model(self) -> None:
        """Train and publish the model, or take the one that was."""
        self.fund("modeller", 0)
        kept = self.folder / "scorecard"
        if not (kept / "reference").exists():
            self.say("the model is trained and made integers", 0, 1)
            keep_scorecard(build_scorecard(), kept)
        self.card = load_scorecard(kept)
        publish(self.network, self.network.account("modeller"), self.card)

    def _prepare_levels(self) -> None:
        """Get every level ready that can be proven here."""
        self.no_zk = "skipped: left out, as asked"
        if self.options.zk:
            self.say("keys for zero-knowledge proofs are made and pinned", 0, 1)
            owner = self.network.account("modeller")
            self.zk, self.no_zk = open_zk(self.network, owner, self.card.net, self.folder / "zk")
        self.levels = provers(self.network, self.zk)

    def _desk(self) -> None:
        """Give everybody what they need, open the desk, and let the lender fund it."""
        self.say("the desk opens", 0, 1)
        for name in (*NAMES, "liar", "registry", "office", "clerk", "lender"):
            self.fund(name, PURSE if name in (*NAMES, "liar") else 0)
        for person in self.people:
            self.fund(person.name, PURSE)
        account = self.network.account
        self.desk = open_desk(
            self.network,
            account("office"),
            policy_of(self.card),
            lender=account("lender"),
            clerk=account("clerk"),
            attester=account("registry"),
        )
        if not self.desk.contract.events("Deposited"):
            self.fund("lender", FUNDS)
            self.allow("lender", FUNDS)
            self.desk.deposit(account("lender"), FUNDS)

    def _ask(self, service: Service, asking: Asking) -> None:
        """Apply, and let the oracle answer; a liar is first where the label says so."""
        number = self.number_of(asking) or self._apply(asking)
        if self.desk.loan(number).status is not Status.ASKED:
            return
        if asking.is_lied_about:
            service.lie(self.network.account("liar"), self.card, asking, number)
        served = service.serve(number)
        if self.desk.loan(number).status is Status.ASKED:
            self.desk.settle(self.network.account("clerk"), number)
        proof = self.zk.sizes.get(number, 0) if self.zk else 0
        text = json.dumps(asdict(served) | {"proof": proof})
        (asking.place / "timing.json").write_text(text + "\n", encoding="utf-8")

    def _apply(self, asking: Asking) -> int:
        """Show the registry what is committed to, and ask the desk."""
        asking.keep()
        person = asking.applicant
        Inbox(self.network.store, self.network.mailbox).put(asking.salt, asking.data)
        account = self.network.account(person.name)
        application = Application(
            account.address, asking.commitment, person.amount, person.months, self.now + 3600
        )
        signature = self.desk.attest(self.network.account("registry"), application)
        self.allow(person.name, FEE)
        receipt = self.desk.apply(account, application, signature, level=asking.level, fee=FEE)
        return self.desk.number_in(receipt)

    def loans(self) -> list[tuple[Asking, int, Loan]]:
        """Give every application with its number and what became of it."""
        numbers = [(asking, self.number_of(asking)) for asking in self.askings]
        return [(asking, number, self.desk.loan(number)) for asking, number in numbers]

    def answer(self, number: int) -> bytes:
        """Give the oracle's answer about a loan."""
        return bytes(self.network.contract("Oracle").call("answer_of", number)[4])

    def fund(self, name: str, amount: int) -> None:
        """Give an actor gas money and tokens, as far as it lacks them."""
        account, operator = self.network.account(name), self.network.account("operator")
        if self.network.chain.balance(account.address) < GAS_MONEY:
            self.network.fund(account.address, GAS_MONEY)
        token = self.network.contract("CreditToken")
        missing = amount - token.call("balanceOf", account.address)
        if missing > 0:
            token.transact(operator, "mint", account.address, missing)

    def allow(self, name: str, amount: int) -> None:
        """Let the desk take an amount of an actor's tokens, where it may not yet."""
        account, token = self.network.account(name), self.network.contract("CreditToken")
        if token.call("allowance", account.address, self.desk.address) < amount:
            token.transact(account, "approve", self.desk.address, amount)

    def _check_options(self) -> None:
        path, wanted = self.folder / "lending.json", asdict(self.options)
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found != wanted:
                raise InputError(
                    f"{self.folder} holds a run with {found}, not {wanted}",
                    hint="give the same options again, or another --state DIR",
                )
            return
        if (self.folder / "network.json").exists():
            raise InputError(
                f"{self.folder} holds a network of something else",
                hint="name another folder with --state DIR",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(wanted) + "\n", encoding="utf-8")
