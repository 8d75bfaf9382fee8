"""Exercises of chapter 6.3."""

import math

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 6.3.1 ---------------------------------------------------------------------------------------


def check_residue(answer):
    value = number(answer, "the ratio in dB")
    if close(value, 10 * math.log10(10)):
        raise Wrong("Amplitudes are squared to give powers: 20 times the logarithm, not 10.")
    if close(value, 20):
        raise Wrong("The noise was there before: at 5 dB it was weaker than the speech already.")
    if close(value, 5 + 10 * math.log10(10)):
        raise Wrong("A gain of 0.1 on the amplitude is −20 dB, not −10.")
    if close(value, -15) or close(value, -20):
        raise Wrong(
            "The ratio is of speech to noise: what weakens the noise *raises* it above the 5 dB."
        )
    if close(value, 5):
        raise Wrong("The noise was turned down; the speech was not.")
    if not close(value, solve_residue()):
        raise Wrong("Decibels of gains add up: begin with 5 dB, and see what becomes of the noise.")
    return "In truth speech and noise share bins, and the mask takes from both."


def solve_residue():
    """The speech stays, the noise falls by $20 \\log_{10} 10 = 20$ dB; $5 + 20 = 25$ dB."""
    return 5 - 20 * math.log10(0.1)


# --- 6.3.2 ---------------------------------------------------------------------------------------


def check_ratio_mask(answer):
    ratio_mask = function(answer)
    rng = np.random.default_rng(632)
    speech, noise = (rng.normal(size=(6, 9)) + 1j * rng.normal(size=(6, 9)) for _ in range(2))
    speech[2], noise[2] = 0, 0
    speech[3], noise[4] = 0, 0
    with np.errstate(all="ignore"):
        raw = np.asarray(ratio_mask(speech.copy(), noise.copy()))
    if np.iscomplexobj(raw):
        raise Wrong("A gain is a real number: take the magnitudes with `np.abs` first.")
    if np.isnan(np.asarray(raw, float)).any():
        raise Wrong("Where both are silent you divide by zero. Let the gain be 0 there.")
    found = array(raw, speech.shape, "the gains")
    a, b = np.abs(speech), np.abs(noise)
    if close(found, a / np.maximum(a + b, 1e-12)):
        raise Wrong("These are shares of the magnitudes. Square them first.")
    if close(found, a**2 / np.maximum(a**2 + b**2, 1e-12)):
        raise Wrong("That is the share of the power. A gain acts on amplitudes: the square root.")
    if close(found, solve_ratio_mask(noise, speech)):
        raise Wrong("You let the noise pass. What is above the line?")
    if not close(found, solve_ratio_mask(speech, noise), atol=1e-6):
        raise Wrong("The square root of the share that the speech has of both powers.")
    return "Where speech and noise are equally strong the gain is $\\sqrt{1/2}$."


def solve_ratio_mask(speech, noise):
    """The share that the speech has of the power of both, and its square root; what is added in the
    denominator makes the gain 0 where both are silent."""
    power = np.abs(speech) ** 2
    return np.sqrt(power / np.maximum(power + np.abs(noise) ** 2, 1e-12))


def _of_magnitudes(speech, noise):
    return np.abs(speech) / np.maximum(np.abs(speech) + np.abs(noise), 1e-12)


def _of_powers(speech, noise):
    return solve_ratio_mask(speech, noise) ** 2


def _divides_by_zero(speech, noise):
    power = np.abs(speech) ** 2
    return np.sqrt(power / (power + np.abs(noise) ** 2))


def _without_magnitudes(speech, noise):
    return np.sqrt(speech**2 / np.maximum(np.abs(speech) ** 2 + np.abs(noise) ** 2, 1e-12))


# --- 6.3.3 ---------------------------------------------------------------------------------------


