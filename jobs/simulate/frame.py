"""A table of numbers: named numpy columns of one length. Text is made from it only when a delivery is
written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int64]
Frame = dict[str, Column]


def rows(frame: Frame) -> int:
    """How many rows the frame has."""
    return len(next(iter(frame.values())))


def take(frame: Frame, index: NDArray[np.integer] | NDArray[np.bool_]) -> Frame:
    """The rows of an index or a mask."""
    return {name: column[index] for name, column in frame.items()}


def stack(frames: Sequence[Frame]) -> Frame:
    """Frames of the same columns, one below the other."""
    names = list(frames[0])
    for frame in frames:
        if sorted(frame) != sorted(names):
            raise ValueError(f"columns differ: {sorted(set(frame) ^ set(names))}")
    return {name: np.concatenate([frame[name] for frame in frames]) for name in names}


def make(count: int, **columns: int | Column) -> Frame:
    """A frame of `count` rows; a number fills its column."""
    return {
        name: np.broadcast_to(np.asarray(value, dtype=np.int64), (count,)).copy() for name, value in columns.items()
    }


def changed(frame: Frame, **columns: int | Column) -> Frame:
    """The frame with columns put in place of its own."""
    return {**frame, **make(rows(frame), **columns)}
