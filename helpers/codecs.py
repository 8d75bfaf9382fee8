"""Fewer bits: rounding with and without dither, perceptual codecs, and what their error costs.

A codec here is a coder and its decoder in libsndfile (LAME and mpg123 for MP3, libopus, libvorbis),
run in memory. What comes back is put in time with what went in, because an error can only be
measured sample against sample. `noise_to_mask` compares that error with what the sound itself
hides, by a model of hearing that is old, simple and documented.
Chapter: 2.1
"""

import io
import itertools
import math
from typing import NamedTuple

import numpy as np

from helpers.audio import _standard_error_closed, check_rate, check_samples, fix_length, load
from helpers.errors import AudioOutOfRange, AudioTooShort, BadSampleRate, ShapeError
from helpers.features import hann

CRITICAL_BANDS = (
    0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150,
    3700, 4400, 5300, 6400, 7700, 9500, 12000, 15500,
)  # fmt: skip
"""Edges of the 24 critical bands in Hz [zwicker1961subdivision]; his lowest, 20 Hz, is 0 here."""

FULL_SCALE_SPL = 90.0
"""The level in dB SPL at which a full-scale sine is assumed to be played: a choice of this book.

A file does not say how loud it will be played, so every model that uses the threshold in quiet has
to assume something. 90 dB is loud, and puts the rounding noise of 16 bits below that threshold.
"""

_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


# --- rounding ------------------------------------------------------------------------------------


def triangular_dither(n, bits, rng):
    """Noise of n samples to be added before rounding to `bits` bits: float64 (n,).

    The sum of two independent uniform numbers, each one step of the grid wide: a triangular
    distribution of two steps' width and of power Δ²/6, with Δ = 2^(1 − bits). After rounding it
    leaves an error whose mean and power no longer depend on the sound. `rng` is a
    `numpy.random.Generator`. Raises `AudioOutOfRange` for bits outside 1 … 24.

    Chapter: 2.1
    Source: [lipshitz1992quantization]
    """
    step = 2.0 ** (1 - _check_bits(bits))
    return step * (rng.random(n) - rng.random(n))


def quantise(samples, bits, rng=None):
    """Round a sound to `bits` bits a sample, with triangular dither if `rng` is given.

    samples: float (n,), nominally in [-1, 1). The grid has 2^bits values k·Δ, Δ = 2^(1 − bits),
    from −1 to 1 − Δ; 0 is one of them. What lies beyond is clipped. Returns float32 (n,), exact.

    Raises `AudioOutOfRange` for bits outside 1 … 24, and what `check_samples` raises.

    Chapter: 2.1
    Source: [bennett1948spectra]; [lipshitz1992quantization] for the dither.
    """
    x = check_samples(samples).astype(np.float64)
    step = 2.0 ** (1 - _check_bits(bits))
    if rng is not None:
        x = x + triangular_dither(len(x), bits, rng)
    return (step * np.clip(np.rint(x / step), -1 / step, 1 / step - 1)).astype(np.float32)


def _check_bits(bits):
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or not 1 <= bits <= 24:
        raise AudioOutOfRange(f"bits is {bits!r}: pass a whole number from 1 to 24.")
    return int(bits)


# --- codecs --------------------------------------------------------------------------------------


class Coded(NamedTuple):
    """What `codec_round_trip` returns.

    samples: float32 (n,), decoded and in time with the original; kbit_per_s: the size of the file
    with all its headers over the duration; delay: by how many samples the decoder's output came
    late (a positive number was cut off); content: the file, bytes.
    """

    samples: np.ndarray
    kbit_per_s: float
    delay: int
    content: bytes


