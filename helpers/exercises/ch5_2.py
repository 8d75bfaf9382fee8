"""Exercises of chapter 5.2, A sound recogniser."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number

# --- 5.2.1 ---------------------------------------------------------------------------------------


def check_frames(answer):
    frames = function(answer)
    value = number(frames(8000, 256, 80), "8 000 samples, frames of 256, hop 80")
    if close(value, 8000 // 80, rtol=0):
        raise Wrong("You counted the hops. The last frames would reach beyond the end of the clip.")
    if close(value, (8000 - 256) // 80, rtol=0):
        raise Wrong(
            "You counted the steps between frames. One frame and no step is already a frame."
        )
    if close(value, 8000 // 256, rtol=0):
        raise Wrong("Frames overlap: the next one begins after a hop, not after a whole frame.")
    if value != int(value):
        raise Wrong("A part of a frame is no frame: round down.")
    if not close(value, 97, rtol=0):
        raise Wrong("Write down where the first, the second and the last frame begin.")
    for n, expected in ((256, 1), (335, 1), (336, 2)):
        if not close(number(frames(n, 256, 80), f"{n} samples"), expected, rtol=0):
            raise Wrong(f"Try {n} samples by hand: how many frames of 256 fit, 80 apart?")
    if number(frames(100, 256, 80), "100 samples") != 0:
        raise Wrong("100 samples do not fill one frame of 256. Less than none is not possible.")


def solve_frames(n, n_fft, hop):
    """Frame $t$ begins at sample $tH$ and needs $N$ samples, so $tH + N \\le n$. The largest such
    $t$ is $\\lfloor (n - N) / H \\rfloor$, and counting begins at frame 0."""
    return max(0, 1 + (n - n_fft) // hop)


# --- 5.2.2 ---------------------------------------------------------------------------------------


def check_parameters(answer):
    count = number(answer, "the number of parameters")
    convolutions = 25 * 16 + 9 * (16 * 32 + 32 * 64)
    normalisation, dense = 4 * (16 + 32 + 64), (64 + 1) * 10
    if close(count, convolutions + dense, rtol=0):
        raise Wrong("Batch normalisation has parameters too: four numbers for every channel.")
    if close(count, convolutions + normalisation // 2 + dense, rtol=0):
        raise Wrong("Each channel also carries two running statistics, a mean and a variance.")
    if close(count, convolutions + normalisation + 64 * 10, rtol=0):
        raise Wrong("Each of the ten outputs of the dense layer also has a bias.")
    if close(count, convolutions + (16 + 32 + 64) + normalisation + dense, rtol=0):
        raise Wrong("These convolutions have no bias; the normalisation behind them shifts anyway.")
    if close(count, 9 * (16 + 16 * 32 + 32 * 64) + normalisation + dense, rtol=0):
        raise Wrong("The first convolution is larger than the others: 5 × 5.")
    if not close(count, convolutions + normalisation + dense, rtol=0):
        raise Wrong("Go layer by layer: filter size × channels in × channels out, then add up.")


def solve_parameters():
    """The convolutions have $25 \\cdot 16 + 9\\,(16 \\cdot 32 + 32 \\cdot 64)$ weights, the
    normalisations four numbers for each of 112 channels, the dense layer $65 \\cdot 10$."""
    channels = (16, 32, 64)
    convolutions = 25 * 16 + 9 * (16 * 32 + 32 * 64)
    return convolutions + 4 * sum(channels) + (64 + 1) * 10


# --- 5.2.3 ---------------------------------------------------------------------------------------


def check_split(answer):
    split = function(answer)
    for seed in range(5):
        data = np.random.default_rng(seed)
        people = np.array([f"person {i}" for i in range(10)])
        speakers = data.choice(people, 200, p=data.dirichlet(np.full(10, 3.0)))
        result = split(speakers, 0.2, np.random.default_rng(seed + 100))
        if not isinstance(result, list | tuple) or len(result) != 2:
            raise Wrong("Give back two arrays, the indices for training and those for the test.")
        train, test = (array(part, (None,), "the indices") for part in result)
        if any(np.asarray(part).dtype == bool for part in result):
            raise Wrong("These are masks. Give back the indices: `np.flatnonzero` of each mask.")
        if len(train) + len(test) != 200 or set(train) | set(test) != set(range(200)):
            raise Wrong("Together the two must hold every clip from 0 to n − 1 exactly once.")
        heard, tested = set(speakers[train.astype(int)]), set(speakers[test.astype(int)])
        if heard & tested:
            raise Wrong(
                f"It leaks: {len(heard & tested)} of {len(heard | tested)} people are on both "
                "sides. Draw people, not clips."
            )
        wanted = max(1, round(0.2 * len(heard | tested)))
        if len(tested) != wanted:
            raise Wrong(
                f"A fifth of {len(heard | tested)} people was asked for, which is {wanted}; "
                f"{len(tested)} were held out."
            )
    speakers = np.repeat(people, 20)
    third = split(speakers, 0.38, np.random.default_rng(0))[1]
    if len(set(speakers[np.asarray(third, int)])) != 4:
        raise Wrong("Round the number of people: 0.38 of ten people is four, not three.")
    drawn = [split(speakers, 0.2, np.random.default_rng(seed))[1] for seed in range(6)]
    if all(np.array_equal(np.sort(drawn[0]), np.sort(d)) for d in drawn):
        raise Wrong("The same people are held out whatever the generator: draw them with `rng`.")


def solve_split(speakers, fraction, rng):
    """Draw from the list of *people*, then let every clip follow its speaker. `np.isin` does that
    for all clips at once, so nobody can end up on both sides."""
    people = np.unique(speakers)
    held_out = rng.choice(people, max(1, round(fraction * len(people))), replace=False)
    in_test = np.isin(speakers, held_out)
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def _split_of_clips(speakers, fraction, rng):
    order = rng.permutation(len(speakers))
    size = round(fraction * len(speakers))
    return order[size:], order[:size]


def _split_of_one(speakers, fraction, rng):
    in_test = speakers == np.unique(speakers)[0]
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def _split_the_same(speakers, fraction, rng):
    people = np.unique(speakers)
    in_test = np.isin(speakers, people[: max(1, round(fraction * len(people)))])
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def _split_masks(speakers, fraction, rng):
    train, test = solve_split(speakers, fraction, rng)
    return np.isin(np.arange(len(speakers)), train), np.isin(np.arange(len(speakers)), test)


def _split_rounded_down(speakers, fraction, rng):
    people = np.unique(speakers)
    away = rng.choice(people, max(1, int(fraction * len(people))), replace=False)
    in_test = np.isin(speakers, away)
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


# --- 5.2.4 ---------------------------------------------------------------------------------------


def check_stripes(answer):
    blank = function(answer)
    picture = np.arange(48.0).reshape(8, 6)
    kept = picture.copy()
    result = array(blank(picture, (2, 5), (1, 3), -1.0), (8, 6), "the picture")
    if not np.array_equal(picture, kept):
        raise Wrong("The picture that was passed in has changed. Copy it before you write into it.")
    expected = kept.copy()
    expected[2:5] = -1.0
    expected[:, 1:3] = -1.0
    if np.sum(result != kept) == 6:
        raise Wrong("You blanked only where the two stripes cross. Each runs across the picture.")
    if np.array_equal(result[:, 1:3], expected[:, 1:3]) and np.array_equal(result[0], kept[0]):
        raise Wrong("The stripe of frames is missing.")
    if np.array_equal(np.where(expected == -1.0, 0.0, expected), result):
        raise Wrong("Write `value` into the stripes: 0 is not the quietest value of every picture.")
    if close(result[5], np.full(6, -1.0)):
        raise Wrong("The stripe is one too wide: (2, 5) means frames 2, 3 and 4.")
    if not np.array_equal(result, expected):
        raise Wrong("Blank rows 2 to 4 and columns 1 to 2, and leave everything else alone.")
    if not np.array_equal(blank(kept, (3, 3), (0, 0), -1.0), kept):
        raise Wrong("Stripes of no width, such as (3, 3), should change nothing.")


def solve_stripes(picture, frames, bands, value):
    """A copy, then two assignments to slices. The stripes cross the whole picture, so that the
    network cannot lean on one moment or one frequency alone."""
    blanked = picture.copy()
    blanked[frames[0] : frames[1]] = value
    blanked[:, bands[0] : bands[1]] = value
    return blanked


def _stripes_in_place(picture, frames, bands, value):
    picture[frames[0] : frames[1]] = value
    picture[:, bands[0] : bands[1]] = value
    return picture


def _stripes_crossing(picture, frames, bands, value):
    blanked = picture.copy()
    blanked[frames[0] : frames[1], bands[0] : bands[1]] = value
    return blanked


def _stripes_of_zeros(picture, frames, bands, value):
    return solve_stripes(picture, frames, bands, 0.0)


# --- 5.2.5 ---------------------------------------------------------------------------------------


def check_ece(answer):
    ece = function(answer)
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False, False, False, True, True])
    value = number(ece(confidence, right), "the calibration error")
    if close(value, 45.0):
        raise Wrong("That is in percent; give a fraction between 0 and 1.")
    if close(value, abs(confidence.mean() - right.mean())):
        raise Wrong(
            "That is one gap over everything: too sure here and too modest there cancel out. Take "
            "the gap within each bin first."
        )
    if close(value, (0.45 + 0.45) / 2) and not close(value, 0.45 * 6 / 8 + 0.45 * 2 / 8):
        raise Wrong("Weigh each bin by the clips in it.")
    uneven = number(
        ece(np.array([0.95] * 9 + [0.35]), np.array([True] * 9 + [True])), "the calibration error"
    )
    if close(uneven, (0.05 + 0.65) / 2):
        raise Wrong(
            "A bin with one clip counts as much as one with nine. Weigh bins by their size."
        )
    if not close(value, 0.45) or not close(uneven, 0.9 * 0.05 + 0.1 * 0.65):
        raise Wrong(
            "In each bin: the share that is right, minus the mean confidence, without its sign. "
            "Then the mean over bins, weighted by their clips."
        )
    if not close(number(ece(np.array([1.0, 1.0]), np.array([True, True])), "full confidence"), 0):
        raise Wrong("A confidence of exactly 1 belongs into the last bin. Where does yours go?")


def solve_ece(confidence, right, bins=10):
    """$\\mathrm{ECE} = \\sum_b \\frac{n_b}{n}\\,|\\mathrm{acc}_b - \\mathrm{conf}_b|$. Bins without
    clips are skipped, and a confidence of 1 goes into the last bin."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for b in np.unique(place):
        inside = place == b
        total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


