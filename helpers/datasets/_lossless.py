"""Sets whose archives hold WAV or FLAC, and which the book takes as FLAC: the same samples.

Two sums per recording are on record, both made from prepared files known to be good: that of the
file, which a mirror has to match, and that of its samples as little-endian int16. FLAC written on
another computer, by another version of the library, is another file with the same samples; so a
download is as good as the original if either sum is right. For one file,

    flac --decode --force-raw-format --endian=little --sign=signed --stdout FILE | sha256sum

shows the second, without this package. The sums of samples are written by

    python -m helpers.datasets._lossless FOLDER > helpers/datasets/sums/NAME_samples.sha256
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from helpers.datasets._recordings import read_integers
from helpers.datasets._remote import Recipe, _read_sums, _some
from helpers.errors import AudioUnreadable, DataCorrupt, DataError, DataIncomplete

SAMPLE_RATE = 16000


def recipe(sums_file: str, samples_file: str, original: Callable[[str], str]) -> Recipe:
    """How such a set is made from its archive, and judged.

    sums_file, samples_file  names in helpers/datasets/sums, or absolute paths: sums of the files,
                             and of the samples of those of them that are FLAC
    original                 path in the set → path in the archive
    """

    def names():
        return [name for name, _ in _read_sums(sums_file)]

    return Recipe(
        members=lambda: [original(name) for name in names()],
        prepare=lambda raw, fresh: _prepare({n: original(n) for n in names()}, raw, fresh),
        fault=lambda folder: _fault(dict(_read_sums(sums_file)), samples_file, folder),
    )


def _prepare(originals: dict[str, str], raw: Path, fresh: Path) -> None:
    """Write each WAV as FLAC of 16 bits; take other files as they are."""
    import soundfile

    for name, original in originals.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        if not original.endswith(".wav"):
            shutil.copyfile(raw / original, fresh / name)
            continue
        try:
            samples, rate = soundfile.read(raw / original, dtype="int16")
        except soundfile.LibsndfileError as error:
            raise AudioUnreadable(f"{original} cannot be decoded") from error
        soundfile.write(fresh / name, samples, rate, "PCM_16", format="FLAC")


def _fault(sums: dict[str, str], samples_file: str, folder: Path) -> DataError | None:
    of_samples = dict(_read_sums(samples_file))
    missing = [name for name in sums if not (folder / name).is_file()]
    if missing:
        return DataIncomplete(f"of {len(sums)} files, {_some(missing)} missing")
    wrong = [
        name
        for name, expected in sums.items()
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected
        and not (name in of_samples and _sum_of_samples(folder / name) == of_samples[name])
    ]
    return DataCorrupt(f"{_some(wrong)} unlike the original") if wrong else None


def _sum_of_samples(path: Path) -> str | None:
    try:
        samples = read_integers(path, SAMPLE_RATE)
    except DataCorrupt:
        return None
    return hashlib.sha256(np.ascontiguousarray(samples, dtype="<i2").data).hexdigest()


def sums_of_samples(folder: Path) -> str:
    """The text of a sums file for the samples of all FLAC files under `folder`, sorted by path."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.flac"))
    return "".join(f"{_sum_of_samples(folder / path)}  {path}\n" for path in paths)


if __name__ == "__main__":
    sys.stdout.write(sums_of_samples(Path(sys.argv[1])))
