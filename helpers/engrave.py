"""A piece for four voices as a score: two staves, clefs, key, notes with their lengths.

Plain engraving for a page: notes stand where they sound in time, stems go up for soprano and tenor
and down for alto and bass, eighths have flags, no beams. Chapter: 6.2
"""

import numpy as np

from helpers.counting import nearest_key
from helpers.music import notes
from helpers.plots import subplots

LENGTHS = (16, 12, 8, 6, 4, 3, 2, 1)
"""Lengths in sixteenths that one note can be written with. Chapter: 6.2"""

_LETTERS = "FCGDAEB"  # in fifths
_STEP = dict(zip("CDEFGAB", range(7), strict=True))
_NATURAL = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
_SIGNS = {-2: "♭♭", -1: "♭", 0: "♮", 1: "♯", 2: "♯♯"}
_GAP = 7  # between the two staves, in spaces between lines

_G_CLEF = [(0.05, 0.7), (-0.3, 1.05), (0.05, 1.55), (0.6, 1.3), (0.68, 0.7), (0.15, 0.2)]
_G_CLEF += [(-0.55, 0.4), (-0.8, 1.15), (-0.35, 2.1), (0.3, 2.9), (0.55, 3.9), (0.3, 4.7)]
_G_CLEF += [(-0.02, 4.1), (0.05, 2.8), (0.3, 1.0), (0.45, -0.6), (0.1, -1.15), (-0.25, -0.85)]
_F_CLEF = [(-0.45, 2.95), (-0.15, 3.65), (0.45, 3.55), (0.65, 2.8), (0.3, 1.7), (-0.6, 0.8)]


def signature(pitches):
    """The key signature that fits pitches best: sharps, or flats as a negative number; an int.

    pitches: int array, −1 where a voice is silent. From −5 to 6. Chapter: 6.2
    """
    sung = np.asarray(pitches)
    counts = np.bincount(sung[sung >= 0] % 12, minlength=12)
    key = int(nearest_key(counts[None] / max(1, counts.sum()))[0])
    tonic = 0 if key == 24 else key % 12 + (3 if key >= 12 else 0)
    fifths = tonic * 7 % 12
    return fifths - 12 if fifths > 6 else fifths


def spelled(pitch, fifths):
    """How a pitch is written in a key: (letter, sharps or flats, octave), 61 in D → ("C", 1, 4).

    fifths: the key signature, as `signature` gives it. Pitches outside the key are written as they
    occur in that key or in its relative minor. Raises ValueError unless 0 ≤ pitch ≤ 127.

    Chapter: 6.2
    """
    if not 0 <= pitch <= 127:
        raise ValueError(f"{pitch} is no MIDI pitch: give a whole number from 0 to 127")
    low = fifths - 3
    place = low + (int(pitch) * 7 - low) % 12
    letter, sign = _LETTERS[(place + 1) % 7], (place + 1) // 7
    return letter, sign, (int(pitch) - sign - _NATURAL[letter]) // 12 - 1


