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
