"""Exercises of chapter 8.6, Beyond one machine."""

import math

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 8.6.1 ---------------------------------------------------------------------------------------


def check_average(answer):
    average = function(answer)
    means = [np.array([1.0, 4.0]), np.array([5.0, 0.0]), np.array([2.0, 2.0])]
    counts, kept = [32, 32, 8], [m.copy() for m in means]
    found = array(average(means, counts), (2,), "the gradient of the batch")
    right = solve_average(kept, counts)
    if any(not np.array_equal(m, k) for m, k in zip(means, kept, strict=True)):
        raise Wrong("The gradients that were passed in have changed. Work on a copy.")
    if close(found, np.mean(kept, axis=0)):
        raise Wrong(
            "That gives each worker the same weight. One of them saw 8 examples, the others 32."
        )
    if close(found, right * 72):
        raise Wrong("That is the sum over all examples. Divide by how many there are.")
    if close(found, np.sum(kept, axis=0)):
        raise Wrong("Means of several workers can't simply be added: weigh them.")
    if not close(found, right):
        raise Wrong("Each mean times its number of examples, added, divided by all examples.")


def solve_average(means, counts):
    """A mean times its count is a sum, sums can be added, and the sum of all is divided once."""
    total = sum(count * mean for mean, count in zip(means, counts, strict=True))
    return total / sum(counts)


# --- 8.6.2 ---------------------------------------------------------------------------------------


def check_serial(answer):
    serial = function(answer)
    for one, many, count in ((10.0, 4.0, 4), (6.0, 3.6, 2), (8.0, 1.0, 8)):
        found = number(serial(one, many, count), "the serial part")
        right = solve_serial(one, many, count)
        if close(found, one / many):
            raise Wrong("That is the speed-up. Which serial part explains it?")
        if close(found, 1 - one / many / count) and not close(found, right):
            raise Wrong("That is what is missing from an efficiency of 1. Solve Amdahl's law.")
        if close(found, 1 - right) and not close(found, right):
            raise Wrong("That is the part that can be shared. The rest is asked for.")
        if close(found, _serial_gustafson(one, many, count)) and not close(found, right):
            raise Wrong(
                "That is Gustafson's part, of the parallel run. Amdahl's is of that of one process."
            )
        if not close(found, right):
            raise Wrong("Write T_N / T_1 = s + (1 − s) / N and solve for s.")


def solve_serial(one, many, count):
    """From $T_N / T_1 = s + (1 - s)/N$ follows $s = (T_N / T_1 - 1/N) / (1 - 1/N)$."""
    return (many / one - 1 / count) / (1 - 1 / count)


def _serial_efficiency(one, many, count):
    return 1 - one / many / count


def _serial_gustafson(one, many, count):
    return (count - one / many) / (count - 1)


# --- 8.6.3 ---------------------------------------------------------------------------------------


def check_statistics(answer):
    combine = function(answer)
    rng = np.random.default_rng(0)
    parts = [rng.normal(i, 1 + i, (n, 3)) for i, n in enumerate((20, 5, 11))]
    whole = np.concatenate(parts)
    counts = [len(p) for p in parts]
    means, variances = [p.mean(axis=0) for p in parts], [p.var(axis=0) for p in parts]
    mean, variance = _two_arrays(combine(counts, means, variances), 3)
    if close(mean, np.mean(means, axis=0)):
        raise Wrong("The shards have 20, 5 and 11 examples: weigh their means.")
    if not close(mean, whole.mean(axis=0)):
        raise Wrong("The mean of all: each shard's mean times its count, divided by all examples.")
    inside = sum(n * v for n, v in zip(counts, variances, strict=True)) / len(whole)
    if close(variance, inside):
        raise Wrong("The shards also differ from each other: their means are not the same.")
    if close(variance, np.mean(variances, axis=0)):
        raise Wrong("The mean of the variances neither weighs them nor sees that means differ.")
    if close(variance, whole.var(axis=0, ddof=1)):
        raise Wrong("All variances here divide by the count, not by the count less one.")
    if not close(variance, whole.var(axis=0)):
        raise Wrong(
            "A shard's variance, plus the square of how far its mean lies from that of all."
        )
    # Numbers far from 0, as float32: squares of about a million leave no digits for the variance.
    far = [np.float32([m]) for m in (999.9, 1000.0, 1000.1)]
    _, variance = _two_arrays(combine([9, 9, 9], far, [np.float32([0.01])] * 3), 1)
    right = 0.01 + 0.02 / 3
    if not abs(variance[0] - right) < 0.2 * right:
        raise Wrong(
            f"Right on paper. But of float32 numbers near 1000 with a variance of {right:.4f} it "
            f"makes {float(variance[0]):.4f}: the difference of two large squares has no digits "
            "left. Take the distances from the mean of all first, and square those."
        )


def _two_arrays(result, size):
    if len(np.shape(result)) == 0 or len(result) != 2:
        raise Wrong("Give back two arrays, the mean and the variance of all examples.")
    return array(result[0], (size,), "the mean"), array(result[1], (size,), "the variance")


