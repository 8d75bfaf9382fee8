"""Attention and the blocks of a Transformer in NumPy, with their gradients.

A mask is a boolean array (batch, queries, keys), True where a query may look, or (1, queries, keys)
if it is the same for the whole batch. A query that may look nowhere weighs all keys equally, as in
Keras, and no gradient passes through its scores.

The parameters of a block are a dict {name: array}; its backward returns a dict of the same names in
their place.
"""

import numpy as np

from helpers.errors import ShapeError
from helpers.scratch._shapes import sizes
from helpers.scratch.layers import (
    dense,
    dense_backward,
    layer_norm,
    layer_norm_backward,
    softmax,
    softmax_backward,
)

ATTENTION = ("w_q", "b_q", "w_k", "b_k", "w_v", "b_v", "w_o", "b_o")
"""The parameters of multi-head attention, in the order of its arguments. Chapter: 3.3"""

FEED_FORWARD = ("w_1", "b_1", "w_2", "b_2")
"""The parameters of the feed-forward sublayer, in the order of its arguments. Chapter: 3.3"""

PARTS = ("residual", "norm", "feed-forward")
"""What can be left out of a block, to see what it is for. Chapter: 3.3"""

HIDDEN = -1e9
"""The score of a key at which a query may not look: its exponential is 0 beside any other.

Chapter: 3.3
"""


# --- attention -----------------------------------------------------------------------------------


def attention_weights(q, k, mask=None, scaled=True):
    """A = softmax(Q K^T / sqrt(D_k)). q (batch, queries, width), k (batch, keys, width).

    Returns (batch, queries, keys); each row adds up to 1. mask: see the module. scaled=False
    leaves out the division. Raises ShapeError, naming the axis, if shapes do not fit, TypeError for
    a mask that is not boolean.

    Chapter: 3.3
    Source: [vaswani2017attention]
    """
    sizes(q=(q, "batch queries width"), k=(k, "batch keys width"))
    return softmax(_scores(q, k, mask, scaled))


def attention(q, k, v, mask=None, scaled=True):
    """Y = A V: each query gets a mean of the values, weighted by `attention_weights`.

    q (batch, queries, width), k (batch, keys, width), v (batch, keys, values).
    Returns (batch, queries, values). mask, scaled and errors as in `attention_weights`.

    Chapter: 3.3
    Source: [vaswani2017attention]
    """
    sizes(q=(q, "batch queries width"), k=(k, "batch keys width"), v=(v, "batch keys values"))
    return softmax(_scores(q, k, mask, scaled)) @ v


def attention_backward(d_output, q, k, v, mask=None, scaled=True):
    """Gradients of attention: (d_q, d_k, d_v, None); the mask has none.

    Chapter: 3.3
    """
    sizes(
        d_output=(d_output, "batch queries values"),
        q=(q, "batch queries width"),
        k=(k, "batch keys width"),
        v=(v, "batch keys values"),
    )
    e = _scores(q, k, mask, scaled)
    d_v = softmax(e).transpose(0, 2, 1) @ d_output
    d_weights = d_output @ v.transpose(0, 2, 1)
    (d_e,) = softmax_backward(d_weights, e)
    if mask is not None:
        d_e = np.where(mask, d_e, 0).astype(e.dtype)
    d_e = d_e * _scale(q, scaled)
    return d_e @ k, d_e.transpose(0, 2, 1) @ q, d_v, None


def causal_mask(queries, keys=None):
    """Each query may look at keys up to its own place: bool (1, queries, keys).

    keys: as many as queries unless given. Raises ValueError for lengths below 1.

    Chapter: 3.3
    """
    keys = queries if keys is None else keys
    if queries < 1 or keys < 1:
        raise ValueError(f"{queries} queries and {keys} keys: both must be 1 or more")
    return (np.arange(keys) <= np.arange(queries)[:, None])[None]


def _scale(q, scaled):
    return np.asarray(1 / np.sqrt(q.shape[-1]) if scaled else 1.0, q.dtype)