def check_nearest(answer):
    nearest = function(answer)
    rng = np.random.default_rng(633)
    speech, noise = (rng.normal(size=(7, 8)) + 1j * rng.normal(size=(7, 8)) for _ in range(2))
    noisy = speech + 1.5 * noise
    silent = noisy.copy()
    silent[2] = 0
    with np.errstate(all="ignore"):
        raw = np.asarray(nearest(speech.copy(), noisy.copy()))
        quiet = np.asarray(nearest(speech.copy(), silent))
    if np.iscomplexobj(raw):
        raise Wrong("The gain must be real; only the real part of the product counts.")
    found = array(raw, speech.shape, "the gains")
    free = np.real(speech * noisy.conj()) / np.abs(noisy) ** 2
    if close(found, _ratio_of_the_rest(speech, noisy)):
        raise Wrong("That is the ratio mask of 6.3.2. It does not ask where the two point.")
    if close(found, np.abs(speech) / np.abs(noisy)) or close(
        found, _magnitudes_only(speech, noisy)
    ):
        raise Wrong(
            "That makes the magnitude right and forgets the angle: where speech and mixture point "
            "in different directions, less is better."
        )
    if close(found, free):
        raise Wrong("Gains are to lie between 0 and 1: `np.clip`.")
    if close(found, np.clip(np.real(speech * noisy) / np.abs(noisy) ** 2, 0, 1)):
        raise Wrong(
            "The angle between two complex numbers comes from one times the other's `conj`."
        )
    if not close(found, np.clip(free, 0, 1), atol=1e-6):
        raise Wrong("Set the derivative of $|S - gX|^2$ by the real number $g$ to zero.")
    if not np.array_equal(np.nan_to_num(quiet[2].real, nan=1), np.zeros(speech.shape[1])):
        raise Wrong("Where `noisy` is silent any gain is as good: give 0 there, without 0 / 0.")
    return "This gain is what a mask that is trained for the signal aims at."


def solve_nearest(speech, noisy):
    """$|S - gX|^2 = |S|^2 - 2g\\,\\mathrm{Re}(S X^*) + g^2 |X|^2$ is smallest where
    $g = \\mathrm{Re}(S X^*) / |X|^2$; outside $0 \\dots 1$ the nearer end is best. Where $X$ is 0
    the product is, too."""
    power = np.maximum(np.abs(noisy) ** 2, 1e-12)
    return np.clip(np.real(speech * noisy.conj()) / power, 0, 1)


def _ratio_of_the_rest(speech, noisy):
    return solve_ratio_mask(speech, noisy - speech)


def _not_guarded(speech, noisy):
    return np.clip(np.real(speech * noisy.conj()) / np.abs(noisy) ** 2, 0, 1)


def _magnitudes_only(speech, noisy):
    return np.clip(np.abs(speech) / np.abs(noisy), 0, 1)


def _not_clipped(speech, noisy):
    return np.real(speech * noisy.conj()) / np.abs(noisy) ** 2


def _not_conjugated(speech, noisy):
    return np.clip(np.real(speech * noisy) / np.abs(noisy) ** 2, 0, 1)


# --- 6.3.4 ---------------------------------------------------------------------------------------


def check_step(answer):
    step = function(answer)
    rng = np.random.default_rng(634)
    for taps in (1, 4, 30):
        w, x = rng.normal(size=taps), 3 * rng.normal(size=taps)
        d, mu = float(rng.normal()), 0.3
        given = w.copy()
        found = array(step(given, x.copy(), d, mu), w.shape, "the new weights")
        if not np.array_equal(given, w):
            raise Wrong("The weights you were given have changed. Return new ones.")
        right = solve_step(w, x, d, mu)
        if close(found, right):
            continue
        if close(found, _not_normalised_step(w, x, d, mu)):
            raise Wrong("That is LMS. Divide by the energy of x: a loud reference is no evidence.")
        if close(found, 2 * w - right):
            raise Wrong("You walk away from the answer. Which sign makes the error smaller?")
        if close(found, _whole_step(w, x, d, mu)):
            raise Wrong("That goes all the way. Where is `mu`?")
        if close(found, right - w):
            raise Wrong("That is what is to be added. Add it to the old weights.")
        if taps > 1 and close(found, _by_mean(w, x, d, mu)):
            raise Wrong("You divide by the *mean* of the squares. The energy is their sum.")
        if close(found, _by_length(w, x, d, mu)):
            raise Wrong("You divide by the length of x. The energy is the *sum of squares*.")
        raise Wrong(
            f"The weights are wrong for {taps} taps. The error is $d - w \\cdot x$; the step goes "
            "along x."
        )
    return "With `mu = 1` the filter would now be exactly right about this one sample."


def solve_step(w, x, d, mu):
    """The error is $e = d - w \\cdot x$. The gradient of $\\tfrac12 e^2$ is $-e\\,x$; along it, the
    step that would make this error zero is $e\\,x / \\lVert x \\rVert^2$. Of that, we go the share
    $\\mu$."""
    error = d - w @ x
    return w + mu * error * x / (x @ x)


def _not_normalised_step(w, x, d, mu):
    return w + mu * (d - w @ x) * x


def _wrong_way(w, x, d, mu):
    return w - mu * (d - w @ x) * x / (x @ x)


