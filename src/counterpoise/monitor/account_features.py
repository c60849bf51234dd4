"""What can be read between the columns of one account: ratios, rests, how round its amounts are.

Nothing here looks at another account or at a label. A round amount is one that a person typed:
scams ask for 0.5 or 1, exchanges pay 0.48317205.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from counterpoise.monitor.account_table import NUMBERS, AccountTable

Column = NDArray[np.float64]

RATIOS = (
    ("Sent_tnx", "Received_Tnx"),
    ("Time_Diff_between_first_and_last_Mins", "transactions"),
    ("total_Ether_sent", "total_ether_received"),
    ("Unique_Sent_To_Addresses", "Sent_tnx"),
    ("Unique_Received_From_Addresses", "Received_Tnx"),
    ("Unique_Sent_To_Addresses", "Received_Tnx"),
    ("Unique_Received_From_Addresses", "Sent_tnx"),
    ("Unique_Sent_To_Addresses", "Unique_Received_From_Addresses"),
    ("total_ether_balance", "total_ether_received"),
    ("total_Ether_sent", "Sent_tnx"),
    ("total_ether_received", "Received_Tnx"),
    ("max_val_sent", "total_Ether_sent"),
    ("max_value_received", "total_ether_received"),
    ("min_val_sent", "avg_val_sent"),
    ("min_value_received", "avg_val_received"),
    ("max_val_sent", "avg_val_sent"),
    ("max_value_received", "avg_val_received"),
    ("max_val_sent", "max_value_received"),
    ("avg_val_sent", "avg_val_received"),
    ("min_val_sent", "min_value_received"),
    ("sending_span", "Time_Diff_between_first_and_last_Mins"),
    ("receiving_span", "Time_Diff_between_first_and_last_Mins"),
    ("both_spans", "Time_Diff_between_first_and_last_Mins"),
    ("Avg_min_between_sent_tnx", "Avg_min_between_received_tnx"),
    ("Avg_min_between_sent_tnx", "Time_Diff_between_first_and_last_Mins"),
    ("Avg_min_between_received_tnx", "Time_Diff_between_first_and_last_Mins"),
    ("fees", "Sent_tnx"),
    ("total_ether_received", "Time_Diff_between_first_and_last_Mins"),
    ("total_Ether_sent", "Time_Diff_between_first_and_last_Mins"),
    ("Total_ERC20_tnxs", "transactions"),
    ("Total_ERC20_tnxs", "all_transactions"),
    ("ERC20_uniq_sent_addr", "Total_ERC20_tnxs"),
    ("ERC20_uniq_rec_addr", "Total_ERC20_tnxs"),
    ("ERC20_uniq_sent_addr.1", "Total_ERC20_tnxs"),
    ("ERC20_uniq_rec_contract_addr", "Total_ERC20_tnxs"),
    ("ERC20_uniq_sent_token_name", "Total_ERC20_tnxs"),
    ("ERC20_uniq_rec_token_name", "Total_ERC20_tnxs"),
    ("ERC20_total_ether_sent", "ERC20_total_Ether_received"),
    ("ERC20_max_val_rec", "ERC20_total_Ether_received"),
    ("ERC20_min_val_rec", "ERC20_avg_val_rec"),
    ("ERC20_total_Ether_received", "ERC20_avg_val_rec"),
    ("ERC20_total_ether_sent", "ERC20_avg_val_sent"),
)
"""Missing where the divisor is zero: the trees send a missing value where it does best."""

DIFFERENCES = (
    ("Sent_tnx", "Received_Tnx"),
    ("max_val_sent", "max_value_received"),
    ("fees", "total_ether_sent_contracts"),
    ("Total_ERC20_tnxs", "ERC20_uniq_rec_contract_addr"),
    ("ERC20_uniq_rec_token_name", "ERC20_uniq_rec_contract_addr"),
)
MONEY = tuple(name for name in NUMBERS if "val" in name or "ther" in name)
DERIVED = ("transactions", "sending_span", "receiving_span", "idle", "fees", "rest_sent", "rest_in")
NAMES = (
    *NUMBERS,
    *DERIVED,
    *(f"{above} / {below}" for above, below in RATIOS),
    *(f"{one} - {other}" for one, other in DIFFERENCES),
    *(f"decimals of {name}" for name in MONEY),
    *(f"digits of {name}" for name in MONEY),
)


def features_of(table: AccountTable) -> Column:
    """Everything about each account on its own, ``(rows, len(NAMES))``; NaN where undefined."""
    known = {name: table.column(name) for name in NUMBERS} | _derived(table)
    columns = [known[name] for name in (*NUMBERS, *DERIVED)]
    for above, below in RATIOS:
        divisor = np.where(np.abs(known[below]) < 1e-12, np.nan, known[below])
        columns.append(known[above] / divisor)
    columns += [known[one] - known[other] for one, other in DIFFERENCES]
    written = [[f"{value:.15g}" for value in known[name].tolist()] for name in MONEY]
    columns += [np.array([_decimals(text) for text in column], float) for column in written]
    columns += [np.array([_digits(text) for text in column], float) for column in written]
    return np.column_stack(columns)


def _derived(table: AccountTable) -> dict[str, Column]:
    column = table.column
    sent, received = column("Sent_tnx"), column("Received_Tnx")
    sending = column("Avg_min_between_sent_tnx") * sent
    receiving = column("Avg_min_between_received_tnx") * received
    out, into = column("total_Ether_sent"), column("total_ether_received")
    lifetime = column("Time_Diff_between_first_and_last_Mins")
    return {
        "transactions": sent + received,
        "all_transactions": sent + received + column("Total_ERC20_tnxs"),
        "sending_span": sending,
        "receiving_span": receiving,
        "both_spans": sending + receiving,
        "idle": lifetime - np.maximum(sending, receiving),
        "fees": into - out - column("total_ether_balance"),
        "rest_sent": column("avg_val_sent") * sent - out,
        "rest_in": column("avg_val_received") * received - into,
    }


def _decimals(text: str) -> int:
    """Digits after the point, 0 of a whole number, -1 of zero."""
    if text in ("0", "-0"):
        return -1
    return len(text.partition(".")[2]) if "e" not in text else 0


def _digits(text: str) -> int:
    """Digits that count, from the first to the last that is not zero; -1 of zero."""
    if text in ("0", "-0"):
        return -1
    return len(text.partition("e")[0].lstrip("-").replace(".", "").strip("0"))