def solve_statistics(counts, means, variances):
    """The squared distances of a shard from the mean of *all* are its variance plus the squared
    distance of its own mean, each times its count. (With the mean of squares less the squared mean
    one round of messages would do, but the difference of two large numbers has few digits.) This is
    what batch normalisation over several workers exchanges on the way forwards."""
    n, parts = sum(counts), list(zip(counts, means, variances, strict=True))
    mean = sum(c * m for c, m, _ in parts) / n
    return mean, sum(c * (v + (m - mean) ** 2) for c, m, v in parts) / n


def _statistics_squares(counts, means, variances):
    n, parts = sum(counts), list(zip(counts, means, variances, strict=True))
    mean = sum(c * m for c, m, _ in parts) / n
    return mean, sum(c * (v + m**2) for c, m, v in parts) / n - mean**2


def _statistics_unweighted(counts, means, variances):
    return np.mean(means, axis=0), np.mean(variances, axis=0)


def _statistics_within(counts, means, variances):
    mean, _ = solve_statistics(counts, means, variances)
    return mean, sum(c * v for c, v in zip(counts, variances, strict=True)) / sum(counts)


def _statistics_less_one(counts, means, variances):
    n = sum(counts)
    mean, variance = solve_statistics(counts, means, variances)
    return mean, variance * n / (n - 1)


# --- 8.6.4 ---------------------------------------------------------------------------------------


def check_ring(answer):
    times = function(answer)
    for count, size in ((4, 100.0), (2, 6.0), (1000, 5e6)):
        found = number(times(count, size), f"how many times as many bytes with {count} workers")
        right = solve_ring(count, size)
        if close(found, count) and not close(found, right):
            raise Wrong("In a ring a worker sends a little less than twice the gradient: how much?")
        if close(found, right / 2):
            raise Wrong(
                "Count both ways of both: weights out and gradients back; add and hand round."
            )
        if close(found, 1 / right):
            raise Wrong("Upside down: the star's driver has more to carry.")
        if close(found, 2 * count * size) or close(found, 2 * (count - 1) * size / count):
            raise Wrong("That is the number of bytes of one of them. Divide.")
        if not close(found, right):
            raise Wrong("Star: N times B out, N times B back. Ring: 2 (N − 1) rounds of B / N.")


def solve_ring(count, size):
    """A driver sends $N B$ and gets $N B$. In a ring $N - 1$ rounds add the parts up and $N - 1$
    hand the sums round; in each a worker sends $B / N$. The size of the gradient cancels."""
    return (2 * count * size) / (2 * (count - 1) * size / count)


# --- 8.6.5 ---------------------------------------------------------------------------------------


def check_deaths(answer):
    chance = function(answer)
    for count, hours, between in ((3, 500.0, 1000.0), (100, 24.0, 8760.0), (1000, 100.0, 8760.0)):
        found = number(chance(count, hours, between), f"the chance with {count} machines")
        right = solve_deaths(count, hours, between)
        if close(found, 1 - right):
            raise Wrong("That is the chance that all of them survive.")
        if close(found, 1 - math.exp(-hours / between)) and not close(found, right):
            raise Wrong("That is one machine. All of them have to survive.")
        if close(found, count * hours / between) and not close(found, right):
            raise Wrong("That is how many deaths to expect. It can exceed 1, and a chance can't.")
        if close(found, 1 - (1 - hours / between) ** count) and not close(found, right):
            raise Wrong(
                "That lets a machine die at most once, with chance hours / between, which can "
                "exceed 1. Deaths come at any moment: it survives with exp(−hours / between)."
            )
        if not close(found, right):
            raise Wrong("One machine survives with exp(−hours / between); all must, independently.")


def solve_deaths(count, hours, between):
    """All survive with $e^{-N h / M}$; the rest is the chance that at least one dies."""
    return 1 - math.exp(-count * hours / between)


# --- 8.6.6 ---------------------------------------------------------------------------------------


def check_schedule(answer):
    schedule = function(answer)
    for durations, count, most in (
        ([1.0, 1, 1, 1, 4], 2, 4.0),
        ([7.0, 6, 5, 4, 3], 2, 14.0),
        ([2.0, 6, 2, 2], 2, 6.0),
        ([2.0], 3, 2.0),
    ):
        result = schedule(list(durations), count)
        if not isinstance(result, list | tuple) or len(result) != count:
            raise Wrong(f"Give back a list of {count} lists, one for each worker.")
        try:
            given = sorted(int(i) for tasks in result for i in tasks)
        except (TypeError, ValueError):
            raise Wrong("Each worker's list holds the numbers of its tasks, from 0 on.") from None
        if given != list(range(len(durations))):
            raise Wrong("Every task must be given out exactly once.")
        slowest = max(sum(durations[i] for i in tasks) for tasks in result)
        if slowest > most:
            raise Wrong(
                f"With tasks of {durations} s and {count} workers the last one ends after "
                f"{slowest:g} s; {most:g} s are possible. Which task should go first?"
            )


