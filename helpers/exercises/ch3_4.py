"""Exercises of chapter 3.4, Learning from sequences."""

import itertools
import math

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 3.4.1 ---------------------------------------------------------------------------------------


def check_paths(answer):
    count = function(answer)
    for frames, labels in ((3, (1, 2)), (5, (1, 1)), (4, ()), (6, (2, 2, 2)), (2, (1, 1))):
        found = number(count(frames, labels), f"{frames} frames and the labels {labels}")
        truth = solve_paths(frames, labels)
        if found == truth:
            continue
        if not labels:
            raise Wrong("An empty target has one path: all blanks.")
        if found == math.comb(frames + len(labels), 2 * len(labels)):
            raise Wrong(
                "Right as long as no label repeats the one before. Each that does takes one frame "
                "away from the others, for its blank."
            )
        if found == math.comb(frames - 1, len(labels) - 1):
            raise Wrong("That leaves out the blanks, which may stand before, between and after.")
        if truth == 0:
            raise Wrong(f"{frames} frames are too few for {labels}: no path spells it.")
        raise Wrong(
            f"For {frames} frames and the labels {labels} there are {truth} paths, not {found:g}."
        )
    if number(count(60, (1, 2, 2, 3))) != solve_paths(60, (1, 2, 2, 3)):
        raise Wrong("Right for short paths, wrong for 60 frames: is there rounding in it?")


def solve_paths(frames, labels):
    """Cut the path after each run. Of $N_y$ labels with $r$ repeats, $r$ blanks are compulsory.
    Take them out: $T - r$ frames are left, to be cut into $N_y$ runs of at least one frame and
    $N_y + 1$ stretches of blank of any length, none included. Add one frame to each of these
    stretches, so that all $2N_y + 1$ parts have at least one: the $T - r + N_y + 1$ frames can be
    cut at $T - r + N_y$ places, of which $2N_y$ are chosen: $\\binom{T - r + N_y}{2 N_y}$."""
    repeats = sum(a == b for a, b in itertools.pairwise(labels))
    free = frames - repeats + len(labels)
    return math.comb(free, 2 * len(labels)) if free >= 0 else 0


def _no_repeats(frames, labels):
    return math.comb(frames + len(labels), 2 * len(labels))


def _no_blanks(frames, labels):
    return math.comb(frames - 1, len(labels) - 1) if labels else 1


# --- 3.4.2 ---------------------------------------------------------------------------------------


def check_step(answer):
    step = function(answer)
    rng = np.random.default_rng(5)
    cases = ([0, 1, 0, 2, 0], [0, 1, 0, 1, 0], [0, 3, 0, 3, 0, 1, 0], [0], [2, 0, 2, 1, 2, 1, 2])
    for places in map(np.array, cases):
        blank = int(places[0])
        before, p = rng.random(len(places)), rng.dirichlet(np.ones(4))
        kept = before.copy()
        found = array(step(before, p, places, blank), places.shape, "the next frame")
        if not np.array_equal(before, kept):
            raise Wrong("Your function changed the probabilities of the frame before: copy first.")
        if close(found, solve_step(before, p, places, blank), rtol=1e-9):
            continue
        if close(found, _always_jump(before, p, places, blank), rtol=1e-9):
            raise Wrong(
                "You jump between equal labels as well. Without a blank between them they merge."
            )
        if close(found, _jump_anywhere(before, p, places, blank), rtol=1e-9):
            raise Wrong("You jump to every place. A jump may leave out a blank, but never a label.")
        if close(found, _never_jump(before, p, places, blank), rtol=1e-9):
            raise Wrong("Stay and step are there. From where can a walk jump over a blank?")
        if close(found, _unpaid(before, p, places, blank), rtol=1e-9):
            raise Wrong("What arrives is right; it must still be paid for: where does `p` come in?")
        raise Wrong(f"Not right for the places {places.tolist()} with {blank} as blank.")


