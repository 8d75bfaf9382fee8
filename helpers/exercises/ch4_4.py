"""Exercises of chapter 4.4, strengths and weaknesses."""

import math

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 4.4.1 ---------------------------------------------------------------------------------------


def check_field(answer):
    seconds = number(answer, "the seconds")
    if close(seconds, 1.22):
        return "Five layers: with gaps that triple, the field grows as fast as three to a power."
    if close(seconds, 122):
        raise Wrong("Those are the frames. How long are they, at 10 ms a frame?")
    if close(seconds, 1.21):
        raise Wrong("That is how far back it reaches. The frame itself belongs to the field, too.")
    if close(seconds, 2.43):
        raise Wrong("Two taps, not three: a layer adds one gap to the field, not two.")
    if close(seconds, 0.06):
        raise Wrong("That would be five layers without gaps. Taps are 1, 3, 9, 27 and 81 apart.")
    raise Wrong(f"{seconds:g} s is not it. Add up what each layer adds: (taps − 1) times its gap.")


def solve_field():
    """A layer of $P$ taps that stand $\\delta$ frames apart adds $(P - 1)\\,\\delta$ frames to the
    field, which begins with the frame itself: $1 + (1 + 3 + 9 + 27 + 81)$ frames of 10 ms."""
    gaps = [3**i for i in range(5)]
    return 0.01 * (1 + sum((2 - 1) * gap for gap in gaps))


# --- 4.4.2 ---------------------------------------------------------------------------------------


def _crossing(width, units, inputs, dense=4, pairs=2, gates=3, recurrent=True):
    per_step = gates * units * (inputs + (units if recurrent else 0))
    return max(0.0, (per_step - dense * width**2) / (pairs * width))


def check_crossing(answer):
    crossing = function(answer)
    for width, units, inputs in ((16, 100, 40), (48, 64, 48), (64, 20, 10), (32, 56, 5)):
        found = number(crossing(width, units, inputs), f"width {width}, {units} units")
        right = _crossing(width, units, inputs)
        if close(found, right):
            continue
        if found < 0:
            raise Wrong(
                "A negative number of steps: there attention costs more from the first step on, "
                "and the answer is 0."
            )
        if close(found, _crossing(width, units, inputs, pairs=1)):
            raise Wrong(
                "Attention compares each pair of steps *and* averages the values: two products of "
                "`width` numbers for each step and each step looked at."
            )
        if close(found, _crossing(width, units, inputs, dense=3)):
            raise Wrong("Queries, keys, values and what merges the heads: four dense maps.")
        if close(found, _crossing(width, units, inputs, gates=1)):
            raise Wrong("A GRU has two gates and a candidate: three of everything.")
        if close(found, _crossing(width, units, inputs, recurrent=False)):
            raise Wrong("Each unit reads the state as well as the input.")
        if close(found, math.ceil(right)) or close(found, math.floor(right)):
            raise Wrong("That is rounded to whole steps. Give the number as it comes out.")
        raise Wrong(
            f"With width {width}, {units} units and {inputs} inputs {found:g} is not it. Write "
            "down what one more step costs in each layer, and set the two equal."
        )


def solve_crossing(width, units, inputs):
    """One step costs the GRU $3U(D + U)$ multiply–adds, and attention $4w^2$ for its dense maps and
    $2Tw$ for comparing with $T$ steps and averaging their values. They are equal at
    $T = (3U(D + U) - 4w^2) / 2w$; if that is negative attention always costs more."""
    gru = 3 * units * (inputs + units)
    return max(0.0, (gru - 4 * width**2) / (2 * width))


# --- 4.4.3 ---------------------------------------------------------------------------------------


def check_maps(answer):
    size = number(answer, "the gigabytes")
    if close(size, 13.824, rtol=0.01):
        return "And that is one of the arrays that are kept; the scores before the softmax are one."
    if close(size, 13.824 / 4, rtol=0.01):
        raise Wrong("Those are thousand millions of numbers. Each takes four bytes.")
    if close(size, 13.824 / 8, rtol=0.01):
        raise Wrong("Each head has weights of its own.")
    if close(size, 13.824 / 6, rtol=0.01):
        raise Wrong("Every block keeps its weights until the gradients have come back.")
    if close(size, 13.824 / 1500, rtol=0.01):
        raise Wrong("Each of the $T$ steps has a weight for each of the $T$ steps.")
    if close(size, 13.824e9, rtol=0.01):
        raise Wrong("Those are bytes. A gigabyte is $10^9$ of them.")
    if close(size, 13.824e9 / 2**30):
        raise Wrong("That is in units of $2^{30}$ bytes. A gigabyte is $10^9$ of them here.")
    raise Wrong(f"{size:g} GB is not it: batch, blocks, heads, steps, steps again, four bytes.")


