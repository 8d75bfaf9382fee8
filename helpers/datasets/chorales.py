"""Four-part chorales by J. S. Bach on a grid of sixteenth notes.

The real set is the split that models of polyphonic music are compared on (229 chorales to train,
76 to choose by, 77 to test); the built-in set is read from the scores that come with music21.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations

import numpy as np

from helpers.datasets._chorales import VOICES, Chorales
from helpers.datasets._store import Limits, Remote, announced, fetch
from helpers.errors import DataCorrupt

_COMMIT = "9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d"
_FILE = "jsb-chorales-16th.json"

REMOTE = Remote(
    name="jsb",
    title="the JSB chorales",
    url=f"https://github.com/czhuang/JSB-Chorales-dataset/archive/{_COMMIT}.zip",
    archive_sha256=None,
    sums_file="jsb.sha256",
    folder_in_archive="*",
    licence="music in the public domain",
    citation_key="boulanger2012modeling",
    credit=(
        "J. S. Bach, music in the public domain; JSB chorales in the parts of "
        "Boulanger-Lewandowski and others, on a grid by Cheng-Zhi Anna Huang, "
        "https://github.com/czhuang/JSB-Chorales-dataset"
    ),
    bytes=5_000_000,
)


def load_chorales(source: str | None = None, quiet: bool = False) -> Chorales:
    """Bach chorales on the sixteenth grid; prints one line that says which set this is.

    `source` is "auto" (the JSB set from the cache, the mirror folder or a download, otherwise the
    built-in one), "real" (the JSB set, or raise) or "builtin"; None takes it from the environment
    variable LISTENING_MACHINES_SOURCE, "auto" where that is not set. `quiet` prints nothing.

    Raises DataError when the real set is demanded and cannot be had: the message names the address
    and the remedy. Raises ValueError for another `source`.

    Chapter: 2.4
    """
    from helpers.datasets.builtin_chorales import load_builtin_chorales

    return announced("Chorales", load_jsb, load_builtin_chorales, source, quiet)


def load_jsb(
    source: str | None = None,
    *,
    say: Callable[[str], object] = print,
    remote: Remote = REMOTE,
    limits: Limits | None = None,
) -> Chorales:
    """Load the JSB chorales in their standard parts.

    The file lists, for each sixteenth, the pitches that sound, soprano first, and leaves silent
    voices out. Where fewer than four sound, each is given to the voice that it is nearest to,
    judged by the full chords before and after; the order of the voices is kept.

    Raises DataUnavailable or DataCorrupt, naming the address and what to do, if the set cannot be
    had; there is no fall-back here: see `load_chorales`.

    Chapter: 2.4
    Source: [boulanger2012modeling] for the set and its parts
    """
    located = fetch(remote, source=source, say=say, limits=limits)
    try:
        parts = json.loads((located.path / _FILE).read_text(encoding="utf-8"))
        grids = {
            part: [_grid(piece) for piece in parts[part]] for part in ("train", "valid", "test")
        }
        return Chorales(
            **grids,
            source="jsb",
            origin=located.origin,
            licence=remote.licence,
            citation=remote.citation_key,
            credit=remote.credit,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataCorrupt(
            f"{located.path / _FILE} does not hold chorales as expected ({error}): restore the "
            "sums file from the book's repository."
        ) from error


def _grid(piece: list[list[float]]) -> np.ndarray:
    """Sounding pitches per sixteenth → int64 (T, 4), −1 where a voice is silent."""
    grid = np.full((len(piece), len(VOICES)), -1, dtype=np.int64)
    full = np.array([len(chord) == len(VOICES) for chord in piece], dtype=bool)
    for step in np.flatnonzero(full):
        grid[step] = piece[step]
    whole = np.flatnonzero(full)
    for step in np.flatnonzero(~full):
        if piece[step]:
            around = [*whole[whole < step][-1:], *whole[whole > step][:1]]
            grid[step] = _seated(np.asarray(piece[step]), grid[around])
    return grid


def _seated(chord: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Give the pitches of an incomplete chord (k,) to k of four voices, by full chords (m, 4)."""
    chosen = min(
        combinations(range(len(VOICES)), len(chord)),
        key=lambda seats: np.abs(around[:, list(seats)] - chord).sum(),
    )
    row = np.full(len(VOICES), -1, dtype=np.int64)
    row[list(chosen)] = chord
    return row
