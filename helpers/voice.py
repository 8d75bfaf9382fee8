"""The voice as source and filter: vowels, linear prediction, formants, and the pitch.

A voice is a buzz (the source: vocal folds, at f0 pulses a second) that goes through a tube (the
filter: mouth and throat, with resonances called formants). Chapter: 2.3
"""

import numpy as np

from helpers.audio import check_rate, check_samples

VOWELS = {
    "heed": (270.0, 2290.0, 3010.0),
    "hid": (390.0, 1990.0, 2550.0),
    "head": (530.0, 1840.0, 2480.0),
    "had": (660.0, 1720.0, 2410.0),
    "hod": (730.0, 1090.0, 2440.0),
    "hawed": (570.0, 840.0, 2410.0),
    "hood": (440.0, 1020.0, 2240.0),
    "who'd": (300.0, 870.0, 2240.0),
    "hud": (640.0, 1190.0, 2390.0),
    "heard": (490.0, 1350.0, 1690.0),
}
"""The first three formants of American English vowels in Hz, means over 33 men, by the word that
was read. Source: [peterson1952control], table II."""

HIGHER_FORMANTS = (3500.0, 4500.0)
BANDWIDTHS = (60.0, 90.0, 150.0, 200.0, 250.0)


def cents(frequency, reference):
    """How far a frequency lies above a reference, in cents: 1200 log2(f / g); 100 are a semitone.

    Numbers or arrays in Hz, above 0. Returns float64. Chapter: 2.3
    """
    return 1200 * np.log2(np.asarray(frequency, float) / np.asarray(reference, float))


