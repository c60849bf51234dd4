"""A contract asks, a node answers, a callback delivers."""

__all__: list[str] = []
