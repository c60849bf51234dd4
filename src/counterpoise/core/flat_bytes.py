"""Stores and copies at any byte of a flat array, for functions that numba compiles.

None of them checks bounds: the caller sizes the array.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic

cgutils: Any = _cgutils  # numba gives it no types
_LONG = ir.IntType(64)


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _eight_putter(_: Any, flat: Any, at: Any, number: Any) -> Any:
    """Write an integer as eight bytes, the most significant one first."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _place(context, builder, signature.args[0], values[0], values[1])
        swapped = builder.bswap(values[2])
        builder.store(swapped, builder.bitcast(place, _LONG.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(flat, types.int64, types.int64), emit


def _copier(_: Any, flat: Any, at: Any, source: Any, start: Any, count: Any) -> Any:
    """Copy `count` bytes from `start` of the source to `at`."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        target = _place(context, builder, signature.args[0], values[0], values[1])
        origin = _place(context, builder, signature.args[2], values[2], values[3])
        cgutils.raw_memcpy(builder, target, origin, values[4], 1)
        return context.get_dummy_value()

    return types.void(flat, types.int64, source, types.int64, types.int64), emit


def _clearer(_: Any, flat: Any, at: Any, count: Any) -> Any:
    """Write `count` zeros from `at` on."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _place(context, builder, signature.args[0], values[0], values[1])
        cgutils.memset(builder, place, values[2], 0)
        return context.get_dummy_value()

    return types.void(flat, types.int64, types.int64), emit


put_eight: Any = intrinsic(_eight_putter)
copy_bytes: Any = intrinsic(_copier)
clear_bytes: Any = intrinsic(_clearer)