def buzz(f0, sample_rate, tilt_db=-6.0):
    """A voice without a mouth: all harmonics of f0 below half the sample rate.

    f0: float (n,), the fundamental in Hz at every sample. Harmonic k has the amplitude that
    `tilt_db` per octave gives (−6: 1 / k); its phase is k times that of the fundamental, so the
    pitch is exact however it glides. Returns float32 (n,) with a root mean square of 0.1.

    Raises ValueError if f0 is not between 0 and half the sample rate throughout.

    Chapter: 2.3
    """
    rate, f0 = check_rate(sample_rate), np.asarray(f0, dtype=np.float64)
    if f0.ndim != 1 or f0.size == 0 or not np.all((f0 > 0) & (f0 < rate / 2)):
        raise ValueError(
            f"f0 has shape {f0.shape}; give one frequency per sample, each above 0 and below "
            f"half the sample rate, {rate / 2:g} Hz"
        )
    phase = 2 * np.pi * np.cumsum(f0) / rate
    sound = np.zeros(len(f0))
    for k in range(1, int(rate / 2 / f0.min()) + 1):
        heard = k * f0 < 0.98 * rate / 2
        if heard.any():
            sound += heard * k ** (tilt_db / 20 / np.log10(2)) * np.cos(k * phase)
    return (0.1 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def resonate(source, formants, sample_rate, bandwidths=BANDWIDTHS):
    """Send a sound through a row of resonances: float (n,) → float32 (n,).

    formants: centre frequencies in Hz; bandwidths: their widths in Hz, at least as many. Each
    resonance is a filter with two poles at radius exp(−πB / rate) and gain 1 at 0 Hz.

    Raises ValueError for a formant that is not between 0 and half the sample rate or lacks a
    bandwidth, and what `check_samples` raises.

    Chapter: 2.3
    """
    from scipy.signal import lfilter

    sound, rate = check_samples(source).astype(np.float64), check_rate(sample_rate)
    formants = [float(f) for f in formants]
    if len(formants) > len(bandwidths) or not all(0 < f < rate / 2 for f in formants):
        raise ValueError(
            f"formants {formants} with {len(bandwidths)} bandwidths: each must lie between 0 and "
            f"{rate / 2:g} Hz and have a bandwidth"
        )
    for f, b in zip(formants, bandwidths, strict=False):
        r = np.exp(-np.pi * b / rate)
        poles = [1.0, -2 * r * np.cos(2 * np.pi * f / rate), r**2]
        sound = lfilter([sum(poles)], poles, sound)
    return sound.astype(np.float32)


def vowel(formants, f0, sample_rate, seconds=None, breath=0.0, rng=None):
    """A vowel whose pitch and formants are known: float32 (n,), root mean square 0.1.

    formants: Hz, such as an entry of VOWELS; `HIGHER_FORMANTS` below half the sample rate are
    added. f0: Hz, float (n,) or, with `seconds`, one number. breath: root mean square of the noise
    in the source, relative to its buzz; it needs `rng`. Ends are faded over 10 ms.

    Raises ValueError as `buzz` and `resonate`, or if `seconds` or `rng` is missing.

    Chapter: 2.3
    """
    if np.ndim(f0) == 0:
        if seconds is None:
            raise ValueError("f0 is one number: say with seconds= how long it lasts")
        f0 = np.full(round(seconds * sample_rate), float(f0))
    source = buzz(f0, sample_rate)
    if breath:
        if rng is None:
            raise ValueError("breath is noise: pass rng=numpy.random.default_rng(seed)")
        source = source + 0.1 * breath * rng.standard_normal(len(source)).astype(np.float32)
    higher = [f for f in HIGHER_FORMANTS if f < 0.9 * sample_rate / 2]
    sound = resonate(source, [*formants, *higher], sample_rate).astype(np.float64)
    n = min(len(sound) // 2, round(0.01 * sample_rate))
    fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / max(n, 1))
    sound[:n] *= fade
    sound[len(sound) - n :] *= fade[::-1]
    return (0.1 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


# --- linear prediction -------------------------------------------------------------------------


def levinson(autocorrelation, order):
    """Solve the normal equations of linear prediction by the Levinson–Durbin recursion.

    autocorrelation: float (order + 1 or more,), r[0] > 0. Returns (a, error): float64
    (order + 1,) with a[0] = 1, such that x[n] ≈ −(a[1] x[n−1] + … + a[p] x[n−p]), and the power of
    what remains.

    Raises ValueError if there are too few lags or r[0] is not positive.

    Chapter: 2.3
    Source: [makhoul1975linear]
    """
    r = np.asarray(autocorrelation, dtype=np.float64)
    if order < 1 or r.ndim != 1 or len(r) <= order or not r[0] > 0:
        raise ValueError(f"order {order} needs {order + 1} lags, and r[0] above 0 (no silence)")
    a, error = np.array([1.0]), r[0]
    for m in range(1, order + 1):
        reflection = -(a @ r[m:0:-1]) / error
        a = np.append(a, 0.0)
        a = a + reflection * a[::-1]
        error *= 1 - reflection**2
    return a, float(error)


def lpc(frame, order):
    """Linear prediction of one windowed frame: (a, gain).

    frame: float (n,), already windowed, n > order. a: float64 (order + 1,), a[0] = 1; the filter
    gain / A(z) has about the frame's spectral envelope, gain being the root mean square of the
    residual. Autocorrelation method, so the filter is stable; a trace of white noise, 90 dB
    down, keeps the equations solvable.

    Raises AudioSilent for silence, AudioTooShort for n ≤ order, and what `check_samples` raises.

    Chapter: 2.3
    Source: [makhoul1975linear]
    """
    from helpers.audio import is_silent
    from helpers.errors import AudioSilent, AudioTooShort

    x = check_samples(frame).astype(np.float64)
    if len(x) <= order:
        raise AudioTooShort(f"{len(x)} samples are too few for order {order}: use a longer frame")
    if is_silent(frame):
        raise AudioSilent("the frame is silent: there is nothing to predict. Leave it out.")
    r = np.array([x[: len(x) - lag] @ x[lag:] for lag in range(order + 1)])
    r[0] *= 1 + 1e-9
    a, error = levinson(r, order)
    return a, float(np.sqrt(max(error, 0) / len(x)))


def formants(a, sample_rate, widest=500.0, lowest=90.0):
    """Resonances of an all-pole filter: their frequencies in Hz, ascending, float64 (k,).

    a: float (order + 1,), as `lpc` gives it. A pair of poles at angle θ and radius ρ is a
    resonance at θ·rate / 2π with bandwidth −ln(ρ)·rate / π; those wider than `widest` or below
    `lowest` shape the slope of the spectrum and are left out.

    Chapter: 2.3
    Source: [makhoul1975linear]
    """
    poles = np.roots(np.asarray(a, dtype=np.float64))
    poles = poles[poles.imag > 1e-9]
    frequency = np.angle(poles) * sample_rate / (2 * np.pi)
    bandwidth = -np.log(np.maximum(np.abs(poles), 1e-12)) * sample_rate / np.pi
    return np.sort(frequency[(bandwidth < widest) & (frequency > lowest)])


# --- pitch -------------------------------------------------------------------------------------


def yin(samples, sample_rate, fmin=60.0, fmax=400.0, window=None, hop=80, threshold=0.1):
    """Pitch by YIN: (f0, dip), both float64 (frames,).

    samples: float (n,). window: samples compared at each lag, by default the longest period,
    sample_rate / fmin. Frame t uses the window + longest period samples from t·hop on.
    f0: Hz, between about fmin and fmax, for every frame, voiced or not. dip: the normalised
    difference there, near 0 for a clear pitch; above 0.2 or so there is none.

    Raises ValueError unless 0 < fmin < fmax ≤ sample_rate / 4, AudioTooShort if no frame fits, and
    what `check_samples` raises.

    Chapter: 2.3
    Source: [cheveigne2002yin]
    """
    from helpers.audio import frame

    x, rate = check_samples(samples), check_rate(sample_rate)
    if not 0 < fmin < fmax <= rate / 4:
        raise ValueError(f"fmin {fmin:g} and fmax {fmax:g} must ascend, up to {rate / 4:g} Hz")
    first, last = int(rate / fmax), int(np.ceil(rate / fmin))
    window = window or last
    frames = frame(x, window + last + 1, hop).astype(np.float64)
    difference = np.zeros((len(frames), last + 2))
    for lag in range(1, last + 2):
        step = frames[:, :window] - frames[:, lag : lag + window]
        difference[:, lag] = np.sum(step**2, axis=1)
    running = np.cumsum(difference, axis=1) / np.maximum(1, np.arange(last + 2))
    normal = np.where(running > 1e-20, difference / np.maximum(running, 1e-20), 1.0)
    results = [_first_dip(row, first, last, threshold) for row in normal]
    lags, dips = np.array(results).T
    return rate / lags, dips


def _first_dip(row, first, last, threshold):
    """(lag, depth) of the first dip below the threshold, or of the deepest; lag interpolated."""
    inner = row[first : last + 1]
    is_dip = (inner <= row[first - 1 : last]) & (inner < row[first + 1 : last + 2])
    deep = np.flatnonzero(is_dip & (inner < threshold))
    lag = first + int(deep[0] if len(deep) else np.argmin(inner))
    left, middle, right = row[lag - 1 : lag + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend > 1e-12 else 0.0
    return lag + float(np.clip(shift, -0.5, 0.5)), float(middle)