def solve_step(before, p, places, blank):
    """Three shifted copies of the frame before are added: stay, step, and jump where the label is
    no blank and differs from the label two places before. Then each place pays for its label."""
    arrived = before.copy()
    arrived[1:] += before[:-1]
    jump = (places[2:] != blank) & (places[2:] != places[:-2])
    arrived[2:] += np.where(jump, before[:-2], 0)
    return arrived * p[places]


def _always_jump(before, p, places, blank):
    arrived = before.copy()
    arrived[1:] += before[:-1]
    arrived[2:] += np.where(places[2:] != blank, before[:-2], 0)
    return arrived * p[places]


def _jump_anywhere(before, p, places, blank):
    arrived = before.copy()
    arrived[1:] += before[:-1]
    arrived[2:] += before[:-2]
    return arrived * p[places]


def _never_jump(before, p, places, blank):
    arrived = before.copy()
    arrived[1:] += before[:-1]
    return arrived * p[places]


def _unpaid(before, p, places, blank):
    return solve_step(before, np.ones_like(p), places, blank)


# --- 3.4.3 ---------------------------------------------------------------------------------------


def check_temperature(answer):
    gradient = function(answer)
    rng = np.random.default_rng(6)
    for batch, classes, tau in ((4, 5, 0.7), (1, 3, 2.0), (6, 2, 1.0), (3, 1, 1.5)):
        z, labels = rng.standard_normal((batch, classes)), rng.integers(0, classes, batch)
        found = number(gradient(z, tau, labels), "the derivative")
        truth = solve_temperature(z, tau, labels)
        if close(found, truth, rtol=1e-6):
            continue
        if close(found, -truth, rtol=1e-6):
            raise Wrong("The sign is the wrong way round: what is the derivative of 1 / τ?")
        if close(found, truth * batch, rtol=1e-6):
            raise Wrong("That is the derivative of the sum over the batch; asked for is the mean.")
        if close(found, truth * tau, rtol=1e-6) or close(found, truth * tau**2, rtol=1e-6):
            raise Wrong("A power of τ is missing. The derivative of z / τ by τ is −z / τ².")
        if close(found, truth / classes, rtol=1e-6):
            raise Wrong("Only the batch is averaged over; the classes of an example are added up.")
        if close(found, _untempered(z, tau, labels), rtol=1e-6):
            raise Wrong("The probabilities in the gradient are those at temperature τ, not at 1.")
        raise Wrong(f"For a batch of {batch} at τ = {tau} it is {truth:.6f}, not {found:.6f}.")


def solve_temperature(z, tau, labels):
    """With $z' = z/\\tau$, the mean cross-entropy has the gradient $(P - Y)/B$ in $z'$; a row of
    $Y$ is 1 at the right class and 0 elsewhere. Since $\\partial z'/\\partial\\tau = -z/\\tau^2$,
    the derivative is $\\frac{1}{B\\tau^2} \\sum (z_{y} - \\bar z)$ over the batch, with
    $\\bar z = \\sum_i p_i z_i$: the colder the better as long as the right classes have more than
    the mean logit."""
    e = np.exp((z - z.max(axis=1, keepdims=True)) / tau)
    p = e / e.sum(axis=1, keepdims=True)
    right = z[np.arange(len(z)), labels]
    return np.mean(right - np.sum(p * z, axis=1)) / tau**2


def _untempered(z, tau, labels):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return np.mean(z[np.arange(len(z)), labels] - np.sum(p * z, axis=1)) / tau**2


def _wrong_sign(z, tau, labels):
    return -solve_temperature(z, tau, labels)


def _summed(z, tau, labels):
    return solve_temperature(z, tau, labels) * len(z)


def _classes_averaged(z, tau, labels):
    return solve_temperature(z, tau, labels) / z.shape[1]


def _one_power(z, tau, labels):
    return solve_temperature(z, tau, labels) * tau


# --- 3.4.4 ---------------------------------------------------------------------------------------


