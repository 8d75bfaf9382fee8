"""A small acoustic model: phonemes and their durations in, a log-mel spectrogram out.

Convolutions over phonemes give each a vector that knows its neighbours and from which its duration
is read; each vector is repeated for as many frames as its phoneme lasts; convolutions over frames
draw the spectrogram. Chapter: 6.5
"""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers.features import FrontEnd, log_mel

FRONT_END = FrontEnd(16000, 640, 128, 80, 60.0, 8000.0)
"""Frames of 40 ms every 8 ms, 80 bands up to 8 kHz."""

WIDTH, CONTEXT = 160, 128
"""Numbers a frame and a phoneme."""

DILATIONS = (1, 2, 4, 1)
"""Of the convolutions over frames."""

CROP, BATCH = 96, 16
"""Frames of an excerpt that is learned from at once, and excerpts a step."""

PLACES = 8
"""Numbers that say where a frame lies in its phoneme and in the utterance."""

LOSSES = ("L1", "L2")


# --- from recordings to examples -----------------------------------------------------------------


def frame_count(n_samples):
    """Frames of a sound of n samples, the middles hop samples apart from 0 on. Chapter: 6.5"""
    return 1 + n_samples // FRONT_END.hop


def mel_of(samples):
    """Log-mel of a sound in dB, frames centred: float (n,) → float32 (1 + n // hop, 80).

    Raises what `check_samples` raises. Chapter: 6.5
    """
    half = FRONT_END.n_fft // 2
    return log_mel(np.pad(samples, (half, half)), FRONT_END)[: frame_count(len(samples))]


def place_frames(starts, count):
    """Which phoneme each frame belongs to, and where in it the frame lies.

    starts: float (P + 1,), borders of the phonemes in frames, from 0. count: frames T. Returns
    (int32 (T,), float32 (T, PLACES)): share of the phoneme gone by, its square, frames since its
    start and until its end (up to 8, in eighths), logarithm of its frames, seconds since the
    utterance's start and until its end (up to 2), and 1 in its first half.

    Raises ValueError for borders that do not ascend. Chapter: 6.5
    """
    starts = np.asarray(starts, dtype=np.float64)
    if starts.ndim != 1 or len(starts) < 2 or np.any(np.diff(starts) < 0):
        raise ValueError("starts must be a row of borders that ascend, two or more")
    t = np.arange(count)
    phone = np.clip(np.searchsorted(starts, t, side="right") - 1, 0, len(starts) - 2)
    length = np.maximum(starts[phone + 1] - starts[phone], 0.5)
    since, until = t - starts[phone], starts[phone + 1] - t
    share = np.clip(since / length, 0, 1)
    seconds = FRONT_END.hop / FRONT_END.sample_rate
    columns = [
        share,
        share**2,
        np.clip(since, 0, 8) / 8,
        np.clip(until, 0, 8) / 8,
        np.log(length) / 3,
        np.minimum(t * seconds, 2) / 2,
        np.minimum((count - t) * seconds, 2) / 2,
        share < 0.5,
    ]
    return phone.astype(np.int32), np.stack(columns, axis=1).astype(np.float32)


@dataclass
class Examples:
    """Recordings as arrays, padded to the longest: N utterances, P phonemes, T frames.

    names: the phonemes known, in the order of their numbers, which begin at 1. phones, stress:
    int32 (N, P), 0 beyond the end. durations: float32 (N, P) frames. mel: float32 (N, T, 80), each
    band with mean 0 and deviation 1. phone_of: int32 (N, T). places: float32 (N, T, PLACES).
    frames: int32 (N,). mean, deviation: float32 (80,) in dB.

    Chapter: 6.5
    """

    names: tuple
    phones: np.ndarray
    stress: np.ndarray
    durations: np.ndarray
    mel: np.ndarray
    phone_of: np.ndarray
    places: np.ndarray
    frames: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


