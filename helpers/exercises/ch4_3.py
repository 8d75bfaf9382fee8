"""Exercises of chapter 4.3, Transformers."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number
from helpers.scratch.layers import softmax

# --- 4.3.1 ---------------------------------------------------------------------------------------


def _count(width=60, hidden=120, blocks=3, stack=5, places=20, attention=None, embed_bias=1):
    attention = 4 * (width + 1) * width if attention is None else attention
    block = attention + (2 * width + 1) * hidden + width + 4 * width
    outer = (stack * 32 + embed_bias) * width + 2 * width + (width + 1) * 10
    return outer + places * width + blocks * block


def check_count(answer):
    count = number(answer, "the number of parameters")
    if count == _count():
        return "The number of heads is nowhere in it: they share the width."
    if count == _count(attention=6 * 4 * 61 * 60):
        raise Wrong("You counted attention once per head. The heads share the width of 60.")
    if count == _count(places=0):
        raise Wrong("You left out the table of positions.")
    if count == _count(places=100):
        raise Wrong("How many steps are there? Each has one row of positions, not each frame.")
    if count == _count(blocks=1):
        raise Wrong("That is the number with one block. There are three.")
    if count == _count(stack=4, places=25):
        raise Wrong("That is the number for four frames a step; here it is five.")
    dense_biases = 60 + 3 * (4 * 60 + 120 + 60) + 10
    if count in (_count() - dense_biases, _count() - dense_biases - 7 * 60):
        raise Wrong("Dense layers, attention and LayerNorm have biases, too.")
    if count in (_count() - 7 * 60, _count() - 7 * 2 * 60, _count() - 2 * 60):
        raise Wrong("Seven LayerNorms, two a block and one at the end, hold two numbers a unit.")
    raise Wrong(
        f"{count:,.0f} is not it. Count embedding, positions, one block (attention, feed-forward, "
        "two LayerNorms), times three, the last LayerNorm and the votes."
    )


def solve_count():
    """Embedding $(5 \\cdot 32 + 1) \\cdot 60$, positions $20 \\cdot 60$; each of three blocks has
    $4 \\cdot 61 \\cdot 60$ in attention, $(2 \\cdot 60 + 1) \\cdot 120 + 60$ in the feed-forward
    layers and $4 \\cdot 60$ in two LayerNorms; then $2 \\cdot 60$ and $61 \\cdot 10$."""
    block = 4 * 61 * 60 + 121 * 120 + 60 + 4 * 60
    return 161 * 60 + 20 * 60 + 3 * block + 2 * 60 + 61 * 10


# --- 4.3.2 ---------------------------------------------------------------------------------------


def check_effective(answer):
    effective = function(answer)
    one = np.zeros((2, 1, 4, 4))
    one[..., 2] = 1
    try:
        with np.errstate(divide="raise", invalid="raise"):
            found = np.asarray(effective(one.copy()), float)
    except FloatingPointError:
        raise Wrong(
            "A weight of exactly 0 gives $0 \\cdot \\ln 0$: it should count as 0."
        ) from None
    if not np.all(np.isfinite(found)):
        raise Wrong("A weight of exactly 0 gives $0 \\cdot \\ln 0$: it should count as 0.")
    rng = np.random.default_rng(43)
    for batch, heads, steps, keys in ((2, 1, 4, 4), (3, 4, 5, 6), (1, 2, 1, 3)):
        maps = softmax(2 * rng.standard_normal((batch, heads, steps, keys)))
        if (batch, heads) == (2, 1):
            maps[0] = one[0]
        found = array(effective(maps.copy()), (heads,), "the effective numbers")
        right = solve_effective(maps)
        if close(found, right, rtol=1e-5):
            continue
        if close(found, _entropy_of(maps), rtol=1e-5):
            raise Wrong("That is the entropy, in nats. The effective number is $e$ to its power.")
        if close(found, np.exp(_entropy_of(maps)), rtol=1e-5):
            raise Wrong(
                "You averaged the entropies and then took the exponential. Each row has its own "
                "effective number; average those."
            )
        if close(found, _base_two(maps), rtol=1e-5):
            raise Wrong("Logarithm and exponential must have the same base.")
        raise Wrong(f"The numbers are wrong for shape {maps.shape}. Which axis adds up to 1?")


def _entropy_of(maps):
    logs = np.log(np.where(maps > 0, maps, 1))
    return -np.sum(maps * logs, axis=-1).mean(axis=(0, 2))


def _base_two(maps):
    logs = np.log2(np.where(maps > 0, maps, 1))
    return np.exp(-np.sum(maps * logs, axis=-1)).mean(axis=(0, 2))


def _exponential_last(maps):
    return np.exp(_entropy_of(maps))


def _zero_times_minus_infinity(maps):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.exp(-np.sum(maps * np.log(maps), axis=-1)).mean(axis=(0, 2))


def solve_effective(maps):
    """The entropy of a row that shares its weight evenly over $n$ steps is $\\ln n$, so $e$ to the
    power of it counts steps. Where a weight is 0, the logarithm is taken of 1 instead: the product
    is 0, as its limit is."""
    logs = np.log(np.where(maps > 0, maps, 1))
    entropy = -np.sum(maps * logs, axis=-1)
    return np.exp(entropy).mean(axis=(0, 2))


# --- 4.3.3 ---------------------------------------------------------------------------------------


def check_rollout(answer):
    rolled_out = function(answer)
    rng = np.random.default_rng(44)
    for blocks, batch, heads, steps in ((1, 2, 1, 3), (2, 2, 4, 5), (3, 1, 2, 4)):
        maps = [
            softmax(2 * rng.standard_normal((batch, heads, steps, steps))) for _ in range(blocks)
        ]
        found = array(
            rolled_out([m.copy() for m in maps]), (batch, steps, steps), f"{blocks} blocks"
        )
        right = solve_rollout(maps)
        if close(found, right, rtol=1e-6):
            continue
        if close(found, _no_residual(maps), rtol=1e-6):
            raise Wrong("Half of each step stays where it is: what about the residual connection?")
        if close(found, _other_way(maps), rtol=1e-6):
            raise Wrong(
                "The order is the other way round. The last block looks at what the first has "
                "made, so its matrix stands on the left."
            )
        if close(found, _unnormalised(maps), rtol=1e-6):
            raise Wrong("The rows should add up to 1: the two halves, of $I$ and of $A$.")
        if close(found, right.transpose(0, 2, 1), rtol=1e-6):
            raise Wrong("Rows are steps of the output; yours are the columns.")
        raise Wrong(f"The numbers are wrong for {blocks} blocks with {heads} heads.")


def solve_rollout(maps):
    """A step of block $n$'s output is half itself and half what its heads, on average, looked at:
    $\\tilde A_n = \\frac12 (I + \\frac{1}{N_\\text{heads}} \\sum_i A_{n,i})$. What the last block
    looks at has been made by the one before, so the products go from the last to the first,
    $\\tilde A_N \\cdots \\tilde A_1$. Rows still add up to 1."""
    steps = maps[0].shape[-1]
    out = np.broadcast_to(np.eye(steps), (len(maps[0]), steps, steps))
    for a in maps:
        out = (np.eye(steps) + a.mean(axis=1)) / 2 @ out
    return out


def _no_residual(maps):
    out = maps[0].mean(axis=1)
    for a in maps[1:]:
        out = a.mean(axis=1) @ out
    return out


def _other_way(maps):
    return solve_rollout(maps[::-1])


def _unnormalised(maps):
    out = np.eye(maps[0].shape[-1])
    for a in maps:
        out = (np.eye(a.shape[-1]) + a.mean(axis=1)) @ out
    return out


# --- 4.3.4 ---------------------------------------------------------------------------------------


def check_falls(answer):
    falls = function(answer)
    rng = np.random.default_rng(45)
    for frames, bands, stack, fill in ((12, 3, 4, -1.0), (6, 2, 1, 0.5), (10, 4, 5, -1.75)):
        picture = rng.standard_normal((frames, bands))
        weights, calls = rng.standard_normal((frames, bands)), []

        def score(pictures, weights=weights, calls=calls):
            pictures = np.asarray(pictures)
            if pictures.ndim != 3:
                raise Wrong("`score` takes a batch of pictures, $(B, \\text{frames}, M)$.")
            calls.append(len(pictures))
            return np.tanh((pictures * weights).sum(axis=(1, 2)) / 10)

        given = picture.copy()
        found = array(falls(score, given, stack, fill), (frames // stack,), "the falls")
        if not np.array_equal(given, picture):
            raise Wrong("The picture has changed. Fill a copy.")
        made = len(calls)
        right = solve_falls(score, picture, stack, fill)
        if close(found, -right, rtol=1e-6) and not close(right, 0):
            raise Wrong("The sign: a step that matters should have a positive fall.")
        if close(found, _one_frame(score, picture, stack, fill), rtol=1e-6) and stack > 1:
            raise Wrong("You filled one frame of each step; fill all of them.")
        if close(found, _more_and_more(score, picture, stack, fill), rtol=1e-6):
            raise Wrong("Steps stay filled while you fill the next. Hide each of them alone.")
        if not close(found, right, rtol=1e-6):
            raise Wrong(f"The falls are wrong for {frames} frames and {stack} frames a step.")
        if made != 1:
            raise Wrong(f"The falls are right, but `score` was called {made} times; once will do.")


def solve_falls(score, picture, stack, fill):
    """One batch holds the picture as it is and, for each step, a copy in which that step is
    filled. The fall is what the first scores more than the others."""
    steps = len(picture) // stack
    batch = np.repeat(picture[None], 1 + steps, axis=0)
    for t in range(steps):
        batch[1 + t, t * stack : (t + 1) * stack] = fill
    scores = score(batch)
    return scores[0] - scores[1:]


def _rises(score, picture, stack, fill):
    return -solve_falls(score, picture, stack, fill)


def _one_frame(score, picture, stack, fill):
    steps = len(picture) // stack
    batch = np.repeat(picture[None], 1 + steps, axis=0)
    for t in range(steps):
        batch[1 + t, t * stack] = fill
    scores = score(batch)
    return scores[0] - scores[1:]


def _more_and_more(score, picture, stack, fill):
    steps = len(picture) // stack
    batch = np.repeat(picture[None], 1 + steps, axis=0)
    for t in range(steps):
        batch[1 + t, : (t + 1) * stack] = fill
    scores = score(batch)
    return scores[0] - scores[1:]


def _in_place(score, picture, stack, fill):
    whole, out = score(picture[None])[0], []
    for t in range(len(picture) // stack):
        picture[t * stack : (t + 1) * stack] = fill
        out.append(whole - score(picture[None])[0])
    return np.array(out)


def _many_calls(score, picture, stack, fill):
    whole, out = score(picture[None])[0], []
    for t in range(len(picture) // stack):
        hidden = picture.copy()
        hidden[t * stack : (t + 1) * stack] = fill
        out.append(whole - score(hidden[None])[0])
    return np.array(out)


# --- 4.3.5 ---------------------------------------------------------------------------------------


def check_stretched(answer):
    stretched = function(answer)
    rng = np.random.default_rng(46)
    for old, width, steps in ((5, 3, 9), (25, 4, 50), (6, 2, 6), (7, 2, 4)):
        table = rng.standard_normal((old, width))
        found = array(stretched(table.copy(), steps), (steps, width), f"{old} rows made {steps}")
        if close(found, solve_stretched(table, steps), rtol=1e-6, atol=1e-9):
            continue
        if steps != old and close(found, _repeated(table, steps)):
            raise Wrong("You repeat rows. Between two rows draw a straight line.")
        if steps != old and close(found, _tiled(table, steps)):
            raise Wrong("You begin again from the first row. Stretch the table over all steps.")
        if not close(found[0], table[0]) or not close(found[-1], table[-1]):
            raise Wrong("The first and the last row must be the old first and last.")
        raise Wrong(f"The ends are right, but not the rows between, for {old} rows made {steps}.")


def solve_stretched(positions, steps):
    """New row $t$ stands at the place $t\\,(T_\\text{old} - 1) / (T_\\text{new} - 1)$ of the old
    table. `np.interp` draws the straight lines, one column at a time."""
    at = np.linspace(0, len(positions) - 1, steps)
    places = np.arange(len(positions))
    return np.stack([np.interp(at, places, column) for column in positions.T], axis=1)


def _repeated(positions, steps):
    return positions[np.arange(steps) * len(positions) // steps]


def _tiled(positions, steps):
    return positions[np.arange(steps) % len(positions)]


def _inside(positions, steps):
    at = (np.arange(steps) + 0.5) * len(positions) / steps - 0.5
    places = np.arange(len(positions))
    return np.stack([np.interp(at, places, column) for column in positions.T], axis=1)


# --- 4.3.6 ---------------------------------------------------------------------------------------


def check_anagrams(answer):
    anagrams = function(answer)
    rng = np.random.default_rng(47)
    for batch, steps, stack, bands in ((6, 5, 4, 3), (30, 6, 2, 2)):
        pictures = rng.standard_normal((batch, steps * stack, bands))
        word = np.zeros((batch, steps), bool)
        for row, length in zip(word, rng.integers(1, steps, batch), strict=True):
            row[1 : 1 + length] = True
        word[0] = [False, True, True, *[False] * (steps - 3)]
        given = pictures.copy()
        made = anagrams(given, word.copy(), stack, np.random.default_rng(48))
        if not isinstance(made, tuple | list) or len(made) != 2:
            raise Wrong("Return two things: `(both, label)`.")
        both = array(made[0], (2 * batch, steps * stack, bands), "`both`")
        label = array(made[1], (2 * batch,), "`label`")
        if not np.array_equal(label, np.repeat([0, 1], batch)):
            raise Wrong("The first half has the label 0, the second 1.")
        if not np.array_equal(given, pictures):
            raise Wrong("The pictures you were given have changed. Work on a copy.")
        if not np.array_equal(both[:batch], pictures):
            raise Wrong("The first half should be the pictures as they are.")
        old = pictures.reshape(batch, steps, stack, bands)
        new = both[batch:].reshape(old.shape)
        if not np.array_equal(new[~word], old[~word]):
            raise Wrong("Something outside the word has moved.")
        for i in range(batch):
            before, after = (sorted(map(bytes, x[i][word[i]])) for x in (old, new))
            if before != after:
                raise Wrong(
                    "A step's frames should stay together, in their order, and each step of the "
                    "word should occur once."
                )
            if word[i].sum() > 1 and np.array_equal(old[i], new[i]):
                raise Wrong("A word came out as it went in. Draw again until the order is another.")
    return (
        "Without positions the two halves are one to the network, by the theorem of this chapter: "
        "no training takes it beyond chance."
    )


def solve_anagrams(pictures, word, stack, rng):
    """Seen as $(B, T, \\text{stack}, M)$, the steps of a word are rows that can be permuted. A
    random order may be the old one, or one that looks like it, so draw until it differs; a word of
    one step, or of equal ones, has no other order."""
    old = pictures.reshape(len(pictures), word.shape[1], stack, -1)
    new = old.copy()
    for steps, source, at in zip(new, old, word, strict=True):
        while np.any(source[at] != source[at][:1]) and np.array_equal(steps, source):
            steps[at] = rng.permutation(source[at])
    both = np.concatenate([pictures, new.reshape(pictures.shape)])
    return both, np.repeat([0, 1], len(pictures))


def _frames_shuffled(pictures, word, stack, rng):
    new, frames = pictures.copy(), np.repeat(word, stack, axis=1)
    for picture, at in zip(new, frames, strict=True):
        picture[at] = rng.permutation(picture[at])
    return np.concatenate([pictures, new]), np.repeat([0, 1], len(pictures))


def _drawn_once(pictures, word, stack, rng):
    new = pictures.reshape(len(pictures), word.shape[1], stack, -1).copy()
    for steps, at in zip(new, word, strict=True):
        steps[at] = rng.permutation(steps[at])
    both = np.concatenate([pictures, new.reshape(pictures.shape)])
    return both, np.repeat([0, 1], len(pictures))


def _everything_shuffled(pictures, word, stack, rng):
    new = pictures.reshape(len(pictures), word.shape[1], stack, -1)
    new = np.stack([rng.permutation(steps) for steps in new])
    both = np.concatenate([pictures, new.reshape(pictures.shape)])
    return both, np.repeat([0, 1], len(pictures))


EXERCISES = (
    Exercise(
        id="4.3.1",
        title="Count",
        check=check_count,
        hints=(
            "100 frames, five a step: how many steps, and how many numbers in each?",
            "Attention has four maps from 60 to 60 numbers with a bias each, whatever the heads.",
        ),
        solution=solve_count,
        wrong_answers=(
            (_count(attention=6 * 4 * 61 * 60), "once per head"),
            (_count(places=0), "table of positions"),
            (_count(places=100), "not each frame"),
            (_count(blocks=1), "one block"),
            (_count() - 60 - 3 * 420 - 10, "have biases, too"),
            (_count() - 7 * 60, "Seven LayerNorms"),
        ),
    ),
    Exercise(
        id="4.3.2",
        title="How sharp is a head?",
        asks="function",
        check=check_effective,
        hints=(
            "What is the entropy of a row that shares its weight evenly over $n$ steps?",
            "First `np.exp` of each row's entropy, then the mean over clips and rows.",
        ),
        solution=solve_effective,
        wrong_answers=(
            (_entropy_of, "in nats"),
            (_exponential_last, "Each row has its own"),
            (_zero_times_minus_infinity, "should count as 0"),
            (_base_two, "same base"),
        ),
    ),
    Exercise(
        id="4.3.3",
        title="Rollout through any number of blocks",
        asks="function",
        check=check_rollout,
        hints=(
            "For one block the answer is $\\frac12 (I + \\text{mean over heads of } A)$.",
            "Multiply each new block's matrix from the left, with `@`.",
        ),
        solution=solve_rollout,
        wrong_answers=(
            (_no_residual, "residual"),
            (_other_way, "other way round"),
            (_unnormalised, "add up to 1"),
        ),
    ),
    Exercise(
        id="4.3.4",
        title="One by one",
        asks="function",
        check=check_falls,
        hints=(
            "`np.repeat(picture[None], n, axis=0)` makes `n` copies.",
            "Let the first picture of the batch be the one without a hole.",
        ),
        solution=solve_falls,
        wrong_answers=(
            (_rises, "sign"),
            (_one_frame, "one frame"),
            (_more_and_more, "alone"),
            (_in_place, "has changed"),
            (_many_calls, "once will do"),
        ),
    ),
    Exercise(
        id="4.3.5",
        title="A longer window",
        asks="function",
        check=check_stretched,
        hints=(
            "Where in the old table, at no whole number as a rule, does new row $t$ stand?",
            "`np.interp(at, places, column)` does it for one column.",
        ),
        solution=solve_stretched,
        wrong_answers=(
            (_repeated, "straight line"),
            (_tiled, "begin again"),
            (_inside, "rows between"),
        ),
    ),
    Exercise(
        id="4.3.6",
        title="Project: make order count",
        asks="function",
        check=check_anagrams,
        hints=(
            "`pictures.reshape(B, T, stack, M)[i][word[i]]` are the steps of one word.",
            "`rng.permutation` gives them in another order, or in the same one.",
        ),
        solution=solve_anagrams,
        wrong_answers=(
            (_frames_shuffled, "stay together"),
            (_drawn_once, "Draw again"),
            (_everything_shuffled, "outside the word"),
        ),
    ),
)
