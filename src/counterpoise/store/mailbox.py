"""Messages between processes: each is written once, and the first to write it wins."""

import re
from pathlib import Path

from counterpoise.core.errors import InputError
from counterpoise.store.place import check_length, open_place

MAX_MESSAGE_BYTES = 1 << 26
# A part of a topic holds no dot, so no message's file is in the way of a topic's folder.
_SUFFIX = ".message"
_TOPIC = re.compile(r"[a-z0-9][a-z0-9-]{0,63}(/[a-z0-9][a-z0-9-]{0,63}){0,7}", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,126}", re.ASCII)


class Mailbox:
    """Topics of messages over a shared folder or fsspec URL.

    It keeps order and integrity for nobody: messages are signed envelopes, checked by who reads
    them. What it promises is that a message appears whole or not at all and never changes.

    Parameters
    ----------
    url :
        A local folder, or any fsspec URL. Behind a URL, "the first wins" is as strong as the
        service's own create-if-absent.
    max_bytes :
        Longest message, in bytes, posted or read.

    Examples
    --------
    >>> mailbox = Mailbox("memory://mail")
    >>> mailbox.post("job-1/round-3/commit", "clinic", b"first")
    True
    >>> mailbox.post("job-1/round-3/commit", "clinic", b"second")
    False
    >>> mailbox.read("job-1/round-3/commit", "clinic")
    b'first'
    """

    def __init__(self, url: str | Path, *, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._place = open_place(url)
        self.max_bytes = max_bytes

    def post(self, topic: str, name: str, data: bytes) -> bool:
        """Write a message unless its name is taken; say whether this one was written.

        Parameters
        ----------
        topic :
            Up to 8 parts of ``a-z 0-9 -``, joined by ``/``: ``job-1/round-3/commit``.
        name :
            ``a-z 0-9 . _ -``, starting with a letter or digit.
        data :
            The message; durable when this returns True.

        Raises
        ------
        InputError :
            Topic or name is not of that form, or the message is too long.
        StorageError :
            The disk is full or failed; every message posted before is intact.
        """
        path = _path(topic, name)
        check_length(name, len(data), self.max_bytes)
        return self._place.claim(path, data)

    def list(self, topic: str) -> list[str]:
        """Return the names of the messages of a topic, sorted; empty if there are none."""
        _check(topic, _TOPIC, "topic")
        files = (file for file in self._place.names(topic) if file.endswith(_SUFFIX))
        names = (file.removesuffix(_SUFFIX) for file in files)
        return sorted(name for name in names if _NAME.fullmatch(name))

    def read(self, topic: str, name: str) -> bytes:
        """Return a message.

        Raises
        ------
        InputError :
            There is no such message, or it is longer than `max_bytes`.
        """
        return self._place.read(_path(topic, name), self.max_bytes)


def _path(topic: str, name: str) -> str:
    _check(topic, _TOPIC, "topic")
    _check(name, _NAME, "name")
    return f"{topic}/{name}{_SUFFIX}"


def _check(text: str, form: re.Pattern[str], what: str) -> None:
    if not form.fullmatch(text):
        raise InputError(
            f"{text!r} is no {what} of a mailbox",
            hint="lower-case letters, digits and '-'; topics join parts by '/': job-1/round-3",
        )
