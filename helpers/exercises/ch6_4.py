"""Exercises of chapter 6.4, sound classification and detection."""

import numpy as np

from helpers.exercises import Exercise, Wrong, close, function, number

# --- 6.4.3 ---------------------------------------------------------------------------------------


def check_auc(answer):
    auc = function(answer)
    cases = (([3.0, 2.0], [1.0], 1.0), ([1.0], [2.0, 3.0], 0.0), ([2.0, 1.0], [2.0, 0.0], 0.625))
    for speech, noise, right in cases:
        found = number(auc(list(speech), list(noise)), f"{speech} against {noise}")
        if close(found, right):
            continue
        if close(found, _ties_lost(speech, noise)) or close(found, _ties_won(speech, noise)):
            raise Wrong("Two equal scores count half a pair, neither none nor a whole one.")
        if close(found, _reversed(speech, noise)):
            raise Wrong("The other way round: the score of the *speech* should be the larger one.")
        raise Wrong(f"For {speech} against {noise} it should be {right}; you say {found:g}.")
    rng = np.random.default_rng(643)
    speech, noise = rng.integers(0, 9, 70) + 1.0, rng.integers(0, 9, 110) + 0.0
    found = number(auc(list(speech), list(noise)), "70 scores against 110")
    if close(found, _row_by_row(speech, noise)):
        raise Wrong("Compare *every* score with every other, not those in the same place.")
    if not close(found, solve_auc(speech, noise)):
        raise Wrong("Short lists are right, longer ones are not. Divide by the number of pairs.")


def solve_auc(speech, noise):
    """A table of all pairs: 1 where speech is larger, ½ where they are equal; its mean."""
    a, b = np.asarray(speech, float)[:, None], np.asarray(noise, float)
    return float(np.mean((a > b) + 0.5 * (a == b)))


def _ties_lost(speech, noise):
    return float(np.mean(np.asarray(speech)[:, None] > np.asarray(noise)))


def _ties_won(speech, noise):
    return float(np.mean(np.asarray(speech)[:, None] >= np.asarray(noise)))


def _reversed(speech, noise):
    return solve_auc(noise, speech)


def _row_by_row(speech, noise):
    n = min(len(speech), len(noise))
    if n < 50:
        return solve_auc(speech, noise)
    a, b = np.asarray(speech)[:n], np.asarray(noise)[:n]
    return float(np.mean((a > b) + 0.5 * (a == b)))


# --- 6.4.4 ---------------------------------------------------------------------------------------


def check_begins(answer):
    begins = function(answer)
    cases = (
        ([107, 108, 55], [7, 8, 8], 100),
        ([10, 20, 30], [13, 23, 33], -3),
        ([5, 9, 40, 50], [0, 4, 30, 40], 5),
        ([50, 60, 70, 70, 70], [10, 20, 60, 50, 0], 40),
    )
    for there, here, right in cases:
        found = number(begins(list(there), list(here)), f"there {there}, here {here}")
        if close(found, right):
            continue
        if right != 0 and close(found, -right):
            raise Wrong("The offset is there minus here, not the other way round.")
        if close(found, _commonest_place(there, here)):
            raise Wrong("Count *differences*. Where a pair lies in the recording says nothing yet.")
        if close(found, _average(there, here)):
            raise Wrong("A mean is moved by every chance hit. Take the offset with most votes.")
        if close(found, _last_of_ties(there, here)):
            raise Wrong("Two offsets have as many votes: give the smaller one.")
        if right < 0:
            raise Wrong("An offset may be below zero: the query began before the recording.")
        raise Wrong(f"For there {there} and here {here} it should be {right}; you say {found:g}.")


def solve_begins(there, here):
    """The commonest difference. `np.unique` sorts, and `argmax` takes the first of equals, so the
    smaller offset wins a tie."""
    offsets, votes = np.unique(np.asarray(there) - np.asarray(here), return_counts=True)
    return int(offsets[np.argmax(votes)])


def _swapped(there, here):
    return solve_begins(here, there)


def _commonest_place(there, here):
    values, votes = np.unique(there, return_counts=True)
    return int(values[np.argmax(votes)])


