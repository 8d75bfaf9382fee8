"""The built-in chorales: scores that come with the package music21, read once and kept.

The package is used as a folder of MusicXML files only. It is not imported, because that takes
seconds, and its own parser a hundred times as long as the few elements that a grid needs.
"""

from __future__ import annotations

import importlib.util
import sys
import xml.etree.ElementTree as ET
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from helpers.datasets import _chorales
from helpers.datasets._chorales import STEPS_PER_QUARTER, VOICES, Chorales
from helpers.datasets._kept import kept, recipe
from helpers.errors import DataUnavailable

LICENCE = "music in the public domain"
CREDIT = (
    "J. S. Bach, music in the public domain; scores, most of them encoded by Margaret Greentree, "
    "as they come with music21"
)
PARTS = {"train": 70, "valid": 15, "test": 15}
SHORTEST, LONGEST = 4 * 16, 40 * 16  # steps: below is a fragment, above a movement of a cantata
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def scores() -> list[Path]:
    """The Bach scores of the installed music21, sorted by name.

    Raises DataUnavailable if the package, or its corpus, is not there.

    Chapter: 2.4
    """
    found = importlib.util.find_spec("music21")
    folder = Path(found.origin).parent / "corpus" / "bach" if found and found.origin else None
    paths = sorted(folder.glob("*.mxl")) if folder else []
    if not paths:
        raise DataUnavailable(
            "The package music21 with its corpus is not installed here: renew the environment "
            "(make env).",
            "music21 and its corpus are not installed",
        )
    return paths


def read_score(path: Path) -> np.ndarray:
    """Read a compressed MusicXML score of four parts: int64 (T, 4) on the sixteenth grid.

    A voice has, on each sixteenth, the pitch that sounds at its start; repeats are not played out
    and grace notes left out. T is rounded up to whole sixteenths, and the shorter voices end with
    silence.

    Raises ValueError if this is no readable score of four parts.

    Chapter: 2.4
    """
    try:
        with zipfile.ZipFile(path) as opened:
            inner = [n for n in opened.namelist() if n.endswith("xml") and "META-INF" not in n]
            score = ET.fromstring(opened.read(inner[0]))
    except (zipfile.BadZipFile, ET.ParseError, IndexError) as problem:
        raise ValueError(f"{path.name} is not a compressed MusicXML score") from problem
    parts = score.findall("part")
    if len(parts) != len(VOICES):
        raise ValueError(f"{path.name} has {len(parts)} parts, not {len(VOICES)}")
    voices = [_sounding(part) for part in parts]
    length = max((end for voice in voices for _, end, _ in voice), default=Fraction(0))
    grid = np.full((-(-length // 1), len(VOICES)), -1, dtype=np.int64)
    for column, voice in zip(grid.T, voices, strict=True):
        for start, end, pitch in voice:
            column[-(-start // 1) : -(-end // 1)] = pitch
    return grid


def _sounding(part):
    """[(start, end, MIDI pitch)] of one part, in sixteenths from the beginning."""
    found = []
    divisions, bar = 1, Fraction(0)
    for measure in part.findall("measure"):
        at = furthest = bar
        for element in measure:
            if element.tag == "attributes":
                divisions = int(element.findtext("divisions", str(divisions)))
            elif element.tag in ("note", "backup", "forward"):
                if element.find("grace") is not None:
                    continue
                duration = Fraction(element.findtext("duration", "0"))
                duration *= Fraction(STEPS_PER_QUARTER, divisions)
                if element.tag == "backup":
                    at -= duration
                    continue
                pitch = element.find("pitch")
                chord = element.find("chord") is not None
                if pitch is not None and not chord:  # of a chord, its first note
                    found.append((at, at + duration, _midi(pitch)))
                if not chord:
                    at += duration
            furthest = max(furthest, at)
        bar = furthest
    return found


def _midi(pitch):
    octave, alter = int(pitch.findtext("octave")), float(pitch.findtext("alter", "0"))
    return 12 * (octave + 1) + _STEPS[pitch.findtext("step")] + int(alter)


def built_in_chorales(seed: int = 0) -> Chorales:
    """All usable four-part scores in three parts, about 70, 15 and 15 in a hundred.

    Bach set many tunes more than once, and the corpus holds some settings twice: chorales whose
    sopranos begin alike, in whatever key, go into the same part, and of identical ones one is kept.
    Not kept on disk: see `load_builtin_chorales`.

    Chapter: 2.4
    Source: music21 [cuthbert2010toolkit]
    """
    tunes: dict[tuple, list[np.ndarray]] = {}
    seen = set()
    for path in scores():
        try:
            grid = read_score(path)
        except ValueError:
            continue
        if not SHORTEST <= len(grid) <= LONGEST or not _is_choral(grid):
            continue
        shape = (grid - grid[grid >= 0].min()).tobytes()
        if shape not in seen:
            seen.add(shape)
            tunes.setdefault(_tune(grid), []).append(grid)
    order = np.random.default_rng(seed).permutation(len(tunes))
    groups = list(tunes.values())
    total = sum(map(len, groups))
    parts = {part: [] for part in PARTS}
    for i in order:
        part = max(PARTS, key=lambda p: PARTS[p] / 100 - len(parts[p]) / total)
        parts[part] += groups[i]
    return _made(**parts)


def _is_choral(grid):
    """Four voices that sing nearly all the time, within the range of voices."""
    silent = grid < 0
    return silent.mean() < 0.05 and not silent.all(axis=0).any() and grid[~silent].min() >= 33


def _tune(grid, length=8):
    """The first intervals of the soprano: the same for a tune in every key and rhythm."""
    soprano = grid[grid[:, 0] >= 0, 0]
    moves = np.diff(soprano)
    return tuple(moves[moves != 0][:length].tolist())


def _made(train, valid, test):
    return Chorales(
        train=train,
        valid=valid,
        test=test,
        source="builtin",
        origin="built-in",
        licence=LICENCE,
        citation="cuthbert2010toolkit",
        credit=CREDIT,
    )


def load_builtin_chorales() -> Chorales:
    """The built-in chorales, from the cache or read now (in some two seconds) and cached.

    Chapter: 2.4
    """
    made_from = recipe((sys.modules[__name__], _chorales), ("music21", "numpy"))
    return kept("chorales", made_from, built_in_chorales, _pack, _unpack)


def _pack(made):
    arrays = {}
    for part in PARTS:
        pieces = getattr(made, part)
        arrays[part] = np.concatenate(pieces)
        arrays[f"{part}_lengths"] = np.array([len(piece) for piece in pieces])
    return arrays


def _unpack(arrays):
    return _made(**{p: np.split(arrays[p], np.cumsum(arrays[f"{p}_lengths"])[:-1]) for p in PARTS})
