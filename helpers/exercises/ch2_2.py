"""Exercises of chapter 2.2, Preprocessing."""

import math

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 2.2.1 ---------------------------------------------------------------------------------------


def check_gain(answer):
    gain = number(answer, "the factor")
    if close(gain, 0.5):
        raise Wrong("20 dB are a factor of 100 in power, but one of 10 in amplitude.")
    if close(gain, 0.2):
        raise Wrong("The wrong way round: the clip has to become louder.")
    if close(gain, 20 * math.log10(5), rtol=1e-2):
        raise Wrong("That is the gain in dB. Which factor on the samples does it stand for?")
    if not close(gain, 5.0):
        raise Wrong("Which root mean square lies 20 dB below 1? Divide it by the one there is.")


def solve_gain():
    """−20 dB is the amplitude $10^{-20/20} = 0.1$; from 0.02 to 0.1 it takes a factor of 5."""
    return 10 ** (-20 / 20) / 0.02


# --- 2.2.2 ---------------------------------------------------------------------------------------


def check_ratio_inside(answer):
    ratio = number(answer, "the ratio")
    if close(ratio, 10.0):
        raise Wrong("Over the whole clip, yes. But the word's power sits in a quarter of it.")
    if close(ratio, 10 - 10 * math.log10(4), rtol=2e-3):
        raise Wrong("Silence lowers the mean power, so while it sounds the word is *more*.")
    if close(ratio, 10 + 20 * math.log10(4), rtol=2e-3):
        raise Wrong("Four times the *power*: that is 10 log10, not 20 log10.")
    if not close(ratio, 10 + 10 * math.log10(4), rtol=2e-3):
        raise Wrong("Compare the mean power over the word with the mean power over the clip.")


def solve_ratio_inside():
    """The word's energy is spread over four times its own length, so its mean power over the clip
    is a quarter of what it is while it sounds: $10 + 10 \\log_{10} 4 ≈ 16$ dB."""
    return 10 + 10 * np.log10(1 / 0.25)


# --- 2.2.3 ---------------------------------------------------------------------------------------


def check_masked_mean(answer):
    masked_mean = function(answer)
    rng = np.random.default_rng(7)
    batch, lengths = rng.normal(size=(3, 6, 2)), np.array([6, 2, 3])
    for row, n in zip(batch, lengths, strict=True):
        row[n:] = -50.0
    kept = batch.copy()
    result = array(masked_mean(batch, lengths), what="the means")
    if not np.array_equal(batch, kept):
        raise Wrong("Your function changed the batch. Work on a copy, or multiply by a mask.")
    right = np.stack([row[:n].mean(axis=0) for row, n in zip(batch, lengths, strict=True)])
    if result.shape != (3, 2):
        raise Wrong(f"Three clips with two numbers a frame should give (3, 2), not {result.shape}.")
    if close(result, batch.mean(axis=1)):
        raise Wrong("The padding, −50 here, still counts. Which frames are real?")
    if close(result, right * lengths[:, None] / 6):
        raise Wrong("The right sum, divided by the wrong number: each clip has its own length.")
    if not close(result, right):
        raise Wrong("Take the first clip alone, then the second: which frames went in?")


def solve_masked_mean(batch, lengths):
    """The mask (B, T) is True where the frame number is below the clip's length. It multiplies
    every frame, and the sum is divided by the number of real frames."""
    real = np.arange(batch.shape[1]) < lengths[:, None]
    return np.sum(batch * real[:, :, None], axis=1) / lengths[:, None]


def _mean_of_everything(batch, lengths):
    return batch.mean(axis=1)


def _divided_by_all(batch, lengths):
    real = np.arange(batch.shape[1]) < lengths[:, None]
    return np.mean(batch * real[:, :, None], axis=1)


# --- 2.2.4 ---------------------------------------------------------------------------------------


def check_si_sdr(answer):
    ratio = function(answer)
    s, e = np.array([3.0, 4.0]), np.array([-0.4, 0.3])
    value = number(ratio(s + e, s), "a case worked by hand")
    if close(value, 10.0):
        raise Wrong("Powers, not magnitudes, go into 10 log10. Or is it half of what it should be?")
    if not close(value, 20.0):
        raise Wrong("For (3, 4) and an error (−0.4, 0.3) at right angles, 25 against 0.25: 20 dB.")
    half = number(ratio(0.5 * (s + e), s), "the same at half the volume")
    if not close(half, 20.0):
        raise Wrong("At half the volume another number comes out. Which multiple of s is nearest?")
    lopsided = np.array([4.0, 4.0])
    onto_estimate = 10 * math.log10(28**2 / 32 / (25 - 28**2 / 32))
    value = number(ratio(lopsided, s), "another pair")
    if close(value, onto_estimate) and not close(value, 10 * math.log10(31.36 / 0.64)):
        raise Wrong("You projected the reference onto the estimate; it goes the other way.")
    if not close(value, 10 * math.log10(31.36 / 0.64)):
        raise Wrong("Is α the inner product divided by the squared length of the *reference*?")


