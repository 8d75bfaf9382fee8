"""Exercises of chapter 6.3."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function

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
        if close(found, _by_length(w, x, d, mu)):
            raise Wrong("You divide by the length of x. The energy is the *sum of squares*.")
        raise Wrong(f"The weights are wrong for {taps} taps. The error is $d - w \\cdot x$.")
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
        found = array(
            consistent(np.array(guess), np.array(clipped), np.array(known)),
            (len(right),),
            case,
        )
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


def _nothing_done(guess, clipped, known):
    return clipped * np.ones_like(guess)


EXERCISES = (
    Exercise(
        id="6.3.4",
        title="One step of an adaptive filter",
        asks="function",
        check=check_step,
        hints=(
            "First the error: what was heard, minus what the filter says.",
            "`w + mu * error * x / (x @ x)`, where `x @ x` is the energy of the reference.",
        ),
        solution=solve_step,
        wrong_answers=(
            (_not_normalised_step, "That is LMS"),
            (_wrong_way, "walk away"),
            (_whole_step, "Where is `mu`"),
            (_by_length, "sum of squares"),
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
            "`np.where(clipped > 0, np.maximum(guess, clipped), np.minimum(guess, clipped))`",
        ),
        solution=solve_consistent,
        wrong_answers=(
            (_known_only, "it should be"),
            (_crests_only, "*below*"),
            (_by_loudness, "However loud".lower()),
            (_nothing_done, "keep it"),
        ),
    ),
)
