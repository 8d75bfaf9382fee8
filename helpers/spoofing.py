"""Telling synthetic speech from recordings: features, a linear detector, copies to test it.

The detector is small on purpose. What it is shown, and through which channel each kind of speech
came, decides what it learns; chapter 8.7 measures that. Chapter: 8.7
"""

from dataclasses import dataclass

import numpy as np

from helpers import audio, rooms, vocoder
from helpers.features import (
    FrontEnd,
    griffin_lim,
    log_mel,
    mel_power,
    mel_to_magnitude,
    pad_ends,
)

RATE = 8000
FRONT_END = FrontEnd(n_mels=32)
"""What the detector looks at: frames of 32 ms every 10 ms, 32 bands."""

COPY_FRONT_END = FrontEnd(n_mels=64, hop=64)
"""From how fine a picture `copy_by_phases` makes its sound."""

RANGE_DB = 70.0
"""Levels further below the loudest point of a clip are taken as that far below."""

SNR_DB = (12.0, 25.0)
"""Range of the noise that `matched` adds."""

BAND = (300.0, 3400.0)
"""The band in Hz that `matched` lets through, that of a telephone."""


def statistics(samples):
    """What a clip sounds like on average: float (n,) at 8 kHz → float64 (96,).

    Of the log-mel picture, in dB relative to its loudest point: the mean over time of each of 32
    bands, the standard deviation, and the mean absolute change from frame to frame.

    Raises AudioSilent for silence and what `log_mel` raises. Chapter: 8.7
    """
    from helpers.errors import AudioSilent

    x = audio.check_samples(samples)
    if audio.is_silent(x):
        raise AudioSilent("the clip is silent from end to end: there is nothing to judge")
    x = audio.peak_normalise(audio.fix_length(x, max(len(x), 2 * FRONT_END.n_fft)), 1.0)
    picture = log_mel(x, FRONT_END).astype(np.float64)
    picture = np.maximum(picture - picture.max(), -RANGE_DB)
    change = np.abs(np.diff(picture, axis=0)).mean(axis=0)
    return np.concatenate([picture.mean(axis=0), picture.std(axis=0), change])


def matched(samples, rng):
    """The same channel for every clip: float (n,) at 8 kHz → float32 (m,).

    Silence at both ends is cut off, the band of a telephone is kept, coloured noise is added 12 to
    25 dB below the speech, and the peak is set to one. `rng` is a `numpy.random.Generator`.

    Raises what `trim_silence` raises. Chapter: 8.7
    """
    x = audio.trim_silence(audio.check_samples(samples), RATE, top_db=25.0)
    x = audio.low_pass(x, RATE, BAND[1])
    x = x - audio.low_pass(x, RATE, BAND[0])
    noise = rooms.coloured_noise(len(x), slope_db=rng.uniform(-6, 0), rng=rng)
    return audio.peak_normalise(audio.mix_at_snr(x, noise, rng.uniform(*SNR_DB)), 1.0)


@dataclass(frozen=True)
class Detector:
    """A linear detector: the higher its score, the more it takes a clip for a recording.

    weights: float64 (features,); bias: a float, so that training clips of both kinds score 0 on
    average; mean, deviation: (features,), of the training clips.

    Chapter: 8.7
    """

    weights: np.ndarray
    bias: float
    mean: np.ndarray
    deviation: np.ndarray

    def scores(self, features):
        """Scores, float64 (n,), of features (n, features)."""
        scaled = (np.asarray(features, dtype=float) - self.mean) / self.deviation
        return scaled @ self.weights + self.bias


def train(genuine, synthetic, ridge=0.1):
    """Fit a Detector to features of both kinds: (n, features) and (m, features).

    The linear discriminant: w = (S + ridge · I)⁻¹ (mean of genuine − mean of synthetic), S being
    the mean of the two covariances of the standardised features.

    Raises ValueError for fewer than two clips of a kind, and ShapeError for other shapes.

    Chapter: 8.7
    """
    from helpers.errors import ShapeError

    a, b = np.asarray(genuine, dtype=float), np.asarray(synthetic, dtype=float)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1:] != b.shape[1:]:
        raise ShapeError(f"the features are {a.shape} and {b.shape}: give (n, f) and (m, f)")
    if len(a) < 2 or len(b) < 2:
        raise ValueError(f"{len(a)} genuine and {len(b)} synthetic clips: give two or more of each")
    both = np.concatenate([a, b])
    mean, deviation = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-9)
    a, b = (a - mean) / deviation, (b - mean) / deviation
    within = (np.cov(a.T) + np.cov(b.T)) / 2 + ridge * np.eye(a.shape[1])
    weights = np.linalg.solve(within, a.mean(axis=0) - b.mean(axis=0))
    return Detector(
        weights, -float(weights @ (a.mean(axis=0) + b.mean(axis=0))) / 2, mean, deviation
    )


def copy_by_phases(samples, iterations=30, front_end=COPY_FRONT_END, rng=None):
    """The same words by a synthesiser: mel bands of the clip, then phases by Griffin–Lim.

    samples: float (n,) at the rate of `front_end`, 8 kHz by default → float32 (n,). What a neural
    voice does with the spectrogram that it has predicted; here the spectrogram is the clip's own.
    rng: as in `griffin_lim`. Raises what `log_mel` raises.

    Chapter: 8.7
    Source: [griffin1984signal]
    """
    x = audio.check_samples(samples)
    power = mel_power(pad_ends(x, front_end), front_end)
    magnitude = mel_to_magnitude(power, front_end, iterations)
    return griffin_lim(magnitude, front_end, iterations, length=len(x), rng=rng)[0]


def copy_by_pulses(samples):
    """The same words by another synthesiser: pulses and noise through the clip's own filters.

    samples: float (n,) at 8 kHz → float32 (n,), by linear prediction of order 12. Raises as
    `helpers.vocoder.analyse`. Chapter: 8.7
    Source: [atal1971speech]
    """
    parts = vocoder.analyse(samples, RATE, order=12)
    return vocoder.synthesise(parts, vocoder.excitation(parts))
