"""Labelled examples that a model is shown beside the code in question; written for this purpose."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["EXAMPLES", "Example", "nearest"]


@dataclass(frozen=True, slots=True)
class Example:
    """A few lines of code, whether they are flawed, and why."""

    category: str
    flawed: bool
    code: str
    why: str


EXAMPLES = (
    Example(
        "reentrancy", True,
        "def redeem(n: uint256):\n    assert self.shares[msg.sender] >= n\n"
        "    raw_call(msg.sender, b\"\", value=n)\n    self.shares[msg.sender] -= n",
        "The call hands over control while shares still say what they said before it.",
    ),
    Example(
        "reentrancy", False,
        "def redeem(n: uint256):\n    assert self.shares[msg.sender] >= n\n"
        "    self.shares[msg.sender] -= n\n    raw_call(msg.sender, b\"\", value=n)",
        "The shares are gone before control is; a second entry finds nothing.",
    ),
    Example(
        "reentrancy", False,
        "function pay(uint n) external { require(!busy); busy = true; dues[msg.sender] = n;\n"
        "  (bool ok,) = msg.sender.call{value: n}(\"\"); require(ok); paid += n; busy = false; }",
        "A lock that every entry asks for is held during the call.",
    ),
    Example(
        "access_control", True,
        "function setKeeper(address next) external { keeper = next; }\n"
        "function drain() external { require(msg.sender == keeper); msg.sender.transfer(all); }",
        "Whoever likes becomes keeper, and then drains.",
    ),
    Example(
        "access_control", False,
        "function setKeeper(address next) external onlyKeeper { keeper = next; }\n"
        "modifier onlyKeeper() { require(msg.sender == keeper); _; }",
        "The modifier asks who is calling before anything is written.",
    ),
    Example(
        "access_control", False,
        "def leave():\n    n: uint256 = self.stake[msg.sender]\n"
        "    self.stake[msg.sender] = 0\n    send(msg.sender, n)",
        "Anyone may call, and takes only what is his.",
    ),
    Example(
        "unchecked_low_level_calls", True,
        "function settle(address to) external { owed[to] = 0; to.send(owedBefore); }",
        "The debt is struck whether or not the payment arrived.",
    ),
    Example(
        "unchecked_low_level_calls", False,
        "ok: bool = raw_call(to, b\"\", value=n, revert_on_failure=False)\n"
        "if not ok:\n    self.owed[to] += n",
        "A failure is noticed, and the debt is kept.",
    ),
    Example(
        "arithmetic", True,
        "function buy(uint8 n) external payable { require(msg.value == n * price);\n"
        "  stock -= n; } // before 0.8, nothing bounds n",
        "The subtraction wraps around once more is bought than there is.",
    ),
    Example(
        "arithmetic", False,
        "assert n <= self.stock\nself.stock = unsafe_sub(self.stock, n)",
        "The assert keeps the difference from going below zero.",
    ),
    Example(
        "bad_randomness", True,
        "winner: address = self.players[convert(block.prevrandao, uint256) % self.count]",
        "Whoever makes the block knows the draw before the others, and may discard it.",
    ),
    Example(
        "denial_of_service", True,
        "for who: address in self.receivers:\n    send(who, self.share)",
        "One receiver that refuses stops everyone's payment.",
    ),
    Example(
        "other", False,
        "def balance_of(who: address) -> uint256:\n    return self.shares[who]",
        "It only reads.",
    ),
    Example(
        "other", True,
        "def price() -> uint256:\n    return self.reserve_a * 10**18 // self.reserve_b",
        "A trade in the same block moves both reserves, and with them the price.",
    ),
)  # fmt: skip


def nearest(category: str, code: str) -> tuple[Example, Example]:
    """The flawed and the sound example that are most like some code.

    Examples of the same category come first, then those that share most words with the code.
    """
    words = set(re.findall(r"\w+", code))

    def near(one: Example) -> tuple[bool, float]:
        mine = set(re.findall(r"\w+", one.code))
        return one.category == category, len(mine & words) / len(mine)

    flawed = max((one for one in EXAMPLES if one.flawed), key=near)
    sound = max((one for one in EXAMPLES if not one.flawed), key=near)
    return flawed, sound
