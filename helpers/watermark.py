"""A watermark for speech: tiny changes of loudness in a spectrogram, in a pattern drawn from a key.

Time and frequency are divided into tiles. A key gives each tile a sign, and the sound in it is made
a little louder or softer by that sign. Whoever has the key compares the loudness of the tiles with
the signs. Because the signs are drawn independently of the sound, the chance of a false alarm
follows from the key alone, whatever is being said. Chapter: 8.7
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from helpers.audio import check_rate, check_samples
from helpers.errors import AudioOutOfRange, AudioTooShort, BadSampleRate, ShapeError
from helpers.features import FrontEnd, istft, pad_ends, stft

RATE = 16000
"""Sample rate in Hz at which marks are put in and looked for."""

FRONT_END = FrontEnd(sample_rate=RATE, n_fft=1024, hop=256, n_mels=40, fmin=60.0, fmax=8000.0)
TILE_FRAMES = 8
"""Frames of a tile, 128 ms."""

TILE_BINS = 2
"""Bins of a tile, 31 Hz."""

LOWEST, HIGHEST = 300.0, 4000.0
"""The band in Hz that is marked: what every codec for speech keeps."""

STRENGTH_DB = 1.0
"""By how many dB a tile is made louder or softer."""

PERIOD = 32
"""Tiles in time after which the pattern begins again, 4.1 s."""

OFFSETS = tuple(range(0, 2048, 256))
"""Samples by which the detector's tiles begin later, within a tile."""

PLACES = len(OFFSETS) * PERIOD
"""Places that `detect` tries in a sound whose beginning it does not know."""

LIMIT_DB, RANGE_DB = 3.0, 50.0
"""No tile counts for more than the first; tiles further than the second below the loudest don't."""

FALSE_ALARM = 1e-6
"""The rate of false alarms that the threshold is set for, over all places that are tried."""


class Found(NamedTuple):
    """What `detect` returns.

    z: the largest score over all places that were tried; threshold: what it must exceed; marked:
    whether it does; start: the place, in samples into the pattern; places: how many were tried.
    """

    z: float
    threshold: float
    marked: bool
    start: int
    places: int


def signs(key):
    """The pattern of a key: int8 (PERIOD, bands) of −1 and 1, as many bands as tiles fit.

    key: a whole number of at least 0, to be kept secret. Raises ValueError for another.

    Chapter: 8.7
    """
    if isinstance(key, bool) or not isinstance(key, int | np.integer) or key < 0:
        raise ValueError(f"the key is {key!r}: give a whole number of at least 0")
    rng = np.random.default_rng(int(key))
    return (2 * rng.integers(0, 2, (PERIOD, len(_first_bins()))) - 1).astype(np.int8)


@lru_cache(maxsize=1)
def _first_bins():
    """The first bin of each band of tiles."""
    width = RATE / FRONT_END.n_fft
    first, last = math.ceil(LOWEST / width), math.floor(HIGHEST / width)
    return np.arange(first, last - TILE_BINS + 2, TILE_BINS)


