"""ESC-10: 400 recordings of ten kinds of sound around us, five seconds each, 16 kHz.

Its archive holds Ogg Vorbis files at 44.1 kHz; the book takes them at 16 kHz, as FLAC. Two things
are on record here, both made from the prepared files of the mirror. Their SHA-256 sums
(`sums/esc10.sha256`), which a mirror has to match exactly. And an index (`sums/esc10.csv`) with
each clip's credit, its length and a sketch of its samples: what this computer decodes and resamples
itself after a download has to match these within a tolerance, because decoders and resamplers
differ in the last bits. The files inside the archive have no sums on record: they are pinned by the
commit in its address, and judged by what comes out of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import audio
from helpers.datasets._sketch import distance, sketch
from helpers.datasets._sounds import Sounds
from helpers.datasets._store import Limits, Recipe, Remote, fetch
from helpers.errors import DataCorrupt, DataError, DataIncomplete

SAMPLE_RATE = 16000

CLASSES = (
    "dog",
    "rooster",
    "rain",
    "sea waves",
    "crackling fire",
    "crying baby",
    "sneezing",
    "clock tick",
    "helicopter",
    "chainsaw",
)
"""The ten classes, in the order of their numbers in ESC-50. Chapter: 2.4"""

TOLERANCE = 0.03
"""How far a prepared clip may lie from the one on record, as a share of its RMS (−30 dB)."""

_COMMIT = "553c8f1743b9dba6b282e1323c3ca8fa76923448"
_INDEX = "esc10.csv"


class Entry(NamedTuple):
    """What is on record of a clip."""

    file: str
    fold: int
    category: str
    recording: str
    original: str
    title: str
    author: str
    address: str
    licence: str
    samples: int
    sketch: tuple[int, ...]

    @property
    def credit(self) -> str:
        return f"“{self.title}” by {self.author}, {self.licence}, {self.address} (in ESC-10)"


@cache
def index(name: str = _INDEX) -> tuple[Entry, ...]:
    """What is on record of every clip, by file name: `name` in helpers/datasets/sums, or a path.

    Raises DataCorrupt if the file is not in the expected form.

    Chapter: 2.4
    """
    place = Path(name) if Path(name).is_absolute() else files("helpers.datasets") / "sums" / name
    try:
        rows = list(csv.reader(io.StringIO(place.read_text(encoding="utf-8"))))[1:]
        return tuple(
            Entry(
                file,
                int(fold),
                *texts,
                int(samples),
                tuple(int(number) for number in numbers.split()),
            )
            for file, fold, *texts, samples, numbers in rows
        )
    except (ValueError, TypeError, UnicodeDecodeError) as error:
        raise DataCorrupt(
            f"The index {name} is not in the expected form ({error}): restore the file from the "
            "book's repository."
        ) from error


def recipe(entries: Callable[[], tuple[Entry, ...]]) -> Recipe:
    """How a set is made from an archive of Ogg Vorbis files, and judged, by its index.

    Chapter: 2.4
    """
    return Recipe(
        members=lambda: [entry.original for entry in entries()],
        prepare=lambda raw, fresh: _prepare(entries(), raw, fresh),
        fault=lambda folder: _fault(entries(), folder),
    )


def _prepare(entries, raw: Path, fresh: Path) -> None:
    """Decode, resample to 16 kHz, clip to [−1, 1], write as 16-bit FLAC."""
    import soundfile

    (fresh / "audio").mkdir()
    for entry in entries:
        sound = audio.load(raw / entry.original, sample_rate=SAMPLE_RATE)
        whole = np.rint(np.clip(sound.samples, -1, 1) * 32767).astype(np.int16)
        soundfile.write(fresh / "audio" / entry.file, whole, SAMPLE_RATE, "PCM_16", format="FLAC")


def _fault(entries, folder: Path) -> DataError | None:
    missing, wrong = [], []
    for entry in entries:
        path = folder / "audio" / entry.file
        if not path.is_file():
            missing.append(entry.file)
        elif not _as_good(path, entry):
            wrong.append(entry.file)
    if missing:
        some = missing[0] if len(missing) == 1 else f"{missing[0]} and {len(missing) - 1} more"
        return DataIncomplete(f"of {len(entries)} clips, {some} missing")
    if wrong:
        some = wrong[0] if len(wrong) == 1 else f"{wrong[0]} and {len(wrong) - 1} more"
        return DataCorrupt(f"{some} unlike the original")
    return None


def _as_good(path: Path, entry: Entry) -> bool:
    try:
        samples = _read(path)
    except DataCorrupt:
        return False
    if abs(len(samples) - entry.samples) > 2:
        return False
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    apart = distance(sketch(samples), entry.sketch, len(samples))
    return apart <= max(2.0, TOLERANCE * level)


def _read(path: Path) -> np.ndarray:
    """The int16 samples (n,) of a prepared clip."""
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype="int16")
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataCorrupt(f"{path} cannot be decoded.") from error
    if rate != SAMPLE_RATE or samples.ndim != 1 or len(samples) == 0:
        raise DataCorrupt(f"{path} is not mono at {SAMPLE_RATE} samples per second.")
    return samples


REMOTE = Remote(
    name="esc10",
    title="ESC-10",
    url=f"https://github.com/karolpiczak/ESC-10/archive/{_COMMIT}.zip",
    archive_sha256=None,
    sums_file="esc10.sha256",
    folder_in_archive="*",
    licence="CC BY 3.0",
    citation_key="piczak2015esc",
    credit=(
        "ESC-10 by Karol J. Piczak, CC BY 3.0, from recordings on freesound.org, "
        "https://github.com/karolpiczak/ESC-10"
    ),
    bytes=40_000_000,
    recipe=recipe(index),
)


def load_esc10(
    source: str | None = None,
    *,
    say: Callable[[str], object] = print,
    remote: Remote = REMOTE,
    entries: Callable[[], tuple[Entry, ...]] = index,
    limits: Limits | None = None,
) -> Sounds:
    """Load ESC-10 as `Sounds`: 400 mono float32 clips at 16 kHz, in order of their names.

    Raises DataUnavailable or DataCorrupt, naming the address and what to do, if the recordings
    cannot be had; there is no fall-back here: see `load_sounds`.

    Chapter: 2.4
    Source: [piczak2015esc]
    """
    located = fetch(remote, source=source, say=say, limits=limits)
    clips = entries()
    return Sounds(
        audio=[_read(located.path / "audio" / e.file) / np.float32(32768) for e in clips],
        labels=np.array([CLASSES.index(e.category) for e in clips]),
        classes=list(CLASSES),
        folds=np.array([e.fold for e in clips]),
        names=np.array([e.file for e in clips]),
        recordings=np.array([e.recording for e in clips]),
        sample_rate=SAMPLE_RATE,
        source="esc10",
        origin=located.origin,
        licence=remote.licence,
        citation=remote.citation_key,
        credit=remote.credit,
        credits=np.array([e.credit for e in clips]),
    )