def solve_maps():
    """$B \\cdot N_\\text{blocks} \\cdot N_\\text{heads} \\cdot T^2$ numbers of four bytes."""
    return 32 * 6 * 8 * 1500**2 * 4 / 1e9


# --- 4.4.4 ---------------------------------------------------------------------------------------


def _held(steps, factor=2, bounded=True, taps=2):
    cache = factor * 2 * 32 * steps
    ring = sum(taps * 2**i for i in range(6)) * 24
    return cache, ring if bounded else 127 * 24


def check_cache(answer):
    steps = number(answer, "the number of steps")
    if close(steps, 24):
        return "From the twenty-fourth step on it holds more, and it goes on growing."
    if close(steps, 3024 / 64, rtol=0.02):
        raise Wrong("Keys *and* values, in each of the two blocks: four vectors a step.")
    if close(steps, 94) or close(steps, 95):
        raise Wrong("One vector a step is not enough: keys and values, in each of two blocks.")
    if steps in (11, 12):
        raise Wrong("Three taps: the new one is there already, so two gaps of the past are kept.")
    if steps == 23:
        raise Wrong("Rounded the wrong way: it asks for the first step at which there is more.")
    raise Wrong(
        f"{steps:g} is not it. Dilated: each layer holds the inputs of the last two gaps, 24 "
        "numbers each. Transformer: keys and values of each step, 32 numbers each, per block."
    )


def solve_cache():
    """Each layer of the dilated network keeps the inputs of the last $2\\delta$ steps, together
    $2 (1 + 2 + \\dots + 32) \\cdot 24$ numbers. The Transformer adds two vectors of 32 numbers a
    step in each of two blocks."""
    ring = sum(2 * 2**i for i in range(6)) * 24
    return math.floor(ring / (2 * 2 * 32)) + 1


# --- 4.4.5 ---------------------------------------------------------------------------------------


def _whole(x, taps, gap):
    y = np.zeros(len(x))
    for i, tap in enumerate(taps):
        back = i * gap
        y[back:] += tap * np.asarray(x)[: len(x) - back]
    return y


def check_stream(answer):
    make = function(answer)
    rng = np.random.default_rng(45)
    for taps, gap in (((1.0,), 1), ((0.5, -1.0, 2.0), 1), ((1.0, 2.0, 3.0), 4), ((0.0, 1.0), 7)):
        x = rng.normal(size=20)
        step = function(make(taps, gap), "what comes back")
        found = array([step(float(v)) for v in x], (20,), "the outputs")
        right = _whole(x, taps, gap)
        if close(found, right, rtol=1e-6, atol=1e-9):
            other = function(make(taps, gap), "what comes back")
            if not close([other(float(v)) for v in x], right, rtol=1e-6, atol=1e-9):
                raise Wrong("A second stream remembers the first. Make the memory anew each time.")
            continue
        if close(found, _whole(x, taps, 1), rtol=1e-6, atol=1e-9):
            raise Wrong(f"The taps stand next to one another; they must be {gap} steps apart.")
        if close(found, _whole(x, taps[::-1], gap), rtol=1e-6, atol=1e-9):
            raise Wrong("The order is turned round: `taps[0]` belongs to the newest sample.")
        late = np.concatenate([[0.0], right[:-1]])
        if close(found, late, rtol=1e-6, atol=1e-9):
            raise Wrong("It is one step late: put the new sample in before you read.")
        raise Wrong(
            f"Wrong for {len(taps)} taps {gap} apart. The output is the sum of `taps[i]` times "
            "the sample `i * gap` steps ago, and 0 before the beginning."
        )


def solve_stream(taps, gap):
    """The past that is needed fits in a queue of $(P - 1)\\,\\delta + 1$ samples, which begins with
    zeros: the causal padding. From its newest end, the taps read every $\\delta$-th sample."""
    past = np.zeros((len(taps) - 1) * gap + 1)

    def step(value):
        past[1:] = past[:-1].copy()
        past[0] = value
        return float(np.dot(taps, past[::gap]))

    return step


def _no_gap(taps, gap):
    return solve_stream(taps, 1)


def _turned(taps, gap):
    return solve_stream(taps[::-1], gap)


def _late(taps, gap):
    inner, held = solve_stream(taps, gap), [0.0]

    def step(value):
        held.append(inner(value))
        return held[-2]

    return step


_SHARED = {}


def _one_memory(taps, gap):
    return _SHARED.setdefault((tuple(taps), gap), solve_stream(taps, gap))


# --- 4.4.6 ---------------------------------------------------------------------------------------


