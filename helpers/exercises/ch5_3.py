"""Exercises of chapter 5.3, from words to sentences."""

import itertools
import math

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 5.3.1 ---------------------------------------------------------------------------------------


def check_by_hand(answer):
    rate = number(answer, "the token error rate")
    if close(rate, 100 / 3, rtol=5e-3):
        return "One deletion and one insertion, in six words that were said."
    if close(rate, 200 / 3, rtol=5e-3):
        raise Wrong(
            "You compared place by place. After a word is missed, all that follow are shifted: "
            "look for the fewest edits instead."
        )
    if close(rate, 1 / 3, rtol=5e-3):
        raise Wrong("The size is right; it is asked for in per cent.")
    if close(rate, 2):
        raise Wrong("That is the number of edits. Divide by the words that were said.")
    if close(rate, 100 / 6, rtol=5e-3):
        raise Wrong("That is one edit. A word is missing, and another one was made up.")
    raise Wrong("Write the strings under each other, with gaps, so that few columns differ.")


def solve_by_hand():
    """Lay `3 1 4 1 5 9 –` over `3 1 – 1 5 9 2`: the 4 is deleted, the 2 inserted, all else agrees.
    Two edits, six words said."""
    return 100 * 2 / 6


# --- 5.3.2 ---------------------------------------------------------------------------------------


def check_fewest(answer):
    fewest = function(answer)
    for said in ((1, 2, 3), (5, 5), (7, 7, 7, 1, 7), (), (4,), (0, 0, 2, 2)):
        found = number(fewest(said), f"the steps that {said} needs")
        if found == solve_fewest(said):
            continue
        if found == len(said):
            raise Wrong(f"In {said} two equal words touch: without a blank they are one.")
        if found == 2 * len(said) + 1:
            raise Wrong("Blanks may stand before, after and between, but which of them must?")
        if found == 2 * len(said) - 1:
            raise Wrong("Two different words can follow each other without a blank between them.")
        if found == len(said) + len(said) - len(set(said)):
            raise Wrong("Only equal words that stand side by side need a blank.")
        raise Wrong(f"{found:g} is not the number of steps that {said} needs.")


def solve_fewest(said):
    """One step a word, and one blank between equal neighbours: repeats are merged before blanks
    are dropped. A word lasts many steps of 40 ms, so a second "five" is never lost for want of
    steps; it is lost where the speller sees no end of the first."""
    return len(said) + sum(a == b for a, b in itertools.pairwise(said))


# --- 5.3.3 ---------------------------------------------------------------------------------------


def check_reach(answer):
    reach = function(answer)
    stacks = (
        [(3, 1, 1)],
        [(5, 2, 1), (3, 2, 1)],
        [(5, 2, 1), (3, 2, 1), (3, 1, 1), (3, 1, 1), (5, 1, 1), (5, 1, 2)],
        [(3, 1, 4), (2, 3, 1), (3, 1, 2)],
    )
    for layers in stacks:
        found = number(reach(list(layers)), "the reach")
        if found == solve_reach(layers):
            continue
        if found == 1 + sum((k - 1) * d for k, _, d in layers):
            raise Wrong("Behind a stride, neighbouring taps lie further apart in the input.")
        if found == _reach(layers, dilated=False):
            raise Wrong("A dilated layer's taps are not neighbours.")
        if found == _reach(layers, late=False):
            raise Wrong("A layer's own stride spreads the layers behind it, not its own taps.")
        if found == solve_reach(layers) - 1:
            raise Wrong("One frame short: a layer of a single tap already sees one frame.")
        raise Wrong(f"{found:g} frames is not the reach of {layers}.")


def _reach(layers, dilated=True, late=True):
    frames, apart = 1, 1
    for taps, stride, dilation in layers:
        apart *= 1 if late else stride
        frames += (taps - 1) * (dilation if dilated else 1) * apart
        apart *= stride if late else 1
    return frames


def solve_reach(layers):
    """Keep two numbers: the frames seen so far, and how far apart, in frames of the input, two
    neighbouring steps are. A layer of $k$ taps with dilation $d$ adds $(k - 1) \\, d$ such
    distances; then its stride multiplies the distance. Our encoder sees 68 frames to either side:
    it waits for 680 ms of future (and half a window). Its last layer, dilation 4, brings 32 of
    them, 320 ms: to let that one look back only nearly halves the wait."""
    frames, apart = 1, 1
    for taps, stride, dilation in layers:
        frames += (taps - 1) * dilation * apart
        apart *= stride
    return frames


