"""Exercises of chapter 2.5, Experiments that can fail."""

import itertools
import math
import re

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 2.5.1 ---------------------------------------------------------------------------------------


def check_blind(answer, *, key):
    if isinstance(answer, list | tuple):
        answer = "".join(map(str, answer))
    if not isinstance(answer, str):
        raise Wrong('Give one letter for each row, such as `"ABBA…"`.')
    letters = re.sub(r"[\s,.]", "", answer).upper()
    if set(letters) - set("AB"):
        raise Wrong("Only the letters A and B are answers. Not sure? Guess: that is part of it.")
    n = len(key)
    if len(letters) != n:
        raise Wrong(f"You gave {len(letters)} letters for {n} rows. Answer every row.")
    right = sum(a == b for a, b in zip(letters, key, strict=True))
    luck = sum(math.comb(n, k) for k in range(right, n + 1)) / 2**n
    score = f"{right} of {n} right; a coin does as well or better in {100 * luck:.1f} % of tries."
    if luck > 0.05:
        raise Wrong(
            f"{score} So it is not shown that you hear who speaks. Listen to the pitch and to the "
            "room; but a second round on the same rows is no longer the same experiment."
        )
    return score


def solve_blind(key):
    """Which of A and B speaks in X was dealt by a seeded coin, hidden until you answered. With
    eight rows, 7 right are needed: a coin gets 7 or more in $(8 + 1)/2^8$ of its tries, some 1 in
    28, but 6 or more in 1 of 7."""
    return key


def _swapped_letters(key):
    return key.translate(str.maketrans("AB", "BA"))


def _one_row_short(key):
    return key[:-1]


def _all_the_same(key):
    return "A" * len(key)


def given_blind():
    return {"key": "ABBABAAB"}


# --- 2.5.2 ---------------------------------------------------------------------------------------

_A = np.array([91.0, 62.0, 78.0, 85.0, 70.0, 95.0])
_B = np.array([88.0, 55.0, 76.0, 79.0, 66.0, 93.0])


def _interval_of(differences, quantile, ddof=1, root=True):
    half = quantile * np.std(differences, ddof=ddof)
    half /= np.sqrt(len(differences)) if root else 1.0
    return np.mean(differences) - half, np.mean(differences) + half


def check_paired_interval(answer):
    paired_interval = function(answer)
    found = paired_interval(_A, _B)
    low, high = array(found, shape=(2,), what="the interval")
    d, t5 = _A - _B, 2.570582
    right = _interval_of(d, t5)
    if close([low, high], right):
        second = array(paired_interval(_A[:3], _B[:3] - 1), shape=(2,), what="three pairs")
        if not close(second, _interval_of(d[:3] + 1, 4.302653)):
            raise Wrong("Right for six pairs, not for three: the quantile depends on $n - 1$.")
        return f"[{low:.1f}, {high:.1f}]: all six units agree, though A and B overlap widely."
    if close([-high, -low], right):
        raise Wrong("The sign is turned round: the difference is $a_i - b_i$.")
    if close([low, high], _interval_of(d, 1.959964)):
        raise Wrong("1.96 belongs to the normal curve. With six units, Student's *t* is wider.")
    if close([low, high], _interval_of(d, 2.015048)):
        raise Wrong(
            "That one leaves 5 % on either side. At 95 % it is 2.5 %: the quantile at 0.975."
        )
    if close([low, high], _interval_of(d, 2.446912)):
        raise Wrong("Student's *t* has $n - 1$ degrees of freedom here, five for six pairs.")
    if close([low, high], _interval_of(d, t5, ddof=0)):
        raise Wrong("Divide the sum of squares by $n - 1$: `ddof=1`.")
    if close([low, high], _interval_of(d, t5, root=False)):
        raise Wrong("That is how single differences scatter. Their *mean* scatters by $√n$ less.")
    if high - low > 2 * (right[1] - right[0]):
        raise Wrong(
            "Far too wide. Did you put the spread of A and that of B together? Subtract first, "
            "unit by unit; what both share is gone before anything is measured."
        )
    raise Wrong("Take the six differences, their mean, their standard deviation, and *t*.")


