"""Notes as numbers, and a plain instrument that plays them.

A piece is an array of MIDI pitches, one row per step in time and one column per voice. Chapter: 1.1
"""

import numpy as np

from helpers.audio import check_rate

SILENT = -1
"""What stands for "no note" in an array of pitches. Chapter: 1.1"""

NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")

ATTACK = 0.012  # seconds from nothing to the full tone
RELEASE = 0.07  # seconds in which a tone dies away once its key is let go
HARMONICS = 12


def midi_to_hz(pitch):
    """Frequency of MIDI pitches in Hz, equal temperament, A4 = 69 = 440 Hz: any shape → float64.

    Raises ValueError where a pitch is not a finite number from 0 to 127.

    Chapter: 1.1
    """
    pitch = np.asarray(pitch, dtype=float)
    if not np.all((pitch >= 0) & (pitch <= 127)):
        raise ValueError("a MIDI pitch lies from 0 to 127, with 69 for the A at 440 Hz")
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


def note_name(pitch):
    """The name of one MIDI pitch: 60 → "C4" (middle C), 70 → "A♯4".

    Raises ValueError if it is not a whole number from 0 to 127.

    Chapter: 1.1
    """
    if not 0 <= pitch <= 127 or int(pitch) != pitch:
        raise ValueError(f"{pitch} is no MIDI pitch: give a whole number from 0 to 127")
    octave, step = divmod(int(pitch), 12)
    return f"{NAMES[step]}{octave - 1}"


def notes(pitches):
    """The notes of a piece: int (T, voices) or (T,) → list of (voice, start, end, pitch).

    Steps with the same pitch, one after the other in one voice, are one note that is held: a pitch
    struck twice in a row cannot be told from one held for as long. `end` is the step after the
    last. In order of voice, then time.

    Raises ValueError for another shape, for pitches that are not whole numbers, or that lie
    outside 0 to 127 and are not −1 (silent).

    Chapter: 1.1
    """
    grid = _grid(pitches)
    found = []
    for voice, column in enumerate(grid.T):
        edges = np.flatnonzero(np.diff(column)) + 1
        for start, end in zip([0, *edges], [*edges, len(column)], strict=True):
            if column[start] != SILENT:
                found.append((voice, int(start), int(end), int(column[start])))
    return found


def _grid(pitches):
    grid = np.asarray(pitches)
    if grid.ndim == 1:
        grid = grid[:, None]
    if grid.ndim != 2 or 0 in grid.shape:
        raise ValueError(f"pitches has shape {grid.shape}; give (steps, voices) or (steps,)")
    if not np.issubdtype(grid.dtype, np.integer):
        if not np.issubdtype(grid.dtype, np.floating) or not np.all(np.rint(grid) == grid):
            raise ValueError("pitches must be whole numbers, with −1 where a voice is silent")
        grid = grid.astype(np.int64)
    if np.any((grid < SILENT) | (grid > 127)):
        raise ValueError("pitches must lie from 0 to 127, or be −1 where a voice is silent")
    return grid


def render(pitches, sample_rate=16000, seconds_per_step=0.125):
    """Play a piece: int (T, voices) or (T,) MIDI pitches → float32 (round(T·seconds·rate),).

    Every note is a sum of harmonics below half the sample rate; the higher ones are weaker and
    fade sooner, as on a plucked or struck string. A note that lasts several steps is struck once
    and held. Voices are added up in one channel, each at 1/voices of full scale, so that no voice
    is louder for being alone; the whole is turned down if it would still exceed 0.99.

    Raises ValueError for pitches that are not a piece (see `notes`) or steps that are not
    positive, and BadSampleRate.

    Chapter: 1.1
    """
    rate = check_rate(sample_rate)
    grid = _grid(pitches)
    if not (np.isfinite(seconds_per_step) and seconds_per_step * rate >= 1):
        raise ValueError(f"seconds_per_step is {seconds_per_step}; give a step such as 0.125")
    at = np.rint(np.arange(len(grid) + 1) * seconds_per_step * rate).astype(int)
    mixed = np.zeros(at[-1])
    tones = {}
    for _, start, end, pitch in notes(grid):
        held = at[end] - at[start]
        if (pitch, held) not in tones:
            tones[pitch, held] = _tone(pitch, held, rate)
        tone = tones[pitch, held][: len(mixed) - at[start]]
        mixed[at[start] : at[start] + len(tone)] += tone
    mixed /= grid.shape[1]
    end = min(len(mixed), round(RELEASE * rate))
    mixed[-end:] *= np.linspace(1, 0, end)
    loudest = np.abs(mixed).max()
    return (mixed if loudest <= 0.99 else mixed * (0.99 / loudest)).astype(np.float32)


def _tone(pitch, held, rate):
    """One note, held for `held` samples and then let go: float64 (held + release,)."""
    frequency = midi_to_hz(pitch)
    t = np.arange(held + round(RELEASE * rate)) / rate
    orders = np.arange(1, HARMONICS + 1)
    orders = orders[orders * frequency < 0.45 * rate]
    if len(orders) == 0:
        return np.zeros(len(t))
    strength = orders**-1.4 * np.where(orders % 2, 1.0, 0.7)
    strength /= np.abs(strength).sum()
    fading = 0.5 + 0.45 * orders  # per second
    phases = 2.4 * orders  # spread, so that the crests do not coincide
    tone = np.zeros(len(t))
    for order, amount, decay, phase in zip(orders, strength, fading, phases, strict=True):
        wave = np.sin(2 * np.pi * order * frequency * t + phase)
        tone += amount * np.exp(-decay * t) * wave
    tone *= np.minimum(1, t * (1 / ATTACK))
    tone[held:] *= np.cos(np.linspace(0, np.pi / 2, len(t) - held)) ** 2
    return tone