def _scores(q, k, mask, scaled):
    """E: scores (batch, queries, keys), with a very low one where a query may not look."""
    e = (q @ k.transpose(0, 2, 1)) * _scale(q, scaled)
    if mask is None:
        return e
    _check_mask(mask, *e.shape)
    return np.where(mask, e, e.dtype.type(HIDDEN))


def _check_mask(mask, batch, queries, keys):
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        raise TypeError("mask must be a boolean NumPy array, True where a query may look")
    if mask.ndim != 3:
        raise ShapeError(f"mask has shape {mask.shape}; it needs 3 axes: (batch, queries, keys)")
    wanted = (("batch", batch), ("queries", queries), ("keys", keys))
    for (axis, size), found in zip(wanted, mask.shape, strict=True):
        if found != size and not (axis == "batch" and found == 1):
            raise ShapeError(
                f"axis {axis!r} is {found} in mask, of shape {mask.shape}, but must be {size}"
            )


# --- heads ---------------------------------------------------------------------------------------


def split_heads(x, w, b):
    """Project, and give every head its own part: (batch, steps, D) → (batch · heads, steps, width).

    w (D, heads, width), b (heads, width). The heads of one example stand behind one another.

    Chapter: 3.3
    """
    n = sizes(x=(x, "batch steps features"), w=(w, "features heads width"), b=(b, "heads width"))
    y = dense(x.reshape(-1, n["features"]), w.reshape(n["features"], -1), b.reshape(-1))
    y = y.reshape(n["batch"], n["steps"], n["heads"], n["width"])
    return y.transpose(0, 2, 1, 3).reshape(-1, n["steps"], n["width"])


def split_heads_backward(d_output, x, w, b):
    """Gradients of split_heads: (d_x, d_w, d_b). d_output (batch · heads, steps, width).

    Chapter: 3.3
    """
    n = sizes(x=(x, "batch steps features"), w=(w, "features heads width"), b=(b, "heads width"))
    d_y = d_output.reshape(n["batch"], n["heads"], n["steps"], n["width"]).transpose(0, 2, 1, 3)
    d_x, d_w, d_b = dense_backward(
        d_y.reshape(-1, n["heads"] * n["width"]),
        x.reshape(-1, n["features"]),
        w.reshape(n["features"], -1),
        b.reshape(-1),
    )
    return d_x.reshape(x.shape), d_w.reshape(w.shape), d_b.reshape(b.shape)


def merge_heads(y, w, b):
    """Add up what the heads say, each through its own matrix: (batch · heads, steps, values) → …

    … (batch, steps, D'). w (heads, values, D'), b (D'). Raises ShapeError if the first axis of y
    is not a multiple of the heads.

    Chapter: 3.3
    """
    flat, columns = _side_by_side(y, w, b)
    out = dense(flat, w.reshape(columns, -1), b)
    return out.reshape(-1, y.shape[1], len(b))


def merge_heads_backward(d_output, y, w, b):
    """Gradients of merge_heads: (d_y, d_w, d_b). d_output (batch, steps, D').

    Chapter: 3.3
    """
    flat, columns = _side_by_side(y, w, b)
    d_flat, d_w, d_b = dense_backward(d_output.reshape(-1, len(b)), flat, w.reshape(columns, -1), b)
    d_y = d_flat.reshape(-1, y.shape[1], *w.shape[:2]).transpose(0, 2, 1, 3)
    return d_y.reshape(y.shape), d_w.reshape(w.shape), d_b


def _side_by_side(y, w, b):
    """The heads of a step beside one another: (batch · steps, heads · values), and that width."""
    sizes(y=(y, "parts steps values"), w=(w, "heads values outputs"), b=(b, "outputs"))
    heads, columns = w.shape[0], w.shape[0] * w.shape[1]
    if len(y) % heads:
        raise ShapeError(f"axis 'parts' of y is {len(y)}, no multiple of the {heads} heads in w")
    flat = y.reshape(-1, heads, *y.shape[1:]).transpose(0, 2, 1, 3).reshape(-1, columns)
    return flat, columns


