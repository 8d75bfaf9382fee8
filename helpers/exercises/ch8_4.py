"""Exercises of chapter 8.4, Transparency."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 8.4.1 ---------------------------------------------------------------------------------------


def check_product(answer):
    value = number(answer, "what is attributed to the first number")
    if close(value, 24.0):
        raise Wrong(
            "That is the slope at the end of the way times the difference. But the two numbers "
            "together get 12, no more than the score is."
        )
    if close(value, 12.0):
        raise Wrong("That is the slope at the end only, and the whole score: the second gets some.")
    if close(value, 6.0):
        raise Wrong("Half of the score: but the two numbers don't get equal parts here.")
    if close(value, 0.0):
        raise Wrong("The slope is 0 at the start of the way only. Average it over the whole way.")
    if close(value, 4.0):
        raise Wrong(
            "That is the mean slope (and what the second number gets). Multiply the mean slope by "
            "how far the first number has moved."
        )
    if not close(value, 8.0):
        raise Wrong(
            "On the way, at (2α, 3α), the slope by the first number is 12α². Its mean is …?"
        )


def solve_product():
    """On the way $(2\\alpha, 3\\alpha)$ the slope by the first number is
    $2 \\cdot 2\\alpha \\cdot 3\\alpha = 12\\alpha^2$, on average 4, and the first number has moved
    by 2. By the second it is $4\\alpha^2$, on average 4/3, times 3. The two add up to
    $f(2, 3) - f(0, 0) = 12$."""
    return 2 * 4.0


# --- 8.4.2 ---------------------------------------------------------------------------------------


def check_paths(answer):
    attribute = function(answer)
    x, baseline = np.array([2.0, 3.0, -1.0]), np.array([0.0, 1.0, 1.0])

    def gradient(v):
        if np.shape(v) != (3,):
            raise Wrong(
                f"`gradient` takes one place (3,) at a time; it was given the shape {np.shape(v)}."
            )
        return np.array([v[1], v[0], 3 * v[2] ** 2])

    def slopes(steps):
        middles = (np.arange(steps) + 0.5) / steps
        return np.mean([gradient(baseline + k * (x - baseline)) for k in middles], axis=0)

    kept = x.copy()
    got = array(attribute(gradient, x, baseline, 200), (3,), "the attributions")
    if not np.array_equal(x, kept):
        raise Wrong("The picture that was passed in has changed.")
    mean, whole = slopes(200), 2.0 * 3.0 + (-1.0) ** 3 - (0.0 * 1.0 + 1.0)
    if np.allclose(got, 200 * mean * (x - baseline), rtol=0.03):
        raise Wrong("You added up the slopes of all steps. Take their mean.")
    if np.allclose(got, gradient(x) * (x - baseline)):
        raise Wrong("That is the slope at the end only. Walk there, and average the slopes.")
    if np.allclose(got, mean, rtol=0.02):
        raise Wrong("These are mean slopes. Each is worth how far its number moved: multiply.")
    if np.allclose(got, mean * x, rtol=0.02):
        raise Wrong("A number moves from the baseline to `x`, not from 0: multiply by the way.")
    if not close(got.sum(), whole, rtol=0.03):
        raise Wrong(
            f"They add up to {got.sum():.2f}, but the score rises by {whole:.2f} on the way."
        )
    few = array(attribute(gradient, x, baseline, 2), (3,), "the attributions in two steps")
    if not np.allclose(few, slopes(2) * (x - baseline), atol=1e-6):
        raise Wrong(
            "With two steps, stand in the middles of the two halves, a quarter and three quarters "
            "of the way along; and `steps` says how many there are."
        )
    if not np.allclose(got, mean * (x - baseline), atol=1e-6):
        raise Wrong("The sum is right, but not what each number gets.")


def solve_paths(gradient, x, baseline, steps):
    """The middles of equal parts of the way stand for the integral:
    $(x - b) \\cdot \\frac{1}{S} \\sum_k \\nabla f(b + \\frac{k + 1/2}{S}(x - b))$."""
    total = np.zeros_like(x)
    for k in range(steps):
        total += gradient(baseline + (k + 0.5) / steps * (x - baseline))
    return (x - baseline) * total / steps


def _paths_end(gradient, x, baseline, steps):
    return gradient(x) * (x - baseline)


def _paths_sum(gradient, x, baseline, steps):
    return steps * solve_paths(gradient, x, baseline, steps)


def _paths_slopes(gradient, x, baseline, steps):
    return solve_paths(gradient, x, baseline, steps) / (x - baseline)


def _paths_left(gradient, x, baseline, steps):
    ways = np.arange(steps) / steps
    return (x - baseline) * np.mean([gradient(baseline + w * (x - baseline)) for w in ways], axis=0)


def _paths_batch(gradient, x, baseline, steps):
    ways = (np.arange(steps)[:, None] + 0.5) / steps
    return (x - baseline) * gradient(baseline + ways * (x - baseline)).mean(axis=0)


def _paths_from_zero(gradient, x, baseline, steps):
    return solve_paths(gradient, x, baseline, steps) / (x - baseline) * x


# --- 8.4.3 ---------------------------------------------------------------------------------------


def check_cam(answer):
    cam = function(answer)
    rng = np.random.default_rng(0)
    maps = np.abs(rng.normal(size=(5, 4, 3)))
    slopes = rng.normal(size=(5, 4, 3))
    slopes += np.array([0.6, 0.0, -0.9])
    got = array(cam(maps, slopes), (5, 4), "the map")
    weights = slopes.mean(axis=(0, 1))
    if np.allclose(got, 0):
        raise Wrong("Zero everywhere: some places do speak for the class.")
    right = np.maximum(maps @ weights, 0)
    if np.allclose(got, 20 * right):
        raise Wrong("You added up the slopes of a channel. Its weight is their *mean*.")
    if np.allclose(got, maps @ weights):
        raise Wrong("What is negative speaks for other classes: cut it off at 0.")
    if np.allclose(got, np.maximum((maps * slopes).sum(axis=2), 0)):
        raise Wrong(
            "You weighed each place by its own slope. Grad-CAM gives a channel one weight: the "
            "mean of its slopes over all places."
        )
    if np.allclose(got, (np.maximum(maps * weights, 0)).sum(axis=2)):
        raise Wrong(
            "A channel that speaks against the class counts, too. Add up the channels first, with "
            "their signs; then cut off."
        )
    if np.allclose(got, np.maximum(maps.sum(axis=2), 0)):
        raise Wrong("These are the maps without any weight: where something happens, for whatever.")
    factor = np.sum(got * right) / np.sum(right**2)
    if not close(factor, 1.0) and np.allclose(got, factor * right):
        raise Wrong("It is right up to a factor: add the channels up, don't average or normalise.")
    if not np.allclose(got, right):
        raise Wrong("One weight for each channel, the weighted sum of the maps, nothing below 0.")


def solve_cam(maps, slopes):
    """$w_c = \\frac{1}{T' M'} \\sum_{t', m'} \\partial f / \\partial A[t', m', c]$, and the map is
    $\\max(0, \\sum_c w_c A[\\cdot, \\cdot, c])$."""
    weights = slopes.mean(axis=(0, 1))
    return np.maximum(maps @ weights, 0)


def _cam_signed(maps, slopes):
    return maps @ slopes.mean(axis=(0, 1))


def _cam_local(maps, slopes):
    return np.maximum((maps * slopes).sum(axis=2), 0)


def _cam_sum(maps, slopes):
    return np.maximum(maps @ slopes.sum(axis=(0, 1)), 0)


def _cam_average(maps, slopes):
    return np.maximum((maps * slopes.mean(axis=(0, 1))).mean(axis=2), 0)


def _cam_normalised(maps, slopes):
    return solve_cam(maps, slopes) / solve_cam(maps, slopes).max()


def _cam_positive(maps, slopes):
    return maps @ np.maximum(slopes.mean(axis=(0, 1)), 0)


def _cam_cut_early(maps, slopes):
    return np.maximum(maps * slopes.mean(axis=(0, 1)), 0).sum(axis=2)


# --- 8.4.4 ---------------------------------------------------------------------------------------


def check_found(answer):
    find = function(answer)
    values = np.array([0.9, 0.1, 0.5, 0.7, 0.3])
    target = np.array([True, False, False, True, False])
    if close(number(find(values, target), "a map that finds all"), 0.0):
        raise Wrong("Upside down: cells of the target should have the *higher* values.")
    if not close(number(find(values, target), "a map that finds all"), 1.0):
        raise Wrong("Every cell of this target is above every other cell: that is 1.")
    mixed = np.array([0.9, 0.8, 0.5, 0.1, 0.3])
    value = number(find(mixed, target), "a map that finds half")
    if close(value, 0.6):
        raise Wrong("Count pairs of a cell of the target and another one, not all cells.")
    if not close(value, 0.5):
        raise Wrong("Of the 2 · 3 pairs, 3 are in the right order here.")
    flat = number(find(np.zeros(5), target), "a map that is the same everywhere")
    if close(flat, 0.0) or close(flat, 1.0):
        raise Wrong("A map without any order knows nothing: count an equal pair as half.")
    if not close(flat, 0.5):
        raise Wrong("Equal values count half.")
    rng = np.random.default_rng(4)
    values, target = rng.integers(0, 6, 40).astype(float), np.arange(40) % 3 == 0
    if not close(number(find(values, target), "a mixed map"), solve_found(values, target)):
        raise Wrong("Compare every cell of the target with *every* other cell, pair by pair.")


def solve_found(values, target):
    """Of all pairs of a cell of the target and another one: how many are in the right order, equal
    ones counted half. With many cells one sorts instead, as `attribution.found` does."""
    gaps = values[target][:, None] - values[~target][None, :]
    return np.mean((gaps > 0) + 0.5 * (gaps == 0))


def _found_strict(values, target):
    return np.mean(values[target][:, None] > values[~target][None, :])


def _found_below(values, target):
    return 1 - solve_found(values, target)


def _found_mean(values, target):
    gaps = values[target] - values[~target].mean()
    return np.mean((gaps > 0) + 0.5 * (gaps == 0))


def _found_top(values, target):
    top = np.zeros(len(values), bool)
    top[np.argsort(-values, kind="stable")[: target.sum()]] = True
    return np.mean(top == target)


# --- 8.4.5 ---------------------------------------------------------------------------------------


def check_control(answer):
    control = function(answer)
    rng = np.random.default_rng(0)
    speakers = rng.choice(["ada", "ben", "cleo", "dan"], 400)
    words = rng.integers(0, 10, 400)
    got = array(control(speakers, words, np.random.default_rng(1)), (400,), "the labels")
    if np.any(got != np.round(got)) or got.min() < 0 or got.max() > 3:
        raise Wrong("Four people: every label should be a whole number from 0 to 3.")
    pairs = {}
    for s, w, label in zip(speakers, words, got, strict=True):
        pairs.setdefault((s, w), set()).add(label)
    if max(len(labels) for labels in pairs.values()) > 1:
        raise Wrong(
            "A pair of speaker and word must always have the same label: otherwise not even "
            "learning by heart could get it right, and any probe would pass."
        )
    by_speaker = [{min(pairs[s, w]) for w in range(10)} for s in np.unique(speakers)]
    if all(len(labels) == 1 for labels in by_speaker):
        raise Wrong("That is the speaker under another name. Draw for each *pair*.")
    by_word = [{min(pairs[s, w]) for s in np.unique(speakers)} for w in range(10)]
    if all(len(labels) == 1 for labels in by_word):
        raise Wrong("That depends on the word alone. Draw for each *pair*.")
    table = [[min(pairs[s, w]) for w in range(10)] for s in np.unique(speakers)]
    shifts = [{(a - b) % 4 for a, b in zip(table[0], row, strict=True)} for row in table[1:]]
    if all(len(shift) == 1 for shift in shifts):
        raise Wrong(
            "Your table is a sum of one number for the speaker and one for the word: it can be "
            "learnt from the two. Draw every entry by itself."
        )
    if len(set(got.tolist())) < 4:
        raise Wrong("As many classes as there are speakers, or the two can't be compared.")
    other = control(speakers, words, np.random.default_rng(2))
    if np.array_equal(other, got):
        raise Wrong("The same labels whatever the generator: draw them with `rng`.")


def solve_control(speakers, words, rng):
    """A table of random numbers, one for each pair; each clip looks its own up. There is nothing
    about sound in it, so what a probe gets right it has learnt by heart. A permutation of the
    numbers for each word would do, too, and better: then the word alone tells nothing."""
    names, who = np.unique(speakers, return_inverse=True)
    table = rng.integers(0, len(names), (len(names), 10))
    return table[who, words]


def _control_by_clip(speakers, words, rng):
    return rng.integers(0, len(np.unique(speakers)), len(speakers))


def _control_by_speaker(speakers, words, rng):
    names, who = np.unique(speakers, return_inverse=True)
    return rng.permutation(len(names))[who]


def _control_sum(speakers, words, rng):
    names, who = np.unique(speakers, return_inverse=True)
    return (rng.integers(0, len(names), len(names))[who] + words) % len(names)


def _control_fixed(speakers, words, rng):
    return solve_control(speakers, words, np.random.default_rng(0))


# --- 8.4.6 ---------------------------------------------------------------------------------------


def check_better(answer, *, cells, inside, maps):
    from helpers.attribution import found

    def shares(drawn):
        return np.array([found(m, c, w) for m, c, w in zip(drawn, cells, inside, strict=True)])

    mine = array(answer, np.shape(cells), "a map for each clip")
    each = shares(mine)
    if each.mean() > 0.9999 and all(len(np.unique(m)) < 20 for m in mine):
        raise Wrong("Not one pair is wrong: these are the cells. A map must come from the network.")
    for name, drawn in maps.items():
        if np.allclose(mine, drawn):
            raise Wrong(f"That is the chapter's own map by {name}. Make a new one, from gradients.")
    reached = {name: shares(drawn) for name, drawn in maps.items() if name != "occlusion"}
    best = max(reached, key=lambda name: reached[name].mean())
    gains = 100 * (each - reached[best])
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    mean, theirs = 100 * each.mean(), 100 * reached[best].mean()
    told = f"It finds {mean:.1f} % of the pairs, {best} {theirs:.1f} %"
    if gains.mean() <= 0:
        raise Wrong(
            f"{told}. In which cells does your map err, and are they scattered or in one place?"
        )
    if gains.mean() <= 2 * error:
        raise Wrong(
            f"{told}: a gain of {gains.mean():.1f} points with a standard error of {error:.1f} "
            "over the clips. It must be more than twice as large as that, or it may be chance."
        )
    return (
        f"{told}: {gains.mean():+.1f} points, standard error {error:.1f} over {len(gains)} clips. "
        "Is the gain there with another seed, too?"
    )


def given_better():
    rng = np.random.default_rng(8)
    cells = np.zeros((12, 20, 8), bool)
    for k in range(12):
        cells[k, 1 + k : 7 + k, 3:5] = True
    inside = np.ones(cells.shape, bool)

    def noisy(spread):
        return cells + rng.normal(0, spread, cells.shape)

    spreads = {"occlusion": 0.4, "integrated gradients": 0.9, "Grad-CAM, third layer": 0.8}
    return {
        "cells": cells,
        "inside": inside,
        "maps": {name: noisy(spread) for name, spread in spreads.items()},
    }


def solve_better(cells, inside, maps):
    """One of many: integrated gradients are in the right place but noisy from cell to cell, and
    their errors are scattered; so take the mean over a box of a few cells. (`maps` holds those of
    the chapter for the clips that count, `drawn` on the page.) It uses that a cue is wider than a
    cell, which one has to say: it will blur what is finer. The mean of *ranks* of two maps is
    another way; it helps only where the two err in different cells."""
    from scipy.ndimage import uniform_filter

    return np.stack([uniform_filter(m, (5, 3)) for m in maps["integrated gradients"]])


def _better_slightly(cells, inside, maps):
    """Better in one clip of twelve: not to be told from chance."""
    better = maps["Grad-CAM, third layer"].copy()
    better[0] += cells[0]
    return better


EXERCISES = (
    Exercise(
        id="8.4.1",
        title="A product",
        check=check_product,
        hints=(
            "Write down the slope by the first number at the place $(2\\alpha, 3\\alpha)$.",
            "Average it over $\\alpha$ from 0 to 1 ($\\alpha^2$ has the mean 1/3); multiply by 2.",
        ),
        solution=solve_product,
        wrong_answers=(
            (24.0, "end of the way"),
            (12.0, "end only"),
            (6.0, "equal parts"),
            (4.0, "mean slope"),
            (0.0, "start of the way"),
            (2.0, "Its mean is"),
        ),
    ),
    Exercise(
        id="8.4.2",
        title="Walk from silence to the word",
        asks="function",
        check=check_paths,
        hints=(
            "At step $k$ of $S$ you stand at $b + \\frac{k + 1/2}{S} (x - b)$.",
            "The mean of the slopes there, times `x - baseline`.",
        ),
        solution=solve_paths,
        wrong_answers=(
            (_paths_end, "at the end only"),
            (_paths_sum, "Take their mean"),
            (_paths_slopes, "mean slopes"),
            (_paths_from_zero, "not from 0"),
            (_paths_left, "middles"),
            (_paths_batch, "one place"),
            (lambda g, x, b, steps: solve_paths(g, x, b, 200), "middles"),
        ),
    ),
    Exercise(
        id="8.4.3",
        title="Grad-CAM in two lines",
        asks="function",
        check=check_cam,
        hints=(
            "The weights are C numbers, one for each channel: `slopes.mean(axis=(0, 1))`.",
            "`maps @ weights` is (T', M').",
        ),
        solution=solve_cam,
        wrong_answers=(
            (_cam_signed, "cut it off"),
            (_cam_local, "one weight"),
            (_cam_cut_early, "with their signs"),
            (_cam_sum, "mean"),
            (_cam_average, "up to a factor"),
            (_cam_normalised, "up to a factor"),
            (_cam_positive, "with their signs"),
            (lambda maps, slopes: np.zeros(maps.shape[:2]), "Zero everywhere"),
        ),
    ),
    Exercise(
        id="8.4.4",
        title="Did it find it?",
        asks="function",
        check=check_found,
        hints=(
            "`values[target][:, None] - values[~target][None, :]` holds one number for each pair.",
            "The mean of `gaps > 0`, and half of that of `gaps == 0`.",
        ),
        solution=solve_found,
        wrong_answers=(
            (_found_strict, "equal pair as half"),
            (_found_below, "Upside down"),
            (_found_top, "Count pairs"),
            (_found_mean, "pair by pair"),
        ),
    ),
    Exercise(
        id="8.4.5",
        title="A task that can only be learnt by heart",
        asks="function",
        check=check_control,
        hints=(
            "`np.unique(speakers, return_inverse=True)` numbers the people.",
            "A table (people, 10) of random numbers; index it with both.",
        ),
        solution=solve_control,
        wrong_answers=(
            (_control_by_clip, "always have the same label"),
            (_control_by_speaker, "under another name"),
            (_control_fixed, "whatever the generator"),
            (_control_sum, "a sum of one number"),
        ),
    ),
    Exercise(
        id="8.4.6",
        title="Project: a better map",
        check=check_better,
        given=given_better,
        hints=(
            "Draw the map of integrated gradients of a clip beside the beep's cells. Are its "
            "errors in one place, or scattered?",
            "Errors that are scattered go away in a mean: over neighbouring cells, or over the "
            "gradients of many slightly noisy copies of the picture.",
        ),
        solution=solve_better,
        wrong_answers=(
            (lambda cells, **_: cells.astype(float), "these are the cells"),
            (lambda cells, **_: np.where(cells, 1, 1e-9), "these are the cells"),
            (lambda cells, **_: np.zeros(cells.shape), "scattered"),
            (lambda maps, **_: maps["integrated gradients"], "own map by integrated"),
            (lambda maps, **_: maps["occlusion"], "own map by occlusion"),
            (_better_slightly, "standard error"),
        ),
    ),
)
