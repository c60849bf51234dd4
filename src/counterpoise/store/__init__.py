"""Blobs by digest and messages by topic, in a folder or behind any fsspec URL."""

from counterpoise.store.blobs import Store
from counterpoise.store.mailbox import Mailbox

__all__ = ["Mailbox", "Store"]
