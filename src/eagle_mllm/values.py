"""Frozen values that hold arrays."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np


class ArrayValue:
    """Equality and read-only arrays for frozen dataclasses with array fields.

    A plain dataclass compares arrays with `==` and raises; and freezing the class does not
    freeze its arrays. Subclasses are declared `@dataclass(frozen=True, kw_only=True, eq=False)`
    and call `self._freeze_arrays()` from `__post_init__`. Fields declared with
    `field(compare=False)` take no part in equality. NaN equals NaN at the same place of an array.
    """

    __slots__ = ()

    def _freeze_arrays(self) -> None:
        """Replace each array by a read-only copy, unless nobody else could write to it anyway."""
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            # A read-only view still changes when the array behind it does.
            if isinstance(value, np.ndarray) and (value.flags.writeable or value.base is not None):
                value = value.copy()
                value.flags.writeable = False
                object.__setattr__(self, field.name, value)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        # Copies and unpickled values get new arrays, which numpy makes writeable.
        for name, value in state.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            _same(getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)  # type: ignore[arg-type]
            if field.compare
        )

    __hash__ = None  # type: ignore[assignment]


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        left, right = np.asarray(left), np.asarray(right)
        if left.dtype != right.dtype or left.shape != right.shape:
            return False
        return np.array_equal(left, right, equal_nan=left.dtype.kind in "fc")
    return bool(left == right)
