"""Typed calls to the consensus contract: members, validators, proposers and challengers."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from counterpoise.chain import Account, Chain, Contract, Receipt, artifact, deploy
from counterpoise.consensus.ledger import Ledger, Lie
from counterpoise.consensus.rules import Settlement, commitment, order, pack
from counterpoise.consensus.trees import CELL_DEPTH, WordTree
from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.jobs import TokenClient


@dataclass(frozen=True, slots=True)
class MarketTerms:
    """What a market runs on; fixed for ever.

    Parameters
    ----------
    token :
        In which it stakes and pays.
    pay, bond :
        Of an epoch, and of a result: at least the pay. Base units.
    least_stake, entry :
        Of a seat; burnt by who registers. Base units.
    kappa :
        Share of stake behind a weight, Q32.32.
    commit_seconds, reveal_seconds, propose_seconds, challenge_seconds :
        The windows, in their order.
    """

    token: Address
    pay: int
    bond: int
    least_stake: int
    entry: int = 0
    kappa: int = (1 << 32) // 2
    commit_seconds: int = 3_600
    reveal_seconds: int = 3_600
    propose_seconds: int = 3_600
    challenge_seconds: int = 7_200


@dataclass(frozen=True, slots=True)
class Standing:
    """An epoch as the contract keeps it; times are Unix times, `attempt` names its result."""

    number: int
    is_open: bool
    pay: int
    commits_end: int
    reveals_end: int
    propose_end: int
    attempt: int
    revealed: int
    stake: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A result that stands, and until when it can be convicted."""

    proposer: Address
    ends: int
    root: bytes
    rank_total: int
    share_total: int
    due_total: int
    objections: int


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """Who stands under a number: stake and what was drawn, base units; seat 1 to 64, 0 for none."""

    account: Address
    stake: int
    seat: int
    drawn: int


