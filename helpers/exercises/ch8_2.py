"""Exercises of chapter 8.2, Personalisation."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 8.2.1 ---------------------------------------------------------------------------------------


def check_count(answer):
    count = number(answer, "the number of parameters")
    if close(count, 9 * 36 * 48, rtol=0):
        raise Wrong("That is the whole kernel. The change is a product of two thin matrices.")
    if close(count, 4 * (36 + 48), rtol=0):
        raise Wrong("A row of the matrix is not a channel: each channel has 3 × 3 places.")
    if close(count, 4 * 9 * (36 + 48), rtol=0):
        raise Wrong("Only A sees the 3 × 3 places; B leads from the rank to the channels.")
    if close(count, (9 * 36 + 48), rtol=0):
        raise Wrong("That is rank 1: both factors grow with the rank.")
    if close(count, 4 * 9 * 36 * 48, rtol=0):
        raise Wrong("The two factors are multiplied with each other; their sizes add up.")
    if not close(count, 4 * (9 * 36 + 48), rtol=0):
        raise Wrong("A is (3 · 3 · 36, 4) and B is (4, 48): count the numbers in both.")


def solve_count():
    """$A$ has $k^2 c\\,r = 9 \\cdot 36 \\cdot 4$ numbers and $B$ has $r\\,c' = 4 \\cdot 48$."""
    return 4 * (3 * 3 * 36 + 48)


# --- 8.2.2 ---------------------------------------------------------------------------------------


def check_merge(answer):
    merge = function(answer)
    rng = np.random.default_rng(0)
    kernel, a, b = (rng.normal(size=s) for s in ((3, 3, 5, 7), (3, 3, 5, 2), (2, 7)))
    before = kernel.copy()
    changed = array(merge(kernel, a, b), kernel.shape, "the changed kernel")
    if not np.array_equal(kernel, before):
        raise Wrong("The kernel itself has changed: give back a new one.")
    product = np.einsum("hwcr,ro->hwco", a, b)
    if np.allclose(changed, product):
        raise Wrong("That is the change alone. The old kernel is still part of the new one.")
    if np.allclose(changed, kernel - product):
        raise Wrong("The change is added, not taken away.")
    if not np.allclose(changed, kernel + product):
        raise Wrong("Each of the 3 × 3 × c rows of A is multiplied by B: sum over the rank.")


def solve_merge(kernel, a, b):
    """$W' = W + AB$; the product sums over the last axis of `a` and the first of `b`, and keeps
    the shape of the kernel."""
    return kernel + a @ b


def _merge_in_place(kernel, a, b):
    kernel += a @ b
    return kernel


# --- 8.2.3 ---------------------------------------------------------------------------------------


def check_lesson(answer):
    draw, moved = function(answer), False
    for seed in range(6):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 10, 80)
        labels[labels == 9] = 8
        labels[0] = 9
        given = np.asarray(draw(labels.copy(), 3, np.random.default_rng(seed + 50)))
        if given.dtype == bool:
            raise Wrong("You gave back a mask: `np.flatnonzero` makes indices of it.")
        at = array(given, (None,), "the indices")
        if not np.all((at == np.floor(at)) & (at >= 0) & (at < len(labels))):
            raise Wrong("Indices are whole numbers from 0 to the number of clips less one.")
        at = at.astype(int)
        if len(set(at.tolist())) != len(at):
            raise Wrong("A clip was drawn twice: `rng.permutation` or `replace=False` prevents it.")
        counts = np.bincount(labels[at], minlength=10)
        wanted = np.minimum(np.bincount(labels, minlength=10), 3)
        if len(at) == 3:
            raise Wrong("Three clips in all: `count` is for each class.")
        if counts[9] != wanted[9]:
            raise Wrong("One class has a single clip: it gives all it has.")
        if not np.array_equal(counts, wanted):
            raise Wrong(f"By class you drew {counts.tolist()} where {wanted.tolist()} was asked.")
        again = np.asarray(draw(labels.copy(), 3, np.random.default_rng(seed + 60)))
        moved |= set(again.tolist()) != set(at.tolist())
    if not moved:
        raise Wrong("Whatever the generator, the same clips come: draw them with `rng`.")


def solve_lesson(labels, count, rng):
    """Class by class: shuffle its indices and keep the first `count`. A slice that asks for more
    than there are gives what there is."""
    return np.concatenate(
        [rng.permutation(np.flatnonzero(labels == c))[:count] for c in np.unique(labels)]
    )


def _lesson_first(labels, count, rng):
    return np.concatenate([np.flatnonzero(labels == c)[:count] for c in np.unique(labels)])