# --- 5.3.4 ---------------------------------------------------------------------------------------


def check_error_bar(answer):
    error_bar = function(answer)
    draw = np.random.default_rng(53)
    words = draw.integers(1, 13, 60)
    edits = np.where(draw.random(60) < np.where(words > 8, 0.5, 0.1), words, 0)
    found = array(
        error_bar(edits.copy(), words.copy(), np.random.default_rng(1)), (2,), "low and high"
    )
    if found[0] > found[1]:
        raise Wrong("The lower end comes first.")
    right = np.array(solve_error_bar(edits, words, np.random.default_rng(2)))
    width = right[1] - right[0]
    if np.all(np.abs(found - right) < 0.12 * width):
        return "If all strings are one speaker's, it says nothing about other speakers."
    if np.all(np.abs(found * 100 - right) < 0.12 * width):
        raise Wrong("In per cent, please.")
    other = np.array(_mean_of_rates(edits, words, np.random.default_rng(2)))
    if np.all(np.abs(found - other) < 0.12 * width):
        raise Wrong("You averaged the rates of strings. Add up edits and words, then divide once.")
    other = np.array(_each_word(edits, words, np.random.default_rng(2)))
    if np.all(np.abs(found - other) < 0.12 * width):
        raise Wrong("You resampled words. Errors come in bunches: resample whole strings.")
    if abs(found[1] - found[0]) < 0.3 * width:
        raise Wrong("Far too narrow. Resample with replacement, as many strings as there are.")
    if abs(found[1] - found[0]) > 2 * width:
        raise Wrong("Far too wide: that is how strings differ, not how uncertain their rate is.")
    raise Wrong("That is not the interval. Are edits and words of a string drawn together?")


def solve_error_bar(edits, words, rng):
    """Draw as many strings as there are, with replacement; a drawn string brings its edits *and*
    its words. The rate of each draw is a ratio of two sums. Its 2.5th and 97.5th percentiles are
    the interval."""
    drawn = rng.integers(0, len(words), (2000, len(words)))
    rates = 100 * edits[drawn].sum(axis=1) / words[drawn].sum(axis=1)
    low, high = np.quantile(rates, [0.025, 0.975])
    return low, high


def _mean_of_rates(edits, words, rng):
    drawn = rng.integers(0, len(words), (2000, len(words)))
    return tuple(np.quantile(100 * (edits / words)[drawn].mean(axis=1), [0.025, 0.975]))


def _each_word(edits, words, rng):
    share = edits.sum() / words.sum()
    return tuple(
        np.quantile(100 * rng.binomial(words.sum(), share, 2000) / words.sum(), [0.025, 0.975])
    )


def _each_string(edits, words, rng):
    return tuple(np.quantile(100 * edits / words, [0.025, 0.975]))


def _as_fraction(edits, words, rng):
    return tuple(v / 100 for v in solve_error_bar(edits, words, rng))


# --- 5.3.5 ---------------------------------------------------------------------------------------


def check_rescored(answer):
    rescored = function(answer)
    rng = np.random.default_rng(54)
    for _ in range(30):
        bigram = np.log(rng.dirichlet(np.full(10, 0.4), 11))
        lengths = rng.integers(1, 5, 6)
        candidates = [
            (tuple(rng.integers(0, 10, n).tolist()), float(-3 * rng.random())) for n in lengths
        ]
        found = rescored(list(candidates), bigram.copy(), 0.7)
        if not isinstance(found, tuple | list):
            raise Wrong("Return the digits of one candidate, a tuple.")
        found = tuple(int(d) for d in found)
        if found == solve_rescored(candidates, bigram, 0.7):
            continue
        if found == solve_rescored(candidates, bigram, 0.0):
            raise Wrong("That is what the speller alone prefers.")
        if found == solve_rescored(candidates, bigram, 1.0):
            raise Wrong("The language model's share is its weight; you gave it all of it.")
        if found == _no_start(candidates, bigram, 0.7):
            raise Wrong("The first word has a probability, too: row 10 stands for the beginning.")
        if found == solve_rescored(candidates, bigram.T[:, :10], 0.7):
            raise Wrong("Rows are the word before, columns the word after.")
        raise Wrong("Not the best of the weighted sums of log-probabilities.")


