"""Networks of chapters 5.2 and 6.4 with one part changed, to measure what the part is worth.

With the defaults they are the networks of those chapters. Chapter: 2.5
"""

from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers.features import hann, warp_matrix
from helpers.models import cnn, sounds
from helpers.models._options import check_dropout
from helpers.models.adapters import opinions
from helpers.models.augmentation import augment_power, mask_stripes, time_matrix
from helpers.models.digits import FRAMES, FRONT_END, THROATS, share_counts, window
from helpers.models.frontend import RelativeLevel, decibels

LARGER_FOR_SOUNDS = (24, 36, 48, 72, 96)
"""Channels of the larger sound network."""
PITCH_COLUMNS = 2
VOICED = 0.45
"""How like itself a frame must be one period later to count as voiced; 1 is periodic."""
LOWEST_HZ, HIGHEST_HZ = 70.0, 400.0
OCTAVE_COST = 0.05
"""What a lag loses for each octave that its pitch is lower: its multiples are as alike."""
QUIET_DB = 35.0
"""Frames that far below the loudest have no pitch."""


# --- digits ---------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("listening_machines")
class Slopes(layers.Layer):
    """A picture, its slopes and their slopes: (batch, frames, n_mels) → the same and 3.

    Slopes are those of straight lines fitted to five frames, and count per five frames; at the ends
    the first and the last frame are repeated.

    Chapter: 2.5
    Source: [furui1981cepstral]
    """

    def call(self, x):
        first = 5.0 * _slope(x)
        return tf.stack([x, first, 5.0 * _slope(first)], axis=-1)

    def compute_output_shape(self, shape):
        return (*shape, 3)


def _slope(x):
    n = x.shape[1]
    x = tf.concat([*[x[:, :1]] * 2, x, *[x[:, -1:]] * 2], axis=1)
    return tf.add_n([k * (x[:, 2 + k : 2 + k + n] - x[:, 2 - k : 2 - k + n]) for k in (1, 2)]) / 10


def digit_variant(
    frames,
    n_mels,
    channels=cnn.CHANNELS,
    normalised=True,
    slopes=False,
    pitch=False,
    classes=10,
    dropout=0.2,
):
    """`helpers.models.cnn.digit_cnn` with parts changed: pictures → logits (batch, classes).

    channels: of its layers. normalised: with batch normalisation, or with biases in its place.
    slopes: it sees `Slopes` of the picture as well. pitch: the picture is (batch, frames,
    n_mels + 2), its last columns what `pitch_rows` gives, which the network sees in all bands.

    With `views` 1, or 3 with slopes, or 3 with pitch, in all 5 with both, it has

        25 views c₁ + 9 Σ cᵢ₋₁ cᵢ + (4 or, not normalised, 1) Σ cᵢ + (cₖ + 1) · classes

    parameters. Raises ValueError for a dropout outside [0, 1).

    Chapter: 2.5
    Source: [ioffe2015batch] for batch normalisation, [furui1981cepstral] for slopes
    """
    check_dropout(dropout)
    inputs = keras.Input((frames, n_mels + PITCH_COLUMNS * pitch), name="picture")
    levels = inputs[:, :, :n_mels] if pitch else inputs
    x = Slopes(name="slopes")(levels) if slopes else layers.Reshape((frames, n_mels, 1))(levels)
    if pitch:
        tune = layers.Reshape((frames, 1, PITCH_COLUMNS))(inputs[:, :, n_mels:])
        x = layers.Concatenate()([x, layers.UpSampling2D((1, n_mels))(tune)])
    for i, c in enumerate(channels):
        x = layers.Conv2D(
            c, 5 if i == 0 else 3, strides=2, padding="same", use_bias=not normalised
        )(x)
        if normalised:
            x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x))


def digit_parameters(channels=cnn.CHANNELS, normalised=True, views=1, classes=10):
    """The number of parameters of `digit_variant`, by its formula; an int. Chapter: 2.5"""
    kernels = 25 * views * channels[0] + sum(9 * a * b for a, b in pairwise(channels))
    return kernels + (4 if normalised else 1) * sum(channels) + (channels[-1] + 1) * classes


