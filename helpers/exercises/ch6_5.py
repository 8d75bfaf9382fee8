"""Exercises of chapter 6.5."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 6.5.1 ---------------------------------------------------------------------------------------


def check_numbers(answer):
    value = number(answer, "the numbers a second")
    if close(value, 20 * 125):
        raise Wrong("The coefficients alone do not speak: each frame has a gain and a pitch too.")
    if close(value, 23 * 125):
        raise Wrong("The first coefficient of $A(z)$ is always 1. It need not be sent.")
    if close(value, 22 * 8) or close(value, 22):
        raise Wrong("How many frames of 8 ms begin in a second?")
    if not close(value, solve_numbers()):
        raise Wrong("Numbers in a frame, times frames in a second.")
    return "A sixth of the samples at 16 kHz, and each needs far fewer bits than a sample."


def solve_numbers():
    """$20 + 1 + 1$ numbers a frame, and $1000 / 8 = 125$ frames a second."""
    return (20 + 1 + 1) * 1000 / 8


# --- 6.5.2 ---------------------------------------------------------------------------------------


def check_pulses(answer):
    pulses = function(answer)
    steady = array(pulses(np.full(800, 100.0), 8000), (800,), "the pulses of a steady pitch")
    if np.any((steady != 0) & (steady != 1)):
        raise Wrong("Give 1 where a pulse is, and 0 elsewhere.")
    if abs(steady.sum() - 10) > 1:
        raise Wrong("100 Hz, for a tenth of a second, are ten pulses.")
    glide = np.linspace(80.0, 240.0, 8000)
    found = array(pulses(glide.copy(), 8000), (8000,), "the pulses of a glide")
    right = solve_pulses(glide, 8000)
    if close(found, _mean_period(glide, 8000)):
        raise Wrong("The pitch glides, so the distance between pulses must change: add up phase.")
    if abs(found.sum() - right.sum()) > 1:
        raise Wrong(
            f"A glide from 80 to 240 Hz in a second has {right.sum():.0f} pulses, not "
            f"{found.sum():.0f}. Phase is the *sum* of the pitch, divided by the sample rate."
        )
    places, wanted = np.flatnonzero(found), np.flatnonzero(right)
    n = min(len(places), len(wanted))
    if not close(np.diff(places[:n]), np.diff(wanted[:n])):
        raise Wrong("There are as many pulses as there should be, but not at the right places.")
    return "Sent through the filters of a vowel, they are that vowel, gliding."


def solve_pulses(f0, sample_rate):
    """The phase in turns is the sum of $f_0 / r$; a pulse stands where it passes a whole number."""
    turns = np.floor(np.cumsum(f0) / sample_rate)
    return (np.diff(turns, prepend=0.0) > 0).astype(float)


def _mean_period(f0, sample_rate):
    found = np.zeros(len(f0))
    found[:: round(sample_rate / np.mean(f0))] = 1.0
    return found


def _own_phase(f0, sample_rate):
    turns = np.floor(np.arange(len(f0)) * f0 / sample_rate)
    return (np.diff(turns, prepend=0.0) > 0).astype(float)


def _turns(f0, sample_rate):
    return np.cumsum(f0) / sample_rate


# --- 6.5.3 ---------------------------------------------------------------------------------------


def check_expand(answer):
    expand = function(answer)
    rows = np.arange(12.0).reshape(4, 3)
    whole = array(expand(rows, np.array([2.0, 1.0, 0.0, 3.0])), (6, 3), "whole durations")
    if not close(whole, np.repeat(rows, [2, 1, 0, 3], axis=0)):
        raise Wrong("Row $i$ should stand there as many times as its duration says, in order.")
    many, lengths = np.arange(40.0)[:, None], np.full(40, 1.4)
    found = np.asarray(expand(many, lengths))
    if close(len(found), 40):
        raise Wrong(
            "40 rows of 1.4 frames are 56 frames, not 40: rounding each duration loses the rest "
            "every time. Round the *borders*."
        )
    if found.shape != (56, 1):
        raise Wrong(f"40 rows of 1.4 frames are 56 frames; yours has shape {found.shape}.")
    if not close(found, solve_expand(many, lengths)):
        raise Wrong("The borders are the running sums of the durations, rounded.")


def solve_expand(rows, durations):
    """Borders are rounded, not durations, so that errors do not add up."""
    borders = np.rint(np.cumsum(durations)).astype(int)
    return np.repeat(rows, np.diff(borders, prepend=0), axis=0)


def _each_rounded(rows, durations):
    return np.repeat(rows, np.rint(durations).astype(int), axis=0)


def _tiled(rows, durations):
    return np.tile(rows, (2, 1))[: int(np.rint(np.sum(durations)))]


def _rounded_up(rows, durations):
    return np.repeat(rows, np.ceil(durations).astype(int), axis=0)


# --- 6.5.4 ---------------------------------------------------------------------------------------


def check_crossfade(answer):
    crossfade = function(answer)
    a, b = np.ones(50), np.ones(30)
    found = np.asarray(crossfade(a.copy(), b.copy(), 10), dtype=float)
    if found.shape == (80,):
        raise Wrong("The two should overlap: the last 10 samples of `a` with the first 10 of `b`.")
    if found.shape != (70,):
        raise Wrong(f"50 and 30 samples that share 10 make 70; yours has shape {found.shape}.")
    if not close(found, np.ones(70)):
        raise Wrong("Two equal sounds should pass through unchanged: the weights must add up to 1.")
    found = crossfade(np.zeros(20), np.ones(20), 8)
    if np.any(np.diff(found[12:20]) <= 0):
        raise Wrong("Within the overlap, `b` should come up step by step.")
    found = np.asarray(crossfade(a.copy(), 3 * b, 10))
    if not (close(found[:40], np.ones(40)) and close(found[50:], 3 * np.ones(20))):
        raise Wrong("Outside the overlap nothing should change.")
    rng = np.random.default_rng(654)
    a, b = rng.standard_normal(40), rng.standard_normal(35)
    kept = a.copy(), b.copy()
    found = array(crossfade(a, b, 12), (63,), "the joined sounds")
    if not (np.array_equal(a, kept[0]) and np.array_equal(b, kept[1])):
        raise Wrong("The sounds that you were given have changed. Work on copies.")
    if not (close(found[:28], a[:28]) and close(found[40:], b[12:])):
        raise Wrong("Outside the overlap nothing should change: `a[:-n]` before it, `b[n:]` after.")
    lines = (np.arange(12) + 0.5) / 12, np.linspace(0, 1, 12), np.arange(12) / 12
    lines += (np.arange(1, 13) / 13, np.arange(1, 13) / 12)
    if any(close(found[28:40], (1 - rise) * a[28:] + rise * b[:12]) for rise in lines):
        return "Equal sounds pass unchanged; two noises would want weights whose squares add to 1."
    if any(close(found[28:40], (1 - rise) * a[:12] + rise * b[-12:]) for rise in lines):
        raise Wrong("It is the *end* of `a` that overlaps with the *beginning* of `b`.")
    if np.all(np.diff((found[28:40] - a[28:]) / (b[:12] - a[28:])) > 0):
        raise Wrong("The weights should rise in a line: each step as large as the one before.")
    raise Wrong("Within the overlap, mix `a[-n:]` and `b[:n]`, sample by sample.")


def solve_crossfade(a, b, n):
    """Weights rise in a line from 0 to 1 for `b` and fall as far for `a`, so they add up to 1."""
    rise = (np.arange(n) + 0.5) / n
    return np.concatenate([a[:-n], (1 - rise) * a[-n:] + rise * b[:n], b[n:]])


def _joined(a, b, n):
    return np.concatenate([a, b])


def _added(a, b, n):
    return np.concatenate([a[:-n], a[-n:] + b[:n], b[n:]])


def _equal_power(a, b, n):
    angle = 0.5 * np.pi * (np.arange(n) + 0.5) / n
    return np.concatenate([a[:-n], np.cos(angle) * a[-n:] + np.sin(angle) * b[:n], b[n:]])


def _in_place(a, b, n):
    rise = (np.arange(n) + 0.5) / n
    b[:n] = (1 - rise) * a[-n:] + rise * b[:n]
    return np.concatenate([a[:-n], b])


def _raised_cosine(a, b, n):
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
    return np.concatenate([a[:-n], (1 - rise) * a[-n:] + rise * b[:n], b[n:]])


def _squared(a, b, n):
    rise = ((np.arange(n) + 0.5) / n) ** 2
    return np.concatenate([a[:-n], (1 - rise) * a[-n:] + rise * b[:n], b[n:]])


def _wrong_ends(a, b, n):
    rise = (np.arange(n) + 0.5) / n
    return np.concatenate([a[:-n], (1 - rise) * a[:n] + rise * b[-n:], b[n:]])


def _half_way(a, b, n):
    return np.concatenate([a[:-n], 0.5 * a[-n:] + 0.5 * b[:n], b[n:]])


# --- 6.5.5 ---------------------------------------------------------------------------------------


def check_path(answer):
    path = function(answer)
    own = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    free = np.zeros((2, 2, 2))
    if np.asarray(path(own, free)).tolist() != [0, 1, 0]:
        raise Wrong("Where joins cost nothing, each place takes its cheapest piece.")
    stay = np.broadcast_to(5.0 * (1 - np.eye(2)), (2, 2, 2))
    found = np.asarray(path(own, stay)).tolist()
    if found == [0, 1, 0]:
        raise Wrong("Each change costs 5 here: joins must count as well.")
    if found != [0, 0, 0]:
        raise Wrong("With joins that cost 5, it is best to stay with the first piece throughout.")
    trap = np.array([[0.0, 1.0], [0.0, 0.0]])
    ahead = np.array([[[9.0, 9.0], [0.0, 0.0]]])
    if np.asarray(path(trap, ahead)).tolist()[0] == 0:
        raise Wrong("The cheapest first piece leads into a dear join. Look ahead: keep all ends.")
    rng = np.random.default_rng(655)
    own, join = rng.random((7, 4)), rng.random((6, 4, 4))
    found = np.asarray(path(own, join))
    if found.shape != (7,) or not close(
        _cost(own, join, found), _cost(own, join, solve_path(own, join))
    ):
        raise Wrong("Short rows are right; in a longer one there is a cheaper path.")
    return "This is Viterbi's algorithm, the same that decodes hidden Markov models."


def solve_path(own, join):
    """For each piece of each place, remember the cheapest way to get there and where it came from;
    then go back from the cheapest end."""
    total, back = own[0], []
    for costs, joins in zip(own[1:], join, strict=True):
        ways = total[:, None] + joins
        back.append(ways.argmin(axis=0))
        total = ways.min(axis=0) + costs
    path = [int(total.argmin())]
    for came_from in back[::-1]:
        path.append(int(came_from[path[-1]]))
    return np.array(path[::-1])


def _cost(own, join, path):
    path = np.asarray(path, int)
    return own[np.arange(len(path)), path].sum() + sum(
        join[i, path[i], path[i + 1]] for i in range(len(path) - 1)
    )


def _cheapest_each(own, join):
    return own.argmin(axis=1)


def _greedy(own, join):
    path = [int(own[0].argmin())]
    for costs, joins in zip(own[1:], join, strict=True):
        path.append(int((costs + joins[path[-1]]).argmin()))
    return np.array(path)


def _joins_only(own, join):
    return solve_path(np.zeros_like(own), join)


# --- 6.5.6 ---------------------------------------------------------------------------------------


def check_slower(answer):
    slower = function(answer)
    durations, may = np.array([4.0, 10.0, 6.0, 20.0]), np.array([False, True, False, True])
    given = durations.copy()
    found = array(slower(durations, may, 1.5), (4,), "the new durations")
    if not np.array_equal(durations, given):
        raise Wrong("The durations you were given have changed. Work on a copy.")
    if close(found, 1.5 * durations):
        raise Wrong("Consonants should keep their length: only entries where `may` is True change.")
    if close(found, np.where(may, 1.5 * durations, durations)):
        raise Wrong("Together they should last 1.5 times as long: the vowels must make up for all.")
    if close(found.sum(), 60.0) and not close(found[1] / found[3], 0.5):
        raise Wrong("Stretch the stretchable ones by a common factor, so that long ones stay long.")
    if not close(found, solve_slower(durations, may, 1.5)):
        raise Wrong(
            "40 frames should become 60; what may not change stays 10, the rest becomes 50."
        )
    try:
        shorter = array(slower(durations, may, 0.75), (4,), "durations at a factor of 0.75")
    except ValueError:
        raise Wrong("A factor of 0.75 leaves 20 frames to the vowels: it can be done.") from None
    if not close(shorter, solve_slower(durations, may, 0.75)):
        raise Wrong("At a factor of 0.75, 40 frames should become 30, the consonants unchanged.")
    try:
        slower(durations, may, 0.1)
    except ValueError:
        pass
    else:
        raise Wrong("4 frames hold less than the consonants alone: raise a ValueError.")
    try:
        with np.errstate(all="ignore"):
            slower(durations, np.zeros(4, bool), 1.5)
    except ValueError:
        return "Now put it to use: the text says how."
    raise Wrong("Where nothing may be stretched, no factor but 1 can be had: raise a ValueError.")


def solve_slower(durations, may, factor):
    """What is missing from the wanted total is made up by a common factor on what may change."""
    fixed, free = durations[~may].sum(), durations[may].sum()
    wanted = factor * durations.sum() - fixed
    if free <= 0:
        raise ValueError("nothing may be stretched: give at least one duration that may change")
    if wanted <= 0:
        raise ValueError(f"a factor of {factor} leaves no time for the vowels")
    return np.where(may, wanted / free * durations, durations)


def _all_of_them(durations, may, factor):
    return factor * durations


def _vowels_only(durations, may, factor):
    return np.where(may, factor * durations, durations)


def _same_amount(durations, may, factor):
    more = (factor - 1) * durations.sum() / may.sum()
    return np.where(may, durations + more, durations)


def _never_refuses(durations, may, factor):
    fixed, free = durations[~may].sum(), durations[may].sum()
    return np.where(may, (factor * durations.sum() - fixed) / free * durations, durations)


def _refuses_below_one(durations, may, factor):
    if factor < 1:
        raise ValueError("slower, not faster")
    return solve_slower(durations, may, factor)


def _forgets_nothing_to_stretch(durations, may, factor):
    return solve_slower(durations, may, factor) if may.any() else durations


EXERCISES = (
    Exercise(
        id="6.5.1",
        title="Numbers a second",
        check=check_numbers,
        hints=("How many frames are there in a second?", "Coefficients, a gain, a pitch."),
        solution=solve_numbers,
        wrong_answers=(
            (2500.0, "a gain and a pitch"),
            (2875.0, "always 1"),
            (176.0, "begin in a second"),
        ),
    ),
    Exercise(
        id="6.5.2",
        title="A source for any melody",
        asks="function",
        check=check_pulses,
        hints=(
            "`np.cumsum(f0) / sample_rate` counts turns.",
            "`np.floor` of it steps up where a pulse belongs; `np.diff` finds the steps.",
        ),
        solution=solve_pulses,
        wrong_answers=(
            (_mean_period, "distance between pulses must change"),
            (_own_phase, "Phase is the *sum*"),
            (_turns, "Give 1 where"),
        ),
    ),
    Exercise(
        id="6.5.3",
        title="Rounding that does not add up",
        asks="function",
        check=check_expand,
        hints=("Add up first, round then.", "`np.repeat(rows, counts, axis=0)`."),
        solution=solve_expand,
        wrong_answers=(
            (_each_rounded, "Round the *borders*"),
            (_tiled, "as many times as its duration"),
            (_rounded_up, "56 frames"),
        ),
    ),
    Exercise(
        id="6.5.4",
        title="A seam",
        asks="function",
        check=check_crossfade,
        hints=(
            "The result has `len(a) + len(b) - n` samples.",
            "If `rise` is the weight of `b`, what is that of `a`?",
        ),
        solution=solve_crossfade,
        wrong_answers=(
            (_joined, "should overlap"),
            (_added, "add up to 1"),
            (_equal_power, "add up to 1"),
            (_half_way, "step by step"),
            (_in_place, "Work on copies"),
            (_raised_cosine, "in a line"),
            (_squared, "in a line"),
            (_wrong_ends, "*end* of `a`"),
        ),
    ),
    Exercise(
        id="6.5.5",
        title="The cheapest row of pieces",
        asks="function",
        check=check_path,
        hints=(
            "Keep, for every piece, the cost of the cheapest way that ends in it.",
            "If `cost`, `(K,)`, is that of the cheapest way to each piece so far, "
            "`cost[:, None] + join[t]` has a row for each piece before, a column for each after.",
        ),
        solution=solve_path,
        wrong_answers=(
            (_cheapest_each, "joins must count"),
            (_greedy, "Look ahead"),
            (_joins_only, "cheapest piece"),
        ),
    ),
    Exercise(
        id="6.5.6",
        title="Project: speak slowly, as people do",
        asks="function",
        check=check_slower,
        hints=(
            "How many frames should it have in all, and how many of them are not yours to change?",
            "One factor on all that may change.",
        ),
        solution=solve_slower,
        wrong_answers=(
            (_all_of_them, "keep their length"),
            (_vowels_only, "make up for all"),
            (_same_amount, "common factor"),
            (_never_refuses, "ValueError"),
            (_refuses_below_one, "can be done"),
            (_forgets_nothing_to_stretch, "nothing may be stretched"),
        ),
    ),
)
