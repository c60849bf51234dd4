"""Whole lives of the network on real data: rooms composed, no mechanism added."""

__all__: list[str] = []