def solve_paired_interval(a, b):
    """Subtract first; then it is the interval of one list of numbers, the one that
    `verdict.interval` computes: $\\bar d \\pm t_{0.975,\\,n-1}\\, s / \\sqrt n$."""
    from scipy.stats import t

    d = np.asarray(a) - np.asarray(b)
    half = t.ppf(0.975, len(d) - 1) * np.std(d, ddof=1) / np.sqrt(len(d))
    return np.mean(d) - half, np.mean(d) + half


def _unpaired_interval(a, b):
    half = 2.228139 * np.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / len(a))
    return np.mean(a) - np.mean(b) - half, np.mean(a) - np.mean(b) + half


def _normal_interval(a, b):
    return _interval_of(a - b, 1.959964)


def _one_sided_quantile(a, b):
    return _interval_of(a - b, 2.015048)


def _six_degrees(a, b):
    return _interval_of(a - b, 2.446912)


def _no_root(a, b):
    return _interval_of(a - b, 2.570582, root=False)


def _always_six(a, b):
    return _interval_of(a - b, 2.570582)


# --- 2.5.3 ---------------------------------------------------------------------------------------


def _clips(*rows):
    return [dict(zip(("file", "made_from", "speaker"), row, strict=True)) for row in rows]


_SPLITS = (
    (
        "strangers",
        _clips(("a1", "a1", "ann"), ("a1-noisy", "a1", "ann"), ("b1", "b1", "bob")),
        _clips(("c1", "c1", "cy"), ("c2", "c2", "cy")),
        set(),
    ),
    (
        "the same people",
        _clips(("a1", "a1", "ann"), ("b1", "b1", "bob")),
        _clips(("a2", "a2", "ann"), ("c1", "c1", "cy")),
        {"speaker"},
    ),
    (
        "a changed copy",
        _clips(("a1-noisy", "a1", "ann"), ("b1", "b1", "bob")),
        _clips(("a1", "a1", "ann"), ("c1", "c1", "cy")),
        {"speaker", "recording"},
    ),
    (
        "two copies of one recording",
        _clips(("x9-slow", "x9", "dee"), ("b1", "b1", "bob")),
        _clips(("x9-fast", "x9", "dee-2"), ("c1", "c1", "cy")),
        {"recording"},
    ),
)


def check_leaks(answer):
    leaks = function(answer)
    for name, training, test, right in _SPLITS:
        found = leaks([dict(c) for c in training], [dict(c) for c in test])
        if not isinstance(found, set | frozenset | list | tuple):
            raise Wrong("Give back a set of words, such as `{'speaker'}`, or an empty `set()`.")
        found = set(found)
        if found - {"speaker", "recording"}:
            raise Wrong("The words are `'speaker'` and `'recording'`.")
        if "recording" in right - found:
            raise Wrong(
                f"The split “{name}” shares a recording, and you missed it. A changed copy has "
                "another file name; what is it made from?"
            )
        if "speaker" in right - found:
            raise Wrong(f"In the split “{name}” somebody speaks on both sides; you missed it.")
        if found - right:
            raise Wrong(
                f"The split “{name}” does not share a {(found - right).pop()}: false alarm."
            )
    return "The fourth split shows why both are checked: there the speakers' names differ."


def solve_leaks(training, test):
    """What must not be shared is whatever a copy has in common with its original; so compare where
    clips come from, never how the files are called."""
    found = set()
    for word, field in (("speaker", "speaker"), ("recording", "made_from")):
        if {clip[field] for clip in training} & {clip[field] for clip in test}:
            found.add(word)
    return found


def _by_file(training, test):
    found = set()
    for word, field in (("speaker", "speaker"), ("recording", "file")):
        if {clip[field] for clip in training} & {clip[field] for clip in test}:
            found.add(word)
    return found


def _recordings_only(training, test):
    shared = {c["made_from"] for c in training} & {c["made_from"] for c in test}
    return {"recording"} if shared else set()


def _always_alarm(training, test):
    return {"speaker", "recording"}


# --- 2.5.4 ---------------------------------------------------------------------------------------


