"""Exercises of chapter 2.3, Features."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 2.3.1 ---------------------------------------------------------------------------------------


def check_shape(answer):
    pair = array(answer, shape=(2,), what="frames and bins")
    frames, bins = (int(v) for v in pair)
    if bins == 512:
        raise Wrong(
            "A real sound has a symmetric spectrum. How many of the 512 bins are different?"
        )
    if bins == 256:
        raise Wrong("From 0 Hz to half the sample rate, *both* ends included: one more than half.")
    if (frames, bins) == (257, 147):
        raise Wrong("Right numbers, the other way round: frames first.")
    if bins != 257:
        raise Wrong("The number of bins depends on the window alone: half of 512, and one.")
    if frames == 150:
        raise Wrong(
            "The last frames would reach beyond the end. A frame needs all its 512 samples."
        )
    if frames == 146:
        raise Wrong("Those are the hops. The first frame needs none: one more.")
    if frames != 147:
        raise Wrong("The first frame takes 512 of 24 000 samples; each further one takes 160 more.")


def solve_shape():
    """The sound has 24 000 samples. After the first frame, $24\\,000 - 512$ samples remain, and
    each further frame uses 160 of them: $1 + \\lfloor 23\\,488 / 160 \\rfloor$ frames. A real
    sound's spectrum is symmetric, so $512 / 2 + 1$ bins say everything."""
    return 1 + (24000 - 512) // 160, 512 // 2 + 1


# --- 2.3.2 ---------------------------------------------------------------------------------------


def check_cola(answer):
    cola = function(answer)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    flat = number(cola(hann, 32), "Hann, hop 32")
    if close(flat, 2.0, rtol=0.2) or close(flat, 1.0, rtol=0.2):
        raise Wrong(
            "At the ends fewer windows lie on a sample, so the sum rises there. Leave out at least "
            "a window's length at either end."
        )
    if not abs(flat) < 1e-6:
        raise Wrong(f"For a Hann window with a hop of half its length 0 is right, not {flat:g}.")
    box = number(cola(np.ones(64), 48), "a rectangle, hop 48")
    if close(box, 1.0) or close(box, 0.5):
        raise Wrong("Divide the difference by the *mean* of the sum, over a whole number of hops.")
    if not close(box, 1 / (4 / 3), rtol=0.03):
        raise Wrong(
            f"For a rectangle of 64 and a hop of 48 the result is 0.75, not {box:g}: the sum is 1 "
            "or 2 there, and on average 4/3."
        )
    third = number(cola(hann**2, 32), "Hann squared, hop 32")
    if not close(third, 0.5 / 0.75, rtol=0.03):
        raise Wrong("Hann squared at half its length ripples: by 0.5 about a mean of 0.75.")


