"""A set of short labelled recordings, the shape in which every digit data set is handed out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

ORIGINS = ("cache", "mirror", "download", "built-in")
_SAID_OF = {
    "cache": "from the cache",
    "mirror": "from the mirror folder",
    "download": "just downloaded",
    "built-in": "built in",
}


def check_origin(origin: str) -> None:
    """Raise ValueError unless a set says that it came from one of `ORIGINS`."""
    if origin not in ORIGINS:
        raise ValueError(f"origin is {origin!r}; it must be one of {', '.join(ORIGINS)}.")


def sum_of(head: str, sounds, *columns):
    """A SHA-256 over a line `head`, then each sound with its entry of every column."""
    digest = hashlib.sha256(f"{head}\n".encode())
    for sound, *row in zip(sounds, *columns, strict=True):
        digest.update("\t".join([*map(str, row), f"{len(sound)}\n"]).encode())
        digest.update(np.ascontiguousarray(sound, dtype="<f4").data)
    return digest


def chosen(which, n: int) -> np.ndarray:
    """Indices (m,) of the clips that a mask (n,) or a list of indices selects.

    Raises ValueError if it is neither.
    """
    which = np.asarray(which)
    if which.dtype == bool:
        if which.shape != (n,):
            raise ValueError(
                f"The mask has shape {which.shape}, but there are {n} clips: "
                f"give one True or False per clip."
            )
        return np.flatnonzero(which)
    if which.size == 0:
        return which.astype(np.int64)
    if not np.issubdtype(which.dtype, np.integer) or which.ndim != 1:
        raise ValueError("Select clips by a mask of booleans or by a flat list of indices.")
    return which


def grouped(number: int) -> str:
    """Write a count with a gap between thousands: 3000 → "3 000"."""
    return f"{number:,}".replace(",", " ")


@dataclass
class Clips:
    """Recordings with their labels and speakers, and where they came from.

    audio        list of n arrays, each (samples,) float32 in [-1, 1]
    labels       (n,) int64, the digit that is spoken
    speakers     (n,) str, who speaks: a person, or a voice of the built-in set
    names        (n,) str, the file name or identifier of each clip
    sample_rate  in hertz, the same for all clips
    source       "fsdd" or "builtin"
    origin       "cache", "mirror", "download" or "built-in"
    licence      SPDX-like name, for example "CC BY-SA 4.0"
    citation     key of the entry in book/references.bib
    credit       line that stands beside every player of these recordings
    takes        (n,) int64, the how-manieth recording of that digit by that speaker; None where
                 the set does not define it

    Raises ValueError if the arrays do not have one entry per clip.

    Chapter: 5.1
    """

    audio: list[np.ndarray]
    labels: np.ndarray
    speakers: np.ndarray
    names: np.ndarray
    sample_rate: int
    source: str
    origin: str
    licence: str
    citation: str
    credit: str
    takes: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.labels = np.asarray(self.labels, dtype=np.int64)
        self.speakers = np.asarray(self.speakers, dtype=np.str_)
        self.names = np.asarray(self.names, dtype=np.str_)
        columns = {"labels": self.labels, "speakers": self.speakers, "names": self.names}
        if self.takes is not None:
            self.takes = np.asarray(self.takes, dtype=np.int64)
            columns["takes"] = self.takes
        for name, column in columns.items():
            if column.shape != (len(self.audio),):
                raise ValueError(
                    f"{name} has shape {column.shape}, but there are {len(self.audio)} clips: "
                    f"give one entry per clip, shape ({len(self.audio)},)."
                )
        check_origin(self.origin)

    def __len__(self) -> int:
        return len(self.audio)

    def subset(self, which) -> Clips:
        """Select clips by a boolean mask (n,) or by indices (m,); the sounds are not copied.

        Raises ValueError if a mask does not have one entry per clip, IndexError if an index is
        out of range.

        Chapter: 5.1
        """
        which = chosen(which, len(self))
        return replace(
            self,
            audio=[self.audio[i] for i in which],
            labels=self.labels[which],
            speakers=self.speakers[which],
            names=self.names[which],
            takes=None if self.takes is None else self.takes[which],
        )

    def padded(self, seconds: float, where: str = "centre") -> np.ndarray:
        """Stack all clips into one array (n, T) float32, with T = round(seconds × sample rate).

        A shorter clip is surrounded by zeros (`where="centre"`) or followed by them
        (`where="start"`); a longer one loses as much at both ends, or at its end.
        Raises ValueError if `seconds` is not positive or `where` is neither.

        Chapter: 5.1
        """
        length = round(seconds * self.sample_rate) if np.isfinite(seconds) else 0
        if length < 1:
            raise ValueError(f"seconds is {seconds}: give a positive length, for example 1.0.")
        if where not in ("centre", "center", "start"):
            raise ValueError(f'where is {where!r}: it must be "centre" or "start".')
        block = np.zeros((len(self), length), dtype=np.float32)
        for row, clip in zip(block, self.audio, strict=True):
            spare = length - len(clip)
            lead = 0 if where == "start" else abs(spare) // 2
            if spare >= 0:
                row[lead : lead + len(clip)] = clip
            else:
                row[:] = clip[lead : lead + length]
        return block

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that identify exactly these sounds, labels, names and speakers.

        The same recordings have the same id wherever they came from.
        """
        head = f"{self.source} {self.sample_rate} {len(self)}"
        columns = self.names, self.labels, self.speakers
        return sum_of(head, self.audio, *columns).hexdigest()[:12]

    def record(self) -> dict[str, object]:
        """What a build notes about this set beside its source, licence and id."""
        return {"clips": len(self), "speakers": len(np.unique(self.speakers))}

    def describe(self) -> str:
        """Say in one line what this is and where it came from."""
        people = "voices" if self.source == "builtin" else "speakers"
        title = {"fsdd": "FSDD", "builtin": "built-in voices"}.get(self.source, self.source)
        return (
            f"{title}, {grouped(len(self))} recordings of {len(np.unique(self.speakers))} {people} "
            f"({_SAID_OF[self.origin]})"
        )
