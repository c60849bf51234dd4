"""The model as a blob: parameters and the statistics that standardise its inputs."""

from dataclasses import dataclass

import numpy as np

from counterpoise.core.digest import (
    array_bytes,
    array_from_bytes,
    dag_cbor,
    from_dag_cbor,
    sha256,
)
from counterpoise.core.errors import InputError

FORMAT = "counterpoise-model/v1"
FIELDS = {"format", "params", "statistics"}
MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """One state of the model between rounds.

    Parameters
    ----------
    params :
        Flat parameter vector ``(n_params,)`` int32, in units of ``2**-scale_bits``.
    statistics :
        ``[n, sums…, sums of squares…]`` int64 over all admitted participants' training rows;
        empty before the round of statistics.
    """

    params: np.ndarray
    statistics: np.ndarray

    def to_bytes(self) -> bytes:
        """Give the canonical bytes; their SHA-256 is the model's digest."""
        record = {
            "format": FORMAT,
            "params": array_bytes(self.params.astype(np.int32)),
            "statistics": array_bytes(self.statistics.astype(np.int64)),
        }
        return dag_cbor(record)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "ModelFile":
        """Read a model; anything but its canonical bytes is an `InputError`."""
        record = from_dag_cbor(data)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise InputError(f"these bytes are no model of format {FORMAT}")
        try:
            params = array_from_bytes(record["params"], max_bytes=MAX_BYTES)
            statistics = array_from_bytes(record["statistics"], max_bytes=MAX_BYTES)
        except (KeyError, TypeError) as error:
            raise InputError(f"the model lacks {error}") from error
        if params.dtype != np.int32 or statistics.dtype != np.int64 or set(record) != FIELDS:
            raise InputError("the model's arrays are not int32 parameters and int64 statistics")
        odd_or_none = statistics.size % 2 == 1 or statistics.size == 0
        if params.ndim != 1 or statistics.ndim != 1 or not odd_or_none:
            raise InputError(f"a model of shapes {params.shape} and {statistics.shape}")
        return cls(params, statistics)