def check_sign_flip(answer):
    p_value = function(answer)
    six = number(p_value(np.arange(1.0, 7.0)), "six differences above zero")
    if close(six, 2.0):
        raise Wrong("That is the number of patterns. Divide it by how many there are: a share.")
    if close(six, 1 / 64):
        raise Wrong(
            "A result as large the other way round would have surprised you as much: |mean|."
        )
    if close(six, 0.0, atol=1e-12) or close(six, 1 / 63) or close(six, 2 / 63):
        raise Wrong("The signs as they were found are one of the $2^n$ patterns: count it, too.")
    if not close(six, 2 / 64):
        raise Wrong(
            "Of the 64 ways to give signs to 1, 2, …, 6, exactly two have a |mean| as large as "
            f"found: all plus and all minus. So it is 2/64, and yours is {six:.4f}."
        )
    mixed = number(p_value(np.array([-1.0, 2.0, 3.0, 4.0, 5.0, 6.0])), "one of six below zero")
    if close(mixed, 14 / 64):
        raise Wrong(
            "You counted signs alone. That one difference is *small* says something: compare means."
        )
    if not close(mixed, 4 / 64):
        raise Wrong(
            f"For −1, 2, 3, 4, 5, 6 it should be 4/64; yours is {mixed:.4f}. Patterns with a mean "
            "*equal* to the one found count as well; mind rounding."
        )
    zero = number(p_value(np.array([1.0, -1.0, 2.0, -2.0])), "differences that cancel")
    if not close(zero, 1.0):
        raise Wrong("If the mean is zero, every pattern is at least as far from zero: that is 1.")
    return "Six units can never give less than 1/32, however large the effect."


def solve_sign_flip(differences):
    """If the two methods were the same, each unit's difference could as well have had the other
    sign. So try all $2^n$ patterns and ask how many have a mean as far from zero as the one found.
    No normal distribution is assumed."""
    d = np.asarray(differences, dtype=float)
    signs = np.array(list(itertools.product((1, -1), repeat=len(d))))
    means = np.abs(signs @ d)
    return np.mean(means >= np.abs(d.sum()) - 1e-9)


def _one_sided(differences):
    signs = np.array(list(itertools.product((1, -1), repeat=len(differences))))
    return np.mean(signs @ differences >= np.sum(differences) - 1e-9)


def _signs_alone(differences):
    n, ahead = len(differences), int(np.sum(np.asarray(differences) > 0))
    extreme = max(ahead, n - ahead)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(extreme, n + 1)) / 2**n)


def _a_count(differences):
    return solve_sign_flip(differences) * 2 ** len(differences)


def _strictly_greater(differences):
    signs = np.array(list(itertools.product((1, -1), repeat=len(differences))))
    return np.mean(np.abs(signs @ differences) > np.abs(np.sum(differences)) + 1e-9)


# --- 2.5.5 ---------------------------------------------------------------------------------------


def chance_to_hold(n, effect, sd, smallest):
    """How often a true `effect` is found to hold with n units: the power."""
    from scipy.stats import nct, t

    shift = (effect - smallest) * np.sqrt(n) / sd
    return nct.sf(t.ppf(0.975, n - 1), n - 1, shift)


def check_speakers(answer):
    speakers_needed = function(answer)
    cases = ((5.0, 6.0, 2.0), (8.0, 6.0, 2.0), (5.0, 3.0, 2.0))
    for effect, sd, smallest in cases:
        what = f"effect {effect:g}, sd {sd:g}, line {smallest:g}"
        found = number(speakers_needed(effect, sd, smallest), what)
        right = solve_speakers(effect, sd, smallest)
        if abs(found - right) <= 1:
            continue
        if abs(found - solve_speakers(effect, sd, 0.0)) <= 1:
            raise Wrong("That many show that the effect is above *zero*. The line is `smallest`.")
        if 1 < right - found <= 3:
            raise Wrong(
                f"For {what}: {found:g} is a little too few. With few units, the spread itself is "
                "uncertain, so take Student's *t* and not 1.96."
            )
        raise Wrong(
            f"For {what}: {found:g} units give a chance of "
            f"{100 * chance_to_hold(max(2, round(found)), effect, sd, smallest):.0f} %. Simulate: "
            "draw n differences, compute the interval, and count how often it clears the line."
        )
    return "Compare with the six speakers that this book has."