def examples(recordings):
    """Turn a list of Spoken at 16 kHz into Examples.

    Raises ValueError for no recordings or another sample rate. Chapter: 6.5
    """
    recordings = list(recordings)
    if not recordings or any(s.sample_rate != FRONT_END.sample_rate for s in recordings):
        raise ValueError(f"give one recording or more, at {FRONT_END.sample_rate} Hz")
    names = tuple(sorted({phone for spoken in recordings for phone in spoken.phones}))
    numbers = {name: i + 1 for i, name in enumerate(names)}
    mels = [mel_of(spoken.samples) for spoken in recordings]
    stacked = np.concatenate(mels)
    mean, deviation = stacked.mean(axis=0), stacked.std(axis=0)
    n, longest = len(recordings), max(map(len, mels))
    most = max(len(spoken.phones) for spoken in recordings)
    found = Examples(
        names,
        *(np.zeros((n, most), np.int32) for _ in range(2)),
        np.zeros((n, most), np.float32),
        np.zeros((n, longest, FRONT_END.n_mels), np.float32),
        np.zeros((n, longest), np.int32),
        np.zeros((n, longest, PLACES), np.float32),
        np.array([len(mel) for mel in mels], np.int32),
        mean,
        deviation,
    )
    for i, (spoken, mel) in enumerate(zip(recordings, mels, strict=True)):
        p, t = len(spoken.phones), len(mel)
        starts = spoken.starts / FRONT_END.hop
        found.phones[i, :p] = [numbers[phone] for phone in spoken.phones]
        found.stress[i, :p] = spoken.stress
        found.durations[i, :p] = np.diff(starts)
        found.mel[i, :t] = (mel - mean) / deviation
        found.phone_of[i, :t], found.places[i, :t] = place_frames(starts, t)
    return found


def batches(data, size=BATCH, crop=CROP):
    """A function without arguments that draws a batch, for `training.fit_stages`.

    An excerpt of `crop` frames is cut anywhere from each of `size` utterances. Inputs: phones and
    stress (size, P), phone of each frame (size, crop), places (size, crop, PLACES); targets, one
    tensor (size, crop + P, 81): mel and whether the frame counts, and below them, in the first two
    columns, log durations and whether the phoneme counts.

    Chapter: 6.5
    """
    known = {
        name: tf.constant(getattr(data, name))
        for name in ("phones", "stress", "durations", "mel", "phone_of", "places", "frames")
    }

    def draw():
        chosen = tf.random.uniform([size], 0, len(data.frames), tf.int32)
        frames = tf.gather(known["frames"], chosen)
        spare = tf.cast(tf.maximum(frames - crop, 0), tf.float32)
        first = tf.cast(tf.random.uniform([size]) * (spare + 0.999), tf.int32)
        at = tf.minimum(first[:, None] + tf.range(crop), data.mel.shape[1] - 1)
        where = tf.stack([tf.broadcast_to(chosen[:, None], tf.shape(at)), at], axis=-1)
        counts = tf.cast(first[:, None] + tf.range(crop) < frames[:, None], tf.float32)
        mel = tf.concat([tf.gather_nd(known["mel"], where), counts[..., None]], axis=-1)
        phones = tf.gather(known["phones"], chosen)
        durations = tf.gather(known["durations"], chosen)
        logs = tf.math.log(tf.maximum(durations, 0.5))
        below = tf.stack([logs, tf.cast(phones > 0, tf.float32)], axis=-1)
        below = tf.pad(below, [[0, 0], [0, 0], [0, mel.shape[-1] - 2]])
        inputs = (
            phones,
            tf.gather(known["stress"], chosen),
            tf.gather_nd(known["phone_of"], where),
            tf.gather_nd(known["places"], where),
        )
        return inputs, tf.concat([mel, below], axis=1)

    return draw


# --- the network ---------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("listening_machines")
class Expand(layers.Layer):
    """Repeat the vector of each phoneme for its frames: (batch, P, width), (batch, T) → (batch, T,
    width). Chapter: 6.5
    """

    def call(self, inputs):
        vectors, phone_of = inputs
        return tf.gather(vectors, tf.cast(phone_of, tf.int32), batch_dims=1)


