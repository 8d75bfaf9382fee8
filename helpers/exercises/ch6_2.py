"""Exercises of chapter 6.2."""

import math

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 6.2.1 ---------------------------------------------------------------------------------------


def check_bits(answer):
    value = number(answer, "the number of bits")
    if close(value, 0.5 * 64):
        raise Wrong("These are nats. How many bits is a nat?")
    if close(value, 0.5 * 64 * math.log(2)):
        raise Wrong("Divide by $\\ln 2$: a bit is the smaller unit, so there are more of them.")
    if close(value, 0.5 * 16 / math.log(2)):
        raise Wrong("Each of the sixteenths has four cells.")
    if close(value, 0.5 / math.log(2)):
        raise Wrong("That is one cell. A bar has sixteen steps of four voices.")
    if not close(value, solve_bits()):
        raise Wrong("Cells in a bar, times nats a cell, divided by the nats in a bit.")
    return "A bar of four voices fits, on average, into fewer bits than six letters of plain text."


def solve_bits():
    """A bar has $16 \\cdot 4 = 64$ cells, hence $32$ nats; a bit is $\\ln 2$ nats."""
    return 0.5 * 16 * 4 / math.log(2)


# --- 6.2.2 ---------------------------------------------------------------------------------------


def check_min_p(answer):
    min_p = function(answer)
    rng = np.random.default_rng(621)
    for share in (0.1, 0.3, 0.5):
        p = rng.dirichlet(np.full(8, 0.7), 5)
        given = p.copy()
        found = array(min_p(given, share), p.shape, "the new probabilities")
        if not np.array_equal(given, p):
            raise Wrong("The probabilities you were given have changed. Work on a copy.")
        right = solve_min_p(p, share)
        if close(found, np.where(p >= share * p.max(axis=1, keepdims=True), p, 0)):
            raise Wrong("Right ones are kept, but rows should add up to 1 again.")
        if close(found, _fixed_floor(p, share)):
            raise Wrong("The limit is a share *of the largest probability of the row*.")
        if close(found, _largest_of_all(p, share)):
            raise Wrong("Each row has a largest probability of its own: `axis=1, keepdims=True`.")
        if close(found, _wrong_axis(p, share)):
            raise Wrong("You take the largest of each column. A row is a distribution: `axis=1`.")
        if not close(found, right):
            raise Wrong(f"The numbers are wrong for a share of {share}.")
    return "Where the model is sure, little is kept; where it is not, nearly all. Like top-p."


def solve_min_p(p, share):
    """The limit of a row is a share of its largest probability, which is always kept, so that the
    sum of what is left is never zero."""
    kept = np.where(p >= share * p.max(axis=1, keepdims=True), p, 0)
    return kept / kept.sum(axis=1, keepdims=True)


def _fixed_floor(p, share):
    kept = np.where(p >= share, p, 0)
    return kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-300)


def _largest_of_all(p, share):
    kept = np.where(p >= share * p.max(), p, 0)
    return kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-300)


def _wrong_axis(p, share):
    kept = np.where(p >= share * p.max(axis=0), p, 0)
    return kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-300)


def _not_normalised(p, share):
    return np.where(p >= share * p.max(axis=1, keepdims=True), p, 0)


# --- 6.2.3 ---------------------------------------------------------------------------------------


def check_hidden(answer):
    hidden = function(answer)
    leap = [[72, 67, 64, 48], [76, 67, 60, 45], [76, 67, 60, 45]]
    cases = {
        "nothing moves": ([[72, 67, 64, 48]] * 3, 0),
        "both rise, the soprano by a leap, to a fifth": ([[67, 60, 55, 48], [74, 62, 59, 55]], 1),
        "both rise to an octave, the soprano by a leap": ([[67, 60, 55, 48], [72, 64, 55, 60]], 1),
        "both rise to a fifth, the soprano by a step": ([[72, 60, 55, 53], [74, 62, 59, 55]], 0),
        "they move apart": ([[67, 60, 55, 57], [74, 62, 59, 55]], 0),
        "both rise to a fifth, which is then held": (
            [[67, 60, 55, 48], [74, 62, 59, 55], [74, 62, 59, 55]],
            1,
        ),
        "they meet in a third": (leap, 0),
    }
    for case, (piece, right) in cases.items():
        found = number(hidden(np.array(piece)), f"the piece in which {case}")
        if close(found, right):
            continue
        if right and found > right:
            raise Wrong("Only soprano and bass, the outer voices, are asked about.")
        if "by a step" in case:
            raise Wrong("A soprano that moves by one or two semitones is forgiven.")
        if "apart" in case:
            raise Wrong("Both voices must move in the same direction.")
        if case == "nothing moves":
            raise Wrong("Where nothing moves there is no motion, and nothing to forbid.")
        raise Wrong(f"You find {found:g} where {case}; it should be {right}.")
    rng = np.random.default_rng(623)
    piece = np.array([72, 67, 60, 48]) + np.cumsum(rng.integers(-4, 5, (300, 4)), axis=0) % 12
    found = number(hidden(piece), "a long piece")
    if close(found, len(_hidden_steps(piece, all_pairs=True))):
        raise Wrong("Only soprano and bass, the outer voices, are asked about.")
    if not close(found, solve_hidden(piece)):
        raise Wrong(
            "Short pieces are right, a long one is not: octaves wider than 12 count as well."
        )


