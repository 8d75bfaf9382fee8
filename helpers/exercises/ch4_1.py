"""Exercises of chapter 4.1, Convolutional networks."""

from itertools import pairwise, permutations

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 4.1.1 ---------------------------------------------------------------------------------------


def check_listening(answer):
    duration = number(answer, "the duration in ms")
    if close(duration, 33):
        raise Wrong("That is the field in frames. How long are they together, overlaps included?")
    if close(duration, 330):
        raise Wrong(
            "From the first frame's beginning to the last one's are 32 hops, and then the last "
            "frame goes on for longer than a hop."
        )
    if close(duration, 33 * 32):
        raise Wrong("Frames overlap: each begins 10 ms after the one before.")
    if close(duration, 320):
        raise Wrong("The last frame *begins* then. It goes on for another 32 ms.")
    if close(duration, 0.352):
        raise Wrong("Right in seconds; milliseconds are asked.")
    for layer, other in ((1, 72), (2, 112), (3, 192), (5, 672)):
        if close(duration, other):
            raise Wrong(f"That is layer {layer}; the fourth is asked.")
    if not close(duration, 352):
        raise Wrong("Find the field in frames first: layer by layer, $(P_i - 1)\\,2^{i-1}$ more.")


def solve_listening():
    """The field is $1 + 4 + 2 \\cdot 2 + 2 \\cdot 4 + 2 \\cdot 8 = 33$ frames. The last begins
    $32 \\cdot 10$ ms after the first and lasts 32 ms."""
    field = 1 + sum((size - 1) * 2**layer for layer, size in enumerate((5, 3, 3, 3)))
    return 10 * (field - 1) + 32


# --- 4.1.2 ---------------------------------------------------------------------------------------


def check_work(answer):
    count = number(answer, "the number of multiplications")
    if close(count, 1800):
        raise Wrong("That is how many weights it has. Each is used at every place of the output.")
    if close(count, 1_440_000):
        raise Wrong("You counted places of the *input*. The stride visits fewer.")
    if close(count, 36_000) or close(count, 18_000):
        raise Wrong("Each output channel looks at *all* channels that come in.")
    if close(count, 40_000):
        raise Wrong("Each output looks at a neighbourhood of $3 \\times 3$ places.")
    if count != 360_000:
        raise Wrong(
            "Places of the output, times the size of the kernel, times channels in and out."
        )


def solve_work():
    """The output has $25 \\cdot 8$ places and 20 channels, and each of its numbers is a sum over
    $3 \\cdot 3 \\cdot 10$ products. The first layer does 200 000. The last holds nearly half of
    the weights and does but 62 208: it is used at four places only."""
    return 25 * 8 * 20 * 3 * 3 * 10


# --- 4.1.3 ---------------------------------------------------------------------------------------


def check_relevance(answer):
    relevance = function(answer)
    rng = np.random.default_rng(41)
    for frames, width, fill in ((12, 3, -1.0), (9, 1, 0.5), (6, 6, -1.75)):
        picture, weights = rng.normal(size=(2, frames, 4))
        kept = picture.copy()
        case = f"{frames} frames, {width} hidden at a time"

        def score(pictures, weights=weights):
            if np.ndim(pictures) != 3:
                raise Wrong(
                    "The score takes a batch of shape (n, frames, bands), also for a single one."
                )
            return np.sum(weights * np.tanh(pictures), axis=(1, 2))

        found = array(relevance(score, picture, width, fill), (frames - width + 1,), case)
        if not np.array_equal(picture, kept):
            raise Wrong("The picture has changed. Hide the frames in a copy.")
        right = solve_relevance(score, picture, width, fill)
        if close(found, right, atol=1e-8):
            continue
        if close(found, -right, atol=1e-8):
            raise Wrong("The sign: relevant is what makes the score *fall* when it is hidden.")
        if close(found, score(picture[None])[0] - right, atol=1e-8):
            raise Wrong("These are scores of the changed pictures. How far did they fall?")
        if close(found, solve_relevance(score, picture, width, 0.0), atol=1e-8):
            raise Wrong("Hidden frames must hold `fill`; zero is no silence here.")
        if close(found, _piled_up(score, picture, width, fill), atol=1e-8):
            raise Wrong("Hide one stretch at a time: take a fresh copy for each start.")
        raise Wrong(f"{case}: not yet. Try it on a picture where only one frame matters.")


