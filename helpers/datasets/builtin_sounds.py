"""The built-in sounds around us: synthesised from what makes each of them sound as it does.

Voices of animals and people are trains of pulses whose rate glides, shaped by a throat of fixed
resonances; engines are pulses of uneven strength; water, wind and fire are noise of a certain
colour and swell, with drops or crackles that excite short resonances; clocks and glass are struck
and ring. All parameters are drawn at random. Clips of one recording share its parameters (the dog,
the room, the distance) and differ in what happens.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from helpers.datasets import _sounds
from helpers.datasets._kept import kept, recipe
from helpers.datasets._sounds import Sounds
from helpers.datasets.esc10 import CLASSES as REAL_CLASSES

SAMPLE_RATE = 16000
SECONDS = 5
SAMPLES = SAMPLE_RATE * SECONDS
FOLDS = 5
CLIPS_OF_RECORDINGS = (1, 1, 1, 1, 2, 2)
"""How many clips each recording of a class gives to a fold. Chapter: 2.4"""

CLASSES = (*REAL_CLASSES, "siren", "breaking glass")
CREDIT = "Synthesised here"

Generator = np.random.Generator


# --- what sounds are made of -------------------------------------------------------------------


def _noise(rng: Generator, n: int, colour: dict[float, float]) -> np.ndarray:
    """Gaussian noise (n,) of RMS 1 with a spectrum in dB at some frequencies, lines between."""
    from scipy.fft import irfft, next_fast_len

    size = next_fast_len(n, real=True)
    spectrum = rng.standard_normal(2 * (size // 2 + 1), dtype=np.float32).view(np.complex64)
    noise = irfft(spectrum * _gain(size, colour), size)[:n]
    return noise / np.sqrt(np.mean(noise**2))


def _gain(size: int, colour: dict[float, float]) -> np.ndarray:
    """Gains of the bins of a real FFT, from dB at some frequencies, lines on a log axis between."""
    decibels = np.interp(_octaves(size), np.log2(list(colour)), list(colour.values()))
    return np.exp((np.log(10) / 20) * decibels.astype(np.float32))


@lru_cache(maxsize=8)
def _octaves(size: int) -> np.ndarray:
    return np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 20))


def _throat(x, formants, tilt):
    """Shape (n,) by resonances [(Hz, width in Hz, dB)], falling by tilt dB per octave; RMS 1."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(x) + 400, real=True)
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    gain = np.full(len(hz), 0.006)
    for centre, width, strength in formants:
        gain += 10 ** (strength / 20) / (1 + ((hz - centre) / (width / 2)) ** 2)
    gain *= (np.maximum(hz, 150) / 150) ** (tilt / 6.02) * np.minimum(1, (hz / 120) ** 2)
    shaped = irfft(rfft(x, size) * gain, size)[: len(x)]
    return shaped / max(1e-9, np.sqrt(np.mean(shaped**2)))


def _train(f0: np.ndarray) -> np.ndarray:
    """A train of pulses (n,) with all harmonics of f0 (n,) in Hz that fit below 7.6 kHz."""
    half = np.pi * np.cumsum(f0) / SAMPLE_RATE
    count = max(1, int(7600 / f0.max()))
    below = np.sin(half)
    close = np.abs(below) < 1e-6
    below[close] = 1
    train = np.sin((2 * count + 1) * half) / below
    train[close] = 2 * count + 1
    return (train - 1) / np.sqrt(2 * count)


def _wander(rng: Generator, n: int, hz: float) -> np.ndarray:
    """Slow random movement (n,) of RMS about 1, no faster than about `hz`."""
    knots = rng.standard_normal(max(4, int(n / SAMPLE_RATE * 2 * hz) + 4))
    return np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots)


def _rung(strikes: np.ndarray, hz: float, seconds: float) -> np.ndarray:
    """What a resonance at `hz` that fades by 1/e in `seconds` makes of strikes (n,)."""
    from scipy.signal import lfilter

    radius, angle = np.exp(-1 / (seconds * SAMPLE_RATE)), 2 * np.pi * hz / SAMPLE_RATE
    return lfilter([0, np.sin(angle)], [1, -2 * radius * np.cos(angle), radius**2], strikes)


