"""Exercises of chapter 5.1, A naive recogniser."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 5.1.1 ---------------------------------------------------------------------------------------


def check_parameters(answer):
    count = number(answer, "the number of parameters")
    rows, columns = (64 - 2) // 2, (96 - 2) // 2
    if close(count, rows * columns * 32 * 128, rtol=0):
        raise Wrong("Those are the weights. Every one of the 128 units also has a bias.")
    if close(count, (62 * 94 * 32 + 1) * 128, rtol=0):
        raise Wrong("The pooling is missing: it halves both sides before the flatten.")
    if close(count, (32 * 48 * 32 + 1) * 128, rtol=0):
        raise Wrong("A 3 × 3 filter without padding does not fit at the border: it takes 2 away.")
    if close(count, (rows * columns + 1) * 128, rtol=0):
        raise Wrong("Flatten lays *all* channels end to end. How many filters are there?")
    if not close(count, (rows * columns * 32 + 1) * 128, rtol=0):
        raise Wrong(
            "Follow the shape: convolution, then pooling, then flatten. How many numbers arrive "
            "at the dense layer?"
        )


def solve_parameters():
    """The convolution leaves $62 × 94$, the pooling $31 × 47$, in 32 channels. Each of the 128
    units has a weight for every one of these numbers, and a bias."""
    rows, columns = (64 - 2) // 2, (96 - 2) // 2
    return (rows * columns * 32 + 1) * 128


# --- 5.1.2 ---------------------------------------------------------------------------------------


def check_normalise(answer):
    safe = function(answer)
    x = np.array([0.1, -0.4, 0.2, 0.0], np.float32)
    kept = x.copy()
    result = np.asarray(safe(x), dtype=float)
    if result.shape != (4,):
        raise Wrong("Give back as many samples as came in.")
    if not np.array_equal(x, kept):
        raise Wrong("Your function changed the reader's array. Work on a copy.")
    if result[3] != 0:
        raise Wrong("A sample of 0 must stay 0, or silence between words becomes an offset.")
    if not close(np.max(np.abs(result)), 1.0):
        raise Wrong("The largest *magnitude* should be 1, whichever sign it has.")
    if not close(result, x / 0.4):
        raise Wrong("All samples must be scaled by the same positive factor.")
    with np.errstate(all="ignore"):
        silence = np.asarray(safe(np.zeros(5, np.float32)), dtype=float)
    if silence.shape != (5,):
        raise Wrong("Silence has a length too: give back as many samples as came in.")
    if not np.all(np.isfinite(silence)):
        raise Wrong("Silence gives values that are not finite. What do you divide by there?")
    if np.any(silence != 0):
        raise Wrong("Silence should stay silence.")


def solve_normalise(x):
    """The peak of silence is 0 and cannot be divided by, so silence is given back as it is."""
    peak = np.max(np.abs(x), initial=0.0)
    return x / peak if peak > 0 else x.copy()


def _shifted(x):
    return (x - x.min()) / (x.max() - x.min())


def _as_found(x):
    return x / np.max(np.abs(x))


def _by_the_maximum(x):
    return x / np.max(x)


# --- 5.1.3 ---------------------------------------------------------------------------------------


def check_answers(answer):
    answers = function(answer)
    rng = np.random.default_rng(3)
    for n in (70, 5):
        said = rng.dirichlet(np.ones(10), n)
        result = array(answers(said), what=f"the answers to {n} clips")
        if n == 70 and result.shape == (32,):
            raise Wrong("There are 70 clips and 32 answers: you still mean over batches.")
        if n == 70 and result.shape == (10,):
            raise Wrong("One answer for every digit? Look for the largest along the other axis.")
        if result.shape != (n,):
            raise Wrong(f"For {n} clips {result.shape} came back; every clip needs its answer.")
        if not np.array_equal(result, said.argmax(axis=1)):
            raise Wrong("Right number of answers, but not each clip's own most probable digit.")


def solve_answers(probabilities):
    """A clip's answer depends on its own row alone, so there is nothing to average and nothing to
    drop: batches are a matter of speed, never of the result."""
    return probabilities.argmax(axis=1)


def _mean_over_batches(p):
    whole = len(p) // 32
    return p[: 32 * whole].reshape(whole, 32, 10).mean(axis=0).argmax(axis=1)


def _wrong_axis(p):
    return p.argmax(axis=0)


# --- 5.1.4 ---------------------------------------------------------------------------------------


def check_dropped(answer):
    dropped = function(answer)
    for n, batch, right in ((100, 32, 4), (31, 32, 31), (64, 32, 0), (0, 32, 0), (7, 2, 1)):
        count = number(dropped(n, batch), f"{n} clips in batches of {batch}")
        if n == 100 and count == 3:
            raise Wrong("3 is the number of whole batches. How many clips are *not* in them?")
        if n == 100 and count == 28:
            raise Wrong("28 would fill the last batch up. Here nothing is filled up, but dropped.")
        if not close(count, right):
            raise Wrong(f"Of {n} clips in batches of {batch}, {count:g} came out. Draw them.")


def solve_dropped(n, batch):
    """Whole batches hold $b\\,\\lfloor n / b \\rfloor$ clips; the remainder of the division is
    lost. Below one batch, that is everything."""
    return n % batch


def _whole_batches(n, batch):
    return n // batch


def _to_fill_up(n, batch):
    return -n % batch


# --- 5.1.5 ---------------------------------------------------------------------------------------


def check_split(answer):
    split = function(answer)
    speakers = np.array(["ann", "bob", "ann", "cy", "bob", "dee", "ann", "cy"])
    held_out = ["ann", "cy"]
    result = split(speakers, held_out)
    if not isinstance(result, list | tuple) or len(result) != 2:
        raise Wrong("Give back two things: the indices for training and those for the test.")
    train, test = (np.asarray(part) for part in result)
    if train.dtype == bool or test.dtype == bool:
        raise Wrong("Those are masks. `np.flatnonzero` turns a mask into indices.")
    train, test = train.astype(int).ravel(), test.astype(int).ravel()
    if set(train) & set(test):
        raise Wrong("Some clips are on both sides.")
    if len(train) + len(test) != len(speakers):
        raise Wrong("Every clip belongs to one side: some are on neither, or there twice.")
    both = set(speakers[train]) & set(speakers[test])
    if both:
        raise Wrong(f"{', '.join(sorted(both))} can be heard on both sides: that is the leak.")
    if set(speakers[test]) != set(held_out):
        raise Wrong("The test should hold the speakers that were held out. Are the sides swapped?")


def solve_split(speakers, held_out):
    """`np.isin` marks the clips of the speakers that are held out; all of them go to the test."""
    in_test = np.isin(speakers, held_out)
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def _at_random(speakers, held_out):
    order = np.random.default_rng(0).permutation(len(speakers))
    return order[2:], order[:2]


def _swapped(speakers, held_out):
    in_test = np.isin(speakers, held_out)
    return np.flatnonzero(in_test), np.flatnonzero(~in_test)


def _masks(speakers, held_out):
    in_test = np.isin(speakers, held_out)
    return ~in_test, in_test


# --- 5.1.6 ---------------------------------------------------------------------------------------


def _recording(spans, seconds, level, seed, sample_rate=8000):
    rng = np.random.default_rng(seed)
    x = 1e-3 * level * rng.standard_normal(round(seconds * sample_rate))
    for start, end in spans:
        place = np.arange(round(start * sample_rate), round(end * sample_rate))
        x[place] += level * np.sin(2 * np.pi * 300 * place / sample_rate)
    return x.astype(np.float32)


def check_segments(answer):
    segments = function(answer)
    cases = (
        ("two sounds", ((0.5, 0.9), (1.4, 2.0)), 2.5, 0.5),
        ("the same, played softly", ((0.5, 0.9), (1.4, 2.0)), 2.5, 0.01),
        ("three sounds", ((0.2, 0.5), (0.9, 1.3), (1.8, 2.1)), 2.4, 0.3),
    )
    for name, spans, seconds, level in cases:
        found = segments(_recording(spans, seconds, level, seed=len(spans)), 8000)
        found = [tuple(number(edge, "an edge") for edge in pair) for pair in found]
        if len(found) == 1:
            raise Wrong(f"{name}: one piece came back, so nothing was segmented. Look for pauses.")
        if len(found) != len(spans):
            raise Wrong(
                f"{name}: {len(found)} pieces came back. Frames that are too short follow the wave "
                "itself; a threshold that is absolute fails where the level differs."
            )
        if found[-1][1] < 30:
            raise Wrong("Those look like seconds. Give sample numbers, so that x[start:end] works.")
        off = np.max(np.abs(np.array(found) / 8000 - np.array(spans)))
        if off > 0.05:
            raise Wrong(
                f"{name}: an edge is {off:.2f} s off; 0.05 s are allowed. Frames or samples?"
            )
    with np.errstate(all="ignore"):
        if len(list(segments(np.zeros(8000, np.float32), 8000))):
            raise Wrong("In silence there is no segment: give back an empty list.")


def solve_segments(samples, sample_rate):
    """Energy in frames of 20 ms, held against the loudest frame; runs of loud frames are the
    segments. The threshold is relative, so the level does not matter; silence is asked for first.
    It is a beginning: a recording of noise alone is still one long segment."""
    step = sample_rate // 50
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    power = np.mean(frames**2, axis=1)
    if not np.any(power > 0):
        return []
    loud = power > 1e-3 * power.max()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud, [0]])))
    return [(int(a) * step, int(b) * step) for a, b in edges.reshape(-1, 2)]


def _one_piece(samples, sample_rate):
    return [(0, len(samples))]


def _fixed_threshold(samples, sample_rate):
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    loud = np.mean(frames**2, axis=1) > 1e-3
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud, [0]])))
    return [(int(a) * 160, int(b) * 160) for a, b in edges.reshape(-1, 2)]


def _in_seconds(samples, sample_rate):
    return [(a / sample_rate, b / sample_rate) for a, b in solve_segments(samples, sample_rate)]


EXERCISES = (
    Exercise(
        id="5.1.1",
        title="Count the parameters",
        check=check_parameters,
        hints=(
            "What shape has the picture after a 3 × 3 convolution without padding, and what after "
            "the pooling?",
            "31 × 47 positions, each with 32 numbers, go into each of the 128 units. And the bias?",
        ),
        solution=solve_parameters,
        wrong_answers=(
            (31 * 47 * 32 * 128, "also has a bias"),
            ((62 * 94 * 32 + 1) * 128, "pooling is missing"),
            ((32 * 48 * 32 + 1) * 128, "at the border"),
            (1000, "Follow the shape"),
        ),
    ),
    Exercise(
        id="5.1.2",
        title="Normalise, also silence",
        asks="function",
        check=check_normalise,
        hints=(
            "Which number is 0 for silence, and what did the script do with it?",
            "Compute the peak first; divide only if it is above 0.",
        ),
        solution=solve_normalise,
        wrong_answers=(
            (_as_found, "not finite"),
            (_shifted, "must stay 0"),
            (_by_the_maximum, "magnitude"),
        ),
    ),
    Exercise(
        id="5.1.3",
        title="An answer for every clip",
        asks="function",
        check=check_answers,
        hints=(
            "Each row of the array belongs to one clip. Which operation looks at one row only?",
            "`argmax` with the axis that runs over the ten digits.",
        ),
        solution=solve_answers,
        wrong_answers=((_mean_over_batches, "mean over batches"), (_wrong_axis, "other axis")),
    ),
    Exercise(
        id="5.1.4",
        title="How many clips are dropped?",
        asks="function",
        check=check_dropped,
        hints=(
            "Take 100 clips in batches of 32: how many batches are full, how many clips are left?",
            "Python has an operator for the remainder of a division.",
        ),
        solution=solve_dropped,
        wrong_answers=((_whole_batches, "whole batches"), (_to_fill_up, "fill the last batch")),
    ),
    Exercise(
        id="5.1.5",
        title="A split that does not leak",
        asks="function",
        check=check_split,
        hints=(
            "Make a mask first: True where the clip's speaker is one of those held out.",
            "`np.isin(speakers, held_out)` is that mask; `np.flatnonzero` gives its indices.",
        ),
        solution=solve_split,
        wrong_answers=(
            (_at_random, "both sides"),
            (_swapped, "sides swapped"),
            (_masks, "np.flatnonzero"),
        ),
    ),
    Exercise(
        id="5.1.6",
        title="Project: segment a recording",
        asks="function",
        check=check_segments,
        hints=(
            "Cut the sound into frames of some 20 ms and compute the mean square of each.",
            "Call a frame loud if it is within 30 dB of the loudest one; that does not depend on "
            "the level of the recording.",
            "`np.diff` of the loud/quiet sequence, with a 0 put before and behind it, is not 0 "
            "where a segment begins or ends.",
        ),
        solution=solve_segments,
        wrong_answers=(
            (_one_piece, "nothing was segmented"),
            (_fixed_threshold, "absolute"),
            (_in_seconds, "seconds"),
        ),
    ),
)
