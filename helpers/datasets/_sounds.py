"""A set of labelled sounds of our surroundings, the shape in which such sets are handed out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from helpers.datasets._clips import _SAID_OF, check_origin, chosen, grouped, sum_of


@dataclass
class Sounds:
    """Sounds with their classes and folds, and where they came from.

    audio        list of n arrays, each (samples,) float32 in [-1, 1], about five seconds
    labels       (n,) int64, index into `classes`
    classes      names of the classes; the first ten are the same in every set
    folds        (n,) int64 from 1 to 5: test on one, train on the others
    names        (n,) str, the file name or identifier of each clip
    recordings   (n,) str, which recording a clip was cut from; all its clips are in one fold
    sample_rate  in hertz, the same for all clips
    source       "esc10" or "builtin"
    origin       "cache", "mirror", "download" or "built-in"
    licence      of the set, SPDX-like
    citation     key of the entry in book/references.bib
    credit       line that stands beside several of these sounds; `credit_of` is that of one
    credits      (n,) str, who made the recording of each clip

    Raises ValueError if the arrays do not have one entry per clip, or a label has no class.

    Chapter: 2.4
    """

    audio: list[np.ndarray]
    labels: np.ndarray
    classes: list[str]
    folds: np.ndarray
    names: np.ndarray
    recordings: np.ndarray
    sample_rate: int
    source: str
    origin: str
    licence: str
    citation: str
    credit: str
    credits: np.ndarray

    def __post_init__(self) -> None:
        for name, kind in (
            ("labels", np.int64),
            ("folds", np.int64),
            ("names", np.str_),
            ("recordings", np.str_),
            ("credits", np.str_),
        ):
            column = np.asarray(getattr(self, name), dtype=kind)
            setattr(self, name, column)
            if column.shape != (len(self.audio),):
                raise ValueError(
                    f"{name} has shape {column.shape}, but there are {len(self.audio)} clips: "
                    f"give one entry per clip, shape ({len(self.audio)},)."
                )
        self.classes = list(self.classes)
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(f"labels must lie from 0 to {len(self.classes) - 1}, one per class.")
        check_origin(self.origin)

    def __len__(self) -> int:
        return len(self.audio)

    def subset(self, which) -> Sounds:
        """Select clips by a boolean mask (n,) or by indices (m,); the sounds are not copied.

        The classes stay as they are, so that labels keep their meaning. Raises ValueError if a mask
        does not have one entry per clip, IndexError if an index is out of range.

        Chapter: 2.4
        """
        which = chosen(which, len(self))
        columns = ("labels", "folds", "names", "recordings", "credits")
        return replace(
            self,
            audio=[self.audio[i] for i in which],
            **{name: getattr(self, name)[which] for name in columns},
        )

    def credit_of(self, i: int) -> str:
        """The line that stands beside a player of clip `i`: title, author, address, licence.

        Raises IndexError if there is no such clip.

        Chapter: 2.4
        """
        return str(self.credits[i])

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that identify exactly these sounds, labels, folds and names.

        Prepared on another computer, the same recordings may differ in their last bits, and then
        have another id.
        """
        head = f"{self.source} {self.sample_rate} {len(self)} {self.classes}"
        columns = self.names, self.labels, self.folds
        return sum_of(head, self.audio, *columns).hexdigest()[:12]

    def record(self) -> dict[str, object]:
        """What a build notes about this set beside its source, licence and id."""
        return {"clips": len(self), "classes": len(self.classes)}

    def describe(self) -> str:
        """Say in one line what this is and where it came from."""
        title = {"esc10": "ESC-10", "builtin": "synthesised"}.get(self.source, self.source)
        return (
            f"{title}, {grouped(len(self))} clips of {len(self.classes)} classes "
            f"({_SAID_OF[self.origin]})"
        )
