"""Re-derives every closed epoch of a network's markets, and every weight that was shown evidence.

From the events follow consensus, ranks, dividends, dues and claims; from the score sheets follow
the weights. A sheet counts when it opens what its validator committed to on the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from counterpoise.chain import artifact
from counterpoise.consensus.client import ConsensusClient
from counterpoise.consensus.evidence import NetworkEvidence, Shown, is_borne_out
from counterpoise.consensus.ledger import Closed, Ledger
from counterpoise.consensus.markets import client_at, known_markets
from counterpoise.consensus.sheet_check import SheetCheck
from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.core.units import Address, parse_address
from counterpoise.network import Network
from counterpoise.provenance import Envelope, Progress, Statement, Verdict, kind_of, silent


def verify_consensus(network: Network, verdict: Verdict, on_section: Progress = silent) -> int:
    """Verify every market of a network: its epochs, its claims, its money, its weights.

    Parameters
    ----------
    verdict :
        Collects what is found.
    on_section :
        Called with the name of each section before it begins.

    Returns
    -------
    How many epochs were closed; 0 also for a network without a market.
    """
    letters = _letters(network, verdict)
    found = [one.address for one in known_markets(network)]
    addresses = dict.fromkeys([*found, *letters])
    closed = 0
    for place, address in enumerate(addresses):
        prefix = f"market {place + 1} / " if len(addresses) > 1 else ""
        try:
            said = letters.get(address, [])
            closed += verify_market(network, address, verdict, said, prefix, on_section)
        except CounterpoiseError as error:
            verdict.refuse(f"{prefix}market", error)
    return closed


def verify_market(
    network: Network,
    address: Address,
    verdict: Verdict,
    letters: Sequence[tuple[Statement, bytes]] = (),
    prefix: str = "",
    on_section: Progress = silent,
) -> int:
    """Verify one market; `letters` are the log's statements about its scores, with their entries.

    Those that were mailed and not logged are found besides. `prefix` begins each name.
    """
    return _Check(network, verdict, address, prefix, letters).all(on_section)


def _letters(network: Network, verdict: Verdict) -> dict[Address, list[tuple[Statement, bytes]]]:
    """Give the statements about scores in the log, by market; none to visitors."""
    found: dict[Address, list[tuple[Statement, bytes]]] = {}
    if network.folder is None:
        return found
    try:
        for entry in network.log_reader().entries():
            try:
                statement = Envelope.from_bytes(entry).statement
            except (InputError, VerificationError):
                continue  # an entry of another format
            if kind_of(statement) != "scores":
                continue
            said = statement.predicate
            if said["chain"] == network.charter.chain_id:
                found.setdefault(parse_address(said["market"]), []).append((statement, entry))
    except CounterpoiseError as error:
        verdict.refuse("evidence log", error)
    return found


@dataclass
class _Check:
    """The sections of the verification of one market."""

    network: Network
    verdict: Verdict
    address: Address
    prefix: str
    letters: Sequence[tuple[Statement, bytes]]
    client: ConsensusClient = field(init=False)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.client = client_at(self.network, self.address)
        self.ledger = Ledger(self.client.terms.kappa)
        self.evidence = NetworkEvidence(self.network, self.address)
        self.paid = 0

    def all(self, on_section: Progress) -> int:
        """Do all sections; give how many epochs are closed."""
        on_section(f"{self.prefix}epochs")
        self.code()
        self.history()
        on_section(f"{self.prefix}money")
        self.money()
        on_section(f"{self.prefix}scores")
        self.scores()
        return len(self.ledger.closed)

    def code(self) -> None:
        """The contract at the address is the one that ships."""
        found = self.network.chain.code(self.address)
        is_ours = found.startswith(artifact("Consensus").runtime)
        self.verdict.hold(f"{self.prefix}code of Consensus", is_ours, "not the code shipped")

    def history(self) -> None:
        """Each closed epoch, and each claim under the result of its time."""
        for event in self.client.contract.events():
            self.ledger.follow([event])
            if event.name == "Finished":
                self.epoch(self.ledger.closed[-1])
            elif event.name == "Claimed":
                number = event.args["number"]
                due = self.ledger.final[number].due if number < len(self.ledger.final) else 0
                name = f"{self.prefix}epoch {self.ledger.epoch} / drawn by member {number}"
                self.verdict.check(name, self.ledger.drawn[number], due)
            elif event.name == "Funded":
                self.paid += event.args["amount"]

    def epoch(self, over: Closed) -> None:
        """Every number of a result, as it follows from the rows."""
        for number, (cell, right) in enumerate(zip(over.cells, over.derived, strict=True)):
            for part in ("consensus", "rank", "dividend", "due"):
                name = f"{self.prefix}epoch {over.epoch} / {part} of member {number}"
                self.verdict.check(name, getattr(cell, part), getattr(right, part))

    def money(self) -> None:
        """What the contract owes and holds follows from what came in and went out."""
        ledger, check = self.ledger, self.verdict.check
        drawn, dues = sum(ledger.drawn.values()), sum(cell.due for cell in ledger.final)
        owed, spare = self.client.purse()
        standing, proposal = self.client.epoch(), self.client.proposal()
        unspent = standing.pay if standing.is_open else 0
        check(f"{self.prefix}owed to members", owed, dues - drawn)
        check(f"{self.prefix}left for epochs", spare + unspent, self.paid - dues)
        for number in ledger.since:
            found = self.client.member(number)
            told = (found.account, found.stake, found.drawn) if found else None
            account, stake = ledger.accounts[number], ledger.stakes.get(number, 0)
            wanted = (account, stake, ledger.drawn.get(number, 0))
            check(f"{self.prefix}member {number}", told, wanted)
        bond = self.client.terms.bond if proposal else 0
        needed = sum(ledger.stakes.values()) + owed + spare + unspent + bond
        held = self.client.token.balance(self.address)
        # Anyone may send tokens to the contract: what must not be is that it lacks some.
        self.verdict.hold(f"{self.prefix}tokens held", held >= needed, "less than is owed")

    def scores(self) -> None:
        """Every weight that was revealed follows from a sheet that was shown."""
        shown = self._sheets()
        check = SheetCheck(self.network, self.verdict, self.prefix, shown)
        for over in self.ledger.closed:
            for row in over.facts.rows:
                self._row(check, over, row.number, row.words)
            check.leave(over.epoch)

    def _row(self, check: SheetCheck, over: Closed, number: int, words: tuple[int, ...]) -> None:
        if (over.epoch, number) in check.shown:
            check.sheet(over, number, words)
        elif any(words):  # a row of zeros weighs nobody
            name = f"{self.prefix}epoch {over.epoch} / weights of validator {number}"
            self.verdict.hold(name, False, "no evidence was shown for them")

    def _sheets(self) -> dict[tuple[int, int], Shown]:
        """Give the sheets that open their commitments, by epoch and validator."""
        closed = {over.epoch: over for over in self.ledger.closed}
        found: dict[tuple[int, int], Shown] = {}
        for statement, letter in self.letters:
            said = statement.predicate
            epoch, number = said["epoch"], said["validator"]
            name = f"{self.prefix}epoch {epoch} / sheet of validator {number}"
            try:
                shown = self.evidence.read(letter)
            except CounterpoiseError as error:
                self.verdict.refuse(name, error)
                continue
            if epoch not in closed:
                continue
            stands = is_borne_out(shown, closed[epoch])
            if self.verdict.hold(name, stands, "it does not open what was committed to"):
                found[epoch, number] = shown
        for over in self.ledger.closed:
            for shown in self.evidence.shown(over):
                found.setdefault((over.epoch, shown.sheet.validator), shown)
        return found
