"""Exercises of chapter 4.2."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number
from helpers.scratch.recurrence import gru

# --- 4.2.1 ---------------------------------------------------------------------------------------


def _count(widths, units, directions=2, biases=2):
    recurrent = sum(directions * 3 * units * (d + units + biases) for d in widths)
    return recurrent + (4 * units + 1) * 10


def check_parameters(answer):
    count = number(answer, "the number of parameters")
    if close(count, _count([160, 40, 40], 20), rtol=0, atol=0.5):
        return "More depth, fewer units: the count stays well below that of the chapter’s network."
    if count == _count([160, 40, 40], 20, directions=1):
        raise Wrong("Each layer reads in two directions, with weights of its own for each.")
    if count == _count([160, 40, 40], 20, biases=1):
        raise Wrong("Keras’s GRU has two biases for each gate and unit, $b$ and $b'$.")
    if count == _count([160, 20, 20], 20):
        raise Wrong("The second layer reads both directions of the first: $2U$ numbers a step.")
    if count == _count([128, 40, 40], 20):
        raise Wrong("Five frames of 32 bands are stacked here, not four.")
    if count == _count([160, 40, 40], 20) - _count([], 20):
        raise Wrong("The dense layer at the end is missing: mean and maximum of $2U$ states each.")
    raise Wrong("Take the formula layer by layer. How many numbers does each layer read a step?")


def solve_parameters():
    """The first layer reads $D_1 = 5 · 32 = 160$ numbers a step, the others $2U = 40$. A layer has
    $2 · 3U (D + U + 2)$ parameters; the dense layer reads $4U = 80$ numbers and a bias."""
    units = 20
    recurrent = sum(2 * 3 * units * (d + units + 2) for d in (160, 40, 40))
    return recurrent + (4 * units + 1) * 10


# --- 4.2.2 ---------------------------------------------------------------------------------------


def check_half_life(answer):
    half_life = function(answer)
    gates = np.array([0.1, 0.5, 0.9, 0.999])
    result = array(half_life(gates, 0.04), (4,), "the half-lives")
    right = np.log(0.5) / np.log(gates) * 0.04
    if close(result, -right):
        raise Wrong("A half-life is positive: both logarithms are negative, so is neither’s ratio.")
    if close(result, right / 0.04):
        raise Wrong("Those are steps. Seconds were asked for.")
    if close(result, 0.04 / (1 - gates)) or close(result, -0.04 / np.log(gates)):
        raise Wrong("That is the time until $1/e$ is left, or nearly so. Ask for one half.")
    if close(result, np.log(0.5) / np.log(1 - gates) * 0.04):
        raise Wrong("$ζ$ is the share that is kept, $1 - ζ$ what is written anew.")
    if not close(result, right):
        raise Wrong("After $ℓ$ steps $ζ^ℓ$ of the old state is left. Solve $ζ^ℓ = 1/2$ for $ℓ$.")


def solve_half_life(gates, seconds_per_step):
    """What a unit held is multiplied by $ζ$ at each step, along the direct path: $ζ^ℓ = 1/2$ gives
    $ℓ = \\ln \\frac12 / \\ln ζ$ steps. At $ζ = 1/2$ that is one step, as in chapter 3.2."""
    return np.log(0.5) / np.log(gates) * seconds_per_step


# --- 4.2.3 ---------------------------------------------------------------------------------------


def check_pool(answer):
    pool = function(answer)
    rng = np.random.default_rng(3)
    states = rng.uniform(-1, 1, (4, 7, 6)) - 0.5
    heard = rng.random((4, 7)) < 0.5
    heard[:, 2] = True
    before = states.copy()
    result = pool(states, heard)
    if not np.array_equal(states, before):
        raise Wrong("Your function changes `states`. Work on something new, such as `np.where(…)`.")
    result = array(result, (4, 12), "the pooled states")
    mean, largest = result[:, :6], result[:, 6:]
    use = heard[:, :, None]
    total = np.where(use, states, 0).sum(axis=1)
    if close(mean, total / 7):
        raise Wrong("The mean divides by the number of steps that count, not by all steps.")
    if close(mean, states.mean(axis=1)):
        raise Wrong("Your mean is over all steps, heard or not.")
    if not close(mean, total / heard.sum(axis=1, keepdims=True)):
        raise Wrong("The first half should be the mean over the steps where `heard` is True.")
    if close(largest, np.where(use, states, 0).max(axis=1)):
        raise Wrong(
            "States may be negative, so a zero for the steps that are left out can win the maximum."
        )
    if not close(largest, np.where(use, states, -np.inf).max(axis=1)):
        raise Wrong("The second half should be the maximum over the steps that count.")


def solve_pool(states, heard):
    """Left-out steps count as 0 in the sum and as $-∞$ in the maximum."""
    use = heard[:, :, None]
    mean = np.where(use, states, 0).sum(axis=1) / use.sum(axis=1)
    largest = np.where(use, states, -np.inf).max(axis=1)
    return np.concatenate([mean, largest], axis=1)


def _pool_by_all(states, heard):
    use = heard[:, :, None]
    pooled = np.where(use, states, 0).mean(axis=1), np.where(use, states, -np.inf).max(axis=1)
    return np.concatenate(pooled, axis=1)


def _pool_zero_wins(states, heard):
    kept = np.where(heard[:, :, None], states, 0)
    mean = kept.sum(axis=1) / heard.sum(axis=1, keepdims=True)
    return np.concatenate([mean, kept.max(axis=1)], axis=1)


# --- 4.2.4 ---------------------------------------------------------------------------------------


def check_isolation(answer):
    isolation = function(answer)
    answers = np.array(
        [
            [3, 6, 6, 7, 7],
            [7, 6, 7, 7, 7],
            [7, 7, 7, 7, 7],
            [7, 7, 7, 7, 6],
            [1, 2, 3, 4, 7],
        ]
    )
    result = array(isolation(answers, np.full(5, 7)), (5,), "the gates")
    right = np.array([3, 2, 0, 5, 4])
    if np.array_equal(result, [3, 0, 0, 0, 4]):
        raise Wrong(
            "That is the first right answer. A guess that is given up again does not count: from "
            "this gate on *all* answers have to be right."
        )
    if np.array_equal(result[:3], right[:3]) and result[3] != 5:
        raise Wrong(
            "A word that is wrong when heard whole never settles: give the number of gates then."
        )
    if np.array_equal(result, right + 1):
        raise Wrong("Gates count from 0 here. Yours are one too many.")
    if not np.array_equal(result, right):
        raise Wrong("Go from the last gate backwards: how far does the row of right answers reach?")


def solve_isolation(answers, labels):
    """Read backwards, the right answers form a run that ends at the first wrong one. A running
    product of ones and zeros is 1 along that run; its sum is the length of the run."""
    right = answers == labels[:, None]
    run = np.cumprod(right[:, ::-1], axis=1).sum(axis=1)
    return answers.shape[1] - run


def _first_right(answers, labels):
    right = answers == labels[:, None]
    return np.where(right.any(axis=1), right.argmax(axis=1), answers.shape[1])


def _last_wrong(answers, labels):
    wrong = answers != labels[:, None]
    last = answers.shape[1] - 1 - wrong[:, ::-1].argmax(axis=1)
    settled = np.where(wrong.any(axis=1), last + 1, 0)
    return np.minimum(settled, answers.shape[1] - 1)


# --- 4.2.5 ---------------------------------------------------------------------------------------


def _random_network(rng, features, units, classes=10):
    layer = [
        ((d, 3 * units), (units, 3 * units), (2, 3 * units)) * 2 for d in (features, 2 * units)
    ]
    shapes = [*layer[0], *layer[1], (4 * units, classes), (classes,)]
    return [rng.normal(0, 0.7, shape) for shape in shapes]


def _outputs(weights, x):
    """What a two-way GRU of two layers with these arrays says of steps x (batch, time, width)."""
    for w in (weights[:6], weights[6:12]):
        rest = np.zeros((len(x), len(w[1])))
        x = np.concatenate([gru(x, rest, *w[:3]), gru(x[:, ::-1], rest, *w[3:])[:, ::-1]], axis=2)
    pooled = np.concatenate([x.mean(axis=1), x.max(axis=1)], axis=1)
    return pooled @ weights[12] + weights[13]


def check_mirror(answer):
    mirror = function(answer)
    for seed, features, units in ((0, 5, 3), (1, 4, 6)):
        rng = np.random.default_rng(seed)
        weights, x = _random_network(rng, features, units), rng.normal(size=(6, 9, features))
        kept = [w.copy() for w in weights]
        result = mirror(weights)
        if not all(np.array_equal(a, b) for a, b in zip(weights, kept, strict=True)):
            raise Wrong("Your function changes the arrays it was given. Build new ones.")
        if not isinstance(result, list | tuple) or len(result) != 14:
            raise Wrong("Give back a list of 14 arrays, in the order in which they came.")
        result = [
            array(r, w.shape, f"array {i}")
            for i, (r, w) in enumerate(zip(result, weights, strict=True))
        ]
        if all(np.array_equal(a, b) for a, b in zip(result, weights, strict=True)):
            raise Wrong("These are the old weights. What has to change places?")
        if close(_outputs(result, x[:, ::-1]), _outputs(weights, x), 1e-6, 1e-8):
            continue
        swapped = [*weights[3:6], *weights[:3], *weights[9:12], *weights[6:9], *weights[12:]]
        if all(np.array_equal(a, b) for a, b in zip(result, swapped, strict=True)):
            raise Wrong(
                "The directions have changed places, and with them the halves of what each layer "
                "gives. Those who read these halves, the next layer and the dense layer, still "
                "expect them the other way round."
            )
        if not np.array_equal(result[12], weights[12]) and np.array_equal(
            result[12], np.roll(weights[12], 2 * units, axis=0)
        ):
            raise Wrong("The dense layer reads forward and backward *means*, then two *maxima*.")
        if np.array_equal(result[12], weights[12]):
            raise Wrong("The layers look right as far as they go. The dense layer’s rows are not.")
        if np.array_equal(result[6], weights[9]) and np.array_equal(result[9], weights[6]):
            raise Wrong(
                "The second layer reads the two halves of the first, which have changed places: "
                "the rows of its kernels, which meet the input, must follow."
            )
        raise Wrong("Of a word read backwards, your network does not say what the old one said.")


def solve_mirror(weights):
    """Reading backwards exchanges the roles of the two directions, so their weights change places
    in both layers. Then the halves of each layer's output are exchanged as well; the rows of what
    reads them follow: of the second layer's kernels, and of the dense layer, where forward and
    backward means come first and forward and backward maxima after them. The pooling itself does
    not care about order."""
    units = len(weights[1])

    def exchanged(rows):
        return np.roll(rows.reshape(-1, 2, units, rows.shape[1]), 1, axis=1).reshape(rows.shape)

    first = [*weights[3:6], *weights[:3]]
    second = [*weights[9:12], *weights[6:9]]
    second[0], second[3] = exchanged(second[0]), exchanged(second[3])
    return [*first, *second, exchanged(weights[12]), weights[13]]


def _directions_only(weights):
    return [*weights[3:6], *weights[:3], *weights[9:12], *weights[6:9], *weights[12:]]


def _dense_forgotten(weights):
    return [*solve_mirror(weights)[:12], *weights[12:]]


def _kernels_forgotten(weights):
    right = solve_mirror(weights)
    return [*right[:6], weights[9], *right[7:9], weights[6], *right[10:]]


def _means_for_maxima(weights):
    dense = np.roll(weights[12], len(weights[12]) // 2, axis=0)
    return [*solve_mirror(weights)[:12], dense, weights[13]]


# --- 4.2.6 ---------------------------------------------------------------------------------------


def check_project(
    answer, *, guesses, labels, test_states, test_ends, train_states, train_ends, train_labels
):
    from helpers.verdict import interval

    n = len(labels)
    guess = np.asarray(answer)
    if guess.ndim == 2 and len(guess) == n:
        raise Wrong("One digit for each clip is needed: decide with `argmax` over the classes.")
    guess = array(guess, (n,), "one digit for each clip")
    if np.any(guess != np.round(guess)) or guess.min() < 0 or guess.max() > 9:
        raise Wrong("Every answer should be a whole number from 0 to 9.")
    right, before = guess == labels, guesses == labels
    if right.all():
        raise Wrong(
            "Without one error? Then something knows the labels. A reader learns from the training "
            "speakers’ states only."
        )
    if right.mean() < 0.5 * before.mean():
        raise Wrong(
            "That is not half as good as the chapter’s reader. Are the answers in the order of "
            "the clips?"
        )
    gains = [100 * (right[labels == d].mean() - before[labels == d].mean()) for d in range(10)]
    low, high = interval(gains)
    verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
    return (
        f"Over ten digits your reader is worth {np.mean(gains):+.1f} points more than the "
        f"chapter’s, interval [{low:.1f}, {high:.1f}]: {verdict}."
    )


def solve_project(guesses, labels, test_states, test_ends, train_states, train_ends, train_labels):
    """One of many: mean and maximum of all states up to the word's end, as the network itself pools
    them, though it may look at the future and this reader does not. The reader is a linear one with
    a ridge, fitted on the training speakers. `labels` and `guesses` are only for judging."""

    def pooled(states, ends):
        use = (np.arange(states.shape[1]) <= ends[:, None])[:, :, None]
        mean = np.where(use, states, 0).sum(axis=1) / use.sum(axis=1)
        largest = np.where(use, states, -1).max(axis=1)
        return np.column_stack([mean, largest, np.ones(len(states))])

    known = pooled(train_states, train_ends).astype(float)
    ridge = 0.001 * len(known) * np.eye(known.shape[1])
    weights = np.linalg.solve(known.T @ known + ridge, known.T @ np.eye(10)[train_labels])
    return np.argmax(pooled(test_states, test_ends) @ weights, axis=1)


def given_project():
    rng = np.random.default_rng(6)
    directions = rng.normal(size=(10, 8))

    def said(count):
        labels = np.repeat(np.arange(10), count)
        ends = rng.integers(4, 9, len(labels))
        states = np.tanh(directions[labels][:, None] + 2 * rng.normal(size=(len(labels), 9, 8)))
        return labels, ends, states

    train_labels, train_ends, train_states = said(40)
    labels, test_ends, test_states = said(20)
    return {
        "guesses": np.where(rng.random(200) < 0.6, labels, rng.integers(0, 10, 200)),
        "labels": labels,
        "test_states": test_states,
        "test_ends": test_ends,
        "train_states": train_states,
        "train_ends": train_ends,
        "train_labels": train_labels,
    }


EXERCISES = (
    Exercise(
        id="4.2.1",
        title="Narrower and deeper",
        check=check_parameters,
        hints=(
            "A layer that reads $D$ numbers a step has $2 · 3U (D + U + 2)$ parameters.",
            "$D$ is $5 · 32$ for the first layer and $2U$ for the others. Then the dense layer.",
        ),
        solution=solve_parameters,
        wrong_answers=(
            (_count([160, 40, 40], 20, directions=1), "two directions"),
            (_count([160, 40, 40], 20, biases=1), "two biases"),
            (_count([160, 20, 20], 20), "both directions of the first"),
            (_count([128, 40, 40], 20), "Five frames"),
            (_count([160, 40, 40], 20) - 810, "dense layer"),
        ),
    ),
    Exercise(
        id="4.2.2",
        title="Half-life of a unit",
        asks="function",
        check=check_half_life,
        hints=(
            "After $ℓ$ steps, how much of the old state has the direct path let through?",
            "$ζ^ℓ = 1/2$, so $ℓ = \\ln(1/2) / \\ln ζ$. Then steps into seconds.",
        ),
        solution=solve_half_life,
        wrong_answers=(
            (lambda gates, seconds: np.log(0.5) / np.log(gates), "Seconds"),
            (lambda gates, seconds: seconds / (1 - gates), "one half"),
            (lambda gates, seconds: np.log(2) / np.log(gates) * seconds, "positive"),
            (lambda gates, seconds: np.log(0.5) / np.log(1 - gates) * seconds, "kept"),
        ),
    ),
    Exercise(
        id="4.2.3",
        title="Pool over some steps only",
        asks="function",
        check=check_pool,
        hints=(
            "`heard[:, :, None]` has the shape that `np.where` needs beside `states`.",
            "What must a left-out step be replaced by, so that it changes neither a sum nor a "
            "maximum? These are two different numbers.",
        ),
        solution=solve_pool,
        wrong_answers=((_pool_by_all, "number of steps that count"), (_pool_zero_wins, "negative")),
    ),
    Exercise(
        id="4.2.4",
        title="The isolation point",
        asks="function",
        check=check_isolation,
        hints=(
            "Look at `answers == labels[:, None]` from its last column backwards.",
            "`np.cumprod` along a row of ones and zeros is 1 up to the first zero.",
        ),
        solution=solve_isolation,
        wrong_answers=((_first_right, "given up again"), (_last_wrong, "never settles")),
    ),
    Exercise(
        id="4.2.5",
        title="The mirror network",
        asks="function",
        check=check_mirror,
        hints=(
            "Which weights read the reversed word in the same order as the old backward direction?",
            "After the exchange, the first layer gives its halves in the other order. Whose rows "
            "must follow?",
            "The dense layer reads four blocks of $U$ rows: forward means, backward means, forward "
            "maxima, backward maxima.",
        ),
        solution=solve_mirror,
        wrong_answers=(
            (_directions_only, "halves"),
            (_dense_forgotten, "dense layer’s rows"),
            (_kernels_forgotten, "kernels"),
            (_means_for_maxima, "two *maxima*"),
        ),
    ),
    Exercise(
        id="4.2.6",
        title="Project: read without the future",
        check=check_project,
        given=given_project,
        hints=(
            "The chapter’s reader looks at one state. Which functions of *all* forward states so "
            "far could you give it instead?",
            "Pool `test_states` over the steps up to `test_ends`, as in exercise 4.2.3, and fit a "
            "ridge reader on the training speakers’ states, pooled in the same way.",
        ),
        solution=solve_project,
        wrong_answers=(
            (lambda labels, **_: labels, "knows the labels"),
            (lambda guesses, **_: np.eye(10)[guesses], "argmax"),
            (lambda guesses, **_: np.roll(guesses, 20), "order"),
        ),
    ),
)