def _lesson_twice(labels, count, rng):
    return np.concatenate(
        [rng.choice(np.flatnonzero(labels == c), count) for c in np.unique(labels)]
    )


def _lesson_in_all(labels, count, rng):
    return rng.permutation(len(labels))[:count]


# --- 8.2.4 ---------------------------------------------------------------------------------------


def check_payer(answer):
    worst = function(answer)
    speakers = np.repeat(np.array(["a", "b", "c", "d"]), (10, 20, 40, 10))
    before = np.ones(80, bool)
    before[[14, 15, 16, 17]] = False  # b was understood less well, before and after
    after = before.copy()
    after[[10, 11, 12, 13]] = False  # b: −20
    after[30:34] = False  # c: −10
    after[70:77] = False  # d, the new person: −70
    before[0], after[0] = False, True  # a: +10
    value = number(worst(before, after, speakers, "d"), "the change")
    if close(value, -70.0):
        raise Wrong("That is the person for whom it was adapted: leave them out.")
    if close(value, -0.2):
        raise Wrong("In percentage points: multiply by 100.")
    if close(value, 20.0):
        raise Wrong("A loss is negative: after minus before.")
    if close(value, 10.0):
        raise Wrong("That is the one who gained most. Ask for the worst hit.")
    if close(value, -10.0) or close(value, -100 * 7 / 70):
        raise Wrong("Not the mean over clips or over people: the worst hit of them.")
    if close(value, np.mean([10.0, -20.0, -10.0])):
        raise Wrong("The mean over the others hides one: give the worst hit.")
    if close(value, -25.0) or close(value, -40.0):
        raise Wrong("Points, not parts of what was understood before: share after − share before.")
    if not close(value, -20.0):
        raise Wrong("For each other speaker: 100 · (share after − share before); the smallest.")


def solve_payer(before, after, speakers, person):
    """For each speaker but the new one the difference of two shares, in points; the smallest."""
    return min(
        100 * (after[speakers == s].mean() - before[speakers == s].mean())
        for s in np.unique(speakers)
        if s != person
    )


def _payer_mean(before, after, speakers, person):
    others = speakers != person
    return 100 * (after[others].mean() - before[others].mean())


def _payer_everyone(before, after, speakers, person):
    return min(
        100 * (after[speakers == s].mean() - before[speakers == s].mean())
        for s in np.unique(speakers)
    )


def _payer_relative(before, after, speakers, person):
    return min(
        100 * (after[speakers == s].mean() / before[speakers == s].mean() - 1)
        for s in np.unique(speakers)
        if s != person
    )


# --- 8.2.5 ---------------------------------------------------------------------------------------


def check_means(answer):
    move = function(answer)
    old = np.array([[0.0, 0.0], [4.0, 2.0], [1.0, 1.0]])
    h = np.array([[2.0, 6.0], [4.0, 2.0], [0.0, 0.0]])
    labels = np.array([0, 0, 1])
    moved = array(move(old.copy(), h.copy(), labels, 2), old.shape, "the means")
    if not np.isfinite(moved).all():
        raise Wrong("Class 2 has no clip, and a mean of nothing is no number: it keeps its mean.")
    right = np.array([[1.5, 2.0], [8 / 3, 4 / 3], [1.0, 1.0]])
    if np.allclose(moved[:2], [[3.0, 4.0], [0.0, 0.0]]):
        raise Wrong("Those are the person's own means: the old ones count as m clips.")
    if np.allclose(moved[0], [1.5, 2.0]) and np.allclose(moved[1], [2.0, 1.0]):
        raise Wrong("Halves, whatever n: with n clips the weights are m/(m + n) and n/(m + n).")
    if np.allclose(moved[2], 0.0) or np.allclose(moved[2], [2 / 2 * 0.5, 0.5]):
        raise Wrong("A class without a clip keeps its mean.")
    if not np.allclose(moved, right):
        raise Wrong("(m · old mean + sum of the person's clips) / (m + n), class by class.")


def solve_means(old, h, labels, m):
    """$\\mu'_c = (m \\mu_c + \\sum_i h_i) / (m + n_c)$; with $n_c = 0$ this is $\\mu_c$."""
    hot = np.eye(len(old))[labels]  # (n, classes)
    return (m * old + hot.T @ h) / (m + hot.sum(0))[:, None]


def _means_own(old, h, labels, m):
    return np.stack([h[labels == c].mean(0) if c in labels else old[c] for c in range(len(old))])


def _means_halves(old, h, labels, m):
    new = _means_own(old, h, labels, m)
    return (old + new) / 2


