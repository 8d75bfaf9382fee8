"""Other conditions than those of the training: noise, rooms, telephones, and the rest.

Each condition changes a clip as the world might, in the waveform and by other means than the
augmentation of `helpers.models.augmentation`, which works on pictures. A clip's change depends on
the clip's number and a seed, so that all recognisers hear the same. Chapter: 8.5
"""

import functools
from dataclasses import replace

import numpy as np

from helpers import audio, augment, codecs, rooms

CONDITIONS = (
    "as recorded",
    "noise 20 dB",
    "noise 10 dB",
    "noise 0 dB",
    "strange noise",
    "room",
    "telephone",
    "codec",
    "fading",
    "holes",
    "fast",
)
"""Names of the conditions, the first without any change. Chapter: 8.5"""

UNFORESEEN = ("strange noise", "codec")
"""Conditions for which no augmentation was made. Chapter: 8.5"""

ROOMS = 12
SECONDS = 1.022
"""As long as the recogniser's picture: noise goes on before and after a word."""


def shifted(clips, condition, seed=0):
    """All clips under another condition: as many Clips in the same order.

    `condition` is one of `CONDITIONS`:

    - noise 20, 10 or 0 dB: pink noise so far below the clip, from before it to after it, over
      `SECONDS` in all;
    - strange noise: the same with noise of a kind, colour and rhythm drawn anew, 10 dB below;
    - room: one of twelve rooms with reverberation times of 0.4 to 0.8 s, the tail kept;
    - telephone: only 300 to 2400 Hz, by a Butterworth filter of order 8;
    - codec: Opus at 6 kbit/s and back;
    - fading: the level falls by 25 dB along the clip, as when a speaker turns away;
    - holes: three pieces of 40 ms are lost, as in a bad connection;
    - fast: played 1.25 times as fast, so that tempo and throat change together.

    Raises ValueError for an unknown condition, and what the change raises: AudioSilent for a silent
    clip in noise.

    Chapter: 8.5
    """
    if condition not in CONDITIONS:
        raise ValueError(f"condition is {condition!r}; it must be one of {', '.join(CONDITIONS)}")
    if condition == CONDITIONS[0]:
        return clips
    change, number = _change(condition, clips.sample_rate), CONDITIONS.index(condition)
    sounds = [
        change(x, np.random.default_rng([85, seed, number, i])) for i, x in enumerate(clips.audio)
    ]
    return replace(clips, audio=sounds)


def _change(condition, rate):
    """A function (samples, generator) → samples."""
    if condition.startswith("noise"):
        snr = float(condition.split()[1])
        return lambda x, rng: amid(x, lambda n: rooms.coloured_noise(n, -3.0, rng), snr, rate)
    if condition == "room":
        bank = _rooms(rate)
        return lambda x, rng: rooms.reverberate(x, bank[rng.integers(len(bank))])
    return {
        "strange noise": lambda x, rng: amid(
            x, lambda n: augment.strange_noise(n, rate, rng), 10.0, rate
        ),
        "telephone": lambda x, rng: telephone(x, rate),
        "codec": lambda x, rng: coded(x, rate),
        "fading": lambda x, rng: fading(x),
        "holes": lambda x, rng: holes(x, rate, rng),
        "fast": lambda x, rng: augment.speed(x, 1.25),
    }[condition]


@functools.cache
def _rooms(rate):
    """The twelve rooms, with reflections enough for their tails."""
    return rooms.impulse_responses(ROOMS, rate, seed=85, reverberation=(0.4, 0.8), max_order=45)


def amid(samples, noise, snr_db, sample_rate):
    """A clip in the middle of noise: float32 (n,) → (max(n, `SECONDS`),).

    noise: a function of a number of samples. The clip's own power is `snr_db` above the noise's.
    Raises AudioSilent for a silent clip, and as `audio.check_samples`. Chapter: 8.5
    """
    from helpers.errors import AudioSilent

    x, rate = audio.check_samples(samples), audio.check_rate(sample_rate)
    if audio.is_silent(x):
        raise AudioSilent("the clip is silent: no noise is so far below it")
    n = max(len(x), round(SECONDS * rate))
    added = noise(n)
    level = audio.rms(x) / audio.rms(added) / audio.db_to_amplitude(snr_db)
    return (audio.fix_length(x, n) + level * added).astype(np.float32)


def telephone(samples, sample_rate, low=300.0, high=2400.0):
    """Only the band from `low` to `high` Hz: float32 (n,) → (n,); Butterworth, order 8.

    Raises ValueError unless 0 < low < high < half the rate, and as `audio.check_samples`.

    Chapter: 8.5
    """
    from scipy.signal import butter, sosfilt

    x, rate = audio.check_samples(samples), audio.check_rate(sample_rate)
    if not 0 < low < high < rate / 2:
        raise ValueError(
            f"the band runs from {low} to {high} Hz: it must rise and lie between 0 and half the "
            f"sample rate, {rate / 2} Hz"
        )
    band = butter(4, (low, high), "bandpass", fs=rate, output="sos")
    return sosfilt(band, x).astype(np.float32)


def coded(samples, sample_rate, kbit_per_s=6):
    """Through Opus and back: float32 (n,) → (n,). Raises as `codecs.codec_round_trip`.

    A clip under a tenth of a second is padded for the coder. Chapter: 8.5
    """
    x = audio.check_samples(samples)
    long_enough = audio.fix_length(x, max(len(x), sample_rate // 10), where="start")
    return codecs.codec_round_trip(long_enough, sample_rate, "opus", kbit_per_s).samples[: len(x)]


def fading(samples, decibels=25.0):
    """The level falls in a line by `decibels` from beginning to end: float32 (n,) → (n,).

    Raises as `audio.check_samples`. Chapter: 8.5
    """
    x = audio.check_samples(samples)
    return (x * audio.db_to_amplitude(np.linspace(0.0, -decibels, len(x)))).astype(np.float32)


def holes(samples, sample_rate, rng, count=3, seconds=0.04):
    """Lose `count` pieces of `seconds` at random places: float32 (n,) → (n,), zeros there.

    The pieces may overlap. A clip of which nothing would be left is refused with ValueError.

    Chapter: 8.5
    """
    x, width = audio.check_samples(samples).copy(), round(seconds * sample_rate)
    if count * width >= len(x):
        raise ValueError(
            f"{count} holes of {width} samples can swallow all {len(x)}: make them fewer or shorter"
        )
    for start in rng.integers(0, len(x) - width + 1, count):
        x[start : start + width] = 0.0
    return x