def multi_head_attention(x, memory, w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o, mask=None, scaled=True):
    """Several attentions side by side: queries from x, keys and values from memory.

    x (batch, queries, D), memory (batch, keys, D_memory); x twice for self-attention. Weights as in
    Keras: w_q (D, heads, D_k), w_k (D_memory, heads, D_k), w_v (D_memory, heads, D_v),
    w_o (heads, D_v, D'), and biases b_q, b_k (heads, D_k), b_v (heads, D_v), b_o (D',).
    Returns (batch, queries, D'). mask and errors as in `attention_weights`.

    Chapter: 3.3
    Source: [vaswani2017attention]
    """
    _check_heads(x, memory, w_q, w_k, w_v, w_o)
    q, k, v = split_heads(x, w_q, b_q), split_heads(memory, w_k, b_k), split_heads(memory, w_v, b_v)
    y = attention(q, k, v, _for_heads(mask, x, memory, w_q), scaled)
    return merge_heads(y, w_o, b_o)


def multi_head_attention_backward(
    d_output, x, memory, w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o, mask=None, scaled=True
):
    """Gradients of multi_head_attention, one for each array argument; None for the mask.

    Where memory is x, the gradient of x is the sum of the first two.

    Chapter: 3.3
    """
    _check_heads(x, memory, w_q, w_k, w_v, w_o)
    q, k, v = split_heads(x, w_q, b_q), split_heads(memory, w_k, b_k), split_heads(memory, w_v, b_v)
    mask = _for_heads(mask, x, memory, w_q)
    y = attention(q, k, v, mask, scaled)
    sizes(d_output=(d_output, "batch queries outputs"), x=(x, "batch queries features"))
    d_y, d_w_o, d_b_o = merge_heads_backward(d_output, y, w_o, b_o)
    d_q, d_k, d_v, _ = attention_backward(d_y, q, k, v, mask, scaled)
    d_x, d_w_q, d_b_q = split_heads_backward(d_q, x, w_q, b_q)
    d_as_key, d_w_k, d_b_k = split_heads_backward(d_k, memory, w_k, b_k)
    d_as_value, d_w_v, d_b_v = split_heads_backward(d_v, memory, w_v, b_v)
    d_memory = d_as_key + d_as_value
    return d_x, d_memory, d_w_q, d_b_q, d_w_k, d_b_k, d_w_v, d_b_v, d_w_o, d_b_o, None


def _check_heads(x, memory, w_q, w_k, w_v, w_o):
    sizes(
        x=(x, "batch queries features"),
        memory=(memory, "batch keys memory_features"),
        w_q=(w_q, "features heads width"),
        w_k=(w_k, "memory_features heads width"),
        w_v=(w_v, "memory_features heads values"),
        w_o=(w_o, "heads values outputs"),
    )


def _for_heads(mask, x, memory, w_q):
    """The mask (batch or 1, queries, keys) for all heads: (batch · heads or 1, queries, keys)."""
    if mask is None:
        return None
    _check_mask(mask, len(x), x.shape[1], memory.shape[1])
    return mask if len(mask) == 1 else np.repeat(mask, w_q.shape[1], axis=0)


# --- positions -----------------------------------------------------------------------------------


def sinusoidal_positions(steps, width, base=10_000.0, dtype=np.float32):
    """PE: position codes (steps, width), pairs of sine and cosine of steps / base^(2i / width).

    Columns 2i and 2i + 1 hold sine and cosine of the same angle, so width must be even: ValueError
    if it is not, or if steps is below 1 or base not above 1.

    Chapter: 3.3
    Source: [vaswani2017attention]
    """
    if steps < 1 or width < 2 or width % 2 or not base > 1:
        raise ValueError(
            f"steps is {steps}, width {width}, base {base}: they must be at least 1, even and "
            "positive, and above 1"
        )
    rates = base ** (-np.arange(0, width, 2) / width)
    angles = np.arange(steps)[:, None] * rates
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(steps, width).astype(dtype)