# --- pitch ----------------------------------------------------------------------------------------


def pitch_rows(samples, front_end=FRONT_END):
    """Voicing and melody of a sound: float (n,) → float32 (frames, 2).

    The first column is 1 where a frame is voiced, else 0; the second there the pitch in octaves
    relative to the sound's median, so that a low voice and a high one are alike, else 0. A frame is
    voiced if its autocorrelation, divided by that of the window, has a peak of VOICED or more at a
    lag of 70 to 400 Hz, and if it is not QUIET_DB below the loudest.

    Raises ValueError for less than one frame. Chapter: 2.5
    """
    hz = pitch_track(samples, front_end)
    found = np.zeros((len(hz), PITCH_COLUMNS), np.float32)
    voiced = hz > 0
    if voiced.any():
        found[voiced, 0] = 1.0
        found[voiced, 1] = np.log2(hz[voiced] / np.median(hz[voiced]))
    return found


def pitch_track(samples, front_end=FRONT_END):
    """Pitch of each frame in Hz, 0 where there is none: float (n,) → float (frames,).

    As `pitch_rows`.

    Chapter: 2.5
    Source: [boersma1993accurate] for dividing by the autocorrelation of the window
    """
    samples = np.asarray(samples, np.float64)
    n, hop = front_end.n_fft, front_end.hop
    if len(samples) < n:
        raise ValueError(f"{len(samples)} samples do not fill one frame of {n}")
    frames = np.lib.stride_tricks.sliding_window_view(samples, n)[::hop]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * hann(n)

    def autocorrelation(x):
        return np.fft.irfft(np.abs(np.fft.rfft(x, 2 * n, axis=-1)) ** 2, axis=-1)[..., :n]

    lags = np.arange(
        int(front_end.sample_rate / HIGHEST_HZ), int(front_end.sample_rate / LOWEST_HZ) + 2
    )
    r, of_window = autocorrelation(frames), autocorrelation(hann(n))
    power = r[:, :1]
    alike = r / np.maximum(power, 1e-12) / (of_window / of_window[0])
    inner = alike[:, lags]
    peak = (inner >= alike[:, lags - 1]) & (inner >= alike[:, lags + 1])
    scores = np.where(peak, inner - OCTAVE_COST * np.log2(lags / lags[0]), -np.inf)
    best = scores.argmax(axis=1)
    rows = np.arange(len(r))
    loud = power[:, 0] > power.max() * 10 ** (-QUIET_DB / 10)
    voiced = loud & peak.any(axis=1) & (inner[rows, best] >= VOICED)
    return np.where(voiced, front_end.sample_rate / lags[best], 0.0)


def clip_pitch(clips):
    """`pitch_rows` of each clip's loudest window, zeros behind it: float32 (n, FRAMES, 2).

    Chapter: 2.5
    """
    from helpers import audio
    from helpers.models.digits import loudest_window

    rows = np.zeros((len(clips), FRAMES, PITCH_COLUMNS), np.float32)
    for i, samples in enumerate(clips.audio):
        x = loudest_window(samples)
        found = pitch_rows(audio.fix_length(x, max(len(x), FRONT_END.n_fft)))
        rows[i, : len(found)] = found
    return rows


def pitch_batches(sets, pitches, size=64):
    """As `helpers.models.digits.batches`, with pitch in two more columns, for `training.fit`.

    sets: a list of Pictures; pitches: for each what `clip_pitch` gives. Pitch is placed and
    stretched with its clip, and not changed otherwise. Gives pictures (size, 100, n_mels + 2) and
    labels (size,). Raises ValueError if the lists don't fit.

    Chapter: 2.5
    """
    if not sets or [len(s.labels) for s in sets] != [len(p) for p in pitches]:
        raise ValueError("give one set of pictures or more, and the pitch of each of their clips")
    tensors = [
        tuple(map(tf.constant, (s.power, s.lengths, s.labels, p)))
        for s, p in zip(sets, pitches, strict=True)
    ]
    level = RelativeLevel()

    def draw():
        drawn = []
        for columns, count, s in zip(tensors, share_counts(sets, size), sets, strict=True):
            chosen = tf.random.uniform([count], 0, len(s.labels), tf.int32)
            power, lengths, labels, pitch = (tf.gather(c, chosen) for c in columns)
            time = time_matrix(power.shape[1], lengths, s.augmentation)
            loud = augment_power(power, lengths, FRONT_END, s.augmentation, time)
            picture = mask_stripes(level(decibels(loud + 1e-9)), s.augmentation, value=-1.0)
            drawn.append((tf.concat([picture, tf.matmul(time, pitch)], axis=2), labels))
        inputs, targets = zip(*drawn, strict=True)
        return tf.concat(inputs, axis=0), tf.concat(targets, axis=0)

    return draw


