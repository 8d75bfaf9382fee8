"""Take noise away from a sound: spectral subtraction, a decision-directed Wiener filter, ideals.

All cut the sound into short overlapping frames, give every frequency of every frame a gain from 0
to 1, and put the frames together again. They differ in the gain. Chapter: 2.2
"""

import math

import numpy as np

from helpers import audio
from helpers.errors import ShapeError
from helpers.features import FrontEnd, istft, pad_ends, stft

WINDOW = 0.032
"""Seconds: the length of a frame; the hop is a quarter of it."""


def front_end(sample_rate):
    """The frames that this module works on: a `FrontEnd` of `WINDOW` seconds. Chapter: 2.2"""
    rate = audio.check_rate(sample_rate)
    n_fft = 4 * round(WINDOW * rate / 4)
    return FrontEnd(sample_rate=rate, n_fft=n_fft, hop=n_fft // 4, fmax=rate / 2)


def noise_power(power, quantile=0.3):
    """Power of the noise at each frequency, guessed from the noisy sound: (k, bins) → (bins,).

    At most frequencies there is no speech most of the time, so a low quantile over time is a
    quantile of the noise alone. The power of Gaussian noise in one bin follows an exponential
    distribution, whose quantile q lies at −ln(1 − q) times its mean: dividing by that gives the
    mean. Raises ValueError for a quantile outside (0, 1).

    Chapter: 2.2
    Source: [stahl2000quantile]
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile is {quantile}; it must lie between 0 and 1, such as 0.3")
    return np.quantile(power, quantile, axis=0) / -math.log(1 - quantile)


def spectral_subtraction(samples, sample_rate, noise=None, floor=0.1):
    """Subtract the noise's mean magnitude from the magnitude of every bin: float32 (n,) → (n,).

    noise: float (m,), a stretch of noise alone; without it the noise is guessed by `noise_power`.
    floor: the smallest gain, 0 … 1. The phase stays that of the noisy sound.

    Raises AudioError for samples that are not sound, ValueError for a floor outside [0, 1].

    Chapter: 2.2
    Source: [boll1979suppression]
    """
    spectra, noise_mean, frames = _prepare(samples, sample_rate, noise, floor)
    magnitude = np.abs(spectra)
    level = np.sqrt(math.pi / 4 * noise_mean)  # the mean of a magnitude whose square has that mean
    gain = np.maximum(1 - level / np.maximum(magnitude, 1e-12), floor)
    return istft(gain * spectra, frames, len(samples))


def wiener(samples, sample_rate, noise=None, floor=0.1, smoothing=0.98):
    """Wiener filter with the decision-directed signal-to-noise ratio: float32 (n,) → (n,).

    The gain is ξ / (1 + ξ), ξ being the ratio of speech to noise power in the bin. It is a mean of
    what the last frame's result says (weight `smoothing`, 0 … 1) and what this frame says: that
    keeps single bins from flashing up. noise, floor: as in `spectral_subtraction`.

    Raises AudioError for samples that are not sound, ValueError for a setting outside [0, 1].

    Chapter: 2.2
    Source: [ephraim1984speech]
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing is {smoothing}; it must lie in [0, 1], such as 0.98")
    spectra, noise_mean, frames = _prepare(samples, sample_rate, noise, floor)
    posterior = np.abs(spectra) ** 2 / np.maximum(noise_mean, 1e-20)
    gains = np.empty_like(posterior)
    before = np.maximum(posterior[0] - 1, 0)
    for t, now in enumerate(posterior):
        prior = smoothing * before + (1 - smoothing) * np.maximum(now - 1, 0)
        gains[t] = np.maximum(prior / (1 + prior), floor)
        before = gains[t] ** 2 * now
    return istft(gains * spectra, frames, len(samples))


def ideal_ratio_mask(samples, clean, sample_rate, phase=False):
    """What the best gains from 0 to 1 would give, to somebody who knows the speech: (n,) → (n,).

    samples: the noisy sound, clean: the speech in it, both float (n,). The gain of a bin is
    √(S² / (S² + N²)), S and N being the magnitudes of speech and noise; the phase stays that of
    the noisy sound. phase=True takes the gain that brings the bin nearest to the speech instead,
    S/X · cos of the angle between speech and noisy sound, held to 0 … 1. Float32.

    Raises ShapeError for different lengths, AudioError for samples that are not sound.

    Chapter: 6.3
    Source: [wang2014training]; with phase [erdogan2015phase]
    """
    x, s = audio.check_samples(samples), audio.check_samples(clean, "clean")
    if len(x) != len(s):
        raise ShapeError(f"samples are {len(x)} long and clean is {len(s)} long")
    frames = front_end(sample_rate)
    noisy, speech = (stft(pad_ends(sound, frames), frames) for sound in (x, s))
    if phase:
        gain = np.real(speech * noisy.conj()) / np.maximum(np.abs(noisy) ** 2, 1e-12)
        gain = np.clip(gain, 0, 1)
    else:
        speech_power, noise = np.abs(speech) ** 2, np.abs(noisy - speech) ** 2
        gain = np.sqrt(speech_power / np.maximum(speech_power + noise, 1e-12))
    return istft(gain * noisy, frames, len(x))


def _prepare(samples, sample_rate, noise, floor):
    """Spectra (k, bins) of a sound, the mean power of its noise (bins,), and their front end."""
    if not 0 <= floor <= 1:
        raise ValueError(f"floor is {floor}; it must lie in [0, 1], such as 0.1")
    frames = front_end(sample_rate)
    spectra = stft(pad_ends(samples, frames), frames)
    if noise is not None:
        return spectra, np.mean(np.abs(stft(noise, frames)) ** 2, axis=0), frames
    power = np.abs(spectra) ** 2
    inside = power[4:-4] if len(power) > 12 else power  # without the silence around the sound
    return spectra, noise_power(inside), frames
