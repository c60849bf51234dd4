"""Evaluators: who decides what a model's answer is, and how strongly it is proven."""

__all__: list[str] = []