def _whole_step(w, x, d, mu):
    return w + (d - w @ x) * x / (x @ x)


def _by_mean(w, x, d, mu):
    return w + mu * (d - w @ x) * x / np.mean(x**2)


def _increment(w, x, d, mu):
    return solve_step(w, x, d, mu) - w


def _by_length(w, x, d, mu):
    return w + mu * (d - w @ x) * x / np.sqrt(x @ x)


# --- 6.3.5 ---------------------------------------------------------------------------------------


def check_update(answer):
    update = function(answer)
    rng = np.random.default_rng(635)
    for frames, rank, bins in ((3, 2, 5), (20, 4, 11)):
        v = rng.gamma(1.0, 1.0, (frames, bins))
        h, w = rng.uniform(0.2, 2, (frames, rank)), rng.uniform(0.2, 2, (rank, bins))
        given = h.copy()
        found = array(update(v.copy(), given, w.copy()), h.shape, "the new activations")
        if not np.array_equal(given, h):
            raise Wrong("The activations you were given have changed. Return new ones.")
        if close(found, solve_update(v, h, w)):
            continue
        if close(found, _least_squares(v, h, w)):
            raise Wrong("That is the rule for squared errors. Here $V / HW$ is compared with 1.")
        if close(found, _factor_only(v, h, w)):
            raise Wrong("That is the factor. Multiply the old activations by it.")
        if close(found, _not_divided(v, h, w)):
            raise Wrong("Divide by what each spectrum adds up to, or louder ones will run away.")
        if close(found, _upside_down(v, h, w)):
            raise Wrong("Upside down: where the sound exceeds the model, activations must grow.")
        raise Wrong("Compare, bin by bin, $V$ with $HW$, and average the ratio over each spectrum.")
    return "If the model fits, the ratio is 1 everywhere, and the update changes nothing."


def solve_update(v, h, w):
    """Each activation is multiplied by the mean of the ratio $V / HW$ over the bins, weighted by
    its spectrum: above 1 where the sound is stronger than the model."""
    ratio = v / (h @ w)
    return h * (ratio @ w.T) / w.sum(axis=1)


def _least_squares(v, h, w):
    return h * (v @ w.T) / (h @ w @ w.T)


def _factor_only(v, h, w):
    return (v / (h @ w)) @ w.T / w.sum(axis=1)


def _not_divided(v, h, w):
    return h * ((v / (h @ w)) @ w.T)


def _upside_down(v, h, w):
    return h * ((h @ w / v) @ w.T) / w.sum(axis=1)


# --- 6.3.6 ---------------------------------------------------------------------------------------


def check_consistent(answer):
    consistent = function(answer)
    cases = {
        "known samples": ([0.9, -0.2], [0.1, 0.3], [True, True], [0.1, 0.3]),
        "a clipped crest that the guess does not reach": ([0.2], [0.5], [False], [0.5]),
        "a clipped crest that the guess exceeds": ([0.8], [0.5], [False], [0.8]),
        "a clipped trough that the guess does not reach": ([-0.2], [-0.5], [False], [-0.5]),
        "a clipped trough that the guess exceeds": ([-0.9], [-0.5], [False], [-0.9]),
        "a guess of the wrong sign": ([0.9, -0.9], [-0.5, 0.5], [False, False], [-0.5, 0.5]),
    }
    for case, (guess, clipped, known, right) in cases.items():
        given = np.array(guess)
        found = array(consistent(given, np.array(clipped), np.array(known)), (len(right),), case)
        if not np.array_equal(given, guess):
            raise Wrong("The guess you were given has changed. Return a new array.")
        if close(found, right):
            continue
        if case == "known samples":
            raise Wrong("Where a sample is known, the recording is right, whatever the guess says.")
        if "exceeds" in case and close(found, clipped):
            raise Wrong("A guess beyond the level agrees with the recording: keep it.")
        if "trough" in case:
            raise Wrong("A trough was cut off at the bottom: there, samples must lie *below*.")
        if "sign" in case:
            raise Wrong("What was cut off at the top cannot have been below, however loud.")
        raise Wrong(f"For {case} it should be {right}; you say {np.round(found, 3).tolist()}.")
    rng = np.random.default_rng(636)
    x = rng.normal(size=500)
    cut, known = np.clip(x, -1, 1), np.abs(x) < 1
    if not close(array(consistent(x, cut, known), x.shape, "the sound itself"), x):
        raise Wrong("The undamaged sound agrees with its clipped recording: it must not change.")
    return "Projecting on what is known is the half of most declippers that cannot go wrong."


