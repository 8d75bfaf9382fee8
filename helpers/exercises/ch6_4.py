"""Exercises of chapter 6.4."""

import itertools

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 6.4.1 ---------------------------------------------------------------------------------------


def check_wolf(answer):
    share = number(answer, "the share of alarms that are right")
    false = 3600 / 0.16 / 1000
    if close(share, 0.999) or close(share, 0.001):
        raise Wrong(
            "That says how often it is right where the sound is *absent*. Count alarms: how many "
            "decisions does it make in an hour, and how many of them are wrong?"
        )
    if close(share, 1 - solve_wolf()):
        raise Wrong("That is the share of alarms that are false.")
    if close(share, 100 * solve_wolf()):
        raise Wrong("A share lies between 0 and 1; divide by 100.")
    if close(share, 2 / false):
        raise Wrong("That is right alarms to false ones. The share is of *all* alarms.")
    if close(share, 2 / (2 + 3.6)):
        raise Wrong("It decides every 0.16 s, not every second.")
    if not close(share, solve_wolf(), rtol=0.01):
        raise Wrong("Right alarms in an hour, divided by all alarms in an hour.")
    return "Right 999 times in a thousand, and not one alarm in ten is worth getting up for."


def solve_wolf():
    """In an hour it decides $3600 / 0.16 = 22\\,500$ times, of which $22.5$ are wrong. Two alarms
    are right: $2 / (2 + 22.5)$."""
    false = 3600 / 0.16 / 1000
    return 2 / (2 + false)


# --- 6.4.2 ---------------------------------------------------------------------------------------


def check_matched(answer):
    matched = function(answer)
    cases = (
        ([1.0, 2.0, 3.0], [1.1, 2.1, 9.0], 0.2, 2),
        ([1.0, 1.1], [1.05], 0.2, 1),
        ([1.05], [1.0, 1.1], 0.2, 1),
        ([1.3, 0.6], [1.0, 1.4], 0.5, 2),
        ([1.25, 1.8], [1.0, 1.4], 0.5, 2),
        ([1.5], [1.0], 0.5, 1),
        ([], [1.0], 0.5, 0),
        ([2.0, 1.0], [1.0, 2.0], 0.1, 2),
    )
    for found, true, collar, right in cases:
        n = number(matched(list(found), list(true), collar), f"{found}, {true} and {collar} s")
        if close(n, right):
            continue
        if [found, true] in ([[1.0, 1.1], [1.05]], [[1.05], [1.0, 1.1]]):
            raise Wrong("An onset may be used once only: count pairs, not onsets with a neighbour.")
        if found in ([1.3, 0.6], [1.25, 1.8]):
            raise Wrong(
                f"Two pairs are possible for found {found} and true {true} with a collar of "
                f"{collar} s. Whoever takes the first, or the nearest, that fits may take the only "
                "one that another could have had."
            )
        if found == [2.0, 1.0]:
            raise Wrong("The lists need not be in order.")
        if found == [1.5]:
            raise Wrong("A pair *at* the collar is a pair: at most, not less than.")
        raise Wrong(f"For {found} and {true} with a collar of {collar} s it should be {right}.")
    rng = np.random.default_rng(642)
    for _ in range(30):
        found, true = (np.round(rng.uniform(0, 4, 6), 2).tolist() for _ in range(2))
        right = _by_trying(found, true, 0.305)
        if not close(number(matched(list(found), list(true), 0.305), "random onsets"), right):
            raise Wrong(f"For {found} and {true} with a collar of 0.305 s it should be {right}.")
    return "On a line, in order, greed is as good as any search."


def solve_matched(found, true, collar):
    """Put both in order and go along them. If the two that stand first fit, pair them: neither
    could do better later. Otherwise the earlier of the two fits nothing that is left, and goes."""
    found, true = sorted(found), sorted(true)
    i = j = pairs = 0
    while i < len(found) and j < len(true):
        if abs(found[i] - true[j]) <= collar:
            pairs, i, j = pairs + 1, i + 1, j + 1
        elif found[i] < true[j]:
            i += 1
        else:
            j += 1
    return pairs


def _by_trying(found, true, collar):
    fits = np.abs(np.subtract.outer(found, true)) <= collar
    orders = itertools.permutations(range(len(true)))
    return max(int(fits[np.arange(len(found)), list(order)].sum()) for order in orders)


def _with_a_neighbour(found, true, collar):
    return sum(any(abs(a - b) <= collar for b in true) for a in found)


def _nearest_first(found, true, collar):
    left, pairs = list(true), 0
    for a in found:
        near = min(left, key=lambda b: abs(a - b), default=None)
        if near is not None and abs(a - near) <= collar:
            left.remove(near)
            pairs += 1
    return pairs


def _less_than(found, true, collar):
    return solve_matched(found, true, collar - 1e-9)