def solve_rescored(candidates, bigram, weight):
    """A string's log-probability under the bigram is a sum, over its words, of
    `bigram[before, word]`, with row 10 before the first. To this, times the weight, the speller's
    own log-probability is added; the largest sum wins. Where words follow each other evenly, as in
    this chapter, every string of one length gets the same from the bigram, and it can only change
    how *many* words win: here a language model has nothing to give."""

    def score(candidate):
        digits, spelled = candidate
        pairs = itertools.pairwise((10, *digits))
        return spelled + weight * sum(bigram[before, word] for before, word in pairs)

    return max(candidates, key=score)[0]


def _no_start(candidates, bigram, weight):
    def score(candidate):
        digits, spelled = candidate
        return spelled + weight * sum(bigram[a, b] for a, b in itertools.pairwise(digits))

    return max(candidates, key=score)[0]


def _speller_only(candidates, bigram, weight):
    return max(candidates, key=lambda c: c[1])[0]


def _weight_forgotten(candidates, bigram, weight):
    return solve_rescored(candidates, bigram, 1.0)


# --- 5.3.6 ---------------------------------------------------------------------------------------


def check_pieces(answer):
    pieces = function(answer)
    cases = (
        ([6, 12, 17, 23, 29, 36, 41, 47, 88, 97, 120, 133], 150, 5),
        ([4, 9], 20, 5),
        ([4, 9, 15, 21, 30], 40, 5),
        ([4, 9, 15, 21, 30, 38], 45, 5),
        ([], 30, 4),
        ([3, 8, 14], 18, 1),
    )
    for spikes, steps, most in cases:
        made = pieces(list(spikes), steps, most)
        if not isinstance(made, list | tuple):
            raise Wrong("Return a list of pairs `(start, end)`.")
        made = [(int(a), int(b)) for a, b in made]
        if not made or made[0][0] != 0 or made[-1][1] != steps:
            raise Wrong("The pieces should reach from step 0 to the last.")
        if any(b != c for (_, b), (c, _) in itertools.pairwise(made)):
            raise Wrong("A piece should begin where the one before it ends.")
        inside = [sum(a <= s < b for s in spikes) for a, b in made]
        if max(inside) > most:
            raise Wrong(f"A piece with {max(inside)} words; there may be {most} at most.")
        if len(made) > max(1, math.ceil(len(spikes) / most)):
            raise Wrong("You cut more often than you must.")
        if max(inside) - min(inside) > 1:
            raise Wrong(
                f"Pieces of {' and '.join(map(str, inside))} words. A piece of one word is as "
                "strange to the writer as one of twelve: share them out evenly."
            )
        right = solve_pieces(spikes, steps, most)
        if sorted(inside) == sorted(sum(a <= s < b for s in spikes) for a, b in right):
            cuts = [b for _, b in made[:-1]]
            near = [min(abs(c - s) for s in spikes) for c in cuts]
            gaps = [b - a for a, b in itertools.pairwise(spikes)]
            if cuts and min(near) < (min(gaps) - 1) // 2:
                raise Wrong("A cut lies close to a spike. Halfway between two spikes is safer.")
    return "Now let the writer write each piece, join the parts, and measure: does that mend it?"