def check_perplexity(answer):
    perplexity = function(answer)
    log10_p, lengths = np.array([-3.0, -40.0, -1.5]), np.array([4, 20, 2])
    found = number(perplexity(log10_p, lengths), "the perplexity")
    truth = solve_perplexity(log10_p, lengths)
    if close(found, np.mean(10 ** (-log10_p / lengths))):
        raise Wrong("You took the mean of the pieces' perplexities. Which mean comes first?")
    if close(found, 10 ** np.mean(-log10_p / lengths)):
        raise Wrong("Each piece counted alike, however long. The mean is over tokens.")
    mean = -log10_p.sum() / lengths.sum()
    if close(found, math.exp(mean)) or close(found, 2**mean):
        raise Wrong("These are logarithms to base 10, so the exponential must be one to base 10.")
    if close(found, 10 ** (-log10_p.sum() / len(lengths))):
        raise Wrong("Divide by the number of tokens, not of pieces.")
    if not close(found, truth):
        raise Wrong(f"For this corpus it is {truth:.4f}, not {found:.4f}.")


def solve_perplexity(log10_p, lengths):
    """The logarithms of all tokens add up, piece by piece; their mean is over all tokens, and the
    exponential comes last, to the base of the logarithms."""
    return 10 ** (-np.sum(log10_p) / np.sum(lengths))


def _mean_of_perplexities(log10_p, lengths):
    return np.mean(10 ** (-log10_p / lengths))


def _pieces_alike(log10_p, lengths):
    return 10 ** np.mean(-log10_p / lengths)


def _wrong_base(log10_p, lengths):
    return math.exp(-np.sum(log10_p) / np.sum(lengths))


# --- 3.4.5 ---------------------------------------------------------------------------------------


def check_band(answer):
    banded = function(answer)
    rng = np.random.default_rng(7)
    for shape, radius in (
        ((5, 5), 5),
        ((5, 5), 0),
        ((6, 6), 1),
        ((4, 7), 3),
        ((7, 4), 2),
        ((1, 1), 0),
    ):
        cost = rng.random(shape)
        found = banded(cost.copy(), radius)
        truth = solve_band(cost, radius)
        if np.isinf(truth):
            if not (np.ndim(found) == 0 and np.isposinf(found)):
                raise Wrong(
                    f"Lengths {shape[0]} and {shape[1]} can't be aligned within {radius}: the last "
                    "pair lies outside the band. Give back infinity."
                )
            continue
        if np.ndim(found) == 0 and np.isinf(found):
            raise Wrong(
                f"With radius {radius} and shape {shape} there is an alignment. Is the first pair "
                "set to its own cost, and the band inclusive?"
            )
        found = number(found, "the cost")
        if close(found, truth, rtol=1e-9):
            continue
        if close(found, solve_band(cost, max(shape)), rtol=1e-9):
            raise Wrong("That is the cost without a band. Pairs outside it must cost infinity.")
        if close(found, _no_diagonal(cost, radius), rtol=1e-9):
            raise Wrong("A step may go on in both sequences at once; the diagonal is missing.")
        raise Wrong(
            f"Not the cheapest for shape {shape} and radius {radius}. Does it begin at the first "
            "pair, end at the last, and pay for every pair it visits?"
        )


def solve_band(cost, radius):
    """The recursion of the chapter, on the pairs inside the band only; everything else stays at
    infinity and so is never the minimum. A border of infinities saves the special cases."""
    time, length = cost.shape
    table = np.full((time + 1, length + 1), np.inf)
    table[0, 0] = 0
    for t in range(time):
        for k in range(max(0, t - radius), min(length, t + radius + 1)):
            table[t + 1, k + 1] = cost[t, k] + min(table[t, k], table[t + 1, k], table[t, k + 1])
    return table[time, length]


def _no_band(cost, radius):
    return solve_band(cost, max(cost.shape)) if abs(np.subtract(*cost.shape)) <= radius else np.inf


