"""The Free Spoken Digit Dataset: 3 000 recordings of the ten digits by six people, 8 kHz."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from helpers.datasets._clips import Clips
from helpers.datasets._store import Limits, Remote, fetch
from helpers.errors import DataCorrupt

SAMPLE_RATE = 8000

_COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
_NAME = re.compile(r"recordings/([0-9])_([a-z]+)_([0-9]+)\.wav")

REMOTE = Remote(
    name="fsdd",
    title="FSDD (Free Spoken Digit Dataset)",
    url=f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{_COMMIT}.zip",
    archive_sha256=None,
    sums_file="fsdd.sha256",
    folder_in_archive="*",
    licence="CC BY-SA 4.0",
    citation_key="fsdd",
    credit=(
        "Free Spoken Digit Dataset by Zohar Jackson and contributors, CC BY-SA 4.0, "
        "https://github.com/Jakobovski/free-spoken-digit-dataset"
    ),
    bytes=17_000_000,
)


def load_fsdd(
    source: str | None = None,
    *,
    say: Callable[[str], object] = print,
    remote: Remote = REMOTE,
    limits: Limits | None = None,
) -> Clips:
    """Load FSDD as `Clips`: 3 000 mono float32 clips at 8 kHz, with labels, speakers and takes.

    Clips are in order of digit, then speaker, then take, whatever order the disk lists them in.
    Of a recording with two channels the first is taken. Only files with a committed sum are read.

    Raises DataUnavailable or DataCorrupt, naming the address and what to do, if the recordings
    cannot be had; there is no fall-back here: see `load_digits`.

    Chapter: 5.1
    Source: Jackson and others, Free Spoken Digit Dataset, 2018 (key "fsdd")
    """
    located = fetch(remote, source=source, say=say, limits=limits)
    order = sorted(_parse(path) for path in remote.sums())
    names = [f"{digit}_{speaker}_{take}.wav" for digit, speaker, take in order]
    return Clips(
        audio=[_read(located.path / "recordings" / name) for name in names],
        labels=np.array([digit for digit, _, _ in order]),
        speakers=np.array([speaker for _, speaker, _ in order]),
        names=np.array(names),
        sample_rate=SAMPLE_RATE,
        source="fsdd",
        origin=located.origin,
        licence=remote.licence,
        citation=remote.citation_key,
        credit=remote.credit,
        takes=np.array([take for _, _, take in order]),
    )


def _parse(path: str) -> tuple[int, str, int]:
    match = _NAME.fullmatch(path)
    if not match:
        raise DataCorrupt(
            f"{path} is not named <digit>_<speaker>_<take>.wav: restore the sums file from the "
            "book's repository."
        )
    return int(match[1]), match[2], int(match[3])


def _read(path: Path) -> np.ndarray:
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != SAMPLE_RATE:
        raise DataCorrupt(f"{path} has {rate} samples per second, not {SAMPLE_RATE}.")
    return np.ascontiguousarray(samples[:, 0])