def solve_hidden(piece):
    """Soprano and bass move in the same direction, the soprano by more than two semitones, and
    arrive at a distance that is 7 or 0 modulo 12."""
    move = np.diff(piece[:, [0, 3]], axis=0)
    same = move[:, 0] * move[:, 1] > 0
    distance = (piece[1:, 0] - piece[1:, 3]) % 12
    return int((same & (np.abs(move[:, 0]) > 2) & np.isin(distance, (0, 7))).sum())


def _hidden_steps(piece, all_pairs):
    found = []
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)] if all_pairs else [(0, 3)]
    for a, b in pairs:
        move = np.diff(piece[:, [a, b]], axis=0)
        distance = (piece[1:, a] - piece[1:, b]) % 12
        fits = (move[:, 0] * move[:, 1] > 0) & (np.abs(move[:, 0]) > 2)
        found += list(np.flatnonzero(fits & np.isin(distance, (0, 7))))
    return found


def _steps_too(piece):
    move = np.diff(piece[:, [0, 3]], axis=0)
    distance = (piece[1:, 0] - piece[1:, 3]) % 12
    return int(((move[:, 0] * move[:, 1] > 0) & np.isin(distance, (0, 7))).sum())


def _any_direction(piece):
    move = np.diff(piece[:, [0, 3]], axis=0)
    distance = (piece[1:, 0] - piece[1:, 3]) % 12
    return int(((np.abs(move[:, 0]) > 2) & np.isin(distance, (0, 7))).sum())


def _narrow(piece):
    move = np.diff(piece[:, [0, 3]], axis=0)
    fits = (move[:, 0] * move[:, 1] > 0) & (np.abs(move[:, 0]) > 2)
    return int((fits & np.isin(piece[1:, 0] - piece[1:, 3], (0, 7, 12, 19))).sum())


# --- 6.2.4 ---------------------------------------------------------------------------------------


def check_run(answer):
    longest_run = function(answer)
    cases = (
        ([1, 2, 3], [9, 1, 2, 3, 9], 3),
        ([1, 2, 3, 4], [1, 2, 9, 3, 4], 2),
        ([1, 2, 3], [3, 2, 1], 1),
        ([5, 5, 5], [5], 1),
        ([1, 2], [3, 4], 0),
        ([], [1], 0),
    )
    for a, b, right in cases:
        found = number(longest_run(list(a), list(b)), f"{a} and {b}")
        if not close(found, right):
            if close(found, _set_of_items(a, b)) and a != [1, 2, 3, 4]:
                raise Wrong("Items must stand in the same order, in a row, not only occur.")
            if close(found, _subsequence(a, b)):
                raise Wrong("What is copied must stand without a gap, in both.")
            if close(found, _prefix(a, b)):
                raise Wrong("A copy may begin anywhere, in either of the two.")
            raise Wrong(f"{a} and {b} share {right} in a row; you say {found:g}.")
    rng = np.random.default_rng(624)
    a, b = rng.integers(0, 3, 400).tolist(), rng.integers(0, 3, 300).tolist()
    b[100:140] = a[200:240]
    if not close(number(longest_run(a, b), "two long lists"), solve_run(a, b)):
        raise Wrong("Short lists are right, long ones are not.")


