"""Recurrent networks for short clips."""

import keras
from keras import layers

from helpers.models._options import check_dropout, check_stack

UNITS = 30
STACK = 4


def digit_gru(frames, n_mels, units=UNITS, depth=2, stack=STACK, classes=10, dropout=0.2):
    """A compact two-way GRU: (batch, frames, n_mels) → logits (batch, classes).

    `stack` frames at a time make one step, steps = frames / stack. Each of the `depth` layers reads
    the steps forwards and backwards with `units` units each way, (batch, steps, 2·units); mean and
    maximum over the steps, (batch, 4·units), go to one dense layer. Layers are named `gru_1`, ….

    A direction of a layer that reads d numbers a step has three gates (or candidates) of
    (d + units) weights and two biases for each unit, so with d₁ = stack · n_mels and d₂ = … =
    2·units there are

        2 Σᵢ 3 units (dᵢ + units + 2) + (4 units + 1) · classes

    parameters: see `parameter_count`.

    Raises ValueError unless frames is a multiple of `stack`, sizes are at least 1 and `dropout` is
    in [0, 1).

    Chapter: 4.2
    Source: [cho2014learning] for the unit, [schuster1997bidirectional] for reading both ways
    """
    if min(units, depth, stack) < 1:
        raise ValueError(f"units {units}, depth {depth}, stack {stack}: each must be at least 1")
    check_stack(frames, stack)
    check_dropout(dropout)
    inputs = keras.Input((frames, n_mels), name="picture")
    x = layers.Reshape((frames // stack, stack * n_mels))(inputs)
    for i in range(depth):
        gru = layers.GRU(units, return_sequences=True)
        x = layers.Bidirectional(gru, name=f"gru_{i + 1}")(x)
        x = layers.Dropout(dropout)(x)
    both = [layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)]
    x = layers.Concatenate()(both)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x))


def parameter_count(n_mels, units=UNITS, depth=2, stack=STACK, classes=10):
    """The number of parameters of `digit_gru`, by its formula; an int. Chapter: 4.2"""
    widths = [stack * n_mels] + [2 * units] * (depth - 1)
    recurrent = sum(2 * 3 * units * (d + units + 2) for d in widths)
    return recurrent + (4 * units + 1) * classes