def embedding(tokens, table):
    """Look up one row for each token: tokens (batch, steps) int, table (tokens, D) → (…, D).

    Returns (batch, steps, D). Raises TypeError for tokens that are no whole numbers, ShapeError for
    another number of axes, ValueError for a token that has no row.

    Chapter: 3.3
    """
    _check_tokens(tokens, table)
    return table[tokens]


def embedding_backward(d_output, tokens, table):
    """Gradients of embedding: (None, d_table). A row that is looked up often collects a sum.

    Chapter: 3.3
    """
    _check_tokens(tokens, table)
    sizes(d_output=(d_output, "batch steps width"), table=(table, "tokens width"))
    if d_output.shape[:2] != tokens.shape:
        raise ShapeError(f"d_output has shape {d_output.shape}, but tokens {tokens.shape}")
    d_table = np.zeros_like(table)
    np.add.at(d_table, tokens, d_output)
    return None, d_table


def _check_tokens(tokens, table):
    rows = sizes(table=(table, "tokens width"))["tokens"]
    if not isinstance(tokens, np.ndarray) or not np.issubdtype(tokens.dtype, np.integer):
        raise TypeError(f"tokens must be a NumPy array of whole numbers, not {tokens!r}")
    if tokens.ndim != 2 or tokens.size == 0:
        raise ShapeError(f"tokens has shape {tokens.shape}; it needs 2 axes: (batch, steps)")
    if tokens.min() < 0 or tokens.max() >= rows:
        raise ValueError(f"tokens must lie from 0 to {rows - 1}: axis 'tokens' of table is {rows}")


def learned_positions(x, table):
    """Add a learned row to each place: X + first rows of table. x (batch, steps, D) → the same.

    table (longest, D). Raises ShapeError, naming the axis, if x is longer than the table.

    Chapter: 3.3
    Source: [gehring2017convolutional]
    """
    return x + table[: _places(x, table)]


def learned_positions_backward(d_output, x, table):
    """Gradients of learned_positions: (d_x, d_table); rows beyond the steps get zero.

    Chapter: 3.3
    """
    steps = _places(x, table)
    sizes(d_output=(d_output, "batch steps width"), x=(x, "batch steps width"))
    d_table = np.zeros_like(table)
    d_table[:steps] = d_output.sum(axis=0)
    return d_output, d_table


def _places(x, table):
    n = sizes(x=(x, "batch steps width"), table=(table, "longest width"))
    if n["steps"] > n["longest"]:
        raise ShapeError(
            f"axis 'steps' of x is {n['steps']}, but axis 'longest' of table only {n['longest']}"
        )
    return n["steps"]


# --- the feed-forward sublayer -------------------------------------------------------------------


def feed_forward(x, w_1, b_1, w_2, b_2, activation="relu"):
    """Two dense layers for each place on its own: Y = f(X W_1 + b_1) W_2 + b_2.

    x (batch, steps, D), w_1 (D, inner), b_1 (inner,), w_2 (inner, D'), b_2 (D',). Returns
    (batch, steps, D'). activation: "relu", or "gelu" in its form with tanh. Raises ShapeError,
    naming the axis, if shapes do not fit, ValueError for another activation.

    Chapter: 3.3
    Source: [vaswani2017attention]; [hendrycks2016gaussian] for GELU
    """
    _check_feed_forward(x, w_1, b_1, w_2, b_2)
    hidden, _ = _activated(dense(x.reshape(-1, x.shape[-1]), w_1, b_1), activation)
    return dense(hidden, w_2, b_2).reshape(*x.shape[:2], len(b_2))


def feed_forward_backward(d_output, x, w_1, b_1, w_2, b_2, activation="relu"):
    """Gradients of feed_forward: (d_x, d_w_1, d_b_1, d_w_2, d_b_2).

    Chapter: 3.3
    """
    _check_feed_forward(x, w_1, b_1, w_2, b_2)
    sizes(d_output=(d_output, "batch steps outputs"), x=(x, "batch steps features"))
    flat = x.reshape(-1, x.shape[-1])
    hidden, slope = _activated(dense(flat, w_1, b_1), activation)
    d_hidden, d_w_2, d_b_2 = dense_backward(d_output.reshape(-1, len(b_2)), hidden, w_2, b_2)
    d_flat, d_w_1, d_b_1 = dense_backward(d_hidden * slope, flat, w_1, b_1)
    return d_flat.reshape(x.shape), d_w_1, d_b_1, d_w_2, d_b_2


