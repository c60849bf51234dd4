"""Models as integers: one specification, commitments, traces, importers, a fast path."""

__all__: list[str] = []