# --- 8.2.6 ---------------------------------------------------------------------------------------


def check_choice(answer, *, teach, first, labels):
    at = array(answer, (None,), "the indices")
    if len(at) > 10 or len(at) < 1:
        raise Wrong(f"You chose {len(at)} clips: one to ten are allowed.")
    if not np.all((at == np.floor(at)) & (at >= 0) & (at < len(labels))):
        raise Wrong(f"Indices are whole numbers from 0 to {len(labels) - 1}.")
    at = at.astype(int)
    if len(set(at.tolist())) != len(at):
        raise Wrong("A clip stands twice in your list: ten different ones teach more.")
    yours, theirs = teach(at), teach(np.asarray(first))
    if yours <= theirs:
        raise Wrong(
            f"Your clips led to {yours:.1f} %, the first ten to {theirs:.1f} %. Which digits are "
            "among yours, and which of them were misheard before the lesson?"
        )


def solve_choice(*, labels, **_):
    """One clip of each digit: what the person happens to say leaves some digits out. No rule is
    sure to win on one person; the chapter's experiment compares this one over six."""
    return np.array([np.flatnonzero(labels == d)[0] for d in np.unique(labels)])


def given_choice():
    labels = np.repeat(np.arange(10), 4)
    return {
        "teach": lambda at: 10.0 * len(set(labels[at].tolist())),
        "first": np.arange(10),
        "labels": labels,
    }


EXERCISES = (
    Exercise(
        id="8.2.1",
        title="How many numbers for a person?",
        asks="value",
        check=check_count,
        hints=(
            "As a matrix, the kernel has 3 · 3 · 36 rows and 48 columns.",
            "A is (324, 4), B is (4, 48).",
        ),
        solution=solve_count,
        wrong_answers=(
            (9 * 36 * 48, "whole kernel"),
            (4 * (36 + 48), "not a channel"),
            (9 * 36 + 48, "rank 1"),
        ),
    ),
    Exercise(
        id="8.2.2",
        title="Merge",
        asks="function",
        check=check_merge,
        hints=(
            "NumPy's `@` multiplies the last axis of the left with the last but one of the right.",
            "`a @ b` is (k, k, c, c') already.",
        ),
        solution=solve_merge,
        wrong_answers=(
            (lambda kernel, a, b: a @ b, "change alone"),
            (lambda kernel, a, b: kernel - a @ b, "added"),
            (_merge_in_place, "itself has changed"),
        ),
    ),
    Exercise(
        id="8.2.3",
        title="Draw a lesson",
        asks="function",
        check=check_lesson,
        hints=(
            "Go class by class: `np.flatnonzero(labels == c)` are its clips.",
            "`rng.permutation(...)[:count]` draws without repetition, and never more than all.",
        ),
        solution=solve_lesson,
        wrong_answers=(
            (_lesson_first, "Whatever the generator"),
            (_lesson_twice, "twice"),
            (_lesson_in_all, "in all"),
        ),
    ),
    Exercise(
        id="8.2.4",
        title="Who pays?",
        asks="function",
        check=check_payer,
        hints=(
            "One number for each speaker but `person`, then the smallest of them.",
            "The mean of a boolean array is a share.",
        ),
        solution=solve_payer,
        wrong_answers=(
            (_payer_mean, "worst hit"),
            (_payer_everyone, "leave them out"),
            (lambda b, a, s, p: -solve_payer(b, a, s, p), "after minus before"),
            (_payer_relative, "not parts"),
        ),
    ),
    Exercise(
        id="8.2.5",
        title="A mean that is willing to move",
        asks="function",
        check=check_means,
        hints=(
            "`np.eye(classes)[labels]` is (n, classes), with a one where a clip belongs.",
            "Its transpose times `h` sums the clips of each class; its column sums count them.",
        ),
        solution=solve_means,
        wrong_answers=(
            (_means_own, "own means"),
            (_means_halves, "Halves"),
        ),
    ),
    Exercise(
        id="8.2.6",
        title="Project: ask for less",
        check=check_choice,
        given=given_choice,
        hints=(
            "Which digits are missing among the first ten? `pool.labels` tells.",
            "`adapters.opinions(network, adapters.looks(pool))` says how sure the network is of "
            "each clip that could be asked for.",
            "Fewer digits, more of each: are the two that it confuses worth all ten?",
        ),
        solution=solve_choice,
        wrong_answers=(
            (lambda **_: np.zeros(10, int), "twice"),
            (lambda **_: np.arange(12), "one to ten"),
            (lambda first, **_: first, "which of them were misheard"),
        ),
    ),
)
