"""The Keras counterparts of `helpers.scratch.attention`, as functions of tensors.

The blocks are composed of `keras.layers` MultiHeadAttention, Dense and LayerNormalization; their
parameters come as tensors, in the order of their names. `as_arrays` brings the NumPy blocks, whose
parameters are a dict, into the same form.
"""


def attention(q, k, v, mask=None):
    """`keras.ops.dot_product_attention` with one head. Chapter: 3.3"""
    from keras import ops

    q, k, v = (ops.expand_dims(part, 2) for part in (q, k, v))
    mask = None if mask is None else ops.expand_dims(mask, 1)
    return ops.squeeze(ops.dot_product_attention(q, k, v, mask=mask), 2)


def multi_head_attention(x, memory, w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o, mask=None):
    """`keras.layers.MultiHeadAttention` on tensors. Chapter: 3.3

    Keras 3.15 with TensorFlow adds a bias of shape (heads, 1) along the time axis if there are as
    many steps as heads: with D_k or D_v of 1 and more than one head, keep the lengths different.
    """
    import keras

    layer = keras.layers.MultiHeadAttention(
        w_q.shape[1], w_q.shape[2], w_v.shape[2], output_shape=w_o.shape[2], dtype=x.dtype.name
    )
    layer.build(x.shape, memory.shape)
    weights = [w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o]
    return layer.stateless_call(weights, [], x, memory, attention_mask=mask)[0]


def embedding(tokens, table):
    """`keras.layers.Embedding` on tensors. Chapter: 3.3"""
    import keras

    layer = keras.layers.Embedding(*table.shape, dtype=table.dtype.name)
    layer.build()
    return layer.stateless_call([table], [], tokens)[0]


def learned_positions(x, table):
    """`keras.layers.Embedding` of the places 0, 1, …, added to x. Chapter: 3.3"""
    from keras import ops

    return x + embedding(ops.arange(x.shape[1], dtype="int32"), table)


def sinusoidal_positions(steps, width, dtype="float32"):
    """The formula once more, entry by entry, with `keras.ops`. Chapter: 3.3"""
    from keras import ops

    column = ops.arange(width, dtype="float64")
    angle = ops.arange(steps, dtype="float64")[:, None] / 10_000.0 ** (2 * (column // 2) / width)
    return ops.cast(ops.where(column % 2 == 0, ops.sin(angle), ops.cos(angle)), dtype)


def feed_forward(x, w_1, b_1, w_2, b_2, activation="relu"):
    """Two `keras.layers.Dense`. Chapter: 3.3"""
    import keras

    function = "relu" if activation == "relu" else _gelu
    first = keras.layers.Dense(w_1.shape[1], activation=function, dtype=x.dtype.name)
    second = keras.layers.Dense(w_2.shape[1], dtype=x.dtype.name)
    first.build(x.shape)
    second.build((*x.shape[:-1], w_1.shape[1]))
    hidden = first.stateless_call([w_1, b_1], [], x)[0]
    return second.stateless_call([w_2, b_2], [], hidden)[0]


def _gelu(u):
    import keras

    return keras.activations.gelu(u, approximate=True)


def _layer_norm(x, gamma, bias):
    import keras

    layer = keras.layers.LayerNormalization(dtype=x.dtype.name)
    layer.build(x.shape)
    return layer.stateless_call([gamma, bias], [], x)[0]


def _sublayer(x, inner, gamma, bias, norm):
    if norm == "pre":
        return x + inner(_layer_norm(x, gamma, bias))
    return _layer_norm(x + inner(x), gamma, bias)


def encoder_block(x, *parameters, names, mask=None, norm="pre", activation="relu"):
    """The encoder's block from Keras layers; `names` of the parameters. Chapter: 3.3"""
    p = _sorted(parameters, names)
    y = _sublayer(x, lambda z: multi_head_attention(z, z, *p["self"], mask), *p["norm_1"], norm)
    return _sublayer(y, lambda z: feed_forward(z, *p["feed"], activation), *p["norm_2"], norm)


def decoder_block(
    x, memory, *parameters, names, mask=None, memory_mask=None, norm="pre", activation="relu"
):
    """The decoder's block from Keras layers; `names` of the parameters. Chapter: 3.3"""
    p = _sorted(parameters, names)
    y = _sublayer(x, lambda z: multi_head_attention(z, z, *p["self"], mask), *p["norm_1"], norm)
    y = _sublayer(
        y,
        lambda z: multi_head_attention(z, memory, *p["cross"], memory_mask),
        *p["norm_2"],
        norm,
    )
    return _sublayer(y, lambda z: feed_forward(z, *p["feed"], activation), *p["norm_3"], norm)


def _sorted(parameters, names):
    """{part: [tensors]} from tensors and their names "part.name", as the layers take them."""
    from helpers.scratch.attention import ATTENTION, FEED_FORWARD

    given = dict(zip(names, parameters, strict=True))
    order = {"self": ATTENTION, "cross": ATTENTION, "feed": FEED_FORWARD}
    parts = dict.fromkeys(name.split(".")[0] for name in names)
    return {
        part: [given[f"{part}.{name}"] for name in order.get(part, ("gamma", "bias"))]
        for part in parts
    }


def as_arrays(block, block_backward, inputs):
    """A block of `helpers.scratch.attention` and its backward with arrays in place of the dict.

    inputs: how many arrays come before the parameters, 1 for an encoder's block, 2 for a decoder's.
    Both functions returned take `names=` among their options. Chapter: 3.3
    """

    def forward(*arrays, names, **options):
        parameters = dict(zip(names, arrays[inputs:], strict=True))
        return block(*arrays[:inputs], parameters, **options)

    def backward(d_output, *arrays, names, **options):
        parameters = dict(zip(names, arrays[inputs:], strict=True))
        found = block_backward(d_output, *arrays[:inputs], parameters, **options)
        return (*found[:inputs], *(found[inputs][name] for name in names))

    return forward, backward
