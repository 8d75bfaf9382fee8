"""From the sound of a string to its words: one encoder, and two ways to read what it found.

`transcriber` makes one network with three parts. The encoder turns a picture into steps of 40 ms.
The speller says for every step which word, if any, is being heard: CTC. The writer is a decoder
that attends to all steps and writes one word after the other. Both learn at the same time.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers.models._options import check_dropout

CHANNELS = (16, 24, 32, 48)
WIDTH, DILATIONS, TAPS = 64, (1, 2, 4), 5
HEADS, HIDDEN = 4, 128
TOKENS = 10
BLANK = END = TOKENS
"""The eleventh output: for the speller "no new word", for the writer "that was all"."""
START = TOKENS + 1
"""What the writer reads before its first word."""
FRAMES_PER_STEP = 4
POOL = 4
"""Steps that the writer sees as one, by their mean: few, broad places are easier to find."""


@keras.saving.register_keras_serializable("listening_machines")
class TwoViews(layers.Layer):
    """A picture as it is and relative to its mean: (batch, frames, n_mels) → the same and 2.

    The second view subtracts from each band its mean over the frames, each weighted by how far it
    rises above 40 dB below the loudest point: microphone and voice colour all frames alike, words
    do not. x is what `RelativeLevel` gives.

    Chapter: 5.3
    Source: [atal1974effectiveness] for subtracting the mean
    """

    def call(self, x):
        weight = tf.nn.relu(tf.reduce_max(x, axis=2, keepdims=True) + 1.0)
        total = tf.reduce_sum(weight, axis=1, keepdims=True) + 1e-3
        return tf.stack([x, x - tf.reduce_sum(weight * x, axis=1, keepdims=True) / total], axis=-1)

    def compute_output_shape(self, shape):
        return (*shape, 2)


@keras.saving.register_keras_serializable("listening_machines")
class SinusoidalPositions(layers.Layer):
    """Add sines and cosines of the place: (batch, steps, width) → the same shape.

    Equal to `helpers.scratch.attention.sinusoidal_positions` with the base of this layer.

    Chapter: 5.3
    Source: [vaswani2017attention]
    """

    def __init__(self, base=1000.0, **kwargs):
        super().__init__(**kwargs)
        self.base = base

    def call(self, x):
        steps, width = tf.shape(x)[1], x.shape[2]
        rates = self.base ** (-2.0 * np.arange(width // 2) / width)
        angles = tf.range(steps, dtype=tf.float32)[:, None] * tf.constant(rates, tf.float32)
        waves = tf.stack([tf.sin(angles), tf.cos(angles)], axis=2)
        return x + tf.reshape(waves, [1, steps, width])

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "base": self.base}


@keras.saving.register_keras_serializable("listening_machines")
class Lasting(layers.Layer):
    """Which places of a memory lie within a string: lengths (batch,) int32 frames and the memory
    (batch, places, width) → bool (batch, 1, places), to be broadcast over the words that look.

    Chapter: 5.3
    """

    def call(self, lengths, memory):
        begins = tf.range(tf.shape(memory)[1]) * FRAMES_PER_STEP * POOL
        return (begins[None] < lengths[:, None])[:, None, :]

    def compute_output_shape(self, lengths_shape, memory_shape):
        return (lengths_shape[0], 1, memory_shape[1])

    def compute_output_spec(self, lengths, memory):
        return keras.KerasTensor((lengths.shape[0], 1, memory.shape[1]), "bool")


def transcriber(n_mels, channels=CHANNELS, width=WIDTH, heads=HEADS, hidden=HIDDEN, dropout=0.1):
    """A network of three parts, layers named "encoder", "speller" and "writer".

    Inputs [picture (batch, frames, n_mels), lengths (batch,) int32 in frames, so_far (batch, n)
    int32], outputs [speller's logits (batch, ⌈frames/4⌉, 11), writer's logits (batch, n, 11)].
    `so_far` begins with START; the writer's logits at place i are about the word that follows the
    i-th. See `encoder`, `speller` and `writer`.

    Raises ValueError unless `width` is even and a multiple of `heads`, sizes are at least 1 and
    `dropout` is in [0, 1).

    Chapter: 5.3
    Source: [graves2006connectionist] and [chan2016listen] for the two readers, [kim2017joint] for
    training both on one encoder
    """
    if width % 2 or width % heads or min(n_mels, width, heads, hidden, *channels) < 1:
        raise ValueError(
            f"width {width}, heads {heads}, hidden {hidden}, channels {channels}: the width must "
            "be even and a multiple of heads, and every size at least 1"
        )
    check_dropout(dropout)
    picture = keras.Input((None, n_mels), name="picture")
    lengths = keras.Input((), dtype="int32", name="lengths")
    so_far = keras.Input((None,), dtype="int32", name="so_far")
    memory = encoder(n_mels, channels, width, dropout)(picture)
    spelled = speller(width)(memory)
    written, _ = writer(width, heads, hidden, dropout)([memory, lengths, so_far])
    return keras.Model([picture, lengths, so_far], [spelled, written], name="transcriber")


def encoder(n_mels, channels=CHANNELS, width=WIDTH, dropout=0.1):
    """A picture to steps: (batch, frames, n_mels) → (batch, ⌈frames/4⌉, width).

    Four convolutions, all of which halve the bands and the first two the frames; then residual
    convolutions over time of five taps, 1, 2 and 4 steps apart. A step depends on 25 frames of the
    picture after the first part and on 137 after the second, besides the means of `TwoViews`.

    Chapter: 5.3
    """
    picture = keras.Input((None, n_mels))
    x = TwoViews()(picture)
    for i, c in enumerate(channels):
        strides = (2 if i < 2 else 1, 2)
        x = _normed(layers.Conv2D(c, 5 if i == 0 else 3, strides, "same", use_bias=False)(x))
    x = layers.Reshape((-1, x.shape[2] * x.shape[3]))(x)
    x = _normed(layers.Dense(width, use_bias=False)(x))
    for gap in DILATIONS:
        convolve = layers.Conv1D(width, TAPS, padding="same", dilation_rate=gap, use_bias=False)
        x = x + layers.Dropout(dropout)(_normed(convolve(x)))
    return keras.Model(picture, x, name="encoder")


def speller(width=WIDTH):
    """Steps to CTC logits: (batch, steps, width) → (batch, steps, 11), blank last. Chapter: 5.3"""
    memory = keras.Input((None, width))
    return keras.Model(memory, layers.Dense(TOKENS + 1)(memory), name="speller")


def writer(width=WIDTH, heads=HEADS, hidden=HIDDEN, dropout=0.1):
    """A decoder block: [memory (batch, steps, width), lengths (batch,) int32, so_far (batch, n)].

    The words so far attend to each other, each to those before it, then to the memory as far as
    the sound lasts, four steps of which are averaged into a place, then pass a feed-forward layer;
    LayerNorm before each (pre-norm) and a residual connection around it. Returns [logits
    (batch, n, 11), weights (batch, heads, n, ⌈steps/4⌉)].

    Chapter: 5.3
    Source: [vaswani2017attention]; [chan2016listen] for the coarser memory
    """
    memory = keras.Input((None, width))
    lengths = keras.Input((), dtype="int32")
    so_far = keras.Input((None,), dtype="int32")
    seen = SinusoidalPositions()(layers.AveragePooling1D(POOL, padding="same")(memory))
    y = SinusoidalPositions()(layers.Embedding(TOKENS + 2, width)(so_far))
    z = layers.LayerNormalization()(y)
    own = layers.MultiHeadAttention(heads, width // heads)(z, z, use_causal_mask=True)
    y = y + layers.Dropout(dropout)(own)
    z = layers.LayerNormalization()(y)
    cross = layers.MultiHeadAttention(heads, width // heads)
    lasting = Lasting()(lengths, seen)
    looked, weights = cross(z, seen, attention_mask=lasting, return_attention_scores=True)
    y = y + layers.Dropout(dropout)(looked)
    z = layers.Dense(hidden, activation="gelu")(layers.LayerNormalization()(y))
    y = y + layers.Dropout(dropout)(layers.Dense(width)(z))
    logits = layers.Dense(TOKENS + 1)(layers.LayerNormalization()(y))
    return keras.Model([memory, lengths, so_far], [logits, weights], name="writer")


def _normed(x):
    return layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))


def spelling_loss(logits, tokens, lengths):
    """CTC's loss in nats per word: logits (batch, steps, 11), tokens (batch, n) int32 → ().

    -1 stands behind the last token; lengths (batch,) int32: frames that each sound lasts, behind
    which nothing needs to be spelled. Chapter: 5.3
    Source: [graves2006connectionist]
    """
    there = tf.where(tokens >= 0)
    targets = tf.SparseTensor(there, tf.gather_nd(tokens, there), tf.shape(tokens, tf.int64))
    steps = tf.minimum(-(-lengths // FRAMES_PER_STEP), tf.shape(logits)[1])
    loss = tf.nn.ctc_loss(targets, logits, None, steps, logits_time_major=False, blank_index=BLANK)
    words = tf.reduce_sum(tf.cast(tokens >= 0, tf.float32), axis=1)
    return tf.reduce_mean(loss / words)


def writing_loss(logits, tokens, label_smoothing=0.1):
    """Cross-entropy in nats of each next word, the end included: logits (batch, n + 1, 11) → ().

    tokens (batch, n) int32, -1 behind the last. Chapter: 5.3
    """
    words = tf.reduce_sum(tf.cast(tokens >= 0, tf.int32), axis=1)
    following = tf.concat([tokens, tf.fill([tf.shape(tokens)[0], 1], -1)], axis=1)
    following = tf.where(following < 0, END, following)
    classes = TOKENS + 1
    target = tf.one_hot(following, classes) * (1 - label_smoothing) + label_smoothing / classes
    loss = tf.nn.softmax_cross_entropy_with_logits(target, logits)
    counts = tf.sequence_mask(words + 1, tf.shape(following)[1], tf.float32)
    return tf.reduce_sum(counts * loss) / tf.reduce_sum(counts)


def hybrid_loss(spelling_share=0.5):
    """A loss for `training.fit_stages`: (network, (pictures, lengths), tokens) → ().

    `spelling_share` times CTC's loss and the rest times the writer's, which is told the right words
    before each (teacher forcing). Raises ValueError for a share that is not in [0, 1].

    Chapter: 5.3
    Source: [kim2017joint]
    """
    if not 0 <= spelling_share <= 1:
        raise ValueError(f"spelling_share is {spelling_share}; it must be from 0 to 1")

    def loss(network, inputs, tokens):
        start = tf.fill([tf.shape(tokens)[0], 1], START)
        so_far = tf.concat([start, tf.where(tokens < 0, END, tokens)], axis=1)
        spelled, written = network([*inputs, so_far], training=True)
        spelling = spelling_loss(spelled, tokens, inputs[1])
        writing = writing_loss(written, tokens)
        return spelling_share * spelling + (1 - spelling_share) * writing

    return loss
