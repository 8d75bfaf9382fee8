"""Sounds around us: real recordings where they can be had, synthesised ones otherwise."""

from __future__ import annotations

from helpers.datasets._sounds import Sounds
from helpers.datasets._store import announced


def load_sounds(source: str | None = None, quiet: bool = False) -> Sounds:
    """Environmental sounds at 16 kHz in five folds; prints one line that says which set this is.

    `source` is "auto" (ESC-10 from the cache, the mirror folder or a download, otherwise the
    synthesised sounds), "real" (ESC-10, or raise) or "builtin"; None takes it from the environment
    variable LISTENING_MACHINES_SOURCE, "auto" where that is not set. `quiet` prints nothing.

    The first ten classes are the same in both sets; the synthesised set has two more.

    Raises DataError when real recordings are demanded and cannot be had: the message names the
    address and the remedy. Raises ValueError for another `source`.

    Chapter: 2.4
    """
    from helpers.datasets.builtin_sounds import load_builtin_sounds
    from helpers.datasets.esc10 import load_esc10

    return announced("Sounds", load_esc10, load_builtin_sounds, source, quiet)