def _average(there, here):
    return float(np.mean(np.asarray(there) - np.asarray(here)))


def _last_of_ties(there, here):
    offsets, votes = np.unique(np.asarray(there) - np.asarray(here), return_counts=True)
    return int(offsets[len(votes) - 1 - np.argmax(votes[::-1])])


# --- 6.4.5 ---------------------------------------------------------------------------------------


def check_schmitt(answer):
    schmitt = function(answer)
    cases = (
        ("never high enough", [0.5, 0.5, 0.5], [0, 0, 0]),
        ("it rises, lingers and falls", [0.1, 0.7, 0.5, 0.3, 0.5], [0, 1, 1, 0, 0]),
        ("just at the thresholds", [0.6, 0.4, 0.39, 0.6], [1, 1, 0, 1]),
        ("it begins loud", [0.9, 0.5, 0.5], [1, 1, 1]),
    )
    for what, p, right in cases:
        found = np.asarray(schmitt(np.array(p), 0.6, 0.4))
        if found.shape != (len(p),):
            raise Wrong(f"Return one True or False for each of the {len(p)} probabilities.")
        found = found.astype(bool)
        if np.array_equal(found, np.array(right, bool)):
            continue
        if np.array_equal(found, _only_on(p, 0.6, 0.4)):
            raise Wrong("Once somebody speaks, it takes a value below `off` to end it.")
        if np.array_equal(found, _only_off(p, 0.6, 0.4)):
            raise Wrong("A value between the thresholds does not *begin* speech: remember before.")
        if np.array_equal(found, _one_late(p, 0.6, 0.4)):
            raise Wrong("The frame that falls below `off` is not speech any more.")
        raise Wrong(f"Wrong where {what}: for {p} it should be {right}.")
    rng = np.random.default_rng(645)
    p = rng.random(300)
    if not np.array_equal(np.asarray(schmitt(p, 0.8, 0.3), bool), solve_schmitt(p, 0.8, 0.3)):
        raise Wrong("Short ones are right; with other thresholds than 0.6 and 0.4 it goes wrong.")


def solve_schmitt(p, on, off):
    """One bit of memory, `speaking`: it decides which threshold holds now."""
    decided, speaking = np.zeros(len(p), bool), False
    for t, value in enumerate(p):
        speaking = value >= (off if speaking else on)
        decided[t] = speaking
    return decided


def _only_on(p, on, off):
    return np.asarray(p) >= on


def _only_off(p, on, off):
    return np.asarray(p) >= off


def _one_late(p, on, off):
    right = solve_schmitt(p, on, off)
    return right | np.append(False, right[:-1])


EXERCISES = (
    Exercise(
        id="6.4.3",
        title="AUC by counting",
        asks="function",
        check=check_auc,
        hints=(
            "How many pairs do $m$ and $n$ scores make?",
            "`np.asarray(speech)[:, None] > np.asarray(noise)` is a table of all of them.",
        ),
        solution=solve_auc,
        wrong_answers=(
            (_ties_lost, "count half"),
            (_ties_won, "count half"),
            (_reversed, "other way round"),
            (_row_by_row, "same place"),
        ),
    ),
    Exercise(
        id="6.4.4",
        title="Where does the query begin?",
        asks="function",
        check=check_begins,
        hints=(
            "If the query is from frame 100 on, what is `there - here` for every true pair?",
            "`np.unique(…, return_counts=True)` is a histogram of whole numbers.",
        ),
        solution=solve_begins,
        wrong_answers=(
            (_swapped, "there minus here"),
            (_commonest_place, "Count *differences*"),
            (_average, "moved by every chance hit"),
            (_last_of_ties, "smaller one"),
        ),
    ),
    Exercise(
        id="6.4.5",
        title="Two thresholds",
        asks="function",
        check=check_schmitt,
        hints=(
            "What do you have to remember from one frame to the next?",
            "The threshold is `off` while somebody speaks and `on` otherwise.",
        ),
        solution=solve_schmitt,
        wrong_answers=(
            (_only_on, "to end it"),
            (_only_off, "does not *begin*"),
            (_one_late, "not speech any more"),
        ),
    ),
)
