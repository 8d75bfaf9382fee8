"""Wake words: real recordings where they can be had, the built-in voices otherwise.

The real set is what Picovoice tests wake-word engines with: 2 279 readable recordings of six words
at 16 kHz, 1.8 hours, crowd-sourced from more than 50 speakers [picovoice2018wake]. It does not say
who spoke which. So nobody can hold out a speaker: see `helpers.datasets.split_wake_words`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from helpers.datasets._lossless import recipe
from helpers.datasets._recordings import Recordings
from helpers.datasets._store import Limits, Remote, announced, fetch
from helpers.datasets._wake_words import CLASSES, WakeWords
from helpers.errors import DataCorrupt

SAMPLE_RATE = 16000

UNREADABLE = tuple(
    f"alexa/{n}.flac" for n in (32, 33, 34, 126, 127, 128, 129, 142, 144, 229, 272, 273, 274, 275)
)
"""Fourteen files of the archive that no decoder reads: left out. Chapter: 6.1"""

_COMMIT = "84919190fb1891bf0936dcb577d9268e467f876f"


def _original(name: str) -> str:
    """Path in the set → path in the archive: FLAC for alexa, WAV for the other words."""
    folder, _, file = name.partition("/")
    kind = "flac" if folder == "alexa" else "wav"
    return f"audio/{folder.replace('_', ' ')}/{Path(file).stem}.{kind}"


REMOTE = Remote(
    name="wake_words",
    title="the wake words",
    url=f"https://github.com/Picovoice/wake-word-benchmark/archive/{_COMMIT}.zip",
    archive_sha256=None,
    sums_file="wake_words.sha256",
    folder_in_archive="*",
    licence="Apache-2.0",
    citation_key="picovoice2018wake",
    credit=(
        "Wake Word Benchmark by Picovoice, Apache-2.0, "
        "https://github.com/Picovoice/wake-word-benchmark"
    ),
    bytes=120_000_000,
    recipe=recipe("wake_words.sha256", "wake_words_samples.sha256", _original),
)


def load_wake_words(source: str | None = None, quiet: bool = False) -> WakeWords:
    """Recordings of six wake words at 16 kHz; prints one line that says which set this is.

    `source` is "auto" (the recordings from the cache, the mirror folder or a download of some
    100 MB, otherwise the built-in voices), "real" (the recordings, or raise) or "builtin"; None
    takes it from the environment variable LISTENING_MACHINES_SOURCE, "auto" where that is not set.
    `quiet` prints nothing.

    Sounds are decoded when they are asked for: the recordings take no memory until then, the
    built-in words 124 MB as int16. All at once as float32 they take 424 or 248 MB, and the
    recordings some two seconds to decode.

    Raises DataError when the recordings are demanded and cannot be had: the message names the
    address and the remedy. Raises ValueError for another `source`.

    Chapter: 6.1
    """
    from helpers.datasets.builtin_wake_words import load_builtin_wake_words

    return announced("Wake words", load_recorded_words, load_builtin_wake_words, source, quiet)


def load_recorded_words(
    source: str | None = None,
    *,
    say: Callable[[str], object] = print,
    remote: Remote = REMOTE,
    limits: Limits | None = None,
) -> WakeWords:
    """Load the recorded wake words: 2 279 mono sounds at 16 kHz, in order of word and name.

    Levels are as they were recorded: peaks lie from 41 dB below full scale to full scale.
    The `UNREADABLE` files are left out.

    Raises DataUnavailable or DataCorrupt, naming the address and what to do, if the recordings
    cannot be had; there is no fall-back here: see `load_wake_words`.

    Chapter: 6.1
    Source: [picovoice2018wake]
    """
    located = fetch(remote, source=source, say=say, limits=limits)
    names = list(remote.sums())
    return WakeWords(
        audio=Recordings([located.path / name for name in names], SAMPLE_RATE),
        labels=[_label(name) for name in names],
        classes=list(CLASSES),
        names=names,
        sample_rate=SAMPLE_RATE,
        source="wake",
        origin=located.origin,
        licence=remote.licence,
        citation=remote.citation_key,
        credit=remote.credit,
    )


def _label(name: str) -> int:
    word = name.partition("/")[0].replace("_", " ")
    if word not in CLASSES:
        raise DataCorrupt(
            f"{name} lies in no folder of a wake word: restore the sums file from the book's "
            "repository."
        )
    return CLASSES.index(word)
