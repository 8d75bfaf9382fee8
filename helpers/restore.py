"""Repair a sound: undo reverberation, clipping, gaps and hum without having learned anything.

Each method rests on one assumption about sound: that it can be foretold from its past, that few
frequencies carry it at a time, or that hum is a sum of sines. Chapter: 6.3
"""

import numpy as np

from helpers.adaptive import check_mains
from helpers.audio import check_rate, check_samples
from helpers.enhance import front_end
from helpers.errors import AudioTooShort, ShapeError
from helpers.features import istft, pad_ends, stft

# --- reverberation -------------------------------------------------------------------------------


def wpe(samples, sample_rate, taps=10, delay=3, iterations=3):
    """Take late reverberation away by weighted prediction error: float32 (n,) → (n,).

    In each frequency bin, what can be foretold from the `taps` frames that lie `delay` frames and
    more in the past (frames of 32 ms, a quarter apart) is called reverberation and subtracted. The
    delay spares the speech itself. Errors are weighted by 1 / the power of the speech, which is
    estimated anew in each of `iterations` rounds.

    Raises ValueError for numbers below 1, AudioTooShort where there are fewer than four frames per
    tap, and AudioError for samples that are not sound.

    Chapter: 6.3
    Source: [nakatani2010speech]
    """
    if min(taps, delay, iterations) < 1:
        raise ValueError(f"taps {taps}, delay {delay}, iterations {iterations}: give at least 1")
    frames = front_end(sample_rate)
    heard = stft(pad_ends(samples, frames), frames).T.astype(np.complex128)
    length = heard.shape[1]
    if length < 4 * taps + delay:
        raise AudioTooShort(
            f"{length} frames are too few for {taps} taps: give a longer sound or fewer taps"
        )
    padded = np.pad(heard, ((0, 0), (delay + taps - 1, 0)))
    past = np.stack([padded[:, taps - 1 - k :][:, :length] for k in range(taps)], axis=2)
    speech = heard
    for _ in range(iterations):
        power = np.abs(speech) ** 2
        weight = 1 / np.maximum(power, 1e-3 * power.mean(axis=1, keepdims=True) + 1e-12)
        weighted = past.conj() * weight[:, :, None]
        covariance = np.matmul(weighted.transpose(0, 2, 1), past)
        load = 1e-6 * np.trace(covariance, axis1=1, axis2=2).real / taps + 1e-12
        covariance += load[:, None, None] * np.eye(taps)
        crossed = np.einsum("ftk,ft->fk", weighted, heard)
        filters = np.linalg.solve(covariance, crossed[:, :, None])
        speech = heard - np.matmul(past, filters)[:, :, 0]
    return istft(speech.T, frames, len(samples))


# --- clipping ------------------------------------------------------------------------------------


def clip(samples, level):
    """Cut off what exceeds ±level: float32 (n,) → (clipped (n,), known bool (n,)).

    `known` is True where a sample lies inside, so that its value is what it was. Raises ValueError
    for a level that is not above 0, and AudioError for samples that are not sound.

    Chapter: 6.3
    """
    samples = check_samples(samples)
    if not level > 0:
        raise ValueError(f"level is {level}; it must be above 0")
    return np.clip(samples, -level, level), np.abs(samples) < level


def level_for(samples, sdr):
    """The level at which clipping leaves a signal-to-distortion ratio of `sdr` dB; a float.

    Raises ValueError if sdr is not between 0.1 and 100, AudioError for samples that are not sound
    or are silent.

    Chapter: 6.3
    """
    from helpers.errors import AudioSilent

    samples = check_samples(samples).astype(np.float64)
    if not 0.1 <= sdr <= 100:
        raise ValueError(f"sdr is {sdr} dB; give 0.1 to 100")
    low, high = 0.0, np.abs(samples).max(initial=0)
    if high == 0:
        raise AudioSilent("a silent sound cannot be clipped")
    allowed = np.sum(samples**2) * 10 ** (-sdr / 10)
    for _ in range(50):
        middle = (low + high) / 2
        lost = np.sum(np.maximum(np.abs(samples) - middle, 0) ** 2)
        low, high = (middle, high) if lost > allowed else (low, middle)
    return float(high)