def _no_diagonal(cost, radius):
    time, length = cost.shape
    table = np.full((time + 1, length + 1), np.inf)
    for t in range(time):
        for k in range(max(0, t - radius), min(length, t + radius + 1)):
            before = min(table[t + 1, k], table[t, k + 1])
            table[t + 1, k + 1] = cost[t, k] + (0 if (t, k) == (0, 0) else before)
    return table[time, length]


# --- 3.4.6 ---------------------------------------------------------------------------------------


def check_align(answer):
    align = function(answer)
    rng = np.random.default_rng(11)
    for time, labels, blank in ((5, (1, 2), 0), (6, (1, 1), 0), (4, (), 2), (3, (0, 1, 0), 2)):
        p = rng.dirichlet(np.ones(3), time)
        path = array(align(np.log(p), labels, blank), (time,), "the path")
        if not np.all((path == path.astype(int)) & (path >= 0) & (path < 3)):
            raise Wrong("A path names one class for each frame: whole numbers from 0.")
        path = path.astype(int)
        spelled = _spelled(path, blank)
        if spelled != labels:
            if spelled == tuple(k for k, _ in itertools.groupby(labels)):
                raise Wrong(
                    f"Your path spells {spelled}, not {labels}: equal labels merged. They need a "
                    "blank between them."
                )
            raise Wrong(f"Your path spells {spelled}; it was to spell {labels}.")
        every = itertools.product(range(3), repeat=time)
        best = max(_score(p, q) for q in every if _spelled(q, blank) == labels)
        if not close(_score(p, path), best, rtol=1e-6):
            raise Wrong(
                f"Your path spells {labels}, but another that does is more probable. Do you keep, "
                "at every frame and place, where the maximum came from, and go back from the "
                "better of the last two places?"
            )
    try:
        align(np.log(np.full((2, 3), 1 / 3)), (1, 1), 0)
    except ValueError:
        return "Now cut, and listen."
    raise Wrong("Two frames can't spell (1, 1): raise a ValueError, rather than return a path.")


def _spelled(path, blank):
    return tuple(int(k) for k, _ in itertools.groupby(path) if k != blank)


def _score(p, path):
    return float(np.log(p[np.arange(len(p)), list(path)]).sum())


def solve_align(log_p, labels, blank):
    """The forward recursion with a maximum: `score` is $\\ln \\hat\\alpha$, `origin` remembers by
    how many places the best arc moved. From the better of the last two places the walk is read
    backwards; its labels are the path. A score of $-\\infty$ there means that no walk arrives."""
    places = np.full(2 * len(labels) + 1, blank)
    places[1::2] = labels
    jump = np.zeros(len(places), bool)
    jump[2:] = (places[2:] != blank) & (places[2:] != places[:-2])
    score = np.where(np.arange(len(places)) < 2, log_p[0, places], -np.inf)
    origin = np.zeros((len(log_p), len(places)), int)
    for t in range(1, len(log_p)):
        moves = np.full((3, len(places)), -np.inf)
        for step in range(min(3, len(places))):
            moves[step, step:] = score[: len(places) - step]
        moves[2, ~jump] = -np.inf
        origin[t], score = moves.argmax(axis=0), moves.max(axis=0) + log_p[t, places]
    place = int(score[-2:].argmax()) + max(0, len(places) - 2)
    if score[place] == -np.inf:
        raise ValueError(f"{len(log_p)} frames are too few to spell {labels}")
    walk = [place]
    for t in range(len(log_p) - 1, 0, -1):
        walk.append(walk[-1] - origin[t, walk[-1]])
    return places[walk[::-1]]


def _best_frames(log_p, labels, blank):
    return log_p.argmax(axis=1)


def _evenly(log_p, labels, blank):
    if len(labels) > len(log_p):
        raise ValueError("too few frames")
    path = np.full(len(log_p), blank)
    for i, label in enumerate(labels):
        path[2 * i if 2 * i < len(path) else -1] = label
    return path