def solve_speakers(effect, sd, smallest, power=0.8):
    """The mean of $n$ differences, counted from the line in units of its estimated standard error,
    follows a non-central *t* distribution with shift $(\\delta - \\delta_0)\\sqrt n/\\sigma$. It
    holds where that exceeds the quantile $t_{0.975,\\,n-1}$; so try $n = 2, 3, \\dots$ in turn."""
    n = 2
    while chance_to_hold(n, effect, sd, smallest) < power:
        n += 1
    return n


def _against_zero(effect, sd, smallest):
    return solve_speakers(effect, sd, 0.0)


def _normal_formula(effect, sd, smallest):
    return math.ceil(((1.959964 + 0.841621) * sd / (effect - smallest)) ** 2)


def _always_ten(effect, sd, smallest):
    return 10


# --- 2.5.6 ---------------------------------------------------------------------------------------


def _nearest_mean(features, labels, test, columns):
    classes = np.unique(labels)
    x = features[:, columns]
    means = np.stack([x[~test & (labels == c)].mean(axis=0) for c in classes])
    said = classes[((x[test][:, None] - means) ** 2).sum(axis=2).argmin(axis=1)]
    return said == labels[test]


def _best_columns(features, labels, k=10):
    classes = np.unique(labels)
    means = np.stack([features[labels == c].mean(axis=0) for c in classes])
    return np.argsort(-means.std(axis=0))[:k]


def _cross_validated(features, labels, choose):
    right = []
    for fold in range(5):
        test = np.arange(len(labels)) % 5 == fold
        right.append(_nearest_mean(features, labels, test, choose(features, labels, ~test)))
    return float(np.mean(np.concatenate(right)))


def _honest(features, labels):
    return _cross_validated(features, labels, lambda x, y, train: np.arange(x.shape[1]))


def _chosen_in_training(features, labels):
    return _cross_validated(features, labels, lambda x, y, t: _best_columns(x[t], y[t]))


def _chosen_on_all(features, labels):
    return _cross_validated(features, labels, lambda x, y, train: _best_columns(x, y))


def _copied_before_the_split(features, labels):
    rng = np.random.default_rng(1)
    copies = features + 0.05 * rng.standard_normal(features.shape)
    x, y = np.concatenate([features, copies]), np.concatenate([labels, labels])
    test = rng.permutation(len(y)) % 5 == 0
    nearest = ((x[test][:, None] - x[~test]) ** 2).sum(axis=2).argmin(axis=1)
    return float(np.mean(y[~test][nearest] == y[test]))


def check_audit(answer):
    audit = function(answer)
    rng = np.random.default_rng(25)
    labels = np.repeat([0, 1], 30)[rng.permutation(60)]
    features = rng.standard_normal((60, 300))
    features[:, :20] += 1.5 * labels[:, None]
    pipelines = (
        ("an honest one", _honest, False),
        ("one that chooses features in its training part", _chosen_in_training, False),
        ("one that chooses features on all data", _chosen_on_all, True),
        ("one that makes copies before it splits", _copied_before_the_split, True),
    )
    for name, pipeline, leaky in pipelines:
        kept = labels.copy()
        found = audit(pipeline, features.copy(), labels)
        if not np.array_equal(labels, kept):
            raise Wrong("Your audit shuffled the caller's own labels. Use `rng.permutation`.")
        if np.ndim(found) or not isinstance(found, bool | np.bool_):
            raise Wrong(
                "Give back `True` for a pipeline that leaks and `False` for one that does not."
            )
        if found and not leaky:
            raise Wrong(
                f"False alarm on {name}. A high score is no crime where the labels are true: "
                "what does it score on labels that mean nothing, in the mean over many shuffles?"
            )
        if leaky and not found:
            raise Wrong(f"Your audit lets {name} pass. Shuffle the labels, and nothing else.")
    return "Now audit a pipeline of your own; then one that shares speakers, which needs more."


