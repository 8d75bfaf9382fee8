"""Sounds that are decoded when they are asked for, for sets of an hour and more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from helpers.errors import DataCorrupt


class Recordings(Sequence):
    """A list of sounds, each made float32 (samples,) in [-1, 1] anew whenever it is asked for.

    It is made from n FLAC files, which take no memory and about two milliseconds each, or from n
    int16 arrays, which take half the memory of float32. `list(recordings)` keeps all of them, at
    64 kB for a second at 16 kHz. An item from a file that has vanished or changed since it was
    checked raises DataCorrupt, an index out of range IndexError.
    """

    def __init__(self, sources: Sequence[Path] | Sequence[np.ndarray], sample_rate: int) -> None:
        self._sources, self._rate = list(sources), sample_rate

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, i):
        if isinstance(i, slice):
            return Recordings(self._sources[i], self._rate)
        return self.integers(i) / np.float32(32768)

    def integers(self, i: int) -> np.ndarray:
        """Sound `i` as it is kept: int16 (samples,)."""
        source = self._sources[i]
        return source if isinstance(source, np.ndarray) else read_integers(source, self._rate)


def selected(audio: Sequence[np.ndarray], which: np.ndarray) -> Sequence[np.ndarray]:
    """The sounds with these indices (m,); none is decoded or copied."""
    if isinstance(audio, Recordings):
        return Recordings([audio._sources[i] for i in which], audio._rate)
    return [audio[i] for i in which]


def read_integers(path: Path, sample_rate: int) -> np.ndarray:
    """The int16 samples (n,) of a mono file; raises DataCorrupt if it is anything else."""
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype="int16")
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataCorrupt(f"{path} cannot be decoded.") from error
    if rate != sample_rate or samples.ndim != 1 or len(samples) == 0:
        raise DataCorrupt(f"{path} is not mono at {sample_rate} samples per second.")
    return samples