def _in_the_order_given(found, true, collar):
    i = j = pairs = 0
    while i < len(found) and j < len(true):
        if abs(found[i] - true[j]) <= collar:
            pairs, i, j = pairs + 1, i + 1, j + 1
        elif found[i] < true[j]:
            i += 1
        else:
            j += 1
    return pairs


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


# --- 6.4.6 ---------------------------------------------------------------------------------------


def check_last(answer):
    kept = function(answer, "the class")
    for n, sizes in ((5, (2, 2, 2)), (5, (12,)), (4, (4, 4)), (5, (0, 3)), (7, (3, 1, 9, 2, 5))):
        memory, everything = kept(n), np.zeros(0)
        for size in sizes:
            block = np.arange(len(everything), len(everything) + size, dtype=float)
            everything = np.concatenate([everything, block])
            memory.push(block)
            if size:
                block[:] = -1.0
        found = np.asarray(memory.last(), float).ravel()
        said = f"the last {n} samples after blocks of {', '.join(map(str, sizes))}"
        right = everything[-n:]
        if len(found) > n:
            raise Wrong(f"There are {len(found)} samples in {said}: keep no more than {n}.")
        if len(found) and np.any(found == -1.0):
            raise Wrong("The caller wrote into a block later, and your samples changed: copy.")
        if len(right) < n and len(found) == n:
            raise Wrong(f"Only {len(right)} samples have come yet; give these, not {n}.")
        if sorted(found) == sorted(right) and not close(found, right):
            raise Wrong("The right samples, but not oldest first: where does the ring begin?")
        array(found, right.shape, said)
        if not close(found, right):
            raise Wrong(f"Wrong samples: {said} should be {right.tolist()}, not {found.tolist()}.")
    memory = kept(100)
    for _ in range(200):
        memory.push(np.zeros(1000))
    bytes_kept = sum(_size(value) for value in getattr(memory, "__dict__", {}).values())
    if bytes_kept > 1.6 * 8 * 100:
        raise Wrong(
            f"After 200 000 samples the object holds some {bytes_kept} bytes for the last 100: "
            "something grows, or a slice keeps a whole block alive."
        )
    return "Bounded whatever comes. The text says what to do with it."


def _size(value):
    """Bytes of the arrays and lists that an attribute keeps alive."""
    if isinstance(value, np.ndarray):
        return value.base.nbytes if isinstance(value.base, np.ndarray) else value.nbytes
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return 0
    return sum(max(8, _size(part)) for part in value)


class Last:
    """The simple way costs a copy of $n$ samples per block. A ring, written round and round, would
    cost a copy of the block only."""

    def __init__(self, n):
        self.n, self.samples = n, np.zeros(0)

    def push(self, block):
        self.samples = np.concatenate([self.samples, block])[-self.n :].copy()

    def last(self):
        return self.samples


class _Everything(Last):
    def push(self, block):
        self.samples = np.concatenate([self.samples, block])


class _View(Last):
    def push(self, block):
        joined = block if len(block) >= self.n else np.concatenate([self.samples, block])
        self.samples = joined[-self.n :]


class _Padded(Last):
    def __init__(self, n):
        super().__init__(n)
        self.samples = np.zeros(n)


class _Unturned(Last):
    """A ring that is read from its beginning."""

    def __init__(self, n):
        super().__init__(n)
        self.seen = 0

    def push(self, block):
        ring = np.zeros(self.n)
        ring[: len(self.samples)] = self.samples
        for value in block:
            ring[self.seen % self.n] = value
            self.seen += 1
        self.samples = ring[: self.seen].copy()


EXERCISES = (
    Exercise(
        id="6.4.1",
        title="Crying wolf",
        check=check_wolf,
        hints=(
            "How many decisions are there in an hour? How many of them are wrong?",
            "Right alarms divided by right and false ones.",
        ),
        solution=solve_wolf,
        wrong_answers=(
            (0.999, "absent"),
            (22.5 / 24.5, "that are false"),
            (2 / 22.5, "*all* alarms"),
            (2 / 5.6, "every 0.16 s"),
        ),
    ),
    Exercise(
        id="6.4.2",
        title="One for one",
        asks="function",
        check=check_matched,
        hints=(
            "Sort both lists. What can the earliest found onset be paired with?",
            "If the two earliest do not fit, which of them can never be paired?",
        ),
        solution=solve_matched,
        wrong_answers=(
            (_with_a_neighbour, "once only"),
            (_nearest_first, "may take the only one"),
            (_less_than, "at most, not less"),
            (_in_the_order_given, "Two pairs are possible"),
        ),
    ),
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
    Exercise(
        id="6.4.6",
        title="Project: the last five seconds",
        asks="function",
        check=check_last,
        hints=(
            "`np.concatenate([old, block])[-n:]` are the last `n` samples.",
            "A slice of an array keeps the whole array in memory; `.copy()` does not.",
        ),
        solution=Last,
        wrong_answers=(
            (_Everything, "keep no more than"),
            (_View, "copy"),
            (_Padded, "have come yet"),
            (_Unturned, "oldest first"),
        ),
    ),
)
