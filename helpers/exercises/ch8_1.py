"""Exercises of chapter 8.1, Real time and small devices."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 8.1.1 ---------------------------------------------------------------------------------------


def check_reach(answer):
    reach = function(answer)
    value = number(
        reach(3, (1, 2, 4), 256, 160), "three taps, gaps 1, 2, 4, windows of 256, hop 160"
    )
    rows = 1 + 2 * 7
    if close(value, rows, rtol=0):
        raise Wrong("You counted rows. How many samples do so many overlapping windows cover?")
    if close(value, rows * 160, rtol=0):
        raise Wrong("The last window is longer than a hop: one whole window, and a hop per step.")
    if close(value, rows * 256, rtol=0):
        raise Wrong("The windows overlap: the next one begins a hop later, not a window later.")
    if close(value, 256 + 3 * 7 * 160, rtol=0):
        raise Wrong("Three taps are two gaps apart: a layer looks back (k − 1) times its gap.")
    if not close(value, 256 + 14 * 160, rtol=0):
        raise Wrong("First the rows, 1 + (k − 1) Σ gaps; then the samples that they cover.")
    if not close(number(reach(1, (5,), 256, 160), "one tap"), 256, rtol=0):
        raise Wrong("With one tap a layer does not look back at all: one window is left.")


def solve_reach(taps, gaps, n_fft, hop):
    """$R = 1 + (k - 1) \\sum_i d_i$ rows, and $R$ windows cover $N + (R - 1) H$ samples."""
    rows = 1 + (taps - 1) * sum(gaps)
    return n_fft + (rows - 1) * hop


# --- 8.1.2 ---------------------------------------------------------------------------------------


def check_push(answer):
    push = function(answer)
    kernel, x = np.array([0.5, -1.0, 2.0]), np.arange(1.0, 12.0)
    whole = np.convolve(x, kernel[::-1])[: len(x)]
    for cuts in ([11], [4, 7], [1] * 11, [0, 2, 0, 9]):
        kept, parts, at = np.zeros(2), [], 0
        for n in cuts:
            result = push(kept, x[at : at + n], kernel)
            if not isinstance(result, tuple | list) or len(result) != 2:
                raise Wrong("Give back two arrays: the results of this block, and what is kept.")
            y, kept = result
            y = array(y, (None,), "the results of a block")
            kept = array(kept, (None,), "what is kept")
            if len(y) != n:
                raise Wrong(f"A block of {n} samples must give {n} results; there are {len(y)}.")
            parts.append(y)
            at += n
            if len(kept) != 2:
                raise Wrong(
                    f"After a block of {n}, {len(kept)} samples are kept. Three taps always need "
                    "the last two, also where a block is shorter: join old and new, then cut."
                )
        y = np.concatenate(parts)
        if close(y, np.convolve(x, kernel)[: len(x)]) and not close(y, whole):
            raise Wrong("The taps are the wrong way round: the last one belongs to the newest.")
        if not close(y, whole):
            raise Wrong(
                "Cut into blocks the result is another one. Does each block begin with what the "
                "last one kept?"
            )
    for kernel in (np.array([2.0]), np.array([1.0, 0.0, -1.0, 0.5, 3.0])):
        back, n = len(kernel) - 1, len(kernel)
        y, kept = push(np.zeros(back), x[:2], kernel)
        if len(np.atleast_1d(kept)) != back:
            raise Wrong(f"{n} taps need the last {back} samples, not {len(np.atleast_1d(kept))}.")
        y = array(y, (2,), f"the results with {n} taps")
        if not close(y, np.convolve(x[:2], kernel[::-1])[:2]):
            raise Wrong(f"With {n} taps instead of three the result is wrong.")


def solve_push(kept, block, kernel):
    """Join what was kept and what is new, apply the kernel wherever it fits, and keep the end of
    the joined samples, not of the block: a block may be shorter than the kernel."""
    x = np.concatenate([kept, block])
    y = np.array([x[t : t + len(kernel)] @ kernel for t in range(len(block))])
    return y, x[len(block) :]


def _push_forgetful(kept, block, kernel):
    y, _ = solve_push(np.zeros(len(kernel) - 1), block, kernel)
    return y, kept


def _push_short(kept, block, kernel):
    y, _ = solve_push(kept, block, kernel)
    return y, block[-2:]


def _push_reversed(kept, block, kernel):
    return solve_push(kept, block, kernel[::-1])


def _push_three(kept, block, kernel):
    x = np.concatenate([kept, block])
    return solve_push(kept, block, kernel)[0], x[-2:]


# --- 8.1.3 ---------------------------------------------------------------------------------------


def check_scale(answer):
    scale_of = function(answer)
    for low, high in ((-1.0, 3.0), (0.0, 5.1), (-2.55, 0.0), (-1.0, 1.45)):
        result = scale_of(low, high)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise Wrong("Give back two numbers, the scale and the zero point.")
        scale, zero = (number(v, "scale or zero point") for v in result)
        if close(scale, (high - low) / 256):
            raise Wrong("From −128 to 127 there are 255 steps between 256 numbers.")
        if close(scale, max(-low, high) / 127):
            raise Wrong(
                "That is symmetric about 0, and leaves numbers unused where the range is not. Let "
                "−128 stand for the lowest value and 127 for the highest."
            )
        if not close(scale, (high - low) / 255):
            raise Wrong("The scale is the size of one step: the range divided by the steps.")
        if zero != int(zero):
            raise Wrong("The zero point is a whole number, so that 0 itself is stored exactly.")
        if abs(zero - (-128 - low / scale)) > 0.5001:
            raise Wrong("The lowest value, scale · (−128 − zero), must come out near `low`.")


def solve_scale(low, high):
    """$s = (h - l) / 255$, and $l = s(-128 - z)$ gives $z = -128 - l / s$, rounded."""
    scale = (high - low) / 255
    return scale, round(-128 - low / scale)


# --- 8.1.4 ---------------------------------------------------------------------------------------


def check_products(answer):
    count = number(answer, "the number of multiply-accumulates")
    right = 25 * 8 * 25 * 14 * 28
    if close(count, right * 9 / 25, rtol=0):
        raise Wrong("That is what it takes with 3 × 3, as in the table. Here the kernel is 5 × 5.")
    if close(count, 25 * 14 * 28, rtol=0):
        raise Wrong("Those are the weights. Each of them is used at every place of the output.")
    if close(count, 50 * 16 * 25 * 14 * 28, rtol=0):
        raise Wrong("With stride 2 the filter is applied at every other frame and band only.")
    if close(count, 25 * 8 * 25 * 28, rtol=0):
        raise Wrong("Every filter looks at all 14 channels of its input.")
    if close(count, 2 * right, rtol=0):
        raise Wrong("One multiplication and one addition together count as one.")
    if not close(count, right, rtol=0):
        raise Wrong("Places of the output × size of the filter × channels in × channels out.")


def solve_products():
    """Stride 2 leaves $25 \\times 8$ places; at each, 28 filters of $5 \\times 5 \\times 14$."""
    return 25 * 8 * 5 * 5 * 14 * 28


# --- 8.1.5 ---------------------------------------------------------------------------------------


def check_pruned(answer):
    pruned = function(answer)
    small, large = np.array([0.1, -0.2, 0.3, 0.05]), np.array([[5.0, -6.0], [7.0, 0.4]])
    kept = [small.copy(), large.copy()]
    result = pruned([small, large], 0.5)
    if not isinstance(result, list | tuple) or len(result) != 2:
        raise Wrong("Give back a list with one array for each that came in.")
    if not np.array_equal(small, kept[0]) or not np.array_equal(large, kept[1]):
        raise Wrong("The weights that were passed in have changed. Work on copies.")
    one = array(result[0], (4,), "the first layer")
    two = array(result[1], (2, 2), "the second layer")
    zeros = int((one == 0).sum() + (two == 0).sum())
    if (one == 0).sum() == 2 and (two == 0).sum() == 2:
        raise Wrong("You pruned each layer by half. Use one threshold for all weights together.")
    if two[0, 1] == 0 and two[0, 0] != 0:
        raise Wrong("Compare sizes, |w|: a negative weight is not a small one.")
    if (two == 0).sum() >= 3:
        raise Wrong("You removed the largest weights. The smallest in size are to go.")
    if one[1] != 0 or (one[3] == 0 and one[0] != 0):
        raise Wrong("Compare sizes, |w|: a negative weight is not a small one.")
    if zeros != 4:
        raise Wrong(f"Half of eight weights are four; {zeros} are zero.")
    if not close(two, large):
        raise Wrong("All of the second layer is larger than anything in the first: leave it.")
    zeros = sum(int((np.asarray(w) == 0).sum()) for w in pruned([small, large], 0.25))
    if zeros != 2:
        raise Wrong(f"A quarter of eight weights are two; with that share, {zeros} are zero.")


def solve_pruned(layers, share):
    """Lay all sizes end to end, sort them, and read off the threshold below which the share lies.
    Layers with small weights lose more than others."""
    sizes = np.sort(np.concatenate([np.abs(w).ravel() for w in layers]))
    threshold = sizes[round(share * len(sizes))]
    return [np.where(np.abs(w) >= threshold, w, 0.0) for w in layers]


def _pruned_each(layers, share):
    return [solve_pruned([w], share)[0] for w in layers]


def _pruned_largest(layers, share):
    sizes = np.sort(np.concatenate([np.abs(w).ravel() for w in layers]))
    return [np.where(np.abs(w) < sizes[round((1 - share) * len(sizes))], w, 0.0) for w in layers]


def _pruned_signed(layers, share):
    sizes = np.sort(np.concatenate([w.ravel() for w in layers]))
    return [np.where(w >= sizes[round(share * len(sizes))], w, 0.0) for w in layers]


def _pruned_in_place(layers, share):
    for w, p in zip(layers, solve_pruned(layers, share), strict=True):
        w[...] = p
    return layers


EXERCISES = (
    Exercise(
        id="8.1.1",
        title="How far back?",
        asks="function",
        check=check_reach,
        hints=(
            "A layer of k taps that are d rows apart looks back (k − 1) · d rows; layers add up.",
            "R windows, each a hop after the last: one whole window and R − 1 hops.",
        ),
        solution=solve_reach,
        wrong_answers=(
            (lambda taps, gaps, n_fft, hop: 1 + (taps - 1) * sum(gaps), "counted rows"),
            (lambda taps, gaps, n_fft, hop: (1 + (taps - 1) * sum(gaps)) * hop, "longer than a"),
            (lambda taps, gaps, n_fft, hop: n_fft + taps * sum(gaps) * hop, "two gaps apart"),
        ),
    ),
    Exercise(
        id="8.1.2",
        title="A convolution that remembers",
        asks="function",
        check=check_push,
        hints=(
            "Put what was kept before the block; then the kernel fits exactly len(block) times.",
            "Keep what lies behind the first len(block) joined samples; for one tap that is none.",
        ),
        solution=solve_push,
        wrong_answers=(
            (_push_forgetful, "what the last one kept"),
            (_push_short, "join old and new"),
            (_push_reversed, "wrong way round"),
            (_push_three, "taps"),
        ),
    ),
    Exercise(
        id="8.1.3",
        title="Scale and zero point",
        asks="function",
        check=check_scale,
        hints=(
            "How many steps lie between −128 and 127?",
            "Solve low = scale · (−128 − zero) for the zero point and round it.",
        ),
        solution=solve_scale,
        wrong_answers=(
            (lambda low, high: ((high - low) / 256, round(-128 - low * 256 / (high - low))), "255"),
            (lambda low, high: (max(-low, high) / 127, 0), "symmetric"),
            (
                lambda low, high: ((high - low) / 255, -128 - 255 * low / (high - low) + 0.25),
                "whole number",
            ),
            (
                lambda low, high: ((high - low) / 255, int(-128 - 255 * low / (high - low))),
                "must come out near",
            ),
        ),
    ),
    Exercise(
        id="8.1.4",
        title="Count the products",
        check=check_products,
        hints=(
            "How many frames and bands does the output have when the stride is 2?",
            "At each of these places, each filter takes 5 · 5 · 14 products.",
        ),
        solution=solve_products,
        wrong_answers=(
            (25 * 14 * 28, "Those are the weights"),
            (50 * 16 * 25 * 14 * 28, "stride 2"),
            (25 * 8 * 25 * 28, "all 14 channels"),
            (25 * 8 * 9 * 14 * 28, "3 × 3"),
        ),
    ),
    Exercise(
        id="8.1.5",
        title="Project: prune, and tune",
        asks="function",
        check=check_pruned,
        hints=(
            "One threshold for all layers: put all sizes into one array and sort it.",
            "`np.where` keeps the weights at or above the threshold and puts 0 for the others.",
        ),
        solution=solve_pruned,
        wrong_answers=(
            (_pruned_each, "one threshold for all"),
            (_pruned_largest, "the largest weights"),
            (_pruned_in_place, "have changed"),
            (_pruned_signed, "not a small one"),
            (lambda layers, share: solve_pruned(layers, 0.5), "quarter"),
        ),
    ),
)