def embed(samples, sample_rate, key, strength_db=STRENGTH_DB):
    """Put the mark of a key into a sound: float (n,) → float32 (n,).

    Each tile of the spectrogram is multiplied by 10^(±strength_db / 20). sample_rate must be 16 kHz
    (`helpers.audio.resample`). Nothing is clipped: the loudest sample may grow by a little.

    Raises BadSampleRate for another rate, AudioOutOfRange for a strength outside (0, 6] dB,
    AudioTooShort below 128 ms, ValueError for a key that `signs` refuses, and what
    `check_samples` raises.

    Chapter: 8.7
    Source: [cox1997secure] for spreading a mark over strong parts of a spectrum
    """
    x = _checked(samples, sample_rate)
    if not 0 < strength_db <= 6:
        raise AudioOutOfRange(f"strength_db is {strength_db!r}: give a number in (0, 6].")
    spectrum = stft(pad_ends(x, FRONT_END), FRONT_END)
    pattern = signs(key)
    rows = pattern[(np.arange(len(spectrum)) // TILE_FRAMES) % PERIOD]
    gains = np.ones(spectrum.shape)
    columns = np.repeat(rows, TILE_BINS, axis=1)
    first = _first_bins()[0]
    gains[:, first : first + columns.shape[1]] = 10 ** (columns * strength_db / 20)
    return istft(spectrum * gains, FRONT_END, len(x))


def levels(samples, sample_rate, offset=0):
    """What the detector looks at: the loudness of tiles compared with their surroundings.

    samples: float (n,) at 16 kHz; offset: samples by which the tiles begin later. Each tile's mean
    log power, in dB, minus the mean of the tiles above and below it in frequency, at most 3 dB
    either way; tiles 50 dB or more below the loudest are set to 0, since they hold noise. Returns
    float64 (tiles in time, bands).

    Raises as `embed`, and ValueError for an offset outside 0 … 2047. Chapter: 8.7
    """
    x = _checked(samples, sample_rate)
    length = TILE_FRAMES * FRONT_END.hop
    if not 0 <= offset < length:
        raise ValueError(f"offset is {offset!r}: it must be from 0 to {length - 1}")
    power = np.abs(stft(pad_ends(x, FRONT_END)[offset:], FRONT_END)) ** 2
    return _compared(_tile_levels(power))


def _tile_levels(power):
    """Mean log power in dB of tiles: power (frames, bins) → (tiles, bands)."""
    first, bands = _first_bins()[0], len(_first_bins())
    tiles = len(power) // TILE_FRAMES
    part = power[: tiles * TILE_FRAMES, first : first + bands * TILE_BINS]
    log = 10 * np.log10(part.astype(np.float64) + 1e-10)
    return log.reshape(tiles, TILE_FRAMES, bands, TILE_BINS).mean(axis=(1, 3))


def _compared(tiles):
    """Tiles minus the mean of their two neighbours in frequency; faint ones are 0."""
    padded = np.pad(tiles, ((0, 0), (1, 1)), mode="reflect")
    compared = np.clip(tiles - (padded[:, :-2] + padded[:, 2:]) / 2, -LIMIT_DB, LIMIT_DB)
    return np.where(tiles > tiles.max() - RANGE_DB, compared, 0.0)


def score(compared, pattern, row=0):
    """How well tiles agree with a pattern of signs: Σ r c / √(Σ r²), a float.

    compared: float (tiles, bands) as `levels` gives; pattern: ±1, (rows, bands); row: the row of
    the pattern in which the tiles begin. Where the pattern comes round again, tiles with the same
    sign are added up first, so that each r has a sign of its own. If the signs were drawn
    independently of the sound, the score has mean 0 and variance 1 for *every* sound, and is above
    z with probability at most exp(−z² / 2). 0 where there is nothing to compare.

    Raises ShapeError for another number of bands. Chapter: 8.7
    Source: [hoeffding1963probability] for the bound
    """
    r, c = np.asarray(compared, dtype=float), np.asarray(pattern, dtype=float)
    if r.ndim != 2 or c.ndim != 2 or r.shape[1] != c.shape[1]:
        raise ShapeError(f"tiles {r.shape} and pattern {c.shape}: both need as many bands")
    rounds = np.zeros((-(-len(r) // len(c)), *c.shape))
    rounds.reshape(-1, r.shape[1])[: len(r)] = r
    summed = np.roll(rounds.sum(axis=0), row, axis=0)
    norm = math.sqrt(float(np.sum(summed**2)))
    return float(np.sum(summed * c)) / norm if norm else 0.0


def threshold(false_alarm=FALSE_ALARM, places=1):
    """The score that is exceeded by chance at `places` places with at most this probability.

    From exp(−z² / 2) · places = false_alarm: z = √(2 ln(places / false_alarm)). It holds for every
    sound, without any assumption about it. Raises ValueError unless 0 < false_alarm < 1 and places
    is at least 1.

    Chapter: 8.7
    Source: [hoeffding1963probability]
    """
    if not 0 < false_alarm < 1 or places < 1:
        raise ValueError(
            f"false_alarm is {false_alarm!r} and places {places!r}: give a probability between 0 "
            "and 1, and at least 1 place"
        )
    return math.sqrt(2 * math.log(places / false_alarm))


def detect(samples, sample_rate, key, false_alarm=FALSE_ALARM, aligned=False):
    """Look for the mark of a key in a sound: float (n,) at 16 kHz → `Found`.

    aligned: the sound begins where it began when it was marked, so one place is tried. Otherwise
    all rows of the pattern are tried, at eight offsets within a tile, and the threshold is raised
    for so many tries.

    Raises as `levels` and `threshold`. Chapter: 8.7
    """
    x = _checked(samples, sample_rate)
    pattern = signs(key)
    length = TILE_FRAMES * FRONT_END.hop
    offsets = [0] if aligned else OFFSETS
    rows = [0] if aligned else list(range(PERIOD))
    best, start = -math.inf, 0
    for offset in offsets:
        compared = levels(x, RATE, offset)
        for row in rows:
            z = score(compared, pattern, row)
            if z > best:
                best, start = z, (row * length - offset) % (PERIOD * length)
    places = len(offsets) * len(rows)
    line = threshold(false_alarm, places)
    return Found(best, line, best > line, start, places)


def _checked(samples, sample_rate):
    x, rate = check_samples(samples), check_rate(sample_rate)
    if rate != RATE:
        raise BadSampleRate(
            f"the sound has {rate} Hz; marks are made at {RATE}: use helpers.audio.resample first."
        )
    if len(x) < TILE_FRAMES * FRONT_END.hop:
        raise AudioTooShort(
            f"{len(x)} samples do not fill one tile of 128 ms. Mark a longer sound."
        )
    return x