def codec_round_trip(samples, sample_rate, codec, kbit_per_s=None, quality=None):
    """Code a sound with a lossy codec, decode it, and put it in time with the original.

    samples: float (n,), mono. codec: "mp3" or "opus", with the bit rate `kbit_per_s` that is asked
    of the encoder, or "vorbis", with `quality` from 0 to 1. MP3 has fixed bit rates (the nearest
    is taken, 8 … 64 at 8 to 12 kHz, 8 … 160 at 16 to 24 kHz, 32 … 320 above) at nine sample rates;
    Opus 6 … 256 kbit/s at 8, 12, 16, 24 and 48 kHz. Short files are larger than asked because of
    their headers: the result says how large.

    Returns `Coded`, whose samples are as many as came in. The delay is found by
    cross-correlation within a tenth of a second.

    Raises `BadSampleRate` for a rate that the codec does not take, `AudioOutOfRange` for a bit rate
    or quality out of range, ValueError for an unknown codec or a missing setting, `AudioTooShort`
    below a twentieth of a second, and what `check_samples` raises.

    Chapter: 2.1
    Source: [painter2000perceptual] on how such codecs work; coded by libsndfile.
    """
    x, rate = check_samples(samples), check_rate(sample_rate)
    kind, subtype, level, mode = _settings(codec, rate, kbit_per_s, quality)
    if len(x) < rate // 20:
        raise AudioTooShort(f"{len(x)} samples are under 0.05 s. Code a longer sound.")
    content = _encoded(x, rate, kind, subtype, level, mode)
    decoded = load(content, allow_truncated=True).samples
    delay = find_delay(x, decoded, rate // 10)
    aligned = decoded[delay:] if delay >= 0 else np.pad(decoded, (-delay, 0))
    return Coded(
        fix_length(aligned, len(x), where="start"),
        8 * len(content) / (len(x) / rate) / 1000,
        delay,
        content,
    )


def _settings(codec, rate, kbit_per_s, quality):
    """(format, subtype, libsndfile's compression level, bit-rate mode) of a request."""
    if codec == "vorbis":
        if quality is None or not 0 <= quality <= 1:
            raise AudioOutOfRange(f"quality is {quality!r}: Vorbis takes a number from 0 to 1.")
        return "OGG", "VORBIS", 1.0 - quality, None
    if codec not in ("mp3", "opus"):
        raise ValueError(f"codec is {codec!r}; it must be 'mp3', 'opus' or 'vorbis'")
    if kbit_per_s is None:
        raise ValueError(f"{codec} needs kbit_per_s, the bit rate to ask for")
    rates = _MP3_RATES if codec == "mp3" else _OPUS_RATES
    if rate not in rates:
        raise BadSampleRate(
            f"{codec} does not take {rate} Hz: resample to one of {', '.join(map(str, rates))}."
        )
    if codec == "opus":
        low, high = 6, 256
    elif rate <= 12000:
        low, high = 8, 64
    else:
        low, high = (8, 160) if rate <= 24000 else (32, 320)
    if not low <= kbit_per_s <= high:
        raise AudioOutOfRange(
            f"kbit_per_s is {kbit_per_s!r}: at {rate} Hz, {codec} takes {low} to {high}."
        )
    level = min((high - kbit_per_s) / (high - low), 0.999)  # LAME's binding refuses 1
    if codec == "opus":
        return "OGG", "OPUS", level, None
    return "MP3", "MPEG_LAYER_III", level, "CONSTANT"


def _encoded(x, rate, kind, subtype, level, mode):
    import soundfile

    file = io.BytesIO()
    with (
        _standard_error_closed(kind == "MP3"),
        soundfile.SoundFile(
            file, "w", rate, 1, subtype, format=kind, compression_level=level, bitrate_mode=mode
        ) as sound,
    ):
        sound.write(x)
    return file.getvalue()


def find_delay(reference, delayed, most):
    """By how many samples `delayed` is late: the place of the peak of the cross-correlation.

    reference: float (n,), delayed: float (m,). Looks from −most to most samples; a negative number
    means early. Returns an int. Raises `ShapeError` for `most` below 0, and what `check_samples`
    raises.

    Chapter: 2.1
    """
    from scipy.signal import correlate

    x, y = check_samples(reference, "reference"), check_samples(delayed, "delayed")
    if most < 0:
        raise ShapeError(f"most is {most!r}: pass a number of samples, 0 or more.")
    full = correlate(y.astype(np.float64), x.astype(np.float64), method="fft")
    lags = np.arange(-(len(x) - 1), len(y))
    near = np.abs(lags) <= most
    return int(lags[near][np.argmax(full[near])])


# --- what a sound hides --------------------------------------------------------------------------


def bark(hz):
    """Critical-band rate in Bark of a frequency in Hz: 26.81 f / (1960 + f) − 0.53. Chapter: 2.1

    Within 0.05 Bark of the table from 200 Hz to 6.7 kHz. Source: [traunmueller1990analytical]
    """
    f = np.asarray(hz, dtype=float)
    return 26.81 * f / (1960.0 + f) - 0.53


def threshold_in_quiet(hz):
    """The faintest audible tone, dB SPL, for a young listener; hz: float > 0. Chapter: 2.1

    3.64 f^−0.8 − 6.5 exp(−0.6 (f − 3.3)²) + 0.001 f⁴ with f in kHz, a fit to measurements.
    Source: [terhardt1979calculating], as [painter2000perceptual] give it.
    """
    f = np.asarray(hz, dtype=float) / 1000
    return 3.64 * f**-0.8 - 6.5 * np.exp(-0.6 * (f - 3.3) ** 2) + 1e-3 * f**4


class Masking(NamedTuple):
    """What `masked_threshold` returns: powers of the sound and of the threshold in each critical
    band, float (frames, bands), a full-scale sine being 0.5; and the bands' edges in Hz."""

    power: np.ndarray
    threshold: np.ndarray
    edges: np.ndarray


def masked_threshold(samples, sample_rate, tonal=None):
    """How much noise a sound hides, frame by frame and critical band by critical band.

    samples: float (n,). Power in each critical band, in Hann-windowed frames of 32 ms that overlap
    by half; spread to the neighbours, steeply downwards and gently upwards in frequency, and scaled
    so that equal powers stay equal; lowered by an offset, for a tone 14.5 dB and one more for each
    band's number, for noise 5.5 dB, in between by the frame's spectral flatness (0 dB is noise,
    −60 dB a tone) or by `tonal`, 0 (noise) … 1 (tone); never below the threshold in quiet, if a
    full-scale sine is played at `FULL_SCALE_SPL`. Masking in time is left out.

    Returns `Masking` with 1 + ⌊(n − frame)/hop⌋ frames, and as many bands as begin below half the
    sample rate. Raises `AudioTooShort` below one frame, `AudioOutOfRange` for `tonal` outside
    [0, 1], and what `check_samples` raises.

    Chapter: 2.1
    Source: spreading function, 15.81 + 7.5 x − 17.5 √(1 + x²) dB at x − 0.474 bands above, of
    [schroeder1979optimizing]; steps, offsets and flatness of [johnston1988transform], also in
    [painter2000perceptual]. Frame length and playing level are choices of this book.
    """
    if tonal is not None and not 0 <= tonal <= 1:
        raise AudioOutOfRange(f"tonal is {tonal!r}: pass a number from 0 (noise) to 1 (tone).")
    power, flatness, edges = _band_powers(check_samples(samples), check_rate(sample_rate))
    places = np.arange(power.shape[1])
    above = places[:, None] - places[None, :] + 0.474  # by how many bands the masked lies above
    spread = 10 ** ((15.81 + 7.5 * above - 17.5 * np.sqrt(1 + above**2)) / 10)
    spread /= spread.sum(axis=1, keepdims=True)
    share = np.clip(flatness / -60.0, 0, 1) if tonal is None else np.full(len(power), float(tonal))
    offset = share[:, None] * (14.5 + places + 1) + (1 - share[:, None]) * 5.5
    threshold = power @ spread.T * 10 ** (-offset / 10)
    return Masking(power, np.maximum(threshold, _quiet_power(edges)), edges)


def _band_powers(x, rate, frame_seconds=0.032):
    """Powers (frames, bands), spectral flatness in dB (frames,), edges of the bands in Hz."""
    length = 2 * round(frame_seconds * rate / 2)
    if len(x) < length:
        raise AudioTooShort(f"{len(x)} samples do not fill one frame of {length}.")
    window = hann(length)
    rows = np.lib.stride_tricks.sliding_window_view(x, length)[:: length // 2]
    spectrum = np.abs(np.fft.rfft(rows * window, axis=1)) ** 2 * 2 / (length * np.sum(window**2))
    hz = np.fft.rfftfreq(length, 1 / rate)
    edges = np.array([e for e in CRITICAL_BANDS if e < rate / 2] + [rate / 2 + 1.0])
    power = np.add.reduceat(spectrum, np.searchsorted(hz, edges[:-1]), axis=1)
    inner = spectrum[:, 1:] + 1e-20
    flatness = 10 * (np.log10(inner).mean(axis=1) - np.log10(inner.mean(axis=1)))
    return power, flatness, edges


def _quiet_power(edges):
    """The threshold in quiet as a power in each band: its lowest value there."""
    grid = [np.linspace(max(low, 20.0), high, 9) for low, high in itertools.pairwise(edges)]
    least = np.array([threshold_in_quiet(g).min() for g in grid])
    return 0.5 * 10 ** ((least - FULL_SCALE_SPL) / 10)


class NoiseToMask(NamedTuple):
    """What `noise_to_mask` returns: db, the ratio in dB, a float (0: the error is as strong as what
    the sound hides); audible: share of the cells where the error exceeds it, 0 … 1; cells: the
    ratio in dB, float (frames, bands)."""

    db: float
    audible: float
    cells: np.ndarray


def noise_to_mask(reference, test, sample_rate):
    """How far the error of `test` lies above what `reference` hides.

    reference, test: float (n,), in time with each other. In each frame and critical band the power
    of the difference is divided by `masked_threshold` of the reference. The ratio is averaged over
    the bands of a frame, turned into dB, and averaged over the frames that are within 60 dB of the
    loudest (in silence there is nothing to judge).

    Returns `NoiseToMask`. Raises `ShapeError` for sounds of different lengths, and as
    `masked_threshold`.

    Chapter: 2.1
    Source: the idea is that of [brandenburg1992nmr]; masking is modelled and averages are taken as
    described here, so that decibels need not agree with theirs. The 60 dB are this book's choice.
    """
    x, y = check_samples(reference, "reference"), check_samples(test, "test")
    if x.shape != y.shape:
        raise ShapeError(f"reference has {len(x)} samples, test {len(y)}: put them in time first.")
    masking = masked_threshold(x, sample_rate)
    error = y.astype(np.float64) - x
    noise = _band_powers(error, check_rate(sample_rate))[0]
    heard = _loud_frames(masking.power)
    ratio = noise[heard] / masking.threshold[heard]
    per_frame = 10 * np.log10(np.maximum(ratio.mean(axis=1), 1e-10))
    return NoiseToMask(
        float(per_frame.mean()),
        float(np.mean(ratio > 1)),
        10 * np.log10(np.maximum(ratio, 1e-10)),
    )


def _loud_frames(power):
    """Which frames are within 60 dB of the loudest: power (frames, bands) → bool (frames,)."""
    level = power.sum(axis=1)
    return level >= level.max() * 1e-6


def log_spectral_distance(reference, test, sample_rate):
    """How far two sounds differ in level, band by band and whatever the phases: dB, a float.

    reference, test: float (n,), in time with each other. The root mean square over the critical
    bands of the difference of their levels in dB, averaged over the frames of 32 ms in which the
    reference is within 60 dB of its loudest. Levels below −90 dB count as −90 dB.

    Raises `ShapeError` for sounds of different lengths, and as `masked_threshold`. Chapter: 2.1
    """
    x, y = check_samples(reference, "reference"), check_samples(test, "test")
    if x.shape != y.shape:
        raise ShapeError(f"reference has {len(x)} samples, test {len(y)}: put them in time first.")
    rate = check_rate(sample_rate)
    power, other = _band_powers(x, rate)[0], _band_powers(y, rate)[0]
    difference = 10 * np.log10(np.maximum(power, 1e-9) / np.maximum(other, 1e-9))
    return float(np.sqrt(np.mean(difference**2, axis=1))[_loud_frames(power)].mean())


def snr_db(reference, test):
    """Signal-to-noise ratio in dB of `test` against `reference`, both float (n,); a float.

    The noise is their difference. Infinite if they are equal. Raises `ShapeError` for different
    lengths, and what `check_samples` raises.

    Chapter: 2.1
    """
    x, y = check_samples(reference, "reference"), check_samples(test, "test")
    if x.shape != y.shape:
        raise ShapeError(f"reference has {len(x)} samples, test {len(y)}: put them in time first.")
    x, y = x.astype(np.float64), y.astype(np.float64)
    noise = np.sum((y - x) ** 2)
    return math.inf if noise == 0 else float(10 * np.log10(np.sum(x**2) / noise))