def solve_audit(pipeline, features, labels):
    """With shuffled labels there is nothing to learn, so whatever a pipeline scores above chance in
    the mean over many shuffles has leaked. Honest ones come out at chance or a little below. It
    rings only for leaks that carry *labels* over; shared speakers need the other control."""
    rng = np.random.default_rng(0)
    scores = [pipeline(features, rng.permutation(labels)) for _ in range(30)]
    chance = np.max(np.unique(labels, return_counts=True)[1]) / len(labels)
    return bool(np.mean(scores) > chance + 0.05)


def _high_is_suspicious(pipeline, features, labels):
    return pipeline(features, labels) > 0.9


def _never_rings(pipeline, features, labels):
    return False


def _shuffles_both(pipeline, features, labels):
    order = np.random.default_rng(0).permutation(len(labels))
    return bool(pipeline(features[order], labels[order]) > 0.6)


EXERCISES = (
    Exercise(
        id="2.5.1",
        title="Blind: who is it?",
        check=check_blind,
        given=given_blind,
        hints=(
            "Listen to the melody and the height of the voice, and to what surrounds it: hiss, "
            "hum, room.",
            "Whoever hears nothing still has to answer: a guess is right half of the time, and "
            "the count takes that into account.",
        ),
        solution=solve_blind,
        wrong_answers=(
            (_swapped_letters, "not shown that you hear"),
            (_one_row_short, "Answer every row"),
            (_all_the_same, "a coin does as well"),
            (12, "one letter for each row"),
        ),
    ),
    Exercise(
        id="2.5.2",
        title="A paired interval",
        asks="function",
        check=check_paired_interval,
        hints=(
            "Subtract unit by unit; from then on there is only one list of numbers.",
            "`scipy.stats.t.ppf(0.975, n - 1)` is the quantile; `np.std(d, ddof=1)` the spread.",
        ),
        solution=solve_paired_interval,
        wrong_answers=(
            (_unpaired_interval, "Subtract first"),
            (_normal_interval, "1.96"),
            (_one_sided_quantile, "on either side"),
            (_six_degrees, "degrees of freedom"),
            (_no_root, "mean"),
            (_always_six, "not for three"),
        ),
    ),
    Exercise(
        id="2.5.3",
        title="Find the leak",
        asks="function",
        check=check_leaks,
        hints=(
            "Collect what the training clips come from in a set, do the same for the test, and "
            "take the intersection.",
            "The field `file` says how a clip is called; `made_from` says which recording it is.",
        ),
        solution=solve_leaks,
        wrong_answers=(
            (_by_file, "another file name"),
            (_recordings_only, "somebody speaks on both sides"),
            (_always_alarm, "false alarm"),
        ),
    ),
    Exercise(
        id="2.5.4",
        title="Flip the signs",
        asks="function",
        check=check_sign_flip,
        hints=(
            "`itertools.product((1, -1), repeat=n)` runs through all patterns of signs.",
            "Count the patterns whose |sum| is at least as large as the one found; the pattern "
            "found is one of them.",
        ),
        solution=solve_sign_flip,
        wrong_answers=(
            (_one_sided, "other way round"),
            (_a_count, "a share"),
            (_signs_alone, "counted signs alone"),
            (_strictly_greater, "count it, too"),
        ),
    ),
    Exercise(
        id="2.5.5",
        title="How many speakers?",
        asks="function",
        check=check_speakers,
        hints=(
            "For one n: draw n differences from a normal distribution around `effect`, compute "
            "their interval, see whether all of it lies above `smallest`. Repeat 10 000 times.",
            "Then raise n until the share reaches 0.8. `scipy.stats.nct` does it without dice.",
        ),
        solution=solve_speakers,
        also=(chance_to_hold,),
        wrong_answers=(
            (_against_zero, "above *zero*"),
            (_normal_formula, "Student's"),
            (_always_ten, "Simulate"),
        ),
    ),
    Exercise(
        id="2.5.6",
        title="Project: an audit",
        asks="function",
        check=check_audit,
        hints=(
            "What would an honest pipeline score if the labels were dealt at random?",
            "One shuffle scatters by several points; take the mean over some thirty of them and "
            "allow a margin of 0.05 above chance.",
        ),
        solution=solve_audit,
        wrong_answers=(
            (_high_is_suspicious, "False alarm"),
            (_never_rings, "lets"),
            (_shuffles_both, "False alarm"),
        ),
    ),
)