def solve_si_sdr(estimate, reference):
    """The projection of the estimate onto the reference is the part that counts as signal; the
    rest is distortion."""
    alpha = np.dot(estimate, reference) / np.dot(reference, reference)
    target = alpha * reference
    return 10 * np.log10(np.sum(target**2) / np.sum((estimate - target) ** 2))


def _plain_snr(estimate, reference):
    return 10 * np.log10(np.sum(reference**2) / np.sum((estimate - reference) ** 2))


def _magnitudes(estimate, reference):
    return solve_si_sdr(estimate, reference) / 2


# --- 2.2.5 ---------------------------------------------------------------------------------------


def check_wiener_gain(answer):
    gain_of = function(answer)
    noisy = np.array([[4.0, 1.0, 0.25], [10.0, 0.5, 4.0]])
    noise = np.array([1.0, 1.0, 2.0])
    gains = array(gain_of(noisy, noise, 0.1), what="the gains")
    right = np.maximum(np.maximum(noisy - noise, 0) / noisy, 0.1)
    if gains.shape != (2, 3):
        raise Wrong(f"One gain for every bin of every frame: (2, 3), not {gains.shape}.")
    if close(gains, np.maximum(1 - np.sqrt(noise / noisy), 0.1)):
        raise Wrong("That is the gain of spectral subtraction, in magnitudes.")
    if np.any(gains < 0.1 - 1e-9):
        raise Wrong("A gain lies below the floor. Which of the two limits comes last?")
    if close(gains, np.maximum(np.sqrt(np.maximum(noisy - noise, 0) / noisy), 0.1)):
        raise Wrong("That square root makes the *power* right; the least squared error has none.")
    if not close(gains, right):
        raise Wrong("ξ is speech power over noise power, and the gain is ξ / (1 + ξ).")


def solve_wiener_gain(noisy_power, noise_power, floor):
    """The speech power is the noisy power minus the noise's, zero at least; over the noise power
    that is ξ, and the gain is ξ / (1 + ξ), which is also speech power over noisy power."""
    prior = np.maximum(noisy_power - noise_power, 0) / noise_power
    return np.maximum(prior / (1 + prior), floor)


def _magnitude_subtraction(noisy_power, noise_power, floor):
    return np.maximum(1 - np.sqrt(noise_power / noisy_power), floor)


def _no_floor(noisy_power, noise_power, floor):
    return np.maximum(noisy_power - noise_power, 0) / noisy_power


def _root(noisy_power, noise_power, floor):
    return np.maximum(np.sqrt(np.maximum(noisy_power - noise_power, 0) / noisy_power), floor)


# --- 2.2.6 ---------------------------------------------------------------------------------------


def _levels(seed, noise_db, rise_db):
    """Levels of a stream of words in steady noise, and the truth: float (600,), bool (600,)."""
    rng = np.random.default_rng(seed)
    truth, at = np.zeros(600, bool), 50
    while at < 560:
        length = int(rng.integers(20, 60))
        truth[at : at + length] = True
        at += length + int(rng.integers(30, 80))
    truth[580:] = False
    levels = noise_db + rng.normal(0, 1.0, 600)
    levels[truth] += rise_db + rng.uniform(0, 8, truth.sum())
    return levels, truth


