"""A vocoder by linear prediction: a sound as a source and a filter that change with time.

Each frame becomes the coefficients of an all-pole filter, a gain and a pitch. Whatever is sent
through the filters afterwards, pulses, noise or the sound's own residual, speaks.
Chapter: 6.5
"""

from dataclasses import dataclass, replace

import numpy as np

from helpers import voice
from helpers.audio import check_rate, check_samples

UNVOICED_DIP = 0.25
"""Frames in which YIN's dip is above this have no pitch."""

FLOOR_DB = -60.0
"""Frames this far below the loudest are silence."""


@dataclass(frozen=True)
class Filters:
    """A sound by linear prediction, K frames whose middles lie `hop` samples apart, from 0 on.

    filters: float64 (K, order + 1), the coefficients of A(z), the first 1. gains: (K,), the root
    mean square of the residual. f0: (K,) Hz, 0 where there is no pitch. residual: (K, 2·hop), what
    is left of each windowed frame. length, sample_rate: of the sound.

    Chapter: 6.5
    """

    filters: np.ndarray
    gains: np.ndarray
    f0: np.ndarray
    residual: np.ndarray
    hop: int
    length: int
    sample_rate: int


def analyse(samples, sample_rate, order=20, hop=None):
    """Take a sound apart by linear prediction: float (n,) → Filters.

    order: poles; a rule of thumb is two per kHz of the sample rate's half and a few more. hop:
    samples, by default 8 ms. Envelopes are taken from Hann windows of four hops, residuals from
    Hann windows of two, which add up to one. Pitch is YIN's, between 60 and 400 Hz, medians of
    five frames.

    Raises ValueError for an order below 1 or of 2·hop or more, BadSampleRate, and what
    `check_samples` raises.

    Chapter: 6.5
    Source: [atal1971speech]
    """
    x, rate = check_samples(samples).astype(np.float64), check_rate(sample_rate)
    hop = round(0.008 * rate) if hop is None else hop
    if not 1 <= order < 2 * hop:
        raise ValueError(
            f"order is {order}; with a hop of {hop} it must be from 1 to {2 * hop - 1}"
        )
    count = len(x) // hop + 2
    padded = np.pad(x, (2 * hop, (count + 3) * hop - len(x)))
    long, short = _hann(4 * hop), _hann(2 * hop)
    filters = np.zeros((count, order + 1))
    filters[:, 0] = 1.0
    gains, residual = np.zeros(count), np.zeros((count, 2 * hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 4 * hop)[::hop][:count]
    power = np.mean(frames**2, axis=1)
    audible = power > max(power.max() * 10 ** (FLOOR_DB / 10), 1e-16)
    for k in range(count):
        if audible[k]:
            a, gain = voice.lpc((frames[k] * long).astype(np.float32), order)
            filters[k], gains[k] = a, gain / np.sqrt(np.mean(long**2))
        residual[k] = np.convolve(frames[k, hop : 3 * hop] * short, filters[k])[: 2 * hop]
    f0 = np.where(audible, _pitch(x, rate, hop, count), 0.0)
    return Filters(filters, gains, f0, residual, hop, len(x), rate)


def _hann(n):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


def _pitch(x, rate, hop, count):
    """f0 at the middles of frames, 0 where YIN finds none: float64 (count,)."""
    from scipy.ndimage import median_filter

    longest = int(np.ceil(rate / 60.0))
    whole = 2 * longest + 1
    padded = np.pad(x, (whole // 2, whole + count * hop))
    f0, dip = voice.yin(padded.astype(np.float32), rate, 60.0, 400.0, hop=hop)
    f0, dip = f0[:count], dip[:count]
    voiced = median_filter((dip < UNVOICED_DIP).astype(float), 3) > 0.5
    return np.where(voiced, median_filter(f0, 5), 0.0)


def excitation(parts, pitch=1.0, kind="pulses", rng=None):
    """A source for the filters: float64 (n,), with a mean square of about 1 wherever there is any.

    kind: `"pulses"`, one a period where there is a pitch, white noise elsewhere; `"noise"`
    everywhere, a whisper. pitch: factor on f0. rng: makes the noise, by default
    `numpy.random.default_rng(0)`.

    Raises ValueError for another kind or a pitch that is not above 0. Chapter: 6.5
    """
    if kind not in ("pulses", "noise") or not pitch > 0:
        raise ValueError(f"kind {kind!r} and pitch {pitch}: give 'pulses' or 'noise', above 0")
    rng = np.random.default_rng(0) if rng is None else rng
    noise = rng.standard_normal(parts.length)
    if kind == "noise":
        return noise
    frame = np.minimum((np.arange(parts.length) + parts.hop // 2) // parts.hop, len(parts.f0) - 1)
    f0 = pitch * parts.f0[frame]
    phase = np.cumsum(f0 / parts.sample_rate)
    beats = np.flatnonzero(np.diff(np.floor(phase), prepend=0.0) > 0)
    pulses = np.zeros(parts.length)
    pulses[beats] = np.sqrt(parts.sample_rate / np.maximum(f0[beats], 1.0))
    return np.where(f0 > 0, pulses, noise)


def synthesise(parts, source=None):
    """Send a source through the filters: float32 (n,).

    source: float (n,), such as `excitation` makes; None takes each frame's own residual, which
    gives the analysed sound back exactly. Frames are windowed, filtered and overlap-added, so no
    filter ever changes under a running sound.

    Raises ShapeError for a source of another length. Chapter: 6.5
    """
    from scipy.signal import lfilter

    from helpers.errors import ShapeError

    hop, count, n = parts.hop, len(parts.gains), parts.length
    if source is None:
        frames, gains = parts.residual, np.ones(count)
    else:
        source = np.asarray(source, dtype=np.float64)
        if source.shape != (n,):
            raise ShapeError(f"the source has shape {source.shape}; the sound has {n} samples")
        padded = np.pad(source, (hop, (count + 2) * hop - n))
        frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop][:count]
        frames, gains = frames * _hann(2 * hop), parts.gains
    tail = 0 if source is None else 2 * hop
    total = np.zeros((count + 1) * hop + tail)
    for k in range(count):
        if gains[k] > 0:
            sent = np.pad(frames[k] * gains[k], (0, tail))
            total[k * hop : k * hop + 2 * hop + tail] += lfilter([1.0], parts.filters[k], sent)
    return total[hop : hop + n].astype(np.float32)


def with_pitch(samples, sample_rate, factor, order=20):
    """The same words at another pitch, the formants left where they are: float (n,) → float32.

    Pulses at `factor` times the pitch go through the sound's own filters. Raises as `analyse` and
    `excitation`. Chapter: 6.5
    """
    parts = analyse(samples, sample_rate, order)
    return synthesise(parts, excitation(parts, factor))


def moved_formants(parts, factor):
    """Filters whose resonances lie at `factor` times their frequency (roughly): Filters.

    The filters are read at another sample rate: the poles' angles are multiplied, those that would
    leave the band are dropped, and gains are kept. Raises ValueError unless 0.5 ≤ factor ≤ 2.

    Chapter: 6.5
    """
    if not 0.5 <= factor <= 2:
        raise ValueError(f"the factor is {factor}; formants can be moved by 0.5 to 2")
    moved = np.zeros_like(parts.filters)
    for k, a in enumerate(parts.filters):
        poles = np.roots(a)
        upper = poles[poles.imag > 1e-9]
        angles = np.angle(upper) * factor
        kept = np.abs(upper[angles < 0.98 * np.pi]) * np.exp(1j * angles[angles < 0.98 * np.pi])
        real = poles[np.abs(poles.imag) <= 1e-9]
        b = np.real(np.poly(np.concatenate([kept, kept.conj(), real])))
        moved[k, : len(b)] = b
    return replace(parts, filters=moved)


def envelope(a, gain, n_fft=512):
    """The spectral envelope of an all-pole filter in dB: float64 (n_fft // 2 + 1,). Chapter: 6.5"""
    response = np.abs(np.fft.rfft(np.asarray(a, float), n_fft))
    return 20 * np.log10(np.maximum(gain, 1e-9) / np.maximum(response, 1e-9))


def formant_shift(samples, reference, sample_rate, order=20, by="lpc"):
    """How far the resonances of a sound lie above those of a reference, in cents: a float.

    samples, reference: float (n,) and (m,), the same words. The envelopes of voiced frames are
    averaged in dB over a logarithmic axis from 300 to 3500 Hz, and slid over each other until they
    fit best. Works for shifts up to an octave.

    by: where the envelopes come from, `"lpc"`, filters of `order` poles, or `"cepstrum"`, the
    spectra of frames of 64 ms with all that changes faster than 2 ms of quefrency taken out, which
    knows nothing of linear prediction.

    Raises ValueError for another `by`, if a sound has no voiced frame, and as `analyse`.
    Chapter: 6.5
    """
    if by not in ("lpc", "cepstrum"):
        raise ValueError(f"by is {by!r}; give 'lpc' or 'cepstrum'")
    grid = 300.0 * 2 ** (np.arange(0, 12 * np.log2(3500 / 300) * 10) / 120)
    wide = 120
    long = 300.0 * 2 ** (np.arange(-wide, len(grid) + wide) / 120)
    fixed = _mean_envelope(reference, sample_rate, order, grid, by)
    other = _mean_envelope(samples, sample_rate, order, long, by)
    scores = []
    for shift in range(2 * wide + 1):
        part = other[shift : shift + len(grid)]
        scores.append(np.corrcoef(part, fixed)[0, 1])
    return 10.0 * (int(np.argmax(scores)) - wide)


def _mean_envelope(samples, rate, order, frequencies, by):
    parts = analyse(samples, rate, order)
    voiced = (parts.f0 > 0) & (parts.gains > 0.1 * parts.gains.max())
    if not voiced.any():
        raise ValueError("the sound has no voiced frame: there are no formants to follow")
    bins = np.fft.rfftfreq(1024, 1 / rate)
    if by == "lpc":
        mean = np.mean([envelope(a, 1.0, 1024) for a in parts.filters[voiced]], axis=0)
    else:
        mean = _smoothed(samples, np.flatnonzero(voiced) * parts.hop, rate)
    mean = np.interp(frequencies, bins, mean)
    slope = np.polyfit(np.log(frequencies), mean, 1)
    return mean - np.polyval(slope, np.log(frequencies))


def _smoothed(samples, middles, rate):
    """Mean log spectrum in dB of frames around `middles`, smoothed by its cepstrum: (513,)."""
    n = round(0.064 * rate)
    padded = np.pad(np.asarray(samples, float), n)
    frames = np.stack([padded[m + n // 2 : m + n // 2 + n] for m in middles]) * _hann(n)
    power = np.abs(np.fft.rfft(frames, max(n, 1024))) ** 2
    mean = np.mean(10 * np.log10(power + 1e-9 * power.max()), axis=0)
    cepstrum = np.fft.irfft(mean)
    kept = round(0.002 * rate)
    cepstrum[kept + 1 : len(cepstrum) - kept] = 0.0
    smooth = np.fft.rfft(cepstrum).real
    return np.interp(np.linspace(0, 1, 513), np.linspace(0, 1, len(smooth)), smooth)