def _strikes(n: int, times: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Impulses (n,) at times in seconds, between two samples where they fall there."""
    at = np.asarray(times) * SAMPLE_RATE
    inside = (at >= 0) & (at < n - 1)
    at, strengths = at[inside], np.broadcast_to(strengths, inside.shape)[inside]
    first = at.astype(int)
    share = at - first
    struck = np.bincount(first, strengths * (1 - share), n)
    return struck + np.bincount(first + 1, strengths * share, n)[:n]


def _swell(n: int, attack: float, curve: float = 1.0) -> np.ndarray:
    """An envelope (n,): up within `attack` seconds, then down to 0 at its end."""
    u = np.linspace(0, 1, n)
    rise = np.minimum(1, np.arange(n) / max(1.0, attack * SAMPLE_RATE))
    return np.sin(rise * np.pi / 2) * (1 - u) ** curve


def _hump(n: int, edge: float = 0.15) -> np.ndarray:
    """An envelope (n,) that rises, stays, and falls; `edge` is the share of each flank."""
    u = np.linspace(0, 1, n)
    return np.sin(np.clip(np.minimum(u, 1 - u) / edge, 0, 1) * np.pi / 2) ** 1.5


def _put(clip: np.ndarray, event: np.ndarray, seconds: float) -> None:
    """Add an event to a clip, in place; what hangs over its end is cut."""
    start = int(seconds * SAMPLE_RATE)
    part = event[: max(0, len(clip) - start)]
    clip[start : start + len(part)] += part


def _samples(seconds: float) -> int:
    return max(64, int(seconds * SAMPLE_RATE))


def _log(rng: Generator, low: float, high: float) -> float:
    """A random number, spread evenly over its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


# --- ten classes, and two ----------------------------------------------------------------------
# Each takes the generator of its recording, then that of the clip, and returns float64 (SAMPLES,).
# From the first it draws a fixed number of times, so that clips of a recording share their source.


def _dog(source: Generator, rng: Generator) -> np.ndarray:
    pitch = _log(source, 220, 850)
    size = (pitch / 450) ** 0.5
    long, rough, manner = source.uniform(0.12, 0.26), source.uniform(0.2, 1.0), source.random()
    formants = [
        (source.uniform(600, 950) * size, 450, 0),
        (source.uniform(1200, 1800) * size, 600, source.uniform(-6, 2)),
        (source.uniform(2600, 3600) * size, 900, source.uniform(-14, -4)),
    ]
    gap = source.uniform(0.25, 0.75)
    clip = np.zeros(SAMPLES)
    at = rng.uniform(0.05, 0.6)
    count = rng.integers(1, 3) if manner < 0.3 else rng.integers(3, 9)
    for i in range(count):
        n = _samples(long * rng.uniform(0.75, 1.3))
        u = np.linspace(0, 1, n)
        glide = 0.72 + 0.5 * np.sin(np.pi * u**0.55) - 0.25 * u
        f0 = pitch * rng.uniform(0.9, 1.12) * glide * (1 + 0.02 * _wander(rng, n, 60))
        half = np.pi * np.cumsum(f0) / SAMPLE_RATE  # a folded voice: every other pulse is weaker
        voice = _train(f0) * (1 + 0.6 * rough * np.cos(half) + 0.4 * rough * _wander(rng, n, 90))
        voice += (0.15 + 0.5 * rough * (1 - u)) * rng.standard_normal(n)
        _put(clip, _throat(voice, formants, -2) * _swell(n, 0.025, 1.2) * rng.uniform(0.6, 1), at)
        pair = 0.5 < manner < 0.7 and i % 2 == 0
        at += n / SAMPLE_RATE + (0.08 if pair else gap * rng.uniform(0.6, 1.6))
    return clip


def _rooster(source: Generator, rng: Generator) -> np.ndarray:
    pitch = source.uniform(420, 700)
    rough, breath = source.uniform(0.1, 0.9), source.uniform(0.05, 0.4)
    formants = [
        (source.uniform(1000, 1500), 700, 0),
        (source.uniform(2100, 3000), 900, source.uniform(-6, 3)),
        (source.uniform(4500, 6000), 1500, source.uniform(-20, -6)),
    ]
    lengths = source.uniform((0.12, 0.1, 0.2, 0.7), (0.26, 0.22, 0.45, 1.5))
    heights = source.uniform((0.75, 0.9, 1.05, 1.2), (0.95, 1.1, 1.25, 1.5))
    fall = source.uniform(0.55, 0.85)
    clip = np.zeros(SAMPLES)
    at = rng.uniform(0.05, 1.2)
    for i in range(4):
        n = _samples(lengths[i] * rng.uniform(0.9, 1.1))
        u = np.linspace(0, 1, n)
        last = i == 3
        glide = 0.94 + 0.08 * np.sin(np.pi * np.minimum(1, 1.3 * u))
        if last:
            glide *= 1 - (1 - fall) * np.clip((u - 0.55) / 0.45, 0, 1) ** 1.5
        f0 = pitch * heights[i] * glide * (1 + 0.006 * _wander(rng, n, 25))
        half = np.pi * np.cumsum(f0) / SAMPLE_RATE
        voice = _train(f0) * (1 + 0.5 * rough * np.cos(half)) + breath * rng.standard_normal(n)
        loud = (0.5, 0.7, 0.9, 1.0)[i]
        _put(clip, loud * _throat(voice, formants, -2) * _hump(n, 0.12), at)
        at += n / SAMPLE_RATE + rng.uniform(0.01, 0.07)
    return clip


def _rain(source: Generator, rng: Generator) -> np.ndarray:
    bright, low = source.uniform(-14, 2), source.uniform(-14, 4)
    rate, weight = _log(source, 60, 1500), source.uniform(0.15, 0.9)
    modes = np.exp(source.uniform(np.log(900), np.log(7000), 7))
    fading = np.exp(source.uniform(np.log(0.0002), np.log(0.002), 7))
    colour = {60: low, 400: -2, 1500: 0, 4000: bright / 2, 8000: bright}
    steady = _noise(rng, SAMPLES, colour) * (1 + 0.06 * _wander(rng, SAMPLES, 2))
    drops = np.zeros(SAMPLES)
    for hz, seconds in zip(modes, fading, strict=True):
        count = rng.poisson(rate * SECONDS / 7)
        sizes = rng.lognormal(0, 0.9, count) * rng.choice((-1, 1), count)
        drops += _rung(_strikes(SAMPLES, rng.uniform(0, SECONDS, count), sizes), hz, seconds)
    return steady + weight * drops / max(1e-9, np.sqrt(np.mean(drops**2)))


def _sea(source: Generator, rng: Generator) -> np.ndarray:
    calm, hiss = source.uniform(0.15, 0.6), source.uniform(0.4, 1.3)
    rise, fall = source.uniform(0.5, 1.8), source.uniform(1.2, 3.5)
    tilt, every = source.uniform(-6, 4), source.uniform(2.5, 6)
    t = np.arange(SAMPLES) / SAMPLE_RATE
    swell = np.zeros(SAMPLES)
    crest = rng.uniform(-1.5, 2.5)
    while crest < SECONDS + rise:
        since = t - crest
        up = np.exp(-((np.minimum(since, 0) / rise) ** 2))
        swell += rng.uniform(0.5, 1) * up * np.exp(-np.maximum(since, 0) / fall)
        crest += every * rng.uniform(0.7, 1.3)
    swell *= 1 + 0.12 * _wander(rng, SAMPLES, 6)
    dark = _noise(rng, SAMPLES, {40: 2, 250: 0, 900: -9, 3000: -22, 8000: -38})
    foam = _noise(rng, SAMPLES, {80: -14, 500: -4, 1500: 0, 4000: -5 + tilt, 8000: -14 + tilt})
    return dark * (calm + 0.6 * swell) + hiss * foam * (0.06 + np.maximum(swell, 0) ** 1.7)


def _fire(source: Generator, rng: Generator) -> np.ndarray:
    rate, wildness = _log(source, 6, 70), source.uniform(0.5, 1.1)
    roar, floor = _log(source, 0.004, 0.07), _log(source, 0.0005, 0.006)
    modes = np.exp(source.uniform(np.log(900), np.log(6500), 5))
    fading = np.exp(source.uniform(np.log(0.0001), np.log(0.0009), 5))
    pops = source.uniform(250, 800)
    times = rng.uniform(0, SECONDS, rng.poisson(rate * SECONDS / 2))
    children = rng.poisson(1.2, len(times))  # a crackle brings others along
    times = np.concatenate(
        [times, np.repeat(times, children) + rng.exponential(0.04, sum(children))]
    )
    strengths = rng.lognormal(0, wildness, len(times)) * rng.choice((-1, 1), len(times))
    mode = rng.integers(0, 6, len(times))
    clip = np.zeros(SAMPLES)
    for k in range(5):
        chosen = mode == k
        clip += _rung(_strikes(SAMPLES, times[chosen], strengths[chosen]), modes[k], fading[k])
    chosen = mode == 5
    snaps = _strikes(SAMPLES, times[chosen], 1.5 * strengths[chosen])
    clip += 1.5 * snaps + 0.2 * _rung(snaps, pops, 0.003)
    clip /= np.abs(clip).max() + 1e-9
    flutter = 1 + 0.35 * _wander(rng, SAMPLES, 7)
    clip += roar * flutter * _noise(rng, SAMPLES, {30: 0, 120: 0, 500: -14, 2000: -32, 8000: -55})
    return clip + floor * _noise(rng, SAMPLES, {60: -6, 1500: 0, 8000: -4})


def _baby(source: Generator, rng: Generator) -> np.ndarray:
    pitch, long = source.uniform(330, 560), source.uniform(0.5, 1.2)
    rest = source.uniform(0.2, 0.5)
    formants = [
        (source.uniform(950, 1600), 700, 0),
        (source.uniform(2600, 3600), 1100, source.uniform(-8, 3)),
        (source.uniform(4800, 6800), 1800, source.uniform(-22, -8)),
    ]
    shake, speed, rough = source.uniform(0.005, 0.03), source.uniform(4, 8), source.uniform(0, 0.9)
    tilt = source.uniform(-3, 1)
    clip = np.zeros(SAMPLES)
    at = rng.uniform(0, 0.5)
    while at < SECONDS - 0.4:
        n = _samples(long * rng.uniform(0.6, 1.3))
        u, t = np.linspace(0, 1, n), np.arange(n) / SAMPLE_RATE
        top = rng.uniform(0.2, 0.45)
        glide = 0.78 + rng.uniform(0.2, 0.4) * np.sin(np.pi * np.clip(u, 0, 1) ** 0.6) * (
            1 - top * u
        )
        f0 = (
            pitch
            * glide
            * (1 + shake * np.sin(2 * np.pi * speed * t) + 0.008 * _wander(rng, n, 20))
        )
        half = np.pi * np.cumsum(f0) / SAMPLE_RATE
        crack = rough * np.exp(-(((u - rng.uniform(0.3, 0.7)) / 0.2) ** 2))
        voice = _train(f0) * (1 + 0.8 * crack * np.cos(half)) * (1 + 0.15 * _wander(rng, n, 12))
        voice += (0.06 + 0.5 * crack) * rng.standard_normal(n)
        _put(clip, _throat(voice, formants, tilt) * _hump(n, 0.18) * rng.uniform(0.7, 1), at)
        at += n / SAMPLE_RATE
        breath = _samples(rng.uniform(0.15, 0.3))
        air = _noise(rng, breath, {200: -20, 1200: 0, 3000: -3, 8000: -18})
        _put(clip, 0.06 * air * _hump(breath, 0.4), at + 0.03)
        at += max(0.1, rest * rng.uniform(0.6, 1.5))
        if rng.random() < 0.08:
            break
    return clip


def _sneeze(source: Generator, rng: Generator) -> np.ndarray:
    pitch, small = source.uniform(110, 330), source.uniform(0.9, 1.25)
    vowel = [
        (source.uniform(380, 750) * small, 250, 0),
        (source.uniform(900, 1500) * small, 400, -4),
        (2700 * small, 700, -12),
    ]
    hiss, width = source.uniform(1800, 4200), source.uniform(900, 2600)
    teeth = [(vowel[1][0], 500, -6), (hiss, width, 0), (6500, 2500, source.uniform(-12, 0))]
    inhales, voiced = source.random(), source.uniform(0.15, 1.0)
    clip = np.zeros(SAMPLES)
    at = rng.uniform(0.05, 1.5)
    for _ in range(rng.choice((1, 1, 1, 2))):
        if inhales < 0.65:
            n = _samples(rng.uniform(0.25, 0.6))
            u = np.linspace(0, 1, n)
            air = _throat(rng.standard_normal(n), vowel, -3)
            gasp = _throat(_train(pitch * (1 + 0.35 * u)), vowel, -4)
            _put(clip, 0.15 * (air + inhales * gasp) * u**1.5 * _hump(n, 0.08), at)
            at += n / SAMPLE_RATE + rng.uniform(0.03, 0.18)
        n = _samples(rng.uniform(0.12, 0.32))
        burst = _throat(rng.standard_normal(n), teeth, 0) * (1 + 0.3 * _wander(rng, n, 30))
        _put(clip, 0.7 * burst * _swell(n, 0.006, 1.2), at)
        m = _samples(rng.uniform(0.18, 0.45))
        u = np.linspace(0, 1, m)
        f0 = pitch * rng.uniform(1.2, 1.6) * (1 - 0.4 * u) * (1 + 0.015 * _wander(rng, m, 40))
        cry = _throat(_train(f0) + 0.3 * rng.standard_normal(m), vowel, -3)
        _put(clip, 0.8 * voiced * cry * _swell(m, 0.05, 1.5), at + 0.45 * n / SAMPLE_RATE)
        at += n / SAMPLE_RATE + m / SAMPLE_RATE + rng.uniform(0.3, 1.2)
    return clip


def _clock(source: Generator, rng: Generator) -> np.ndarray:
    period, swing = _log(source, 0.19, 1.02), source.uniform(-0.08, 0.08)
    modes = np.exp(source.uniform(np.log(500), np.log(7000), 6))
    fading = np.exp(source.uniform(np.log(0.0004), np.log(0.006), 6))
    weights = source.lognormal(0, 0.7, 6)
    tock, parts = source.uniform(0.75, 1.0), source.integers(1, 4)
    offsets = np.cumsum(source.uniform(0.003, 0.025, 4)) - 0.003
    first = rng.uniform(0, period)
    beats = np.arange(first, SECONDS, period)
    odd = np.arange(len(beats)) % 2 == 1
    beats = beats + swing * period * odd + rng.normal(0, 0.0008, len(beats))
    clip = np.zeros(SAMPLES)
    for which, shift in ((~odd, 1.0), (odd, tock)):
        struck = np.zeros(SAMPLES)
        for part in range(parts):
            strengths = (0.4, 1.0, 0.6)[part] * rng.uniform(0.8, 1.1, which.sum())
            struck += _strikes(SAMPLES, beats[which] + offsets[part], strengths)
        for hz, seconds, weight in zip(modes, fading, weights, strict=True):
            clip += weight * _rung(struck, min(7400.0, hz * shift), seconds)
        clip += struck
    return clip


def _helicopter(source: Generator, rng: Generator) -> np.ndarray:
    rate, sharp = source.uniform(9, 26), source.uniform(0.006, 0.03)
    distance, whine = source.uniform(0, 1), source.uniform(500, 2400)
    air, turbine = source.uniform(0.05, 0.35), _log(source, 0.003, 0.1)
    thump = source.uniform(45, 110)
    nearer, passing = source.uniform(-1, 1), source.random()
    t = np.arange(SAMPLES) / SAMPLE_RATE
    blades = np.arange(rng.uniform(0, 1 / rate), SECONDS, 1 / rate)
    blades = blades + rng.normal(0, 0.002 / rate, len(blades))
    strengths = (1 + 0.25 * (np.arange(len(blades)) % 2)) * rng.uniform(0.85, 1.1, len(blades))
    struck = _strikes(SAMPLES, blades, strengths)
    chop = _rung(struck, thump, sharp) + 0.5 * _rung(struck, 2.3 * thump, 0.6 * sharp)
    chop += 0.25 * _rung(struck, 6.1 * thump, 0.25 * sharp)
    gusts = np.cos(np.pi * rate * (t - blades[0])) ** 8
    dull = -12 - 22 * distance
    colour = {50: 0, 300: -2, 1200: -8 + dull / 4, 4000: dull, 8000: dull - 12}
    wash = _noise(rng, SAMPLES, colour) * (air + gusts)
    phase = 2 * np.pi * whine * (t + 0.0004 * np.cumsum(_wander(rng, SAMPLES, 2)) / SAMPLE_RATE)
    tone = np.sin(phase) + 0.4 * np.sin(2 * phase)
    clip = chop / np.abs(chop).max() + 0.35 * wash + turbine * (1 - distance) * tone
    level = 1 + 0.45 * nearer * np.linspace(-1, 1, SAMPLES)
    if passing < 0.25:
        level = level * np.exp(-(((t - rng.uniform(1, 4)) / 1.6) ** 2))
    return clip * level * (1 + 0.05 * _wander(rng, SAMPLES, 3))


def _chainsaw(source: Generator, rng: Generator) -> np.ndarray:
    idle, top = source.uniform(38, 60), source.uniform(95, 180)
    muffler = [
        (source.uniform(250, 550), 250, 0),
        (source.uniform(900, 1600), 500, -3),
        (source.uniform(2400, 3600), 1200, -6),
        (source.uniform(4500, 6500), 2500, -9),
    ]
    uneven, chain, habit = source.uniform(0.1, 0.35), source.uniform(0.15, 0.6), source.random()
    knots = [rng.uniform(0, 0.3) if rng.random() < 0.35 + 0.3 * habit else 1.0 for _ in range(9)]
    if habit < 0.4:
        knots = rng.uniform(0.8, 1, 9)
    throttle = np.repeat(knots, -(-SAMPLES // 9))[:SAMPLES]
    width = _samples(rng.uniform(0.12, 0.35))
    padded = np.concatenate([np.full(width, throttle[0]), throttle])
    summed = np.cumsum(padded)
    throttle = ((summed[width:] - summed[:-width]) / width)[:SAMPLES]
    f0 = (idle + (top - idle) * throttle) * (1 + 0.008 * _wander(rng, SAMPLES, 15))
    turns = np.cumsum(f0) / SAMPLE_RATE
    firings = np.searchsorted(turns, np.arange(1, int(turns[-1]))) / SAMPLE_RATE
    firings = firings + rng.normal(0, 0.0001, len(firings))
    strengths = 1 + uneven * rng.standard_normal(len(firings))
    strengths[::2] *= 1 + uneven
    struck = _strikes(SAMPLES, firings, strengths)
    blast = _rung(np.abs(struck), 60, 0.0012)  # each firing blows for a millisecond or two
    roar = rng.standard_normal(SAMPLES) * np.abs(blast)
    bangs = _throat(struck + 0.5 * roar, muffler, -2)
    teeth = _noise(rng, SAMPLES, {300: -25, 1500: -8, 3500: 0, 8000: -4}) * throttle
    return (bangs + 0.5 * chain * teeth) * (0.3 + 0.7 * throttle)


def _siren(source: Generator, rng: Generator) -> np.ndarray:
    kind = source.choice(("wail", "yelp", "two tones", "hand-cranked"))
    low, high = source.uniform(420, 750), source.uniform(1.6, 2.6)
    speed, edge, coming = source.uniform(0.8, 1.25), source.uniform(2.5, 9), source.uniform(-1, 1)
    t = np.arange(SAMPLES) / SAMPLE_RATE + rng.uniform(0, 6)
    if kind == "two tones":
        f0 = np.where((0.9 * speed * t) % 1 < 0.5, low, low * 4 / 3)
        f0 = np.convolve(np.pad(f0, (100, 99), "edge"), np.full(200, 1 / 200), "valid")
    elif kind == "hand-cranked":
        f0 = 0.6 * low * high ** (0.5 - 0.5 * np.cos(2 * np.pi * 0.11 * speed * t))
    else:
        cycle = ((0.28 if kind == "wail" else 3.2) * speed * t) % 1
        f0 = low * high ** np.where(cycle < 0.55, cycle / 0.55, (1 - cycle) / 0.45)
    f0 = f0 * (1 - 0.02 * coming * np.tanh(np.linspace(-2, 2, SAMPLES) - rng.uniform(-1, 1)))
    theta = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    before, now, twice = np.zeros(SAMPLES), np.sin(theta), 2 * np.cos(theta)
    clip = np.zeros(SAMPLES)
    for k in range(1, 1 + int(7600 / f0.max())):
        clip += now * np.exp(-((k - 1) / edge)) * (1.0 if k % 2 else 0.45)
        before, now = now, twice * now - before
    return clip * (1 + 0.4 * coming * np.linspace(-1, 1, SAMPLES))


def _glass(source: Generator, rng: Generator) -> np.ndarray:
    heavy = source.uniform(0.2, 1)
    lowest, long = source.uniform(900, 2200), source.uniform(0.03, 0.11)
    shards, spread = source.integers(15, 70), source.uniform(0.15, 0.6)
    clip = np.zeros(SAMPLES)
    at = rng.uniform(0.05, 2.2)
    n = _samples(rng.uniform(0.12, 0.3))
    crash = _noise(rng, n, {200: -18, 1500: -6, 3500: 0, 8000: -3})
    _put(clip, 0.7 * crash * _swell(n, 0.001, 4), at)
    thud = _rung(_strikes(n, np.array([0.001]), 1.0), rng.uniform(120, 350), 0.02)
    _put(clip, heavy * thud, at)
    first = np.exp(rng.uniform(np.log(lowest), np.log(7600), 28))
    times = np.concatenate([rng.exponential(0.012, 28), np.sort(rng.exponential(spread, shards))])
    tones = np.concatenate([first, np.exp(rng.uniform(np.log(1.4 * lowest), np.log(7700), shards))])
    loud = rng.lognormal(-1.6, 0.7, len(times)) * np.exp(-times / (1.2 * spread))
    fading = long * rng.lognormal(-0.4, 0.5, len(times)) * (3000 / tones) ** 0.5
    u = np.arange(_samples(0.3)) / SAMPLE_RATE
    for time, hz, strength, seconds in zip(times, tones, loud, fading, strict=True):
        m = min(len(u), _samples(5 * seconds))
        partner = hz * rng.uniform(1.2, 1.7)
        ring = np.sin(2 * np.pi * hz * u[:m])
        if partner < 7800:
            ring += 0.6 * np.sin(2 * np.pi * partner * u[:m])
        _put(clip, strength * np.exp(-u[:m] / seconds) * ring, at + time)
    return clip


_MAKERS: tuple[Callable[[Generator, Generator], np.ndarray], ...] = (
    _dog,
    _rooster,
    _rain,
    _sea,
    _fire,
    _baby,
    _sneeze,
    _clock,
    _helicopter,
    _chainsaw,
    _siren,
    _glass,
)


# --- where it was recorded ---------------------------------------------------------------------


def _recorded(clip: np.ndarray, source: Generator, rng: Generator) -> np.ndarray:
    """Place a clip: a room or the open, a background, a level; int16 (SAMPLES,)."""
    from scipy.fft import irfft, next_fast_len, rfft

    indoors, fading = source.random(), source.uniform(0.12, 0.7)
    wet, far = source.uniform(0.03, 0.3), source.uniform(0, 9)
    under, tilt = source.uniform(26, 72), source.uniform(-7, -2)
    peak = source.uniform(-16, -0.5)
    n = _samples(0.7 * fading)
    size = next_fast_len(SAMPLES + n, real=True)
    path = _gain(size, {20: -30, 40: 0, 2500: 0, 8000: -far})
    if indoors < 0.5:
        tail = source.standard_normal(n) * 10 ** (-3 * np.arange(n) / SAMPLE_RATE / fading)
        tail *= wet / np.sqrt(np.sum(tail**2))
        path = path * (
            1 + rfft(tail.astype(np.float32), size) * _gain(size, {100: 0, 2000: -2, 8000: -12})
        )
    clip = irfft(rfft(clip.astype(np.float32), size) * path, size)[:SAMPLES]
    clip = clip / np.abs(clip).max()
    level = np.sqrt(np.max(np.mean(np.square(clip).reshape(-1, 400), axis=1)))
    around = _noise(rng, SAMPLES, {50: -14, 200: 0, 8000: tilt * 5})
    clip = clip + level * 10 ** (-under / 20) * around
    clip = clip * (10 ** ((peak + rng.uniform(-2, 0)) / 20) / np.abs(clip).max())
    return np.rint(clip * 32767).astype(np.int16)


def built_in_sounds(seed: int = 0) -> Sounds:
    """Synthesise 12 classes × 40 clips of five seconds; return `Sounds` at 16 kHz in five folds.

    A fold holds eight clips of a class, cut from six recordings; no recording is in two folds. Not
    kept on disk: see `load_builtin_sounds`.

    Chapter: 2.4
    """
    made, labels, folds, names, recordings = [], [], [], [], []
    for label, name in enumerate(CLASSES):
        for fold in range(1, FOLDS + 1):
            for recording, clips in enumerate(CLIPS_OF_RECORDINGS):
                for clip in range(clips):
                    made.append(_one(seed, label, fold, recording, clip))
                    labels.append(label)
                    folds.append(fold)
                    recordings.append(f"{name} {fold}.{recording}")
                    names.append(f"{fold}-{name}-{recording}{'AB'[clip]}")
    return _sounds_of(made, labels, folds, names, recordings)


def _one(seed, label, fold, recording, clip):
    rng = np.random.default_rng((seed, label, fold, recording, clip))
    sound, place = (np.random.default_rng((seed, label, fold, recording, 9, i)) for i in (0, 1))
    return _recorded(_MAKERS[label](sound, rng), place, rng)


def _sounds_of(made, labels, folds, names, recordings):
    return Sounds(
        audio=[clip / np.float32(32768) for clip in made],
        labels=labels,
        classes=list(CLASSES),
        folds=folds,
        names=names,
        recordings=recordings,
        sample_rate=SAMPLE_RATE,
        source="builtin",
        origin="built-in",
        licence="CC BY 4.0",
        citation="",
        credit=CREDIT,
        credits=np.full(len(made), CREDIT),
    )


def load_builtin_sounds() -> Sounds:
    """The built-in sounds, from the cache or made now (in some ten seconds) and cached.

    Chapter: 2.4
    """
    made_from = recipe((sys.modules[__name__], _sounds), ("numpy", "scipy"))
    return kept("sounds", made_from, built_in_sounds, _pack, _unpack)


def _pack(sounds):
    columns = ("labels", "folds", "names", "recordings")
    samples = np.stack([np.rint(clip * 32768).astype(np.int16) for clip in sounds.audio])
    return {"samples": samples, **{name: getattr(sounds, name) for name in columns}}


def _unpack(arrays):
    columns = ("labels", "folds", "names", "recordings")
    return _sounds_of(list(arrays["samples"]), *(arrays[name] for name in columns))
