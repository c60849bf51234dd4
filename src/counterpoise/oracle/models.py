"""Puts a model where nodes find it: id on the chain, file in the store, statement in the log."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from counterpoise.chain import Account
from counterpoise.core.errors import Busy, InputError, VerificationError
from counterpoise.core.units import parse_address
from counterpoise.inference import IntegerModel, ModelsClient
from counterpoise.network import Network
from counterpoise.oracle.pointers import ModelShelf
from counterpoise.provenance import (
    AccountSigner,
    AddressVerifier,
    Envelope,
    Statement,
    Subject,
    build_statement,
    check_envelope,
    kind_of,
    sign,
)

KIND = "integer model v1"


def publish_model(
    network: Network, owner: Account, model: IntegerModel, *, name: str, card: bytes = b""
) -> Statement:
    """Register a model, keep its file and its card, and state that this is it.

    Done before, only what lacks is done.

    Parameters
    ----------
    owner :
        Pays for the registration and signs.
    name :
        For people; public.
    card :
        The model's card: what it is for, and how real values become its bytes.

    Returns
    -------
    The signed statement. Where this process can write the network's log, it is in it.
    """
    digest = ModelShelf(network.store, network.mailbox).put(model)
    files: list[dict[str, object]] = [{"name": "model", "sha256": digest}]
    card_digest = bytes(32)
    if card:
        card_digest = network.store.put(card)
        files.append({"name": "card", "sha256": card_digest})
    network.store.flush()
    models = ModelsClient(network.contract("Models"))
    if not models.is_registered(model.id):
        models.register(owner, model, card_digest)
    return _state(network, owner, Subject(name, model.id), files)


def _state(
    network: Network, owner: Account, subject: Subject, files: list[dict[str, object]]
) -> Statement:
    """Sign and log the model's statement, or find it in the log."""
    signer = AccountSigner(owner)
    statement = build_statement(
        "model",
        [subject],
        actor=signer.keyid,
        time=network.chain.block("latest").time,
        nonce=os.urandom(16),
        files=files,
        kind=KIND,
    )
    if network.folder is None:
        return statement
    try:
        log = network.log
    except Busy as error:
        error.hint = "the model is registered and kept; state it again when the log is free"
        raise
    same = ("actor", "files", "kind")
    for known in stated_models(log.entries()):
        if known.subject == statement.subject and all(
            known.predicate[field] == statement.predicate[field] for field in same
        ):
            return known
    log.append([sign(statement, signer).to_bytes()])
    return statement


def find_model(network: Network, model: bytes) -> IntegerModel:
    """Fetch a model by its id; see `ModelShelf.fetch`."""
    return ModelShelf(network.store, network.mailbox).fetch(model)


def stated_models(entries: Iterable[bytes]) -> Iterator[Statement]:
    """Give the statements about integer models among a log's entries, signatures checked."""
    for entry in entries:
        try:
            envelope = Envelope.from_bytes(entry)
            statement = envelope.statement
        except (InputError, VerificationError):
            continue
        if kind_of(statement) != "model" or statement.predicate["kind"] != KIND:
            continue
        yield check_envelope(
            envelope, [AddressVerifier(parse_address(statement.predicate["actor"]))]
        )


def model_named(network: Network, text: str) -> bytes:
    """Give the id of a model by its name, its id in hex, or the beginning of that.

    Raises
    ------
    InputError :
        None is so named, or several are.
    """
    low = text.lower().removeprefix("0x")
    if len(low) == 64 and set(low) <= set("0123456789abcdef"):
        return bytes.fromhex(low)
    known: dict[bytes, str] = {}
    for statement in stated_models(network.log_reader().entries()):
        known[statement.subject[0].digest] = statement.subject[0].name
    found = {one for one, name in known.items() if name == text or one.hex().startswith(low)}
    if len(found) != 1:
        names = ", ".join(f"{name} ({one.hex()[:12]})" for one, name in known.items()) or "none"
        raise InputError(f"{len(found)} models are named {text!r}", hint=f"known: {names}")
    return found.pop()
