"""Augmentation of waveforms, one clip at a time: speed, shift, gain, noise, room.

NumPy, for listening and for small sets. Training on thousands of clips uses the same ideas on
pictures, in `helpers.models.augmentation`. Chapter: 5.2
"""

import numpy as np

from helpers import audio, rooms


def speed(samples, factor):
    """Play faster by `factor`, pitch rising with it: float32 (n,) → (about n / factor,).

    Raises ValueError for a factor outside 0.5 to 2, AudioError for samples that are not sound.

    Chapter: 5.2
    Source: [ko2015audio]
    """
    if not 0.5 <= factor <= 2:
        raise ValueError(f"the speed factor is {factor}; use one from 0.5 to 2")
    return audio.resample(samples, round(8000 * factor), 8000)


def shift(samples, offset):
    """Move by `offset` samples, later if positive, silence moving in: float32 (n,) → (n,).

    Raises ValueError if the whole clip would move out, AudioError for samples that are not sound.

    Chapter: 5.2
    """
    x = audio.check_samples(samples)
    if abs(offset) >= len(x):
        raise ValueError(f"an offset of {offset} moves all {len(x)} samples out of the clip")
    moved = np.zeros_like(x)
    if offset >= 0:
        moved[offset:] = x[: len(x) - offset]
    else:
        moved[:offset] = x[-offset:]
    return moved


def gain(samples, decibels):
    """Change the level by `decibels`: float32 (n,) → (n,). Nothing is clipped.

    Raises AudioError for samples that are not sound. Chapter: 5.2
    """
    return (audio.check_samples(samples) * audio.db_to_amplitude(decibels)).astype(np.float32)


def add_noise(samples, snr_db, rng, slope_db=-3.0):
    """Add coloured noise at a signal-to-noise ratio over the whole clip: float32 (n,) → (n,).

    Raises AudioError for samples that are not sound, or silent. Chapter: 5.2
    """
    x = audio.check_samples(samples)
    return audio.mix_at_snr(x, rooms.coloured_noise(len(x), slope_db, rng), snr_db)


def place_in_room(samples, impulse_response):
    """Put a clip into a room and cut the tail at the clip's end: float32 (n,) → (n,).

    Raises AudioError for samples that are not sound. Chapter: 5.2
    Source: [allen1979image]
    """
    x = audio.check_samples(samples)
    return rooms.reverberate(x, impulse_response)[: len(x)]


def strange_noise(n, sample_rate, rng):
    """Noise that nobody recorded, of a kind drawn by chance: float32 (n,), RMS 0.1.

    A third are coloured noise whose level wavers, a third bursts that die away, each with a
    colour and resonances of its own, and a third calls: harmonics of a gliding pitch that swell
    and stop. `rng` is a `numpy.random.Generator`.

    Raises ValueError for n below 1, BadSampleRate. Chapter: 6.3
    """
    rate = audio.check_rate(sample_rate)
    if n < 1:
        raise ValueError(f"n is {n}; noise needs at least one sample")
    kind = ("steady", "bursts", "calls")[int(rng.integers(3))]
    slope = rng.uniform(-9, 3)
    background = rooms.coloured_noise(n, slope, rng)
    if kind == "steady":
        sound = background * _wavering(n, rate, rng)
    else:
        sound = background * 10 ** rng.uniform(-3, -0.5)
        at = int(rng.uniform(0, 0.3) * rate)
        make = _burst if kind == "bursts" else _call
        gap = 10 ** rng.uniform(-1.2, 0.2)
        alike = make(rate, rng)
        while at < n:
            one = alike if rng.random() < 0.5 else make(rate, rng)
            one = one[: n - at] * rng.uniform(0.3, 1.0)
            sound[at : at + len(one)] += one
            at += int(len(one) * rng.uniform(0.3, 1.0) + rng.exponential(gap) * rate) + 1
    return (0.1 * sound / np.sqrt(np.mean(np.square(sound)) + 1e-20)).astype(np.float32)


def _wavering(n, rate, rng):
    """A level that goes up and down a few times a second: float (n,)."""
    knots = max(2, int(n / rate * rng.uniform(0.5, 12)) + 2)
    levels = rng.normal(0, rng.uniform(0, 8), knots)
    return 10 ** (np.interp(np.linspace(0, knots - 1, n), np.arange(knots), levels) / 20)


def _burst(rate, rng):
    """A noise that dies away, with one or two resonances: float (m,), RMS about 0.3."""
    from scipy.signal import lfilter

    decay = 10 ** rng.uniform(-2.3, -0.5)
    m = int(min(1.0, 5 * decay) * rate)
    sound = rooms.coloured_noise(m, rng.uniform(-9, 6), rng)
    for _ in range(int(rng.integers(1, 3))):
        turn, r = 2 * np.pi * rng.uniform(200, 0.4 * rate) / rate, rng.uniform(0.6, 0.99)
        sound = lfilter([1], [1, -2 * r * np.cos(turn), r * r], sound)
    sound = sound * np.exp(-np.arange(m) / (decay * rate))
    return 0.3 * sound / np.sqrt(np.mean(sound**2) + 1e-12)


def _call(rate, rng):
    """Harmonics of a gliding pitch under an envelope: float (m,), RMS about 0.3."""
    seconds = 10 ** rng.uniform(-1.0, 0.3)
    m = int(seconds * rate)
    knots = int(rng.integers(2, 6))
    places = np.linspace(0, knots - 1, m)
    glide = np.interp(places, np.arange(knots), rng.normal(0, 0.2, knots))
    pitch = 10 ** rng.uniform(1.9, 3.2) * 2**glide
    turns = 2 * np.pi * np.cumsum(pitch) / rate
    centre, width = rng.uniform(300, 4000), rng.uniform(300, 3000)
    sound = np.zeros(m)
    for order in range(1, 25):
        if order * pitch.max() >= rate / 2:
            break
        strength = np.exp(-0.5 * ((order * pitch - centre) / width) ** 2) + 0.1 / order
        sound += strength * np.cos(order * turns + rng.uniform(0, 2 * np.pi))
    sound += rng.uniform(0, 1) * rooms.coloured_noise(m, rng.uniform(-6, 3), rng)
    rise = rng.uniform(0.05, 0.5)
    t = np.linspace(0, 1, m)
    sound = sound * np.minimum(1, np.minimum(t / rise, (1 - t) / (1 - rise)))
    return 0.3 * sound / np.sqrt(np.mean(sound**2) + 1e-12)
