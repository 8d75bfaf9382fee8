"""Exercises of chapter 2.1, Digital audio."""

import numpy as np

from helpers.codecs import quantise, triangular_dither
from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 2.1.1 ---------------------------------------------------------------------------------------


def check_alias(answer):
    alias = function(answer)
    for hz, rate, right in (
        (1000, 8000, 1000),
        (5000, 8000, 3000),
        (8000, 8000, 0),
        (9000, 8000, 1000),
        (15000, 8000, 1000),
        (21000, 8000, 3000),
        (30000, 44100, 14100),
    ):
        found = number(alias(hz, rate), f"a tone of {hz} Hz at {rate} Hz")
        if found < 0:
            raise Wrong(
                f"{hz} Hz at {rate} Hz gave {found:g}: nobody hears a negative frequency. What is "
                "the difference between a sine that turns backwards and one that turns forwards?"
            )
        if found > rate / 2:
            raise Wrong(
                f"{hz} Hz at {rate} Hz gave {found:g}, which is above half the rate. Going back by "
                "whole rates is half of the way; then it still has to fold."
            )
        if not close(found, right):
            raise Wrong(
                f"{hz} Hz at {rate} Hz gave {found:g}. Does your rule also hold for a tone that is "
                "more than one rate away?"
            )


def solve_alias(hz, sample_rate):
    """The samples do not change if a whole number of rates is taken away. Take away the nearest
    number, and what remains lies between $-f_s/2$ and $f_s/2$; its sign cannot be heard."""
    return abs(hz - sample_rate * round(hz / sample_rate))


def _modulo(hz, sample_rate):
    return hz % sample_rate


def _folded_once(hz, sample_rate):
    return abs(sample_rate - hz) if hz > sample_rate / 2 else hz


def _signed(hz, sample_rate):
    return hz - sample_rate * round(hz / sample_rate)


# --- 2.1.2 ---------------------------------------------------------------------------------------


def check_bits(answer):
    bits = number(answer, "the number of bits")
    if close(bits, 10, rtol=0):
        raise Wrong("That is enough without dither. With it, the error has three times the power.")
    if not float(bits).is_integer():
        raise Wrong("There are no fractions of a bit here. Which whole number is enough?")
    if bits > 11:
        raise Wrong("That is enough, but a smaller number is too.")
    if bits < 11:
        raise Wrong("That is too few. Write down the formula for $b$ bits and take the dither off.")


def solve_bits():
    """Dither triples the power of the error, so $6.02\\,b + 1.76 - 4.77 \\ge 60$, which gives
    $b \\ge 10.5$."""
    return int(np.ceil((60 - 1.76 + 10 * np.log10(3)) / 6.02))


# --- 2.1.3 ---------------------------------------------------------------------------------------


def check_inverse(answer):
    inverse = function(answer)
    spectrum = np.array([2, 1 - 3j, 0, 1 + 3j])
    result = np.asarray(inverse(spectrum.copy()))
    if result.shape != (4,):
        raise Wrong(f"The shape should be (4,) for four values; it is {result.shape}.")
    right = np.array([1, 2, 0, -1])
    if np.allclose(result, 4 * right):
        raise Wrong("The shape of the sound is right, its size is not. What is $W W^H$?")
    if np.allclose(result, right[[0, 3, 2, 1]]) or np.allclose(result, 4 * right[[0, 3, 2, 1]]):
        raise Wrong(
            "The sound comes out backwards in time. Which way do the pointers have to turn?"
        )
    if not np.allclose(result, right):
        raise Wrong(
            "The transform worked by hand in the chapter does not come back: (1, 2, 0, −1)."
        )
    noise = np.random.default_rng(1).standard_normal((2, 33))
    odd = noise[0] + 1j * noise[1]
    if not np.allclose(inverse(np.fft.fft(odd)), odd):
        raise Wrong("It works for four real samples, but not for 33 complex ones.")


def solve_inverse(X):
    """From $W W^{\\mathsf H} = N I$ follows $W^{-1} = W^{\\mathsf H} / N$: the pointers turn the
    other way, and the sum is divided by $N$."""
    n = len(X)
    i = np.arange(n)
    return np.exp(2j * np.pi * np.outer(i, i) / n) @ X / n


def _forwards(X):
    i = np.arange(len(X))
    return np.exp(-2j * np.pi * np.outer(i, i) / len(X)) @ X


def _not_divided(X):
    i = np.arange(len(X))
    return np.exp(2j * np.pi * np.outer(i, i) / len(X)) @ X


# --- 2.1.4 ---------------------------------------------------------------------------------------