def _check_feed_forward(x, w_1, b_1, w_2, b_2):
    sizes(
        x=(x, "batch steps features"),
        w_1=(w_1, "features inner"),
        b_1=(b_1, "inner"),
        w_2=(w_2, "inner outputs"),
        b_2=(b_2, "outputs"),
    )


def _activated(u, activation):
    """f(u) and its slope f'(u), both of u's shape."""
    if activation == "relu":
        return np.maximum(u, 0), (u > 0).astype(u.dtype)
    if activation != "gelu":
        raise ValueError(f"activation is {activation!r}; it must be 'relu' or 'gelu'")
    root = u.dtype.type(np.sqrt(2 / np.pi))
    t = np.tanh(root * (u + 0.044715 * u**3))
    inner = root * (1 + 3 * 0.044715 * u * u)
    return 0.5 * u * (1 + t), 0.5 * (1 + t) + 0.5 * u * (1 - t * t) * inner


# --- blocks --------------------------------------------------------------------------------------


def sublayer(x, inner, gamma, bias, norm="pre", without=None):
    """Residual connection and normalisation around a function `inner` of x (batch, steps, D).

    norm="pre": x + inner(LN(x)); norm="post": LN(x + inner(x)). without: None, "residual" or "norm"
    (whose part is left out). Returns (batch, steps, D). Raises ValueError for another norm.

    Chapter: 3.3
    Source: [he2016deep], [ba2016layer], [xiong2020layer]
    """
    _check_options(norm, without)
    skip = x if without != "residual" else 0
    if norm == "pre":
        return skip + inner(_normed(x, gamma, bias, without))
    return _normed(skip + inner(x), gamma, bias, without)


def sublayer_backward(d_output, x, inner, inner_backward, gamma, bias, norm="pre", without=None):
    """Gradients of sublayer: (d_x, d_gamma, d_bias, [what else inner_backward returns]).

    inner_backward(d_output, x) returns the gradient of x first.

    Chapter: 3.3
    """
    _check_options(norm, without)
    kept = x.dtype.type(without != "residual")
    if norm == "pre":
        normed = _normed(x, gamma, bias, without)
        d_normed, *others = inner_backward(d_output, normed)
        d_x, d_gamma, d_bias = _normed_backward(d_normed, x, gamma, bias, without)
        return d_x + kept * d_output, d_gamma, d_bias, others
    total = kept * x + inner(x)
    d_total, d_gamma, d_bias = _normed_backward(d_output, total, gamma, bias, without)
    d_x, *others = inner_backward(d_total, x)
    return d_x + kept * d_total, d_gamma, d_bias, others


def _check_options(norm, without):
    if norm not in ("pre", "post"):
        raise ValueError(f"norm is {norm!r}; it must be 'pre' or 'post'")
    if without is not None and without not in PARTS:
        raise ValueError(f"without is {without!r}; it must be None or one of {', '.join(PARTS)}")


def _normed(x, gamma, bias, without):
    return x if without == "norm" else layer_norm(x, gamma, bias)


def _normed_backward(d_output, x, gamma, bias, without):
    if without == "norm":
        return d_output, np.zeros_like(gamma), np.zeros_like(bias)
    return layer_norm_backward(d_output, x, gamma, bias)


