"""Time–frequency features: the short-time Fourier transform, mel bands, log-mel, MFCC.

NumPy throughout; `helpers.models.frontend` holds the same front end as a Keras layer, and a test
keeps the two equal. Chapter: 2.3
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from helpers.audio import check_samples


@dataclass(frozen=True)
class FrontEnd:
    """How sound becomes a picture: the settings of a log-mel front end.

    `sample_rate` in Hz; `n_fft` and `hop` in samples; `n_mels` bands from `fmin` to `fmax` Hz;
    `floor`, the power below which the logarithm does not look (full scale is 1).

    The frames are not centred: frame t covers samples t·hop … t·hop + n_fft − 1, so n samples
    give 1 + (n − n_fft) // hop frames, and a frame never looks into the future.

    Raises ValueError where a setting makes no sense.

    Chapter: 5.2
    """

    sample_rate: int = 8000
    n_fft: int = 256
    hop: int = 80
    n_mels: int = 40
    fmin: float = 60.0
    fmax: float = 4000.0
    floor: float = 1e-7

    def __post_init__(self):
        if not 0 < self.hop <= self.n_fft:
            raise ValueError(f"hop is {self.hop}; it must be from 1 to n_fft = {self.n_fft}")
        if not 0 <= self.fmin < self.fmax <= self.sample_rate / 2:
            raise ValueError(
                f"the bands run from {self.fmin} to {self.fmax} Hz; they must lie between 0 and "
                f"half the sample rate, {self.sample_rate / 2} Hz"
            )
        if self.n_mels < 1 or self.floor <= 0:
            raise ValueError("n_mels must be at least 1 and floor above 0")

    def frames(self, n_samples):
        """Number of frames of `n_samples` samples, 0 if they do not fill one. Chapter: 5.2"""
        return max(0, 1 + (n_samples - self.n_fft) // self.hop)


def hann(n_fft):
    """The periodic Hann window, float64 (n_fft,): 0.5 − 0.5 cos(2πi / n_fft). Chapter: 2.3"""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def hz_to_mel(hz):
    """Frequency in Hz to mel, by the formula 2595 log10(1 + f / 700). Chapter: 2.3

    Source: the form used by HTK; the scale itself is [stevens1937scale].
    """
    return 2595.0 * np.log10(1.0 + np.asarray(hz, float) / 700.0)


def mel_to_hz(mel):
    """Mel to frequency in Hz, the inverse of `hz_to_mel`. Chapter: 2.3"""
    return 700.0 * (10.0 ** (np.asarray(mel, float) / 2595.0) - 1.0)


@cache
def mel_matrix(front_end):
    """The mel filter bank, float32 (n_fft // 2 + 1, n_mels): power spectrum @ matrix = mel power.

    Triangles that reach 1 at their centre and 0 at their neighbours' centres, equally spaced in
    mel from `fmin` to `fmax`. A band too narrow to hold any bin of the spectrum raises ValueError,
    because it would stay silent for ever: use fewer bands or a longer `n_fft`.

    Chapter: 2.3
    Source: [davis1980comparison]
    """
    edges = mel_to_hz(
        np.linspace(hz_to_mel(front_end.fmin), hz_to_mel(front_end.fmax), front_end.n_mels + 2)
    )
    bins = np.fft.rfftfreq(front_end.n_fft, 1 / front_end.sample_rate)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - low) / (centre - low)
    falling = (high - bins[:, None]) / (high - centre)
    matrix = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    empty = np.flatnonzero(matrix.sum(axis=0) == 0)
    if len(empty):
        raise ValueError(
            f"mel band {empty[0]} of {front_end.n_mels} holds no bin of a {front_end.n_fft}-point "
            "spectrum: use fewer bands or a longer n_fft"
        )
    matrix.setflags(write=False)
    return matrix


def warp_matrix(front_end, factor):
    """Read each mel band at `factor` times its frequency: float32 (n_mels, n_mels).

    A picture (frames, n_mels) @ matrix is the picture of a throat that many times longer: what
    was at f Hz is found at f / factor. In between, values are interpolated; beyond the ends, the
    end bands are repeated. Raises ValueError for a factor that is not above 0.

    Chapter: 5.2
    Source: [jaitly2013vtlp]
    """
    if not factor > 0:
        raise ValueError(f"the factor on frequency is {factor}; it must be above 0")
    low, high = hz_to_mel(front_end.fmin), hz_to_mel(front_end.fmax)
    width = (high - low) / (front_end.n_mels + 1)
    bands = np.arange(front_end.n_mels)
    source = (hz_to_mel(factor * mel_to_hz(low + width * (bands + 1))) - low) / width - 1
    source = np.clip(source, 0, front_end.n_mels - 1)
    return np.maximum(0.0, 1.0 - np.abs(bands[:, None] - source)).astype(np.float32)


def stft(samples, front_end):
    """Short-time Fourier transform: float32 (n,) → complex64 (frames, n_fft // 2 + 1).

    Raises AudioError for samples that are not sound, AudioTooShort below one frame.

    Chapter: 2.3
    """
    from helpers.errors import AudioTooShort

    samples = check_samples(samples)
    if len(samples) < front_end.n_fft:
        raise AudioTooShort(
            f"{len(samples)} samples do not fill one frame of {front_end.n_fft}: "
            "pad with helpers.audio.fix_length"
        )
    frames = np.lib.stride_tricks.sliding_window_view(samples, front_end.n_fft)[:: front_end.hop]
    return np.fft.rfft(frames * hann(front_end.n_fft), axis=1).astype(np.complex64)


def mel_power(samples, front_end):
    """Mel power: float32 (n,) → float32 (frames, n_mels), at least `floor`.

    The power is scaled so that a full-scale sine at a band's centre gives about 1.

    Raises as `stft`. Chapter: 2.3
    """
    spectrum = np.abs(stft(samples, front_end)) * (2 / hann(front_end.n_fft).sum())
    power = (spectrum.astype(np.float32) ** 2) @ mel_matrix(front_end)
    return np.maximum(power, np.float32(front_end.floor))


def log_mel(samples, front_end):
    """Log-mel spectrogram in dB: float32 (n,) → float32 (frames, n_mels).

    10 log10 of `mel_power`; a full-scale sine gives about 0 dB. Raises as `stft`.

    Chapter: 5.2
    """
    return (10 * np.log10(mel_power(samples, front_end))).astype(np.float32)


def mfcc(samples, front_end, n_mfcc=13):
    """Mel-frequency cepstral coefficients: float32 (n,) → float32 (frames, n_mfcc).

    The orthonormal type-II cosine transform of the log-mel bands. Raises as `stft`, and
    ValueError if `n_mfcc` is not from 1 to `n_mels`.

    Chapter: 2.3
    Source: [davis1980comparison]
    """
    if not 1 <= n_mfcc <= front_end.n_mels:
        raise ValueError(f"n_mfcc is {n_mfcc}; it must be from 1 to n_mels = {front_end.n_mels}")
    from scipy.fft import dct

    return dct(log_mel(samples, front_end), norm="ortho", axis=1)[:, :n_mfcc].astype(np.float32)