def _merged(log_p, labels, blank):
    return solve_align(log_p, tuple(k for k, _ in itertools.groupby(labels)), blank)


EXERCISES = (
    Exercise(
        id="3.4.1",
        title="How many paths?",
        asks="function",
        check=check_paths,
        hints=(
            "Take three frames and one label and list the paths: 1∅∅, 11∅, 111, ∅1∅, ∅11, ∅∅1. "
            "What do you choose freely? Where the run begins and where it ends.",
            "The recursion counts if every probability is 1. For a formula, cut the path into "
            "$N_y$ runs of labels and $N_y + 1$ stretches of blank, and count the ways to cut.",
        ),
        solution=solve_paths,
        wrong_answers=(
            (_no_repeats, "takes one frame away"),
            (_no_blanks, "leaves out the blanks"),
        ),
    ),
    Exercise(
        id="3.4.2",
        title="One step of α",
        asks="function",
        check=check_step,
        hints=(
            "Add three copies of `before`: as it is, shifted by one place, shifted by two.",
            "The copy shifted by two counts only where `places[2:] != blank` and "
            "`places[2:] != places[:-2]`. At last multiply by `p[places]`.",
        ),
        solution=solve_step,
        wrong_answers=(
            (_always_jump, "merge"),
            (_jump_anywhere, "never a label"),
            (_never_jump, "jump over a blank"),
            (_unpaid, "paid for"),
        ),
    ),
    Exercise(
        id="3.4.3",
        title="The gradient of the temperature",
        asks="function",
        check=check_temperature,
        hints=(
            "Begin with 3.1: with respect to the logits that enter the softmax, here z / τ, the "
            "gradient of the mean cross-entropy is (P − Y) / batch.",
            "Then the chain rule: multiply by the derivative of z / τ with respect to τ, which is "
            "−z / τ², entry by entry, and add up everything.",
        ),
        solution=solve_temperature,
        wrong_answers=(
            (_wrong_sign, "sign"),
            (_summed, "mean"),
            (_one_power, "power of τ"),
            (_classes_averaged, "added up"),
            (_untempered, "not at 1"),
        ),
    ),
    Exercise(
        id="3.4.4",
        title="The perplexity of a corpus",
        asks="function",
        check=check_perplexity,
        hints=(
            "The probability of the corpus is the product over its pieces. How many tokens share "
            "its surprise?",
            "Add the logarithms, divide by the number of all tokens, and raise 10 to minus that.",
        ),
        solution=solve_perplexity,
        wrong_answers=(
            (_mean_of_perplexities, "Which mean comes first"),
            (_pieces_alike, "over tokens"),
            (_wrong_base, "base 10"),
        ),
    ),
    Exercise(
        id="3.4.5",
        title="Warping within a band",
        asks="function",
        check=check_band,
        hints=(
            "Begin with a table that is infinite everywhere, and fill in only pairs inside the "
            "band.",
            "A border helps: a table with one row and one column more, infinite but for a 0 in the "
            "corner, needs no special cases for the first pair and the edges.",
        ),
        solution=solve_band,
        wrong_answers=((_no_band, "without a band"), (_no_diagonal, "diagonal is missing")),
    ),
    Exercise(
        id="3.4.6",
        title="Project: cut a recording by its text",
        asks="function",
        check=check_align,
        hints=(
            "The places are those of the extended target. At each frame and place keep two things: "
            "the best score of a walk that ends there, and by how many places its last move went.",
            "Stack the three moves (stay, step, jump) in an array of shape (3, places), −∞ where a "
            "move is not allowed; `argmax` over the first axis is what to remember.",
            "Go back from the better of the last two places, subtracting the remembered moves. An "
            "empty target has one place only.",
        ),
        solution=solve_align,
        wrong_answers=(
            (_best_frames, "was to spell"),
            (_evenly, "more probable"),
            (_merged, "equal labels merged"),
        ),
    ),
)
