"""Checks a score sheet number by number: its openings, re-runs, signatures, and the weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from counterpoise.consensus.asking import is_sealed
from counterpoise.consensus.evidence import Shown
from counterpoise.consensus.ledger import Closed
from counterpoise.consensus.rules import Row
from counterpoise.consensus.scoring import Kind
from counterpoise.consensus.sheet import Exchange, Sheet
from counterpoise.core.errors import CounterpoiseError
from counterpoise.inference import IntegerModel, model_from_bytes
from counterpoise.network import Network
from counterpoise.provenance import Verdict

MOST_MODEL = 1 << 28


@dataclass
class SheetCheck:
    """Checks the sheets of one market, epoch by epoch.

    Parameters
    ----------
    prefix :
        Of the names of what is found.
    shown :
        The sheets that open their commitments, by epoch and validator.
    """

    network: Network
    verdict: Verdict
    prefix: str
    shown: Mapping[tuple[int, int], Shown]
    _opened: dict[bytes, int] = field(default_factory=dict)
    _models: dict[bytes, IntegerModel] = field(default_factory=dict)

    def sheet(self, over: Closed, number: int, words: tuple[int, ...]) -> None:
        """Check a validator's sheet of an epoch against the row that it revealed."""
        sheet = self.shown[over.epoch, number].sheet
        name = f"{self.prefix}epoch {over.epoch} / validator {number}"
        self._weights(f"{name} / weight", sheet, Row(number, 0, words), over)
        try:
            sheet.check_openings()
            self.verdict.numbers += 1
        except CounterpoiseError as error:
            self.verdict.refuse(f"{name} / checks", error)
        if any(one.kind is Kind.CHECK for one in sheet.exchanges):
            self._bound(f"{name} / sealed checks", sheet)
        for turn, one in enumerate(sheet.exchanges):
            self._exchange(f"{name} / exchange {turn}", sheet, one, over)

    def leave(self, epoch: int) -> None:
        """Note what was opened in an epoch: nobody may ask it from then on."""
        for (found, _), shown in self.shown.items():
            if found == epoch:
                checks = (one for one in shown.sheet.exchanges if one.kind is Kind.CHECK)
                for one in checks:
                    self._opened.setdefault(one.digest, epoch)

    def _weights(self, name: str, sheet: Sheet, row: Row, over: Closed) -> None:
        """Every weight that counts is the one that the sheet gives."""
        wanted = sheet.row
        for number in sorted(over.facts.since):
            if number != row.number:
                right = wanted[number] if number < len(wanted) else 0
                self.verdict.check(f"{name} of member {number}", row.weight(number), right)

    def _bound(self, name: str, sheet: Sheet) -> None:
        """The checks were sealed by an earlier commitment of the same validator."""
        earlier = self.shown.get((sheet.bound, sheet.validator))
        signer = self.shown[sheet.epoch, sheet.validator].signer
        if earlier is None or earlier.signer != signer or sheet.bound >= sheet.epoch:
            self.verdict.hold(name, False, "no earlier commitment of the validator holds them")
        else:
            self.verdict.check(name, sheet.root, earlier.sheet.next_root)

    def _exchange(self, name: str, sheet: Sheet, one: Exchange, over: Closed) -> None:
        """One exchange: the label of a re-run, the provider's signature, a check used anew."""
        if one.kind is Kind.RERUN:
            try:
                model = self._model(sheet.models.get(one.number, bytes(32)))
                self.verdict.check(f"{name} / label", one.label, model.answer(one.question))
            except CounterpoiseError as error:
                self.verdict.refuse(f"{name} / model", error)
        if one.kind is Kind.CHECK and one.digest in self._opened:
            told = f"asked again after it was opened in epoch {self._opened[one.digest]}"
            self.verdict.hold(f"{name} / check", False, told)
        if one.seal and one.number in over.facts.since:
            provider = over.accounts[one.number]
            is_its = is_sealed(provider, one.question, one.answer, one.seal)
            self.verdict.hold(f"{name} / seal", is_its, "not the provider's signature")

    def _model(self, digest: bytes) -> IntegerModel:
        if digest not in self._models:
            content = self.network.store.fetch(digest, max_bytes=MOST_MODEL)
            self._models[digest] = model_from_bytes(content)
        return self._models[digest]