def talker_network(phones, width=WIDTH, context=CONTEXT, bands=FRONT_END.n_mels):
    """The network: phones, stress (batch, P), phone of each frame (batch, T) and places (batch, T,
    PLACES) → mel (batch, T, bands) and log durations in frames (batch, P).

    phones: how many phonemes are known. Chapter: 6.5
    Source: [ren2019fastspeech] for durations that are predicted and vectors that are repeated
    """
    ids = keras.Input((None,), dtype="int32", name="phones")
    marks = keras.Input((None,), dtype="int32", name="stress")
    phone_of = keras.Input((None,), dtype="int32", name="phone_of_frame")
    places = keras.Input((None, PLACES), name="places")
    x = layers.Embedding(phones + 1, context - 16)(ids)
    x = layers.Concatenate()([x, layers.Embedding(3, 16)(marks)])
    for _ in range(2):
        y = layers.Conv1D(context, 5, padding="same", activation="gelu")(x)
        x = layers.LayerNormalization()(layers.Add()([x, y]))
    y = layers.Conv1D(context // 2, 3, padding="same", activation="gelu")(x)
    log_durations = layers.Dense(1)(y)
    log_durations = layers.Reshape((-1,), name="log_durations")(log_durations)
    frames = layers.Concatenate()([Expand()([x, phone_of]), places])
    z = layers.Dense(width, activation="gelu")(frames)
    for dilation in DILATIONS:
        y = layers.Conv1D(width, 3, padding="same", dilation_rate=dilation, activation="gelu")(z)
        z = layers.LayerNormalization()(layers.Add()([z, y]))
    mel = layers.Dense(bands, name="mel")(z)
    return keras.Model([ids, marks, phone_of, places], [mel, log_durations], name="talker")


def talker_loss(kind="L1", delta=0.5):
    """A loss for `fit_stages`: distance of mels and of their steps from frame to frame, and of log
    durations. kind: "L1", mean absolute, or "L2", mean squared distance of the mels.

    Raises ValueError for another kind. Chapter: 6.5
    """
    if kind not in LOSSES:
        raise ValueError(f"kind is {kind!r}; give 'L1' or 'L2'")
    measure = tf.abs if kind == "L1" else tf.square

    def loss(network, inputs, targets):
        crop = tf.shape(inputs[2])[1]
        mel, log_durations = network(list(inputs), training=True)
        wanted, counts = targets[:, :crop, :-1], targets[:, :crop, -1]
        logs, real = targets[:, crop:, 0], targets[:, crop:, 1]
        error = (mel - wanted) * counts[..., None]
        both = counts[:, 1:] * counts[:, :-1]
        step = (error[:, 1:] - error[:, :-1]) * both[..., None]
        bands = tf.cast(tf.shape(mel)[-1], tf.float32)
        of_mel = tf.reduce_sum(measure(error)) / (bands * tf.reduce_sum(counts))
        of_step = tf.reduce_sum(measure(step)) / (bands * tf.reduce_sum(both))
        of_durations = tf.reduce_sum(tf.square(log_durations - logs) * real) / tf.reduce_sum(real)
        return of_mel + delta * of_step + 0.3 * of_durations

    return loss


# --- the talker ----------------------------------------------------------------------------------


@dataclass
class Talker:
    """A network with what it needs to talk: names of phonemes, mean and deviation of the bands.

    Chapter: 6.5
    """

    network: object
    names: tuple
    mean: np.ndarray
    deviation: np.ndarray

    def numbers(self, phones):
        """Phonemes as numbers, int32 (1, P). Raises ValueError for one that was never heard."""
        unknown = sorted(set(phones) - set(self.names))
        if unknown or not len(phones):
            raise ValueError(f"this talker never heard the phonemes {unknown or '(none given)'}")
        return np.array([[self.names.index(phone) + 1 for phone in phones]], np.int32)

    def durations(self, phones, stress):
        """How long each phoneme should last, in frames: float (P,). Raises as `numbers`."""
        ids, marks = self.numbers(phones), np.asarray(stress, np.int32)[None]
        nowhere = np.zeros((1, 1), np.int32), np.zeros((1, 1, PLACES), np.float32)
        return np.exp(np.asarray(self.network([ids, marks, *nowhere], training=False)[1])[0])

    def mel(self, phones, stress, durations=None, sharpen=1.0):
        """Log-mel in dB of phonemes: float32 (T, 80), T the sum of durations, rounded, and 1.

        durations: float (P,) frames; None predicts them. sharpen: factor on each band's distance
        from its mean over the utterance. Raises as `numbers`.
        """
        ids, marks = self.numbers(phones), np.asarray(stress, np.int32)[None]
        durations = self.durations(phones, stress) if durations is None else durations
        starts = np.concatenate([[0.0], np.cumsum(durations)])
        phone_of, places = place_frames(starts, 1 + int(starts[-1]))
        inputs = [ids, marks, phone_of[None], places[None]]
        mel = np.asarray(self.network(inputs, training=False)[0])[0]
        if sharpen != 1.0:
            middle = mel.mean(axis=0)
            mel = middle + sharpen * (mel - middle)
        return (mel * self.deviation + self.mean).astype(np.float32)