def declip(clipped, known, frame=512, iterations=150, tolerance=0.05):
    """Undo clipping: the sparsest spectra that agree with what is known: float32 (n,) → (n,).

    known: bool (n,), False where a sample is clipped. In frames of `frame` samples, half
    overlapping, one looks for samples that are right where they are known, lie beyond the clipped
    value where they are not, and whose spectrum (of twice as many frequencies) has few entries:
    first one pair, then two, … until the spectrum fits them to a share of `tolerance`, or
    `iterations` have been made. That is A-SPADE. Known samples come back as they were.

    Raises ShapeError unless known is (n,), ValueError for an odd or too short frame, no iteration
    or a tolerance that is not above 0, and AudioError for samples that are not sound.

    Chapter: 6.3
    Source: [kitic2015sparsity]
    """
    clipped, known = check_samples(clipped), np.asarray(known)
    _check_known(clipped, known)
    if frame < 16 or frame % 2 or iterations < 1 or not tolerance > 0:
        raise ValueError(
            f"frame {frame}, iterations {iterations}, tolerance {tolerance}: give an even frame "
            "of at least 16, at least 1, and above 0"
        )
    if known.all():
        return clipped.copy()
    n, hop = len(clipped), frame // 2
    rest = -(n + hop) % hop

    def cut(x, fill):
        padded = np.pad(x, (hop, hop + rest), constant_values=fill)
        return np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop]

    heard, sure = cut(clipped.astype(np.float64), 0.0), cut(known, True)
    window = np.sin(np.pi * (np.arange(frame) + 0.5) / frame)
    found = heard * window
    damaged = np.flatnonzero(~sure.all(axis=1))
    found[damaged] = _sparsest(heard[damaged] * window, sure[damaged], iterations, tolerance)
    out = np.zeros(n + 2 * hop + rest)
    for i, row in enumerate(found * window):
        out[i * hop : i * hop + frame] += row
    return np.where(known, clipped, _beyond(out[hop : hop + n], clipped)).astype(np.float32)


def _sparsest(heard, sure, iterations, tolerance):
    """A-SPADE on frames (m, frame) side by side."""
    size = heard.shape[1]
    bins = size + 1
    found = heard.copy()
    dual = np.zeros((len(heard), bins), complex)
    result, open_ = heard.copy(), np.arange(len(heard))
    scale = np.ones(bins)
    scale[1:-1] = 2
    for k in range(1, iterations + 1):
        spectrum = np.fft.rfft(found, 2 * size, axis=1)
        wanted = spectrum + dual
        strength = np.abs(wanted)
        if k < bins:
            limit = np.partition(strength, bins - k, axis=1)[:, bins - k, None]
            wanted = np.where(strength >= limit, wanted, 0)
        back = np.fft.irfft(wanted - dual, 2 * size, axis=1)[:, :size]
        found = np.where(sure[open_], heard[open_], _beyond(back, heard[open_]))
        now = np.fft.rfft(found, 2 * size, axis=1)
        dual += now - wanted
        misfit = np.sum(scale * np.abs(now - wanted) ** 2, axis=1)
        total = np.sum(scale * np.abs(now) ** 2, axis=1)
        done = misfit <= tolerance**2 * total
        result[open_] = found
        open_, found, dual = open_[~done], found[~done], dual[~done]
        if len(open_) == 0:
            break
    return result


def _beyond(values, clipped):
    """Values moved out to the clipped sample where they lie inside it or on the other side."""
    return np.where(clipped >= 0, np.maximum(values, clipped), np.minimum(values, clipped))


def _check_known(samples, known):
    if known.shape != samples.shape or known.dtype != bool:
        raise ShapeError(
            f"known has shape {known.shape} and type {known.dtype}; give bool {samples.shape}"
        )


# --- gaps ----------------------------------------------------------------------------------------


def ar_coefficients(samples, order):
    """The autoregressive model of a sound: float (n,) → float64 (order + 1,), beginning with 1.

    The filter a with which Σ a_k x_{t−k} has the least power, by the autocorrelation method; a
    thousandth of a per mille is added to the power, so that pure tones have a model too. Raises
    ValueError unless 1 ≤ order < n, and AudioError for samples that are not sound.

    Chapter: 6.3
    Source: [makhoul1975linear]
    """
    from scipy.linalg import solve_toeplitz

    x = check_samples(samples).astype(np.float64)
    if not 1 <= order < len(x):
        raise ValueError(f"order is {order}; it must be from 1 to {len(x) - 1}")
    size = 2 ** int(np.ceil(np.log2(2 * len(x))))
    r = np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2, size)[: order + 1]
    if r[0] <= 0:
        return np.eye(1, order + 1)[0]
    r[0] *= 1 + 1e-6
    return np.concatenate([[1.0], solve_toeplitz(r[:-1], -r[1:])])


