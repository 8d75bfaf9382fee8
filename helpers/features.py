"""Time–frequency features: the short-time Fourier transform, mel bands, log-mel, MFCC.

NumPy throughout; `helpers.models.frontend` holds the same front end as a Keras layer, and a test
keeps the two equal. Chapter: 2.3
"""

from dataclasses import dataclass
from functools import cache, lru_cache

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


# --- from features back to sound ---------------------------------------------------------------


def pad_ends(samples, front_end):
    """Put zeros before and after a sound, so that windows lie on all of it alike.

    samples: float (n,). Returns float32 (n_fft + n + n_fft + r,), with 0 ≤ r < hop such that the
    frames of `stft` use every sample. `istft(…, length=n)` takes the zeros away again.

    Raises what `check_samples` raises. Chapter: 2.3
    """
    x = check_samples(samples)
    rest = -(len(x) + front_end.n_fft) % front_end.hop
    return np.pad(x, (front_end.n_fft, front_end.n_fft + rest))


def istft(spectrum, front_end, length=None):
    """Inverse short-time Fourier transform: complex (frames, n_fft // 2 + 1) → float32 (n,).

    Each frame goes back into time, is multiplied by the window once more, and is added at its
    place; what the squared windows add up to is divided out. Of a spectrum that no sound has, this
    makes the sound whose spectrum is nearest. The first and last samples, which only the foot of
    one window covers, fade out: analyse `pad_ends(samples)` to keep them.

    length: the number of samples before `pad_ends`; the zeros are then cut off. Without it the
    result has (frames − 1)·hop + n_fft samples.

    Raises ShapeError for another number of bins, or if `length` needs more frames, and ValueError
    for a hop that leaves samples on which no window lies.

    Chapter: 2.3
    Source: [allen1977unified], [griffin1984signal]
    """
    from helpers.audio import overlap_add
    from helpers.errors import ShapeError

    spectrum = np.asarray(spectrum)
    n_fft, hop = front_end.n_fft, front_end.hop
    if spectrum.ndim != 2 or spectrum.shape[1] != n_fft // 2 + 1 or len(spectrum) == 0:
        raise ShapeError(
            f"the spectrum has shape {spectrum.shape}; this front end makes "
            f"(frames, {n_fft // 2 + 1})"
        )
    window = hann(n_fft)
    weight = _squared_windows(front_end, len(spectrum))
    if len(spectrum) > 1 and weight[n_fft // 2 : -(n_fft // 2)].min() < 1e-3:
        raise ValueError(
            f"hop {hop} leaves gaps between windows of {n_fft}: use n_fft // 2 or less"
        )
    frames = np.fft.irfft(spectrum, n_fft, axis=1) * window
    samples = overlap_add(frames, hop) / np.maximum(weight, 0.01)
    if length is None:
        return samples
    if n_fft + length > len(samples):
        raise ShapeError(
            f"{len(spectrum)} frames hold fewer than {length} samples and their padding: "
            "analyse pad_ends(samples)"
        )
    return samples[n_fft : n_fft + length]


@lru_cache(maxsize=64)
def _squared_windows(front_end, count):
    """What `count` squared windows add up to at each sample: float32 (n,)."""
    from helpers.audio import overlap_add

    squares = np.broadcast_to(hann(front_end.n_fft) ** 2, (count, front_end.n_fft))
    total = overlap_add(squares, front_end.hop)
    total.setflags(write=False)
    return total


def spectral_convergence(magnitude, target):
    """How far one magnitude spectrogram is from another: ‖A − B‖ / ‖B‖, a float; 0 is equal.

    magnitude, target: float (frames, bins). Raises ValueError if the shapes differ or the target
    is zero throughout. Chapter: 2.3
    """
    magnitude, target = np.asarray(magnitude), np.asarray(target)
    if magnitude.shape != target.shape:
        raise ValueError(f"the shapes differ: {magnitude.shape} and {target.shape}")
    norm = np.linalg.norm(target)
    if norm == 0:
        raise ValueError("the target is zero throughout, so nothing can be compared with it")
    return float(np.linalg.norm(magnitude - target) / norm)


def griffin_lim(magnitude, front_end, iterations=60, momentum=0.99, rng=None, length=None):
    """Sound for a magnitude spectrogram whose phase is lost: (samples float32, errors).

    magnitude: float (frames, n_fft // 2 + 1), at least 0. Beginning with random phases, sound and
    spectrum are computed from each other in turn; the phase is kept, the magnitude replaced.
    errors: float64 (iterations,), the `spectral_convergence` of each sound on the way.
    momentum: 0 is the method of 1984, 0.99 the faster one of 2013. rng: makes the first phases,
    by default `numpy.random.default_rng(0)`. length: as in `istft`.

    Raises ValueError for negative magnitudes, less than one iteration, or a momentum outside
    [0, 1), and what `istft` raises.

    Chapter: 2.3
    Source: [griffin1984signal], [perraudin2013fast]
    """
    magnitude = np.asarray(magnitude, dtype=np.float32)
    if not np.all(magnitude >= 0):
        raise ValueError("magnitudes must be numbers of at least 0: pass np.abs(stft(…))")
    if iterations < 1 or not 0 <= momentum < 1:
        raise ValueError("griffin_lim needs at least 1 iteration and a momentum in [0, 1)")
    rng = np.random.default_rng(0) if rng is None else rng
    spectrum = magnitude * np.exp(2j * np.pi * rng.random(magnitude.shape))
    if not magnitude.any():
        return istft(spectrum, front_end, length), np.zeros(iterations)
    before, errors = 0, []
    for _ in range(iterations):
        consistent = stft(istft(spectrum, front_end), front_end)
        errors.append(spectral_convergence(np.abs(consistent), magnitude))
        lead = consistent + momentum * (consistent - before)
        before = consistent
        spectrum = magnitude * lead / np.maximum(np.abs(lead), 1e-12)
    return istft(spectrum, front_end, length), np.array(errors)


def mel_to_magnitude(power, front_end, iterations=60):
    """A magnitude spectrum that has the given mel power: (frames, n_mels) → (frames, bins).

    power: as `mel_power` gives it, not in dB. Many spectra have the same mel power; starting from
    a smooth one, multiplicative updates find one that is nowhere negative and fits. Returns
    float32 (frames, n_fft // 2 + 1), scaled as np.abs(stft(…)).

    Raises ValueError for another number of bands or for negative power.

    Chapter: 2.3
    Source: the updates for the squared error of [lee2000algorithms]
    """
    power = np.asarray(power, dtype=np.float64)
    matrix = mel_matrix(front_end).astype(np.float64)
    if power.ndim != 2 or power.shape[1] != front_end.n_mels or not np.all(power >= 0):
        raise ValueError(
            f"the mel power has shape {power.shape}; give (frames, {front_end.n_mels}) numbers of "
            "at least 0, such as 10 ** (log_mel(…) / 10)"
        )
    wanted = power @ matrix.T
    spectrum = wanted / np.maximum(matrix.sum(axis=1), 1e-12)
    for _ in range(iterations):
        spectrum = spectrum * wanted / np.maximum(spectrum @ matrix @ matrix.T, 1e-30)
    return (np.sqrt(spectrum) * hann(front_end.n_fft).sum() / 2).astype(np.float32)


def mfcc_to_log_mel(coefficients, front_end):
    """The log-mel spectrogram that MFCCs still know: (frames, n_mfcc) → (frames, n_mels) in dB.

    The inverse cosine transform with zeros for the coefficients that were left out: exact if
    n_mfcc is n_mels, a smoothed copy if it is less. Returns float32.

    Raises ValueError for a wrong shape or more coefficients than bands. Chapter: 2.3
    """
    from scipy.fft import idct

    coefficients = np.asarray(coefficients, dtype=np.float64)
    if coefficients.ndim != 2 or not 1 <= coefficients.shape[1] <= front_end.n_mels:
        raise ValueError(
            f"the MFCCs have shape {coefficients.shape}; give (frames, 1 … {front_end.n_mels})"
        )
    return idct(coefficients, n=front_end.n_mels, norm="ortho", axis=1).astype(np.float32)


# --- other views of the spectrum ---------------------------------------------------------------


def cepstrum(samples, front_end):
    """Real cepstrum of each frame: float32 (n,) → float32 (frames, n_fft).

    The inverse Fourier transform of the log magnitude (natural logarithm), over quefrency in
    samples; entry q and entry n_fft − q are equal. Low quefrencies hold the envelope of the
    spectrum, a peak at q means harmonics sample_rate / q apart.

    Raises as `stft`. Chapter: 2.3
    Source: [oppenheim2004frequency]
    """
    magnitude = np.maximum(np.abs(stft(samples, front_end)), np.sqrt(front_end.floor))
    return np.fft.irfft(np.log(magnitude), front_end.n_fft, axis=1).astype(np.float32)


def constant_q(samples, sample_rate, fmin=55.0, octaves=6, bins_per_octave=12, hop=256):
    """Constant-Q transform: float (n,) → complex64 (frames, octaves · bins_per_octave).

    Bin k listens at fmin · 2^(k / bins_per_octave) Hz through a Hann window that holds the same
    number Q of periods in every bin: long for low notes, short for high ones. A sine of amplitude
    1 at the middle of a bin gives about 1. Frame t is centred on sample t·hop; there are
    1 + n // hop of them, with zeros assumed beyond the ends.

    Raises ValueError if the highest bin is not below half the sample rate, and what
    `check_samples` raises.

    Chapter: 2.3
    Source: [brown1991calculation]
    """
    x = check_samples(samples)
    frequencies = fmin * 2.0 ** (np.arange(octaves * bins_per_octave) / bins_per_octave)
    if not fmin > 0 or not frequencies[-1] < sample_rate / 2:
        raise ValueError(
            f"the bins run from {fmin:g} to {frequencies[-1]:.0f} Hz; they must lie between 0 and "
            f"half the sample rate, {sample_rate / 2:g} Hz"
        )
    q = 1 / (2 ** (1 / bins_per_octave) - 1)
    lengths = np.ceil(q * sample_rate / frequencies).astype(int)
    half = lengths[0] // 2 + 1
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, (half, half)), 2 * half)[::hop]
    result = np.empty((len(frames), len(frequencies)), np.complex64)
    for k, (n, f) in enumerate(zip(lengths, frequencies, strict=True)):
        t = np.arange(n) - n // 2
        kernel = hann(n) * np.exp(-2j * np.pi * f * t / sample_rate) * 2 / hann(n).sum()
        result[:, k] = frames[:, half - n // 2 : half - n // 2 + n] @ kernel
    return result


def chroma(samples, sample_rate, fmin=55.0, octaves=6, hop=256):
    """Chroma: how much sound there is of each of the twelve notes, whatever the octave.

    samples: float (n,). Returns float32 (1 + n // hop, 12), the power of `constant_q` summed over
    octaves, each frame scaled so that its largest entry is 1 (silent frames stay 0). Column 0 is
    the note of `fmin`, an A for 55 Hz; column 3 is then a C.

    Raises as `constant_q`. Chapter: 2.3
    Source: [mueller2021educational]
    """
    power = np.abs(constant_q(samples, sample_rate, fmin, octaves, 12, hop)) ** 2
    folded = power.reshape(len(power), octaves, 12).sum(axis=1)
    top = folded.max(axis=1, keepdims=True)
    return (folded / np.where(top > 1e-12, top, np.inf)).astype(np.float32)
