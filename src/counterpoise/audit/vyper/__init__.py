"""What is wrong in a Vyper contract of 0.4 or later: front end, data flow and rules."""

__all__: list[str] = []