def solve_relevance(score, picture, width, fill):
    """One copy for each start, and one call for them all: a batch is faster than one by one."""
    starts = range(len(picture) - width + 1)
    hidden = np.repeat(picture[None], len(starts), axis=0)
    for start in starts:
        hidden[start, start : start + width] = fill
    return score(picture[None])[0] - score(hidden)


def _piled_up(score, picture, width, fill):
    changed, whole, falls = picture.copy(), score(picture[None])[0], []
    for start in range(len(picture) - width + 1):
        changed[start : start + width] = fill
        falls.append(whole - score(changed[None])[0])
    return np.array(falls)


def _in_place(score, picture, width, fill):
    whole, falls = score(picture[None])[0], []
    for start in range(len(picture) - width + 1):
        picture[start : start + width] = fill
        falls.append(whole - score(picture[None])[0])
    return np.array(falls)


# --- 4.1.4 ---------------------------------------------------------------------------------------


def check_orders(answer):
    count = number(answer, "the number of orders")
    if close(count, 9):
        raise Wrong(
            "You counted orders in which no piece keeps its *place*. It is about neighbours."
        )
    if close(count, 2):
        raise Wrong(
            "You also forbade a piece before the one that it followed, as in 2 1. Only 1 2, 2 3 "
            "and 3 4 are forbidden."
        )
    if close(count, 23):
        raise Wrong("Leaving out the original order is not enough: 2 3 4 1 keeps two neighbours.")
    if count != 11:
        raise Wrong("Count by program: `itertools.permutations(range(4))` gives all 24.")


def solve_orders():
    """An order counts if no neighbouring pair is $(i, i + 1)$: eleven do, one of them the reverse.
    If each pair were to be avoided in both directions, only 2 4 1 3 and 3 1 4 2 would be left."""
    return sum(all(b != a + 1 for a, b in pairwise(order)) for order in permutations(range(4)))


# --- 4.1.5 ---------------------------------------------------------------------------------------


def check_control(answer):
    difference = function(answer)
    rng = np.random.default_rng(415)
    words = np.repeat(np.arange(3), (40, 10, 6))
    speakers = rng.choice(["ada", "ben", "cleo"], len(words))
    trained, untrained = (
        np.where(rng.uniform(size=len(words)) < share[words], speakers, "nobody")
        for share in (np.array([0.9, 0.3, 0.5]), np.array([0.6, 0.7, 0.3]))
    )
    found = number(difference(trained, untrained, speakers, words), "the difference")
    right = solve_control(trained, untrained, speakers, words)
    over_clips = 100 * np.mean((trained == speakers) * 1.0 - (untrained == speakers))
    if close(found, right):
        return
    if close(found, -right):
        raise Wrong("The sign: trained minus untrained.")
    if close(found, right / 100):
        raise Wrong("In percentage points, please, not as a fraction.")
    if close(found, over_clips):
        raise Wrong(
            "You averaged over clips, so a word with many clips counts more. Average within each "
            "word first."
        )
    raise Wrong("For each word the difference of two shares; then the mean over words.")


def solve_control(trained, untrained, speakers, words):
    """The unit is the word: first the difference within each, then the mean over words."""
    gains = (trained == speakers).astype(float) - (untrained == speakers)
    return 100 * np.mean([gains[words == word].mean() for word in np.unique(words)])


# --- 4.1.6 ---------------------------------------------------------------------------------------


def check_steady(answer, *, placed, labels):
    from helpers.verdict import interval

    guess = np.asarray(answer)
    if guess.shape == placed.shape[1:]:
        raise Wrong("These look like log-probabilities. Decide: `argmax` over the digits.")
    if guess.shape == placed.shape[:2]:
        raise Wrong("That is an answer for each place. Make one of them for each clip.")
    guess = array(guess, placed.shape[1:2], "one digit for each clip")
    single = placed.argmax(axis=2) == labels
    right = guess == labels
    juries = [placed] + [placed[:32:step] for step in (1, 2, 4, 8, 16)]
    juries = [jury.mean(axis=0).argmax(axis=1) for jury in juries]
    if right.all() and not any(np.all(jury == labels) for jury in juries):
        raise Wrong("All right, without one error? The labels are for judging, not for answering.")
    alone = np.flatnonzero(np.all(placed.argmax(axis=2) == guess, axis=1))
    unsteady = ~np.all(placed.argmax(axis=2) == placed.argmax(axis=2)[0], axis=0)
    of_a_jury = any(np.array_equal(guess, jury) for jury in juries)  # may agree with one place
    if len(alone) and unsteady.any() and not of_a_jury:
        raise Wrong(f"These are the answers at one place (number {alone[0]}), as before.")
    if right.mean() < 0.5 * single.mean():
        raise Wrong("That is not half as good as one place. Are the answers in the clips' order?")
    gains = [100 * (right[labels == d].mean() - single[:, labels == d].mean()) for d in {*labels}]
    low, high = interval(gains)
    outcome = "better" if low > 0 else "worse" if high < 0 else "undecided"
    return (
        f"Against one place you gain {np.mean(gains):+.1f} points, interval [{low:.1f}, "
        f"{high:.1f}] over digits: {outcome}. How many places did you ask, and would fewer do?"
    )