def check_convolve(answer):
    convolve = function(answer)
    rng = np.random.default_rng(2)
    for n, m in ((50, 20), (7, 30), (1, 1), (64, 64)):
        x, h = rng.standard_normal(n), rng.standard_normal(m)
        result = np.asarray(convolve(x, h))
        if np.iscomplexobj(result):
            raise Wrong("Two real sounds have a real convolution. `irfft` belongs to `rfft`.")
        if result.shape == (max(n, m),) and n + m - 1 != max(n, m):
            raise Wrong(
                f"{n} and {m} samples give {n + m - 1}, not {max(n, m)}: the end has wrapped round "
                "to the beginning. How many zeros make room for it?"
            )
        result = array(result, (n + m - 1,), f"the convolution of {n} with {m} samples")
        if not np.allclose(result, np.convolve(x, h)):
            raise Wrong(f"The length is right, but not the values, for {n} and {m} samples.")


def solve_convolve(x, h):
    """With $n + m - 1$ points there is room for every sample of the result, so nothing wraps.
    `irfft` has to be told the length, since an odd one cannot be seen from the spectrum."""
    n = len(x) + len(h) - 1
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(h, n), n)


def _circular(x, h):
    n = max(len(x), len(h))
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(h, n), n)


def _complex(x, h):
    n = len(x) + len(h) - 1
    return np.fft.ifft(np.fft.fft(x, n) * np.fft.fft(h, n))


def _length_forgotten(x, h):
    n = len(x) + len(h) - 1
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(h, n))


# --- 2.1.5 ---------------------------------------------------------------------------------------


def check_mono(answer):
    to_mono = function(answer)
    rng = np.random.default_rng(4)
    left, right = rng.standard_normal((2, 400))
    ordinary = np.stack([left, right], axis=1)
    kept = ordinary.copy()
    result = array(to_mono(ordinary), what="two unrelated channels")
    if not np.array_equal(ordinary, kept):
        raise Wrong("Your function changed the array it was given. Work on a copy.")
    if result.shape == (2,):
        raise Wrong("One number per channel came back: that is the mean along the wrong axis.")
    if result.shape != (400,):
        raise Wrong(f"One sample for each moment is needed, (400,); the shape is {result.shape}.")
    if close(result, left + right):
        raise Wrong("That is the sum, which can exceed full scale. Take the mean.")
    if not close(result, (left + right) / 2):
        raise Wrong("Two ordinary channels should give their mean.")
    opposed = np.stack([0.5 * left, -0.55 * left], axis=1)
    result = array(to_mono(opposed), (400,), "two opposed channels")
    if close(result, opposed.mean(axis=1)):
        raise Wrong("Of two channels of opposite sign, next to nothing was left.")
    if not close(result, opposed[:, 1]):
        raise Wrong("When the mean vanishes, give back the *stronger* of the two channels.")
    if np.any(array(to_mono(np.zeros((9, 2))), (9,), "silence")):
        raise Wrong("Silence should stay silence.")


def solve_mono(stereo):
    """Compare powers: the mean is refused if it has less than a hundredth, 20 dB, of the power of
    the stronger channel."""
    mean = stereo.mean(axis=1)
    power = np.mean(stereo**2, axis=0)
    return stereo[:, np.argmax(power)] if np.mean(mean**2) < power.max() / 100 else mean


def _plain_mean(stereo):
    return stereo.mean(axis=1)


def _sum(stereo):
    return stereo.sum(axis=1)


def _wrong_axis(stereo):
    return stereo.mean(axis=0)


def _first_channel_instead(stereo):
    mean = stereo.mean(axis=1)
    power = np.mean(stereo**2, axis=0)
    return stereo[:, 0].copy() if np.mean(mean**2) < power.max() / 100 else mean


# --- 2.1.6 ---------------------------------------------------------------------------------------


def _error_below(error, hz, sample_rate=8000):
    power = np.abs(np.fft.rfft(error)) ** 2
    return power[np.fft.rfftfreq(len(error), 1 / sample_rate) < hz].sum()


def check_shaped(answer):
    shaped = function(answer)
    t = np.arange(8000) / 8000
    x = (0.3 * np.sin(2 * np.pi * 310 * t) + 0.2 * np.sin(2 * np.pi * 1234 * t)).astype(np.float32)
    result = array(shaped(x, 6, np.random.default_rng(5)), (8000,), "the rounded sound")
    if not close(result * 32, np.rint(result * 32), rtol=0, atol=1e-6):
        raise Wrong("Some values do not lie on the grid of 6 bits, whose step is 1/32.")
    error = result - x
    if np.mean(error**2) > 0.01:
        raise Wrong("The error grows far beyond a step: feed back the error of *rounding*, once.")
    plain = quantise(x, 6, np.random.default_rng(6)) - x
    gain = 10 * np.log10(_error_below(plain, 500) / _error_below(error, 500))
    if gain < -1:
        raise Wrong(
            f"Below 500 Hz the error is {-gain:.0f} dB *stronger* than with plain rounding: with "
            "this sign the errors add up instead of cancelling."
        )
    if gain < 10:
        raise Wrong(
            f"Below 500 Hz the error is only {gain:.1f} dB weaker than with plain rounding. Does "
            "the error of one sample reach the next?"
        )
    if np.array_equal(result, shaped(x, 6, np.random.default_rng(7))):
        raise Wrong("Two generators give the same result: where is the dither drawn from `rng`?")
    return f"Below 500 Hz your error is {gain:.0f} dB weaker than that of plain rounding."


