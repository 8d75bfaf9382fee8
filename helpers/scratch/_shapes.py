"""Shapes written as they stand in the equations, and checked."""

import numpy as np

from helpers.errors import ShapeError


def sizes(**arrays):
    """Check arrays against the names of their axes; the size of every axis, {name: int}.

    Each argument is a pair (array, "names of its axes"), such as
    `x=(x, "batch time features"), kernel=(kernel, "features units")`. An axis that is named twice
    must have one size. Arrays must be NumPy arrays of floating point numbers, all finite, without
    an empty axis.

    Raises ShapeError, which names the array and the axis, for another number of axes, for an empty
    axis or for sizes that disagree; TypeError for what is no array of floating point numbers;
    ValueError for NaN or infinity.
    """
    known = {}
    for name, (array, axes) in arrays.items():
        axes = axes.split()
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            what = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else repr(array)
            raise TypeError(f"{name} must be a NumPy array of floating point numbers, not {what}")
        if array.ndim != len(axes):
            raise ShapeError(
                f"{name} has shape {array.shape}, {array.ndim} axes; "
                f"it needs {len(axes)}: ({', '.join(axes)})"
            )
        for axis, size in zip(axes, array.shape, strict=True):
            if size == 0:
                raise ShapeError(f"axis {axis!r} of {name} is empty: {name} has {array.shape}")
            other, wanted = known.setdefault(axis, (name, size))
            if wanted != size:
                raise ShapeError(
                    f"axis {axis!r} is {size} in {name}, of shape {array.shape}, "
                    f"but {wanted} in {other}"
                )
        if not np.logical_and.reduce(np.isfinite(array), axis=None):
            raise ValueError(f"{name} holds numbers that are NaN or infinite")
    return {axis: size for axis, (_, size) in known.items()}