def written_lengths(start, end, bar=16):
    """A note of sixteenths start … end as [(start, length)], each of LENGTHS and within its bar.

    Chapter: 6.2
    """
    found = []
    while start < end:
        left = min(end, (start // bar + 1) * bar) - start
        length = next(size for size in LENGTHS if size <= left)
        found.append((start, length))
        start += length
    return found


def score(pitches, *, fifths=None, upbeat=0, title=None, width=7.0):
    """Draw a piece as a score: int (T, 4), soprano first → (fig, ax).

    fifths: the key signature; by default the one that fits. upbeat: sixteenths before the first bar
    line. Some four bars fit on one line.

    Raises ValueError if this is no piece of four voices, or holds no note.

    Chapter: 6.2
    """
    pitches = np.asarray(pitches)
    if pitches.ndim != 2 or pitches.shape[1] != 4:
        raise ValueError(f"pitches have shape {pitches.shape}; give (steps, 4)")
    found = notes(pitches)
    if not found:
        raise ValueError("there is not one note in these pitches: every step is −1")
    fifths = signature(pitches) if fifths is None else fifths
    fig, ax = subplots(height=2.3, width=width)
    left = 4.2 + 0.9 * abs(fifths)
    scale = 1.25  # spaces a sixteenth
    end = left + scale * len(pitches)
    for bottom in (0, _GAP + 4):
        for line in range(5):
            ax.plot([0, end], [bottom + line] * 2, color="black", linewidth=0.6, zorder=1)
    _clefs(ax)
    _key(ax, fifths)
    offset = (16 - upbeat) % 16
    for step in range(len(pitches) + 1):
        if step in (0, len(pitches)) or (step + offset) % 16 == 0:
            x = end if step == len(pitches) else 0 if step == 0 else left + scale * step - 0.6
            ax.plot([x, x], [0, _GAP + 8], color="black", linewidth=0.8, zorder=1)
    _notes(ax, found, fifths, offset, lambda step: left + scale * step + 0.4)
    ax.set(xlim=(-0.5, end + 0.5), ylim=(-4.5, _GAP + 12.5), title=title)
    ax.set_aspect("equal")
    ax.axis("off")
    return fig, ax


def _clefs(ax):
    from scipy.interpolate import splev, splprep

    for points, x, bottom in ((_G_CLEF, 1.3, _GAP + 4), (_F_CLEF, 1.1, 0)):
        curve, _ = splprep(np.array(points).T, s=0, k=3)
        along = np.array(splev(np.linspace(0, 1, 80), curve))
        ax.plot(along[0] + x, along[1] + bottom, color="black", linewidth=1.4, zorder=2)
    ax.plot([0.65], [2.95], "o", color="black", markersize=3)
    ax.plot([2.1, 2.1], [3.5, 2.5], "o", color="black", markersize=1.6)


def _key(ax, fifths):
    """Sharps or flats at the usual places of both staves."""
    places = {"F": 4.0, "C": 2.5, "G": 4.5, "D": 3.0, "A": 1.5, "E": 3.5, "B": 2.0}
    flat = {"B": 2.0, "E": 3.5, "A": 1.5, "D": 3.0, "G": 1.0, "C": 2.5, "F": 0.5}
    letters = _LETTERS[:fifths] if fifths > 0 else _LETTERS[::-1][:-fifths]
    for i, letter in enumerate(letters):
        y = (places if fifths > 0 else flat)[letter]
        for bottom in (_GAP + 4, -1):
            sign = _SIGNS[1 if fifths > 0 else -1]
            ax.text(2.9 + 0.9 * i, bottom + y, sign, ha="center", va="center", fontsize=9)


def _notes(ax, found, fifths, offset, at):
    from matplotlib.patches import Ellipse

    signed = {}
    order = sorted(found, key=lambda note: (note[1], note[0]))
    for voice, start, end, pitch in order:
        letter, sign, octave = spelled(pitch, fifths)
        upper = voice < 2
        lowest = (4, _STEP["E"]) if upper else (2, _STEP["G"])  # the staff's bottom line
        step = 7 * (octave - lowest[0]) + _STEP[letter] - lowest[1]
        y = step / 2 + (_GAP + 4 if upper else 0)
        up = voice in (0, 2)
        pieces = written_lengths(start + offset, end + offset)
        for i, (begin, length) in enumerate(pieces):
            x = at(begin - offset)
            bar = (begin // 16, upper, letter, octave)
            usual = _in_key(letter, fifths)
            if i == 0 and signed.get(bar, usual) != sign:
                ax.text(x - 1.0, y, _SIGNS[sign], ha="center", va="center", fontsize=9)
                signed[bar] = sign
            hollow = length >= 8
            head = Ellipse((x, y), 1.25, 0.95, angle=20, facecolor="white" if hollow else "black")
            head.set(edgecolor="black", linewidth=1.0, zorder=3)
            ax.add_patch(head)
            _ledgers(ax, x, step, _GAP + 4 if upper else 0)
            if length < 16:
                _stem(ax, x, y, up, flags={1: 2, 2: 1, 3: 1}.get(length, 0))
            if length in (12, 6, 3):
                ax.plot([x + 1.0], [y + (0.25 if step % 2 == 0 else 0)], ".k", markersize=2.5)
            if i:
                _tie(ax, at(pieces[i - 1][0] - offset), x, y, up)


def _in_key(letter, fifths):
    place = _LETTERS.index(letter)
    if fifths > 0:
        return int(place < fifths)
    return -int(place >= 7 + fifths)


def _ledgers(ax, x, step, bottom):
    for line in [*range(-2, step - 1, -2), *range(10, step + 1, 2)]:
        y = bottom + line / 2
        ax.plot([x - 0.95, x + 0.95], [y, y], color="black", linewidth=0.6, zorder=1)


def _stem(ax, x, y, up, flags):
    side, tip = (0.55, y + 3.2) if up else (-0.55, y - 3.2)
    ax.plot([x + side] * 2, [y, tip], color="black", linewidth=0.9, zorder=2)
    for flag in range(flags):
        at = tip - 0.9 * flag if up else tip + 0.9 * flag
        bend = at - 1.3 if up else at + 1.3
        ax.plot([x + side, x + side + 0.8], [at, bend], color="black", linewidth=1.6, zorder=2)


def _tie(ax, x0, x1, y, up):
    t = np.linspace(0, 1, 12)
    bulge = (0.6 if up else -0.6) * 4 * t * (1 - t)
    middle = y + (0.7 if up else -0.7)
    ax.plot(x0 + 0.6 + (x1 - x0 - 1.2) * t, middle + bulge, color="black", linewidth=0.9)
