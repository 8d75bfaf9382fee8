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
    raw = np.asarray(nearest(speech.copy(), noisy.copy()))
    if np.iscomplexobj(raw):
        raise Wrong("The gain must be real; only the real part of the product counts.")
    found = array(raw, speech.shape, "the gains")
    free = np.real(speech * noisy.conj()) / np.abs(noisy) ** 2
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
    return "This gain is what a mask that is trained for the signal aims at."


def solve_nearest(speech, noisy):
    """$|S - gX|^2 = |S|^2 - 2g\\,\\mathrm{Re}(S X^*) + g^2 |X|^2$ is smallest where
    $g = \\mathrm{Re}(S X^*) / |X|^2$; outside $0 \\dots 1$ the nearer end is best."""
    return np.clip(np.real(speech * noisy.conj()) / np.abs(noisy) ** 2, 0, 1)


def _magnitudes_only(speech, noisy):
    return np.clip(np.abs(speech) / np.abs(noisy), 0, 1)


def _not_clipped(speech, noisy):
    return np.real(speech * noisy.conj()) / np.abs(noisy) ** 2


def _not_conjugated(speech, noisy):
    return np.clip(np.real(speech * noisy) / np.abs(noisy) ** 2, 0, 1)


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
        ),
    ),
)
