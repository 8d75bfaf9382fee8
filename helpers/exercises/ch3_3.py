"""Exercises of chapter 3.3, Attention and the Transformer."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function
from helpers.scratch.attention import attention, block_parameters, causal_mask, encoder_block
from helpers.scratch.attention import sinusoidal_positions as codes
from helpers.scratch.layers import softmax, softmax_backward

# --- 3.3.1 ---------------------------------------------------------------------------------------


def check_by_hand(answer):
    y = array(answer, what="Y").ravel()
    if y.shape != (2,):
        raise Wrong(f"One query and values of width 2 give two numbers, not {len(y)}.")
    if close(y, [7, 14 / 3]):
        raise Wrong("That is the plain mean of the values. Are the three scores alike?")
    unscaled = np.array([1, 4, 16]) / 21 @ _VALUES
    if close(y, unscaled):
        raise Wrong("These weights come from scores that were not divided by $\\sqrt{D_k} = 2$.")
    fourth = np.array([1, np.sqrt(2), 2]) / (3 + np.sqrt(2)) @ _VALUES
    if close(y, fourth):
        raise Wrong("You divided by $D_k = 4$. The division is by its root.")
    linear = np.array([0, 1, 2]) / 3 @ _VALUES
    if close(y, linear):
        raise Wrong("You made weights of the scores themselves. Exponentiate them first.")
    natural = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum() @ _VALUES
    if close(y, natural):
        raise Wrong("You lost the factor $\\ln 2$: the exponentials are powers of 2, not of $e$.")
    if close(y, [63, 42]):
        raise Wrong("The weights of a row add up to 1. Divide by the sum of the exponentials.")
    if not close(y, [9, 6]):
        raise Wrong(
            "Only the first entry of each key meets something other than 0. What are the three "
            "scores, in units of $\\ln 2$, and their exponentials?"
        )


_VALUES = np.array([[7.0, 0.0], [0.0, 7.0], [14.0, 7.0]])


def solve_by_hand():
    """The products are $\\ln 2 \\cdot (0, 2, 4)$, divided by $\\sqrt 4 = 2$ they are
    $\\ln 2 \\cdot (0, 1, 2)$, the exponentials $1, 2, 4$ and the weights $\\frac17, \\frac27,
    \\frac47$. So $Y = \\frac17 (7, 0) + \\frac27 (0, 7) + \\frac47 (14, 7) = (9, 6)$."""
    weights = np.array([1, 2, 4]) / 7
    return weights @ np.array([[7.0, 0.0], [0.0, 7.0], [14.0, 7.0]])


# --- 3.3.2 ---------------------------------------------------------------------------------------


def check_near_past(answer):
    near_past = function(answer)
    for steps, reach in ((5, 2), (1, 0), (4, 0), (6, 1), (3, 7)):
        mask = np.asarray(near_past(steps, reach))
        if mask.dtype != bool:
            raise Wrong(
                f"The mask must be boolean; yours holds {mask.dtype}. A comparison makes one."
            )
        if mask.shape != (1, steps, steps):
            raise Wrong(
                f"The shape should be (1, {steps}, {steps}) for {steps} places; it is {mask.shape}."
            )
        place = np.arange(steps)
        back = place[:, None] - place
        right = (back >= 0) & (back <= reach)
        if np.array_equal(mask[0], right):
            continue
        if np.array_equal(mask[0], ~right):
            raise Wrong("True means that a query *may* look. Yours is the other way round.")
        if np.array_equal(mask[0], right.T) and steps > 1:
            raise Wrong("The rows are the queries. Yours look into the future.")
        if mask[0][back < 0].any():
            raise Wrong(f"With {steps} places and reach {reach}, a query sees what comes after it.")
        if not mask[0].diagonal().all():
            raise Wrong("A place may look at itself, too.")
        raise Wrong(
            f"With {steps} places and reach {reach}, the last place may look at "
            f"{mask[0][-1].sum()} places. Itself and `reach` others make how many?"
        )


def solve_near_past(T, reach):
    """Let $t$ be the query's place and $l$ the key's. The conditions $l \\le t$ and
    $t - l \\le$ `reach` make $0 \\le t - l \\le$ `reach`; the difference of a column and a row of
    places holds all values of $t - l$ at once."""
    place = np.arange(T)
    back = place[:, None] - place
    return ((back >= 0) & (back <= reach))[None]


def _one_short(T, reach):
    place = np.arange(T)
    back = place[:, None] - place
    return ((back >= 0) & (back < max(reach, 1)))[None]


def _future(T, reach):
    return solve_near_past(T, reach).transpose(0, 2, 1)


def _hidden(T, reach):
    return ~solve_near_past(T, reach)


def _numbers(T, reach):
    return solve_near_past(T, reach).astype(float)


# --- 3.3.3 ---------------------------------------------------------------------------------------


def check_softmax_gradient(answer):
    gradient = function(answer)
    rng = np.random.default_rng(33)
    for shape in ((3,), (2, 4), (3, 2, 5), (2, 1)):
        e, d_a = rng.standard_normal(shape), rng.standard_normal(shape)
        a = softmax(e)
        (right,) = softmax_backward(d_a, e)
        found = array(gradient(d_a.copy(), a.copy()), what=f"the gradient of shape {shape}")
        if found.shape != shape:
            raise Wrong(f"The shape should be {shape}, that of the scores; it is {found.shape}.")
        if close(found, right, rtol=1e-6, atol=1e-9):
            continue
        if close(found, a * (1 - a) * d_a, rtol=1e-6):
            raise Wrong(
                "That is the diagonal of the Jacobian. A score changes the *other* weights of its "
                "row as well."
            )
        if close(found, a * d_a, rtol=1e-6):
            raise Wrong("The weights of a row add up to 1, so a sum has to be taken away.")
        if close(found, a * (d_a - d_a.mean(axis=-1, keepdims=True)), rtol=1e-6):
            raise Wrong("The mean that is taken away is weighted: by what?")
        if close(found, a * (d_a - np.sum(d_a * a)), rtol=1e-6):
            raise Wrong("Your sum runs over all rows. Each row is a softmax of its own.")
        if close(found, d_a - np.sum(d_a * a, axis=-1, keepdims=True), rtol=1e-6):
            raise Wrong("The bracket is right. Each entry of it counts by the weight of its key.")
        raise Wrong(f"The values are wrong for the shape {shape}. Start from one row, $L = 2$.")


def solve_softmax_gradient(d_a, a):
    """$\\nabla_E[i] = A[i] \\, (\\nabla_A[i] - \\sum_l \\nabla_A[l] A[l])$, row by row: the
    Jacobian $A[l] (\\mathbb{1}[l = i] - A[i])$, summed over $l$."""
    return a * (d_a - np.sum(d_a * a, axis=-1, keepdims=True))


def _diagonal(d_a, a):
    return a * (1 - a) * d_a


def _nothing_taken_away(d_a, a):
    return a * d_a


def _bracket_alone(d_a, a):
    return d_a - np.sum(d_a * a, axis=-1, keepdims=True)


def _over_all_rows(d_a, a):
    return a * (d_a - np.sum(d_a * a))


# --- 3.3.4 ---------------------------------------------------------------------------------------


def check_merge(answer):
    merge = function(answer)
    for batch, heads, steps, values in ((2, 3, 4, 5), (1, 2, 2, 2), (3, 1, 1, 4), (2, 2, 3, 1)):
        h = np.arange(batch * heads * steps * values, dtype=float).reshape(
            batch, heads, steps, values
        )
        found = array(merge(h.copy()), what="the merged heads")
        right = np.concatenate([h[:, i] for i in range(heads)], axis=-1)
        if found.shape != right.shape:
            raise Wrong(f"The shape should be {right.shape} for {h.shape}; it is {found.shape}.")
        if np.array_equal(found, right):
            continue
        if np.array_equal(found, h.reshape(right.shape)):
            raise Wrong(
                "`reshape` alone keeps the order in memory, so one place now holds values of "
                "several places of the same head. Move the axis of the heads first."
            )
        if np.array_equal(found, h.transpose(0, 2, 3, 1).reshape(right.shape)):
            raise Wrong("The heads are interleaved: each head's values should stay together.")
        raise Wrong("The shape is right, but the numbers are not where they belong.")


def solve_merge(h):
    """The axes go from $(B, N_\\text{heads}, T, D_v)$ to $(B, T, N_\\text{heads}, D_v)$; then the
    last two, which now lie beside one another in the right order, become one."""
    batch, heads, steps, values = h.shape
    return h.transpose(0, 2, 1, 3).reshape(batch, steps, heads * values)


def _only_reshaped(h):
    batch, heads, steps, values = h.shape
    return h.reshape(batch, steps, heads * values)


def _interleaved(h):
    batch, heads, steps, values = h.shape
    return h.transpose(0, 2, 3, 1).reshape(batch, steps, heads * values)


def _not_flattened(h):
    return h.transpose(0, 2, 1, 3)


# --- 3.3.5 ---------------------------------------------------------------------------------------


def check_equivariance(answer):
    is_equivariant = function(answer)
    p = block_parameters(np.random.default_rng(35), 4, 2, 8, dtype=np.float64)
    order = np.random.default_rng(36).permutation(9)
    cases = (
        ("self-attention", lambda x: attention(x, x, x), True),
        ("a whole encoder block", lambda x: encoder_block(x, p), True),
        ("the mean over places, repeated", lambda x: x - x + x.mean(axis=1, keepdims=True), True),
        ("attention with a causal mask", lambda x: attention(x, x, x, causal_mask(9)), False),
        ("attention with positions", lambda x: _with_codes(x), False),
        ("a layer that sorts nothing but shifts", lambda x: np.roll(x, 1, axis=1), False),
        ("a layer that always moves the places", lambda x: x[:, order], False),
    )
    for name, layer, right in cases:
        x = np.random.default_rng(37).standard_normal((2, 9, 4))
        found = is_equivariant(layer, x.copy(), np.random.default_rng(38))
        if not isinstance(found, bool | np.bool_):
            raise Wrong(f"Return True or False; for {name} it was a {type(found).__name__}.")
        if bool(found) == right:
            continue
        if right and name == "self-attention":
            raise Wrong(
                "Self-attention is equivariant, but you say it is not. Permute the *output* in the "
                "same way before you compare, and allow for rounding."
            )
        if right:
            raise Wrong(f"{name.capitalize()} is equivariant; you say it is not.")
        raise Wrong(
            f"{name.capitalize()} is not equivariant; you say it is. Does your order differ from "
            "the old one, and do you permute the axis of the places?"
        )


def _with_codes(x):
    z = x + codes(x.shape[1], x.shape[2], dtype=np.float64)
    return attention(z, z, z)


def solve_equivariance(layer, x, rng):
    """Equivariant means $f(\\Pi X) = \\Pi f(X)$: permute before, permute after, compare. A random
    order that happens to be the old one would prove nothing, so draw until it is another."""
    order = np.arange(x.shape[1])
    while x.shape[1] > 1 and np.array_equal(order, np.arange(x.shape[1])):
        order = rng.permutation(x.shape[1])
    return bool(np.allclose(layer(x[:, order]), layer(x)[:, order]))


def _invariance(layer, x, rng):
    order = rng.permutation(x.shape[1])
    return bool(np.allclose(layer(x[:, order]), layer(x)))


def _batch_permuted(layer, x, rng):
    order = rng.permutation(len(x))
    return bool(np.allclose(layer(x[order]), layer(x)[order]))


def _to_the_last_bit(layer, x, rng):
    order = rng.permutation(x.shape[1])
    return bool(np.array_equal(layer(x[:, order]), layer(x)[:, order]))


# --- 3.3.6 ---------------------------------------------------------------------------------------


def check_rotate(answer):
    rotate = function(answer)
    rng = np.random.default_rng(39)
    for batch, steps, width in ((2, 6, 8), (1, 1, 2), (1, 12, 4)):
        x = rng.standard_normal((batch, steps, width))
        found = array(rotate(x.copy()), x.shape, f"x of shape {x.shape}")
        if not close(found[:, 0], x[:, 0]):
            raise Wrong("Place 0 is turned by the angle 0: it should not change.")
        if not close(np.linalg.norm(found, axis=-1), np.linalg.norm(x, axis=-1)):
            raise Wrong("A turn keeps the length of a vector; yours does not.")
        right = solve_rotate(x)
        if close(found, right, rtol=1e-6, atol=1e-9):
            continue
        if close(found, _clockwise(x), rtol=1e-6, atol=1e-9):
            raise Wrong("You turn clockwise. Products would not mind, but the task says otherwise.")
        if close(found, _halves(x), rtol=1e-6, atol=1e-9):
            raise Wrong("Pairs are neighbours, columns $2i$ and $2i + 1$; you paired the halves.")
        raise Wrong("The lengths are right, but not the angles. Which is the rate of pair $i$?")
    q, k = rng.standard_normal((2, 4))
    turned_q, turned_k = (rotate(np.tile(v, (1, 12, 1)))[0] for v in (q, k))
    products = turned_q @ turned_k.T
    if not close(np.ptp(np.diagonal(products, 3)), 0.0):
        raise Wrong("The products of turned queries and keys do not depend on the distance alone.")
    return (
        "The backward of a turn is the turn the other way: its matrix is orthogonal, so its "
        "transpose is its inverse."
    )


def solve_rotate(x):
    """A turn by $t\\vartheta_i$ is an orthogonal matrix, and turns add up: the product of a query
    turned by $t\\vartheta_i$ and a key turned by $l\\vartheta_i$ is that of the query and the key
    turned by $(l - t)\\vartheta_i$. Backward: turn the gradient by the negative angle."""
    _, steps, width = x.shape
    angle = np.arange(steps)[:, None] * 10_000.0 ** (-np.arange(0, width, 2) / width)
    a, b = x[..., 0::2], x[..., 1::2]
    turned = np.stack(
        [a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], axis=-1
    )
    return turned.reshape(x.shape).astype(x.dtype)


def _clockwise(x):
    _, steps, width = x.shape
    angle = -np.arange(steps)[:, None] * 10_000.0 ** (-np.arange(0, width, 2) / width)
    a, b = x[..., 0::2], x[..., 1::2]
    turned = [a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)]
    return np.stack(turned, axis=-1).reshape(x.shape)


def _halves(x):
    half = x.shape[-1] // 2
    paired = np.stack([x[..., :half], x[..., half:]], axis=-1).reshape(x.shape)
    turned = solve_rotate(paired)
    return np.concatenate([turned[..., 0::2], turned[..., 1::2]], axis=-1)


def _added(x):
    return x + codes(x.shape[1], x.shape[2], dtype=np.float64)


def _one_rate(x):
    angle = np.arange(x.shape[1])[:, None]
    a, b = x[..., 0::2], x[..., 1::2]
    turned = [a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)]
    return np.stack(turned, axis=-1).reshape(x.shape)


EXERCISES = (
    Exercise(
        id="3.3.1",
        title="By hand",
        check=check_by_hand,
        hints=(
            "The query is 0 except in its first entry, so only the first entry of each key counts.",
            "The scores are $\\ln 2 \\cdot (0, 2, 4) / \\sqrt{D_k}$. And $e^{n \\ln 2} = 2^n$.",
        ),
        solution=solve_by_hand,
        wrong_answers=(
            (np.array([7.0, 14 / 3]), "plain mean"),
            (np.array([1, 4, 16]) / 21 @ _VALUES, "not divided"),
            (np.array([1, np.sqrt(2), 2]) / (3 + np.sqrt(2)) @ _VALUES, "divided by $D_k = 4$"),
            (np.array([0, 1, 2]) / 3 @ _VALUES, "Exponentiate"),
            (np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum() @ _VALUES, "powers of 2"),
            (np.array([63.0, 42.0]), "add up to 1"),
        ),
    ),
    Exercise(
        id="3.3.2",
        title="Only the near past",
        asks="function",
        check=check_near_past,
        hints=(
            "Write down the two conditions on $t - l$.",
            "`place[:, None] - place` holds $t - l$ for each query $t$ (row) and key $l$ (column).",
        ),
        solution=solve_near_past,
        wrong_answers=(
            (_one_short, "`reach` others"),
            (_future, "into the future"),
            (_hidden, "other way round"),
            (_numbers, "boolean"),
        ),
    ),
    Exercise(
        id="3.3.3",
        title="Backward of the softmax, from its output",
        asks="function",
        check=check_softmax_gradient,
        hints=(
            "The derivation in the chapter ends with a formula in which the scores do not occur.",
            "What is taken away is the mean of the gradient under the weights, one for each row.",
        ),
        solution=solve_softmax_gradient,
        wrong_answers=(
            (_diagonal, "diagonal"),
            (_nothing_taken_away, "taken away"),
            (_over_all_rows, "all rows"),
            (_bracket_alone, "bracket is right"),
        ),
    ),
    Exercise(
        id="3.3.4",
        title="Merge the heads",
        asks="function",
        check=check_merge,
        hints=(
            "Which two axes must lie beside one another, and in which order, to become one?",
            "`transpose(0, 2, 1, 3)`, then `reshape`.",
        ),
        solution=solve_merge,
        wrong_answers=(
            (_only_reshaped, "order in memory"),
            (_interleaved, "interleaved"),
            (_not_flattened, "shape should be"),
        ),
    ),
    Exercise(
        id="3.3.5",
        title="A test of equivariance",
        asks="function",
        check=check_equivariance,
        hints=(
            "Equivariant: $f(\\Pi X) = \\Pi f(X)$. Invariant would be $f(\\Pi X) = f(X)$.",
            "`rng.permutation(x.shape[1])` draws an order; `x[:, order]` applies it.",
        ),
        solution=solve_equivariance,
        wrong_answers=(
            (_invariance, "Permute the *output*"),
            (_batch_permuted, "axis of the places"),
            (_to_the_last_bit, "rounding"),
        ),
    ),
    Exercise(
        id="3.3.6",
        title="Project: rotary positions",
        asks="function",
        check=check_rotate,
        hints=(
            "The angles form an array of shape $(T, D_k / 2)$: places times rates.",
            "`x[..., 0::2]` and `x[..., 1::2]` are the two members of all pairs; `np.stack` along "
            "a new last axis and `reshape` put them back.",
        ),
        solution=solve_rotate,
        wrong_answers=(
            (_added, "Place 0"),
            (_clockwise, "clockwise"),
            (_halves, "paired the halves"),
            (_one_rate, "not the angles"),
        ),
    ),
)