def solve_run(a, b):
    """Let $L_{ij}$ be the length of the run that ends with $a_i$ and $b_j$: $L_{i-1,j-1} + 1$
    where they are equal, otherwise 0. One row of the table is enough."""
    longest, before = 0, [0] * (len(b) + 1)
    for x in a:
        row = [0] * (len(b) + 1)
        for j, y in enumerate(b, start=1):
            if x == y:
                row[j] = before[j - 1] + 1
                longest = max(longest, row[j])
        before = row
    return longest


def _subsequence(a, b):
    before = [0] * (len(b) + 1)
    for x in a:
        row = [0] * (len(b) + 1)
        for j, y in enumerate(b, start=1):
            row[j] = before[j - 1] + 1 if x == y else max(before[j], row[j - 1])
        before = row
    return before[-1]


def _prefix(a, b):
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n


def _set_of_items(a, b):
    return len(set(a) & set(b))


# --- 6.2.5 ---------------------------------------------------------------------------------------


def check_effective(answer):
    effective = function(answer)
    cases = (([0.0, 0.0, 0.0, 0.0], 4), ([0.0, -1e9, -1e9], 1), ([-5000.0, -5000.0], 2))
    for log_w, right in cases:
        try:
            found = number(effective(np.array(log_w)), f"the log-weights {log_w}")
        except Wrong:
            raise Wrong(
                "Something overflowed or became 0 / 0. Take the largest log-weight off first."
            ) from None
        if not close(found, right):
            raise Wrong(f"For {log_w} it should be {right}: so many candidates still count.")
    log_w = np.log([0.5, 0.25, 0.25])
    found = number(effective(log_w), "weights of 1/2, 1/4, 1/4")
    if close(found, math.exp(1.5 * math.log(2))):
        raise Wrong("That is the exponential of the entropy, a good measure too; sum squares.")
    if close(found, 3 / 8):
        raise Wrong("That is the sum of the squares. Take its reciprocal.")
    if not close(found, 8 / 3):
        raise Wrong("Weights of 1/2, 1/4, 1/4: the squares add up to 3/8.")
    unscaled = number(effective(log_w + 3.0), "log-weights that are all larger by 3")
    if not close(unscaled, 8 / 3):
        raise Wrong("Make the weights add up to 1 first: a common factor must not matter.")


def solve_effective(log_weights):
    """$1 / \\sum_i w_i^2$ of the normalised weights: $n$ if all are equal, 1 if one has it all.
    Taking off the largest log-weight changes nothing after normalisation and avoids $0/0$."""
    w = np.exp(log_weights - np.max(log_weights))
    w = w / w.sum()
    return float(1 / np.sum(w**2))