def solve_steady(placed, labels):
    """One of many: ask at all places and average the log-probabilities. Over a whole period of 32
    frames each phase of the strides is met once, so far from the borders the mean is exactly the
    same wherever the word lies. `labels` are for judging only."""
    return placed[:32].mean(axis=0).argmax(axis=1)


def given_steady():
    rng = np.random.default_rng(416)
    labels = np.repeat(np.arange(10), 8)
    logits = (
        2.2 * np.eye(10)[labels] + rng.normal(0, 0.7, (80, 10)) + rng.normal(0, 0.6, (34, 80, 10))
    )
    placed = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    return {"placed": placed.astype(np.float32), "labels": labels}


EXERCISES = (
    Exercise(
        id="4.1.1",
        title="How long does one number listen?",
        check=check_listening,
        hints=(
            "The chapter prints the fields of all layers, in frames.",
            "33 frames: the last begins 32 hops after the first. When does it end?",
        ),
        solution=solve_listening,
        wrong_answers=((33, "in frames"), (330, "longer than a hop"), (1056, "overlap")),
    ),
    Exercise(
        id="4.1.2",
        title="Where is the work done?",
        check=check_work,
        hints=(
            "What is the shape of its output? Each of these numbers is one sum.",
            "A sum has $3 \\cdot 3$ times the incoming channels as its terms.",
        ),
        solution=solve_work,
        wrong_answers=((1800, "how many weights"), (1_440_000, "input"), (36_000, "all")),
    ),
    Exercise(
        id="4.1.3",
        title="Relevance in time",
        asks="function",
        check=check_relevance,
        hints=(
            "There are `len(picture) - width + 1` starts. Make that many copies.",
            "`np.repeat(picture[None], count, axis=0)` makes them; then one slice each.",
        ),
        solution=solve_relevance,
        wrong_answers=(
            (lambda score, p, w, fill: -solve_relevance(score, p, w, fill), "sign"),
            (lambda score, p, w, fill: solve_relevance(score, p, w, 0.0), "`fill`"),
            (_piled_up, "one stretch at a time"),
            (_in_place, "has changed"),
        ),
    ),
    Exercise(
        id="4.1.4",
        title="How many ways to mix four pieces?",
        check=check_orders,
        hints=(
            "Forbidden neighbours are 1 2, 2 3 and 3 4. The reverse order is allowed.",
            "`itertools.permutations(range(4))`, and a test of each neighbouring pair.",
        ),
        solution=solve_orders,
        wrong_answers=((9, "place"), (2, "2 1"), (23, "not enough")),
    ),
    Exercise(
        id="4.1.5",
        title="A fair control",
        asks="function",
        check=check_control,
        hints=(
            "Whether a clip was named rightly is `trained == speakers`.",
            "Loop over `np.unique(words)`; in each, the mean of one minus the mean of the other.",
        ),
        solution=solve_control,
        wrong_answers=(
            (
                lambda t, u, s, w: 100 * (np.mean(t == s) - np.mean(u == s)),
                "averaged over clips",
            ),
            (lambda t, u, s, w: solve_control(u, t, s, w), "sign"),
            (lambda t, u, s, w: solve_control(t, u, s, w) / 100, "fraction"),
        ),
    ),
    Exercise(
        id="4.1.6",
        title="Project: make it steady",
        check=check_steady,
        given=given_steady,
        hints=(
            "A jury again, as with two networks: here its members are places.",
            "The mean of log-probabilities over places, then `argmax` over digits.",
            "Try every other place, every fourth, every sixteenth: which phases must be in it?",
        ),
        solution=solve_steady,
        wrong_answers=(
            (lambda placed, labels: labels, "for judging"),
            (lambda placed, labels: placed.mean(axis=0), "argmax"),
            (lambda placed, labels: placed[5].argmax(axis=1), "one place"),
            (lambda placed, labels: placed.argmax(axis=2), "for each place"),
        ),
    ),
)