def solve_shaped(x, bits, rng):
    """What is rounded is the sample *minus the last error*, $v[i] = x[i] - e[i-1]$, and
    $e[i] = y[i] - v[i]$ is the error of this rounding, dither included. Hence
    $y[i] - x[i] = e[i] - e[i-1]$, a difference of neighbours, which is a high-pass: at low
    frequencies neighbours are alike. In all the error grows, by 3 dB; it has only moved."""
    step = 2.0 ** (1 - bits)
    noise = triangular_dither(len(x), bits, rng)
    y, error = np.zeros(len(x)), 0.0
    for i in range(len(x)):
        wanted = x[i] - error
        y[i] = step * np.clip(np.rint((wanted + noise[i]) / step), -1 / step, 1 / step - 1)
        error = y[i] - wanted
    return y


def _not_fed_back(x, bits, rng):
    return quantise(x, bits, rng)


def _wrong_sign(x, bits, rng):
    step = 2.0 ** (1 - bits)
    noise = triangular_dither(len(x), bits, rng)
    y, error = np.zeros(len(x)), 0.0
    for i in range(len(x)):
        wanted = x[i] + error
        y[i] = step * np.rint((wanted + noise[i]) / step)
        error = (y[i] - wanted) * 0.9
    return y


def _without_dither(x, bits, rng):
    step = 2.0 ** (1 - bits)
    y, error = np.zeros(len(x)), 0.0
    for i in range(len(x)):
        wanted = x[i] - error
        y[i] = step * np.rint(wanted / step)
        error = y[i] - wanted
    return y


def _off_the_grid(x, bits, rng):
    error = quantise(x, bits, rng) - x
    return x + np.diff(error, prepend=0.0)


EXERCISES = (
    Exercise(
        id="2.1.1",
        title="Where does it land?",
        asks="function",
        check=check_alias,
        hints=(
            "Tones that differ by a whole number of sample rates have the same samples. How many "
            "rates have to be taken away to come as near to 0 as possible?",
            "`round(hz / sample_rate)` is that number. What remains may be negative.",
        ),
        solution=solve_alias,
        wrong_answers=(
            (_modulo, "above half the rate"),
            (_folded_once, "above half the rate"),
            (_signed, "negative frequency"),
        ),
    ),
    Exercise(
        id="2.1.2",
        title="How many bits?",
        check=check_bits,
        hints=(
            "How much does dither cost, in dB? The chapter derives it from $\\Delta^2/4$.",
            "Solve $6.02\\,b + 1.76 - 4.77 \\ge 60$ for $b$, and round up.",
        ),
        solution=solve_bits,
        wrong_answers=((10, "enough without dither"), (10.47, "fractions"), (12, "a smaller")),
    ),
    Exercise(
        id="2.1.3",
        title="Back again",
        asks="function",
        check=check_inverse,
        hints=(
            "The chapter shows that $W W^{\\mathsf H} = N I$. What is the inverse of $W$, then?",
            "Two changes to `dft`: the sign in the exponent, and a division.",
        ),
        solution=solve_inverse,
        wrong_answers=((_forwards, "backwards in time"), (_not_divided, "its size is not")),
    ),
    Exercise(
        id="2.1.4",
        title="Convolve without the trap",
        asks="function",
        check=check_convolve,
        hints=(
            "How long is the result? Both transforms need at least as many points.",
            "`np.fft.rfft(x, n)` appends zeros up to `n` points by itself.",
        ),
        solution=solve_convolve,
        wrong_answers=(
            (_circular, "wrapped round"),
            (_complex, "real convolution"),
            (_length_forgotten, "The shape should be"),
        ),
    ),
    Exercise(
        id="2.1.5",
        title="Mono that does not vanish",
        asks="function",
        check=check_mono,
        hints=(
            "The power of a channel is the mean of its squares: `np.mean(stereo**2, axis=0)`.",
            "Compute the mean first; compare its power with a hundredth of the larger of the two. "
            "(A hundredth of the power is a tenth of the amplitude.)",
        ),
        solution=solve_mono,
        wrong_answers=(
            (_plain_mean, "next to nothing"),
            (_sum, "exceed full scale"),
            (_wrong_axis, "wrong axis"),
            (_first_channel_instead, "stronger"),
        ),
    ),
    Exercise(
        id="2.1.6",
        title="Project: hide the error yourself",
        asks="function",
        check=check_shaped,
        hints=(
            "Go through the samples in a loop and remember one number: the last error.",
            "Subtract the last error from the next sample *before* rounding; the error is what "
            "comes out of the rounding minus what went in.",
            "Then $y[i] - x[i] = e[i] - e[i-1]$. What does a difference of neighbours do to low "
            "frequencies?",
        ),
        solution=solve_shaped,
        wrong_answers=(
            (_not_fed_back, "reach the next"),
            (_wrong_sign, "stronger"),
            (_without_dither, "drawn from `rng`"),
            (_off_the_grid, "grid of 6 bits"),
        ),
    ),
)
