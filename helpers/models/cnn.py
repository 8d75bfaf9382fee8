"""Convolutional networks for short clips."""

from itertools import pairwise

import keras
from keras import layers

from helpers.models._options import check_dropout

CHANNELS = (10, 20, 28, 36, 48)


def digit_cnn(frames, n_mels, channels=CHANNELS, classes=10, dropout=0.2):
    """A compact CNN: (batch, frames, n_mels) → logits (batch, classes).

    One 5×5 convolution and then 3×3 ones, each followed by batch normalisation and ReLU, each
    halving time and frequency; the mean over what is left; one dense layer. With channels
    c₁ … cₖ it has

        25 c₁ + 9 Σ cᵢ₋₁ cᵢ + 4 Σ cᵢ + (cₖ + 1) · classes

    parameters (4 cᵢ for the normalisation, half of which are running statistics), whatever the
    size of the picture: see `parameter_count`.

    Raises ValueError if the picture is too small to be halved that often, or `dropout` is not in
    [0, 1).

    Chapter: 5.2
    """
    if min(frames, n_mels) < 2 ** (len(channels) - 1):
        raise ValueError(
            f"a picture of {frames} × {n_mels} can't be halved {len(channels)} times: "
            "use more frames and bands, or fewer layers"
        )
    check_dropout(dropout)
    inputs = keras.Input((frames, n_mels), name="picture")
    x = layers.Reshape((frames, n_mels, 1))(inputs)
    for i, c in enumerate(channels):
        x = layers.Conv2D(c, 5 if i == 0 else 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x))


def parameter_count(channels=CHANNELS, classes=10):
    """The number of parameters of `digit_cnn`, by its formula; an int. Chapter: 5.2"""
    convolutions = 25 * channels[0] + sum(9 * a * b for a, b in pairwise(channels))
    return convolutions + 4 * sum(channels) + (channels[-1] + 1) * classes