def _no_shift(log_weights):
    w = np.exp(log_weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        w = w / w.sum()
        return float(1 / np.sum(w**2))


def _entropy(log_weights):
    w = np.exp(log_weights - np.max(log_weights))
    w = w / w.sum()
    return float(np.exp(-np.sum(w * np.log(np.maximum(w, 1e-300)))))


def _sum_of_squares(log_weights):
    w = np.exp(log_weights - np.max(log_weights))
    w = w / w.sum()
    return 1.0 / len(w) if np.ptp(w) == 0 and len(w) == 1 else float(np.sum(w**2))


def _not_scaled(log_weights):
    return float(1 / np.sum(np.exp(log_weights - max(0.0, -2000.0)) ** 2 + 1e-300))


# --- 6.2.6 ---------------------------------------------------------------------------------------


def check_resample(answer):
    resample = function(answer)
    rng = np.random.default_rng(626)
    for n in (4, 16, 50):
        w = rng.dirichlet(np.full(n, 0.4))
        counts = []
        for seed in range(60):
            found = np.asarray(resample(w.copy(), np.random.default_rng(seed)))
            if found.shape != (n,) or not np.issubdtype(found.dtype, np.integer):
                raise Wrong(f"Return {n} whole numbers: which candidate each new one continues.")
            if found.min() < 0 or found.max() >= n:
                raise Wrong("A number that is returned must be the place of a candidate.")
            counts.append(np.bincount(found, minlength=n))
        counts = np.array(counts)
        if np.all(counts == counts[0]) and n > 4:
            raise Wrong("The draw never changes. Shift the comb by `rng.random()`.")
        if np.any(np.abs(counts - n * w) >= 1 + 1e-9):
            raise Wrong(
                "A candidate of weight $w$ should go on $\\lfloor n w \\rfloor$ or "
                "$\\lceil n w \\rceil$ times. Draw *one* random number, for all teeth of the comb."
            )
        if np.max(np.abs(counts.mean(axis=0) - n * w)) > 0.25:
            raise Wrong("On average a candidate of weight $w$ should go on $n w$ times.")
    return "Now put it to use: the text says how."


def solve_resample(weights, rng):
    """A comb of $n$ teeth, $1/n$ apart and shifted by one random number, is laid over the
    candidates, each of which is as wide as its weight. A tooth continues where it falls."""
    n = len(weights)
    teeth = (np.arange(n) + rng.random()) / n
    edges = np.cumsum(weights)
    return np.minimum(np.searchsorted(edges, teeth, side="right"), n - 1)


def _independent(weights, rng):
    return rng.choice(len(weights), len(weights), p=weights)


def _no_shift_of_the_comb(weights, rng):
    teeth = (np.arange(len(weights)) + 0.5) / len(weights)
    edges = np.cumsum(weights)
    return np.minimum(np.searchsorted(edges, teeth, side="right"), len(weights) - 1)


def _the_best(weights, rng):
    return np.full(len(weights), int(np.argmax(weights)) if rng.random() < 2 else 0)


EXERCISES = (
    Exercise(
        id="6.2.1",
        title="Bits in a bar",
        check=check_bits,
        hints=(
            "How many cells does a bar of sixteen sixteenths have?",
            "A nat is $1/\\ln 2$ bits.",
        ),
        solution=solve_bits,
        wrong_answers=(
            (32.0, "nats"),
            (32 * math.log(2), "smaller unit"),
            (8 / math.log(2), "four cells"),
            (0.5 / math.log(2), "one cell"),
        ),
    ),
    Exercise(
        id="6.2.2",
        title="Another way to cut off the tail",
        asks="function",
        check=check_min_p,
        hints=(
            "`p.max(axis=1, keepdims=True)` has one column.",
            "`np.where(p >= limit, p, 0)`, and then make the rows add up to 1.",
        ),
        solution=solve_min_p,
        wrong_answers=(
            (_not_normalised, "add up to 1"),
            (_fixed_floor, "share *of the largest"),
            (_largest_of_all, "of its own"),
            (_wrong_axis, "of each column"),
        ),
    ),
    Exercise(
        id="6.2.3",
        title="Hidden fifths",
        asks="function",
        check=check_hidden,
        hints=(
            "`np.diff(piece[:, [0, 3]], axis=0)` are the moves of the outer voices.",
            "Two numbers have the same sign if their product is above 0.",
        ),
        solution=solve_hidden,
        wrong_answers=(
            (_steps_too, "forgiven"),
            (_any_direction, "same direction"),
            (_narrow, "wider than 12"),
            (lambda piece: len(_hidden_steps(piece, all_pairs=True)), "outer voices"),
        ),
    ),
    Exercise(
        id="6.2.4",
        title="The longest copy",
        asks="function",
        check=check_run,
        hints=(
            "If the run that ends with `a[i - 1]` and `b[j - 1]` has length $l$, and `a[i] == "
            "b[j]`, how long is the one that ends there?",
            "Go through `a`; keep one number for each place of `b`.",
        ),
        solution=solve_run,
        wrong_answers=(
            (_subsequence, "without a gap"),
            (_prefix, "begin anywhere"),
            (_set_of_items, "without a gap"),
        ),
    ),
    Exercise(
        id="6.2.5",
        title="How many candidates are left?",
        asks="function",
        check=check_effective,
        hints=(
            "What does it give for $n$ equal weights?",
            "`np.exp(log_weights - log_weights.max())` cannot overflow.",
        ),
        solution=solve_effective,
        wrong_answers=(
            (_no_shift, "largest log-weight"),
            (_entropy, "entropy"),
            (_sum_of_squares, "so many candidates"),
            (_not_scaled, "so many candidates"),
        ),
    ),
    Exercise(
        id="6.2.6",
        title="Project: hear what is coming",
        asks="function",
        check=check_resample,
        hints=(
            "Lay the candidates side by side on a line of length 1, each as wide as its weight.",
            "`np.searchsorted(np.cumsum(weights), teeth, side='right')`.",
        ),
        solution=solve_resample,
        wrong_answers=(
            (_independent, "teeth of the comb"),
            (_no_shift_of_the_comb, "never changes"),
            (_the_best, "teeth of the comb"),
        ),
    ),
)
