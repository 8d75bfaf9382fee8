"""Chorales in three parts, the shape in which every set of them is handed out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from helpers.datasets._clips import _SAID_OF, check_origin

VOICES = ("soprano", "alto", "tenor", "bass")
"""The four voices, in the order of the columns. Chapter: 2.4"""

STEPS_PER_QUARTER = 4


@dataclass
class Chorales:
    """Chorales in three parts, and where they came from.

    train, valid, test  lists of int64 (T, 4): MIDI pitches, soprano first, one row per sixteenth
                        note, −1 where a voice is silent
    source              "jsb" or "builtin"
    origin              "cache", "mirror", "download" or "built-in"
    licence, citation   of the music; key of the entry in book/references.bib
    credit              line that stands beside every player and figure of these chorales

    Raises ValueError if a chorale does not have that form, or a part holds none.

    Chapter: 2.4
    """

    train: list[np.ndarray]
    valid: list[np.ndarray]
    test: list[np.ndarray]
    source: str
    origin: str
    licence: str
    citation: str
    credit: str

    def __post_init__(self) -> None:
        for part in ("train", "valid", "test"):
            pieces = [np.asarray(piece) for piece in getattr(self, part)]
            if not pieces:
                raise ValueError(f"there is no chorale in {part}")
            for piece in pieces:
                if piece.ndim != 2 or piece.shape[1] != len(VOICES) or len(piece) == 0:
                    raise ValueError(
                        f"a chorale in {part} has shape {piece.shape}; it must be (steps, 4)"
                    )
                if piece.dtype != np.int64 or piece.min() < -1 or piece.max() > 127:
                    raise ValueError(f"a chorale in {part} must hold int64 pitches from −1 to 127")
            setattr(self, part, pieces)
        check_origin(self.origin)

    def __len__(self) -> int:
        return len(self.train) + len(self.valid) + len(self.test)

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that identify exactly these chorales in these parts."""
        digest = hashlib.sha256(self.source.encode())
        for part in (self.train, self.valid, self.test):
            digest.update(f"\n{len(part)}".encode())
            for piece in part:
                digest.update(f" {len(piece)}:".encode())
                digest.update(np.ascontiguousarray(piece, dtype="<i8").data)
        return digest.hexdigest()[:12]

    def record(self) -> dict[str, object]:
        """What a build notes about this set beside its source, licence and id."""
        counts = {part: len(getattr(self, part)) for part in ("train", "valid", "test")}
        return {"pieces": len(self), **counts}

    def describe(self) -> str:
        """Say in one line what this is and where it came from."""
        title = {"jsb": "JSB", "builtin": "scores that come with music21"}.get(
            self.source, self.source
        )
        return (
            f"{title}, {len(self)} chorales: {len(self.train)} to train, {len(self.valid)} to "
            f"choose by, {len(self.test)} to test ({_SAID_OF[self.origin]})"
        )
