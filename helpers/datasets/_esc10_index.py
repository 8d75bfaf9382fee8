"""Write the index of ESC-10 from prepared clips that are known to be good.

    python -m helpers.datasets._esc10_index FOLDER > helpers/datasets/sums/esc10.csv

FOLDER holds audio/*.flac, an index.csv in the form of ESC-50's table of files, and the README of
the data set, whose list names the source, author and licence of every clip, as ATTRIBUTION.txt.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import soundfile

from helpers.datasets._sketch import sketch

COLUMNS = (
    "file",
    "fold",
    "class",
    "recording",
    "original",
    "title",
    "author",
    "address",
    "licence",
    "samples",
    "sketch",
)

_CREDIT = re.compile(
    r"^- \[(?P<clip>\S+)\.ogg\]:\s+clip derived from (?P<title>.*) \((?P<address>https?://\S+)\) "
    r"by (?P<author>.*) \[(?P<licence>.*)\]$",
    re.MULTILINE,
)


def rows(folder: Path) -> list[list[str]]:
    """One row per clip, in order of file names."""
    text = (folder / "ATTRIBUTION.txt").read_text(encoding="utf-8")
    credits = {found["clip"]: found for found in _CREDIT.finditer(text)}
    with open(folder / "index.csv", encoding="utf-8", newline="") as file:
        listed = sorted(csv.DictReader(file), key=lambda entry: entry["filename"])
    found = []
    for entry in listed:
        credit = credits[Path(entry["original_path"]).stem]
        samples, _ = soundfile.read(folder / "audio" / entry["filename"], dtype="int16")
        found.append(
            [
                entry["filename"],
                entry["fold"],
                entry["category"].replace("_", " "),
                entry["src_file"],
                entry["original_path"],
                *credit.group("title", "author", "address", "licence"),
                str(len(samples)),
                " ".join(str(number) for number in sketch(samples)),
            ]
        )
    return found


if __name__ == "__main__":
    csv.writer(sys.stdout, lineterminator="\n").writerows([COLUMNS, *rows(Path(sys.argv[1]))])
