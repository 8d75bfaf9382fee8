"""Spoken digits: real recordings where they can be had, the built-in voices otherwise."""

from __future__ import annotations

from helpers.datasets._clips import Clips
from helpers.datasets._store import announced


def load_digits(source: str | None = None, quiet: bool = False) -> Clips:
    """Spoken digits zero to nine at 8 kHz; prints one line that says which set this is.

    `source` is "auto" (FSDD from the cache, the mirror folder or a download, otherwise the
    built-in voices), "real" (FSDD, or raise) or "builtin"; None takes it from the environment
    variable LISTENING_MACHINES_SOURCE, "auto" where that is not set. `quiet` prints nothing.

    Raises DataError when real recordings are demanded and cannot be had: the message names the
    address and the remedy. Raises ValueError for another `source`.

    Chapter: 5.1
    """
    from helpers.datasets.builtin_digits import load_builtin_digits
    from helpers.datasets.fsdd import load_fsdd

    return announced("Spoken digits", load_fsdd, load_builtin_digits, source, quiet)
