"""The labelled Ethereum accounts of Farrugia, Ellul and Azzopardi (2020), as their file has them.

Screening lists must stay out of what is made of these columns: nearly all of the fraud accounts
stand in public label lists, so a look-up would score well and know nothing.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError, StorageError

NORMAL, FRAUD = 7_637, 2_179
"""Accounts of the published file, its 25 repeated addresses dropped."""

TOKENS = ("ERC20_most_sent_token_type", "ERC20_most_rec_token_type")
NUMBERS = (
    "Avg_min_between_sent_tnx",
    "Avg_min_between_received_tnx",
    "Time_Diff_between_first_and_last_Mins",
    "Sent_tnx",
    "Received_Tnx",
    "Number_of_Created_Contracts",
    "Unique_Received_From_Addresses",
    "Unique_Sent_To_Addresses",
    "min_value_received",
    "max_value_received",
    "avg_val_received",
    "min_val_sent",
    "max_val_sent",
    "avg_val_sent",
    "min_value_sent_to_contract",
    "max_val_sent_to_contract",
    "total_Ether_sent",
    "total_ether_received",
    "total_ether_sent_contracts",
    "total_ether_balance",
    "Total_ERC20_tnxs",
    "ERC20_total_Ether_received",
    "ERC20_total_ether_sent",
    "ERC20_total_Ether_sent_contract",
    "ERC20_uniq_sent_addr",
    "ERC20_uniq_rec_addr",
    "ERC20_uniq_sent_addr.1",
    "ERC20_uniq_rec_contract_addr",
    "ERC20_min_val_rec",
    "ERC20_max_val_rec",
    "ERC20_avg_val_rec",
    "ERC20_min_val_sent",
    "ERC20_max_val_sent",
    "ERC20_avg_val_sent",
    "ERC20_uniq_sent_token_name",
    "ERC20_uniq_rec_token_name",
)


@dataclass(frozen=True, slots=True, eq=False)
class AccountTable:
    """Accounts by row.

    Parameters
    ----------
    addresses :
        ``(rows,)``, each once.
    numbers :
        ``(rows, 36)`` float64 in the order of `NUMBERS`; those named Ether among the ERC-20
        columns are token amounts.
    tokens :
        ``(rows, 2)`` text in the order of `TOKENS`.
    fraud :
        ``(rows,)`` bool.
    """

    addresses: tuple[str, ...]
    numbers: NDArray[np.float64]
    tokens: NDArray[np.str_]
    fraud: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.addresses)

    def column(self, name: str) -> NDArray[np.float64]:
        """A column of numbers by name."""
        found: NDArray[np.float64] = self.numbers[:, NUMBERS.index(name)]
        return found


def load_accounts(path: Path, *, published: bool = True) -> AccountTable:
    """Read the file; the first of accounts with one address counts.

    Parameters
    ----------
    published :
        Refuse a file that has other numbers of accounts than the published one.

    Raises
    ------
    StorageError :
        The file cannot be read.
    InputError :
        A column is missing, a row is no account, or the numbers of accounts are others.
    """
    first: dict[str, tuple[list[float], list[str], bool]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = {"Address", "FLAG", *NUMBERS, *TOKENS} - set(reader.fieldnames or ())
            if missing:
                raise InputError(f"{path} has no column {', '.join(sorted(missing))}")
            for row in reader:
                first.setdefault(row["Address"], _account(row, path, reader.line_num))
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    numbers, tokens, fraud = zip(*first.values(), strict=True) if first else ((), (), ())
    table = AccountTable(
        tuple(first),
        np.array(numbers, float).reshape(len(first), len(NUMBERS)),
        np.array(tokens, np.str_).reshape(len(first), len(TOKENS)),
        np.array(fraud, np.bool_),
    )
    found = (int((~table.fraud).sum()), int(table.fraud.sum()))
    if published and found != (NORMAL, FRAUD):
        raise InputError(
            f"{path} has {found[0]:,} normal and {found[1]:,} fraud accounts, the published file "
            f"{NORMAL:,} and {FRAUD:,}",
            hint="give transaction_dataset.csv of doi:10.34894/GKAQYN",
        )
    return table


def _account(row: dict[str, str], path: Path, line: int) -> tuple[list[float], list[str], bool]:
    try:
        flag = int(row["FLAG"])
        numbers = [float(row[name] or 0) for name in NUMBERS]
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}, line {line} is no account: {error}") from error
    if flag not in (0, 1):
        raise InputError(f"{path}, line {line} has FLAG {flag}, 0 or 1 wanted")
    return numbers, [(row[name] or "").strip() for name in TOKENS], bool(flag)
