"""How a validator asks a provider: a Protocol, and what a provider's signature on an answer says.

The same call must serve a check and a buyer's question, from the same kind of account and place:
a provider that can tell them apart answers checks alone. What carries it (HTTP, a paid gateway, a
queue) is the business of who implements `Ask`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from counterpoise.chain import Account, recover
from counterpoise.core.digest import keccak, sha256
from counterpoise.core.errors import VerificationError
from counterpoise.core.units import Address

MOST_ANSWER = 1 << 20
_SEAL = b"counterpoise answer 1\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered.

    Parameters
    ----------
    answer :
        At most a mebibyte; empty for none.
    steps :
        How long it took, in steps of the validator's choice, 1 or more.
    seal :
        The provider's signature, as `seal` gives it; empty if it signs nothing. With it the
        provider cannot deny the answer, nor the validator make one up.
    """

    answer: bytes
    steps: int = 1
    seal: bytes = b""


class Ask(Protocol):
    """A way to ask the members of a market."""

    def numbers(self) -> Sequence[int]:
        """Give the numbers of the providers that can be asked."""
        ...

    def ask(self, number: int, question: bytes) -> Reply | None:
        """Ask a provider, and wait as long as it is worth; None if it gave no answer.

        Raises
        ------
        Unreachable :
            The fault is on this side: the question is dropped and counts for nothing.
        """
        ...


def answer_digest(question: bytes, answer: bytes) -> bytes:
    """Give what a provider signs of an answer; it names no buyer, so every answer can have it."""
    return keccak(_SEAL + sha256(question) + sha256(answer))


def seal(provider: Account, question: bytes, answer: bytes) -> bytes:
    """Sign an answer as its provider; 65 bytes."""
    return provider.sign_digest(answer_digest(question, answer))


def is_sealed(provider: Address, question: bytes, answer: bytes, signature: bytes) -> bool:
    """Tell whether a provider signed this answer to this question."""
    try:
        return recover(answer_digest(question, answer), signature) == provider
    except VerificationError:
        return False


@dataclass(frozen=True, slots=True)
class InProcess:
    """Asks providers that are functions in this process.

    Parameters
    ----------
    providers :
        By number. Each takes a question and gives a reply, or None.
    """

    providers: Mapping[int, Callable[[bytes], Reply | None]]

    def numbers(self) -> Sequence[int]:
        """Give the numbers of the providers."""
        return sorted(self.providers)

    def ask(self, number: int, question: bytes) -> Reply | None:
        """Call one."""
        return self.providers[number](question)
