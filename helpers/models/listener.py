"""A small causal network that writes down digits while they are spoken.

Each row of its answer depends on the rows before it and on no later one, so that it can be run on a
stream by `helpers.streaming` with the same result. Chapter: 8.1
"""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers import rooms
from helpers.audio import mix_at_snr, peak_normalise
from helpers.features import FrontEnd, log_mel
from helpers.models.digits import loudest_window
from helpers.streaming import RunningLevel

FRONT_END = FrontEnd(hop=160, n_mels=32)
"""A row every 20 ms, from windows of 32 ms."""
CHANNELS, TAPS, GAPS = 48, 3, (1, 2, 4, 8, 16)
QUIET = 10
"""The class of rows in which no digit has just ended."""
DELAY, HOLD = 2, 6
"""Rows from the end of a word until the network is to name it, and for how many rows it does."""


def listener(channels=CHANNELS, gaps=GAPS):
    """The network: rows (batch, rows, 32), as `heard` makes them → logits (batch, rows, 11).

    A dense layer, then for each gap a residual causal convolution of 3 taps so far apart, then a
    dense layer: with f bands, c channels and g gaps (f + 1)c + g(3c + 1)c + 11(c + 1) parameters.
    Raises ValueError for less than one channel or no gaps.

    Chapter: 8.1
    Source: [oord2016wavenet] for dilated causal convolutions
    """
    if channels < 1 or not gaps:
        raise ValueError(f"channels is {channels}, gaps are {gaps}: give at least one of each")
    inputs = keras.Input((None, FRONT_END.n_mels))
    x = layers.Dense(channels, activation="relu", name="first")(inputs)
    for i, gap in enumerate(gaps):
        convolve = layers.Conv1D(
            channels, TAPS, padding="causal", dilation_rate=gap, activation="relu", name=f"gap_{i}"
        )
        x = x + convolve(x)
    return keras.Model(inputs, layers.Dense(QUIET + 1, name="logits")(x))


def weights_of(network):
    """(kernel (k, a, b), bias, gap) of each layer of a `listener`, for `StreamingNetwork`.

    Chapter: 8.1
    """
    found = []
    for layer in network.layers:
        if hasattr(layer, "kernel"):
            kernel, bias = (w.numpy() for w in (layer.kernel, layer.bias))
            gap = getattr(layer, "dilation_rate", (1,))[0]
            found.append((kernel.reshape(-1, *kernel.shape[-2:]), bias, gap))
    return found


def heard(samples):
    """All rows of a sound at once: float (n,) → float32 (rows, 32), level taken out causally.

    Raises as `helpers.features.log_mel`. Chapter: 8.1
    """
    return RunningLevel().push(log_mel(samples, FRONT_END).astype(np.float32))


@dataclass
class DigitString:
    """Digits said one after the other: samples float32 (n,) at 8 kHz, digits and where each ends.

    Chapter: 8.1
    """

    samples: np.ndarray
    digits: list[int]
    ends: list[int]


def digit_string(clips, count, rng, snr_db=30.0):
    """`count` clips, drawn by chance, with 0.1 to 0.4 s of noise between them: a DigitString.

    Half a second of noise goes before the first and after the last. Each clip is scaled to a peak
    of 0.5 to 1. Raises ValueError for less than one clip. Chapter: 8.1
    """
    if count < 1 or not len(clips):
        raise ValueError(f"{count} digits of {len(clips)} clips: give at least one of each")
    parts, digits, ends, n = [np.zeros(4000, np.float32)], [], [], 4000
    for i in rng.integers(len(clips), size=count):
        word = rng.uniform(0.5, 1.0) * loudest_window(clips.audio[i])
        gap = np.zeros(rng.integers(800, 3200), np.float32)
        parts += [word.astype(np.float32), gap]
        digits.append(int(clips.labels[i]))
        ends.append(n + len(word))
        n += len(word) + len(gap)
    x = np.concatenate([*parts, np.zeros(4000, np.float32)])
    x = mix_at_snr(x, rooms.coloured_noise(len(x), -3.0, rng), snr_db)
    return DigitString(peak_normalise(x, 0.9).astype(np.float32), digits, ends)


def targets_of(string, rows):
    """What the network is to say in each row: int32 (rows,), a digit or QUIET. Chapter: 8.1

    A digit is named from DELAY rows after the row whose window holds the end of its word.
    """
    wanted = np.full(rows, QUIET, np.int32)
    for digit, end in zip(string.digits, string.ends, strict=True):
        first = max(0, -(-(end - FRONT_END.n_fft) // FRONT_END.hop)) + DELAY
        wanted[first : first + HOLD] = digit
    return wanted


def string_batches(strings, size=16, rows=100):
    """A function without arguments for `fit_stages`: (size, rows, 32) and targets (size, rows).

    Pieces of `rows` rows, drawn by chance from the strings laid end to end. Raises ValueError if
    all of them together are shorter. Chapter: 8.1
    """
    pictures = [heard(s.samples) for s in strings]
    wanted = [targets_of(s, len(p)) for s, p in zip(strings, pictures, strict=True)]
    x, y = tf.constant(np.concatenate(pictures)), tf.constant(np.concatenate(wanted))
    if len(x) < rows:
        raise ValueError(f"the strings have {len(x)} rows, a piece needs {rows}")

    def draw():
        first = tf.random.uniform([size, 1], maxval=len(x) - rows + 1, dtype=tf.int32)
        places = first + tf.range(rows)
        return tf.gather(x, places), tf.gather(y, places)

    return draw


def string_loss(network, inputs, targets):
    """Mean cross-entropy over rows, in nats; rows with a digit weigh three times as much.

    Chapter: 8.1
    """
    logits = network(inputs, training=True)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    weight = tf.where(targets == QUIET, 1.0, 3.0)
    return tf.reduce_sum(weight * each) / tf.reduce_sum(weight)