def solve_cola(window, hop):
    """Add up many shifted windows, and look only where all that could reach are there: a whole
    number of hops in the middle."""
    n = len(window)
    count = 4 * (n // hop + 2)
    total = np.zeros((count - 1) * hop + n)
    for t in range(count):
        total[t * hop : t * hop + n] += window
    start = n // hop * hop + hop
    middle = total[start : start + (count // 2) * hop]
    return (middle.max() - middle.min()) / middle.mean()


def _with_the_ends(window, hop):
    total = np.zeros(20 * hop + len(window))
    for t in range(21):
        total[t * hop : t * hop + len(window)] += window
    return (total.max() - total.min()) / total.mean()


def _not_relative(window, hop):
    total = np.zeros(60 * hop + len(window))
    for t in range(61):
        total[t * hop : t * hop + len(window)] += window
    middle = total[20 * hop : 30 * hop]
    return middle.max() - middle.min()


# --- 2.3.3 ---------------------------------------------------------------------------------------


def _cepstrum_of_a_comb(f0, sample_rate=8000, n=512, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(n) / sample_rate
    harmonics = np.arange(1, int(sample_rate / 2 / f0))
    waves = np.cos(2 * np.pi * f0 * harmonics[:, None] * t + rng.uniform(0, 6, (len(harmonics), 1)))
    x = (waves / harmonics[:, None] ** 0.5).sum(axis=0) * (
        0.5 - 0.5 * np.cos(2 * np.pi * t / t[-1])
    )
    return np.fft.irfft(np.log(100 * np.abs(np.fft.rfft(x)) + 1e-2), n)


def check_cepstral_pitch(answer):
    pitch = function(answer)
    for f0 in (100.0, 160.0, 200.0):
        found = number(pitch(_cepstrum_of_a_comb(f0), 8000, 70.0, 300.0), f"a pitch of {f0:g} Hz")
        if close(found, 8000 / f0, rtol=0.05):
            raise Wrong("That is the quefrency in samples. How many of them fit into a second?")
        if not 69 <= found <= 301:
            raise Wrong(
                f"{found:g} Hz lies outside 70 to 300 Hz. Search only quefrencies from "
                "`sample_rate / fmax` to `sample_rate / fmin`: the envelope at the start is higher "
                "than any peak."
            )
        if not close(found, f0, rtol=0.03):
            raise Wrong(
                f"For {f0:g} Hz, {found:.1f} Hz came out. Mind that slicing an array shifts its "
                "indices."
            )
    peaks = np.zeros(512)
    peaks[[30, 50, 150]] = 2.0, 1.0, 3.0
    found = number(pitch(peaks, 8000, 100.0, 200.0), "peaks at quefrencies 30, 50 and 150")
    if not close(found, 160.0):
        raise Wrong(
            f"With higher peaks on either side of the range, at quefrencies 30 and 150, {found:g} "
            "Hz came out. Pitches from 100 to 200 Hz leave only 40 to 80, and the peak at 50."
        )


def solve_cepstral_pitch(quefrencies, sample_rate, fmin, fmax):
    """High pitches have short periods: `fmax` gives the first quefrency, `fmin` the last. `argmax`
    counts from the start of the slice."""
    first, last = int(sample_rate / fmax), int(sample_rate / fmin)
    return sample_rate / (first + np.argmax(quefrencies[first : last + 1]))


def _over_all(quefrencies, sample_rate, fmin, fmax):
    return sample_rate / max(1, int(np.argmax(quefrencies[: len(quefrencies) // 2])))


def _only_zero_left_out(quefrencies, sample_rate, fmin, fmax):
    return sample_rate / (20 + np.argmax(quefrencies[20:250]))


def _index_of_the_slice(quefrencies, sample_rate, fmin, fmax):
    first, last = int(sample_rate / fmax), int(sample_rate / fmin)
    place = np.argmax(quefrencies[first : last + 1])
    return min(300.0, sample_rate / max(1, place))


def _samples(quefrencies, sample_rate, fmin, fmax):
    return sample_rate / solve_cepstral_pitch(quefrencies, sample_rate, fmin, fmax)


# --- 2.3.4 ---------------------------------------------------------------------------------------


def check_residual(answer):
    residual = function(answer)
    from scipy.signal import lfilter

    rng = np.random.default_rng(1)
    a = np.array([1.0, -1.2, 0.8])
    source = rng.standard_normal(200)
    x = lfilter([1.0], a, source)
    kept = x.copy()
    e = array(residual(x, a), what="the error")
    if not np.array_equal(x, kept):
        raise Wrong("Your function changed the reader's array. Work on a copy.")
    if e.shape == (202,):
        raise Wrong("A convolution is longer than the sound by $p$: keep the first 200 samples.")
    if e.shape != (200,):
        raise Wrong(f"Give back as many samples as came in, 200; {e.shape} came back.")
    if close(e, lfilter([1.0], a, x), rtol=1e-6):
        raise Wrong("That sends the sound through the mouth once more. $A$ goes on top, not below.")
    if close(e, x - source, rtol=1e-6, atol=1e-6) or close(e, source - x, rtol=1e-6, atol=1e-6):
        raise Wrong("That is the prediction. The *error* is the sound minus it.")
    if close(e, np.convolve(x, a, "same"), rtol=1e-6, atol=1e-6):
        raise Wrong(
            "Shifted by one: keep the *first* 200 samples of the convolution, not the middle."
        )
    if close(e[2:], source[2:], rtol=1e-6, atol=1e-6) and not close(e, source, atol=1e-6):
        raise Wrong(
            "All but the first samples are right. Before its start the sound is 0: neither its end "
            "(`np.roll` wraps around) nor a reason to leave terms of the sum out."
        )
    if not close(e, source, rtol=1e-6, atol=1e-6):
        raise Wrong(
            "Not the source that made this sound. Term $k$ is `a[k]` times the sound, $k$ samples "
            "later, and the term with `a[0]` belongs to the sum."
        )


def solve_residual(samples, a):
    """The sum is a convolution of the sound with `a`; what lies beyond its end is cut off. As a
    filter, it is `scipy.signal.lfilter(a, [1.0], samples)`."""
    return np.convolve(samples, a)[: len(samples)]


def _through_the_mouth_again(samples, a):
    from scipy.signal import lfilter

    return lfilter([1.0], a, samples)


def _only_the_prediction(samples, a):
    return samples - np.convolve(samples, a)[: len(samples)]


def _wrapped_around(samples, a):
    return sum(weight * np.roll(samples, k) for k, weight in enumerate(a))


def _the_middle(samples, a):
    return np.convolve(samples, a, "same")


def _too_long(samples, a):
    return np.convolve(samples, a)


# --- 2.3.5 ---------------------------------------------------------------------------------------


def check_octaves(answer):
    shares = function(answer)
    true = np.full(10, 200.0)
    estimate = np.array([200, 202, 198, 99.5, 400, 101, 300, 66.7, 200, 190.0])
    result = array(shares(estimate, true), shape=(2,), what="the two shares")
    if close(result, [0.6, 0.3]):
        raise Wrong("The second is a share of the *gross errors*, not of all frames.")
    if close(result[0], 0.8) or close(result[0], 0.5):
        raise Wrong("50 cents are about 3 % of the frequency, not 50 Hz and not 0.")
    if not close(result[0], 0.6):
        raise Wrong("Six of the ten are gross. Distances in cents: 1200 log2(f / f0), both signs.")
    if close(result[1], 1 / 6):
        raise Wrong("99.5, 101 *and* 400 Hz are octaves of 200 Hz: errors go both ways.")
    if close(result[1], 1 / 3):
        raise Wrong(
            "99.5 Hz is 9 cents *below* the octave, and `% 1200` makes 1191 of that. Take the "
            "distance to the nearest multiple of 1200."
        )
    if result[1] > 0.6:
        raise Wrong("Three halves (300 Hz) and a third (66.7 Hz) are no octaves. Round to 1200.")
    if not close(result[1], 0.5):
        raise Wrong("How far is each gross error from the nearest multiple of 1200 cents?")
    nothing = array(shares(true, true), shape=(2,), what="the shares without errors")
    if not np.all(np.isfinite(nothing)) or not close(nothing, [0, 0]):
        raise Wrong("Without a gross error both shares are 0. What do you divide by there?")


def solve_octaves(estimate, true):
    """Cents first. The distance to the nearest whole octave is what is left after rounding to a
    multiple of 1200."""
    off = 1200 * np.log2(np.asarray(estimate) / np.asarray(true))
    gross = np.abs(off) > 50
    if not gross.any():
        return 0.0, 0.0
    octaves = np.abs(off[gross] - 1200 * np.round(off[gross] / 1200)) <= 50
    return gross.mean(), octaves.mean()


def _of_all_frames(estimate, true):
    off = 1200 * np.log2(estimate / true)
    gross = np.abs(off) > 50
    return gross.mean(), np.mean(gross & (np.abs(off - 1200 * np.round(off / 1200)) <= 50))


def _only_downwards(estimate, true):
    off = 1200 * np.log2(estimate / true)
    gross = np.abs(off) > 50
    return gross.mean(), np.mean(np.abs(off[gross] + 1200) < 10)


def _remainder(estimate, true):
    off = 1200 * np.log2(estimate / true)
    gross = np.abs(off) > 50
    return gross.mean(), np.mean(off[gross] % 1200 <= 50)


def _in_hertz(estimate, true):
    return np.mean(np.abs(estimate - true) > 50), 0.5


def _divides_by_nothing(estimate, true):
    off = 1200 * np.log2(estimate / true)
    gross = np.abs(off) > 50
    with np.errstate(all="ignore"):
        octaves = np.abs(off - 1200 * np.round(off / 1200)) <= 50
        return gross.mean(), np.sum(gross & octaves) / np.sum(gross)


# --- 2.3.6 ---------------------------------------------------------------------------------------


def _analyse(x, window, hop):
    frames = np.lib.stride_tricks.sliding_window_view(x, len(window))[::hop]
    return np.fft.rfft(frames * window, axis=1)


def check_retrieval(answer):
    import time

    retrieve = function(answer)
    window, hop = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256), 64
    t = np.arange(256 + 64 * 60) / 8000
    glide = 2 * np.pi * (140 * t + 30 * t**2)
    x = sum(np.cos(k * glide + k**2) / k for k in range(1, 12)) * (0.3 + np.sin(9 * t) ** 2)
    magnitude = np.abs(_analyse(x, window, hop))
    began = time.perf_counter()
    y = array(retrieve(magnitude.copy(), window, hop), what="the sound")
    took = time.perf_counter() - began
    if y.shape != x.shape:
        raise Wrong(f"{len(x)} samples are wanted, shape {x.shape}; {y.shape} came back.")
    if np.iscomplexobj(y) or not np.all(np.isfinite(y)):
        raise Wrong("The sound must be real and finite. Where windows hardly reach, do you divide?")
    made = np.abs(_analyse(y, window, hop))
    error = np.linalg.norm(made - magnitude) / np.linalg.norm(magnitude)
    scale = np.sum(made * magnitude) / max(np.sum(made**2), 1e-12)
    if error > 0.25 and np.linalg.norm(scale * made - magnitude) < 0.25 * np.linalg.norm(magnitude):
        raise Wrong("The right sound at the wrong level: divide by the sum of the squared windows.")
    if error > 0.25:
        raise Wrong(
            f"The spectral convergence is {error:.2f}; below 0.25 is asked for. Analyse the sound "
            "again, keep its phase, put the magnitude back, and repeat."
        )
    if took > 2:
        raise Wrong(f"It took {took:.1f} s; two are allowed. Transform all frames at once.")
    return f"Spectral convergence {error:.3f} in {took:.2f} s."


def solve_retrieval(magnitude, window, hop):
    """Griffin and Lim's iteration from random phases, with momentum. A start that lets each bin's
    phase advance by $2\\pi f H / f_s$ from frame to frame needs fewer rounds."""
    n = len(window)
    length = (len(magnitude) - 1) * hop + n
    weight = np.zeros(length)
    for t in range(len(magnitude)):
        weight[t * hop : t * hop + n] += window**2

    def sound(spectrum):
        y = np.zeros(length)
        for t, part in enumerate(np.fft.irfft(spectrum, n, axis=1) * window):
            y[t * hop : t * hop + n] += part
        return y / np.maximum(weight, 0.01)

    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, magnitude.shape)
    spectrum, before = magnitude * np.exp(1j * angles), 0
    for _ in range(80):
        frames = np.lib.stride_tricks.sliding_window_view(sound(spectrum), n)[::hop]
        now = np.fft.rfft(frames * window, axis=1)
        spectrum = magnitude * np.exp(1j * np.angle(now + 0.99 * (now - before)))
        before = now
    return sound(spectrum)


def _zero_phase(magnitude, window, hop):
    n, y = len(window), np.zeros((len(magnitude) - 1) * hop + len(window))
    weight = np.zeros_like(y)
    for t, part in enumerate(np.fft.irfft(magnitude, n, axis=1)):
        y[t * hop : t * hop + n] += part * window
        weight[t * hop : t * hop + n] += window**2
    return y / np.maximum(weight, 0.01)


def _never_normalised(magnitude, window, hop):
    y = solve_retrieval(magnitude, window, hop)
    return 1.5 * y


def _one_frame_short(magnitude, window, hop):
    return solve_retrieval(magnitude, window, hop)[:-hop]


EXERCISES = (
    Exercise(
        id="2.3.1",
        title="The shape of a spectrogram",
        check=check_shape,
        hints=(
            "How many samples are 1.5 seconds, and how many are left after the first frame?",
            "1 + (n − N) // H frames; N / 2 + 1 bins.",
        ),
        solution=solve_shape,
        wrong_answers=(
            ((147, 512), "symmetric"),
            ((150, 257), "beyond the end"),
            ((146, 257), "one more"),
            ((147, 256), "both"),
        ),
    ),
    Exercise(
        id="2.3.2",
        title="Does it add up?",
        asks="function",
        check=check_cola,
        hints=(
            "Make an array of zeros that is long enough for some twenty windows, and add them in.",
            "Look at a stretch in the middle, a whole number of hops long: `max`, `min`, `mean`.",
        ),
        solution=solve_cola,
        wrong_answers=((_with_the_ends, "At the ends"), (_not_relative, "*mean*")),
    ),
    Exercise(
        id="2.3.3",
        title="Pitch from the cepstrum",
        asks="function",
        check=check_cepstral_pitch,
        hints=(
            "A pitch of f Hz repeats every sample_rate / f samples. That is its quefrency.",
            "`argmax` of a slice counts from the slice's start: add that again.",
        ),
        solution=solve_cepstral_pitch,
        wrong_answers=(
            (_over_all, "Search only"),
            (_only_zero_left_out, "either side"),
            (_index_of_the_slice, "shifts its"),
            (_samples, "in samples"),
        ),
    ),
    Exercise(
        id="2.3.4",
        title="Take the mouth off",
        asks="function",
        check=check_residual,
        hints=(
            "A sum over shifted copies, each with a weight, has a name and a NumPy function.",
            "`np.convolve`, cut to the length of the sound; or `lfilter` with `a` as numerator.",
        ),
        solution=solve_residual,
        wrong_answers=(
            (_through_the_mouth_again, "once more"),
            (_only_the_prediction, "prediction"),
            (_too_long, "longer"),
            (_the_middle, "*first*"),
            (_wrapped_around, "wraps around"),
        ),
    ),
    Exercise(
        id="2.3.5",
        title="Wrong note or wrong octave?",
        asks="function",
        check=check_octaves,
        hints=(
            "Turn ratios into cents first; an octave is 1200, down −1200.",
            "`off - 1200 * np.round(off / 1200)` is the distance to the nearest octave.",
        ),
        solution=solve_octaves,
        wrong_answers=(
            (_of_all_frames, "of the *gross errors*"),
            (_only_downwards, "both ways"),
            (_remainder, "*below*"),
            (_in_hertz, "not 50 Hz"),
            (_divides_by_nothing, "not finite"),
        ),
    ),
    Exercise(
        id="2.3.6",
        title="Project: your own phase retrieval",
        asks="function",
        check=check_retrieval,
        hints=(
            "First write the way from a complex array to sound: inverse transform, times window, "
            "overlap-add, divided by the overlap-added squared windows.",
            "Then the loop: sound, analysis, keep `np.angle`, multiply by the wanted magnitude.",
            "Some 80 rounds with a momentum of 0.99 suffice.",
        ),
        solution=solve_retrieval,
        wrong_answers=(
            (_zero_phase, "keep its phase"),
            (_never_normalised, "wrong level"),
            (_one_frame_short, "samples are wanted"),
        ),
    ),
)