def _ece_overall(confidence, right, bins=10):
    return abs(confidence.mean() - right.mean())


def _ece_in_percent(confidence, right, bins=10):
    return 100 * solve_ece(confidence, right, bins)


def _ece_unweighted(confidence, right, bins=10):
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return np.mean(
        [abs(right[place == b].mean() - confidence[place == b].mean()) for b in {*place}]
    )


# --- 5.2.6 ---------------------------------------------------------------------------------------


def check_project(answer, *, augmented, plain, labels, speakers):
    from helpers.verdict import interval

    n = len(labels)
    guess = np.asarray(answer)
    if guess.shape == np.shape(augmented):
        raise Wrong(
            "These look like logits. Decide: one digit per clip, `argmax` over the classes."
        )
    guess = array(guess, (n,), "one digit for each clip")
    if np.any(guess != np.round(guess)) or guess.min() < 0 or guess.max() > 9:
        raise Wrong("Every answer should be a whole number from 0 to 9.")
    right = guess == labels
    if right.all():
        raise Wrong(
            "Right for every stranger, without one error: that is a leak, not a triumph. Had each "
            "network truly never heard the speaker that it was asked about?"
        )
    before = np.argmax(augmented, axis=1) == labels
    if right.mean() < 0.5 * before.mean():
        raise Wrong(
            "That is not half as good as the chapter's network. Are the answers in the order of "
            "the clips?"
        )
    gains = [
        100 * (right[speakers == s].mean() - before[speakers == s].mean()) for s in {*speakers}
    ]
    low, high = interval(gains)
    verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
    return (
        f"Over {len(gains)} speakers your change is worth {np.mean(gains):+.1f} points, "
        f"interval [{low:.1f}, {high:.1f}]: {verdict}."
    )