def check_exponents(answer):
    exponents = function(answer)
    for lengths, seconds in (
        ([1, 2, 4, 8], [3.0, 6.0, 12.0, 24.0]),
        ([10, 30, 90], [1.0, 9.0, 81.0]),
        ([5, 10, 40, 50], [1.0, 1.5, 9.0, 20.0]),
    ):
        found = array(exponents(list(lengths), list(seconds)), (len(lengths) - 1,), "exponents")
        right = np.diff(np.log(seconds)) / np.diff(np.log(lengths))
        if close(found, right, rtol=1e-6):
            continue
        if close(found, np.diff(seconds) / np.diff(lengths), rtol=1e-6):
            raise Wrong("Those are slopes in seconds per step. Take logarithms of both first.")
        if close(found, np.diff(np.log2(seconds)), rtol=1e-6):
            raise Wrong("That holds if each length is twice the one before. Here it need not be.")
        if close(found, 1 / right, rtol=1e-6):
            raise Wrong("Upside down: the logarithm of time over that of length.")
        raise Wrong("If $s = c\\,T^e$, then $\\ln s = \\ln c + e \\ln T$. Find $e$.")


def solve_exponents(lengths, seconds):
    """Between neighbours, the slope in a drawing with two logarithmic axes. Where a sum of powers,
    $aT + bT^2$, is measured, it rises from 1 to 2, and a constant overhead bends it down to 0 on
    the left. Predict with the counts of this chapter where it passes 1.5; then measure."""
    return np.diff(np.log(seconds)) / np.diff(np.log(lengths))


def _slopes(lengths, seconds):
    return np.diff(seconds) / np.diff(lengths)


def _doublings(lengths, seconds):
    return np.diff(np.log2(seconds))


def _upside_down(lengths, seconds):
    return 1 / solve_exponents(lengths, seconds)


EXERCISES = (
    Exercise(
        id="4.4.1",
        title="How long is its memory?",
        asks="value",
        check=check_field,
        hints=("A layer adds (taps − 1) times its gap.", "Do not forget the frame itself."),
        solution=solve_field,
        wrong_answers=((122, "10 ms"), (1.21, "itself"), (2.43, "Two taps"), (0.06, "gaps")),
    ),
    Exercise(
        id="4.4.2",
        title="Where attention becomes dear",
        asks="function",
        check=check_crossing,
        hints=(
            "The GRU's cost of a step doesn't depend on $T$.",
            "Attention: $4w^2 + 2Tw$ a step.",
        ),
        solution=solve_crossing,
        wrong_answers=(
            (lambda w, u, d: _crossing(w, u, d, pairs=1), "averages the values"),
            (lambda w, u, d: _crossing(w, u, d, dense=3), "four dense"),
            (lambda w, u, d: _crossing(w, u, d, gates=1), "candidate"),
            (lambda w, u, d: _crossing(w, u, d, recurrent=False), "state as well"),
            (lambda w, u, d: math.ceil(_crossing(w, u, d)), "rounded"),
            (lambda w, u, d: (3 * u * (u + d) - 4 * w * w) / (2 * w), "negative"),
        ),
    ),
    Exercise(
        id="4.4.3",
        title="What the maps weigh",
        asks="value",
        check=check_maps,
        hints=("One map has $T^2$ numbers.", "How many maps are there in a batch?"),
        solution=solve_maps,
        wrong_answers=(
            (13.824 / 4, "four bytes"),
            (13.824 / 8, "head"),
            (13.824 / 6, "block"),
            (13.824e9, "gigabyte"),
            (13.824e9 / 2**30, "units"),
        ),
    ),
    Exercise(
        id="4.4.4",
        title="Two memories of the past",
        asks="value",
        check=check_cache,
        hints=(
            "The dilated network holds $2 \\cdot 63$ vectors of 24 numbers, for ever.",
            "How many numbers does the Transformer add with each step?",
        ),
        solution=solve_cache,
        wrong_answers=((47.25, "two blocks"), (48, "values"), (23, "first step"), (12, "two gaps")),
    ),
    Exercise(
        id="4.4.5",
        title="A convolution that streams",
        asks="function",
        check=check_stream,
        hints=(
            "Keep an array of the last $(P - 1)\\,\\delta + 1$ samples, the newest first.",
            "`past[::gap]` are the samples under the taps.",
        ),
        solution=solve_stream,
        wrong_answers=(
            (_no_gap, "apart"),
            (_turned, "turned round"),
            (_late, "late"),
            (_one_memory, "remembers the first"),
        ),
    ),
    Exercise(
        id="4.4.6",
        title="Project: predict, then measure",
        asks="function",
        check=check_exponents,
        hints=("Take the logarithm of both lists.", "`np.diff` gives what neighbours differ by."),
        solution=solve_exponents,
        wrong_answers=(
            (_slopes, "logarithms"),
            (_doublings, "twice"),
            (_upside_down, "Upside down"),
        ),
    ),
)