def solve_consistent(guess, clipped, known):
    """Where samples are known, the recording; elsewhere the guess, moved outwards to the clipped
    value if it lies inside it or on the other side. It is the nearest sound that agrees."""
    beyond = np.where(clipped > 0, np.maximum(guess, clipped), np.minimum(guess, clipped))
    return np.where(known, clipped, beyond)


def _known_only(guess, clipped, known):
    return np.where(known, clipped, guess)


def _crests_only(guess, clipped, known):
    return np.where(known, clipped, np.maximum(guess, clipped))


def _by_loudness(guess, clipped, known):
    return np.where(known | (np.abs(guess) < np.abs(clipped)), clipped, guess)


def _in_place(guess, clipped, known):
    guess[:] = solve_consistent(guess, clipped, known)
    return guess


def _nothing_done(guess, clipped, known):
    return clipped * np.ones_like(guess)


EXERCISES = (
    Exercise(
        id="6.3.1",
        title="What a floor leaves",
        check=check_residue,
        hints=(
            "What is a factor of 0.1 on the amplitude in dB?",
            "The speech keeps its level; the noise loses 20 dB.",
        ),
        solution=solve_residue,
        wrong_answers=(
            (10.0, "20 times"),
            (20.0, "weaker"),
            (15.0, "not −10"),
            (5.0, "turned down"),
            (-15.0, "*raises*"),
            (-20.0, "*raises*"),
        ),
    ),
    Exercise(
        id="6.3.2",
        title="The ideal ratio mask",
        asks="function",
        check=check_ratio_mask,
        hints=(
            "`np.abs(speech) ** 2` is the power of a bin.",
            "`np.maximum(…, 1e-12)` in the denominator does no harm elsewhere.",
        ),
        solution=solve_ratio_mask,
        wrong_answers=(
            (_of_magnitudes, "Square them"),
            (_of_powers, "square root"),
            (_divides_by_zero, "divide by zero"),
            (_without_magnitudes, "real number"),
            (lambda speech, noise: solve_ratio_mask(noise, speech), "noise pass"),
        ),
    ),
    Exercise(
        id="6.3.3",
        title="The gain that comes nearest",
        asks="function",
        check=check_nearest,
        hints=(
            "Write out $|S - gX|^2$ for a real $g$.",
            "`np.real(speech * noisy.conj())` is $|S||X|$ times the cosine of the angle.",
        ),
        solution=solve_nearest,
        wrong_answers=(
            (_magnitudes_only, "forgets the angle"),
            (_not_clipped, "between 0 and 1"),
            (_not_conjugated, "`conj`"),
            (_ratio_of_the_rest, "ratio mask"),
            (_not_guarded, "silent"),
        ),
    ),
    Exercise(
        id="6.3.4",
        title="One step of an adaptive filter",
        asks="function",
        check=check_step,
        hints=(
            "First the error: what was heard, minus what the filter says.",
            "The step goes along `x`, by a share `mu` of error over energy; `x @ x` is the energy.",
        ),
        solution=solve_step,
        wrong_answers=(
            (_not_normalised_step, "That is LMS"),
            (_wrong_way, "walk away"),
            (_whole_step, "Where is `mu`"),
            (_by_length, "sum of squares"),
            (_by_mean, "*mean*"),
            (_increment, "old weights"),
        ),
    ),
    Exercise(
        id="6.3.5",
        title="An update that cannot go below zero",
        asks="function",
        check=check_update,
        hints=(
            "The ratio `v / (h @ w)` has the shape of `v`: above 1 where more is heard than said.",
            "`ratio @ w.T` has the shape of `h`; divide it by `w.sum(axis=1)`.",
        ),
        solution=solve_update,
        wrong_answers=(
            (_least_squares, "squared errors"),
            (_factor_only, "That is the factor"),
            (_not_divided, "adds up to"),
            (_upside_down, "must grow"),
        ),
    ),
    Exercise(
        id="6.3.6",
        title="Whatever agrees with the recording",
        asks="function",
        check=check_consistent,
        hints=(
            "There are three kinds of samples: known, cut off at the top, cut off at the bottom.",
            "At a crest take whichever is higher, guess or level: `np.maximum`. At a trough?",
        ),
        solution=solve_consistent,
        wrong_answers=(
            (_known_only, "it should be"),
            (_crests_only, "*below*"),
            (_by_loudness, "However loud".lower()),
            (_nothing_done, "keep it"),
            (_in_place, "has changed"),
        ),
    ),
)