def encoder_block(x, parameters, mask=None, norm="pre", activation="relu", without=None):
    """Self-attention, then feed-forward, each as a `sublayer`. x (batch, steps, D) → the same.

    parameters: {name: array}, such as `block_parameters` draws: "self." + each of ATTENTION,
    "feed." + each of FEED_FORWARD, "norm_1.gamma", "norm_1.bias", and "norm_2." the same. mask:
    (batch or 1, steps, steps). without: None or one of PARTS. Raises KeyError, naming it, if a
    parameter is missing, and what its parts raise.

    Chapter: 3.3
    Source: [vaswani2017attention]; [xiong2020layer] for norm="pre"
    """
    own, feed = _named(parameters, "self", ATTENTION), _named(parameters, "feed", FEED_FORWARD)
    norms = [_named(parameters, f"norm_{i}", ("gamma", "bias")) for i in (1, 2)]
    y = sublayer(x, lambda z: multi_head_attention(z, z, *own, mask), *norms[0], norm, without)
    if without == "feed-forward":
        return y
    return sublayer(y, lambda z: feed_forward(z, *feed, activation), *norms[1], norm, without)


def encoder_block_backward(
    d_output, x, parameters, mask=None, norm="pre", activation="relu", without=None
):
    """Gradients of encoder_block: (d_x, {name: gradient}, None).

    Chapter: 3.3
    """
    own, feed = _named(parameters, "self", ATTENTION), _named(parameters, "feed", FEED_FORWARD)
    norms = [_named(parameters, f"norm_{i}", ("gamma", "bias")) for i in (1, 2)]
    look, look_backward = _self_attention(own, mask)
    think, think_backward = _feed_forward(feed, activation)
    gradients = {name: np.zeros_like(array) for name, array in parameters.items()}
    if without != "feed-forward":
        y = sublayer(x, look, *norms[0], norm, without)
        d_output, *d_norm, d_feed = sublayer_backward(
            d_output, y, think, think_backward, *norms[1], norm, without
        )
        gradients |= _gradients("feed", d_feed, "norm_2", d_norm)
    d_x, *d_norm, d_own = sublayer_backward(
        d_output, x, look, look_backward, *norms[0], norm, without
    )
    return d_x, gradients | _gradients("self", d_own, "norm_1", d_norm), None


def decoder_block(
    x, memory, parameters, mask=None, memory_mask=None, norm="pre", activation="relu", without=None
):
    """Self-attention, attention to memory, feed-forward. x (batch, steps, D) → the same.

    memory (batch, keys, D_memory), such as an encoder's output. parameters as in `encoder_block`,
    and "cross." + each of ATTENTION; the norms are 1, 2, 3. mask: over the steps, usually
    `causal_mask(steps)`; memory_mask: (batch or 1, steps, keys). memory is not normalised here.

    Chapter: 3.3
    Source: [vaswani2017attention]; [xiong2020layer] for norm="pre"
    """
    own, cross = (_named(parameters, part, ATTENTION) for part in ("self", "cross"))
    feed = _named(parameters, "feed", FEED_FORWARD)
    norms = [_named(parameters, f"norm_{i}", ("gamma", "bias")) for i in (1, 2, 3)]
    y = sublayer(x, lambda z: multi_head_attention(z, z, *own, mask), *norms[0], norm, without)
    y = sublayer(
        y,
        lambda z: multi_head_attention(z, memory, *cross, memory_mask),
        *norms[1],
        norm,
        without,
    )
    if without == "feed-forward":
        return y
    return sublayer(y, lambda z: feed_forward(z, *feed, activation), *norms[2], norm, without)


def decoder_block_backward(
    d_output,
    x,
    memory,
    parameters,
    mask=None,
    memory_mask=None,
    norm="pre",
    activation="relu",
    without=None,
):
    """Gradients of decoder_block: (d_x, d_memory, {name: gradient}, None, None).

    Chapter: 3.3
    """
    own, cross = (_named(parameters, part, ATTENTION) for part in ("self", "cross"))
    feed = _named(parameters, "feed", FEED_FORWARD)
    norms = [_named(parameters, f"norm_{i}", ("gamma", "bias")) for i in (1, 2, 3)]
    look, look_backward = _self_attention(own, mask)
    think, think_backward = _feed_forward(feed, activation)

    def listen(z):
        return multi_head_attention(z, memory, *cross, memory_mask)

    def listen_backward(d_output, z):
        return multi_head_attention_backward(d_output, z, memory, *cross, memory_mask)[:-1]

    gradients = {name: np.zeros_like(array) for name, array in parameters.items()}
    y_1 = sublayer(x, look, *norms[0], norm, without)
    if without != "feed-forward":
        y_2 = sublayer(y_1, listen, *norms[1], norm, without)
        d_output, *d_norm, d_feed = sublayer_backward(
            d_output, y_2, think, think_backward, *norms[2], norm, without
        )
        gradients |= _gradients("feed", d_feed, "norm_3", d_norm)
    d_y_1, *d_norm, (d_memory, *d_cross) = sublayer_backward(
        d_output, y_1, listen, listen_backward, *norms[1], norm, without
    )
    gradients |= _gradients("cross", d_cross, "norm_2", d_norm)
    d_x, *d_norm, d_own = sublayer_backward(d_y_1, x, look, look_backward, *norms[0], norm, without)
    return d_x, d_memory, gradients | _gradients("self", d_own, "norm_1", d_norm), None, None


