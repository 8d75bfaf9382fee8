"""A set of recorded wake words, the shape in which such sets are handed out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from helpers.datasets._clips import _SAID_OF, check_origin, chosen, grouped, sum_of
from helpers.datasets._recordings import selected

CLASSES = ("alexa", "computer", "jarvis", "smart mirror", "snowboy", "view glass")
"""The six wake words, in the order of their labels. Chapter: 6.1"""


@dataclass(frozen=True, eq=False)
class WakeWords:
    """Recordings with a wake word somewhere in each, and where they came from.

    audio        n sounds, each (samples,) float32 in [-1, 1] of one to six seconds, most of them
                 three; loaded sets decode a sound whenever it is asked for, `list(audio)` keeps
                 all of them
    labels       (n,) int64, index into `classes`
    classes      the words
    names        (n,) str, the file name or identifier of each recording
    sample_rate  in hertz, the same for all sounds
    source       "wake" or "builtin"
    origin       "cache", "mirror", "download" or "built-in"
    licence      SPDX-like name
    citation     key of the entry in book/references.bib
    credit       line that stands beside every player of these recordings
    speakers     (n,) str, which built-in voice speaks; None in the real set, which does not say

    Raises ValueError if a column does not have one entry per sound, or a label has no class.

    Chapter: 6.1
    """

    audio: Sequence[np.ndarray]
    labels: np.ndarray
    classes: list[str]
    names: np.ndarray
    sample_rate: int
    source: str
    origin: str
    licence: str
    citation: str
    credit: str
    speakers: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.audio)
        for name, kind in (("labels", np.int64), ("names", np.str_), ("speakers", np.str_)):
            column = getattr(self, name)
            if column is not None:
                column = np.asarray(column, dtype=kind)
                object.__setattr__(self, name, column)
                if column.shape != (n,):
                    raise ValueError(f"{name} has shape {column.shape} for {n} sounds: one each")
        object.__setattr__(self, "classes", list(self.classes))
        if n and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(f"labels must lie from 0 to {len(self.classes) - 1}, one per class.")
        check_origin(self.origin)

    def __len__(self) -> int:
        return len(self.audio)

    def subset(self, which) -> WakeWords:
        """Select sounds by a boolean mask (n,) or by indices (m,); none is decoded or copied.

        The classes stay as they are, so that labels keep their meaning. Raises ValueError if a mask
        does not have one entry per sound, IndexError if an index is out of range.

        Chapter: 6.1
        """
        which = chosen(which, len(self))
        return replace(
            self,
            audio=selected(self.audio, which),
            labels=self.labels[which],
            names=self.names[which],
            speakers=None if self.speakers is None else self.speakers[which],
        )

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that identify exactly these sounds, labels and names.

        Decodes every sound, which takes some seconds.
        """
        head = f"{self.source} {self.sample_rate} {len(self)} {self.classes}"
        return sum_of(head, self.audio, self.names, self.labels).hexdigest()[:12]

    def record(self) -> dict[str, object]:
        """What a build notes about this set beside its source, licence and id."""
        return {"clips": len(self), "classes": len(self.classes)}

    def describe(self) -> str:
        """Say in one line what this is and where it came from."""
        title = {"wake": "wake words by Picovoice", "builtin": "built-in voices"}
        people = "" if self.speakers is None else f" by {len(np.unique(self.speakers))} voices"
        return (
            f"{title.get(self.source, self.source)}, {grouped(len(self))} recordings of "
            f"{len(self.classes)} words{people} ({_SAID_OF[self.origin]})"
        )