def solve_pieces(spikes, steps, most):
    """As few pieces as there must be, $\\lceil n / \\text{most} \\rceil$; `np.array_split` shares
    the words out evenly; each cut lies halfway between the last spike of a piece and the first of
    the next. A piece `(a, b)` is the sound `x[STEP * a : STEP * b]`: the speller decides where to
    cut, the writer what is said. Recognisers whose decoder knows windows of one length read long
    recordings window by window, too. Noise alone has no spikes, so it is one piece, and the writer
    makes up as much as before, unless a piece without a spike is not shown to it at all."""
    groups = np.array_split(np.asarray(spikes, int), max(1, math.ceil(len(spikes) / most)))
    cuts = [int(before[-1] + after[0] + 1) // 2 for before, after in itertools.pairwise(groups)]
    return list(itertools.pairwise([0, *cuts, steps]))


def _greedy_pieces(spikes, steps, most):
    firsts = spikes[most::most]
    cuts = [(spikes[i * most - 1] + f + 1) // 2 for i, f in enumerate(firsts, 1)]
    return list(itertools.pairwise([0, *cuts, steps]))


def _equal_times(spikes, steps, most):
    n = max(1, math.ceil(len(spikes) / most))
    return list(itertools.pairwise([round(i * steps / n) for i in range(n + 1)]))


def _one_each(spikes, steps, most):
    return solve_pieces(spikes, steps, 1)


def _at_the_spike(spikes, steps, most):
    groups = np.array_split(np.asarray(spikes, int), max(1, math.ceil(len(spikes) / most)))
    return list(itertools.pairwise([0, *(int(g[0]) for g in groups[1:]), steps]))


EXERCISES = (
    Exercise(
        id="5.3.1",
        title="By hand",
        check=check_by_hand,
        hints=(
            "Write the two strings under each other and allow gaps in both.",
            "Which word of the first string is missing in the second, and which one is new?",
        ),
        solution=solve_by_hand,
        wrong_answers=(
            (200 / 3, "place by place"),
            (1 / 3, "per cent"),
            (2, "number of edits"),
            (100 / 6, "made up"),
        ),
    ),
    Exercise(
        id="5.3.2",
        title="The fewest steps",
        asks="function",
        check=check_fewest,
        hints=(
            "What does a path without any blank spell, if two equal words follow each other?",
            "`itertools.pairwise(said)` gives the neighbours.",
        ),
        solution=solve_fewest,
        wrong_answers=(
            (len, "are one"),
            (lambda said: 2 * len(said) + 1, "which of them must"),
            (lambda said: max(0, 2 * len(said) - 1), "without a blank"),
            (lambda said: 2 * len(said) - len(set(said)), "side by side"),
        ),
    ),
    Exercise(
        id="5.3.3",
        title="How far does a step hear?",
        asks="function",
        check=check_reach,
        hints=(
            "One layer of $k$ taps, stride 1, dilation $d$: how many frames lie under it?",
            "Carry along how many frames of the input lie between neighbouring steps.",
        ),
        solution=solve_reach,
        wrong_answers=(
            (lambda layers: 1 + sum((k - 1) * d for k, _, d in layers), "Behind a stride"),
            (lambda layers: _reach(layers, dilated=False), "not neighbours"),
            (lambda layers: _reach(layers, late=False), "own stride"),
            (lambda layers: _reach(layers) - 1, "One frame short"),
        ),
    ),
    Exercise(
        id="5.3.4",
        title="An error bar for an error rate",
        asks="function",
        check=check_error_bar,
        hints=(
            "`rng.integers(0, n, (2000, n))` draws 2000 times n strings with replacement.",
            "`edits[drawn].sum(axis=1)` are the edits of each draw. What do you divide by?",
        ),
        solution=solve_error_bar,
        wrong_answers=(
            (_mean_of_rates, "averaged the rates"),
            (_each_word, "resample whole strings"),
            (_as_fraction, "per cent"),
            (_each_string, "Far too wide"),
        ),
    ),
    Exercise(
        id="5.3.5",
        title="What usually follows",
        asks="function",
        check=check_rescored,
        hints=(
            "Log-probabilities of words that follow each other are added.",
            "`itertools.pairwise((10, *digits))` pairs each word with what came before it.",
        ),
        solution=solve_rescored,
        wrong_answers=(
            (_speller_only, "speller alone"),
            (_weight_forgotten, "its weight"),
            (_no_start, "row 10"),
        ),
    ),
    Exercise(
        id="5.3.6",
        title="Project: mend the writer",
        asks="function",
        check=check_pieces,
        hints=(
            "How many pieces must there be, if each holds at most `most` words?",
            "`np.array_split(spikes, n)` shares them out evenly.",
        ),
        solution=solve_pieces,
        wrong_answers=(
            (_greedy_pieces, "share them out evenly"),
            (_equal_times, "at most"),
            (_one_each, "more often"),
            (_at_the_spike, "close to a spike"),
        ),
    ),
)