def solve_project(augmented, plain, labels, speakers):
    """One of many: ask both networks. Networks that learnt differently err differently, and the
    mean of their probabilities is often better than either. `labels` and `speakers` are only for
    judging; using them here would be cheating."""

    def probabilities(logits):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return np.argmax(probabilities(augmented) + probabilities(plain), axis=1)


def given_project():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 10, 300)
    speakers = np.repeat(["ada", "ben", "cleo"], 100)
    noisy = [
        (2.0 * np.eye(10)[labels] + rng.normal(0, 1.0, (300, 10))).astype(np.float32)
        for _ in range(2)
    ]
    return {"augmented": noisy[0], "plain": noisy[1], "labels": labels, "speakers": speakers}


EXERCISES = (
    Exercise(
        id="5.2.1",
        title="How many frames?",
        asks="function",
        check=check_frames,
        hints=(
            "Frame $t$ covers samples $tH$ to $tH + N - 1$. Which is the last that still fits?",
            "Solve $tH + N \\le n$ for $t$, and remember that the first frame is number 0.",
        ),
        solution=solve_frames,
        wrong_answers=(
            (lambda n, n_fft, hop: n // hop, "counted the hops"),
            (lambda n, n_fft, hop: (n - n_fft) // hop, "steps between frames"),
            (lambda n, n_fft, hop: 1 + (n - n_fft) / hop, "round down"),
            (lambda n, n_fft, hop: 1 + (n - n_fft) // hop, "do not fill one frame"),
        ),
    ),
    Exercise(
        id="5.2.2",
        title="Another network",
        check=check_parameters,
        hints=(
            "Three kinds of layers have parameters: convolutions, normalisations, the dense layer.",
            "A convolution of $k × k$ from $a$ to $b$ channels has $k^2 ab$ weights, no bias here.",
        ),
        solution=solve_parameters,
        wrong_answers=((24_090, "normalisation"), (24_528, "bias"), (24_650, "no bias")),
    ),
    Exercise(
        id="5.2.3",
        title="A split that does not leak",
        asks="function",
        check=check_split,
        hints=(
            "`np.unique(speakers)` is the list of people. Draw from that list.",
            "`rng.choice(people, count, replace=False)`, then `np.isin(speakers, chosen)`.",
        ),
        solution=solve_split,
        wrong_answers=(
            (_split_of_clips, "It leaks"),
            (_split_of_one, "held out"),
            (_split_the_same, "whatever the generator"),
            (_split_masks, "np.flatnonzero"),
            (_split_rounded_down, "Round"),
        ),
    ),
    Exercise(
        id="5.2.4",
        title="Two stripes",
        asks="function",
        check=check_stripes,
        hints=(
            "The picture is (frames, bands): a stripe of frames is a slice of rows.",
            "Work on `picture.copy()`, and assign to two slices, one after the other.",
        ),
        solution=solve_stripes,
        wrong_answers=(
            (_stripes_in_place, "has changed"),
            (_stripes_crossing, "cross"),
            (_stripes_of_zeros, "`value`"),
        ),
    ),
    Exercise(
        id="5.2.5",
        title="How far off is its confidence?",
        asks="function",
        check=check_ece,
        hints=(
            "Sort the clips into bins: `(confidence * bins).astype(int)`. Mind a confidence of 1.",
            "For each bin that has clips: the gap between its mean of `right` and its mean "
            "confidence, times its share of all clips. Add these up.",
        ),
        solution=solve_ece,
        wrong_answers=(
            (_ece_overall, "cancel"),
            (_ece_unweighted, "Weigh bins"),
            (_ece_in_percent, "fraction"),
        ),
    ),
    Exercise(
        id="5.2.6",
        title="Project: beat it",
        check=check_project,
        given=given_project,
        hints=(
            "Change one thing and keep the rest: more steps, other channels, gentler changes, two "
            "networks that vote.",
            "Train with `fit` as the chapter does, put the two networks into `networks` as "
            "`networks['mine', half]`, and ask them with `ask_strangers('mine')`: it sees to it "
            "that each network is asked about people it never heard.",
            "No training needed: the chapter already has two families of networks. What is the "
            "mean of their probabilities worth?",
        ),
        solution=solve_project,
        wrong_answers=(
            (lambda labels, **_: labels, "leak"),
            (lambda augmented, **_: augmented, "argmax"),
            (lambda augmented, **_: np.roll(np.argmax(augmented, axis=1), 1), "order"),
        ),
    ),
)
