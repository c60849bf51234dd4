"""Findings in contract code, with their proof."""

__all__: list[str] = []