def windowed_pitch(clips):
    """`pitch_rows` of what the recogniser looks at of each clip: float32 (n, FRAMES, 2).

    Raises as `helpers.models.digits.window`. Chapter: 2.5
    """
    return np.stack([pitch_rows(window(samples)) for samples in clips.audio])


def looked_at(network, pictures, throats=THROATS):
    """Log-probabilities of one digit network, the mean over throats: (n, frames, d) → (n, 10).

    What stands behind the bands, such as pitch, is the same for all throats; see
    `helpers.models.adapters.opinions`. Chapter: 2.5
    """
    looks = np.stack([np.array(pictures, np.float32)] * len(throats))
    bands = looks[..., : FRONT_END.n_mels]
    bands[...] = [seen @ warp_matrix(FRONT_END, f) for seen, f in zip(bands, throats, strict=True)]
    return opinions(network, looks)


# --- sounds ---------------------------------------------------------------------------------------


def sound_variant(
    classes,
    channels=sounds.CHANNELS,
    normalised=True,
    dropout=0.3,
    n_mels=sounds.FRONT_END.n_mels,
):
    """`helpers.models.sounds.sound_network` with parts changed, for pictures of any length.

    channels: of its layers. normalised: with batch normalisation, or with biases in its place.
    Inputs and outputs as there. Raises as there.

    Chapter: 2.5
    Source: [ioffe2015batch] for batch normalisation
    """
    if normalised:
        return sounds.sound_network(classes, channels, dropout, n_mels)
    if len(channels) != len(sounds.STRIDES) or n_mels % 32:
        raise ValueError(
            f"{len(channels)} layers and {n_mels} bands; use {len(sounds.STRIDES)} layers and a "
            "multiple of 32 bands"
        )
    inputs = keras.Input((None, n_mels), name="picture")
    x = RelativeLevel(sounds.RANGE_DB)(inputs)
    x = layers.Reshape((-1, n_mels, 1))(x)
    for i, (c, strides) in enumerate(zip(channels, sounds.STRIDES, strict=True)):
        x = layers.Conv2D(c, 5 if i == 0 else 3, strides=strides, padding="same")(x)
        x = layers.ReLU()(x)
    x = layers.Reshape((-1, n_mels // 32 * channels[-1]))(x)
    x = layers.Dropout(dropout)(x)
    evidence = layers.Dense(classes, name="evidence")(x)
    presence = layers.Dense(classes, name="presence", bias_initializer=sounds.rarely)(x)
    return keras.Model(inputs, [evidence, presence])


# --- strings --------------------------------------------------------------------------------------


def spelling_network(n_mels):
    """A transcriber's encoder and speller alone: pictures (batch, frames, n_mels) → CTC logits.

    Its layers have the names that `helpers.transcribe` asks for. Chapter: 2.5
    """
    from helpers.models import transcriber

    picture = keras.Input((None, n_mels), name="picture")
    spelled = transcriber.speller()(transcriber.encoder(n_mels)(picture))
    return keras.Model(picture, spelled, name="speller_alone")


def spelling_only(network, inputs, tokens):
    """CTC's loss in nats per word, for `training.fit_stages`: inputs (pictures, lengths) → ().

    Chapter: 2.5
    """
    from helpers.models.transcriber import spelling_loss

    pictures, lengths = inputs
    return spelling_loss(network(pictures, training=True), tokens, lengths)
