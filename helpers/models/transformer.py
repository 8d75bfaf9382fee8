"""Transformers for short clips."""

import keras
from keras import layers

from helpers.models._options import check_dropout, check_stack

WIDTH, HEADS, HIDDEN, BLOCKS = 48, 4, 96, 2
STACK = 4


@keras.saving.register_keras_serializable("listening_machines")
class LearnedPositions(layers.Layer):
    """Add a learned vector to each step: (batch, steps, width) → the same shape.

    Chapter: 4.3
    """

    def build(self, shape):
        self.positions = self.add_weight(
            shape=shape[1:],
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="vectors",
        )

    def call(self, x):
        return x + self.positions


def digit_transformer(
    frames,
    n_mels,
    width=WIDTH,
    heads=HEADS,
    hidden=HIDDEN,
    blocks=BLOCKS,
    stack=STACK,
    classes=10,
    dropout=0.1,
    positions=True,
):
    """A compact Transformer encoder: (batch, frames, n_mels) → logits (batch, classes).

    `stack` frames at a time make one step, steps = frames / stack, mapped to `width` numbers, to
    which learned positions are added. Then `blocks` blocks of self-attention with `heads` heads
    and a feed-forward layer of `hidden` units, each with LayerNorm before it (pre-norm) and a
    residual connection around it; LayerNorm, the mean over the steps, one dense layer. The layers
    named `attention_1`, … give (batch, steps, width) and their weights (batch, heads, steps,
    steps). With w = width and h = hidden it has

        (stack·n_mels + 1) w + steps·w + blocks · [4 (w + 1) w + (2w + 1) h + w + 4w] + 2w
        + (w + 1) · classes

    parameters: see `parameter_count`. `positions=False` leaves the positions out.

    Raises ValueError unless frames is a multiple of `stack`, width one of `heads`, sizes are at
    least 1 and `dropout` is in [0, 1).

    Chapter: 4.3
    Source: [vaswani2017attention]; [xiong2020layer] for the place of LayerNorm
    """
    if min(width, heads, hidden, blocks, stack) < 1:
        raise ValueError(
            f"width {width}, heads {heads}, hidden {hidden}, blocks {blocks}, stack {stack}: each "
            "must be at least 1"
        )
    check_stack(frames, stack)
    if width % heads:
        raise ValueError(f"a width of {width} can't be shared by {heads} heads: give a multiple")
    check_dropout(dropout)
    inputs = keras.Input((frames, n_mels), name="picture")
    x = layers.Reshape((frames // stack, stack * n_mels))(inputs)
    x = layers.Dense(width, name="embedding")(x)
    if positions:
        x = LearnedPositions(name="positions")(x)
    for i in range(1, blocks + 1):
        look = layers.MultiHeadAttention(heads, width // heads, name=f"attention_{i}")
        y = layers.LayerNormalization()(x)
        y, _ = look(y, y, return_attention_scores=True)
        x = x + layers.Dropout(dropout)(y)
        y = layers.LayerNormalization()(x)
        y = layers.Dense(hidden, activation="gelu", name=f"hidden_{i}")(y)
        y = layers.Dense(width)(y)
        x = x + layers.Dropout(dropout)(y)
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x))


def parameter_count(
    frames,
    n_mels,
    width=WIDTH,
    hidden=HIDDEN,
    blocks=BLOCKS,
    stack=STACK,
    classes=10,
    positions=True,
):
    """The number of parameters of `digit_transformer`, by its formula; an int. Chapter: 4.3"""
    block = 4 * (width + 1) * width + (2 * width + 1) * hidden + width + 4 * width
    places = frames // stack * width if positions else 0
    outer = (stack * n_mels + 1) * width + 2 * width + (width + 1) * classes
    return outer + places + blocks * block