class ConsensusClient:
    """The consensus contract at one address."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.address = contract.address
        terms = contract.call("terms")
        self.terms = MarketTerms(*terms)
        token = Contract(contract.chain, self.terms.token, artifact("CreditToken"))
        self.token = TokenClient(token)

    @classmethod
    def deploy(cls, chain: Chain, account: Account, terms: MarketTerms) -> "ConsensusClient":
        """Deploy a market with these terms."""
        return cls(deploy(chain, account, "Consensus", astuple(terms)))

    def fund(self, sender: Account, amount: int) -> Receipt:
        """Add to the pot that epochs are paid from."""
        return self._spend(sender, amount, "fund", amount)

    def register(self, account: Account, number: int | None = None) -> int:
        """Stand under a number, by default the first that is vacant; gives it."""
        if number is None:
            ledger = self.ledger()
            vacant = (place for place in range(ledger.width) if place not in ledger.since)
            number = next(vacant, ledger.width)
        self._spend(account, self.terms.entry, "register", number)
        return number

    def leave(self, account: Account) -> Receipt:
        """Give one's number up, drawing what is due to it."""
        word, path = self._final(self.number_of(account.address))
        return self.contract.transact(account, "leave", word, path)

    def stake(self, account: Account, amount: int, seat: int) -> Receipt:
        """Add to one's stake, and take the seat (0 to 63) if one has none."""
        return self._spend(account, amount, "stake", amount, seat)

    def unstake(self, account: Account, amount: int) -> Receipt:
        """Take stake out."""
        return self.contract.transact(account, "unstake", amount)

    def open(self, sender: Account) -> Receipt:
        """Begin the next epoch."""
        return self.contract.transact(sender, "open")

    def commit(self, account: Account, weights: Sequence[int], salt: bytes) -> Receipt:
        """Commit to weights by number of the member, 0 to 65535 each; `salt`: 32 random bytes.

        Keep both: who cannot reveal them has no weight in the epoch.
        """
        epoch, chain_id = self.epoch().number, self.contract.chain.chain_id()
        place = (chain_id, self.address, epoch, account.address)
        return self.contract.transact(account, "commit", commitment(*place, salt, pack(weights)))

    def reveal(self, account: Account, weights: Sequence[int], salt: bytes) -> Receipt:
        """Show the weights that one has committed to."""
        return self.contract.transact(account, "reveal", list(pack(weights)), salt)

    def propose(self, sender: Account, settlement: Settlement) -> Receipt:
        """Post a result with a bond; `ledger().settle()` gives the right one."""
        return self._spend(sender, self.terms.bond, "propose", settlement.words)

    def convict(self, sender: Account, lie: Lie, ledger: Ledger | None = None) -> Receipt:
        """Show a lie that `Ledger.lies` has found.

        Raises
        ------
        InputError :
            No transaction convicts it: stake must object.
        Reverted :
            It is none, or the window has closed.
        """
        ledger = ledger or self.ledger()
        if not ledger.is_convictable(lie):
            raise InputError(
                f"no transaction convicts the dividend of {lie.number}, who revealed",
                hint="validators with more than half of the stake can object to the result",
            )
        cells = WordTree([cell.word for cell in ledger.posted], CELL_DEPTH)
        word, path = ledger.posted[lie.number].word, cells.path(lie.number)
        place = (ledger.attempt, lie.number, word, path)
        if lie.part == "column":
            facts = ledger.facts
            rows = _openings(ledger, lie.number) if lie.number in facts.since else []
            by_weight = order(facts, lie.number)
            return self.contract.transact(sender, "convict_column", *place, rows, by_weight)
        before, before_path = self._final(lie.number, ledger)
        return self.contract.transact(sender, "convict_due", *place, before, before_path)

    def object(self, account: Account, attempt: int) -> Receipt:
        """Object to the result that stands."""
        return self.contract.transact(account, "object", attempt)

    def finish(self, sender: Account) -> Receipt:
        """Close the epoch with the result that stood its window."""
        return self.contract.transact(sender, "finish")

    def lapse(self, sender: Account) -> Receipt:
        """Close an epoch for which no result was posted in time."""
        return self.contract.transact(sender, "lapse")

    def claim(self, sender: Account, number: int) -> Receipt:
        """Pay a member what it has not drawn of its due."""
        return self.contract.transact(sender, "claim", number, *self._final(number))

    def epoch(self) -> Standing:
        """Fetch the epoch that is open, or was last."""
        return Standing(*self.contract.call("epoch")[:9])

    def proposal(self) -> Proposal | None:
        """Fetch the result that stands; None if none does."""
        found = Proposal(*self.contract.call("proposal"))
        return found if any(found.proposer) else None

    def member(self, number: int) -> MemberRecord | None:
        """Fetch who stands under a number; None if it is vacant."""
        found = MemberRecord(*self.contract.call("member", number))
        return found if any(found.account) else None

    def number_of(self, account: Address) -> int:
        """Fetch a member's number."""
        return int(self.contract.call("number_of", account))

    def purse(self) -> tuple[int, int]:
        """Fetch what is owed to members, and what the pot holds for epochs to come."""
        owed, spare, _ = self.contract.call("purse")
        return owed, spare

    def ledger(self, until_block: int | None = None) -> Ledger:
        """Read the market's events anew, up to and with a block."""
        return Ledger(self.terms.kappa).follow(self.contract.events(to_block=until_block))

    def _final(self, number: int, ledger: Ledger | None = None) -> tuple[int, list[bytes]]:
        final = (ledger or self.ledger()).final
        tree = WordTree([cell.word for cell in final], CELL_DEPTH)
        return final[number].word if number < len(final) else 0, tree.path(number)

    def _spend(self, account: Account, amount: int, name: str, *args: Any) -> Receipt:
        """Call what takes tokens, approving them first where that is needed."""
        if amount > self.token.allowance(account.address, self.address):
            self.token.approve(account, self.address, amount)
        return self.contract.transact(account, name, *args)


def _openings(ledger: Ledger, column: int) -> list[tuple[Any, ...]]:
    """Give every revealed row, opened to its word of a column, as the contract takes them."""
    found, present = [], ledger.facts.present
    for row in ledger.rows:
        tree, place = row.tree, column // 16
        word = row.words[place] if place < len(row.words) else 0
        opened = (word.to_bytes(32, "big"), tree.path(place))
        found.append((row.number, row.stake, row.total(present), tree.root, *opened))
    return found
