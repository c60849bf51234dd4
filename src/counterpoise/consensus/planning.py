"""What a validator asks in an epoch, and the sheet that comes of it: pure, seeded, in integers."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from counterpoise.consensus.asking import Reply
from counterpoise.consensus.checks import Reserve, deal
from counterpoise.consensus.journal import Question
from counterpoise.consensus.scoring import Kind, Rule
from counterpoise.consensus.sheet import Exchange
from counterpoise.core.digest import sha256
from counterpoise.inference import IntegerModel


@dataclass(frozen=True, slots=True)
class Bound:
    """A reserve that was sealed, and the epoch in which the chain took it; epoch 0 for none."""

    epoch: int
    reserve: Reserve


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when questions are spread, Unix seconds; equal for all at once."""

    opens: int
    closes: int


def plan(
    seed: bytes,
    numbers: Sequence[int],
    rule: Rule,
    bound: Bound,
    pool: Sequence[bytes],
    traffic: Sequence[bytes],
    models: Mapping[int, IntegerModel],
    spoiled: set[bytes],
    window: Window,
) -> list[Question]:
    """Plan whom to ask what, and when, in an order that says nothing.

    Parameters
    ----------
    seed :
        The validator's secret for this epoch.
    numbers :
        Of the providers.
    pool :
        Questions without a label, as buyers ask them. Those to a provider whose model is known
        become re-runs and are shown, the others hide the checks.
    traffic :
        Questions that somebody wants answered; never shown.
    models :
        What a provider says it runs, by its number.
    spoiled :
        Digests of questions that must not be asked; grows by those planned.
    """
    chance = random.Random(seed)  # noqa: S311
    order = sorted(numbers)
    chance.shuffle(order)
    cases = bound.reserve.cases
    planned: list[Question] = []
    for number, places in deal(cases, order, rule.checks, spoiled).items():
        for place in places:
            case = cases[place]
            check = (Kind.CHECK, case.question, case.label, bound.epoch, place)
            planned.append(Question(0, number, *check, due=0))
    spoiled.update(sha256(one.question) for one in planned)
    for number in order:
        model = models.get(number)
        for question in _others(pool, rule.others, seed, spoiled):
            label = model.answer(question) if model else b""
            kind = Kind.RERUN if model else Kind.TRAFFIC
            planned.append(Question(0, number, kind, question, label, 0, 0, due=0))
        wanted = _others(traffic, rule.others, seed, spoiled)
        planned += [Question(0, number, Kind.TRAFFIC, one, b"", 0, 0, due=0) for one in wanted]
    chance.shuffle(planned)
    length = window.closes - window.opens
    times = sorted(window.opens + chance.randrange(length + 1) for _ in planned)
    return [
        replace(one, turn=turn, due=due)
        for turn, (one, due) in enumerate(zip(planned, times, strict=True))
    ]


def _others(pool: Sequence[bytes], count: int, seed: bytes, spoiled: set[bytes]) -> list[bytes]:
    """Draw questions from a pool, each once for ever."""
    fresh = [one for one in dict.fromkeys(pool) if sha256(one) not in spoiled]
    drawn = sorted(fresh, key=lambda one: sha256(seed + one))[:count]
    spoiled.update(map(sha256, drawn))
    return drawn


def exchange(asked: Question, reserve: Reserve) -> Exchange:
    """Write a question with its reply as it goes into the sheet."""
    reply = asked.reply or Reply(b"", 0)
    if asked.kind is Kind.TRAFFIC:  # somebody's: what is shown tells nothing
        answer = sha256(reserve.secret + reply.answer) if reply.answer else b""
        question = sha256(reserve.secret + asked.question)
        return Exchange(asked.number, asked.kind, question, answer, reply.steps)
    plain = (asked.number, asked.kind, asked.question, reply.answer, reply.steps, reply.seal)
    if asked.kind is Kind.RERUN:
        return Exchange(*plain, label=asked.label)
    salt = reserve.salt(asked.place)
    return Exchange(*plain, place=asked.place, salt=salt, label=asked.label)
