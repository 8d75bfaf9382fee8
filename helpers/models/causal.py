"""Small networks that read a sequence from left to right and answer at its last step."""

import keras
import tensorflow as tf
from keras import layers

from helpers.models.transformer import LearnedPositions

KINDS = ("CNN", "dilated CNN", "GRU", "LSTM", "Transformer")


def causal_network(kind, steps, features, classes, size=None):
    """A network of some ten thousand parameters: (batch, steps, features) → (batch, classes).

    What it answers at the last step may depend on all steps before it; how far back it can reach
    differs from kind to kind:

    - "CNN": six residual layers of three taps, receptive field 13 steps;
    - "dilated CNN": the same with taps 1, 2, 4, … 32 steps apart, receptive field 127;
    - "GRU", "LSTM": one layer, no limit but what the state keeps;
    - "Transformer": one pre-norm block of causal attention with four heads, learned positions, no
      limit within `steps`.

    `size` is the number of channels, units or the width; by default such that all kinds have about
    the same number of parameters. Raises ValueError for another kind, sizes below 1, and a
    Transformer's size that is no multiple of 4.

    Chapter: 4.4
    Source: [oord2016wavenet] for causal dilated convolutions
    """
    sizes = {"CNN": 24, "dilated CNN": 24, "GRU": 56, "LSTM": 48, "Transformer": 32}
    if kind not in sizes:
        raise ValueError(f"kind is {kind!r}; give one of {', '.join(KINDS)}")
    size = sizes[kind] if size is None else size
    if min(steps, features, classes, size) < 1:
        raise ValueError("steps, features, classes and size must each be at least 1")
    inputs = keras.Input((steps, features))
    if kind in ("GRU", "LSTM"):
        last = getattr(layers, kind)(size)(inputs)
    elif kind == "Transformer":
        last = _attending(inputs, size)
    else:
        x = layers.Dense(size)(inputs)
        for i in range(6):
            gap = 2**i if kind == "dilated CNN" else 1
            convolve = layers.Conv1D(
                size, 3, padding="causal", dilation_rate=gap, activation="relu"
            )
            x = x + convolve(x)
        last = x[:, -1]
    return keras.Model(inputs, layers.Dense(classes, name="logits")(last))


def receptive_field(kind, steps):
    """How many steps, the last included, `causal_network`'s answer can depend on; an int.

    Raises ValueError for another kind. Chapter: 4.4
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; give one of {', '.join(KINDS)}")
    reach = {"CNN": 1 + 6 * 2, "dilated CNN": 1 + 2 * (2**6 - 1)}
    return min(steps, reach.get(kind, steps))


def gradient_reach(network, x):
    """How strongly the answer hangs on the input so many steps back: x (batch, steps, features).

    Entry i of the float array (steps,) that comes back is ‖∂z/∂x‖, Frobenius norm of the matrix of
    derivatives of all logits z by the numbers of the step i before the last, mean over the batch.
    `network` maps (batch, steps, features) to logits (batch, classes).

    Chapter: 4.4
    Source: [bengio1994learning]
    """
    x = tf.convert_to_tensor(x, tf.float32)
    squares = _squares_by_step(network, x)
    return tf.reduce_mean(tf.sqrt(squares), axis=0).numpy()[::-1]


@tf.function
def _squares_by_step(network, x):
    """Squared derivatives of all logits, summed for each step: (batch, steps)."""
    classes, batch = network.output_shape[-1], len(x)
    copies = tf.repeat(x, classes, axis=0)  # one for each logit, so that one way back is enough
    one_each = tf.tile(tf.eye(classes), [batch, 1])
    with tf.GradientTape() as tape:
        tape.watch(copies)
        chosen = tf.reduce_sum(network(copies, training=False) * one_each)
    squares = tf.reduce_sum(tape.gradient(chosen, copies) ** 2, axis=2)
    return tf.reduce_sum(tf.reshape(squares, [batch, classes, -1]), axis=1)


def _attending(inputs, width):
    if width % 4:
        raise ValueError(f"a width of {width} can't be shared by 4 heads: give a multiple of 4")
    x = LearnedPositions()(layers.Dense(width)(inputs))
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(4, width // 4)(y, y, use_causal_mask=True)
    y = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x))
    return layers.LayerNormalization()(x + layers.Dense(width)(y))[:, -1]