def check_causal_gate(answer):
    gate = function(answer)
    for seed, noise_db, rise_db in ((1, -60, 20), (2, -30, 14), (3, -45, 10)):
        levels, truth = _levels(seed, noise_db, rise_db)
        decided = np.asarray(gate(levels.copy()))
        if decided.shape != truth.shape:
            raise Wrong(f"One decision a frame: {truth.shape}, not {decided.shape}.")
        decided = decided.astype(bool)
        for t in (80, 200, 390):
            other = levels.copy()
            other[t + 1 :] = -20.0
            if not np.array_equal(np.asarray(gate(other)).astype(bool)[: t + 1], decided[: t + 1]):
                raise Wrong(
                    f"What comes after frame {t} changes what was decided before it: your gate "
                    "sees the future. A maximum or a quantile over everything does."
                )
        if decided.all() or not decided.any():
            raise Wrong(
                f"With noise at {noise_db} dB it always says the same. Is the threshold a fixed "
                "level? Measure the noise first."
            )
        missed, passed = np.mean(~decided[truth]), np.mean(decided[~truth])
        if (missed + passed) / 2 > 0.1:
            raise Wrong(
                f"With noise at {noise_db} dB and words {rise_db} dB louder it misses "
                f"{100 * missed:.0f} % of the speech and lets {100 * passed:.0f} % of the pauses "
                "pass."
            )


def solve_causal_gate(levels):
    """The first half second is noise, so its median is a first guess of the noise level. Afterwards
    every frame that is taken for noise moves the guess a little, so that it can follow; frames
    taken for speech don't. It is a beginning: noise that jumps up for good is speech to it for
    ever."""
    floor, decided = levels[0], np.zeros(len(levels), bool)
    for t, level in enumerate(levels):
        if t < 50:
            floor = np.median(levels[: t + 1])
        else:
            decided[t] = level > floor + 6
            floor += 0 if decided[t] else 0.02 * (level - floor)
    return decided


def _sees_everything(levels):
    return levels > np.quantile(levels, 0.2) + 0.5 * np.ptp(np.quantile(levels, [0.2, 0.9]))


def _fixed_level(levels):
    return levels > -42.0


def _too_low(levels):
    return levels > np.median(levels[:50]) - 0.5


EXERCISES = (
    Exercise(
        id="2.2.1",
        title="A gain",
        check=check_gain,
        hints=(
            "dB of an amplitude: 20 log10. Which amplitude has −20 dB?",
            "The root mean square should become 0.1.",
        ),
        solution=solve_gain,
        wrong_answers=(
            (0.5, "in amplitude"),
            (0.2, "louder"),
            (14, "gain in dB"),
            (3, "below 1"),
        ),
    ),
    Exercise(
        id="2.2.2",
        title="The other ratio",
        check=check_ratio_inside,
        hints=(
            "The noise is the same everywhere. How does the mean power of the word depend on where "
            "you take the mean?",
            "Energy stays, length is a quarter: the mean power is four times as large.",
        ),
        solution=solve_ratio_inside,
        wrong_answers=(
            (10, "whole clip"),
            (3.98, "*more*"),
            (22.04, "not 20 log10"),
            (14, "Compare"),
        ),
    ),
    Exercise(
        id="2.2.3",
        title="A mean that ignores the padding",
        asks="function",
        check=check_masked_mean,
        hints=(
            "Make a mask of shape (B, T): True where the frame's number is below the length.",
            "Multiply, sum over the frames, divide by the lengths. Mind the axes.",
        ),
        solution=solve_masked_mean,
        wrong_answers=((_mean_of_everything, "still counts"), (_divided_by_all, "wrong number")),
    ),
    Exercise(
        id="2.2.4",
        title="SI-SDR from its definition",
        asks="function",
        check=check_si_sdr,
        hints=(
            "Which multiple of the reference is nearest to the estimate?",
            "α = np.dot(estimate, reference) / np.dot(reference, reference).",
        ),
        solution=solve_si_sdr,
        wrong_answers=((_plain_snr, "half the volume"), (_magnitudes, "Powers")),
    ),
    Exercise(
        id="2.2.5",
        title="A Wiener gain",
        asks="function",
        check=check_wiener_gain,
        hints=(
            "How much power is left for the speech if the noise's is taken away?",
            "ξ = that over the noise power, gain = ξ / (1 + ξ), and the floor comes last.",
        ),
        solution=solve_wiener_gain,
        wrong_answers=(
            (_magnitude_subtraction, "magnitudes"),
            (_no_floor, "below the floor"),
            (_root, "square root"),
        ),
    ),
    Exercise(
        id="2.2.6",
        title="Project: a gate that cannot see the future",
        asks="function",
        check=check_causal_gate,
        hints=(
            "Half a second at the beginning is noise: 50 frames. What can be learned from them?",
            "Keep a running estimate of the noise level and compare each frame with it.",
            "Let only those frames move the estimate that were taken for noise.",
        ),
        solution=solve_causal_gate,
        wrong_answers=(
            (_sees_everything, "sees the future"),
            (_fixed_level, "fixed level"),
            (_too_low, "pauses"),
        ),
    ),
)
