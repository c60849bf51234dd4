"""How score sheets get out: a blob, a signed statement about it, a letter, an entry in the log.

A sheet is shown once nobody can commit or reveal in its epoch any more. Its digest was the salt of
the row, so a sheet that does not open its validator's commitment is nobody's and is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from counterpoise.chain import Account
from counterpoise.consensus.ledger import Closed
from counterpoise.consensus.rules import commitment, pack
from counterpoise.consensus.scoring import Kind
from counterpoise.consensus.sheet import MOST_SHEET, Sheet, read_sheet
from counterpoise.core.digest import sha256
from counterpoise.core.errors import Busy, CounterpoiseError, InputError, VerificationError
from counterpoise.core.units import Address, to_checksum
from counterpoise.network import Network
from counterpoise.provenance import (
    AccountSigner,
    AddressVerifier,
    Envelope,
    Subject,
    build_statement,
    check_envelope,
    kind_of,
    sign,
)

MOST_LETTERS = 256
"""How many letters of one epoch are opened, whoever put them there."""


class Evidence(Protocol):
    """Where a validator shows its sheets and sees those of others."""

    def show(self, account: Account, content: bytes, time: int) -> None:
        """Show a sheet, signed; again is no trouble."""
        ...

    def opened(self, over: Closed) -> Iterable[bytes]:
        """Give the digests of the checks that anyone opened in an epoch that is over."""
        ...

    def keep_model(self, content: bytes) -> bytes:
        """Keep the file of a model that re-runs rest on; give its SHA-256."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """A sheet as it was shown: who signed it, and that."""

    signer: Address
    sheet: Sheet
    letter: bytes


class NetworkEvidence:
    """Evidence in the store, the mailbox and the log of a network.

    Parameters
    ----------
    market :
        Address of the market.
    """

    def __init__(self, network: Network, market: Address) -> None:
        self.network, self.market = network, market
        self._chain_id = network.chain.chain_id()
        self._logged: set[bytes] = set()
        self._read = 0

    def show(self, account: Account, content: bytes, time: int) -> None:
        """Put the sheet in the store, and mail a statement about it to whoever keeps the log."""
        sheet = read_sheet(content)
        digest = self.network.store.put(content)
        self.network.store.flush()
        signer = AccountSigner(account)
        statement = build_statement(
            "scores",
            [Subject(f"epoch {sheet.epoch}, validator {sheet.validator}", digest)],
            actor=signer.keyid,
            time=time,
            nonce=digest[:16],
            market=to_checksum(sheet.market),
            chain=sheet.chain_id,
            epoch=sheet.epoch,
            validator=sheet.validator,
            sheet=digest,
        )
        letter = sign(statement, signer).to_bytes()
        self.network.mailbox.post(self._topic(sheet.epoch), sha256(letter).hex(), letter)

    def opened(self, over: Closed) -> Iterable[bytes]:
        """Give the digests of the checks in the sheets of an epoch that open their commitments."""
        for shown in self.shown(over):
            yield from (one.digest for one in shown.sheet.exchanges if one.kind is Kind.CHECK)

    def keep_model(self, content: bytes) -> bytes:
        """Put the file in the store."""
        return self.network.store.put(content)

    def shown(self, over: Closed) -> Iterator[Shown]:
        """Give the sheets that were mailed for an epoch and open their validators' commitments."""
        place = self._topic(over.epoch)
        for name in self.network.mailbox.list(place)[:MOST_LETTERS]:
            try:
                found = self.read(self.network.mailbox.read(place, name))
            except CounterpoiseError:
                continue  # nobody's
            if is_borne_out(found, over):
                yield found

    def read(self, letter: bytes) -> Shown:
        """Read a signed statement about a sheet of this market, and the sheet.

        Raises
        ------
        CounterpoiseError :
            It is none, the signature is false, or the sheet is not there or not what it says.
        """
        envelope = Envelope.from_bytes(letter)
        account = signer_of(envelope)
        statement = check_envelope(envelope, [AddressVerifier(account)])
        said = statement.predicate
        if kind_of(statement) != "scores" or said["actor"] != to_checksum(account):
            raise VerificationError("the statement is not about scores, or not its signer's")
        content = self.network.store.fetch(bytes.fromhex(said["sheet"]), max_bytes=MOST_SHEET)
        sheet = read_sheet(content)
        told = (said["chain"], said["market"], said["epoch"], said["validator"])
        if told != (sheet.chain_id, to_checksum(sheet.market), sheet.epoch, sheet.validator):
            raise VerificationError("the statement is about another sheet than it names")
        if (sheet.chain_id, sheet.market) != (self._chain_id, self.market):
            raise VerificationError("a sheet of another market")
        return Shown(account, sheet, letter)

    def collect(self, closed: Iterable[Closed]) -> int:
        """Log the statements that the chain bears out; gives how many were new.

        Only who has the log's key can; 0 for others, and while another process writes the log.
        """
        if self.network.folder is None:
            return 0
        letters = [shown.letter for over in closed for shown in self.shown(over)]
        try:
            log = self.network.log
        except Busy:
            return 0
        for entry in log.entries(self._read):
            self._logged.add(sha256(entry))
        self._read = log.size
        new = [letter for letter in letters if sha256(letter) not in self._logged]
        if new:
            log.append(new)
        return len(new)

    def _topic(self, epoch: int) -> str:
        return f"consensus-scores/{self.market.hex()}/{epoch}"


def signer_of(envelope: Envelope) -> Address:
    """Give the account that an envelope says has signed it; check the signature with it.

    Raises
    ------
    VerificationError :
        Not exactly one account did.
    """
    from counterpoise.core.units import parse_address

    try:
        [keyid] = [one.keyid for one in envelope.signatures]
        return parse_address(keyid)
    except (ValueError, InputError):
        raise VerificationError("not signed by one account") from None


def is_borne_out(shown: Shown, over: Closed) -> bool:
    """Tell whether a sheet opens the commitment of its validator, who signed it."""
    sheet, account = shown.sheet, over.accounts.get(shown.sheet.validator)
    if account != shown.signer or sheet.epoch != over.epoch:
        return False
    revealed = (row.words for row in over.facts.rows if row.number == sheet.validator)
    words = next(revealed, None)
    committed = over.commitments.get(sheet.validator)
    return committed == commitment_of(sheet, account, words)


def commitment_of(sheet: Sheet, account: Address, words: tuple[int, ...] | None = None) -> bytes:
    """Give what a validator commits to with a sheet; `words` of the row, by default the right."""
    row = pack(sheet.row) if words is None else words
    place = (sheet.chain_id, sheet.market, sheet.epoch, account)
    return commitment(*place, sheet.salt, row)