def fill_gap(samples, start, stop, order=128, context=1024, iterations=5):
    """Fill samples[start:stop] so that an autoregressive model is surprised least: (n,) → (n,).

    The model of `order` coefficients is learned from `context` samples on either side and, from
    the second of `iterations` rounds on, from the filled gap as well. Given the model, the missing
    samples solve linear equations. What stood in the gap does not matter.

    Raises ValueError for a gap outside the sound or one without `order` samples on both sides, for
    no iteration, and AudioError for samples that are not sound.

    Chapter: 6.3
    Source: [janssen1986adaptive]
    """
    from scipy.linalg import solve_toeplitz

    samples = check_samples(samples)
    if not 0 <= start < stop <= len(samples) or iterations < 1:
        raise ValueError(
            f"the gap {start}:{stop} is not inside {len(samples)} samples, or no round"
        )
    first, last = max(0, start - context), min(len(samples), stop + context)
    if start - first < order or last - stop < order:
        raise ValueError(
            f"the gap needs {order} samples (order) on both sides; it has {start - first} and "
            f"{last - stop} within the context"
        )
    x = samples[first:last].astype(np.float64)
    gap = slice(start - first, stop - first)
    x[gap] = 0
    n = stop - start
    window = np.hanning(len(x) + 2)[1:-1] if iterations > 1 else np.ones(len(x))
    for _ in range(iterations):
        a = ar_coefficients((x * window).astype(np.float32), order)
        b = np.correlate(a, a, "full")[order:]
        x[gap] = 0
        around = np.convolve(x, np.concatenate([b[:0:-1], b]))[order : order + len(x)]
        row = np.zeros(n)
        row[: min(n, order + 1)] = b[:n]
        x[gap] = solve_toeplitz(row, -around[gap])
    out = samples.copy()
    out[start:stop] = x[gap]
    return out


# --- hum -----------------------------------------------------------------------------------------


def mains_frequency(samples, sample_rate, around=(45.0, 65.0), harmonics=12):
    """Where the hum is: the frequency in Hz whose multiples hold most power in dB; a float.

    Searched between the two bounds, to some hundredths of the resolution 1 / duration. There is
    always an answer, hum or not. Raises ValueError for bounds that are not rising and above 0,
    BadSampleRate, and AudioError for samples that are not sound.

    Chapter: 6.3
    """
    samples, rate = check_samples(samples), check_rate(sample_rate)
    low, high = around
    if not 0 < low < high < rate / 2:
        raise ValueError(f"around is {around}; give two rising frequencies below {rate / 2:g} Hz")
    size = 2 ** int(np.ceil(np.log2(max(len(samples), 2)) + 3))
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size)) ** 2
    level = np.log(power + 1e-9 * power.mean() + 1e-20)
    tried = np.arange(low, high, 0.02)
    orders = np.arange(1, 1 + harmonics)
    orders = orders[orders * high < rate / 2]
    at = np.rint(np.outer(tried, orders) * size / rate).astype(int)
    return float(tried[level[at].sum(axis=1).argmax()])


def notch_hum(samples, sample_rate, mains=50.0, harmonics=20, width=2.0):
    """Take hum away with a notch at each multiple of `mains` (Hz): float32 (n,) → (n,).

    A chain of second-order filters, each `width` Hz wide; those above half the sample rate are
    left out. The sound is filtered forwards and backwards, so that phases stay, which makes each
    notch deeper. Raises as `helpers.adaptive.cancel_hum`.

    Chapter: 6.3
    """
    from scipy.signal import iirnotch, sosfiltfilt, tf2sos

    samples, rate = check_samples(samples), check_rate(sample_rate)
    check_mains(mains, rate, harmonics, width)
    orders = [k for k in range(1, harmonics + 1) if k * mains < 0.49 * rate]
    chain = np.concatenate([tf2sos(*iirnotch(k * mains, k * mains / width, rate)) for k in orders])
    return sosfiltfilt(chain, samples).astype(np.float32)