def solve_schedule(durations, count):
    """Longest task first, each to the worker that has least to do. The last to begin is then a
    short one, and keeps the others waiting for a short time only."""
    tasks, load = [[] for _ in range(count)], [0.0] * count
    for i in sorted(range(len(durations)), key=lambda i: -durations[i]):
        free = load.index(min(load))
        tasks[free].append(i)
        load[free] += durations[i]
    return tasks


def _schedule_in_order(durations, count):
    tasks, load = [[] for _ in range(count)], [0.0] * count
    for i, duration in enumerate(durations):
        free = load.index(min(load))
        tasks[free].append(i)
        load[free] += duration
    return tasks


def _schedule_filled(durations, count):
    tasks, load, free = [[] for _ in range(count)], 0.0, 0
    for i, duration in enumerate(durations):
        if load >= sum(durations) / count and free < count - 1:
            load, free = 0.0, free + 1
        tasks[free].append(i)
        load += duration
    return tasks


def _schedule_turns(durations, count):
    return [list(range(k, len(durations), count)) for k in range(count)]


def _schedule_twice(durations, count):
    return [list(range(len(durations))) for _ in range(count)]


EXERCISES = (
    Exercise(
        id="8.6.1",
        title="The gradient of a batch in parts",
        asks="function",
        check=check_average,
        hints=(
            "What does a mean have to be multiplied by to become a sum?",
            "Add the sums, and divide once, by the number of all examples.",
        ),
        solution=solve_average,
        wrong_answers=(
            (lambda means, counts: np.mean(means, axis=0), "the same weight"),
            (
                lambda means, counts: sum(c * m for c, m in zip(counts, means, strict=True)),
                "sum over all examples",
            ),
            (lambda means, counts: np.sum(means, axis=0), "weigh them"),
        ),
    ),
    Exercise(
        id="8.6.2",
        title="What doesn't get shorter",
        asks="function",
        check=check_serial,
        hints=(
            "Which part of the time does not depend on how many workers there are?",
            "Write T_N as the shared and the other part of T_1, and divide by T_1.",
        ),
        solution=solve_serial,
        wrong_answers=(
            (lambda one, many, count: one / many, "That is the speed-up"),
            (_serial_efficiency, "efficiency of 1"),
            (_serial_gustafson, "Gustafson"),
            (lambda one, many, count: 1 - solve_serial(one, many, count), "can be shared"),
        ),
    ),
    Exercise(
        id="8.6.3",
        title="Batch statistics from shards",
        asks="function",
        check=check_statistics,
        hints=(
            "Which three numbers of a shard can be added to those of another?",
            "A shard's squared distances from the mean of all: its variance, plus the square of "
            "how far its own mean lies from it.",
        ),
        solution=solve_statistics,
        wrong_answers=(
            (_statistics_unweighted, "weigh their means"),
            (_statistics_within, "differ from each other"),
            (_statistics_less_one, "count less one"),
            (_statistics_squares, "no digits"),
            (
                lambda counts, means, variances: solve_statistics(counts, means, variances)[0],
                "two arrays",
            ),
        ),
    ),
    Exercise(
        id="8.6.4",
        title="Star against ring",
        asks="function",
        check=check_ring,
        hints=(
            "What passes the driver of a star is in the formula of $T_N$.",
            "In a ring one part of N is sent in each round. How many rounds until every part is "
            "summed somewhere, and until all have all sums?",
        ),
        solution=solve_ring,
        wrong_answers=(
            (lambda count, size: count, "a little less"),
            (lambda count, size: count**2 / (count - 1) / 2, "both ways"),
            (lambda count, size: (count - 1) / count**2, "Upside down"),
            (lambda count, size: 2 * count * size, "Divide"),
        ),
    ),
    Exercise(
        id="8.6.5",
        title="Will one of them die?",
        asks="function",
        check=check_deaths,
        hints=(
            "The opposite is easier: that none of them dies.",
            "Deaths at random times, on average one in M hours: how likely is none in h hours?",
        ),
        solution=solve_deaths,
        wrong_answers=(
            (lambda count, hours, between: math.exp(-count * hours / between), "all of them"),
            (lambda count, hours, between: count * hours / between, "can exceed 1"),
            (lambda count, hours, between: 1 - math.exp(-hours / between), "one machine"),
            (lambda count, hours, between: 1 - (1 - hours / between) ** count, "at most once"),
        ),
    ),
    Exercise(
        id="8.6.6",
        title="Project: uneven tasks",
        asks="function",
        check=check_schedule,
        hints=(
            "A long task that begins last keeps everybody waiting.",
            "Sort by duration, longest first; give each task to the worker with least to do.",
            "To use it: `client.submit(distributed.noisy_pictures, pieces[i], folder=folder, "
            "workers=[address], pure=False)`, with the clips of a piece for its duration.",
        ),
        solution=solve_schedule,
        wrong_answers=(
            (_schedule_in_order, "Which task should go first?"),
            (_schedule_filled, "Which task should go first?"),
            (_schedule_turns, "Which task should go first?"),
            (_schedule_twice, "exactly once"),
        ),
    ),
)
