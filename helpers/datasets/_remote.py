"""What the book knows about a data set kept elsewhere: its address, its licence, its sums.

The sums file is in the form that `sha256sum -c` reads, so that anyone can check a folder without
this package: one line `<64 hexadecimal digits>  <path inside the data set's folder>` per file.
It is written from recordings known to be good by

    python -m helpers.datasets._remote FOLDER > helpers/datasets/sums/NAME.sha256
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from helpers.errors import DataCorrupt, DataError, DataIncomplete

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")

_KINDS = (".wav", ".flac", ".json")


@dataclass(frozen=True)
class Recipe:
    """How the files of a set are prepared from those of its archive, where they differ.

    members   () → paths of the files that are taken from the archive
    prepare   (folder that holds them, empty folder) → None; writes the set's files to the latter
    fault     (folder of prepared files) → what is wrong with them, or None

    Files prepared on another computer, by other versions of the libraries, may differ in their
    last bits, so that sums do not fit them: `fault` says whether they are as good as the originals.
    The sums of such a set are those of the files in a mirror.

    Chapter: 2.4
    """

    members: Callable[[], Iterable[str]]
    prepare: Callable[[Path, Path], None]
    fault: Callable[[Path], DataError | None]


@dataclass(frozen=True)
class Remote:
    """Declaration of a data set that is downloaded as one ZIP archive.

    name               folder of the set in a mirror, and its name in the cache
    title              what to call it in a sentence
    url                address of the archive, pinned to one version
    archive_sha256     sum of the archive, or None where the server may pack the same files anew
    sums_file          name of the sums file in helpers/datasets/sums, or an absolute path
    folder_in_archive  folder of the archive that holds the set; "*" is the one top folder,
                       whatever its name
    licence            licence of the recordings
    citation_key       entry in book/references.bib
    credit             line that stands beside every player of these recordings
    bytes              size of the archive, about; one of more than three times this is refused
    recipe             how the files are made from those in the archive, or None: they are the same

    Chapter: 5.1
    """

    name: str
    title: str
    url: str
    archive_sha256: str | None
    sums_file: str
    folder_in_archive: str
    licence: str
    citation_key: str
    credit: str
    bytes: int
    recipe: Recipe | None = None

    def sums(self) -> dict[str, str]:
        """Return the committed SHA-256 sum of every file: {path inside the set: sum}.

        Raises DataCorrupt if the sums file is not in the expected form.
        """
        return dict(_read_sums(self.sums_file))

    def members(self) -> list[str]:
        """Return the paths of the files that are taken from the archive."""
        return list(self.recipe.members() if self.recipe else self.sums())

    def fault_here(self, folder: Path) -> DataError | None:
        """What is wrong with a folder that was filled on this computer, or None."""
        return self.recipe.fault(folder) if self.recipe else fault_of(folder, self.sums())


class Located(NamedTuple):
    """Where a data set was found: its folder, and "cache", "mirror" or "download"."""

    path: Path
    origin: str


@cache
def _read_sums(sums_file: str) -> tuple[tuple[str, str], ...]:
    given = Path(sums_file)
    place = given if given.is_absolute() else files("helpers.datasets") / "sums" / sums_file
    sums: dict[str, str] = {}
    for number, line in enumerate(place.read_text(encoding="utf-8").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if not match or not is_plain_path(match[2]) or match[2] in sums:
            raise DataCorrupt(
                f"Line {number} of the sums file {sums_file} is not a sum and a new relative path: "
                "restore the file from the book's repository."
            )
        sums[match[2]] = match[1]
    if not sums:
        raise DataCorrupt(
            f"The sums file {sums_file} is empty: restore it from the book's repository."
        )
    return tuple(sums.items())


def is_plain_path(name: str) -> bool:
    """Tell whether an archive's path stays inside the folder it is unpacked to, on any system."""
    path = PurePosixPath(name)
    return not (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or re.match(r"[A-Za-z]:", name)
    )


def fault_of(folder: Path, sums: dict[str, str]) -> DataError | None:
    """Read every declared file in `folder` and compare its sum; None if all are right.

    Files that are not declared are ignored. The result is not raised, so that the caller can add
    what to do: DataIncomplete if files are missing, DataCorrupt if bytes are wrong.
    """
    missing, wrong = [], []
    for name, expected in sums.items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            missing.append(name)
        except OSError:
            wrong.append(name)
        else:
            if found != expected:
                wrong.append(name)
    if missing:
        if len(missing) == len(sums):
            return DataIncomplete(f"it holds none of the {len(sums)} files expected")
        return DataIncomplete(f"of {len(sums)} files, {_some(missing)} missing")
    if wrong:
        return DataCorrupt(f"{_some(wrong)} unlike the original")
    return None


def complaint(kind: type[DataError], remote: Remote, reason: str, first: str = "") -> DataError:
    """Make the error of a demanded data set: what was wrong, the address, what to do about it."""
    one = next(iter(remote.sums()))
    return kind(
        f"{remote.title} could not be had: {reason}.\n"
        f"Address: {remote.url}\n"
        f"What to do: {first}check the network and start again; or set LISTENING_MACHINES_MIRROR "
        f"to a folder that holds {remote.name}/{one} and the other files; or go on without it, "
        'with source="builtin" (or LISTENING_MACHINES_SOURCE=builtin).',
        reason,
    )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more} {'are' if more else 'is'}"


def sums_of(folder: Path) -> str:
    """Return the text of a sums file for all files under `folder`, sorted by path."""
    paths = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in _KINDS
    )
    lines = (
        f"{hashlib.sha256((folder / path).read_bytes()).hexdigest()}  {path}" for path in paths
    )
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(sums_of(Path(sys.argv[1])))