def _self_attention(own, mask):
    """Self-attention as a function of one array, and its gradients (d_z, gradients of `own`…)."""

    def look(z):
        return multi_head_attention(z, z, *own, mask)

    def look_backward(d_output, z):
        d_x, d_memory, *others, _ = multi_head_attention_backward(d_output, z, z, *own, mask)
        return d_x + d_memory, *others

    return look, look_backward


def _feed_forward(feed, activation):
    """The feed-forward sublayer as a function of one array, and its gradients."""
    return (
        lambda z: feed_forward(z, *feed, activation),
        lambda d_output, z: feed_forward_backward(d_output, z, *feed, activation),
    )


def _named(parameters, part, names):
    """The arrays "part.name" of a dict, in the order of the names."""
    missing = [f"{part}.{name}" for name in names if f"{part}.{name}" not in parameters]
    if missing:
        raise KeyError(f"parameters lack {', '.join(missing)}")
    return [parameters[f"{part}.{name}"] for name in names]


def _gradients(part, found, norm, d_norm):
    """Gradients under the names of their parameters."""
    names = FEED_FORWARD if part == "feed" else ATTENTION
    inner = {f"{part}.{name}": g for name, g in zip(names, found, strict=True)}
    return inner | {f"{norm}.gamma": d_norm[0], f"{norm}.bias": d_norm[1]}


def block_parameters(rng, width, heads, inner, cross=False, dtype=np.float32):
    """Draw the parameters of a block: {name: array}. Biases are zero, gammas one.

    width: D, a multiple of `heads`, each of which gets D / heads for keys and for values. inner:
    width inside the feed-forward sublayer. cross=True: for a decoder, with "cross." and a third
    norm. Weights are uniform within ± sqrt(6 / (numbers in + numbers out)), as in Keras's Dense.
    Raises ValueError if the width does not divide.

    Chapter: 3.3
    Source: [glorot2010understanding]
    """
    if width < 1 or heads < 1 or inner < 1 or width % heads:
        raise ValueError(
            f"width {width}, {heads} heads, inner {inner}: heads must divide the width"
        )

    def weights(*shape, fan):
        limit = np.sqrt(6 / fan)
        return rng.uniform(-limit, limit, shape).astype(dtype)

    each, found = width // heads, {}
    for part in ("self", "cross")[: 1 + cross]:
        for name in "qkv":
            found[f"{part}.w_{name}"] = weights(width, heads, each, fan=2 * width)
            found[f"{part}.b_{name}"] = np.zeros((heads, each), dtype)
        found[f"{part}.w_o"] = weights(heads, each, width, fan=2 * width)
        found[f"{part}.b_o"] = np.zeros(width, dtype)
    found["feed.w_1"] = weights(width, inner, fan=width + inner)
    found["feed.b_1"] = np.zeros(inner, dtype)
    found["feed.w_2"] = weights(inner, width, fan=width + inner)
    found["feed.b_2"] = np.zeros(width, dtype)
    for i in range(1, 3 + cross):
        found[f"norm_{i}.gamma"], found[f"norm_{i}.bias"] = (
            np.ones(width, dtype),
            np.zeros(width, dtype),
        )
    return found
